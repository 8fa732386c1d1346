"""The search: its ranges, its seeding, going on after a stop, and what its listing says."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import optuna
import pandas as pd
import pytest

from lib import settings, thesis
from lib.data import windows
from lib.experiments import pool, search, train
from lib.results import training_cache


@pytest.fixture
def P(tiny):
    return tiny(max_epochs=1, startup_trials=2, networks=["CNN", "LSTM"], trials=6)


@pytest.fixture
def data(random_walk, P):
    return windows.build(random_walk(), P)


@pytest.fixture
def quick(monkeypatch):
    """Trainings that take no time, so that what is tested is the chain of trials; counts those that were asked for."""
    asked = []
    chance = random.Random(time.time_ns())

    class Answered:
        def __init__(self, training, losses_before):
            h = training.hyperparameters
            self.loss = h["dropout_rate"] + abs(math.log10(h["learning_rate"]) + 3) + training.seed / 2**34
            self.training, self.losses_before = training, losses_before

        def result(self):
            time.sleep(chance.uniform(0, 0.003))  # who is done first is not always the same
            part = self.training.data.validation
            losses = np.array([self.loss, self.loss / 2])
            pruned = bool(self.losses_before) and self.loss > 1.3 * min(map(min, self.losses_before)) * 2
            forecasts = {f"validation, {w}": (part.X[:, -1, 0] + self.loss).astype("<f4") for w in train.WEIGHTS}
            return train.Result(losses, losses, losses, 1, 0.1, 5, "here", False, pruned, arrays=forecasts)

        def cancel(self):
            pass

    def ask(training, losses_before=None, priority=0):
        asked.append((training, losses_before))
        return Answered(training, losses_before)

    monkeypatch.setattr(search.train, "train", ask)
    return asked


def trials_of(data, P):
    return search.trial_frame(search.run(data, P))


def test_ranges_are_the_listings_or_the_texts():
    space = search.search_space("CNN")
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
    assert search.search_space("LSTM-CNN", "section_4_4")["filters"].low == 20
    units = {n: (d.low, d.high) for n, d in search.search_space("LSTM").items() if n.startswith("lstm")}
    assert units == {"lstm_units1": (16, 128), "lstm_units2": (8, 64)}


def test_every_printed_trial_lies_in_the_range_of_appendix_6():
    for network, rows in thesis.trials().groupby("network"):
        for name, allowed in search.search_space(network).items():
            for value in rows[name].dropna() if name in rows else ():
                assert allowed._contains(allowed.to_internal_repr(value)), (network, name, value)


def test_the_printed_trials_are_as_many_as_the_appendices_list(tiny):
    coins = ["ADA-USD", "ETH-USD", "SOL-USD"]
    found = search.studies(tiny(trials="printed", tickers=coins, networks=["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"]))
    assert sum(study.trials for study in found) == 255
    assert {(s.ticker, s.network): s.trials for s in found}["ADA-USD", "LSTM-CNN"] == thesis.trial_count(
        "ADA-USD", "LSTM-CNN"
    )


def test_a_longer_search_begins_with_the_shorter_one_and_rests_on_tpe(quick, data, P):
    long, short = trials_of(data, P), trials_of(data, P.changed(trials=3))
    both = long[long["trial"] <= 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(both[short.columns], short)
    random_only = trials_of(data, P.changed(startup_trials=100))
    cnn, other = (frame[frame["network"] == "CNN"].set_index("trial") for frame in (long, random_only))
    assert (cnn.loc[:2, "dropout_rate"] == other.loc[:2, "dropout_rate"]).all()
    assert (cnn.loc[3:, "dropout_rate"] != other.loc[3:, "dropout_rate"]).all(), "trials after the first two follow TPE"


def test_the_seed_of_a_trial_depends_on_its_study_and_number_alone(quick, data, P):
    frame = trials_of(data, P)
    assert frame["seed"].is_unique
    alone = trials_of(data, P.changed(networks=["LSTM"], trials=2))
    both = frame[(frame["network"] == "LSTM") & (frame["trial"] <= 2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both[alone.columns], check_dtype=False)
    assert set(trials_of(data, P.changed(seed=8))["seed"]).isdisjoint(frame["seed"])


def test_the_committed_studies_are_asked_again_trial_by_trial(tiny):
    """With one trial at a time, the search is the one that the results were made with."""
    P = settings.load("params/thesis.yaml")
    names = {title: name for name, title in search._COLUMNS.items()}
    rows = pd.read_csv(settings.PROJECT_ROOT / "outputs/thesis/appendix/ADA-USD_trials.csv").rename(columns=names)
    for study in (s for s in search.studies(P) if s.ticker == "ADA-USD"):
        committed = rows[rows["network"] == study.network]
        assert len(committed) == study.trials
        for number, row in zip(range(1, 15), committed.to_dict("records")):
            trial, training = search._ask(study, number, None, P)
            assert trial.params == pytest.approx({name: row[name] for name in trial.params}, rel=1e-9)
            assert training.seed == row["seed"]
            study.optuna.tell(trial, row["mse"])


def test_a_generation_is_asked_from_the_generations_before_it_whoever_is_done_first(quick, data, P):
    P = P.changed(networks=["CNN"], trials=11, trials_at_once=4)
    frame = trials_of(data, P)
    assert frame["trial"].tolist() == list(range(1, 12))
    for _ in range(3):
        pd.testing.assert_frame_equal(trials_of(data, P), frame)
    one_by_one = trials_of(data, P.changed(trials_at_once=1))
    names = list(search.search_space("CNN"))
    same = (frame[names] == one_by_one[names]).all(axis=1).tolist()
    assert same[:2] == [True, True] and not any(same[2:]), "random trials need no others; seeds are of numbers alone"
    for first in (0, 4, 8):
        generation = frame[names][first : first + 4]
        assert len(generation.drop_duplicates()) == len(generation)
        # Each alone would crowd around the best trial so far; numbers with a range differ from one another.
        assert generation["dropout_rate"].is_unique and generation["learning_rate"].is_unique


def test_within_a_generation_the_trials_keep_away_from_one_another(tiny):
    def spread(at_once, told_of_one_another):
        study = optuna.create_study()
        for number in range(1, 13):
            study.sampler = search.sampler(number, 4)
            trial = study.ask(search.search_space("CNN"))
            study.tell(trial, abs(trial.params["dropout_rate"] - 0.2))
        asked = []
        for number in range(13, 13 + at_once):
            study.sampler = search.sampler(number, 4, at_once if told_of_one_another else 1)
            asked.append(study.ask(search.search_space("CNN")).params["dropout_rate"])
        return np.ptp(asked)

    assert spread(8, True) > 2 * spread(8, False)


def test_the_pruner_sees_complete_trials_of_earlier_generations_only(quick, data, P):
    frame = trials_of(data, P.changed(pruner="median", networks=["CNN"], trials=12, trials_at_once=4))
    complete = (frame["state"] == "complete").tolist()
    seen = {training.seed: len(losses) for training, losses in quick}
    by_number = [seen[search.random_seeds.of_trial(P.seed, "BTC-USD", "CNN", number)] for number in frame["trial"]]
    assert by_number == [sum(complete[: first // 4 * 4]) for first in range(12)] and not all(complete)


def test_pruned_trials_have_no_score_and_count_as_trials(quick, data, P):
    frame = trials_of(data, P.changed(pruner="median", networks=["CNN"], trials=12))
    assert set(frame["state"]) == {"complete", "pruned"} and len(frame) == 12
    assert frame.loc[frame["state"] == "pruned", "mse"].isna().all()


def test_a_diverged_trial_is_infinitely_bad_and_the_search_goes_on(quick, data, P, monkeypatch):
    monkeypatch.setattr(train.Result, "predicted", lambda *_: np.array([math.nan, 1.0]))
    frame = trials_of(data, P)
    assert (frame["mse"] == math.inf).all() and (frame["r2"] == -math.inf).all() and len(frame) == 12


def test_an_error_in_one_study_ends_the_search_at_once(data, P, monkeypatch):
    class Fails:
        def __init__(self, training):
            self.network = training.network

        def result(self):
            if self.network == "CNN":
                raise pool.TaskError("training CNN failed")
            time.sleep(0.05)
            raise train.Cancelled("cancelled")

        def cancel(self):
            pass

    monkeypatch.setattr(search.train, "train", lambda training, **_: Fails(training))
    with pytest.raises(pool.TaskError, match="training CNN failed"):
        search.run(data, P)


def test_listing_has_the_appendices_columns_first_then_those_they_lack(quick, data, P):
    trials = trials_of(data, P.changed(networks=["CNN"], trials=2))
    listing = search.listing(trials, data["BTC-USD"])
    first = (
        "Trial,Duration,Batch Size,Dropout Rate,Epochs,Filters,Kernel Size,Learning Rate,LSTM Units1,LSTM Units2,Pool"
        " Size,MAE,MSE,R2 Score,Model"
    )
    assert list(listing.columns)[:15] == first.split(",")
    assert listing["Filters1"][0] == trials["filters1"][0] and listing["Kernel Size2"][1] == trials["kernel_size2"][1]
    part, last = data["BTC-USD"].validation, listing.iloc[-1]
    scale = data["BTC-USD"].high_usd - data["BTC-USD"].low_usd
    assert last["Model"] == "naive"
    assert last["MSE"] == pytest.approx((((part.actual_usd - part.last_close_usd) / scale) ** 2).mean(), rel=1e-12)


def test_a_study_is_written_for_optuna_dashboard_whatever_its_path(quick, data, P, tmp_path):
    study = search.run(data, P.changed(networks=["CNN"]))[0]
    place = tmp_path / "a?mode=ro %20" / "BTC-USD_CNN.db"
    search.write_study(study, place)
    search.write_study(study, place)  # a second run replaces it
    (tmp_path / "plain.db").write_bytes(place.read_bytes())
    (read,) = (optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'plain.db'}"),)
    assert [t.params for t in read.trials] == [t.params for t in study.optuna.trials] and len(read.trials) == 6


def test_the_sampler_names_what_optuna_5_changed():
    sampler = search.sampler(1, 10)
    assert sampler._multivariate is False and sampler._constant_liar is False and sampler._n_startup_trials == 10


@pytest.mark.usefixtures("pool")
@pytest.mark.slow
def test_the_pruner_prunes_in_the_worker_as_optuna_would(data, P, tmp_path, monkeypatch):
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    training = train.Training(
        "CNN",
        {**search.studies(P)[0].optuna.ask(search.search_space("CNN")).params},
        1,
        data["BTC-USD"],
        P.changed(max_epochs=3),
    )
    unreachable = [[1e-9, 1e-9, 1e-9]] * 5
    pruned = train.train(training, losses_before=unreachable).result()
    assert pruned.pruned and pruned.epochs == 1 and not train.is_cached(training)
    whole = train.train(training, losses_before=[[9.0, 9.0, 9.0]] * 5).result()
    assert not whole.pruned and train.is_cached(training)
    assert not train.train(training, losses_before=unreachable[:4]).result().pruned, "four trials are too few to prune"


# -- killed and gone on --------------------------------------------------------------------

RUN = """
import json, sys
from lib import settings
from lib.data import market, windows
from lib.experiments import search
if __name__ == "__main__":
    P = settings.load("params/sample.yaml", json.loads(sys.argv[1]))
    prices = market.prices_of(P)
    search.trial_frame(search.run(windows.build(prices, P), P)).drop(columns="seconds").to_csv(sys.argv[2], index=False)
