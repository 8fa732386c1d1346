"""Who is trained on what: folds, sets of hyperparameters, leaks; and that no fold sees a later day."""

import base64
import itertools
import json

import numpy as np
import pandas as pd
import pytest

from lib import experiments, networks, settings, thesis
from lib.data import windows
from lib.evaluation import baselines
from lib.experiments import controls, trainings, tuning
from lib.experiments.kept import Kept
from lib.experiments.kept import digest as kept_digest
from lib.experiments.trainings import Trained, Training


@pytest.fixture
def chosen(tiny):
    return tiny(
        networks=["CNN", "LSTM"],
        evaluation_seeds=3,
        comparison_seeds=2,
        folds=2,
        fold_trials=2,
        lookback=5,
        tickers=["BTC-USD"],
    )


@pytest.fixture
def last_close_instead_of_training(monkeypatch):
    """Each training forecasts the window's last value plus a hundredth of its number of hyperparameters' digits: fast, and tells who made it."""
    asked = []

    def run(wanted, kept, chosen, told=""):
        asked.append(list(wanted))
        return [
            Trained(t, 3, 2, 0.1, 10, {f"{p}, {w}": encoded(t, p) for p in trainings.PARTS for w in trainings.WEIGHTS})
            for t in wanted
        ]

    def encoded(t, part):
        values = getattr(t.data, part).X[:, -1, 0] + np.float32(t.hyperparameters["dropout_rate"] / 100)
        return base64.b64encode(values.astype("<f4").tobytes()).decode()

    monkeypatch.setattr(trainings, "run", run)
    return asked


def test_folds_cover_the_second_half_and_train_on_earlier_days_only():
    days = pd.date_range("2020-01-01", periods=101)
    for scheme in experiments.SCHEMES:
        found = experiments.folds(days, 3, scheme)
        assert np.concatenate([f["test"] for f in found]).tolist() == days[50:].to_numpy().tolist()
        assert [len(f["test"]) for f in found] == [17, 17, 17]
        for f in found:
            whole = f["train"].append(f["validation"]).append(f["test"])
            assert whole.equals(pd.date_range(whole[0], whole[-1])), "one after the other, nothing left out or twice"
            before = len(f["train"]) + len(f["validation"])
            assert len(f["validation"]) == round(before * experiments.INNER_SHARE)
        starts = [f["train"][0] for f in found]
        assert starts == ([days[0]] * 3 if scheme == "expanding" else [days[0], days[17], days[34]])
    assert [len(f["test"]) for f in experiments.folds(days[:100], 3, "sliding")] == [16, 16, 18]


def test_sets_of_hyperparameters_are_drawn_from_the_search_space_and_never_the_set_chosen_on_test_days(chosen):
    many = chosen.changed(fold_trials=40)
    for network in networks.ARCHITECTURES:
        sets = experiments.trial_sets(network, many, "BTC-USD", 1)
        assert thesis.best_hyperparameters(network) not in sets and len(sets) == 40
        space = tuning.search_space(network)
        for one in sets:
            assert set(one) == set(space) and all(
                space[name]._contains(space[name].to_internal_repr(value)) for name, value in one.items()
            )
        assert (
            sets
            == experiments.trial_sets(network, many, "BTC-USD", 1)
            != experiments.trial_sets(network, many, "BTC-USD", 2)
        )


def test_seeds_and_targets_and_baselines(chosen, random_walk, tmp_path, last_close_instead_of_training):
    frame = experiments.seeds(random_walk(), chosen, Kept(tmp_path / "k.db"))
    wanted = last_close_instead_of_training[0]
    assert len(wanted) == 2 * (3 + 2) and len({t.seed for t in wanted}) == 6, "targets share their seeds"
    assert {(t.chosen.target, t.data.target) for t in wanted} == {("close", "close"), ("log_return", "log_return")}
    trained = frame[frame["seed_number"] > 0]
    assert set(trained["model"]) == {"CNN", "LSTM"} and set(trained["part"]) == {"validation", "test"}
    assert set(frame.loc[frame["reading"] == "close", "model"]) == {"CNN", "LSTM", *baselines.BASELINES}
    assert set(frame.loc[frame["reading"] == "log_return", "model"]) == {
        "CNN",
        "LSTM",
        baselines.NAIVE,
        "ridge",
        "gradient boosting",
    }
    used = experiments.seeds_used(frame)
    assert used["BTC-USD"]["CNN"] == [t.seed for t in wanted if t.network == "CNN"][:3]
    # A forecast of "the last value again" is the naive price for closes; for returns it repeats yesterday's return.
    closes = trained[(trained["reading"] == "close") & (trained["model"] == "CNN")]
    data = windows.build(random_walk(), chosen)["BTC-USD"]
    shift = thesis.best_hyperparameters("CNN")["dropout_rate"] / 100 * (data.high - data.low)
    np.testing.assert_allclose(closes["predicted_usd"], closes["naive_usd"] + shift, rtol=1e-5)


