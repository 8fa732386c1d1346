"""How well intervals keep their nominal coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lib.evaluation import intervals
from lib.results.origin import signed

LEAST_SPANS = 5  # independent spans of forecast days, below which words give no interval


@signed
def interval_scores(bands: Mapping[str, Mapping[str, pd.DataFrame]], by: list[str]) -> pd.DataFrame:
    """``intervals.evaluate`` for every ticker and method.

    The interval of the coverage is there only where all horizons are taken together.

    Args:
        bands: ticker -> method -> rows of ``intervals.conformal`` or ``intervals.service_band``; by: columns.
    """
    samples = 0 if "horizon" in by else 1000
    tables = []
    for ticker, methods in bands.items():
        for method, rows in methods.items():
            found = intervals.evaluate(rows, by, samples)
            found.insert(0, "ticker", ticker)
            found.insert(1, "method", method)
            tables.append(found)
    return pd.concat(tables, ignore_index=True)


def intervals_in_words(by_level: pd.DataFrame) -> str:
    """Coverage of each method at each level with its interval, by thirds of volatility, width, Winkler score."""
    first = by_level.iloc[0]
    made = f"{first['forecasts']} forecasts from {first['origins']} days"
    if first["spans"] >= LEAST_SPANS:
        how_sure = (
            f"{made} are about {first['spans']} spans that share none, each third of the days about"
            f" {first['spans'] // 3}. In brackets 95 % intervals by drawn blocks of days"
        )
    else:
        how_sure = (
            f"{made} are worth no more than about {first['spans']} that share none: too few for intervals or thirds"
        )
    lines = [f"Forecasts of neighbouring days share most of their days: {how_sure}."]
    for (ticker, level), rows in by_level.groupby(["ticker", "level"], sort=False):
        methods = "; ".join(
            f"{r.method} {r.coverage:.0%}{_sure(r)}, width {r.width_percent:.0f} % of the price, Winkler"
            f" {r.winkler_percent:.0f} %"
            for r in rows.itertuples()
        )
        lines.append(f"{ticker}, nominal {level:.0%}: {methods}.")
    return "\n".join(lines)


def _sure(row: Any) -> str:
    """The interval of a coverage and its thirds, where there are spans enough to say something."""
    if row.spans < LEAST_SPANS:
        return ""
    return (
        f" ({row.coverage_lower:.0%} to {row.coverage_upper:.0%}; calm third {row.coverage_calm:.0%}, turbulent third"
        f" {row.coverage_turbulent:.0%})"
    )
