"""Tables against values by hand, with the thesis's rows beside ours."""

import types

import numpy as np
import pandas as pd
import pytest

from lib import networks, settings, tables, thesis
from lib.data import windows


def days(values, first="2021-01-01"):
    return pd.Series(values, index=pd.date_range(first, periods=len(values)), dtype="float64")


CLOSE = [1.0, 2, 4, np.nan, 8, 10]


def test_table_4_1_by_hand():
    """Mean 5, distances -4 -3 -1 3 5: squares 60, cubes 60, fourth powers 1044, five days."""
    row = tables.table_4_1({"X-USD": days(CLOSE)}).squeeze()
    m2, m3, m4, n = 60 / 5, 60 / 5, 1044 / 5, 5
    skewness = (n * (n - 1)) ** 0.5 / (n - 2) * m3 / m2**1.5
    kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
    expected = {
        "minimum": 1,
        "maximum": 10,
        "mean": 5,
        "median": 4,
        "std": (60 / 4) ** 0.5,
        "skewness": skewness,
        "kurtosis": kurtosis,
    }
    assert (row["ticker"], row["whose"], row["days"]) == ("X-USD", "this run", 5)
    assert row[list(expected)].to_dict() == pytest.approx(expected)


def test_table_4_1_agrees_with_scipy():
    from scipy import stats

    close = days(np.random.default_rng(1).lognormal(size=50))
    row = tables.table_4_1({"X-USD": close}).squeeze()
    assert row["skewness"] == pytest.approx(stats.skew(close, bias=False))
    assert row["kurtosis"] == pytest.approx(stats.kurtosis(close, bias=False))


def test_table_4_1_has_the_printed_row_below_ours():
    table = tables.table_4_1({"ADA-USD": days(CLOSE), "BTC-USD": days(CLOSE)})
    assert list(zip(table["ticker"], table["whose"])) == [
        ("ADA-USD", "this run"),
        ("ADA-USD", "thesis"),
        ("BTC-USD", "this run"),
    ]
    printed = table.iloc[1]
    assert [printed[c] for c in ("minimum", "maximum", "mean", "std", "median", "skewness")] == [
        0.175,
        3.098,
        0.892,
        0.512,
        0.895,
        0.48,
    ]
    assert pd.isna(printed["days"]) and pd.isna(printed["kurtosis"])


def test_table_4_2_puts_the_printed_adf_beside_ours():
    tests = pd.DataFrame(
        [
            {
                "ticker": t,
                "series": s,
                "observations": 9,
                "adf_statistic": -1.0,
                "adf_p_value": 0.7,
                "adf_lags": 1,
                "kpss_statistic": 2.0,
                "kpss_p_value": 0.01,
                "kpss_lags": 3,
                "reading": "r",
            }
            for s in ("level", "returns")
            for t in ("SOL-USD", "BTC-USD")
        ]
    )
    table = tables.table_4_2(tests)
    assert list(table.columns[:7]) == [
        "ticker",
        "series",
        "observations",
        "adf_statistic",
        "thesis_adf_statistic",
        "adf_p_value",
        "thesis_adf_p_value",
    ]
    assert table["thesis_adf_statistic"].tolist() == pytest.approx([-3.880, np.nan, -36.83, np.nan], nan_ok=True)
    assert table["thesis_adf_p_value"].tolist() == pytest.approx([0.002, np.nan, 0.0, np.nan], nan_ok=True)
    assert table["thesis_reading"].tolist() == ["stationary", "", "stationary", ""]
    assert len(tests.columns) == 10


def score(ticker, part, model, mse, unit="USD", naive=4.0):
    return {
        "ticker": ticker,
        "part": part,
        "model": model,
        "unit": unit,
        "days": 10,
        "MSE": mse,
        "MAE": 1.0,
        "RMSE": mse**0.5,
        "MAPE": 2.0,
        "R2": 1 - mse / 100,
        "skill": 1 - mse / naive,
        "skill_lower": 1 - mse / naive - 0.1,
        "skill_upper": 1 - mse / naive + 0.1,
        "seed": None if model == "naive" else 7,
    }


