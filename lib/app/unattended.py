"""The controller used by a program: ask, wait for the result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from lib.app import requests
from lib.app.collection import TrainedNetwork
from lib.app.controller import IDLE, Controller
from lib.app.events import ErrorLog, Event, ForecastUpdate
from lib.errors import ProjectError
from lib.experiments import forecast
from lib.settings import Settings

PATIENCE_S = 3600.0


class WidgetError(ProjectError):
    """A training or forecast failed; the sentence is the controller's."""


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices that the form's first values cannot train, score and forecast on.

    Raises:
        WindowError: with the number of days that would do.
        RequestError: the form's first values do not go together with these dates.
    """
    dates = settings.start_date, settings.end_date
    first = requests.first_values(settings, settings.source, settings.tickers[0], *dates)
    _, chosen = requests.check(first, settings.data_dir, settings.threads)
    forecast.check_days({ticker: prices[ticker] for ticker in chosen.tickers}, chosen)


def train(controller: Controller, values: Mapping[str, Any], patience_s: float = PATIENCE_S) -> TrainedNetwork:
    """Train with a form's values and wait for the network.

    Raises:
        RequestError: a field is wrong.
        WidgetError: the training failed, or took longer than ``patience_s`` seconds and was stopped.
    """
    _wait(controller, lambda: controller.train(values), patience_s)
    return controller.network


def predict(
    controller: Controller, start: date | None = None, days: int = forecast.DEFAULT_DAYS, patience_s: float = PATIENCE_S
) -> ForecastUpdate:
    """Forecast with the present network and wait; raises like :func:`train`.

    Args:
        start: default the day after the last close.
    """
    first = start or controller.starts()[1]
    _wait(controller, lambda: controller.predict(first, days), patience_s)
    return controller.forecast


def _wait(controller: Controller, ask: Callable[[], None], patience_s: float) -> None:
    begun, ended, errors = threading.Event(), threading.Event(), []

    def on_event(event: Event | None) -> None:
        if event is None and controller.state != IDLE:
            begun.set()  # until then events are the last words of what was asked for before
        elif event is not None and begun.is_set():
            if isinstance(event, ErrorLog):
                errors.append(event.error)
            if controller.state == IDLE:
                ended.set()

    controller.listen(on_event)
    try:
        ask()
        if not ended.wait(patience_s):
            controller.cancel()
            raise WidgetError(f"It took longer than {patience_s:.0f} s and was stopped.")
    finally:
        controller.unlisten(on_event)
    if errors:
        raise WidgetError(errors[-1])
