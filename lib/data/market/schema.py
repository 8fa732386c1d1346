"""The one check that prices from every source pass before anything is computed from them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data.market.csv_prices import COLUMNS
from lib.data.market.faults import MarketError

PRICES = ("Open", "High", "Low", "Close")
TOLERANCE = 1e-6  # relative; Yahoo's prices are float32, so a bound may be off by one rounding
SHOWN = 5


def _rules() -> dict[str, tuple[str, pa.Check]]:
    """Every rule on single rows: text of what is allowed -> column and check.

    A check sees the days as a frame with the columns ``date`` and ``COLUMNS`` and returns
    one truth value a day.
    """
    found: dict[str, tuple[str, pa.Check]] = {}

    def rule(column: str, allowed: str, test) -> None:
        found[allowed] = (column, pa.Check(test, name=column, error=allowed, ignore_na=False))

    rule("date", "a day at midnight UTC", lambda f: f["date"] == f["date"].dt.normalize())
    rule("date", "each day once", lambda f: ~f["date"].duplicated())
    rule("date", "days in increasing order", lambda f: f["date"] >= f["date"].cummax())
    for column in COLUMNS:
        rule(
            column,
            f"{column} present, or the whole day empty",
            lambda f, c=column: f[c].notna() | f[list(COLUMNS)].isna().all(axis=1),
        )
    for column in PRICES:
        rule(
            column,
            f"{column} finite and above 0 USD",
            lambda f, c=column: f[c].isna() | ((f[c] > 0) & np.isfinite(f[c])),
        )
    for column in ("Open", "Close"):
        rule("Low", f"Low not above {column}", lambda f, c=column: ~(f["Low"] > f[c] * (1 + TOLERANCE)))
        rule("High", f"High not below {column}", lambda f, c=column: ~(f["High"] < f[c] * (1 - TOLERANCE)))
    rule("Volume", "Volume 0 to 1e18 USD", lambda f: f["Volume"].isna() | f["Volume"].between(0, 1e18))
    return found


_RULES = _rules()
SCHEMA = pa.DataFrameSchema(
    columns={"date": pa.Column("datetime64[ns]"), **{c: pa.Column("float64", nullable=True) for c in COLUMNS}},
    checks=[check for _, check in _RULES.values()],
    strict=True,
    ordered=True,
)


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


def check(frame: pd.DataFrame, ticker: str, origin: str) -> pd.DataFrame:
    """Refuse prices that cannot be true.

    Args:
        frame: (days, 5), columns exactly ``COLUMNS`` as float64 and an index named ``date``,
            datetime64[ns], tz-naive, meaning UTC. A day without any value is allowed.
        ticker: named in the error.
        origin: where the prices come from, named in the error.

    Returns:
        The same frame.

    Raises:
        MarketError: days that repeat, run backwards or are not midnights; a price that is not
            above 0; Low above or High below Open or Close (relative tolerance 1e-6); negative
            Volume; a day with some values missing; wrong columns or types. Names day, column,
            value and what is allowed for the first five faults and counts the others.
    """
    days = frame.reset_index()
    try:
        SCHEMA.validate(days, lazy=True)
    except pa.errors.SchemaErrors as error:
        faults = _faults(days, error.failure_cases)
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise MarketError(
            f"{ticker}, {origin}: {'; '.join(faults[:SHOWN])}{more}. Correct these values or use another source"
        ) from None
    return frame


def _faults(days: pd.DataFrame, cases: pd.DataFrame) -> list[str]:
    """One sentence for each fault in the order of days. A table of wrong shape is judged no further."""
    table = cases[~cases["check"].isin(_RULES)]
    if len(table):
        return list(dict.fromkeys(_table_fault(case) for case in table.itertuples()))
    order = list(_RULES)
    # pandera reports a failing day once for every column; one sentence is enough.
    found = {(int(case.index), order.index(case.check)) for case in cases.itertuples(index=False, name="Case")}
    return [_row_fault(days, row, order[number]) for row, number in sorted(found)]


def _table_fault(case) -> str:
    columns = ", ".join(("date", *COLUMNS))
    if case.check == "column_in_schema":
        return f"column {case.failure_case} is unknown, allowed are {columns}"
    if case.check == "column_in_dataframe":
        return f"column {case.failure_case} is missing, needed are {columns}"
    if case.check == "column_ordered":
        return f"column {case.failure_case} is out of order, which is {columns}"
    return f"column {case.column} holds {case.failure_case}, allowed is {case.check}"


def _row_fault(days: pd.DataFrame, row: int, allowed: str) -> str:
    column, _ = _RULES[allowed]
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
