"""How often the rating of technical indicators (``lib.data.technical``) was right on past days."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data import cleaning, technical
from lib.data.technical import TechnicalError, TechnicalSettings
from lib.evaluation import direction

FEW_CALLS = 30


NO_EDGE, EDGE, FEW = "no proven edge", "right more often than the commoner direction", "too few calls to say"


@dataclass(frozen=True)
class SignalPerformance:
    """How often the rating's signal named the next day's direction. Shares are 0 to 1.

    ``days`` have a signal and a next day, ``calls`` of them were buy or sell. ``hits`` is the share of calls whose
    direction was right a day later, ``lower`` and ``upper`` its 95 % Wilson interval (for independent days),
    ``commoner`` the share of the commoner direction after the same days, known only afterwards. What trading the
    calls would have returned is left out: a small change of one setting makes another figure of it.
    """

    days: int
    calls: int
    hits: float
    lower: float
    upper: float
    commoner: float

    @property
    def verdict(self) -> str:
        """:data:`EDGE` if the whole interval is above the commoner direction, :data:`FEW` below :data:`FEW_CALLS`
        calls, else :data:`NO_EDGE`."""
        if self.calls < FEW_CALLS:
            return FEW
        return EDGE if self.lower > self.commoner else NO_EDGE

    def __str__(self) -> str:
        if not self.calls:
            return f"Nothing to measure: on {self.days} past days the rating never said buy or sell."
        lead = {
            NO_EDGE: "No proven edge",
            EDGE: "Better than always naming the commoner direction",
            FEW: f"Too few calls to say (fewer than {FEW_CALLS})",
        }[self.verdict]
        return (
            f"{lead}: on {self.calls} of {self.days} past days the rating said buy or sell, and it was right a day"
            f" later on {self.hits:.1%} (95 % interval {self.lower:.1%} to {self.upper:.1%}). The commoner direction"
            f" came on {self.commoner:.1%} of the same days. The interval takes days as independent, which they are"
            " not, so it may be too narrow. Settings that were chosen by looking at these prices look better here than"
            " they will be."
        )


def performance(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> SignalPerformance:
    """How often the rating's signal was right a day later, on all given days whose next day is there.

    Raises:
        TechnicalError: as ``technical.indicators``, or there is no such day, as every average is still filling.
    """
    signal, close = technical.signal_history(prices, settings), prices["Close"].astype("float64")
    next_day = (close.index[1:] - close.index[:-1]) == pd.Timedelta(days=1)
    evaluated = np.append(next_day, False) & signal.notna().to_numpy()
    if not evaluated.any():
        needed = technical.needed_days(settings)
        longest = len(cleaning.longest_stretch(close.index))
        given = f"{len(close)}, at most {longest} in a row" if longest < len(close) else longest
        raise TechnicalError(
            f"no day can be evaluated: the rating needs {needed} days and the day after, given are {given}"
        )
    last, after = close.to_numpy()[evaluated], close.shift(-1).to_numpy()[evaluated]
    said = signal.to_numpy()[evaluated]
    called = said != 0
    score = dict.fromkeys(("accuracy", "lower", "upper", "majority"), math.nan)
    if called.any():
        # A forecast on the side that was called; how far off it lies does not count.
        score = direction.accuracy(after[called], (last * (1 + 0.01 * said))[called], last[called])
    return SignalPerformance(
        days=int(evaluated.sum()),
        calls=int(called.sum()),
        hits=score["accuracy"],
        lower=score["lower"],
        upper=score["upper"],
        commoner=score["majority"],
    )
