"""Tables, numbers and moments in the Markdown that repository hosts render."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

EMPTY = ("", "nan", "<NA>", "None")


def number(text: str) -> str:
    """A number with three significant digits, whole from 1,000 on with thousands apart; any other text as it is.

    Whole numbers and those of six digits or fewer stay as they are: printed values are among them.
    """
    if re.fullmatch(r"-?\d+", text) or not is_number(text):
        return text
    if "e" not in text and len(text.lstrip("-0.").replace(".", "")) <= 6:
        return text.removesuffix(".0")
    value = float(text)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def beside(printed: str, computed: str) -> str:
    """A computed number with as many significant digits as the printed one that it stands beside, three at least."""
    if re.fullmatch(r"-?\d+", computed) or not is_number(computed):
        return computed
    digits = len(re.sub(r"e.*", "", printed.lower()).lstrip("-0.").replace(".", "")) if is_number(printed) else 0
    value = float(computed)
    return f"{value:,.0f}" if abs(value) >= 10 ** max(3, digits) else f"{value:.{max(3, digits)}g}"


def signed(value: float) -> str:
    """A skill: with its sign, at most three significant digits and three decimals."""
    decimals = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0  # rounded once only
    text = f"{value:+.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "+0" if text == "-0" else text


def moment(iso: str | None) -> str:
    """A moment of ``run.json`` for reading, such as ``2025-01-19 12:00:00 UTC``."""
    return re.sub(r"(\.\d+)?\+00:00$", " UTC", iso.replace("T", " ")) if iso else ""


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def plain(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text in code letters, also inside a table."""
    return f"`{text.replace('`', '').replace('|', '/')}`"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], raw: Sequence[int] = ()) -> str:
    """A table; columns of numbers are rounded and stand to the right.

    Args:
        head: names of the columns; underscores are shown as spaces.
        rows: cells; None and missing numbers are left empty.
        raw: columns, counted from 0, that are Markdown already.
    """
    texts = [["" if str(cell) in EMPTY else str(cell) for cell in row] for row in rows]
    columns = range(len(head))
    numeric = [at not in raw and all(is_number(row[at]) for row in texts if row[at]) for at in columns]
    cells = [[row[at] if at in raw else plain(number(row[at])) for at in columns] for row in texts]
    lines = [
        [plain(name.replace("_", " ")) for name in head],
        ["---:" if right else "---" for right in numeric],
        *cells,
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def matrix(cells: pd.DataFrame, rows: str, columns: str, cell: Callable[[Any], str]) -> str:
    """A table with one line for each value of a column, and one column for each value of another.

    Args:
        cells: one row for each cell.
        rows, columns: names of two of its columns; both keep their order.
        cell: text of a row's cell.
    """
    across = list(dict.fromkeys(cells[columns]))
    lines: dict[Any, list[str]] = {}
    for row in cells.itertuples(index=False):
        line = lines.setdefault(getattr(row, rows), [""] * len(across))
        line[across.index(getattr(row, columns))] = cell(row)
    return table([rows, *map(str, across)], [[name, *line] for name, line in lines.items()])
