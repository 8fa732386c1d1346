"""Technical analysis (thesis section 6.3.2): indicators, price levels, votes and the rating made of them.

Indicators are TA-Lib's. Everything that is said of a day uses prices up to that day only. The rules
by which an indicator votes are conventions of chart readers, not findings: ``lib.evaluation.chart_signals``
measures them on the given prices beside the commoner direction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd
import talib

from lib.data import cleaning, voters
from lib.data.indicators import add_indicators, by_stretch
from lib.errors import ProjectError

BUY, NEUTRAL, SELL = "buy", "neutral", "sell"
# Scores from which a rating takes a side, and takes it strongly: those of TradingView's help page "Technical Ratings".
SIDE, STRONG = 0.1, 0.5
# Past days have a rating once so many of the indicators vote: a young coin, or one after a long gap, would else have
# none until the average of 200 days is full.
VOTING_SHARE = 0.75
FILLED_DAYS = 5  # gaps up to this length are filled for averages, as in a run's usual max_gap_days
CAUTION = (
    "These rules are conventions of chart readers. They have no proven value for forecasting prices and are no advice;"
    " the measurement beside them says how they did on the prices shown."
)
_VOTE = {1: BUY, 0: NEUTRAL, -1: SELL}


class TechnicalError(ProjectError):
    """Settings out of range, or prices that no indicator can be computed from."""


def _days(default: int, meaning: str, low: int = 2, high: int = 250) -> Any:
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high, "unit": "days"})


def _number(default: float, meaning: str, low: float, high: float, unit: str) -> Any:
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high, "unit": unit})


@dataclass(frozen=True)
class TechnicalSettings:
    """Periods and limits of all indicators; each field's ``metadata`` has its meaning, range and unit.

    Raises:
        TechnicalError: a value out of range or two that contradict each other; all are named.
    """

    sma_days: int = _days(50, "period of the simple moving average")
    ema_days: int = _days(20, "period of the exponential moving average")
    bollinger_days: int = _days(20, "period of the Bollinger bands")
    bollinger_width: float = _number(
        2.0, "distance of the Bollinger bands from their middle", 0.5, 5, "standard deviations"
    )
    rsi_days: int = _days(14, "period of the RSI, by Wilder's smoothing")
    rsi_low: float = _number(30.0, "RSI below which a coin counts as oversold", 5, 49, "of 100")
    rsi_high: float = _number(70.0, "RSI above which a coin counts as overbought", 51, 95, "of 100")
    macd_fast_days: int = _days(12, "period of the MACD's fast average")
    macd_slow_days: int = _days(26, "period of the MACD's slow average")
    macd_signal_days: int = _days(9, "period of the MACD's signal line")

    def __post_init__(self) -> None:
        faults = [fault for f in fields(self) if (fault := _fault(f.name, getattr(self, f.name), f.metadata))]
        if not faults and self.macd_fast_days >= self.macd_slow_days:
            periods = f"macd_fast_days is {self.macd_fast_days}, macd_slow_days {self.macd_slow_days}"
            faults = [f"{periods}: the fast period must be the shorter one"]
        if faults:
            raise TechnicalError("; ".join(faults))


def _fault(name: str, value: Any, limits: Any) -> str | None:
    whole = limits["unit"] == "days"
    right_type = isinstance(value, (int, np.integer) if whole else (int, float, np.number)) and not isinstance(
        value, bool
    )
    if right_type and limits["low"] <= value <= limits["high"]:
        return None
    kind = "a whole number" if whole else "a number"
    allowed = f"{kind} from {limits['low']} to {limits['high']} {limits['unit']}"
    return f"{name} is {value!r}, allowed is {allowed} ({limits['meaning']})"


def indicators(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> pd.DataFrame:
    """All indicators of every day, by TA-Lib.

    Args:
        prices: daily prices in US dollars, one row a day in time order, with ``Close``. Up to :data:`FILLED_DAYS`
            absent days in a row count as days at the close before; after more of them all indicators begin anew.
        settings: periods and width.

    Returns:
        Frame with the index of ``prices``: ``SMA``, ``EMA``, ``BB_lower``, ``BB_middle``, ``BB_upper``, ``MACD``,
        ``MACD_signal``, ``MACD_hist`` in US dollars, ``RSI`` in 0..100. Bands lie ``bollinger_width`` population
        standard deviations from their simple average. Values are missing until the longest average is full.
        The RSI is 50 until the close has moved.

    Raises:
        TechnicalError: no day, days out of order, or a close that is missing or not above zero.
    """
    close, s = _filled(_checked_close(prices)), settings
    found = add_indicators(
        close.to_frame(), s.rsi_days, s.macd_fast_days, s.macd_slow_days, s.macd_signal_days, s.ema_days
    )

    def compute(values: np.ndarray) -> dict[str, np.ndarray]:
        bands = talib.BBANDS(values, s.bollinger_days, s.bollinger_width, s.bollinger_width)
        return {
            "SMA": talib.SMA(values, s.sma_days),
            "RSI": voters.rsi(values, s.rsi_days),
            **dict(zip(("BB_upper", "BB_middle", "BB_lower"), bands)),
        }

    found = found.drop(columns="RSI").join(by_stretch(close, compute))
    names = ["SMA", "EMA", "BB_lower", "BB_middle", "BB_upper", "MACD", "MACD_signal", "MACD_hist", "RSI"]
    return found.loc[prices.index, names]


def _filled(close: pd.Series) -> pd.Series:
    """Closes with short gaps filled by the close before: one absent day must not empty 50 days of an average."""
    return cleaning.fill_gaps(close.to_frame("Close"), FILLED_DAYS, "previous")["Close"]


def support_resistance(
    prices: pd.DataFrame,
    span_days: int = 5,
    tolerance_percent: float = 2.0,
    min_touches: int = 2,
    last_days: int = 365,
    each_side: int = 3,
    within_percent: float = 30.0,
) -> pd.DataFrame:
    """The nearest price levels above and below the last close at which the price has turned before.

    A swing high is a day whose High is above those of the ``span_days`` calendar days before it and not below
    those of the ``span_days`` days after it; a swing low is the mirror image in the Lows. A turning
    point is thus known only ``span_days`` days later, and the newest days have none. A day with an absent one
    among those beside it is no turning point, since nobody knows where the price was. Where the source gives
    closes only, they take the place of Highs and Lows. All turning points of
    the last ``last_days`` days, highs and lows together, are sorted by price and taken into one level
    as long as they lie within ``tolerance_percent`` of its lowest; the level is their median.

    Args:
        prices: daily ``High``, ``Low``, ``Close`` in US dollars, in time order, until the day that is looked from.
        span_days: 1 to 60; larger finds fewer and weightier turning points.
        tolerance_percent: width of a level, above 0 to 20.
        min_touches: turning points that make a level, 1 or more.
        last_days: how far back turning points count, in days.
        each_side: levels at most on each side of the last close, the nearest ones; 1 to 50. A side where the price
            has not turned in ``last_days`` has none.
        within_percent: farther levels are left out, unless their side has no nearer one; default 30.

    Returns:
        One row a level, highest price first: ``price_usd``, ``kind`` (``support`` below the last close, else
        ``resistance``), ``touches``, ``first_touch``, ``last_touch`` (days), ``distance_percent`` from the last close.

    Raises:
        TechnicalError: as :func:`indicators`, or a parameter out of range.
    """
    limits = (
        ("span_days", span_days, 1, 60),
        ("tolerance_percent", tolerance_percent, 1e-9, 20),
        ("min_touches", min_touches, 1, 1000),
        ("last_days", last_days, 1, 100_000),
        ("each_side", each_side, 1, 50),
        ("within_percent", within_percent, 1e-9, 1e6),
    )
    wrong = [
        f"{name} is {value!r}, allowed is {low:g} to {high:g}"
        for name, value, low, high in limits
        if not low <= value <= high
    ]
    if wrong:
        raise TechnicalError("; ".join(wrong))
    if prices[[c for c in ("High", "Low") if c in prices]].isna().all(axis=None):
        prices = prices.assign(High=prices["Close"], Low=prices["Close"])
    close = _checked_close(prices, ("High", "Low"))
    daily = cleaning.every_day(prices[["High", "Low"]].astype("float64"))
    turns = pd.concat([_swings(daily["High"], span_days), _swings(-daily["Low"], span_days).abs()])
    turns = turns[turns.index > close.index[-1] - pd.Timedelta(days=last_days)].sort_values(kind="stable")
    now, rows = close.iloc[-1], []
    for level in _clusters(turns, 1 + tolerance_percent / 100):
        if len(level) >= min_touches:
            price = float(level.median())
            rows.append(
                {
                    "price_usd": price,
                    "kind": "support" if price < now else "resistance",
                    "touches": len(level),
                    "first_touch": level.index.min(),
                    "last_touch": level.index.max(),
                    "distance_percent": 100 * (price / now - 1),
                }
            )
    columns = ["price_usd", "kind", "touches", "first_touch", "last_touch", "distance_percent"]
    found = pd.DataFrame(rows, columns=columns).sort_values("distance_percent", key=abs, kind="stable")
    near = (found["distance_percent"].abs() <= within_percent) | ~found["kind"].duplicated()
    nearest = found[near].groupby("kind").head(each_side)
    return nearest.sort_values("price_usd", ascending=False, ignore_index=True)


def _swings(values: pd.Series, span: int) -> pd.Series:
    """Values above all of ``span`` days before and not below any of ``span`` days after: of equal ones the first.

    Args:
        values: one a calendar day; where one of those beside it is missing, a day is left out.
    """
    before = values.shift(1).rolling(span).max()
    after = values[::-1].shift(1).rolling(span).max()[::-1]
    return values[(values > before) & (values >= after)]


def _clusters(turns: pd.Series, ratio: float) -> list[pd.Series]:
    starts: list[int] = []
    lowest = -np.inf
    for place, price in enumerate(turns):
        if price > lowest * ratio or not starts:
            starts.append(place)
            lowest = price
    return [turns.iloc[a:b] for a, b in zip(starts, [*starts[1:], len(turns)])]


def vote_history(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> pd.DataFrame:
    """Each indicator's vote on each day: 1 buy, 0 neutral, -1 sell, missing while it has no value.

    Args:
        prices: as for :func:`indicators`; where ``High`` or ``Low`` are missing the close takes their place.
        settings: periods and limits of the indicators that they name; all others are constants of
            ``lib.data.voters``, which has the rules.

    Returns:
        Frame with the index of ``prices`` and a column an indicator, moving averages first.
    """
    return _cast(prices, settings)["vote"]


def _cast(prices: pd.DataFrame, settings: TechnicalSettings) -> pd.DataFrame:
    """Columns (``value``, indicator) and (``vote``, indicator) with the index of ``prices``."""
    close = _filled(_checked_close(prices))
    given = prices.reindex(index=close.index, columns=["High", "Low"]).astype("float64")
    days = given.apply(lambda column: column.fillna(close)).assign(Close=close)

    def compute(values: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        stretch, found = voters.Days(*np.ascontiguousarray(values.T)), {}
        for voter in voters.voters(settings):
            value, vote = voter.cast(stretch)
            found["value", voter.indicator] = np.where(np.isnan(vote), np.nan, value)
            found["vote", voter.indicator] = vote
        return found

    return by_stretch(days, compute).loc[prices.index]


def needed_days(settings: TechnicalSettings = TechnicalSettings()) -> int:
    """Days in a row until :data:`VOTING_SHARE` of the indicators vote."""
    needs = sorted(voter.needs for voter in voters.voters(settings))
    return needs[math.ceil(VOTING_SHARE * len(needs)) - 1]


def votes(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> pd.DataFrame:
    """What each indicator votes on the last day, and by which rule.

    Returns:
        One row an indicator: ``indicator``, ``group`` (one of ``voters.GROUPS``), ``value`` and its ``unit``, ``vote``
        (buy, neutral or sell), ``rule`` (a sentence). An indicator that needs more days since the last absent one has
        no value, votes neutral and says so.
    """
    last = _cast(prices, settings).iloc[-1]
    own = cleaning.stretches(_filled(prices["Close"].astype("float64")).index)
    held = int((own == own[-1]).sum())
    has = f"has {held}" if held == len(own) else f"has {held} since the last gap of more than {FILLED_DAYS} days"
    rows = []
    for voter in voters.voters(settings):
        vote, value = last["vote", voter.indicator], float(last["value", voter.indicator])
        rule = f"No value yet: needs {voter.needs} days, {has}." if np.isnan(vote) else voter.rule
        word = NEUTRAL if np.isnan(vote) else _VOTE[int(vote)]
        rows.append((voter.indicator, voter.group, value, voter.unit, word, rule))
    return pd.DataFrame(rows, columns=["indicator", "group", "value", "unit", "vote", "rule"])


@dataclass(frozen=True)
class GroupSummary:
    """Votes counted, and what they come to: ``score`` from -1 (all sell) to 1 (all buy), ``overall`` its word."""

    overall: str
    score: float
    buy: int
    neutral: int
    sell: int

    def __str__(self) -> str:
        return f"{self.overall}: {self.buy} buy, {self.neutral} neutral, {self.sell} sell"


@dataclass(frozen=True)
class Summary(GroupSummary):
    """The rating: all votes counted, the mean ``score`` of both ``groups``, and each group by itself."""

    groups: Mapping[str, GroupSummary]
    caution: str = CAUTION


def summary(cast: pd.DataFrame) -> Summary:
    """The rating, as TradingView's help page "Technical Ratings" describes it.

    A group's score is the mean of its votes (buy 1, neutral 0, sell -1), the rating's score the mean of both groups.
    Above 0.1 it is a buy, above 0.5 a strong buy, sells are the mirror image.

    Args:
        cast: frame of :func:`votes`.
    """
    groups = {group: _counted(part["vote"]) for group, part in cast.groupby("group", sort=False)}
    whole, score = _counted(cast["vote"]), float(np.mean([group.score for group in groups.values()]))
    return Summary(_word(score), score, whole.buy, whole.neutral, whole.sell, groups)


def _counted(cast: pd.Series) -> GroupSummary:
    buy, neutral, sell = (int((cast == vote).sum()) for vote in (BUY, NEUTRAL, SELL))
    score = (buy - sell) / len(cast)
    return GroupSummary(_word(score), score, buy, neutral, sell)


def _word(score: float) -> str:
    if abs(score) <= SIDE:
        return NEUTRAL
    side = BUY if score > 0 else SELL
    return f"strong {side}" if abs(score) > STRONG else side


def score_history(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> pd.Series:
    """The rating's score on each day, -1 to 1, from prices up to that day.

    It is the score that :func:`summary` gives on that day: an indicator without a value counts as neutral. It is
    missing until :data:`VOTING_SHARE` of the indicators vote, :func:`needed_days` after the first day or a long gap.
    """
    cast = vote_history(prices, settings)
    group_of = {voter.indicator: voter.group for voter in voters.voters(settings)}
    means = cast.fillna(0.0).T.groupby(group_of).mean()
    return means.mean().where(cast.notna().mean(axis=1) >= VOTING_SHARE)


def signal_history(prices: pd.DataFrame, settings: TechnicalSettings = TechnicalSettings()) -> pd.Series:
    """The rating's side on each day: 1 buy or strong buy, 0 neutral, -1 sell or strong sell.

    Missing on the days on which :func:`score_history` is.
    """
    score = score_history(prices, settings)
    return np.sign(score).mask(score.abs() <= SIDE, 0.0)


def _checked_close(prices: pd.DataFrame, also: tuple[str, ...] = ()) -> pd.Series:
    lacking = [name for name in ("Close", *also) if name not in prices.columns]
    if lacking:
        raise TechnicalError(f"prices lack the column {', '.join(lacking)}")
    if not len(prices):
        raise TechnicalError("there are no prices: give one day at least")
    if not prices.index.is_monotonic_increasing or not prices.index.is_unique:
        raise TechnicalError("prices must be one row a day, in time order")
    for name in ("Close", *also):
        values = prices[name].to_numpy(dtype="float64")
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            raise TechnicalError(
                f"{name} of {prices.index[bad][0]:%Y-%m-%d} is {values[bad][0]:g}: every day needs a price above zero"
            )
    return prices["Close"].astype("float64")
