"""Downloads that are cached: ``<ticker>_<start>_<end>.csv`` and a ``.json`` that vouches for it.

The CSV is moved into place first, the JSON with its digest last, so a download that was cut
off at any moment is seen as such. Only one process at a time downloads and writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pandas as pd
from filelock import FileLock

from lib.data.market import digests
from lib.data.market.faults import MarketError
from lib.data.market.files import csv_prices
from lib.results import files


class DamagedEntry(MarketError):
    """A cached download is half-written, damaged or edited; the message names it."""


def find(cache_dir: Path, ticker: str, start_date: date, end_date: date) -> pd.DataFrame | None:
    """A cached download, or None if there is none.

    Raises:
        DamagedEntry: CSV and JSON do not fit each other.
    """
    csv, note = _places(cache_dir, ticker, start_date, end_date)
    if not csv.exists() and not note.exists():
        return None
    try:
        facts = files.read_json(note)
        if files.sha256(csv) != facts["file_sha256"]:
            raise DamagedEntry(f"the cached file {csv.name} is not the one that {note.name} describes")
        frame = csv_prices.read(csv, csv.name)
        if digests.sha256(frame) != facts["sha256"]:
            raise DamagedEntry(f"the prices in the cached file {csv.name} do not have the digest in {note.name}")
        frame.attrs = {
            "source": "yahoo",
            "origin": f"Yahoo, by yfinance {facts['yfinance']}",
            "taken": facts["taken"],
            "name": str(facts.get("name", "")),  # downloads of earlier versions have none
        }
    except FileNotFoundError as error:
        raise DamagedEntry(
            f"the cached download {csv.stem} is incomplete ({Path(error.filename).name} is missing)"
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DamagedEntry(
            f"the cached download {csv.stem} cannot be read ({type(error).__name__} in {note.name})"
        ) from None
    return frame


def keep(
    cache_dir: Path,
    ticker: str,
    start_date: date,
    end_date: date,
    frame: pd.DataFrame,
    taken: str,
    version: str,
    name: str = "",
) -> None:
    """Keep a checked download.

    Args:
        taken: the moment of the download, ISO 8601, UTC.
        version: yfinance's.
        name: Yahoo's name of the coin, if it gave one.

    Raises:
        MarketError: the folder cannot be written.
    """
    csv, note = _places(cache_dir, ticker, start_date, end_date)
    try:
        with files.replacing(csv) as draft:
            csv_prices.write(draft, frame)
        files.write_json(
            note,
            {
                "ticker": ticker,
                "name": name,
                "start_date": f"{start_date}",
                "end_date": f"{end_date}",
                "rows": len(frame),
                "taken": taken,
                "yfinance": version,
                "file_sha256": files.sha256(csv),
                "sha256": digests.sha256(frame),
            },
        )
    except (files.FileError, OSError) as error:
        reason = error.__cause__ if isinstance(error, files.FileError) else error
        raise MarketError(
            f"{ticker}: downloaded, but {csv} cannot be written ({getattr(reason, 'strerror', None) or reason})."
            " Free space or make the folder writable"
        ) from error


@contextmanager
def alone(cache_dir: Path) -> Iterator[None]:
    """Wait until no other process works on this cache, and keep others waiting.

    Raises:
        MarketError: the folder cannot be made or written.
    """
    lock = FileLock(cache_dir / ".lock")
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        (cache_dir / ".lock").touch()
    except OSError as error:
        raise MarketError(
            f"the cache folder {cache_dir} cannot be written ({error.strerror or error}). Make it writable"
        ) from error
    with suppress(OSError):  # a file system without locks; the digests catch what two processes mix up
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _places(cache_dir: Path, ticker: str, start_date: date, end_date: date) -> tuple[Path, Path]:
    name = f"{ticker}_{start_date}_{end_date}"
    return cache_dir / f"{name}.csv", cache_dir / f"{name}.json"
