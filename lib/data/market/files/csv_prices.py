"""One reader for every price file, whatever its layout; ``write`` writes Yahoo's columns."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd

from lib.data.market.faults import MarketError
from lib.data.market.files import column_order, date_cells, day_columns, day_rows, layouts, number_cells, unknown_layout
from lib.data.market.files.file_text import SEPARATORS, grids
from lib.data.market.files.header_names import key
from lib.data.market.files.layouts import COLUMNS, Table

SHOWN = 5
MOST_ROWS = 50_000  # 130 years of days; minutes of a coin are millions of rows, which would take minutes to refuse


def read(path: Path, shown: str, today: date | None = None) -> pd.DataFrame:
    """Read daily prices from a file in any layout of ``lib.data.market.files.layouts``.

    Separators, encoding, order of day and month, and decimal mark are decided from the whole file; what the file leaves
    open is refused with both readings. Moments are converted to UTC. ``day_rows.days`` beside this module states what
    becomes of the order of rows, of days that are there twice, of clock times, and of a day that is not over.

    Args:
        path: the file.
        shown: how errors call it.
        today: the present day, UTC, whose row is left out; later ones are refused. None for a file that ``write``
            wrote, of which every row is read.

    Returns:
        (days, 5) float64, prices in US dollars, index ``date`` tz-naive (UTC), increasing. A column that the file
        lacks is empty throughout. ``attrs`` has ``layout`` (one line), ``notes`` (what was left out) and
        ``unfinished`` (why the file's last day is not there; empty if it is).

    Raises:
        MarketError: one sentence or a few: the file is no table of a known layout, a cell is no date or number, a date
            or number has two readings, or rows are not one for each day.
    """
    table = _table(path, shown)
    if not table.rows:
        raise MarketError(f"{shown} has a header and no row below it, so it holds no day. Download the prices again")
    if len(table.rows) > MOST_ROWS:
        raise MarketError(
            f"{shown} has {len(table.rows)} rows, more than there are days of prices (allowed: {MOST_ROWS}). Give daily"
            " prices, not those of hours or minutes"
        )
    faults: list[str] = []
    try:
        moments, order = date_cells.stamps(table.column("Date"), table.lines, faults)
        texts = {column: table.column(column) for column in COLUMNS if column in table.places}
        # A file that write() wrote has decimal points, whatever its numbers look like.
        values = number_cells.numbers(texts, table.lines, "." if today is None else None, faults)
        if faults:
            more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            raise ValueError(f"{'; '.join(faults[:SHOWN])}{more}. Correct the file or download it again")
        day_columns.refuse_other_days(table, moments)
        clock = day_columns.clock_times(table) if (moments == moments.normalize()).all() else None
        moments = moments + clock[1] if clock else moments
        clock_in = clock[0] if clock else "Date"
        days = day_rows.days(moments, values.reindex(columns=list(COLUMNS)), table.lines, today, clock_in)
    except ValueError as error:
        raise MarketError(f"{shown} ({table.layout.name}): {error}") from None
    frame = days.frame
    if frame.empty:
        raise MarketError(f"{shown} holds no whole day: {days.unfinished}")
    frame.attrs = {
        "layout": _said(table, order, values.attrs["comma"], days),
        "notes": _unread(table, clock_in) + days.notes,
        "unfinished": days.unfinished,
    }
    return frame


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write prices so that ``read`` gives back every bit."""
    frame.rename_axis("Date").to_csv(path, date_format="%Y-%m-%d", lineterminator="\n")


def _table(path: Path, shown: str) -> Table:
    tried = []
    for grid in grids(path, shown):
        table = layouts.recognise(grid, shown)
        if table is not None:
            return table
        tried.append(grid)
    if not tried:
        if re.match(rb'\W*"[^"\r\n]+,[^"\r\n]+"[\r\n]', path.read_bytes()[:400]):
            raise MarketError(f"{shown} has each row in quotes as a whole, so it has one column. Delete the quotes")
        separators = ", ".join(SEPARATORS.values())
        raise MarketError(
            f"{shown} is not a table of text: no line has cells that are separated by {separators}. Save it as CSV"
            " (UTF-8), or download it again"
        )
    raise MarketError(f"{shown}: no known layout of price files. {unknown_layout.sentences(tried)}")


def _said(table: Table, order: str, comma: bool, days: day_rows.Days) -> str:
    """The layout in one line."""
    parts = [table.layout.name, table.coin, order, "decimal comma" if comma else ""]
    parts += [f"{len(days.frame)} days", "newest first" if days.newest_first else ""]
    lacking = [column for column in COLUMNS if column not in table.places]
    parts += [f"no {', '.join(lacking)}" if lacking else ""]
    parts += [_volume(table), _close(table), table.layout.said]
    parts += [table.grid.encoding if not table.grid.encoding.startswith("utf-8") else ""]
    return ", ".join(filter(None, parts))


def _volume(table: Table) -> str:
    """The unit of the volumes, where it is not plainly USD."""
    if "Volume" not in table.places or table.layout.volume_in == "USD":
        return ""
    return (
        f"volume in {table.layout.volume_in}" if table.layout.volume_in else f"volume as in {table.names['Volume']!r}"
    )


def _close(table: Table) -> str:
    """Which column became Close, where it is not called so."""
    if not table.names:
        prices = column_order.in_words({column: table.places[column] for column in column_order.PRICES})
        return f"cells of a row are {prices}"
    name = table.names["Close"]
    return "" if key(name) == "close" else f"Close is {name!r}"


def _unread(table: Table, clock_in: str) -> list[str]:
    unread = [name for name in table.unread if name != clock_in]
    return [f"not read: {', '.join(unread)}"] if unread else []
