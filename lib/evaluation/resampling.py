"""How sure is a score? Intervals by resampling blocks of days, and seeds.

Scores of neighbouring days depend on each other, so days are drawn in blocks. The networks of one
kind differ by their seed alone, so seeds are drawn too. What is not drawn again is the training
part: an interval says how far the score would move on other days like these and with other seeds,
not with another history to learn from.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from lib.errors import ProjectError
from lib.evaluation.metrics import skill_of

LEAST_DAYS = 10


class ResamplingError(ProjectError):
    """Losses that cannot be resampled."""


def block_length_of(days: int) -> int:
    """The usual length of a block: the cube root of the days, rounded up; 6 for 162 days.

    The order that minimises the error of a bootstrap variance: Hall, Horowitz and Jing 1995,
    *Biometrika* 82(3).
    """
    return math.ceil(round(days ** (1 / 3), 9))


def over_seeds(
    losses: np.ndarray,
    reference: np.ndarray | None = None,
    confidence: float = 0.95,
    block_length: int | None = None,
    repetitions: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Mean score of one kind of network over its seeds, its spread, and an interval.

    Args:
        losses: one row for each seed, one column for each day in time order, such as squared errors, or 1 for a
            day whose direction was hit. A model without seeds has one row, a diverged seed infinite losses.
        reference: losses of the naive forecast on the same days, shape (days,). If given, the score
            is :func:`lib.evaluation.metrics.skill_of` the mean losses; otherwise it is the mean loss.
        confidence: of the interval; default 0.95.
        block_length: mean length of the blocks in days; default :func:`block_length_of`.
        repetitions: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        ``mean`` over the seeds, ``spread`` (standard deviation between seeds, missing for one
        seed or if one diverged), ``smallest``, ``largest`` (of a seed), ``lower``, ``upper`` (percentiles of the mean
        over drawn days and drawn seeds; Politis and Romano 1994, *Journal of the American
        Statistical Association* 89(428), by ``arch.bootstrap``), ``seeds``, ``days``, ``block_length``.
        If the reference is zero on all days, all but the last three are missing.
        With few seeds the interval is somewhat too short: their share of its variance is
        (seeds - 1) / seeds of what it should be.

    Raises:
        ResamplingError: fewer than 10 days, losses that are no numbers, or a reference of other days.
    """
    from arch.bootstrap import StationaryBootstrap

    by_seed = np.atleast_2d(np.asarray(losses, dtype="float64"))
    seeds, days = by_seed.shape
    base = np.ones(days) if reference is None else np.asarray(reference, dtype="float64")
    if days < LEAST_DAYS or base.shape != (days,) or np.isnan(by_seed).any() or not np.isfinite(base).all():
        raise ResamplingError(
            "an interval needs one loss for each seed and day, 10 days or more, and a reference of the same days, all"
            f" numbers; given are losses of shape {by_seed.shape} and a reference of shape {base.shape}"
        )

    def score(mean_losses: np.ndarray, mean_base: float) -> np.ndarray:
        return mean_losses if reference is None else skill_of(mean_losses, mean_base)

    if not base.mean() > 0:  # a price that stood still: the naive forecast was right on every day
        nothing = dict.fromkeys(("mean", "spread", "smallest", "largest", "lower", "upper"), math.nan)
        return {**nothing, "seeds": seeds, "days": days, "block_length": 0}
    block = block_length_of(days) if block_length is None else block_length
    rng = np.random.default_rng(seed)
    drawn = np.empty(repetitions)
    for i, data in enumerate(StationaryBootstrap(block, np.arange(days), seed=rng).bootstrap(repetitions)):
        taken = data[0][0]
        of_seeds = rng.integers(0, seeds, seeds)
        mean_base = base[taken].mean()
        drawn[i] = score(by_seed[:, taken].mean(axis=1)[of_seeds], mean_base).mean() if mean_base > 0 else math.nan
    each = score(by_seed.mean(axis=1), base.mean())
    finite = np.isfinite(each).all()
    # Between minus infinity and a number nothing can be interpolated.
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    lower, upper = np.nanquantile(drawn, ends, method="linear" if finite else "lower")
    return {
        "mean": float(each.mean()),
        "spread": float(each.std(ddof=1)) if seeds > 1 and finite else math.nan,
        "smallest": float(each.min()),
        "largest": float(each.max()),
        "lower": float(lower),
        "upper": float(upper),
        "seeds": seeds,
        "days": days,
        "block_length": block,
    }