@pytest.fixture
def scores():
    rows = [
        score(t, p, m, mse, u)
        for t in ("ADA-USD", "ETH-USD")
        for p in ("train", "validation", "test")
        for u in ("scaled", "USD")
        for m, mse in (("CNN", 5.0), ("LSTM", 3.0 if p == "test" else 6.0), ("naive", 4.0))
    ]
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def test_table_4_5_has_dollars_only_parts_apart_and_the_thesis_last(scores):
    table = tables.table_4_5(scores)
    ours, theirs = table[table["whose"] == "this run"], table[table["whose"] == "thesis"]
    assert list(table.columns) == [
        "ticker",
        "part",
        "model",
        "whose",
        "unit",
        "days",
        "MSE",
        "MAE",
        "RMSE",
        "MAPE",
        "R2",
        "skill",
        "skill_lower",
        "skill_upper",
        "seed",
    ]
    before = scores.drop(columns=["skill_lower", "skill_upper"])
    assert list(tables.table_4_5(before)) == [c for c in table if not c.startswith("skill_")]
    assert [tuple(r) for r in ours[["ticker", "part", "model"]].to_numpy()] == [
        (t, p, m) for t in ("ADA-USD", "ETH-USD") for p in ("validation", "test") for m in ("CNN", "LSTM", "naive")
    ]
    assert theirs.index.tolist() == [12, 13, 14, 15] and set(theirs["ticker"]) == set(theirs["part"]) == set(
        theirs["unit"]
    ) == {"not stated"}
    assert set(ours["unit"]) == {"USD"}
    assert theirs.set_index("model")[["MSE", "MAE", "R2"]].T.to_dict("list") == thesis.printed()["table_4_5"]["rows"]
    assert ours["seed"].tolist()[:2] == [7, 7] and pd.isna(ours["seed"].iloc[2]) and theirs["days"].isna().all()


def test_comparison_in_words_counts_who_beats_the_naive_forecast(scores):
    assert tables.comparison_in_words(scores).splitlines() == [
        "validation: 0 of 4 models have an interval of the skill above 0, 4 below; above 0, and so better than naive"
        " beyond chance of the days: none (95 % intervals of one seed's skill; nothing corrects for the number of"
        " networks).",
        "test: 2 of 4 models have an interval of the skill above 0, 2 below; above 0, and so better than naive beyond"
        " chance of the days: LSTM on ADA-USD, LSTM on ETH-USD (95 % intervals of one seed's skill; nothing corrects"
        " for the number of networks).",
    ]


def test_r2_of_split(scores):
    found = tables.r2_of_split(scores, "test")
    assert found.to_dict("list") == {
        "ticker": ["ADA-USD"] * 3 + ["ETH-USD"] * 3,
        "model": ["CNN", "LSTM", "naive"] * 2,
        "R2": pytest.approx([0.95, 0.97, 0.96] * 2),
    }


TRIALS = pd.DataFrame(
    [
        {
            "ticker": t,
            "network": n,
            "trial": k,
            "state": state,
            "batch_size": 16 * k,
            "mse": mse,
            "mae": 0.1,
            "r2": 1 - mse,
            "seconds": 1.0,
            "made_on": "A",
            "epochs_run": 5,
            "best_epoch": 4,
            "parameters": 100,
            "seed": k,
            "filters": 8 if n == "CNN" else None,
        }
        for t in ("ADA-USD", "ETH-USD")
        for n in ("CNN", "LSTM")
        for k, (state, mse) in enumerate(
            [("complete", 0.3), ("complete", 0.2 if n == "CNN" else np.inf), ("pruned", np.nan)], start=1
        )
    ]
)
NAIVE = {"ADA-USD": {"MSE": 0.1, "MAE": 0.01, "R2": 0.9}, "ETH-USD": {"MSE": 0.2, "MAE": 0.02, "R2": 0.8}}


