"""Days that nobody chose: the networks after the last day that any choice could see (notebook 09f).

The thesis ends on one day, prices go on. Three readings of "trained" are scored there:

- ``as evaluated``: the evaluation's own networks (``lib.experiments.seeds``), nothing trained or chosen again;
- ``every epoch``: the same without early stopping, with the last epoch's weights, as the author's trials were scored;
- ``refitted``: fitted once on all days before, for as many epochs as the evaluation's best ones were in the median.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from lib.data import market, windows
from lib.data.windows import Part
from lib.experiments import frames, pool, random_seeds, search, seeds, train
from lib.experiments.train import Result, Training
from lib.settings import Settings

AS_EVALUATED, EVERY_EPOCH, REFITTED = READINGS = ("as evaluated", "every epoch", "refitted")
HELD_OUT_DAYS = 90  # where the source has no day after ``end_date``


def chosen_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> Settings:
    """The run's parameters with days left to hold out.

    Where the source ends with the run, as the packaged sample does, the last :data:`HELD_OUT_DAYS` are held out and the
    networks of this notebook know the days before only. Where that leaves too few, nothing is held out.

    Args:
        prices: ticker -> daily prices up to :func:`last_day`.
    """
    if last_day(settings) > settings.end_date:
        return settings
    cut = settings.changed(end_date=settings.end_date - timedelta(days=HELD_OUT_DAYS))
    try:
        check_days(prices, cut)
    except windows.WindowError:
        return settings
    return cut


def prices(settings: Settings) -> dict[str, pd.DataFrame]:
    """Ticker -> the daily prices of a run and of the days after it, up to :func:`last_day`.

    Raises:
        MarketError: as :func:`lib.data.market.load`.
    """
    return market.prices_of(settings.changed(end_date=max(last_day(settings), settings.end_date)))


def last_day(settings: Settings) -> date:
    """The last day of the holdout: ``holdout_end``, or the last that the source has.

    Raises:
        MarketError: the prices cannot be read.
    """
    return settings.holdout_end or market.last_day(settings)


def forecasts(prices: Mapping[str, pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """Next-day forecasts of the test days and of the holdout, by reading and seed.

    ``as evaluated`` has ``evaluation_seeds`` seeds, the others the first ``comparison_seeds`` of them. Test days are
    those of the run's split, which ``refitted`` networks were fitted to, so these have the holdout only. Where
    prices end with the run there is no holdout.

    Args:
        prices: ticker -> daily prices from the first day of the run to the last of the holdout.
        settings: as :func:`chosen_days` gives them: ``end_date`` is the last day that networks know.

    Returns:
        Long frame, ``reading`` as above, ``part`` test or holdout.

    Raises:
        WindowError: some ticker has fewer than 10 days to score.
    """
    check_days(prices, settings)
    last = pd.Timestamp(settings.end_date)
    known = {ticker: frame.loc[:last] for ticker, frame in prices.items()}
    later = _after(prices, settings)
    rows, best_epochs = [], {}
    for reading, stopped in ((AS_EVALUATED, settings), (EVERY_EPOCH, without_stopping(settings))):
        planned = seeds.trainings(known, stopped, ("close",))
        if reading == EVERY_EPOCH:
            planned = [(one, k) for one, k in planned if k <= settings.comparison_seeds]
        results = train.train_all([one for one, _ in planned], f"Training, {reading}", weights=True)
        weights = search.weights_of(stopped)
        rows += [frames.of_training(t, r, reading, k, weights, ["test"]) for (t, k), r in zip(planned, results)]
        rows += _later(planned, results, reading, weights, later) if later else []
        if reading == AS_EVALUATED:
            best_epochs = median_epochs(planned, results)
    planned = refits(prices, settings, best_epochs) if later else []
    results = train.train_all([one for one, _ in planned], "Training, refitted")
    for (training, k), result in zip(planned, results):
        frame = frames.of_training(training, result, REFITTED, k, "last")  # validation and test: the holdout, in two
        rows.append(frame.assign(part="holdout"))
    return pd.concat(rows, ignore_index=True)


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which :func:`forecasts` would fail.

    Raises:
        WindowError: with the number of days that there are, and how many would do.
    """
    last = pd.Timestamp(settings.end_date)
    known = {ticker: frame.loc[:last] for ticker, frame in prices.items()}
    windows.check_scored_days(windows.build(known, settings), seeds.LEAST_DAYS, ["test"])
    few = [
        f"{ticker}: {len(part.y)} of the days after {settings.end_date} have a window and a price, but"
        f" {2 * seeds.LEAST_DAYS} are needed. Take a later holdout_end, or an earlier end_date"
        for ticker, part in _after(prices, settings).items()
        if len(part.y) < 2 * seeds.LEAST_DAYS
    ]
    if few:
        raise windows.WindowError("\n".join(few))


