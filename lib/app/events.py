"""What happens in a training, as typed events (thesis Table 5.2): one stream for the screen, the log and, later, a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainingUpdate:
    """An epoch is done. Losses are MSE of scaled closes, ``naive_val_loss`` that of the naive forecast; ``progress`` in percent of the epochs asked for; times in seconds."""

    epoch: int
    epochs: int
    loss: float
    val_loss: float
    naive_val_loss: float
    progress: float
    seconds: float
    seconds_left: float
    kind: str = field(default="training_update", init=False)


@dataclass(frozen=True)
class ValidationUpdate:
    """Scores of the finished network. ``scores`` has a row a part and model: part, model, days, MAE, RMSE, R2, MAPE, MSE, skill; in US dollars."""

    scores: list[dict[str, Any]]
    kind: str = field(default="validation_update", init=False)


@dataclass(frozen=True)
class VisualizingUpdate:
    """What the views need is there: the folder of the kept network ``identity``."""

    identity: str
    kind: str = field(default="visualizing_update", init=False)


@dataclass(frozen=True)
class ForecastUpdate:
    """A forecast is there: ``days`` as ``lib.experiments.forecast.Forecast`` has them, a list a column; ``sentence`` says what it is worth."""

    identity: str
    origin: str
    level: float
    days: Mapping[str, list[Any]]
    sentence: str
    kind: str = field(default="forecast_update", init=False)


@dataclass(frozen=True)
class Stage:
    """What the engine is doing now, in a few words for people."""

    doing: str
    kind: str = field(default="stage", init=False)


@dataclass(frozen=True)
class ErrorLog:
    """Something went wrong: one sentence, and details for whoever looks after it."""

    error: str
    details: str = ""
    kind: str = field(default="error_log", init=False)


Event = TrainingUpdate | ValidationUpdate | VisualizingUpdate | ForecastUpdate | Stage | ErrorLog


def as_plain(event: Event) -> dict[str, Any]:
    """For JSON: the event's fields and its kind."""
    return asdict(event)
