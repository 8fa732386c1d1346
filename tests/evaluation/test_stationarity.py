"""Unit-root tests against implementations of their own in numpy."""

import importlib.util
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from lib import tables
from lib.evaluation import stationarity


def series(values):
    return pd.Series(values, index=pd.date_range("2021-01-01", periods=len(values)), dtype="float64")


@pytest.fixture(scope="module")
def walk():
    return series(100 + np.cumsum(np.random.default_rng(3).normal(size=600)))


@pytest.fixture(scope="module")
def noise():
    return series(np.random.default_rng(4).normal(size=600))


@pytest.fixture(scope="module")
def autoregressive():
    x = [0.0]
    for e in np.random.default_rng(6).normal(size=599):
        x.append(0.5 * x[-1] + e)
    return series(x)


def dickey_fuller_t(y, lags, trend):
    """t of the lagged level in the regression of the difference on it, lagged differences and the terms."""
    d = np.diff(y)
    target = d[lags:]
    columns = [y[lags:-1]] + [d[lags - k : len(d) - k] for k in range(1, lags + 1)] + [np.ones(len(target))]
    if trend == "ct":
        columns.append(np.arange(len(target), dtype="float64"))
    X = np.column_stack(columns)
    b, *_ = np.linalg.lstsq(X, target, rcond=None)
    rest = target - X @ b
    covariance = rest @ rest / (len(target) - X.shape[1]) * np.linalg.inv(X.T @ X)
    return b[0] / math.sqrt(covariance[0, 0]), len(target)


def kpss_eta(y, lags, trend):
    """Kwiatkowski et al. 1992, eq. 13: squared partial sums over Newey and West's long-run variance."""
    n = len(y)
    X = np.ones((n, 1)) if trend == "c" else np.column_stack([np.ones(n), np.arange(n)])
    e = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    variance = e @ e / n + 2 / n * sum((1 - s / (lags + 1)) * (e[s:] @ e[:-s]) for s in range(1, lags + 1))
    return np.sum(np.cumsum(e) ** 2) / n**2 / variance


@pytest.mark.parametrize("trend", ["c", "ct"])
@pytest.mark.parametrize("name", ["walk", "noise", "autoregressive"])
def test_adf_is_the_t_statistic_of_its_regression(request, name, trend):
    y = request.getfixturevalue(name)
    found = stationarity.adf(y, trend)
    t, observations = dickey_fuller_t(y.to_numpy(), found["lags"], trend)
    assert found["statistic"] == pytest.approx(t, abs=1e-8)
    assert found["observations"] == observations == len(y) - 1 - found["lags"]


def test_adf_chooses_its_lag_by_the_smallest_aic(autoregressive):
    y = autoregressive.to_numpy()
    most = int(np.ceil(12 * (len(y) / 100) ** 0.25))
    d = np.diff(y)
    target = d[most:]

    def aic(lags):
        columns = [y[most:-1]] + [d[most - k : len(d) - k] for k in range(1, lags + 1)] + [np.ones(len(target))]
        X = np.column_stack(columns)
        rest = target - X @ np.linalg.lstsq(X, target, rcond=None)[0]
        return len(target) * np.log(rest @ rest / len(target)) + 2 * X.shape[1]

    assert stationarity.adf(autoregressive)["lags"] == min(range(most + 1), key=aic)


@pytest.mark.skipif(
    importlib.util.find_spec("arch") is None, reason="the package arch, a second implementation, is not installed"
)
@pytest.mark.parametrize("trend", ["c", "ct"])
def test_adf_and_its_p_value_agree_with_arch(walk, autoregressive, trend):
    from arch.unitroot import ADF

    for y in (walk, autoregressive):
        found = stationarity.adf(y, trend)
        other = ADF(y.to_numpy(), lags=found["lags"], trend=trend)
        assert found["statistic"] == pytest.approx(other.stat, abs=1e-8)
        assert found["p_value"] == pytest.approx(other.pvalue, abs=1e-8)


def test_adf_p_values_at_the_published_critical_values():
    """MacKinnon (2010), constant, without end: -3.43035 at 1 %, -2.86154 at 5 %, -2.56677 at 10 %."""
    from statsmodels.tsa.adfvalues import mackinnonp

    for level, value in ((0.01, -3.43035), (0.05, -2.86154), (0.10, -2.56677)):
        assert mackinnonp(value, "c", 1) == pytest.approx(level, abs=5e-4)


@pytest.mark.parametrize("trend", ["c", "ct"])
@pytest.mark.parametrize("name", ["walk", "noise", "autoregressive"])
def test_kpss_is_its_published_formula(request, name, trend):
    y = request.getfixturevalue(name)
    found = stationarity.kpss_test(y, trend)
    assert found["statistic"] == pytest.approx(kpss_eta(y.to_numpy(), found["lags"], trend), rel=1e-8)


