"""The widget's forms: section 5.3's rules, field by field, in sentences."""

from datetime import date, timedelta

import pytest

from lib import settings, thesis
from lib.app import requests
from lib.app.dashboard import Dashboard
from lib.settings.consistency import today

GOOD = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27))


def wrong(**changes):
    with pytest.raises(requests.RequestError) as caught:
        requests.check({**GOOD, **changes})
    return caught.value.fields


def test_a_good_form_gives_an_honest_run():
    request, chosen = requests.check({**GOOD, "network": "LSTM", "epochs": 7, "dropout_rate": 0.1})
    assert (chosen.tickers, chosen.networks, chosen.max_epochs, chosen.scaling, chosen.gap_fill) == (
        ("BTC-USD",),
        ("LSTM",),
        7,
        "train",
        "previous",
    )
    best = thesis.best_hyperparameters("LSTM")
    asked = {"batch_size": 64, "epochs": 7, "learning_rate": 0.003, "dropout_rate": 0.1}
    assert (
        request.hyperparameters() == {**best, **asked}
        and best["lstm_units1"] == request.hyperparameters()["lstm_units1"]
    )


@pytest.mark.parametrize(
    "field, value",
    [
        ("lookback", 0),
        ("lookback", 91),
        ("lookback", "sixty"),
        ("lookback", 7.5),
        ("lookback", True),
        ("batch_size", 0),
        ("batch_size", 513),
        ("epochs", 0),
        ("epochs", 1001),
        ("learning_rate", 0),
        ("learning_rate", 1.5),
        ("learning_rate", float("nan")),
        ("dropout_rate", -0.1),
        ("dropout_rate", 0.95),
        ("ticker", ""),
        ("ticker", "BTC USD"),
        ("ticker", "../BTC"),
        ("network", "GRU"),
        ("start_date", None),
        ("end_date", None),
        ("source", "elsewhere"),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(field, value):
    found = wrong(**{field: value})
    assert list(found) == [field]
    assert requests.label(field) in found[field] and requests.allowed(field) in found[field]


@pytest.mark.parametrize(
    "field, value",
    [
        ("lookback", 1),
        ("lookback", 90),
        ("batch_size", 1),
        ("batch_size", 512),
        ("epochs", 1),
        ("epochs", 1000),
        ("learning_rate", 1),
        ("dropout_rate", 0),
        ("dropout_rate", 0.9),
        ("ticker", " btc-usd "),
    ],  # the rule for tickers is tested in tests/settings/test_tickers.py
)
def test_the_ends_of_each_range_are_allowed(field, value):
    request, _ = requests.check({**GOOD, field: value})
    assert request.ticker == "BTC-USD"


def test_several_wrong_fields_are_told_at_once():
    assert set(wrong(lookback=0, epochs=0, ticker="?")) == {"lookback", "epochs", "ticker"}


def test_dates_are_in_order_and_not_in_the_future():
    tomorrow = today() + timedelta(days=1)
    assert "is in the future" in wrong(source="yahoo", end_date=tomorrow)["end_date"]
    assert "is not after" in wrong(start_date=date(2021, 1, 2), end_date=date(2021, 1, 2))["end_date"]
    assert (
        "source sample holds 2020-01-01 to 2021-10-27, not 2019-01-01"
        in wrong(start_date=date(2019, 1, 1))["start_date"]
    )
    assert "not 2021-10-28" in wrong(end_date=date(2021, 10, 28))["end_date"]


def test_too_few_days_for_the_lookback_are_told_at_the_lookback():
    found = wrong(start_date=date(2021, 1, 1), end_date=date(2021, 6, 1), lookback=60)
    assert "leaves no window" in found["lookback"]


def test_a_folder_needs_a_page_that_has_one(tmp_path):
    assert "without a folder" in wrong(source="folder")["source"]
    _, chosen = requests.check({**GOOD, "source": "folder"}, str(tmp_path))
    assert chosen.data_dir == str(tmp_path)


def test_a_sentence_repeats_what_was_typed_but_not_all_of_a_long_text():
    assert wrong(ticker="   ")["ticker"].startswith("Ticker: nothing is not allowed")
    assert wrong(ticker="A" * 300)["ticker"].startswith(
        f"Ticker: {'A' * 40} ... is not allowed. Allowed: a Yahoo symbol such as BTC-USD: 1 to 32 letters"
    )


def test_a_coin_that_the_sample_lacks_is_told_at_the_ticker():
    assert wrong(ticker="NOSUCH-USD") == {
        "ticker": "Ticker: source sample holds BTC-USD only, not NOSUCH-USD. Choose it, or another source."
    }
    assert requests.check({**GOOD, "ticker": "NOSUCH-USD", "source": "yahoo"})[0].ticker == "NOSUCH-USD"


def test_presets_are_right_forms_and_the_thesis_best_one_is_the_printed_one():
    for name in ("quick", "balanced"):
        requests.check({**GOOD, **requests.preset(name)})
    best = requests.preset("thesis best", "CNN-LSTM")
    assert best["batch_size"] == thesis.best_hyperparameters("CNN-LSTM")["batch_size"] and best["lookback"] == 60
    requests.check({**GOOD, **best})
    with pytest.raises(requests.RequestError, match="quick, balanced, thesis best"):
        requests.preset("fast")


@pytest.mark.parametrize(
    "start, days, fields",
    [
        (date(2021, 5, 1), 15, []),
        (date(2021, 4, 30), 15, ["start"]),
        (date(2021, 10, 29), 15, ["start"]),
        (date(2021, 10, 28), 30, []),
        (None, 1, ["start"]),
        (date(2021, 5, 1), 0, ["days"]),
        (date(2021, 5, 1), 31, ["days"]),
        (date(2021, 5, 1), "many", ["days"]),
        (None, 1.5, ["start", "days"]),
    ],
)
def test_the_forecast_form(start, days, fields):
    found = requests.check_forecast(start, days, date(2021, 5, 1), date(2021, 10, 28))
    assert list(found) == fields
    assert all("Allowed: " in text for text in found.values())


def test_prices_of_a_page_are_checked_with_the_factor_that_its_run_accepts(tmp_path):
    assert requests.check(GOOD)[1].max_daily_factor == settings.sample().max_daily_factor == 3
    assert requests.check(GOOD, max_daily_factor=10)[1].max_daily_factor == 10
    page = Dashboard(settings.sample().changed(max_daily_factor=10, output_dir=str(tmp_path)))
    assert page.runs.checked(GOOD)[1].max_daily_factor == 10
