"""Day and month swapped in the rows whose day is at most 12, as a spreadsheet does that expects the other order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

MONTHS = 12  # a day above it cannot be taken for a month
LEAST_ROWS = 30  # three months of days; fewer could be far apart by chance
USUAL = 0.95  # part of the other days that move less than what counts as far
MOST_FAR = 0.5  # part of the days up to 12 that are far only if they stand at the wrong place
MEND = "Go back to the file as it was downloaded, and export it again with days such as 2021-01-31"


def bring_order(days: pd.DatetimeIndex) -> bool:
    """Whether rows in disorder become days that follow each other once day and month change places in some of them."""
    made = [day.date() for day in days]
    return any(
        len(found) > 1 and np.median(np.diff(np.array(found, "datetime64[D]"))) == np.timedelta64(1, "D")
        for found in (_rising(made), _rising(reversed(made)))
    )


def _rising(days: Iterable[date]) -> list[date]:
    """The earliest days in order that the dates can mean; none if there are no such days."""
    found: list[date] = []
    for day in days:
        choices = [day] if day.day > MONTHS else [day, day.replace(month=day.day, day=day.month)]
        later = [choice for choice in choices if not found or choice >= found[-1]]
        if not later:
            return []
        found.append(min(later))
    return found


def stand_apart(frame: pd.DataFrame) -> str:
    """Why the days up to the 12th of the months, read in order, seem to be others; nothing if they are as near to the
    day before as all days.

    Such rows have been sorted by swapped dates. Sorted, only the prices tell: those of the day before are far from
    the open, or the close where there is no open.

    Args:
        frame: Open and Close, one row for each day, index increasing.
    """
    index = pd.DatetimeIndex(frame.index)
    first = "Open" if frame["Open"].notna().any() else "Close"
    logs = np.log(frame[["Open", "Close"]].where(frame > 0))  # a zero is no price; the check of prices names it
    moves = np.abs(logs[first].to_numpy()[1:] - logs["Close"].to_numpy()[:-1])
    known = np.isfinite(moves) & (np.diff(index.to_numpy()) == np.timedelta64(1, "D"))
    day = index.day.to_numpy()[1:]
    early, late = moves[known & (day > 1) & (day <= MONTHS)], moves[known & (day > MONTHS + 1)]
    if len(early) < LEAST_ROWS or len(late) < LEAST_ROWS:
        return ""
    far = int((early > max(np.quantile(late, USUAL), 1e-3)).sum())
    if far < MOST_FAR * len(early):
        return ""
    return (
        f"{first} is far from the close before on {far} of {len(early)} days from the 2nd to the 12th of the months,"
        " and not on the other days, so day and month are swapped in the dates up to the 12th, as Excel does, and the"
        f" rows were sorted afterwards. {MEND}"
    )
