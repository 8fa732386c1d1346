"""The one way to train: a training is a value, computed once, wherever the pool runs it.

:class:`Training` describes a training completely, and its :attr:`~Training.key` is the digest of that description.
:func:`train` and :func:`train_all` look the key up in the cache and train what is not there. Notebooks, search,
replay, evaluation, dashboard and service all come here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from lib import networks
from lib.data import SPLITS
from lib.data.windows import Dataset
from lib.experiments import pool
from lib.experiments.pool import Cancelled
from lib.networks import compiled, runtime
from lib.networks import training as fitting
from lib.results import machine, training_cache
from lib.results.progress import Progress
from lib.settings import Settings

WEIGHTS = ("best", "last")
# Of the parameters, those that a training depends on beside its windows.
_OPTIONS = (
    "hidden_dense_units",
    "output_activation",
    "batch_normalization",
    "clip_norm",
    "reduce_lr",
    "patience",
    "threads",
)
_SERIES = ("loss", "val_loss", "learning_rate")  # by epoch
_TOPIC = "training epochs"  # of Dask's events
_REPORT_SECONDS = 0.2  # between a worker's reports, and between its looks at whether anybody still waits
OnEpoch = Callable[[int, int, float, float], None]


@dataclass(frozen=True)
class Training:
    """One training, described completely.

    Attributes:
        network: a key of ``networks.ARCHITECTURES``.
        hyperparameters: those of the network; others are ignored.
        seed: of weights, shuffling and dropout.
        data: the windows: what it learns from, which days stop it, what it forecasts.
        settings: layers, optimizer options, ``max_epochs``, ``patience`` and ``threads``.
        name: for the progress display; not part of the description.
    """

    network: str
    hyperparameters: Mapping[str, float]
    seed: int
    data: Dataset
    settings: Settings
    name: str = ""

    @property
    def epochs(self) -> int:
        """Epochs at most."""
        return min(int(self.hyperparameters["epochs"]), self.settings.max_epochs)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that the result depends on; JSON-able. The digest of the windows stands for prices, cleaning,
        inputs, scaling, split and target, as these matter through the windows only."""
        plain = self.settings.plain()
        own = own_hyperparameters(self.network, self.hyperparameters)
        return {
            "ticker": self.data.ticker,
            "windows": self.data.digest,
            "network": self.network,
            "hyperparameters": {**own, "epochs": self.epochs},
            "seed": self.seed,
            **{name: plain[name] for name in _OPTIONS},
            "method": fitting.METHOD,
            **{name: importlib.metadata.version(name) for name in ("tensorflow", "keras")},
        }

    @cached_property
    def key(self) -> str:
        """SHA-256 of the description, as hex digits."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Result:
    """What came of a training.

    Attributes:
        loss, val_loss, learning_rate: by epoch; losses are MSE of scaled targets.
        best_epoch: the epoch, from 1, with the smallest validation loss.
        seconds: of building and training.
        parameters: number of weights.
        processor: where it was trained, with versions of numpy and TensorFlow.
        diverged: a loss or forecast was not finite.
        pruned: it was stopped by a pruner, so there are no forecasts.
        cached: it was found in the cache.
        arrays: scaled forecasts (``train, best``, shape (windows,)) and, if asked for, weights (``best 0``, ...).
    """

    loss: np.ndarray
    val_loss: np.ndarray
    learning_rate: np.ndarray
    best_epoch: int
    seconds: float
    parameters: int
    processor: str
    diverged: bool
    pruned: bool = False
    cached: bool = False
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.loss)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """``loss`` and ``val_loss`` by epoch."""
        return {"loss": self.loss, "val_loss": self.val_loss}

    def predicted(self, split: str, weights: str = "best") -> np.ndarray:
        """Scaled forecasts of a split with the best epoch's weights or the last one's; float64, shape (windows,)."""
        return self.arrays[f"{split}, {weights}"].astype("float64")

    def weights(self, which: str = "best") -> list[np.ndarray] | None:
        """The network's weights in Keras's order; None unless they were asked for."""
        names = [name for name in self.arrays if name.startswith(f"{which} ")]
        return [self.arrays[f"{which} {at}"] for at in range(len(names))] or None


def model_of(training: Training, result: Result, which: str = "best") -> Any:
    """The trained network as a Keras model of Keras's own layers, which loads without this project."""
    runtime.start(training.settings.threads)
    shape, variant = training.data.input_shape, networks.variant(training.settings)
    return networks.portable(training.network, training.hyperparameters, shape, variant, result.weights(which) or ())


