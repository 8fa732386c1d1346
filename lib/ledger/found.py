"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Found:
    """The answer of a check.

    Attributes:
        value: a number, a text, or whether a statement holds; None if there is none.
        low, high: of a score that trainings judge, the 95 % prediction interval; for an answer from another place of
            the thesis, what its rounding leaves open; None for neither.
        because: what a reader needs to see why.
        other_place: the place of the thesis that the answer comes from; empty if we computed it.
        published: the file of the author's repository that the answer comes from; empty if it is another one.
        constant: the answer is ours, but a definition: no data entered it.
        seeds: of a score, how many trainings of ours it rests on.
        shown: the value in words, where that says more than the value itself.
    """

    value: float | str | bool | None = None
    low: float | None = None
    high: float | None = None
    because: str = ""
    other_place: str = ""
    published: str = ""
    constant: bool = False
    shown: str = ""
    seeds: int | None = None

    def __post_init__(self) -> None:
        # numpy's own truth values and numbers are neither bool nor float to Python
        for name in ("value", "low", "high"):
            if isinstance(given := getattr(self, name), np.generic):
                object.__setattr__(self, name, given.item())

    def saying(self, because: str) -> Found:
        """The same, with another reason."""
        return replace(self, because=because)

    @property
    def text(self) -> str:
        """The value as a table shows it: six significant digits, ``holds`` or ``does not hold``."""
        if self.shown or self.value is None:
            return self.shown
        if isinstance(self.value, bool):
            return "holds" if self.value else "does not hold"
        return (
            self.value
            if isinstance(self.value, str)
            else f"{self.value:.6g}"
            if abs(self.value) < 1e5
            else f"{self.value:.0f}"
        )
