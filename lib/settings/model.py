"""Every parameter of a run: name, type, unit, range, meaning; and the check of a whole set."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from lib.errors import ProjectError
from lib.settings import flat_yaml
from lib.settings.consistency import contradictions
from lib.settings.networks import NETWORKS

_RESEMBLES_NUMBER = re.compile(r"\s*[-+]?(?:\.?\d[\w:.,+-]*|\.?(?:inf|nan))\s*\Z", re.IGNORECASE)
Inputs = Literal["own_close", "all_closes", "ohlcv_indicators"]


def _network(value: str) -> str:
    if value not in NETWORKS:
        raise ValueError(f"not one of {', '.join(NETWORKS)}")
    return value


Network = Annotated[str, AfterValidator(_network)]

# Tickers name files, so nothing in them may lead to another folder. Letters of other alphabets are not made upper
# case, as some become ASCII letters by it.
_TICKER = re.compile(r"(?!.*\.\.)[A-Za-z0-9^.=-]{1,32}")
TICKER_RULE = "1 to 32 letters, digits, ^ . - or equals signs, no slash, no .."


def _ticker(value: str) -> str:
    if not _TICKER.fullmatch(value.strip()):
        raise ValueError(TICKER_RULE)
    return value.strip().upper()


Ticker = Annotated[str, AfterValidator(_ticker)]


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):  # pydantic would take true for 1, and text such as 1_0 for 10
        raise ValueError("not a number")
    return value


def _truth(value: Any) -> Any:
    # YAML's further words, which papermill's own -p gives as text.
    known = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    return known.get(value.lower(), value) if isinstance(value, str) else value


def _off(value: Any) -> Any:
    return "off" if value is False or str(value).lower() == "off" else value  # the word, however YAML had it


def _nothing(value: Any) -> Any:
    # Python's word and YAML's, which papermill's own -p gives as text.
    return None if isinstance(value, str) and value.strip().lower() in NOTHING else value


_ADDRESS = re.compile(r"(?:tcp|tls)://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


def _scheduler(value: str | None) -> str | None:
    if value is not None and not ((parts := _ADDRESS.fullmatch(value)) and 0 < int(parts[1]) < 65536):
        raise ValueError("no address of a scheduler")
    return value


def _something(value: str) -> str:
    if value.strip().lower() in NOTHING:
        raise ValueError("a word for nothing")
    return value


def _listed(value: Any) -> Any:
    is_one = isinstance(value, str) and value.strip().lower() not in NOTHING
    return [value] if is_one else value  # one symbol needs no brackets


def _day(value: Any) -> Any:
    # Without this a bare number would be read as seconds since 1970.
    if not isinstance(value, date) and not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        raise ValueError("not a day")
    return value


NOTHING = ("", "~", "none", "null")
ONE_OR_MORE = (Field(min_length=1), BeforeValidator(_listed))
Number = Annotated[float, BeforeValidator(_number)]
Switch = Annotated[StrictBool, BeforeValidator(_truth)]
Day = Annotated[date, BeforeValidator(_day)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Period = Annotated[StrictInt, Field(ge=2, le=250)]


class SettingsError(ProjectError):
    """A parameter file, an override or a notebook's parameters are not usable."""


def key(meaning: str, **limits: Any) -> Any:
    """A field whose ``meaning`` is at once its comment in files and the 'allowed' of its errors."""
    return Field(description=meaning, **limits)


