"""Walk-forward: skill over blocks of test days, and what each block was like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import baselines, metrics, resampling, significance
from lib.results.origin import signed
from lib.tables.frames import above_and_below, against_naive, families_in_words, series, table_of

SCHEME = ["ticker", "scheme"]  # a family of tests


@signed
def walk_forward_skill(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill of each model over the blocks of a walk-forward: each block, and all days together.

    Returns:
        One row for each ticker, scheme and model: ``skill`` of all days with its 95 % interval ``skill_lower`` to
        ``skill_upper`` (blocks of days drawn again), ``p_better`` (one-sided Diebold-Mariano
        on all days), ``p_better_holm`` (a family is the models of one ticker and scheme), ``blocks_better``
        (blocks with a skill above 0), ``blocks``, and the skill of each block.
    """
    words = frame["reading"].str.split()
    named = frame.assign(scheme=words.str[0], fold=words.str[1].astype(int))
    found = table_of(named, [*SCHEME, "model"], _over_blocks)
    families = found[found["model"] != baselines.NAIVE].groupby(SCHEME)
    return found.assign(p_better_holm=families["p_better"].transform(significance.holm))


def _over_blocks(days: pd.DataFrame) -> dict[str, Any]:
    each = {f"block {k}": metrics.skill(*series(d)) for k, d in days.groupby("fold")}
    # Closes over their mean in the block, so that no block of high prices decides alone.
    scale = days.groupby("fold")["naive_usd"].transform("mean").to_numpy()
    actual, predicted, naive = (closes / scale for closes in series(days))
    losses, reference = metrics.squared_errors(actual, predicted), metrics.squared_errors(actual, naive)
    lower, upper = resampling.skill_with_interval(losses, reference)[1:]
    return {
        "days": len(days),
        "skill": metrics.skill(actual, predicted, naive),
        "skill_lower": lower,
        "skill_upper": upper,
        "p_better": against_naive(actual, predicted, naive)["p_better"],
        "blocks_better": sum(skill > 0 for skill in each.values()),
        "blocks": len(each),
        **each,
    }


def walk_forward_in_words(found: pd.DataFrame) -> str:
    """How many models have an interval above 0 over all days, and which are better than naive after Holm."""
    lines = []
    models = found[found["model"] != baselines.NAIVE]
    for (ticker, scheme), rows in models.groupby(SCHEME, sort=False):
        sure = ", ".join(rows.loc[rows["p_better_holm"] < significance.LEVEL, "model"]) or "none"
        best = rows.loc[rows["skill"].idxmax()]
        diverged = ", ".join(rows.loc[np.isneginf(rows["skill"]), "model"])
        lines.append(
            f"{ticker}, {scheme}: {above_and_below(rows, 'the skill over all days')}better after Holm: {sure}. Best"
            f" {best['model']}, skill {best['skill']:+.3f}{_sure(best)}, above 0 in {best['blocks_better']} of"
            f" {best['blocks']} blocks (skills of one block have no interval)."
            f"{f' Diverged: {diverged}.' if diverged else ''}"
        )
    return "\n".join([*lines, families_in_words(models, SCHEME)])


def _sure(row: pd.Series) -> str:
    """The interval of a skill; committed tables from before it was computed have none."""
    return f" ({row['skill_lower']:+.3f} to {row['skill_upper']:+.3f})" if "skill_lower" in row else ""


@signed
def regimes(frame: pd.DataFrame) -> pd.DataFrame:
    """What each block of a walk-forward was like: its days, the coin's return and its daily volatility."""
    rows = []
    blocks = frame[(frame["model"] == baselines.NAIVE) & frame["reading"].str.startswith("expanding")]
    for (ticker, reading), days in blocks.groupby(["ticker", "reading"], sort=False):
        returns = np.log(days["actual_usd"] / days["naive_usd"])
        rows.append(
            {
                "ticker": ticker,
                "block": int(reading.split()[1]),
                "first_day": days["date"].iloc[0].date().isoformat(),
                "last_day": days["date"].iloc[-1].date().isoformat(),
                "days": len(days),
                "return_percent": 100 * (days["actual_usd"].iloc[-1] / days["naive_usd"].iloc[0] - 1),
                "daily_volatility_percent": 100 * returns.std(),
            }
        )
    return pd.DataFrame(rows)
