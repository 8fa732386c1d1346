"""Whether prices are those that the thesis's window was run on, and if not, on which days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel

from lib import settings
from lib.data.market import digests
from lib.data.market.faults import MarketError
from lib.results import files

MANIFEST = settings.PROJECT_ROOT / "lib" / "thesis" / "manifest.json"
ABSENT = "-" * digests.MARK_DIGITS
SHOWN = 10


@dataclass(frozen=True)
class Comparison:
    """One ticker held against the manifest.

    Attributes:
        verdict: ``same``, ``differs``, or ``not comparable`` (another ticker or window).
        differing: days whose prices or volume are not those of the manifest.
        missing: days that the manifest has and the prices lack.
        extra: days that the prices have and the manifest lacks.
        text: all of it in one sentence.
    """

    ticker: str
    verdict: Literal["same", "differs", "not comparable"]
    text: str
    differing: tuple[date, ...] = ()
    missing: tuple[date, ...] = ()
    extra: tuple[date, ...] = ()


class _Manifest(BaseModel):
    seal: str
    tickers: dict[str, dict[str, Any]]


@cache
def manifest() -> dict[str, Any]:
    """The committed manifest; ``python -m lib.data.market.manifest DATA_DIR`` makes it.

    Raises:
        MarketError: it is missing, was cut or changed.
    """
    try:
        found = files.read_as(_Manifest, MANIFEST)
        files.check_seal(found)
    except (OSError, ValueError) as error:
        raise MarketError(
            f"lib/thesis/{MANIFEST.name} is damaged ({error}). Bring it back: git checkout lib/thesis/{MANIFEST.name}"
        ) from error
    return found


def marks_of(listed: Mapping[str, Any]) -> dict[date, str]:
    """The manifest's day marks of one ticker as day -> mark."""
    found = {}
    for month, line in listed["day_marks"].items():
        for number, mark in enumerate(line.split(), start=1):
            if mark != ABSENT:
                found[date.fromisoformat(f"{month}-{number:02d}")] = mark
    return found


def compare_with_manifest(prices: Mapping[str, pd.DataFrame]) -> dict[str, Comparison]:
    """Hold each ticker against the manifest of the thesis's window.

    Args:
        prices: as ``load`` returns them, before any cleaning.

    Returns:
        ticker -> comparison. Prices are comparable if the manifest lists the ticker and their
        first and last day are the manifest's.
    """
    return {ticker: _compare(ticker, frame) for ticker, frame in prices.items()}


def _compare(ticker: str, frame: pd.DataFrame) -> Comparison:
    listed = manifest()["tickers"].get(ticker)
    if listed is None:
        have = ", ".join(manifest()["tickers"])
        return Comparison(
            ticker, "not comparable", f"{ticker}: not one of the thesis's tickers ({have}), nothing to compare with"
        )
    own = digests.digest({ticker: frame})[ticker]
    window = f"{listed['first_day']} to {listed['last_day']}"
    if (own["first_day"], own["last_day"]) != (listed["first_day"], listed["last_day"]):
        here = f"{own['first_day']} to {own['last_day']}"
        text = f"{ticker}: {here} is not the thesis's window ({window}), nothing to compare with"
        return Comparison(ticker, "not comparable", text)
    if own["sha256"] == listed["sha256"]:
        text = f"{ticker}: the same as in the manifest of the thesis's window, {listed['rows']} days, {window}"
        return Comparison(ticker, "same", text)
    ours, theirs = digests.day_marks(frame), marks_of(listed)
    differing = tuple(sorted(d for d in ours.keys() & theirs.keys() if ours[d] != theirs[d]))
    missing = tuple(sorted(theirs.keys() - ours.keys()))
    extra = tuple(sorted(ours.keys() - theirs.keys()))
    named = {"other values on": differing, "missing": missing, "extra": extra}
    parts = [f"{what} {_days(days)}" for what, days in named.items() if days]
    where = "; ".join(parts) or "somewhere, but the day marks do not show where"
    text = f"{ticker}: differs from the manifest of the thesis's window: {where}"
    return Comparison(ticker, "differs", text, differing, missing, extra)


def _days(days: tuple[date, ...]) -> str:
    """The first few days by name, and how many there are."""
    more = f" and {len(days) - SHOWN} more" if len(days) > SHOWN else ""
    return f"{len(days)} day{'s' if len(days) > 1 else ''} ({', '.join(map(str, days[:SHOWN]))}{more})"
