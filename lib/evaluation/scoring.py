"""Experiments: train a network on every ticker, forecast every part, score against the naive forecast."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lib import thesis
from lib.data.windows import PARTS, Dataset
from lib.evaluation import baselines, metrics
from lib.networks import runtime, training
from lib.progress import Progress
from lib.settings import Settings


def train_on_every_ticker(network: str, data: Mapping[str, Dataset], chosen: Settings) -> dict[str, training.Fit]:
    """Train one network on each ticker with the hyperparameters that the thesis calls best.

    Args:
        network: a key of ``networks.ARCHITECTURES``.
        data: ticker -> windows.
        chosen: checked parameters of the groups Networks and Training; its seed and the ticker
            and network seed each training, whatever else is trained.
    """
    hyperparameters = thesis.best_hyperparameters(network)
    fits = {}
    with Progress(f"Training {network}", len(data)) as progress:
        for ticker, windows in data.items():

            def on_epoch(epoch: int, epochs: int, loss: float, val_loss: float) -> None:
                progress.step(f"{ticker} epoch {epoch} of at most {epochs}, validation MSE {val_loss:.3g}", 1 / epochs)

            before = progress.done
            seed = runtime.derived_seed(chosen.seed, ticker, network)
            fits[ticker] = training.fit(network, hyperparameters, windows, chosen, seed, on_epoch)
            progress.step(f"{ticker} took {fits[ticker].seconds:.0f} s", before + 1 - progress.done)
    return fits


def prediction_frame(data: Dataset, model: object) -> pd.DataFrame:
    """Forecasts of one trained network on all its windows.

    Returns:
        One row a target day, in time order: ``date``, ``actual_usd``, ``predicted_usd``,
        ``naive_usd`` (the close of the day before), ``part``.
    """
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "date": part.dates,
                    "actual_usd": part.actual_usd,
                    "predicted_usd": data.forecast_usd(part, training.predict(model, part.X)),
                    "naive_usd": baselines.naive(part.last_close_usd),
                    "part": part.name,
                }
            )
            for part in data.parts
        ],
        ignore_index=True,
    )


def score_table(
    predictions: Mapping[str, Mapping[str, pd.DataFrame]],
    data: Mapping[str, Dataset],
    seeds: Mapping[tuple[str, str], int],
) -> pd.DataFrame:
    """Scores of every network and of the naive forecast, by ticker and part.

    Args:
        predictions: ticker -> network -> frame as :func:`prediction_frame` makes it.
        data: ticker -> windows, for the scale.
        seeds: (ticker, network) -> seed of its training, kept beside each score.

    Returns:
        One row a ticker, part, model and unit (``scaled``: 0 to 1; ``USD``), with MSE, MAE, RMSE,
        MAPE (percent), R2, and ``skill``: 1 - MSE / MSE of the naive forecast. The naive forecast
        has a row beside the networks.
    """
    rows = []
    for ticker, by_network in predictions.items():
        for part in PARTS:
            for unit, convert in (("scaled", data[ticker].to_scaled), ("USD", lambda usd: usd)):
                for network, days in _with_naive(by_network, part).items():
                    actual = convert(days["actual_usd"].to_numpy())
                    score = metrics.scores(actual, convert(days["predicted_usd"].to_numpy()))
                    naive = metrics.scores(actual, convert(days["naive_usd"].to_numpy()))
                    rows.append(
                        {
                            "ticker": ticker,
                            "part": part,
                            "model": network,
                            "unit": unit,
                            "days": len(days),
                            **score,
                            "skill": 1 - score["MSE"] / naive["MSE"],
                            "seed": seeds.get((ticker, network)),
                        }
                    )
    return pd.DataFrame(rows).astype({"seed": "Int64"})


def beside_naive(predictions: pd.DataFrame, network: str) -> pd.DataFrame:
    """Scores of one trained network and of the naive forecast in US dollars, by part.

    Args:
        predictions: as :func:`prediction_frame` makes them.
        network: what the network is called.

    Returns:
        Two rows a part: part, model, days, MSE, MAE, RMSE, MAPE (percent), R2, skill.
    """
    rows = []
    for part in PARTS:
        for model, days in _with_naive({network: predictions}, part).items():
            actual, predicted, naive = (days[f"{c}_usd"].to_numpy() for c in ("actual", "predicted", "naive"))
            rows.append(
                {
                    "part": part,
                    "model": model,
                    "days": len(days),
                    **metrics.scores(actual, predicted),
                    "skill": metrics.skill(actual, predicted, naive),
                }
            )
    return pd.DataFrame(rows)


def worth_in_words(scores: pd.DataFrame, network: str) -> str:
    """What a network's scores on unseen days say to somebody who reads no code, from the table of :func:`beside_naive`."""
    rows = scores[scores["part"] == "test"].set_index("model")
    mine, naive = rows.loc[network], rows.loc[baselines.NAIVE]
    skill = mine["skill"]
    told = f"On {mine['days']:.0f} test days its squared error is {abs(skill):.0%} {'smaller' if skill > 0 else 'larger'} than that of 'tomorrow equals today'"
    verdict = (
        "so here it did better than no model; on so few days that can be chance"
        if skill > 0
        else "so on days that it has not seen it is worth less than no model at all"
    )
    return f"{told} (skill {skill:+.2f}; R2 {mine['R2']:.3f} beside {naive['R2']:.3f}), {verdict}."


def _with_naive(by_network: Mapping[str, pd.DataFrame], part: str) -> dict[str, pd.DataFrame]:
    chosen = {network: frame[frame["part"] == part] for network, frame in by_network.items()}
    any_frame = next(iter(chosen.values()))
    return {**chosen, baselines.NAIVE: any_frame.assign(predicted_usd=any_frame["naive_usd"])}


def in_words(scores: pd.DataFrame) -> str:
    """One line a ticker and part: who beat the naive forecast, and by how much, with one seed."""
    lines = []
    for (ticker, part), rows in scores[scores["unit"] == "USD"].groupby(["ticker", "part"], sort=False):
        naive = rows[rows["model"] == baselines.NAIVE].iloc[0]
        trained = rows[rows["model"] != baselines.NAIVE].sort_values("MSE")
        better = trained[trained["skill"] > 0]
        verdict = (
            f"better than naive: {', '.join(better['model'])}" if len(better) else "no network beats the naive forecast"
        )
        best = trained.iloc[0]
        lines.append(
            f"{ticker}, {part}: {verdict}. Smallest MSE {best['model']}, R2 {best['R2']:.4f}; naive R2 {naive['R2']:.4f}."
        )
    return "\n".join(lines)


def naive_scores(data: Dataset) -> dict[str, float]:
    """Scaled scores of the naive forecast on the validation days, where trials are judged."""
    part = data.validation
    return metrics.scores(data.to_scaled(part.actual_usd), data.to_scaled(baselines.naive(part.last_close_usd)))
