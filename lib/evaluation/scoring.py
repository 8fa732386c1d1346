"""Forecasts of a network as a frame, and their scores beside the naive forecast's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.data import SPLITS
from lib.data.windows import Dataset, Part
from lib.evaluation import baselines, metrics, resampling, significance


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
    found = [part_frame(data, part, predicted(part.name)) for part in data.parts if part.name in splits]
    return pd.concat(found, ignore_index=True)


def part_frame(data: Dataset, part: Part, scaled: np.ndarray) -> pd.DataFrame:
    """The rows of :func:`prediction_frame` for windows of one part, which need not be one of the dataset's own.

    Args:
        data: the windows that the network was trained on.
        part: what it forecasts now.
        scaled: what it gives for these windows, shape (windows,).
    """
    return pd.DataFrame(
        {
            "date": part.dates,
            "actual_usd": part.actual_usd,
            "predicted_usd": data.forecast_usd(part, scaled),
            "naive_usd": baselines.naive(part.last_close_usd),
            "part": part.name,
        }
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
        MSE, MAE, RMSE, MAPE (percent), R2, ``skill``: 1 - MSE / MSE of the naive forecast, and its 95 % interval
        ``skill_lower`` to ``skill_upper`` (see :func:`_interval`).
    """
    units = ("scaled", "USD")
    rows = []
    for ticker, by_network in predictions.items():
        convert = dict(zip(units, (data[ticker].to_scaled, lambda usd: usd)))
        for split in SPLITS:
            compared = _with_naive(by_network, split)
            sure = {model: _interval(days) for model, days in compared.items()}  # the same in every unit
            for unit in units:
                for model, days in compared.items():
                    about = {"ticker": ticker, "part": split, "model": model, "unit": unit, "days": len(days)}
                    scores = {**_scores(days, convert[unit]), **sure[model]}
                    rows.append({**about, **scores, "seed": seeds.get((ticker, model))})
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def network_scores(predictions: pd.DataFrame, network: str) -> pd.DataFrame:
    """Scores of one trained network and of the naive forecast in US dollars, by split.

    Args:
        predictions: as :func:`prediction_frame` makes them.
        network: what the network is called.

    Returns:
        Two rows for each split (column ``part``): model, days, MSE, MAE, RMSE, MAPE (percent), R2, skill and its
        interval as :func:`run_scores` has it.
    """
    rows = [
        {"part": split, "model": model, "days": len(days), **_scores(days), **_interval(days)}
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


def _interval(days: pd.DataFrame) -> dict[str, float]:
    """How far the skill of one training may move on other days like these: blocks of days drawn again.

    The seed is not drawn again, so another training may lie outside. Missing for the naive forecast itself, for a
    diverged training and for fewer than 10 days.
    """
    actual, predicted, naive = (days[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd"))
    losses, reference = metrics.squared_errors(actual, predicted), metrics.squared_errors(actual, naive)
    own = np.array_equal(losses, reference)
    lower, upper = (math.nan, math.nan) if own else resampling.skill_with_interval(losses, reference)[1:]
    return {"skill_lower": lower, "skill_upper": upper}


def as_records(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as JSON has them: what is missing is None."""
    return scores.astype(object).where(scores.notna(), None).to_dict("records")


def skill_in_words(row: Mapping[str, float]) -> str:
    """A skill with its interval, from a row with ``skill``, ``skill_lower`` and ``skill_upper``."""
    if math.isnan(row["skill"]):
        return "no skill, as the price did not change"
    if math.isnan(row["skill_lower"]):
        return f"skill {row['skill']:+.2f}, too few days for an interval"
    return f"skill {row['skill']:+.2f}, 95 % interval {row['skill_lower']:+.2f} to {row['skill_upper']:+.2f}"


def verdict(lower: float, upper: float, p_better: float = math.nan) -> dict[str, str]:
    """What the 95 % interval of a skill says, in the few words of a badge.

    Args:
        lower, upper: of the skill against the naive forecast; not a number where there is none.
        p_better: two-sided p-value of equal squared errors, said where the whole interval is above 0.

    Returns:
        ``kind`` (worse, same, better or unknown) and ``words``. The naive forecast is called "no model" there.
    """
    if math.isnan(lower) or math.isnan(upper):
        return {"kind": "unknown", "words": "too few days to compare with no model"}
    if upper < 0:
        return {"kind": "worse", "words": "worse than no model"}
    if lower <= 0:
        return {"kind": "same", "words": "no better than no model"}
    p = "" if math.isnan(p_better) else f", p {'' if p_better < 0.001 else '= '}{significance.p_text(p_better)}"
    return {"kind": "better", "words": f"better than no model{p}"}


def network_in_words(scores: pd.DataFrame, network: str) -> str:
    """What a network's scores on unseen days mean to somebody who reads no code, from :func:`network_scores`."""
    rows = scores[scores["part"] == "test"].set_index("model")
    mine, naive = rows.loc[network], rows.loc[baselines.NAIVE]
    skill = mine["skill"]
    if np.isinf(skill):
        return "The training diverged: its forecasts are not numbers. Choose a smaller learning rate or another seed."
    if np.isnan(skill):
        return (
            f"The price did not change on the {mine['days']:.0f} test days, so 'tomorrow equals today' was right on"
            " each of them and nothing can be better: choose other days."
        )
    error = (
        f"On {mine['days']:.0f} test days its squared error is {abs(skill):.0%} {'smaller' if skill > 0 else 'larger'}"
    )
    if mine["skill_lower"] > 0:
        verdict = "so on these days it did better than no model; another seed or other days may do worse"
    elif mine["skill_upper"] < 0:
        verdict = "so on days that it has not seen it is worse than no model at all"
    else:
        verdict = "which chance explains: it is not shown to be better than no model"
    scored = f"{skill_in_words(mine)}; R2 {mine['R2']:.3f} beside {naive['R2']:.3f}"
    return f"{error} than that of 'tomorrow equals today' ({scored}), {verdict}."


def scores_in_words(scores: pd.DataFrame) -> str:
    """One line for each ticker and split: who is better than the naive forecast, and how sure that is with one seed."""
    lines = []
    for (ticker, split), rows in scores[scores["unit"] == "USD"].groupby(["ticker", "part"], sort=False):
        naive = rows[rows["model"] == baselines.NAIVE].iloc[0]
        trained = rows[rows["model"] != baselines.NAIVE].sort_values("MSE")
        better = ", ".join(trained.loc[trained["skill_lower"] > 0, "model"])
        worse = ", ".join(trained.loc[trained["skill_upper"] < 0, "model"])
        verdict = f"better than naive on these days: {better or 'none'}; worse: {worse or 'none'}"
        best = trained.iloc[0]
        diverged = ", ".join(trained.loc[np.isinf(trained["MSE"]), "model"])
        lines.append(
            f"{ticker}, {split}: {verdict}. Smallest MSE {best['model']} ({skill_in_words(best)}), R2 {best['R2']:.4f};"
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
