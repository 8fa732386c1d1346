"""Scores of a forecast: the thesis's three (MSE, MAE, R2), RMSE and MAPE; and two that compare it with the naive one."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sk

NAMES = ("MSE", "MAE", "RMSE", "MAPE", "R2")


def scores(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Five scores of one series of forecasts.

    Args:
        actual, predicted: shape (days,), same unit.

    Returns:
        MSE (unit squared), MAE and RMSE (unit), MAPE in percent (missing when an actual value
        is zero, as the smallest scaled close is), R2 against the mean of ``actual``.
    """
    actual, predicted = np.asarray(actual, dtype="float64"), np.asarray(predicted, dtype="float64")
    mse = sk.mean_squared_error(actual, predicted)
    mape = (
        100 * sk.mean_absolute_percentage_error(actual, predicted) if np.all(np.abs(actual) > 1e-12) else float("nan")
    )
    return dict(
        zip(NAMES, (mse, sk.mean_absolute_error(actual, predicted), mse**0.5, mape, sk.r2_score(actual, predicted)))
    )


def skill(actual: np.ndarray, predicted: np.ndarray, naive: np.ndarray) -> float:
    """1 - MSE / MSE of the naive forecast: above 0 is better than it, 1 is perfect.

    Murphy 1988, *Monthly Weather Review* 116(12), with the naive forecast as reference.

    Args:
        actual, predicted, naive: shape (days,), same unit.

    Returns:
        The skill; not a number if the naive forecast was right on every day.
    """
    reference = sk.mean_squared_error(actual, naive)
    return 1 - sk.mean_squared_error(actual, predicted) / reference if reference else float("nan")


def mase(actual: np.ndarray, predicted: np.ndarray, training: np.ndarray) -> float:
    """Mean absolute error over the naive forecast's on the training days.

    Hyndman and Koehler 2006, *International Journal of Forecasting* 22(4).
    The scale is of other days than those scored, so the naive forecast itself is not exactly 1.

    Args:
        actual, predicted: shape (days,), same unit.
        training: closes of all training days in time order, same unit, shape (training days,).

    Returns:
        The score; not a number if the training closes never change.
    """
    scale = np.mean(np.abs(np.diff(np.asarray(training, dtype="float64"))))
    return float(sk.mean_absolute_error(actual, predicted) / scale) if scale else float("nan")
