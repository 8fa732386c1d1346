"""Every network over several blocks of test days, each tuned and trained on earlier days only (notebook 09b)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import CategoricalDistribution

from lib.data import SPLITS, windows
from lib.data.windows import Dataset
from lib.experiments import frames, random_seeds, search, seeds, train
from lib.experiments.train import Result, Training
from lib.settings import Settings

SCHEMES = ("expanding", "sliding")
# Of each training part, the last days that stop trainings and choose hyperparameters.
INNER_SHARE = 0.15


def forecasts(prices: Mapping[str, pd.DataFrame], settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every network over ``folds`` blocks of test days, tuned inside each training part.

    In each fold ``fold_trials`` sets of hyperparameters, drawn from the search space, are trained. The thesis's best
    one is not among them: it was chosen on days that are test days here. The one with the smallest MSE on the inner
    validation days forecasts the block. Scaler and early stopping see no later day. Windows reach back over the start
    of a split, so that every day of a block is forecast. Both schemes have the first fold in common.

    Returns:
        The long frame of test days (``reading`` is scheme and fold, such as ``expanding 1``), with the baselines
        beside;
        and a row a training: ticker, network, scheme, fold, trial, chosen (whether it forecast the block), inner
        validation MSE, epochs and hyperparameters.
    """
    check_days(prices, settings)
    of_baselines = baseline_forecasts(prices, settings)  # first, as their errors should come before any training
    planned = trainings(prices, settings)
    results = train.train_all([t for t, _ in planned])
    rows = pd.DataFrame([trial_row(t, about, r) for (t, about), r in zip(planned, results)])
    best = rows.groupby(["ticker", "network", "scheme", "fold"], sort=False)["validation_mse"].transform("idxmin")
    rows.insert(5, "chosen", rows.index == best)
    found = [of_baselines]
    for at in np.flatnonzero(rows["chosen"]):
        training, about = planned[at]
        found.append(frames.of_training(training, results[at], f"{about['scheme']} {about['fold']}", parts=["test"]))
    return pd.concat(found, ignore_index=True), rows


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which :func:`forecasts` would fail.

    Raises:
        WindowError: the first fold that lacks windows, with the number of days that would do.
    """
    for fold in folds_of(prices, settings):
        windows.check_scored_days({fold.data.ticker: fold.data}, seeds.LEAST_DAYS, ["train"])


def trainings(prices: Mapping[str, pd.DataFrame], settings: Settings) -> list[tuple[Training, dict[str, Any]]]:
    """The trainings of :func:`forecasts`, each with its ticker, network, scheme, fold and trial."""
    planned = []
    for fold in folds_of(prices, settings):
        ticker = fold.data.ticker
        for network in settings.networks:
            for trial, h in enumerate(trial_sets(network, settings, ticker, fold.number), 1):
                seed = random_seeds.of_fold(settings.seed, ticker, network, fold.number, trial)
                name = f"{ticker} {network}, {fold.scheme} {fold.number}, trial {trial}"
                about = {
                    "ticker": ticker,
                    "network": network,
                    "scheme": fold.scheme,
                    "fold": fold.number,
                    "trial": trial,
                }
                planned.append((Training(network, h, seed, fold.data, fold.settings, name), about))
    return planned


def trial_row(training: Training, about: Mapping[str, Any], result: Result) -> dict[str, Any]:
    """What the table of trainings says of one, except whether it was chosen."""
    error = result.predicted("validation") - training.data.validation.y
    mse = float(np.mean(error**2)) if np.isfinite(error).all() else np.inf
    facts = {"validation_mse": mse, "epochs_run": result.epochs, "best_epoch": result.best_epoch, "seed": training.seed}
    return {**about, **facts, **train.own_hyperparameters(training.network, training.hyperparameters)}


def baseline_forecasts(prices: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """The rows of :func:`forecasts` that need no training."""
    found = []
    for fold in folds_of(prices, settings):
        reading = f"{fold.scheme} {fold.number}"
        found += frames.of_baselines(fold.data, fold.prices, fold.settings, reading, parts=["test"])
    return pd.concat(found, ignore_index=True)


def folds(days: pd.DatetimeIndex, count: int, scheme: str) -> list[dict[str, pd.DatetimeIndex]]:
    """Training and test days of a walk-forward over the second half of the days.

    Args:
        days: all days in order.
        count: of test blocks, one after the other, of equal length (the last takes what is left).
        scheme: ``expanding`` trains on everything before a block, ``sliding`` on as many days before
            it as the first block has.

    Returns:
        For each block ``train``, ``validation`` (the last :data:`INNER_SHARE` of the days before the
        block, for early stopping and the choice of hyperparameters) and ``test``.
    """
    first, length = len(days) // 2, (len(days) - len(days) // 2) // count
    found = []
    for k in range(count):
        start = first + k * length
        before = days[start - first if scheme == "sliding" else 0 : start]
        inner = int(round(len(before) * INNER_SHARE))
        test = days[start:] if k == count - 1 else days[start : start + length]
        found.append({"train": before[:-inner], "validation": before[-inner:], "test": test})
    return found


@dataclass(frozen=True)
class Fold:
    """One fold of one ticker: its parameters (days and split), its prices and its windows."""

    scheme: str
    number: int
    settings: Settings
    prices: Mapping[str, pd.DataFrame]
    data: Dataset


def folds_of(prices: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[Fold]:
    """All folds of all tickers and schemes; nothing in them looks ahead."""
    honest = settings.changed(scaling="train", gap_fill="previous")
    for ticker, frame in windows.clean(prices, honest).items():
        for scheme in SCHEMES:
            for number, days in enumerate(folds(frame.index, settings.folds, scheme), 1):
                if not all(map(len, days.values())):
                    raise windows.WindowError(
                        f"{ticker}: {len(frame)} days are too few for {settings.folds} blocks of test days, each with"
                        " training and validation days before it. Widen start_date to end_date"
                    )
                reading = _cut(honest, days)
                part = {
                    t: p.loc[pd.Timestamp(reading.start_date) : pd.Timestamp(reading.end_date)]
                    for t, p in prices.items()
                }
                yield Fold(scheme, number, reading, part, windows.build(part, reading, reach_back=True)[ticker])


def _cut(settings: Settings, days: Mapping[str, pd.DatetimeIndex]) -> Settings:
    """The parameters of one fold: its days, and the split that cuts them as the fold does."""
    total = sum(map(len, days.values()))
    split = [len(days[part]) / total for part in SPLITS]
    return settings.changed(start_date=days["train"][0].date(), end_date=days["test"][-1].date(), split=split)


def trial_sets(network: str, settings: Settings, ticker: str, fold: int) -> list[dict[str, float]]:
    """``fold_trials`` seeded random sets of hyperparameters from the search space."""
    rng = np.random.default_rng(random_seeds.of_fold_trials(settings.seed, ticker, network, fold))
    space = search.search_space(network, settings.search_space)
    return [{n: _drawn(d, rng) for n, d in space.items()} for _ in range(settings.fold_trials)]


def _drawn(distribution: Any, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    low, high = distribution.low, distribution.high
    if isinstance(low, int):
        return int(low + (distribution.step or 1) * rng.integers((high - low) // (distribution.step or 1) + 1))
    return float(np.exp(rng.uniform(np.log(low), np.log(high))) if distribution.log else rng.uniform(low, high))
