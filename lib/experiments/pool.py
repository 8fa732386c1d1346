"""Where trainings run: a Dask cluster, local by default, one a run, reached by address.

``run_all.py`` starts one and names it to its notebooks in the variable DASK_SCHEDULER_ADDRESS. The parameter
``scheduler`` or that variable names one elsewhere, whose workers have this project at the same state. Without either
a process starts its own. Work is sent with what must be equal at both ends, and refused by a worker where it is not.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import importlib.metadata
import logging
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from lib.errors import ProjectError, how_it_died
from lib.networks import runtime
from lib.settings import Settings, scheduler_address
from lib.settings.places import ADDRESS_VARIABLE, PROJECT_ROOT

ATTEMPTS = 5  # starts of a training whose worker dies, before it is given up
CONNECT_SECONDS = 20
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # Dask's usual port may be taken by another run
_DEATHS = "worker-deaths"  # the scheduler's topic with the exit codes of workers
_lock = threading.Lock()
_client: Any = None
_cluster: Any = None
_address: str | None = None  # of the client, if it was named
_CODE = ("data/windows", "experiments/pool", "experiments/train", "networks/*")  # of lib: what a worker carries out
# As text, as the scheduler need not have this project, and a worker that lacks it would die of a function to import,
# and after it the next one that is given the task.
_IN_WORKER = f"__import__('{__name__}', fromlist=['']).carry_out(call, asked)"


class PoolError(ProjectError):
    """There is nowhere to train: no cluster can be reached or started, or its workers keep dying."""


class TaskError(ProjectError):
    """Work on the pool failed in a way that nobody foresaw."""


class Cancelled(ProjectError):
    """Work on the pool was cancelled by whoever asked for it."""


def client(settings: Settings) -> Any:
    """This process's ``distributed.Client``, of the cluster that is named or of one that is started now.

    Args:
        settings: ``scheduler``; ``workers`` and ``threads`` of a cluster that is started.

    Raises:
        PoolError: the named cluster cannot be reached or has no worker, or none can be started.
    """
    global _client, _cluster, _address
    if _client is not None and settings.scheduler not in (None, _address):
        close()  # a notebook's reader names another one
    with _lock:
        if _client is None or _client.status != "running":
            from distributed import Client

            _quiet()
            versions()  # of what this process has imported, before somebody changes the files
            _address = scheduler_address(settings.scheduler)
            if _address:
                _client = _connected(_address, "scheduler" if settings.scheduler else ADDRESS_VARIABLE)
            else:
                _cluster = _started(settings.workers, settings.threads)
                _client = Client(_cluster, timeout=CONNECT_SECONDS)
    return _client


def _connected(address: str, named_by: str) -> Any:
    """A client of a scheduler elsewhere that has a worker."""
    from distributed import Client

    named, otherwise = f"{named_by} is {address}", f"or leave {named_by} out to train on this machine"
    one, trouble = None, ""
    try:
        one = Client(address, timeout=CONNECT_SECONDS)
    except TypeError as error:  # what Dask makes of tls:// without certificates
        trouble = (
            f"{named}, but Dask has no certificates for TLS ({error}). Name them in the variables"
            f" DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY, {otherwise}"
        )
    except (OSError, ValueError) as error:
        trouble = f"{named}, but no Dask scheduler answers there ({error}). Start one, {otherwise}"
    if one is None:
        gc.collect()  # Dask's unfinished client now, not while the next one is made: they would wait for each other
        raise PoolError(trouble)
    try:
        one.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        _end(one)
        raise PoolError(
            f"{named}, but that Dask scheduler has had no worker for {CONNECT_SECONDS} seconds."
            f" Start some in this project's folder: dask worker {address} --nthreads 1, {otherwise}"
        ) from None
    return one


@cache
def versions() -> dict[str, str]:
    """What must be equal where work is asked for and where it is done, as it is in this process."""
    digest = hashlib.sha256()
    for path in sorted(path for name in _CODE for path in (PROJECT_ROOT / "lib").glob(f"{name}.py")):
        digest.update(path.name.encode() + path.read_bytes())
    packages = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")}
    return {"this project's code": digest.hexdigest()[:12], **packages}


def submit(client: Any, function: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """Have a worker of the client's cluster call a function of this project; gives Dask's future.

    Args:
        options: of ``Client.submit``, such as ``key`` and ``priority``.
    """
    from distributed.protocol import pickle

    names = {"call": pickle.dumps((function, values)), "asked": versions()}
    return client.submit(eval, _IN_WORKER, names, **options)


def carry_out(call: bytes, asked: dict[str, str]) -> Any:
    """In a worker: a call that :func:`submit` sent.

    Raises:
        PoolError: this worker differs from whoever asked in what must be equal.
    """
    from distributed import get_worker
    from distributed.protocol import pickle

    here = versions()
    if differ := [f"{name} is {here[name]}, not {asked[name]}" for name in asked if here.get(name) != asked[name]]:
        raise PoolError(
            f"the worker {get_worker().address} differs from the process that asks: {', '.join(differ)}."
            " Stop it, install the same requirements.txt and the same commit there, and start it again"
        )
    function, values = pickle.loads(call)
    return function(*values)


def use(cluster: Any) -> None:
    """Train on this ``distributed`` cluster, which the caller started and ends."""
    global _client
    from distributed import Client

    close()
    _client = Client(cluster)


def close() -> None:
    """Leave the cluster, and end it if this process started it."""
    global _client, _cluster
    with _lock:
        for one in (_client, _cluster):
            if one is not None:
                _end(one)
        _client = _cluster = None


atexit.register(close)


class Task:
    """A call of a function in a worker, for one caller: :meth:`result`, :meth:`cancel`.

    Args:
        settings: of a cluster that is started, if none runs.
        doing: what the call does, for error sentences, such as "forecasting BTC-USD".
        function, values: the call; the function asks :func:`stop_if_cancelled` now and then.
    """

    def __init__(self, settings: Settings, doing: str, function: Callable[..., Any], *values: Any):
        self._doing, self._cancelled = doing, False
        self._submit = partial(submit, client(settings), function, *values, pure=False)
        self._future = self._submit()

    def cancel(self) -> None:
        """Give the call up."""
        self._cancelled = True
        self._future.cancel()

    def result(self) -> Any:
        """Wait for what the function returns.

        Raises: what :func:`explained` makes of a failure; Cancelled after :meth:`cancel`.
        """
        from distributed import CancelledError

        while not self._cancelled:
            if not ended(self._future):
                continue
            try:
                return self._future.result()
            except CancelledError as error:  # the connection to the scheduler broke, perhaps for a moment only
                if is_gone(self._future.client):
                    raise explained(error, self._doing, self._cancelled) from error
                if not self._cancelled:
                    self._future = self._submit()
            except Exception as error:
                raise explained(error, self._doing, self._cancelled) from error
        raise explained(Cancelled(), self._doing)


def ended(future: Any, seconds: float = 0.5) -> bool:
    """Wait so long; whether a future has ended, in whatever way.

    In place of ``future.result(timeout=...)``: where time runs out while Dask fetches a result behind another one, all
    later results of this client join the cancelled fetch, and none arrives any more.
    """
    from distributed import CancelledError, wait

    if is_gone(future.client):
        return True
    try:
        wait(future, timeout=seconds)
    except TimeoutError:
        return False
    except (CancelledError, ValueError):  # the second one is of a client that is closed in this moment
        pass
    return True


def is_gone(client: Any) -> bool:
    """Whether a client has given its scheduler up; until then it connects again."""
    return client.status not in ("running", "connecting")


def explained(error: Exception, doing: str, cancelled: bool = False, client: Any = None) -> ProjectError:
    """The sentence about work that failed on the pool.

    Args:
        doing: what the work did, such as "forecasting BTC-USD".
        cancelled: its caller gave it up.
        client: of the cluster where it failed; default: this process's.
    """
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    if cancelled or isinstance(error, Cancelled):
        return Cancelled(f"{doing} was cancelled.")
    if isinstance(error, KilledWorker):
        why = how_it_died(
            _last_death(client or _client), "What was finished is cached: run it again, perhaps with fewer workers"
        )
        return PoolError(f"a worker process died {error.allowed_failures + 1} times while {doing}: {why}")
    if isinstance(error, (CancelledError, CommClosedError)):
        return PoolError(
            f"the pool of workers is gone while {doing}: its scheduler ended or cannot be reached. What was finished is"
            " cached: run it again"
        )
    if isinstance(error, ModuleNotFoundError):
        return PoolError(
            f"a worker cannot import {error.name}. Start workers in this project's folder, or with it in"
            " PYTHONPATH, and with the packages of requirements.txt"
        )
    if isinstance(error, ProjectError):
        return error
    if isinstance(error, MemoryError):
        return TaskError(f"memory ran out while {doing}. Choose a smaller batch size or a shorter lookback")
    return TaskError(f"{doing} failed: {type(error).__name__}: {error}{_place(error)}")


def _place(error: Exception) -> str:
    """Where an error was raised: nobody foresaw it, so whoever looks into it needs that much."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno}, {frames[-1].name})" if frames else ""


