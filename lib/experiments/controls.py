"""Controls: what must not be found is not found, what must be found is, and no forecast stands on a wrong day.

A method that shows skill on a simulated random walk would show it on anything; one that misses a
planted signal could not have found a real one. Both go through the whole street of windows,
models and tests that the real prices go through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lib import settings
from lib.data import windows
from lib.errors import ProjectError
from lib.evaluation import baselines, metrics, significance
from lib.settings import Settings

# Quick enough for hundreds of runs: few trees, nothing chosen by cross-validation.
QUICK_MODELS: dict[str, baselines.Baseline] = {
    "moving average": baselines.moving_average,
    "ridge": baselines.ridge,
    "gradient boosting": partial(baselines.gradient_boosting, iterations=20),
}
# A response below 2 % of a price change, or one that chance explains, is none.
LEAST_RESPONSE, LEAST_T = 0.02, 4.0

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


class ControlError(ProjectError):
    """A control failed: results that depend on it must not be believed."""


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
            rows.append(judged(run, name, frame[frame["part"] == "test"]))
    return pd.DataFrame(rows)


def judged(run: int, model: str, test: pd.DataFrame) -> dict[str, Any]:
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
    """:func:`short_runs` on one of :data:`SERIES`: nobody may win on a random walk, and the planted signal must be found."""
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


def responses(frame: pd.DataFrame, lags: int = 5) -> pd.DataFrame:
    """How forecasts answer to price changes of the same day (lag 0) and of days before.

    The change of the forecast from one day to the next is regressed on the price changes of lags 0
    to ``lags``, all divided by the last close. A forecast for a day may not know that day's change,
    and should know the change of the day before: the first response belongs at lag 1. The naive
    forecast answers with 1 at lag 1 and 0 elsewhere.

    Args:
        frame: ``date``, ``actual_usd``, ``predicted_usd``, ``naive_usd``, as ``scoring.prediction_frame``
            has them. Days after an absent one are left out, as far as the lags reach.
        lags: changes of how many days before.

    Returns:
        One row a lag: ``lag``, ``response``, ``t_value`` (robust to unequal variances); ``attrs["days"]``.

    Raises:
        ControlError: days are not in order, ``naive_usd`` is not the close of the day before, or
            fewer than 30 days are left.
    """
    from statsmodels.regression.linear_model import OLS

    days = frame.set_index("date")[["actual_usd", "predicted_usd", "naive_usd"]]
    if not days.index.is_monotonic_increasing or not days.index.is_unique:
        raise ControlError("forecasts are not one a day in time order")
    days = days.asfreq("D")
    known = days["actual_usd"].shift(1)
    wrong = known.notna() & days["naive_usd"].notna() & ~np.isclose(known, days["naive_usd"], rtol=1e-6)
    if wrong.any():
        raise ControlError(f"the naive forecast for {wrong.idxmax().date()} is not the close of the day before")
    change = days["actual_usd"] - days["naive_usd"]
    table = pd.concat([days["predicted_usd"].diff(), *(change.shift(lag) for lag in range(lags + 1))], axis=1)
    table = table.div(days["naive_usd"], axis=0).dropna().to_numpy()
    if len(table) < 30:
        raise ControlError(f"{len(table)} days in a row are too few to see what forecasts answer to; 30 are needed")
    fit = OLS(table[:, 0], np.column_stack([table[:, 1:], np.ones(len(table))])).fit(cov_type="HC1")
    with np.errstate(divide="ignore", invalid="ignore"):
        found = pd.DataFrame(
            {"lag": range(lags + 1), "response": fit.params[:-1], "t_value": (fit.params / fit.bse)[:-1]}
        )
    found.attrs = {"days": len(table)}
    return found


def alignment(frame: pd.DataFrame, lags: int = 5) -> dict[str, object]:
    """On which day forecasts stand: see :func:`responses`. Training days are left out if ``part`` says so.

    On them a network may answer to the day itself because it has learnt it by heart.

    Returns:
        ``days``, ``responds_at`` (the first lag with a response of 2 % or more and a t of 4 or more,
        in size; None if there is none), ``aligned`` (True at lag 1, False at another, None if
        undecided), ``verdict`` (a sentence).
    """
    if "part" in frame:
        frame = frame[frame["part"] != "train"]
    table = responses(frame, lags)
    clear = table[(table["response"].abs() >= LEAST_RESPONSE) & (table["t_value"].abs() >= LEAST_T)]
    at = int(clear["lag"].iloc[0]) if len(clear) else None
    verdict = {
        None: "undecided: the forecasts answer to no recent price change",
        0: "forecasts answer to the price of the very day that they are for: they stand a day too early, or have seen the future",
        1: "aligned: forecasts answer to the last close before their day",
    }.get(
        at,
        f"forecasts answer to nothing later than {at} days before: they stand {(at or 0) - 1} day(s) too late, or the model hardly looks at the last close",
    )
    return {
        "days": table.attrs["days"],
        "responds_at": at,
        "aligned": None if at is None else at == 1,
        "verdict": verdict,
    }


def refuse_misaligned(frames: Mapping[str, pd.DataFrame]) -> None:
    """Stop if any forecasts stand on a wrong day.

    Args:
        frames: name (such as ticker and network) -> frame as in :func:`responses`.

    Raises:
        ControlError: one line for each that does.
    """
    found = {name: alignment(frame) for name, frame in frames.items()}
    wrong = [f"{name}: {result['verdict']}" for name, result in found.items() if result["aligned"] is False]
    if wrong:
        raise ControlError("\n".join(wrong))


def changed_by_later_prices(
    forecast: Callable[[dict[str, pd.DataFrame]], pd.DataFrame],
    prices: Mapping[str, pd.DataFrame],
    day: pd.Timestamp,
    seed: int = 0,
) -> pd.DataFrame:
    """Forecasts that looked ahead: those until ``day`` that change when prices from ``day`` on do.

    Args:
        forecast: prices -> frame with ``date`` and ``predicted_usd``: the whole street, from clean
            prices to forecasts, on whatever it may see.
        prices: ticker -> daily prices.
        day: the first day whose prices are changed, by a factor of its own between 0.5 and 2; the
            forecast for that day itself may not change either.
        seed: of the factors.

    Returns:
        ``date``, ``before``, ``after`` of every forecast that changed; empty if nothing looked ahead.
    """
    rng = np.random.default_rng(seed)
    later = {}
    for ticker, frame in prices.items():
        factor = np.where(frame.index >= day, np.exp(rng.uniform(-np.log(2), np.log(2), len(frame))), 1.0)
        later[ticker] = frame.mul(factor, axis=0)
    before, after = (
        made.loc[made["date"] <= day].set_index("date")["predicted_usd"]
        for made in (forecast(dict(prices)), forecast(later))
    )
    both = pd.concat([before.rename("before"), after.rename("after")], axis=1)
    return both[both["before"] != both["after"]].reset_index()
