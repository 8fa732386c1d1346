"""What clients send: the widget's own models with the names of Listings 1 and 3, most fields optional."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, create_model

from lib.app.requests import TrainingRequest
from lib.experiments import forecast
from lib.settings import NETWORKS, Day

_NEEDED = ("ticker", "network", "start_date", "end_date")
ON_THE_SAMPLE: dict[str, JsonValue] = {
    "source": "sample",
    "ticker": "BTC-USD",
    "model": "CNN",
    "start_date": "2020-01-01",
    "end_date": "2021-10-27",
    "epochs": 20,
}
LISTING_3: dict[str, JsonValue] = {"start_date": "2023-01-11", "days": 10}
LISTING_1: dict[str, JsonValue] = {
    "ticker": "BTC-USD",
    "model": "LSTM",
    "start_date": "2021-01-01",
    "end_date": "2023-01-10",
    "lookback": 60,
    "epochs": 50,
}


# What types of the form say in words only, and the listings' name.
_DESCRIBED: dict[str, dict[str, Any]] = {
    "ticker": {"json_schema_extra": {"pattern": r"^\s*[A-Za-z0-9^.=-]{1,32}\s*$"}},
    "network": {"alias": "model", "json_schema_extra": {"enum": list(NETWORKS)}},
}


def _field(name: str) -> Any:
    """A field of the form: the same type and limits, but not needed if the thesis's best value can stand for it."""
    info = TrainingRequest.model_fields[name]
    annotation: Any = info.annotation
    for limit in info.metadata:
        annotation = Annotated[annotation, limit]
    more: dict[str, Any] = {"description": info.description}
    more |= _DESCRIBED.get(name, {})
    if name in _NEEDED:
        return annotation, Field(**more)
    more["description"] += "; left out: the thesis's best for the model" if name not in ("source", "seed") else ""
    return annotation | None, Field(None, **more)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ON_THE_SAMPLE, LISTING_1]})


TrainBody: Any = create_model(
    "TrainBody",
    __base__=_Body,
    __doc__="Listing 1. What is left out is the thesis's best for the model; lookback 60, seed 42.",
    **{name: _field(name) for name in TrainingRequest.model_fields},
)


class PredictBody(BaseModel):
    """Listing 3. Without ``network`` the one whose training ended last."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"days": 10}, LISTING_3]})

    start_date: Day | None = Field(
        None,
        description="a day after training; left out: the day after the last known close, the last that is allowed",
    )
    days: StrictInt = Field(forecast.DEFAULT_DAYS, ge=1, le=30, description="1 to 30 days")
    network: Annotated[str, Field(max_length=80)] | None = Field(None, description="a name that GET /networks lists")
