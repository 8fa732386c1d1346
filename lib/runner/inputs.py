"""What a run finds on the disk before it starts: prices in ``data_dir``, earlier searches in ``studies/``."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lib import settings
from lib.results import files

TRACES = (
    "run.json",
    "parameters.yaml",
    "notebooks",
    "html",
    "records",
    "studies",
    "predictions",
    "tables",
    "figures",
    "models",
    "widget",
    ".lock",
)  # what tells a run's folder


def missing_prices(chosen: settings.Settings) -> list[str]:
    """What is missing in ``data_dir``, files or days, as sentences; nothing for the other sources."""
    if chosen.source != "folder":
        return []
    folder = settings.resolve(chosen.data_dir)
    if not folder.is_dir():
        return [
            f"data_dir is {chosen.data_dir!r}, but there is no such folder. It must hold one TICKER.csv for each ticker"
        ]
    missing = [f"{t}.csv" for t in chosen.tickers if not (folder / f"{t}.csv").is_file()]
    have = ", ".join(sorted(p.name for p in folder.glob("*.csv"))) or "no CSV file"
    if missing:
        return [
            f"data_dir {chosen.data_dir!r} lacks {', '.join(missing)} for tickers {list(chosen.tickers)}. It holds {have}"
        ]
    found = []
    for ticker in chosen.tickers:
        days = days_of(folder / f"{ticker}.csv")
        if days and (days[0] > chosen.start_date or days[1] < chosen.end_date):
            found.append(
                f"{ticker}.csv in data_dir {chosen.data_dir!r} holds {days[0]} to {days[1]}, but {chosen.start_date} to"
                f" {chosen.end_date} was asked. Change start_date and end_date, or complete the file"
            )
    return found


def days_of(path: Path) -> tuple[date, date] | None:
    """First and last day (UTC) of a price file; None if that cannot be told, which the notebooks then explain."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = (row for row in csv.reader(lines) if row)
            column = [name.strip() for name in next(rows)].index("Date")
            days = [_day(row[column].strip()) for row in rows]
        return min(days), max(days)
    except (OSError, ValueError, IndexError, StopIteration, OverflowError, csv.Error):
        return None


def _day(text: str) -> date:
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def foreign_folder(root: Path, shown: str) -> list[str]:
    """A sentence if results would land among files that no run left; nothing for a new folder, an empty one and a run's own."""
    try:
        there = sorted(p.name for p in root.iterdir()) if root.is_dir() else []
    except OSError:
        return []  # the lock says what is wrong
    if not there or set(there) & set(TRACES):
        return []
    return [
        f"output_dir is {shown!r}, which holds {', '.join(there[:3])}{' and more' if len(there) > 3 else ''}, and nothing that a run left."
        " Name a new folder, an empty one or a run's, such as outputs/NAME"
    ]


def damaged_records(root: Path) -> list[str]:
    """A sentence about a notebook's record that a power cut or a full disk left unreadable; nothing if all are well."""
    try:
        files.read_records(root)
    except files.FileError as error:
        return [str(error)]
    return []


def other_searches(root: Path, plain: dict[str, Any], shown: str) -> list[str]:
    """Studies in the run's folder that were made with other parameters, as sentences.

    Args:
        root: the run's folder; ``shown``: its name for messages.
        plain: the run's parameters as JSON-able values.
    """
    mine = json.loads(json.dumps(plain))
    found: dict[str, list[str]] = {}
    for ticker in mine["tickers"]:
        for network in mine["networks"]:
            path = root / "studies" / f"{ticker}_{network}.db"
            theirs = steering(path)
            other = "; ".join(
                f"{k} {theirs[k]!r} there, {mine[k]!r} here"
                for k in settings.KEYS
                if k in theirs and theirs[k] != mine[k]
            )
            if other:
                found.setdefault(other, []).append(f"studies/{path.name}")
    return [_search_sentence(files, other, shown) for other, files in found.items()]


def steering(path: Path) -> dict[str, Any]:
    """The parameters that a study file was made with; nothing if it is not there or cannot be read."""
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as base:
            row = base.execute("SELECT value_json FROM study_user_attributes WHERE key = 'steering'").fetchone()
        found = json.loads(row[0]) if row else {}
    except (sqlite3.Error, ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _search_sentence(files: Sequence[str], other: str, shown: str) -> str:
    one = len(files) == 1
    return (
        f"{', '.join(files)} in {shown} {'was' if one else 'were'} made with other parameters: {other}. Take those parameters,"
        f" choose another folder with -p output_dir=outputs/NAME, or delete the file{'' if one else 's'} to search anew"
    )
