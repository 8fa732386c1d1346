"""The search: its ranges, its seeding, going on after a cut, and what its listing says."""

import ctypes
import math
import os
import resource
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace

import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from lib import thesis
from lib.data import windows
from lib.evaluation import metrics
from lib.experiments import tuning
from lib.networks import training

pytestmark = pytest.mark.usefixtures("tensorflow_on_one_thread")
DIGEST = "0" * 64


@pytest.fixture
def chosen(tiny):
    return tiny(max_epochs=1, startup_trials=2, networks=["CNN", "LSTM"])


@pytest.fixture
def data(random_walk, chosen):
    return windows.build(random_walk(), chosen)["BTC-USD"]


def run(folder, network, trials, data, chosen):
    plan = tuning.StudyPlan("BTC-USD", network, trials, folder / f"{network}.db")
    tuning.run_study(plan, data, chosen, DIGEST)
    return tuning.trial_frame(plan, tuning.steering_of(chosen, DIGEST)), plan


def without_times(frame):
    return frame.drop(columns="seconds")


class AnyModel:
    """Stands for a trained network; its error depends on what it was built from."""

    def __init__(self, offset):
        self.offset = offset

    def count_params(self):
        return 1

    def __call__(self, X, training):
        return X[:, -1, 0] + self.offset


@pytest.fixture
def quick_fit(monkeypatch):
    """Training that takes no time, so that what is tested is the chain of trials and nothing else."""

    def fit(network, hyperparameters, data, chosen, seed, on_epoch=None):
        offset = hyperparameters["dropout_rate"] + abs(math.log10(hyperparameters["learning_rate"]) + 3) + seed / 2**34
        for epoch in (1, 2, 3):
            on_epoch(epoch, 3, offset, offset)
        return SimpleNamespace(model=AnyModel(offset), epochs=1, best_epoch=1, seconds=0.0)

    monkeypatch.setattr(tuning.training, "fit", fit)


def test_ranges_are_the_listings_or_the_texts():
    space = tuning.search_space("CNN")
    assert list(space) == [
        "filters1",
        "filters2",
        "kernel_size1",
        "kernel_size2",
        "pool_size",
        "dropout_rate",
        "learning_rate",
        "batch_size",
        "epochs",
    ]
    limits = {n: (d.low, d.high) for n, d in space.items() if hasattr(d, "low")}
    assert limits == {
        "filters1": (16, 128),
        "filters2": (16, 128),
        "kernel_size1": (2, 5),
        "kernel_size2": (2, 5),
        "pool_size": (1, 3),
        "dropout_rate": (0.1, 0.5),
        "learning_rate": (1e-4, 1e-2),
        "epochs": (100, 200),
    }
    assert space["learning_rate"].log and space["batch_size"].choices == (16, 32, 64, 128)
    assert tuning.search_space("LSTM-CNN", "section_4_4")["filters"].low == 20
    assert {n: (d.low, d.high) for n, d in tuning.search_space("LSTM").items() if n.startswith("lstm")} == {
        "lstm_units1": (16, 128),
        "lstm_units2": (8, 64),
    }


def test_every_printed_trial_lies_in_the_range_of_appendix_6():
    printed = thesis.trials()
    for network, rows in printed.groupby("network"):
        for name, allowed in tuning.search_space(network).items():
            for value in rows[name].dropna() if name in rows else ():
                assert allowed._contains(allowed.to_internal_repr(value)), (network, name, value)


def test_the_plan_of_the_printed_trials_is_the_appendices(tiny, tmp_path):
    chosen = tiny(
        trials="printed",
        source="yahoo",
        tickers=["ADA-USD", "ETH-USD", "SOL-USD"],
        networks=["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"],
    )
    plans = tuning.plan(chosen, lambda ticker, network: tmp_path / f"{ticker}_{network}.db")
    assert sum(p.trials for p in plans) == 255
    assert {(p.ticker, p.network): p.trials for p in plans}[("SOL-USD", "CNN")] == 30
    assert [p.trials for p in plans if p.ticker == "ADA-USD"] == [15] * 4


