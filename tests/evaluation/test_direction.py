"""Directions, trades and Sharpe ratios: by hand, by brute force, and by the papers' own numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from lib.evaluation import direction


def test_accuracy_by_hand():
    #                 up   down  up   same (down)  up
    last = np.array([10.0, 10.0, 10.0, 10.0, 10.0])
    actual = np.array([11.0, 9.0, 12.0, 10.0, 10.5])
    called = np.array([10.1, 10.2, 9.9, 10.0, 11.0])
    found = direction.accuracy(actual, called, last)
    assert (found["accuracy"], found["majority"], found["called_up"], found["days"]) == pytest.approx(
        (3 / 5, 3 / 5, 3 / 5, 5)
    )
    assert found["excess"] == pytest.approx(0)
    # Wilson 1927: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    p, n, z = 0.6, 5, 1.959963984540054
    middle, half, below = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)), 1 + z**2 / n
    assert (found["lower"], found["upper"]) == pytest.approx(((middle - half) / below, (middle + half) / below))


def test_a_constant_is_no_better_than_the_majority():
    rng = np.random.default_rng(1)
    last = rng.uniform(90, 110, 200)
    actual = last + rng.normal(-0.3, 1, 200)
    down, up = direction.accuracy(actual, last, last), direction.accuracy(actual, last + 1, last)
    assert down["excess"] == 0 and down["called_up"] == 0 and up["excess"] < 0 and up["called_up"] == 1
    assert down["accuracy"] + up["accuracy"] == pytest.approx(1)


def test_trades_by_hand():
    last, actual = np.array([100.0, 110.0, 99.0, 99.0]), np.array([110.0, 99.0, 99.0, 108.9])
    predicted = np.array([105.0, 100.0, 100.0, 120.0])
    found = direction.long_flat(actual, predicted, last, cost=0.01)
    assert list(found["position"]) == [1, 0, 1, 1]
    assert list(found["sides"]) == [1, 1, 1, 1]  # bought, sold, bought, and sold at the end
    # The sale before the second day is charged to that day.
    assert list(found["net_return"]) == pytest.approx([1.1 * 0.99 - 1, 0.99 - 1, 0.99 - 1, 1.1 * 0.99 - 1])
    assert found["wealth"].iloc[-1] == pytest.approx(1.1 * 1.1 * 0.99**4)


def test_wealth_by_walking_through_the_days():
    rng = np.random.default_rng(2)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.04, 163)))
    last, actual = close[:-1], close[1:]
    predicted = last * (1 + rng.normal(0, 0.01, 162))
    usd, coins, sides = 1.0, 0.0, 0
    for i in range(162):
        if predicted[i] > last[i] and not coins:
            usd, coins, sides = 0.0, usd * 0.999 / last[i], sides + 1
        elif predicted[i] <= last[i] and coins:
            usd, coins, sides = coins * last[i] * 0.999, 0.0, sides + 1
    if coins:
        usd, sides = coins * actual[-1] * 0.999, sides + 1
    found = direction.performance(direction.long_flat(actual, predicted, last))
    assert found["total_return"] == pytest.approx(usd - 1, rel=1e-12) and found["sides"] == sides
    assert found["share_held"] == pytest.approx(np.mean(predicted > last)) and found["days"] == 162


def test_returns_of_days_that_are_not_scored_count_for_whoever_holds():
    """100 -> 110, two days that are not scored (110 -> 165), 165 -> 150: holding earns 50 %, not 0 %."""
    last, actual = np.array([100.0, 165.0]), np.array([110.0, 150.0])
    held = direction.buy_and_hold(actual, last, cost=0)
    assert held["wealth"].tolist() == pytest.approx([1.1, 1.5])
    assert held["net_return"].tolist() == pytest.approx([0.1, 1.5 / 1.1 - 1])  # dated at the day after the gap
    # Bought for the first day, the coin is held until there is a forecast again; that one says sell.
    left = direction.long_flat(actual, np.array([101.0, 160.0]), last, cost=0)
    assert left["wealth"].tolist() == pytest.approx([1.1, 1.65])
    # Not bought, the rise is missed.
    late = direction.long_flat(actual, np.array([99.0, 166.0]), last, cost=0)
    assert late["wealth"].tolist() == pytest.approx([1.0, 150 / 165])


def test_what_was_earned_over_absent_days_is_no_days_return():
    """Prices rise tenfold in a gap of 100 days: the Sharpe ratio is that of the days around it, the wealth is not."""
    rng = np.random.default_rng(8)
    steps = np.exp(rng.normal(0.001, 0.02, 80))
    last = 100 * np.concatenate([[1], np.cumprod(steps)[:-1]])
    last[40:] *= 10
    actual = last * steps
    for rule in (direction.buy_and_hold(actual, last), direction.long_flat(actual, last * 1.01, last)):
        found, ratio = direction.performance(rule), direction.sharpe(rule["day_return"])
        of_days = steps - 1
        of_days[0], of_days[-1] = steps[0] * 0.999 - 1, steps[-1] * 0.999 - 1
        assert found["sharpe"] == pytest.approx(math.sqrt(365) * of_days.mean() / of_days.std(ddof=1))
        assert found["days"] == 80 and ratio["kurtosis"] < 6
        assert found["total_return"] == pytest.approx(10 * np.prod(steps) * 0.999**2 - 1)
        assert rule["net_return"].iloc[40] == pytest.approx(10 * steps[40] - 1)
        same = rule.drop(40)
        np.testing.assert_allclose(same["net_return"], same["day_return"], atol=1e-12)


def test_buy_and_hold_pays_twice_and_the_naive_forecast_never_trades():
    last, actual = np.array([100.0, 120.0, 90.0]), np.array([120.0, 90.0, 150.0])
    held = direction.buy_and_hold(actual, last)
    assert held["wealth"].iloc[-1] == pytest.approx(1.5 * 0.999**2) and held["sides"].sum() == 2
    always = direction.long_flat(actual, last + 1, last)
    pd.testing.assert_frame_equal(always, held)
    assert direction.long_flat(actual, last, last)["wealth"].tolist() == [1, 1, 1]


def test_costs_only_ever_cost():
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.04, 101)))
    predicted = close[:-1] * (1 + rng.normal(0, 0.01, 100))
    ends = [direction.long_flat(close[1:], predicted, close[:-1], cost)["wealth"].iloc[-1] for cost in (0, 0.001, 0.01)]
    assert ends[0] > ends[1] > ends[2]
    sides = direction.long_flat(close[1:], predicted, close[:-1])["sides"].sum()
    assert ends[1] / ends[0] == pytest.approx(0.999**sides)


def test_drawdown_by_looking_at_every_pair():
    wealth = np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.05, 120)))
    path = [1.0, *wealth]
    deepest = max(1 - path[j] / path[i] for i in range(len(path)) for j in range(i, len(path)))
    assert direction.max_drawdown(wealth) == pytest.approx(deepest)
    assert direction.max_drawdown([1.1, 1.2, 1.5]) == 0 and direction.max_drawdown([0.5, 0.4, 2.0]) == pytest.approx(
        0.6
    )


def test_sharpe_by_hand_and_with_normal_tails_los_error():
    returns = np.random.default_rng(5).normal(0.002, 0.04, 100_000)
    found = direction.sharpe(returns)
    daily = returns.mean() / returns.std(ddof=1)
    assert (found["daily"], found["sharpe"]) == pytest.approx((daily, daily * math.sqrt(365)))
    # Lo 2002, eq. 9: sqrt((1 + SR^2 / 2) / T)
    assert found["daily_error"] == pytest.approx(math.sqrt((1 + daily**2 / 2) / 100_000), rel=0.01)
    assert found["error"] == pytest.approx(found["daily_error"] * math.sqrt(365))


def test_the_error_of_a_sharpe_ratio_is_its_spread_between_samples():
    """Returns with rare deep falls: Lo's formula would be far too small here."""
    rng = np.random.default_rng(6)
    samples = 1.5 - rng.exponential(1, (4000, 250))
    found = [direction.sharpe(sample) for sample in samples[:400]]
    spread = np.std(samples.mean(axis=1) / samples.std(axis=1, ddof=1))
    assert np.mean([f["daily_error"] for f in found]) == pytest.approx(spread, rel=0.06)
    assert math.sqrt((1 + 0.5**2 / 2) / 250) < 0.85 * spread


