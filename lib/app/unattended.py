"""The controller used by a program: ask, wait, take what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from lib.app.collection import KeptNetwork
from lib.app.controller import IDLE, Controller
from lib.app.events import ErrorLog, Event, ForecastUpdate
from lib.errors import ProjectError
from lib.experiments import forecast

PATIENCE_S = 3600.0


class WidgetError(ProjectError):
    """What was asked for came to nothing; the sentence is the engine's."""


def train(controller: Controller, values: Mapping[str, Any], patience_s: float = PATIENCE_S) -> KeptNetwork:
    """Train with a form's values and wait for the kept network.

    Raises:
        RequestError: a field is wrong.
        WidgetError: the training failed, or took longer than ``patience_s`` seconds and was stopped.
    """
    _wait(controller, lambda: controller.train(values), patience_s)
    return controller.network


def predict(
    controller: Controller, start: date | None = None, days: int = forecast.DEFAULT_DAYS, patience_s: float = PATIENCE_S
) -> ForecastUpdate:
    """Forecast with the present network and wait; ``start`` is the day after the last close by default. Raises like :func:`train`."""
    first = start or controller.starts()[1]
    _wait(controller, lambda: controller.predict(first, days), patience_s)
    return controller.forecast


def _wait(controller: Controller, ask: Callable[[], None], patience_s: float) -> None:
    ended, faults = threading.Event(), []

    def hear(event: Event | None) -> None:
        if isinstance(event, ErrorLog):
            faults.append(event.error)
        if event is not None and controller.state == IDLE:
            ended.set()

    controller.listen(hear)
    try:
        ask()
        if not ended.wait(patience_s):
            controller.cancel()
            raise WidgetError(f"It took longer than {patience_s:.0f} s and was stopped.")
    finally:
        controller.unlisten(hear)
    if faults:
        raise WidgetError(faults[-1])
