"""Bootstrap intervals against formulas, a bootstrap of its own, and how often they are right."""

import math

import numpy as np
import pytest
from scipy import stats

from lib.evaluation import resampling

DAYS = 162


def autoregressive(rng, coefficient, days=DAYS, burn=50):
    x = np.zeros(days + burn)
    for i, e in enumerate(rng.standard_normal(days + burn)):
        x[i] = coefficient * x[i - 1] + e
    return x[burn:]


def test_mean_spread_and_skill_by_hand():
    base = np.array([2.0] * 10)
    losses = np.array([[1.0] * 10, [3.0] * 10, [2.0] * 10])
    found = resampling.over_seeds(losses, base)
    # Skills 0.5, -0.5 and 0: mean 0, standard deviation 0.5.
    assert (found["mean"], found["spread"], found["smallest"], found["largest"]) == pytest.approx((0, 0.5, -0.5, 0.5))
    assert (found["seeds"], found["days"], found["block_length"]) == (3, 10, 3)
    plain = resampling.over_seeds(losses)
    assert (plain["mean"], plain["spread"]) == pytest.approx((2, 1))


def test_one_seed_has_no_spread_and_a_forecast_equal_to_naive_no_doubt():
    base = np.random.default_rng(1).chisquare(1, DAYS)
    found = resampling.over_seeds(base, base)
    assert math.isnan(found["spread"]) and found["mean"] == found["lower"] == found["upper"] == 0


def test_independent_days_give_the_textbook_interval():
    losses = np.random.default_rng(2).normal(5, 2, 400)
    found = resampling.over_seeds(losses, block_length=1, repetitions=4000)
    half = 1.96 * losses.std() / math.sqrt(400)
    assert (found["upper"] - found["lower"]) / 2 == pytest.approx(half, rel=0.05)
    assert (found["upper"] + found["lower"]) / 2 == pytest.approx(losses.mean(), abs=0.1 * half)


def test_against_a_stationary_bootstrap_written_out():
    rng = np.random.default_rng(3)
    base = np.exp(0.5 * autoregressive(rng, 0.6))
    losses = base * np.exp(rng.normal(0, 0.2, (4, DAYS))) * np.array([[0.9], [1.0], [1.05], [1.2]])
    found = resampling.over_seeds(losses, base, repetitions=4000)
    drawn = []
    for _ in range(4000):
        at = np.empty(DAYS, dtype=int)
        for i in range(DAYS):
            at[i] = rng.integers(DAYS) if i == 0 or rng.random() < 1 / 6 else (at[i - 1] + 1) % DAYS
        seeds = rng.integers(0, 4, 4)
        drawn.append(np.mean([1 - losses[s, at].mean() / base[at].mean() for s in seeds]))
    lower, upper = np.percentile(drawn, [2.5, 97.5])
    assert found["lower"] == pytest.approx(lower, abs=0.05 * (upper - lower))
    assert found["upper"] == pytest.approx(upper, abs=0.05 * (upper - lower))


def test_seeds_that_disagree_and_days_that_depend_on_each_other_widen_the_interval():
    rng = np.random.default_rng(4)
    day = autoregressive(rng, 0.8) + 10

    def width(losses, **options):
        found = resampling.over_seeds(losses, **options)
        return found["upper"] - found["lower"]

    agree, disagree = np.tile(day, (5, 1)), day + np.array([[-2], [-1], [0], [1], [2]])
    assert width(disagree) > 1.2 * width(agree)
    assert width(day, block_length=12) > 1.5 * width(day, block_length=1)


def test_it_repeats_and_narrows_with_less_confidence():
    losses = np.random.default_rng(5).chisquare(1, (3, DAYS))
    assert (
        resampling.over_seeds(losses, seed=1)
        == resampling.over_seeds(losses, seed=1)
        != resampling.over_seeds(losses, seed=2)
    )
    wide, narrow = resampling.over_seeds(losses), resampling.over_seeds(losses, confidence=0.8)
    assert wide["lower"] < narrow["lower"] < narrow["mean"] < narrow["upper"] < wide["upper"]


def test_the_length_of_a_block():
    assert [resampling.block_length_of(n) for n in (8, 27, 28, 125, 162, 163, 1000)] == [2, 3, 4, 5, 6, 6, 10]


@pytest.mark.parametrize(
    ("losses", "base"),
    [
        (np.ones((2, 9)), None),
        (np.ones((2, 20)), np.ones(19)),
        (np.full((2, 20), np.nan), None),
        (np.ones(20), np.full(20, np.inf)),
    ],
)
def test_what_cannot_be_resampled_is_refused(losses, base):
    with pytest.raises(resampling.ResamplingError):
        resampling.over_seeds(losses, base)


