"""Trained networks that a visitor can use again, each a small record beside its prices.

    <root>/<identity>/network.json    request, parameters, key of its training, scores, history, when
                      <TICKER>.csv    the prices it was trained on

The network itself is the training's result in the cache; if it is not there any more it is trained again, which gives
the same network. A folder is drafted beside its place and moved there, so that a killed process leaves no half record.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field

from lib import settings
from lib.app.requests import TrainingRequest
from lib.data import market, windows
from lib.data.market.files import csv_prices
from lib.errors import ProjectError
from lib.evaluation import scoring
from lib.experiments.train import Result, Training
from lib.results import files
from lib.settings import Network, Settings, Ticker

_IDENTITY = re.compile(r"[A-Z0-9.^=-]+_[A-Z-]+_\d{8}-\d{6}-[0-9a-f]{4}")


class CollectionError(ProjectError):
    """A saved network cannot be found or read."""


@dataclass(frozen=True)
class Entry:
    """What is known of a saved network without loading it.

    Attributes:
        identity: the name of its folder.
        record: what ``network.json`` holds.
    """

    identity: str
    record: Mapping[str, Any]

    @property
    def ticker(self) -> str:
        """Its coin."""
        return self.record["request"]["ticker"]

    @property
    def network(self) -> str:
        """Its kind."""
        return self.record["request"]["network"]

    @property
    def title(self) -> str:
        """For a list that people choose from."""
        return f"{self.ticker}, {self.network}, trained {self.record['trained'][:16].replace('T', ' ')} UTC"


@dataclass(frozen=True)
class TrainedNetwork(Entry):
    """A saved network with its weights, ready for views and forecasts.

    Attributes:
        prices: the daily prices that it was trained on.
        training: windows, hyperparameters and settings.
        result: losses, forecasts of every split, weights.
    """

    prices: pd.DataFrame
    training: Training
    result: Result

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """As :func:`lib.evaluation.scoring.prediction_frame` has them."""
        return scoring.prediction_frame(self.training.data, self.result.predicted)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Two rows a split, the network and the naive forecast, in US dollars."""
        return scoring.network_scores(self.predictions, self.network)

    @cached_property
    def observed(self) -> pd.Series:
        """The closes that were observed, US dollars."""
        return self.prices["Close"].dropna()

    @cached_property
    def closes(self) -> pd.Series:
        """Clean closes, US dollars, as windows are cut from them: filled days are among them."""
        return windows.clean({self.ticker: self.prices}, self.training.settings)[self.ticker]["Close"]


def loaded(entry: Entry, prices: pd.DataFrame, training: Training, result: Result) -> TrainedNetwork:
    """An entry with what was loaded for it."""
    return TrainedNetwork(entry.identity, entry.record, prices, training, result)


class _Asked(BaseModel):
    ticker: Ticker
    network: Network
    seed: int


class _Record(BaseModel):
    """What is read of a record; one of an earlier version may lack the rest."""

    trained: str
    request: _Asked
    parameters: Annotated[dict[str, Any], Field(min_length=1)]
    hyperparameters: Annotated[dict[str, float], Field(min_length=1)]


