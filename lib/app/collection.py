"""Trained networks that are kept, each in a folder of its own with everything needed to use it again.

    <root>/<identity>/network.json      request, parameters, scores, history, seeds, versions, digest of the prices
                      model.keras       Keras's own layers; loads without this project
                      predictions.csv   as ``lib.evaluation.scoring.prediction_frame``
                      <TICKER>.csv      the prices it was trained on

A folder is drafted beside its place and moved there, so that a killed process leaves no half network.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lib import settings
from lib.data import market, windows
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.results import files
from lib.settings import Settings

_IDENTITY = re.compile(r"^[A-Z0-9.^=-]+_[A-Z-]+_\d{8}-\d{6}-[0-9a-f]{4}$")


class CollectionError(ProjectError):
    """A kept network cannot be found or read."""


@dataclass(frozen=True)
class KeptNetwork:
    """One trained network without its weights, which only the engine loads.

    Attributes:
        identity: the name of its folder.
        record: what ``network.json`` holds.
        predictions: date, actual_usd, predicted_usd, naive_usd, part.
        prices: daily prices it was trained on.
    """

    identity: str
    record: Mapping[str, Any]
    predictions: pd.DataFrame
    prices: pd.DataFrame

    @property
    def ticker(self) -> str:
        """Its coin."""
        return self.record["request"]["ticker"]

    @property
    def network(self) -> str:
        """Its kind."""
        return self.record["request"]["network"]

    @property
    def history(self) -> dict[str, list[float]]:
        """``loss`` and ``val_loss`` (scaled MSE) by epoch."""
        return self.record["history"]

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.history["loss"])

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose weights it has."""
        return self.record["best_epoch"]

    @property
    def title(self) -> str:
        """For a list that people choose from."""
        return f"{self.ticker}, {self.network}, trained {self.record['trained'][:16].replace('T', ' ')} UTC"

    @property
    def chosen(self) -> Settings:
        """The parameters of its run."""
        return settings.check(self.record["parameters"], f"{self.identity}/network.json")

    def dataset(self) -> Dataset:
        """Its windows, built again from the kept prices."""
        return windows.build({self.ticker: self.prices}, self.chosen)[self.ticker]

    def closes(self) -> pd.Series:
        """Clean closes of every day, US dollars."""
        return windows.clean({self.ticker: self.prices}, self.chosen)[self.ticker]["Close"]


class Collection:
    """The kept networks in one folder.

    Args:
        root: the folder; made at the first use.
    """

    def __init__(self, root: Path):
        self.root = Path(root)

    def keep(self, model: Any, record: Mapping[str, Any], predictions: pd.DataFrame, prices: pd.DataFrame) -> str:
        """Keep a network for good.

        Args:
            model: a Keras model of Keras's own layers.
            record: JSON-able, with ``request`` and ``parameters``.

        Returns:
            Its identity.

        Raises:
            FileError: the folder cannot be written; networks kept before are untouched.
        """
        now = datetime.now(UTC)
        ticker, network = record["request"]["ticker"], record["request"]["network"]
        identity = f"{ticker}_{network}_{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        draft = self.root / f".draft-{identity}"
        try:
            draft.mkdir(parents=True)
            model.save(draft / "model.keras")
            predictions.to_csv(draft / "predictions.csv", index=False, lineterminator="\n")
            prices.to_csv(draft / f"{ticker}.csv", index_label="Date", lineterminator="\n")
            files.write_json(draft / "network.json", {"trained": now.isoformat(timespec="seconds"), **record})
            os.replace(draft, self.root / identity)
        except OSError as error:
            raise files.unwritable(self.root, error) from error
        finally:
            with suppress(OSError):
                shutil.rmtree(draft, ignore_errors=True)
        return identity

    def identities(self) -> list[str]:
        """Kept networks, newest first."""
        try:
            found = [p.name for p in self.root.iterdir() if _IDENTITY.match(p.name)]
        except OSError:
            return []
        return sorted(found, key=lambda name: name.rpartition("_")[2], reverse=True)

    def all(self) -> list[KeptNetwork]:
        """Kept networks that can be read, newest first."""
        found = []
        for identity in self.identities():
            with suppress(CollectionError):
                found.append(self.find(identity))
        return found

    def find(self, identity: str) -> KeptNetwork:
        """One kept network.

        Raises:
            CollectionError: it is not there, or damaged.
        """
        if not _IDENTITY.match(identity) or not (self.root / identity).is_dir():
            raise CollectionError(f"there is no kept network {identity}. Train one, or choose another from the list")
        folder = self.root / identity
        try:
            record = json.loads((folder / "network.json").read_text(encoding="utf-8"))
            request = record["request"]
            predictions = pd.read_csv(folder / "predictions.csv", parse_dates=["date"])
            days = record["parameters"]["start_date"], record["parameters"]["end_date"]
            first, last = (datetime.fromisoformat(d).date() for d in days)
            prices = market.load("folder", [request["ticker"]], first, last, str(folder))[request["ticker"]]
        except (OSError, ValueError, KeyError, ProjectError) as error:
            raise CollectionError(
                f"the kept network {identity} cannot be read ({error}). Train it again, or choose another from the list"
            ) from error
        return KeptNetwork(identity, record, predictions, prices)

    def model_file(self, identity: str) -> Path:
        """Where its weights are."""
        return self.root / identity / "model.keras"
