"""Worse than no model, indistinguishable from it, or better: every network, on every reading of "trained".

Everything here is computed from squared errors by day, each divided by the naive forecast's mean on the same days. They
have no unit and give no price away, so they are committed, and anybody can compute the verdicts again without prices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import metrics, resampling, significance
from lib.results.origin import signed
from lib.tables.frames import by_seed, series

WORSE, SAME, BETTER = VERDICTS = ("worse", "indistinguishable", "better")
ANSWER_FAMILY = ["part", "reading"]  # all networks of all coins: one family for Holm
_DIGITS = 5  # significant: more than any verdict depends on


@signed
def relative_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Squared errors by day of every training and of the naive forecast, divided by the mean of the latter.

    Args:
        frame: long frame of networks.

    Returns:
        One row a part, coin and day: ``part``, ``ticker``, ``day`` (its number from 1; dates are left out), ``naive``,
        and a column ``MODEL | READING | SEED NUMBER`` for each training, infinite for a diverged one, missing where a
        reading does not have the part. Five significant digits.
    """
    found = []
    for (part, ticker), rows in frame.groupby(["part", "ticker"], sort=False):
        actual, _, naive = series(rows[rows["date"].isin(_days(rows))].drop_duplicates("date").sort_values("date"))
        reference = metrics.squared_errors(actual, naive)
        columns: dict[str, Any] = {"part": part, "ticker": ticker, "day": np.arange(1, len(actual) + 1)}
        columns["naive"] = reference / reference.mean()
        for (model, reading), of in rows.groupby(["model", "reading"], sort=False):
            for days in by_seed(of):
                name = f"{model} | {reading} | {int(days['seed_number'].iloc[0])}"
                columns[name] = metrics.squared_errors(*series(days.sort_values("date"))[:2]) / reference.mean()
        found.append(pd.DataFrame(columns))
    whole = pd.concat(found, ignore_index=True)
    numbers = whole.columns[3:]
    return whole.assign(**{name: whole[name].map(_rounded) for name in numbers})


def _days(rows: pd.DataFrame) -> pd.Index:
    """The days of a part; every training must have the same, or its errors belong to no row."""
    counts = rows.groupby("date").size()
    trainings = rows.groupby(["model", "reading", "seed_number"]).ngroups
    if not (counts == trainings).all():
        raise ValueError("some training lacks days that others have")
    return counts.index


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


@signed
def answers(errors: pd.DataFrame) -> pd.DataFrame:
    """The verdict on every network from the errors of :func:`relative_errors` alone.

    The interval of the mean skill draws blocks of days and seeds again (:func:`lib.evaluation.resampling.over_seeds`);
    the p-value is that of Diebold-Mariano between the mean error over the seeds and the naive forecast's, two-sided,
    corrected by Holm within the family of all networks of all coins of one part and reading.

    Returns:
        One row for each part, reading, coin and network: ``days``, ``seeds``, ``skill``, ``skill_lower``,
        ``skill_upper``, ``p_value``, ``p_holm``, ``verdict`` (worse, indistinguishable or better, at 5 %).
    """
    rows = [
        {"part": part, "reading": reading, "ticker": ticker, "model": model, **_answer(of[names], of["naive"])}
        for (part, ticker), of in errors.groupby(["part", "ticker"], sort=False)
        for (model, reading), names in _trainings(of).items()
    ]
    found = _with_verdicts(pd.DataFrame(rows))
    return found.sort_values(ANSWER_FAMILY, kind="stable", key=_in_order).reset_index(drop=True)


def _with_verdicts(found: pd.DataFrame) -> pd.DataFrame:
    """Skills with their two-sided ``p_value``, and beside it ``p_holm`` over the family, and ``verdict`` at 5 %."""
    found = found.copy()
    found["p_holm"] = found.groupby(ANSWER_FAMILY, sort=False)["p_value"].transform(significance.holm)
    sure = found["p_holm"] < significance.LEVEL
    found["verdict"] = np.select([sure & (found["skill"] < 0), sure & (found["skill"] > 0)], [WORSE, BETTER], SAME)
    return found


