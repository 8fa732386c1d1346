"""Indicators against TA-Lib called directly, and against recursions in plain Python."""

import numpy as np
import pandas as pd
import pytest
import talib

from lib.data.indicators import add_indicators

NAMES = ["RSI", "MACD", "MACD_signal", "MACD_hist", "EMA"]
PERIODS = [(14, 12, 26, 9, 20), (5, 3, 8, 4, 6)]


@pytest.fixture(scope="module")
def prices():
    steps = np.random.default_rng(5).normal(0, 0.04, 200)
    close = 100 * np.exp(np.cumsum(steps))
    return pd.DataFrame({"Open": close, "Close": close, "Volume": 1.0}, index=pd.date_range("2021-01-01", periods=200))


def ema(values, period, seed_at):
    """Exponential average from ``seed_at`` on, started with the plain mean of the period that ends there."""
    out = [float("nan")] * len(values)
    out[seed_at] = sum(values[seed_at - period + 1 : seed_at + 1]) / period
    for t in range(seed_at + 1, len(values)):
        out[t] = out[t - 1] + 2 / (period + 1) * (values[t] - out[t - 1])
    return out


def wilder_rsi(close, period):
    out = [float("nan")] * len(close)
    moves = [b - a for a, b in zip(close, close[1:])]
    gain = sum(max(m, 0) for m in moves[:period]) / period
    loss = sum(max(-m, 0) for m in moves[:period]) / period
    out[period] = 100 * gain / (gain + loss)
    for t in range(period, len(moves)):
        gain = (gain * (period - 1) + max(moves[t], 0)) / period
        loss = (loss * (period - 1) + max(-moves[t], 0)) / period
        out[t + 1] = 100 * gain / (gain + loss)
    return out


def macd(close, fast, slow, signal):
    """Both averages start on the day on which the slow one is full; the signal after its own period."""
    line = [a - b for a, b in zip(ema(close, fast, slow - 1), ema(close, slow, slow - 1))]
    first = slow - 1 + signal - 1
    smooth = ema(line, signal, first)
    line = [float("nan")] * first + line[first:]
    return line, smooth, [a - b for a, b in zip(line, smooth)]


@pytest.mark.parametrize("periods", PERIODS)
def test_indicators_are_talibs_own(prices, periods):
    rsi, fast, slow, signal, average = periods
    close = prices["Close"].to_numpy()
    out = add_indicators(prices, *periods)
    assert list(out.columns) == ["Open", "Close", "Volume", *NAMES]
    expected = [talib.RSI(close, rsi), *talib.MACD(close, fast, slow, signal), talib.EMA(close, average)]
    for name, values in zip(NAMES, expected):
        np.testing.assert_array_equal(out[name].to_numpy(), values, err_msg=name)


@pytest.mark.parametrize("periods", PERIODS)
def test_indicators_follow_their_textbook_recursions(prices, periods):
    rsi, fast, slow, signal, average = periods
    close = prices["Close"].tolist()
    out = add_indicators(prices, *periods)
    expected = [wilder_rsi(close, rsi), *macd(close, fast, slow, signal), ema(close, average, average - 1)]
    for name, values in zip(NAMES, expected):
        np.testing.assert_allclose(out[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_an_indicator_is_missing_until_its_longest_average_is_full(prices):
    first = add_indicators(prices)[NAMES].notna().to_numpy().argmax(axis=0)
    assert first.tolist() == [14, 25 + 8, 25 + 8, 25 + 8, 19]


def test_an_indicator_of_a_day_does_not_change_when_later_days_do(prices):
    for cut in (40, 100, 199):
        later = prices.copy()
        later.iloc[cut:] *= 5
        pd.testing.assert_frame_equal(
            add_indicators(prices).iloc[:cut], add_indicators(later).iloc[:cut], check_exact=True
        )


def test_prices_themselves_are_left_alone(prices):
    before = prices.copy()
    add_indicators(prices)
    pd.testing.assert_frame_equal(prices, before)


def test_an_indicator_begins_anew_after_absent_days(prices):
    broken = prices.drop(prices.index[80:140]).copy()
    broken.iloc[80:] *= 20
    found = add_indicators(broken)
    for part in (slice(0, 80), slice(80, None)):
        pd.testing.assert_frame_equal(found.iloc[part], add_indicators(broken.iloc[part]), check_exact=True)
    assert found[NAMES].iloc[80:94].isna().all(axis=None)


def test_a_stretch_too_short_for_an_indicator_has_none(prices):
    broken = prices.drop(prices.index[[60, 70]])
    found = add_indicators(broken)[NAMES]
    assert found.iloc[60:69].isna().all(axis=None) and found.iloc[-1].notna().all()
