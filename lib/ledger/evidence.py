"""What a run offers to the checks, and what is said when it offers too little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lib import thesis
from lib.data import windows
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import baselines, metrics, scoring
from lib.ledger import precision
from lib.ledger.rows import Row
from lib.results import artifacts
from lib.settings import Chosen

PROTOCOL = thesis.printed()["target_variance"]["recovered_protocol"]
START, END, LOOKBACK = date(2021, 1, 1), PROTOCOL["end_date"], 60
REPLAY_DIR = "outputs/replay"
REPLAY_TABLES = ("replay_trainings", "replay_agreement")
COMMAND = "python run_all.py params/thesis.yaml"
REPLAY_COMMAND = "python run_all.py params/replay.yaml --only 08b"


class Missing(ProjectError):
    """A check lacks something. The sentence says what, and the command that makes it."""


@dataclass(frozen=True)
class Targets:
    """Scaled closes of the days that a part is scored on, and of the days before them: shape (windows,)."""

    actual: np.ndarray
    before: np.ndarray

    @property
    def variance(self) -> float:
        """The mean squared distance from the mean: what MSE / (1 - R2) is."""
        return float(np.var(self.actual))

    @property
    def naive(self) -> dict[str, float]:
        """Scores of the forecast "tomorrow equals today"."""
        return metrics.scores(self.actual, baselines.naive(self.before))


@dataclass(frozen=True)
class Evidence:
    """Everything that a check may look at.

    Attributes:
        prices: ticker -> daily prices, as ``lib.data.market`` loads them.
        rows: the ledger, for checks that hold one printed number against another.
        scores: of the thesis's best hyperparameters, one seed each, as ``scoring.run_scores`` gives them.
        trainings: the replay of printed trials, every seed, as ``lib.experiments.replay.run`` gives it.
        agreement: which reading the replay fits, as ``lib.experiments.replay.agreement`` gives it.
        seeds: the thesis's best hyperparameters with several seeds, each one's scores, as ``lib.tables.seed_scores`` gives them.
        why: ``scores``, ``trainings`` or ``seeds`` -> why it is not there.
        inputs: what the windows of this run hold, with which ``seeds`` were trained.
    """

    prices: Mapping[str, pd.DataFrame]
    rows: Mapping[str, Row]
    scores: pd.DataFrame | None = None
    trainings: pd.DataFrame | None = None
    agreement: pd.DataFrame | None = None
    seeds: pd.DataFrame | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    inputs: str = "own_close"

    def close(self, ticker: str, column: str = "Close") -> pd.Series:
        """Daily prices of one of the thesis's coins on the thesis's window, in US dollars.

        Raises:
            Missing: the run's prices are others.
        """
        if ticker not in self.prices:
            raise Missing(f"other prices: this run has {', '.join(self.prices)}, not {ticker}. Make it with: {COMMAND}")
        series = self.prices[ticker][column].dropna()
        inside = series.loc[START.isoformat() : END.isoformat()]
        if len(inside) != (END - START).days + 1:
            raise Missing(
                f"other prices: {ticker} has {len(inside)} of the days {START} to {END}. Make it with: {COMMAND}"
            )
        return inside

    @cached_property
    def cache(self) -> dict[Any, Any]:
        """Results that several rows ask for."""
        return {}

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """The result of ``compute``, made when it is first asked for."""
        if key not in self.cache:
            self.cache[key] = compute()
        return self.cache[key]

    def targets(
        self, ticker: str, part: str = "validation", split: tuple[float, ...] | None = None, lookback: int = LOOKBACK
    ) -> Targets:
        """The days that a part is scored on, scaled over all days, under the recovered protocol or a change of it."""
        shares = tuple(split or PROTOCOL["split"])
        return self.once(
            ("targets", ticker, part, shares, lookback), lambda: _targets(self.close(ticker), part, shares, lookback)
        )

    def number(self, row_id: str) -> float:
        """A printed number of another row."""
        return precision.value(self.rows[row_id].printed)


def _targets(close: pd.Series, part: str, split: tuple[float, ...], lookback: int) -> Targets:
    days = windows.split_days(close.index, split)[part]
    if len(days) <= lookback:
        return Targets(np.empty(0), np.empty(0))
    scaled = ((close - close.min()) / (close.max() - close.min())).loc[days].to_numpy()
    return Targets(scaled[lookback:], scaled[lookback - 1 : -1])


def if_there(find: Callable[[], Any]) -> tuple[Any, str]:
    """What another notebook left, or None and the sentence that says how to make it."""
    try:
        return find(), ""
    except artifacts.ArtifactError as error:
        return None, str(error)


def collect(
    prices: Mapping[str, pd.DataFrame],
    rows: Mapping[str, Row],
    data: Mapping[str, Dataset],
    predictions: tuple[Any, str],
    replay: tuple[Any, str],
    seeds: tuple[Any, str],
    inputs: str,
) -> Evidence:
    """Prices and whatever earlier notebooks left.

    Args:
        data: ticker -> windows, for the scale of the predictions.
        predictions: ticker -> network -> frame, or None, and why not, as :func:`if_there` gives it.
        replay: trainings and agreement, or None, and why not.
        seeds: scores with several seeds, or None, and why not.
        inputs: what the windows of this run hold.
    """
    scores = None if predictions[0] is None else scoring.run_scores(predictions[0], data, {})
    trainings, agreement = replay[0] or (None, None)
    why = {"scores": predictions[1], "trainings": replay[1], "seeds": seeds[1]}
    return Evidence(prices, rows, scores, trainings, agreement, seeds[0], why, inputs)


def several_seeds(store: artifacts.Store) -> pd.DataFrame:
    """The scores of several seeds, one by one, that notebook 09a left in this run; raises like ``Store.find_predictions``."""
    return store.find_table("skill_seeds", "09a_skill")


def replayed(chosen: Chosen, digest: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The replay that this run itself left or the one of ``params/replay.yaml``, whichever has more trainings.

    Raises:
        artifacts.ArtifactError: there is none of these parameters and prices; names the command.
    """
    why, found = "", []
    for folder in dict.fromkeys((chosen.output_dir, REPLAY_DIR)):
        store = artifacts.Store(chosen.but(output_dir=folder), "10_claims")
        store.fact(data=dict(digest))
        if not all((store.root / "tables" / f"{name}.csv").is_file() for name in REPLAY_TABLES):
            continue
        try:
            trainings, agreement = (
                store.find_table(name, "08b_replay", f"Make them with: {REPLAY_COMMAND}") for name in REPLAY_TABLES
            )
            if "inside_p" in agreement:
                found.append((trainings, agreement))
                continue
            why = (
                why
                or f"{store.root.name}/tables/{REPLAY_TABLES[1]}.csv is of an older version. Make it again: {REPLAY_COMMAND}"
            )
        except artifacts.ArtifactError as error:
            why = why or str(error)
    if found:
        return max(found, key=lambda both: len(both[0]))
    raise artifacts.ArtifactError(why or f"no printed trial was trained again. Make it with: {REPLAY_COMMAND}")
