"""What a run offers to the checks, and what is said when it offers too little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lib import tables, thesis
from lib.data import windows
from lib.errors import ProjectError
from lib.evaluation import baselines, metrics
from lib.experiments import frames, replay, seeds, train
from lib.ledger import precision
from lib.ledger.rows import Row
from lib.settings import PROJECT_ROOT, Settings, load, output_root

PROTOCOL = thesis.printed()["target_variance"]["recovered_protocol"]
START, END, LOOKBACK = date(2021, 1, 1), PROTOCOL["end_date"], 60
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
        seeds: the thesis's best hyperparameters with several seeds, each one's scores, as
            ``lib.tables.seed_scores`` gives them.
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
    """What was trained, or None and the sentence that says how to train it."""
    try:
        return find(), ""
    except Missing as error:
        return None, str(error)


def collect(
    prices: Mapping[str, pd.DataFrame], rows: Mapping[str, Row], scores: pd.DataFrame | None, settings: Settings
) -> Evidence:
    """Prices, scores of notebook 09, and what the cache and the committed replay hold of other trainings."""
    replay_found, why_not_replayed = if_there(lambda: replayed(prices, settings))
    seeds_found, why_no_seeds = if_there(lambda: several_seeds(prices, settings))
    fits, agreement = replay_found or (None, None)
    why = {"scores": "no network was trained", "trainings": why_not_replayed, "seeds": why_no_seeds}
    return Evidence(prices, rows, scores, fits, agreement, seeds_found, why, settings.inputs)


def several_seeds(prices: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """The scores of several seeds on closes, one by one, as notebook 09a has them.

    Raises:
        Missing: not all of them are cached; names the command that trains them.
    """
    planned = seeds.trainings(prices, settings, ["close"])
    absent = sum(not train.is_cached(training) for training, _ in planned)
    if absent:
        raise Missing(
            f"{absent} of {len(planned)} trainings with several seeds are not cached. Train them with:"
            " python run_all.py --only 09a (and this run's parameter file)"
        )
    results = train.train_all([training for training, _ in planned])
    found = [frames.of_training(t, result, "close", k) for (t, k), result in zip(planned, results)]
    return tables.seed_scores(pd.concat(found, ignore_index=True))


def replayed(prices: Mapping[str, pd.DataFrame], settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The replay of this run, or the one of ``params/replay.yaml`` on its prices, whichever has more trainings.

    Returns:
        Every training, as ``replay.run`` gives it, and which reading they fit, as ``replay.agreement`` gives it.

    Raises:
        Missing: of neither is everything cached or in a table with keys; names the command.
    """
    found, why = [], []
    for reading in _replays(settings):
        try:
            printed = replay.printed_trials(reading.tickers, reading.networks, reading.replay_trials)
            planned = replay.planned(prices, printed, reading)
        except ProjectError as error:  # no such trials, or too few days for its windows
            why.append(str(error))
            continue
        known = replay.read(output_root(reading.output_dir) / "tables" / "replay_trainings.csv")
        absent = replay.missing(planned, known)
        if absent:
            why.append(
                f"{absent} of {len(planned)} trainings of printed trials are not known."
                f" Train them with: {REPLAY_COMMAND}"
            )
        else:
            fits = replay.run(planned, known)
            found.append((fits, replay.agreement(fits, replay.table(printed, fits, windows.build(prices, reading)))))
    if not found:
        raise Missing(why[-1])
    return max(found, key=lambda both: len(both[0]))


def _replays(settings: Settings) -> list[Settings]:
    place = ("source", "data_dir", "tickers", "start_date", "end_date")
    own = [settings] if settings.replay_seeds else []
    whole = load(PROJECT_ROOT / "params/replay.yaml")
    return [*own, whole.changed(**{name: getattr(settings, name) for name in place})]