def test_kpss_p_values_are_cut_at_the_ends_of_the_table(walk, noise):
    assert stationarity.kpss_test(walk)["p_value"] == 0.01
    assert stationarity.kpss_test(noise)["p_value"] == 0.10


def test_a_random_walk_and_white_noise_are_told_apart(walk, noise):
    table = stationarity.unit_root_table({"WALK-USD": walk})
    assert table["series"].tolist() == ["level", "returns"]
    verdicts = {
        name: stationarity.reading(stationarity.adf(y)["p_value"], stationarity.kpss_test(y)["p_value"])
        for name, y in {"walk": walk, "noise": noise}.items()
    }
    assert verdicts == {"walk": "not stationary (ADF and KPSS)", "noise": "stationary (ADF and KPSS)"}


@pytest.mark.parametrize(
    ("adf_p", "kpss_p", "words"),
    [
        (0.01, 0.10, "stationary (ADF and KPSS)"),
        (0.30, 0.01, "not stationary (ADF and KPSS)"),
        (0.01, 0.01, "both reject: neither a unit root nor stationary"),
        (0.30, 0.10, "undecided: neither rejects"),
    ],
)
def test_the_four_readings(adf_p, kpss_p, words):
    assert stationarity.reading(adf_p, kpss_p) == words


def test_the_level_decides_and_is_itself_no_rejection():
    assert stationarity.reading(0.05, 0.05) == "undecided: neither rejects"
    assert stationarity.reading(0.05, 0.05, level=0.06) == "both reject: neither a unit root nor stationary"


def test_log_returns_by_hand():
    found = stationarity.log_returns(series([100, 110, 99]))
    assert found.tolist() == pytest.approx([math.log(1.1), math.log(0.9)])
    assert found.index[0] == pd.Timestamp("2021-01-02")


@pytest.mark.slow
def test_the_table_holds_each_test_of_each_series(walk, autoregressive):
    closes = {"A-USD": np.exp(walk / 50), "B-USD": np.exp(autoregressive)}
    table = stationarity.unit_root_table(closes, "ct").set_index(["ticker", "series"])
    assert list(table.index) == [("A-USD", "level"), ("B-USD", "level"), ("A-USD", "returns"), ("B-USD", "returns")]
    direct = stationarity.adf(stationarity.log_returns(closes["B-USD"]), "ct")
    row = table.loc[("B-USD", "returns")]
    assert (row["adf_statistic"], row["adf_p_value"], row["adf_lags"]) == (
        direct["statistic"],
        direct["p_value"],
        direct["lags"],
    )
    assert row["reading"] == stationarity.reading(row["adf_p_value"], row["kpss_p_value"])


def test_what_never_changes_or_is_too_short_is_said_and_the_others_are_tested():
    days = pd.date_range("2021-01-01", periods=60)
    walk = 100 + pd.Series(np.random.default_rng(1).normal(0, 1, 60).cumsum(), days)
    steady = pd.Series(1.02 ** np.arange(60), days)  # its returns differ by rounding only
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = stationarity.unit_root_table({"FLAT-USD": walk * 0 + 1, "WALK-USD": walk, "NEW-USD": walk[:10]})
    lines = stationarity.in_words(table).splitlines()
    assert lines[0] == "FLAT-USD level: not tested, as its values never change"
    assert "WALK-USD level: " in lines[1] and "(ADF p " in lines[1]
    assert lines[2] == "NEW-USD level: not tested, as 10 days are fewer than 12"
    assert lines[3] == "FLAT-USD returns: not tested, as its values never change"
    assert tables.table_4_2(table)["adf_p_value"].isna().tolist() == [True, False, True, True, False, True]
    grown = stationarity.unit_root_table({"UP-USD": steady}).iloc[1]
    assert grown["reading"] == "not tested, as its values never change"


def test_only_the_longest_stretch_of_consecutive_days_is_tested(walk):
    """Two calm stretches at two heights, joined, would look like one step."""
    close = np.exp(walk / 50)
    broken = close.drop(close.index[40:60])
    broken.iloc[:40] *= 30
    found = stationarity.unit_root_table({"A-USD": broken})
    alone = stationarity.unit_root_table({"A-USD": close.iloc[60:]})
    pd.testing.assert_frame_equal(found.drop(columns="reading"), alone.drop(columns="reading"), check_exact=True)
    days = close.index[60:]
    told = (
        f"; tested are the {len(days)} days from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, the longest stretch without"
        " a gap; 40 other days are left out"
    )
    assert found["reading"].tolist() == [reading + told for reading in alone["reading"]]
    assert told in stationarity.in_words(found)