@contextmanager
def network_of(training: Training, result: Result, which: str = "best") -> Iterator[compiled.CompiledNetwork]:
    """In a worker: the trained network while the block runs, one that trained before if its shape was the same."""
    runtime.start(training.settings.threads)
    shape = compiled.Shape.of(training.network, training.hyperparameters, training.data, training.settings)
    with compiled.lent(shape) as network:
        network.weights = result.weights(which) or ()
        yield network


# -- in the process that asks --------------------------------------------------------------


class Handle:
    """One caller's hold on a training: :meth:`result`, :meth:`cancel`. Callers of one key share the training itself."""

    def __init__(self, training: Training, shared: _Shared | None, found: Result | None, on_epoch: OnEpoch | None):
        self.training = training
        self._shared, self._found, self._on_epoch = shared, found, on_epoch
        self._cancelled = self._left = False
        self._reported, self._reporting = 0, threading.Lock()

    def done(self) -> bool:
        """Whether :meth:`result` would answer at once."""
        return self._found is not None or self._cancelled or self._shared.future.done()

    def waiting(self) -> bool:
        """Whether no worker has begun yet, most often because all are busy."""
        return not self.done() and not self._shared.begun

    def when_done(self, call: Callable[[], object]) -> None:
        """Have a function called, perhaps from another thread, as soon as :meth:`result` would answer."""
        if self._found is not None:
            call()
        else:
            self._shared.when_done(call)

    def cancel(self) -> None:
        """Give the training up. It stops at its next epoch, unless somebody else waits for it too."""
        if self._found is None and not self._cancelled:
            self._cancelled = True
            self._leave()

    def result(self) -> Result:
        """Wait for the result, and store it in the cache.

        Raises:
            Cancelled: :meth:`cancel` was called.
            PoolError: workers died again and again, or the cluster is gone.
            TaskError: the training failed in a way that nobody foresaw.
            FileError: the cache cannot be written.
        """
        if self._found is None:
            try:
                found = self._shared.wait(lambda: self._cancelled)
            except Exception as error:
                doing = f"training {self.training.name or self.training.network}"
                raise pool.explained(error, doing, self._cancelled) from error
            finally:
                self._leave()
            self._found = _stored(self.training, found)
        self.report(self._found.loss.tolist(), self._found.val_loss.tolist())
        return self._found

    def report(self, loss: Sequence[float], val_loss: Sequence[float]) -> None:
        """Call ``on_epoch`` with each epoch that it has not had yet, in order."""
        with self._reporting:
            for at in range(self._reported, len(loss) if self._on_epoch and not self._cancelled else 0):
                self._reported = at + 1
                self._on_epoch(at + 1, self.training.epochs, float(loss[at]), float(val_loss[at]))

    def _leave(self) -> None:
        with _lock:
            if not self._left:
                self._left = True
                _leave(self._shared, self)


class _Shared:
    """A running training and how many callers wait for it."""

    def __init__(self, client: Any, key: str, submit: Callable[[], Any]):
        self.client, self.key, self.submit = client, key, submit
        self.callers: list[Handle] = []
        self.begun = False
        self.future = submit()

    def wait(self, given_up: Callable[[], bool]) -> Result:
        """The result; Cancelled as soon as the caller has given up."""
        from distributed import CancelledError

        while not given_up():
            if not pool.ended(self.future):
                continue
            try:
                return self.future.result()
            except CancelledError:
                if pool.is_gone(self.client):
                    raise
                self._ask_again_if_lost()
            except Cancelled:
                if not given_up():
                    self.future = self.submit()  # another process gave it up a moment before this one asked
        raise Cancelled("The training was cancelled.")

    def when_done(self, call: Callable[[], object]) -> None:
        """Have a function called as soon as :meth:`wait` would answer."""

        def over(future: Any) -> None:
            if future.cancelled() and self.callers and not pool.is_gone(self.client):
                self._ask_again_if_lost()
                self.when_done(call)
            else:
                call()

        self.future.add_done_callback(over)

    def _ask_again_if_lost(self) -> None:
        """Dask cancels every future of a client whose connection to the scheduler breaks, and connects again. The
        workers have not noticed: the same key leads to the same training, running or done."""
        with _lock:
            if self.future.cancelled() and self.callers:
                self.future = self.submit()


