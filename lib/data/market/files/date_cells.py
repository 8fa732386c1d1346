"""Days as people and sites write them, read by the one order of day, month and year that the whole column fits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Seconds since 1970 of 2000-01-01 and 2100-01-01; times in thousands, millions and milliards of a second lie apart.
FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800
FIRST_NUMBER, LAST_NUMBER = 10_957, 73_051  # 2000-01-01 counted from 1970 (R), 2100-01-01 from 1900 (Excel)
FIRST_SPSS, LAST_SPSS = 13_165_977_600, 16_321_737_600  # seconds since 1582-10-14 of the same two days
YEARS = range(1900, 2101)  # other years are those of other calendars
SECOND_PARTS = (1, 10**3, 10**6, 10**9)
Readings = dict[int, datetime | None]  # row -> its moment

_CLOCK = (
    r"(?:[T,\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?)?\s*(?P<zone>Z|UTC|GMT|\(UTC\)|[+-]\d\d(?::?\d\d)?)?"
)
_DAY = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
    r"(?P<a>\d+|[a-z]+)(?P<mark>\s*[-/.\s\u5e74]\s*)(?P<b>\d+|[a-z]+)\.?\s*[-/.,\s\u6708]\s*(?P<c>\d+)\.?\u65e5?"
    + _CLOCK,
    re.IGNORECASE,
)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_NUMBER = re.compile(r"(\d{9,19})(?:\.0*)?")


class OpenDate(ValueError):
    """The whole column leaves its order open, or mixes two; the message shows both readings."""


def stamps(cells: Sequence[str], lines: Sequence[int], faults: list[str]) -> tuple[pd.DatetimeIndex, str]:
    """Cells to moments in UTC.

    Allowed are 2021-01-31 with any of - / . between, 20210131, day or month first with numbers or English months, all
    with an optional clock time and offset, and seconds, milli-, micro- or nanoseconds since 1970. If several orders of
    day, month and year are possible for all cells, the only one with more than twelve days in a row is taken.

    Args:
        cells: texts of the column.
        lines: their lines in the file.
        faults: receives a sentence for each cell that is no date.

    Returns:
        Moments (NaT where there is a fault), and ``day first``, ``month first`` or ``year first`` if that had to be
        decided, else nothing.

    Raises:
        OpenDate: two orders are possible and nothing decides; or the column mixes orders, counts days, or is of
            another calendar.
    """
    moments: list[datetime | None] = [_absolute(cell) for cell in cells]
    parts = {row: m for row, cell in enumerate(cells) if moments[row] is None and (m := _DAY.fullmatch(cell))}
    order, said = _order(cells, lines, parts) if parts else ("ymd", "")
    for row, found in parts.items():
        moments[row] = _moment(found, order)
    for row, moment in enumerate(moments):
        if moment is None and (what := _number_of_a_program(cells[row])):
            raise OpenDate(
                f"line {lines[row]}, column Date: {cells[row]!r} looks like {what}. Format the column as 2021-01-31"
                " and save again"
            )
        if moment is not None and moment.year not in YEARS:
            raise OpenDate(
                f"line {lines[row]}, column Date: {cells[row]!r} is of the year {moment.year}, perhaps in another"
                " calendar. Write the days in the Gregorian calendar, such as 2021-01-31"
            )
        if moment is None:
            faults.append(f"line {lines[row]}, column Date: {cells[row]!r} is not a date such as 2021-01-31")
    return pd.DatetimeIndex([pd.NaT if m is None else m for m in moments], dtype="datetime64[ns]"), said


def _number_of_a_program(cell: str) -> str:
    """What a cell is that counts days or seconds from where a program begins to count; nothing if it is none."""
    if re.fullmatch(r"\d{5}(?:[.,]\d+)?", cell) and FIRST_NUMBER <= int(cell[:5]) < LAST_NUMBER:
        return "the number of a day, as Excel, R and Stata count them"
    if re.fullmatch(r"\d{11}", cell) and FIRST_SPSS <= int(cell) < LAST_SPSS:
        return "SPSS's number of seconds"
    return ""


def _absolute(cell: str) -> datetime | None:
    """A moment from a cell that needs no order: seconds since 1970 or 20210131."""
    try:
        if found := _COMPACT.fullmatch(cell):
            return datetime(*map(int, found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    if found := _NUMBER.fullmatch(cell):
        for part in SECOND_PARTS:
            seconds = int(found[1]) // part
            if FIRST_SECOND <= seconds < LAST_SECOND:
                return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return None


def _order(cells: Sequence[str], lines: Sequence[int], parts: dict[int, re.Match[str]]) -> tuple[str, str]:
    """The order that all cells fit, and what is said of it."""
    if all(len(found["a"]) == 4 for found in parts.values()):
        return "ymd", ""
    readings = {order: {row: _moment(found, order) for row, found in parts.items()} for order in ORDERS}
    good = {order: sum(m is not None for m in made.values()) for order, made in readings.items()}
    fits = [order for order in ORDERS if good[order] == max(good.values())]
    _refuse_mixture(cells, lines, readings, fits)
    if len({tuple(readings[order].values()) for order in fits}) > 1:
        daily = [order for order in fits if _follow_each_other(list(readings[order].values()))]
        if len({tuple(readings[order].values()) for order in daily}) != 1:
            raise OpenDate(_both(cells, lines, {order: readings[order] for order in fits}))
        fits = daily
    _refuse_other_years(cells, lines, parts, "abc"[fits[0].index("y")])
    return fits[0], ORDERS[fits[0]]


def _refuse_mixture(
    cells: Sequence[str], lines: Sequence[int], readings: Mapping[str, Readings], fits: Sequence[str]
) -> None:
    """Refuse a column in which one order cannot read a cell that another can."""
    read = {row for order in ORDERS for row, moment in readings[order].items() if moment is not None}
    usual = fits[0]
    left = sorted(row for row in read if readings[usual][row] is None)
    if not left:
        return
    other = next(o for o in ORDERS if readings[o][left[0]] is not None)
    row = next(r for r, moment in readings[usual].items() if moment is not None)
    shown = " and ".join(f"{cells[r]!r} (line {lines[r]}) is {ORDERS[o]}" for o, r in ((usual, row), (other, left[0])))
    raise OpenDate(f"column Date mixes two orders: {shown}. Write all days as 2021-01-31")


def _refuse_other_years(
    cells: Sequence[str], lines: Sequence[int], parts: Mapping[int, re.Match[str]], place: str
) -> None:
    """Refuse years of two and of four digits in one column: a date that was cut off would be years away."""
    by_length = {len(found[place]): row for row, found in parts.items()}
    if len(by_length) > 1:
        shown = " and ".join(f"{cells[row]!r} (line {lines[row]})" for row in by_length.values())
        raise OpenDate(f"column Date has years of two and of four digits: {shown}. Write all days as 2021-01-31")


def _both(cells: Sequence[str], lines: Sequence[int], readings: Mapping[str, Readings]) -> str:
    orders = list(readings)
    row = next(r for r in readings[orders[0]] if len({readings[o][r] for o in orders}) > 1)
    shown = " or ".join(f"{readings[o][row]:%Y-%m-%d} ({ORDERS[o]})" for o in orders if readings[o][row])
    return (
        f"column Date: {cells[row]!r} (line {lines[row]}) is {shown}, and no other row decides which."
        " Write the days as 2021-01-31"
    )


def _moment(found: re.Match[str], order: str) -> datetime | None:
    token = dict(zip(order, (found["a"], found["b"], found["c"])))
    if order == "ymd" and len(token["y"]) == 2 and len(token["d"]) != 2:
        return None  # a short year first has two digits for the day, too
    try:
        day = datetime(_year(token["y"]), _month(token["m"]), _short(token["d"]))
        return day + _since_midnight(found)
    except (ValueError, OverflowError):
        return None


def _year(text: str) -> int:
    if len(text) == 2:
        return 2000 + int(text)
    if len(text) != 4:
        raise ValueError(text)
    return int(text)


def _month(text: str) -> int:
    return MONTHS.index(text[:3].lower()) + 1 if text.isalpha() else _short(text)


def _short(text: str) -> int:
    if len(text) > 2:
        raise ValueError(text)
    return int(text)


def _since_midnight(found: re.Match[str]) -> timedelta:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(found["half"])
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(found[0])
    return timedelta(hours=hour, minutes=minute, seconds=second) - _offset(found["zone"] or "")


def _offset(zone: str) -> timedelta:
    if zone[:1] not in ("+", "-") or not zone:
        return timedelta()
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return size if zone[0] == "+" else -size


def _follow_each_other(moments: Sequence[datetime | None]) -> bool:
    """Whether there are more days in a row than months of a year.

    Fewer prove nothing: the first days of twelve months, read in the other order, are twelve days in a row.
    """
    days = np.unique(np.array([m.date() for m in moments if m is not None], dtype="datetime64[D]"))
    run = np.split(days, np.flatnonzero(np.diff(days) != np.timedelta64(1, "D")) + 1)
    return max(map(len, run)) > 12
