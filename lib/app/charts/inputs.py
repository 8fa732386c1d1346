"""What the views are drawn from, and the checks before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.app.charts.canvas import ChartError
from lib.data import SPLITS

PREDICTION_COLUMNS = ("date", "actual_usd", "predicted_usd", "naive_usd", "part")
PRICE_COLUMNS = ("Open", "High", "Low", "Close", "Volume")


@dataclass(frozen=True)
class Finished:
    """A finished training, as the views take it.

    Attributes:
        ticker, network: such as ADA-USD and LSTM.
        history: ``loss`` and ``val_loss``, scaled MSE by epoch.
        predictions: ``date``, ``actual_usd``, ``predicted_usd``, ``naive_usd``, ``part`` (train, validation, test), in
            time order, as ``lib.evaluation.scoring.prediction_frame`` makes them.
        prices: daily Open, High, Low, Close (USD), Volume (USD), indexed by day.
    """

    ticker: str
    network: str
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    predictions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PREDICTION_COLUMNS)))
    prices: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PRICE_COLUMNS)))

    @property
    def name(self) -> str:
        return f"{self.ticker}, {self.network}"


def absent(prices: pd.DataFrame, columns: Sequence[str]) -> str:
    """A sentence's part about columns that the source of prices lacks; empty if it has them."""
    names = [name for name in columns if prices[name].isna().all()]
    return f"These prices have no {', '.join(names)}" if names else ""


def losses(history: Mapping[str, Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation loss by epoch, shape (epochs,) each."""
    lacking = [name for name in ("loss", "val_loss") if name not in history]
    if history and lacking:
        raise ChartError(
            f"the training history lacks {', '.join(lacking)}; it needs loss and val_loss, a number an epoch each"
        )
    loss, validation = (np.asarray(history.get(name, ()), dtype="float64") for name in ("loss", "val_loss"))
    if len(loss) != len(validation):
        raise ChartError(
            f"the history has {len(loss)} values of loss and {len(validation)} of val_loss: an epoch needs one of each"
        )
    return loss, validation


def forecasts(frame: pd.DataFrame, parts: Sequence[str] = ("validation", "test")) -> pd.DataFrame:
    """Rows of the wanted parts, checked."""
    lacking = [name for name in PREDICTION_COLUMNS if name not in frame.columns]
    if lacking:
        raise ChartError(
            f"the predictions lack the column {', '.join(lacking)}; needed are {', '.join(PREDICTION_COLUMNS)}"
        )
    unknown = sorted(set(frame["part"]) - set(SPLITS))
    if unknown:
        raise ChartError(f"the predictions have a part {unknown[0]!r}, allowed are {', '.join(SPLITS)}")
    return frame[frame["part"].isin(parts)].reset_index(drop=True)


def days(prices: pd.DataFrame, last: int | None = None) -> pd.DataFrame:
    """Days with a close and every other price that the source has, checked; the last so many rows if wanted."""
    lacking = [name for name in PRICE_COLUMNS if name not in prices.columns]
    if lacking:
        raise ChartError(f"the prices lack the column {', '.join(lacking)}; needed are {', '.join(PRICE_COLUMNS)}")
    if not prices.index.is_monotonic_increasing or not prices.index.is_unique:
        raise ChartError("the prices must be one row a day, in time order")
    whole = prices.dropna(subset=["Close", *(c for c in PRICE_COLUMNS[:3] if prices[c].notna().any())])
    return whole if last is None else whole.tail(last)
