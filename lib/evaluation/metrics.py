"""Scores of a forecast: the thesis's three (MSE, MAE, R2), RMSE and MAPE; and two that compare it with the naive one.

A diverged forecast, which has a value that is not a number or an error too large to square, is infinitely bad.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd
from sklearn import metrics as sk

NAMES = ("MSE", "MAE", "RMSE", "MAPE", "R2")
Loss = TypeVar("Loss", float, np.ndarray, pd.Series)


def diverged(actual: np.ndarray, predicted: np.ndarray) -> bool:
    """Whether the squared errors of a forecast have no finite sum, as after a training that diverged.

    Raises:
        ValueError: an actual value is missing or infinite.
    """
    actual, predicted = np.asarray(actual, dtype="float64"), np.asarray(predicted, dtype="float64")
    if not np.isfinite(actual).all():
        raise ValueError("an actual value is missing or infinite; leave such days out before scoring")
    with np.errstate(all="ignore"):
        return not np.isfinite(np.sum((actual - predicted) ** 2))


def squared_errors(actual: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Squared error of each day, shape (days,); infinite on every day of a diverged forecast."""
    if diverged(actual, predicted):
        return np.full(len(actual), np.inf)
    return (np.asarray(predicted) - np.asarray(actual)) ** 2


def scores(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Five scores of one series of forecasts.

    Args:
        actual, predicted: shape (days,), same unit.

    Returns:
        MSE (unit squared), MAE and RMSE (unit), MAPE in percent (missing when an actual value
        is zero, as the smallest scaled close is), R2 against the mean of ``actual``. Of a diverged
        forecast R2 is minus infinity and the others are infinite.
    """
    actual, predicted = np.asarray(actual, dtype="float64"), np.asarray(predicted, dtype="float64")
    if diverged(actual, predicted):
        return {**dict.fromkeys(NAMES, np.inf), "R2": -np.inf}
    mse, mae = sk.mean_squared_error(actual, predicted), sk.mean_absolute_error(actual, predicted)
    above_zero = np.all(np.abs(actual) > 1e-12)
    mape = 100 * sk.mean_absolute_percentage_error(actual, predicted) if above_zero else float("nan")
    return dict(zip(NAMES, (mse, mae, mse**0.5, mape, sk.r2_score(actual, predicted))))


def skill_of(loss: Loss, naive_loss: Loss | float) -> Loss:
    """1 - loss / loss of the naive forecast on the same days: above 0 is better than it, 1 is perfect.

    Murphy 1988, *Monthly Weather Review* 116(12), with the naive forecast as reference. The loss is the MSE.
    """
    return 1 - loss / naive_loss


def skill(actual: np.ndarray, predicted: np.ndarray, naive: np.ndarray) -> float:
    """:func:`skill_of` one series of forecasts.

    Args:
        actual, predicted, naive: shape (days,), same unit.

    Returns:
        The skill; minus infinity of a diverged forecast, not a number if the naive forecast was right on every day.
    """
    loss, reference = (float(squared_errors(actual, forecast).mean()) for forecast in (predicted, naive))
    return skill_of(loss, reference) if reference else float("nan")


def beside_naive(actual: np.ndarray, predicted: np.ndarray, naive: np.ndarray) -> dict[str, float]:
    """The five :func:`scores` of a forecast and its :func:`skill`; arguments as there."""
    return {**scores(actual, predicted), "skill": skill(actual, predicted, naive)}


def daily_changes(closes: np.ndarray) -> np.ndarray:
    """Differences of each value and the one before, shape (days - 1,) or shorter: none has a missing end."""
    changes = np.diff(np.asarray(closes, dtype="float64"))
    return changes[~np.isnan(changes)]


def mase(actual: np.ndarray, predicted: np.ndarray, training: np.ndarray) -> float:
    """Mean absolute error over the naive forecast's on the training days.

    Hyndman and Koehler 2006, *International Journal of Forecasting* 22(4).
    The scale is of other days than those scored, so the naive forecast itself is not exactly 1.

    Args:
        actual, predicted: shape (days,), same unit.
        training: closes of all training days in time order, same unit, shape (training days,); missing on days
            without a price.

    Returns:
        The score; infinite of a diverged forecast, not a number if the training closes never change.
    """
    changes = np.abs(daily_changes(training))
    scale = np.mean(changes) if len(changes) else 0.0
    return float(scores(actual, predicted)["MAE"] / scale) if scale else float("nan")
