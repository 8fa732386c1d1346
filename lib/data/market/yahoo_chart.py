"""One request for daily prices through yfinance, and a sentence for everything that can fail.

yfinance hides faults, logs them, tries several addresses, and remembers failed answers. Here
it is set to raise, kept quiet, watched at the socket, and made to forget.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yfinance as yf
from curl_cffi import requests
from yfinance.data import YfData
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

from lib.data.market.faults import MarketError, RateLimited, SourceUnavailable
from lib.data.market.files.csv_prices import COLUMNS

VERSION = yf.__version__
LONGEST_NAME = 80  # letters
CHART = "/v8/finance/chart/"
BACK_OFF_SECONDS, LONGEST_WAIT_SECONDS = 10.0, 60.0  # before the one retry; longer ones are left to people
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


def daily(
    ticker: str,
    start_date: date,
    end_date: date,
    timeout_seconds: float,
    yfinance_dir: Path,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> pd.DataFrame:
    """Daily prices as Yahoo sends them, not adjusted. When it limits the rate of requests it is asked once more.

    Args:
        timeout_seconds: limit of each request.
        yfinance_dir: where yfinance keeps time zones and cookies.
        say: told what is waited for.
        pause: waits for so many seconds before the one retry.

    Returns:
        (days, 5) float64, index ``date``: the exchange's own days, which for coins are UTC. A
        day without prices is an empty row. ``attrs["name"]`` is Yahoo's name of the coin, or empty.

    Raises:
        SourceUnavailable: nothing can be had from Yahoo now.
        MarketError: nothing usable can be had for this ticker and window.
    """
    say("asking Yahoo ...")
    try:
        return _ask(ticker, start_date, end_date, timeout_seconds, yfinance_dir)
    except RateLimited as error:
        wait_seconds = BACK_OFF_SECONDS if error.wait_seconds is None else error.wait_seconds
        if wait_seconds > LONGEST_WAIT_SECONDS:
            raise
        say(f"Yahoo limits the rate of requests, asking again in {wait_seconds:.0f} s ...")
        pause(wait_seconds)
        return _ask(ticker, start_date, end_date, timeout_seconds, yfinance_dir)


def _ask(ticker: str, start_date: date, end_date: date, timeout_seconds: float, yfinance_dir: Path) -> pd.DataFrame:
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
    frame.attrs["name"] = _name(session.answer)
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
        with warnings.catch_warnings():
            # yfinance calls pandas in ways that pandas will drop one day; only yfinance can mend that.
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"yfinance\.")
            yield
    finally:
        yf.config.debug.hide_exceptions, logger.disabled = before


def _fault(ticker: str, window: str, error: Exception, session: ChartSession) -> MarketError:
    """What happened and what to do, from yfinance's error and the answer that Yahoo gave."""
    answer = session.answer
    status = answer.status_code if answer is not None else 0
    kind = type(error).__name__
    reason = _reason(answer)
    if isinstance(error, YFRateLimitError) or status == 429:
        return _rate_limited(ticker, answer)
    if isinstance(error, requests.exceptions.Timeout):
        return SourceUnavailable(f"{ticker}: Yahoo did not answer within {session.limit_seconds:g} s. {WAIT}")
    if isinstance(error, (requests.exceptions.IncompleteRead, requests.exceptions.ChunkedEncodingError)):
        return SourceUnavailable(f"{ticker}: the connection broke off in the middle of Yahoo's answer ({kind}). {WAIT}")
    if isinstance(error, requests.exceptions.SSLError):
        return SourceUnavailable(
            f"{ticker}: no safe connection to Yahoo, as its certificate cannot be checked ({kind}). Check the system"
            " clock. A company proxy or virus scanner that reads encrypted traffic has a certificate of its own: set"
            " the variable SSL_CERT_FILE to its file. Or use source folder or sample"
        )
    if isinstance(error, requests.exceptions.RequestException) and not isinstance(error, ValueError) and status < 400:
        return SourceUnavailable(
            f"{ticker}: no connection to Yahoo ({kind}). Check the network, or use source folder or sample"
        )
    if status == 404:
        return MarketError(
            f"{ticker}: Yahoo does not know this ticker ({reason or 'HTTP 404'}). Check its spelling, such as BTC-USD"
        )
    if status >= 500:
        return SourceUnavailable(f"{ticker}: Yahoo is out of order (HTTP {status}). {WAIT}")
    if status and "Will be right back" in answer.text:
        return SourceUnavailable(f"{ticker}: Yahoo is out of order (its page says: Will be right back). {WAIT}")
    if status >= 400:
        return MarketError(
            f"{ticker}: Yahoo refused {window} ({reason or f'HTTP {status}'}). Check ticker and dates. {WAIT}"
        )
    if reason:
        return MarketError(f"{ticker}: Yahoo sent no prices for {window} ({reason}). Check ticker and dates")
    if isinstance(error, (YFPricesMissingError, YFTzMissingError)) or _has_no_result(answer):
        return MarketError(_empty(ticker, window))
    if type(error).__module__ in ("peewee", "sqlite3"):
        return MarketError(
            f"{ticker}: yfinance's notes cannot be used ({error}). Delete the folder yfinance inside the cache folder"
        )
    return MarketError(
        f"{ticker}: Yahoo's answer cannot be read; it is cut off or not in the chart format ({kind}). {WAIT}"
    )


def _rate_limited(ticker: str, answer: Any) -> RateLimited:
    wait_seconds = _retry_after(answer)
    asks = "" if wait_seconds is None else f"; it asks to wait {wait_seconds:.0f} s"
    error = RateLimited(f"{ticker}: Yahoo limits the rate of requests (HTTP 429{asks}). {WAIT}")
    error.wait_seconds = wait_seconds
    return error


def _retry_after(answer: Any) -> float | None:
    """Seconds that the header Retry-After asks for, which has them as a number or as a moment."""
    text = str(answer.headers.get("Retry-After") or "").strip() if answer is not None else ""
    try:
        if text.isdecimal():
            return float(text)
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _name(answer: Any) -> str:
    """Yahoo's name of what was asked for, as some symbols are of another coin than their letters say."""
    try:
        about = answer.json()["chart"]["result"][0]["meta"]
    except (AttributeError, ValueError, LookupError, TypeError):
        return ""
    name = next((about[key] for key in ("longName", "shortName") if isinstance(about.get(key), str)), "")
    return " ".join(name.split())[:LONGEST_NAME]


def _empty(ticker: str, window: str) -> str:
    return f"{ticker}: Yahoo's answer for {window} is empty. Check ticker and dates, or use source folder or sample"


def _reason(answer: Any) -> str | None:
    """Yahoo's own explanation in an error answer, without its last full stop."""
    try:
        return str(answer.json()["chart"]["error"]["description"]).rstrip(".")
    except (AttributeError, ValueError, KeyError, TypeError):
        return None


def _has_no_result(answer: Any) -> bool:
    """Whether the answer is well-formed and holds nothing."""
    try:
        return answer.json()["chart"]["result"] in ([], None)
    except (AttributeError, ValueError, KeyError, TypeError):
        return False
