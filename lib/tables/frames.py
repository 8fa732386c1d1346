"""The long frame of forecasts that ``lib.experiments`` gives, cut by model, seed and family of tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import metrics, significance

MODEL = ["ticker", "reading", "part", "model"]  # one model on one split; ``reading`` is what was varied
FAMILY = MODEL[:3]  # the models that are compared with each other: one family of tests


def table_of(
    frame: pd.DataFrame, keys: Sequence[str], row: Callable[[pd.DataFrame], Mapping[str, Any]]
) -> pd.DataFrame:
    """One row for each group, in the order in which groups appear: its keys, and what ``row`` computes from it."""
    groups = frame.groupby(list(keys), sort=False)
    return pd.DataFrame([{**dict(zip(keys, names)), **row(rows)} for names, rows in groups])


def by_seed(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The days of each seed, in the order of the seeds' numbers."""
    return [days for _, days in rows.groupby("seed_number", sort=True)]


def series(days: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actual, predicted and naive closes in US dollars, each of shape (days,)."""
    actual, predicted, naive = (days[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd"))
    return actual, predicted, naive


def diverged(days: pd.DataFrame) -> bool:
    """Whether the forecasts are those of a diverged training."""
    return metrics.diverged(*series(days)[:2])


def converged(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """:func:`by_seed` without the seeds that diverged."""
    return [days for days in by_seed(rows) if not diverged(days)]


def mean_days(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean forecast by day over the seeds that did not diverge; all diverged, it is missing."""
    # A mean of equal closes can differ from them in its last digit, and scores with it.
    each = {"actual_usd": "first", "predicted_usd": "mean", "naive_usd": "first"}
    good = converged(rows)
    days = pd.concat(good) if good else rows.assign(predicted_usd=np.nan)
    return days.groupby("date", as_index=False, sort=True).agg(each)


def against_naive(actual: np.ndarray, predicted: np.ndarray, naive: np.ndarray) -> dict[str, float]:
    """Diebold-Mariano against the naive forecast; of a diverged forecast nothing is tested and ``p_better`` is 1."""
    if metrics.diverged(actual, predicted):
        return {"days": len(actual), "statistic": np.nan, "p_value": np.nan, "p_better": 1.0}
    return significance.diebold_mariano(actual, predicted, naive)


def add_holm(found: pd.DataFrame, family: Sequence[str], *columns: str) -> pd.DataFrame:
    """p-values corrected by Holm within each family, as further columns ``..._holm``."""
    groups = found.groupby(list(family), sort=False)
    return found.assign(**{f"{name}_holm": groups[name].transform(significance.holm) for name in columns})


def above_and_below(rows: pd.DataFrame, what: str) -> str:
    """How many models have an interval above 0 and below, as the beginning of a sentence.

    Args:
        rows: a row for each model, with ``skill_lower`` and ``skill_upper``; empty where these columns are missing, as
            in tables of earlier runs.
        what: whose interval it is.
    """
    if "skill_lower" not in rows:
        return ""
    above, below = (rows["skill_lower"] > 0).sum(), (rows["skill_upper"] < 0).sum()
    return f"{above} of {len(rows)} models have an interval of {what} above 0, {below} below; "


def families_in_words(found: pd.DataFrame, family: Sequence[str], tests: int = 1) -> str:
    """What Holm's correction covers, how many families there are, and what chance gives over all of them.

    Args:
        found: a row for each tested model; family: the columns that make a family.
        tests: how many tests each model was given; each makes families of its own.
    """
    sizes = found.groupby(list(family)).size()
    count, size = tests * len(sizes), f"{sizes.min()}" if sizes.nunique() == 1 else f"{sizes.min()} to {sizes.max()}"
    *names, last = [{"part": "split", "reading": "target"}.get(n, n) for n in family] + ["test"] * (tests > 1)
    return (
        f"p-values are corrected by Holm within a family, the {size} models of one {', '.join(names)} and {last}: there"
        f" a false finding has a chance of at most {significance.LEVEL:.0%}. Nothing corrects for the number of"
        f" families, which is {count}: chance alone gives up to {count * significance.LEVEL:.1f} families with a false"
        f" finding, and at least one with a probability of up to {1 - (1 - significance.LEVEL) ** count:.0%} (if they"
        " were independent)."
    )
