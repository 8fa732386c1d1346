"""Coins as people have them: a tiny price, a price that never changes, no volume, returns that are known by hand."""

import shutil
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import figures, settings, tables
from lib.app import charts
from lib.app.dashboard import prices as page
from lib.data import indicators, market, overview, technical, windows
from lib.evaluation import alignment, chart_signals, direction, scoring, stationarity
from lib.results.artifacts import short, shown
from lib.settings import consistency

CASES = Path(__file__).parents[1] / "cases"
FIRST, LAST = date(2025, 10, 23), date(2026, 11, 25)


@pytest.fixture
def coin(tmp_path, monkeypatch):
    """A case as the frame of a run, with the parameters of that run."""
    monkeypatch.setattr(consistency, "today", lambda: date(2026, 11, 27))

    def load(case, first=FIRST, last=LAST, **more):
        shutil.copy(next(CASES.glob(f"{case}*.csv")), tmp_path / "AAA-USD.csv")
        place = {"source": "folder", "data_dir": str(tmp_path), "tickers": ["AAA-USD"], "lookback": 30}
        chosen = settings.sample().changed(**place, start_date=first, end_date=last, **more)
        return market.prices_of(chosen)["AAA-USD"], chosen

    return load


# -- a price of 0.000012 USD -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.21823e-05, "1.2182e-05"), (0.00012345678, "0.00012346"), (61839.18, "61839"), (123456.7, "123,457")],
)
def test_numbers_of_tables_have_significant_digits(value, expected):
    assert short(value) == expected
    assert f">{expected}<" in shown(pd.DataFrame({"close_usd": [value]}), "t", "A table").to_html()


def test_numbers_of_pages_have_significant_digits():
    assert charts.readable(1.21823e-05) == "1.2182e-05" and charts.readable(0.00012345678) == "0.00012346"


def test_sentences_about_a_tiny_price_name_its_digits(coin):
    frame, _ = coin("f20")
    closes = {"AAA-USD": frame["Close"]}
    text = tables.range_in_words(closes)
    assert "lowest close 7.9869e-06 USD" in text and "highest 2.0776e-05 USD" in text
    row = tables.table_4_1(closes).iloc[0]
    assert float(short(row["minimum"])) == pytest.approx(frame["Close"].min(), rel=1e-4)


def test_a_page_shows_a_tiny_price_with_its_digits(coin):
    frame, _ = coin("f20")
    sent = page.coin(frame, "AAA-USD", technical.TechnicalSettings())
    np.testing.assert_allclose(sent["close"], frame["Close"], rtol=1e-6)
    averages = frame["Close"].rolling(50).mean().dropna()
    np.testing.assert_allclose([value for value in sent["indicators"]["SMA"] if value], averages, rtol=1e-6)
    assert all(0 < level["price_usd"] < 1e-4 for level in sent["levels"]) and sent["levels"]


def test_axes_of_figures_do_not_round_a_tiny_price_away(coin):
    frame, _ = coin("f20")
    figure = figures.figure_4_1({"AAA-USD": frame["Close"]})
    axis = figure.axes[0].yaxis
    labels = [label.get_text() for label in axis.get_ticklabels()]
    times = axis.get_major_formatter().get_offset().replace("\N{MINUS SIGN}", "-")
    shown_values = [float(label.replace("\N{MINUS SIGN}", "-")) * float(times or 1) for label in labels]
    assert np.allclose(shown_values, axis.get_ticklocs(), rtol=0.01, atol=1e-8)
    assert len(set(labels)) == len(labels)