class Settings(BaseModel):
    """All parameters of a run, checked and frozen. Defaults are in ``params/sample.yaml`` and nowhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Prices
    source: Literal["sample", "yahoo", "folder"] = key("where prices come from: sample, yahoo or folder")
    data_dir: Annotated[str | None, BeforeValidator(_nothing)] = key(
        "folder of TICKER.csv files for source folder, relative to the project; else null"
    )
    tickers: Annotated[tuple[Ticker, ...], *ONE_OR_MORE] = key(f"one or more Yahoo symbols, each of {TICKER_RULE}")
    start_date: Day = key("first day, YYYY-MM-DD, UTC")
    end_date: Day = key("last day, YYYY-MM-DD, UTC, itself included")
    max_daily_factor: Number = key(
        "largest move of a price from one day to the next that is believed, a factor above 1 to 1000000", gt=1, le=1e6
    )
    # Cleaning
    gap_fill: Literal["linear", "previous"] = key("how short gaps are filled: linear (looks ahead) or previous")
    max_gap_days: StrictInt = key("longest gap that is filled, 1 to 60 days; longer ones are dropped", ge=1, le=60)
    outliers: Annotated[Literal["off", "cap", "median"], BeforeValidator(_off)] = key(
        "what happens beyond the IQR fences: off, cap or median"
    )
    outlier_iqr: Number = key("distance of the fences, above 0 to 10 interquartile ranges", gt=0, le=10)
    # Indicators
    indicator_days: tuple[Period, Period, Period, Period, Period] = key(
        "periods of RSI, MACD fast, MACD slow, MACD signal, EMA, each 2 to 250 days, fast below slow"
    )
    # Windows
    inputs: Inputs = key("what a window holds: own_close, all_closes or ohlcv_indicators")
    target: Literal["close", "log_return"] = key("what is forecast: close, or log_return from which closes are rebuilt")
    lookback: StrictInt = key("length of an input window, 1 to 365 days", ge=1, le=365)
    split: tuple[Share, Share, Share] = key("shares of train, validation and test days, in time order, sum 1")
    scaling: Literal["all", "train"] = key("days that fit scaler and fences: all (as the thesis, leaks) or train")
    # Stationarity
    unit_root_trend: Literal["c", "ct"] = key("terms in the ADF and KPSS regressions: c (constant) or ct (and trend)")
    # Networks
    networks: Annotated[tuple[Network, ...], *ONE_OR_MORE] = key(f"which of {', '.join(NETWORKS)} are run")
    hidden_dense_units: StrictInt = key(
        "hidden dense layer, 0 (none, Appendix 6) to 512 units; Tables 4.3, 4.4: 50", ge=0, le=512
    )
    output_activation: Literal["leaky_relu", "linear"] = key(
        "after the last layer: leaky_relu (Appendix 6) or linear (Tables 4.3, 4.4)"
    )
    batch_normalization: Switch = key("after each Conv1D and LSTM: false (Appendix 6) or true (section 4.4)")
    clip_norm: Annotated[Annotated[Number, Field(gt=0, le=100)] | None, BeforeValidator(_nothing)] = key(
        "gradient norm limit, above 0 to 100, or null (none, Appendix 6)"
    )
    reduce_lr: Switch = key("halve the learning rate on a plateau: false (Appendix 6) or true (section 4.4)")
    # Training
    max_epochs: StrictInt = key("no training is longer than this, 1 to 1000 epochs", ge=1, le=1000)
    patience: Annotated[Annotated[StrictInt, Field(ge=1, le=1000)] | None, BeforeValidator(_nothing)] = key(
        "early stopping after so many epochs without gain, 1 to 1000, or null (every epoch is run)"
    )
    restore_best_weights: Switch = key("score with the best epoch's weights (true) or the last one's (false)")
    seed: StrictInt = key("seed of weights, shuffling, dropout and search, 0 to 4294967295", ge=0, le=2**32 - 1)
    threads: StrictInt = key(
        "TensorFlow threads of each process, 1 to 64; results are bit-equal for one number only", ge=1, le=64
    )
    # Tuning
    trials: Annotated[StrictInt, Field(ge=1, le=1000)] | Literal["printed"] = key(
        "trials of each study, 1 to 1000, or printed (as many as the thesis lists)"
    )
    search_space: Literal["appendix_6", "section_4_4"] = key(
        "ranges of the search: appendix_6 or section_4_4 (filters from 20)"
    )
    startup_trials: StrictInt = key("random trials before TPE takes over, 1 to 1000", ge=1, le=1000)
    pruner: Literal["none", "median"] = key("none (the trials of the appendices) or median (section 4.4)")
    trials_at_once: StrictInt = key(
        "trials that a study asks for at a time, from those of finished generations, 1 (one by one) to 64",
        ge=1,
        le=64,
    )
    workers: StrictInt = key("studies side by side in processes, 1 to 64", ge=1, le=64)
    scheduler: Annotated[str | None, AfterValidator(_scheduler), BeforeValidator(_nothing)] = key(
        "Dask scheduler whose workers train, tcp://HOST:PORT or tls://HOST:PORT, or null (this machine's workers)"
    )
    # Replay of printed trials
    replay_trials: Annotated[StrictInt, Field(ge=1, le=100)] | Literal["printed"] = key(
        "printed trials trained again of each ticker and network, 1 to 100, or printed (all)"
    )
    replay_seeds: StrictInt = key(
        "trainings of each of four trials a study (spread of seeds; others: one), 0 (no replay) to 20", ge=0, le=20
    )
    replay_inputs: Inputs = key("what a window holds in the replay: own_close, all_closes or ohlcv_indicators")
    replay_patience: Annotated[Annotated[StrictInt, Field(ge=1, le=1000)] | None, BeforeValidator(_nothing)] = key(
        "early stopping in the replay, 1 to 1000, or null (every epoch is run; reduce_lr does nothing)"
    )
    replay_weights: Literal["best", "last"] = key(
        "score the replay with the weights of the best epoch (best) or of the last one (last)"
    )
    # Evaluation
    evaluation_seeds: StrictInt = key(
        "trainings of each network at the thesis's best hyperparameters, 2 to 100", ge=2, le=100
    )
    comparison_seeds: StrictInt = key(
        "the first 2 to 100 of evaluation_seeds, for networks on log returns and for each leak",
        ge=2,
        le=100,
    )
    folds: StrictInt = key("blocks of test days in the walk-forward, 2 to 20", ge=2, le=20)
    fold_trials: StrictInt = key("random sets of hyperparameters tried in each fold, 1 to 50", ge=1, le=50)
    control_runs: StrictInt = key("simulated series for the controls, 10 to 2000", ge=10, le=2000)
    holdout_end: Annotated[Day | None, BeforeValidator(_nothing)] = key(
        "last day of the holdout, YYYY-MM-DD, UTC, after end_date, or null (the last that the source has)"
    )
    # Results
    output_dir: Annotated[str, AfterValidator(_something)] = key(
        "where results go, relative to the project", min_length=1
    )

    def changed(self, **changes: Any) -> Settings:
        """A copy with some values changed.

        Each new value is checked by itself. Whether all go together is not asked, as experiments simulate tickers
        and cut days that no parameter file could name.

        Raises:
            SettingsError: a key is unknown, or a value is not allowed.
        """
        good, wrong = field_by_field(changes, "changed settings")
        if wrong:
            raise SettingsError("\n".join(wrong))
        return self.model_copy(update=good)

    def plain(self) -> dict[str, Any]:
        """The values as JSON has them, in the order of the parameter file; dates as YYYY-MM-DD."""
        return self.model_dump(mode="json")


KEYS = tuple(Settings.model_fields)


def meaning(name: str) -> str:
    """Unit, range and meaning of one key: the trailing comment in files and notebooks."""
    return Settings.model_fields[name].description or ""


def check(values: Mapping[str, Any], where: str) -> Settings:
    """Validate a whole set of parameters.

    Args:
        values: key -> value as YAML or a notebook gave it.
        where: named in errors, such as ``params/sample.yaml``.

    Raises:
        SettingsError: one line for each thing that is wrong.
    """
    good, wrong = field_by_field(values, where)
    wrong += [f"{where}: key {n!r} is missing. Allowed: {meaning(n)}" for n in KEYS if n not in values]
    wrong += [f"{where}: {c}" for c in contradictions(good)]
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(**good)


def field_by_field(values: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """The good ones of some values, in the order of the keys, and a sentence for each that is wrong."""
    wrong = [
        f"{where}: unknown key {name!r}{_did_you_mean(name)}. Every key is listed in params/sample.yaml"
        for name in values
        if name not in KEYS
    ]
    good = {}
    for name in (n for n in KEYS if n in values):
        try:
            good[name] = _field(name).validate_python(values[name])
        except ValidationError:
            allowed = f"Allowed: {meaning(name)}{_as_written(name, values[name])}"
            wrong.append(f"{where}: {name} is {values[name]!r}, which is not allowed. {allowed}")
    return good, wrong


def _as_written(name: str, value: Any) -> str:
    """A sentence for a value that is wrong because of how it is written; else nothing."""
    parts = list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, str) and "," in value and _is_list(name):
        return f"; several are written as a list: [{value.strip('[] ')}]"
    if _takes_numbers(name) and any(isinstance(part, str) and _RESEMBLES_NUMBER.match(part) for part in parts):
        return ". A number is written plainly, without quotes, such as 64, 0.5 or 1e-3"
    texts = [part if isinstance(part, str) else str(part) for part in parts]
    if texts != parts and None not in parts:
        with suppress(ValidationError):
            _field(name).validate_python(texts if isinstance(value, list | tuple) else texts[0])
            return ". Text that looks like a number or a truth value needs quotes"
    return ""


def read_exponents(name: str, value: Any) -> Any:
    """A value with texts such as 1e-3 read as numbers where ``name`` takes numbers: papermill's YAML leaves them so."""
    if isinstance(value, list):
        return [read_exponents(name, part) for part in value]
    is_one = (
        isinstance(value, str) and _takes_numbers(name) and re.fullmatch(r"[-+]?[0-9]{1,9}[eE][-+]?[0-9]{1,2}", value)
    )
    return flat_yaml.read(value) if is_one else value


@cache
def _takes_numbers(name: str) -> bool:
    return re.search("'(integer|number)'", str(_field(name).json_schema())) is not None


@cache
def _is_list(name: str) -> bool:
    return "'array'" in str(_field(name).json_schema())


@cache
def _field(name: str) -> TypeAdapter:
    field = Settings.model_fields[name]
    return TypeAdapter(Annotated[field.annotation, field])  # pyright: ignore  # a type made while running


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(str(name), KEYS, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
