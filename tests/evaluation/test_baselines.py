"""Baselines against the same thing computed another way, and that none of them knows tomorrow."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from lib.data import SPLITS, windows
from lib.evaluation import alignment, baselines, scoring
from lib.experiments import controls


def built(close, **changes):
    setting = controls.short_settings(**{"lookback": 8, "split": (0.6, 0.2, 0.2), **changes})
    return windows.build({"A-USD": controls.as_prices(close)}, setting)["A-USD"]


@pytest.fixture(scope="module")
def close():
    return controls.walk(260, coefficient=0.3, seed=4)


@pytest.fixture(scope="module")
def data(close):
    return built(close)


@pytest.fixture(scope="module")
def all_forecasts(data, close):
    return baselines.forecasts(data, close)


def test_there_are_the_seven(all_forecasts):
    assert list(all_forecasts) == [
        "naive",
        "drift",
        "moving average",
        "ARIMA",
        "AR-GARCH",
        "ridge",
        "gradient boosting",
    ]


def test_frames_have_the_shape_of_a_networks_and_go_into_the_same_table(all_forecasts, data, close):
    for name, frame in all_forecasts.items():
        assert list(frame.columns) == ["date", "actual_usd", "predicted_usd", "naive_usd", "part"], name
        assert len(frame) == sum(len(part.y) for part in data.parts)
        assert list(frame["actual_usd"]) == list(close.loc[frame["date"]])
        assert list(frame["naive_usd"]) == list(close.shift(1).loc[frame["date"]])
        assert frame["date"].is_monotonic_increasing and list(dict.fromkeys(frame["part"])) == list(SPLITS)
    others = {name: frame for name, frame in all_forecasts.items() if name != baselines.NAIVE}
    scores = scoring.run_scores({"A-USD": others}, {"A-USD": data}, {})
    assert set(scores["model"]) == set(baselines.BASELINES)


@pytest.fixture(scope="module")
def long_close():
    """Long enough for numpy's products to be shared among threads."""
    return controls.walk(1480, coefficient=0.3, seed=4)


@pytest.mark.parametrize("name", ["ARIMA", "AR-GARCH", "ridge"])
def test_the_number_of_threads_changes_no_bit(name, long_close):
    data = built(long_close, lookback=30)
    made = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            made.append(baselines.forecast(baselines.BASELINES[name], data, long_close))
    pd.testing.assert_frame_equal(*made, check_exact=True)


def test_naive_and_drift_and_moving_average_day_by_day(all_forecasts, close):
    values = close.to_numpy()
    for i, date in enumerate(all_forecasts["naive"]["date"]):
        at = close.index.get_loc(date)
        known = values[:at]
        assert all_forecasts["naive"]["predicted_usd"][i] == known[-1]
        assert all_forecasts["drift"]["predicted_usd"][i] == pytest.approx(known[-1] + np.diff(known).mean(), rel=1e-12)
        assert all_forecasts["moving average"]["predicted_usd"][i] == pytest.approx(known[-7:].mean(), rel=1e-12)


def test_absent_days_are_days_and_no_average_crosses_them():
    days = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-11", "2024-01-12", "2024-01-13"])
    close = pd.Series([100.0, 110, 200, 210, 220], days)
    assert baselines.drift(None, close).tolist()[1:] == [100, 120, 210, 220]  # +10 USD a day throughout
    assert baselines.moving_average(None, close).tolist()[1:] == [100, 105, 200, 205]


def expected_returns(frame):
    """Expected log returns, in percent, that forecasts in dollars stand for."""
    return 100 * np.log(frame["predicted_usd"] / frame["naive_usd"]).to_numpy()


