"""The replay of the author's trials: which are taken, how they are trained, and what is said of the scores."""

import json
import math
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.evaluation import prediction, scoring
from lib.experiments import replay, train
from lib.networks import compiled
from lib.networks import training as fitting
from lib.thesis import records

COINS = ("ADA-USD", "ETH-USD", "SOL-USD")
PRINTED = {"replay_trials": "printed", "networks": list(settings.NETWORKS)}


@pytest.fixture
def chosen(tiny):
    """One trial of each study of two coins, with two seeds."""
    return tiny(tickers=["SOL-USD", "ETH-USD"], replay_seeds=2, replay_trials=1, networks=["CNN-LSTM"])


def test_all_255_records_and_four_of_each_study_with_every_seed(tiny):
    rows = replay.published(tiny(tickers=list(COINS), **PRINTED))
    assert len(rows) == 255 and rows["same_coin"].all() and rows.groupby(replay.STUDY)["spread"].sum().eq(4).all()
    of_sol = rows[(rows["ticker"] == "SOL-USD") & rows["spread"]].groupby("network")["trial"].apply(list)
    assert of_sol["CNN"] == [1, 7, 13, 19] and of_sol["LSTM"] == [1, 4, 7, 10]


def test_fewer_trials_and_other_coins(tiny):
    few = replay.published(tiny(tickers=["SOL-USD"], networks=["LSTM-CNN"], replay_trials=4))
    assert len(few) == 4 and few["spread"].all()
    stand_in = replay.published(tiny(tickers=["BTC-USD"], networks=["CNN"], replay_trials=2))
    sol = replay.published(tiny(tickers=["SOL-USD"], networks=["CNN"], replay_trials=2))
    assert not stand_in["same_coin"].any() and set(stand_in["ticker"]) == {"BTC-USD"}
    assert stand_in["mse"].tolist() == sol["mse"].tolist()


def test_the_rerun_is_trained_on_its_own_days_with_its_own_rule(tiny, random_walk):
    chosen = tiny(tickers=["ADA-USD"], networks=["CNN", "LSTM"], replay_seeds=1, replay_trials=1)
    rows = replay.published(chosen)
    own = random_walk(*COINS)
    data = replay.data_of({"ADA-USD": own["ADA-USD"]}, own, chosen)
    (cnn, about), (lstm, other) = replay.planned(rows, data, chosen)
    assert (about["network"], about["inputs"], about["patience"], about["weights"]) == ("CNN", "all_closes", 10, "best")
    assert cnn.data.input_shape == (8, 3) and cnn.settings.split == (0.7, 0.2, 0.1) and cnn.settings.patience == 10
    assert (other["inputs"], other["patience"], other["weights"]) == ("own_close", 0, "last")
    assert lstm.data.input_shape == (8, 1) and lstm.settings.patience is None
    without = replay.planned(rows, replay.data_of({"ADA-USD": own["ADA-USD"]}, None, chosen), chosen)
    assert [about["network"] for _, about in without] == ["LSTM"], "without later prices the rerun is left out"


@pytest.fixture
def planned(chosen, random_walk):
    """The trainings with so many seeds."""

    def plan(seeds=2):
        its = chosen.changed(replay_seeds=seeds)
        prices = random_walk("SOL-USD", "ETH-USD")
        return replay.planned(replay.published(its), replay.data_of(prices, None, its), its)

    return plan


def test_a_row_a_training_with_the_outcome_of_each_stopping_rule(planned, no_training):
    fits = replay.run(planned())
    assert len(fits) == 2 * 2 and fits["key"].nunique() == 4 and set(fits["weights"]) == {"last"}
    assert not fits.duplicated([*replay.TRIAL, "seed_number"]).any() and fits.notna().all(axis=None)
    assert (fits["epochs_run"] == 3).all() and (fits["objective"] == 1.0).all()
    assert (fits["objective, patience 5"] == 1.0).all() and (fits["last, patience 0"] == 2.0).all()


