"""Paths of several days: worked out by hand, from past closes only, with bounds that keep their promise."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib.app import requests
from lib.data import windows
from lib.experiments import controls, forecast


@pytest.fixture(scope="module")
def data_and_close():
    close = controls.walk(640, seed=5)
    close.index = pd.date_range("2020-01-01", periods=640, name="date")
    prices = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close)).assign(Volume=1.0)
    values = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 9, 30))
    _, chosen = requests.check({**values, "lookback": 20})
    return windows.build({"BTC-USD": prices}, chosen)["BTC-USD"], close


def last_value(X):
    return X[:, -1, 0]


def test_a_path_feeds_its_own_forecasts_back():
    """A model that adds the first and the last value of its window, worked out by hand."""
    path = forecast.rolled_out(
        lambda X: X[:, 0, 0] + X[:, -1, 0], np.array([[[1.0], [2.0], [3.0]], [[0.0], [0.0], [1.0]]]), 4
    )
    # 1 2 3 -> 4; 2 3 4 -> 6; 3 4 6 -> 9; 4 6 9 -> 13
    np.testing.assert_array_equal(path, [[4, 6, 9, 13], [1, 1, 2, 3]])


def test_paths_start_from_each_days_own_window(data_and_close):
    data, close = data_and_close
    made = forecast.paths(last_value, data, close, close, 3)
    assert made.index[0] == data.days["train"][-1] and made.index[-1] == close.index[-1]
    for h in (1, 2, 3):
        np.testing.assert_allclose(made[h], close.loc[made.index], rtol=1e-5)
    oldest = forecast.paths(lambda X: X[:, 0, 0], data, close, close, 2)
    np.testing.assert_allclose(oldest[1], close.shift(19).loc[oldest.index], rtol=1e-5)
    np.testing.assert_allclose(oldest[2], close.shift(18).loc[oldest.index], rtol=1e-5)


def test_a_forecast_knows_nothing_after_its_origin(data_and_close):
    data, close = data_and_close
    start = close.index[-20].date()
    before = forecast.forecast(last_value, data, close, close, start, 10)
    later = close.copy()
    later.iloc[-20:] *= 3
    after = forecast.forecast(last_value, data, later, later, start, 10)
    columns = ["date", "path_usd", "lower_usd", "upper_usd", "naive_usd", "calibrated_on"]
    pd.testing.assert_frame_equal(before.days[columns], after.days[columns], check_exact=True)
    assert not before.days["actual_usd"].equals(after.days["actual_usd"])


def test_bounds_hold_about_their_promise_and_say_what_they_rest_on(data_and_close):
    data, close = data_and_close
    made = forecast.forecast(last_value, data, close, close, days=5, level=0.8)
    assert (
        made.origin == close.index[-1]
        and made.days["actual_usd"].isna().all()
        and list(made.days["horizon"]) == [1, 2, 3, 4, 5]
    )
    assert ((made.days["lower_usd"] < made.days["path_usd"]) & (made.days["path_usd"] < made.days["upper_usd"])).all()
    known = len(close) - close.index.get_loc(data.days["train"][-1]) - 1
    assert list(made.days["calibrated_on"]) == [known - h + 1 for h in range(1, 6)]
    tests_days = len(data.days["test"])
    assert list(made.days["evaluated_on"]) == [tests_days - h for h in range(1, 6)]
    assert abs(made.days["coverage"].iloc[0] - 0.8) < 4 * np.sqrt(0.8 * 0.2 / tests_days)
    np.testing.assert_allclose(made.days["skill"], 0, atol=1e-4)  # the last value is the naive forecast
    assert "promise 80%" in forecast.in_words(made) and f"of {tests_days - 5} forecasts of 5 days" in forecast.in_words(
        made
    )


def test_a_better_model_has_a_positive_skill(data_and_close):
    data, close = data_and_close
    truth = data.to_scaled(close.to_numpy())

    def knows(X):  # finds its window in the true series and gives the next value
        at = [int(np.argmin(np.abs(truth - x[-1, 0]))) for x in X]
        return truth[np.minimum(np.array(at) + 1, len(truth) - 1)]

    made = forecast.forecast(knows, data, close, close, days=2)
    assert (made.days["skill_lower"] > 0.8).all() and "had the smaller squared error" in forecast.in_words(made)
    assert (made.days["p_value"] < 0.05).all()
    assert (made.days["skill_lower"] <= made.days["skill"]).all()
    assert (made.days["skill"] <= made.days["skill_upper"]).all()


def test_the_first_and_the_last_day_have_their_own_sentence_with_an_interval(data_and_close):
    data, close = data_and_close
    made = forecast.forecast(lambda X: 0.9 * X[:, -1, 0] + 0.05, data, close, close, days=4)
    assert made.days["spans"].tolist() == [-(-n // h) for h, n in zip(range(1, 5), made.days["compared_on"])]
    words = forecast.in_words(made)
    assert words.count("95 % interval") == 2 and "Against it the first day had the larger squared error" in words


def test_what_is_said_of_a_past_start_was_known_then(data_and_close):
    data, close = data_and_close
    start = close.index[-40].date()
    later = close.copy()
    later.iloc[-40:] *= 1.8
    both = [forecast.forecast(last_value, data, c, c, start, 5).days.drop(columns="actual_usd") for c in (close, later)]
    pd.testing.assert_frame_equal(*both, check_exact=True)
    assert both[0]["evaluated_on"].gt(0).all()
    early = forecast.forecast(last_value, data, close, close, data.days["validation"][5].date(), 3)
    assert early.days["coverage"].isna().all() and "too few days after training" in forecast.in_words(early)


def test_a_path_that_falls_to_zero_is_a_miss_and_not_left_out(data_and_close):
    """After a fall of a tenth of the scale the model says nothing is worth anything."""
    data, close = data_and_close

    def crashes(X):
        return np.where(X[:, -1, 0] < X[:, -6, 0] - 0.1, -10.0, X[:, -1, 0])

    fine = forecast.paths(crashes, data, close, close, 2)
    start = (fine.index[(fine > 0).all(axis=1)][-1] + pd.Timedelta(days=1)).date()
    made = forecast.forecast(crashes, data, close, close, start, 2)
    plain = forecast.forecast(last_value, data, close, close, start, 2)
    assert list(made.days["compared_on"]) == list(plain.days["evaluated_on"]) and (made.days["without_price"] > 0).all()
    assert (made.days["coverage"] <= 1 - made.days["without_price"] / made.days["evaluated_on"]).all()
    assert (made.days["upper_usd"] > plain.days["upper_usd"]).all(), "misses without limit widen the bounds"
    assert "fell to zero or below" in forecast.in_words(made)


def test_filled_days_are_no_origin_no_outcome_and_no_naive_price(data_and_close):
    data, close = data_and_close
    empty = close.index[[-3, -2, -1, -40]]
    observed = close.drop(empty)
    filled = close.where(~close.index.isin(empty)).ffill().iloc[:-3]
    made = forecast.forecast(last_value, data, filled, observed, days=5)
    assert made.origin == close.index[-4] and made.days["naive_usd"].eq(close.iloc[-4]).all()
    all_known = forecast.forecast(last_value, data, close, close, days=5)
    # Three origins fewer at the end, and inside the test days one that is no origin and one that is no outcome.
    assert list(all_known.days["evaluated_on"] - made.days["evaluated_on"]) == [5] * 5
    assert not forecast.paths(last_value, data, filled, observed, 2).index.isin(empty).any()
    inside = (close.index[-40] + pd.Timedelta(days=1)).date()
    with pytest.raises(forecast.ForecastError, match=r"has no price, so a forecast from .* nothing to start from"):
        forecast.forecast(last_value, data, filled, observed, inside)
    with pytest.raises(forecast.ForecastError, match="allowed are"):
        forecast.forecast(last_value, data, filled, observed, close.index[-1].date())


def test_no_window_reaches_over_a_long_gap(data_and_close):
    data, close = data_and_close
    hole = close.index[-60:-50]
    short = close.drop(hole)
    made = forecast.paths(last_value, data, short, short, 2)
    lookback = data.input_shape[0]
    after = close.index[-50 : -50 + lookback - 1]  # their windows would begin before the gap
    assert not made.index.isin([*hole, *after]).any() and close.index[-50 + lookback - 1] in made.index
    with pytest.raises(forecast.ForecastError, match=r"is not whole, as prices are missing in it. The nearest start"):
        forecast.forecast(last_value, data, short, short, after[5].date())
    assert forecast.forecast(last_value, data, short, short, days=3).days["coverage"].notna().all()


@pytest.mark.parametrize(
    "start, days, told",
    [
        (date(2020, 2, 1), 5, "allowed are 2021-03-24 to 2021-10-02"),
        (date(2022, 1, 1), 5, "Earlier days were used in training"),
        (None, 0, "allowed are 1 to 30"),
        (None, 31, "allowed are 1 to 30"),
    ],
)
def test_what_cannot_be_forecast_is_refused(data_and_close, start, days, told):
    data, close = data_and_close
    with pytest.raises(forecast.ForecastError, match=told):
        forecast.forecast(last_value, data, close, close, start, days)


def test_a_path_below_zero_is_no_price(data_and_close):
    data, close = data_and_close
    with pytest.raises(forecast.ForecastError, match="falls to zero or below"):
        forecast.forecast(lambda X: X[:, -1, 0] - 10, data, close, close, days=3)