@pytest.mark.usefixtures("quick_fit")
@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_study_cut_at_any_point_gives_the_same_trials(tmp_path, data, chosen, pruner):
    """Whole in one go; in three pieces; and with the ghost of a killed trial, far on in its epochs, between the pieces."""
    chosen = chosen.but(pruner=pruner)
    whole, _ = run(tmp_path / "whole", "CNN", 9, data, chosen)
    for trials in (1, 6):
        _, plan = run(tmp_path / "pieces", "CNN", trials, data, chosen)
        ghost = tuning.open_study(plan, tuning.steering_of(chosen, DIGEST)).ask(tuning.search_space("CNN"))
        for epoch in (1, 2, 3):
            ghost.report(-9.0, epoch)
        assert ghost.number == plan.trials + (trials > 1)
    pieces, plan = run(tmp_path / "pieces", "CNN", 9, data, chosen)
    pd.testing.assert_frame_equal(without_times(whole), without_times(pieces), check_exact=True)
    states = [t.state for t in tuning.open_study(plan, tuning.steering_of(chosen, DIGEST)).get_trials()]
    assert (
        states.count(TrialState.FAIL) == 2 and states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED) == 9
    )
    assert (states.count(TrialState.PRUNED) > 0) is (pruner == "median")
    assert list(whole["trial"]) == list(range(1, 10))


@pytest.mark.usefixtures("quick_fit")
def test_reading_a_study_leaves_a_running_trial_alone_and_running_it_twice_is_refused(tmp_path, data, chosen):
    _, plan = run(tmp_path, "CNN", 2, data, chosen)
    steering = tuning.steering_of(chosen, DIGEST)
    running = tuning.open_study(plan, steering).ask(tuning.search_space("CNN"))
    assert len(tuning.trial_frame(plan, steering)) == 2
    assert tuning.open_study(plan, steering).get_trials()[running.number].state == TrialState.RUNNING
    with tuning._alone(plan), pytest.raises(tuning.StudyError, match="another process is running trials of CNN.db"):
        run(tmp_path, "CNN", 3, data, chosen)
    assert tuning.open_study(plan, steering).get_trials()[running.number].state == TrialState.RUNNING
    assert len(run(tmp_path, "CNN", 3, data, chosen)[0]) == 3


