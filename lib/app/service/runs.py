"""What clients ask for: trainings that run in threads, trained networks, forecasts. Nothing here knows of HTTP.

Trainings go the one way (``lib.app.jobs``), networks are records as the dashboard keeps them (``lib.app.collection``).
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from lib import networks
from lib.app import charts, jobs, requests
from lib.app.charts import picture
from lib.app.collection import Collection, Entry, TrainedNetwork, loaded, training_of
from lib.app.events import ErrorLog, Event, Stage, TrainingUpdate, ValidationUpdate, VisualizingUpdate, as_plain
from lib.app.jobs import Job
from lib.app.service import answers, prices
from lib.app.service.environment import ServiceSettings
from lib.app.service.store import Store
from lib.data.market.moves import MAX_DAILY_FACTOR
from lib.errors import ProjectError
from lib.experiments import forecast, train
from lib.experiments.train import Training

log = logging.getLogger("lib.app.service")
QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
_LOOK_SECONDS = 1.0  # between looks at whether another process was asked to cancel
_PLOT_SECONDS = 7 * 86400.0
_NETWORKS_IN_MEMORY = 8
_BODY_NAMES = {"start": "start_date"}
_NEWEST = "newest network"


class Busy(ProjectError):
    """As many trainings run as are allowed."""


class NotThere(ProjectError):
    """There is no training or network of this name."""


class Over(ProjectError):
    """What is asked for is not possible any more, or not yet."""


class Failed(ProjectError):
    """A training failed, and would fail again."""


class FailedForNow(Failed):
    """A training failed as prices or workers could not be reached; later it may go well."""


class Run:
    """A training that was asked for.

    Attributes:
        state: what clients are told, as :class:`lib.app.service.answers.TrainingState` has it.
        ended: set when it is done, failed or cancelled.
        plots: whether its views are drawn and sent.
    """

    def __init__(self, request: Mapping[str, Any], plots: bool):
        self.plots = plots
        self.state: dict[str, Any] = {
            "request_id": new_identity(),
            "status": QUEUED,
            "request": {"model" if name == "network" else name: value for name, value in request.items()},
            "asked": _now(),
            "epoch": 0,
            "epochs": request["epochs"],
            "doing": "Waiting for its turn",
            "events": 0,
            "network": None,
            "cached": False,
            "prices_age_seconds": None,
            "seconds": None,
            "error": None,
            "temporary": False,
        }
        self.begun = time.perf_counter()
        self.ended = threading.Event()
        self.job: Job | None = None

    @property
    def request_id(self) -> str:
        """Its name."""
        return str(self.state["request_id"])


def new_identity() -> str:
    """A name for a request, as in Listing 2 its moment in UTC, and six digits so that two never share one."""
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


def _forecast_key(identity: str, start: date | None, days: int) -> str:
    return f"forecast {identity} {start or 'next'} {days}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Runs:
    """Trainings, networks and forecasts of one process of the service.

    Args:
        settings: limits and folders.
        store: shared by all processes of the service.
        hear: called with (name of the event, payload) for each event of a training; from several threads.
        private: whether only the trainings that were asked for here are known here; default no.
        threads: TensorFlow threads of a worker; default 1.
        max_daily_factor: the largest move of a price from one day to the next that is believed; default 3.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        store: Store,
        hear: Callable[[str, dict[str, Any]], object],
        private: bool = False,
        threads: int = 1,
        max_daily_factor: float = MAX_DAILY_FACTOR,
    ):
        self._settings, self._store, self._hear = settings, store, hear
        self._threads, self._max_daily_factor = threads, max_daily_factor
        self._own: set[str] | None = set() if private else None
        self.collection = Collection(settings.service_folder)
        self._running: dict[str, Run] = {}
        self._networks: dict[str, TrainedNetwork] = {}
        self._lock = threading.RLock()
        self._once: dict[str, threading.Lock] = {}
        self._closed = threading.Event()
        if not private:  # then no other process can be asked to cancel
            threading.Thread(target=self._look_for_cancels, daemon=True).start()

    # -- trainings -------------------------------------------------------------------------

    def train(self, values: Mapping[str, Any], plots: bool = True) -> Run:
        """Check a request and start its training.

        Args:
            values: fields of :class:`lib.app.requests.TrainingRequest`; those that are left out are the thesis's best.
            plots: whether its views are drawn and sent as events; default yes.

        Raises:
            RequestError: with the sentence for each wrong field.
            Busy: as many trainings run as are allowed.
        """
        request, chosen = self.checked(values)
        with self._lock:
            if len(self._running) >= self._settings.max_running_trainings:
                raise Busy(
                    f"{len(self._running)} trainings run, and no more are allowed. Wait until one ends, or cancel one"
                )
            run = Run(request.model_dump(mode="json"), plots)
            self._running[run.request_id] = run
            if self._own is not None:
                self._own.add(run.request_id)
        self._write(run)
        run.job = Job(lambda job: self._train(run, job, request, chosen), lambda _, event: self._happened(run, event))
        run.job.start()
        return run

    @property
    def busy(self) -> bool:
        """Whether a training runs."""
        return bool(self._running)

    def checked(self, values: Mapping[str, Any]) -> tuple[requests.TrainingRequest, Any]:
        """The request that these values make, and the parameters of its run.

        Args:
            values: as :meth:`train` takes them.

        Raises:
            RequestError: with the sentence for each wrong field.
        """
        limits, source = self._settings, values.get("source") or self._settings.price_sources[0]
        wrong = {}
        if source not in limits.price_sources:
            allowed = ", ".join(limits.price_sources)
            wrong["source"] = f"Source: {str(source)[:40]} is not allowed. Allowed: {allowed}."
        epochs = values.get("epochs")
        if isinstance(epochs, int) and epochs > limits.max_epochs:
            wrong["epochs"] = f"Epochs: {epochs} is not allowed. Allowed: 1 to {limits.max_epochs} on this service."
        if wrong:
            raise requests.RequestError(wrong)
        given = {name: value for name, value in values.items() if value is not None}
        network = given.get("network")
        known = isinstance(network, str) and network in networks.ARCHITECTURES
        best = requests.preset("thesis best", network) if known else {}
        best["epochs"] = min(best.get("epochs", 1), limits.max_epochs)
        asked = {**best, "source": source, **given}
        return requests.check(asked, limits.price_folder or None, self._threads, self._max_daily_factor)

    def _train(self, run: Run, job: Job, request: requests.TrainingRequest, chosen: Any) -> None:
        job.emit(Stage(f"Loading prices of {request.ticker}"))
        seconds = self._settings.price_cache_seconds

        def load(chosen: Any, say: Callable[[str], None]) -> Any:
            return prices.load(self._store, chosen, seconds, say)

        frame, training = jobs.described(request, chosen, lambda text: job.emit(Stage(text)), load)
        run.state["prices_age_seconds"] = time.time() - frame.attrs["loaded"]
        result = jobs.trained(job, training)
        with self._lock:  # of two equal trainings one is recorded, and nothing of one that was cancelled
            if run.ended.is_set():
                return
            entry = self._known(training) or self.collection.save(request, frame, training, result)
            run.state |= {"cached": result.cached, "network": entry.identity}
        self._remember(loaded(entry, frame, training, result))
        job.emit(ValidationUpdate(entry.record["scores"]))
        for name, image in self.plots(entry.identity).items() if run.plots else ():
            job.emit(VisualizingUpdate(entry.identity, name, image))
        self._store.put(_NEWEST, entry.identity.encode(), _PLOT_SECONDS)
        self._end(run, DONE)

    def _known(self, training: Training) -> Entry | None:
        """The record of a network that this training has made before."""
        return next((e for e in self.collection.entries() if e.record.get("key") == training.key), None)

    def cancel(self, request_id: str) -> dict[str, Any]:
        """Give a training up; whichever process runs it stops it at its next epoch.

        Raises:
            NotThere: there is no such training.
            Over: it has ended, or its network is trained and saved.
        """
        state = self.state(request_id)
        if state["status"] in ENDED:
            raise Over(f"training {request_id} has ended ({state['status']}), so it cannot be cancelled")
        if state["network"]:
            raise Over(f"training {request_id} is past its last epoch, so it cannot be cancelled. Its network is saved")
        run = self._running.get(request_id)
        if run is None:
            self._store.ask_cancel(request_id)
            return state
        self._cancel(run)
        return run.state

    def _cancel(self, run: Run) -> None:
        with self._lock:
            if run.ended.is_set() or run.state["network"]:
                return
            if run.job is not None:
                run.job.cancel()
            self._happened(run, ErrorLog("The training was cancelled."), CANCELLED)

    def _look_for_cancels(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            for run in list(self._running.values()):
                if self._store.cancel_asked(run.request_id):
                    self._cancel(run)

    def state(self, request_id: str) -> dict[str, Any]:
        """What a training does or how it ended.

        Raises:
            NotThere: there is no such training.
            StoreError: the store cannot be reached.
        """
        if (run := self._running.get(request_id)) is not None:
            return dict(run.state)
        kept = self._store.run(request_id) if self._own is None or request_id in self._own else None
        if kept is None:
            raise NotThere(f"there is no training {request_id}. GET /trainings lists those that are known")
        return dict(json.loads(kept))

    def states(self) -> list[dict[str, Any]]:
        """All trainings that are known, newest first."""
        states = [json.loads(kept) for kept in self._store.runs()]
        return states if self._own is None else [one for one in states if one["request_id"] in self._own]

    def events(self, request_id: str, since: int) -> list[dict[str, Any]]:
        """Events of a training from a number on, which begins at 1.

        Raises: as :meth:`state`.
        """
        self.state(request_id)
        return [json.loads(event) for event in self._store.events(request_id, since)]

    def answer(self, run: Mapping[str, Any], plots: bool = True) -> dict[str, Any]:
        """What Listing 2 gives for a training that is done.

        Raises:
            Failed, FailedForNow: it has failed.
            Over: it was cancelled.
        """
        if run["status"] == FAILED:
            raise (FailedForNow if run["temporary"] else Failed)(run["error"])
        if run["status"] != DONE:
            raise Over(run["error"] or f"training {run['request_id']} is {run['status']}")
        entry = self.entry(run["network"])
        return answers.trained(run, entry, self.images(entry) if plots else None)

    # -- events ----------------------------------------------------------------------------

    def _happened(self, run: Run, event: Event, status: str = FAILED) -> None:
        """Number an event, keep it, tell it. The store writes later what it cannot write now."""
        with self._lock:
            if run.ended.is_set():
                return
            if isinstance(event, TrainingUpdate):
                run.state |= {"epoch": event.epoch, "epochs": event.epochs, "doing": "Training"}
            elif isinstance(event, Stage):
                run.state["doing"] = event.doing
            elif isinstance(event, ErrorLog):
                run.state |= {"error": event.error, "temporary": event.temporary}
            run.state["status"] = RUNNING
            self._tell(run, answers.event_payload(as_plain(event)))
            self._write(run)
            if isinstance(event, ErrorLog):
                if event.details:
                    log.error("training %s: %s\n%s", run.request_id, event.error, event.details)
                self._end(run, status)

    def _tell(self, run: Run, event: dict[str, Any]) -> None:
        run.state["events"] += 1
        row = {"request_id": run.request_id, "number": run.state["events"], "time": _now(), **event}
        self._store.append(run.request_id, json.dumps(row).encode())
        self._hear(row["event"], row)

    def _end(self, run: Run, status: str) -> None:
        with self._lock:
            if run.ended.is_set():
                return
            run.state |= {"status": status, "doing": "", "seconds": time.perf_counter() - run.begun}
            self._tell(run, {"event": "training_ended", "status": status, "network": run.state["network"]})
            self._write(run)
            self._running.pop(run.request_id, None)
            run.ended.set()
        log.info("training %s %s after %.1f s", run.request_id, status, run.state["seconds"])

    def _write(self, run: Run) -> None:
        self._store.set_run(run.request_id, json.dumps(run.state).encode())

    # -- networks --------------------------------------------------------------------------

    def summaries(self) -> list[tuple[Entry, dict[str, Any]]]:
        """Trained networks, newest first, each with its :class:`lib.app.service.answers.NetworkSummary`."""
        return [(entry, answers.summary(entry)) for entry in self.collection.entries()]

    def entry(self, identity: str) -> Entry:
        """One trained network.

        Raises:
            NotThere: there is none of this name, or its record cannot be read.
        """
        try:
            return self.collection.find(identity)
        except ProjectError as error:
            raise NotThere(str(error)) from None

    def forget(self, identity: str) -> None:
        """Remove a network's record; its training stays in the cache.

        Raises:
            NotThere: there is none of this name.
            FileError: the folder cannot be written.
        """
        self.entry(identity)
        with self._lock:
            self._networks.pop(identity, None)
        self.collection.forget(identity)

    def plots(self, identity: str) -> dict[str, str]:
        """The twelve views of section 5.2 as PNG, each a ``data:`` address; kept in the store."""
        return json.loads(self._kept(f"plots {identity}", _PLOT_SECONDS, lambda: self._drawn(identity))[0])

    def images(self, entry: Entry) -> dict[str, str]:
        """The same in base64 alone, as Listing 2 has them."""
        return {name: address.partition(",")[2] for name, address in self.plots(entry.identity).items()}

    def _drawn(self, identity: str) -> bytes:
        network = self.network(identity)
        history = {name: losses.tolist() for name, losses in network.result.history.items()}
        finished = charts.Finished(network.ticker, network.network, history, network.predictions, network.prices)
        images = {name: picture.png(view.draw(finished)) for name, view in charts.VIEWS.items()}
        return json.dumps(
            {name: f"data:image/png;base64,{base64.b64encode(image).decode()}" for name, image in images.items()}
        ).encode()

    def network(self, identity: str) -> TrainedNetwork:
        """A network with its weights; trained again if the cache has lost them.

        Raises: as :meth:`entry`, and what a training raises.
        """
        with self._lock:
            if (known := self._networks.get(identity)) is not None:
                return known
        entry = self.entry(identity)
        frame = self.collection.prices(entry)
        training = training_of(entry, frame)
        network = loaded(entry, frame, training, train.train(training, weights=True).result())
        self._remember(network)
        return network

    def _remember(self, network: TrainedNetwork) -> None:
        with self._lock:
            self._networks[network.identity] = network
            while len(self._networks) > _NETWORKS_IN_MEMORY:
                self._networks.pop(next(iter(self._networks)))

    # -- forecasts -------------------------------------------------------------------------

    def predict(self, identity: str | None, start: date | None, days: int) -> tuple[bytes, float]:
        """The data of Listing 4's answer as JSON, and its age in seconds (0: made now).

        Args:
            identity: a trained network; None the newest.
            start: first day; None the day after the last close.
            days: 1 to 30.

        Raises:
            RequestError: with the sentence for each wrong field.
            NotThere: there is no such network, or none at all.
            ForecastError: the network gives no price on these days.
            StoreError: the store cannot be reached.
        """
        identity = self.entry(identity or self._newest()).identity
        seconds = self._settings.prediction_cache_seconds
        return self._kept(_forecast_key(identity, start, days), seconds, lambda: self._forecast(identity, start, days))

    def known_forecast(self, identity: str | None, start: date | None, days: int) -> tuple[bytes, float] | None:
        """As :meth:`predict`, but None if it is not known, or if asking the store may take time; raises NotThere."""
        if self._store.waits:
            return None
        return self._read(_forecast_key(self.entry(identity or self._newest()).identity, start, days))

    def _newest(self) -> str:
        """The network of the training that ended last, or else the one that was trained last."""
        known = self.collection.identities()
        if not known:
            raise NotThere("there is no trained network yet. Train one with POST /train first")
        last = (self._store.get(_NEWEST) or b"").decode()
        return last if last in known else known[0]

    def forecast(self, identity: str, start: date | None, days: int) -> forecast.Forecast:
        """A forecast with a trained network; raises as :meth:`predict`."""
        network = self.network(identity)
        first, last = forecast.allowed_starts(network.training.data, network.observed)
        wrong = requests.check_forecast(start or last, days, first, last)
        if wrong:
            raise requests.RequestError({_BODY_NAMES.get(name, name): text for name, text in wrong.items()})
        closes = network.closes, network.observed
        task = forecast.start_task(network.training, network.result, *closes, start or last, days)
        return task.result()

    def _forecast(self, identity: str, start: date | None, days: int) -> bytes:
        made = self.forecast(identity, start, days)
        return json.dumps(answers.forecast_data(self.network(identity), made)).encode()

    def _kept(self, key: str, seconds: float, compute: Callable[[], bytes]) -> tuple[bytes, float]:
        """A value of the store with its age in seconds; what is not there is computed once, however many ask."""
        if (kept := self._read(key)) is not None:
            return kept
        with self._only_one(key):
            if (kept := self._read(key)) is not None:
                return kept
            value = compute()
            if seconds:
                self._store.put(key, f"{time.time()} ".encode() + value, seconds)
            return value, 0.0

    def _read(self, key: str) -> tuple[bytes, float] | None:
        kept = self._store.get(key)
        if kept is None:
            return None
        made, _, value = kept.partition(b" ")
        return value, max(0.0, time.time() - float(made))

    @contextmanager
    def _only_one(self, key: str) -> Any:
        with self._lock:
            lock = self._once.setdefault(key, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._once.pop(key, None)

    # -- end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Give up what runs; what was finished is saved."""
        self._closed.set()
        for run in list(self._running.values()):
            self._cancel(run)
