"""Tests of forecasts against implementations of their own in numpy, exact probabilities, and simulations."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.evaluation import significance

DAYS = 162


@pytest.fixture(scope="module")
def three():
    """Actual values and two forecasts, the first of which is better; the errors depend on the day before."""
    rng = np.random.default_rng(11)
    actual = np.cumsum(rng.normal(0, 1, DAYS))
    slow = np.convolve(rng.normal(0, 1, DAYS + 4), np.ones(5) / 5, mode="valid")
    return actual, actual + 0.8 * slow + rng.normal(0, 0.4, DAYS), actual + slow + rng.normal(0, 0.6, DAYS)


def newey_west(d, lags):
    """Variance of the mean of d (Newey and West 1987, eq. 5)."""
    n, e = len(d), d - d.mean()
    return (e @ e + 2 * sum((1 - k / (lags + 1)) * (e[k:] @ e[:-k]) for k in range(1, lags + 1))) / n**2


@pytest.mark.parametrize("loss", ["squared", "absolute"])
@pytest.mark.parametrize(("lags", "horizon"), [(None, 1), (0, 1), (3, 1), (None, 9), (4, 5)])
def test_diebold_mariano_is_the_papers_formula(three, loss, lags, horizon):
    actual, a, b = three
    found = significance.diebold_mariano(actual, a, b, loss, lags, horizon)
    power = {"squared": 2, "absolute": 1}[loss]
    d = np.abs(actual - a) ** power - np.abs(actual - b) ** power
    used = lags if lags is not None else max(horizon - 1, 6)
    statistic = (
        d.mean()
        / math.sqrt(newey_west(d, used))
        * math.sqrt((DAYS + 1 - 2 * horizon + horizon * (horizon - 1) / DAYS) / DAYS)
    )
    assert found["statistic"] == pytest.approx(statistic, rel=1e-9)
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(statistic), DAYS - 1), rel=1e-9)
    assert found["p_better"] == pytest.approx(stats.t.cdf(statistic, DAYS - 1), rel=1e-9)
    assert (found["days"], found["lags"]) == (DAYS, used) and found["mean_difference"] == pytest.approx(d.mean())


def test_without_lags_it_is_the_plain_t_test_but_for_one_degree_of_freedom(three):
    """One day ahead the correction (n - 1) / n turns the variance over n into the usual one over n - 1."""
    actual, a, b = three
    found = significance.diebold_mariano(actual, a, b, lags=0)
    plain = stats.ttest_1samp((actual - a) ** 2 - (actual - b) ** 2, 0)
    assert found["statistic"] == pytest.approx(
        plain.statistic * (DAYS - 1) / DAYS * math.sqrt(DAYS / (DAYS - 1)) ** 2, rel=1e-9
    )
    assert found["p_value"] == pytest.approx(plain.pvalue, rel=1e-9)


def test_the_better_forecast_has_the_small_one_sided_p_whichever_comes_first(three):
    actual, a, b = three
    one, other = significance.diebold_mariano(actual, a, b), significance.diebold_mariano(actual, b, a)
    assert one["mean_difference"] < 0 and one["p_better"] < 0.5 < other["p_better"]
    assert one["statistic"] == pytest.approx(-other["statistic"]) and one["p_value"] == pytest.approx(other["p_value"])
    assert one["p_better"] + other["p_better"] == pytest.approx(1)
    assert one["p_value"] == pytest.approx(2 * one["p_better"])


def test_equal_losses_are_no_difference_and_no_division_by_zero(three):
    actual, a, _ = three
    assert significance.diebold_mariano(actual, a, a)["p_value"] == 1
    assert significance.diebold_mariano(actual, a, 2 * actual - a)["p_better"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        lambda x: (x[:5], x[:5], x[:5]),
        lambda x: (x, x[:-1], x),
        lambda x: (x, np.where(x > 0, np.nan, x), x),
        lambda x: (x, x[:, None], x),
    ],
)
def test_series_that_cannot_be_compared_are_refused(three, bad):
    with pytest.raises(significance.SignificanceError):
        significance.diebold_mariano(*bad(three[0]))
    with pytest.raises(significance.SignificanceError, match="squared and absolute"):
        significance.diebold_mariano(*three, loss="cubic")


@pytest.fixture(scope="module")
def directions():
    rng = np.random.default_rng(5)
    last = rng.uniform(90, 110, DAYS)
    change = rng.normal(0.3, 1, DAYS)
    return last + change, last + 0.4 * change + rng.normal(-0.2, 1, DAYS), last


def test_pesaran_timmermann_is_the_papers_formula_and_pearsons_chi_squared(directions):
    actual, predicted, last = directions
    found = significance.pesaran_timmermann(actual, predicted, last)
    x, y = predicted > last, actual > last
    p, px, py, n = np.mean(x == y), x.mean(), y.mean(), len(x)
    star = py * px + (1 - py) * (1 - px)
    v = star * (1 - star) / n
    w = ((2 * py - 1) ** 2 * px * (1 - px) + (2 * px - 1) ** 2 * py * (1 - py)) / n
    assert (found["hits"], found["expected_hits"]) == pytest.approx((p, star))
    assert found["statistic"] == pytest.approx((p - star) / math.sqrt(v - w), rel=1e-9)
    table = [[np.sum(x & y), np.sum(x & ~y)], [np.sum(~x & y), np.sum(~x & ~y)]]
    chi2, two_sided, *_ = stats.chi2_contingency(table, correction=False)
    assert found["statistic"] ** 2 == pytest.approx(chi2, rel=1e-9) and found["statistic"] > 0
    assert found["p_value"] == pytest.approx(two_sided / 2, rel=1e-9)


def test_wrong_directions_are_no_success(directions):
    actual, predicted, last = directions
    assert significance.pesaran_timmermann(actual, 2 * last - predicted, last)["p_value"] > 0.9


def test_a_forecast_that_always_says_the_same_has_no_direction_to_test(directions):
    actual, _, last = directions
    for constant in (last, last + 1, last - 1):
        found = significance.pesaran_timmermann(actual, constant, last)
        assert math.isnan(found["p_value"]) and found["hits"] == pytest.approx(found["expected_hits"])


def model_confidence_set_by_hand(losses, block, repetitions, rng):
    """Hansen, Lunde and Nason 2011, sections 3.1.2 and 4, with the stationary bootstrap written out."""
    n, m = losses.shape
    weights = np.empty((repetitions, n))
    for b in range(repetitions):
        start = rng.random(n) < 1 / block
        at = rng.integers(0, n, n)
        for i in range(1, n):
            if not start[i]:
                at[i] = (at[i - 1] + 1) % n
        weights[b] = np.bincount(at, minlength=n) / n
    drawn = weights @ losses - losses.mean(axis=0)
    left, worst_first = list(range(m)), []
    while len(left) > 1:
        best = None
        maxima = np.zeros(repetitions)
        for i in left:
            for j in left:
                if i != j:
                    spread = drawn[:, i] - drawn[:, j]
                    variance = np.mean(spread**2)
                    t = (losses[:, i].mean() - losses[:, j].mean()) / math.sqrt(variance)
                    maxima = np.maximum(maxima, np.abs(spread) / math.sqrt(variance))
                    if best is None or t > best[0]:
                        best = t, i
        worst_first.append((best[1], np.mean(maxima > best[0])))
        left.remove(best[1])
    p_values, highest = np.ones(m), 0.0
    for model, p in worst_first:
        highest = max(highest, p)
        p_values[model] = highest
    return p_values


@pytest.fixture(scope="module")
def losses():
    rng = np.random.default_rng(8)
    common = rng.chisquare(1, DAYS)
    return pd.DataFrame(
        {
            name: common + mean + rng.normal(0, 0.5, DAYS)
            for name, mean in {"good": 0.0, "nearly": 0.06, "so-so": 0.14, "bad": 0.5}.items()
        }
    )


@pytest.fixture(scope="module")
def tight():
    """Two models that differ by little and always alike, among noisy ones: only pairs of models tell them apart."""
    rng = np.random.default_rng(0)
    common = rng.chisquare(1, DAYS)
    first = common + rng.normal(0, 0.5, DAYS)
    return pd.DataFrame(
        {
            "first": first,
            "second": first + 0.03 + rng.normal(0, 0.15, DAYS),
            "noisy": common + 0.2 + rng.normal(0, 1.5, DAYS),
            "noisier": common + 0.35 + rng.normal(0, 2, DAYS),
        }
    )


@pytest.mark.parametrize("name", ["losses", "tight"])
def test_model_confidence_set_against_the_paper_written_out(request, name):
    losses = request.getfixturevalue(name)
    found = significance.model_confidence_set(losses).set_index("model")
    by_hand = model_confidence_set_by_hand(losses.to_numpy(), 6, 2000, np.random.default_rng(99))
    # Both are bootstrap estimates with a standard error of at most 0.011.
    np.testing.assert_allclose(found.loc[losses.columns, "p_value"], by_hand, atol=0.045)
    assert found["p_value"].iloc[0] == 1 and found.index[0] == losses.mean().idxmin()
    assert found["p_value"].between(0.02, 0.98).any(), "a p-value in the middle makes the comparison worth something"


def test_a_bad_model_is_not_in_the_set(losses):
    found = significance.model_confidence_set(losses).set_index("model")
    assert found.loc["bad", "p_value"] < 0.01 and not found.loc["bad", "in_set"]


def test_the_set_says_how_it_was_made_and_repeats(losses):
    found = significance.model_confidence_set(losses, seed=3)
    assert found.attrs == {"days": DAYS, "size": 0.10, "block_length": 6, "repetitions": 2000, "seed": 3}
    pd.testing.assert_frame_equal(found, significance.model_confidence_set(losses, seed=3))
    assert list(found["mean_loss"]) == sorted(found["mean_loss"])


def test_models_with_equal_losses_share_a_verdict(losses):
    best = losses.mean().idxmin()
    found = significance.model_confidence_set(losses.assign(again=losses["so-so"], best_again=losses[best])).set_index(
        "model"
    )
    assert found.loc["again", "p_value"] == found.loc["so-so", "p_value"] < 1
    assert found.loc["best_again", "p_value"] == found.loc[best, "p_value"] == 1
    alone = significance.model_confidence_set(losses[["good"]].assign(same=losses["good"]))
    assert alone["in_set"].all()


def test_losses_that_are_no_numbers_are_refused(losses):
    with pytest.raises(significance.SignificanceError):
        significance.model_confidence_set(losses.mask(losses > losses.max().max() - 0.1))


@pytest.mark.slow
def test_the_set_keeps_the_best_of_equal_models_as_often_as_it_says():
    """Five models of equal expected loss: all belong to the set, and all are in it with probability
    1 - size or more.
    """
    rng, whole = np.random.default_rng(21), 0
    for run in range(200):
        losses = pd.DataFrame(rng.chisquare(1, (DAYS, 1)) + rng.normal(0, 1, (DAYS, 5)))
        whole += significance.model_confidence_set(losses, repetitions=200, seed=run)["in_set"].all()
    # The bootstrap's size is a little above nominal in 162 days; 0.10 plus 0.03, and three standard errors of 200 runs.
    assert whole / 200 > 0.90 - 0.03 - 3 * math.sqrt(0.9 * 0.1 / 200)
    assert whole < 200


def test_holm_by_hand():
    """0.01 x 3, 0.04 x 1 but not below its predecessor, 0.03 x 2, 0.005 x 4."""
    found = significance.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found.to_dict() == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_holm_ends_at_one_and_counts_only_what_was_tested():
    found = significance.holm({"a": 0.5, "b": 0.9, "no test": math.nan})
    assert (
        found["a"] == 1
        and found["b"] == 1
        and math.isnan(found["no test"])
        and list(found.index) == ["a", "b", "no test"]
    )
    assert significance.holm({"a": 0.02, "no test": math.nan})["a"] == 0.02
    assert significance.holm({"no test": math.nan}).isna().all()


def test_the_loss_difference_has_the_mean_and_variance_that_the_power_rests_on():
    rng, n, k = np.random.default_rng(2), 2_000_000, 0.18
    known, unknown = rng.normal(0, math.sqrt(k), n), rng.normal(0, math.sqrt(1 - k), n)
    d = (known + unknown) ** 2 - unknown**2
    assert d.mean() == pytest.approx(k, abs=0.003) and d.var() == pytest.approx(4 * k - 2 * k**2, rel=0.02)


def test_power_is_the_noncentral_t(three):
    for days, skill in ((162, 0.05), (162, 0.18), (1000, 0.02)):
        shift = math.sqrt(days) * skill / math.sqrt(4 * skill - 2 * skill**2)
        cut = stats.t.isf(0.025, days - 1)
        two_sided = stats.nct.sf(cut, days - 1, shift) + stats.nct.cdf(-cut, days - 1, shift)
        assert significance.power(days, skill) == pytest.approx(two_sided, abs=1e-6)
        one_sided = stats.nct.sf(stats.t.isf(0.05, days - 1), days - 1, shift)
        assert significance.power(days, skill, alternative="larger") == pytest.approx(one_sided, abs=1e-6)


def test_a_textbook_sample_size():
    """Effect 0.5, level 5 % two-sided, power 80 % needs 34 observations (Cohen 1988, table 2.4.1 for one sample;
    G*Power).

    An effect of 0.5 is a skill of 4 x 0.25 / (1 + 0.5) = 2/3.
    """
    assert significance.detectable_skill(34) < 2 / 3 < significance.detectable_skill(33)


def test_the_detectable_skill_has_the_power_asked_for():
    for days in (162, 163, 324):
        for level in (0.05, 0.05 / 6):
            skill = significance.detectable_skill(days, 0.8, level)
            assert significance.power(days, skill, level) == pytest.approx(0.8, abs=1e-4)
    assert 0.17 < significance.detectable_skill(163) < significance.detectable_skill(162) < 0.19
    assert significance.detectable_skill(162, level=0.05 / 6) > 0.25


def test_the_detectable_accuracy_by_counting():
    share = significance.detectable_accuracy(20)
    # Of 20 days 15 must be right: 21700 of the 2^20 sequences have 15 or more, 60460 have 14 or more.
    assert (
        sum(math.comb(20, k) for k in range(15, 21)) / 2**20
        <= 0.05
        < sum(math.comb(20, k) for k in range(14, 21)) / 2**20
    )
    assert sum(math.comb(20, k) * share**k * (1 - share) ** (20 - k) for k in range(15, 21)) == pytest.approx(
        0.8, abs=1e-6
    )
    assert 0.59 < significance.detectable_accuracy(162) < 0.61
    assert all(a > b for a, b in pairwise(significance.detectable_accuracy(n) for n in (100, 200, 400, 800)))


@pytest.mark.slow
def test_the_size_and_the_power_that_are_stated_are_the_tests_own():
    """Two useless forecasts: rejected in favour of one about half as often as the level. A skill of 0.18: found four
    times in five.
    """
    runs = 600
    found = significance.simulated_power(DAYS, 0, repetitions=runs)
    # Six lags estimated from 162 days make the test reject a little too often: up to 4 % a side instead of 2.5 %.
    assert stats.binom.ppf(0.001, runs, 0.025) <= found * runs <= stats.binom.ppf(0.999, runs, 0.04)
    skill = significance.detectable_skill(DAYS)
    assert significance.simulated_power(DAYS, skill, repetitions=runs) == pytest.approx(
        0.8, abs=0.02 + 3 * math.sqrt(0.16 / runs)
    )


@pytest.mark.slow
def test_a_one_sided_simulation_is_the_two_sided_one_at_twice_the_level():
    given = {"days": 60, "skill": 0.1, "repetitions": 150}
    one_sided = significance.simulated_power(**given, level=0.05, alternative="larger")
    assert (
        one_sided
        == significance.simulated_power(**given, level=0.10)
        > significance.simulated_power(**given, level=0.05)
    )


@pytest.mark.slow
def test_turbulent_weeks_cost_power():
    rng = np.random.default_rng(3)
    weeks = np.repeat(rng.choice([0.02, 0.08], 70), 20)
    changes = weeks * rng.standard_t(4, len(weeks))
    skill = significance.detectable_skill(DAYS)
    assert significance.simulated_power(DAYS, skill, changes=changes, repetitions=300) < 0.75


def test_too_few_changes_to_draw_from_are_refused():
    with pytest.raises(significance.SignificanceError, match="too few"):
        significance.simulated_power(DAYS, 0.1, changes=np.arange(50.0), repetitions=1)


def test_how_many_trials_it_takes_to_tell_too_few():
    """With an even chance none of five happens in 1 of 32 cases, none of four in 1 of 16; without a chance nothing can
    be too few.
    """
    assert significance.can_tell_too_few(0.5, 5) and not significance.can_tell_too_few(0.5, 4)
    assert not significance.can_tell_too_few(0.0, 1000)