def test_best_trials_are_the_smallest_mse_of_finished_ones_with_the_naive_forecast_last():
    table = tables.best_trials(TRIALS, NAIVE)
    assert [tuple(r) for r in table[["ticker", "network", "mse"]].to_numpy()] == [
        ("ADA-USD", "CNN", 0.2),
        ("ADA-USD", "LSTM", 0.3),
        ("ADA-USD", "naive", 0.1),
        ("ETH-USD", "CNN", 0.2),
        ("ETH-USD", "LSTM", 0.3),
        ("ETH-USD", "naive", 0.2),
    ]
    assert table["trial"].fillna(0).tolist() == [2, 1, 0, 2, 1, 0]
    assert table["batch_size"].tolist()[:2] == [32, 16] and not {"state", "seconds", "made_on"} & set(table.columns)


def test_impact_in_words_ranks_within_studies():
    """Two studies whose levels of R2 differ so much that pooling them would turn the sign of the learning rate."""
    study = pd.DataFrame(
        {
            "ticker": "ADA-USD",
            "network": "CNN",
            "r2": [0.1, 0.2, 0.3, 0.4, 0.5],
            "learning_rate": [5, 4, 3, 2, 1],
            "batch_size": [16, 64, 32, 128, 128],
            "dropout_rate": 0.1,
        }
    )
    other = study.assign(
        ticker="ETH-USD", r2=study["r2"] + 10, learning_rate=study["learning_rate"] + 10, batch_size=np.nan
    )
    few = study.head(2).assign(network="LSTM", learning_rate=[1, 2])
    told = tables.impact_in_words(pd.concat([study, other, few], ignore_index=True))
    assert told == (
        "Rank correlation with validation R2 within studies: learning_rate -1.00 (10 trials of 2 studies),"
        " batch_size +0.87 (5 trials of 1 studies)."
    )
    assert tables.impact_in_words(few).endswith("too few trials to say.")


def test_parameter_count_in_words():
    def model(count):
        return types.SimpleNamespace(count_params=lambda: count)

    assert "LSTM-CNN: 69,920 parameters; the thesis prints 52,934: +16,986 with" in tables.parameter_count_in_words(
        "LSTM-CNN", model(69920)
    )
    assert tables.parameter_count_in_words("LSTM-CNN", model(52934)).endswith("52,934: the same.")
    assert tables.parameter_count_in_words("CNN", model(5)).endswith("prints no number for it.")


def test_best_trials_keep_whole_numbers_whole():
    trials = pd.DataFrame(
        [
            {
                "ticker": "ADA-USD",
                "network": n,
                "trial": k,
                "state": "complete",
                "seconds": 1.0,
                "mse": mse,
                "mae": 0.1,
                "r2": 0.5,
                "filters": f,
                "dropout_rate": 0.15,
                "epochs_run": 3,
                "best_epoch": 2,
                "parameters": 9,
                "seed": 1,
            }
            for n, k, mse, f in (("CNN-LSTM", 1, 0.3, 20.0), ("CNN-LSTM", 2, 0.2, 30.0), ("LSTM", 1, 0.4, np.nan))
        ]
    )
    table = tables.best_trials(trials, {"ADA-USD": {"MSE": 0.1, "MAE": 0.05, "R2": 0.9}})
    assert table[["network", "trial", "filters"]].astype(object).where(
        table[["network", "trial", "filters"]].notna(), None
    ).values.tolist() == [["CNN-LSTM", 2, 30], ["LSTM", 1, None], ["naive", None, None]]
    assert str(table["filters"].dtype) == "Int64" and table["dropout_rate"].dtype == float


