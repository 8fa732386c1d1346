"""The past performance of chart signals, counted by hand; no value is found where there is none."""

import math

import numpy as np
import pandas as pd
import pytest

from lib.data import technical
from lib.data.technical import TechnicalError, TechnicalSettings
from lib.evaluation import chart_signals

SHORT = TechnicalSettings(
    sma_days=7,
    ema_days=5,
    bollinger_days=6,
    bollinger_width=1.5,
    rsi_days=4,
    macd_fast_days=3,
    macd_slow_days=8,
    macd_signal_days=4,
)


@pytest.fixture
def prices(random_walk):
    return random_walk("X")["X"]


def made(closes):
    index = pd.date_range("2024-01-01", periods=len(closes))
    return pd.DataFrame({"Close": np.asarray(closes, dtype="float64")}, index=index)


def test_counts_hits_a_day_later_beside_the_commoner_direction(prices):
    done = chart_signals.performance(prices, SHORT)
    signal, close = technical.signal_history(prices, SHORT).tolist(), prices["Close"].tolist()
    hits, ups = [], []
    days = [t for t in range(len(close) - 1) if not math.isnan(signal[t])]
    for t in days:
        up = close[t + 1] > close[t]
        if signal[t]:
            hits.append((signal[t] > 0) == up)
            ups.append(up)
    assert (done.days, done.calls) == (len(days), len(hits))
    assert done.hits == pytest.approx(np.mean(hits)) and done.lower < done.hits < done.upper
    assert done.commoner == pytest.approx(max(np.mean(ups), 1 - np.mean(ups)))


def test_finds_no_value_in_a_random_walk_and_value_where_there_is_some(random_walk):
    walk = chart_signals.performance(random_walk("X", seed=11, days=1500)["X"])
    assert walk.verdict == "no proven edge" and walk.lower <= walk.commoner
    # Long swings of a sine: trends that go on.
    trending = chart_signals.performance(made(100 + 30 * np.sin(np.arange(1500) / 60)))
    assert trending.verdict == "right more often than the commoner direction" and trending.lower > trending.commoner


@pytest.mark.parametrize(
    ("calls", "lower", "verdict", "lead"),
    [
        (400, 0.52, "no proven edge", "No proven edge: on 400 of 500 past days"),
        (400, 0.53, "right more often than the commoner direction", "Better than always naming the commoner"),
        (29, 0.9, "too few calls to say", "Too few calls to say (fewer than 30):"),
        (30, 0.9, "right more often than the commoner direction", "Better than always naming"),
        (0, math.nan, "too few calls to say", "Nothing to measure: on 500 past days"),
    ],
)
def test_the_sentence_begins_with_the_verdict_and_says_nothing_of_returns(calls, lower, verdict, lead):
    done = chart_signals.SignalPerformance(500, calls, hits=0.95, lower=lower, upper=0.99, commoner=0.52)
    assert done.verdict == verdict and str(done).startswith(lead)
    assert "return" not in str(done)
    if calls:
        assert f"(95 % interval {lower:.1%} to 99.0%)" in str(done) and "look better here" in str(done)


def test_leaves_out_days_whose_next_day_is_absent(prices):
    """And those after a long gap on which an indicator is still filling again."""
    every = chart_signals.performance(prices).days
    assert chart_signals.performance(prices.drop(prices.index[150])).days == every - 2
    assert chart_signals.performance(prices.drop(prices.index[150:156])).days == every - 7 - 34


def test_without_a_call_or_without_a_day(prices):
    flat = chart_signals.performance(made([100.0] * 80))
    assert flat.calls == 0 and str(flat).startswith("Nothing to measure")
    with pytest.raises(TechnicalError, match="needs 35 days and the day after, given are 35"):
        chart_signals.performance(prices.head(35))
    with pytest.raises(TechnicalError, match="and the day after, given are 68, at most 34 in a row"):
        chart_signals.performance(prices.head(74).drop(prices.index[34:40]))