def test_a_known_table_gives_its_rows_by_key_and_the_rest_is_trained(planned, no_training, tmp_path):
    """Also from a file, without any cache: a replay goes on another day from the table that was committed."""
    path = tmp_path / "replay_trainings.csv"
    assert replay.read(path) is None
    replay.run(planned(1)).assign(mse=-1.0).to_csv(path, index=False)
    known, three = replay.read(path), planned(3)
    fits = replay.run(three, known)
    assert [t.key for t in no_training[-1]] == [t.key for t, about in three if about["seed_number"] > 1]
    assert set(fits.loc[fits["seed_number"] == 1, "mse"]) == {-1.0} and (fits["mse"] == -1).sum() == 2
    assert list(fits["key"]) == [about["key"] for _, about in three]
    assert len(replay.run(planned(1), fits)) == 2, "a known row of another training is left out"


def test_a_table_of_another_kind_is_not_known_and_keys_are_words(planned, no_training, tmp_path):
    path = tmp_path / "replay_trainings.csv"
    fits = replay.run(planned(1))
    for lost in ("key", "objective, patience 0"):
        fits.drop(columns=lost).to_csv(path, index=False)
        assert replay.read(path) is None
    fits.assign(key="0012e45678901234").to_csv(path, index=False)
    assert set(replay.read(path)["key"]) == {"0012e45678901234"}


def test_killed_twice_a_replay_leaves_what_it_has_and_ends_as_one_run(planned, no_training, tmp_path):
    """Each training is written when it ends; a run that goes on trains the rest and gives the same table."""

    class Killed(Exception):
        pass

    path, written = tmp_path / "replay_trainings.csv", []
    whole = replay.run(planned(2))

    def save(table):
        table.to_csv(path, index=False)
        written.append(len(table))
        if len(written) in (1, 3):
            raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            replay.run(planned(2), replay.read(path), save)
    again = replay.run(planned(2), replay.read(path), save)
    assert written == [1, 2, 3, 4] and sum(len(asked) for asked in no_training[1:]) > 4
    pd.testing.assert_frame_equal(again, whole)


def test_a_changed_hyperparameter_is_another_training(planned, chosen, random_walk):
    rows = replay.published(chosen)
    data = replay.data_of(random_walk("SOL-USD", "ETH-USD"), None, chosen)
    changed = rows.assign(filters=rows["filters"] + 1)
    keys = {about["key"] for _, about in replay.planned(rows, data, chosen)}
    assert not keys & {about["key"] for _, about in replay.planned(changed, data, chosen)}


def test_a_diverged_training_scores_infinitely_bad(planned, no_training, monkeypatch):
    trained = train.train_all

    def diverge(trainings, *rest, on_result=None, **options):
        results = trained(trainings, *rest, **options)
        for number, result in enumerate(results):
            if number == 0:
                for values in result.arrays.values():
                    values[:] = np.nan
            on_result(trainings[number], result)
        return results

    monkeypatch.setattr(train, "train_all", diverge)
    fits = replay.run(planned(1))
    assert np.isinf(fits["mse"]).tolist() == [True, False] and fits["r2"].iloc[0] == -np.inf


# -- the verdicts --------------------------------------------------------------------------


@pytest.fixture
def naive_is(monkeypatch):
    monkeypatch.setattr(scoring, "naive_scores", lambda _: {"MSE": 1.0})


def made_up(published, ours):
    """Trials of one study: their published MSE, and the MSE of each seed of ours."""
    rows = pd.DataFrame({"ticker": "SOL-USD", "network": "CNN", "trial": range(1, len(published) + 1)})
    rows = rows.assign(same_coin=True, best_val_loss=published, mse=published, mae=0.1, r2=0.9, spread=True)
    fits = [
        {
            "ticker": "SOL-USD",
            "network": "CNN",
            "trial": t,
            "seed_number": k,
            "mse": m,
            "objective": m,
            "mae": m,
            "r2": 0,
        }
        for t, values in enumerate(ours, 1)
        for k, m in enumerate(values, 1)
    ]
    return rows, pd.DataFrame(fits)


