"""From rows to days: order, days that are there twice, clock times, and a last day that is not over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from lib.data.market.files import swapped_days

DAY = np.timedelta64(1, "D")
DAY_END = pd.Timedelta(hours=23, minutes=59, seconds=59)
_IF_NO_DAYS_IN_UTC = ". If days begin at this time, as in other time zones, download days that begin at 00:00 UTC"
MIDNIGHT, NOON = pd.Timedelta(0), pd.Timedelta(hours=12)


class RowFault(ValueError):
    """Rows that are not one for each day."""


@dataclass
class Days:
    """Rows on the way to days.

    Attributes:
        frame: values, index ``date``; rows of one day stand in the order of their moments.
        lines: the line of each row in the file.
        newest_first: whether the file was turned round.
        notes: what was left out, as sentences' parts.
        unfinished: why the last days of the file are not among the days; empty if they are.
    """

    frame: pd.DataFrame
    lines: np.ndarray
    newest_first: bool = False
    notes: list[str] = field(default_factory=list)
    unfinished: str = ""

    def keep(self, rows: np.ndarray) -> None:
        """Leave out the rows for which ``rows`` is false."""
        self.frame, self.lines = self.frame[rows], self.lines[rows]


def days(
    moments: pd.DatetimeIndex, values: pd.DataFrame, lines: list[int], today: date | None, clock_in: str = "Date"
) -> Days:
    """One row a day, oldest first.

    1. Newest first is turned round; any other disorder is refused, and so are dates in which day and month are
       swapped, even if the rows were sorted by them.
    2. 00:00:00 or 23:59:59 on all rows are days. One last row with another clock time is an unfinished day and left
       out; if its day has a row without one, that counts. More rows with other clock times are refused.
    3. Equal rows of a day count once. Of two different rows of the last day, the first complete one counts, as
       yfinance writes the finished day first and a moving one second; this order is lost if the file runs backward.
       Any other day with two prices is refused.
    4. The row of today is left out, since its day is not over. A later day cannot be and is refused.
    5. Rows of which most are more than a day apart are refused.

    Args:
        moments: of each row, UTC.
        values: of each row.
        lines: of each row in the file, for what is said.
        today: the present day, UTC; None keeps every day.
        clock_in: the column that has the clock times, for what is said.

    Raises:
        RowFault: the rows are not days; says which and what to do.
    """
    made = _in_order(moments, values, np.asarray(lines))
    _without_clock_times(made, clock_in)
    _refuse_other_steps(made)
    if today is not None:
        _without_today(made, today)
    _once(made)
    if today is not None and (fault := swapped_days.stand_apart(made.frame)):
        raise RowFault(fault)
    made.frame.index = pd.DatetimeIndex(made.frame.index.to_numpy(), name="date")  # without a frequency
    return made


def _in_order(moments: pd.DatetimeIndex, values: pd.DataFrame, lines: np.ndarray) -> Days:
    frame = values.set_axis(moments.as_unit("ns"), axis=0)
    day = moments.normalize()
    steps = np.diff(day.to_numpy())
    back, forth = np.flatnonzero(steps < 0 * DAY), np.flatnonzero(steps > 0 * DAY)
    if len(back) and len(forth):
        odd = (back if len(back) <= len(forth) else forth)[0]
        if swapped_days.bring_order(day):
            raise RowFault(
                f"line {lines[odd + 1]}: {day[odd + 1]:%Y-%m-%d} stands after {day[odd]:%Y-%m-%d}. The rows are in"
                " order if day and month change places in some dates up to the 12th, as Excel swaps them. Sorting would"
                f" mix the days. {swapped_days.MEND}"
            )
        raise RowFault(
            f"line {lines[odd + 1]}: {day[odd + 1]:%Y-%m-%d} stands after {day[odd]:%Y-%m-%d}, but most days run"
            f" {'forward' if len(back) <= len(forth) else 'backward'}. Check this date, or sort the rows by date"
        )
    turned = len(back) > 0
    made = Days(frame[::-1] if turned else frame, lines[::-1] if turned else lines, turned)
    order = np.lexsort((np.arange(len(frame)), made.frame.index.asi8))  # a clock time after midnight of its day
    made.frame, made.lines = made.frame.iloc[order], made.lines[order]
    return made


def _without_clock_times(made: Days, clock_in: str) -> None:
    """Moments to midnights."""
    index = pd.DatetimeIndex(made.frame.index)
    clock = (index - index.normalize()).floor("s")
    usual = DAY_END if len(clock) and (clock == DAY_END).sum() > len(clock) / 2 else MIDNIGHT
    odd = np.flatnonzero(clock != usual)
    if len(odd) == 1 and odd[0] == len(clock) - 1 and len(clock) > 1:
        last = f"the last row ({index[-1]:%Y-%m-%d %H:%M:%S}, line {made.lines[-1]})"
        if index[-1].normalize() == index[-2].normalize():
            made.notes.append(f"{last} is left out, as {index[-1]:%Y-%m-%d} has a row for the whole day")
        else:
            made.unfinished = f"{last} has a clock time, so its day was not over, and it is left out"
            made.notes.append(made.unfinished)
        made.keep(np.arange(len(clock)) != odd[0])
    elif len(odd):
        at = odd[0]
        _refuse_several_a_day(made)
        times = sorted(set(clock))
        summer = len(times) == 2 and times[1] - times[0] == pd.Timedelta(hours=1) and times[1] < NOON
        if len(clock) > 1 and (len(times) == 1 or summer) and index.normalize().is_unique:
            raise RowFault(
                f"one row a day, always {' or '.join(str(time)[-8:] for time in times)} UTC (line {made.lines[0]}:"
                f" {index[0]:%Y-%m-%d %H:%M:%S}). If these are daily closes in UTC, delete the time of day, and any"
                f" offset, from column {clock_in}{_IF_NO_DAYS_IN_UTC if times[0] >= NOON else ''}"
            )
        raise RowFault(
            f"line {made.lines[at]}: {index[at]:%Y-%m-%d %H:%M:%S} UTC has a clock time, as {len(odd)} of {len(clock)}"
            " rows have. Allowed are 00:00:00 or 23:59:59 on all rows, which are whole days. Give daily prices in UTC"
        )
    made.frame.index = pd.DatetimeIndex(made.frame.index).normalize()


def _refuse_several_a_day(made: Days) -> None:
    """Refuse prices of hours or minutes: most days have several rows."""
    counts = made.frame.groupby(pd.DatetimeIndex(made.frame.index).normalize()).size()
    if len(counts) > 1 and (counts > 1).sum() > len(counts) / 2:
        raise RowFault(
            f"most days have several rows, {counts.index[0]:%Y-%m-%d} {counts.iloc[0]} and {counts.index[1]:%Y-%m-%d}"
            f" {counts.iloc[1]}, as prices of hours have. Keep the last row of each day (UTC)"
        )


def _refuse_other_steps(made: Days) -> None:
    steps = np.diff(made.frame.index.to_numpy())
    usual = np.median(steps / DAY) if len(steps) > 2 else 1
    if usual > 1:
        raise RowFault(
            f"most rows are {usual:g} days apart (lines {made.lines[0]} and {made.lines[1]}:"
            f" {made.frame.index[0]:%Y-%m-%d}, {made.frame.index[1]:%Y-%m-%d}). Give daily prices"
        )


def _without_today(made: Days, today: date) -> None:
    later = np.flatnonzero(made.frame.index > pd.Timestamp(today))
    if len(later):
        raise RowFault(
            f"line {made.lines[later[-1]]}: {made.frame.index[later[-1]]:%Y-%m-%d} cannot be, as today is {today} in"
            f" UTC ({len(later)} such row{'s' if len(later) > 1 else ''}). Perhaps day and month are swapped, or each"
            " row has the date at which its day ends: give the dates on which the days begin"
        )
    over = made.frame.index < pd.Timestamp(today)
    if over.all():
        return
    made.unfinished = f"{today} is not over, as today is {today} in UTC, so its row is no close and is left out"
    made.notes.append(made.unfinished)
    made.keep(over)


def _once(made: Days) -> None:
    same = made.frame.reset_index().duplicated().to_numpy()
    if same.any():
        made.notes.append(
            f"{same.sum()} repeated row{'s' if same.sum() > 1 else ''} of the same day and prices left out"
        )
        made.keep(~same)
    double = made.frame.index.duplicated(keep=False)
    if not double.any():
        return
    _refuse_several_a_day(made)
    rows = [int(row) for row in np.flatnonzero(double)]
    last = made.frame.index[rows] == made.frame.index[-1]
    if not last.all() or len(rows) > 2:
        raise RowFault(_both(made, rows))
    complete = [row for row in rows if made.frame.iloc[row].notna().equals(made.frame.notna().any())]
    if not complete or (made.newest_first and len(complete) > 1):
        raise RowFault(_both(made, rows))
    taken, left = complete[0], next(row for row in rows if row != complete[0])
    made.notes.append(
        f"{made.frame.index[-1]:%Y-%m-%d} is there twice: the first complete row counts ({_close(made, taken)}), the"
        f" other is left out ({_close(made, left)})"
    )
    made.keep(np.arange(len(double)) != left)


def _both(made: Days, rows: list[int]) -> str:
    day = made.frame.index[rows[0]]
    held = [row for row in rows if made.frame.index[row] == day]
    return (
        f"{day:%Y-%m-%d} is there {'twice' if len(held) == 2 else f'{len(held)} times'} with other values"
        f" ({', '.join(_close(made, row) for row in held)}). Leave one row for each day"
    )


def _close(made: Days, row: int) -> str:
    """A row's close, or the first value in which it has something to say, with its line."""
    frame = made.frame
    day = frame[frame.index == frame.index[row]]
    differs = [c for c in ("Close", *frame.columns) if day[c].nunique(dropna=False) > 1]
    value = frame[differs[0]].iloc[row]
    return f"line {made.lines[row]}: {differs[0]} {'empty' if np.isnan(value) else f'{value:.10g}'}"
