"""No price series in results that are passed on: Yahoo's data is not ours to redistribute.

Two looks at a table: whether it has a row a day, which needs no prices; and whether some column follows
the prices for a week, in dollars or scaled, which needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from lib.results import files

RUN = 7  # so many rows one after the other are a series; chance does not follow one so long
NEAR = 1e-4  # distance of two weeks of length 1: a correlation of 1 - 5e-9
COUNT = re.compile(r"\d{1,3}")  # how many rows have the verdict "close", for instance
NUMBER = re.compile(r"\W*\d")  # a currency's sign may stand in front
NAMES = {"open", "high", "low", "close", "volume", "adj close", "actual_usd", "predicted_usd", "naive_usd"}


def looks_daily(path: Path) -> list[str]:
    """What :func:`named_like_prices` and :func:`day_by_day` find in a CSV file."""
    lines = files.read_rows(path)
    return named_like_prices(path.name, lines) + day_by_day(path.name, lines)


def named_like_prices(table: str, lines: Sequence[Sequence[str]]) -> list[str]:
    """Sentences about columns named like prices, unless they hold words, one price in all rows, or count something.

    Args:
        table: its name in the sentences.
        lines: cells as text; the first line names the columns.
    """
    return [
        f"{table}: column {name!r} is named like a price series"
        for name, cells in _columns(lines)
        if name.strip().lower() in NAMES
        and sum(bool(NUMBER.match(cell)) for cell in cells) >= RUN
        and len(set(cells)) > 1
        and not all(COUNT.fullmatch(cell) for cell in cells)
    ]


def day_by_day(table: str, lines: Sequence[Sequence[str]]) -> list[str]:
    """Sentences about columns of dates that go on day by day; takes what :func:`named_like_prices` takes."""
    found = []
    for name, cells in _columns(lines):
        dates = pd.to_datetime(
            pd.Series([c for c in cells if c[:4].isdigit() and "-" in c]), errors="coerce", format="%Y-%m-%d"
        ).dropna()
        steps = (dates.diff().dt.days == 1).astype(int)
        longest = steps.groupby((steps == 0).cumsum()).sum().max() if len(steps) else 0
        if longest + 1 >= RUN:
            found.append(f"{table}: column {name!r} goes on day by day for {longest + 1} rows")
    return found


def _columns(lines: Sequence[Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    head, *rows = lines or [[]]
    yield from ((name, [row[at] for row in rows if at < len(row)]) for at, name in enumerate(head))


def follows_prices(tables: Iterable[tuple[str, pd.DataFrame]], prices: Mapping[str, pd.DataFrame]) -> list[str]:
    """Sentences about columns that hold a week of a ticker's prices or log returns, in any linear scale.

    Args:
        tables: each with its name in the sentences.
        prices: ticker -> daily prices, as ``market.load`` gives them.
    """
    known = {ticker: KDTree(np.concatenate([_weeks(s) for s in _series(frame)])) for ticker, frame in prices.items()}
    found = []
    for table, frame in tables:
        for name in frame.columns:
            weeks = _weeks(pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype="float64"))
            found += [
                f"{table}: column {name!r} holds {RUN} days or more of the prices of {ticker}"
                for ticker, of_ticker in known.items()
                if len(weeks) and of_ticker.query(weeks, distance_upper_bound=NEAR)[0].min() < NEAR
            ]
    return found


def _series(prices: pd.DataFrame) -> list[np.ndarray]:
    log_returns = np.diff(np.log(prices["Close"].to_numpy()))
    return [*(prices[name].to_numpy() for name in ("Open", "High", "Low", "Close")), log_returns]


def _weeks(values: np.ndarray) -> np.ndarray:
    """Every run of RUN values without level and scale, shape (runs, RUN), unless it is flat or has gaps."""
    if len(values) < RUN:
        return np.empty((0, RUN))
    runs = np.lib.stride_tricks.sliding_window_view(values, RUN)
    runs = runs[np.isfinite(runs).all(axis=1)]
    runs = runs - runs.mean(axis=1, keepdims=True)
    size = np.linalg.norm(runs, axis=1, keepdims=True)
    return (runs / np.where(size > 0, size, 1))[size[:, 0] > 1e-12]
