"""How well intervals keep their nominal coverage."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lib.evaluation import intervals
from lib.results.origin import signed


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
    lines = [
        f"Forecasts of neighbouring days share most of their days: {first['forecasts']} forecasts from"
        f" {first['origins']} days are about {first['spans']} spans that share none, each third of the days about"
        f" {max(first['spans'] // 3, 1)}. In brackets 95 % intervals by drawn blocks of days."
    ]
    for (ticker, level), rows in by_level.groupby(["ticker", "level"], sort=False):
        methods = "; ".join(
            f"{r.method} {r.coverage:.0%} ({r.coverage_lower:.0%} to {r.coverage_upper:.0%}; calm third"
            f" {r.coverage_calm:.0%}, turbulent third {r.coverage_turbulent:.0%}), width {r.width_percent:.0f} % of the"
            f" price, Winkler {r.winkler_percent:.0f} %"
            for r in rows.itertuples()
        )
        lines.append(f"{ticker}, nominal {level:.0%}: {methods}.")
    return "\n".join(lines)
