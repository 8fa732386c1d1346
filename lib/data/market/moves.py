"""Prices that cannot be believed at once: moves between days that are too large, and zeros.

A bad tick of one day would fit the scaler and so spoil every forecast; a change of the unit half-way looks like a
gain of a thousandfold. Of real daily prices of large coins the largest move of a column is a factor of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import pandas as pd

PRICES = ("Open", "High", "Low", "Close")
MAX_DAILY_FACTOR = 3.0  # as params/sample.yaml; the largest real one of ADA, BTC, ETH and SOL in 2020 to 2025 is 2.0
LARGEST_ACCEPTED = 1e6
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Move:
    """A price that moved too far from the known day before, or is zero.

    Attributes:
        day: whose price it is.
        column: Open, High, Low or Close.
        value, previous: US dollars, on this day and on the known day before.
        previous_day: that day, or None for a zero on the first day.
        factor: the larger of the two over the smaller one, above 1; infinite for a zero.
        looks_like: in words, such as ``a single day`` or ``a change of level from that day on``.
    """

    day: date
    column: str
    value: float
    previous: float
    previous_day: date | None
    factor: float
    looks_like: str


def suspicious(frame: pd.DataFrame, max_daily_factor: float = MAX_DAILY_FACTOR) -> list[Move]:
    """Moves by more than a factor, and zeros, by day and column.

    Each column is compared with itself on the known day before; empty, zero and negative prices are not known. A price
    that comes back is one move, not two.

    Args:
        frame: days in increasing order, each once; any of Open, High, Low, Close in US dollars.
        max_daily_factor: the largest factor that is believed, above 1; infinite for zeros only.
    """
    columns = [c for c in PRICES if c in frame]
    found = [m for c in columns for m in (*_moves(frame[c], max_daily_factor), *_zeros(frame[c]))]
    return sorted(found, key=lambda move: (move.day, PRICES.index(move.column)))


def in_words(moves: Iterable[Move], max_daily_factor: float) -> list[str]:
    """A sentence for each day: columns, factor and both values, what it looks like, and what is allowed."""

    def alike(move: Move) -> tuple[date, bool, bool, str]:
        return move.day, move.value == 0, move.value > move.previous, move.looks_like

    return [_in_words(list(group), max_daily_factor) for _, group in groupby(sorted(moves, key=alike), key=alike)]


def accepting(moves: Iterable[Move]) -> float | None:
    """A round factor that accepts all of these moves; None if there are none, or some can never be accepted."""
    largest = max((move.factor for move in moves), default=math.inf)
    if largest > LARGEST_ACCEPTED:
        return None
    digit = 10 ** math.floor(math.log10(largest))
    return float(min(math.ceil(largest / digit) * digit, LARGEST_ACCEPTED))


def _in_words(group: list[Move], max_daily_factor: float) -> str:
    columns = ", ".join(move.column for move in group)
    shown = next((move for move in group if move.column == "Close"), group[0])
    if shown.value == 0:
        verb = "are" if len(group) > 1 else "is"
        return (
            f"{shown.day}: {columns} {verb} 0 (allowed: above 0 USD; empty the whole day, which is then a gap, or"
            " correct it)"
        )
    way = "up" if shown.value > shown.previous else "down"
    return (
        f"{shown.day}: {columns} {way} by a factor of {shown.factor:.4g}, {shown.column} from {shown.previous:.10g} on"
        f" {shown.previous_day} to {shown.value:.10g}: {shown.looks_like} (allowed: a factor of {max_daily_factor:g}"
        " from one known day to the next)"
    )


def _zeros(prices: pd.Series) -> list[Move]:
    known = prices[prices.notna()]
    before, days = known.shift().to_numpy(), known.index
    return [
        Move(
            days[row].date(),
            str(prices.name),
            0.0,
            float(before[row]),
            days[row - 1].date() if row else None,
            math.inf,
            "a zero",
        )
        for row in np.flatnonzero(known == 0)
    ]


def _moves(prices: pd.Series, limit: float) -> list[Move]:
    known = prices[(prices > 0) & np.isfinite(prices)]
    values, days = known.to_numpy(), known.index
    jumps = [int(row) for row in np.flatnonzero(_factors(values[1:], values[:-1]) > limit * (1 + _ROUNDING)) + 1]
    found = []
    while jumps:
        row = jumps.pop(0)
        back = next((j for j in jumps if _factors(values[j], values[row - 1]) <= limit), None)
        found.append(
            Move(
                days[row].date(),
                str(prices.name),
                float(values[row]),
                float(values[row - 1]),
                days[row - 1].date(),
                float(_factors(values[row], values[row - 1])),
                _looks_like(row, back, days),
            )
        )
        if back is not None:
            jumps.remove(back)
    return found


def _factors(values: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.maximum(values / before, before / values)


def _looks_like(row: int, back: int | None, days: pd.DatetimeIndex) -> str:
    if back == row + 1:
        return "a single day"
    if back is not None:
        return f"{back - row} days, to {days[back - 1].date()}"
    if row == len(days) - 1:
        return "the last day, so that no later one shows which is right"
    if row == 1:
        return "the day before is the first, and it alone may be wrong"
    return "a change of level from that day on, such as another unit"