def _last_death(client: Any) -> int | None:
    """The exit code of the worker that died last, if its cluster was started here or by a run of ours."""
    noted: Any = ()
    if client is not None:
        with suppress(OSError, RuntimeError, ValueError, TimeoutError):  # the cluster may be gone as well
            noted = client.get_events(_DEATHS)
    return noted[-1][1] if noted else None


def stop_if_cancelled() -> None:
    """In a worker: end the present call if nobody waits for it any more.

    Raises:
        Cancelled: nobody does.
    """
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state == "cancelled":
        raise Cancelled("cancelled")


@contextmanager
def local(settings: Settings) -> Iterator[str]:
    """A local cluster while the block runs; gives its address. Its workers load TensorFlow at once.

    Only for the main thread: the workers inherit that Ctrl-C is ignored, as it is the affair of whoever starts them.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        cluster = _started(settings.workers, settings.threads)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield cluster.scheduler_address
    finally:
        _end(cluster)


def _end(one: Any) -> None:
    """End a cluster or a client. A failure to do so must not hide how the run went."""
    with suppress(Exception):  # Dask fails at a worker that is just starting again; it ends with this process
        one.close()


def _started(workers: int, threads: int) -> Any:
    import dask
    import psutil
    from distributed import Client, LocalCluster, Nanny

    started: list[Any] = []

    class ReportingNanny(Nanny):
        """Starts workers, and notes at the scheduler how each one died."""

        def _on_worker_exit_sync(self, exitcode: int) -> None:
            for one in started:
                one.scheduler.log_event(_DEATHS, exitcode)
            super()._on_worker_exit_sync(exitcode)

    _quiet()
    # TensorFlow never frees a graph, so a worker grows with each new shape: one that grew too large is replaced, and
    # its training starts again on another. Nothing is spilled or paused.
    dask.config.set(
        {
            "distributed.worker.memory.target": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.terminate": 0.95,
            "distributed.scheduler.allowed-failures": ATTEMPTS - 1,  # starts after the first one
            "distributed.scheduler.worker-saturation": 1.0,
        }
    )
    try:
        cluster = LocalCluster(
            worker_class=ReportingNanny,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=psutil.virtual_memory().total // (workers + 1),
            host="127.0.0.1",
            scheduler_kwargs=NO_DASHBOARD,
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError) as error:  # no place for temporary files, no process, memory or port left
        raise PoolError(
            f"no worker processes can be started on this machine ({_first_cause(error)}). Free space in"
            f" {tempfile.gettempdir()}, end other programs, or set workers to a smaller number; what was finished is"
            " cached"
        ) from error
    started.append(cluster)
    with Client(cluster, set_as_default=False) as one:
        one.run(_load_tensorflow, threads, on_error="ignore")  # takes seconds, in which the first windows are cut
    return cluster


def _quiet() -> None:
    """Whoever asked is given each failure in a sentence; Dask would show its stack as well, and each worker's end."""
    for handler in logging.getLogger("distributed").handlers:  # its loggers below have levels of their own
        handler.setLevel(logging.CRITICAL)


def _first_cause(error: BaseException) -> BaseException:
    """What an error goes back to: the system's own, which Dask wraps twice."""
    before = error.__cause__ or error.__context__
    return _first_cause(before) if before else error


def _load_tensorflow(threads: int) -> None:
    """In a worker: load TensorFlow beside whatever the worker does."""

    def load() -> None:
        with suppress(ProjectError):  # the first training raises it again, for whoever asked
            runtime.start(threads)

    threading.Thread(target=load, daemon=True).start()
