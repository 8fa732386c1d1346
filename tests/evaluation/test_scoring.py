"""Forecasts are aligned to their day, and scores stand beside the naive forecast."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from lib.data import windows
from lib.evaluation import scoring


@pytest.fixture
def walk(random_walk):
    return random_walk()


@pytest.fixture
def data(walk, tiny):
    return windows.build(walk, tiny())["BTC-USD"]


def last_day(data):
    """Forecasts of a network that answers with the last close of its window."""
    return lambda split: getattr(data, split).X[:, -1, 0]


def test_a_network_that_repeats_the_last_close_is_the_naive_forecast(data, walk):
    frame = scoring.prediction_frame(data, last_day(data))
    close = walk["BTC-USD"]["Close"]
    np.testing.assert_allclose(frame["predicted_usd"], frame["naive_usd"], rtol=1e-6)
    assert list(frame["actual_usd"]) == list(close.loc[frame["date"]])
    assert list(frame["naive_usd"]) == list(close.shift(1).loc[frame["date"]])
    assert list(frame.columns) == ["date", "actual_usd", "predicted_usd", "naive_usd", "part"]
    assert frame["date"].is_monotonic_increasing and list(dict.fromkeys(frame["part"])) == list(windows.SPLITS)


def test_scores_by_hand_scaled_and_in_dollars(data):
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-08-01", "2024-08-02", "2024-08-03"]),
            "actual_usd": [10.0, 12.0, 14.0],
            "predicted_usd": [11.0, 12.0, 13.0],
            "naive_usd": [8.0, 10.0, 12.0],
            "part": "test",
        }
    )
    both = pd.concat([frame.assign(part="train"), frame.assign(part="validation"), frame])
    scores = scoring.run_scores({"BTC-USD": {"CNN": both}}, {"BTC-USD": data}, {("BTC-USD", "CNN"): 5})
    usd = scores[(scores["part"] == "test") & (scores["unit"] == "USD")].set_index("model")
    assert list(usd.index) == ["CNN", "naive"]
    assert usd.loc["CNN", "MSE"] == pytest.approx(2 / 3) and usd.loc["CNN", "MAE"] == pytest.approx(2 / 3)
    assert usd.loc["CNN", "R2"] == pytest.approx(1 - 2 / 8) and usd.loc["naive", "MSE"] == pytest.approx(4)
    assert usd.loc["CNN", "skill"] == pytest.approx(1 - (2 / 3) / 4) and usd.loc["naive", "skill"] == 0
    assert usd.loc["CNN", "MAPE"] == pytest.approx(100 * (1 / 10 + 0 + 1 / 14) / 3)
    assert usd.loc["CNN", "seed"] == 5 and pd.isna(usd.loc["naive", "seed"])
    scaled = scores[(scores["part"] == "test") & (scores["unit"] == "scaled")].set_index("model")
    span = data.high_usd - data.low_usd
    assert scaled.loc["CNN", "MSE"] == pytest.approx(2 / 3 / span**2) and scaled.loc["CNN", "R2"] == pytest.approx(0.75)


def test_words_follow_the_scores(data):
    frame = scoring.prediction_frame(data, last_day(data))
    worse = frame.assign(predicted_usd=frame["predicted_usd"] * 1.2)
    perfect = frame.assign(predicted_usd=frame["actual_usd"])
    cases = (
        (worse, "better than naive on these days: none; worse: CNN", "worse than no model at all"),
        (perfect, "better than naive on these days: CNN; worse: none", "did better than no model"),
    )
    for made, expected, of_one in cases:
        scores = scoring.run_scores({"BTC-USD": {"CNN": made}}, {"BTC-USD": data}, {})
        lines = scoring.scores_in_words(scores).splitlines()
        assert len(lines) == 3 and all(expected in line and "95 % interval" in line for line in lines)
        assert of_one in scoring.network_in_words(scoring.network_scores(made, "CNN"), "CNN")


def test_a_skill_that_chance_explains_is_not_called_better(data):
    """A forecast that is a little nearer than naive on half of the days and a little farther on the others."""
    frame = scoring.prediction_frame(data, last_day(data))
    rng = np.random.default_rng(3)
    error = frame["naive_usd"] - frame["actual_usd"]
    lucky = frame.assign(predicted_usd=frame["actual_usd"] + error * np.exp(rng.normal(-0.02, 0.5, len(frame))))
    scores = scoring.network_scores(lucky, "CNN")
    row = scores[(scores["part"] == "test") & (scores["model"] == "CNN")].iloc[0]
    assert row["skill_lower"] < 0 < row["skill_upper"] and row["skill_lower"] < row["skill"] < row["skill_upper"]
    assert "not shown to be better" in scoring.network_in_words(scores, "CNN")
    assert scores.loc[scores["model"] == "naive", ["skill_lower", "skill_upper"]].isna().all(axis=None)
    assert json.loads(json.dumps(scoring.as_records(scores), allow_nan=False))[1]["skill_lower"] is None


@pytest.mark.parametrize(
    ("lower", "upper", "p", "kind", "words"),
    [
        (-3.0, -0.1, math.nan, "worse", "worse than no model"),
        (-0.1, 0.0, 0.01, "same", "no better than no model"),
        (0.0, 0.3, 0.01, "same", "no better than no model"),
        (0.1, 0.3, 0.0123, "better", "better than no model, p = 0.012"),
        (0.1, 0.3, 0.0001, "better", "better than no model, p below 0.001"),
        (0.1, 0.3, math.nan, "better", "better than no model"),
        (math.nan, 0.3, 0.01, "unknown", "too few days to compare with no model"),
        (-math.inf, -math.inf, math.nan, "worse", "worse than no model"),
    ],
)
def test_a_badge_is_no_better_than_its_interval(lower, upper, p, kind, words):
    assert scoring.verdict(lower, upper, p) == {"kind": kind, "words": words}


def test_a_price_that_stood_still_on_the_test_days_is_said_so(data):
    frame = scoring.prediction_frame(data, last_day(data))
    still = frame.assign(actual_usd=5.0, naive_usd=5.0, predicted_usd=5.1)
    scores = scoring.network_scores(still, "CNN")
    assert scoring.network_in_words(scores, "CNN").startswith("The price did not change on the")
    assert scoring.skill_in_words(scores.iloc[0]) == "no skill, as the price did not change"
