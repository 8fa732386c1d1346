"""The replay of printed trials: which are taken, what is trained, and what is said of the scores."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from lib import settings, thesis
from lib.evaluation import scoring
from lib.experiments import replay, train
from lib.networks import training as fitting

COINS = ["ADA-USD", "ETH-USD", "SOL-USD"]


def test_120_printed_trials_state_every_hyperparameter():
    rows = replay.printed_trials(COINS, ["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"])
    assert len(rows) == 120 and rows.notna().all(axis=None) and rows["same_coin"].all()
    counts = rows.groupby(["ticker", "network"]).size().to_dict()
    assert counts == {(t, n): 30 if t == "ETH-USD" else 15 for t in COINS for n in ("CNN-LSTM", "LSTM-CNN")}
    # Appendix 2 prints this row under LSTM, but it has filters and a kernel.
    ada = rows[(rows["ticker"] == "ADA-USD") & (rows["network"] == "CNN-LSTM")].iloc[0]
    raw = thesis.trials().query("ticker == 'ADA-USD' and model == 'LSTM'").iloc[0]
    assert (ada["printed_mse"], ada["filters"], ada["lstm_units1"]) == (raw["mse"], raw["filters"], raw["lstm_units1"])


def test_fewer_trials_other_coins_and_networks_without_any():
    assert len(replay.printed_trials(["SOL-USD"], ["LSTM-CNN"], 4)) == 4
    stand_in = replay.printed_trials(["BTC-USD"], ["CNN-LSTM"], 2)
    assert not stand_in["same_coin"].any() and set(stand_in["ticker"]) == {"BTC-USD"}
    sol = replay.printed_trials(["SOL-USD"], ["CNN-LSTM"], 2)
    assert stand_in["printed_mse"].tolist() == sol["printed_mse"].tolist()
    assert set(replay.printed_trials(["BTC-USD", "SOL-USD"], ["CNN-LSTM"])["ticker"]) == {"SOL-USD"}
    with pytest.raises(replay.ReplayError, match=r"networks is \['CNN'\], but only CNN-LSTM and LSTM-CNN"):
        replay.printed_trials(["SOL-USD"], ["CNN"])


@pytest.mark.parametrize(
    "printed, half", [(0.0032, 5e-6), (0.00112, 5e-6), (0.000935, 5e-7), (7.7e-5, 5e-7), (0.0154, 5e-5)]
)
def test_the_last_place_of_a_printed_mse(printed, half):
    assert replay.half_unit(printed) == pytest.approx(half, rel=1e-12)


def made_up(ours, printed=(0.002, 0.004), naive=0.001):
    """Two trials of one network; ``ours``: reading -> per trial the MSE of each seed."""
    fits = [
        {
            "ticker": "SOL-USD",
            "network": "CNN-LSTM",
            "trial": t,
            "inputs": i,
            "weights": w,
            "seed_number": k,
            "mse": m,
            "r2": 1 - m,
        }
        for (i, w), trials in ours.items()
        for t, seeds in enumerate(trials, 1)
        for k, m in enumerate(seeds, 1)
    ]
    rows = pd.DataFrame(
        {
            "ticker": "SOL-USD",
            "network": "CNN-LSTM",
            "trial": [1, 2],
            "same_coin": True,
            "printed_mse": printed,
            "printed_mae": 0.1,
            "printed_r2": 0.9,
        }
    )
    return pd.DataFrame(fits), rows, naive


@pytest.fixture
def naive_is(monkeypatch):
    def put(mse):
        monkeypatch.setattr(scoring, "naive_scores", lambda _: {"MSE": mse})

    return put


def test_table_and_agreement_worked_out_by_hand(naive_is):
    fits, printed, naive = made_up(
        {
            ("own_close", "best"): [
                (0.001, 0.002, 0.004),
                (0.0005, 0.001, 0.002),
            ],  # median half of the printed score in trial 2
            ("own_close", "last"): [(0.0021, 0.003, 0.004), (0.0039, 0.00391, 0.003992)],  # outside by rounding or more
        }
    )
    naive_is(naive)
    rows = replay.table(printed, fits, {"SOL-USD": None})
    assert rows["inside, own_close, best"].tolist() == [True, False]
    assert rows["mse_median, own_close, best"].tolist() == [0.002, 0.001]
    # 0.004 stands for 0.003995 to 0.004005, and 0.002 for 0.001995 to 0.002005
    assert rows["inside, own_close, last"].tolist() == [False, False]
    found = replay.agreement(fits, rows).set_index(["weights", "network"])
    best = found.loc[("best", "all")]
    assert best["inside"] == 0.5 and best["expected_inside"] == 0.5 and best["trials"] == 2 and best["seeds"] == 3
    assert best["printed_over_ours"] == pytest.approx(math.exp(np.median([0, math.log(4)])))
    assert best["factor"] == pytest.approx(2) and (best["below"], best["above"]) == (0, 1)
    assert best["inside_p"] == pytest.approx(0.75), "at most one of two inside, if each had an even chance"
    # each seed against the median of the other two, by hand
    logs = [math.log(0.003 / 0.001), math.log(0.0025 / 0.002), math.log(0.004 / 0.0015)]
    logs += [math.log(0.0015 / 0.0005), math.log(0.00125 / 0.001), math.log(0.002 / 0.00075)]
    assert best["seed_factor"] == pytest.approx(math.exp(np.median(logs)))
    assert best["printed_below_naive"] == 0 and best["ours_below_naive"] == 0
    assert found.loc[("best", "CNN-LSTM")].equals(best) and math.isnan(best["rank_correlation"]), (
        "two trials of a coin have no rank correlation"
    )
    assert (found.loc[("last", "all"), ["below", "above"]] == [1, 1]).all()


def test_rounding_decides_at_the_edge(naive_is):
    naive_is(1.0)
    fits, printed, _ = made_up({("own_close", "best"): [(0.0020049, 0.003), (0.003, 0.0039951)]})
    assert replay.table(printed, fits, {"SOL-USD": None})["inside, own_close, best"].tolist() == [True, True]
    fits, printed, _ = made_up({("own_close", "best"): [(0.0020051, 0.003), (0.003, 0.0039949)]})
    assert replay.table(printed, fits, {"SOL-USD": None})["inside, own_close, best"].tolist() == [False, False]


def test_the_nearest_reading_is_named_with_its_sign_test(naive_is):
    naive_is(0.003)
    near, far = [(0.0019, 0.002, 0.0021), (0.0039, 0.004, 0.0041)], [(0.01, 0.02, 0.03), (0.04, 0.05, 0.06)]
    fits, printed, _ = made_up({("own_close", "best"): far, ("all_closes", "last"): near})
    rows = replay.table(printed, fits, {"SOL-USD": None})
    told = replay.in_words(rows, replay.agreement(fits, rows))
    assert (
        "Of the 2 readings trained, the printed scores are nearest to inputs all_closes with the weights of the" in told
    )
    assert "cannot be said from 2 trials and 3 seeds" in told
    assert (
        "nearer than inputs own_close with the weights of the best epoch (factor 11.18) in 2 of 2 CNN-LSTM trials"
        " (p 0.5), and in most trials of 1 of 1" in told
    )
    assert "For CNN-LSTM the two can hardly be distinguished." in told
    assert "Of these 2 printed trials 1 have an MSE below" in told and "and 1 of our medians have" in told
    assert "no match" in replay.in_words(rows.assign(same_coin=False), replay.agreement(fits, rows))
    each = replay.each_trial(rows, replay.agreement(fits, rows))
    assert each["smallest_mse"].tolist() == [0.0019, 0.0039] and each["inside"].tolist() == ["yes", "yes"]


def many(printed_over_ours, seeds=(0.98, 1.0, 1.02)):
    """Trials of two networks and three coins; the printed MSE is ours times the factor of the trial."""
    fits, rows = [], []
    for number, factor in enumerate(printed_over_ours, 1):
        of = {"ticker": COINS[number % 3], "network": ("CNN-LSTM", "LSTM-CNN")[number % 2], "trial": number}
        rows.append(
            {**of, "same_coin": True, "printed_mse": factor * number / 1000, "printed_mae": 0.1, "printed_r2": 0.9}
        )
        fits += [
            {**of, "inputs": "own_close", "weights": "best", "seed_number": k, "mse": s * number / 1000, "r2": 0.9}
            for k, s in enumerate(seeds, 1)
        ]
    return pd.DataFrame(fits), pd.DataFrame(rows)


@pytest.mark.parametrize(
    "factors, told",
    [
        (
            [0.5, 2.0] * 12,
            "do not come back one by one.* No difference of their level is found: printed over ours is 1.00 .*"
            " 12 of 24 are smaller",
        ),
        (
            [0.5] * 24,
            "do not come back one by one.* Their level is another one too: printed over ours is 0.50 .*"
            " 24 of 24 are smaller",
        ),
        (
            [1.0, 1.5] * 12,
            "lie 12 of 24 printed MSE, 0 below it and 12 above; 12 would lie inside .*"
            " as far as can be seen, the scores come back",
        ),
    ],
)
def test_whether_scores_come_back_is_a_rule_of_the_numbers(naive_is, factors, told):
    naive_is(1e-9)
    fits, printed = many(factors)
    rows = replay.table(printed, fits, dict.fromkeys(COINS))
    found = replay.agreement(fits, rows)
    assert re.search(told, replay.in_words(rows, found))
    best = replay.nearest(found)
    assert best["inside"] * 24 + best["below"] + best["above"] == 24
    assert best["seed_rank_correlation"] == pytest.approx(1)


def test_one_seed_is_no_range(naive_is):
    naive_is(1e-9)
    fits, printed = many([1.0, 2.0] * 6, seeds=(1.0,))
    rows = replay.table(printed, fits, dict.fromkeys(COINS))
    told = replay.in_words(rows, replay.agreement(fits, rows))
    assert "cannot be said from 12 trials and 1 seed." in told and "nan" not in told


def test_every_column_of_the_agreement_is_explained(naive_is):
    naive_is(1e-9)
    fits, printed = many([1.0, 2.0] * 6)
    columns = set(replay.agreement(fits, replay.table(printed, fits, dict.fromkeys(COINS))))
    explained = {name for names in replay.MEANINGS for name in names.split(", ")}
    assert columns - explained == {"inputs", "weights", "network", "trials", "seeds"} and explained <= columns


@pytest.fixture
def chosen(tiny):
    return tiny(
        max_epochs=2,
        tickers=["SOL-USD", "ETH-USD"],
        replay_seeds=2,
        replay_inputs="all_closes",
        replay_trials=1,
        networks=["CNN-LSTM"],
    )


@pytest.fixture
def planned(chosen, random_walk):
    """The trainings with so many seeds."""

    def plan(seeds=2):
        settings = chosen.changed(replay_seeds=seeds)
        printed = replay.printed_trials(settings.tickers, settings.networks, settings.replay_trials)
        return replay.planned(random_walk("SOL-USD", "ETH-USD"), printed, settings)

    return plan


def test_every_trial_is_trained_with_every_seed(planned, no_training):
    fits = replay.run(planned())
    assert len(fits) == 2 * 2 * 2 and fits["key"].nunique() == 4
    names = ["ticker", "network", "trial", "inputs", "weights", "seed_number"]
    assert not fits.duplicated(names).any() and fits[names].notna().all(axis=None)
    assert set(fits["inputs"]) == {"all_closes"}
    own = fits[fits["weights"] == "best"]
    assert (own["epochs_run"] == 3).all() and (own["best_epoch"] == 2).all()


def test_a_known_table_gives_its_rows_by_key_and_the_rest_is_trained(planned, no_training, tmp_path):
    """Also from a file, without any cache: a replay goes on another day from the table that was committed."""
    path = tmp_path / "replay_trainings.csv"
    assert replay.read(path) is None
    replay.run(planned(1)).assign(mse=-1.0).to_csv(path, index=False)
    known, three = replay.read(path), planned(3)
    assert replay.missing(planned(1), known) == 0 and replay.missing(three, known) == 4
    fits = replay.run(three, known)
    assert [t.key for t in no_training[-1]] == [t.key for t, facts in three if facts["seed_number"] > 1]
    assert set(fits.loc[fits["seed_number"] == 1, "mse"]) == {-1.0} and (fits["mse"] == -1).sum() == 2 * 2
    pd.testing.assert_frame_equal(fits[fits["mse"] != -1], replay.run(three).query("seed_number > 1"))
    assert list(fits["key"][::2]) == [facts["key"] for _, facts in three]
    # A known row of another training is left out.
    assert len(replay.run(planned(1), fits)) == 2 * 2


def test_a_table_from_before_keys_is_not_known_and_keys_are_words(planned, no_training, tmp_path):
    path = tmp_path / "replay_trainings.csv"
    fits = replay.run(planned(1))
    fits.drop(columns="key").to_csv(path, index=False)
    assert replay.read(path) is None
    fits.assign(key="0012e45678901234").to_csv(path, index=False)
    assert set(replay.read(path)["key"]) == {"0012e45678901234"}


def test_a_diverged_training_scores_infinitely_bad(planned, no_training, monkeypatch):
    trained = train.train_all

    def diverge(trainings, *rest):
        results = trained(trainings, *rest)
        for values in results[0].arrays.values():
            values[:] = np.nan
        return results

    monkeypatch.setattr(train, "train_all", diverge)
    fits = replay.run(planned(1))
    assert np.isinf(fits["mse"]).tolist() == [True] * 2 + [False] * 2 and fits["r2"].iloc[0] == -np.inf


@pytest.mark.slow
def test_scores_are_those_of_a_training_by_hand(chosen, random_walk, pool):
    settings = chosen.changed(replay_inputs="all_closes", replay_seeds=1)
    printed = replay.printed_trials(["ETH-USD"], settings.networks, 1)
    plan = replay.planned(random_walk("SOL-USD", "ETH-USD"), printed, settings)
    fits = replay.run(plan).set_index("weights")
    assert replay.missing(plan) == 0
    training, _ = plan[0]
    data = training.data
    assert data.input_shape == (8, 2)
    for weights, restore in (("best", True), ("last", False)):
        reading = training.settings.changed(restore_best_weights=restore)
        fit = fitting.fit("CNN-LSTM", printed.iloc[0], data, reading, training.seed)
        forecast = fitting.predict(fit.model, data.validation.X).astype("float64")
        error = forecast - data.to_scaled(data.validation.actual_usd)
        assert fits.loc[weights, "mse"] == float(np.mean(error**2))


def test_replay_parameters_are_the_thesiss_but_for_seeds_and_folder():
    thesis_run, replay_run = (
        settings.load(settings.PROJECT_ROOT / "params" / f"{n}.yaml").plain() for n in ("thesis", "replay")
    )
    differing = {k for k in thesis_run if thesis_run[k] != replay_run[k]}
    assert differing == {"replay_seeds", "output_dir"} and replay_run["replay_seeds"] >= 3
