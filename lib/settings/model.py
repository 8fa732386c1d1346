"""Every number that steers a run: names, units, ranges, and the check of a whole parameter file.

A parameter file is flat YAML, so that it also works with papermill's own ``-f``. It must
name every key; a notebook declares the keys that it uses and sees no others.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from copy import copy
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, ValidationError, create_model

from lib.errors import ProjectError
from lib.settings import flat_yaml
from lib.settings.consistency import contradictions
from lib.settings.places import PROJECT_ROOT, output_root, resolve

__all__ = [
    "KEYS",
    "PROJECT_ROOT",
    "Network",
    "Settings",
    "SettingsError",
    "Ticker",
    "check",
    "contradictions",
    "from_notebook",
    "load",
    "meaning",
    "output_root",
    "parse_override",
    "resolve",
]

Inputs = Literal["own_close", "all_closes", "ohlcv_indicators"]
Network = Literal["CNN", "LSTM", "CNN-LSTM", "LSTM-CNN"]
Ticker = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.^=-]{0,14}$")]


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a truth value is not a number")
    return value


def _day(value: Any) -> Any:
    # Without this a bare number would be read as seconds since 1970.
    if not isinstance(value, date) and not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        raise ValueError("not a day")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Day = Annotated[date, BeforeValidator(_day)]
Share = Annotated[Number, Field(gt=0, lt=1)]


class SettingsError(ProjectError):
    """A parameter file, an override or a notebook's parameters are not usable."""


def key(meaning: str, **limits: Any) -> Any:
    """A field whose ``meaning`` is at once its comment in files and the 'allowed' of its errors."""
    return Field(description=meaning, **limits)


