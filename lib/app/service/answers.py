"""What the service answers, as typed models with examples, and how they are filled (Listings 2, 4 and 6, Table 5.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from lib.app.collection import Entry, TrainedNetwork
from lib.evaluation import baselines, scoring
from lib.experiments import forecast
from lib.experiments.forecast import Forecast

METRICS = {"mae": "MAE", "rmse": "RMSE", "r2": "R2", "mape": "MAPE", "mse": "MSE"}
_SKILL = ("skill", "skill_lower", "skill_upper")
_PARTS = {"train": "train_metrics", "validation": "validation_metrics", "test": "test_metrics"}


class Answer(BaseModel):
    """What all answers share."""

    model_config = ConfigDict(extra="forbid")


class Health(Answer):
    """Listing 6."""

    status: Literal["healthy"]
    timestamp: str = Field(description="now, UTC", examples=["2026-10-27T10:00:00"])


class Wrong(Answer):
    """One thing that is wrong with a request."""

    field: str = Field(description="name of the field; empty for what concerns several", examples=["lookback"])
    value: Any = Field(description="what was sent, shortened", examples=[0])
    rule: str = Field(description="what is allowed", examples=["1 to 90 days"])


class Error(Answer):
    """Every refusal."""

    request_id: str = Field(examples=["20261027100000-1f2e3d"])
    status: Literal["error"]
    message: str = Field(
        description="a sentence for people", examples=["Lookback: 0 is not allowed. Allowed: 1 to 90 days."]
    )
    errors: list[Wrong]


class Scores(Answer):
    """Of next-day closes in US dollars."""

    mae: float | None = Field(description="mean absolute error, US dollars")
    rmse: float | None = Field(description="root of the mean squared error, US dollars")
    r2: float | None
    mape: float | None = Field(description="mean absolute percentage error, percent")
    mse: float | None = Field(description="mean squared error, US dollars squared")


class Metrics(Scores):
    """Those of the network, with the naive forecast's (tomorrow equals today) beside them."""

    days: int = Field(description="days that were scored")
    naive: Scores
    skill: float | None = Field(description="1 - MSE / naive MSE: above 0 is better than no model")
    skill_lower: float | None = Field(description="95 % interval of the skill")
    skill_upper: float | None


class History(Answer):
    """By epoch, MSE of scaled closes."""

    loss: list[float | None]
    val_loss: list[float | None]


class Trained(Answer):
    """What came of a training."""

    network: str = Field(description="name of the trained network, for /predict")
    train_metrics: Metrics
    validation_metrics: Metrics
    test_metrics: Metrics
    history: History
    best_epoch: int = Field(description="the epoch whose weights are kept, from 1")
    training_duration: float = Field(description="seconds of the training; of a cached one those that it took then")
    verdict: str = Field(description="what the test days say, in a sentence")
    prices: str = Field(description="where the prices come from")
    plots: dict[str, str] | None = Field(description="name -> PNG in base64; null with plots=false")


class TrainAnswer(Answer):
    """Listing 2."""

    request_id: str
    status: Literal["success"]
    message: str
    cached: bool = Field(description="whether this training was known, so that nothing was trained")
    prices_age_seconds: float = Field(description="since the prices were loaded from their source")
    data: Trained


class TrainingState(Answer):
    """A training that was asked for."""

    request_id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    request: dict[str, Any] = Field(description="what is trained, with every default filled in")
    asked: str = Field(description="moment, UTC")
    epoch: int = Field(description="epochs that are done")
    epochs: int = Field(description="epochs at most")
    doing: str = Field(description="what is going on, for people")
    events: int = Field(description="number of the newest event")
    network: str | None = Field(description="name of the trained network, once there is one")
    cached: bool
    prices_age_seconds: float | None = Field(description="since they were loaded from their source; null before")
    seconds: float | None = Field(description="from the request to the end")
    error: str | None
    temporary: bool = Field(description="it failed, but the same may go well later")


class Accepted(TrainingState):
    """A training that has begun, and where to follow it."""

    links: dict[str, str] = Field(description="paths: state, events, cancel")


class StateAnswer(TrainingState):
    """A training, and what came of it once it is done."""

    data: Trained | None = Field(description="null until it is done, and after its network was forgotten")


class TrainingEvent(BaseModel):
    """One event; the further fields are those of Table 5.2."""

    model_config = ConfigDict(extra="allow")

    request_id: str
    number: int = Field(description="from 1 within its training")
    time: str
    event: str = Field(description="as the introduction lists them")


class Events(Answer):
    """Events of a training from a number on."""

    request_id: str
    status: str = Field(description="of the training")
    events: list[TrainingEvent]


class NetworkSummary(Answer):
    """A trained network."""

    network: str = Field(description="its name, for /predict")
    ticker: str
    model: str
    trained: str = Field(description="moment, UTC")
    start_date: str
    end_date: str
    lookback: int
    epochs: int
    seed: int
    parameters: int | None = Field(description="number of weights")
    test_metrics: Metrics | None