class Collection:
    """The saved networks in one folder.

    Args:
        root: the folder; made at the first use.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self._read: dict[str, Entry] = {}  # records never change

    def save(self, request: TrainingRequest, prices: pd.DataFrame, training: Training, result: Result) -> Entry:
        """Save a trained network's record and prices.

        Raises:
            FileError: the folder cannot be written; networks saved before are untouched.
        """
        now = datetime.now(UTC)
        identity = f"{request.ticker}_{request.network}_{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        draft = self.root / f".draft-{identity}"
        csv = draft / f"{request.ticker}.csv"
        try:
            draft.mkdir(parents=True)
            csv_prices.write(csv, prices)
            record = {**_record(now, request, prices, training, result), "prices_sha256": files.sha256(csv)}
            entry = Entry(identity, files.sealed(record))
            files.write_json(draft / "network.json", entry.record)
            os.replace(draft, self.root / identity)
        except OSError as error:
            raise files.unwritable(self.root, error) from error
        finally:
            with suppress(OSError):
                shutil.rmtree(draft, ignore_errors=True)
        return entry

    def identities(self) -> list[str]:
        """Saved networks, newest first."""
        try:
            found = [p.name for p in self.root.iterdir() if _IDENTITY.fullmatch(p.name)]
        except OSError:
            return []
        return sorted(found, key=lambda name: name.rpartition("_")[2], reverse=True)

    def entries(self) -> list[Entry]:
        """Saved networks whose record can be read, newest first."""
        found = []
        for identity in self.identities():
            with suppress(CollectionError):
                found.append(self.find(identity))
        return found

    def find(self, identity: str) -> Entry:
        """One saved network.

        Raises:
            CollectionError: it is not there, or damaged.
        """
        if not _IDENTITY.fullmatch(identity) or not (self.root / identity).is_dir():
            raise CollectionError(f"there is no saved network {identity}. Train one, or choose another from the list")
        if identity in self._read:
            return self._read[identity]
        try:
            entry = Entry(identity, files.read_as(_Record, self.root / identity / "network.json"))
            files.check_seal(entry.record)
        except (OSError, ValueError) as error:
            raise _unreadable(identity, error) from error
        self._read[identity] = entry
        return entry

    def forget(self, identity: str) -> None:
        """Remove a saved network; its training stays in the cache.

        Raises:
            CollectionError: it is not there.
            FileError: the folder cannot be written.
        """
        entry = self.find(identity)
        gone = self.root / f".gone-{entry.identity}"
        try:
            os.replace(self.root / entry.identity, gone)  # at once, so that nobody sees half of it
        except OSError as error:
            raise files.unwritable(self.root, error) from error
        self._read.pop(identity, None)
        shutil.rmtree(gone, ignore_errors=True)

    def prices(self, entry: Entry) -> pd.DataFrame:
        """The daily prices that a saved network was trained on.

        Raises:
            CollectionError: they are not there, or damaged.
        """
        csv = self.root / entry.identity / f"{entry.ticker}.csv"
        try:
            prices = csv_prices.read(csv, csv.name)
            if files.sha256(csv) != entry.record.get("prices_sha256", files.sha256(csv)):  # older records have none
                raise CollectionError(f"{csv.name} is not the file that was saved")
        except (OSError, ProjectError) as error:
            raise _unreadable(entry.identity, error) from error
        return prices


def training_of(entry: Entry, prices: pd.DataFrame) -> Training:
    """The training that gives a saved network.

    Raises:
        CollectionError: its parameters cannot be used any more.
    """
    try:
        chosen = completed(entry.record["parameters"], entry.identity)
        data = windows.build({entry.ticker: prices}, chosen)[entry.ticker]
    except ProjectError as error:
        raise _unreadable(entry.identity, error) from error
    seed = entry.record["request"]["seed"]
    return Training(entry.network, entry.record["hyperparameters"], seed, data, chosen, entry.title)


def completed(parameters: Mapping[str, Any], where: str) -> Settings:
    """Parameters that were saved when there were other keys: missing ones are today's defaults, others are ignored.

    Where a network was trained is not where it is used.

    Raises:
        SettingsError: a value is not allowed any more.
    """
    known = {name: value for name, value in parameters.items() if name in settings.KEYS and name != "scheduler"}
    return settings.check({**settings.sample().plain(), **known}, where)


def _record(
    now: datetime, request: TrainingRequest, prices: pd.DataFrame, training: Training, result: Result
) -> dict[str, Any]:
    scores = scoring.network_scores(scoring.prediction_frame(training.data, result.predicted), request.network)
    return {
        "trained": now.isoformat(timespec="seconds"),
        "request": request.model_dump(mode="json"),
        "parameters": training.settings.plain(),
        "hyperparameters": dict(training.hyperparameters),
        "key": training.key,
        "history": {name: [float(value) for value in losses] for name, losses in result.history.items()},
        "best_epoch": result.best_epoch,
        "seconds": result.seconds,
        "seed": training.seed,
        "weights": result.parameters,
        "scores": scoring.as_records(scores),
        "data": market.digest({request.ticker: prices}),
        "origin": market.origins({request.ticker: prices})[request.ticker],
        "processor": result.processor,
    }


def _unreadable(identity: str, error: Exception) -> CollectionError:
    return CollectionError(
        f"the saved network {identity} cannot be read ({error}). Train it again, or choose another from the list"
    )
