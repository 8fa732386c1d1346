"""The long frame of forecasts that every evaluation starts from.

``ticker, reading, model, seed_number, seed, part, date, actual_usd, predicted_usd, naive_usd``

``reading`` says what was varied, such as the target; ``model`` is a network or a baseline, which has seed number 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data import windows
from lib.data.windows import Dataset, Part
from lib.evaluation import baselines, scoring
from lib.experiments.train import Result, Training
from lib.settings import Settings

UNSEEN = ("validation", "test")
COLUMNS = [
    "ticker",
    "reading",
    "model",
    "seed_number",
    "seed",
    "part",
    "date",
    "actual_usd",
    "predicted_usd",
    "naive_usd",
]


def of_training(
    training: Training,
    result: Result,
    reading: str,
    seed_number: int = 1,
    weights: str = "best",
    parts: Sequence[str] = UNSEEN,
) -> pd.DataFrame:
    """The forecasts of one training."""
    frame = scoring.prediction_frame(training.data, lambda split: result.predicted(split, weights), parts)
    return _named(frame, training.data.ticker, reading, training.network, seed_number, training.seed)


def of_part(training: Training, part: Part, scaled: np.ndarray, reading: str, seed_number: int = 1) -> pd.DataFrame:
    """The forecasts of windows that are not among a training's own."""
    frame = scoring.part_frame(training.data, part, scaled)
    return _named(frame, training.data.ticker, reading, training.network, seed_number, training.seed)


def of_baselines(
    data: Dataset,
    prices: Mapping[str, pd.DataFrame],
    settings: Settings,
    reading: str,
    names: Sequence[str] | None = None,
    parts: Sequence[str] = UNSEEN,
) -> list[pd.DataFrame]:
    """The forecasts of baselines, of all of them unless ``names`` says which."""
    close = windows.clean(prices, settings)[data.ticker]["Close"]
    made = baselines.forecasts(data, close, *([names] if names else []))
    return [_named(f[f["part"].isin(parts)], data.ticker, reading, name, 0, None) for name, f in made.items()]


def _named(
    frame: pd.DataFrame, ticker: str, reading: str, model: str, seed_number: int, seed: int | None
) -> pd.DataFrame:
    seeds = pd.array([seed] * len(frame), dtype="Int64")
    return frame.assign(ticker=ticker, reading=reading, model=model, seed_number=seed_number, seed=seeds)[COLUMNS]


def seeds_used(frame: pd.DataFrame) -> dict[str, dict[str, list[int]]]:
    """Ticker -> network -> its seeds, for the record of a notebook."""
    trained = frame[frame["seed_number"] > 0].drop_duplicates(["ticker", "model", "seed_number"])
    return {
        ticker: {model: [int(s) for s in rows["seed"]] for model, rows in of.groupby("model", sort=False)}
        for ticker, of in trained.groupby("ticker", sort=False)
    }


def training_closes(prices: Mapping[str, pd.DataFrame], chosen: Settings) -> dict[str, np.ndarray]:
    """Ticker -> observed closes of the training days in US dollars, one a calendar day; missing in gaps.

    So the change of two neighbours is one day's: none is of a filled price, or over a gap.
    """
    cleaned = windows.clean(prices, chosen)
    days = {t: windows.split_days(f.index, chosen.split)["train"] for t, f in cleaned.items()}
    return {t: prices[t]["Close"].reindex(pd.date_range(d[0], d[-1])).to_numpy() for t, d in days.items()}
