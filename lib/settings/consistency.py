"""Which parameters, each right by itself, cannot hold together or not here and today."""

from __future__ import annotations

import errno
import math
import os
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lib.settings import places

FOLDERS = ("data_dir", "output_dir")
SAMPLE_DAYS = (date(2020, 1, 1), date(2021, 10, 27))  # as lib.data.market.sample, which loads pandas

SCORED_DAYS = 20  # of a split that do for every notebook: 10 for intervals, and 09a tests 30 of two splits after 5 each


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """Sentences about keys that cannot hold. Those about a key that is missing are passed over."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}  # as people write them
    found = _dates(values)

    def given(*names: str) -> bool:
        return all(n in values for n in names)

    if given("source", "data_dir"):
        if values["source"] == "folder" and not values["data_dir"]:
            found.append("source is folder, so data_dir must name the folder")
        if values["source"] != "folder" and values["data_dir"]:
            found.append(
                f"data_dir is {values['data_dir']!r}, but source is {values['source']}:"
                " set source to folder, or data_dir to null"
            )
    if given("source", "tickers") and values["source"] == "sample" and values["tickers"] != ["BTC-USD"]:
        found.append(
            f"source sample holds BTC-USD only, but tickers is {values['tickers']}: use source yahoo or folder"
        )
    if given("split") and abs(sum(values["split"]) - 1) > 1e-9:
        found.append(f"split {values['split']} sums to {sum(values['split']):g}, but must sum to 1")
    if given("indicator_days") and values["indicator_days"][1] >= values["indicator_days"][2]:
        fast, slow = values["indicator_days"][1:3]
        found.append(f"indicator_days: MACD fast {fast} must be below MACD slow {slow}")
    for name in ("tickers", "networks"):
        if given(name) and len(set(values[name])) < len(values[name]):
            found.append(f"{name} {values[name]} names something twice")
    if given("reduce_lr", "patience") and values["reduce_lr"] and values["patience"] is None:
        found.append(
            "reduce_lr is true, but patience is null: the learning rate is halved after half of patience,"
            " so give patience a number, or set reduce_lr to false"
        )
    for name in ("inputs", "replay_inputs") if values.get("replay_seeds") else ("inputs",):
        if given(name, "target") and values[name] == "ohlcv_indicators" and values["target"] == "log_return":
            found.append(
                f"target is log_return, but {name} ohlcv_indicators holds prices:"
                " use own_close or all_closes, or target close"
            )
    if given("trials", "tickers") and values["trials"] == "printed":
        unknown = [t for t in values["tickers"] if t not in ("ADA-USD", "ETH-USD", "SOL-USD")]
        if unknown:
            found.append(f"trials is printed, but the thesis lists no trials for {', '.join(unknown)}: give a number")
        if unlisted := [n for n in values.get("networks", ()) if n not in ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")]:
            found.append(f"trials is printed, but the thesis has no {', '.join(unlisted)}: give a number")
    if given("start_date", "end_date", "lookback", "split"):
        days = (values["end_date"] - values["start_date"]).days + 1
        smallest = int(days * min(values["split"]))
        if smallest <= values["lookback"]:
            found.append(
                f"lookback {values['lookback']} leaves no window in a split of {smallest} days"
                f" (share {min(values['split']):g} of {days} days): {_enough(values, days)}"
            )
    named = os.environ.get(places.ADDRESS_VARIABLE)
    if named and values.get("scheduler") not in (None, named):
        found.append(
            f"scheduler is {values['scheduler']}, but the variable {places.ADDRESS_VARIABLE} names {named}:"
            " name the same one twice, or leave one of them out"
        )
    return found + _folders(values)


def _enough(values: Mapping[str, Any], days: int) -> str:
    """How many days, or which lookback, leave every split a window for each of :data:`SCORED_DAYS`."""
    periods, share = values.get("indicator_days", ()), min(values["split"])
    lost = max(*periods, periods[2] + periods[3]) if periods and values.get("inputs") == "ohlcv_indicators" else 0
    needed = math.ceil((values["lookback"] + SCORED_DAYS) / share) + lost
    longest = int((days - lost) * share) - SCORED_DAYS
    shorten = f"shorten lookback to {longest}" if longest >= 1 else "shorten lookback"
    return f"widen the dates to {needed} days, which are enough for every notebook, or {shorten}"


def today() -> date:
    """The present day, UTC; its prices are not complete yet."""
    return datetime.now(UTC).date()


def _dates(values: Mapping[str, Any]) -> list[str]:
    start, end, source = (values.get(n) for n in ("start_date", "end_date", "source"))
    found = []
    if start and end and end <= start:
        found.append(f"end_date {end} must be after start_date {start}")
    holdout_end = values.get("holdout_end")
    if holdout_end and end and holdout_end <= end:
        found.append(
            f"holdout_end {holdout_end} must be after end_date {end}: it is the last of the days after the run's"
        )
    if holdout_end and holdout_end >= today():
        found.append(f"holdout_end is {holdout_end}, but the last complete day is before {today()}, today in UTC")
    first, last = SAMPLE_DAYS
    outside = [
        f"{name} is {day}"
        for name, day in (("start_date", start), ("end_date", end))
        if day and not first <= day <= last
    ]
    if source == "sample" and outside:
        found.append(
            f"source sample holds {first} to {last}, but {' and '.join(outside)}:"
            " stay within, or use source yahoo or folder"
        )
    if source == "yahoo" and end and end >= today():
        found.append(
            f"end_date is {end}, but Yahoo's last complete day is before {today()}, today in UTC:"
            " take an earlier end_date"
        )
    return found


def _folders(values: Mapping[str, Any]) -> list[str]:
    found = []
    for name in FOLDERS:
        try:
            if values.get(name):
                _refuse_odd_letters(values[name])
                # Both, so that a file gets one answer wherever results go.
                roots = [places.resolve(values[name]), places.output_root(values[name])]
                _refuse_too_long(roots[1])
                reasons = [places.among_sources(r) for r in roots] if name == "output_dir" else []
                if why := next(filter(None, reasons), ""):
                    found.append(f"output_dir is {values[name]!r}, which {why}: choose another, such as outputs/NAME")
        except (RuntimeError, ValueError) as error:  # an unknown user after ~, a character that no path may have
            found.append(f"{name} is {values[name]!r}, which is no path: {str(error).rstrip('.')}")
    return found


def _refuse_too_long(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("it is too long for this disk") from None


def _refuse_odd_letters(path: str) -> None:
    # A line break would tear a parameter file and the lines on screen apart; a lone surrogate (a byte of a command
    # line that is not UTF-8) can be written nowhere.
    for letter in path:
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"it holds the character {letter!r}")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError("this session's locale cannot name it: set PYTHONUTF8=1, or choose plain letters") from None
