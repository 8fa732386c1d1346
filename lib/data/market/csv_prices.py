"""One reader for every price file: Yahoo's columns as comma-separated text."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from lib.data.market.faults import MarketError

COLUMNS = ("Open", "High", "Low", "Close", "Volume")
IGNORED = ("Adj Close", "Dividends", "Stock Splits", "Capital Gains")
EMPTY = ("", "null", "nan", "na")


def read(path: Path, shown: str) -> pd.DataFrame:
    """Read a file with a ``Date`` column and Open, High, Low, Close, Volume, in any order.

    Yahoo's further columns are left out. Empty cells, ``null`` and ``NaN`` become NaN. A date
    may carry a time and an offset; it is then converted to UTC.

    Args:
        path: the file.
        shown: how errors call it.

    Returns:
        (days, 5) float64, prices in US dollars, index ``date`` tz-naive (UTC).

    Raises:
        MarketError: the file cannot be read as text, lacks a column, has an unknown one, or a
            cell is not a date or number; names line and column.
    """
    cells = _cells(path, shown)
    missing = [c for c in ("Date", *COLUMNS) if c not in cells]
    unknown = [c for c in cells if c not in ("Date", *COLUMNS, *IGNORED)]
    if missing or unknown:
        wrong = [f"lacks {', '.join(missing)}"] if missing else []
        wrong += [f"has unknown {', '.join(map(repr, unknown))}"] if unknown else []
        raise MarketError(f"{shown}: the header {' and '.join(wrong)}. It must be Date,{','.join(COLUMNS)}")
    faults: list[str] = []
    dates = pd.to_datetime(cells["Date"], utc=True, errors="coerce", format="ISO8601")
    for row in dates.index[dates.isna()]:
        faults.append(f"line {row + 2}, column Date: {cells['Date'][row]!r} is not a date such as 2021-01-31")
    numbers = {column: _numbers(cells, column, faults) for column in COLUMNS}
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise MarketError(f"{shown}: {'; '.join(faults[:5])}{more}. Correct the file or download it again")
    index = pd.DatetimeIndex(dates.dt.tz_localize(None), name="date").as_unit("ns")
    return pd.DataFrame({c: v.to_numpy() for c, v in numbers.items()}, index=index, dtype="float64")


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write prices so that ``read`` gives back every bit."""
    frame.rename_axis("Date").to_csv(path, date_format="%Y-%m-%d", lineterminator="\n")


def _cells(path: Path, shown: str) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # pandas only warns when a row has more cells than the header, and drops the rest.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            cells = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
    except OSError as error:
        raise MarketError(
            f"{shown} cannot be read: {error.strerror or error}. Check the file and its permissions"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        reason = str(error).strip().rstrip(".").splitlines()[0]
        raise MarketError(f"{shown} is not a table of comma-separated text: {reason}. Download it again") from error
    return cells.fillna("").rename(columns=str.strip)


def _numbers(cells: pd.DataFrame, column: str, faults: list[str]) -> pd.Series:
    """One column as floats; every cell that is no number is added to ``faults``."""
    values = []
    for row, text in enumerate(cells[column].str.strip()):
        try:
            values.append(float("nan") if text.lower() in EMPTY else float(text))
        except ValueError:
            values.append(float("nan"))
            faults.append(f"line {row + 2}, column {column}: {text!r} is not a number")
    return pd.Series(values, dtype="float64")
