"""Prices as the service keeps them for a while: shared by its processes, with their age."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from lib.app.service.store import Store
from lib.data import market
from lib.settings import Settings

_ABOUT, _DAYS = "about", "days"


def load(store: Store, chosen: Settings, seconds: float, say: Callable[[str], None]) -> dict[str, pd.DataFrame]:
    """The daily prices of a run's one ticker, as :func:`lib.data.market.prices_of` gives them.

    Args:
        store: where they are kept.
        seconds: how long.
        say: told what is waited for while they are downloaded.

    Returns:
        The frame under its ticker; its ``attrs`` have ``loaded``, seconds since 1970.

    Raises:
        MarketError: the source does not give them.
        StoreError: the store cannot be reached.
    """
    (ticker,) = chosen.tickers
    asked = chosen.source, ticker, chosen.start_date, chosen.end_date, chosen.max_daily_factor
    key = f"prices {' '.join(map(str, asked))}"
    if seconds and (kept := store.get(key)):
        return {ticker: _unpacked(kept)}
    frame = market.prices_of(chosen, say)[ticker]
    frame.attrs["loaded"] = time.time()
    if seconds:
        store.put(key, _packed(frame), seconds)
    return {ticker: frame}


def _packed(frame: pd.DataFrame) -> bytes:
    """As plain arrays, so that nothing in them is executed when they are read."""
    about = {"attrs": frame.attrs, "columns": list(frame.columns), "unit": frame.index.unit, "name": frame.index.name}
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), dtype="uint8")
    np.savez(buffer, **{_ABOUT: text, _DAYS: frame.index.asi8}, **{c: frame[c].to_numpy() for c in frame})
    return buffer.getvalue()


def _unpacked(kept: bytes) -> pd.DataFrame:
    with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
        about = json.loads(arrays[_ABOUT].tobytes())
        days = pd.DatetimeIndex(arrays[_DAYS].view(f"datetime64[{about['unit']}]"), name=about["name"])
        frame = pd.DataFrame({name: arrays[name] for name in about["columns"]}, index=days)
    frame.attrs = about["attrs"]
    return frame
