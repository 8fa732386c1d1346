"""In which order a file without a header has its prices, decided from all of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

PRICES = ("Open", "High", "Low", "Close")
LEAST_PAIRS = 5  # days that follow one another; fewer could agree by chance
SAME_DAYS = 0.9  # part of the days on which the better reading must be the better one
LARGEST_RANGE = 3.0  # High over Low of the median day; a volume beside prices is far above
Places = dict[str, int]  # Open, High, Low, Close -> cell of a row, from 0


class OpenOrder(ValueError):
    """No order of the columns fits all rows, or several do."""


def order(rows: Sequence[Sequence[str]], choices: Sequence[Sequence[int]]) -> Places:
    """Which cells are Open, High, Low and Close.

    High is nowhere below and Low nowhere above the other three. Open and Close are told apart by the next day: a coin
    is traded without a pause, so a close is near the open that follows.

    Args:
        rows: cells; the first one is a time, in any unit.
        choices: groups of four cells that may hold the prices.

    Raises:
        OpenOrder: in which way the file leaves the order open, and what to do.
    """
    try:
        values = np.array([[float(cell or "nan") for cell in row] for row in rows])
    except ValueError:
        raise OpenOrder(f"there is no header, and a cell is no plain number. {_MEND}") from None
    values = values[np.argsort(values[:, 0], kind="stable")]
    found = [ends for cells in choices for ends in _ends(values, sorted(cells))]
    if not found:
        raise OpenOrder(
            "there is no header, and in no order that sites use is High the highest and Low the lowest price of every"
            f" row. {_MEND}"
        )
    readings = [reading for ends in found for reading in _both(ends)]
    if len(found) == 1:
        first, second = readings
        for one, other in ((first, second), (second, first)):
            if _follows(values, one, other):
                return one
    readings.sort(key=lambda reading: [reading[name] for name in PRICES])
    shown = " or ".join(map(in_words, readings[:2]))
    raise OpenOrder(f"there is no header, and the rows do not decide whether their cells are {shown}. {_MEND}")


_MEND = "Write the names of the columns above the first row, such as Date,Open,High,Low,Close,Volume"


def in_words(places: Places) -> str:
    """Such as ``2 Open, 3 High, 4 Low, 5 Close``, cells from 1."""
    return ", ".join(f"{at + 1} {name}" for name, at in sorted(places.items(), key=lambda item: item[1]))


def _ends(values: np.ndarray, cells: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """High, Low and the two others, wherever all rows fit."""
    known = values[np.isfinite(values[:, cells]).all(axis=1)]
    found = []
    for high, low in permutations(cells, 2):
        one, other = (at for at in cells if at not in (high, low))
        prices = known[:, [high, low, one, other]]
        fits = (prices[:, :1] >= prices).all() and (prices[:, 1:2] <= prices).all() and (prices > 0).all()
        if len(known) and fits and np.median(prices[:, 0] / prices[:, 1]) < LARGEST_RANGE:
            found.append((high, low, one, other))
    return found


def _both(ends: tuple[int, int, int, int]) -> tuple[Places, Places]:
    high, low, one, other = ends
    return (
        {"Open": one, "High": high, "Low": low, "Close": other},
        {"Open": other, "High": high, "Low": low, "Close": one},
    )


def _follows(values: np.ndarray, reading: Places, other: Places) -> bool:
    """Whether closes are near the next opens in one reading, and clearly not in the other."""
    near, far = _gaps(values, reading), _gaps(values, other)
    known = np.isfinite(near) & np.isfinite(far)
    near, far = near[known], far[known]
    if len(near) < LEAST_PAIRS:
        return False
    return bool(near.mean() < far.mean() / 2 and (near < far).mean() >= SAME_DAYS)


def _gaps(values: np.ndarray, reading: Places) -> np.ndarray:
    return np.abs(np.log(values[:-1, reading["Close"]] / values[1:, reading["Open"]]))
