"""Skill of networks with several seeds: scores of each training, means over seeds, and what picking a seed adds.

Skill is 1 - MSE / MSE of the naive forecast on the same days (``lib.evaluation.metrics.skill``). A diverged training
counts as infinitely bad: its MSE is infinite, its R2 and skill are minus infinity, and so are the means with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import baselines, metrics, resampling
from lib.results.origin import signed
from lib.tables.frames import MODEL, above_and_below, by_seed, series, table_of

RANGED = ("MSE", "MAE", "R2")  # the thesis's three, whose range over seeds is kept


@signed
def mean_scores(frame: pd.DataFrame, training_usd: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Scores in US dollars of every model, means over its seeds, with the spread and an interval of its skill.

    Args:
        frame: long frame.
        training_usd: ticker -> closes of the training days, missing where there is no price, for MASE.

    Returns:
        One row for each ticker, reading, split (column ``part``) and model: ``days``, ``seeds``, the thesis's
        five metrics, ``R2_naive``, ``MASE``, ``skill`` (mean over seeds), ``skill_spread`` (standard deviation
        between seeds), ``skill_worst``, ``skill_best`` (of a seed), ``skill_lower``, ``skill_upper`` (95 %, over
        drawn blocks of days and drawn seeds), and of each of ``MSE``, ``MAE`` and ``R2`` the ``_smallest`` and
        ``_largest`` of a seed.
    """

    def row(rows: pd.DataFrame) -> dict[str, Any]:
        seeds = [series(days) for days in by_seed(rows)]
        of_seeds = pd.DataFrame([metrics.scores(actual, predicted) for actual, predicted, _ in seeds])
        actual, _, naive = seeds[0]
        losses = np.array([metrics.squared_errors(actual, predicted) for actual, predicted, _ in seeds])
        skill = resampling.over_seeds(losses, metrics.squared_errors(actual, naive))
        training = training_usd[rows["ticker"].iloc[0]]
        return {
            "days": len(actual),
            "seeds": len(seeds),
            **of_seeds.mean(),
            "R2_naive": metrics.scores(actual, naive)["R2"],
            "MASE": np.mean([metrics.mase(actual, predicted, training) for actual, predicted, _ in seeds]),
            "skill": skill["mean"],
            "skill_spread": skill["spread"],
            "skill_worst": skill["smallest"],
            "skill_best": skill["largest"],
            "skill_lower": skill["lower"],
            "skill_upper": skill["upper"],
            **_ranges(of_seeds),
        }

    return table_of(frame, MODEL, row)


def _ranges(of_seeds: pd.DataFrame) -> dict[str, float]:
    ends = {name: (of_seeds[name].min(), of_seeds[name].max()) for name in RANGED}
    return {f"{name}_{end}": value for name in RANGED for end, value in zip(("smallest", "largest"), ends[name])}


@signed
def seed_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores in US dollars of every single training: what means and ranges of :func:`mean_scores` are made of.

    Returns:
        One row for each ticker, reading, split (column ``part``), network and seed: ``seed_number``, ``seed``,
        ``days``, ``MSE``, ``MAE``, ``R2``, ``skill``, and ``MSE_naive``, ``MAE_naive``, ``R2_naive`` of the naive
        forecast on the same days.
    """

    def row(days: pd.DataFrame) -> dict[str, Any]:
        actual, predicted, naive = series(days)
        scores, of_naive = metrics.beside_naive(actual, predicted, naive), metrics.scores(actual, naive)
        return {
            "seed": int(days["seed"].iloc[0]),
            "days": len(days),
            **{name: scores[name] for name in (*RANGED, "skill")},
            **{f"{name}_naive": of_naive[name] for name in RANGED},
        }

    return table_of(frame[frame["seed_number"] > 0], [*MODEL, "seed_number"], row)


def seeds_disagree(scores: pd.DataFrame, seeds: pd.DataFrame) -> list[str]:
    """Where means and ranges of :func:`mean_scores` are not those of :func:`seed_scores`, up to the last digits."""
    wrong = []
    for names, rows in seeds.groupby(MODEL, sort=False):
        one = scores[(scores[MODEL] == list(names)).all(axis=1)]
        means = {name: rows[name].mean() for name in ("skill", *RANGED)}
        wanted = {"seeds": len(rows), **means, **_ranges(rows)}
        off = [
            name
            for name, value in wanted.items()
            if len(one) != 1 or not np.isclose(one[name].iloc[0], value, rtol=1e-9, atol=1e-12)
        ]
        wrong += [f"{', '.join(names)}: {', '.join(off)}"] if off else []
    return wrong


def mean_scores_in_words(scores: pd.DataFrame, split: str, reading: str) -> str:
    """How many models have an interval of their skill above 0 and below, which, and the interval of the best one."""
    rows = scores[(scores["part"] == split) & (scores["reading"] == reading) & (scores["model"] != baselines.NAIVE)]
    lines = []
    for ticker, mine in rows.groupby("ticker", sort=False):
        best = mine.loc[mine["skill"].idxmax()]
        sure = ", ".join(mine.loc[mine["skill_lower"] > 0, "model"]) or "none"
        lines.append(
            f"{ticker}, {split} days, {reading}: {above_and_below(mine, 'the mean skill')}above 0: {sure}. Best"
            f" {best['model']}, skill {best['skill']:+.3f} ({best['skill_lower']:+.3f} to {best['skill_upper']:+.3f})."
        )
    return "\n".join(lines)


def diverged_in_words(seeds: pd.DataFrame) -> str:
    """How many trainings of :func:`seed_scores` diverged, which, and how they are treated."""
    trainings = seeds.groupby(["ticker", "reading", "model", "seed_number"], sort=False)["skill"].min()
    diverged = trainings.index[np.isneginf(trainings)]
    if diverged.empty:
        return f"None of {len(trainings)} trainings diverged."
    names = "; ".join(f"{model} on {ticker}, {reading}, seed {number}" for ticker, reading, model, number in diverged)
    return (
        f"{len(diverged)} of {len(trainings)} trainings diverged ({names}). Their scores and the means with them are"
        " infinitely bad; tests, confidence sets, directions and trading use the mean forecast of the other seeds."
    )


def common_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each network only the seeds that every reading has, so that means differ by the reading alone."""
    networks = frame[frame["seed_number"] > 0]
    most = networks.groupby("reading")["seed_number"].max().min()
    return frame[frame["seed_number"] <= most]