def _in_order(names: pd.Series) -> pd.Series:
    order = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return names.map(order)


def _trainings(of: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name in of.columns[4:]:
        if of[name].notna().all():
            model, reading, _ = name.split(" | ")
            found.setdefault((model, reading), []).append(name)
    return found


def _answer(ours: pd.DataFrame, naive: pd.Series) -> dict[str, Any]:
    losses, reference = ours.to_numpy(dtype="float64").T, naive.to_numpy(dtype="float64")
    skill = resampling.over_seeds(losses, reference)
    mean = losses.mean(axis=0)
    p_value = 0.0  # a training that diverged is infinitely bad
    if np.isfinite(mean).all():
        # The test squares forecasts' errors: those of these "forecasts" of zero are the losses.
        zero = np.zeros(len(mean))
        p_value = significance.diebold_mariano(zero, np.sqrt(mean), np.sqrt(reference))["p_value"]
    return {
        "days": len(reference),
        "seeds": len(losses),
        "skill": skill["mean"],
        "skill_lower": skill["lower"],
        "skill_upper": skill["upper"],
        "p_value": p_value,
    }


def counted(found: pd.DataFrame) -> pd.DataFrame:
    """How many networks are worse, indistinguishable and better, a row for each part and reading."""
    table = found.groupby(ANSWER_FAMILY, sort=False)["verdict"].value_counts().unstack(fill_value=0)
    return table.reindex(columns=list(VERDICTS), fill_value=0).reset_index().rename_axis(columns=None)


def answers_in_words(found: pd.DataFrame) -> str:
    """One sentence for each part and reading: how many networks are worse, indistinguishable and better."""
    lines = []
    for (part, reading), rows in found.groupby(ANSWER_FAMILY, sort=False):
        counts = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS}
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        best, worst = rows.loc[rows["skill"].idxmax()], rows.loc[rows["skill"].idxmin()]
        below = int((rows["skill_upper"] < 0).sum())
        lines.append(
            f"{part.capitalize()} days, {reading}, against no model: of {len(rows)} networks {said};"
            f" {below} intervals of skill lie below zero. Worst: {worst['ticker']} {worst['model']} {_skill(worst)},"
            f" best: {best['ticker']} {best['model']} {_skill(best)}."
        )
    return "\n".join(lines)


def networks_in_words(found: pd.DataFrame) -> str:
    """The same in one paragraph: how each verdict is made, then how many networks have it."""
    said = " ".join(answers_in_words(found).splitlines())
    return (
        "Our own networks, with the thesis's best hyperparameters, by two-sided Diebold-Mariano tests"
        f" with Holm's correction over all networks of one kind of days and training: {said[:1].lower()}{said[1:]}"
    )


def _skill(row: pd.Series) -> str:
    return f"{row['skill']:+.2f} [{row['skill_lower']:+.2f}, {row['skill_upper']:+.2f}]"


def r2_beside_naive(frame: pd.DataFrame) -> pd.DataFrame:
    """R2 of every network, means over its seeds, beside that of the naive forecast on the same days.

    Returns:
        One row for each part, reading, coin and network: ``r2``, ``r2_naive``.
    """
    rows = []
    for names, of in frame.groupby(["part", "reading", "ticker", "model"], sort=False):
        each = [series(days) for days in by_seed(of)]
        actual, _, naive = each[0]
        mean = float(np.mean([metrics.scores(actual, predicted)["R2"] for actual, predicted, _ in each]))
        rows.append({**dict(zip(["part", "reading", "ticker", "model"], names)), "r2": mean,
                     "r2_naive": metrics.scores(actual, naive)["R2"]})  # fmt: skip
    return pd.DataFrame(rows)
