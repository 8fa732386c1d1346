"""One thing that a recheck computed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Of a notebook: how far its numbers may be apart, as a share; 0 for the same bits.
Near = Callable[[str], float]


@dataclass(frozen=True)
class Part:
    """One thing that was computed again.

    Attributes:
        notebook: whose result it is.
        what: its name for people.
        differs: in what it differs from the committed one; empty if in nothing.
        trained: whether a network was trained for it.
    """

    notebook: str
    what: str
    differs: str
    trained: bool = False


def error_differs(there: float, here: float, near: float) -> str:
    """In what the squared error of a training made again differs from the committed one; ``near`` is a share of it."""
    return "" if there == here or abs(there - here) <= near * there else f"MSE {there!r} there, {here!r} computed"
