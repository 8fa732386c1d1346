"""Checks on prices: Table 4.1, the split, the window of 60 days, scaling."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from lib import networks, thesis
from lib.data import windows
from lib.ledger import precision
from lib.ledger.checks import trials
from lib.ledger.evidence import COMMAND, END, LOOKBACK, PROTOCOL, START, Evidence, Missing
from lib.ledger.found import Found
from lib.ledger.rows import Row

COLUMNS = ("Close", "Open", "High", "Low")
STATISTICS = ("minimum", "maximum", "mean", "std", "median", "skewness")
_FEWEST = 364  # how many days come before the first last day that is tried: a year of prices
SHORTEST = 30  # days; a shorter window has no distribution to speak of
COINS = tuple(thesis.APPENDIX)


def statistic(evidence: Evidence, row: Row, ticker: str, name: str) -> Found:
    """A statistic of daily closes on the thesis's window, 2021-01-01 to 2025-01-19, in US dollars."""
    close = evidence.close(ticker)
    value = _statistics(close)[name]
    words = f"of {len(close):,} closes, {close.index[0]:%Y-%m-%d} to {close.index[-1]:%Y-%m-%d}"
    if name in ("minimum", "maximum"):
        extreme = "smallest" if name == "minimum" else "largest"
        words = f"{row.printed} {_where(evidence, row, ticker)}; the {extreme} close is {value:.6g}, {words}"
    return Found(value, because=words)


