"""From a source's name to checked prices: one street for all three sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lib import settings
from lib.data.market import folder, sample, schema, yahoo
from lib.data.market.faults import MarketError, SourceUnavailable
from lib.data.market.offers import Offer
from lib.results import progress
from lib.settings import Settings, consistency

SOURCES = ("sample", "yahoo", "folder")
_TICKER = TypeAdapter(settings.Ticker)


class Refused(MarketError):
    """Prices of some tickers that cannot be had or believed. ``offer`` says by which parameters a run goes on."""

    def __init__(self, what: str, offer: Offer):
        together = {**offer.readable, **offer.accepted}
        super().__init__(what, "\n".join(offer.words(offer.readable, together)))
        self.offer = offer


def load(
    source: str,
    tickers: Sequence[str],
    start_date: date,
    end_date: date,
    data_dir: str | None = None,
    cache_dir: Path | None = None,
    timeout_seconds: float = yahoo.TIMEOUT_SECONDS,
    max_daily_factor: float = schema.MAX_DAILY_FACTOR,
    say: Callable[[str], None] = progress.announce,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, pd.DataFrame]:
    """Daily prices of some tickers from one source. Another source is never used instead.

    Args:
        source: ``sample``, ``yahoo`` or ``folder``.
        tickers: Yahoo symbols; sample has BTC-USD only.
        start_date, end_date: first and last day, UTC, both included.
        data_dir: folder of TICKER.csv files, for source folder only.
        cache_dir: where Yahoo's answers are cached; default ``.cache/yahoo`` in the project.
        timeout_seconds: limit of each request to Yahoo; default 20.
        max_daily_factor: the largest move of a price from one known day to the next, above 1; default 3.
        say: told what is waited for while Yahoo is asked; what is cached is not waited for.
        pause: waits for so many seconds when Yahoo limits the rate of requests.

    Returns:
        ticker -> frame, in the order asked. A frame has the columns Open, High, Low, Close
        (USD) and Volume (USD a day), all float64, and the index ``date``: datetime64[ns],
        tz-naive midnights that mean UTC days, increasing. Gaps are not hidden: a day that the
        source gives without values is a row of NaN, a day that it leaves out is missing.
        A column that a file lacks is empty throughout, but for Close. ``attrs`` has ``source``,
        ``origin`` and ``taken`` (moment of the download or None); from a folder ``layout`` and
        ``note``, too.

    Raises:
        Refused: one sentence for each ticker that cannot be had or believed. Every ticker is tried,
            unless Yahoo as a whole does not answer; downloads that came are cached. The parameters that
            accept large moves, or leave out the bad tickers, are named.
        MarketError: the request itself makes no sense.
    """
    tickers = _check_request(source, tickers, start_date, end_date, data_dir)
    prices: dict[str, pd.DataFrame] = {}
    faults: list[MarketError] = []
    for number, ticker in enumerate(tickers, start=1):
        try:
            if source == "sample":
                frame = sample.read(ticker, start_date, end_date)
            elif source == "folder":
                frame = folder.read(ticker, start_date, end_date, data_dir or "")
            else:
                frame = yahoo.read(
                    ticker,
                    start_date,
                    end_date,
                    cache_dir,
                    timeout_seconds,
                    partial(_say, say, ticker, number, len(tickers)),
                    pause,
                )
            prices[ticker] = schema.check(frame, ticker, frame.attrs["origin"], max_daily_factor)
        except SourceUnavailable as error:
            faults.append(error)
            break
        except MarketError as error:
            faults.append(error)
    if faults:
        what = [*map(str, faults), *_remarks(source, tickers, prices, len(faults))]
        raise Refused("\n".join(what), Offer(tickers, prices, faults, choice=source != "sample"))
    return prices


def prices_of(chosen: Settings, say: Callable[[str], None] = progress.announce) -> dict[str, pd.DataFrame]:
    """The daily prices of a run; see :func:`load`.

    Args:
        say: told what is waited for while Yahoo is asked.

    Raises:
        MarketError: as :func:`load`.
    """
    return load(
        chosen.source,
        chosen.tickers,
        chosen.start_date,
        chosen.end_date,
        chosen.data_dir,
        max_daily_factor=chosen.max_daily_factor,
        say=say,
    )


def last_day(chosen: Settings) -> date:
    """The last day that the source of a run has for all of its tickers, whatever ``end_date`` says.

    Raises:
        MarketError: a file cannot be read.
    """
    yesterday = consistency.today() - timedelta(days=1)
    if chosen.source == "sample":
        return sample.END_DATE
    if chosen.source == "yahoo":
        return yesterday
    return min(yesterday, *(folder.last_day(ticker, chosen.data_dir or "") for ticker in chosen.tickers))


def _say(say: Callable[[str], None], ticker: str, number: int, count: int, what: str) -> None:
    say(f"{ticker}: {what}, {number} of {count}" if count > 1 else f"{ticker}: {what}")


def origins(prices: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Ticker -> a sentence: the coin's name, where its prices come from, when they were taken, the file's layout.

    A name, a layout and what was left out are said where the source has them.
    """
    found = {}
    for ticker, frame in prices.items():
        about = frame.attrs
        taken = f", taken {about['taken']}" if about.get("taken") else ""
        layout = f", {about['layout']}" if about.get("layout") else ""
        note = f" ({about['note']})" if about.get("note") else ""
        name = f" ({about['name']})" if about.get("name") else ""
        found[ticker] = f"{ticker}{name}: {about['origin']}{taken}{layout}{note}"
    return found


def _check_request(
    source: str, tickers: Sequence[str], start_date: date, end_date: date, data_dir: str | None
) -> list[str]:
    """The tickers in upper case, if a request can be met at all."""
    if source not in SOURCES:
        raise MarketError(f"source is {source!r}, allowed are {', '.join(SOURCES)}")
    checked = [] if isinstance(tickers, str) else [_ticker(ticker) for ticker in tickers]
    if not checked or len(set(checked)) < len(checked):
        raise MarketError(f"tickers is {tickers!r}, allowed is a list of one or more, each once")
    if end_date < start_date:
        raise MarketError(f"end_date {end_date} is before start_date {start_date}")
    if (source == "folder") != bool(data_dir):
        raise MarketError(
            f"data_dir is {data_dir!r}, but source is {source}: source folder needs it and no other source has it"
        )
    return checked


def _ticker(text: str) -> str:
    try:
        return _TICKER.validate_python(text)
    except ValidationError:
        raise MarketError(
            f"ticker {text!r} is not a Yahoo symbol such as BTC-USD. Allowed: {settings.TICKER_RULE}"
        ) from None


def _remarks(source: str, tickers: Sequence[str], prices: Mapping[str, pd.DataFrame], failed: int) -> list[str]:
    """What became of the other tickers of a download that failed in part."""
    if source != "yahoo":
        return []
    untried = list(tickers)[len(prices) + failed :]
    remarks = [f"Downloaded and cached: {', '.join(prices)}"] if prices else []
    return remarks + ([f"Not tried: {', '.join(untried)}"] if untried else [])
