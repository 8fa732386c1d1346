"""Is a model better than the naive forecast, or is it chance? Tests, confidence sets, and the power of the tests.

A network's forecast is the mean over its seeds, without those that diverged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib.evaluation import baselines, metrics, resampling, significance
from lib.results.origin import signed
from lib.tables.frames import (
    FAMILY,
    MODEL,
    above_and_below,
    add_holm,
    against_naive,
    by_seed,
    converged,
    families_in_words,
    mean_days,
    series,
    table_of,
)

POWER_OF = (0.02, 0.05, 0.10, 0.20, 0.30, 0.50)  # true skills for which the power is computed


@signed
def better_than_naive(frame: pd.DataFrame) -> pd.DataFrame:
    """Diebold-Mariano against the naive forecast, and Pesaran-Timmermann, with Holm's correction.

    A family is the models of one ticker, reading and split under one test: Holm keeps the chance of any false finding
    in it at 5 %, and nothing corrects for the number of families (:func:`tests_in_words` states what that allows).
    The mean forecast over seeds is at least as good as a seed on average; ``seeds_better`` is the share of single
    seeds that the test alone would call better at 5 %, a diverged one not among them. If all seeds diverged nothing
    is tested: the skill is minus infinity, and p-values are 1, so that the family keeps its size.

    Returns:
        One row for each ticker, reading, split (column ``part``) and model but the naive forecast: ``skill`` (of the
        mean forecast) and its 95 % interval ``skill_lower`` to ``skill_upper`` (blocks of days drawn again, no
        seeds), ``statistic``, ``p_two_sided``, ``p_better`` (one-sided), ``p_better_holm``, ``seeds_better``,
        ``hits``, ``expected_hits``, ``p_direction``, ``p_direction_holm``.
    """
    return add_holm(
        table_of(frame[frame["model"] != baselines.NAIVE], MODEL, _tests), FAMILY, "p_better", "p_direction"
    )


def _tests(rows: pd.DataFrame) -> dict[str, Any]:
    mean = series(mean_days(rows))
    better = against_naive(*mean)
    alone = np.array([against_naive(*series(days))["p_better"] for days in by_seed(rows)])
    actual, predicted, naive = mean
    losses, reference = metrics.squared_errors(actual, predicted), metrics.squared_errors(actual, naive)
    lower, upper = resampling.skill_with_interval(losses, reference)[1:]
    way = {"hits": np.nan, "expected_hits": np.nan, "p_value": 1.0}
    if not metrics.diverged(*mean[:2]):
        way = significance.pesaran_timmermann(*mean)
    return {
        "days": better["days"],
        "skill": metrics.skill(*mean),
        "skill_lower": lower,
        "skill_upper": upper,
        "statistic": better["statistic"],
        "p_two_sided": better["p_value"],
        "p_better": better["p_better"],
        "seeds_better": float(np.mean(alone < significance.LEVEL)),
        "hits": way["hits"],
        "expected_hits": way["expected_hits"],
        "p_direction": way["p_value"],
    }


@signed
def confidence_sets(frame: pd.DataFrame, size: float = 0.10) -> pd.DataFrame:
    """The models that cannot be distinguished from the best one, by ticker, reading and split.

    Losses are squared errors, for a network their mean over the seeds that did not diverge. A network of which all
    diverged has an infinite loss and is in no set.
    """
    tables = []
    for names, family in frame.groupby(FAMILY, sort=False):
        losses, lost = {}, []
        for model, rows in family.groupby("model", sort=False):
            each = [metrics.squared_errors(*series(days)[:2]) for days in converged(rows)]
            if each:
                losses[model] = np.mean(each, axis=0)
            else:
                lost.append({"model": model, "mean_loss": np.inf, "p_value": 0.0, "in_set": False})
        found = significance.model_confidence_set(pd.DataFrame(losses), size)
        found = pd.concat([found, pd.DataFrame(lost)], ignore_index=True) if lost else found
        about = pd.DataFrame({**dict(zip(FAMILY, names)), "days": len(next(iter(losses.values())))}, index=found.index)
        tables.append(about.join(found))
    return pd.concat(tables, ignore_index=True)


def tests_in_words(tests: pd.DataFrame, sets: pd.DataFrame, split: str | None = None) -> str:
    """What remains after Holm, who is in the model confidence set, and what chance gives over all families.

    Args:
        tests: as :func:`better_than_naive` gives them, of all splits; sets: as :func:`confidence_sets`.
        split: the one to report; default all.
    """
    lines = []
    for (ticker, reading, part), rows in tests.groupby(FAMILY, sort=False):
        if split not in (None, part):
            continue
        better, way = (
            ", ".join(rows.loc[rows[f"{name}_holm"] < significance.LEVEL, "model"]) or "none"
            for name in ("p_better", "p_direction")
        )
        family = (sets["ticker"] == ticker) & (sets["reading"] == reading) & (sets["part"] == part)
        counts = above_and_below(rows, "the mean forecast's skill")
        lines.append(
            f"{ticker}, {part} days, {reading}: {counts}better than naive after Holm: {better}; directions after Holm"
            f": {way}; in the 90 % confidence set: {', '.join(sets.loc[family & sets['in_set'], 'model'])}."
        )
    return "\n".join([*lines, families_in_words(tests, FAMILY, tests=2)])


@signed
def power_by_skill(tests: pd.DataFrame, training_usd: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """What the tests of :func:`better_than_naive` would have seen on test days: their power against true skills.

    Both tests are one-sided at 5 %. Among m models under Holm the smallest p-value must pass 5 % / m.

    Args:
        tests: as :func:`better_than_naive` gives them.
        training_usd: ticker -> closes of the training days, missing where there is no price; from their log returns
            blocks are drawn.

    Returns:
        One row for each ticker and true skill: ``days``, ``models`` (of the largest family), ``power_alone`` (one
        model, Gaussian changes: the best case), ``power_holm`` (among all, Gaussian), ``power_holm_real`` (among all,
        with the tails and calms of the ticker's own changes; 400 simulated series, standard error at most 0.025).
    """
    rows = []
    for ticker, mine in tests[tests["part"] == "test"].groupby("ticker", sort=False):
        days, models = int(mine["days"].min()), int(mine.groupby("reading").size().max())
        level, changes = significance.LEVEL / models, metrics.daily_changes(np.log(training_usd[ticker]))
        for skill in POWER_OF:
            given: dict[str, Any] = {"days": days, "skill": skill, "alternative": "larger"}
            real = significance.simulated_power(**given, level=level, changes=changes, repetitions=400)
            powers = {
                "power_alone": significance.power(**given),
                "power_holm": significance.power(**given, level=level),
                "power_holm_real": real,
            }
            rows.append({"ticker": ticker, "days": days, "models": models, "true_skill": skill, **powers})
    return pd.DataFrame(rows)


def power_in_words(power: pd.DataFrame) -> str:
    """What a test that finds nothing could have found, on the fewest days and with most models.

    The smallest true skill with 80 % power, and the chance to find a skill of 0.2.
    """
    days, models = int(power["days"].min()), int(power["models"].max())
    alone, among = (
        significance.detectable_skill(days, level=significance.LEVEL / m, alternative="larger") for m in (1, models)
    )
    of = power[power["true_skill"] == 0.2]
    real = ", ".join(f"{r.power_holm_real:.0%} ({r.ticker})" for r in of.itertuples())
    return (
        f"With {days} days a true skill of {alone:.2f} is found with 80 % power if one model is tested, of {among:.2f}"
        f" among {models} under Holm, both with Gaussian changes, the best case. With the coins' own changes a true"
        f" skill of 0.20 is found among {models} in {real} of simulated cases: a test that finds nothing does"
        " not say that no model is better."
    )
