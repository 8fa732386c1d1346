"""The widget without a screen: its phases, what is allowed when, and what has happened so far.

Whatever draws it listens to :class:`Controller` and calls it; a service could do the same.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lib import settings
from lib.app import jobs, requests
from lib.app.collection import Collection, Entry, TrainedNetwork, loaded, training_of
from lib.app.events import (
    ErrorLog,
    Event,
    ForecastUpdate,
    Stage,
    TrainingUpdate,
    ValidationUpdate,
    VisualizingUpdate,
    as_plain,
)
from lib.app.jobs import Job
from lib.data.market.moves import MAX_DAILY_FACTOR
from lib.errors import ProjectError
from lib.evaluation import scoring
from lib.experiments import forecast, pool, train
from lib.experiments.train import Training
from lib.settings import Settings

PHASES = ("parameters", "training", "evaluating", "visualizing", "predicting", "results")
IDLE, TRAINING, FORECASTING = "idle", "training", "forecasting"
LOG_LENGTH = 200  # newest events that are shown; the file has all


class Refused(ProjectError):
    """Something that is not allowed now. The sentence says why and what to do."""


class Controller:
    """One visitor's widget.

    Args:
        root: folder of the visitor's networks and of ``events.jsonl``.
        data_dir: folder of price files that the page offers as source ``folder``, if any.
        threads: TensorFlow threads of a worker; default 1.
        max_daily_factor: the largest move of a price from one day to the next that is believed; default 3.

    Attributes:
        state: ``idle``, ``training`` or ``forecasting``.
        phase: where the visitor is, one of :data:`PHASES`.
        subject: ticker and network of the newest training.
        updates: its epochs.
        network: the network that is evaluated and forecasts, or None.
        forecast: the newest forecast of ``network``, or None.
        log: the newest events, as plain dictionaries with ``time``.
    """

    def __init__(
        self,
        root: Path,
        data_dir: str | None = None,
        threads: int = 1,
        max_daily_factor: float = MAX_DAILY_FACTOR,
    ):
        self.collection = Collection(root)
        self.data_dir, self.threads, self.max_daily_factor = data_dir, threads, max_daily_factor
        self.state, self.phase = IDLE, "parameters"
        self.updates: list[TrainingUpdate] = []
        self.subject = ("", "")
        self.network: TrainedNetwork | None = None
        self.forecast: ForecastUpdate | None = None
        self.log: list[dict[str, Any]] = []
        self._listeners: list[Callable[[Event | None], None]] = []
        # Never held while the pool is asked: its thread reports epochs, and needs the lock for it.
        self._lock = threading.RLock()
        self._job: Job | None = None
        self._next_root: Path | None = None

    # -- listening -------------------------------------------------------------------------

    def listen(self, listener: Callable[[Event | None], None]) -> None:
        """Call a function after each event, and with None after each other change; from any thread."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Event | None], None]) -> None:
        """Call a function no more."""
        self._listeners.remove(listener)

    def _notify(self, event: Event | None = None) -> None:
        for listener in list(self._listeners):
            listener(event)

    # -- what is allowed -------------------------------------------------------------------

    def open_phases(self) -> tuple[str, ...]:
        """The phases that have something to show."""
        shown = {"parameters": True, "training": bool(self.updates) or self.state == TRAINING}
        shown |= dict.fromkeys(("evaluating", "visualizing", "predicting"), self.network is not None)
        return tuple(p for p in PHASES if shown.get(p, self.forecast is not None))

    def go(self, phase: str) -> None:
        """Show another phase.

        Raises:
            Refused: it has nothing to show yet.
        """
        if phase not in self.open_phases():
            first = "Train a network or choose a saved one" if self.network is None else "Ask for a forecast"
            raise Refused(f"There is nothing under {phase} yet. {first} first.")
        self.phase = phase
        self._notify()

    def starts(self) -> tuple[date, date]:
        """The first and last day that a forecast of the present network may begin on."""
        network = self._needed()
        return forecast.allowed_starts(network.training.data, network.observed)

    # -- what can be asked for -------------------------------------------------------------

    def settle(self, root: Path) -> None:
        """Save networks in another folder and begin again: now, or as soon as nothing runs. A training that runs now is
        saved there too."""
        with self._lock:
            self._next_root = Path(root)
            if self.state == IDLE:
                self._move()
        self._notify()

    def warm_up(self) -> None:
        """Connect to the pool before it is needed; without one, start it."""
        threading.Thread(target=self._connect, daemon=True).start()

    def train(self, values: Mapping[str, Any]) -> None:
        """Check a form and start a training.

        Raises:
            RequestError: with the sentence for each wrong field.
            Refused: a training or forecast is running.
        """
        with self._lock:
            self._only_if_idle()
            request, chosen = requests.check(values, self.data_dir, self.threads, self.max_daily_factor)
            self.subject, self.updates = (request.ticker, request.network), []
            self._begin(TRAINING, "training", lambda job: self._train(job, request, chosen))

    def pick(self, identity: str) -> None:
        """Take a saved network; it is trained again if its weights are not in the cache any more.

        Raises:
            CollectionError: it is not there or cannot be read.
            Refused: a training or forecast is running.
        """
        with self._lock:
            self._only_if_idle()
            entry = self.collection.find(identity)
            prices = self.collection.prices(entry)
            training = training_of(entry, prices)
            if (found := train.cached(training, weights=True)) is None:
                self.subject, self.updates = (entry.ticker, entry.network), []
                self._begin(TRAINING, "training", lambda job: self._train_again(job, entry, prices, training))
                return
            self._show(loaded(entry, prices, training, found))
        self._notify()

    def predict(self, start: date | None, days: int) -> None:
        """Forecast with the present network.

        Raises:
            RequestError: with the sentence for each wrong field.
            Refused: there is no network, or something is running.
        """
        with self._lock:
            self._only_if_idle()
            network = self._needed()
            wrong = requests.check_forecast(start, days, *self.starts())
            if wrong:
                raise requests.RequestError(wrong)
            self._begin(FORECASTING, self.phase, lambda job: job.emit(jobs.forecast_with(job, network, start, days)))

    def cancel(self) -> None:
        """Give up what is running; nothing that was saved is lost.

        Raises:
            Refused: nothing is running.
        """
        with self._lock:
            if self.state == IDLE:
                raise Refused("Nothing is running that could be cancelled.")
            job, self._job = self._job, None
            self._end("parameters" if self.state == TRAINING else "predicting")
        job.cancel()
        self._notify()

    def close(self) -> None:
        """Give up what is running, if anything."""
        if self.state != IDLE:
            self.cancel()

    def _only_if_idle(self) -> None:
        if self.state != IDLE:
            what = "training" if self.state == TRAINING else "forecast"
            raise Refused(f"A {what} is running. Wait for it, or cancel it first.")

    def _needed(self) -> TrainedNetwork:
        if self.network is None:
            raise Refused("There is no network yet. Train one, or choose a saved one.")
        return self.network

    # -- work in a thread ------------------------------------------------------------------

    def _begin(self, state: str, phase: str, work: Callable[[Job], None]) -> None:
        self.state, self.phase = state, phase
        self._job = Job(work, self._happened)
        self._notify()
        self._job.start()

    def _train(self, job: Job, request: requests.TrainingRequest, chosen: Settings) -> None:
        job.emit(Stage(f"Loading prices of {request.ticker}"))
        prices, training = jobs.described(request, chosen, lambda text: job.emit(Stage(text)))
        result = jobs.trained(job, training)
        job.emit(Stage("Evaluating it on the test days"))
        with self._lock:
            if self._job is not job:
                return
            self._move()
            entry = self.collection.save(request, prices, training, result)
        self._trained(job, loaded(entry, prices, training, result))

    def _train_again(self, job: Job, entry: Entry, prices: Any, training: Training) -> None:
        job.emit(Stage(f"{entry.title}: its weights are not cached any more, so it is trained again"))
        self._trained(job, loaded(entry, prices, training, jobs.trained(job, training)))

    def _trained(self, job: Job, network: TrainedNetwork) -> None:
        job.emit(ValidationUpdate(scoring.as_records(network.scores)))
        with self._lock:  # whoever asks for something next must not hear the last word of this
            if self._job is job:
                self._end("evaluating")
                self._show(network)
            job.emit(VisualizingUpdate(network.identity))

    def _connect(self) -> None:
        with suppress(ProjectError):  # whoever needs it hears of it
            pool.client(settings.sample().changed(threads=self.threads))

    # -- what happens ----------------------------------------------------------------------

    def _happened(self, job: Job, event: Event) -> None:
        with self._lock:
            if self._job is not job:
                return  # the last words of something that was cancelled
            if isinstance(event, TrainingUpdate):
                self.updates.append(event)
            elif isinstance(event, ForecastUpdate):
                self.forecast = event
                self._end("results")
            elif isinstance(event, ErrorLog):
                self._end("predicting" if self.state == FORECASTING else "parameters")
            self._write(event)
            self._notify(event)  # before anything else can begin

    def _end(self, phase: str) -> None:
        self.state, self.phase = IDLE, phase
        self._move()

    def _show(self, network: TrainedNetwork) -> None:
        self.network, self.forecast, self.phase = network, None, "evaluating"

    def _move(self) -> None:
        """Change to the folder that :meth:`settle` named."""
        if self._next_root is None:
            return
        self.collection, self._next_root = Collection(self._next_root), None
        self.network, self.forecast, self.log = None, None, []
        if self.state == IDLE:
            self.updates, self.phase = [], "parameters"

    def _write(self, event: Event) -> None:
        row = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **as_plain(event)}
        self.log = [*self.log, row][-LOG_LENGTH:]
        try:
            self.collection.root.mkdir(parents=True, exist_ok=True)
            with (self.collection.root / "events.jsonl").open("a", encoding="utf-8") as f:
                f.write(json.dumps(row) + "\n")
        except OSError:
            pass  # a log must never end the work that it records
