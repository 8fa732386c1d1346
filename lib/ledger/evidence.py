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
from lib.errors import ProjectError
from lib.evaluation import baselines, metrics
from lib.ledger import precision
from lib.ledger.rows import Row

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
        replay: the trials trained again, as ``lib.experiments.replay.table`` gives them.
        studies: the same by coin and network, as ``lib.experiments.replay.studies`` gives them.
        error_rate: how often the rule errs by which they are judged, as ``lib.experiments.replay.error_rate`` gives it.
        inputs_compared: which inputs the records fit, as ``lib.experiments.protocol.inputs_compared`` gives it.
        seeds: the thesis's best hyperparameters with several seeds, each one's scores, as
            ``lib.tables.seed_scores`` gives them.
        skill: networks in the median of our seeds, and typical models, on the same days, as notebook 09a scores them.
        why: name of one of these tables -> why it is not there; empty if it is.
        inputs: what the windows of this run hold, with which ``seeds`` were trained.
    """

    prices: Mapping[str, pd.DataFrame]
    rows: Mapping[str, Row]
    scores: pd.DataFrame | None = None
    replay: pd.DataFrame | None = None
    studies: pd.DataFrame | None = None
    error_rate: pd.DataFrame | None = None
    inputs_compared: pd.DataFrame | None = None
    seeds: pd.DataFrame | None = None
    skill: pd.DataFrame | None = None
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
