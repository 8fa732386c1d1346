"""Numbers as people and sites write them, read by what the whole file says about its decimal mark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pandas as pd

from lib.data.market.files import currencies

EMPTY = {"", "-", "--", "\u2013", "\u2014", ".", "null", "nan", "na", "n/a", "#n/a", "none", "nil", "<na>"}
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_DOLLARS = re.compile(r"^(?:US\$|\$|USD\b)\s*|\s*(?:US\$|\$|\bUSD)$", re.IGNORECASE)
_SPACES = " '\u2019\u00a0\u202f\u2009"
# decimal mark -> what makes a number one that Decimal reads
_PLAIN = {mark: str.maketrans(mark, ".", other + _SPACES) for mark, other in ((".", ","), (",", "."))}


def _written_with(decimal: str, thousands: str) -> re.Pattern[str]:
    mark, group = re.escape(decimal), f"[{re.escape(thousands)}]|[{_SPACES}]"
    grouped = rf"[1-9]\d{{0,2}}(?P<mark>{group})\d{{3}}(?:(?P=mark)\d{{3}})*"
    return re.compile(rf"[+-]?(?:(?:{grouped}|\d+)(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?")


# decimal mark -> how a number then looks. Most numbers look right in one of them only; 1,234 does in both.
PATTERNS = {".": _written_with(".", ","), ",": _written_with(",", ".")}


class OpenNumber(ValueError):
    """The whole file leaves open what its decimal mark is; the message shows both readings."""


class OtherCurrency(ValueError):
    """A price with the sign or name of another currency than the dollar."""


def numbers(
    columns: Mapping[str, Sequence[str]], lines: Sequence[int], decimal: str | None, faults: list[str]
) -> pd.DataFrame:
    """Cells to float64; empty ones to NaN.

    Allowed are a decimal point or comma, thousands marks (comma, point, space, apostrophe), a dollar sign or USD, and
    in Volume the units K, M, B, T. All columns share one decimal mark, which all prices together decide, or the
    volumes if the prices are whole numbers.

    Args:
        columns: column -> its cells.
        lines: the cells' lines in the file.
        decimal: the decimal mark where the cells leave it open, if the file's writer is known; else None.
        faults: receives a sentence for each cell that is no number.

    Returns:
        The columns; ``attrs["comma"]`` says whether there is a decimal comma.

    Raises:
        OpenNumber: nothing decides between two readings.
        OtherCurrency: a price is not in dollars.
    """
    cells = {name: [_bare(text, name) for text in texts] for name, texts in columns.items()}
    bodies = {name: [body for body, _ in of if body is not None] for name, of in cells.items()}
    prices = [body for name, of in bodies.items() if name != "Volume" for body in of]
    found = prices if any(map(_differs, prices)) else prices + bodies.get("Volume", [])
    mark = _mark(found, decimal)
    made = {name: pd.Series(_floats(name, columns[name], cells[name], mark, lines, faults)) for name in columns}
    frame = pd.DataFrame(made, dtype="float64")
    frame.attrs = {"comma": mark == "," and any("," in body for body in found)}
    return frame


def _mark(found: Sequence[str], decimal: str | None) -> str:
    good = {mark: sum(bool(pattern.fullmatch(body)) for body in found) for mark, pattern in PATTERNS.items()}
    undecided = next(filter(_differs, found), None)
    if good["."] != good[","] or undecided is None:
        return max(good, key=lambda mark: good[mark])  # errors then name the cells that differ from most
    if decimal:
        return decimal
    point, comma = (f"{float(_value(undecided, mark)):.10g}" for mark in ".,")
    raise OpenNumber(
        f"{undecided!r} is {point} with a decimal point or {comma} with a decimal comma, and no other cell decides"
        " which. Write the numbers with a decimal point and without thousands marks"
    )


def _floats(
    name: str,
    texts: Sequence[str],
    cells: Sequence[tuple[str | None, int]],
    mark: str,
    lines: Sequence[int],
    faults: list[str],
) -> list[float]:
    pattern, values = PATTERNS[mark], []
    for line, text, (body, factor) in zip(lines, texts, cells):
        if body is not None and not pattern.fullmatch(body):
            if name != "Volume" and (currency := currencies.named(text)):
                raise OtherCurrency(
                    f"line {line}, column {name}: {text!r} is in {currency}. Prices must be in US dollars: convert them"
                )
            faults.append(f"line {line}, column {name}: {text!r} is not a number{_but(name, body, mark)}")
            body = None
        values.append(float("nan") if body is None else float(_value(body, mark) * factor))
    return values


def _differs(body: str) -> bool:
    """Whether a number has two readings that differ."""
    return all(p.fullmatch(body) for p in PATTERNS.values()) and _value(body, ".") != _value(body, ",")


def _bare(text: str, column: str) -> tuple[str | None, int]:
    """A cell without its dollar sign and unit, and what the unit multiplies by; None for an empty cell."""
    if text.casefold() in EMPTY:
        return None, 1
    body = _DOLLARS.sub("", text.replace("\u2212", "-")).strip()
    unit = body[-1:].upper()
    if column == "Volume" and unit in UNITS and unit:
        return body[:-1].strip(), UNITS[unit]
    return body, 1


def _value(body: str, mark: str) -> Decimal:
    return Decimal(body.translate(_PLAIN[mark]))


def _but(name: str, body: str, mark: str) -> str:
    if name != "Volume" and body[-1:].upper() in UNITS and PATTERNS[mark].fullmatch(body[:-1].strip()):
        return f" (units such as {body[-1]} are for Volume only; write prices in full, in US dollars)"
    other = "," if mark == "." else "."
    if not PATTERNS[other].fullmatch(body):
        return ""
    words = {".": "point", ",": "comma"}
    return f" with a decimal {words[mark]}, as the others are"
