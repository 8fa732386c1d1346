"""A Dask cluster out of this process: the commands that people start, and what may happen to each of its processes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from lib import settings
from lib.data import windows
from lib.experiments import pool as pools
from lib.experiments import search, seeds, train
from lib.results import training_cache

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LONG = 400  # epochs of a training in the middle of which something happens
NO_PROJECT = "import sys; sys.modules['lib'] = None"
OTHER_TENSORFLOW = (
    "from importlib import metadata; here = metadata.version;"
    " metadata.version = lambda name: '1.15.0' if name == 'tensorflow' else here(name)"
)
OTHER_PROCESSOR = "from lib.results import machine; machine.cpu = lambda: 'Elder CPU'"


class Cluster:
    """``dask scheduler`` and ``dask worker`` as processes of their own, on one port."""

    def __init__(self, folder):
        self.folder, self.running = folder, ExitStack()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self.start_scheduler()

    def _start(self, words, code="", project=settings.PROJECT_ROOT):
        command = [sys.executable, "-c", f"{code}\nfrom dask.__main__ import main\nmain()", *words, "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(project)}
        with (self.folder / "log.txt").open("a") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.running.callback(process.wait)
        self.running.callback(process.kill)
        return process

    def start_scheduler(self):
        return self._start(["scheduler", "--host", "127.0.0.1", "--port", str(self.port)], NO_PROJECT)

    def start_worker(self, code="", project=settings.PROJECT_ROOT):
        return self._start(["worker", self.address, "--nthreads", "1", "--no-nanny"], code, project)

    def process_of(self, key, client):
        """The number of the process that carries out a training."""
        (worker,) = (worker for worker, keys in client.processing().items() if key in keys)
        return client.run(os.getpid, workers=[worker])[worker]


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A scheduler without workers. This process is as if it had never trained, with an empty cache."""
    for name in ("_client", "_cluster", "_address"):
        monkeypatch.setattr(pools, name, None)
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 60)  # to start a worker on a busy machine
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    made = Cluster(tmp_path)
    with made.running:
        yield made
        pools.close()
        train._running.clear()  # of a test that failed


@pytest.fixture
def P(tiny, cluster):
    return tiny(scheduler=cluster.address, networks=["CNN", "LSTM"], trials=5, startup_trials=2, trials_at_once=2)


@pytest.fixture
def training(P, random_walk):
    """From a number to a training that takes some seconds."""
    data = windows.build(random_walk(), P)["BTC-USD"]
    long = P.changed(max_epochs=LONG, patience=None)

    def make(number=1):
        one = seeds.training(data, "CNN", long, number)
        return replace(one, hyperparameters={**one.hyperparameters, "epochs": LONG})

    return make


def started(one):
    """A training that has run its first epochs."""
    epochs = []
    handle = train.train(one, on_epoch=lambda *news: epochs.append(news))
    until = time.monotonic() + 400
    while not epochs and time.monotonic() < until:
        time.sleep(0.02)
    assert 0 < len(epochs) < LONG and not handle.done()
    return handle


def alone(one):
    """What this process makes of it without a pool."""
    from lib.networks import runtime
    from lib.networks import training as fitting

    runtime.start(1)
    return fitting.fit(one.network, one.hyperparameters, one.data, one.settings, one.seed)


@pytest.mark.ci
def test_three_workers_give_the_tables_of_one_process(cluster, P, random_walk, tmp_path, monkeypatch):
    data = windows.build(random_walk(), P)

    def tables(chosen, name):
        monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path / name))
        trials = search.trial_frame(search.run(data, chosen)).drop(columns="seconds")
        wanted = [seeds.training(data["BTC-USD"], network, chosen, n) for network in chosen.networks for n in (1, 2)]
        results = train.train_all(wanted, weights=True)
        assert not any(r.cached for r in results)
        return trials.to_csv(), [{name: a.tobytes() for name, a in r.arrays.items()} for r in results]

    for _ in range(3):
        cluster.start_worker()
    pools.client(P).wait_for_workers(3, timeout=120)
    many = tables(P, "many")
    assert len(pools.client(P).run(os.getpid)) == 3
    pools.close()
    assert tables(P.changed(scheduler=None, workers=1), "one") == many


@pytest.mark.ci
def test_a_worker_that_is_killed_in_a_training_is_replaced_by_one_that_is_added(cluster, P, training):
    first = cluster.start_worker()
    handle = started(training())
    client = pools.client(P)
    assert cluster.process_of(training().key, client) == first.pid
    first.kill()
    time.sleep(1)
    assert not handle.done(), "it waits for a worker"
    cluster.start_worker()
    assert np.array_equal(handle.result().val_loss, alone(training()).history["val_loss"])


def test_a_scheduler_that_is_stopped_for_a_while_costs_that_while_only(cluster, training):
    cluster.start_worker()
    handle = started(training())
    cluster.scheduler.send_signal(signal.SIGSTOP)
    time.sleep(3)
    assert not handle.done()
    cluster.scheduler.send_signal(signal.SIGCONT)
    assert handle.result().epochs == LONG


@pytest.mark.ci
def test_a_scheduler_that_is_gone_ends_a_training_in_one_sentence_and_another_goes_on(cluster, P, training):
    cluster.start_worker()
    finished = train.train(training(1)).result()
    handle = started(training(2))
    cluster.scheduler.kill()
    with pytest.raises(pools.PoolError, match="the pool of workers is gone while training .* run it again$"):
        handle.result()
    cluster.scheduler.wait()
    cluster.start_scheduler()
    cluster.start_worker()
    both = train.train_all([training(1), training(2)])
    assert both[0].cached and np.array_equal(both[0].val_loss, finished.val_loss)
    assert both[1].epochs == LONG and not both[1].cached


def test_a_worker_that_does_not_fit_is_one_sentence(cluster, training, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(settings.PROJECT_ROOT / "lib", other / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "lib" / "networks" / "training.py").open("a") as code:
        code.write("\n# another state of the project\n")
    for code, project, sentence in (
        (NO_PROJECT, settings.PROJECT_ROOT, "^a worker cannot import lib.* Start workers in this project's folder"),
        (OTHER_TENSORFLOW, settings.PROJECT_ROOT, "the worker tcp.* differs .*: tensorflow is 1.15.0, not .* Stop it"),
        ("", other, "the worker tcp.* differs .*: this project's code is [0-9a-f]{12}, not [0-9a-f]{12}"),
    ):
        worker = cluster.start_worker(code, project)
        with pytest.raises(pools.PoolError, match=sentence):
            train.train(training()).result()
        assert worker.poll() is None, "it did not die of the task"
        worker.kill()
        worker.wait()
    assert training_cache.size()[0] == 0


def test_another_kind_of_processor_is_recorded_and_reported_once(cluster, P, training, capsys):
    cluster.start_worker(OTHER_PROCESSOR)
    short = [seeds.training(training().data, "CNN", P, number) for number in (1, 2)]
    for result in train.train_all(short):
        assert result.processor.startswith("Elder CPU, numpy")
    assert "Elder CPU" not in capsys.readouterr().out
    assert all(result.cached for result in train.train_all(short))
    assert capsys.readouterr().out.count("2 of them were trained on Elder CPU") == 1
