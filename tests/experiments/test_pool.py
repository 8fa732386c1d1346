"""The pool: one client a process, of the cluster that is named or handed over."""

import os
import signal
import subprocess
import sys
import warnings

import psutil
import pytest
from distributed import LocalCluster

from lib import settings
from lib.experiments import pool as pools


@pytest.fixture
def no_client(monkeypatch):
    """This process as if it had never trained, and afterwards as it was."""
    monkeypatch.setattr(pools, "_client", None)
    monkeypatch.setattr(pools, "_cluster", None)
    yield
    pools.close()


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_one_sentence(tiny, monkeypatch, no_client):
    monkeypatch.setenv(pools.ADDRESS_VARIABLE, "tcp://127.0.0.1:1")
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 0.5)
    with pytest.raises(
        pools.PoolError, match="DASK_SCHEDULER_ADDRESS is tcp://127.0.0.1:1, but no Dask scheduler answers"
    ):
        pools.client(tiny())
    monkeypatch.setenv(pools.ADDRESS_VARIABLE, "no address at all")
    with pytest.raises(pools.PoolError, match="no Dask scheduler answers"):
        pools.client(tiny())
    with pytest.raises(pools.PoolError, match="^scheduler is tcp://127.0.0.1:2, but no Dask scheduler answers"):
        pools.client(tiny(scheduler="tcp://127.0.0.1:2"))


def test_tls_without_certificates_is_one_sentence(tiny, no_client):
    with pytest.raises(pools.PoolError, match="scheduler is tls://127.0.0.1:1, but Dask has no certificates for TLS"):
        pools.client(tiny(scheduler="tls://127.0.0.1:1"))


def test_a_scheduler_without_workers_is_one_sentence_and_another_one_may_be_named_later(tiny, monkeypatch, no_client):
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 0.5)
    options = {"processes": False, "protocol": "tcp", "host": "127.0.0.1", "scheduler_kwargs": pools.NO_DASHBOARD}
    with LocalCluster(n_workers=0, **options) as idle, LocalCluster(n_workers=1, **options) as busy:
        with pytest.raises(pools.PoolError, match=f"^scheduler is {idle.scheduler_address}, but .* no worker for 0.5"):
            pools.client(tiny(scheduler=idle.scheduler_address))
        named = tiny(scheduler=busy.scheduler_address)
        client = pools.client(named)
        assert client is pools.client(named) and client is pools.client(tiny())
        idle.scale(1)
        pools.client(tiny(scheduler=idle.scheduler_address))
        assert client.status == "closed"
        pools.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tensorflow", "keras", "this project's code"])
def test_a_worker_that_differs_refuses_its_work_in_one_sentence(tiny, pool, name):
    here = pools.versions()
    sent = {"call": b"", "asked": {**here, name: "another"}}
    future = pools.client(tiny()).submit(eval, pools._IN_WORKER, sent, pure=False)
    sentence = f"the worker .* differs from the process that asks: {name} is {here[name]}, not another. Stop it"
    with pytest.raises(pools.PoolError, match=sentence):
        future.result()


