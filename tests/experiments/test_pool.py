"""The pool: one client a process, of the cluster that is named or handed over."""

import os
import signal
import warnings

import pytest
from distributed import LocalCluster

from lib.experiments import pool as pools


@pytest.fixture
def no_client(monkeypatch):
    """This process as if it had never trained, and afterwards as it was."""
    monkeypatch.setattr(pools, "_client", None)
    monkeypatch.setattr(pools, "_cluster", None)
    yield
    pools.close()


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