def test_walk_forward_is_chosen_inside_and_sees_no_later_price(
    chosen, random_walk, tmp_path, last_close_instead_of_training
):
    prices = random_walk()
    frame, trials = experiments.walk_forward(prices, chosen, Kept(tmp_path / "k.db"))
    assert len(trials) == 2 * 2 * 2 * 2 and trials.groupby(["network", "scheme", "fold"])["chosen"].sum().eq(1).all()
    best = trials.loc[trials.groupby(["network", "scheme", "fold"])["validation_mse"].idxmin()]
    assert best["chosen"].all()
    days = experiments.folds(prices["BTC-USD"].index, 2, "sliding")
    second = frame[(frame["reading"] == "sliding 2") & (frame["model"] == "LSTM")]
    assert second["date"].tolist() == days[1]["test"].tolist()
    for wanted in last_close_instead_of_training[0]:
        assert wanted.chosen.scaling == "train" and wanted.chosen.gap_fill == "previous"
    # Everything about the first block stays the same, to the last bit, when later prices change.
    cut = days[0]["test"][-1]
    later = {"BTC-USD": prices["BTC-USD"].copy()}
    later["BTC-USD"].loc[cut + pd.Timedelta(days=1) :] *= 3
    again, _ = experiments.walk_forward(later, chosen, Kept(tmp_path / "k2.db"))
    for reading in ("expanding 1", "sliding 1"):
        pd.testing.assert_frame_equal(
            frame[frame["reading"] == reading], again[again["reading"] == reading], check_exact=True
        )
    assert not frame[frame["reading"] == "sliding 2"]["predicted_usd"].equals(
        again[again["reading"] == "sliding 2"]["predicted_usd"]
    )


def test_leaks_are_added_one_after_the_other_on_the_same_days(
    chosen, random_walk, tmp_path, last_close_instead_of_training
):
    frame = experiments.leaks(random_walk(), chosen, Kept(tmp_path / "k.db"))
    assert list(dict.fromkeys(frame["reading"])) == ["nothing", "scaling over everything", "both"]
    assert set(frame["reading"]) == set(experiments.LEAKS) and set(frame["part"]) == {"test"}
    assert frame.groupby(["reading", "model", "seed_number"])["date"].apply(tuple).nunique() == 1
    by = {}
    for t in last_close_instead_of_training[0]:
        by.setdefault((t.chosen.scaling, t.variant), set()).add((t.network, t.seed, t.data.validation.name))
    assert {k: {v[2] for v in of} for k, of in by.items()} == {
        ("train", ""): {"validation"},
        ("all", ""): {"validation"},
        ("all", "stopped on test"): {"test"},
    }
    assert len({frozenset(v[:2] for v in of) for of in by.values()}) == 1, "the same networks and seeds"


def keys_of(planned):
    return {kept_digest(p.training.key()) for p in planned}


def test_what_two_notebooks_train_alike_has_one_key(chosen, random_walk):
    """Scaling over everything and stopping on validation days is how 09a trains; both schemes share their first fold."""
    prices = random_walk()
    seeds, leaks = experiments.seed_trainings(prices, chosen), experiments.leak_trainings(prices, chosen)
    alike = [p for p in leaks if p.about["reading"] == "scaling over everything"]
    assert len(keys_of(leaks)) == len(leaks) == 3 * 2 * 2 and keys_of(alike) == keys_of(leaks) & keys_of(seeds)
    assert keys_of(alike) == keys_of(
        [p for p in seeds if p.about["reading"] == "close" and p.about["seed_number"] <= 2]
    )
    folds = experiments.walk_forward_trainings(prices, chosen)
    by_fold = {
        name: keys_of([p for p in folds if (p.about["scheme"], p.about["fold"]) == name])
        for name in itertools.product(experiments.SCHEMES, (1, 2))
    }
    assert by_fold["expanding", 1] == by_fold["sliding", 1] and len(set.union(*by_fold.values())) == len(folds) * 3 / 4


def test_headers_say_how_many_trainings_the_whole_run_takes():
    """The two schemes share a fold, and scaling over everything is trained in 09a already."""
    whole = settings.load(settings.PROJECT_ROOT / "params/thesis.yaml")
    pairs = len(whole.tickers) * len(whole.networks)
    counts = {
        "09a_skill": pairs * (whole.evaluation_seeds + whole.comparison_seeds),
        "09c_leakage": pairs * whole.comparison_seeds * (len(experiments.LEAKS) - 1),
        "09e_controls": len(whole.networks) * sum(experiments.control_runs(s, whole) for s in controls.SERIES),
        "09b_walk_forward": pairs * whole.fold_trials * (len(experiments.SCHEMES) * whole.folds - 1),
    }
    for name, count in counts.items():
        first = json.loads((settings.PROJECT_ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))[
            "cells"
        ][0]
        assert f"for the {count} trainings of `params/thesis.yaml`" in "".join(first["source"]), (name, count)