def ar1_likelihood(parameters, r):
    """Exact Gaussian log-likelihood of an AR(1) with a mean (Hamilton 1994, eq. 5.2.9), negative."""
    mean, phi, log_variance = parameters
    if abs(phi) >= 1:
        return 1e10
    variance, x = np.exp(log_variance), r - mean
    e = x[1:] - phi * x[:-1]
    first = np.log(variance / (1 - phi**2)) + x[0] ** 2 * (1 - phi**2) / variance
    return 0.5 * (len(r) * np.log(2 * np.pi) + first + (len(r) - 1) * log_variance + e @ e / variance)


def test_arima_is_maximum_likelihood_on_the_training_days(data, close):
    frame = baselines.forecast(partial(baselines.arima, orders=[(1, 0)]), data, close)
    r = 100 * np.log(close).diff().dropna()
    training = r[r.index <= data.days["train"][-1]].to_numpy()
    found = optimize.minimize(
        ar1_likelihood,
        [0, 0, np.log(training.var())],
        args=(training,),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000},
    ).x
    expected = found[0] + found[1] * (r.shift(1).loc[frame["date"]].to_numpy() - found[0])
    np.testing.assert_allclose(expected_returns(frame), expected, atol=2e-3)


def test_arima_takes_the_order_with_the_smallest_aicc(data, close):
    r = 100 * np.log(close).diff().dropna()
    training = r[r.index <= data.days["train"][-1]].to_numpy()
    # By the likelihood above with 3 parameters, and by a constant and a variance with 2.
    one = optimize.minimize(ar1_likelihood, [0, 0, np.log(training.var())], args=(training,), method="Nelder-Mead").fun
    none = 0.5 * len(training) * (np.log(2 * np.pi * training.var()) + 1)

    n = len(training)

    def aicc(minus_log_likelihood, k):
        return 2 * minus_log_likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)

    best = (1, 0) if aicc(one, 3) < aicc(none, 2) else (0, 0)
    chosen = baselines.forecast(partial(baselines.arima, orders=[(0, 0), (1, 0)]), data, close)
    alone = baselines.forecast(partial(baselines.arima, orders=[best]), data, close)
    assert best == (1, 0), "the series has a signal, so that the choice is not the first of the list"
    pd.testing.assert_frame_equal(chosen, alone)


def garch_t_likelihood(parameters, r):
    """AR(1), GARCH(1, 1), Student t (Bollerslev 1987, eq. 1 to 3), negative, given the first return."""
    constant, phi, omega, alpha, beta, nu = parameters
    if omega <= 0 or alpha < 0 or beta < 0 or alpha + beta >= 1 or nu <= 2.05:
        return 1e10
    e = r[1:] - constant - phi * r[:-1]
    # The first variance: earlier squares with weights 0.94 to the power of their age, as arch's documentation says.
    weights = 0.94 ** np.arange(75)
    h = weights @ e[:75] ** 2 / weights.sum()
    previous, total = h, 0.0
    norm = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * np.log(np.pi * (nu - 2))
    for value in e:
        h = omega + alpha * previous + beta * h
        total += norm - 0.5 * np.log(h) - (nu + 1) / 2 * np.log1p(value**2 / (h * (nu - 2)))
        previous = value**2
    return -total


def test_ar_garch_is_maximum_likelihood_on_the_training_days(data, close):
    frame = baselines.forecast(baselines.ar_garch, data, close)
    r = 100 * np.log(close).diff().dropna()
    training = r[r.index <= data.days["train"][-1]].to_numpy()
    expected = expected_returns(frame)
    before = r.shift(1).loc[frame["date"]].to_numpy()
    phi, constant = np.polyfit(before, expected, 1)
    np.testing.assert_allclose(expected, constant + phi * before, atol=1e-8)
    start = [constant, phi, 0.5 * training.var(), 0.05, 0.4, 20]
    best = optimize.minimize(
        garch_t_likelihood, start, args=(training,), method="Nelder-Mead", options={"maxfev": 1500, "maxiter": 1500}
    )

    def profile(constant, phi):
        return garch_t_likelihood([constant, phi, *best.x[2:]], training)

    # No mean is likelier than theirs by more than the optimisers' tolerance, and other means are much less likely.
    assert profile(constant, phi) - best.fun < 0.02
    assert profile(constant, phi + 0.2) - best.fun > 1 and profile(constant + 1.5, phi) - best.fun > 1


