"""By which parameters a run goes on when some of its prices were refused."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lib.data.market.faults import MarketError, SourceUnavailable
from lib.data.market.schema import Implausible, accepting


@dataclass(frozen=True)
class Offer:
    """What is left of the tickers that were asked for.

    Attributes:
        tickers: all that were asked for, in that order.
        readable: ticker -> prices that can be used as they are.
        faults: why the others cannot be used.
        choice: whether fewer tickers than all can be asked for, as of every source but the sample.
    """

    tickers: Sequence[str]
    readable: Mapping[str, pd.DataFrame]
    faults: Sequence[MarketError]
    choice: bool

    @property
    def accepted(self) -> dict[str, pd.DataFrame]:
        """Ticker -> prices that a larger ``max_daily_factor`` alone makes usable."""
        return {error.ticker: error.prices for error in self._moving if not error.others}

    @property
    def _moving(self) -> list[Implausible]:
        return [error for error in self.faults if isinstance(error, Implausible) and accepting(error.moves)]

    def words(self, readable: Collection[str], accepted: Collection[str]) -> list[str]:
        """Parameters that work as they are named, a sentence each.

        Args:
            readable: the tickers of :attr:`readable` that are of use.
            accepted: those of :attr:`readable` and :attr:`accepted` that are of use together.
        """
        return [*self._accepting(accepted), *self._choosing(readable)]

    def _accepting(self, usable: Collection[str]) -> list[str]:
        found, alone = [], [error for error in self._moving if not error.others and error.ticker in usable]
        if alone:
            given: dict[str, Any] = {"max_daily_factor": _factor(alone)}
            tickers = [ticker for ticker in self.tickers if ticker in usable]
            if len(tickers) == len(self.tickers):
                found.append(f"If these moves are real, accept them: {_as_typed(given)}")
            else:
                of = ", ".join(error.ticker for error in alone)
                given["tickers"] = tickers
                found.append(f"If the moves of {of} are real, accept them and leave out the rest: {_as_typed(given)}")
        if blocked := [error for error in self._moving if error.others]:
            of = ", ".join(error.ticker for error in blocked)
            found.append(
                f"If the moves of {of} are real, correct the other values first;"
                f" -p max_daily_factor={_factor(blocked):g} then accepts the moves"
            )
        return found

    def _choosing(self, usable: Collection[str]) -> list[str]:
        tickers = [ticker for ticker in self.tickers if ticker in usable]
        if not tickers or not self.choice or len(tickers) == len(self.tickers):
            return []
        stopped = any(isinstance(error, SourceUnavailable) for error in self.faults)
        return [
            f"To run {'those that were downloaded' if stopped else 'the others'}: {_as_typed({'tickers': tickers})}"
        ]


def _factor(errors: Sequence[Implausible]) -> float:
    return accepting([move for error in errors for move in error.moves]) or 0.0


def _as_typed(given: Mapping[str, Any]) -> str:
    """Parameters as a command and a notebook take them."""
    short = {k: f"[{','.join(v)}]" if isinstance(v, list) else f"{v:g}" for k, v in given.items()}
    python = {k: json.dumps(v) if isinstance(v, list) else f"{v:g}" for k, v in given.items()}
    return (
        f"{' '.join(f'-p {k}={v}' for k, v in short.items())};"
        f" in a notebook's parameters cell: {' and '.join(f'{k} = {v}' for k, v in python.items())}"
    )