def test_the_leak_check_passes_the_honest_pipeline_and_catches_the_leaky_one(chosen, random_walk):
    found = experiments.leak_check(random_walk(days=300), chosen).set_index("scaling")
    assert (
        not found.loc["train", "looked_ahead"]
        and found.loc["train", "changed"] == 0
        and found.loc["train", "forecasts"] > 30
    )
    assert found.loc["all", "looked_ahead"] and found.loc["all", "changed"] > 0


def a_training(chosen, data, **changes):
    return Training(
        **{
            "name": "n",
            "network": "CNN",
            "hyperparameters": thesis.best_hyperparameters("CNN"),
            "seed": 1,
            "data": data,
            "chosen": chosen,
            "digest": "d",
            **changes,
        }
    )


def test_a_key_holds_all_that_a_training_depends_on(chosen, random_walk):
    data = windows.build(random_walk(), chosen)["BTC-USD"]
    one = a_training(chosen, data).key()
    other = [
        a_training(chosen, data, seed=2),
        a_training(chosen, data, digest="e"),
        a_training(chosen, data, variant="v"),
        a_training(chosen.changed(scaling="train"), data),
        a_training(chosen.changed(target="log_return"), data),
        a_training(chosen.changed(max_epochs=4), data),
        a_training(chosen.changed(lookback=6), data),
        a_training(chosen.changed(split=[0.6, 0.2, 0.2]), data),
        a_training(chosen, data, hyperparameters={**thesis.best_hyperparameters("CNN"), "filters1": 8}),
        a_training(chosen, data, network="LSTM", hyperparameters=thesis.best_hyperparameters("LSTM")),
    ]
    assert len({str(t.key()) for t in other} | {str(one)}) == len(other) + 1
    same = [
        a_training(chosen, data, name="m"),
        a_training(chosen.changed(workers=9, trials=9, output_dir="x", restore_best_weights=False), data),
        a_training(chosen, data, hyperparameters={**thesis.best_hyperparameters("CNN"), "lstm_units1": 5}),
    ]
    assert all(t.key() == one for t in same)


def test_equal_trainings_are_made_once_and_kept_ones_not_again(chosen, random_walk, tmp_path, monkeypatch):
    data = windows.build(random_walk(), chosen)["BTC-USD"]
    made = []

    def run(work, pieces, chosen, label, steps, on_result, per_process):
        made.append([p[0].seed for p in pieces])
        for at, piece in enumerate(pieces):
            on_result(
                at, {"epochs_run": piece[0].seed, "best_epoch": 1, "seconds": 0.0, "parameters": 1, "forecasts": {}}
            )

    monkeypatch.setattr(trainings.workers, "run", run)
    kept = Kept(tmp_path / "k.db")
    found = trainings.run([a_training(chosen, data, seed=s) for s in (3, 4, 3)], kept, chosen)
    assert [t.epochs_run for t in found] == [3, 4, 3] and made == [[3, 4]]
    found = trainings.run([a_training(chosen, data, seed=s) for s in (5, 4)], kept, chosen)
    assert [t.epochs_run for t in found] == [5, 4] and made == [[3, 4], [5]]


def test_kept_trainings_of_another_machine_are_told(chosen, random_walk, tmp_path, capsys):
    data = windows.build(random_walk(), chosen)["BTC-USD"]
    kept, result = (
        Kept(tmp_path / "k.db"),
        {"epochs_run": 1, "best_epoch": 1, "seconds": 0.0, "parameters": 1, "forecasts": {}},
    )
    wanted = [a_training(chosen, data, seed=s) for s in (3, 4, 5)]
    for training, made in zip(wanted, ({}, {"made_on": trainings.machine.made_on()}, {"made_on": "Another One"})):
        kept.keep(training.key(), {**result, **made})
    assert [t.made_on for t in trainings.run(wanted, kept, chosen)] == ["", trainings.machine.made_on(), "Another One"]
    assert kept.used == {"new": 0, "kept": 3, "made_on": sorted([trainings.machine.made_on(), "Another One"])}
    told = capsys.readouterr().out
    assert "1 trainings made on Another One are kept and used" in told and told.count("made on") == 1
    trainings.run(wanted[:2], kept, chosen)
    assert "made on" not in capsys.readouterr().out
