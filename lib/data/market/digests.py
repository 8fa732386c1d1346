"""Digests that tell whether two people hold the same prices, however the numbers were written.

Yahoo publishes prices as 32-bit floats; one copy prints them as 7194.892, another as
7194.89208984375. The canonical content of a day rounds both to the same bytes: the day's
number since 1970-01-01 (int64), Open, High, Low, Close (float32) and Volume (int64), all
little-endian; an empty price is one fixed NaN, an empty Volume is -1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

PRICES = ["Open", "High", "Low", "Close"]
_DAY = np.dtype([("day", "<i8"), ("prices", "<f4", (4,)), ("volume", "<i8")])
MARK_DIGITS = 4


def canonical(frame: pd.DataFrame) -> np.ndarray:
    """The days as an array of fixed 32-byte records; see the module's text.

    Args:
        frame: (days, 5) prices as ``load`` returns them.
    """
    rows = np.empty(len(frame), dtype=_DAY)
    rows["day"] = frame.index.to_numpy().astype("datetime64[D]").astype("int64")
    prices = frame[PRICES].to_numpy().astype("<f4")
    rows["prices"] = np.where(np.isnan(prices), np.float32(np.nan), prices)
    rows["volume"] = np.rint(frame["Volume"].fillna(-1).to_numpy()).astype("int64")
    return rows


def sha256(frame: pd.DataFrame) -> str:
    """Hex SHA-256 of one ticker's canonical content."""
    return hashlib.sha256(canonical(frame).tobytes()).hexdigest()


def digest(prices: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """What identifies the data of each ticker.

    Returns:
        ticker -> ``rows`` (int), ``first_day``, ``last_day`` (YYYY-MM-DD) and ``sha256`` (hex).
    """
    return {
        ticker: {
            "rows": len(frame),
            "first_day": f"{frame.index.min().date()}",
            "last_day": f"{frame.index.max().date()}",
            "sha256": sha256(frame),
        }
        for ticker, frame in prices.items()
    }


def digest_of_all(prices: Mapping[str, pd.DataFrame]) -> str:
    """One hex SHA-256 for a set of tickers, whatever their order."""
    lines = "".join(f"{ticker} {sha256(prices[ticker])}\n" for ticker in sorted(prices))
    return hashlib.sha256(lines.encode()).hexdigest()


def day_marks(frame: pd.DataFrame) -> dict[date, str]:
    """Day -> the first four hex digits of the SHA-256 of its record.

    Enough to find a day that differs (one change in 65536 goes unseen), far too little to
    give the prices away.
    """
    rows = canonical(frame)
    marks = (hashlib.sha256(row.tobytes()).hexdigest()[:MARK_DIGITS] for row in rows)
    return dict(zip((d.date() for d in frame.index), marks))