@pytest.mark.usefixtures("quick_fit")
def test_a_study_goes_on_in_parts_and_says_when_it_is_whole(tmp_path, data, chosen):
    plan, told = tuning.StudyPlan("BTC-USD", "CNN", 5, tmp_path / "CNN.db"), []
    assert [tuning.run_study(plan, data, chosen, DIGEST, told.append, at_most=2) for _ in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    assert [t.number for t in told] == [1, 2, 3, 4, 5]
    frame = tuning.trial_frame(plan, tuning.steering_of(chosen, DIGEST))
    assert [t.best_mse for t in told] == list(frame["mse"].cummin())
    whole, _ = run(tmp_path / "whole", "CNN", 5, data, chosen)
    pd.testing.assert_frame_equal(without_times(frame), without_times(whole), check_exact=True)


def test_a_study_with_trials_of_unknown_parameters_is_refused(tmp_path, chosen):
    plan = tuning.StudyPlan("BTC-USD", "CNN", 2, tmp_path / "CNN.db")
    study = optuna.create_study(storage=f"sqlite:///{plan.path}", study_name="BTC-USD CNN")
    study.tell(study.ask(), 1.0)
    with pytest.raises(tuning.StudyError, match="holds trials, but not the parameters"):
        tuning.open_study(plan, tuning.steering_of(chosen, DIGEST))


def test_the_board_counts_studies_and_work_and_keeps_the_best_of_each_coin(tmp_path):
    plans = [
        tuning.StudyPlan(t, n, 2, tmp_path / "x")
        for t, n in (("ADA-USD", "CNN"), ("ADA-USD", "LSTM"), ("BTC-EUR", "CNN"))
    ]
    board = tuning.Board(plans)
    board.found(plans[0], 2, 0.25)
    board.found(plans[1], 0, math.nan)
    assert board.missing == 4 and board.work == 2 * tuning.LSTM_WORK + 2
    assert board.told(tuning.TrialDone("ADA-USD", "LSTM", 1, 0.5)) == (
        "1 of 3 studies done, best MSE ADA 0.25",
        tuning.LSTM_WORK,
    )
    board.told(tuning.TrialDone("BTC-EUR", "CNN", 1, math.nan))
    assert board.told(tuning.TrialDone("ADA-USD", "LSTM", 2, 0.125)) == (
        "2 of 3 studies done, best MSE ADA 0.125",
        tuning.LSTM_WORK,
    )
    assert (
        tuning.Board(plans[:1]).told(tuning.TrialDone("ADA-USD", "CNN", 1, math.nan))[0].endswith("best MSE none yet")
    )


@pytest.mark.usefixtures("quick_fit")
def test_trials_of_another_machine_are_told(tmp_path, data, chosen, monkeypatch, capsys):
    plan = tuning.StudyPlan("BTC-USD", "CNN", 1, tmp_path / "CNN.db")
    with monkeypatch.context() as patch:
        patch.setattr(tuning.machine, "made_on", lambda: "Another One, numpy 1")
        tuning.run_study(plan, data, chosen, DIGEST)
    tuning.run_studies([plan], {"BTC-USD": data}, chosen, {"BTC-USD": DIGEST})
    told = capsys.readouterr().out
    assert (
        "1 trials of CNN.db made on Another One, numpy 1 are kept and used; this is " in told
        and "nothing to run" in told
    )
    again = tuning.StudyPlan("BTC-USD", "LSTM", 1, tmp_path / "LSTM.db")
    for _ in range(2):
        tuning.run_study(again, data, chosen, DIGEST)
    tuning.run_studies([again], {"BTC-USD": data}, chosen, {"BTC-USD": DIGEST})
    assert "made on" not in capsys.readouterr().out


@pytest.mark.usefixtures("quick_fit")
def test_another_seed_searches_elsewhere(tmp_path, data, chosen, tiny):
    a, _ = run(tmp_path / "a", "CNN", 2, data, chosen)
    b, _ = run(tmp_path / "b", "CNN", 2, data, tiny(max_epochs=1, startup_trials=2, seed=43))
    assert not a["learning_rate"].isin(b["learning_rate"]).any()


def test_scores_of_a_trial_are_those_of_its_network_trained_again(tmp_path, data, chosen):
    trials, _ = run(tmp_path, "LSTM", 1, data, chosen)
    row = trials.iloc[0]
    hyperparameters = {n: row[n] for n in tuning.search_space("LSTM")}
    fit = training.fit("LSTM", hyperparameters, data, chosen, int(row["seed"]))
    part = data.validation
    score = metrics.scores(data.to_scaled(part.actual_usd), training.predict(fit.model, part.X))
    assert (row["mse"], row["mae"], row["r2"]) == (score["MSE"], score["MAE"], score["R2"])
    assert row["parameters"] == fit.model.count_params()


@pytest.mark.usefixtures("quick_fit")
def test_a_study_of_other_parameters_is_refused_and_the_difference_named(tmp_path, data, chosen, tiny):
    run(tmp_path, "CNN", 1, data, chosen)
    with pytest.raises(tuning.StudyError, match=r"CNN.db .*patience 2 there, 7 here"):
        run(tmp_path, "CNN", 1, data, tiny(max_epochs=1, startup_trials=2, patience=7))
    plan = tuning.StudyPlan("BTC-USD", "CNN", 1, tmp_path / "CNN.db")
    with pytest.raises(tuning.StudyError, match="data_digest"):
        tuning.open_study(plan, tuning.steering_of(chosen, "f" * 64))


def test_a_damaged_study_file_is_one_sentence(tmp_path, chosen):
    path = tmp_path / "CNN.db"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 50)
    plan = tuning.StudyPlan("BTC-USD", "CNN", 1, path)
    with pytest.raises(tuning.StudyError, match="CNN.db cannot be used .*move a damaged file away"):
        tuning.open_study(plan, tuning.steering_of(chosen, DIGEST))


@pytest.mark.usefixtures("quick_fit")
def test_a_full_disk_keeps_finished_trials(tmp_path, data, chosen, monkeypatch):
    _, plan = run(tmp_path, "CNN", 2, data, chosen)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", full)
        with pytest.raises(tuning.StudyError, match="No space left on device.*finished trials in it are kept"):
            run(tmp_path, "CNN", 3, data, chosen)
    assert len(run(tmp_path, "CNN", 3, data, chosen)[0]) == 3


