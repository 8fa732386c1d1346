"""Conformal intervals: exact where exactness is promised, by hand elsewhere, and blind to the future."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_pinball_loss

from lib.evaluation import intervals
from lib.experiments import controls

FEW = (1, 2, 5)


@pytest.fixture(scope="module")
def close():
    return controls.walk(300, seed=3)


@pytest.fixture(scope="module")
def bands(close):
    return intervals.conformal(close, horizons=FEW)


def regimes(days=2400, seed=1):
    """Half a year of calm, half a year of turbulence, in turn."""
    rng = np.random.default_rng(seed)
    volatility = np.where(np.arange(days) // 180 % 2, 0.06, 0.02)
    return pd.Series(
        100 * np.exp(np.cumsum(volatility * rng.standard_normal(days))), pd.date_range("2019-01-01", periods=days)
    )


def usual_and_recent(r, decay=0.97):
    """Mean squares of returns: all alike, and with weights that decay with age."""
    weights = decay ** np.arange(len(r))[::-1]
    return np.mean(r**2), weights @ r**2 / weights.sum()


def test_volatility_is_the_weighted_mean_square_of_the_returns_until_then(close):
    found = intervals.ewma_volatility(close)
    r = np.diff(np.log(close.to_numpy()))
    for day in (30, 31, 299):
        assert found.iloc[day] == pytest.approx(math.sqrt(usual_and_recent(r[:day])[1]), rel=1e-12)
    assert found.iloc[:30].isna().all()
    # RiskMetrics' recursion, once the start is forgotten.
    fast = intervals.ewma_volatility(close, decay=0.9)
    assert fast.iloc[-1] ** 2 == pytest.approx(0.9 * fast.iloc[-2] ** 2 + 0.1 * r[-1] ** 2, rel=1e-9)


def test_expected_volatility_goes_back_to_the_usual_day_by_day(close):
    r = np.diff(np.log(close.to_numpy()))
    for horizon in (1, 2, 30):
        found = intervals.expected_volatility(close, horizon)
        for day in (30, 120, 299):
            usual, variance = usual_and_recent(r[:day])
            days = []
            for _ in range(horizon):
                days.append(variance)
                variance = usual + 0.94 * (variance - usual)
            assert found.iloc[day] == pytest.approx(math.sqrt(np.mean(days)), rel=1e-12)
        assert found.iloc[:30].isna().all()


@pytest.mark.parametrize(
    ("scores", "level", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.95, 19), (99, 0.95, 95), (8, 0.9, 9), (4, 0.8, 4), (0, 0.5, 1)],
)
def test_the_rank_of_the_quantile(scores, level, rank):
    assert intervals.quantile_rank(scores, level) == rank


@pytest.mark.parametrize("n", [19, 20, 37])
def test_coverage_is_exactly_the_rank_over_one_more_than_the_scores(n):
    """n + 1 exchangeable scores: the last is at most the k-th of the others in k of n + 1 cases."""
    rank = intervals.quantile_rank(n, 0.9)
    scores = np.random.default_rng(n).exponential(size=(100_000, n + 1))
    covered = np.mean(scores[:, -1] <= np.sort(scores[:, :-1], axis=1)[:, rank - 1])
    assert covered == pytest.approx(rank / (n + 1), abs=3.3 * math.sqrt(0.09 / 100_000))
    assert rank / (n + 1) >= 0.9 > (rank - 1) / (n + 1)


@pytest.mark.parametrize(("adapt", "window"), [(True, None), (False, None), (True, 60)])
def test_each_interval_by_hand(close, adapt, window):
    bands = intervals.conformal(close, horizons=FEW, adapt=adapt, calibration_days=window)
    volatility = {h: intervals.expected_volatility(close, h).to_numpy() for h in FEW}
    log_close = np.log(close.to_numpy())
    for row in bands.sample(120, random_state=1).itertuples():
        now = close.index.get_loc(row.origin)
        # Origins whose outcome is known today, from the first one with a volatility on.
        known = [i for i in range(now + 1) if i + row.horizon <= now and i >= 30]
        known = known[-window:] if window else known
        scores = [
            abs(log_close[i + row.horizon] - log_close[i]) / (volatility[row.horizon][i] if adapt else 1) for i in known
        ]
        rank = math.ceil((len(scores) + 1) * row.level - 1e-9)
        half = np.inf if rank > len(scores) else np.quantile(scores, rank / len(scores), method="inverted_cdf")
        half *= volatility[row.horizon][now] if adapt else 1
        assert row.upper_usd == pytest.approx(row.price_usd * np.exp(half), rel=1e-9)
        assert row.lower_usd == pytest.approx(row.price_usd * np.exp(-half), rel=1e-9)
        assert row.path_usd == pytest.approx(row.price_usd) and row.price_usd == close.iloc[now]
        assert row.volatility == intervals.ewma_volatility(close).iloc[now] and row.date == row.origin + pd.Timedelta(
            days=row.horizon
        )
        if now + row.horizon < len(close):
            assert row.actual_usd == close.iloc[now + row.horizon]
        else:
            assert math.isnan(row.actual_usd)


def test_there_is_one_row_an_origin_horizon_and_level(close, bands):
    assert len(bands) == (300 - 30) * len(FEW) * 3
    assert list(bands.columns) == [
        "origin",
        "horizon",
        "date",
        "level",
        "price_usd",
        "volatility",
        "path_usd",
        "lower_usd",
        "upper_usd",
        "actual_usd",
    ]
    assert bands["origin"].max() == close.index[-1] and not bands.duplicated(["origin", "horizon", "level"]).any()
    by_default = intervals.conformal(close)
    assert sorted(by_default["horizon"].unique()) == list(range(1, 31)) and sorted(by_default["level"].unique()) == [
        0.80,
        0.90,
        0.95,
    ]


def test_higher_levels_and_later_days_are_wider(bands):
    late = bands[bands["origin"] == bands["origin"].max()].set_index(["horizon", "level"])
    width = late["upper_usd"] - late["lower_usd"]
    for horizon in FEW:
        assert width[horizon, 0.80] < width[horizon, 0.90] < width[horizon, 0.95]
    assert width[1, 0.90] < width[2, 0.90] < width[5, 0.90]


def test_with_too_few_misses_nothing_is_promised(bands):
    first = bands[bands["origin"] == bands["origin"].min()]
    assert (first["upper_usd"] == np.inf).all() and (first["lower_usd"] == 0).all()
    # 19 misses are the fewest for 95 %.
    one = bands[(bands["horizon"] == 1) & (bands["level"] == 0.95)]["upper_usd"].to_numpy()
    assert np.isinf(one[:19]).all() and np.isfinite(one[19:]).all()


@pytest.mark.parametrize("rule", [intervals.conformal, intervals.service_band])
def test_a_day_without_a_price_is_no_origin_and_no_outcome(close, rule):
    hole = close.index[150:191]
    for given in (close.drop(hole), close.where(~close.index.isin(hole))):
        found = rule(given, horizons=FEW)
        assert not found["origin"].isin(hole).any() and found.loc[found["date"].isin(hole), "actual_usd"].isna().all()
        assert found.loc[found["date"] == close.index[191], "actual_usd"].tolist()[:1] in ([], [close.iloc[191]])
    # What an interval knows is what was observed: prices inside the hole, had there been any, change nothing.
    pd.testing.assert_frame_equal(rule(close.drop(hole), horizons=FEW), found)
    before = rule(close, horizons=FEW)
    pd.testing.assert_frame_equal(
        before[before["date"] < hole[0]].reset_index(drop=True), found[found["date"] < hole[0]].reset_index(drop=True)
    )


def test_a_path_that_is_no_price_is_a_miss_without_limit(close):
    path = intervals.naive_path(close, FEW)
    bad = path.copy()
    bad.iloc[100:160] = 0.0
    fine, found = (intervals.conformal(close, p, FEW).set_index(["origin", "horizon", "level"]) for p in (path, bad))
    missed = found.index.get_level_values("origin").isin(path.index[100:160])
    assert (
        found.loc[missed, ["lower_usd", "upper_usd"]].isna().all(axis=None)
        and (found.loc[missed, "path_usd"] == 0).all()
    )
    after = found.index.get_level_values("origin") > path.index[170]
    assert (found.loc[after, "upper_usd"] > fine.loc[after, "upper_usd"]).all()


def test_no_return_is_taken_over_a_gap(close):
    r = np.diff(np.log(close.to_numpy()))
    given = close.drop(close.index[100:120]) * np.where(close.drop(close.index[100:120]).index > close.index[100], 9, 1)
    found = intervals.ewma_volatility(given.asfreq("D"))
    weights = 0.97 ** np.arange(300)[::-1]
    known = np.r_[np.arange(99), np.arange(120, 299)]  # the returns of days whose day before is there
    expected = math.sqrt(weights[1:][known] @ r[known] ** 2 / weights[1:][known].sum())
    assert found.iloc[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rule", [intervals.conformal, intervals.service_band])
def test_no_interval_changes_when_later_prices_do(close, rule):
    cut = close.index[220]
    later = close.where(close.index <= cut, close * 1.7)
    columns = ["origin", "horizon", "level", "lower_usd", "upper_usd", "volatility"]
    before, after = (
        made[made["origin"] <= cut][columns] for made in (rule(close, horizons=FEW), rule(later, horizons=FEW))
    )
    pd.testing.assert_frame_equal(before, after)
    assert not rule(close, horizons=FEW).equals(rule(later, horizons=FEW))


def test_a_path_of_ones_own_is_the_middle_and_its_misses_calibrate(close):
    path = intervals.naive_path(close, [1]).iloc[100:] * 1.02
    found = intervals.conformal(close, path, [1], [0.8])
    assert found["origin"].min() == close.index[100]
    np.testing.assert_allclose(np.sqrt(found["lower_usd"] * found["upper_usd"])[10:], path[1][10:], rtol=1e-9)
    plain = intervals.conformal(close, intervals.naive_path(close, [1]).iloc[100:], [1], [0.8])
    # A path that is off by 2 % has larger misses, and its intervals own up to it.
    assert (found["upper_usd"] / found["lower_usd"]).iloc[-1] > (plain["upper_usd"] / plain["lower_usd"]).iloc[-1]


def test_the_services_band_by_hand(close):
    found = intervals.service_band(close, horizons=(1, 2, 30), lookback=60)
    row = found[(found["origin"] == close.index[200])].set_index("horizon")
    window = close.to_numpy()[141:201]
    spread = math.sqrt(np.mean((window - window.mean()) ** 2))
    for horizon, factor in ((1, 2.0), (2, 2.2), (30, 7.8)):
        assert row.loc[horizon, "upper_usd"] == pytest.approx(close.iloc[200] + factor * spread)
        assert row.loc[horizon, "lower_usd"] == pytest.approx(close.iloc[200] - factor * spread)
    assert (found["level"] == 0.95).all() and found["origin"].min() == close.index[59]


def test_scores_by_hand():
    bands = pd.DataFrame(
        {
            "origin": pd.date_range("2024-01-01", periods=3),
            "horizon": 1,
            "level": 0.8,
            "price_usd": [100.0, 200.0, 50.0],
            "volatility": [0.03, 0.01, 0.02],
            "lower_usd": [90.0, 190.0, 40.0],
            "upper_usd": [110.0, 220.0, 60.0],
            "actual_usd": [115.0, 200.0, 38.0],
        }
    )
    found = intervals.evaluate(bands).iloc[0]
    assert found["forecasts"] == 3 and found["coverage"] == pytest.approx(1 / 3)
    assert (found["coverage_calm"], found["coverage_middle"], found["coverage_turbulent"]) == (1, 0, 0)
    assert found["width_usd"] == pytest.approx((20 + 30 + 20) / 3) and found["width_percent"] == pytest.approx(
        (20 + 15 + 40) / 3
    )
    # 2 / (1 - 0.8) = 10 times the misses 5 and 2.
    assert found["winkler_usd"] == pytest.approx((20 + 50 + 30 + 20 + 20) / 3)
    assert found["winkler_percent"] == pytest.approx((70 + 15 + 80) / 3)


def test_pinball_is_scikit_learns_and_winkler_its_multiple(close, bands):
    scored = bands[bands["origin"] > close.index[100]].dropna()
    found = intervals.evaluate(scored).set_index(["level", "horizon"])
    for (level, horizon), rows in scored.groupby(["level", "horizon"]):
        low = mean_pinball_loss(rows["actual_usd"], rows["lower_usd"], alpha=(1 - level) / 2)
        high = mean_pinball_loss(rows["actual_usd"], rows["upper_usd"], alpha=(1 + level) / 2)
        assert found.loc[(level, horizon), "pinball_usd"] == pytest.approx((low + high) / 2, rel=1e-9)
        # Both bounds' pinball losses times 2 / alpha (Gneiting and Raftery 2007, section 6.2).
        assert found.loc[(level, horizon), "winkler_usd"] == pytest.approx(2 / (1 - level) * (low + high), rel=1e-9)
        inside = (rows["actual_usd"] >= rows["lower_usd"]) & (rows["actual_usd"] <= rows["upper_usd"])
        assert found.loc[(level, horizon), "coverage"] == inside.mean() and found.loc[
            (level, horizon), "forecasts"
        ] == len(rows)


def test_all_horizons_together_are_the_mean_of_all_forecasts(close, bands):
    scored = bands[bands["origin"].between(close.index[100], close.index[290])]
    each, together = intervals.evaluate(scored), intervals.evaluate(scored, ["level"]).set_index("level")
    for level, rows in each.groupby("level"):
        assert together.loc[level, "coverage"] == pytest.approx(np.average(rows["coverage"], weights=rows["forecasts"]))


def test_a_coverage_is_as_sure_as_its_spans_that_share_no_day(close, bands):
    scored = bands[bands["origin"].between(close.index[100], close.index[290])]
    plain, found = intervals.evaluate(scored, ["level"]), intervals.evaluate(scored, ["level"], samples=300)
    assert "coverage_lower" not in plain and found["origins"].eq(191).all()
    days = (
        len(scored.loc[scored["horizon"] == max(FEW), "origin"].unique()) + max(FEW) - 1
    )  # on which the longest forecasts end
    assert found["spans"].eq(days // max(FEW)).all()
    pd.testing.assert_frame_equal(found[plain.columns], plain)
    assert (found["coverage_lower"] < found["coverage"]).all() and (found["coverage"] < found["coverage_upper"]).all()


def test_forecasts_that_miss_together_count_as_one():
    """The same 200 outcomes, 20 runs of 10 alike: as 10-day forecasts the coverage is about root of 10 times less sure
    than if independent.
    """
    inside = np.repeat(np.random.default_rng(0).random(20) < 0.7, 10)
    made = {
        "origin": pd.date_range("2024-01-01", periods=200),
        "level": 0.8,
        "price_usd": 1.0,
        "volatility": 0.1,
        "lower_usd": 0.0,
        "upper_usd": 1.0,
    }
    found = intervals.evaluate(
        pd.DataFrame({**made, "horizon": 10, "actual_usd": np.where(inside, 0.5, 2.0)}), ["level"], samples=1000
    ).iloc[0]
    independent = 2 * 1.96 * np.sqrt(found["coverage"] * (1 - found["coverage"]) / 200)
    assert 2 * independent < found["coverage_upper"] - found["coverage_lower"] < 4 * independent
    assert found["coverage"] == inside.mean() and (found["origins"], found["spans"]) == (200, 20)


def test_thirds_are_of_equal_size_and_by_volatility(close, bands):
    scored = bands[(bands["origin"] > close.index[100]) & (bands["horizon"] == 1) & (bands["level"] == 0.8)].dropna()
    found = intervals.evaluate(scored).iloc[0]
    ordered = scored.sort_values("volatility")
    inside = (
        (ordered["actual_usd"] >= ordered["lower_usd"]) & (ordered["actual_usd"] <= ordered["upper_usd"])
    ).to_numpy()
    thirds = np.array_split(inside, 3)
    assert [found[f"coverage_{name}"] for name in ("calm", "middle", "turbulent")] == pytest.approx(
        [t.mean() for t in thirds], abs=0.02
    )


def test_adapting_to_volatility_covers_calm_and_turbulent_days_alike():
    close = regimes()
    found = {}
    for adapt in (True, False):
        bands = intervals.conformal(close, horizons=[1], levels=[0.9], adapt=adapt)
        found[adapt] = intervals.evaluate(bands[bands["origin"] >= close.index[700]]).iloc[0]
    assert found[True]["coverage_calm"] - found[True]["coverage_turbulent"] < 0.06
    assert found[False]["coverage_calm"] - found[False]["coverage_turbulent"] > 0.15
    assert found[True]["winkler_percent"] < found[False]["winkler_percent"]
    assert all(abs(rows["coverage"] - 0.9) < 0.03 for rows in found.values())


@pytest.mark.slow
def test_coverage_over_many_walks_is_the_level_for_near_and_far_days():
    """No regimes, so only the overlap of far forecasts disturbs: the mean coverage stays within 2.5 points."""
    found = []
    for seed in range(40):
        close = controls.walk(700, tails=5, seed=seed)
        bands = intervals.conformal(close, horizons=(1, 7, 30))
        found.append(intervals.evaluate(bands[bands["origin"] >= close.index[450]]))
    mean = pd.concat(found).groupby(["level", "horizon"])["coverage"].mean()
    for (level, _), coverage in mean.items():
        assert coverage == pytest.approx(level, abs=0.025)
    # What one series shows of 30-day forecasts is far less certain than of 1-day forecasts.
    spread = pd.concat(found).groupby(["level", "horizon"])["coverage"].std()
    assert spread[0.90, 30] > 2 * spread[0.90, 1]


def test_days_out_of_order_prices_of_zero_and_paths_of_other_days_are_refused(close):
    for bad in (close.iloc[::-1], close.where(close.index != close.index[50], 0.0), close.iloc[:4]):
        with pytest.raises(intervals.IntervalError):
            intervals.conformal(bad, horizons=FEW)
    path = intervals.naive_path(close, FEW)
    for bad in (path[[1, 2]], path.set_axis(path.index + pd.Timedelta(days=400)), pd.concat([path, path])):
        with pytest.raises(intervals.IntervalError):
            intervals.conformal(close, bad, FEW)
    with pytest.raises(intervals.IntervalError, match="no interval has an outcome"):
        intervals.evaluate(intervals.conformal(close, path.iloc[[-1]], FEW))
