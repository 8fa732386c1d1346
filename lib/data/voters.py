"""Who votes in the rating of technical indicators, and by which rule (thesis section 6.3.2).

Both groups and nearly all periods and limits are those of TradingView's help page "Technical Ratings". Differences:
where that page asks for a crossing on the very day, here the side on which both lines stand counts, so that a vote
does not vanish a day later. Of Ichimoku's lines only the base line votes. Bollinger bands vote in place of the bull
and bear power. There is no volume-weighted average, since some sources of prices have no volumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import talib

if TYPE_CHECKING:
    from lib.data.technical import TechnicalSettings

AVERAGES, OSCILLATORS = GROUPS = ("moving averages", "oscillators")

# Conventional periods in days, and limits. Those that people set are in TechnicalSettings.
AVERAGE_DAYS = (10, 20, 30, 50, 100, 200)  # for SMA and EMA
HULL_DAYS = 9  # Hull's average is usually taken over 9 days
ICHIMOKU_DAYS = 26  # Hosoda's base line: the middle of 26 days' range
STOCHASTIC_DAYS, STOCHASTIC_MEAN_DAYS, STOCHASTIC_LIMITS = 14, 3, (20, 80)  # Lane's, smoothed twice
STOCHASTIC_RSI_DAYS = 14  # Chande and Kroll: of the RSI and of its range alike
CCI_DAYS, CCI_LIMITS = 20, (-100, 100)  # Lambert's
ADX_DAYS, ADX_TREND = 14, 20  # Wilder's; below 20 there is no trend
AWESOME_DAYS = (5, 34)  # Williams's two averages of the middle price
MOMENTUM_DAYS = 10
WILLIAMS_DAYS, WILLIAMS_LIMITS = 14, (-80, -20)
ULTIMATE_DAYS, ULTIMATE_LIMITS = (7, 14, 28), (30, 70)  # Williams's three spans

ROUNDING = 1e-9  # two numbers that differ by less than this share of their size are equal


class Days(NamedTuple):
    """Consecutive days in US dollars, shape (days,) each."""

    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


@dataclass(frozen=True)
class Voter:
    """One indicator with a vote.

    ``needs`` are the days until its first vote, ``rule`` is a sentence, ``cast`` makes of consecutive days the value in
    ``unit`` and the vote of each: 1 buy, 0 neutral, -1 sell, missing on the first ``needs - 1`` days.
    """

    indicator: str
    group: str
    unit: str
    needs: int
    rule: str
    cast: Callable[[Days], tuple[np.ndarray, np.ndarray]]


def voters(settings: TechnicalSettings) -> list[Voter]:
    """All voters, moving averages first.

    The periods of the settings take the place of the SMA's and EMA's default ones in :data:`AVERAGE_DAYS`; a period
    that is there already votes once.
    """
    return [*_averages(settings), *_oscillators(settings)]


def _averages(s: TechnicalSettings) -> Iterator[Voter]:
    for kind, words, compute, own, usual in (
        ("SMA", "simple average", talib.SMA, s.sma_days, type(s).sma_days),
        ("EMA", "exponential average", talib.EMA, s.ema_days, type(s).ema_days),
    ):
        for days in sorted({*AVERAGE_DAYS} - {usual} | {own}):
            yield _average(f"{kind} {days}", days, f"{words} of {days} days", _of_close(compute, days))
    words = f"Hull average of {HULL_DAYS} days"
    yield _average(f"Hull {HULL_DAYS}", HULL_DAYS + _hull_root() - 1, words, lambda d: _hull(d.close))
    words = f"Ichimoku base line, the middle between the highest and lowest price of {ICHIMOKU_DAYS} days"
    yield _average("Ichimoku base line", ICHIMOKU_DAYS, words, lambda d: talib.MIDPRICE(d.high, d.low, ICHIMOKU_DAYS))


def _average(name: str, needs: int, words: str, compute: Callable[[Days], np.ndarray]) -> Voter:
    def cast(days: Days) -> tuple[np.ndarray, np.ndarray]:
        value = compute(days)
        return value, _side(days.close, value, days.close)

    return Voter(name, AVERAGES, "USD", needs, f"Buy while the close is above the {words}; sell while below.", cast)


def _of_close(average: Callable[[np.ndarray, int], np.ndarray], days: int) -> Callable[[Days], np.ndarray]:
    return lambda d: average(d.close, days)


def _hull(close: np.ndarray) -> np.ndarray:
    faster = 2 * talib.WMA(close, HULL_DAYS // 2) - talib.WMA(close, HULL_DAYS)
    return talib.WMA(faster, _hull_root())


def _hull_root() -> int:
    return int(HULL_DAYS**0.5)


def _oscillators(s: TechnicalSettings) -> Iterator[Voter]:
    def voter(name: str, unit: str, needs: int, rule: str, cast: Callable) -> Voter:
        return Voter(name, OSCILLATORS, unit, needs, rule, cast)

    percent = "of 100"
    yield voter(
        "RSI",
        percent,
        s.rsi_days + 2,
        f"Buy while below {s.rsi_low:g} (oversold) and rising; sell while above {s.rsi_high:g} (overbought) and"
        " falling.",
        lambda d: _turning(rsi(d.close, s.rsi_days), s.rsi_low, s.rsi_high),
    )
    low, high = STOCHASTIC_LIMITS
    yield voter(
        "Stochastic %K",
        percent,
        STOCHASTIC_DAYS + 2 * (STOCHASTIC_MEAN_DAYS - 1),
        f"Buy while below {low} and above its mean of {STOCHASTIC_MEAN_DAYS} days, %D; sell while above {high} and"
        " below it.",
        _stochastic,
    )
    yield voter(
        "CCI",
        "points",
        CCI_DAYS + 1,
        f"Buy while below {CCI_LIMITS[0]} and rising; sell while above {CCI_LIMITS[1]} and falling.",
        lambda d: _turning(talib.CCI(d.high, d.low, d.close, CCI_DAYS), *CCI_LIMITS),
    )
    yield voter(
        "ADX",
        percent,
        2 * ADX_DAYS,
        f"While above {ADX_TREND} (a trend): buy if the upward direction, +DI, is the stronger; sell if -DI is.",
        _adx,
    )
    yield voter(
        "Awesome oscillator",
        "USD",
        AWESOME_DAYS[1] + 1,
        "Buy while above zero and rising; sell while below zero and falling.",
        _awesome,
    )
    yield voter(
        "Momentum",
        f"USD above the close {MOMENTUM_DAYS} days before",
        MOMENTUM_DAYS + 2,
        "Buy while rising; sell while falling.",
        _momentum,
    )
    yield voter(
        "MACD",
        "USD above its signal",
        s.macd_slow_days + s.macd_signal_days - 1,
        f"Buy while the MACD ({s.macd_fast_days}, {s.macd_slow_days} days) is above its {s.macd_signal_days}-day"
        " signal; sell while below.",
        lambda d: _macd(d.close, s),
    )
    yield voter(
        "Stochastic RSI",
        percent,
        2 * STOCHASTIC_RSI_DAYS + 2 * (STOCHASTIC_MEAN_DAYS - 1),
        f"Buy while below {low} and above its mean of {STOCHASTIC_MEAN_DAYS} days; sell while above {high} and"
        " below it.",
        lambda d: _stochastic_rsi(d.close),
    )
    yield voter(
        "Williams %R",
        "between -100 and 0",
        WILLIAMS_DAYS + 1,
        f"Buy while below {WILLIAMS_LIMITS[0]} and rising; sell while above {WILLIAMS_LIMITS[1]} and falling.",
        lambda d: _turning(talib.WILLR(d.high, d.low, d.close, WILLIAMS_DAYS), *WILLIAMS_LIMITS),
    )
    yield voter(
        "Bollinger bands",
        "% from lower to upper band",
        s.bollinger_days,
        f"Buy while the close is below the lower band ({s.bollinger_width:g} deviations, {s.bollinger_days} days);"
        " sell while above the upper.",
        lambda d: _bands(d.close, s),
    )
    yield voter(
        "Ultimate oscillator",
        percent,
        ULTIMATE_DAYS[2] + 1,
        f"Buy while above {ULTIMATE_LIMITS[1]}; sell while below {ULTIMATE_LIMITS[0]}.",
        _ultimate,
    )


def rsi(close: np.ndarray, days: int) -> np.ndarray:
    """TA-Lib's RSI, 0 to 100, and 50 until the close has moved.

    Gains over losses are 0 / 0 until then; TA-Lib gives 0, which would count as oversold.
    """
    found = talib.RSI(close, days)
    still = np.minimum.accumulate(close == close[0])
    return np.where(still & ~np.isnan(found), 50.0, found)


def _stochastic(d: Days) -> tuple[np.ndarray, np.ndarray]:
    mean = STOCHASTIC_MEAN_DAYS
    k, of_k = talib.STOCH(d.high, d.low, d.close, STOCHASTIC_DAYS, slowk_period=mean, slowd_period=mean)
    return _leaving(k, of_k, *STOCHASTIC_LIMITS)


def _adx(d: Days) -> tuple[np.ndarray, np.ndarray]:
    strength, up, down = (f(d.high, d.low, d.close, ADX_DAYS) for f in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI))
    return strength, np.where(strength <= ADX_TREND, 0.0, _side(up, down, 100.0) + 0 * strength)


def _awesome(d: Days) -> tuple[np.ndarray, np.ndarray]:
    middle = (d.high + d.low) / 2
    value = talib.SMA(middle, AWESOME_DAYS[0]) - talib.SMA(middle, AWESOME_DAYS[1])
    rising = _side(value, _before(value), d.close)
    return value, np.where(_side(value, 0.0, d.close) == rising, rising, 0 * rising)


def _momentum(d: Days) -> tuple[np.ndarray, np.ndarray]:
    value = talib.MOM(d.close, MOMENTUM_DAYS)
    return value, _side(value, _before(value), d.close)


def _macd(close: np.ndarray, s: TechnicalSettings) -> tuple[np.ndarray, np.ndarray]:
    line, signal, above = talib.MACD(close, s.macd_fast_days, s.macd_slow_days, s.macd_signal_days)
    return above, _side(line, signal, close)


def _stochastic_rsi(close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, value = talib.STOCHRSI(close, STOCHASTIC_RSI_DAYS, STOCHASTIC_RSI_DAYS, STOCHASTIC_MEAN_DAYS)
    return _leaving(value, talib.SMA(value, STOCHASTIC_MEAN_DAYS), *STOCHASTIC_LIMITS)


def _bands(close: np.ndarray, s: TechnicalSettings) -> tuple[np.ndarray, np.ndarray]:
    upper, _, lower = talib.BBANDS(close, s.bollinger_days, s.bollinger_width, s.bollinger_width)
    width = upper - lower
    place = np.divide(100 * (close - lower), width, out=np.full(len(close), np.nan), where=width > 0)
    below, above = _side(lower, close, close), _side(close, upper, close)
    return place, np.maximum(below, 0) - np.maximum(above, 0)


def _ultimate(d: Days) -> tuple[np.ndarray, np.ndarray]:
    value = talib.ULTOSC(d.high, d.low, d.close, *ULTIMATE_DAYS)
    # Where the price stood still for the shortest span, buying over range is 0 / 0. TA-Lib gives 0, a sell.
    still = talib.MAX(talib.TRANGE(d.high, d.low, d.close), ULTIMATE_DAYS[0]) == 0
    value = np.where(still & ~np.isnan(value), 50.0, value)
    low, high = ULTIMATE_LIMITS
    return value, np.where(value > high, 1.0, np.where(value < low, -1.0, 0 * value))


def _side(value: np.ndarray, line: np.ndarray | float, size: np.ndarray | float) -> np.ndarray:
    """1 where a value is above a line, -1 below, 0 where they differ by rounding only; missing where one of them is."""
    gap = value - line
    return np.where(np.abs(gap) <= ROUNDING * size, 0.0, np.sign(gap))


def _turning(value: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The value, and a vote to buy while it is below ``low`` and rising, to sell while above ``high`` and falling."""
    return _leaving(value, _before(value), low, high)


def _leaving(value: np.ndarray, line: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The value, and a vote to buy while it is below ``low`` and above a line, to sell on the other side."""
    side = _side(value, line, 100.0)
    of_high = np.where(value > high, np.minimum(side, 0), 0 * side)
    return value, np.where(value < low, np.maximum(side, 0), of_high)


def _before(value: np.ndarray) -> np.ndarray:
    return np.concatenate([[np.nan], value[:-1]])