@signed
def differences(scores: pd.DataFrame, base: str) -> pd.DataFrame:
    """Skill of each reading less that of a base reading, for equal ticker, split and model.

    Args:
        scores: as :func:`mean_scores` gives them; base: a value of ``reading``.
    """
    keys = ["ticker", "part", "model"]
    wide = scores.pivot(index=keys, columns="reading", values="skill")
    spread = scores[scores["reading"] == base].set_index(keys)["skill_spread"]
    found = wide.sub(wide[base], axis=0).drop(columns=base).add_prefix("added by ")
    return found.assign(**{f"skill, {base}": wide[base], "spread between seeds": spread}).reset_index()


def differences_in_words(found: pd.DataFrame, reading: str) -> str:
    """What a reading adds to the skill in the median over pairs of model and ticker, whose skills it gives too.

    A difference of two skills has no interval here, so pairs are not counted by its sign.
    """
    lines = []
    for split, rows in found.dropna(subset=[f"added by {reading}"]).groupby("part", sort=False):
        rows = rows[rows["model"] != baselines.NAIVE]
        added = rows[f"added by {reading}"]
        base = rows[next(c for c in rows if c.startswith("skill, "))]
        medians = [f"{skills.median():+.3f}" for skills in (added, base + added, base)]
        lines.append(
            f"{split} days: {reading} adds {medians[0]} to the skill; the skill is {medians[1]} with it, {medians[2]}"
            f" without (medians over {len(rows)} pairs of model and ticker, which have no interval)."
        )
    return "\n".join(lines)


@signed
def picked_best(frame: pd.DataFrame) -> pd.DataFrame:
    """What picking the best of n seeds on the validation days adds there, and how much of it remains on test days.

    Returns:
        One row for each ticker, reading, model and n: mean over all choices of n seeds of the picked seed's
        validation skill and test skill, each less the mean skill of all seeds (``_gain``), and its ``test_skill``.
    """
    rows = []
    keys = ("ticker", "reading", "model")
    for names, its in frame[frame["seed_number"] > 0].groupby(list(keys), sort=False):
        validation, test = (_skills(its[its["part"] == split]) for split in ("validation", "test"))
        order = np.argsort(-validation)
        seeds = len(order)
        for n in sorted({1, 2, 3, 5, 10, seeds} & set(range(1, seeds + 1))):
            # The k-th best of all seeds is picked if it is drawn and none of the better ones is.
            chance = np.array([math.comb(seeds - 1 - k, n - 1) for k in range(seeds)]) / math.comb(seeds, n)
            able = chance > 0  # the skill of a diverged seed has no product with 0
            on_validation, on_test = (chance[able] @ skills[order][able] for skills in (validation, test))
            with np.errstate(invalid="ignore"):
                gains = {
                    "validation_gain": float(on_validation - validation.mean()),
                    "test_gain": float(on_test - test.mean()),
                }
            rows.append(
                {**dict(zip(keys, names)), "picked_of": n, "seeds": seeds, **gains, "test_skill": float(on_test)}
            )
    return pd.DataFrame(rows)


def _skills(frame: pd.DataFrame) -> np.ndarray:
    return np.array([metrics.skill(*series(days)) for days in by_seed(frame)])


def picked_in_words(picked: pd.DataFrame) -> str:
    """What picking the best of all seeds adds in the median on validation and on test days, and the skill it gives."""
    lines = []
    for reading, rows in picked[picked["picked_of"] == picked["seeds"]].groupby("reading", sort=False):
        medians = [f"{rows[name].median():+.3f}" for name in ("validation_gain", "test_gain", "test_skill")]
        lines.append(
            f"{reading}: picking the best of {rows['seeds'].iloc[0]} seeds adds {medians[0]} to the skill on the"
            f" validation days that picked it, and {medians[1]} on test days. The picked seed's test skill is"
            f" {medians[2]} (all medians over {len(rows)} pairs of network and ticker, which have no interval)."
        )
    return "\n".join(lines)