def some_window(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether any window of daily prices has all six statistics of a row of Table 4.1, at the printed precision.

    Every first and last day of the run's prices is tried, for closes, opens, highs and lows.
    """
    evidence.close(ticker)
    printed = [evidence.rows[f"Table 4.1/{ticker}_{name}"].printed for name in STATISTICS]
    wanted, halves = (
        np.array([precision.value(p) for p in printed]),
        np.array([precision.half_unit(p) for p in printed]),
    )
    best = (-1, "", "")
    for column in COLUMNS:
        prices = evidence.prices[ticker][column].dropna()
        count, at, near = evidence.once(
            ("windows", ticker, column, tuple(printed)), lambda p=prices: _search(p, wanted, halves)
        )
        if count > best[0]:
            best = (count, f"{column} of {at}", near)
    count, at, near = best
    words = (
        f"at most {count} of 6 fit in any window of {SHORTEST} or more days of"
        f" {evidence.prices[ticker].index[0]:%Y-%m-%d} to"
        f" {evidence.prices[ticker].index[-1]:%Y-%m-%d}, such as the {at}; nearest in mean and deviation are {near}"
    )
    return Found(count == 6, because=words, shown=f"at most {count} of 6")


def extreme_of_days(evidence: Evidence, row: Row, ticker: str, name: str) -> Found:
    """Whether a printed minimum or maximum is the minimum or maximum of the closes, and not the price of some other
    day.
    """
    close = evidence.close(ticker)
    printed = evidence.rows[f"Table 4.1/{ticker}_{name}"].printed
    value = _statistics(close)[name]
    return Found(
        abs(value - precision.value(printed)) <= precision.half_unit(printed),
        because=f"it is {value:.6g}; {printed} {_where(evidence, row, ticker, printed)}",
    )


def scaled_extreme(evidence: Evidence, row: Row, side: str) -> Found:
    """The smallest or the largest scaled close of the three coins, scaled over all days."""
    scaled = [(c - c.min()) / (c.max() - c.min()) for c in (evidence.close(t) for t in COINS)]
    value = float(min(s.min() for s in scaled) if side == "low" else max(s.max() for s in scaled))
    return Found(value, because="what MinMax scaling is", constant=True)


def part_share(evidence: Evidence, row: Row, part: str) -> Found:
    """The share in percent of a part in the split whose validation days give the printed trials their
    MSE / (1 - R2)."""
    fitting = evidence.once("splits", lambda: [s for s in _splits() if _fits(evidence, "validation", s, LOOKBACK)])
    words = "; ".join("/".join(f"{100 * share:.0f}" for share in s) for s in fitting)
    tried = "; ".join(p for p in windows.SPLITS if _fits(evidence, p, (0.6, 0.2, 0.2), LOOKBACK)) or "none"
    because = f"of all splits in steps of 5% the printed trials of all coins fit {words or 'none'} (validation days);"
    because += f" of 60/20/20 they fit: {tried}"
    if len(fitting) != 1:
        return Found(because=because)
    return Found(100 * fitting[0][windows.SPLITS.index(part)], because=because)


def share_between(evidence: Evidence, row: Row, first: str, last: str = "") -> Found:
    """The share in percent of the days from one day to another in the thesis's window."""
    close = evidence.close(COINS[0])
    start, end = date.fromisoformat(first), date.fromisoformat(last) if last else END
    days = ((close.index.date >= start) & (close.index.date <= end)).sum()
    return Found(100 * days / len(close), because=f"{days} of {len(close)} days, {START} to {END}")


def part_ends(evidence: Evidence, row: Row, day: str) -> Found:
    """Whether 60% of the thesis's window end on a day."""
    close = evidence.close(COINS[0])
    last = windows.split_days(close.index, (0.6, 0.2, 0.2))["train"][-1].date()
    return Found(last == date.fromisoformat(day), because=f"60% of {START} to {END} end on {last}")


def part_year(evidence: Evidence, row: Row, part: str) -> Found:
    """The year in which most days of a part lie that the printed trials fit."""
    days = windows.split_days(evidence.close(COINS[0]).index, PROTOCOL["split"])[part]
    counts = pd.Series(days.year).value_counts()
    return Found(float(counts.index[0]), because=f"its days are {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")


def part_first_year(evidence: Evidence, row: Row, part: str) -> Found:
    """The year in which a part starts in the split that the printed trials fit."""
    days = windows.split_days(evidence.close(COINS[0]).index, PROTOCOL["split"])[part]
    return Found(float(days[0].year), because=f"its days are {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")


def scored_on(evidence: Evidence, row: Row, part: str) -> Found:
    """Whether the printed trials of all coins fit a part's days, by MSE / (1 - R2), in the split that they fit or in
    60/20/20.
    """
    splits = (tuple(PROTOCOL["split"]), (0.6, 0.2, 0.2))
    fitting = [
        f"{p} of {'/'.join(f'{100 * s:.0f}' for s in split)}"
        for split in splits
        for p in windows.SPLITS
        if _fits(evidence, p, split, LOOKBACK)
    ]
    return Found(
        any(f.startswith(part) for f in fitting),
        because=f"of train, validation and test days they fit: {', '.join(fitting) or 'none'}; {_left_out()}",
        shown=", ".join(fitting),
    )


def scaled_over_all(evidence: Evidence, row: Row) -> Found:
    """Whether the trials fit prices scaled over all days, and not prices scaled over training days (SOL-USD, whose
    range grows later).
    """
    close = evidence.close("SOL-USD")
    low, high = trials.implied_variance("SOL-USD")
    everything = evidence.targets("SOL-USD").variance
    train = close.loc[windows.split_days(close.index, PROTOCOL["split"])["train"]]
    factor = ((close.max() - close.min()) / (train.max() - train.min())) ** 2
    words = f"the trials imply {low:.6f} to {high:.6f}; scaled over all days it is {everything:.6f},"
    words += f" over training days {everything * factor:.6f}"
    return Found(low <= everything <= high and not low <= everything * factor <= high, because=words)


def scaler(evidence: Evidence, row: Row) -> Found:
    """The scaler under which prices give every coin's trials their MSE / (1 - R2): to 0 and 1, or to mean 0 and
    deviation 1.
    """
    made = {"MinMaxScaler": lambda close: close.max() - close.min(), "StandardScaler": lambda close: close.std(ddof=0)}
    fitting, words = [], []
    for name, unit in made.items():
        variances = {t: _dollars(evidence, t) / unit(evidence.close(t)) ** 2 for t in COINS}
        inside = [trials.implied_variance(t)[0] <= v <= trials.implied_variance(t)[1] for t, v in variances.items()]
        fitting += [name] if all(inside) else []
        words.append(f"{name} fits the trials of {sum(inside)} of {len(COINS)} coins")
    return Found(
        fitting[0] if len(fitting) == 1 else None,
        because=f"{'; '.join(words)} (validation days of the recovered split); {_left_out()}",
    )


def parts(evidence: Evidence, row: Row) -> Found:
    """Into which parts the data are divided, by the days that the trials' scores fit: a part between two others, or the
    last of two.
    """
    fitting = evidence.once("splits", lambda: [s for s in _splits() if _fits(evidence, "validation", s, LOOKBACK)])
    last = [s for s in _splits() if _fits(evidence, "test", s, LOOKBACK)]
    words = (
        f"of splits in steps of 5% {len(fitting)} have validation days and {len(last)} last days that fit the trials"
        f" of all coins; {_left_out()}"
    )
    return Found(
        "train/validation/test" if fitting and not last else "train/test" if last and not fitting else None,
        because=words,
    )


def _dollars(evidence: Evidence, ticker: str) -> float:
    """The variance of the recovered validation days in US dollars squared."""
    close = evidence.close(ticker)
    return evidence.targets(ticker).variance * (close.max() - close.min()) ** 2


def windows_inside_parts(evidence: Evidence, row: Row) -> Found:
    """Whether the trials fit days of windows cut inside each part, and not days of windows that reach back into the
    part before.
    """
    fits = {}
    for ticker in COINS:
        low, high = trials.implied_variance(ticker)
        close = evidence.close(ticker)
        days = windows.split_days(close.index, PROTOCOL["split"])["validation"]
        whole = float(np.var(((close - close.min()) / (close.max() - close.min())).loc[days].to_numpy()))
        fits[ticker] = (low <= evidence.targets(ticker).variance <= high, low <= whole <= high)
    return Found(
        all(a for a, _ in fits.values()) and not all(b for _, b in fits.values()),
        because=(
            f"variance of the targets of {len(evidence.targets(COINS[0]).actual)} and of all {len(days)} validation"
            " days, held against MSE / (1 - R2)"
        ),
    )


def highest_naive_r2(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether the naive forecast of a coin has the highest R2 of the three, on the recovered validation days."""
    r2 = pd.Series({t: evidence.targets(t).naive["R2"] for t in COINS}).sort_values(ascending=False)
    return Found(
        bool(r2.index[0] == ticker), because=", ".join(f"{t} {v:.4f}" for t, v in r2.items()), shown=f"{r2[ticker]:.4f}"
    )


def lookback(evidence: Evidence, row: Row) -> Found:
    """The length of window, of 1 to 120 days, under which the validation days give the trials of all coins their MSE /
    (1 - R2).
    """
    fitting = evidence.once(
        "lookbacks", lambda: [k for k in range(1, 121) if _fits(evidence, "validation", tuple(PROTOCOL["split"]), k)]
    )
    words = (
        f"of windows of 1 to 120 days these fit the trials of all three coins: {', '.join(map(str, fitting)) or 'none'}"
    )
    return Found(float(fitting[0]) if len(fitting) == 1 else None, because=words)


def first_day(evidence: Evidence, row: Row) -> Found:
    """Whether prices from the thesis's first day give the trials of all three coins their MSE / (1 - R2), but for those
    of a later run.
    """
    ends_fit = _fits(evidence, "validation", tuple(PROTOCOL["split"]), LOOKBACK)
    return Found(
        ends_fit,
        because=f"prices of {START} to {END}, split {'/'.join(f'{100 * s:.0f}' for s in PROTOCOL['split'])},"
        f" {'give' if ends_fit else 'do not give'} every coin's trials their MSE / (1 - R2); {_left_out()}",
    )


def capped_closes(evidence: Evidence, row: Row) -> Found:
    """Whether ADA's printed trials fit closes that were capped at the printed multiple of the interquartile range."""
    close = evidence.close("ADA-USD")
    q1, q3 = close.quantile(0.25), close.quantile(0.75)
    factor = precision.value(row.printed)
    capped = close.clip(q1 - factor * (q3 - q1), q3 + factor * (q3 - q1))
    scaled = (capped - capped.min()) / (capped.max() - capped.min())
    variance = float(
        np.var(scaled.loc[windows.split_days(close.index, PROTOCOL["split"])["validation"]].to_numpy()[LOOKBACK:])
    )
    low, high = trials.implied_variance("ADA-USD")
    words = f"ADA's trials imply a target variance of {low:.6f} to {high:.6f}; capped closes give {variance:.6f},"
    words += f" uncapped ones {evidence.targets('ADA-USD').variance:.6f}"
    return Found(low <= variance <= high, because=words)


def table_4_5_coin(evidence: Evidence, row: Row) -> Found:
    """Whether one coin alone can have the MSE / (1 - R2) of Table 4.5: no days vary more than half of their range
    squared, and scaled closes not more than 0.25.
    """
    low, high = trials.table_4_5_variance(evidence)
    most = {t: ((c := _closes(evidence, t)).max() - c.min()) ** 2 / 4 for t in COINS}
    able = [t for t in COINS if most[t] >= low]
    words = "; ".join(f"{t} at most {v:,.4g} USD squared" for t, v in most.items())
    words = f"its MSE / (1 - R2) is {low:,.0f} to {high:,.0f}; scaled closes have at most 0.25, {words}"
    words += f"; so many spans of {SHORTEST} or more days have it: "
    words += ", ".join(f"{t} {_spans(_closes(evidence, t).to_numpy(), low, high)}" for t in able)
    return Found(len(able) == 1, because=words, shown=", ".join(f"{t}, US dollars" for t in able))


def table_4_5_days(evidence: Evidence, row: Row) -> Found:
    """Whether the rows of Table 4.5 can be scores of ETH-USD's validation or test days in US dollars, whatever the last
    day of the prices, in a split of the text, of the trials or of the later run.
    """
    low, high = trials.table_4_5_variance(evidence)
    close = _closes(evidence, "ETH-USD")
    found = evidence.once(("table 4.5", low, high), lambda: _part_variances(close))
    fitting = [name for name, variance in found.items() if low <= variance <= high]
    nearest = min(found, key=lambda name: abs(np.log(found[name] / low)))
    words = (
        f"its MSE / (1 - R2) is {low:,.0f} to {high:,.0f} in all four rows; of {len(found):,} sets of days of ETH-USD"
        f" in US dollars (last day {close.index[_FEWEST]:%Y-%m-%d} to {close.index[-1]:%Y-%m-%d}; 60/20/20, 70/15/15"
        f" and 70/20/10; windows of {LOOKBACK} days or whole parts) these fit: {', '.join(fitting) or 'none'};"
        f" nearest {nearest} with {found[nearest]:,.0f}"
    )
    return Found(bool(fitting), because=words, shown=f"{len(fitting)} of {len(found):,}")


def table_4_5_error(evidence: Evidence, row: Row) -> Found:
    """Why an error of Table 4.5 cannot be computed: its coin, days and unit are not stated, so there is nothing to
    train on. The days that were tried are named.

    That no set of days fits is a finite search and no value of ours, so it does not make the error *not reproduced*.
    What the search itself comes to is the row Table 4.5/days.

    Raises:
        Missing: always.
    """
    days = table_4_5_days(evidence, row)
    tried = "no network was trained on those that fit" if days.value else "none that was tried fits"
    raise Missing(f"coin, days and unit are not stated, and {tried}: {days.because}")


def _closes(evidence: Evidence, ticker: str) -> pd.Series:
    """All closes of the run from the thesis's first day on, in US dollars."""
    evidence.close(ticker)
    return evidence.prices[ticker]["Close"].dropna().loc[START.isoformat() :]


def _part_variances(close: pd.Series) -> dict[str, float]:
    """Days that a part is scored on -> the variance of their closes."""
    found, variance = {}, _variances(close.to_numpy())
    for last in range(_FEWEST, len(close)):
        for split in ((0.6, 0.2, 0.2), tuple(PROTOCOL["split"]), (0.7, 0.2, 0.1)):
            parts = windows.split_days(close.index[: last + 1], split)
            first = len(parts["train"])
            for part in ("validation", "test"):
                end = first + len(parts[part])
                for start in (first, first + LOOKBACK):
                    if end - start >= SHORTEST:
                        days = f"{close.index[start]:%Y-%m-%d} to {close.index[end - 1]:%Y-%m-%d}"
                        found[f"{part} {days}"] = float(variance(start, end))
                first = end
    return found


def _variances(values: np.ndarray) -> Callable[[Any, Any], Any]:
    """The variance of any span of values, by its first place and the place after its last, from sums of powers."""
    one, two = (np.concatenate([[0.0], np.cumsum((values - values.mean()) ** k)]) for k in (1, 2))

    def variance(first: Any, end: Any) -> Any:
        n = end - first
        return (two[end] - two[first]) / n - ((one[end] - one[first]) / n) ** 2

    return variance


def _spans(values: np.ndarray, low: float, high: float) -> int:
    """How many spans of days in a row have a variance from ``low`` to ``high``."""
    variance, count = _variances(values), 0
    for first in range(len(values) - SHORTEST + 1):
        found = variance(first, np.arange(first + SHORTEST, len(values) + 1))
        count += int(((found >= low) & (found <= high)).sum())
    return count


def minima_are_first_closes(evidence: Evidence, row: Row) -> Found:
    """Whether the printed minimum of every coin is the close of the data's first day."""
    printed = {t: evidence.rows[f"Table 4.1/{t}_minimum"].printed for t in COINS}
    first = {t: float(evidence.close(t).iloc[0]) for t in COINS}
    same = [abs(first[t] - precision.value(p)) <= precision.half_unit(p) for t, p in printed.items()]
    words = ", ".join(f"{t} {first[t]:.6g} (smallest {evidence.close(t).min():.6g})" for t in COINS)
    return Found(all(same), because=f"closes of {START}: {words}", shown=f"{sum(same)} of {len(same)}")


def networks_against_arima(evidence: Evidence, row: Row) -> Found:
    """Whether on every coin's test days the best network, in the median of our seeds, has a smaller MSE than ARIMA, a
    typical model of prices.

    Raises:
        Missing: no such scores are in this run.
    """
    if evidence.skill is None:
        raise Missing(evidence.why.get("skill") or f"not computed in this run. Make it with: {COMMAND} --only 09a")
    rows = evidence.skill.query("reading == 'close' and part == 'test'")
    table = rows.pivot(index="ticker", columns="model", values="skill").reindex(
        columns=["ARIMA", *networks.ARCHITECTURES]
    )
    if table.isna().any(axis=None):
        raise Missing(f"not every network and ARIMA was scored in this run. Make it with: {COMMAND} --only 09a")
    best = table.drop(columns="ARIMA")
    words = [
        f"{t} ARIMA {table.loc[t, 'ARIMA']:+.3f}, {best.loc[t].idxmax()} {best.loc[t].max():+.3f}" for t in table.index
    ]
    better = best.max(axis=1) > table["ARIMA"]
    return Found(
        bool(better.all()),
        because=f"skill over 'tomorrow equals today': {'; '.join(words)}",
        shown=f"{better.sum()} of {len(better)}",
    )


def _left_out() -> str:
    ticker, network = thesis.RERUN
    return (
        f"left out are the {trials.same_days(ticker)[1]} trials of {ticker}'s {network}, which were scored on other"
        f" days"
    )


def _statistics(values: pd.Series) -> dict[str, float]:
    return dict(
        zip(STATISTICS, (values.min(), values.max(), values.mean(), values.std(), values.median(), values.skew()))
    )


def _where(evidence: Evidence, row: Row, ticker: str, printed: str = "") -> str:
    """On which day which price has the printed value."""
    text = printed or row.printed
    value, half = precision.value(text), precision.half_unit(text)
    found = [
        f"the {column.lower()} of {day:%Y-%m-%d}"
        for column in COLUMNS
        for day in evidence.prices[ticker].index[(evidence.prices[ticker][column] - value).abs() <= half]
    ]
    return f"is {', '.join(found[:3])}" if found else "is no price of any day"


def _splits() -> list[tuple[float, ...]]:
    return [(a / 100, b / 100, (100 - a - b) / 100) for a in range(50, 95, 5) for b in range(5, 100 - a, 5)]


def _fits(evidence: Evidence, part: str, split: tuple[float, ...], days: int) -> bool:
    """Whether the targets' variance lies in what the printed trials imply, for all three coins."""
    for ticker in COINS:
        targets = evidence.targets(ticker, part, split, days)
        low, high = trials.implied_variance(ticker)
        if not len(targets.actual) or not low <= targets.variance <= high:
            return False
    return True


def _search(prices: pd.Series, wanted: np.ndarray, halves: np.ndarray) -> tuple[int, str, str]:
    """The most statistics that any window has at the printed precision, such a window, and the nearest in mean and
    deviation.

    Sums of powers give mean, deviation and skewness of every window that starts on a day at once.
    """
    values = prices.to_numpy()
    centre = values.mean()
    sums = [np.concatenate([[0.0], np.cumsum((values - centre) ** k)]) for k in (1, 2, 3)]
    leading, nearest = (-1, 0, len(values)), (np.inf, 0, len(values))
    for first in range(len(values) - SHORTEST + 1):
        last = np.arange(first + SHORTEST, len(values) + 1)
        n = last - first
        s1, s2, s3 = (s[last] - s[first] for s in sums)
        mean, square = s1 / n, np.maximum(s2 / n - (s1 / n) ** 2, 1e-12)
        skew = (s3 / n - 3 * mean * s2 / n + 2 * mean**3) / square**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
        std = np.sqrt(square * n / (n - 1))
        lows, highs = (f.accumulate(values[first:])[SHORTEST - 1 :] for f in (np.minimum, np.maximum))
        median = pd.Series(values[first:]).expanding().median().to_numpy()[SHORTEST - 1 :]
        fits = (
            np.abs(np.stack([lows, highs, mean + centre, std, median, skew]) - wanted[:, None]) <= halves[:, None]
        ).sum(axis=0)
        if fits.max() > leading[0]:
            leading = (int(fits.max()), first, int(last[fits.argmax()]))
        far = np.maximum(np.abs(mean + centre - wanted[2]), np.abs(std - wanted[3])) / wanted[3]
        if far.min() < nearest[0]:
            nearest = (float(far.min()), first, int(last[far.argmin()]))

    def days(first: int, last: int) -> str:
        return f"{prices.index[first]:%Y-%m-%d} to {prices.index[last - 1]:%Y-%m-%d}"

    _, first, last = nearest
    near = ", ".join(f"{k} {v:.5g}" for k, v in _statistics(prices.iloc[first:last]).items())
    return leading[0], days(*leading[1:]), f"{days(first, last)}: {near}"