class Model(BaseModel):
    """All parameters of a run. No field has a default: a file that forgets one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Prices
    source: Literal["sample", "yahoo", "folder"] = key("where prices come from: sample, yahoo or folder")
    data_dir: str | None = key("folder of TICKER.csv files for source folder, relative to the project; else null")
    tickers: Annotated[list[Ticker], Field(min_length=1)] = key("Yahoo symbols, at least one, such as BTC-USD")
    start_date: Day = key("first day, YYYY-MM-DD, UTC")
    end_date: Day = key("last day, YYYY-MM-DD, UTC, itself included")
    # Cleaning
    gap_fill: Literal["linear", "previous"] = key("how short gaps are filled: linear (looks ahead) or previous")
    max_gap_days: StrictInt = key("longest gap that is filled, 1 to 60 days; longer ones are dropped", ge=1, le=60)
    outliers: Annotated[Literal["off", "cap", "median"], BeforeValidator(lambda v: "off" if v is False else v)] = key(
        "what happens beyond the IQR fences: off, cap or median"
    )
    outlier_iqr: Number = key("distance of the fences, above 0 to 10 interquartile ranges", gt=0, le=10)
    # Indicators
    indicator_days: Annotated[list[Annotated[StrictInt, Field(ge=2, le=250)]], Field(min_length=5, max_length=5)] = key(
        "periods of RSI, MACD fast, MACD slow, MACD signal, EMA, each 2 to 250 days, fast below slow"
    )
    # Windows
    inputs: Inputs = key("what a window holds: own_close, all_closes or ohlcv_indicators")
    target: Literal["close", "log_return"] = key("what is forecast: close, or log_return from which closes are rebuilt")
    lookback: StrictInt = key("length of an input window, 1 to 365 days", ge=1, le=365)
    split: Annotated[list[Share], Field(min_length=3, max_length=3)] = key(
        "shares of train, validation and test days, in time order, sum 1"
    )
    scaling: Literal["all", "train"] = key("days that fit scaler and fences: all (as the thesis, leaks) or train")
    # Stationarity
    unit_root_trend: Literal["c", "ct"] = key("terms in the ADF and KPSS regressions: c (constant) or ct (and trend)")
    # Networks
    networks: Annotated[list[Network], Field(min_length=1)] = key("which of CNN, LSTM, CNN-LSTM, LSTM-CNN are run")
    hidden_dense_units: StrictInt = key(
        "hidden dense layer, 0 (none, Appendix 6) to 512 units; Tables 4.3, 4.4: 50", ge=0, le=512
    )
    output_activation: Literal["leaky_relu", "linear"] = key(
        "after the last layer: leaky_relu (Appendix 6) or linear (Tables 4.3, 4.4)"
    )
    batch_normalization: StrictBool = key("after each Conv1D and LSTM: false (Appendix 6) or true (section 4.4)")
    clip_norm: Number | None = key("gradient norm limit, above 0 to 100, or null (none, Appendix 6)", gt=0, le=100)
    reduce_lr: StrictBool = key("halve the learning rate on a plateau: false (Appendix 6) or true (section 4.4)")
    # Training
    max_epochs: StrictInt = key("no training is longer than this, 1 to 1000 epochs", ge=1, le=1000)
    patience: StrictInt = key("early stopping after so many epochs without gain, 1 to 1000", ge=1, le=1000)
    restore_best_weights: StrictBool = key("score with the best epoch's weights (true) or the last one's (false)")
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
    workers: StrictInt = key("studies side by side in processes, 1 to 64", ge=1, le=64)
    # Replay of printed trials
    replay_trials: Annotated[StrictInt, Field(ge=1, le=100)] | Literal["printed"] = key(
        "printed trials trained again of each ticker and network, 1 to 100, or printed (all)"
    )
    replay_seeds: StrictInt = key("trainings of each printed trial, 0 (no replay) to 20", ge=0, le=20)
    replay_inputs: Annotated[list[Inputs], Field(min_length=1)] = key(
        "what windows hold in the replay, at least one of inputs' values"
    )
    # Judging
    evaluation_seeds: StrictInt = key(
        "trainings of each network at the thesis's best hyperparameters, 2 to 100", ge=2, le=100
    )
    comparison_seeds: StrictInt = key(
        "trainings of each network on log returns and with each leak, 2 to 100, on the first seeds of evaluation_seeds",
        ge=2,
        le=100,
    )
    folds: StrictInt = key("blocks of test days in the walk-forward, 2 to 20", ge=2, le=20)
    fold_trials: StrictInt = key("random sets of hyperparameters tried in each fold, 1 to 50", ge=1, le=50)
    control_runs: StrictInt = key("simulated series for the controls, 20 to 2000", ge=20, le=2000)
    # Results
    output_dir: str = key("where results go, relative to the project", min_length=1)


class Settings:
    """Checked parameters, read as attributes. A notebook's has exactly the keys that it declared."""

    def __init__(self, values: Mapping[str, Any]):
        object.__setattr__(self, "_values", dict(values))

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return copy(values[name])
        known = "the parameters cell does not declare it" if name in KEYS else "there is no such key"
        raise AttributeError(f"parameter {name!r} is not available: {known}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"parameters are fixed once they are checked; set {name!r} in the parameter file")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in self._values.items())})"

    def changed(self, **changes: Any) -> Settings:
        """The same parameters with some values changed; the new values must be checked ones."""
        return Settings({**self._values, **changes})

    def plain(self) -> dict[str, Any]:
        """The values as JSON-able ones, in the order of the parameter file; dates as YYYY-MM-DD."""
        return {k: v.isoformat() if isinstance(v, date) else copy(v) for k, v in self._values.items()}


KEYS = tuple(Model.model_fields)


def meaning(name: str) -> str:
    """Unit, range and meaning of one key: the trailing comment that files and notebooks carry."""
    return Model.model_fields[name].description or ""


def check(values: Mapping[str, Any], where: str, partial: bool = False) -> Settings:
    """Validate a set of parameters as a whole.

    Args:
        values: key -> value as YAML or a notebook gave it.
        where: named in errors, such as ``params/sample.yaml``.
        partial: allow missing keys; the result then has only the given ones.

    Raises:
        SettingsError: one line for each thing that is wrong.
    """
    wrong = [
        f"{where}: unknown key {name!r}{_did_you_mean(name)}. Every key is listed in params/sample.yaml"
        for name in values
        if name not in KEYS
    ]
    known = {n: values[n] for n in KEYS if n in values}
    if not partial:
        wrong += [f"{where}: key {n!r} is missing. Allowed: {meaning(n)}" for n in KEYS if n not in known]
    try:
        good = _validated(known)
    except ValidationError as error:
        bad = {str(e["loc"][0]) for e in error.errors()}
        wrong += [
            f"{where}: {n} is {known[n]!r}, which is not allowed. Allowed: {meaning(n)}" for n in KEYS if n in bad
        ]
        good = _validated({n: v for n, v in known.items() if n not in bad})
    wrong += [f"{where}: {c}" for c in contradictions(good)]
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(good)


def _validated(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of some keys, each checked by itself."""
    fields = {n: (Model.model_fields[n].annotation, Model.model_fields[n]) for n in values}
    checked = create_model("Declared", __config__=Model.model_config, **fields).model_validate(values)
    return {n: getattr(checked, n) for n in values}


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(str(name), KEYS, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def parse_override(text: str) -> tuple[str, Any]:
    """``key=value`` from a command line; the value is read as YAML, so lists and null work."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise SettingsError(f"-p {text}: give key=value, such as -p trials=2 or -p split=[0.6,0.2,0.2]")
    try:
        return name, flat_yaml.read(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"-p {text}: the value is not YAML ({error})") from None


def load(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read, override and validate a parameter file.

    Raises:
        SettingsError: the file is missing or not flat YAML, or a key is wrong or given twice; the
            message names file, key, value and what is allowed.
    """
    path = Path(path)
    shown = path.relative_to(PROJECT_ROOT) if path.is_absolute() and path.is_relative_to(PROJECT_ROOT) else path
    if not path.is_file():
        have = ", ".join(sorted(f"params/{p.name}" for p in (PROJECT_ROOT / "params").glob("*.yaml")))
        raise SettingsError(f"{shown}: there is no such parameter file. The project's own are {have}")
    try:
        values = flat_yaml.read(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{shown}: not readable as YAML: {error}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{shown}: expected lines of 'key: value', found {type(values).__name__}")
    where = f"{shown}" if not overrides else f"{shown} with -p {' '.join(overrides)}"
    return check({**values, **(overrides or {})}, where)


def from_notebook(namespace: Mapping[str, Any]) -> Settings:
    """The checked parameters that a notebook's parameters cell (or papermill) assigned.

    Call it right after the parameters cell as ``settings.from_notebook(globals())``. The
    result has exactly the declared keys, so using an undeclared one fails at once.
    """
    return check({n: namespace[n] for n in KEYS if n in namespace}, "the parameters cell", partial=True)
