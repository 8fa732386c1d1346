"""Direction and money: does a forecast know up from down, and would trading it have paid?

A rule that looks good among many is mostly luck: :func:`expected_best_sharpe` says how good the
best of many worthless rules looks, and :func:`deflated_sharpe` judges against that.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from lib.errors import ProjectError

COST_PER_SIDE = 0.001
DAYS_PER_YEAR = 365


class DirectionError(ProjectError):
    """Prices or returns that no rule can trade."""


def accuracy(actual: np.ndarray, predicted: np.ndarray, last_close: np.ndarray) -> dict[str, float]:
    """Share of days whose direction was right, beside always saying the commoner one.

    Up means above the close of the day before; everything else is down, so a forecast of no
    change, as the naive one's, says down.

    Args:
        actual, predicted, last_close: shape (days,), same unit.

    Returns:
        ``days``, ``accuracy``, ``lower`` and ``upper`` (95 % Wilson interval, for independent
        days), ``majority`` (share of the commoner direction on these days, known only afterwards
        and so the hardest constant to beat), ``excess`` (accuracy - majority), ``called_up``
        (share of days called up: near 0 or 1 the forecast is a constant too).
    """
    from statsmodels.stats.proportion import proportion_confint

    actual, predicted, last_close = _prices(actual, predicted, last_close)
    up, called = actual > last_close, predicted > last_close
    hits, days = int(np.sum(up == called)), len(up)
    lower, upper = proportion_confint(hits, days, alpha=0.05, method="wilson")
    majority = float(max(up.mean(), 1 - up.mean()))
    return {
        "days": days,
        "accuracy": hits / days,
        "lower": float(lower),
        "upper": float(upper),
        "majority": majority,
        "excess": hits / days - majority,
        "called_up": float(called.mean()),
    }


def long_flat(
    actual: np.ndarray, predicted: np.ndarray, last_close: np.ndarray, cost: float = COST_PER_SIDE
) -> pd.DataFrame:
    """Hold the coin on days whose forecast is above the last close, hold dollars otherwise.

    The forecast is made when a day closes, and the trade is done at that close. The position of the
    last day is sold at its end. No interest, no slippage, no taxes. Between two days that do not follow on each other
    no forecast says anything, so the position of the first stays: what prices did meanwhile counts, and is part of the
    return of the second.

    Args:
        actual, predicted, last_close: shape (days,), USD, time order; days may be absent.
        cost: share of the traded amount, paid at each purchase and each sale; default 0.1 %.

    Returns:
        One row a day: ``position`` (1 or 0), ``sides`` (purchases and sales charged to the day),
        ``net_return`` (simple, after costs, absent days before it included), ``day_return`` (the same without
        them), ``wealth`` (of 1 dollar, at the end of the day).
    """
    actual, predicted, last_close = _prices(actual, predicted, last_close)
    return _traded((predicted > last_close).astype(int), actual, last_close, cost)


def buy_and_hold(actual: np.ndarray, last_close: np.ndarray, cost: float = COST_PER_SIDE) -> pd.DataFrame:
    """Buy before the first day and sell after the last one; columns and costs as in :func:`long_flat`."""
    actual, last_close = _prices(actual, last_close)
    return _traded(np.ones(len(actual), dtype=int), actual, last_close, cost)


def _traded(position: np.ndarray, actual: np.ndarray, last_close: np.ndarray, cost: float) -> pd.DataFrame:
    before = np.abs(np.diff(position, prepend=0))
    after = np.zeros(len(position), dtype=int)
    after[-1] = position[-1]
    # From the close of the row before to the close that this row starts from: 1 where no day is absent.
    meanwhile = np.concatenate([[1.0], last_close[1:] / actual[:-1]])
    held = np.concatenate([[0], position[:-1]])
    of_day = (1 - cost) ** (before + after) * (1 + position * (actual / last_close - 1))
    growth = of_day * (1 + held * (meanwhile - 1))
    return pd.DataFrame(
        {
            "position": position,
            "sides": before + after,
            "net_return": growth - 1,
            "day_return": of_day - 1,
            "wealth": np.cumprod(growth),
        }
    )


def max_drawdown(wealth: np.ndarray) -> float:
    """The deepest fall from an earlier height, as a share of it, 0 to 1; the start is a wealth of 1."""
    path = np.concatenate([[1.0], np.asarray(wealth, dtype="float64")])
    return float(np.max(1 - path / np.maximum.accumulate(path)))


def sharpe(returns: np.ndarray) -> dict[str, float]:
    """Sharpe ratio of daily returns, with its standard error. The riskless rate is taken as zero.

    The error allows for skew and fat tails, but not for days that depend on each other: Mertens
    2002; Bailey and Lopez de Prado 2012, *Journal of Risk* 15(2), "The Sharpe ratio
    efficient frontier". With normal returns it is Lo's (2002, *Financial Analysts Journal* 58(4)).

    Args:
        returns: simple, each of one day, shape (days,). What was earned over absent days is no day's return.

    Returns:
        ``sharpe`` and ``error`` a year (365 days), ``daily`` and ``daily_error``, ``skew``,
        ``kurtosis`` (3 if normal), ``days``. All missing but ``days`` if the returns never change.
    """
    values = np.asarray(returns, dtype="float64")
    days = len(values)
    if days < 10 or not np.isfinite(values).all():
        raise DirectionError(
            f"a Sharpe ratio needs 10 days or more, each with a return that is a number; given are {days}"
        )
    if np.ptp(values) == 0:
        return {
            **dict.fromkeys(("sharpe", "error", "daily", "daily_error", "skew", "kurtosis"), math.nan),
            "days": days,
        }
    daily = values.mean() / values.std(ddof=1)
    skew, kurtosis = float(stats.skew(values)), float(stats.kurtosis(values, fisher=False))
    error = math.sqrt(_variance_factor(daily, skew, kurtosis) / (days - 1))
    year = math.sqrt(DAYS_PER_YEAR)
    return {
        "sharpe": float(daily * year),
        "error": error * year,
        "daily": float(daily),
        "daily_error": error,
        "skew": skew,
        "kurtosis": kurtosis,
        "days": days,
    }


def performance(traded: pd.DataFrame) -> dict[str, float]:
    """What came of a rule: frame of :func:`long_flat` or :func:`buy_and_hold` to numbers.

    Returns:
        ``total_return`` and ``max_drawdown`` (shares; the fall is between closes of the given days), ``sharpe``,
        ``sharpe_error`` (a year; of the given days' own returns), ``sides`` (purchases and sales), ``share_held``
        (of days), ``days``. What prices did on absent days is in ``total_return``, and in no ratio.
    """
    ratio = sharpe(traded["day_return"].to_numpy())
    return {
        "total_return": float(traded["wealth"].iloc[-1] - 1),
        "max_drawdown": max_drawdown(traded["wealth"].to_numpy()),
        "sharpe": ratio["sharpe"],
        "sharpe_error": ratio["error"],
        "sides": int(traded["sides"].sum()),
        "share_held": float(traded["position"].mean()),
        "days": len(traded),
    }


def expected_best_sharpe(rules: int, deviation: float) -> float:
    """Sharpe ratio that the best of many worthless rules shows by chance.

    Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio", *Journal of Portfolio Management*
    40(5), eq. 1, with a true mean of zero.

    Args:
        rules: independent rules that were tried. Rules that are alike count for less.
        deviation: standard deviation of their Sharpe ratios, such as the standard error of one;
            the result has its unit (daily or a year).
    """
    if rules < 1:
        raise DirectionError(f"rules is {rules}, allowed is 1 or more")
    if rules == 1:
        return 0.0
    z = stats.norm.ppf
    return float(deviation * ((1 - np.euler_gamma) * z(1 - 1 / rules) + np.euler_gamma * z(1 - 1 / (rules * math.e))))


def deflated_sharpe(daily: float, days: int, skew: float, kurtosis: float, rules: int, daily_deviation: float) -> float:
    """Probability that a rule's true Sharpe ratio is above zero, given that it is the best of many.

    Bailey and Lopez de Prado 2014, eq. 2. Values below 0.95 mean: luck would do as well.

    Args:
        daily, days, skew, kurtosis: of the chosen rule, as :func:`sharpe` returns them.
        rules: independent rules that it was chosen from.
        daily_deviation: standard deviation of the rules' daily Sharpe ratios.
    """
    luck = expected_best_sharpe(rules, daily_deviation)
    return float(
        stats.norm.cdf((daily - luck) * math.sqrt(days - 1) / math.sqrt(_variance_factor(daily, skew, kurtosis)))
    )


def _variance_factor(daily: float, skew: float, kurtosis: float) -> float:
    return 1 - skew * daily + (kurtosis - 1) / 4 * daily**2


def _prices(*given: np.ndarray) -> list[np.ndarray]:
    series = [np.asarray(values, dtype="float64") for values in given]
    if len({values.shape for values in series}) > 1 or series[0].ndim != 1 or not len(series[0]):
        raise DirectionError(
            f"prices and forecasts must be series of one length; given are {[values.shape for values in series]}"
        )
    if not all(np.isfinite(values).all() for values in series) or (series[-1] <= 0).any():
        raise DirectionError("every day needs a price above zero and a forecast that is a number")
    return series
