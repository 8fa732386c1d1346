"""What is said of a file of no known layout: what it holds, what it lacks, and what to rename."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.data.market.files import currencies
from lib.data.market.files.file_text import SEPARATORS, Grid
from lib.data.market.files.header_names import find, key
from lib.data.market.files.layouts import COLUMNS, HEADER_WITHIN, LAYOUTS

SHOWN = 8
_DATE, _CLOSE = LAYOUTS[-1].names("Date"), LAYOUTS[-1].names("Close")
_ADJUSTED = ("adj close", "adj. close", "adjusted close")
_NO_CLOSE = re.compile("open|high|low|currency|time|date", re.IGNORECASE)
_TRADES = (
    "transaction type",
    "quantity transacted",
    "sent amount",
    "received amount",
    "fee",
    "txhash",
    "trade id",
    "side",
)
_DOLLARS = "Prices must be in US dollars"


def sentences(grids: Sequence[Grid]) -> str:
    """Why none of the ways to read a file is a table of prices, and what to do."""
    dated = [grid for grid in grids if any(find(_DATE, row) for row in grid.rows[:HEADER_WITHIN])]
    grid = max(dated or grids, key=lambda grid: max(map(len, grid.rows[:HEADER_WITHIN])) - 99 * (len(grid.rows[0]) < 2))
    header = next((row for row in grid.rows[:HEADER_WITHIN] if find(_DATE, row)), grid.rows[0])
    if not dated and not any(re.search("[A-Za-z]{2}", cell) for cell in header):
        return (
            f"It begins with {_listed(header)}, which is no header. The first row must name the columns, best"
            f" Date,{','.join(COLUMNS)}; docs/price-files.md lists other names. {_DOLLARS}"
        )
    below = next((row for row in grid.rows if row is not header), header)
    if not dated and len(below) == len(header) + 1 and find(_CLOSE, header, dollars=True):
        return (
            f"Its columns are {_listed(header)}, but the rows have one cell more. If the first one, such as"
            f" {below[0]!r}, is the day, write Date in front of the header"
        )
    has = f"Split at {SEPARATORS[grid.separator]}, its columns are {_listed(header)}"
    lacking = [
        f"no {what} (such as {', '.join(names[:5])})"
        for what, names in (("date", _DATE), ("close", _CLOSE))
        if not find(names, header, dollars=what == "close")
    ]
    return f"{has}; there is {' and '.join(lacking) or 'no header'}. {_advice(header, bool(dated))}"


def _advice(header: Sequence[str], dated: bool) -> str:
    """What to rename, for the columns that there are."""
    others = [name for name in header if not find(_DATE, [name] if name else ["-"])]
    if find(_CLOSE, header, dollars=True):
        return "Name the column of days Date"
    if at := find(_ADJUSTED, header):
        return f"Rename {header[at[0]]} to Close if that is what you want. {_DOLLARS}"
    if dated and (foreign := next((name for name in others if currencies.named(name)), "")):
        return f"{foreign!r} is in {currencies.named(foreign)}. {_DOLLARS}: convert them, and name their column Close"
    if find(_TRADES, header):
        return (
            f"With {header[find(_TRADES, header)[0]]!r}, these seem to be transactions, not daily prices. Download"
            " daily prices"
        )
    coins = [name for name in others if currencies.is_coin(name)]
    if dated and len(coins) > 1:
        return f"{coins[0]} and {coins[1]} are several coins. Write one file for each coin, with columns Date and Close"
    near = [name for name in others if re.match("close|price|last", key(name)) and not _NO_CLOSE.search(name)]
    if near:
        return (
            f"If {near[0]!r} is nothing but the last price of each day in US dollars, name it Close. {_DOLLARS},"
            " neither averaged nor in another unit"
        )
    return (
        f"Name the columns as they are called in Date,{','.join(COLUMNS)}; Date and Close are enough, and"
        f" docs/price-files.md lists other names. {_DOLLARS}"
    )


def _listed(cells: Sequence[str]) -> str:
    return ", ".join(map(repr, cells[:SHOWN])) + (f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else "")
