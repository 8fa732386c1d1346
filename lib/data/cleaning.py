"""Clean prices: gaps and outliers (thesis section 4.2).

Both steps are off the critical path of the recovered protocol, whose prices have no gaps and
whose scores fit uncapped closes, but the thesis describes them, so they are here and visible.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def every_day(frame: pd.DataFrame) -> pd.DataFrame:
    """Reindex to every calendar day between first and last; days that are absent become empty rows."""
    days = pd.date_range(frame.index[0], frame.index[-1], freq="D", name=frame.index.name)
    return frame.reindex(days)


def gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs of days without a price. A column that is empty throughout makes none, nor does a missing ``Volume``.

    Returns:
        One row a gap: ``first_day``, ``last_day``, ``days``.
    """
    return _runs(every_day(frame[_priced(frame)]).isna().any(axis=1))


def stretches(days: pd.DatetimeIndex) -> np.ndarray:
    """The number of each day's stretch of consecutive days, from 0, shape (days,); a new one begins after each gap.

    Args:
        days: in time order, some absent.
    """
    return days.to_series().diff().gt(pd.Timedelta(days=1)).cumsum().to_numpy()


def longest_stretch(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The longest run of consecutive days; of equal ones the newest."""
    own = stretches(days)
    lengths = np.bincount(own)
    return days[own == np.flatnonzero(lengths == lengths.max())[-1]]


def fill_gaps(frame: pd.DataFrame, max_gap_days: int, method: str = "linear") -> pd.DataFrame:
    """Fill short gaps and drop the days of long ones.

    Args:
        frame: daily prices, columns of numbers, DatetimeIndex.
        max_gap_days: gaps up to this length are filled; longer ones are dropped whole.
        method: ``linear`` interpolates between the days around the gap, so a filled day uses a
            price from after it; ``previous`` repeats the last known day and looks back only.

    Returns:
        Daily prices from the first known day to the last one, days of long gaps absent. Missing are only columns
        that are empty throughout, and volumes of days with a price, where more than ``max_gap_days`` in a row, or
        the first or last ones, are missing.
    """
    daily = every_day(frame)
    filled = (
        daily.interpolate("linear", limit_area="inside") if method == "linear" else daily.ffill(limit_area="inside")
    )
    for hole in _runs(daily["Volume"].isna()).itertuples() if "Volume" in daily else ():
        if hole.days > max_gap_days:
            filled.loc[hole.first_day : hole.last_day, "Volume"] = float("nan")
    for gap in gaps(frame).itertuples():
        if gap.days > max_gap_days:
            filled = filled.drop(pd.date_range(gap.first_day, gap.last_day))
    return filled.dropna(subset=_priced(frame))


def _priced(frame: pd.DataFrame) -> list[str]:
    """The columns that every day needs: not the volume, nor prices that the source lacks."""
    held = [column for column in frame if frame[column].notna().any()] or list(frame)
    return [column for column in held if column != "Volume"] or held


def _runs(empty: pd.Series) -> pd.DataFrame:
    run = (empty != empty.shift()).cumsum()[empty]
    days = empty.index[empty].to_series()
    by_run = days.groupby(run.to_numpy())
    return pd.DataFrame({"first_day": by_run.min(), "last_day": by_run.max(), "days": by_run.size()}).reset_index(
        drop=True
    )


def gaps_in_words(ticker: str, frame: pd.DataFrame, max_gap_days: int) -> str:
    """What becomes of the days without a price, in a sentence; empty if there are none."""
    found = gaps(frame)
    if found.empty:
        return ""
    ends = (found["first_day"] == frame.index[0]) | (found["last_day"] == frame.index[-1])
    outside, found = found[ends], found[~ends]
    at_ends = f"; {outside['days'].sum()} of them, before the first price or after the last one, are left out"
    long = found[found["days"] > max_gap_days]
    named = ", ".join(f"{g.first_day:%Y-%m-%d} to {g.last_day:%Y-%m-%d}" for g in long.head(5).itertuples())
    more = f" and {len(long) - 5} more" if len(long) > 5 else ""
    left_out = (
        f"; {long['days'].sum()} of them, in gaps of more than max_gap_days {max_gap_days} ({named}{more}), are left"
        " out, and nothing is computed across such a gap"
    )
    filled = len(found) - len(long)
    rest = (
        "Filled days are inputs, and training has them as targets too; validation and test score neither them nor the"
        " days after them"
        if filled
        else "No day is filled"
    )
    days = int(outside["days"].sum() + found["days"].sum())
    parts = f"{left_out if len(long) else ''}{at_ends if len(outside) else ''}"
    return f"{ticker}: {days} days without a price{parts}. {rest}."


def fences(frame: pd.DataFrame, factor: float = 1.5, fit_until: pd.Timestamp | None = None) -> pd.DataFrame:
    """Tukey's fences of each column: ``lower`` is Q1 - factor x IQR, ``upper`` is Q3 + factor x IQR.

    Args:
        frame: numbers, one column a feature.
        factor: distance in interquartile ranges.
        fit_until: quartiles of the days before this one; ``None`` uses every day.
    """
    fit = frame if fit_until is None else frame[frame.index < fit_until]
    q1, q3 = fit.quantile(0.25), fit.quantile(0.75)
    return pd.DataFrame({"lower": q1 - factor * (q3 - q1), "upper": q3 + factor * (q3 - q1)})


def treat_outliers(
    frame: pd.DataFrame, rule: str, factor: float = 1.5, fit_until: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Cap values beyond the IQR fences, or replace them by the column's median.

    Args:
        frame: numbers, one column a feature.
        rule: ``off``, ``cap`` (to the fence) or ``median``.
        factor: distance of the fences in interquartile ranges.
        fit_until: fences and median are computed on days before this one; ``None`` uses every
            day, as the thesis does, and so lets later prices change earlier ones.
    """
    if rule == "off":
        return frame
    fit = frame if fit_until is None else frame[frame.index < fit_until]
    limits = fences(frame, factor, fit_until)
    if rule == "cap":
        return frame.clip(limits["lower"], limits["upper"], axis=1)
    outside = frame.lt(limits["lower"], axis=1) | frame.gt(limits["upper"], axis=1)
    return frame.mask(outside, fit.median(), axis=1)