ALONE = 10_000  # the priority of one training; a search's trials, which come after short lists, have less
_running: dict[str, _Shared] = {}
_lock = threading.RLock()


def train(
    training: Training,
    weights: bool = False,
    on_epoch: OnEpoch | None = None,
    losses_before: Sequence[Sequence[float]] | None = None,
    priority: int = ALONE,
) -> Handle:
    """Start a training, or find it cached or running.

    Args:
        training: what is trained.
        weights: whether the result must hold the network's weights.
        on_epoch: called with (epoch from 1, epochs at most, loss, validation loss), from another thread; of a result
            that is cached, with every epoch at once.
        losses_before: validation losses by epoch of the study's complete trials; with it the median pruner may stop
            the training. A pruned training is not cached.
        priority: of trainings that wait for a worker the one with the largest goes first. One that is asked for
            alone has the largest, those of a list (:func:`train_all`) the less the longer it is.

    Raises:
        FileError: the cache cannot be written.
        PoolError: there is nowhere to train.
    """
    found = cached(training, weights)
    if found is not None:
        found = found if losses_before is None else _up_to_pruning(found, losses_before)
        return Handle(training, None, found, on_epoch)
    training_cache.check_writable()
    client = pool.client(training.settings)
    key = f"{training.key}{' with weights' if weights else ''}"
    if losses_before is not None:
        before = json.dumps([list(map(float, losses)) for losses in losses_before])
        key += f" pruned by {hashlib.sha256(before.encode()).hexdigest()[:16]}"
    with _lock:
        shared = _running.get(key)
        if shared is None:
            _listen(client)
            shared = _running[key] = _Shared(
                client,
                key,
                lambda: pool.submit(
                    client, _carry_out, training, weights, losses_before, key=key, pure=True, priority=priority
                ),
            )
        handle = Handle(training, shared, None, on_epoch)
        shared.callers.append(handle)
    return handle


def _leave(shared: _Shared, handle: Handle) -> None:
    with _lock:
        shared.callers.remove(handle)
        if not shared.callers and _running.get(shared.key) is shared:
            del _running[shared.key]
            if shared.future.done():
                shared.future.release()
            else:
                shared.future.cancel()  # for this process; the worker sees at its next epoch if nobody else waits


def _listen(client: Any) -> None:
    """Hand the workers' reports of epochs to whoever asked for them; once a client."""
    if _TOPIC in client._event_handlers:
        return

    def reported(event: tuple[float, Mapping[str, Any]]) -> None:
        message = event[1]
        # Without the lock: this runs in the thread through which whoever holds it talks to the scheduler.
        shared = _running.get(message["key"])
        if shared is None:
            return
        shared.begun = True
        for handle in list(shared.callers):
            handle.report(message["loss"], message["val_loss"])

    client.subscribe_topic(_TOPIC, reported)


def train_all(
    trainings: Sequence[Training],
    label: str = "Trainings",
    weights: bool = False,
    on_result: Callable[[Training, Result], object] | None = None,
) -> list[Result]:
    """The results of all trainings, in their order; what is not cached is trained side by side.

    Args:
        trainings: any number; equal ones are trained once.
        label: of the progress line.
        weights: whether results must hold the networks' weights.
        on_result: called with each training that was not cached, as soon as it is done.

    Raises: as :meth:`Handle.result`; what was finished before is cached.
    """
    results = {t.key: cached(t, weights) for t in trainings}
    missing = {t.key: t for t in trainings if results[t.key] is None}
    if len(missing) < len(results):
        report_cached([r for r in results.values() if r is not None], len(results))
    if missing:
        results.update(_trained(missing, label, weights, on_result))
    return [results[t.key] for t in trainings]


