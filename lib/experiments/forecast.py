"""Forecasts of 1 to 30 days with one trained network, and bounds calibrated on days that it was not fitted to.

The network knows one day ahead. For the days after, its own forecast takes the place of the close that
is not known yet, as in the thesis's service (sections 5.1, 6.3.3). The thesis's bounds rest on no
forecast error; these are conformal ones (``lib.evaluation.intervals``) around the network's own path, from its
misses on validation and test days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from lib.data import windows
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import intervals, resampling, scoring
from lib.experiments import pool, train
from lib.experiments.train import Result, Training
from lib.settings import Settings

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
            forecasts of as many days whose outcome was known at the origin), ``coverage`` (share of the test days'
            forecasts of as many days, with an outcome known at the origin, that their bounds held), ``evaluated_on``
            (their number, bounds without limit left out), ``skill`` (of the path against "stays as it is" on all such
            forecasts, ``compared_on`` of them, ``without_price`` of which are zero or less, ``spans`` of which share no
            day, about) and its 95 % interval ``skill_lower`` to ``skill_upper`` (missing where the forecasts are too
            few; :func:`lib.evaluation.resampling.skill_of_overlapping`), and the two-sided ``p_value`` of equal squared
            errors.
    """

    origin: pd.Timestamp
    level: float
    days: pd.DataFrame


def rolled_out(predict: Predict, cut: np.ndarray, days: int) -> np.ndarray:
    """Scaled paths: each forecast is appended to its window, whose first day leaves.

    Args:
        predict: windows of shape (origins, lookback, 1) to scaled next closes of shape (origins,).
        cut: windows of scaled closes until each origin, itself included, shape (origins, lookback, 1).
        days: length of the paths.

    Returns:
        Scaled closes, shape (origins, days).
    """
    path = np.empty((len(cut), days))
    moving = np.array(cut, dtype="float32")
    for day in range(days):
        path[:, day] = predict(moving)
        moving = np.concatenate([moving[:, 1:], path[:, day, None, None].astype("float32")], axis=1)
    return path


def allowed_starts(data: Dataset, observed_usd: pd.Series) -> tuple[date, date]:
    """The first and the last day that a forecast may begin on: after the days that the network was trained on, up to
    the day after the last observed close."""
    return data.days["validation"][0].date(), (observed_usd.index[-1] + pd.Timedelta(days=1)).date()


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which a network could be trained, but neither scored nor forecast from.

    Raises:
        WindowError: fewer than 10 test days can be scored, with the number that would do.
    """
    windows.check_scored_days(windows.build(prices, settings), resampling.LEAST_DAYS, ["test"])


def paths(
    predict: Predict,
    data: Dataset,
    close_usd: pd.Series,
    observed_usd: pd.Series,
    days: int = intervals.HORIZONS[-1],
) -> pd.DataFrame:
    """The network's path from every observed day from the last training day on, US dollars.

    Args:
        predict: as :func:`rolled_out` takes it.
        data: the windows that the network was trained on; inputs must be the own close.
        close_usd: what windows are cut from: clean closes, filled days among them; days of long gaps are absent.
        observed_usd: the closes that were observed. Paths start from these, so none starts from a filled price.
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
    lookback, index = data.input_shape[0], close_usd.index
    scaled = data.to_scaled(close_usd.to_numpy()).astype("float32")
    origins = np.arange(max(index.get_loc(data.days["train"][-1]), lookback - 1), len(index))
    whole = (index[origins] - index[origins - lookback + 1]).days == lookback - 1
    origins = origins[whole & index[origins].isin(observed_usd.index)]
    cut = np.lib.stride_tricks.sliding_window_view(scaled, lookback)[origins - lookback + 1][..., None]
    made = data.to_usd(rolled_out(predict, cut, days))
    return pd.DataFrame(made, index=index[origins], columns=list(range(1, days + 1)))


def forecast(
    predict: Predict,
    data: Dataset,
    close_usd: pd.Series,
    observed_usd: pd.Series,
    start: date | None = None,
    days: int = DEFAULT_DAYS,
    level: float = LEVEL,
) -> Forecast:
    """A forecast of some days from ``start`` on, from closes until the day before.

    Args:
        predict, data, close_usd, observed_usd: as in :func:`paths`. Bounds, coverage and skill rest on observed
            closes only.
        start: the first day to be forecast; default the day after the last observed close.
        days: 1 to 30; default 15.
        level: of the bounds; default 0.90.

    Raises:
        ForecastError: start or days are out of range, the day before the start has no price or no whole window, or
            the network's path leaves the prices above zero.
    """
    first, last = allowed_starts(data, observed_usd)
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
    made = paths(predict, data, close_usd, observed_usd, days)
    if origin not in made.index:
        raise ForecastError(_no_origin(origin, made.index, observed_usd))
    if not (np.isfinite(made.loc[origin]) & (made.loc[origin] > 0)).all():
        raise ForecastError(
            f"from {start} on the network's path falls to zero or below, so it is no price. Train longer, with a"
            " smaller learning rate, or choose another start"
        )
    bands = intervals.conformal(observed_usd, made, range(1, days + 1), (level,))
    mine = bands[bands["origin"] == origin].set_index("horizon")
    known_then = bands[(bands["date"] <= origin) & bands["actual_usd"].notna()]
    tested = known_then[known_then["origin"] >= data.days["test"][0]]
    known = known_then.groupby("horizon").size()
    frame = pd.DataFrame(
        {
            "date": mine["date"],
            "horizon": mine.index,
            "path_usd": mine["path_usd"],
            "lower_usd": mine["lower_usd"],
            "upper_usd": mine["upper_usd"],
            "naive_usd": float(observed_usd.loc[origin]),
            "actual_usd": mine["actual_usd"],
            "calibrated_on": known.reindex(mine.index, fill_value=0),
        }
    )
    return Forecast(origin, level, frame.join(_on_test_days(tested)).reset_index(drop=True))


