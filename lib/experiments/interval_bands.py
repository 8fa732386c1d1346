"""Intervals of 1 to 30 days around the naive forecast, of three rules (notebook 09d)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lib.data.windows import Dataset
from lib.evaluation import intervals


def bands(closes: Mapping[str, pd.Series], data: Mapping[str, Dataset]) -> dict[str, dict[str, pd.DataFrame]]:
    """Ticker -> method -> intervals from every test day's close on, around the naive path."""
    found = {}
    for ticker, close in closes.items():
        known = close.dropna()
        origins = data[ticker].days["test"]
        made = {
            "conformal, adapting": intervals.conformal(known),
            "conformal, fixed": intervals.conformal(known, adapt=False),
            "service": intervals.service_band(known),
        }
        found[ticker] = {name: bands[bands["origin"].isin(origins)] for name, bands in made.items()}
    return found


def example(bands: Mapping[str, pd.DataFrame], close: pd.Series, level: float = 0.95) -> dict[str, pd.DataFrame]:
    """The rows of one level from the last origin whose whole path is known."""
    last = max(intervals.HORIZONS)
    origin = close.dropna().index[-last - 1]
    return {name: rows[(rows["origin"] == origin) & (rows["level"] == level)] for name, rows in bands.items()}