"""


class Driver:
    """A search in a process of its own, with a cache of its own."""

    def __init__(self, folder, workers, address=None, at_once=1):
        self.cache, self.out, self.script = folder / "cache", folder / "trials.csv", folder / "run.py"
        folder.mkdir()
        self.script.write_text(RUN)
        short = {"end_date": "2020-09-01", "lookback": 10, "max_epochs": 4, "trials": 6, "startup_trials": 2}
        changed = {"networks": ["CNN", "LSTM"], "workers": workers, "trials_at_once": at_once}
        self.values = json.dumps({**short, **changed})
        extra = {"DASK_SCHEDULER_ADDRESS": address} if address else {}
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(settings.PROJECT_ROOT),
            "TRAINING_CACHE": str(self.cache),
            **extra,
        }

    def start(self):
        words = [sys.executable, str(self.script), self.values, str(self.out)]
        return subprocess.Popen(words, cwd=settings.PROJECT_ROOT, env=self.environment, stdout=subprocess.DEVNULL)

    def trained(self):
        return len(list(self.cache.glob("*/*.npz")))

    def finish(self):
        assert self.start().wait(300) == 0
        return self.out.read_bytes()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The listing of a search that nobody stopped."""
    return Driver(tmp_path_factory.mktemp("search") / "whole", 1).finish()


