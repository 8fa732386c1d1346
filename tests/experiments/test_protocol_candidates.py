"""Candidates for the protocol: outcomes by hand, the same as a training that really stops, nearest where planted."""

import numpy as np
import pandas as pd
import pytest

from lib.experiments import protocol, train
from lib.thesis import records


@pytest.mark.parametrize(
    ("patience", "objective", "last", "epochs"),
    [(None, 1.0, 4.0, 8), (1, 3.0, 6.0, 3), (2, 3.0, 5.0, 4), (3, 2.0, 4.0, 8), (20, 1.0, 4.0, 8)],
)
def test_outcomes_by_hand(patience, objective, last, epochs):
    losses = np.array(
        [5.0, 3.0, 6.0, 5.0, 2.0, 4.0, 1.0, 4.0] if patience != 3 else [5.0, 3.0, 6.0, 5.0, 2.0, 4.0, 9.0, 4.0]
    )
    assert protocol.outcome(losses, patience) == {"objective": objective, "last": last, "epochs": epochs}


@pytest.mark.slow
def test_an_outcome_is_that_of_a_training_that_really_stops(tiny, random_walk, pool, tmp_path, monkeypatch):
    from lib.results import training_cache

    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    settings = tiny(tickers=["SOL-USD"], max_epochs=25)
    trials = protocol.chosen_trials(["SOL-USD"], ["CNN"], 1).assign(learning_rate=0.05, filters1=8, filters2=8)
    ((training, _),) = protocol.planned(random_walk("SOL-USD"), trials, settings)
    from dataclasses import replace

    stopped = replace(training, settings=settings.changed(patience=2))
    whole, short = train.train_all([training, stopped])
    found = protocol.outcome(whole.val_loss, 2)
    assert short.epochs == found["epochs"] < whole.epochs == 25
    assert (short.val_loss.min(), short.val_loss[-1]) == (found["objective"], found["last"])


def test_trials_are_spread_evenly_over_each_study():
    chosen = protocol.chosen_trials(["SOL-USD", "ADA-USD"], ["CNN", "LSTM"])
    counts = chosen.groupby(["ticker", "network"])["trial"].apply(list)
    assert counts["SOL-USD", "CNN"] == [1, 7, 13, 19, 25] and counts["ADA-USD", "LSTM"] == [1, 4, 7, 10, 13]
    assert ("ADA-USD", "CNN") not in counts.index
    stand_in = protocol.chosen_trials(["BTC-USD"], ["CNN"], 1)
    assert stand_in[["ticker", "same_coin"]].to_numpy().tolist() == [["BTC-USD", False]]


def test_the_planted_candidate_is_the_nearest():
    """Published as if patience 10 had stopped and the best weights had been restored."""
    rng = np.random.default_rng(0)
    rows = []
    for trial in range(1, 8):
        losses = np.exp(rng.normal(0, 0.3, 120)) / np.arange(1, 121) ** 0.5
        truth = protocol.outcome(losses, 10)
        about = {"ticker": "A", "network": "CNN", "trial": trial, "inputs": "own_close"}
        of = {"published_objective": truth["objective"], "published_mse": truth["objective"]}
        rows += [{**about, **of, "patience": p or 0, **protocol.outcome(losses, p)} for p in protocol.PATIENCE]
    found = protocol.distances(pd.DataFrame(rows)).set_index(["patience", "weights"])
    assert found["mse_factor"].idxmin() == (10, "best") and found.loc[(10, "best"), "mse_factor"] == pytest.approx(1)
    assert found.loc[(10, "last"), "objective_factor"] == pytest.approx(1)
    assert found.loc[(0, "last"), "mse_factor"] > 1.1
    words = protocol.in_words(found.reset_index(), same_coin=True)
    assert "Running every epoch is nearest in 0 of 1 studies; not in CNN of A (patience 10)" in words
    assert "no match" in protocol.in_words(found.reset_index(), same_coin=False)


def test_a_table_goes_on_from_an_earlier_one(tiny, random_walk, no_training):
    settings = tiny(tickers=["SOL-USD"])
    trials = protocol.chosen_trials(["SOL-USD"], ["CNN"], 3)
    trainings = protocol.planned(random_walk("SOL-USD"), trials, settings)
    first = protocol.table(trainings[:2])
    whole = protocol.table(trainings, first)
    assert [len(asked) for asked in no_training] == [2, 1] and len(whole) == 3 * len(protocol.PATIENCE)
    pd.testing.assert_frame_equal(whole.iloc[: len(first)], first)
    row = records.trials().query("ticker == 'SOL-USD' and network == 'CNN' and trial == 1").iloc[0]
    assert whole["published_mse"].iloc[0] == row["mse"] and (whole["seconds"] > 0).all()