def _trained(
    missing: Mapping[str, Training],
    label: str,
    weights: bool,
    on_result: Callable[[Training, Result], object] | None,
) -> dict[str, Result]:
    """Train side by side what is not cached, with one progress line that moves at every epoch."""
    events: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()  # key, share of its epochs; 2.0 when it is over
    handles: dict[str, Handle] = {}
    share = dict.fromkeys(missing, 0.0)
    results: dict[str, Result] = {}
    try:
        with Progress(label, len(missing)) as progress:
            for key, training in missing.items():
                on_epoch = partial(lambda key, epoch, epochs, *_: events.put((key, epoch / epochs)), key)
                handles[key] = train(training, weights, on_epoch, priority=ALONE // len(missing))
                handles[key].when_done(partial(events.put, (key, 2.0)))
            while len(results) < len(missing):
                key, reached = events.get()
                if key in results:
                    continue
                if reached > 1:
                    results[key], reached = handles[key].result(), 1.0
                    if on_result:
                        on_result(missing[key], results[key])
                note = missing[key].name
                if key in results:
                    note += f": validation MSE {smallest(results[key].val_loss):.3g}"
                progress.step(note, reached - share[key])
                share[key] = reached
    finally:
        for handle in handles.values():
            handle.cancel()
    return results


def report_cached(found: Sequence[Result], total: int, what: str = "trainings") -> None:
    """Say how many results come from the cache, and if they were computed on another kind of machine."""
    print(f"{len(found)} of {total} {what} are cached.")
    others = Counter(r.processor for r in found if r.processor != machine.made_on())
    for where, count in others.items():
        print(f"{count} of them were trained on {where}; here their last digits could differ.")


def is_cached(training: Training) -> bool:
    """Whether the cache holds a training's result; it is not read."""
    return training_cache.path_of(training.key).is_file()


def cached(training: Training, weights: bool = False) -> Result | None:
    """The result of a training if it is in the cache (with weights, if these are needed), else None."""
    stored = training_cache.read(training.key)
    if stored is None:
        return None
    about, arrays = stored
    try:
        known: dict[str, Any] = {k: about[k] for k in ("best_epoch", "seconds", "parameters", "processor", "diverged")}
        loss, val_loss, learning_rate = (arrays.pop(name) for name in _SERIES)
    except KeyError:
        return None  # damaged, or put there by something else: it is trained again
    result = Result(loss, val_loss, learning_rate, **known, cached=True, arrays=arrays)
    if weights and not result.weights():
        return None
    training_cache.used(True, result.processor)
    return result


def _stored(training: Training, result: Result) -> Result:
    training_cache.used(False, result.processor)
    if not result.pruned:
        about = {k: getattr(result, k) for k in ("best_epoch", "seconds", "parameters", "processor", "diverged")}
        series = {name: getattr(result, name) for name in _SERIES}
        training_cache.write(training.key, {**about, "description": training.description}, {**series, **result.arrays})
    return result


def own_hyperparameters(network: str, hyperparameters: Mapping[str, float]) -> dict[str, float]:
    """Those of one network: rates as floats and everything else as whole numbers."""
    rates = ("dropout_rate", "learning_rate")
    names = networks.ARCHITECTURES[network].hyperparameters
    return {n: float(hyperparameters[n]) if n in rates else int(hyperparameters[n]) for n in names}


def smallest(val_loss: np.ndarray) -> float:
    """The smallest finite loss; infinite if there is none."""
    finite = val_loss[np.isfinite(val_loss)]
    return float(finite.min()) if len(finite) else math.inf


# -- in a worker ---------------------------------------------------------------------------


class _Pruned(Exception):
    """The pruner stopped this training."""


def _up_to_pruning(result: Result, losses_before: Sequence[Sequence[float]]) -> Result:
    """A whole training as the pruner would have left it, so that what is cached does not change a search."""
    prune = _pruner(losses_before)
    for epoch, val_loss in enumerate(result.val_loss, start=1):
        try:
            prune(epoch, float(val_loss))
        except _Pruned:
            seconds = result.seconds * epoch / result.epochs
            return replace(_pruned(result.loss[:epoch], result.val_loss[:epoch], seconds), cached=True)
    return result


def _pruned(loss: np.ndarray, val_loss: np.ndarray, seconds: float) -> Result:
    nothing = np.full(len(loss), math.nan)
    return Result(loss, val_loss, nothing, 0, seconds, 0, machine.made_on(), diverged=False, pruned=True)


def _carry_out(training: Training, weights: bool, losses_before: Sequence[Sequence[float]] | None) -> Result:
    """Train, forecast every split with the best epoch's weights and with the last one's."""
    runtime.start(training.settings.threads)
    epochs: list[tuple[int, float, float]] = []
    report, prune = _reporter(training.epochs), _pruner(losses_before)
    started = time.perf_counter()

    def on_epoch(epoch: int, _: int, loss: float, val_loss: float) -> None:
        epochs.append((epoch, loss, val_loss))
        report(epoch, loss, val_loss)
        prune(epoch, val_loss)

    try:
        fit = fitting.fit(
            training.network, training.hyperparameters, training.data, training.settings, training.seed, on_epoch
        )
    except _Pruned:
        loss, val_loss = (np.array([e[at] for e in epochs]) for at in (1, 2))
        return _pruned(loss, val_loss, time.perf_counter() - started)
    arrays: dict[str, np.ndarray] = {}
    for which, values in (("best", fit.best_weights), ("last", fit.last_weights)):
        for part in training.data.parts:
            arrays[f"{part.name}, {which}"] = fit.predict(part.X, which).astype("<f4")
        if weights:
            arrays.update({f"{which} {at}": value for at, value in enumerate(values)})
    forecasts = [f"{split}, {which}" for split in SPLITS for which in WEIGHTS]
    finite = all(np.isfinite(arrays[name]).all() for name in forecasts) and not fit.diverged
    if not finite:  # the one policy: whatever is computed from it is infinitely bad
        arrays.update({name: np.full_like(arrays[name], math.nan) for name in forecasts})
    loss, val_loss, learning_rate = (np.array(getattr(fit, name), dtype="float64") for name in _SERIES)
    return Result(
        loss,
        val_loss,
        learning_rate,
        best_epoch=fit.best_epoch,
        seconds=round(fit.seconds, 2),
        parameters=fit.parameters,
        processor=machine.made_on(),
        diverged=not finite,
        arrays=arrays,
    )


def _reporter(epochs: int) -> Callable[[int, float, float], None]:
    """A function that reports epochs to whoever asked, and ends the training when nobody waits for it any more."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    losses: list[float] = []
    val_losses: list[float] = []
    last = time.monotonic()
    worker.log_event(_TOPIC, {"key": key, "loss": [], "val_loss": []})  # it has begun

    def report(epoch: int, loss: float, val_loss: float) -> None:
        nonlocal last
        losses.append(loss)
        val_losses.append(val_loss)
        if time.monotonic() - last < _REPORT_SECONDS and epoch < epochs:
            return
        last = time.monotonic()
        pool.stop_if_cancelled()
        # All epochs each time, so that whoever came late or missed a report has them too.
        worker.log_event(_TOPIC, {"key": key, "loss": list(losses), "val_loss": list(val_losses)})

    return report


def _pruner(losses_before: Sequence[Sequence[float]] | None) -> Callable[[int, float], None]:
    """A function that ends the training when Optuna's median pruner would."""
    if losses_before is None:
        return lambda epoch, val_loss: None
    import optuna

    from lib.experiments import search

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(pruner=search.median_pruner())
    for losses in losses_before:
        values = dict(enumerate(map(float, losses), start=1))
        study.add_trial(optuna.trial.create_trial(value=0.0, intermediate_values=values))
    trial = study.ask()

    def prune(epoch: int, val_loss: float) -> None:
        trial.report(val_loss, epoch)
        if trial.should_prune():
            raise _Pruned

    return prune