@pytest.mark.slow
def test_local_workers_are_processes_without_the_usual_port(tiny, no_client, monkeypatch):
    """A second run on this machine starts its own, silently."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pools.local(tiny(workers=1)) as address:
            monkeypatch.setenv(pools.ADDRESS_VARIABLE, address)
            client = pools.client(tiny())
            assert client is pools.client(tiny()) and client.scheduler.address == address
            (process,) = client.run(os.getpid).values()
            assert process != os.getpid()
            pools.close()


def test_a_cluster_that_is_handed_over_is_left_to_who_started_it(tiny, no_client):
    with LocalCluster(n_workers=1, processes=False, scheduler_kwargs=pools.NO_DASHBOARD) as cluster:
        pools.use(cluster)
        assert pools.client(tiny()).submit(sum, [1, 2]).result() == 3
        pools.close()
        assert cluster.status.name == "running"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deadly", "words"),
    [
        (signal.SIGILL, "while adding: illegal instruction (SIGILL): this processor lacks instructions"),
        (signal.SIGKILL, "while adding: it was killed (SIGKILL), most often because memory ran out. What was finished"),
        (signal.SIGSEGV, "while adding: it crashed (SIGSEGV) in a package's compiled code"),
    ],
)
def test_a_worker_that_dies_is_told_by_what_it_died_of(tiny, no_client, monkeypatch, deadly, words):
    monkeypatch.setattr(pools, "ATTEMPTS", 2)
    with pools.local(tiny(workers=1)) as address:
        monkeypatch.setenv(pools.ADDRESS_VARIABLE, address)  # as a notebook of a run finds it
        with pytest.raises(pools.PoolError) as caught:
            pools.Task(tiny(), "adding", signal.raise_signal, deadly).result()
        pools.close()
    assert words in str(caught.value)


def test_a_death_that_nobody_noted_is_told_without_a_signal(tiny, no_client):
    from distributed import KilledWorker

    with LocalCluster(n_workers=1, processes=False, scheduler_kwargs=pools.NO_DASHBOARD) as cluster:
        pools.use(cluster)
        found = pools.explained(KilledWorker("task", None, 3), "adding")
        pools.close()
    assert "while adding: it was killed, most often because memory ran out" in str(found)
    assert "it was killed, most often" in str(pools.explained(KilledWorker("task", None, 3), "adding")), "no cluster"


def test_workers_that_cannot_be_started_are_one_sentence(tiny, no_client, monkeypatch):
    """Red before: Dask's stack, of three errors that follow from each other."""
    monkeypatch.delenv(pools.ADDRESS_VARIABLE, raising=False)

    async def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("distributed.nanny.WorkerProcess.start", refuse)
    before = set(psutil.Process().children(recursive=True))  # such as the tracker that multiprocessing starts once
    with pytest.raises(pools.PoolError) as caught:
        pools.client(tiny(workers=1))
    text = str(caught.value)
    assert text.startswith("no worker processes can be started on this machine ([Errno 28] No space left on device). ")
    left = set(psutil.Process().children(recursive=True)) - before
    assert "\n" not in text and not psutil.wait_procs(left, timeout=10)[1]


SCHEDULER = """
import time
from lib import settings
from lib.experiments import pool
if __name__ == "__main__":
    with pool.local(settings.sample().changed(workers=1)) as address:
        print(address, flush=True)
        time.sleep(600)
"""
TRAINER = """
import sys
from dataclasses import replace
from lib import settings
from lib.data import market, windows
from lib.errors import ProjectError
from lib.experiments import seeds, train
P = settings.sample().changed(max_epochs=1000, patience=None, lookback=20)
training = seeds.training(windows.build(market.prices_of(P), P)["BTC-USD"], "CNN", P, int(sys.argv[1]))
training = replace(training, hyperparameters={**training.hyperparameters, "epochs": 1000})
try:
    train.train(training, on_epoch=lambda epoch, *_: print("epoch", epoch, flush=True)).result()
except ProjectError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.ci
def test_a_killed_trainer_frees_its_worker_and_a_killed_scheduler_is_one_sentence(tmp_path):
    """Red before: the sentence had two lines, and Dask's stack stood above it."""
    environment = {**os.environ, "PYTHONPATH": str(settings.PROJECT_ROOT), "TRAINING_CACHE": str(tmp_path / "cache")}
    started = []

    def start(code, *words, **more):
        (tmp_path / f"{len(started)}.py").write_text(code, encoding="utf-8")
        command = [sys.executable, str(tmp_path / f"{len(started)}.py"), *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=settings.PROJECT_ROOT, env={**environment, **more}, **pipes))
        return started[-1], started[-1].stdout.readline().strip()

    try:
        scheduler, address = start(SCHEDULER)
        first, epoch = start(TRAINER, "1", DASK_SCHEDULER_ADDRESS=address)
        assert epoch == "epoch 1"
        first.kill()
        second, epoch = start(TRAINER, "2", DASK_SCHEDULER_ADDRESS=address)
        assert epoch == "epoch 1", "the only worker does not go on with what nobody waits for"
        workers = psutil.Process(scheduler.pid).children(recursive=True)
        scheduler.kill()
        out, err = second.communicate(timeout=60)
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert out.splitlines()[-1].startswith("the pool of workers is gone while training BTC-USD CNN, close, seed 2: ")
    assert "Traceback" not in err and not psutil.wait_procs(workers, timeout=20)[1]
    assert not list((tmp_path / "cache").glob("*/*.npz"))
