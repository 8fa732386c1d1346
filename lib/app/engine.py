"""Trains and forecasts in a process of its own, so that the page stays alive and a training can really be stopped.

The process is started before it is needed, as TensorFlow takes some seconds to load. It does one thing after the
other; to stop it is to end the process and start a new one. It ends with the process that started it.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lib.app.events import ErrorLog, Event, ForecastUpdate, Stage, TrainingUpdate, ValidationUpdate, VisualizingUpdate
from lib.app.requests import TrainingRequest
from lib.errors import ProjectError
from lib.experiments import workers
from lib.settings import Settings

ENDED = "The training process ended before it was done, most often because memory ran out. What was trained before is kept; try again."


class TrainingFailed(ProjectError):
    """A training that cannot come to anything."""


@dataclass(frozen=True)
class Train:
    """An order: train a network and keep it in ``root``."""

    request: TrainingRequest
    chosen: Settings
    root: Path


@dataclass(frozen=True)
class Predict:
    """An order: forecast ``days`` days from ``start`` on with the kept network ``identity``."""

    identity: str
    start: date
    days: int
    root: Path


class Engine:
    """One process that carries out orders and tells events.

    Args:
        on_event: called with each event, from a thread of this process.
    """

    def __init__(self, on_event: Callable[[Event], None]):
        self._on_event = on_event
        self._lock = threading.RLock()
        self._process: Any = None
        self._orders: Connection | None = None

    @property
    def process_id(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process if none runs; it loads TensorFlow at once."""
        with self._lock:
            if self._process and self._process.is_alive():
                return
            context = multiprocessing.get_context("spawn")
            orders, theirs = context.Pipe(duplex=False)[::-1]
            told, telling = context.Pipe(duplex=False)
            self._process = context.Process(target=_serve, args=(theirs, telling), daemon=True)
            self._process.start()
            theirs.close()
            telling.close()
            self._orders = orders
            threading.Thread(target=self._listen, args=(self._process, told), daemon=True).start()

    def order(self, what: Train | Predict) -> None:
        """Have something done; what comes of it is told by events, the last of which is no Stage and no TrainingUpdate."""
        with self._lock:
            self.start()
            try:
                self._orders.send(what)
            except (BrokenPipeError, OSError):  # it died a moment ago
                self.stop()
                self.start()
                self._orders.send(what)

    def stop(self) -> None:
        """End the process and whatever it does. No event of it is told after this."""
        with self._lock:
            process, self._process = self._process, None
            if self._orders:
                self._orders.close()
                self._orders = None
        if process:
            process.kill()
            process.join()

    def _listen(self, process: Any, told: Connection) -> None:
        while True:
            try:
                event = told.recv()
            except (EOFError, OSError):
                break
            if self._process is not process:
                return
            self._on_event(event)
        with self._lock:
            if self._process is not process:
                return
            self._process = None
        self._on_event(ErrorLog(ENDED, f"exit code {process.exitcode}"))


def _serve(orders: Connection, telling: Connection) -> None:
    """The process: load TensorFlow, then one order after the other."""
    # Ctrl-C at a terminal reaches this process too; it ends with its parent, without a trace of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workers.follow_parent()
    from lib.networks import runtime

    runtime.start(1)
    runtime.keras()
    while True:
        try:
            order = orders.recv()
        except EOFError:
            return
        try:
            (_train if isinstance(order, Train) else _predict)(order, telling.send)
        except ProjectError as error:
            telling.send(ErrorLog(str(error)))
        except MemoryError:
            telling.send(ErrorLog("Memory ran out. Choose a smaller batch size or a shorter lookback, and try again."))
        except OSError as error:
            telling.send(
                ErrorLog(
                    f"The disk or network refused ({error.strerror or error}). Nothing that was kept is lost; try again."
                )
            )
        except Exception as error:  # noqa: BLE001  the page must hear of everything
            telling.send(
                ErrorLog(
                    f"Something went wrong that nobody foresaw ({type(error).__name__}: {error}). Try other parameters.",
                    traceback.format_exc(),
                )
            )


def _train(order: Train, tell: Callable[[Event], None]) -> None:
    import importlib.metadata

    from lib.app.collection import Collection
    from lib.data import market, windows
    from lib.evaluation import scoring
    from lib.networks import fast_layers, training

    request, chosen = order.request, order.chosen
    tell(Stage(f"Loading prices of {request.ticker}"))
    prices = market.load(chosen.source, chosen.tickers, chosen.start_date, chosen.end_date, chosen.data_dir)
    data = windows.build(prices, chosen)[request.ticker]
    tell(Stage(f"Training {request.network} on {len(data.train.y)} windows"))
    naive, started = scoring.naive_scores(data)["MSE"], time.perf_counter()

    def on_epoch(epoch: int, epochs: int, loss: float, val_loss: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(val_loss)):
            raise TrainingFailed(
                f"The training failed in epoch {epoch}: the loss is no number any more. Choose a smaller learning rate than {request.learning_rate:g}."
            )
        spent = time.perf_counter() - started
        tell(
            TrainingUpdate(
                epoch, epochs, loss, val_loss, naive, 100 * epoch / epochs, spent, spent / epoch * (epochs - epoch)
            )
        )

    fit = training.fit(request.network, request.hyperparameters(), data, chosen, request.seed, on_epoch)
    tell(Stage("Judging it on days that it has not seen"))
    predictions = scoring.prediction_frame(data, fit.model)
    scores = scoring.network_scores(predictions, request.network)
    record = {
        "request": request.model_dump(mode="json"),
        "parameters": chosen.plain(),
        "hyperparameters": request.hyperparameters(),
        "history": fit.history,
        "best_epoch": fit.best_epoch,
        "seconds": round(fit.seconds, 2),
        "seed": fit.seed,
        "weights": fit.model.count_params(),
        "scores": scores.to_dict("records"),
        "data": market.digest(prices),
        "origin": market.origins(prices)[request.ticker],
        "method": training.METHOD,
        "packages": {p: importlib.metadata.version(p) for p in ("tensorflow", "keras", "numpy")},
    }
    identity = Collection(order.root).keep(fast_layers.portable(fit.model), record, predictions, prices[request.ticker])
    tell(ValidationUpdate(record["scores"]))
    tell(VisualizingUpdate(identity))


def _predict(order: Predict, tell: Callable[[Event], None]) -> None:
    import keras

    from lib.app.collection import Collection
    from lib.experiments import forecast
    from lib.networks import training

    collection = Collection(order.root)
    kept = collection.find(order.identity)
    tell(Stage(f"Forecasting {kept.ticker} with the kept {kept.network}"))
    try:
        model = keras.saving.load_model(collection.model_file(order.identity))
    except (OSError, ValueError) as error:
        raise TrainingFailed(
            f"The weights of {kept.title} cannot be read ({error}). Train it again, or choose another."
        ) from error
    made = forecast.forecast(
        lambda X: training.predict(model, X), kept.dataset(), kept.closes(), order.start, order.days
    )
    days = made.days.assign(date=made.days["date"].dt.strftime("%Y-%m-%d"))
    tell(
        ForecastUpdate(
            kept.identity, made.origin.date().isoformat(), made.level, days.to_dict("list"), forecast.in_words(made)
        )
    )
