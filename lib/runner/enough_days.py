"""How many days of prices would do for an order, found by asking its notebooks about simulated prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from lib.settings import Settings

MOST_DAYS = 5000  # daily prices of coins are not older


def least(chosen: Settings, enough: Callable[[Mapping[str, Any], Settings], bool]) -> int | None:
    """About the fewest days, up to ``end_date``, that are enough if each has a price; never too few.

    Args:
        chosen: the parameters of the order; its own number of days is where the search begins.
        enough: whether all notebooks can use some prices with some parameters. Asked about one coin, as each coin
            has to be enough by itself.

    Returns:
        None if its own number of days is enough, or even :data:`MOST_DAYS` are not: then days are not what lacks.
    """
    low = (chosen.end_date - chosen.start_date).days + 1
    if low >= MOST_DAYS or _is_enough(low, chosen, enough):
        return None
    high = min(2 * low, MOST_DAYS)
    while not _is_enough(high, chosen, enough):
        if high == MOST_DAYS:
            return None
        low, high = high, min(2 * high, MOST_DAYS)
    while high - low > max(1, low // 50):  # about; each question takes a moment
        middle = (low + high) // 2
        low, high = (low, middle) if _is_enough(middle, chosen, enough) else (middle, high)
    return high


def _is_enough(days: int, chosen: Settings, enough: Callable[[Mapping[str, Any], Settings], bool]) -> bool:
    ticker, start = chosen.tickers[0], chosen.end_date - timedelta(days=days - 1)
    # The sample cannot be longer than it is.
    place = {"source": "yahoo", "data_dir": None} if chosen.source == "sample" else {}
    longer = chosen.changed(tickers=[ticker], start_date=start, **place)
    return enough({ticker: _walk(days, longer)}, longer)


def _walk(days: int, chosen: Settings) -> Any:
    """Daily prices of a random walk with a price on each day."""
    import numpy as np
    import pandas as pd

    index = pd.date_range(end=pd.Timestamp(chosen.end_date), periods=days, name="date", unit="ns")
    close = 100 * np.exp(0.01 * np.random.default_rng(0).choice([-1, 1], days).cumsum())
    prices = {"Open": close, "High": 1.01 * close, "Low": 0.99 * close, "Close": close, "Volume": 1e6}
    return pd.DataFrame(prices, index=index)