def skill_with_interval(
    losses: np.ndarray, reference: np.ndarray, block_length: int | None = None, repetitions: int = 1000
) -> tuple[float, float, float]:
    """The skill of one series of forecasts and its 95 % interval.

    Args:
        losses, reference: of the forecasts and of the naive ones, shape (days,); infinite for a diverged training.
        block_length, repetitions: as in :func:`over_seeds`.

    Returns:
        Skill, lower and upper bound. The bounds are not a number for fewer than 10 days or a diverged training, and
        so is the skill where the naive forecast was right on every day.
    """
    loss, base = float(np.mean(losses)), float(np.mean(reference))
    if not base > 0:
        return math.nan, math.nan, math.nan
    if len(losses) < LEAST_DAYS or not math.isfinite(loss):
        return float(skill_of(loss, base)), math.nan, math.nan
    found = over_seeds(losses, reference, block_length=block_length, repetitions=repetitions)
    return found["mean"], found["lower"], found["upper"]


def skill_of_overlapping(losses: np.ndarray, reference: np.ndarray, horizon: int) -> tuple[float, float, float]:
    """The skill of forecasts of several days made on every day, and its 95 % interval.

    Neighbouring forecasts share most of their days, so a bootstrap of blocks is far too sure of itself: with ten spans
    it calls a forecast without skill better or worse in a fifth of all cases. Here means of blocks of twice the horizon
    count as single observations, with Student's t for their number (Ibragimov and Mueller 2010, *Journal of Business
    and Economic Statistics* 28(4)); the bounds of the ratio are Fieller's (1954, *Journal of the Royal Statistical
    Society* B 16(2)).

    Args:
        losses, reference: of the forecasts and of the naive ones, in time order, shape (forecasts,); losses may be
            infinite.
        horizon: days ahead.

    Returns:
        Skill, lower and upper bound. The bounds are not a number where there are fewer than two blocks, or too few to
        say anything; the skill is not a number where the naive forecast was always right.
    """
    loss, base = float(np.mean(losses)), float(np.mean(reference))
    if not base > 0:
        return math.nan, math.nan, math.nan
    length = max(2 * horizon, block_length_of(len(losses)))
    blocks = len(losses) // length
    if blocks < 2 or not math.isfinite(loss):
        return float(skill_of(loss, base)), math.nan, math.nan
    ours, naive = (np.asarray(x)[-blocks * length :].reshape(blocks, length).mean(axis=1) for x in (losses, reference))
    return (float(skill_of(loss, base)), *_fieller(ours, naive))


def p_of_overlapping(losses: np.ndarray, reference: np.ndarray, horizon: int) -> float:
    """Two-sided p-value of equal expected loss of forecasts of several days made on every day.

    Student's t of the same blocks as :func:`skill_of_overlapping`, so that it is below 0.05 where that interval leaves
    0 out; not a number where there are fewer than two blocks, or a loss is not finite.

    Args:
        losses, reference, horizon: as in :func:`skill_of_overlapping`.
    """
    length = max(2 * horizon, block_length_of(len(losses)))
    blocks = len(losses) // length
    if blocks < 2 or not math.isfinite(float(np.mean(losses))):
        return math.nan
    difference = (np.asarray(losses) - np.asarray(reference))[-blocks * length :].reshape(blocks, length).mean(axis=1)
    return float(stats.ttest_1samp(difference, 0.0).pvalue)


def _fieller(ours: np.ndarray, naive: np.ndarray) -> tuple[float, float]:
    """Bounds of 1 - mean(ours) / mean(naive): values for which a t test of ours - (1 - value) x naive finds nothing."""
    (var_ours, cov), (_, var_naive) = np.cov(ours, naive)
    count, mean = len(ours), naive.mean()
    ratio = ours.mean() / mean
    t = stats.t.ppf(0.975, count - 1)
    g = t**2 * var_naive / (count * mean**2)
    inside = var_ours - 2 * ratio * cov + ratio**2 * var_naive
    inside -= g * (var_ours - cov**2 / var_naive) if var_naive > 0 else 0
    if g >= 1:
        return math.nan, math.nan  # the blocks do not even bound the naive forecast's loss away from zero
    middle = ratio - (g * cov / var_naive if var_naive > 0 else 0)
    half = t / mean * math.sqrt(max(0.0, inside) / count)
    return 1 - (middle + half) / (1 - g), 1 - (middle - half) / (1 - g)
