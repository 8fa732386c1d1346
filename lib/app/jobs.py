"""What takes long on the page, each in a thread of its own that waits for the pool: a training, a forecast.

TensorFlow runs in the pool's workers only, so the page's process stays responsive.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from lib.app.events import ErrorLog, Event, Stage, TrainingUpdate
from lib.app.requests import TrainingRequest
from lib.app.sentences import for_page, without_folders
from lib.data import market, windows
from lib.errors import ProjectError
from lib.evaluation import scoring
from lib.experiments import forecast, train
from lib.experiments.pool import Cancelled, PoolError
from lib.experiments.train import Result, Training
from lib.results import progress
from lib.settings import Settings

QUEUED_AFTER_S = 2.0  # without a worker that has begun, after which the page says so


class Diverged(ProjectError):
    """A training whose losses or forecasts are not finite."""


class Handle(Protocol):
    """Work on the pool."""

    def result(self) -> Any: ...
    def cancel(self) -> None: ...


class Job:
    """One piece of work in a thread.

    Args:
        work: called with the job; it emits events and waits for the pool through the job.
        on_event: called with (job, event), from several threads; not after :meth:`cancel`.
    """

    def __init__(self, work: Callable[[Job], None], on_event: Callable[[Job, Event], None]):
        self._work, self._on_event = work, on_event
        self._cancelled = threading.Event()
        self._handle: Handle | None = None

    def start(self) -> None:
        """Begin; what goes wrong becomes an :class:`ErrorLog`."""
        threading.Thread(target=self._run, name="job", daemon=True).start()

    def emit(self, event: Event) -> None:
        """Report an event, unless the job was cancelled."""
        if not self._cancelled.is_set():
            self._on_event(self, event)

    def wait(self, handle: Handle) -> Any:
        """The result of work on the pool, which :meth:`cancel` cancels too.

        Raises:
            Cancelled: the job was cancelled.
        """
        self._handle = handle
        if self._cancelled.is_set():
            handle.cancel()
        return handle.result()

    def cancel(self) -> None:
        """Stop the work and report nothing of it any more. Returns at once, even if the pool does not answer."""
        self._cancelled.set()
        if self._handle is not None:
            threading.Thread(target=self._handle.cancel, daemon=True).start()

    def _run(self) -> None:
        try:
            self._work(self)
        except Cancelled:
            self.emit(ErrorLog("The work was cancelled by the pool of workers. Try again.", temporary=True))
        except ProjectError as error:
            self.emit(ErrorLog(for_page(error), temporary=_may_go_well_later(error)))
        except Exception as error:  # noqa: BLE001  the page must hear of everything
            self.emit(
                ErrorLog(
                    f"An unexpected error ended it ({type(error).__name__}: {without_folders(str(error))})."
                    " Try other parameters.",
                    traceback.format_exc(),
                )
            )


def _may_go_well_later(error: ProjectError) -> bool:
    """Whether workers or a source of prices could not be reached."""
    if isinstance(error, market.Refused):
        return any(isinstance(fault, market.SourceUnavailable) for fault in error.offer.faults)
    return isinstance(error, PoolError)


def described(
    request: TrainingRequest,
    chosen: Settings,
    say: Callable[[str], None] = progress.announce,
    load: Callable[[Settings, Callable[[str], None]], dict[str, Any]] | None = None,
) -> tuple[Any, Training]:
    """The prices and the training of a request.

    Args:
        say: told what is waited for while prices are downloaded.
        load: gives the prices; default straight from their source.

    Raises:
        MarketError: prices cannot be had.
        WindowError: they leave no window, or too few test days to say what the network is worth.
    """
    prices = (load or market.prices_of)(chosen, say)
    forecast.check_days(prices, chosen)
    data = windows.build(prices, chosen)[request.ticker]
    name = f"{request.ticker}, {request.network}"
    return prices[request.ticker], Training(
        request.network, request.hyperparameters(), request.seed, data, chosen, name
    )


def trained(job: Job, training: Training) -> Result:
    """Train in the pool, or find it in the cache, and report each epoch.

    Raises:
        Cancelled: the job was cancelled.
        Diverged: its losses or forecasts are not finite.
        ProjectError: as :meth:`lib.experiments.train.Handle.result`.
    """
    job.emit(Stage(f"Training {training.network} on {len(training.data.train.y)} windows"))
    naive, started, begun = scoring.naive_scores(training.data)["MSE"], time.perf_counter(), threading.Event()

    def on_epoch(epoch: int, epochs: int, loss: float, val_loss: float) -> None:
        begun.set()
        if not (math.isfinite(loss) and math.isfinite(val_loss)):
            return  # the result says that it diverged
        spent = time.perf_counter() - started
        left = spent / epoch * (epochs - epoch)
        job.emit(TrainingUpdate(epoch, epochs, loss, val_loss, naive, 100 * epoch / epochs, spent, left))

    handle = train.train(training, weights=True, on_epoch=on_epoch)

    def say_if_queued() -> None:
        if not begun.is_set() and handle.waiting():
            job.emit(Stage("Every worker is busy with another training; this one begins as soon as one is free"))

    look = threading.Timer(QUEUED_AFTER_S, say_if_queued)
    look.daemon = True
    look.start()
    try:
        result = job.wait(handle)
    finally:
        look.cancel()
    if result.diverged:
        rate = training.hyperparameters["learning_rate"]
        raise Diverged(
            f"The training diverged: its losses or forecasts are not finite numbers. Choose a smaller learning rate"
            f" than {rate:g}, and train again."
        )
    return result
