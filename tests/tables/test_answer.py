"""Worse, indistinguishable or better: verdicts from errors without a unit, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from lib import tables
from lib.provenance import price_series
from lib.results import files

DAYS = pd.date_range("2024-01-01", periods=150)


def long_frame(factors, ticker="BTC-USD", part="test", reading="as evaluated", seeds=3, seed=1):
    """Forecasts whose errors are so many times the naive forecast's."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, len(DAYS) + 1)))
    rows = []
    for model, factor in factors.items():
        for k in range(1, seeds + 1):
            error = (close[1:] - close[:-1]) * rng.normal(1, 0.05, len(DAYS)) * np.sqrt(factor)
            rows.append(
                pd.DataFrame(
                    {
                        "ticker": ticker,
                        "reading": reading,
                        "model": model,
                        "seed_number": k,
                        "seed": k,
                        "part": part,
                        "date": DAYS,
                        "actual_usd": close[1:],
                        "predicted_usd": close[1:] + error,
                        "naive_usd": close[:-1],
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def test_each_verdict_is_given():
    frame = long_frame({"CNN": 4.0, "LSTM": 1.0, "CNN-LSTM": 0.3})
    frame.loc[frame["model"] == "LSTM", "predicted_usd"] = frame["naive_usd"] * np.tile(
        np.random.default_rng(5).normal(1, 0.001, len(DAYS)), 9
    )
    found = tables.answers(tables.relative_errors(frame)).set_index("model")
    assert found["verdict"].to_dict() == {"CNN": "worse", "LSTM": "indistinguishable", "CNN-LSTM": "better"}
    assert found.loc["CNN", "skill"] == pytest.approx(-3, abs=0.2) and found.loc["CNN", "skill_upper"] < 0
    assert (found["p_holm"] >= found["p_value"]).all() and (found["seeds"] == 3).all()
    said = tables.answers_in_words(found.reset_index())
    assert "against no model: of 3 networks 1 worse, 1 indistinguishable, 1 better;" in said
    assert tables.counted(found.reset_index()).iloc[0, 2:].tolist() == [1, 1, 1]


def test_holm_counts_all_coins_of_one_part_and_reading_as_one_family():
    coins = [long_frame({"CNN": 4.0, "LSTM": 1.0}, ticker=t, seed=k) for k, t in enumerate(("A-USD", "B-USD", "C-USD"))]
    found = tables.answers(tables.relative_errors(pd.concat(coins)))
    smallest = found["p_value"].min()
    assert found.loc[found["p_value"].idxmin(), "p_holm"] == pytest.approx(6 * smallest)


def test_a_diverged_training_is_worse():
    frame = long_frame({"CNN": 1.0, "LSTM": 1.0}, seeds=2)
    frame.loc[(frame["model"] == "CNN") & (frame["seed_number"] == 2), "predicted_usd"] = np.nan
    found = tables.answers(tables.relative_errors(frame)).set_index("model")
    assert found.loc["CNN", "verdict"] == "worse" and found.loc["CNN", "skill"] == -np.inf


def test_the_committed_form_gives_no_price_away_and_the_same_verdicts(tmp_path):
    frame = pd.concat(
        [long_frame({"CNN": 2.0, "LSTM": 1.0}), long_frame({"CNN": 2.0, "LSTM": 1.0}, part="holdout", seed=4)]
    )
    errors = tables.relative_errors(frame)
    path = tmp_path / "relative_errors.csv"
    errors.to_csv(path, index=False)
    pd.testing.assert_frame_equal(tables.answers(files.read_table(path)), tables.answers(errors))
    days = frame.drop_duplicates("date").set_index("date")
    prices = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), days["actual_usd"])).assign(Volume=1.0)
    assert not price_series.looks_daily(path)
    assert not price_series.follows_prices([(path.name, files.read_table(path))], {"BTC-USD": prices})
    assert errors["naive"].groupby(errors["part"]).mean().to_numpy() == pytest.approx(1, abs=1e-4)


def test_a_training_that_lacks_days_is_refused():
    frame = long_frame({"CNN": 2.0, "LSTM": 1.0})
    with pytest.raises(ValueError, match="lacks days"):
        tables.relative_errors(frame.drop(frame.index[3]))


def test_readings_that_lack_a_part_are_left_out_there():
    frame = pd.concat(
        [
            long_frame({"CNN": 2.0}),
            long_frame({"CNN": 2.0}, part="holdout"),
            long_frame({"CNN": 2.0}, "BTC-USD", "holdout", "refitted"),
        ]
    )
    found = tables.answers(tables.relative_errors(frame))
    assert found[["part", "reading"]].to_numpy().tolist() == [
        ["test", "as evaluated"],
        ["holdout", "as evaluated"],
        ["holdout", "refitted"],
    ]
    r2 = tables.r2_beside_naive(frame)
    assert len(r2) == 3 and (r2["r2"] < r2["r2_naive"]).all()
