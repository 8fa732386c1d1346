"""Every network at the thesis's best hyperparameters: with one seed (notebooks 04 to 07, 09) and with several (09a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lib import networks
from lib.data import windows
from lib.data.windows import Dataset
from lib.evaluation import baselines, metrics, resampling, scoring
from lib.experiments import frames, random_seeds, search, train
from lib.experiments.train import Result, Training
from lib.settings import Settings

TARGETS = ("close", "log_return")
LEAST_DAYS = resampling.LEAST_DAYS  # scored, which tests and intervals of ``lib.evaluation`` need
_ON_WINDOWS = (baselines.NAIVE, "ridge", "gradient boosting")  # on every target; the others know closes only


def training(data: Dataset, network: str, settings: Settings, number: int = 1, note: str = "") -> Training:
    """The training of a network at the thesis's best hyperparameters with its seed ``number``."""
    seed = random_seeds.of_network(settings.seed, data.ticker, network, number)
    name = f"{data.ticker} {network}, {note or settings.target}, seed {number}"
    return Training(network, networks.default_hyperparameters(network), seed, data, settings, name)


def trained(
    data: Mapping[str, Dataset], network: str, settings: Settings, weights: bool = False
) -> dict[str, tuple[Training, Result]]:
    """Ticker -> the training of a network with seed 1 and its result."""
    wanted = {ticker: training(windows_of, network, settings) for ticker, windows_of in data.items()}
    results = train.train_all(list(wanted.values()), f"Training {network}", weights)
    return {ticker: (one, result) for (ticker, one), result in zip(wanted.items(), results)}


def predictions(training: Training, result: Result) -> pd.DataFrame:
    """Forecasts of every split in US dollars, with the weights that ``restore_best_weights`` names."""
    weights = search.weights_of(training.settings)
    return scoring.prediction_frame(training.data, lambda split: result.predicted(split, weights))


def forecasts(prices: Mapping[str, pd.DataFrame], settings: Settings, targets: Sequence[str] = TARGETS) -> pd.DataFrame:
    """Every network with several seeds, and every baseline beside it.

    Closes are forecast with ``evaluation_seeds`` seeds, log returns with the first ``comparison_seeds`` of them.

    Returns:
        Long frame of validation and test days; ``reading`` is the target. Seed k of a network is the same for every
        target, and seed 1 on closes is the training of notebooks 04 to 07.
    """
    check_days(prices, settings, targets)
    of_baselines = baseline_forecasts(
        prices, settings, targets
    )  # first, as their errors should come before any training
    planned = trainings(prices, settings, targets)
    results = train.train_all([one for one, _ in planned], weights=True)  # the holdout (09f) forecasts with them
    rows = [frames.of_training(t, r, t.settings.target, k) for (t, k), r in zip(planned, results)]
    return pd.concat([of_baselines, *rows], ignore_index=True)


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings, targets: Sequence[str] = TARGETS) -> None:
    """Refuse prices on which :func:`forecasts` or what is computed from them would fail.

    Raises:
        WindowError: with the number of days that would do.
    """
    built = [windows.build(prices, settings.changed(target=target)) for target in targets]
    closes = frames.training_closes(prices, settings)
    changes = {ticker: len(metrics.daily_changes(of)) for ticker, of in closes.items()}
    for data in built:
        windows.check_scored_days(data, LEAST_DAYS, training_changes=changes, in_a_row=(30, 5))


def trainings(
    prices: Mapping[str, pd.DataFrame], settings: Settings, targets: Sequence[str] = TARGETS
) -> list[tuple[Training, int]]:
    """The trainings of :func:`forecasts`, each with the number of its seed."""
    planned = []
    for target in targets:
        reading = settings.changed(target=target)
        data = windows.build(prices, reading)
        count = settings.evaluation_seeds if target == "close" else settings.comparison_seeds
        planned += [
            (training(windows_of, network, reading, k), k)
            for k in range(1, count + 1)
            for windows_of in data.values()
            for network in settings.networks
        ]
    return planned


def baseline_forecasts(
    prices: Mapping[str, pd.DataFrame], settings: Settings, targets: Sequence[str] = TARGETS
) -> pd.DataFrame:
    """The rows of :func:`forecasts` that need no training: all baselines on the first target, on others those that see
    windows.
    """
    found = []
    for target in targets:
        names = (
            list(baselines.BASELINES) if target == targets[0] else [n for n in baselines.BASELINES if n in _ON_WINDOWS]
        )
        for data in windows.build(prices, settings.changed(target=target)).values():
            found += frames.of_baselines(data, prices, settings, target, names)
    return pd.concat(found, ignore_index=True)
