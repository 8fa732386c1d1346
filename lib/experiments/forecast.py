"""Forecasts of 1 to 30 days with one trained network, and bounds calibrated on days that it was not fitted to.

The network knows one day ahead. For the days after, its own forecast takes the place of the close that
is not known yet, as in the thesis's service (sections 5.1, 6.3.3). The thesis's bounds rest on no
forecast error; these are conformal ones (``lib.evaluation.intervals``) around the network's own path, from its
misses on validation and test days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import intervals
from lib.evaluation.metrics import skill_of
from lib.experiments import pool, train
from lib.experiments.train import Result, Training

DEFAULT_DAYS = 15  # thesis section 5.3, Listing 7
LEVEL = 0.90
Predict = Callable[[np.ndarray], np.ndarray]


class ForecastError(ProjectError):
    """A forecast cannot be made as asked."""


@dataclass(frozen=True)
class Forecast:
    """A path from one origin.

    Attributes:
        origin: the last day whose close the forecast knows.
        level: what the bounds promise.
        days: a row a forecast day: ``date``, ``horizon`` (days), ``path_usd``, ``lower_usd``, ``upper_usd``,
            ``naive_usd`` (the origin's close), ``actual_usd`` (missing where still to come), ``calibrated_on`` (earlier
            forecasts of as many days whose outcome was known at the origin), ``coverage`` (share of the test
            days' forecasts of as many days that their bounds held), ``evaluated_on`` (their number), ``skill`` (of the
            path against "stays as it is" on the same forecasts).
    """

    origin: pd.Timestamp
    level: float
    days: pd.DataFrame


def rolled_out(predict: Predict, windows: np.ndarray, days: int) -> np.ndarray:
    """Scaled paths: each forecast is appended to its window, whose first day leaves.

    Args:
        predict: windows of shape (origins, lookback, 1) to scaled next closes of shape (origins,).
        windows: scaled closes until each origin, itself included, shape (origins, lookback, 1).
        days: length of the paths.

    Returns:
        Scaled closes, shape (origins, days).
    """
    path = np.empty((len(windows), days))
    moving = np.array(windows, dtype="float32")
    for day in range(days):
        path[:, day] = predict(moving)
        moving = np.concatenate([moving[:, 1:], path[:, day, None, None].astype("float32")], axis=1)
    return path


def allowed_starts(data: Dataset, close_usd: pd.Series) -> tuple[date, date]:
    """The first and the last day that a forecast may begin on: after the days that the network was trained on, up to
    the day after the last close."""
    return data.days["validation"][0].date(), (close_usd.dropna().index[-1] + pd.Timedelta(days=1)).date()


def paths(predict: Predict, data: Dataset, close_usd: pd.Series, days: int = intervals.HORIZONS[-1]) -> pd.DataFrame:
    """The network's path from every day from the last training day on, US dollars.

    Args:
        predict: as :func:`rolled_out` takes it.
        data: the windows that the network was trained on; inputs must be the own close.
        close_usd: closes of every day, without gaps, on the days of ``data`` and perhaps after.
        days: length of the paths.

    Returns:
        One row an origin, one column a horizon in days from 1.

    Raises:
        ForecastError: the network reads more than the own close, or aims at returns.
    """
    if data.features != ("Close",) or data.target != "close":
        raise ForecastError(
            "only a network that reads and forecasts its own coin's closes can be rolled forward: other inputs have no"
            " future values"
        )
    lookback = data.input_shape[0]
    scaled = data.to_scaled(close_usd.to_numpy()).astype("float32")
    first = close_usd.index.get_loc(data.days["train"][-1])
    origins = np.arange(max(first, lookback - 1), len(close_usd))
    windows = np.lib.stride_tricks.sliding_window_view(scaled, lookback)[origins - lookback + 1][..., None]
    made = data.to_usd(rolled_out(predict, windows, days))
    return pd.DataFrame(made, index=close_usd.index[origins], columns=list(range(1, days + 1)))


def forecast(
    predict: Predict,
    data: Dataset,
    close_usd: pd.Series,
    start: date | None = None,
    days: int = DEFAULT_DAYS,
    level: float = LEVEL,
) -> Forecast:
    """A forecast of some days from ``start`` on, from closes until the day before.

    Args:
        predict, data, close_usd: as in :func:`paths`.
        start: the first day to be forecast; default the day after the last close.
        days: 1 to 30; default 15.
        level: of the bounds; default 0.90.

    Raises:
        ForecastError: start or days are out of range, or the network's path leaves the prices above zero.
    """
    close = close_usd.dropna()
    first, last = allowed_starts(data, close)
    start = start or last
    if not first <= start <= last:
        raise ForecastError(
            f"start date {start}: allowed are {first} to {last}. Earlier days were used in training; after the last"
            " known close there is nothing to start from"
        )
    longest = intervals.HORIZONS[-1]
    if not 1 <= days <= longest:
        raise ForecastError(f"{days} days: allowed are 1 to {longest}")
    origin = pd.Timestamp(start) - pd.Timedelta(days=1)
    made = paths(predict, data, close, days)
    usable = made[(np.isfinite(made) & (made > 0)).all(axis=1)]
    if origin not in usable.index:
        raise ForecastError(
            f"from {start} on the network's path falls to zero or below, so it is no price. Train longer, with a"
            " smaller learning rate, or choose another start"
        )
    bands = intervals.conformal(close, usable, range(1, days + 1), (level,))
    mine = bands[bands["origin"] == origin].set_index("horizon")
    tested = bands[(bands["origin"] >= data.days["test"][0]) & bands["actual_usd"].notna()]
    frame = pd.DataFrame(
        {
            "date": mine["date"],
            "horizon": mine.index,
            "path_usd": mine["path_usd"],
            "lower_usd": mine["lower_usd"],
            "upper_usd": mine["upper_usd"],
            "naive_usd": float(close.loc[origin]),
            "actual_usd": mine["actual_usd"],
            "calibrated_on": [int((usable.index + pd.Timedelta(days=h) <= origin).sum()) for h in mine.index],
        }
    )
    return Forecast(origin, level, frame.join(_on_test_days(tested)).reset_index(drop=True))


def start_task(
    training: Training,
    result: Result,
    close_usd: pd.Series,
    start: date | None = None,
    days: int = DEFAULT_DAYS,
    level: float = LEVEL,
) -> pool.Task:
    """A forecast with a trained network, computed in a worker; :meth:`lib.experiments.pool.Task.result` waits for it.

    Args:
        training, result: the network; the result must hold its weights.
        close_usd, start, days, level: as in :func:`forecast`.
    """
    doing = f"forecasting {training.data.ticker} with {training.network}"
    return pool.Task(training.settings, doing, _with_weights, training, result, close_usd, start, days, level)


def _with_weights(training: Training, result: Result, *asked: Any) -> Forecast:
    """In a worker: the network from its weights, then :func:`forecast`."""
    from lib.networks import training as fitting

    model = train.network_of(training, result)

    def predict(windows: np.ndarray) -> np.ndarray:
        pool.stop_if_cancelled()
        return fitting.predict(model, windows)

    return forecast(predict, training.data, *asked)


def _on_test_days(bands: pd.DataFrame) -> pd.DataFrame:
    """Coverage, skill against "stays as it is" and their number of forecasts, by horizon; bounds without limit are left
    out."""
    known = bands[np.isfinite(bands["upper_usd"])]
    inside = (known["actual_usd"] >= known["lower_usd"]) & (known["actual_usd"] <= known["upper_usd"])
    ours, naive = ((known[c] - known["actual_usd"]) ** 2 for c in ("path_usd", "price_usd"))
    by = known["horizon"]
    return pd.DataFrame(
        {
            "coverage": inside.groupby(by).mean(),
            "evaluated_on": inside.groupby(by).size(),
            "skill": skill_of(ours.groupby(by).mean(), naive.groupby(by).mean()),
        }
    )


def in_words(made: Forecast) -> str:
    """What the bounds promise, what they held on the test days, and the path's skill there."""
    last = made.days.iloc[-1]
    if pd.isna(last["coverage"]):
        return (
            f"Bounds promise {made.level:.0%}. There are too few days after training to check them"
            f" ({last['calibrated_on']:.0f} earlier forecasts of {last['horizon']:.0f} days)."
        )
    if not np.isfinite(last["upper_usd"]):
        return (
            f"Too few earlier forecasts of {last['horizon']:.0f} days ({last['calibrated_on']:.0f})"
            f" to bound the last day at {made.level:.0%}."
        )
    compared = "smaller" if last["skill"] > 0 else "no smaller"
    return (
        f"Bounds promise {made.level:.0%}; on the test days they held {last['coverage']:.0%} of"
        f" {last['evaluated_on']:.0f} forecasts of {last['horizon']:.0f} days. The path's squared error was {compared}"
        f" there than that of a price that stays as it is (skill {last['skill']:+.2f})."
    )
