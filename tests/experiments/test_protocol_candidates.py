"""Candidates for the protocol: days from a variance, outcomes by hand, nearest where planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lib.data import windows
from lib.experiments import protocol, replay, train


@pytest.mark.parametrize(
    ("patience", "objective", "last", "epochs"),
    [(None, 1.0, 4.0, 8), (1, 3.0, 6.0, 3), (2, 3.0, 5.0, 4), (3, 2.0, 4.0, 8), (20, 1.0, 4.0, 8)],
)
def test_outcomes_by_hand(patience, objective, last, epochs):
    losses = np.array(
        [5.0, 3.0, 6.0, 5.0, 2.0, 4.0, 1.0, 4.0] if patience != 3 else [5.0, 3.0, 6.0, 5.0, 2.0, 4.0, 9.0, 4.0]
    )
    assert replay.outcome(losses, patience) == {"objective": objective, "last": last, "epochs": epochs}


@pytest.mark.slow
def test_an_outcome_is_that_of_a_training_that_really_stops(tiny, random_walk, pool, tmp_path, monkeypatch):
    from lib.results import training_cache

    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    settings = tiny(tickers=["SOL-USD"], networks=["CNN"], max_epochs=25, replay_seeds=1, replay_trials=1)
    rows = replay.published(settings).assign(learning_rate=0.05, filters1=8, filters2=8)
    ((training, _),) = replay.planned(rows, replay.data_of(random_walk("SOL-USD"), None, settings), settings)
    stopped = replace(training, settings=settings.changed(patience=2))
    whole, short = train.train_all([training, stopped])
    found = replay.outcome(whole.val_loss, 2)
    assert short.epochs == found["epochs"] < whole.epochs == 25
    assert (short.val_loss.min(), short.val_loss[-1]) == (found["objective"], found["last"])


def test_the_variance_of_a_study_is_one_number():
    found = protocol.variances()
    assert len(found) == 12 and found["trials"].sum() == 255 and (found["spread"] < 1e-14).all()


@pytest.mark.parametrize(
    "split, part, scaling", [((0.6, 0.2, 0.2), "test", "train"), ((0.7, 0.2, 0.1), "validation", "all")]
)
def test_planted_days_are_found_from_the_variance(tiny, random_walk, monkeypatch, split, part, scaling):
    settings = tiny(tickers=["SOL-USD"])
    prices = random_walk("SOL-USD")
    planted = settings.changed(split=split, scaling=scaling)
    data = windows.build(prices, planted)["SOL-USD"]
    its = next(p for p in data.parts if p.name == part)
    variance = float(np.var(data.to_scaled(its.actual_usd)))
    row = {"ticker": "SOL-USD", "network": "CNN", "trials": 30, "variance": variance, "spread": 0.0}
    monkeypatch.setattr(protocol, "variances", lambda: pd.DataFrame([row]))
    found = protocol.days(prices, settings).iloc[0]
    assert found["exact"] and found["part"] == part and found["scaling"] == scaling and found["next"] > 1e-6
    assert found["split"] == "/".join(f"{100 * s:g}" for s in split) and found["targets"] == len(its.actual_usd)
    words = protocol.days_in_words(protocol.days(prices, settings))
    assert f"30 records were scored on the {part} part" in words
    row["variance"] *= 1.01
    assert "No candidate gives the variance of CNN of SOL-USD" in protocol.days_in_words(
        protocol.days(prices, settings)
    )
    assert "nothing is said" in protocol.days_in_words(protocol.days({}, settings))


def test_weights_that_were_scored_follow_from_the_records():
    found = protocol.scored_weights(["ADA-USD"]).set_index("network")
    assert found.loc["CNN", "equal"] == found.loc["CNN", "trials"] == 15
    assert (found.drop(index="CNN")["equal"] < 3).all() and (found["median_ratio"] > 0.9999).all()
    words = protocol.scored_weights_in_words(protocol.scored_weights(["ADA-USD"]))
    assert "every trial of the CNN of ADA-USD" in words and "weights of the last epoch" in words
    assert "none of this run's coins" in protocol.scored_weights_in_words(protocol.scored_weights(["BTC-USD"]))


def test_other_inputs_are_tried_on_five_trials_of_each_study(tiny, random_walk):
    settings = tiny(tickers=["SOL-USD", "ADA-USD"], networks=["CNN", "LSTM"], replay_trials="printed", replay_seeds=3)
    rows, prices = replay.published(settings), random_walk("SOL-USD", "ADA-USD")
    plan = protocol.planned(rows, prices, settings)
    assert len(plan) == 2 * 5 * 3, "two inputs, five trials, three studies: the rerun is left out"
    assert {about["inputs"] for _, about in plan} == {"all_closes", "ohlcv_indicators"}
    closes = {ticker: frame.assign(Volume=np.nan) for ticker, frame in prices.items()}
    assert {about["inputs"] for _, about in protocol.planned(rows, closes, settings)} == {"all_closes"}
    alone = {"SOL-USD": prices["SOL-USD"]}
    of_one = protocol.planned(rows[rows["ticker"] == "SOL-USD"], alone, settings.changed(tickers=["SOL-USD"]))
    assert {about["inputs"] for _, about in of_one} == {"ohlcv_indicators"}, "one coin's own close is every close"


def planted(rule=10):
    """Trainings with losses of every epoch, and records as if a rule had stopped them and kept the best weights."""
    rng = np.random.default_rng(0)
    rows, fits = [], []
    for trial in range(1, 9):
        losses = np.exp(rng.normal(0, 0.3, 120)) / np.arange(1, 121) ** 0.5
        truth = replay.outcome(losses, rule)["objective"]
        about = {"ticker": "A", "network": "CNN", "trial": trial}
        rows.append({**about, "best_val_loss": truth, "mse": truth})
        would = {p: replay.outcome(losses, p or None) for p in (0, *replay.PATIENCE)}
        outcomes = {f"{name}, patience {p}": its[name] for p, its in would.items() for name in ("objective", "last")}
        fits.append({**about, "inputs": "own_close", "seed_number": 1, "patience": 0, "mse": 1.0, **outcomes})
    return pd.DataFrame(fits), pd.DataFrame(rows)


def other_inputs(fits, factor, trials=8):
    names = [name for name in fits if "patience " in name]
    return fits.assign(inputs="all_closes", **{name: factor * fits[name] for name in names}).head(trials)


def test_the_planted_candidate_is_the_nearest():
    fits, rows = planted()
    found = protocol.distances(fits, rows)
    own = found.set_index(["patience", "weights"])
    assert own["mse_factor"].idxmin() == (10, "best") and own.loc[(10, "best"), "mse_factor"] == pytest.approx(1)
    assert own.loc[(10, "last"), "objective_factor"] == pytest.approx(1) and own.loc[(0, "last"), "mse_factor"] > 1.1
    ten = own.loc[(10, "last")]
    assert ten["every_nearer"] == 0 and 5 < ten["decided"] <= 8 and ten["p"] < 0.1
    by_inputs = protocol.inputs_compared(fits, other_inputs(fits, 1.4), rows, "own_close")
    words = protocol.in_words(found, by_inputs, True, "own_close")
    assert "Running every epoch is nearest in 0 of 1 studies; not in CNN of A (patience 10)" in words
    assert "over the same 8 trials: " in words and "Left unexplained" in words
    assert "no match" in protocol.in_words(found, by_inputs, False, "own_close")
    stopped = protocol.distances(fits.assign(patience=10), rows)
    assert "No training of this run ran every epoch" in protocol.in_words(stopped, by_inputs, True, "own_close")


def test_inputs_are_compared_over_the_same_trials():
    fits, rows = planted(rule=None)
    same = protocol.inputs_compared(fits, other_inputs(fits, 1.0, trials=3), rows, "own_close")
    assert same["trials"].tolist() == [3, 3] and same["objective_factor"].nunique() == 1
    assert same["decided"].tolist() == [0, 0]
    worse = protocol.inputs_compared(fits, other_inputs(fits, 1.3), rows, "own_close").set_index("inputs")
    assert worse.index[0] == "own_close" and worse.loc["all_closes", "own_nearer"] == 8
    assert worse.loc["all_closes", "p"] == pytest.approx(2 / 2**8)
    diverged = fits.assign(mse=[np.inf, *fits["mse"][1:]])
    assert protocol.inputs_compared(diverged, other_inputs(fits, 1.3), rows, "own_close")["trials"].iloc[0] == 7
    assert protocol.inputs_compared(fits, fits.head(0), rows, "own_close").empty
