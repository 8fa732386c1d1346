"""The layouts of price files that are known: one row a layout, found by header or shape from the whole file.

A new layout is one row of :data:`LAYOUTS` and one test; nothing else in the code knows of any layout.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lib.data.market.faults import MarketError
from lib.data.market.files import column_order, contents, currencies
from lib.data.market.files.file_text import SEPARATORS, Grid
from lib.data.market.files.header_names import find, like

COLUMNS = ("Open", "High", "Low", "Close", "Volume")
HEADER_WITHIN = 10  # rows: an address, a title or notes may stand above the header


@dataclass(frozen=True)
class Layout:
    """How one kind of file writes its columns.

    Names are compared by ``header_names.key``: without regard to case, accents, spaces, underscores and hyphens. ``|``
    separates alternatives, the first one there counts. ``-`` is a column that the layout lacks, a number a place in a
    file without header. A column that is read is never found by a pattern, as Close USD change is no close.

    Attributes:
        name: said of a file in this layout.
        date, open, high, low, close, volume: header names. Date and Close are needed, and what is in ``marks``.
        marks: further names that are not read, all of which must be there to call a file so; separated by ``|``;
            ``*`` stands for any text.
        others: names that may be there and are not read, written in the same way; any other one is named as not read.
        volume_in: the unit of the volumes; empty if only the file knows.
        head: ``one`` row; ``three`` rows (names, coins, the date's name, which pandas also writes as two); ``none``:
            columns by place.
        cells: how many a row has, for ``none``.
        dollars: whether the unit US dollars may stand behind a name, as in Close (USD).
        said: what a reader of the prices must know.
    """

    name: str
    date: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    marks: str = ""
    others: str = ""
    volume_in: str = ""
    head: Literal["one", "three", "none"] = "one"
    cells: int = 0
    dollars: bool = False
    said: str = ""

    def names(self, column: str) -> list[str]:
        """The header names of Date, Open, ... in the order in which they are preferred."""
        text = getattr(self, column.lower())
        return [] if text == "-" else text.split("|")


_OHLC = ("open", "high", "low", "close")
_YAHOO_CLOSE = "close|close close price adjusted for splits|close close price adjusted for splits."
_YAHOO = "adj close|dividends|stock splits|capital gains"
# fmt: off
LAYOUTS = (
    Layout("Yahoo's columns", "date", *_OHLC, "volume", volume_in="USD"),
    Layout("Yahoo's download", "date", "open", "high", "low", _YAHOO_CLOSE, "volume", marks="adj close*",
           others=_YAHOO, volume_in="USD"),
    Layout("yfinance history", "date|datetime", *_OHLC, "volume", marks="dividends", others=_YAHOO, volume_in="USD"),
    Layout("yfinance, three header rows", "date|datetime", *_OHLC, "volume", others=_YAHOO, volume_in="USD",
           head="three"),
    Layout("an unnamed column of days in front", "|unnamed: 0|index", *_OHLC, "volume", others=_YAHOO),
    Layout("investing.com", "date", "open", "high", "low", "price", "vol.", others="change %", volume_in="coins"),
    Layout("investing.com, Spanish", "fecha", "apertura", "máximo", "mínimo", "último", "vol.", others="% var.",
           volume_in="coins"),
    Layout("investing.com, German", "datum", "eröffn.|eröffnung", "hoch", "tief", "zuletzt", "vol.", others="+/- %",
           volume_in="coins"),
    Layout("investing.com, French", "date", "ouv.|ouverture", "plus haut", "plus bas", "dernier", "vol.",
           others="variation %", volume_in="coins"),
    Layout("investing.com, Italian", "data", "apertura", "massimo", "minimo", "ultimo", "vol.", others="var. %",
           volume_in="coins"),
    Layout("investing.com, Portuguese", "data", "abertura", "máxima", "mínima", "último", "vol.", others="var%|var. %",
           volume_in="coins"),
    Layout("investing.com, Dutch", "datum", "open", "hoog", "laag", "laatste", "vol.", others="verschil %|+/- %",
           volume_in="coins"),
    Layout("investing.com, Polish", "data", "otwarcie", "max.", "min.", "ostatnio", "wol.", others="zmiana%|zmiana %",
           volume_in="coins"),
    Layout("investing.com, Turkish", "tarih", "açılış", "yüksek", "düşük", "şimdi", "hac.", others="fark %",
           volume_in="coins"),
    Layout("investing.com, Russian", "дата", "откр.", "макс.", "мин.", "цена", "объём|объем", others="изм. %",
           volume_in="coins"),
    Layout("investing.com, Chinese", "日期", "开盘", "高", "低", "收盘", "交易量", others="涨跌幅", volume_in="coins"),
    Layout("investing.com, Japanese", "日付け|日付", "始値", "高値", "安値", "終値", "出来高",
           others="変化率 %|前日比%", volume_in="coins"),
    Layout("investing.com, Korean", "날짜", "시가|오픈", "고가", "저가", "종가", "거래량", others="변동 %|변동%",
           volume_in="coins"),
    Layout("CryptoDataDownload", "date|unix", *_OHLC, "volume usd|volume usdt|volume usdc|volume busd|volume",
           marks="symbol",
           others="unix|unix timestamp|volume *|tradecount|trade count"),
    Layout("Binance, with header", "open_time|open time", *_OHLC,
           "quote_volume|quote_asset_volume|quote asset volume|volume", marks="close time",
           others="volume|ignore|count|number of trades|taker*", volume_in="the quote currency"),
    Layout("Binance, no header", "0", "1", "2", "3", "4", "7", head="none", cells=12, volume_in="the quote currency"),
    Layout("Kraken, no header", "0", "1", "2", "3", "4", "5", head="none", cells=7, volume_in="coins"),
    Layout("KuCoin, no header", "0", "1", "3", "4", "2", "5", head="none", cells=7, volume_in="coins"),
    Layout("Gate.io, no header", "0", "5", "3", "4", "2", "1", head="none", cells=7, volume_in="the quote currency"),
    Layout("candles without header", "0", "1", "2", "3", "4", "5", head="none", cells=6, volume_in="a unit unknown"),
    Layout("Bitfinex, no header", "0", "1", "3", "4", "2", "5", head="none", cells=6, volume_in="coins"),
    Layout("Coinbase, no header", "0", "3", "2", "1", "4", "5", head="none", cells=6, volume_in="coins"),
    Layout("CoinGecko", "snapped_at", "-", "-", "-", "price", "total_volume", others="market_cap", volume_in="USD",
           said="the price of a day is the one at 00:00 UTC, its first moment"),
    Layout("CoinMarketCap", "timeopen|timestamp", *_OHLC, "volume", marks="timeclose", volume_in="USD",
           others="timehigh|timelow|name|marketcap|market cap|timestamp|circulatingsupply"),
    Layout("CoinAPI", "time_period_start", "price_open", "price_high", "price_low", "price_close", "volume_traded",
           marks="time_period_end", others="time_open|time_close|trades_count", volume_in="coins"),
    Layout("CoinCodex", "start", *_OHLC, "volume", marks="end", others="market cap", volume_in="USD"),
    Layout("CoinDesk", "date", "24h open (usd)", "24h high (usd)", "24h low (usd)", "closing price (usd)", "-",
           others="currency"),
    Layout("FRED", "observation_date|date", "-", "-", "-", "cbbtcusd|cbethusd|cbltcusd|cbbchusd", "-"),
    Layout("Kaggle coin_*.csv", "date", *_OHLC, "volume", marks="sno|marketcap", others="name|symbol",
           volume_in="USD"),
    Layout("columns by name",
           "date|day|datetime|date time|timestamp|time|open time|date (utc)|time (utc)|timestamp (utc)|start time|mts"
           "|unix|unix timestamp|datum|fecha|data|дата|tarih",
           "open|open price|opening price|o|apertura|eröffnung|ouverture|abertura",
           "high|high price|h|hoch|máximo|plus haut|massimo|máxima",
           "low|low price|l|tief|mínimo|plus bas|minimo|mínima",
           "close|close price|closing price|close/last|last|last price|price|market price|c|schluss|schlusskurs|cierre"
           "|clôture|chiusura|fechamento|último|zuletzt|dernier|курс закрытия",
           "volume usd|volume usdt|volumeto|volume|vol|vol.|total volume|volumen|volumes|v",
           others=f"|unnamed: 0|index|{_YAHOO}|symbol|name|ticker|market cap|change %|change", dollars=True),
)
# fmt: on


@dataclass(frozen=True)
class Table:
    """A file whose layout is known.

    Attributes:
        places: Date, Open, ... -> its column in the rows; a column that the file lacks is not there.
        names: Date, Open, ... -> its name in the header.
        rows, lines: cells of each row of prices, and the line of each in the file.
        coin: what the file itself says it holds, or nothing.
        unread: header names that the layout does not know.
        header: all names; empty without a header.
    """

    layout: Layout
    places: dict[str, int]
    names: dict[str, str]
    rows: list[list[str]]
    lines: list[int]
    grid: Grid
    coin: str = ""
    unread: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """The cells of one column."""
        return [row[self.places[name]] for row in self.rows]


def recognise(grid: Grid, shown: str) -> Table | None:
    """The table in a file's rows; None if no layout fits.

    Of the layouts that fit, the one that knows most of the header's names is taken.

    Args:
        grid: rows of cells.
        shown: how errors call the file.

    Raises:
        MarketError: a layout fits, but rows have other lengths than the header, two columns could be the same one, or
            the file holds several coins.
    """
    for at in range(min(HEADER_WITHIN, len(grid.rows))):
        for head, names, height, coins in _headers(grid.rows, at):
            scores = [_score(layout, names, head) for layout in LAYOUTS]
            if max(scores) > 0:
                return _table(grid, LAYOUTS[scores.index(max(scores))], names, at + height, coins, shown)
    return _without_header(grid, shown)


def _headers(rows: Sequence[Sequence[str]], at: int) -> list[tuple[str, list[str], int, list[str]]]:
    """What the header could be if it begins at a row: kind, names, height in rows, and the coins that it names."""
    found = []
    for below in rows[at + 1 : at + 4]:
        if len(rows[at]) > 2 and below[0] and not any(below[1:]):
            block = rows[at : rows.index(below)]
            names = next((r for r in block if "close" in map(str.casefold, r)), [])
            others = [cell for r in block if r is not names for cell in r[1:] if cell]
            found.append(("three", [below[0], *names[1:]], len(block) + 1, others))
    below = rows[at + 1] if at + 1 < len(rows) else [""]
    if not below[0] and len(below) > 1 and all(re.search("[A-Za-z]{2}", cell) for cell in below[1:]):
        found.append(("three", list(rows[at]), 2, list(below[1:])))  # after reset_index the date's name is in front
    return [*found, *_with_a_pair(rows[at]), ("one", list(rows[at]), 1, [])]


_PRICE_NAME = r"(?P<name>adj(?:usted)?(?:[ _.]?close)?|open|high|low|close|volume)"
_BESIDE_PAIR = [
    re.compile(text, re.IGNORECASE) for text in (rf"{_PRICE_NAME}[_. ](?P<pair>.+)", rf"(?P<pair>.+)[_. ]{_PRICE_NAME}")
]


def _with_a_pair(names: Sequence[str]) -> list[tuple[str, list[str], int, list[str]]]:
    """The header without the pair, if all names but the first have the same one, as in Close_BTC-USD."""
    for pattern in _BESIDE_PAIR:
        found = [match for name in names[1:] if (match := pattern.fullmatch(name))]
        pairs = {match["pair"] for match in found}
        if len(found) == len(names) - 1 and len(pairs) == 1 and currencies.is_dollar_pair(*pairs):
            plain = ["Adj Close" if m["name"].casefold().startswith("adj") else m["name"] for m in found]
            return [("one", [names[0], *plain], 1, list(pairs))]
    return []


def _score(layout: Layout, names: Sequence[str], head: str) -> int:
    """How many of the header's names a layout knows; 0 if it lacks one that the layout needs."""
    if layout.head != head:
        return 0
    found = {column: _places(layout, column, names)[:1] for column in ("Date", *COLUMNS)}
    marks = [like([mark], names)[:1] for mark in layout.marks.split("|") if layout.marks]
    if not found["Date"] or not found["Close"] or not all(marks):
        return 0
    if layout is not LAYOUTS[-1] and not all(found[c] for c in ("Open", "High", "Low") if layout.names(c)):
        return 0  # only the last one, by names, goes without prices that it could have
    known = {place for places in (*found.values(), *marks) for place in places}
    return len(known | set(like(layout.others.split("|"), names) if layout.others else []))


def _places(layout: Layout, column: str, names: Sequence[str]) -> list[int]:
    """Where the header has a column under one of the layout's names."""
    return find(layout.names(column), names, layout.dollars and column != "Date")


def _table(grid: Grid, layout: Layout, names: list[str], first: int, coins: list[str], shown: str) -> Table:
    while names and not names[-1] and len(names) > 1:
        names = names[:-1]
    places: dict[str, int] = {}
    for column in ("Date", *COLUMNS):
        found = _places(layout, column, names)
        if len(found) > 1 and column != "Volume" and column != "Date":
            which = " and ".join(f"column {at + 1}, {names[at]!r}" for at in found)
            several = f" It names {', '.join(dict.fromkeys(coins))}." if len(set(coins)) > 1 else ""
            raise MarketError(f"{shown}: {column} could be {which}.{several} Leave one of them in the file")
        places |= {column: found[0]} if found else {}
    rows, lines = _even(grid, first, len(names), shown)
    read = set(places.values())
    others = set(like(f"{layout.others}|{layout.marks}".split("|"), names))
    unread = [name for at, name in enumerate(names) if at not in read | others and name]
    contents.refuse_other_currencies(grid, first, names, read, coins, shown)
    _refuse_misspelt(unread, places, shown)
    coin = contents.coin(names, rows, coins, shown)
    return Table(layout, places, {c: names[at] for c, at in places.items()}, rows, lines, grid, coin, unread, names)


def _even(grid: Grid, first: int, width: int, shown: str) -> tuple[list[list[str]], list[int]]:
    """The rows below the header, all of the header's length; empty cells beyond it do not count."""
    rows = []
    below = grid.rows[first:]
    if below and all(
        len(row) == width + 1 and row[-1] and row[0] == str(n) for n, row in enumerate(below, int(below[0][0] == "1"))
    ):
        raise MarketError(
            f"{shown}: every row has {width + 1} cells, but the header has {width} columns. If the first cells, from"
            f" {below[0][0]!r} on, are an index, write a name for it in front of the header, or delete it"
        )
    for row, line in zip(grid.rows[first:], grid.lines[first:]):
        if len(row) < width or any(row[width:]):
            cells = max(at for at, cell in enumerate(row, 1) if cell) if len(row) > width else len(row)
            commas = grid.separator == "," and cells > width
            why = ". Decimal commas need another separator or quotes" if commas else ""
            raise MarketError(
                f"{shown}: line {line} has {cells} cell{'s' if cells > 1 else ''}, but the header has {width} columns,"
                f" separated by {SEPARATORS[grid.separator]}. Correct the line or download the file again{why}"
            )
        rows.append(row[:width])
    return rows, grid.lines[first:]


def _refuse_misspelt(unread: Sequence[str], places: dict[str, int], shown: str) -> None:
    """A price column under a name that is nearly right would be left out without this."""
    names = [name.casefold() for name in unread if not currencies.named(name)]  # Volume EUR is no slip of the pen
    for column in COLUMNS:
        near = difflib.get_close_matches(column.casefold(), names, n=1, cutoff=0.75)
        if column not in places and near:
            unit = ". Prices must be in US dollars" if column == "Close" else ""
            raise MarketError(
                f"{shown}: the header has {near[0]!r} and no {column}. If it is {column}, name it so{unit}"
            )


def _without_header(grid: Grid, shown: str) -> Table | None:
    """A file of numbers only, known by the number of its cells and a time since 1970 in front.

    Raises:
        MarketError: sites write such a file in several orders, and its rows do not decide which one it is.
    """
    widths = {len(row) for row in grid.rows}
    if len(widths) != 1 or not all(re.fullmatch(r"\d{9,19}(?:\.0*)?", row[0]) for row in grid.rows):
        return None
    known = [layout for layout in LAYOUTS if layout.head == "none" and {layout.cells} == widths]
    if len(known) < 2:
        return Table(known[0], _cells(known[0]), {}, grid.rows, grid.lines, grid) if known else None
    # cells of prices -> the layout that says which cell beside them is the volume
    groups = {frozenset(_cells(layout)[c] for c in column_order.PRICES): layout for layout in reversed(known)}
    try:
        prices = column_order.order(grid.rows, [sorted(group) for group in groups])
    except column_order.OpenOrder as error:
        raise MarketError(f"{shown}: {error}") from None
    places = _cells(groups[frozenset(prices.values())]) | prices
    layout = next((one for one in known if _cells(one) == places), None)
    return Table(
        layout or replace(known[-1], name="candles without header", volume_in="a unit unknown"),
        places,
        {},
        grid.rows,
        grid.lines,
        grid,
    )


def _cells(layout: Layout) -> dict[str, int]:
    """Date, Open, ... -> the cell of a row, from 0, in a layout without header."""
    return {column: int(layout.names(column)[0]) for column in ("Date", *COLUMNS)}


def as_markdown() -> str:
    """The table of layouts as docs/price-files.md shows it."""
    columns = ("Date", *COLUMNS)
    lines = ["| Layout | " + " | ".join((*columns, "Also in the header", "Volume in")) + " |", "|---" * 9 + "|"]
    for layout in LAYOUTS:
        cells = [", ".join(_shown(name, layout) for name in layout.names(column)) or "-" for column in columns]
        marks = ", ".join(layout.marks.split("|")) or ("no header" if layout.head == "none" else "")
        lines.append("| " + " | ".join((layout.name, *cells, marks, layout.volume_in or "as the header says")) + " |")
    return "\n".join(lines).replace("*", "\\*")


def _shown(name: str, layout: Layout) -> str:
    return f"cell {int(name) + 1} of {layout.cells}" if layout.head == "none" else name or "(no name)"


if __name__ == "__main__":
    print(as_markdown())
