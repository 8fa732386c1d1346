"""Controls on simulated series (notebook 09e): what is not there must not be found, what is there must be.

A method that shows skill on a simulated random walk would show it on anything; one that misses a planted signal could
not have found a real one. Both go through the windows, models and tests that the real prices go through.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lib import settings
from lib.data import windows
from lib.evaluation import baselines, metrics, significance
from lib.experiments import frames, random_seeds, train
from lib.experiments.train import Result, Training
from lib.settings import Settings

# Quick enough for hundreds of runs: few trees, nothing chosen by cross-validation.
QUICK_MODELS: dict[str, baselines.Baseline] = {
    "moving average": baselines.moving_average,
    "ridge": baselines.ridge,
    "gradient boosting": partial(baselines.gradient_boosting, iterations=20),
}

PLANTED = 0.5  # a skill of about a quarter; a volatility of 2 % keeps prices on the scale of the training days
DAYS = 430  # of a simulated series: as many test days as the thesis has
WALK, SIGNAL = "random walk", "planted signal"
# Own closes of ten days, scaled on the training days, nothing treated.
SHORT_WINDOWS = {
    "gap_fill": "previous",
    "outliers": "off",
    "inputs": "own_close",
    "target": "close",
    "lookback": 10,
    "split": (0.5, 0.1, 0.4),
    "scaling": "train",
}
SERIES = {WALK: (0.0, 0.04), SIGNAL: (PLANTED, 0.02)}  # coefficient and volatility of :func:`walk`


def walk(
    days: int,
    coefficient: float = 0.0,
    volatility: float = 0.04,
    tails: float | None = None,
    seed: int = 0,
    start_usd: float = 100.0,
    first_day: str = "2021-01-01",
) -> pd.Series:
    """Simulated daily closes: a random walk of log prices, or one with a signal planted in it.

    Each log return is ``coefficient`` times the one before plus a shock, so the best forecast of a
    return reaches a skill of about coefficient squared over the naive one. With 0 there is nothing
    to know: the price is a martingale.

    Args:
        days: closes to make.
        coefficient: of the first-order autoregression, above -1 and below 1; 0 is a random walk.
        volatility: standard deviation of a daily log return.
        tails: degrees of freedom of Student t shocks, above 2; default: normal shocks.
        seed: of the shocks.

    Returns:
        USD, index ``date``.
    """
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(days) if tails is None else rng.standard_t(tails, days) / np.sqrt(tails / (tails - 2))
    shocks *= volatility * np.sqrt(1 - coefficient**2)
    returns = np.empty(days)
    returns[0] = shocks[0] / np.sqrt(1 - coefficient**2)
    for day in range(1, days):
        returns[day] = coefficient * returns[day - 1] + shocks[day]
    # Less half the variance, or the price itself would drift upwards.
    log_price = np.log(start_usd) + np.cumsum(returns - volatility**2 / 2)
    return pd.Series(np.exp(log_price), pd.date_range(first_day, periods=days, name="date"), name="Close")


def as_prices(close_usd: pd.Series) -> pd.DataFrame:
    """Daily Open, High, Low, Close, Volume around simulated closes, as ``market.load`` gives them."""
    opened = close_usd.shift(1).fillna(close_usd.iloc[0])
    both = pd.concat([opened, close_usd], axis=1)
    return pd.DataFrame(
        {
            "Open": opened,
            "High": both.max(axis=1) * 1.001,
            "Low": both.min(axis=1) * 0.999,
            "Close": close_usd,
            "Volume": 1e6,
        }
    )


def short_settings(base: Settings | None = None, **changes: Any) -> Settings:
    """``base`` (default: the sample run's settings) with :data:`SHORT_WINDOWS`, and ``changes`` over both."""
    return (base or settings.sample()).changed(**{**SHORT_WINDOWS, **changes})


def short_runs(
    models: Mapping[str, baselines.Baseline] = QUICK_MODELS,
    runs: int = 200,
    days: int = DAYS,
    coefficient: float = 0.0,
    setting: Settings | None = None,
    seed: int = 0,
    volatility: float = 0.04,
    tails: float | None = None,
) -> pd.DataFrame:
    """Train and test models on many short simulated series.

    Args:
        models: name -> function as in ``baselines.BASELINES``. A network is one too: train it on
            ``data`` and return its forecasts in USD by target day.
        runs: simulated series.
        days: of each; by default 215 train and 162 test days are scored, as many as the thesis's.
        coefficient, volatility, tails: of :func:`walk`; a coefficient of 0 is a random walk.
        setting: parameters of the windows; default :func:`short_settings`.
        seed: of the first run; each has one of its own.

    Returns:
        One row a run and model, on test days: ``run``, ``model``, ``days``, ``skill``,
        ``diebold_mariano`` (one-sided p-value: better than naive), ``pesaran_timmermann`` (one-sided).
    """
    setting = setting or short_settings()
    rows = []
    for run in range(runs):
        close = walk(days, coefficient, volatility, tails, seed + run)
        data = windows.build({"SIMULATED": as_prices(close)}, setting)["SIMULATED"]
        for name, model in models.items():
            frame = baselines.forecast(model, data, close)
            rows.append(evaluated(run, name, frame[frame["part"] == "test"]))
    return pd.DataFrame(rows)


def evaluated(run: int, model: str, test: pd.DataFrame) -> dict[str, Any]:
    """A row of :func:`short_runs`, from a model's test days: ``actual_usd``, ``predicted_usd``, ``naive_usd``."""
    actual, predicted, naive = (test[c].to_numpy() for c in ("actual_usd", "predicted_usd", "naive_usd"))
    return {
        "run": run,
        "model": model,
        "days": len(test),
        "skill": metrics.skill(actual, predicted, naive),
        "diebold_mariano": significance.diebold_mariano(actual, predicted, naive)["p_better"],
        "pesaran_timmermann": significance.pesaran_timmermann(actual, predicted, naive)["p_value"],
    }


def runs_on(series: str, runs: int = 200, seed: int = 0) -> pd.DataFrame:
    """:func:`short_runs` on one of :data:`SERIES`: nobody may win on a random walk, and the planted signal must be
    found.
    """
    coefficient, volatility = SERIES[series]
    return short_runs(runs=runs, coefficient=coefficient, volatility=volatility, seed=seed)


def alarm_rates(found: pd.DataFrame, level: float = 0.05, confidence: float = 0.99) -> pd.DataFrame:
    """How often tests called a model better, beside what chance explains at the nominal level.

    Args:
        found: frame of :func:`short_runs`.
        level: nominal level of the tests.
        confidence: of the binomial bounds.

    Returns:
        One row a model and test, and for each test one for ``any model`` and one for ``any model,
        Holm``: ``runs``, ``alarms``, ``rate``, ``fewest`` and ``most`` (alarms that a true rate of
        ``level`` explains), ``too_many``. On a random walk no row but ``any model`` may have too
        many. Diebold-Mariano has too few for models that fit noise, as they really are worse than
        naive. A run whose directions never change was no test, and is no alarm.
    """
    runs = found["run"].nunique()
    fewest, most = (int(x) for x in stats.binom.interval(confidence, runs, level))
    rows = []
    for test in ("diebold_mariano", "pesaran_timmermann"):
        by_model = found.pivot(index="run", columns="model", values=test)[list(dict.fromkeys(found["model"]))]
        # Holm rejects something if and only if the smallest p-value, times the number of tests, is below the level.
        smallest = by_model.min(axis=1) * by_model.notna().sum(axis=1)
        alarms = {
            **(by_model < level).to_dict("series"),
            "any model": (by_model < level).any(axis=1),
            "any model, Holm": smallest < level,
        }
        rows += [
            {
                "model": name,
                "test": test,
                "runs": runs,
                "alarms": int(hit.sum()),
                "rate": hit.sum() / runs,
                "fewest": fewest,
                "most": most,
                "too_many": bool(hit.sum() > most),
            }
            for name, hit in alarms.items()
        ]
    return pd.DataFrame(rows)


# Small ends of the search space and few epochs: a training takes about half a second.
SMALL = {
    "filters": 16,
    "filters1": 16,
    "filters2": 16,
    "kernel_size": 2,
    "kernel_size1": 2,
    "kernel_size2": 2,
    "pool_size": 1,
    "lstm_units1": 16,
    "lstm_units2": 8,
    "dropout_rate": 0.1,
    "learning_rate": 0.01,
    "batch_size": 32,
    "epochs": 10,
}
_SIMULATED = "SIMULATED"


def on_simulated(series: str, settings: Settings) -> pd.DataFrame:
    """What tests say of quick baselines and of every network on simulated series, each trained on each.

    Args:
        series: a key of :data:`SERIES`.
        settings: ``networks``, ``control_runs``, ``seed`` and the groups Networks and Training are used.

    Returns:
        As :func:`short_runs`, with ``series`` and ``seed`` (of the training; none for a baseline).
    """
    planned = trainings(series, settings)
    results = train.train_all([t for t, _ in planned], f"Trainings, {series}")
    rows = [network_row(t, run, r) for (t, run), r in zip(planned, results)]
    found = pd.concat(
        [runs_on(series, number_of_runs(series, settings), settings.seed), pd.DataFrame(rows)], ignore_index=True
    )
    return found.assign(series=series, seed=found["seed"].astype("Int64"))


def number_of_runs(series: str, settings: Settings) -> int:
    """How many series: false alarms are rare and need all ``control_runs``; for a planted signal a quarter of them do,
    at least ten.
    """
    return settings.control_runs if series == WALK else max(10, settings.control_runs // 4)


def trainings(series: str, settings: Settings) -> list[tuple[Training, int]]:
    """The trainings of :func:`on_simulated`, each with its run; on log returns, as on closes a network is far from
    naive on any series.
    """
    coefficient, volatility = SERIES[series]
    planned = []
    for run in range(number_of_runs(series, settings)):
        close = walk(DAYS, coefficient, volatility, seed=settings.seed + run)
        setting = short_settings(settings, target="log_return", max_epochs=SMALL["epochs"])
        data = windows.build({_SIMULATED: as_prices(close)}, setting)[_SIMULATED]
        for network in settings.networks:
            seed = random_seeds.of_control(settings.seed, series, network, run)
            planned.append((Training(network, SMALL, seed, data, setting, f"{network}, {series} {run + 1}"), run))
    return planned


def network_row(training: Training, run: int, result: Result) -> dict[str, Any]:
    """One network's row of :func:`on_simulated`."""
    test = frames.of_training(training, result, "control", parts=["test"])
    return {**evaluated(run, training.network, test), "seed": training.seed}
