"""On which day forecasts stand, and whether they have seen later prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from lib.errors import ProjectError

# A response below 2 % of a price change, or one that chance explains, is none.
LEAST_RESPONSE, LEAST_T = 0.02, 4.0


class AlignmentError(ProjectError):
    """Forecasts stand on a wrong day; results that depend on them must not be believed."""


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
        AlignmentError: days are not in order, ``naive_usd`` is not the close of the day before, or
            fewer than 30 days are left.
    """
    from statsmodels.regression.linear_model import OLS

    days = frame.set_index("date")[["actual_usd", "predicted_usd", "naive_usd"]]
    if not days.index.is_monotonic_increasing or not days.index.is_unique:
        raise AlignmentError("forecasts are not one a day in time order")
    days = days.asfreq("D")
    known = days["actual_usd"].shift(1)
    wrong = known.notna() & days["naive_usd"].notna() & ~np.isclose(known, days["naive_usd"], rtol=1e-6, atol=0)
    if wrong.any():
        raise AlignmentError(f"the naive forecast for {wrong.idxmax().date()} is not the close of the day before")
    change = days["actual_usd"] - days["naive_usd"]
    table = pd.concat([days["predicted_usd"].diff(), *(change.shift(lag) for lag in range(lags + 1))], axis=1)
    table = table.div(days["naive_usd"], axis=0).dropna().to_numpy()
    if len(table) < 30:
        raise AlignmentError(f"{len(table)} days in a row are too few to see what forecasts answer to; 30 are needed")
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
        0: (
            "forecasts answer to the price of the very day that they are for: they stand a day too early, or have"
            " seen the future"
        ),
        1: "aligned: forecasts answer to the last close before their day",
    }.get(
        at,
        f"forecasts answer to nothing later than {at} days before: they stand {(at or 0) - 1} day(s) too late, or"
        f" the model hardly looks at the last close",
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
        AlignmentError: one line for each that does.
    """
    found = {name: alignment(frame) for name, frame in frames.items()}
    wrong = [f"{name}: {result['verdict']}" for name, result in found.items() if result["aligned"] is False]
    if wrong:
        raise AlignmentError("\n".join(wrong))


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
