"""Columns beside the one of days that say more about it: clock times, and days that are others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from lib.data.market.files import date_cells
from lib.data.market.files.header_names import find, key
from lib.data.market.files.layouts import LAYOUTS, Table

TIME_NAMES = (
    "time",
    "time (utc)",
    "hour",
    "clock",
    "zeit",
    "uhrzeit",
    "heure",
    "hora",
    "ora",
    "время",
    "godzina",
    "saat",
)
OTHER_TIMES = ("high", "low", "update", "max", "min", "hoch", "tief")  # within a day, or of the download
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?|(?P<plain>\d{4}|\d{6})",
    re.IGNORECASE,
)


class OtherDays(ValueError):
    """Two columns give different days to most rows."""


def clock_times(table: Table) -> tuple[str, pd.TimedeltaIndex] | None:
    """The column of clock times beside the days, and each row's time since midnight; None if there is none.

    A column is one if all its cells are clock times and its name is none of times within the day, such as that of the
    highest price. Cells without a colon (170000) count under a known name only.
    """
    found = {}
    for at, name in _unread(table):
        cells = [row[at] for row in table.rows]
        made = [_CLOCK.fullmatch(cell) for cell in cells]
        named = bool(find(TIME_NAMES, [name or "-"]))
        clear = named or not any(m and m["plain"] for m in made)
        if all(made) and made and clear and not any(other in key(name) for other in OTHER_TIMES):
            found[name] = (not named, [_since_midnight(m) for m in made if m])
    if not found:
        return None
    name = min(found, key=lambda one: found[one][0])
    return name, pd.TimedeltaIndex(found[name][1])


def _since_midnight(found: re.Match[str]) -> pd.Timedelta:
    if plain := found["plain"]:
        hour, minute, second = int(plain[:2]), int(plain[2:4]), int(plain[4:] or 0)
    else:
        hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    return pd.Timedelta(hours=hour, minutes=minute, seconds=second)


def refuse_other_days(table: Table, moments: pd.DatetimeIndex) -> None:
    """Refuse a file in which another column under a name of days differs from the one that is read, on most rows.

    Args:
        moments: of the column that is read, UTC.

    Raises:
        OtherDays: with both readings.
    """
    wanted = [name for layout in LAYOUTS if layout.head != "none" for name in layout.names("Date")]
    for at, name in _unread(table):
        faults: list[str] = []
        if not find(wanted, [name]):
            continue
        try:
            others, _ = date_cells.stamps([row[at] for row in table.rows], table.lines, faults)
        except date_cells.OpenDate:
            continue
        differ = others.normalize() != moments.normalize()
        if not faults and differ.mean() > 0.5:
            row = int(differ.argmax())
            raise OtherDays(
                f"columns {table.names['Date'] or 1} and {name or at + 1} give different days to {differ.sum()} of"
                f" {len(differ)} rows (line {table.lines[row]}: {moments[row]} and {others[row]} UTC). Leave the one"
                " in which each row has the day in UTC whose close it is"
            )


def _unread(table: Table) -> Iterator[tuple[int, str]]:
    read = set(table.places.values())
    return ((at, name) for at, name in enumerate(table.header) if at not in read)
