"""Technical indicators (thesis section 4.2), computed by TA-Lib from closes up to each day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import talib

from lib.data import cleaning


def add_indicators(
    prices: pd.DataFrame,
    rsi_days: int = 14,
    macd_fast_days: int = 12,
    macd_slow_days: int = 26,
    macd_signal_days: int = 9,
    ema_days: int = 20,
) -> pd.DataFrame:
    """Prices with RSI, MACD (line, signal, histogram) and EMA of the close as further columns.

    Args:
        prices: daily prices with a ``Close`` column in US dollars.
        rsi_days: Wilder's smoothing period.
        macd_fast_days, macd_slow_days, macd_signal_days: EMA periods of the MACD.
        ema_days: EMA period.

    Returns:
        A new frame; RSI in 0..100, the others in US dollars. The first days of an indicator
        are missing until its longest average is full. A value depends on its own and earlier
        days only. After absent days (a dropped gap) an indicator begins anew.
    """

    def compute(close: np.ndarray) -> dict[str, np.ndarray]:
        macd, signal, histogram = talib.MACD(close, macd_fast_days, macd_slow_days, macd_signal_days)
        return {
            "RSI": talib.RSI(close, rsi_days),
            "MACD": macd,
            "MACD_signal": signal,
            "MACD_hist": histogram,
            "EMA": talib.EMA(close, ema_days),
        }

    return prices.assign(**by_stretch(prices["Close"], compute))


def by_stretch(
    prices: pd.Series | pd.DataFrame, compute: Callable[[np.ndarray], Mapping[Any, np.ndarray]]
) -> pd.DataFrame:
    """What ``compute`` makes of the prices of each stretch of consecutive days, so that nothing crosses a gap.

    Args:
        prices: daily prices in time order, one day or more; days may be absent.
        compute: prices, shape (days,) of a series and (days, columns) of a frame, to named series of shape (days,).

    Returns:
        Frame with the index of ``prices`` and a column a name.
    """
    own = prices.astype("float64").groupby(cleaning.stretches(prices.index))
    return pd.concat([pd.DataFrame(compute(part.to_numpy()), part.index) for _, part in own])
