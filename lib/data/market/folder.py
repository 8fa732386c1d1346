"""Source ``folder``: one TICKER.csv for each ticker, in any layout of ``lib.data.market.files.layouts``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from lib import settings
from lib.data import cleaning
from lib.data.market import schema
from lib.data.market.faults import MarketError
from lib.data.market.files import csv_prices
from lib.settings import consistency

SHOWN = 10


def read(ticker: str, start_date: date, end_date: date, data_dir: str) -> pd.DataFrame:
    """Read ``data_dir/TICKER.csv``.

    The day of today is not over and left out; a file with a later one is refused.

    Args:
        data_dir: absolute, or relative to the project's root. Errors and the frame's origin
            show it as it was given.

    Returns:
        As ``lib.data.market.load`` gives it; ``attrs`` has ``layout`` and ``note`` beside the origin.

    Raises:
        MarketError: no such folder or file, an unreadable file, or a window that it does not
            cover; where the file's last day is not over, with the latest possible ``end_date``.
    """
    frame, shown = _whole(ticker, data_dir)
    about = frame.attrs
    frame = schema.clip(frame, start_date, end_date, shown, _mend(frame, end_date))
    notes = [*about["notes"], *without_price(frame)]
    frame.attrs = {
        "source": "folder",
        "origin": shown,
        "taken": None,
        "layout": about["layout"],
        "note": "; ".join(notes),
    }
    return frame


def last_day(ticker: str, data_dir: str) -> date:
    """The last day of ``data_dir/TICKER.csv`` that has a close; raises as :func:`read`."""
    return _whole(ticker, data_dir)[0]["Close"].last_valid_index().date()


def _whole(ticker: str, data_dir: str) -> tuple[pd.DataFrame, str]:
    """A file's days, and its name for people."""
    folder = settings.resolve(data_dir)
    if not folder.is_dir():
        raise MarketError(
            f"data_dir {data_dir} is not a folder: {_looked_at(data_dir, folder)}. Give one that holds {ticker}.csv, or"
            " use source sample or yahoo"
        )
    shown = f"{str(data_dir).rstrip('/')}/{ticker}.csv"
    path = folder / f"{ticker}.csv"
    if not path.exists():
        have = ", ".join(sorted(p.name for p in folder.glob("*.csv"))) or "no CSV file"
        raise MarketError(f"{shown} is missing; the folder has {have}. Add the file or change tickers")
    return csv_prices.read(path, shown, consistency.today()), shown


def _mend(frame: pd.DataFrame, end_date: date) -> str:
    """What to do about a file that does not cover the window, and why its last day is not there."""
    why = frame.attrs["unfinished"]
    if why and frame.index[-1].date() < end_date:
        return f"{why[0].upper()}{why[1:]}. The latest possible end_date is {frame.index[-1]:%Y-%m-%d}"
    return "Change start_date and end_date, or complete the file"


def without_price(frame: pd.DataFrame) -> list[str]:
    """Days without a price, and days with a price that lack a volume, named; nothing if there are none."""
    found = cleaning.gaps(frame)
    unpriced = [
        f"{gap.first_day:%Y-%m-%d}" + (f" to {gap.last_day:%Y-%m-%d}" if gap.days > 1 else "")
        for gap in found.itertuples()
    ]
    volume = frame.loc[frame["Close"].notna(), "Volume"]
    unsold = [f"{day:%Y-%m-%d}" for day in volume.index[volume.isna()] if volume.notna().any()]
    return _named(found["days"].sum(), "price", unpriced) + _named(len(unsold), "volume", unsold)


def _named(days: int, what: str, names: list[str]) -> list[str]:
    if not days:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{days} day{'s' if days > 1 else ''} without a {what}: {', '.join(names[:SHOWN])}{more}"]


def _looked_at(data_dir: str, folder: Path) -> str:
    what = "is a file" if folder.exists() else "does not exist"
    if Path(data_dir).is_absolute():
        return f"it {what}"
    return f"{folder} {what} (a relative path starts at the project's folder, not where a command is given)"