def test_an_interval_by_hand_and_what_lies_in_it(naive_is):
    ours = [(1.0, 2.0), (4.0, 2.0), (3.0,)]
    rows, fits = made_up([1.4, 40.0, 0.5], ours)
    spread, freedom = prediction.pooled_spread(dict(enumerate(ours)))
    table = replay.table(rows, fits, {"SOL-USD": object()})
    assert freedom == 2 and table["trainings"].tolist() == [2, 2, 1]
    assert table["our_mse"].tolist() == [1.5, 3.0, 3.0]
    for at, values in enumerate(ours):
        expected = prediction.one_more(values, spread, freedom)
        assert tuple(table.loc[at, ["mse_low", "mse_high"]]) == pytest.approx(expected)
    assert table["mse_inside"].tolist() == [True, False, True] and table["objective_inside"].tolist() == [
        True,
        False,
        True,
    ]
    study = replay.studies(table, fits).iloc[0]
    assert (study["trials"], study["trained"], study["inside"]) == (3, 3, 2)
    assert study["seed_factor"] == pytest.approx(math.exp(spread))
    assert study["ours_over_published"] == pytest.approx(np.median([1.5 / 1.4, 3 / 40, 6.0]))
    assert (study["published_below_naive"], study["ours_below_naive"]) == (1, 0)
    assert study["best_low"] == pytest.approx(1.0), "no training of ours had a smaller loss"
    assert study["best_inside"] == 0.0


def test_a_changed_published_value_or_interval_changes_the_verdict(naive_is):
    ours = [(1.0, 1.1), (4.0, 4.2), (3.0,)]
    rows, fits = made_up([1.05, 4.1, 3.0], ours)
    data = {"SOL-USD": object()}
    assert replay.table(rows, fits, data)["mse_inside"].all()
    other = rows.assign(mse=[1.05, 4.1, 30.0])
    assert replay.table(other, fits, data)["mse_inside"].tolist() == [True, True, False]
    wider = fits.assign(mse=[1.0, 11.0, 4.0, 42.0, 3.0])
    assert replay.table(other, wider, data)["mse_inside"].tolist() == [True, True, True]


def test_an_interval_is_not_below_the_smallest_loss(naive_is):
    rows, fits = made_up([1.0, 2.0], [(1.0, 3.0), (2.0, 2.5)])
    low = replay.table(rows, fits, {"SOL-USD": object()})["mse_low"]
    floored = replay.table(rows, fits.assign(objective=[0.9, 0.9, 1.8, 1.8]), {"SOL-USD": object()})["mse_low"]
    assert (low < 0.5).any() and floored.tolist() == [pytest.approx(0.9), pytest.approx(1.8)]


def test_diverged_trainings_are_counted_and_left_out_of_the_interval(naive_is):
    rows, fits = made_up([1.0, 2.0, 3.0], [(1.0, 1.2), (2.0, np.inf), (np.inf,)])
    table = replay.table(rows, fits, {"SOL-USD": object()})
    assert table["diverged"].tolist() == [0, 1, 1] and table["mse_low"].notna().tolist() == [True, True, False]
    assert replay.studies(table, fits)["judged"].iloc[0] == 2


def test_one_seed_and_none_are_said(naive_is):
    rows, fits = made_up([1.0, 2.0], [(1.0,), ()])
    table = replay.table(rows, fits, {"SOL-USD": object()})
    assert table["trainings"].tolist() == [1, 0] and not table["mse_inside"].any() and table["mse_low"].isna().all()
    studies = replay.studies(table, fits)
    assert math.isnan(studies["best_low"].iloc[0]) and studies[["best_inside", "inside"]].isna().all(axis=None)
    rates = replay.error_rate(fits)
    assert rates["cases"].tolist() == [0, 0]
    assert "one seed does not say" in replay.in_words(table, studies, rates)
    assert "no match" in replay.in_words(table.assign(same_coin=False), studies, rates)


def test_words_and_error_rate_of_a_study_that_comes_back_and_one_that_does_not(naive_is):
    draw = np.random.default_rng(3)
    centres = np.exp(draw.normal(0, 1, 8))
    ours = [tuple(c * np.exp(0.2 * draw.standard_normal(3 if k < 3 else 1))) for k, c in enumerate(centres)]
    for factor, expected in ((1.0, "In 1 of 1 studies no difference"), (20.0, "one was found for CNN of SOL-USD")):
        rows, fits = made_up(list(factor * centres), ours)
        table = replay.table(rows, fits, {"SOL-USD": object()})
        studies, rates = replay.studies(table, fits), replay.error_rate(fits)
        assert expected in replay.in_words(table, studies, rates)
    words = replay.in_words(table, studies, rates)
    assert "The rule for one training calls" in words and "The rule for the best of several calls" in words
    assert "that needs three seeds" not in words
    two = replay.error_rate(fits[fits["seed_number"] < 3])
    assert "that needs three seeds" in replay.in_words(table, studies, two) and two["cases"].tolist() == [6, 0]
    assert rates["cases"].tolist() == [18, 6] and (rates["rate"] == rates["outside"] / rates["cases"]).all()


