"""Prediction intervals: by hand, and how often they miss where the truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from lib.evaluation import prediction


def test_spread_and_interval_by_hand():
    errors = {1: [1.0, math.e**2], 2: [math.e, math.e**3], 3: [5.0]}
    spread, freedom = prediction.pooled_spread(errors)
    assert (spread, freedom) == (pytest.approx(math.sqrt(2)), 2)  # two pairs, each with a sum of squares of 2
    low, high = prediction.one_more([5.0], spread, freedom)
    half = stats.t.ppf(0.975, 2) * math.sqrt(2) * math.sqrt(2)
    assert (low, high) == (pytest.approx(5 * math.exp(-half)), pytest.approx(5 * math.exp(half)))
    low, high = prediction.one_more([1.0, math.e**2], spread, freedom)
    assert math.log(high) - 1 == pytest.approx(stats.t.ppf(0.975, 2) * math.sqrt(2 * 1.5))


def test_without_a_spread_or_with_an_infinite_error_there_is_no_interval():
    assert prediction.pooled_spread({1: [1.0], 2: [2.0]})[1] == 0
    assert np.isnan(prediction.one_more([1.0], *prediction.pooled_spread({1: [1.0]}))).all()
    assert np.isnan(prediction.one_more([math.inf], 0.1, 4)).all()
    assert prediction.one_more([math.inf, 1.0], 0.1, 4) == prediction.one_more([1.0], 0.1, 4)
    assert prediction.pooled_spread({1: [1.0, math.inf], 2: [1.0, 1.0]}) == (0.0, 1)
    assert np.isnan(prediction.best_of({1: [1.0]}, math.nan, 0)).all()
    for too_few in ({1: [1.0]}, {1: [1.0, 1.01]}, {1: [math.inf, math.inf], 2: [1.0, 1.1]}):
        assert not any(prediction.outside_when_left_out(too_few).values()), "no interval is not outside"


def test_no_new_error_is_below_its_floor():
    low, high = prediction.best_of({1: [1.0], 2: [1.2]}, 0.5, 8, floors={1: 0.9, 2: 0.95})
    assert low == pytest.approx(0.9) and high > 0.95
    errors = {1: [1.0, 1.3], 2: [2.0, 1.7], 3: [3.0, 3.4]}
    alone = prediction.outside_when_left_out(errors)["one training"]
    assert prediction.outside_when_left_out(errors, errors)["one training"] == alone
    tight = {trial: [0.99 * values[0], values[1]] for trial, values in errors.items()}
    wrong = {trial: [3 * value for value in values] for trial, values in tight.items()}
    assert all(prediction.outside_when_left_out(errors, wrong)["one training"])


def test_a_best_that_was_lucky_is_drawn_towards_the_others():
    """Trials that differ by their seeds only: the smallest of new ones is not as small as each seed would have it."""
    errors = {trial: [value] for trial, value in enumerate(np.exp([-1.0, -0.5, 0.0, 0.5, 1.0]))}
    low, high = prediction.best_of(errors, spread=0.8, freedom=1000)
    alone = prediction.best_of({0: [math.exp(-1.0)]}, spread=0.8, freedom=1000)
    assert low > alone[0] and math.exp(-1.0) > low and high < 1.1
    apart = prediction.best_of({1: [1e-3], 2: [1.0]}, spread=0.01, freedom=1000)
    assert apart[0] < 1e-3 < apart[1] and apart[1] / apart[0] < 1.08


def simulated(times, trials=15, spread=0.35, repeated=4, seeds=3):
    """Log-normal errors of new trainings beside those from which the intervals come."""
    draw = np.random.default_rng(1)
    for _ in range(times):
        centre = np.log(7e-4) + np.abs(draw.normal(0, 0.6, trials))
        noise = [spread * draw.standard_normal(seeds if k < repeated else 1) for k in range(trials)]
        yield (
            {k: list(np.exp(centre[k] + noise[k])) for k in range(trials)},
            np.exp(centre + spread * draw.standard_normal(trials)),
        )


@pytest.mark.slow
@pytest.mark.ci
def test_both_rules_miss_about_as_often_as_they_say():
    one, best, left_out = [], [], {"one training": [], "best of the repeated": []}
    for errors, new in simulated(150):
        known = prediction.pooled_spread(errors)
        for trial, values in errors.items():
            low, high = prediction.one_more(values, *known)
            one.append(not low <= new[trial] <= high)
        low, high = prediction.best_of(errors, *known)
        best.append(not low <= new.min() <= high)
        for rule, cases in prediction.outside_when_left_out({k: errors[k] for k in range(4)}).items():
            left_out[rule] += cases
    assert 0.03 < np.mean(one) < 0.07 and np.mean(best) < 0.1
    assert len(left_out["one training"]) == 150 * 4 * 6 and len(left_out["best of the repeated"]) == 150 * 6
    assert 0.02 < np.mean(left_out["one training"]) < 0.08 and np.mean(left_out["best of the repeated"]) < 0.12


def test_errors_of_another_kind_are_noticed():
    """Half as large or twice as large as ours by the same spread: many more than one in twenty is outside."""
    for factor in (0.35, 3.0):
        outside = []
        for errors, new in simulated(40):
            known = prediction.pooled_spread(errors)
            for trial, values in errors.items():
                low, high = prediction.one_more(values, *known)
                outside.append(not low <= factor * new[trial] <= high)
        assert np.mean(outside) > 0.3