class Prediction(Answer):
    """One day."""

    timestamp: str
    predicted_value: float = Field(description="close, US dollars")
    lower_bound: float | None = Field(description="of the calibrated band, US dollars; null: without limit")
    upper_bound: float | None
    confidence: float | None = Field(
        description="share of the test days' forecasts that such bands held; null: too few to say"
    )
    promised: float = Field(description="share that the band was calibrated for")
    naive_value: float = Field(description="the last known close: the forecast of no model, US dollars")
    skill: float | None = Field(description="against the naive one, over forecasts of as many days; above 0 is better")
    skill_lower: float | None
    skill_upper: float | None
    actual_value: float | None = Field(description="close, if it is known by now, US dollars")


class Configuration(Answer):
    """Of the network that forecasts."""

    model: str
    lookback: int
    batch_size: int
    train_test_split: float = Field(description="share of days that were trained on")
    random_seed: int
    ticker: str
    network: str


class DataRange(Answer):
    """Days that the network knows."""

    start_date: str
    end_date: str
    prediction_start: str


class Predicted(Answer):
    """Listing 4's data."""

    predictions: list[Prediction]
    configuration: Configuration = Field(alias="model_config")
    data_range: DataRange
    verdict: str = Field(description="how far such forecasts could be trusted on the test days")


class PredictAnswer(Answer):
    """Listing 4."""

    request_id: str
    status: Literal["success"]
    cached: bool
    age_seconds: float = Field(description="since the forecast was made")
    data: Predicted


# -- filling them --------------------------------------------------------------------------


def number(value: Any) -> Any:
    """A number as JSON has it: null if it is missing or not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: Any) -> Any:
    """The same of everything in a structure."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else number(value)


def metrics(scores: list[dict[str, Any]], part: str) -> dict[str, Any] | None:
    """A split's :class:`Metrics` from rows of :func:`lib.evaluation.scoring.network_scores`."""
    rows = [row for row in scores if row["part"] == part]
    naive = next((row for row in rows if row["model"] == baselines.NAIVE), None)
    mine = next((row for row in rows if row["model"] != baselines.NAIVE), None)
    if mine is None or naive is None:
        return None
    own = {name: number(mine[column]) for name, column in METRICS.items()}
    of_naive = {name: number(naive[column]) for name, column in METRICS.items()}
    skill = {name: number(mine.get(name)) for name in _SKILL}
    return {**own, "days": mine["days"], "naive": of_naive, **skill}


def trained(run: Mapping[str, Any], entry: Entry, images: Mapping[str, str] | None) -> dict[str, Any]:
    """A :class:`TrainAnswer`."""
    return {
        "request_id": run["request_id"],
        "status": "success",
        "message": f"{entry.title}: {'cached, so nothing was trained' if run['cached'] else 'trained'},"
        f" answered after {run['seconds']:.3g} s",
        "cached": run["cached"],
        "prices_age_seconds": run["prices_age_seconds"],
        "data": trained_data(entry, images),
    }


def trained_data(entry: Entry, images: Mapping[str, str] | None) -> dict[str, Any]:
    """A :class:`Trained`."""
    record = entry.record
    scores = record["scores"]
    return {
        "network": entry.identity,
        **{name: metrics(scores, part) for part, name in _PARTS.items()},
        "history": plain(record["history"]),
        "best_epoch": record["best_epoch"],
        "training_duration": record["seconds"],
        "verdict": scoring.network_in_words(pd.DataFrame(scores), entry.network),
        "prices": record["origin"],
        "plots": images,
    }


def summary(entry: Entry) -> dict[str, Any]:
    """A :class:`NetworkSummary`."""
    record, request = entry.record, entry.record["request"]
    return {
        "network": entry.identity,
        "ticker": entry.ticker,
        "model": entry.network,
        "trained": record["trained"],
        **{name: request[name] for name in ("start_date", "end_date", "lookback", "epochs", "seed")},
        "parameters": record.get("weights"),
        "test_metrics": metrics(record.get("scores", []), "test"),
    }


def forecast_data(network: TrainedNetwork, made: Forecast) -> dict[str, Any]:
    """A :class:`Predicted`."""
    request, days = network.record["request"], network.observed.index
    return {
        "predictions": [_day(row, made.level) for row in made.days.to_dict("records")],
        "model_config": {
            "model": network.network,
            "lookback": request["lookback"],
            "batch_size": request["batch_size"],
            "train_test_split": network.training.settings.split[0],
            "random_seed": request["seed"],
            "ticker": network.ticker,
            "network": network.identity,
        },
        "data_range": {
            "start_date": days[0].isoformat(),
            "end_date": days[-1].isoformat(),
            "prediction_start": made.days["date"].iloc[0].isoformat(),
        },
        "verdict": forecast.in_words(made),
    }


def _day(row: Mapping[str, Any], level: float) -> dict[str, Any]:
    return {
        "timestamp": row["date"].isoformat(),
        "predicted_value": row["path_usd"],
        "lower_bound": number(row["lower_usd"]),
        "upper_bound": number(row["upper_usd"]),
        "confidence": number(row["coverage"]),
        "promised": level,
        "naive_value": row["naive_usd"],
        **{name: number(row[name]) for name in _SKILL},
        "actual_value": number(row["actual_usd"]),
    }


def event_payload(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as Table 5.2 has it: ``event`` is its name. Details of an error are for the log only."""
    found = {name: plain(value) for name, value in event.items() if name not in ("kind", "details")}
    if event["kind"] == "validation_update":
        found |= metrics(event["scores"], "test") or {}
    return {"event": event["kind"], **found}


def now() -> str:
    """The moment as Listing 6 has it, UTC."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