def test_every_column_of_the_studies_is_explained(naive_is):
    rows, fits = made_up([1.0, 2.0], [(1.0, 1.2), (2.0,)])
    columns = set(replay.studies(replay.table(rows, fits, {"SOL-USD": object()}), fits)) - {
        *replay.STUDY,
        "best_inside",
    }
    text = " ".join([*replay.MEANINGS, *replay.MEANINGS.values()])
    assert all(name in text for name in columns) and len(replay.meanings().data) == len(replay.MEANINGS)


@pytest.mark.slow
def test_scores_are_those_of_a_training_by_hand(tiny, random_walk, pool):
    chosen = tiny(tickers=["ETH-USD"], replay_seeds=1, replay_trials=1, networks=["CNN-LSTM"])
    plan = replay.planned(replay.published(chosen), replay.data_of(random_walk("ETH-USD"), None, chosen), chosen)
    fits = replay.run(plan).iloc[0]
    ((training, _),) = plan
    data, row = training.data, records.trials().query("ticker == 'ETH-USD' and network == 'CNN-LSTM'").iloc[0]
    fit = fitting.fit("CNN-LSTM", row, data, training.settings.changed(restore_best_weights=False), training.seed)
    forecast = compiled.in_batches(fit.model, data.validation.X).astype("float64")
    error = forecast - data.to_scaled(data.validation.actual_usd)
    assert fits["mse"] == float(np.mean(error**2)) and fits["objective"] == fits["objective, patience 0"]


def test_replay_parameters_are_the_thesiss_but_for_seeds_and_folder():
    thesis_run, replay_run = (
        settings.load(settings.PROJECT_ROOT / "params" / f"{n}.yaml").plain() for n in ("thesis", "replay")
    )
    differing = {k for k in thesis_run if thesis_run[k] != replay_run[k]}
    assert differing == {"replay_seeds", "output_dir"} and replay_run["replay_seeds"] >= 3


RUN = """
import json, sys
from pathlib import Path
from lib import settings
from lib.data import market
from lib.experiments import replay
if __name__ == "__main__":
    P, out = settings.load("params/sample.yaml", json.loads(sys.argv[1])), Path(sys.argv[2])
    plan = replay.planned(replay.published(P), replay.data_of(market.prices_of(P), None, P), P)
    fits = replay.run(plan, replay.read(out), lambda table: table.to_csv(out, index=False))
    fits.to_csv(out, index=False)
"""


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.timeout(900)
def test_killed_twice_for_real_a_replay_gives_the_same_table(tmp_path):
    """kill -9 after a training was written; the next process goes on from the table, without its cache even."""
    short = {"end_date": "2020-09-01", "lookback": 10, "max_epochs": 6, "replay_trials": 3, "replay_seeds": 2}
    values = json.dumps({**short, "networks": ["CNN", "LSTM"], "workers": 1})
    (tmp_path / "run.py").write_text(RUN)

    def start(out, cache):
        environment = {**os.environ, "PYTHONPATH": str(settings.PROJECT_ROOT), "TRAINING_CACHE": str(tmp_path / cache)}
        words = [sys.executable, str(tmp_path / "run.py"), values, str(out)]
        return subprocess.Popen(words, cwd=settings.PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL)

    def lines(out):
        return len(out.read_text().splitlines()) if out.is_file() else 0

    killed, whole = tmp_path / "killed.csv", tmp_path / "whole.csv"
    for number in (1, 2):
        before, process = lines(killed), start(killed, f"cache {number}")
        until = time.monotonic() + 120
        while lines(killed) <= before and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert process.poll() is None, "the replay ended before it could be killed"
        process.kill()
        process.wait()
    assert 3 <= lines(killed) < 13
    assert start(killed, "cache 3").wait(300) == 0 and start(whole, "cache 4").wait(300) == 0
    one, other = (pd.read_csv(path).drop(columns="seconds") for path in (killed, whole))
    pd.testing.assert_frame_equal(one, other)
    assert len(one) == 12
