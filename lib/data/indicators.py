"""Technical indicators (thesis section 4.2), computed by TA-Lib from closes up to each day."""

from __future__ import annotations

import pandas as pd
import talib


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
        days only. Days that are absent (a dropped gap) are stepped over.
    """
    close = prices["Close"].to_numpy(dtype="float64")
    macd, signal, histogram = talib.MACD(close, macd_fast_days, macd_slow_days, macd_signal_days)
    return prices.assign(
        RSI=talib.RSI(close, rsi_days),
        MACD=macd,
        MACD_signal=signal,
        MACD_hist=histogram,
        EMA=talib.EMA(close, ema_days),
    )
