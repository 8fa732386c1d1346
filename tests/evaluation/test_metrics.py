"""Scores worked out by hand, and the naive forecast."""

import math

import numpy as np
import pytest

from lib.evaluation import baselines, metrics


def test_five_scores_by_hand():
    # Errors -1, 2, 0, -1: squares 1, 4, 0, 1. Mean of actual 5, squared distances 9, 1, 1, 9.
    found = metrics.scores([2, 4, 6, 8], [3, 2, 6, 9])
    assert found == pytest.approx(
        {
            "MSE": 6 / 4,
            "MAE": 4 / 4,
            "RMSE": math.sqrt(1.5),
            "MAPE": 100 * (1 / 2 + 2 / 4 + 0 + 1 / 8) / 4,
            "R2": 1 - 6 / 20,
        }
    )
    assert tuple(found) == metrics.NAMES


def test_a_perfect_forecast():
    assert metrics.scores([1.0, 2.0], [1.0, 2.0]) == {"MSE": 0, "MAE": 0, "RMSE": 0, "MAPE": 0, "R2": 1}


def test_the_mean_as_forecast_has_r2_zero():
    assert metrics.scores([1, 2, 6], [3, 3, 3])["R2"] == pytest.approx(0)


def test_mape_is_missing_when_an_actual_value_is_zero():
    found = metrics.scores([0, 1], [0.5, 1])
    assert math.isnan(found["MAPE"]) and found["MSE"] == pytest.approx(0.125)


def test_scores_are_computed_in_double_precision():
    actual = np.array([60000.01, 60000.02], dtype="float64")
    assert metrics.scores(actual, actual + 0.001)["MAE"] == pytest.approx(0.001, rel=1e-6)
    assert isinstance(metrics.scores(np.float32([1, 2]), np.float32([1, 3]))["MSE"], float)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_diverged_forecast_is_infinitely_bad_and_an_actual_value_must_be_a_number(bad):
    infinite = {"MSE": np.inf, "MAE": np.inf, "RMSE": np.inf, "MAPE": np.inf, "R2": -np.inf}
    for worst in (bad, 1e200):  # the square of the last one is too large for a float
        assert metrics.scores([1.0, 2.0], [1.0, worst]) == infinite
        assert metrics.beside_naive([1.0, 2.0], [1.0, worst], [0.0, 1.0]) == {**infinite, "skill": -np.inf}
    assert metrics.mase([1.0, 2.0], [1.0, bad], [1.0, 2.0]) == np.inf
    with pytest.raises(ValueError, match="leave such days out"):
        metrics.scores([1.0, bad], [1.0, 2.0])


def test_the_naive_forecast_is_a_copy_of_the_last_closes():
    last = np.array([3.0, 4.0, 5.0])
    forecast = baselines.naive(last)
    assert forecast.tolist() == [3, 4, 5]
    forecast[0] = 0
    assert last[0] == 3


def test_skill_by_hand():
    # Errors 1, 1 against 2, -2 of the naive forecast.
    assert metrics.skill([3, 5], [2, 4], [1, 7]) == pytest.approx(1 - 1 / 4)
    assert metrics.skill([3, 5], [1, 7], [1, 7]) == 0
    assert metrics.skill([3, 5], [3, 5], [1, 7]) == 1
    assert metrics.skill([3, 5], [-1, 9], [1, 7]) == pytest.approx(-3)
    assert math.isnan(metrics.skill([3, 5], [2, 4], [3, 5]))


def test_mase_by_hand():
    # Training changes 2, 1, 3: mean 2. Errors 1 and 3: mean 2.
    assert metrics.mase([10, 20], [11, 17], [1, 3, 2, 5]) == pytest.approx(1)
    assert metrics.mase([10, 20], [10.5, 20], [1, 3, 2, 5]) == pytest.approx(0.125)
    assert math.isnan(metrics.mase([10, 20], [10, 20], [4, 4, 4]))


def test_a_change_with_a_missing_end_is_none():
    closes = [1, 3, math.nan, 9, 10, math.nan]
    assert metrics.daily_changes(closes).tolist() == [2, 1]
    assert metrics.mase([10, 20], [11, 17], closes) == pytest.approx(2 / 1.5)
    assert math.isnan(metrics.mase([10, 20], [11, 17], [4, math.nan, 5]))


def test_mase_of_the_naive_forecast_on_the_training_days_is_one_and_has_no_unit():
    closes = np.random.default_rng(1).normal(100, 3, 50)
    assert metrics.mase(closes[1:], closes[:-1], closes) == pytest.approx(1)
    assert metrics.mase(7 * closes[1:], 7 * closes[:-1] + 1, 7 * closes) == pytest.approx(
        metrics.mase(closes[1:], closes[:-1] + 1 / 7, closes)
    )