def test_best_r2_takes_the_highest_of_each_model_in_a_listing():
    listing = pd.DataFrame(
        {
            "Model": ["CNN", "CNN", "LSTM", "LSTM", "naive"],
            "MSE": [0.9, 0.5, 3.0, np.nan, 0.1],
            "R2 Score": [0.1, 0.5, -2.0, np.nan, 0.9],
            "State": ["complete", "complete", "complete", "pruned", np.nan],
        }
    )
    assert tables.best_r2({"ADA-USD": listing}).to_dict("list") == {
        "ticker": ["ADA-USD"] * 3,
        "model": ["CNN", "LSTM", "naive"],
        "R2": [0.5, -2.0, 0.9],
    }


def test_cleaning_steps_count_what_each_changed():
    frames = [days(v).to_frame("Close") for v in ([1, np.nan, 3, 100], [1, 2, 3, 100], [1, 2, 3, 7])]
    table = tables.cleaning_steps(frames[0], frames[1], {"cap": frames[2], "median": frames[1]})
    assert table.to_dict("list") == {  # each rule counts against the filled closes, not against the rule before it
        "step": ["as loaded", "gaps filled", "outliers: cap", "outliers: median"],
        "days": [4] * 4,
        "missing": [1, 0, 0, 0],
        "closes_changed": [0, 1, 1, 0],
        "minimum_usd": [1] * 4,
        "maximum_usd": [100, 100, 7, 100],
    }


def test_cleaning_steps_count_days_that_were_not_there():
    loaded = days([1, 2, 3, 4]).to_frame("Close")
    table = tables.cleaning_steps(loaded.drop(loaded.index[1:3]), loaded, {})
    assert table["days"].tolist() == [2, 4] and table["closes_changed"].tolist() == [0, 2]


def test_range_in_words():
    told = tables.range_in_words({"X-USD": days([100, 200, 50, 150])})
    assert (
        told
        == "X-USD: lowest close 50 USD on 2021-01-03, highest 200 USD on 2021-01-02; deepest fall from a peak -75%."
    )


def test_hyperparameters_name_their_place():
    table = tables.hyperparameters("LSTM").set_index("hyperparameter")
    assert table["value"].to_dict() == thesis.best_hyperparameters("LSTM")
    assert set(table["place"]) == {"chapter 8 and Appendix 1, SOL-USD, trial 15"}


def test_layers_end_with_the_total_and_the_thesis_s(monkeypatch):
    rows = pd.DataFrame(
        [("Input", (60, 1), 0, "w"), ("Dense (1)", (1,), 2, "w")],
        columns=["layer", "output_shape", "parameters", "in_words"],
    )
    monkeypatch.setattr(networks, "layer_table", lambda model: rows)
    model = types.SimpleNamespace(count_params=lambda: 52000)
    assert tables.table_4_4(model)[["layer", "parameters"]].to_numpy().tolist()[-2:] == [
        ["all layers", 52000],
        ["all layers, thesis", 52934],
    ]
    assert tables.layers("CNN", model)["layer"].tolist() == ["Input", "Dense (1)", "all layers"]


def test_window_counts():
    close = days([0, 50, 100, 20, 40, 60, 80, 10, 30, 70, 90, 5])
    prices = {"X-USD": pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), close))}
    chosen = settings.sample().changed(lookback=2, split=[0.5, 0.25, 0.25])
    table = tables.window_counts(windows.build(prices, chosen))
    assert table.iloc[0].to_dict() == {
        "ticker": "X-USD",
        "part": "train",
        "days": 6,
        "windows": 4,
        "first_target": "2021-01-03",
        "last_target": "2021-01-06",
        "lookback": 2,
        "features": 1,
        "target_variance": pytest.approx(np.var([1, 0.2, 0.4, 0.6])),
    }
    assert table["windows"].tolist() == [4, 1, 1] and table["target_variance"].tolist()[1:] == [0, 0]
