"""How the votes of technical indicators (``lib.data.technical``) did on past days."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data import cleaning, technical
from lib.data.technical import TechnicalError, TechnicalSettings
from lib.evaluation import direction

FEW_CALLS = 30


@dataclass(frozen=True)
class SignalPerformance:
    """How the summary's signal did on past days. Shares are 0 to 1, returns simple and as shares.

    ``days`` have a signal and a next day, ``calls`` of them were buy or sell. ``hits`` is the share of calls whose
    direction was right a day later, ``lower`` and ``upper`` its 95 % Wilson interval (for independent days),
    ``commoner`` the share of the commoner direction after the same days, known only afterwards.
    ``return_after_buy``, ``return_after_sell`` and ``return_all`` are mean returns of the next day. ``total_return``
    holds the coin on the days after a buy, dollars otherwise, at 0.1 % of each purchase and sale; where days have no
    signal, as after absent ones, it holds what it held. ``hold_return``
    buys at first and sells at last, ``sides`` counts trades.
    """

    days: int
    calls: int
    hits: float
    lower: float
    upper: float
    commoner: float
    return_after_buy: float
    return_after_sell: float
    return_all: float
    total_return: float
    hold_return: float
    sides: int

    def __str__(self) -> str:
        if not self.calls:
            return f"On {self.days} past days the summary never said buy or sell: nothing to measure."
        few = f" Fewer than {FEW_CALLS} calls say next to nothing." if self.calls < FEW_CALLS else ""
        verdict = "no better than" if self.lower <= self.commoner else "better than"
        return (
            f"On {self.calls} of {self.days} past days the summary said buy or sell; a day later it was right on"
            f" {self.hits:.1%} (95 % interval {self.lower:.1%} to {self.upper:.1%}), {verdict} always naming the"
            f" commoner direction ({self.commoner:.1%})."
            f" Holding the coin only after a buy returned {self.total_return:+.0%} after costs,"
            f" holding it throughout {self.hold_return:+.0%}.{few}"
        )


def performance(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> SignalPerformance:
    """How the summary's signal did a day later, on all given days whose next day is there.

    Settings that were chosen by looking at these prices look better here than they will be.

    Raises:
        TechnicalError: as ``technical.indicators``, or there is no such day, as every average is still filling.
    """
    signal, close = technical.signal_history(prices, settings), prices["Close"].astype("float64")
    next_day = (close.index[1:] - close.index[:-1]) == pd.Timedelta(days=1)
    evaluated = np.append(next_day, False) & signal.notna().to_numpy()
    if not evaluated.any():
        needed = max(
            settings.sma_days,
            settings.macd_slow_days + settings.macd_signal_days - 1,
            settings.bollinger_days,
            settings.ema_days,
        )
        longest = len(cleaning.longest_stretch(close.index))
        given = f"{len(close)}, at most {longest} in a row" if longest < len(close) else longest
        raise TechnicalError(
            f"no day can be evaluated: the indicators need {needed} days and the day after, given are {given}"
        )
    last, after = close.to_numpy()[evaluated], close.shift(-1).to_numpy()[evaluated]
    said, change = signal.to_numpy()[evaluated], after / last - 1
    called = said != 0
    # A forecast on the side that was called; how far off it lies changes nothing below.
    forecast = last * (1 + 0.01 * said)
    score = dict.fromkeys(("accuracy", "lower", "upper", "majority"), math.nan)
    if called.any():
        score = direction.accuracy(after[called], forecast[called], last[called])
    traded, held = direction.long_flat(after, forecast, last), direction.buy_and_hold(after, last)
    return SignalPerformance(
        days=int(evaluated.sum()),
        calls=int(called.sum()),
        hits=score["accuracy"],
        lower=score["lower"],
        upper=score["upper"],
        commoner=score["majority"],
        return_after_buy=_mean(change[said > 0]),
        return_after_sell=_mean(change[said < 0]),
        return_all=_mean(change),
        total_return=float(traded["wealth"].iloc[-1] - 1),
        hold_return=float(held["wealth"].iloc[-1] - 1),
        sides=int(traded["sides"].sum()),
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
