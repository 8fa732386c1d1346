"""The widget without a screen: its phases, what is allowed when, and what has happened so far.

Whatever draws it listens to :class:`Controller` and calls it; a service could do the same.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lib.app import requests
from lib.app.collection import Collection, CollectionError, KeptNetwork
from lib.app.engine import Engine, Predict, Train
from lib.app.events import ErrorLog, Event, ForecastUpdate, TrainingUpdate, VisualizingUpdate, as_plain
from lib.errors import ProjectError
from lib.experiments import forecast

PHASES = ("parameters", "training", "evaluating", "visualizing", "predicting", "results")
IDLE, TRAINING, FORECASTING = "idle", "training", "forecasting"
LOG_LENGTH = 200  # newest events that are shown; the file has all


class Refused(ProjectError):
    """Something that is not allowed now. The sentence says why and what to do."""


class Controller:
    """One visitor's widget.

    Args:
        root: folder of his kept networks and of ``events.jsonl``.
        data_dir: folder of price files that the page offers as source ``folder``, if any.
        engine: makes the engine from a function that takes events; default a process of its own.

    Attributes:
        state: ``idle``, ``training`` or ``forecasting``.
        phase: where the visitor is, one of :data:`PHASES`.
        updates: the epochs of the newest training.
        network: the network that is judged and forecasts, or None.
        forecast: the newest forecast of ``network``, or None.
        log: the newest events, as plain dictionaries with ``time``.
    """

    def __init__(
        self, root: Path, data_dir: str | None = None, engine: Callable[[Callable[[Event], None]], Any] = Engine
    ):
        self.collection = Collection(root)
        self.data_dir = data_dir
        self.state, self.phase = IDLE, "parameters"
        self.updates: list[TrainingUpdate] = []
        self.request: requests.TrainingRequest | None = None
        self.network: KeptNetwork | None = None
        self.forecast: ForecastUpdate | None = None
        self.log: list[dict[str, Any]] = []
        self._listeners: list[Callable[[Event | None], None]] = []
        self._lock = threading.RLock()
        self._engine = engine(self._happened)

    # -- listening -------------------------------------------------------------------------

    def listen(self, listener: Callable[[Event | None], None]) -> None:
        """Have a function called after each event, and with None after each other change; perhaps from another thread."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Event | None], None]) -> None:
        """Tell a function no more."""
        self._listeners.remove(listener)

    def _tell(self, event: Event | None = None) -> None:
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
            raise Refused(
                f"There is nothing under {phase} yet. {'Train a network or pick a kept one' if self.network is None else 'Ask for a forecast'} first."
            )
        self.phase = phase
        self._tell()

    def starts(self) -> tuple[date, date]:
        """The first and last day that a forecast of the present network may begin on."""
        network = self._needed()
        return forecast.allowed_starts(network.dataset(), network.closes())

    # -- what can be asked for -------------------------------------------------------------

    def settle(self, root: Path) -> None:
        """Keep networks in another folder from now on, and begin anew.

        Raises:
            Refused: a training or forecast is running.
        """
        with self._lock:
            self._only_if_idle()
            self.collection = Collection(root)
            self.network, self.forecast, self.updates, self.log, self.phase = None, None, [], [], "parameters"
        self._tell()

    def warm_up(self) -> None:
        """Start the engine before it is needed."""
        self._engine.start()

    def train(self, values: Mapping[str, Any]) -> None:
        """Check a form and start a training.

        Raises:
            RequestError: with the sentence for each wrong field.
            Refused: a training or forecast is running.
        """
        with self._lock:
            self._only_if_idle()
            request, chosen = requests.check(values, self.data_dir)
            self.request, self.updates = request, []
            self.state, self.phase = TRAINING, "training"
        self._tell()
        self._engine.order(Train(request, chosen, self.collection.root))

    def cancel(self) -> None:
        """Stop what is running, at once. What was kept before stays.

        Raises:
            Refused: nothing is running.
        """
        with self._lock:
            if self.state == IDLE:
                raise Refused("Nothing is running that could be cancelled.")
            before, self.state = self.state, IDLE
            self.phase = "parameters" if before == TRAINING else "predicting"
        self._engine.stop()
        self._engine.start()
        self._tell()

    def pick(self, identity: str) -> None:
        """Take a kept network; nothing is trained.

        Raises:
            CollectionError: it is not there or cannot be read.
            Refused: a training or forecast is running.
        """
        with self._lock:
            self._only_if_idle()
            self.network, self.forecast, self.phase = self.collection.find(identity), None, "evaluating"
        self._tell()

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
            self.state = FORECASTING
        self._tell()
        self._engine.order(Predict(network.identity, start, days, self.collection.root))

    def close(self) -> None:
        """End the engine's process."""
        self._engine.stop()

    def _only_if_idle(self) -> None:
        if self.state != IDLE:
            raise Refused(
                f"A {'training' if self.state == TRAINING else 'forecast'} is running. Wait for it, or cancel it first."
            )

    def _needed(self) -> KeptNetwork:
        if self.network is None:
            raise Refused("There is no network yet. Train one, or pick a kept one.")
        return self.network

    # -- what happens ----------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        with self._lock:
            if self.state == IDLE and not isinstance(event, ErrorLog):
                return  # the last words of something that was cancelled
            if isinstance(event, TrainingUpdate):
                self.updates.append(event)
            elif isinstance(event, VisualizingUpdate):
                event = self._take(event)
            elif isinstance(event, ForecastUpdate):
                self.forecast, self.phase, self.state = event, "results", IDLE
            if isinstance(event, ErrorLog):
                self.phase = (
                    "predicting"
                    if self.state == FORECASTING
                    else "parameters"
                    if self.state == TRAINING
                    else self.phase
                )
                self.state = IDLE
            self._write(event)
        self._tell(event)

    def _take(self, event: VisualizingUpdate) -> Event:
        self.state = IDLE
        try:
            self.network, self.forecast, self.phase = self.collection.find(event.identity), None, "evaluating"
        except CollectionError as error:
            self.phase = "parameters"
            return ErrorLog(str(error))
        return event

    def _write(self, event: Event) -> None:
        row = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **as_plain(event)}
        self.log = [*self.log, row][-LOG_LENGTH:]
        try:
            self.collection.root.mkdir(parents=True, exist_ok=True)
            with (self.collection.root / "events.jsonl").open("a", encoding="utf-8") as f:
                f.write(json.dumps(row) + "\n")
        except OSError:
            pass  # a log must never end the work that it tells of


def scores_frame(network: KeptNetwork) -> pd.DataFrame:
    """The kept scores as a table: two rows a part, the network and the naive forecast."""
    return pd.DataFrame(network.record["scores"])
