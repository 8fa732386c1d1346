"""Prediction intervals of one more training and of the best of several, from repeated trainings on the log scale.

Errors of trainings that differ in their seed only are taken as log-normal with one spread a study: a study trains each
of its sets of hyperparameters once, so the spread is pooled over the sets that were trained several times. The
interval of one more observation is Student's (Hahn and Meeker, *Statistical Intervals*, section 4.7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
from scipy import stats

LEVEL = 0.95
# The rules of :func:`outside_when_left_out`: what judges a printed trial, and what judges the best of several.
ONE_TRAINING, BEST_OF_REPEATED = RULES = ("one training", "best of the repeated")
DRAWS = 20_000
_Errors = Mapping[int, Sequence[float]]  # trial -> errors of its trainings, by number of seed


def pooled_spread(errors: _Errors) -> tuple[float, int]:
    """Standard deviation of log errors between seeds, pooled over trials.

    Args:
        errors: trial -> errors of its trainings, above 0; infinite ones (diverged) are left out, and trials with one
            training add nothing.

    Returns:
        The spread, and its degrees of freedom: trainings less trials, of those with several. NaN and 0 if none has.
    """
    several = [values for values in map(_logs, errors.values()) if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    if not freedom:
        return math.nan, 0
    return math.sqrt(sum(float(((values - values.mean()) ** 2).sum()) for values in several) / freedom), freedom


def one_more(errors: Sequence[float], spread: float, freedom: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval in which the error of one more training of a trial lies with probability ``level``.

    Args:
        errors: of this trial's trainings, above 0; infinite ones (diverged) are left out.
        spread, freedom: as :func:`pooled_spread` gives them for the study.

    Returns:
        Lowest and highest error; NaN where there is no spread or no finite error.
    """
    logs = _logs(errors)
    if not freedom or not len(logs):
        return math.nan, math.nan
    half = stats.t.ppf((1 + level) / 2, freedom) * spread * math.sqrt(1 + 1 / len(logs))
    return math.exp(logs.mean() - half), math.exp(logs.mean() + half)


def _logs(errors: Sequence[float]) -> np.ndarray:
    logs = np.log(np.asarray(errors, dtype="float64"))
    return logs[np.isfinite(logs)]


def best_of(
    errors: _Errors,
    spread: float,
    freedom: int,
    level: float = LEVEL,
    floors: Mapping[int, float] | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval in which the smallest error lies when every trial of a study is trained once more.

    The best of many was lucky too. So trials are drawn towards their common mean by as much as the spread between
    seeds says (a random-effects model on the log scale), and the smallest of new errors is drawn ``DRAWS`` times.

    Args:
        errors, spread, freedom: as for :func:`pooled_spread`; trials without a finite error are never the best.
        floors: trial -> an error below which its new trainings cannot be; a smaller draw is taken for it.

    Returns:
        Lowest and highest smallest error; NaN where there is no spread.
    """
    finite = {trial: values for trial, its in errors.items() if len(values := _logs(its))}
    logs = list(finite.values())
    if not freedom or not logs:
        return math.nan, math.nan
    means, noise = np.array([v.mean() for v in logs]), np.array([spread**2 / len(v) for v in logs])
    between = max(0.0, float(np.var(means, ddof=1)) - float(noise.mean())) if len(means) > 1 else 0.0
    trust = between / (between + noise) if len(means) > 1 and spread else np.ones(len(means))
    centres, unsure = means.mean() + trust * (means - means.mean()), trust * noise + spread**2
    draw = np.random.default_rng(seed)
    factor = np.sqrt(freedom / draw.chisquare(freedom, DRAWS))  # the spread is itself an estimate
    new = centres + np.sqrt(unsure) * factor[:, None] * draw.standard_normal((DRAWS, len(means)))
    lowest = [(floors or {}).get(trial, 0.0) for trial in finite]
    smallest = np.maximum(new, [math.log(floor) if floor > 0 else -math.inf for floor in lowest]).min(axis=1)
    low, high = np.exp(np.quantile(smallest, [(1 - level) / 2, (1 + level) / 2]))
    return float(low), float(high)


def outside_when_left_out(
    errors: _Errors, floors: _Errors | None = None, level: float = LEVEL
) -> dict[str, list[bool]]:
    """How both rules do where the truth is known: one of our own seeds is left out and judged from another one.

    Args:
        errors: trials of one study with several seeds each; seeds in the same order.
        floors: in the same way, the error below which each of these trainings could not be.

    Returns:
        ``one training`` and ``best of the repeated``: for each pair of a seed left out and a seed that it is judged
        from, whether it is outside the interval; cases without an interval or with a diverged training are left out.
    """
    several = {trial: list(values) for trial, values in errors.items() if len(values) > 1}
    seeds = min((len(values) for values in several.values()), default=0)
    found: dict[str, list[bool]] = {rule: [] for rule in RULES}
    for out, known in permutations(range(seeds), 2):
        for trial, values in several.items():
            low, high = one_more([values[known]], *pooled_spread(_without(several, out, trial)), level)
            if floors and math.isfinite(low):
                its = {t: list(floors[t]) for t in several}
                low = max(low, one_more([its[trial][known]], *pooled_spread(_without(its, out, trial)), level)[0])
            if math.isfinite(low) and math.isfinite(values[out]):
                found[ONE_TRAINING].append(not low <= values[out] <= high)
        spread = pooled_spread({trial: _without(several, out, trial)[trial] for trial in several})
        lowest = {trial: floors[trial][known] for trial in several} if floors else None
        low, high = best_of({trial: [values[known]] for trial, values in several.items()}, *spread, level, lowest)
        if math.isfinite(low):
            found[BEST_OF_REPEATED].append(not low <= min(values[out] for values in several.values()) <= high)
    return found


def _without(errors: _Errors, out: int, trial: int) -> dict[int, Sequence[float]]:
    """The same without one seed of one trial."""
    return {**dict(errors), trial: [v for k, v in enumerate(errors[trial]) if k != out]}