def check_run(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse a run's prices on which the notebook would fail: its test days; later ones are read by the notebook.

    Raises:
        WindowError: with the number of days that would do.
    """
    windows.check_scored_days(windows.build(prices, settings), seeds.LEAST_DAYS, ["test"])


def _after(prices: Mapping[str, pd.DataFrame], settings: Settings) -> dict[str, Part]:
    """Windows of the holdout; none at all where no ticker has a later day."""
    last = pd.Timestamp(settings.end_date)
    return windows.after(prices, settings, last) if any(frame.index[-1] > last for frame in prices.values()) else {}


def without_stopping(settings: Settings) -> Settings:
    """Every epoch is run and the last one's weights are scored: what the author's records show (notebook 08b)."""
    return settings.changed(patience=None, restore_best_weights=False, reduce_lr=False)


def median_epochs(planned: list[tuple[Training, int]], results: list[Result]) -> dict[tuple[str, str], int]:
    """(ticker, network) -> the median best epoch over its seeds, diverged ones left out; at least 1."""
    found: dict[tuple[str, str], list[int]] = {}
    for (training, _), result in zip(planned, results):
        if not result.diverged:
            found.setdefault((training.data.ticker, training.network), []).append(result.best_epoch)
    return {name: max(1, round(float(np.median(epochs)))) for name, epochs in found.items()}


def refits(
    prices: Mapping[str, pd.DataFrame], settings: Settings, epochs: Mapping[tuple[str, str], int]
) -> list[tuple[Training, int]]:
    """The trainings on all days up to ``end_date``, each with the number of its seed.

    The holdout is cut in two, in place of the validation and test days that windows have; nothing looks at either
    while a network is fitted.
    """
    planned = []
    for ticker, frame in windows.clean(prices, settings.changed(gap_fill="previous")).items():
        count, all_days = int((frame.index <= pd.Timestamp(settings.end_date)).sum()), len(frame)
        half = (all_days - count) // 2
        split = [count / all_days, half / all_days, (all_days - count - half) / all_days]
        honest = without_stopping(settings).changed(
            scaling="train", gap_fill="previous", split=split, end_date=frame.index[-1].date()
        )
        data = windows.build(prices, honest, reach_back=True)[ticker]
        for network in settings.networks:
            if (ticker, network) not in epochs:
                continue  # every seed diverged, so there is no number of epochs to take
            for k in range(1, settings.comparison_seeds + 1):
                one = seeds.training(data, network, honest, k, "refitted")
                hyperparameters = {**one.hyperparameters, "epochs": epochs[ticker, network]}
                seed = random_seeds.of_network(settings.seed, ticker, network, k)
                planned.append((Training(network, hyperparameters, seed, data, honest, one.name), k))
    return planned


def _later(
    planned: list[tuple[Training, int]], results: list[Result], reading: str, weights: str, later: Mapping[str, Part]
) -> list[pd.DataFrame]:
    """Forecasts of the holdout by networks that are trained already, computed in the pool's workers."""
    tasks = [
        pool.Task(
            one.settings, f"forecasting with {one.name}", _predicted, one, result, weights, later[one.data.ticker].X
        )
        if not result.diverged
        else None
        for (one, _), result in zip(planned, results)
    ]
    found = []
    for (training, k), task in zip(planned, tasks):
        part = later[training.data.ticker]
        scaled = np.full(len(part.y), np.nan) if task is None else task.result()
        found.append(frames.of_part(training, part, scaled, reading, k))
    return found


def _predicted(training: Training, result: Result, weights: str, cut: np.ndarray) -> np.ndarray:
    """In a worker: scaled forecasts of windows, shape (windows,)."""
    with train.network_of(training, result, weights) as network:
        return network.predict(cut)
