"""What ``run_all.py --prices`` shows: how price files would be read, and the line to use them. Nothing is written.

Exit codes: 0 all files can be used; 2 one of them cannot be read, or a run would refuse its prices, with a sentence on
stderr.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lib import settings
from lib.data.market import MarketError, digests, folder, schema
from lib.data.market.files import csv_prices
from lib.runner.screen import say
from lib.settings import consistency

BLOCKS, PLAIN = "▁▂▃▄▅▆▇█", "_.:-=+*#"
WIDTH = 60
STILL_DAYS = 7  # a close that stands still so long is that of a week
MOST_MISSING = 0.1  # part of the days that are missing or filled; weekends alone are more than a quarter
_TICKER = TypeAdapter(settings.Ticker)


def show(paths: Sequence[str | Path], out: TextIO | None = None) -> int:
    """Print what would be read of each file; returns the exit code."""
    screen, code = out or sys.stdout, 0
    for path in paths:
        try:
            made = described(path, blocks=_can_print(BLOCKS, screen))
            say("\n".join(made.lines), screen)
            if made.refused:
                say(f"{path}: a run refuses these prices; see suspicious", sys.stderr)
                code = 2
        except MarketError as error:
            say(str(error), sys.stderr)
            code = 2
    return code


class Described(NamedTuple):
    """What is shown of a file, and whether a run with the default parameters refuses its prices."""

    lines: list[str]
    refused: bool


def described(path: str | Path, blocks: bool = True) -> Described:
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
    refusal, factor = _refusal(frame)
    facts = {
        "layout": frame.attrs["layout"],
        "days": f"{frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d}, {len(priced)} with a close",
        "gaps": "; ".join(folder.without_price(frame)) or "none",
        "left out": "; ".join(frame.attrs["notes"]) or "nothing",
        "closes": _closes(frame["Close"].dropna()),
        "": sparkline(frame["Close"], BLOCKS if blocks else PLAIN),
        "suspicious": "; ".join([*([refusal] if refusal else []), *_no_days(frame)]) or "nothing",
        "lacks": _lacks(frame),
        "digest": f"sha256 {digests.sha256(frame)[:16]}...",
        "to use it": _use(place, priced, factor) if factor or not refusal else "correct what is suspicious",
    }
    return Described([f"{path}", *(f"    {name:<12}{text}" for name, text in facts.items() if text)], bool(refusal))


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


def _refusal(frame: pd.DataFrame) -> tuple[str, float | None]:
    """What the check of every run says of prices that it refuses, and the ``max_daily_factor`` that suffices."""
    try:
        schema.check(frame, "", "")
    except schema.Implausible as error:
        factor = schema.accepting(error.moves)
        first = ", once the other values are corrected" if error.others else ""
        accepted = f". If the moves are real, -p max_daily_factor={factor:g} accepts them{first}" if factor else ""
        refusal = f"{error.what.removeprefix(', : ')}. A run refuses these prices{accepted}"
        return refusal, None if error.others else factor
    return "", None


def _no_days(frame: pd.DataFrame) -> list[str]:
    """Why these may be no prices of days, such as those of weeks; a run does not refuse them."""
    close = frame["Close"].dropna()
    runs = close.groupby((close != close.shift()).cumsum())
    still = [run for _, run in runs if len(run) >= STILL_DAYS]
    found = []
    if still:
        days, first = sum(map(len, still)), still[0]
        found.append(
            f"Close stands still for {STILL_DAYS} days or more on {days} of {len(close)} days, such as from"
            f" {first.index[0]:%Y-%m-%d} to {first.index[-1]:%Y-%m-%d}: perhaps these are no daily prices"
        )
    repeated = int((close.diff() == 0).sum())
    if not still and repeated > MOST_MISSING * len(close):
        found.append(
            f"Close is that of the day before on {repeated} of {len(close)} days: perhaps weekends or other days were"
            " filled"
        )
    span = (close.index[-1] - close.index[0]).days + 1
    if span - len(close) > MOST_MISSING * span:
        found.append(f"{span - len(close)} of {span} days have no close: perhaps these are no daily prices")
    return found


def _lacks(frame: pd.DataFrame) -> str:
    lacking = [column for column in frame if frame[column].isna().all()]
    if not lacking:
        return ""
    return f"{', '.join(lacking)}, so inputs ohlcv_indicators cannot be used; own_close and all_closes can"


def _use(path: Path, priced: pd.DatetimeIndex, factor: float | None) -> str:
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
        *([f"max_daily_factor={factor:g}"] if factor else []),
    ]
    line = f"python run_all.py {' '.join(f'-p {shlex.quote(option)}' for option in options)} -p output_dir=outputs/NAME"
    return f"{first}{' ' * 16 if first else ''}{line}"


def _can_print(text: str, out: TextIO) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
