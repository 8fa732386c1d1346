"""Scores of a forecast: the thesis's three (MSE, MAE, R2) and RMSE and MAPE."""

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
    mape = 100 * sk.mean_absolute_percentage_error(actual, predicted) if np.all(np.abs(actual) > 1e-12) else float("nan")
    return dict(zip(NAMES, (mse, sk.mean_absolute_error(actual, predicted), mse**0.5, mape, sk.r2_score(actual, predicted))))
