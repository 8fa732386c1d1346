"""The one check that prices from every source pass before anything is computed from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from lib.data.market.faults import MarketError
from lib.data.market.files.layouts import COLUMNS
from lib.data.market.moves import MAX_DAILY_FACTOR, PRICES, Move, accepting, in_words, suspicious

__all__ = ["Implausible", "Move", "accepting", "check", "clip", "suspicious"]

TOLERANCE = 1e-6  # relative; Yahoo's prices are float32, so a bound may be off by one rounding
SHOWN = 5
LEAST_DAYS = 5  # fewer with odd High and Low prove no other order of columns

TYPES = {"date": "datetime64[ns]", **dict.fromkeys(COLUMNS, "float64")}
Test = Callable[[pd.DataFrame], pd.Series]


class Implausible(MarketError):
    """Prices that cannot be true.

    Attributes:
        ticker: whose.
        prices: all of them.
        moves: those that a larger ``max_daily_factor`` accepts.
        others: whether there are faults besides, such as a zero, which no parameter accepts.
    """

    def __init__(self, what: str, ticker: str, prices: pd.DataFrame, moves: Sequence[Move], others: bool):
        super().__init__(what)
        self.ticker, self.prices, self.moves, self.others = ticker, prices, moves, others


def _present(days: pd.DataFrame, column: str) -> pd.Series:
    held = days[column].notna()
    if column != "Close" and not held.any():
        return ~held  # the source lacks this column
    return held | days[list(COLUMNS)].isna().all(axis=1)


def _positive(days: pd.DataFrame, column: str) -> pd.Series:
    return days[column].isna() | ((days[column] > 0) & np.isfinite(days[column]))


def _low_fits(days: pd.DataFrame, column: str) -> pd.Series:
    return ~(days["Low"] > days[column] * (1 + TOLERANCE))


def _high_fits(days: pd.DataFrame, column: str) -> pd.Series:
    return ~(days["High"] < days[column] * (1 - TOLERANCE))


def _rules() -> dict[str, tuple[str, Test]]:
    """Every rule on single rows: text of what is allowed -> column and test.

    A test sees the days as a frame with the columns ``date`` and ``COLUMNS`` and returns
    one truth value a day.
    """
    found: dict[str, tuple[str, Test]] = {
        "a day at midnight UTC": ("date", lambda f: f["date"] == f["date"].dt.normalize()),
        "each day once": ("date", lambda f: ~f["date"].duplicated()),
        "days in increasing order": ("date", lambda f: f["date"] >= f["date"].cummax()),
    }
    for column in PRICES:
        found[f"{column} present, or the whole day empty"] = (
            column,
            partial(_present, column=column),
        )
    for column in PRICES:
        found[f"{column} finite and above 0 USD"] = (
            column,
            partial(_positive, column=column),
        )
    for column in ("Open", "Close"):
        found[f"Low not above {column}"] = ("Low", partial(_low_fits, column=column))
        found[f"High not below {column}"] = ("High", partial(_high_fits, column=column))
    found["Volume 0 to 1e18 USD"] = ("Volume", lambda f: f["Volume"].isna() | f["Volume"].between(0, 1e18))
    return found


RULES = _rules()


def clip(frame: pd.DataFrame, start_date: date, end_date: date, holder: str, mend: str) -> pd.DataFrame:
    """The days from ``start_date`` to ``end_date``, both included, in the order they came in.

    Args:
        frame: prices with a tz-naive DatetimeIndex.
        holder: what holds them, for the error, such as ``source sample``.
        mend: what to do if it holds too little.

    Raises:
        MarketError: the days do not reach from ``start_date`` to ``end_date``. Days missing
            in between are a gap, not an error.
    """
    asked = f"{start_date} to {end_date} was asked"
    if frame.empty:
        raise MarketError(f"{holder} holds no day at all, but {asked}. {mend}")
    first, last = frame.index.min().date(), frame.index.max().date()
    if first > start_date or last < end_date:
        raise MarketError(f"{holder} holds {first} to {last} ({len(frame)} days), but {asked}. {mend}")
    after = pd.Timestamp(end_date) + pd.Timedelta(days=1)
    return frame[(frame.index >= pd.Timestamp(start_date)) & (frame.index < after)]


def check(frame: pd.DataFrame, ticker: str, origin: str, max_daily_factor: float = MAX_DAILY_FACTOR) -> pd.DataFrame:
    """Refuse prices that cannot be true.

    Args:
        frame: (days, 5), columns exactly ``COLUMNS`` as float64 and an index named ``date``,
            datetime64[ns], tz-naive, meaning UTC. A day without any value is allowed, and so is a
            column without any, but for Close, and a day without a Volume.
        ticker: named in the error.
        origin: where the prices come from, named in the error.

    Returns:
        The same frame.

    Raises:
        MarketError: days that repeat, run backwards or are not midnights; a price that is not
            above 0; Low above or High below Open or Close (relative tolerance 1e-6); negative
            Volume; a day with some values missing; wrong columns or types. If High or Low is impossible on most
            days, the order of the columns is named instead. Names day, column,
            value and what is allowed for the first five faults and counts the others.
    """
    days = frame.reset_index()
    faults, moves = _table_faults(days), []
    if not faults and (orders := _order_fault(days)):
        raise Implausible(f"{ticker}, {origin}: {orders}", ticker, frame, [], others=True)
    if not faults:
        faults = _row_faults(days)
        if days["date"].is_monotonic_increasing and days["date"].is_unique:
            moves = suspicious(frame, max_daily_factor)
    acceptable = [move for move in moves if move.value]
    others = bool(faults) or len(acceptable) < len(moves)
    faults = in_words(moves, max_daily_factor) + faults
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise Implausible(
            f"{ticker}, {origin}: {'; '.join(faults[:SHOWN])}{more}. Correct these values or use another source",
            ticker,
            frame,
            acceptable,
            others,
        )
    return frame


def _table_faults(days: pd.DataFrame) -> list[str]:
    """Sentences about columns and types; rows of a table of wrong shape cannot be checked."""
    wanted = ", ".join(TYPES)
    faults = [f"column {c} is unknown, allowed are {wanted}" for c in days if c not in TYPES]
    faults += [f"column {c} is missing, needed are {wanted}" for c in TYPES if c not in days]
    if not faults:
        faults = [f"column {c} is out of order, which is {wanted}" for c, w in zip(days, TYPES) if c != w]
    types = {c: str(days[c].dtype) for c in TYPES if c in days}
    return faults + [f"column {c} holds {held}, allowed is {TYPES[c]}" for c, held in types.items() if held != TYPES[c]]


def _row_faults(days: pd.DataFrame) -> list[str]:
    """A sentence for each day and rule that it breaks, in the order of days."""
    zero = (days[list(PRICES)] == 0).any(axis=1)  # named by itself; what else it breaks follows from it
    broken = [np.flatnonzero(~test(days) & ~(zero if column != "date" else False)) for column, test in RULES.values()]
    found = sorted((row, number) for number, rows in enumerate(broken) for row in rows)
    return [_row_fault(days, int(row), list(RULES)[number]) for row, number in found]


def _order_fault(days: pd.DataFrame) -> str:
    """A sentence if High or Low is impossible on most days, as in columns of another order; else nothing."""
    odd = pd.concat([~RULES[rule][1](days) for rule in RULES if rule.startswith(("Low not", "High not"))], axis=1)
    held = int(days[["High", "Low", "Close"]].notna().all(axis=1).sum())
    rows = np.flatnonzero(odd.any(axis=1))
    if held < LEAST_DAYS or len(rows) <= held / 2:
        return ""
    first = ", ".join(f"{column} {_number(days, int(rows[0]), column)}" for column in PRICES)
    return (
        f"High is not the highest or Low not the lowest price on {len(rows)} of {held} days"
        f" ({days['date'].iloc[rows[0]].date()}: {first}), so the columns seem to stand in another order than their"
        " names say. Correct the names in the header"
    )


def _row_fault(days: pd.DataFrame, row: int, allowed: str) -> str:
    column, _ = RULES[allowed]
    day = days["date"].iloc[row]
    shown = f"{day.date()}" if day == day.normalize() else f"{day}"
    if column == "date":
        return f"row {row + 1}, {shown}: allowed is {allowed}"
    return f"{shown}, {column}: {_number(days, row, column)} (allowed: {allowed}{_bound(days, row, allowed)})"


def _bound(days: pd.DataFrame, row: int, allowed: str) -> str:
    """The other price that a Low or High was compared with."""
    other = allowed.split()[-1]
    return f" {_number(days, row, other)}" if other in ("Open", "Close") else ""


def _number(days: pd.DataFrame, row: int, column: str) -> str:
    value = days[column].iloc[row]
    return "empty" if np.isnan(value) else f"{value:.10g}"
