"""What ``run_all.py --prices`` shows: how price files would be read, and the line to use them. Nothing is written.

Exit codes: 0 all files can be read; 2 one of them cannot, with a sentence on stderr.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lib import settings
from lib.data.market import MarketError, csv_prices, digests, folder, schema
from lib.runner.screen import say
from lib.settings import consistency

BLOCKS, PLAIN = "▁▂▃▄▅▆▇█", "_.:-=+*#"
WIDTH = 60
_TICKER = TypeAdapter(settings.Ticker)


def show(paths: Sequence[str | Path], out: TextIO | None = None) -> int:
    """Print what would be read of each file; returns the exit code."""
    screen, code = out or sys.stdout, 0
    for path in paths:
        try:
            say("\n".join(described(path, blocks=_can_print(BLOCKS, screen))), screen)
        except MarketError as error:
            say(str(error), sys.stderr)
            code = 2
    return code


def described(path: str | Path, blocks: bool = True) -> list[str]:
    """The lines about one file.

    Args:
        path: relative to where the command was given, or else to the project.
        blocks: draw closes with Unicode's blocks, else with plain characters.

    Raises:
        MarketError: the file cannot be read.
    """
    place = Path(path).expanduser()
    place = place if place.exists() else settings.resolve(path)
    frame = csv_prices.read(place, f"{path}", consistency.today())
    priced = frame.index[frame["Close"].notna()]
    if priced.empty:
        raise MarketError(f"{path} has no close on any of its {len(frame)} days. Download the prices again")
    facts = {
        "layout": frame.attrs["layout"],
        "days": f"{frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d}, {len(priced)} with a close",
        "gaps": "; ".join(folder.without_price(frame)) or "none",
        "left out": "; ".join(frame.attrs["notes"]) or "nothing",
        "closes": _closes(frame["Close"].dropna()),
        "": sparkline(frame["Close"], BLOCKS if blocks else PLAIN),
        "suspicious": _suspicious(frame),
        "lacks": _lacks(frame),
        "digest": f"sha256 {digests.sha256(frame)[:16]}...",
        "to use it": _use(place, priced),
    }
    return [f"{path}", *(f"    {name:<12}{text}" for name, text in facts.items() if text)]


def sparkline(close_usd: pd.Series, signs: str = BLOCKS, width: int = WIDTH) -> str:
    """Closes as one line of text, each sign the mean of some days in a row; a space where all of them are missing."""
    blocks = np.array_split(close_usd.to_numpy(), min(width, len(close_usd)))
    means = np.array([np.nanmean(block) if np.isfinite(block).any() else np.nan for block in blocks])
    low, high = np.nanmin(means), np.nanmax(means)
    steps = (means - low) / (high - low or 1) * (len(signs) - 1)
    return "".join(" " if np.isnan(step) else signs[round(step)] for step in steps)


def _closes(close: pd.Series) -> str:
    first, last, low, high = (f"{value:.6g}" for value in (close.iloc[0], close.iloc[-1], close.min(), close.max()))
    return f"{first} to {last} USD, lowest {low}, highest {high}"


def _suspicious(frame: pd.DataFrame) -> str:
    """What the check of every run says of these prices."""
    try:
        schema.check(frame, "", "")
    except schema.Implausible as error:
        factor = schema.accepting(error.moves)
        accepted = f". If the moves are real, -p max_daily_factor={factor:g} accepts them" if factor else ""
        return f"{error.what.removeprefix(', : ')}. A run refuses these prices{accepted}"
    return "nothing"


def _lacks(frame: pd.DataFrame) -> str:
    lacking = [column for column in frame if frame[column].isna().all()]
    if not lacking:
        return ""
    return f"{', '.join(lacking)}, so inputs ohlcv_indicators cannot be used; own_close and all_closes can"


def _use(path: Path, priced: pd.DatetimeIndex) -> str:
    """The command that runs everything on the file, and where to put the file if its name is no ticker."""
    ticker, place, first = path.stem, path.resolve().parent, ""
    try:
        named = path.suffix == ".csv" and "-" in ticker and _TICKER.validate_python(ticker) == ticker
    except ValidationError:
        named = False
    if not named:
        ticker, place = "TICKER", Path("DATA_DIR")
        first = "copy it to DATA_DIR/TICKER.csv, with a folder and a ticker such as BTC-USD of your choice, then\n"
    options = [
        "source=folder",
        f"data_dir={place}",
        f"tickers=[{ticker}]",
        f"start_date={priced[0]:%Y-%m-%d}",
        f"end_date={priced[-1]:%Y-%m-%d}",
    ]
    line = f"python run_all.py {' '.join(f'-p {shlex.quote(option)}' for option in options)} -p output_dir=outputs/NAME"
    return f"{first}{' ' * 16 if first else ''}{line}"


def _can_print(text: str, out: TextIO) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
