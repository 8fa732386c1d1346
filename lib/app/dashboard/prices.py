"""What the page shows of prices: the watchlist, and one coin with its indicators, levels and rating (section 6.3)."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import pandas as pd

from lib.app import requests
from lib.app.sentences import for_page, without_folders
from lib.app.service.answers import plain
from lib.data import market, overview, technical
from lib.data.technical import TechnicalSettings
from lib.errors import ProjectError
from lib.evaluation import chart_signals

Sources = Mapping[str, tuple[Sequence[str], date, date]]
REFRESH_SECONDS = 3600.0  # after which Yahoo is asked again
_ANSWERS = 64


class Market:
    """Prices of the sources that a page offers, loaded when they are first asked for.

    Args:
        sources: gives source -> its coins, first and last day; asked each time, as the last day of Yahoo moves on.
        data_dir: folder of price files for source ``folder``.
        max_daily_factor: the largest move of a price from one day to the next that is believed.
    """

    def __init__(self, sources: Callable[[], Sources], data_dir: str | None, max_daily_factor: float):
        self._sources, self._data_dir, self._factor = sources, data_dir, max_daily_factor
        self._frames: dict[tuple[str, str], tuple[float, pd.DataFrame]] = {}
        self._answers: OrderedDict[Any, bytes] = OrderedDict()
        self._locks = {source: threading.Lock() for source in sources()}

    def watchlist(self, source: str, more: Sequence[str] = ()) -> dict[str, Any]:
        """A row a coin with the numbers of :func:`lib.data.overview.overview`, and where the prices come from.

        Args:
            source: one that the page offers.
            more: coins beside the source's own. One that cannot be had is left out and named in ``missing``.

        Raises:
            RequestError: there is no such source.
            SourceUnavailable: the source does not answer, and was not asked before.
            MarketError: none of the source's own coins can be had.
        """
        own = self._own(source)
        missing = self._readable(source, own)
        for ticker in more:
            try:
                self.prices(source, ticker)
            except ProjectError as error:
                missing[ticker] = next(iter(getattr(error, "fields", {}).values()), for_page(error))
        frames = {t: self._frames[source, t][1] for t in dict.fromkeys([*own, *more]) if t not in missing}
        rows = overview.overview(frames)
        days = rows["last_day"].dropna()
        return plain(
            {
                "source": source,
                "last_day": f"{days.max():%Y-%m-%d}" if len(days) else None,
                "rows": [
                    {**row, **{name: _day(row[name]) for name in ("last_day", "highest_day")}}
                    for row in rows.to_dict("records")
                ],
                "origins": [without_folders(text) for text in dict.fromkeys(market.origins(frames).values())],
                "missing": missing,
            }
        )

    def _readable(self, source: str, own: Sequence[str]) -> dict[str, str]:
        """Load the source's own coins; gives those that cannot be read, each with the reason."""
        try:
            self._load(source, own)
            return {}
        except market.Refused as error:
            refused, whole = {}, error
        for ticker in own:  # one bad file must not hide the others
            try:
                self._load(source, [ticker])
            except ProjectError as error:
                refused[ticker] = for_page(error)
        if len(refused) == len(own):
            raise whole
        return refused

    def prices(self, source: str, ticker: str) -> pd.DataFrame:
        """The daily prices of one coin.

        Raises:
            RequestError: the source or the coin is not there.
            MarketError: the source cannot give its prices.
        """
        own = self._own(source)
        try:
            self._load(source, [ticker])
        except market.SourceUnavailable:
            raise
        except ProjectError as error:
            if ticker in own:
                raise
            raise requests.RequestError({"ticker": _not_here(ticker, own, error)}) from None
        return self._frames[source, ticker][1]

    def coin(self, source: str, ticker: str, settings: TechnicalSettings) -> bytes:
        """One coin as JSON: prices and indicators by day, levels, rating.

        Raises:
            As :meth:`prices`; TechnicalError: indicators cannot be computed from these prices.
        """
        frame = self.prices(source, ticker)
        key = source, ticker, self._frames[source, ticker][0], settings
        if (known := self._answers.get(key)) is None:
            known = self._answers[key] = json.dumps(coin(frame, ticker, settings)).encode()
            while len(self._answers) > _ANSWERS:
                self._answers.popitem(last=False)
        return known

    def _own(self, source: str) -> Sequence[str]:
        if source not in (offered := self._sources()):
            allowed = ", ".join(offered)
            raise requests.RequestError({"source": f"Source: {source[:40]} is not allowed. Allowed: {allowed}."})
        return offered[source][0]

    def _load(self, source: str, tickers: Sequence[str]) -> None:
        with self._locks[source]:
            oldest = time.time() - REFRESH_SECONDS if source == "yahoo" else 0.0
            wanted = [t for t in tickers if self._frames.get((source, t), (-1.0, None))[0] < oldest]
            if not wanted:
                return
            _, first, last = self._sources()[source]
            data_dir = self._data_dir if source == "folder" else None
            try:
                found = market.load(
                    source, wanted, first, last, data_dir, max_daily_factor=self._factor, say=lambda _: None
                )
            except market.Refused as error:
                away = [fault for fault in error.offer.faults if isinstance(fault, market.SourceUnavailable)]
                if not away:
                    raise
                if not all((source, ticker) in self._frames for ticker in wanted):
                    raise away[0] from None
                found = {ticker: self._frames[source, ticker][1] for ticker in wanted}  # until it is asked again
            self._frames |= {(source, ticker): (time.time(), frame) for ticker, frame in found.items()}


