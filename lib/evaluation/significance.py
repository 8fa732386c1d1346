"""Is one forecast better than another, or is it chance? And what could the tests have seen at all?

A test that does not reject says little when it had no power: :func:`detectable_skill` states what
skill it would have found. With some 160 days that is a skill far above what daily prices are known
to allow, so "no difference found" must never be read as "no difference".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lib.errors import ProjectError
from lib.evaluation.resampling import block_length_of

LEVEL = 0.05
POWER = 0.80
# Long enough for a turbulent week to stay one.
BLOCK_OF_WEEKS = 20


class SignificanceError(ProjectError):
    """Forecasts that no test can compare."""


def name_of(test: str) -> str:
    """A test's name for reading, from that of its function: Diebold-Mariano of ``diebold_mariano``."""
    return test.replace("_", "-").title()


def diebold_mariano(
    actual: np.ndarray,
    predicted: np.ndarray,
    other: np.ndarray,
    loss: str = "squared",
    lags: int | None = None,
    horizon: int = 1,
) -> dict[str, float]:
    """Test of equal expected loss of two forecasts, with the small-sample correction.

    Diebold and Mariano 1995, *Journal of Business & Economic Statistics* 13(3), statistic S1;
    correction and t distribution of Harvey, Leybourne and Newbold 1997, *International Journal of
    Forecasting* 13(2), statistic S1*. Compares these forecasts, not the models behind them: a model that nests the
    other and estimates more is rejected in its favour too rarely (Clark and West 2007).

    Args:
        actual, predicted, other: shape (days,), time order, same unit.
        loss: ``squared`` or ``absolute``.
        lags: of the Newey-West variance; default the larger of horizon - 1 and the cube root of
            the days rounded up (6 for 162 days), because the losses of a network whose level is off
            for weeks depend on each other. 0 is the papers' own choice for one day ahead.
        horizon: days ahead; default 1.

    Returns:
        ``days``, ``lags``, ``mean_difference`` (loss of ``predicted`` less loss of ``other``),
        ``statistic``, ``p_value`` (two-sided), and ``p_better`` (one-sided: small if ``predicted``
        is better). Two forecasts with the same loss on every day differ by nothing: statistic 0, p 1.

    Raises:
        SignificanceError: fewer than 10 days, not the same number, or not numbers.
    """
    from statsmodels.tsa.stattools import diebold_mariano_test

    actual, predicted, other = _series(actual, predicted, other)
    losses, others = _loss(actual, predicted, loss), _loss(actual, other, loss)
    difference = losses - others
    days = len(actual)
    lags = max(horizon - 1, block_length_of(days)) if lags is None else lags
    found = {"days": days, "lags": lags, "mean_difference": float(difference.mean())}
    # What is left of equal losses after rounding has a t value too, and a meaningless one.
    if np.abs(difference).max() <= 1e-12 * max(losses.max(), others.max()):
        return {**found, "statistic": 0.0, "p_value": 1.0, "p_better": 1.0}
    criterion = {"squared": "mse", "absolute": "mae"}[loss]
    result = diebold_mariano_test(
        actual, predicted, other, lags=lags, criterion=criterion, harvey_adj=True, horizon=horizon
    )
    return {
        **found,
        "statistic": result.statistic,
        "p_value": result.pvalue,
        "p_better": float(stats.t.cdf(result.statistic, days - 1)),
    }


def pesaran_timmermann(actual: np.ndarray, predicted: np.ndarray, last_close: np.ndarray) -> dict[str, float]:
    """Test that the forecast direction and the direction that came are independent.

    Pesaran and Timmermann 1992, *Journal of Business & Economic Statistics* 10(4). For
    two classes its square is Pearson's chi-squared of the two-by-two table. It assumes that days
    are independent of each other.

    Args:
        actual, predicted, last_close: shape (days,), same unit; up means above ``last_close``.

    Returns:
        ``days``, ``hits`` (share of days with the right direction), ``expected_hits`` (that share
        under independence), ``statistic``, ``p_value`` (one-sided: small if directions are hit too
        often for chance). Where forecasts or prices never change direction, as the naive forecast's,
        there is nothing to test: statistic and p are not a number.
    """
    from statsmodels.stats.diagnostic import pesaran_timmermann as test

    actual, predicted, last_close = _series(actual, predicted, last_close)
    came, called = actual > last_close, predicted > last_close
    p, q = came.mean(), called.mean()
    found = {
        "days": len(actual),
        "hits": float(np.mean(came == called)),
        "expected_hits": float(p * q + (1 - p) * (1 - q)),
    }
    if came.all() or called.all() or not came.any() or not called.any():
        return {**found, "statistic": math.nan, "p_value": math.nan}
    result = test(actual - last_close, predicted - last_close, alternative="larger")
    return {**found, "statistic": float(result.statistic), "p_value": float(result.pvalue)}