def test_ridge_is_the_normal_equations(data, close):
    frame = baselines.forecast(partial(baselines.ridge, penalties=[30.0]), data, close)
    X, y = baselines.inputs(data, data.train), baselines.aims(data, data.train)
    mean, spread = X.mean(axis=0), X.std(axis=0)
    Z = (X - mean) / spread
    b = np.linalg.solve(Z.T @ Z + 30 * np.eye(Z.shape[1]), Z.T @ (y - y.mean()))
    for part in data.parts:
        change = y.mean() + (baselines.inputs(data, part) - mean) / spread @ b
        expected = part.last_close_usd + change * (data.high_usd - data.low_usd)
        np.testing.assert_allclose(frame.loc[frame["part"] == part.name, "predicted_usd"], expected, rtol=1e-9)


def test_ridge_takes_the_penalty_of_time_ordered_cross_validation(data, close):
    X, y = baselines.inputs(data, data.train), baselines.aims(data, data.train)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": baselines.RIDGE_PENALTIES},
        cv=TimeSeriesSplit(5),
        scoring="neg_mean_squared_error",
    ).fit(X, y)
    best = search.best_params_["ridge__alpha"]
    assert baselines.RIDGE_PENALTIES[0] < best < baselines.RIDGE_PENALTIES[-1]
    alone = baselines.forecast(partial(baselines.ridge, penalties=[best]), data, close)
    pd.testing.assert_frame_equal(
        baselines.forecast(baselines.ridge, data, close), alone, check_exact=False, rtol=1e-12
    )


def test_the_largest_penalty_leaves_the_mean_change(data, close):
    frame = baselines.forecast(partial(baselines.ridge, penalties=[1e15]), data, close)
    change = (frame["predicted_usd"] - frame["naive_usd"]).to_numpy()
    mean = baselines.aims(data, data.train).mean() * (data.high_usd - data.low_usd)
    np.testing.assert_allclose(change, mean, rtol=1e-6)


def test_one_boosted_tree_is_the_mean_plus_a_twentieth_of_its_leaves_means(data, close):
    frame = baselines.forecast(partial(baselines.gradient_boosting, iterations=1), data, close)
    train = frame[frame["part"] == "train"]
    change = ((train["predicted_usd"] - train["naive_usd"]) / (data.high_usd - data.low_usd)).to_numpy()
    y = baselines.aims(data, data.train)
    leaf = np.unique(np.round(change, 12), return_inverse=True)[1]
    assert 1 < leaf.max() + 1 <= 8
    for i in range(leaf.max() + 1):
        assert np.sum(leaf == i) >= 20
        assert change[leaf == i] == pytest.approx(y.mean() + 0.05 * (y[leaf == i].mean() - y.mean()), abs=1e-7)


def test_boosting_takes_the_number_of_trees_of_time_ordered_cross_validation(data, close):
    X, y = baselines.inputs(data, data.train), baselines.aims(data, data.train)
    error = []
    for trees in range(1, 11):
        total = 0.0
        for before, after in TimeSeriesSplit(5).split(X):
            model = baselines.HistGradientBoostingRegressor(
                learning_rate=0.05, max_iter=trees, max_leaf_nodes=8, min_samples_leaf=20, early_stopping=False
            )
            with threadpool_limits(1):
                total += np.sum((model.fit(X[before], y[before]).predict(X[after]) - y[after]) ** 2)
        error.append(total)
    best = int(np.argmin(error)) + 1
    chosen = baselines.forecast(partial(baselines.gradient_boosting, most_iterations=10), data, close)
    pd.testing.assert_frame_equal(
        chosen, baselines.forecast(partial(baselines.gradient_boosting, iterations=best), data, close)
    )