@pytest.fixture(scope="module")
def reference_of_four(tmp_path_factory):
    """The same with four trials at once, on one worker."""
    return Driver(tmp_path_factory.mktemp("search") / "whole", 1, at_once=4).finish()


def killed_five_times(driver):
    """kill -9 at five random moments, each after another training was cached; then to its end."""
    chance = random.Random(5)
    for _ in range(5):
        before, process = driver.trained(), driver.start()
        until = time.monotonic() + 120
        while driver.trained() == before and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.3))
        assert process.poll() is None, "the search ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert 5 <= driver.trained() < 12
    return driver.finish()


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.timeout(900)
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_five_kills_at_random_moments_change_nothing(reference, tmp_path, workers):
    assert killed_five_times(Driver(tmp_path / "killed", workers)) == reference


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.timeout(900)
def test_five_kills_with_four_trials_at_once_change_nothing(reference_of_four, tmp_path):
    assert killed_five_times(Driver(tmp_path / "killed", 3, at_once=4)) == reference_of_four


@pytest.mark.slow
@pytest.mark.ci
def test_a_kill_in_the_middle_of_a_generation_and_more_workers_change_nothing(reference, reference_of_four, tmp_path):
    driver = Driver(tmp_path / "killed", 3, at_once=4)
    process = driver.start()
    while driver.trained() < 2:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert driver.trained() < 8, "of the first generations of both studies"
    assert driver.finish() == reference_of_four != reference


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.timeout(900)
def test_five_kills_on_a_separate_scheduler_with_two_workers_change_nothing(reference, tmp_path):
    address = tmp_path / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(settings.PROJECT_ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    scheduler = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
    ]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    file = ["--scheduler-file", str(address)]
    with ExitStack() as running:
        for words in (scheduler, worker, worker):
            process = subprocess.Popen([*words, *file], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
            running.callback(process.wait)
            running.callback(process.kill)
        until = time.monotonic() + 60
        while not address.is_file() and time.monotonic() < until:
            time.sleep(0.1)
        found = json.loads(address.read_text())["address"]
        assert killed_five_times(Driver(tmp_path / "killed", 2, found)) == reference


@pytest.mark.slow
@pytest.mark.ci
def test_a_killed_worker_is_replaced_and_changes_nothing(reference, tmp_path):
    import psutil

    driver = Driver(tmp_path / "killed", 2)
    process = driver.start()
    while not driver.trained():
        time.sleep(0.05)
    workers = [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    assert workers
    workers[0].kill()
    assert process.wait(300) == 0 and driver.out.read_bytes() == reference
