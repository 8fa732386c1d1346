"""One rule for tickers, in parameter files, the form and prices; and everything that is named after a ticker."""

import re
from datetime import date

import pytest

from lib import settings
from lib.app import requests
from lib.app.collection import Collection
from lib.data import market
from lib.results import artifacts
from lib.settings import SettingsError

GOOD = {
    "BTC-USD": "BTC-USD",
    "btc-usd": "BTC-USD",
    " Eth-Usd ": "ETH-USD",
    "VIRTUAL29420-USD": "VIRTUAL29420-USD",
    "^GSPC": "^GSPC",
    "^gspc": "^GSPC",
    "EURUSD=X": "EURUSD=X",
    "-A": "-A",
    "BRK.B": "BRK.B",
    "0700.HK": "0700.HK",
    "A" * 32: "A" * 32,
}
BAD = [
    "",
    "A" * 33,
    "../BTC",
    "A/B",
    "A\\B",
    "A..B",
    "..",
    "BTC USD",
    "BTC\nUSD",
    "BTC_USD",
    "\u017f-USD",  # a letter that becomes S in upper case
    "$X",
]


def with_ticker(ticker):
    return {**settings.sample().plain(), "source": "yahoo", "tickers": [ticker]}


@pytest.mark.parametrize("given", GOOD)
def test_a_good_ticker_is_taken_in_upper_case_everywhere(given):
    assert settings.check(with_ticker(given), "f").tickers == (GOOD[given],)
    form = {**requests.defaults("yahoo", given, date(2021, 1, 1), date(2021, 10, 1)), "ticker": given}
    assert requests.check(form)[0].ticker == GOOD[given]


@pytest.mark.parametrize("given", BAD)
def test_a_bad_one_is_refused_everywhere_in_the_words_of_the_rule(given):
    with pytest.raises(SettingsError, match=re.escape(settings.TICKER_RULE)):
        settings.check(with_ticker(given), "f")
    form = {**requests.defaults("yahoo", "BTC-USD", date(2021, 1, 1), date(2021, 10, 1)), "ticker": given}
    with pytest.raises(requests.RequestError, match=re.escape(settings.TICKER_RULE)):
        requests.check(form)
    with pytest.raises(market.MarketError, match=re.escape(settings.TICKER_RULE)):
        market.load("folder", [given], date(2021, 1, 1), date(2021, 1, 4), "x")


@pytest.mark.parametrize("ticker", ["^GSPC", "VIRTUAL29420-USD", "EURUSD=X", "BRK.B"])
def test_files_of_a_run_are_named_after_any_ticker_and_stay_in_their_folder(tmp_path, ticker):
    chosen = settings.sample().changed(output_dir=str(tmp_path), tickers=[ticker])
    store = artifacts.Store(chosen, "99_test")
    frame = market.load("sample", ["BTC-USD"], date(2020, 1, 1), date(2020, 1, 9))["BTC-USD"]
    html = store.listing(ticker, frame, "A title").to_html()
    store.predictions(ticker, "CNN", frame)
    assert {p.name for p in tmp_path.rglob("*.csv")} == {f"{ticker}_trials.csv", f"{ticker}_CNN.csv"}
    assert store.study_path(ticker, "CNN").parent == tmp_path / "studies"
    assert re.search(r'<table id="T_\w+"', html)  # a selector in CSS, whatever the ticker


@pytest.mark.parametrize("ticker", ["^GSPC", "VIRTUAL29420-USD", "EURUSD=X"])
def test_saved_networks_of_any_ticker_are_listed(tmp_path, ticker):
    identity = f"{ticker}_LSTM-CNN_20240101-120000-0a1b"
    (tmp_path / identity).mkdir()
    (tmp_path / f"x{identity}\n").mkdir()
    assert Collection(tmp_path).identities() == [identity]


def test_a_folder_is_read_for_a_ticker_in_lower_case(tmp_path):
    lines = ["Date,Open,High,Low,Close,Volume", *(f"2021-01-0{n},1,2,0.5,1.5,7" for n in range(1, 5))]
    for name in ("^GSPC", "VIRTUAL29420-USD"):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    prices = market.load("folder", ["^gspc", "virtual29420-usd"], date(2021, 1, 1), date(2021, 1, 4), str(tmp_path))
    assert list(prices) == ["^GSPC", "VIRTUAL29420-USD"]
    with pytest.raises(market.MarketError, match="each once"):
        market.load("folder", ["^gspc", "^GSPC"], date(2021, 1, 1), date(2021, 1, 4), str(tmp_path))
