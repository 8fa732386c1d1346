"""The market at a glance (thesis section 6.3.1): one row a ticker, from daily prices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib.errors import ProjectError

CHANGE_DAYS = (1, 7, 30)
VOLATILITY_DAYS = 30
MIN_RETURNS = 20
DAYS_PER_YEAR = 365
SPARKLINE_DAYS = 30


class OverviewError(ProjectError):
    """Prices that no overview can be made of."""


def overview(prices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Last close, changes, volume, volatility and drawdown of every ticker.

    Args:
        prices: ticker -> daily prices in US dollars in time order, with ``Close`` and ``Volume``. Days may be
            absent, and rows without a close count as absent.

    Returns:
        One row a ticker, in the given order:

        - ``ticker``, ``last_day`` (the last with a close), ``close_usd``
        - ``change_1d_percent``, ``change_7d_percent``, ``change_30d_percent``: against the close so many calendar days
          before; missing if that day is absent
        - ``volume_usd``: of the last day, as the source gives it
        - ``volatility_daily_percent``: standard deviation (n - 1) of the log returns between neighbouring days in
          the last 30 days; missing if fewer than 20 of them are there. ``volatility_annual_percent``: times the
          root of 365, since coins trade on every day
        - ``drawdown_percent``: last close against the highest close so far, 0 or below; ``highest_day``
        - ``sparkline``: the closes of the last 30 calendar days as a list, missing ones as not a number

        A ticker without any close has a row of missing values.

    Raises:
        OverviewError: a column is absent or days are not in time order.
    """
    return pd.DataFrame(
        [{"ticker": ticker, **_row(ticker, frame)} for ticker, frame in prices.items()], columns=_COLUMNS
    )


_COLUMNS = [
    "ticker",
    "last_day",
    "close_usd",
    *(f"change_{days}d_percent" for days in CHANGE_DAYS),
    "volume_usd",
    "volatility_daily_percent",
    "volatility_annual_percent",
    "drawdown_percent",
    "highest_day",
    "sparkline",
]


def _row(ticker: str, frame: pd.DataFrame) -> dict[str, Any]:
    lacking = [name for name in ("Close", "Volume") if name not in frame.columns]
    if lacking:
        raise OverviewError(f"prices of {ticker} lack the column {', '.join(lacking)}")
    if not frame.index.is_monotonic_increasing or not frame.index.is_unique:
        raise OverviewError(f"prices of {ticker} must be one row a day, in time order")
    close = frame["Close"].dropna().astype("float64")
    if close.empty:
        return {"last_day": pd.NaT, "highest_day": pd.NaT, "sparkline": []}
    day, last = close.index[-1], float(close.iloc[-1])
    daily = _daily_volatility(close)
    return {
        "last_day": day,
        "close_usd": last,
        **{
            f"change_{days}d_percent": 100 * (last / close.get(day - pd.Timedelta(days=days), math.nan) - 1)
            for days in CHANGE_DAYS
        },
        "volume_usd": float(frame.at[day, "Volume"]),
        "volatility_daily_percent": 100 * daily,
        "volatility_annual_percent": 100 * daily * math.sqrt(DAYS_PER_YEAR),
        "drawdown_percent": 100 * (last / close.max() - 1),
        "highest_day": close.idxmax(),
        "sparkline": last_closes(close).tolist(),
    }


def _daily_volatility(close: pd.Series) -> float:
    """Of returns from one day to the very next; a return over a gap is of several days and left out."""
    recent = close[close.index >= close.index[-1] - pd.Timedelta(days=VOLATILITY_DAYS)]
    neighbours = np.diff(recent.index) == np.timedelta64(1, "D")
    returns = np.diff(np.log(recent.to_numpy()))[neighbours]
    return float(returns.std(ddof=1)) if len(returns) >= MIN_RETURNS else math.nan


def last_closes(close_usd: pd.Series, days: int = SPARKLINE_DAYS) -> pd.Series:
    """Closes of the last calendar days, absent ones as missing values; fewer if the series begins later.

    Args:
        close_usd: daily closes in time order.
        days: how many; default 30.
    """
    close = close_usd.dropna()
    if close.empty:
        return close
    first = max(close.index[0], close.index[-1] - pd.Timedelta(days=days - 1))
    return close.reindex(pd.date_range(first, close.index[-1], freq="D"))
