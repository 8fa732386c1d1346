"""What a person may ask for: the training form and the forecast form, checked field by field.

The thesis's rules (section 5.3, Figure 6.4) by the types that check parameter files (``lib.settings``), so that a
form and a file refuse the same things in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, TypeAdapter, ValidationError

from lib import networks, settings
from lib.data.market import sample
from lib.data.market.moves import MAX_DAILY_FACTOR
from lib.settings import Day, Network, Number, Settings, Ticker, key
from lib.settings.consistency import today

SPLIT = (0.70, 0.15, 0.15)
LONGEST_SHOWN = 40  # letters of a wrong value that its sentence repeats


class TrainingRequest(BaseModel):
    """Phase 1 of the widget (Figure 6.4). Every field has its range in its description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = key("where prices come from: sample, yahoo or folder", pattern="^(sample|yahoo|folder)$")
    ticker: Ticker = key(f"a Yahoo symbol such as BTC-USD: {settings.TICKER_RULE}")
    network: Network = key(f"one of {', '.join(settings.NETWORKS)}")
    lookback: StrictInt = key("1 to 90 days", ge=1, le=90)
    batch_size: StrictInt = key("1 to 512 windows at a time", ge=1, le=512)
    epochs: StrictInt = key(
        "1 to 1000 epochs at most; training stops early when validation days no longer gain",
        ge=1,
        le=1000,
    )
    learning_rate: Number = key("above 0 to 1, such as 0.001", gt=0, le=1)
    dropout_rate: Number = key("0 to 0.9, the share of values set to zero in training", ge=0, le=0.9)
    start_date: Day = key("first day, YYYY-MM-DD, UTC")
    end_date: Day = key("last day, YYYY-MM-DD, UTC, after the first and not in the future")
    seed: StrictInt = Field(42, ge=0, le=2**32 - 1, description="0 to 4294967295; the same seed gives the same network")

    def hyperparameters(self) -> dict[str, float]:
        """The form's values, with the layer sizes that the thesis calls best for the network."""
        asked = {
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "dropout_rate": self.dropout_rate,
        }
        return {**networks.default_hyperparameters(self.network), **asked}


FIELDS = tuple(TrainingRequest.model_fields)


class RequestError(settings.SettingsError):
    """A form is not usable. ``fields`` has the sentence for each wrong field; ``""`` for what concerns several."""

    def __init__(self, fields: Mapping[str, str]):
        self.fields = dict(fields)
        super().__init__("\n".join(self.fields.values()))


def label(field: str) -> str:
    """A field's name for people."""
    return {"dropout_rate": "Dropout rate"}.get(field, field.replace("_", " ").capitalize())


def allowed(field: str) -> str:
    """Range and unit of a field, for its hint and its errors."""
    return TrainingRequest.model_fields[field].description or ""


def check(
    values: Mapping[str, Any],
    data_dir: str | None = None,
    threads: int = 1,
    max_daily_factor: float = MAX_DAILY_FACTOR,
) -> tuple[TrainingRequest, Settings]:
    """A whole form.

    Args:
        values: field -> value, all of :data:`FIELDS`.
        data_dir: the folder of price files that this page offers, if any.
        threads: TensorFlow threads of a worker.
        max_daily_factor: the largest move of a price from one day to the next that is believed; default 3.

    Returns:
        The request and the parameters of its run.

    Raises:
        RequestError: with the sentence for each wrong field.
    """
    try:
        request = TrainingRequest.model_validate(dict(values))
    except ValidationError as error:
        bad = {str(e["loc"][0]): e for e in error.errors()}
        raise RequestError({f: _sentence(f, values.get(f)) for f in bad}) from None
    wrong = _beyond_fields(request, data_dir)
    if wrong:
        raise RequestError(wrong)
    try:
        return request, parameters(request, data_dir, threads, max_daily_factor)
    except settings.SettingsError as error:
        raise RequestError(_by_field(str(error))) from None


def _sentence(field: str, value: Any) -> str:
    if field not in FIELDS:
        return f"{field[:LONGEST_SHOWN]}: there is no such field."
    given = str(value).strip() if value is not None else ""
    shown = given if len(given) <= LONGEST_SHOWN else f"{given[:LONGEST_SHOWN]} ..."
    return f"{label(field)}: {shown or 'nothing'} is not allowed. Allowed: {allowed(field)}."