def no_room(folder):
    """No file of this process can grow any more."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (folder.joinpath("CNN.db").stat().st_size,) * 2)


def read_only(folder):
    """The folder and its files cannot be written; root could all the same, and gives that right (CAP_DAC_OVERRIDE) up."""
    for path in (*folder.iterdir(), folder):
        path.chmod(0o444 if path.is_file() else 0o555)
    header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    assert libc.capget(header, rights) == 0
    rights[0] &= ~(1 << 1)
    assert libc.capset(header, rights) == 0


@pytest.mark.usefixtures("quick_fit")
@pytest.mark.parametrize("refuse, reason", [(no_room, "disk"), (read_only, "readonly")])
def test_a_disk_or_folder_that_takes_nothing_ends_the_study_with_a_sentence_and_loses_no_trial(
    data, chosen, refuse, reason
):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        before, _ = run(folder, "CNN", 2, data, chosen)
        told, telling = os.pipe()
        child = os.fork()
        if not child:
            try:
                refuse(folder)
                run(folder, "CNN", 400, data, chosen)
                words = "nothing went wrong"
            except BaseException as error:
                words = f"{type(error).__name__}: {error}"
            os.write(telling, words.encode())
            os._exit(0)
        os.close(telling)
        with os.fdopen(told) as end:
            words = end.read()
        os.waitpid(child, 0)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)
        assert words.startswith("StudyError: ") and reason in words and "finished trials in it are kept" in words
        after, _ = run(folder, "CNN", 4, data, chosen)
        pd.testing.assert_frame_equal(without_times(after.head(2)), without_times(before), check_exact=True)
        assert len(after) == 4


def test_the_median_pruner_really_prunes(tmp_path, data, tiny, monkeypatch):
    """Validation losses are made up so that the last trial is far worse than the median of the ones before."""
    made_up = iter([0.1] * 6 + [9.0])

    def fake(network, hyperparameters, windows_of, chosen, seed, on_epoch=None):
        loss = next(made_up)
        for epoch in (1, 2):
            on_epoch(epoch, 2, loss, loss)
        return SimpleNamespace(model=AnyModel(0.0), epochs=1, best_epoch=1, seconds=0.0)

    monkeypatch.setattr(tuning.training, "fit", fake)
    trials, _ = run(tmp_path, "CNN", 7, data, tiny(pruner="median", startup_trials=2))
    assert list(trials["state"]) == ["complete"] * 6 + ["pruned"]


def test_a_diverged_trial_is_kept_as_infinitely_bad(tmp_path, data, chosen, monkeypatch):
    monkeypatch.setattr(tuning.training, "predict", lambda model, X: X[:, 0, 0] * math.nan)
    trials, plan = run(tmp_path, "CNN", 2, data, chosen)
    assert list(trials["mse"]) == [math.inf] * 2 and list(trials["state"]) == ["complete"] * 2


@pytest.mark.usefixtures("quick_fit")
def test_listing_has_the_appendices_columns_first_then_those_they_lack(tmp_path, data, chosen):
    trials, _ = run(tmp_path, "CNN", 2, data, chosen)
    listing = tuning.listing(trials, data)
    assert list(listing.columns)[:15] == [
        "Trial",
        "Duration",
        "Batch Size",
        "Dropout Rate",
        "Epochs",
        "Filters",
        "Kernel Size",
        "Learning Rate",
        "LSTM Units1",
        "LSTM Units2",
        "Pool Size",
        "MAE",
        "MSE",
        "R2 Score",
        "Model",
    ]
    assert {"Filters1", "Filters2", "Kernel Size1", "Kernel Size2"} <= set(listing.columns)
    assert listing["Filters1"][0] == trials["filters1"][0] and listing["Kernel Size2"][1] == trials["kernel_size2"][1]
    part, last = data.validation, listing.iloc[-1]
    scale = data.high_usd - data.low_usd
    assert last["Model"] == "naive"
    assert last["MSE"] == pytest.approx((((part.actual_usd - part.last_close_usd) / scale) ** 2).mean(), rel=1e-12)


def test_with_all_closes_a_study_depends_on_every_tickers_prices(random_walk):
    prices = random_walk("ADA-USD", "ETH-USD")
    other = {**prices, "ETH-USD": prices["ETH-USD"] * 1.5}
    own, own_other = tuning.price_digests(prices, "own_close"), tuning.price_digests(other, "own_close")
    assert own["ADA-USD"] == own_other["ADA-USD"] and own["ETH-USD"] != own_other["ETH-USD"]
    assert tuning.price_digests(prices, "all_closes")["ADA-USD"] != tuning.price_digests(other, "all_closes")["ADA-USD"]


def test_the_sampler_names_what_optuna_5_changed():
    sampler = tuning.sampler(1, 10)
    assert sampler._multivariate is False and sampler._constant_liar is False and sampler._n_startup_trials == 10
