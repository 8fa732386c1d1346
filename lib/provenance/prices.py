"""No price series in results that are passed on: Yahoo's data is not ours to redistribute.

Two looks at a table: whether it has a row a day, which needs no prices; and whether some column runs
along with the prices for a week, in dollars or scaled, which needs them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

RUN = 7  # so many rows in a row are a series; chance does not run along so long
COUNT = re.compile(r"\d{1,3}")  # how many rows have the verdict "close", for instance
NAMES = {"open", "high", "low", "close", "volume", "adj close", "actual_usd", "predicted_usd", "naive_usd"}


def looks_daily(path: Path) -> list[str]:
    """Sentences about columns named like prices, unless they count something, and about columns of dates that go on day by day."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file)) or [[]]
    found = []
    for at, name in enumerate(head):
        cells = [row[at] for row in rows if at < len(row)]
        if name.strip().lower() in NAMES and len(rows) >= RUN and not all(COUNT.fullmatch(cell) for cell in cells):
            found.append(f"{path.name}: column {name!r} is named like a price series")
        dates = pd.to_datetime(
            pd.Series([c for c in cells if c[:4].isdigit() and "-" in c]), errors="coerce", format="%Y-%m-%d"
        ).dropna()
        steps = (dates.diff().dt.days == 1).astype(int)
        longest = steps.groupby((steps == 0).cumsum()).sum().max() if len(steps) else 0
        if longest + 1 >= RUN:
            found.append(f"{path.name}: column {name!r} goes on day by day for {longest + 1} rows")
    return found


def follows_prices(path: Path, prices: Mapping[str, pd.DataFrame]) -> list[str]:
    """Sentences about columns in which a week of some ticker's prices or log returns stands, in any linear scale.

    Args:
        path: a CSV file.
        prices: ticker -> daily prices, as ``market.load`` gives them.
    """
    frame = pd.read_csv(path)
    found = []
    for name in frame.columns:
        column = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype="float64")
        weeks = _weeks(column)
        for ticker, known in prices.items() if len(weeks) else ():
            series = [known[c].to_numpy() for c in ("Open", "High", "Low", "Close")] + [
                np.diff(np.log(known["Close"].to_numpy()))
            ]
            if any(len(theirs := _weeks(s)) and (weeks @ theirs.T).max() > 1 - 1e-8 for s in series):
                found.append(f"{path.name}: column {name!r} holds {RUN} days or more of the prices of {ticker}")
    return found


def _weeks(values: np.ndarray) -> np.ndarray:
    """Every run of RUN values without its level and scale, shape (runs, RUN); those that are flat or have gaps are left out."""
    if len(values) < RUN:
        return np.empty((0, RUN))
    runs = np.lib.stride_tricks.sliding_window_view(values, RUN)
    runs = runs[np.isfinite(runs).all(axis=1)]
    runs = runs - runs.mean(axis=1, keepdims=True)
    size = np.linalg.norm(runs, axis=1, keepdims=True)
    return (runs / np.where(size > 0, size, 1))[size[:, 0] > 1e-12]