def test_inputs_hold_what_the_windows_hold_and_nothing_else(data):
    rows, X = baselines.inputs(data, data.test), data.test.X.astype("float64")
    last = rows[:, -1:]
    np.testing.assert_allclose(np.concatenate([rows[:, :-1] + last, last], axis=1), X[:, :, 0], atol=1e-12)
    usd = data.test.last_close_usd + baselines.aims(data, data.test) * (data.high_usd - data.low_usd)
    np.testing.assert_allclose(usd, data.test.actual_usd, rtol=1e-5)


@pytest.mark.parametrize("name", ["ridge", "gradient boosting"])
def test_windows_of_log_returns_are_forecast_too(close, name):
    data = built(close, target="log_return")
    aimed = data.forecast_usd(data.test, baselines.aims(data, data.test))
    np.testing.assert_allclose(aimed, data.test.actual_usd, rtol=1e-5)
    frame = baselines.forecast(baselines.BASELINES[name], data, close)
    assert 0 < np.abs(expected_returns(frame)).max() < 10


@pytest.mark.parametrize("name", baselines.BASELINES)
@pytest.mark.parametrize("target", ["close", "log_return"])
def test_no_forecast_changes_when_prices_from_its_day_on_do(close, name, target):
    setting = controls.short_settings(lookback=8, split=(0.6, 0.2, 0.2), target=target)
    baseline = {
        "ARIMA": partial(baselines.arima, orders=[(1, 0)]),
        "gradient boosting": partial(baselines.gradient_boosting, most_iterations=20),
    }.get(name, baselines.BASELINES[name])

    def street(prices):
        data = windows.build(prices, setting)["A-USD"]
        return baselines.forecast(baseline, data, prices["A-USD"]["Close"])

    # The middle of the test days, and the first validation day: nothing that is estimated may have seen it.
    for day in (close.index[-25], close.index[156]):
        assert alignment.changed_by_later_prices(street, {"A-USD": controls.as_prices(close)}, day).empty


def test_scaling_over_all_days_is_caught_looking_ahead(close):
    """The thesis's scaling: a later high changes the scaled inputs of today, and with them a forecast that is clipped
    to 0 and 1.
    """
    setting = controls.short_settings(lookback=8, split=(0.6, 0.2, 0.2), scaling="all")

    def clipped(data, close):
        parts = [
            pd.Series(data.to_usd(np.clip(0.9 * part.X[:, -1, 0] + 0.05, 0, 1)), part.dates) for part in data.parts
        ]
        return pd.concat(parts)

    def street(scaling, prices):
        data = windows.build(prices, setting.changed(scaling=scaling))["A-USD"]
        return baselines.forecast(clipped, data, prices["A-USD"]["Close"])

    prices, day = {"A-USD": controls.as_prices(close)}, close.index[-25]
    assert len(alignment.changed_by_later_prices(partial(street, "all"), prices, day)) > 100
    assert alignment.changed_by_later_prices(partial(street, "train"), prices, day).empty


def test_each_is_the_same_twice(data, close, all_forecasts):
    for name in ("ARIMA", "AR-GARCH", "ridge", "gradient boosting"):
        pd.testing.assert_frame_equal(baselines.forecast(baselines.BASELINES[name], data, close), all_forecasts[name])


def test_closes_of_another_coin_or_another_day_are_refused(data, close):
    with pytest.raises(baselines.BaselineError, match="not those of its windows"):
        baselines.forecast(baselines.drift, data, close * 1.01)
    with pytest.raises(baselines.BaselineError, match="not those of its windows"):
        baselines.forecast(baselines.drift, data, close.shift(1).bfill())
    with pytest.raises(baselines.BaselineError, match="not those of its windows"):
        baselines.forecast(baselines.drift, data, close.iloc[:-5])


def test_a_baseline_without_a_forecast_for_some_day_is_refused(data, close):
    with pytest.raises(baselines.BaselineError, match="no forecast for"):
        baselines.forecast(lambda data, close: close.iloc[:-1], data, close)
