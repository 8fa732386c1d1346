"""The ledger for readers: all its rows by chapter, as the page in Markdown has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd

from lib.ledger.rows import CELL, QUESTION
from lib.report import markdown

TABLES = ("claims", "claims_summary", "claims_checks")
HEAD = ("row", "says", "printed", "computed, or found elsewhere", "verdict", "why", "function")


def shown(root: Path, link: Callable[[str], str]) -> dict[str, Any] | None:
    """What the page says of the ledger, or None if the run has none.

    Args:
        root: the run's folder.
        link: path from the project's root -> how the page links to it; empty if it cannot.

    Returns:
        ``first`` (table of the rows that the first page rests on), ``findings`` (sentences), ``words`` (how many rows
        have which verdict), ``meanings``, ``summary`` (table by chapter), ``chapters`` (heading, counts in words and
        table of all claims and questions), ``cells`` (count of those of the lists of trials, then count and table of
        the contradicted ones), ``files`` (paths of the tables that are here), ``picture``.
    """
    from lib import ledger
    from lib.ledger import answer

    frame = answer.ledger_of(root)
    if frame is None:
        return None
    cells, others = frame[frame["kind"] == CELL], frame[frame["kind"] != CELL]
    wrong = cells[cells["verdict"] == "contradicted"]
    counts = ledger.summary(frame)
    asked = list(dict.fromkeys(identity for row in answer.rows(root) for identity in row.ids))
    return {
        "first": table(frame.set_index("id", drop=False).loc[asked], link, places=False),
        "findings": [linked(finding, [*others["id"], *wrong["id"]]) for finding in ledger.findings(frame)],
        "words": ledger.in_words(frame, ledger.error_rate(root)),
        "meanings": ledger.MEANINGS,
        "summary": markdown.table(list(counts.columns), counts.values.tolist()),
        "chapters": [
            (heading(chapter), _counted(rows), table(rows, link))
            for chapter, rows in others.groupby("chapter", sort=False)
        ],
        "cells": (len(cells), len(wrong), table(wrong, link)) if len(cells) else None,
        "files": [f"tables/{name}.csv" for name in TABLES if (root / "tables" / f"{name}.csv").is_file()],
        "picture": "figures/claims.png" if (root / "figures/claims.png").is_file() else "",
    }


def _counted(rows: pd.DataFrame) -> str:
    """How many rows a chapter has, and of which kind, such as ``5 rows: 3 of the thesis, 2 questions of ours``."""
    ours = int((rows["kind"] == QUESTION).sum())
    return f"{len(rows)} rows: {len(rows) - ours} of the thesis, {ours} question{'' if ours == 1 else 's'} of ours"


def outside(root: Path) -> str:
    """Links to the rows of the printed trials that were not reproduced; empty if there are none, or no ledger."""
    from lib.ledger import answer
    from lib.ledger.findings import replays
    from lib.ledger.verdicts import NOT

    frame = answer.ledger_of(root)
    if frame is None:
        return ""
    rows = replays(frame)
    return ", ".join(
        f"[{markdown.plain(row)}](ledger.md#{anchor(row)})" for row in rows.loc[rows["verdict"] == NOT, "id"]
    )


def heading(chapter: str) -> str:
    """A chapter's heading, whose place in the page other pages link to."""
    return f"Chapter {chapter}" if chapter.isdigit() else chapter[:1].upper() + chapter[1:]


def anchor(identity: str) -> str:
    """The place of a row in the page, to which others link."""
    return re.sub(r"[^\w.-]+", "_", identity)


def linked(finding: str, identities: Collection[str], page: str = "") -> str:
    """A finding as Markdown, in which the rows that it names lead to their place in the page.

    Args:
        finding: as :func:`lib.ledger.findings` gives it, with its rows at the end.
        identities: of the rows that the page has.
        page: the way to it; default: the finding is on it.
    """
    words, mark, rows = finding.rpartition("[Rows ")
    if not mark:
        return markdown.plain(finding)
    named = [
        f"[{markdown.plain(row)}]({page}#{anchor(row)})" if row in identities else markdown.plain(row)
        for row in rows.removesuffix(".]").split("; ")
    ]
    return f"{markdown.plain(words)} Rows {'; '.join(named)}."


def table(rows: pd.DataFrame, link: Callable[[str], str], places: bool = True) -> str:
    """Rows of the ledger as a table, each with its reason and the way to its code.

    Args:
        places: whether others lead to these rows; where not, they lead to the rows with places.
    """

    def name(identity: str) -> str:
        shown, place = markdown.plain(identity), anchor(identity)
        return f'<a id="{place}"></a>{shown}' if places else f"[{shown}](#{place})"

    shown = [(name(row.id), *cells(row)[1:], _checks(row.how, link)) for row in rows.itertuples()]
    return markdown.table(HEAD, shown, raw=(0, 6))


def cells(row: Any) -> tuple[str, ...]:
    """Id, what it says, printed, computed, verdict and reason of one row, for reading."""
    return (
        row.id,
        row.says,
        row.printed,
        markdown.beside(row.printed, "" if pd.isna(row.computed) else row.computed),
        row.verdict,
        "; ".join(filter(None, (_range(row), _text(row.other_place), _text(row.because)))),
    )


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _range(row: Any) -> str:
    """The prediction interval that judges a score, and how many trainings of ours it rests on; else empty."""
    if pd.isna(row.seeds) or pd.isna(row.smallest):
        return ""
    return f"interval {row.smallest:.3g} to {row.largest:.3g}"


def _name(function: str) -> str:
    return re.sub(r"^lib\.ledger\.(checks\.)?", "", function)


def _checks(how: Any, link: Callable[[str], str]) -> str:
    """The functions of ``how`` in code letters, each linked to its file."""
    from lib import ledger

    words = []
    for name in [] if pd.isna(how) else ledger.functions(how):
        target = link(ledger.file_of(name))
        words.append(f"[{markdown.code(_name(name))}]({target})" if target else markdown.code(_name(name)))
    return ", ".join(words)