def _beyond_fields(request: TrainingRequest, data_dir: str | None) -> dict[str, str]:
    """What no field can say by itself."""
    wrong = {}
    for field in ("start_date", "end_date"):
        day = getattr(request, field)
        if day > today():
            wrong[field] = f"{label(field)}: {day} is in the future. Today is {today()} in UTC."
    if not wrong and request.end_date <= request.start_date:
        wrong["end_date"] = f"End date: {request.end_date} is not after the start date {request.start_date}."
    if request.source == "folder" and not data_dir:
        wrong["source"] = "Source: this page was started without a folder of price files. Choose another source."
    for field in ("start_date", "end_date"):
        if (
            request.source == "sample"
            and field not in wrong
            and (day := getattr(request, field)) != max(sample.START_DATE, min(day, sample.END_DATE))
        ):
            wrong[field] = (
                f"{label(field)}: source sample holds {sample.START_DATE} to {sample.END_DATE}, not {day}."
                " Choose a day of these, or another source."
            )
    if request.source == "sample" and request.ticker != sample.TICKER:
        wrong["ticker"] = (
            f"Ticker: source sample holds {sample.TICKER} only, not {request.ticker}. Choose it, or another source."
        )
    return wrong


def _by_field(text: str) -> dict[str, str]:
    """The parameter check's sentences, each at the field that it begins with; the rest concerns the dates."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        sentence = line.partition(": ")[2] or line
        sentence = sentence[:1].upper() + sentence[1:].rstrip(".") + "."
        first = sentence.split()[0].lower()
        field = {"lookback": "lookback", "source": "source", "end_date": "end_date", "start_date": "start_date"}.get(
            first, ""
        )
        found[field] = f"{found[field]} {sentence}" if field in found else sentence
    return found


def parameters(
    request: TrainingRequest,
    data_dir: str | None = None,
    threads: int = 1,
    max_daily_factor: float = MAX_DAILY_FACTOR,
) -> Settings:
    """The parameters of a request's run: a pipeline scaled on training days, in which nothing looks at later days.

    Raises:
        SettingsError: they contradict each other.
    """
    return settings.check(
        {
            **settings.sample().plain(),
            "source": request.source,
            "data_dir": data_dir if request.source == "folder" else None,
            "tickers": [request.ticker],
            "networks": [request.network],
            "start_date": request.start_date,
            "end_date": request.end_date,
            "max_daily_factor": max_daily_factor,
            "lookback": request.lookback,
            "split": list(SPLIT),
            "scaling": "train",
            "gap_fill": "previous",
            "inputs": "own_close",
            "target": "close",
            "trials": 1,
            "max_epochs": request.epochs,
            "restore_best_weights": True,
            "seed": request.seed,
            "threads": threads,
        },
        "the form",
    )


PRESETS = {
    "quick": {
        "network": "CNN",
        "lookback": 30,
        "batch_size": 64,
        "epochs": 15,
        "learning_rate": 0.003,
        "dropout_rate": 0.2,
    },
    "balanced": {
        "network": "LSTM",
        "lookback": 60,
        "batch_size": 64,
        "epochs": 60,
        "learning_rate": 0.003,
        "dropout_rate": 0.2,
    },
}

PRESET_NAMES = (*PRESETS, "thesis best")


def preset(name: str, network: str = "CNN") -> dict[str, Any]:
    """The fields that a preset fills in: ``quick``, ``balanced`` or ``thesis best`` (of the network; lookback 60).

    Raises:
        RequestError: there is no such preset.
    """
    if name == "thesis best":
        best = networks.default_hyperparameters(network)
        return {
            "network": network,
            "lookback": 60,
            **{k: best[k] for k in ("batch_size", "epochs", "learning_rate", "dropout_rate")},
        }
    if name not in PRESETS:
        raise RequestError({"": f"There is no preset {name!r}. There are: {', '.join(PRESET_NAMES)}."})
    return dict(PRESETS[name])


def defaults(source: str, ticker: str, start_date: date, end_date: date) -> dict[str, Any]:
    """A form as it is first shown: the quick preset on the given prices."""
    return {
        "source": source,
        "ticker": ticker,
        "start_date": start_date,
        "end_date": end_date,
        "seed": 42,
        **preset("quick"),
    }


def first_values(chosen: Settings, source: str, ticker: str, start_date: date, end_date: date) -> dict[str, Any]:
    """:func:`defaults` with what a run's parameters say themselves: lookback (90 days at most), seed, most epochs."""
    first = defaults(source, ticker, start_date, end_date)
    return {
        **first,
        "lookback": min(chosen.lookback, 90),
        "seed": chosen.seed,
        "epochs": min(first["epochs"], chosen.max_epochs),
    }


_DAYS = TypeAdapter(Annotated[StrictInt, Field(ge=1, le=30)])


def check_forecast(start: date | None, days: Any, first: date, last: date) -> dict[str, str]:
    """Phase 5 (Figure 6.8): the sentences about wrong fields ``start`` and ``days``, none if all is well.

    Args:
        first, last: the days that a forecast may begin on.
    """
    wrong = {}
    if start is None or not first <= start <= last:
        wrong["start"] = (
            f"Start date: {start or 'nothing'} is not allowed. Allowed: {first} to {last}, after the days of training."
        )
    try:
        _DAYS.validate_python(days)
    except ValidationError:
        wrong["days"] = f"Days: {days} is not allowed. Allowed: 1 to 30 days."
    return wrong
