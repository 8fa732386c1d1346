"""Source ``yahoo``: daily prices by yfinance, each download cached with its digest and moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from lib import settings
from lib.data.market import cache, schema
from lib.data.market.faults import MarketError
from lib.results import progress

CACHE_DIR = settings.PROJECT_ROOT / ".cache" / "yahoo"
TIMEOUT_SECONDS = 20.0


def read(
    ticker: str,
    start_date: date,
    end_date: date,
    cache_dir: Path | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    say: Callable[[str], None] = progress.announce,
    pause: Callable[[float], None] = time.sleep,
) -> pd.DataFrame:
    """The cached download of this ticker and window; without one, a new download.

    A day that Yahoo sends without prices comes as an empty row. Yahoo's volume of a day is
    read through yfinance, which turns a missing volume beside present prices into 0.

    Args:
        cache_dir: where downloads are cached; default ``.cache/yahoo`` in the project.
        timeout_seconds: limit of each single request.
        say: told what is waited for, if something has to be downloaded.
        pause: waits for so many seconds when Yahoo limits the rate of requests.

    Raises:
        SourceUnavailable: Yahoo cannot be reached, is too slow, out of order, or limits the rate.
        MarketError: the last day is not over, the ticker is unknown, the answer is empty, too
            short, unreadable or untrue, or the cache cannot be written.
    """
    today = datetime.now(UTC).date()
    if end_date >= today:
        raise MarketError(
            f"{ticker}: end_date {end_date} is not over yet in UTC, so it has no closing price."
            f" The latest possible end_date is {today - timedelta(days=1)}"
        )
    cache_dir = Path(cache_dir or CACHE_DIR)
    try:
        found = cache.find(cache_dir, ticker, start_date, end_date)
    except cache.DamagedEntry:
        found = None  # perhaps another process is just writing it: look again when alone
    if found is not None:
        return found
    with cache.alone(cache_dir):
        damage = None
        try:
            found = cache.find(cache_dir, ticker, start_date, end_date)
            if found is not None:
                return found
        except cache.DamagedEntry as error:
            damage = str(error)
        try:
            frame = _download(ticker, start_date, end_date, cache_dir, timeout_seconds, say, pause)
        except MarketError as error:
            if damage:
                raise type(error)(f"{error}. A new download was needed because {damage}") from error
            raise
    if damage:
        frame.attrs["note"] = f"downloaded anew because {damage}"
    return frame


def _download(
    ticker: str,
    start_date: date,
    end_date: date,
    cache_dir: Path,
    timeout_seconds: float,
    say: Callable[[str], None],
    pause: Callable[[float], None],
) -> pd.DataFrame:
    """Ask Yahoo, check the answer, and only then keep it."""
    from lib.data.market import yahoo_chart  # yfinance takes a second to import

    taken = datetime.now(UTC).isoformat(timespec="seconds")
    frame = yahoo_chart.daily(ticker, start_date, end_date, timeout_seconds, cache_dir / "yfinance", say, pause)
    name = frame.attrs["name"]
    mend = (
        "Change start_date and end_date if the ticker was not traded then; else wait some minutes, or use source"
        " folder or sample"
    )
    frame = schema.clip(frame, start_date, end_date, f"{ticker}: Yahoo's answer", mend)
    origin = f"Yahoo, by yfinance {yahoo_chart.VERSION}"
    # However far prices moved: who accepts it later must not download them again.
    frame = schema.check(frame, ticker, origin, math.inf)
    cache.keep(cache_dir, ticker, start_date, end_date, frame, taken, yahoo_chart.VERSION, name)
    frame.attrs = {"source": "yahoo", "origin": origin, "taken": taken, "name": name}
    return frame