def _not_here(ticker: str, own: Sequence[str], error: ProjectError) -> str:
    why = for_page(error).removesuffix(".")
    available = ", ".join(own)
    return f"No prices for {ticker[:32]} here. Available: {available}. ({why[:1].upper()}{why[1:]}.)"


def coin(frame: pd.DataFrame, ticker: str, settings: TechnicalSettings) -> dict[str, Any]:
    """What the page draws of a coin, JSON-able; days without a close are left out.

    Raises:
        TechnicalError: as :func:`lib.data.technical.indicators`.
    """
    days = frame.dropna(subset=["Close"])
    found = technical.indicators(days, settings)
    levels = technical.support_resistance(days)
    return {
        "ticker": ticker,
        "day": [f"{day:%Y-%m-%d}" for day in days.index],
        **{name.lower(): _column(days[name]) for name in ("Open", "High", "Low", "Close", "Volume")},
        "indicators": {name: _column(found[name]) for name in found},
        "settings": asdict(settings),
        "levels": plain(
            [
                {**row, **{name: _day(row[name]) for name in ("first_touch", "last_touch")}}
                for row in levels.to_dict("records")
            ]
        ),
        "rating": rating(days, settings),
    }


def rating(days: pd.DataFrame, settings: TechnicalSettings) -> dict[str, Any]:
    """The technical rating, each vote, and how such ratings did on past days."""
    cast = technical.votes(days, settings)
    summary = technical.summary(cast)
    try:
        past: dict[str, Any] = asdict(measured := chart_signals.performance(days, settings))
        past |= {"verdict": measured.verdict, "sentence": _after_verdict(str(measured))}
    except ProjectError as error:
        past = {"verdict": "too few days to measure", "sentence": str(error)}
    return plain({**asdict(summary), "votes": cast.to_dict("records"), "past": past})


def _after_verdict(sentence: str) -> str:
    """The rest of a sentence whose verdict is shown in a badge beside it."""
    rest = sentence.partition(": ")[2] or sentence
    return rest[:1].upper() + rest[1:]


def _column(values: pd.Series) -> list[float | None]:
    # Six digits are more than a screen shows, and half the bytes.
    return [None if value != value else float(f"{value:.7g}") for value in values.tolist()]


def _day(value: Any) -> str | None:
    return None if pd.isna(value) else f"{value:%Y-%m-%d}"
