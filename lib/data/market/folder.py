"""Source ``folder``: one TICKER.csv for each ticker, in Yahoo's columns."""

from __future__ import annotations

from datetime import date

import pandas as pd

from lib import settings
from lib.data.market import csv_prices, schema
from lib.data.market.faults import MarketError


def read(ticker: str, start_date: date, end_date: date, data_dir: str) -> pd.DataFrame:
    """Read ``data_dir/TICKER.csv``.

    Args:
        data_dir: absolute, or relative to the project's root. Errors and the frame's origin
            show it as it was given.

    Raises:
        MarketError: no such folder or file, an unreadable file, or a window that it does not
            cover.
    """
    folder = settings.resolve(data_dir)
    if not folder.is_dir():
        raise MarketError(
            f"data_dir {data_dir} is not a folder. Give one that holds {ticker}.csv, or use source sample or yahoo"
        )
    shown = f"{str(data_dir).rstrip('/')}/{ticker}.csv"
    path = folder / f"{ticker}.csv"
    if not path.exists():
        have = ", ".join(sorted(p.name for p in folder.glob("*.csv"))) or "no CSV file"
        raise MarketError(f"{shown} is missing; the folder has {have}. Add the file or change tickers")
    frame = csv_prices.read(path, shown)
    frame = schema.clip(frame, start_date, end_date, shown, "Change start_date and end_date, or complete the file")
    frame.attrs = {"source": "folder", "origin": shown, "taken": None}
    return frame
