"""Intervals around forecasts of 1 to 30 days, and how well they keep their promise.

Split conformal prediction (Papadopoulos et al. 2002; Lei et al. 2018, *Journal of the American
Statistical Association* 113(523), section 2.2): the misses of earlier forecasts say how wide the
next interval must be. A miss is measured in log price and divided by the volatility expected when the
forecast was made, so that calm days get narrow intervals and turbulent days wide ones (normalised
scores: Lei et al., section 5.2). An interval uses only misses whose outcome was known by then.

What is promised. If misses were exchangeable, an interval would cover with at least its level, in
any sample size. Prices are not: regimes change, and misses of h-day forecasts made on neighbouring
days share h - 1 days, so a year of 30-day misses holds about 12 independent ones. The guarantee is
then lost by up to the distance between the misses' distributions (Barber et al. 2023, *Annals of
Statistics* 51(2)), which nobody knows. So coverage is measured, not assumed; and what is
measured on 162 days of 30-day forecasts rests on five independent spans.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable

import numpy as np
import pandas as pd

from lib.errors import ProjectError
from lib.evaluation import resampling

HORIZONS = tuple(range(1, 31))
LEVELS = (0.80, 0.90, 0.95)
# RiskMetrics' decay for a month ahead (J. P. Morgan 1996, Technical Document, 4th ed., section 5.3), and how
# much of a day's distance from the usual volatility is left a day later. Chosen among 24 pairs on days before
# 2023-11-03 of ADA, ETH, SOL and BTC, that is on training days: Winkler scores within 2.5 % of the best pair's at
# 1, 3, 7, 14 and 30 days. The decay for a day ahead, 0.94 without a return to the usual, was up to 13 % worse.
DECAY = 0.97
REVERSION = 0.94
FIRST_DAYS = 30
SERVICE_LEVEL = 0.95
SERVICE_LOOKBACK = 60
THIRDS = ("calm", "middle", "turbulent")


class IntervalError(ProjectError):
    """Prices or paths that no interval can be built from."""


def ewma_volatility(close_usd: pd.Series, decay: float = DECAY) -> pd.Series:
    """Daily volatility of log returns as known at each day's close.

    Exponentially weighted root mean square of the returns until that day. A return is of one day: those that begin
    or end on a missing day are left out.

    Args:
        close_usd: a row a day; missing closes are not a number.
        decay: weight of yesterday's estimate; default 0.97.

    Returns:
        Standard deviation of a day's log return; missing on the first 30 days.
    """
    squares = np.log(close_usd).diff() ** 2
    return np.sqrt(squares.ewm(alpha=1 - decay, min_periods=FIRST_DAYS).mean())


def expected_volatility(
    close_usd: pd.Series, horizon: int, decay: float = DECAY, reversion: float = REVERSION
) -> pd.Series:
    """Daily volatility expected over the next days, as known at each day's close.

    Calm and turbulent weeks end: the expected variance goes back to the mean square of all returns
    until that day, geometrically as in a GARCH(1, 1) (Bollerslev 1986, *Journal of Econometrics*
    31(3)), and is averaged over the horizon.

    Args:
        close_usd: a row a day; missing closes are not a number.
        horizon: days ahead.
        decay: of :func:`ewma_volatility`.
        reversion: share of today's distance from the mean that is left a day later; default 0.94.

    Returns:
        Standard deviation of a day's log return; missing on the first 30 days.
    """
    usual = (np.log(close_usd).diff() ** 2).expanding(FIRST_DAYS).mean()
    left = (reversion ** np.arange(horizon)).mean()
    return np.sqrt(usual + left * (ewma_volatility(close_usd, decay) ** 2 - usual))


def naive_path(close_usd: pd.Series, horizons: Iterable[int] = HORIZONS) -> pd.DataFrame:
    """Every later day equals today: one row an origin, one column a horizon in days, USD."""
    return pd.DataFrame(dict.fromkeys(horizons, close_usd))


def quantile_rank(scores: int, level: float) -> int:
    """Which of the sorted scores bounds the next one with at least the given probability, from 1.

    ceil((n + 1) x level): exact for exchangeable scores without ties, where the next score is
    below it with probability rank / (n + 1). Above n no score is large enough.
    """
    return math.ceil(round((scores + 1) * level, 9))


def conformal(
    close_usd: pd.Series,
    path: pd.DataFrame | None = None,
    horizons: Iterable[int] = HORIZONS,
    levels: Iterable[float] = LEVELS,
    adapt: bool = True,
    calibration_days: int | None = None,
) -> pd.DataFrame:
    """Conformal intervals for every origin and horizon, each from misses known at its origin.

    Args:
        close_usd: observed daily closes in time order, above zero. A day that is absent or not a number has no
            price: it is no origin and no outcome, and no return is taken over it. Filled days do not belong here.
        path: point forecasts in USD, one row an origin (a day whose close is known), one column a
            horizon in days; default :func:`naive_path`. If a model was fitted, leave the origins of
            its training days out: misses on them are too small to calibrate with. A value that is not finite and above
            zero is no price: it counts as a miss without limit, and its row has no bounds.
        horizons: in days; default 1 to 30.
        levels: of coverage; default 80, 90 and 95 %.
        adapt: divide misses by :func:`expected_volatility` at their origin; without it intervals
            have one relative width, whatever the market does.
        calibration_days: use the misses of the last so many origins only; default all.

    Returns:
        One row an origin, horizon and level: ``origin``, ``horizon``, ``date`` (forecast), ``level``,
        ``price_usd`` (close at the origin), ``volatility`` (:func:`ewma_volatility` there), ``path_usd``,
        ``lower_usd``, ``upper_usd``, ``actual_usd`` (missing if unknown or still to come). Origins before there
        is a volatility are left out; where misses are too few for the level, the interval is from
        0 to infinity.

    Raises:
        IntervalError: too few closes, a price is not above zero, or a path has unknown days.
    """
    horizons, levels = tuple(horizons), tuple(levels)
    close, path, volatility = _checked(close_usd, path, horizons)
    log_close = np.log(close.to_numpy())
    at = close.index.get_indexer(path.index)
    made = np.isfinite(volatility.to_numpy())
    pieces = []
    for horizon in horizons:
        scale = expected_volatility(close, horizon).to_numpy() if adapt else np.ones(len(close))
        log_path = np.full(len(close), np.nan)
        points = path[horizon].to_numpy(dtype="float64")
        priced = np.isfinite(points) & (points > 0)
        log_path[at] = np.where(priced, np.log(np.where(priced, points, 1.0)), -np.inf)
        score = np.full(len(close), np.nan)
        score[:-horizon] = np.abs(log_close[horizon:] - log_path[:-horizon]) / scale[:-horizon]
        score[~made] = np.nan
        half = _known_quantiles(score, horizon, levels, calibration_days) * scale[:, None]
        wanted = np.flatnonzero(made & ~np.isnan(log_path))
        for column, level in enumerate(levels):
            bounded = np.where(np.isfinite(log_path[wanted]), log_path[wanted], np.nan)
            with np.errstate(over="ignore"):
                lower, upper = (np.exp(bounded + sign * half[wanted, column]) for sign in (-1, 1))
            pieces.append(_rows(close, volatility, wanted, horizon, level, np.exp(log_path[wanted]), lower, upper))
    return _sorted(pieces)


def service_band(
    close_usd: pd.Series,
    path: pd.DataFrame | None = None,
    horizons: Iterable[int] = HORIZONS,
    lookback: int = SERVICE_LOOKBACK,
) -> pd.DataFrame:
    """The band that the thesis's service returns, in the columns of :func:`conformal`.

    The thesis shows a lower and an upper bound and a confidence of 0.95 (Listing 4), but no rule;
    the service's public source has it (github.com/mehanisik/crypto-predict,
    server/ml_app/predictor.py): twice the standard deviation of the closes in the input window, a
    tenth more for each further day, to both sides of the forecast. That is the spread of price
    levels over the window, not of forecast errors: nothing is measured on earlier forecasts.

    Args:
        close_usd, path, horizons: as in :func:`conformal`.
        lookback: closes in the input window; default 60, as in the thesis's example.

    Returns:
        Rows of level 0.95, the confidence that the thesis prints with the band. The lower bound may
        be below zero. Of a window with missing days the closes that are there count, if they are half of it.
    """
    horizons = tuple(horizons)
    close, path, volatility = _checked(close_usd, path, horizons)
    spread = close.rolling(lookback, min_periods=max(1, lookback // 2)).std(ddof=0).to_numpy(copy=True)
    spread[: lookback - 1] = np.nan
    at = close.index.get_indexer(path.index)
    pieces = []
    for horizon in horizons:
        point = np.full(len(close), np.nan)
        point[at] = path[horizon].to_numpy(dtype="float64")
        wanted = np.flatnonzero(np.isfinite(spread) & np.isfinite(volatility.to_numpy()) & np.isfinite(point))
        half = 2 * spread[wanted] * (1 + 0.1 * (horizon - 1))
        pieces.append(
            _rows(
                close,
                volatility,
                wanted,
                horizon,
                SERVICE_LEVEL,
                point[wanted],
                point[wanted] - half,
                point[wanted] + half,
            )
        )
    return _sorted(pieces)


def evaluate(bands: pd.DataFrame, by: Iterable[str] = ("level", "horizon"), samples: int = 0) -> pd.DataFrame:
    """How intervals did on the days that came; rows still to come are left out.

    Args:
        bands: rows of :func:`conformal` or :func:`service_band`; choose the origins to score before,
            such as those of the test days.
        by: columns to group by; ``("level",)`` takes all horizons together.
        samples: drawn for the interval of the coverage; 0, the default, gives none.

    Returns:
        One row for each group: ``forecasts``, ``origins`` (days that they were made on), ``spans`` (of the longest
        horizon that share no day: about how many independent forecasts there are), ``coverage`` (share inside, to be
        compared with the level), with samples ``coverage_lower`` and ``coverage_upper`` (95 %, blocks of origins
        drawn again, as long as the longest horizon in the mean; with few spans somewhat too short),
        ``coverage_calm``, ``coverage_middle``, ``coverage_turbulent`` (thirds of the scored origins by
        volatility), ``width_usd``, ``width_percent`` (of the price at the origin), ``pinball_usd``,
        ``pinball_percent`` (mean of both bounds as quantiles; Koenker and Bassett 1978), ``winkler_usd``,
        ``winkler_percent`` (width plus 2 / (1 - level) times the miss; Winkler 1972; Gneiting and
        Raftery 2007, *Journal of the American Statistical Association* 102(477), eq. 43). Means over
        the forecasts; smaller is better for all three but coverage.
    """
    rows = bands.dropna(subset=["actual_usd"]).copy()
    if rows.empty:
        raise IntervalError("no interval has an outcome yet: give closes that reach past the origins")
    calm = rows.drop_duplicates("origin").set_index("origin")["volatility"]
    order = calm.rank(method="first").to_numpy() - 1
    third = pd.Series(np.array(THIRDS)[(3 * order // len(calm)).astype(int)], index=calm.index)
    rows["third"] = rows["origin"].map(third)
    lower, upper, actual = (rows[f"{name}_usd"].to_numpy() for name in ("lower", "upper", "actual"))
    alpha = 1 - rows["level"].to_numpy()
    rows["inside"] = (actual >= lower) & (actual <= upper)
    rows["width_usd"] = upper - lower
    rows["pinball_usd"] = (_pinball(actual, lower, alpha / 2) + _pinball(actual, upper, 1 - alpha / 2)) / 2
    rows["winkler_usd"] = upper - lower + 2 / alpha * (np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0))
    for name in ("width", "pinball", "winkler"):
        rows[f"{name}_percent"] = 100 * rows[f"{name}_usd"] / rows["price_usd"]
    by = list(by)
    groups = rows.groupby(by, sort=True)
    longest = groups["horizon"].transform("max")
    spans = -(-rows[rows["horizon"] == longest].groupby(by)["origin"].nunique() // groups["horizon"].max())
    found = pd.DataFrame(
        {
            "forecasts": groups.size(),
            "origins": groups["origin"].nunique(),
            "spans": spans,
            "coverage": groups["inside"].mean(),
        }
    )
    if samples:
        found[["coverage_lower", "coverage_upper"]] = [_sure(group, samples) for _, group in groups]
    for name in THIRDS:
        found[f"coverage_{name}"] = rows[rows["third"] == name].groupby(by)["inside"].mean()
    scores = [f"{name}_{unit}" for name in ("width", "pinball", "winkler") for unit in ("usd", "percent")]
    return found.join(groups[scores].mean()).reset_index()


def _sure(rows: pd.DataFrame, samples: int) -> tuple[float, float]:
    """The interval of a coverage: 1 - misses / forecasts, with origins drawn in blocks."""
    of_origin = rows.groupby("origin")["inside"]
    found = resampling.over_seeds(
        of_origin.size() - of_origin.sum(),
        of_origin.size(),
        block_length=int(rows["horizon"].max()),
        repetitions=samples,
    )
    return found["lower"], found["upper"]


def _pinball(actual: np.ndarray, quantile: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.maximum(share * (actual - quantile), (share - 1) * (actual - quantile))


def _known_quantiles(
    score: np.ndarray, horizon: int, levels: tuple[float, ...], calibration_days: int | None
) -> np.ndarray:
    """For each day the quantiles of the scores whose outcome that day knows, shape (days, levels)."""
    known: list[float] = []
    bounds = np.full((len(score), len(levels)), np.inf)
    for day in range(len(score)):
        newest = day - horizon
        if newest >= 0 and not np.isnan(score[newest]):
            insort(known, score[newest])
        oldest = newest - calibration_days if calibration_days else -1
        if oldest >= 0 and not np.isnan(score[oldest]):
            del known[bisect_left(known, score[oldest])]
        for column, level in enumerate(levels):
            rank = quantile_rank(len(known), level)
            if rank <= len(known):
                bounds[day, column] = known[rank - 1]
    return bounds


def _rows(
    close: pd.Series,
    volatility: pd.Series,
    wanted: np.ndarray,
    horizon: int,
    level: float,
    point: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> pd.DataFrame:
    later = wanted + horizon
    actual = np.where(later < len(close), close.to_numpy()[np.minimum(later, len(close) - 1)], np.nan)
    origin = close.index[wanted]
    return pd.DataFrame(
        {
            "origin": origin,
            "horizon": horizon,
            "date": origin + pd.Timedelta(days=horizon),
            "level": level,
            "price_usd": close.to_numpy()[wanted],
            "volatility": volatility.to_numpy()[wanted],
            "path_usd": point,
            "lower_usd": lower,
            "upper_usd": upper,
            "actual_usd": actual,
        }
    )


def _sorted(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(pieces).sort_values(["origin", "horizon", "level"], kind="stable", ignore_index=True)


def _checked(
    close_usd: pd.Series, path: pd.DataFrame | None, horizons: tuple[int, ...]
) -> tuple[pd.Series, pd.DataFrame, pd.Series]:
    known = close_usd.astype("float64").dropna()
    if not (known.index.is_monotonic_increasing and known.index.is_unique):
        raise IntervalError("intervals need one close a day, in time order")
    if len(known) <= max(horizons):
        raise IntervalError(
            f"intervals of up to {max(horizons)} days need more than {max(horizons)} days with a close; there are"
            f" {len(known)}. Widen start_date to end_date"
        )
    if not (np.isfinite(known) & (known > 0)).all():
        raise IntervalError("intervals need closes above zero")
    path = naive_path(known, horizons) if path is None else path
    lacking = [h for h in horizons if h not in path.columns]
    if lacking or not path.index.isin(known.index).all() or not path.index.is_unique:
        raise IntervalError(
            f"the path needs one row a day with a close and a column a horizon; lacking horizons: {lacking or 'none'},"
            f" unknown or double days: {int((~path.index.isin(known.index)).sum() + path.index.duplicated().sum())}"
        )
    daily = known.asfreq("D")
    return daily, path, ewma_volatility(daily)
