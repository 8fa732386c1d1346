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
    hits, ups, after_buy = [], [], []
    wealth, held = 1.0, 0
    days = [t for t in range(len(close) - 1) if not math.isnan(signal[t])]
    for t in days:
        up = close[t + 1] > close[t]
        if signal[t]:
            hits.append((signal[t] > 0) == up)
            ups.append(up)
        if signal[t] > 0:
            after_buy.append(close[t + 1] / close[t] - 1)
        position = int(signal[t] > 0)
        wealth *= (1 - 0.001) ** abs(position - held) * (1 + position * (close[t + 1] / close[t] - 1))
        held = position
    wealth *= (1 - 0.001) ** held
    assert (done.days, done.calls) == (len(days), len(hits))
    assert done.hits == pytest.approx(np.mean(hits)) and done.lower < done.hits < done.upper
    assert done.commoner == pytest.approx(max(np.mean(ups), 1 - np.mean(ups)))
    assert done.return_after_buy == pytest.approx(np.mean(after_buy))
    assert done.total_return == pytest.approx(wealth - 1)
    assert done.hold_return == pytest.approx(0.999**2 * close[days[-1] + 1] / close[days[0]] - 1)


def test_finds_no_value_in_a_random_walk_and_value_where_there_is_some(random_walk):
    walk = chart_signals.performance(random_walk("X", seed=11, days=1500)["X"])
    assert "no better than" in str(walk) and walk.lower <= walk.commoner
    # Long swings of a sine: trends that go on.
    trending = chart_signals.performance(made(100 + 30 * np.sin(np.arange(1500) / 60)))
    assert (
        "better than always" in str(trending)
        and "no better" not in str(trending)
        and trending.total_return > trending.hold_return
    )


def test_leaves_out_days_whose_next_day_is_absent(prices):
    """And those after a long gap on which an indicator is still filling again."""
    every = chart_signals.performance(prices).days
    assert chart_signals.performance(prices.drop(prices.index[150])).days == every - 2
    assert chart_signals.performance(prices.drop(prices.index[150:156])).days == every - 7 - 49


def test_without_a_call_or_without_a_day(prices):
    flat = chart_signals.performance(made([100.0] * 80))
    assert flat.calls == 0 and "nothing to measure" in str(flat)
    with pytest.raises(TechnicalError, match="need 50 days and the day after, given are 50"):
        chart_signals.performance(prices.head(50))
    with pytest.raises(TechnicalError, match="and the day after, given are 98, at most 49 in a row"):
        chart_signals.performance(prices.head(104).drop(prices.index[49:55]))
