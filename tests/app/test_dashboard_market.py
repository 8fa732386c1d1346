"""What the page is told first, and of prices: the watchlist, a coin with its indicators, errors at the field."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.app import requests
from lib.app.dashboard import files, prices, web
from lib.app.service.environment import ServiceSettings
from lib.data import market, technical
from lib.data.market.offers import Offer
from lib.errors import ProjectError
from lib.settings import PROJECT_ROOT

DAYS = date(2024, 1, 1), date(2024, 8, 27)
COIN = "/dashboard/coin?source=sample&ticker=BTC-USD"


def refused(fault):
    """As the loader tells whatever goes wrong."""
    return market.Refused(str(fault), Offer(["ADA-USD"], {}, [fault], choice=True))


@pytest.fixture
def yahoo(monkeypatch, random_walk):
    """A market of the sample and Yahoo, which knows ADA and ETH; and a list of what each question to Yahoo meets."""
    meets = []

    def load(source, tickers, first, last, data_dir, max_daily_factor, say):
        fault = meets.pop(0) if meets else None
        if fault is None and "DOGE-USD" in tickers:
            fault = market.MarketError("DOGE-USD: Yahoo knows no such coin.")
        if fault:
            raise refused(fault)
        return random_walk(*tickers)

    monkeypatch.setattr(prices.market, "load", load)
    monkeypatch.setattr(prices.market, "origins", lambda frames: dict.fromkeys(frames, "made up in /srv/x/here.csv"))
    sources = {"sample": (["BTC-USD"], *DAYS), "yahoo": (["ADA-USD", "ETH-USD"], *DAYS)}
    return prices.Market(lambda: sources, None, 3), meets


def wrong(answer):
    assert answer.status_code == 422
    return {one["field"]: one["rule"] for one in answer.json()["errors"]}


def test_the_page_begins_with_everything_that_it_draws_its_forms_from(ask):
    told = ask("GET", "/dashboard/start").json()
    assert [source["name"] for source in told["sources"]] == ["sample", "yahoo"] and not told["token"]
    assert told["sources"][0]["coins"] == ["BTC-USD"] and told["networks"] == list(settings.NETWORKS)
    fields = {field["name"]: field for field in told["fields"]}
    assert set(fields) == set(requests.FIELDS) - {"source", "ticker"}
    assert (fields["lookback"]["low"], fields["lookback"]["high"], fields["lookback"]["kind"]) == (1, 90, "whole")
    assert fields["start_date"]["kind"] == "date" and fields["dropout_rate"]["kind"] == "number"
    assert {field.get("term") for field in told["fields"]} - {None} <= set(told["glossary"])
    for preset in told["presets"]:
        for network, values in preset["values"].items():
            requests.check({**told["first"], "source": "sample", "ticker": "BTC-USD", **values, "network": network})
    assert len(told["views"]) == 12 and {"low", "high", "unit", "meaning", "label"} <= set(told["indicators"][0])
    assert json.dumps(told["glossary"]).count("](") == 0, "links into the documents lead nowhere here"


def test_the_run_s_own_source_is_offered_first_with_its_coins_and_days():
    chosen = settings.sample().changed(
        source="yahoo", tickers=["ADA-USD", "BTC-USD"], start_date=DAYS[0], end_date=DAYS[1]
    )
    assert list(web.offered(chosen)) == ["yahoo", "sample"]
    assert web.offered(chosen)["yahoo"] == (("ADA-USD", "BTC-USD"), *DAYS)


# -- the watchlist -----------------------------------------------------------------------------


def test_the_watchlist_has_a_row_a_coin_and_says_where_the_prices_come_from(ask):
    told = ask("GET", "/dashboard/market?source=sample").json()
    (row,) = told["rows"]
    assert (row["ticker"], row["last_day"], told["last_day"]) == ("BTC-USD", "2021-10-27", "2021-10-27")
    assert row["close_usd"] == pytest.approx(59016.667969) and len(row["sparkline"]) == 30
    assert {"change_1d_percent", "change_7d_percent", "change_30d_percent", "volume_usd"} <= set(row)
    assert told["origins"] and told["missing"] == {}


def test_a_coin_that_is_not_there_is_told_beside_the_others(ask):
    told = ask("GET", "/dashboard/market?source=sample&more=DOGE-USD,btc-usd,..%2Fx").json()
    assert [row["ticker"] for row in told["rows"]] == ["BTC-USD"] and set(told["missing"]) == {"DOGE-USD", "../X"}
    assert told["missing"]["DOGE-USD"].startswith("No prices for DOGE-USD here. Available: BTC-USD.")


def test_one_file_that_cannot_be_read_hides_no_other(yahoo, monkeypatch, random_walk):
    def load(source, tickers, *_, **__):
        if "ADA-USD" in tickers:
            raise refused(market.MarketError("/srv/x/ADA-USD.csv is damaged."))
        return random_walk(*tickers)

    monkeypatch.setattr(prices.market, "load", load)
    told = yahoo[0].watchlist("yahoo")
    assert [row["ticker"] for row in told["rows"]] == ["ETH-USD"]
    assert list(told["missing"]) == ["ADA-USD"] and "/srv" not in told["missing"]["ADA-USD"]
    monkeypatch.setattr(prices.market, "load", lambda *_, **__: load("", ["ADA-USD"]))
    yahoo[0]._frames.clear()
    with pytest.raises(market.MarketError, match="damaged"):
        yahoo[0].watchlist("yahoo")


def test_yahoo_goes_on_to_yesterday_where_it_is_not_the_run_s_own(monkeypatch):
    monkeypatch.setattr(web, "today", lambda: date(2031, 5, 2))
    assert web.offered(settings.sample())["yahoo"][2] == date(2031, 5, 1)


def test_a_source_that_is_not_offered_is_told_with_those_that_are(ask):
    answer = ask("GET", "/dashboard/market?source=folder")
    assert wrong(answer) == {"source": "sample, yahoo"} and answer.json()["errors"][0]["value"] == "folder"


def test_an_old_close_is_not_shown_under_the_newest_day(yahoo, monkeypatch, random_walk):
    frames = random_walk("ADA-USD", "ETH-USD")
    last = frames["ETH-USD"].index[-1]
    frames["ADA-USD"].loc[last - pd.Timedelta(days=6) :, "Close"] = np.nan
    monkeypatch.setattr(prices.market, "load", lambda *_, **__: frames)
    told = yahoo[0].watchlist("yahoo")
    assert [row["last_day"] for row in told["rows"]] == [f"{last - pd.Timedelta(days=7):%Y-%m-%d}", f"{last:%Y-%m-%d}"]
    assert told["last_day"] == f"{last:%Y-%m-%d}" and told["origins"] == ["made up in here.csv"]
    frames["ADA-USD"]["Close"] = np.nan
    assert yahoo[0].watchlist("yahoo")["rows"][0]["close_usd"] is None


def test_a_source_that_does_not_answer_is_that_and_no_wrong_coin(yahoo):
    made, meets = yahoo
    meets.append(market.SourceUnavailable("Yahoo cannot be reached. Look at the network."))
    with pytest.raises(market.SourceUnavailable, match="Look at the network"):
        made.watchlist("yahoo")
    assert [row["ticker"] for row in made.watchlist("yahoo")["rows"]] == ["ADA-USD", "ETH-USD"], "the next try works"
    meets.append(market.SourceUnavailable("Yahoo cannot be reached."))
    with pytest.raises(market.SourceUnavailable):
        made.prices("yahoo", "SOL-USD")
    with pytest.raises(requests.RequestError, match="No prices for DOGE-USD here. Available: ADA-USD, ETH-USD"):
        made.prices("yahoo", "DOGE-USD")


def test_prices_that_cannot_be_had_anew_leave_what_was_there(yahoo, monkeypatch):
    """A page that is open for longer than an hour when Yahoo goes away."""
    made, meets = yahoo
    before, asked = made.watchlist("yahoo"), prices.time.time()
    monkeypatch.setattr(prices.time, "time", lambda: asked + prices.REFRESH_SECONDS + 60)
    meets.append(market.SourceUnavailable("Yahoo cannot be reached."))
    assert made.watchlist("yahoo") == before and meets == []
    meets.append(market.SourceUnavailable("asked again at once"))
    assert made.watchlist("yahoo") == before and meets, "each click would wait for a source that is away"


def test_a_source_that_is_away_is_answered_with_503(ask, monkeypatch):
    def load(*_, **__):
        raise refused(market.SourceUnavailable("Yahoo cannot be reached."))

    monkeypatch.setattr(prices.market, "load", load)
    for path in ("market?source=yahoo", "coin?source=yahoo&ticker=ADA-USD"):
        answer = ask("GET", f"/dashboard/{path}")
        assert answer.status_code == 503 and answer.json()["message"] == "Yahoo cannot be reached."


# -- one coin ----------------------------------------------------------------------------------


def test_a_coin_has_its_prices_indicators_levels_and_rating(ask):
    told = ask("GET", COIN).json()
    days = len(told["day"])
    assert days == 662 and told["day"][-1] == "2021-10-27" and told["close"][-1] == pytest.approx(59016.67)
    assert {len(told[name]) for name in ("open", "high", "low", "close", "volume")} == {days}
    assert {len(values) for values in told["indicators"].values()} == {days} and told["indicators"]["SMA"][0] is None
    sides = [level["distance_percent"] > 0 for level in told["levels"]]
    assert 0 < sum(sides) <= 3 and 0 < len(sides) - sum(sides) <= 3, "the nearest on each side"
    rating = told["rating"]
    assert len(rating["votes"]) == 25 and {vote["vote"] for vote in rating["votes"]} <= {"buy", "sell", "neutral"}
    assert rating["past"]["verdict"] and rating["past"]["sentence"]


def test_the_second_look_at_a_coin_is_kept_until_its_settings_or_prices_change(ask, monkeypatch):
    counted = []
    coin = prices.coin
    monkeypatch.setattr(prices, "coin", lambda *given: counted.append(given) or coin(*given))
    first = ask("GET", COIN)
    assert ask("GET", f"{COIN.lower()}%0A").content == first.content and len(counted) == 1
    other = ask("GET", f"{COIN}&sma_days=20").json()
    assert other["settings"]["sma_days"] == 20 and len(counted) == 2
    assert other["indicators"]["SMA"] != first.json()["indicators"]["SMA"]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("rsi_days=1000", "rsi_days", "RSI is 1000, allowed is a whole number from 2 to 250 days"),
        ("rsi_days=14.5", "rsi_days", "RSI is 14.5, allowed is a whole number"),
        ("sma_days=many", "sma_days", "SMA is 'many', allowed is"),
        ("rsi_low=nan", "rsi_low", "RSI low is nan, allowed is a number from 5 to 49"),
        ("bollinger_width=", "bollinger_width", "Bollinger width is '', allowed is"),
        ("macd_fast_days=30&macd_slow_days=20", "macd_fast_days", "MACD fast is 30, MACD slow 20: the fast period"),
        ("macd_slow_days=5", "macd_slow_days", "MACD fast is 12, MACD slow 5: the fast period must be the shorter"),
    ],
)
def test_a_setting_out_of_range_is_told_at_its_field_in_the_page_s_words(ask, query, field, words):
    told = wrong(ask("GET", f"{COIN}&{query}"))
    assert list(told) == [field] and told[field].startswith(words) and "_" not in told[field]


def test_several_wrong_settings_are_told_at_once_and_a_comma_is_a_point(ask):
    assert set(wrong(ask("GET", f"{COIN}&sma_days=1&ema_days=0"))) == {"sma_days", "ema_days"}
    assert ask("GET", f"{COIN}&bollinger_width=2,5").json()["settings"]["bollinger_width"] == 2.5


@pytest.mark.parametrize("ticker", ["DOGE-USD", "../../../etc/passwd", "BTC%20USD", "%00"])
def test_a_coin_that_is_not_there_is_told_at_the_ticker(ask, ticker):
    told = wrong(ask("GET", f"/dashboard/coin?source=sample&ticker={ticker}"))
    assert list(told) == ["ticker"] and told["ticker"].startswith("No prices for ")
    assert " here. Available: BTC-USD. (" in told["ticker"]


def test_a_coin_without_any_close_is_a_sentence(ask, monkeypatch, random_walk):
    frame = random_walk()["BTC-USD"].assign(Close=np.nan)
    monkeypatch.setattr(prices.market, "load", lambda *_, **__: {"BTC-USD": frame})
    answer = ask("GET", COIN)
    assert answer.status_code == 422 and answer.json()["message"]


def test_what_is_sent_of_a_day_rests_on_no_later_day(random_walk):
    frame = random_walk(days=400)["BTC-USD"]
    later = frame.copy()
    later.iloc[300:] *= 1.7
    one, other = (prices.coin(f, "BTC-USD", technical.TechnicalSettings())["indicators"] for f in (frame, later))
    for name in one:
        assert one[name][:300] == other[name][:300], name


# -- the page's files --------------------------------------------------------------------------


def test_the_page_allows_nothing_from_another_host_and_names_its_files_with_their_version(ask):
    home = ask("GET", "/")
    policy = home.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "//" not in policy and "*" not in policy
    assert home.text.count(f"?v={files.version()}") == 2 and "VERSION" not in home.text
    assert home.headers["cache-control"] == "no-cache"
    assert not [part for part in home.text.split('"') if part.startswith("/")], (
        "under a sub-path, addresses are relative"
    )


@pytest.mark.parametrize("name", files.NAMES)
def test_scripts_and_styles_come_compressed_and_for_good(ask, name):
    answer = ask("GET", f"/page/{name}")
    assert answer.headers["content-encoding"] == "gzip" and "immutable" in answer.headers["cache-control"]
    kind = "text/css" if name.endswith("css") else "text/javascript"
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8" and len(answer.content) > 5000
    assert len(files.packed(name)) < len(answer.content) / 2


@pytest.mark.parametrize(
    "path", ["/page/theme.py", "/page/..%2Fweb.py", "/page/", "/docs", "/openapi.json", "/socket.io/"]
)
def test_nothing_else_is_served(ask, path):
    assert ask("GET", path).status_code == 404


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(files._LIBRARIES, "plotly.js", ("plotly", "no/such.js"))
    with pytest.raises(ProjectError, match=r"plotly.js is missing.*requirements.txt"):
        files._library("plotly.js")


def test_a_token_guards_all_but_the_page_itself(tmp_path):
    from fastapi.testclient import TestClient

    access = ServiceSettings(_env_file=None, service_token="sixteen.letters.", allowed_hosts=("forecast.example",))
    pages = web.Pages(settings.sample().changed(output_dir=str(tmp_path)), access)
    with TestClient(pages.app, base_url="http://forecast.example") as client:
        for path in ("/", "/page/page.js", "/favicon.ico", "/health"):
            assert client.get(path).status_code == 200
        for path in ("/dashboard/start", "/dashboard/networks", "/trainings", "/dashboard/market?source=sample"):
            assert client.get(path).status_code == 401
        told = client.get("/dashboard/start", headers={"Authorization": "Bearer sixteen.letters."})
        assert told.json()["token"] is True
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
        foreign = {"Origin": "https://evil.example", "Authorization": "Bearer sixteen.letters."}
        assert client.post("/dashboard/check", json={}, headers=foreign).status_code == 403
        plain = {"Content-Type": "text/plain", "Authorization": "Bearer sixteen.letters."}
        assert client.post("/dashboard/check", content="{}", headers=plain).status_code == 415


def test_the_project_is_named_nowhere_in_what_a_page_gets(ask):
    for path in ("/dashboard/start", "/dashboard/market?source=sample", COIN):
        assert PROJECT_ROOT.name not in ask("GET", path).text
