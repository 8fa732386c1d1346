"""Direction and money: how often each model's direction is right, and what trading it would have earned.

A network's forecast is the mean over its seeds, without those that diverged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import baselines, direction
from lib.results.origin import signed
from lib.tables.frames import FAMILY, MODEL, by_seed, converged, diverged, mean_days, series, table_of

HOLD = "buy and hold"


@signed
def directions(frame: pd.DataFrame) -> pd.DataFrame:
    """Directional accuracy beside the commoner direction: means over seeds, interval of the mean forecast.

    Seeds that diverged have no direction and are left out of the mean; if all did, the row has no accuracy.
    """

    def row(rows: pd.DataFrame) -> dict[str, Any]:
        alone = [direction.accuracy(*series(days))["accuracy"] for days in converged(rows)]
        of_mean = direction.accuracy(*series(mean_days(rows))) if alone else {}
        mean = float(np.mean(alone)) if alone else math.nan
        return {"seeds": len(by_seed(rows)), "accuracy_of_a_seed": mean, **of_mean}

    return table_of(frame, MODEL, row)


@signed
def trading_rules(frame: pd.DataFrame, cost: float = direction.COST_PER_SIDE) -> pd.DataFrame:
    """A long/flat rule on the mean forecast of each model, after costs, beside buy-and-hold.

    ``luck`` is the yearly Sharpe ratio that the best of so many worthless rules shows by chance, ``deflated`` the
    probability that the rule's own is above zero given that it is one of them. They count every rule that was tried
    on the same days of a ticker and split, whatever its reading. A network of which all seeds diverged counts as a
    rule, but has no row.
    """
    traded = [
        (names, model, days)
        for names, family in frame.groupby(FAMILY, sort=False)
        for model, days in _traded(family, cost)
    ]
    found = pd.DataFrame(
        [{**dict(zip(FAMILY, names)), "model": m, **direction.performance(d)} for names, m, d in traded]
    )
    ratios = pd.DataFrame([direction.sharpe(days["day_return"].to_numpy()) for *_, days in traded])
    rules = frame[frame["model"] != baselines.NAIVE]
    tried = rules.groupby(["ticker", "part"])[["reading", "model"]].apply(lambda rows: len(rows.drop_duplicates()))
    found[["luck", "deflated"]] = math.nan
    for key, its in found[found["model"] != HOLD].groupby(["ticker", "part"]):
        count, spread = int(tried[key]), float(ratios.loc[its.index, "daily"].std())
        if count < 2 or not spread > 0:
            continue
        luck = direction.expected_best_sharpe(count, spread) * math.sqrt(direction.DAYS_PER_YEAR)
        for at, ratio in ratios.loc[its.index].dropna(subset=["daily"]).iterrows():
            own = (ratio["daily"], ratio["days"], ratio["skew"], ratio["kurtosis"])
            found.loc[at, ["luck", "deflated"]] = luck, direction.deflated_sharpe(*own, count, spread)
    return found


def _traded(family: pd.DataFrame, cost: float = direction.COST_PER_SIDE) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each rule's days: buy-and-hold first, then the rule of each model that did not diverge."""
    for at, (model, rows) in enumerate(family.groupby("model", sort=False)):
        days = mean_days(rows)
        actual, predicted, naive = series(days)
        if at == 0:
            yield HOLD, direction.buy_and_hold(actual, naive, cost).assign(date=days["date"])
        if model != baselines.NAIVE and not diverged(days):  # the naive forecast is "no change", so it never buys
            yield model, direction.long_flat(actual, predicted, naive, cost).assign(date=days["date"])


def wealth_paths(frame: pd.DataFrame, reading: str, split: str) -> dict[str, dict[str, pd.DataFrame]]:
    """Ticker -> rule -> ``date`` and ``wealth`` of 1 dollar: buy-and-hold, and the long/flat rule of each network."""
    shown = frame[(frame["reading"] == reading) & (frame["part"] == split) & (frame["seed_number"] > 0)]
    return {ticker: dict(_traded(rows)) for ticker, rows in shown.groupby("ticker", sort=False)}


def trading_in_words(traded: pd.DataFrame, split: str) -> str:
    """How many rules earned more than holding, and whether any is credible after allowing for their number.

    The rules that share one ``luck`` are those that it counts; older tables count each reading's alone.
    """
    lines = []
    its = traded[traded["part"] == split]
    luck = its.groupby(["ticker", "reading"])["luck"].transform("max")
    for (ticker, reading), rows in its.groupby(["ticker", "reading"], sort=False):
        held = rows[rows["model"] == HOLD].iloc[0]
        rules = rows[rows["model"] != HOLD]
        credible = ", ".join(rules.loc[rules["deflated"] > 0.95, "model"]) or "none"
        counted = ((its["ticker"] == ticker) & (its["model"] != HOLD) & (luck == rules["luck"].max())).sum()
        lines.append(
            f"{ticker}, {split} days, {reading}: {(rules['total_return'] > held['total_return']).sum()} of {len(rules)}"
            f" rules earn more than holding ({held['total_return']:+.0%}); credible after allowing for {counted} rules"
            f" tried on these days: {credible}."
        )
    return "\n".join(lines)
