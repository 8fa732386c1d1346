"""One request for daily prices through yfinance, and a sentence for everything that can fail.

yfinance hides faults, logs them, tries several addresses, and remembers failed answers. Here
it is told to raise, kept quiet, watched at the socket, and made to forget.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Iterator

import pandas as pd
import peewee
import yfinance as yf
from curl_cffi import requests
from yfinance.data import YfData
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

from lib.market.csv_prices import COLUMNS
from lib.market.faults import MarketError, SourceUnavailable

VERSION = yf.__version__
CHART = "/v8/finance/chart/"
WAIT = "Wait some minutes and run again, or use source folder or sample"


class ChartSession(requests.Session):
    """A session that keeps every request within the time limit and remembers the last price answer."""

    limit_seconds = 20.0
    answer: Any = None

    def request(self, method, url, **options):
        options["timeout"] = min(options.get("timeout") or self.limit_seconds, self.limit_seconds)
        answer = super().request(method, url, **options)
        if CHART in str(url):
            self.answer = answer
        return answer


@cache
def _session() -> ChartSession:
    """One session a process: yfinance's cookie and crumb belong to it."""
    return ChartSession(impersonate="chrome")


def daily(ticker: str, start_date: date, end_date: date, timeout_seconds: float, yfinance_dir: Path) -> pd.DataFrame:
    """Daily prices as Yahoo sends them, not adjusted.

    Args:
        timeout_seconds: limit of each request.
        yfinance_dir: where yfinance keeps time zones and cookies.

    Returns:
        (days, 5) float64, index ``date``: the exchange's own days, which for coins are UTC. A
        day without prices is an empty row.

    Raises:
        SourceUnavailable: nothing can be had from Yahoo now.
        MarketError: nothing usable can be had for this ticker and window.
    """
    session = _session()
    session.limit_seconds, session.answer = timeout_seconds, None
    try:
        with _configured(yfinance_dir):
            frame = yf.Ticker(ticker, session=session).history(
                start=f"{start_date}",
                end=f"{end_date + timedelta(days=1)}",
                interval="1d",
                auto_adjust=False,
                actions=False,
                keepna=True,
                timeout=timeout_seconds,
            )
            frame = frame[list(COLUMNS)].astype("float64")
    except Exception as error:  # yfinance passes on whatever its parsing stumbles over
        raise _fault(ticker, f"{start_date} to {end_date}", error, session) from error
    if frame.empty:
        raise MarketError(_empty(ticker, f"{start_date} to {end_date}"))
    frame.index = pd.DatetimeIndex(frame.index).tz_localize(None).as_unit("ns").rename("date")
    frame.columns.name = None
    frame.loc[frame[["Open", "High", "Low", "Close"]].isna().all(axis=1), "Volume"] = float("nan")
    return frame


@contextmanager
def _configured(yfinance_dir: Path) -> Iterator[None]:
    """yfinance as it is needed here; its own settings are given back afterwards."""
    logger = logging.getLogger("yfinance")
    before = yf.config.debug.hide_exceptions, logger.disabled
    yf.config.debug.hide_exceptions, logger.disabled = False, True
    yf.set_tz_cache_location(str(yfinance_dir))
    YfData.cache_get.cache_clear()  # it would repeat a failed answer as long as the process lives
    try:
        yield
    finally:
        yf.config.debug.hide_exceptions, logger.disabled = before


def _fault(ticker: str, window: str, error: Exception, session: ChartSession) -> MarketError:
    """What happened and what to do, from yfinance's error and the answer that Yahoo gave."""
    status = session.answer.status_code if session.answer is not None else None
    reason = _reason(session.answer)
    if isinstance(error, YFRateLimitError) or status == 429:
        return SourceUnavailable(f"{ticker}: Yahoo limits the rate of requests (HTTP 429). {WAIT}")
    if isinstance(error, requests.exceptions.Timeout):
        return SourceUnavailable(f"{ticker}: Yahoo did not answer within {session.limit_seconds:g} seconds. {WAIT}")
    if status is None and isinstance(error, OSError):
        return SourceUnavailable(
            f"{ticker}: no connection to Yahoo ({type(error).__name__}). Check the network, or use source folder or sample"
        )
    if status == 404:
        return MarketError(f"{ticker}: Yahoo does not know this ticker ({reason or 'HTTP 404'}). Check its spelling, such as BTC-USD")
    if status is not None and (status >= 500 or "Will be right back" in session.answer.text):
        return SourceUnavailable(f"{ticker}: Yahoo is out of order (HTTP {status}). {WAIT}")
    if status is not None and status >= 400:
        return MarketError(f"{ticker}: Yahoo refused {window} ({reason or f'HTTP {status}'}). Check ticker and dates. {WAIT}")
    if reason:
        return MarketError(f"{ticker}: Yahoo sent no prices for {window} ({reason}). Check ticker and dates")
    if isinstance(error, (YFPricesMissingError, YFTzMissingError)):
        return MarketError(_empty(ticker, window))
    if isinstance(error, peewee.PeeweeException):
        return MarketError(f"{ticker}: yfinance's own cache cannot be used ({error}). Delete the folder yfinance in the cache folder")
    if isinstance(error, requests.exceptions.RequestException) and not isinstance(error, ValueError):
        return SourceUnavailable(f"{ticker}: the connection to Yahoo broke off ({type(error).__name__}). {WAIT}")
    return MarketError(
        f"{ticker}: Yahoo's answer cannot be read; it is cut off or not in its chart format ({type(error).__name__}). {WAIT}"
    )


def _empty(ticker: str, window: str) -> str:
    return f"{ticker}: Yahoo's answer for {window} is empty. Check ticker and dates, or use source folder or sample"


def _reason(answer: Any) -> str | None:
    """Yahoo's own explanation in an error answer, without its last full stop."""
    try:
        return str(answer.json()["chart"]["error"]["description"]).rstrip(".")
    except (AttributeError, ValueError, KeyError, TypeError):
        return None