@pytest.mark.slow
@pytest.mark.ci
def test_intervals_hold_the_truth_nearly_as_often_as_they_say():
    """Losses with a memory of some days; the true mean is 0. Blocks help, and do not do wonders in 162 days."""
    rng = np.random.default_rng(6)
    held = {1: 0, 6: 0}
    for run in range(300):
        losses = autoregressive(rng, 0.5)
        for block in held:
            found = resampling.over_seeds(losses, block_length=block, repetitions=200, seed=run)
            held[block] += found["lower"] <= 0 <= found["upper"]
    # Expected about 0.90 with blocks; without them the interval is too short by sqrt(3): 0.74.
    assert held[6] / 300 > 0.84 and held[1] / 300 < 0.82


@pytest.mark.parametrize(("horizon", "forecasts"), [(1, 100), (5, 60), (15, 150)])
def test_overlapping_forecasts_without_skill_are_seldom_called_better_or_worse(horizon, forecasts):
    """A random walk whose drift is half of what one forecast says: both have the same squared error in the mean."""
    rng = np.random.default_rng(11)
    better = worse = 0
    runs = 400
    tilt = 0.3 * 0.03 * math.sqrt(horizon)
    for _ in range(runs):
        path = np.cumsum(rng.normal(tilt / 2 / horizon, 0.03, forecasts + horizon))
        change = path[horizon:] - path[:-horizon]
        _, lower, upper = resampling.skill_of_overlapping((change - tilt) ** 2, change**2, horizon)
        better, worse = better + (lower > 0), worse + (upper < 0)
    # Nominal are 2.5 % on each side; 6 % is three standard errors above 4 %, which short series come to.
    assert better / runs < 0.06 and worse / runs < 0.06
    # It can see a difference, too.
    _, lower, _ = resampling.skill_of_overlapping(0.2 * change**2, change**2, horizon)
    assert lower == pytest.approx(0.8) or horizon == 15  # five blocks bound it on most paths, not on this one


def test_a_p_value_of_overlapping_forecasts_agrees_with_their_interval_and_is_often_right():
    """Below 0.05 where the interval leaves 0 out, and of forecasts without skill about as often as it says."""
    rng = np.random.default_rng(12)
    small = agree = 0
    runs, horizon, tilt = 300, 3, 0.3 * 0.03 * math.sqrt(3)
    for _ in range(runs):
        path = np.cumsum(rng.normal(tilt / 2 / horizon, 0.03, 120 + horizon))
        change = path[horizon:] - path[:-horizon]
        losses = (change - tilt) ** 2, change**2
        _, lower, upper = resampling.skill_of_overlapping(*losses, horizon)
        p = resampling.p_of_overlapping(*losses, horizon)
        small, agree = small + (p < 0.05), agree + ((p < 0.05) == (lower > 0 or upper < 0))
    assert small / runs < 0.09 and agree == runs
    assert resampling.p_of_overlapping(0.2 * change**2, change**2, horizon) < 0.05


def test_a_p_value_by_hand_and_where_there_is_none():
    ours, naive = np.repeat([1.0, 3.0, 2.0], 6), np.repeat([2.0, 2.5, 4.0], 6)  # three blocks of twice 3 days
    expected = stats.ttest_1samp([-1.0, 0.5, -2.0], 0).pvalue
    assert resampling.p_of_overlapping(ours, naive, 3) == pytest.approx(expected)
    assert math.isnan(resampling.p_of_overlapping(ours[:11], naive[:11], 3)), "one block only"
    assert math.isnan(resampling.p_of_overlapping(np.r_[ours[1:], np.inf], naive, 3))


def test_a_ratio_that_few_blocks_cannot_bound_has_no_bounds():
    losses = np.r_[np.ones(20), 100 * np.ones(20)]
    skill, lower, upper = resampling.skill_of_overlapping(2 * np.ones(40), losses, 10)
    assert skill == pytest.approx(1 - 2 / 50.5) and math.isnan(lower) and math.isnan(upper)
    assert all(math.isnan(x) for x in resampling.skill_of_overlapping(np.ones(40), np.zeros(40), 2))
    assert resampling.skill_of_overlapping(np.full(40, np.inf), np.ones(40), 2)[0] == -math.inf


def test_a_price_that_stands_still_has_no_skill_and_one_that_hardly_moves_has_an_interval():
    still = resampling.over_seeds(np.ones(50), np.zeros(50))
    assert math.isnan(still["mean"]) and math.isnan(still["lower"]) and still["days"] == 50
    hardly = np.r_[np.zeros(48), 1.0, 1.0]
    moved = resampling.over_seeds(2 * hardly, hardly)
    assert moved["mean"] == moved["lower"] == moved["upper"] == -1.0