def test_a_tiny_price_is_computed_like_a_large_one(coin):
    """What a price is multiplied by changes no score: no tolerance is in dollars."""
    frame, chosen = coin("f20")
    large = frame.copy()
    large[["Open", "High", "Low", "Close"]] *= 1e7
    tiny, huge = (windows.build({"AAA-USD": f}, chosen)["AAA-USD"] for f in (frame, large))
    np.testing.assert_allclose(tiny.test.X, huge.test.X, atol=1e-5)
    found = [scoring.naive_scores(of)["MSE"] for of in (tiny, huge)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_naive_forecast_that_is_not_the_close_before_is_noticed_at_any_price():
    days = pd.date_range("2021-01-01", periods=60)
    close = 1e-6 * (1 + 0.01 * np.random.default_rng(2).normal(size=61))
    frame = pd.DataFrame(
        {"date": days, "actual_usd": close[1:], "naive_usd": close[:-1] * 1.005, "predicted_usd": close[:-1]}
    )
    with pytest.raises(alignment.AlignmentError, match="is not the close of the day before"):
        alignment.alignment(frame)


# -- a price that never changes ----------------------------------------------------------------


def test_a_constant_price_is_one_clear_sentence_in_each_place(coin):
    frame, chosen = coin("f21")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        closes = {"AAA-USD": windows.clean({"AAA-USD": frame}, chosen)["AAA-USD"]["Close"]}
        returns = {"AAA-USD": stationarity.log_returns(closes["AAA-USD"])}
        figures.levels_and_returns(closes, returns).canvas.draw()
        tables.table_4_1(closes)
        told = stationarity.in_words(stationarity.unit_root_table(closes))
        page.coin(frame, "AAA-USD", technical.TechnicalSettings())
        overview.overview({"AAA-USD": frame})
        votes = technical.votes(frame)
        signals = str(chart_signals.performance(frame, technical.TechnicalSettings()))
        with pytest.raises(windows.WindowError) as caught:
            windows.build({"AAA-USD": frame}, chosen)
    assert told.splitlines() == [
        "AAA-USD level: not tested, as its values never change",
        "AAA-USD returns: not tested, as its values never change",
    ]
    assert set(votes["vote"]) == {"neutral"} and "Nothing to measure" in signals
    assert str(caught.value) == (
        "AAA-USD: the close never changes on the days that fit the scaler, so it cannot be scaled."
        " Check the prices, or widen start_date to end_date"
    )


def test_rsi_is_neutral_until_the_price_has_moved():
    index = pd.date_range("2021-01-01", periods=60, name="date")
    close = pd.Series(np.r_[np.ones(30), np.linspace(1.01, 1.3, 30)], index)
    found = technical.indicators(close.to_frame("Close"))["RSI"]
    assert found.iloc[:14].isna().all() and (found.iloc[14:30] == 50).all() and (found.iloc[30:] == 100).all()


# -- no volume ---------------------------------------------------------------------------------


def test_a_coin_without_any_volume_works(coin):
    frame, chosen = coin("f25", inputs="ohlcv_indicators")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        data = windows.build({"AAA-USD": frame}, chosen)["AAA-USD"]
        indicators.add_indicators(frame)
        sent = page.coin(frame, "AAA-USD", technical.TechnicalSettings())
        (row,) = overview.overview({"AAA-USD": frame}).to_dict("records")
    assert (
        np.isfinite(data.train.X).all()
        and np.isfinite(data.test.X).all()
        and row["volume_usd"] == 0
        and set(sent["volume"]) == {0}
    )


# -- returns that are known --------------------------------------------------------------------


def test_plus_two_and_minus_one_percent_in_turn_have_a_sharpe_ratio_of_6_360(coin):
    frame, _ = coin("f30", date(2025, 10, 22), date(2026, 11, 26))
    close = frame["Close"].to_numpy()
    held = direction.performance(direction.buy_and_hold(close[1:], close[:-1], cost=0))
    assert held["days"] == 400 and round(held["sharpe"], 3) == 6.360
    assert held["total_return"] == pytest.approx(1.02**200 * 0.99**200 - 1, rel=1e-6)
    assert held["max_drawdown"] == pytest.approx(0.01, rel=1e-6)