def test_a_rule_that_never_trades_has_no_sharpe_ratio():
    assert math.isnan(direction.sharpe(np.zeros(50))["sharpe"])
    with pytest.raises(direction.DirectionError):
        direction.sharpe(np.zeros(5))


def test_the_deflated_sharpe_ratio_of_the_papers_example():
    """Bailey and Lopez de Prado 2014, numerical example: 100 trials, variance 1/2 a year, 1250 days, skew -3, kurtosis
    10.
    """
    deviation = math.sqrt(0.5 / 250)
    assert direction.expected_best_sharpe(100, deviation) == pytest.approx(0.1132, abs=5e-5)
    daily = 2.5 / math.sqrt(250)
    assert direction.deflated_sharpe(daily, 1250, -3, 10, 100, deviation) == pytest.approx(0.9004, abs=5e-5)
    # And had there been 46 trials, 0.9505.
    assert direction.deflated_sharpe(daily, 1250, -3, 10, 46, deviation) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("rules", [5, 12, 84])
def test_the_best_of_many_worthless_rules_by_simulation(rules):
    best = np.random.default_rng(7).normal(0, 1, (20_000, rules)).max(axis=1).mean()
    assert direction.expected_best_sharpe(rules, 1) == pytest.approx(best, rel=0.04)


def test_one_rule_has_no_luck_to_take_off():
    assert direction.expected_best_sharpe(1, 2.0) == 0
    with pytest.raises(direction.DirectionError, match="rules is 0"):
        direction.expected_best_sharpe(0, 1.0)


@pytest.mark.parametrize("bad", [np.array([1.0, np.nan, 1.0]), np.array([1.0, 2.0])])
def test_what_cannot_be_traded_is_refused(bad):
    with pytest.raises(direction.DirectionError):
        direction.long_flat(np.ones(3), bad, np.ones(3))
    with pytest.raises(direction.DirectionError):
        direction.buy_and_hold(np.ones(3), np.array([1.0, 0.0, 1.0]))