def model_confidence_set(
    losses: pd.DataFrame, size: float = 0.10, block_length: int | None = None, repetitions: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """The models that cannot be distinguished from the best one.

    Hansen, Lunde and Nason 2011, *Econometrica* 79(2): range statistic, stationary bootstrap, by
    ``arch.bootstrap.MCS``. The set holds the best model with probability of about 1 - size; where
    days say little, it is large, and that is the result.

    Args:
        losses: one row a day in time order, one column a model, such as squared errors.
        size: 1 less the confidence; default 0.10.
        block_length: mean length of the blocks in days; default the cube root of the days rounded up.
        repetitions: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        One row a model, smallest mean loss first: ``model``, ``mean_loss``, ``p_value``, ``in_set``.
        ``attrs`` has ``days``, ``size``, ``block_length``, ``repetitions`` and ``seed``. Models with
        equal losses on every day share one verdict.
    """
    from arch.bootstrap import MCS

    values = losses.to_numpy(dtype="float64")
    if not np.isfinite(values).all() or len(values) < 10:
        raise SignificanceError(
            "the model confidence set needs 10 days or more, each with a loss that is a number, of every model"
        )
    block = block_length_of(len(losses)) if block_length is None else block_length
    # Two equal columns would have a difference without variance.
    _, first, twin = np.unique(values, axis=1, return_index=True, return_inverse=True)
    p_values = np.ones(len(first))
    if len(first) > 1:
        test = MCS(
            values[:, first],
            size=size,
            reps=repetitions,
            block_size=block,
            method="R",
            bootstrap="stationary",
            seed=seed,
        )
        test.compute()
        p_values = test.pvalues["Pvalue"].sort_index().to_numpy(dtype="float64")
    found = pd.DataFrame(
        {"model": losses.columns, "mean_loss": values.mean(axis=0), "p_value": p_values[twin.reshape(-1)]}
    )
    found["in_set"] = found["p_value"] > size
    found = found.sort_values("mean_loss", kind="stable", ignore_index=True)
    found.attrs = {"days": len(losses), "size": size, "block_length": block, "repetitions": repetitions, "seed": seed}
    return found


def holm(p_values: Mapping[Any, float] | pd.Series) -> pd.Series:
    """p-values adjusted for the number of tests: any below the level is false with at most that probability in all.

    Holm 1979, *Scandinavian Journal of Statistics* 6(2).

    Args:
        p_values: of one family of tests, by name; a missing one was no test and does not count.

    Returns:
        Adjusted p-values in the same order, missing where they were.
    """
    # Not statsmodels' multipletests, which collects garbage at each call: tenths of a second.
    given = pd.Series(p_values, dtype="float64")
    rising = given.dropna().sort_values(kind="stable")
    adjusted = np.minimum(np.maximum.accumulate(rising.to_numpy() * np.arange(len(rising), 0, -1)), 1)
    return pd.Series(adjusted, rising.index, name="p_holm").reindex(given.index)


def can_tell_too_few(chance: float, trials: int) -> bool:
    """Whether a binomial test at :data:`LEVEL` would reject ``chance`` if none of so many trials succeeded."""
    return (1 - chance) ** trials < LEVEL


def p_text(p: float) -> str:
    """A p-value for reading: two significant digits, ``below 0.001`` for what no model of the data can promise."""
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def power(days: int, skill: float, level: float = LEVEL, alternative: str = "two-sided") -> float:
    """Probability that Diebold-Mariano finds a true skill against the naive forecast.

    The best case: Gaussian daily changes, of which a share ``skill`` of the variance can be known
    the day before, and a forecast that knows it all. Let k be the skill; the loss difference then
    has mean k and variance 4k - 2k^2 (in variances of a change), and the test is a t test of it.
    Fat tails, calm and turbulent weeks, and estimated parameters all lower the power:
    :func:`simulated_power`.

    Args:
        days: scored.
        skill: 1 - MSE / MSE naive, above 0 and below 1.
        level: of the test. Among m tests under Holm the smallest p-value must pass level / m.
        alternative: ``two-sided`` or ``larger`` (only better is asked for).
    """
    from statsmodels.stats.power import TTestPower

    effect = skill / math.sqrt(4 * skill - 2 * skill**2)
    return float(TTestPower().power(effect, days, level, alternative=alternative))


def detectable_skill(days: int, power: float = POWER, level: float = LEVEL, alternative: str = "two-sided") -> float:
    """The smallest true skill that Diebold-Mariano finds with a given probability; see :func:`power`.

    About 0.18 with 162 days, two-sided at 5 %.
    """
    from statsmodels.stats.power import TTestPower

    effect = float(TTestPower().solve_power(nobs=days, alpha=level, power=power, alternative=alternative))
    return 4 * effect**2 / (1 + 2 * effect**2)


def detectable_accuracy(days: int, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest true share of right directions that is found above one half with a given probability.

    Exact one-sided binomial test; up and down equally frequent. About 0.60 with 162 days.
    """
    from scipy.optimize import brentq

    needed = stats.binom.isf(level, days, 0.5) + 1
    return float(brentq(lambda share: stats.binom.sf(needed - 1, days, share) - power, 0.5, 1 - 1e-9))


def simulated_power(
    days: int,
    skill: float,
    level: float = LEVEL,
    changes: np.ndarray | None = None,
    repetitions: int = 1000,
    seed: int = 0,
    alternative: str = "two-sided",
) -> float:
    """:func:`power` by simulation, with Gaussian changes or with the fat tails and turbulent weeks of real ones.

    Args:
        days, skill, level, alternative: as in :func:`power`; of the two-sided test only rejections in
            favour of the forecast count. A skill of 0 gives the size of the test, two-sided half of it.
        changes: daily changes in time order, such as log returns, as many as ``days`` or more;
            samples of blocks of about 20 days (stationary bootstrap) stand for the part that nobody
            can know. Their scale does not matter.
        repetitions: simulated series.
        seed: of the simulation.

    Returns:
        Share of series on which the test rejects; its standard error is at most 0.5 / sqrt(repetitions).
    """
    from arch.bootstrap import StationaryBootstrap

    rng = np.random.default_rng(seed)
    if changes is None:
        samples = (rng.standard_normal(days) for _ in range(repetitions))
    else:
        values = _series(changes)[0]
        if len(values) < days:
            raise SignificanceError(
                f"{len(values)} changes are too few to draw {days} days from; give at least as many"
            )
        values = (values - values.mean()) / values.std()
        samples = (
            data[0][0][:days] for data in StationaryBootstrap(BLOCK_OF_WEEKS, values, seed=rng).bootstrap(repetitions)
        )
    rejected = 0
    for unknown in samples:
        size = np.ones(days) if changes is None else _local_size(unknown)
        if skill:
            known = math.sqrt(skill / (1 - skill)) * size * rng.standard_normal(days)
            actual, predicted, other = known + unknown, known, np.zeros(days)
        else:
            # Two equally useless forecasts, so that the null hypothesis holds exactly.
            actual, (predicted, other) = unknown, 0.3 * size * rng.standard_normal((2, days))
        found = diebold_mariano(actual, predicted, other)
        rejected += (
            found["p_better"] < level
            if alternative == "larger"
            else found["p_value"] < level and found["statistic"] < 0
        )
    return rejected / repetitions


def _local_size(changes: np.ndarray) -> np.ndarray:
    """What can be known moves with the market: as large as the changes around it are, 1 in the mean square."""
    near = pd.Series(changes**2).rolling(11, center=True, min_periods=1).mean().to_numpy()
    return np.sqrt(near / near.mean())


def _loss(actual: np.ndarray, predicted: np.ndarray, loss: str) -> np.ndarray:
    if loss not in ("squared", "absolute"):
        raise SignificanceError(f"loss is {loss!r}, allowed are squared and absolute")
    error = actual - predicted
    return error**2 if loss == "squared" else np.abs(error)


def _series(*given: np.ndarray) -> list[np.ndarray]:
    series = [np.asarray(values, dtype="float64") for values in given]
    if len({values.shape for values in series}) > 1 or series[0].ndim != 1 or len(series[0]) < 10:
        raise SignificanceError(
            f"a test needs series of one length, 10 days or more; given are {[values.shape for values in series]}"
        )
    if not all(np.isfinite(values).all() for values in series):
        raise SignificanceError("a test needs a number for every day; some values are missing or infinite")
    return series
