"""Forecasts of a network as a frame, and their scores beside the naive forecast's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from lib.data import SPLITS
from lib.data.windows import Dataset
from lib.evaluation import baselines, metrics


def prediction_frame(
    data: Dataset, predicted: Callable[[str], np.ndarray], splits: Sequence[str] = SPLITS
) -> pd.DataFrame:
    """Forecasts of one trained network in US dollars.

    Args:
        data: its windows.
        predicted: from a split's name to what the network gives for its windows, shape (windows,).
        splits: which splits.

    Returns:
        One row for each target day, in time order: ``date``, ``actual_usd``, ``predicted_usd``,
        ``naive_usd`` (the close of the day before), ``part`` (the split).
    """
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "date": part.dates,
                    "actual_usd": part.actual_usd,
                    "predicted_usd": data.forecast_usd(part, predicted(part.name)),
                    "naive_usd": baselines.naive(part.last_close_usd),
                    "part": part.name,
                }
            )
            for part in data.parts
            if part.name in splits
        ],
        ignore_index=True,
    )


def run_scores(
    predictions: Mapping[str, Mapping[str, pd.DataFrame]],
    data: Mapping[str, Dataset],
    seeds: Mapping[tuple[str, str], int],
) -> pd.DataFrame:
    """Scores of one run's networks, one training each, and of the naive forecast, by ticker and split.

    Args:
        predictions: ticker -> network -> frame as :func:`prediction_frame` makes it.
        data: ticker -> windows, for the scale.
        seeds: (ticker, network) -> seed of its training, shown beside each score.

    Returns:
        One row for each ticker, split (column ``part``), model and unit (``scaled``: 0 to 1; ``USD``), with
        MSE, MAE, RMSE, MAPE (percent), R2, and ``skill``: 1 - MSE / MSE of the naive forecast.
    """
    units = ("scaled", "USD")
    rows = []
    for ticker, by_network in predictions.items():
        convert = dict(zip(units, (data[ticker].to_scaled, lambda usd: usd)))
        for split in SPLITS:
            for unit in units:
                for model, days in _with_naive(by_network, split).items():
                    about = {"ticker": ticker, "part": split, "model": model, "unit": unit, "days": len(days)}
                    rows.append({**about, **_scores(days, convert[unit]), "seed": seeds.get((ticker, model))})
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def network_scores(predictions: pd.DataFrame, network: str) -> pd.DataFrame:
    """Scores of one trained network and of the naive forecast in US dollars, by split.

    Args:
        predictions: as :func:`prediction_frame` makes them.
        network: what the network is called.

    Returns:
        Two rows for each split (column ``part``): model, days, MSE, MAE, RMSE, MAPE (percent), R2, skill.
    """
    rows = [
        {"part": split, "model": model, "days": len(days), **_scores(days)}
        for split in SPLITS
        for model, days in _with_naive({network: predictions}, split).items()
    ]
    return pd.DataFrame(rows)


def _with_naive(by_network: Mapping[str, pd.DataFrame], split: str) -> dict[str, pd.DataFrame]:
    chosen = {network: frame[frame["part"] == split] for network, frame in by_network.items()}
    any_frame = next(iter(chosen.values()))
    return {**chosen, baselines.NAIVE: any_frame.assign(predicted_usd=any_frame["naive_usd"])}


def _scores(days: pd.DataFrame, convert: Callable[[np.ndarray], np.ndarray] = np.asarray) -> dict[str, float]:
    columns = ("actual_usd", "predicted_usd", "naive_usd")
    return metrics.beside_naive(*(convert(days[column].to_numpy()) for column in columns))


def network_in_words(scores: pd.DataFrame, network: str) -> str:
    """What a network's scores on unseen days mean to somebody who reads no code, from :func:`network_scores`."""
    rows = scores[scores["part"] == "test"].set_index("model")
    mine, naive = rows.loc[network], rows.loc[baselines.NAIVE]
    skill = mine["skill"]
    if np.isinf(skill):
        return "The training diverged: its forecasts are not numbers. Choose a smaller learning rate or another seed."
    error = (
        f"On {mine['days']:.0f} test days its squared error is {abs(skill):.0%} {'smaller' if skill > 0 else 'larger'}"
    )
    verdict = (
        "so here it did better than no model; on so few days that can be chance"
        if skill > 0
        else "so on days that it has not seen it is no better than no model at all"
    )
    scored = f"skill {skill:+.2f}; R2 {mine['R2']:.3f} beside {naive['R2']:.3f}"
    return f"{error} than that of 'tomorrow equals today' ({scored}), {verdict}."


def scores_in_words(scores: pd.DataFrame) -> str:
    """One line for each ticker and split: who beat the naive forecast, and by how much, with one seed."""
    lines = []
    for (ticker, split), rows in scores[scores["unit"] == "USD"].groupby(["ticker", "part"], sort=False):
        naive = rows[rows["model"] == baselines.NAIVE].iloc[0]
        trained = rows[rows["model"] != baselines.NAIVE].sort_values("MSE")
        better = ", ".join(trained.loc[trained["skill"] > 0, "model"])
        verdict = f"better than naive: {better}" if better else "no network beats the naive forecast"
        best = trained.iloc[0]
        diverged = ", ".join(trained.loc[np.isinf(trained["MSE"]), "model"])
        lines.append(
            f"{ticker}, {split}: {verdict}. Smallest MSE {best['model']}, R2 {best['R2']:.4f};"
            f" naive R2 {naive['R2']:.4f}.{f' Diverged: {diverged}.' if diverged else ''}"
        )
    return "\n".join(lines)


def scaled_scores(data: Dataset, predicted: np.ndarray) -> dict[str, float]:
    """Scores of scaled closes on the validation days, where trials are compared; infinitely bad if one is not finite.

    Args:
        predicted: what a network gives for the validation windows, shape (windows,).
    """
    part = data.validation
    forecast = data.forecast_scaled(part, predicted)
    if not np.isfinite(forecast).all():
        return {**dict.fromkeys(metrics.NAMES, math.inf), "R2": -math.inf}
    return metrics.scores(data.to_scaled(part.actual_usd), forecast)


def naive_scores(data: Dataset) -> dict[str, float]:
    """Scaled scores of the naive forecast on the validation days, on which trials are scored."""
    split = data.validation
    return metrics.scores(data.to_scaled(split.actual_usd), data.to_scaled(baselines.naive(split.last_close_usd)))
