"""What happens in a training, as typed events (thesis Table 5.2): one stream for screen, log and service."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainingUpdate:
    """An epoch is done.

    Attributes:
        epoch, epochs: which, from 1, of how many at most.
        loss, val_loss: MSE of scaled closes.
        naive_val_loss: that of the naive forecast.
        progress: percent of the epochs asked for.
        seconds, seconds_left: so far, and at most until the end.
    """

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
    """Scores of the trained network in US dollars, a row for each split and model.

    Its columns are part, model, days, MAE, RMSE, R2, MAPE, MSE and skill.
    """

    scores: list[dict[str, Any]]
    kind: str = field(default="validation_update", init=False)


@dataclass(frozen=True)
class VisualizingUpdate:
    """The trained network is saved as ``identity``, and its views can be drawn.

    The service sends one for each view: ``plot`` is its name, ``image`` a ``data:`` address of its PNG.
    """

    identity: str
    plot: str = ""
    image: str = ""
    kind: str = field(default="visualizing_update", init=False)


@dataclass(frozen=True)
class Stage:
    """What is going on now, in a few words for people."""

    doing: str
    kind: str = field(default="stage", init=False)


@dataclass(frozen=True)
class ErrorLog:
    """Something went wrong: one sentence for the page, and details for the log on the server only.

    ``temporary``: the same may go well later, as prices or workers could not be reached.
    """

    error: str
    details: str = ""
    temporary: bool = False
    kind: str = field(default="error_log", init=False)


Event = TrainingUpdate | ValidationUpdate | VisualizingUpdate | Stage | ErrorLog


def as_plain(event: Event) -> dict[str, Any]:
    """For JSON: the event's fields and its kind."""
    return asdict(event)
