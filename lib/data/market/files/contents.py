"""What a price file says of itself: which coin it holds, and in which currency its prices are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.data.market.faults import MarketError
from lib.data.market.files import currencies
from lib.data.market.files.file_text import Grid
from lib.data.market.files.header_names import find, key

COIN_NAMES = (
    *("symbol", "ticker", "pair", "pair id", "asset", "asset id", "coin", "coin id", "name", "slug", "currency"),
    *("crypto", "cryptocurrency", "token", "instrument", "instrument id", "product", "product id", "market"),
)
QUOTE_NAMES = ("currency", "quote", "quote currency", "quote asset", "price currency", "vs currency", "unit")
CMC_DOLLARS = "2781"  # CoinMarketCap's exports have the currency's number under name
_MEANS = re.compile(
    r"\b(?:averages?|averaged|mean|vwap|durchschnitt\w*|moyenn?e?s?|promedio|средн\w+)\b", re.IGNORECASE
)


def refuse_other_currencies(
    grid: Grid, first: int, names: Sequence[str], read: set[int], coins: Sequence[str], shown: str
) -> None:
    """Refuse a file that names another currency than the dollar for its prices.

    Args:
        grid: all rows.
        first: the first row of prices.
        names: the header.
        read: the places of the columns that are read.
        coins: what a header of three rows names.
        shown: how errors call the file.

    Raises:
        MarketError: with the currency and where it stands.
    """
    _refuse_other_title(grid, first, shown)
    _refuse_other_unit(names, read, shown)
    for pair in coins:
        if other := currencies.quote(pair):
            raise _other(shown, other, f"header, {pair!r}")
    _refuse_other_quote(names, grid.rows[first:], grid.lines[first:], shown)
    _refuse_other_cells(grid, first, names, read, shown)


def _refuse_other_title(grid: Grid, first: int, shown: str) -> None:
    """Refuse a file in which a line above the header names another currency than the dollar, or a mean."""
    for row, line in zip(grid.rows[: first - 1], grid.lines):
        for cell in row:
            words = [word.strip(".,;:()\"'") for word in cell.split()]
            other = currencies.named(cell, any_case=False) or next(filter(None, map(currencies.quote, words)), "")
            if other:
                raise _other(shown, other, f"line {line}, {cell!r}")
            if _MEANS.search(cell):
                raise _mean(shown, f"line {line}, {cell!r}")


def _refuse_other_unit(names: Sequence[str], read: set[int], shown: str) -> None:
    """Refuse a file whose header gives another currency to a column and dollars to none.

    Close and Close (EUR) side by side are prices of both kinds.
    """
    if any(re.search(r"(?<![A-Za-z])US\$|(?<![A-Za-z])\$|USD", name, re.IGNORECASE) for name in names):
        return
    held = {key(names[at]) for at in read}
    for name in names:
        other = currencies.named(name)
        if other and not any(key(name).startswith(one) for one in held if len(one) > 1 and one != key(name)):
            raise _other(shown, other, f"column {name!r}")


def _refuse_other_quote(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    shown: str,
) -> None:
    """Refuse a file that is about a pair such as BTC/EUR, or has another currency in a column of currencies."""
    pairs, units = set(find(COIN_NAMES, names)), set(find(QUOTE_NAMES, names))
    for at in sorted(pairs | units):
        first = {row[at]: line for row, line in zip(reversed(rows), reversed(lines))}
        for text, line in first.items():
            other = currencies.quote(text) or (currencies.named(text) if at in units else currencies.in_name(text))
            if at not in pairs and text.upper() in currencies.COINS:  # a column Currency may hold the coin
                other = text.upper()
            if text.isdecimal() and text != CMC_DOLLARS and key(names[at]) == "name" and find(["timeopen"], names):
                other = f"CoinMarketCap's currency {text}, where US dollars are {CMC_DOLLARS}"
            if other:
                raise _other(shown, other, f"column {names[at]}, line {line}: {text!r}")


def _refuse_other_cells(grid: Grid, first: int, names: Sequence[str], read: set[int], shown: str) -> None:
    """Refuse a file in which a column that is not read has another currency in its cells, whatever its name is.

    A column whose name has a currency is judged by that name, and a close whose name has dollars is in dollars.
    """
    if any(re.search(r"USD|US\$|(?<![A-Za-z])\$", names[at]) for at in read):
        return
    known = {*read, *find(COIN_NAMES, names), *find(QUOTE_NAMES, names)}
    for at in (at for at, name in enumerate(names) if at not in known and not currencies.named(name)):
        cells = {row[at]: line for row, line in zip(reversed(grid.rows[first:]), reversed(grid.lines[first:]))}
        for text, line in cells.items():
            if other := currencies.mentioned(text):
                raise _other(shown, other, f"column {names[at] or at + 1}, line {line}: {text!r}")
            if _MEANS.fullmatch(text):
                raise _mean(shown, f"column {names[at] or at + 1}, line {line}: {text!r}")


def _mean(shown: str, place: str) -> MarketError:
    return MarketError(
        f"{shown}: the last price of each day is needed, but the file says that it holds averages ({place}). Download"
        " closes, or remove that mention if the prices are closes"
    )


def _other(shown: str, currency: str, place: str) -> MarketError:
    return MarketError(
        f"{shown}: prices must be in US dollars, but the file says {currency} ({place}). Convert them, or remove that"
        " mention if they are dollars"
    )


def coin(names: Sequence[str], rows: Sequence[Sequence[str]], coins: Sequence[str], shown: str) -> str:
    """The coin or pair that the file says it holds; nothing if it says none.

    Raises:
        MarketError: several coins.
    """
    for at, name in enumerate(names):
        held = list(dict.fromkeys(row[at] for row in rows if row[at]))
        if not find(COIN_NAMES, [name]) or not name:
            held = currencies.several_pairs(held)
        if len(held) > 1 and not all(map(str.isdecimal, held)):
            first = ", ".join(held[:3]) + (" and others" if len(held) > 3 else "")
            raise MarketError(
                f"{shown}: column {names[at]} names several coins ({first}). Write one file for each coin"
            )
    held = list(dict.fromkeys(coins)) or [rows[0][at] for at in find(COIN_NAMES, names)[:1] if rows]
    is_coin = len(held) == 1 and not held[0].isdecimal() and held[0].upper() not in (*currencies.DOLLARS, "US DOLLAR")
    return held[0] if is_coin else ""
