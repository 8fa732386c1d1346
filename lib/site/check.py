"""A finished site read again: links that lead nowhere, requests to other hosts, tables of prices."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from lib.provenance import price_series
from lib.results import files

_ELSEWHERE = re.compile(r"(https?:)?//", re.IGNORECASE)
_ASKED = {"src", "srcset", "poster", "data", "background", "action"}
_CSS_ADDRESS = re.compile(r"(?:url\(|@import\s+)(?:url\()?\s*['\"]?((?:https?:)?//[^)'\"\s;]+)")


class _Page(HTMLParser):
    """What a page links to, which anchors it has, what a browser asks for by itself, and the cells of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.asked: list[str] = []
        self.tables: list[list[list[str]]] = []
        self._cell = self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if "href" in given:
            (self.links if tag in ("a", "area") else self.asked).append(given["href"])
        self.asked += [given[name] for name in _ASKED & given.keys() if not given[name].startswith("data:")]
        self.asked += _CSS_ADDRESS.findall(given.get("style", ""))
        self._style = tag == "style"
        if tag == "table":
            self.tables.append([])
        elif self.tables and tag == "tr":
            self.tables[-1].append([])
        elif self.tables and tag in ("td", "th") and self.tables[-1]:
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th", "tr", "table")

    def handle_data(self, data: str) -> None:
        if self._style:
            self.asked += _CSS_ADDRESS.findall(data)
        if self._cell:
            self.tables[-1][-1][-1] += data


def problems(folder: Path, prices: Mapping[str, pd.DataFrame] | None = None) -> list[str]:
    """Sentences about everything that is wrong with a site; none if all is well.

    Args:
        folder: the site.
        prices: ticker -> daily prices that no table may follow, as ``market.prices_of`` gives them.
    """
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    found = [sentence for path, page in pages.items() for sentence in _links(path, page, pages, folder)]
    tables = {path.relative_to(folder).as_posix(): files.read_rows(path) for path in sorted(folder.rglob("*.csv"))}
    for path, page in pages.items():
        tables |= {f"{path.relative_to(folder).as_posix()}, table {at}": t for at, t in enumerate(page.tables, 1) if t}
    for name, lines in tables.items():
        found += price_series.named_like_prices(name, lines)
        # A notebook may show days that it made up for an example; the prices of its run are known, and looked for.
        if not (prices and name.startswith("notebooks/")):
            found += price_series.day_by_day(name, lines)
    frames = ((name, _frame(lines)) for name, lines in tables.items())
    return found + (price_series.follows_prices(frames, prices) if prices else [])


def prices_of(run: Path) -> dict[str, pd.DataFrame]:
    """The prices of a run, unless they would have to be asked of another host."""
    from lib import settings
    from lib.data import market

    chosen = settings.load(run / "parameters.yaml")
    return {} if chosen.source == "yahoo" else market.prices_of(chosen)


def _links(path: Path, page: _Page, pages: Mapping[Path, _Page], folder: Path) -> Iterator[str]:
    name = path.relative_to(folder).as_posix()
    for address in page.asked:
        if _ELSEWHERE.match(address):
            yield f"{name} asks another host for {address}"
    for address in {*page.links, *page.asked}:
        place, _, anchor = address.partition("#")
        if re.match(r"[a-z]+:|//", address, re.IGNORECASE):
            continue
        target = Path(os.path.normpath(path.parent / unquote(place))) if place else path
        if not target.is_file() or not target.is_relative_to(folder):
            yield f"{name} links to {address}, which is not on the site"
        elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
            yield f"{name} links to {address}, but that page has no such heading"


def _frame(lines: list[list[str]]) -> pd.DataFrame:
    wide = max(map(len, lines), default=0)
    names = [*lines[0], *[""] * wide][:wide] if lines else []
    return pd.DataFrame(
        {f"{at + 1} {names[at]}".strip(): [_number(row, at) for row in lines[1:]] for at in range(wide)}
    )


def _number(row: list[str], at: int) -> str:
    return row[at].strip().replace(",", "") if at < len(row) else ""