def _no_origin(origin: pd.Timestamp, origins: pd.DatetimeIndex, observed_usd: pd.Series) -> str:
    """Why nothing can be forecast from a day, and from which day it can."""
    start, day = (origin + pd.Timedelta(days=1)).date(), origin.date()
    why = (
        f"{day} has no price, so a forecast from {start} on has nothing to start from"
        if origin not in observed_usd.index
        else f"the window that ends on {day} is not whole, as prices are missing in it"
    )
    if origins.empty:
        return f"{why}. No day after training has a whole window: choose a shorter lookback or other dates"
    nearest = origins[np.abs(origins - origin).argmin()]
    return f"{why}. The nearest start date that works is {(nearest + pd.Timedelta(days=1)).date()}"


def start_task(
    training: Training,
    result: Result,
    close_usd: pd.Series,
    observed_usd: pd.Series,
    start: date | None = None,
    days: int = DEFAULT_DAYS,
    level: float = LEVEL,
) -> pool.Task:
    """A forecast with a trained network, computed in a worker; :meth:`lib.experiments.pool.Task.result` waits for it.

    Args:
        training, result: the network; the result must hold its weights.
        close_usd, observed_usd, start, days, level: as in :func:`forecast`.
    """
    doing = f"forecasting {training.data.ticker} with {training.network}"
    asked = (close_usd, observed_usd, start, days, level)
    return pool.Task(training.settings, doing, _with_weights, training, result, *asked)


def _with_weights(training: Training, result: Result, *asked: Any) -> Forecast:
    """In a worker: the network from its weights, then :func:`forecast`."""
    with train.network_of(training, result) as network:

        def predict(cut: np.ndarray) -> np.ndarray:
            pool.stop_if_cancelled()
            return network.predict(cut)

        return forecast(predict, training.data, *asked)


def _on_test_days(bands: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the bounds that have a limit, and skill with its interval of all forecasts, by horizon."""
    rows = {horizon: _evaluated(int(horizon), rows) for horizon, rows in bands.groupby("horizon")}
    return pd.DataFrame.from_dict(rows, orient="index", columns=_EVALUATED)


_EVALUATED = [
    *(
        "coverage",
        "evaluated_on",
        "compared_on",
        "without_price",
        "spans",
        "skill",
        "skill_lower",
        "skill_upper",
        "p_value",
    ),
]


def _evaluated(horizon: int, known: pd.DataFrame) -> tuple[float, ...]:
    ours, naive = (((known[c] - known["actual_usd"]) ** 2).to_numpy() for c in ("path_usd", "price_usd"))
    bad = ~(known["path_usd"] > 0).to_numpy()
    losses = np.where(bad, np.inf, ours)
    skill = resampling.skill_of_overlapping(losses, naive, horizon)
    bounded = known[np.isfinite(known["upper_usd"]) | bad]
    inside = bounded["actual_usd"].between(bounded["lower_usd"], bounded["upper_usd"])
    counts = len(bounded), len(known), int(bad.sum()), -(-len(known) // horizon)
    return (float(inside.mean()), *counts, *skill, resampling.p_of_overlapping(losses, naive, horizon))


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
    return (
        f"Bounds promise {made.level:.0%}; on the test days they held {last['coverage']:.0%} of"
        f" {last['evaluated_on']:.0f} forecasts of {last['horizon']:.0f} days, of which about {last['spans']:.0f} share"
        f" no day. Against a price that stays as it is the path {_compared(last)}.{_first_day(made)}"
    )


def _first_day(made: Forecast) -> str:
    """The same of tomorrow, which many more forecasts speak of."""
    first = made.days.iloc[0]
    return (
        f" Against it the first day {_compared(first)}." if len(made.days) > 1 and pd.notna(first["coverage"]) else ""
    )


def _compared(row: pd.Series) -> str:
    """A skill in words, with its interval."""
    if row["without_price"]:
        return (
            f"fell to zero or below in {row['without_price']:.0f} of {row['compared_on']:.0f} forecasts, which is no"
            " price: it is worse"
        )
    if pd.isna(row["skill"]):
        return "cannot be compared, as the price did not change"
    if pd.isna(row["skill_lower"]):
        return f"has skill {row['skill']:+.2f}: too few days for an interval, so it cannot be called better or worse"
    skill = scoring.skill_in_words(row)
    if row["skill_lower"] > 0:
        return f"had the smaller squared error ({skill})"
    if row["skill_upper"] < 0:
        return f"had the larger squared error ({skill})"
    return f"is neither better nor worse as far as these days tell ({skill})"
