"""The dashboard's trainings and forecasts used by a program: ask, wait for the result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from lib.app import requests
from lib.app.collection import TrainedNetwork
from lib.app.service.runs import DONE, Runs
from lib.errors import ProjectError
from lib.experiments import forecast
from lib.experiments.forecast import Forecast
from lib.settings import Settings

PATIENCE_SECONDS = 3600.0


class UnattendedError(ProjectError):
    """A training failed, or took too long; the sentence says why."""


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


def train(runs: Runs, values: Mapping[str, Any], patience_seconds: float = PATIENCE_SECONDS) -> TrainedNetwork:
    """Train with a form's values and wait for the network.

    Raises:
        RequestError: a field is wrong.
        UnattendedError: the training failed, or took longer than ``patience_seconds`` and was stopped.
    """
    run = runs.train(values, plots=False)
    if not run.ended.wait(patience_seconds):
        runs.cancel(run.request_id)
        raise UnattendedError(f"The training took longer than {patience_seconds:.0f} s and was stopped.")
    if run.state["status"] != DONE:
        raise UnattendedError(run.state["error"])
    return runs.network(run.state["network"])


def predict(
    runs: Runs, network: TrainedNetwork, start: date | None = None, days: int = forecast.DEFAULT_DAYS
) -> Forecast:
    """Forecast with a network and wait.

    Args:
        start: default the day after the last close.

    Raises:
        RequestError: a field is wrong.
        ForecastError: the network gives no price on these days.
    """
    return runs.forecast(network.identity, start, days)
