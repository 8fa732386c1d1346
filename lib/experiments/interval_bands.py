"""Intervals of 1 to 30 days around the naive forecast, of three rules (notebook 09d)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lib.data import windows
from lib.data.windows import Dataset, WindowError
from lib.evaluation import intervals, resampling
from lib.settings import Settings


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which :func:`bands` or their scores would fail.

    Raises:
        WindowError: with the number of days that would do.
    """
    wrong = []
    for ticker, data in windows.build(prices, settings).items():
        observed = prices[ticker]["Close"].dropna().index
        before = int((observed < data.days["test"][0]).sum())
        if before <= intervals.FIRST_DAYS:
            wrong.append(
                f"{ticker}: {before} days before the test days have a price, but a volatility needs"
                f" {intervals.FIRST_DAYS + 1}. Widen start_date to end_date, or give test a smaller share in split"
            )
        origins = observed.intersection(data.days["test"])
        scored = int((origins + pd.Timedelta(days=1)).isin(observed).sum())
        if scored < resampling.LEAST_DAYS:
            wrong.append(
                f"{ticker}: {scored} of {len(data.days['test'])} test days have a price and one on the day after, but"
                f" intervals are scored on {resampling.LEAST_DAYS} or more;"
                f" {len(data.days['test']) + resampling.LEAST_DAYS - scored} test days would do."
                " Widen start_date to end_date, or give test a larger share in split"
            )
    if wrong:
        raise WindowError("\n".join(wrong))


def bands(closes: Mapping[str, pd.Series], data: Mapping[str, Dataset]) -> dict[str, dict[str, pd.DataFrame]]:
    """Ticker -> method -> intervals from every test day's close on, around the naive path.

    Args:
        closes: ticker -> observed closes in US dollars, filled days not among them.
        data: ticker -> windows, for the test days.
    """
    found = {}
    for ticker, close in closes.items():
        origins = data[ticker].days["test"]
        made = {
            "conformal, adapting": intervals.conformal(close),
            "conformal, fixed": intervals.conformal(close, adapt=False),
            "service": intervals.service_band(close),
        }
        found[ticker] = {name: bands[bands["origin"].isin(origins)] for name, bands in made.items()}
    return found


def example(bands: Mapping[str, pd.DataFrame], level: float = 0.95) -> dict[str, pd.DataFrame]:
    """The rows of one level from the last origin whose path is known on as many days as any."""
    outcomes = next(iter(bands.values())).groupby("origin")["actual_usd"].count()
    origin = outcomes.index[outcomes == outcomes.max()][-1]
    return {name: rows[(rows["origin"] == origin) & (rows["level"] == level)] for name, rows in bands.items()}
