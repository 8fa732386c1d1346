"""The sections of a run's page about the evaluation of the networks and about the ledger of the thesis's numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from lib.report import markdown
from lib.results import files

LEDGER = "10_claims"
NOTEBOOKS = ("09a_skill", "09b_walk_forward", "09c_leakage", "09d_intervals", "09e_controls")
# Verdicts whose rows the page lists; the others are many and in the file.
LISTED = ("close", "not reproduced", "contradicted")
# Of wide tables the columns that answer the question, and of long ones the rows, as (column, value).
COLUMNS = {
    "skill": (
        "ticker",
        "reading",
        "model",
        "seeds",
        "MAE",
        "MASE",
        "R2",
        "R2_naive",
        "skill",
        "skill_lower",
        "skill_upper",
    ),
    "significance": (
        "ticker",
        "reading",
        "model",
        "skill",
        "skill_lower",
        "skill_upper",
        "statistic",
        "p_better",
        "p_better_holm",
        "seeds_better",
        "hits",
        "p_direction_holm",
    ),
    "direction": (
        "ticker",
        "reading",
        "model",
        "seeds",
        "accuracy_of_a_seed",
        "accuracy",
        "majority",
        "lower",
        "upper",
    ),
    "leakage_scores": (
        "ticker",
        "reading",
        "model",
        "seeds",
        "MAE",
        "R2",
        "R2_naive",
        "skill",
        "skill_lower",
        "skill_upper",
    ),
    "walk_forward_trials": ("ticker", "network", "scheme", "fold", "trial", "chosen", "validation_mse", "epochs_run"),
}
ROWS = dict.fromkeys(("skill", "significance", "confidence_sets", "direction", "trading"), ("part", "test"))


def columns(stem: str, head: list[str]) -> list[str]:
    """The columns of a table that the page shows; all of them for most."""
    return [name for name in COLUMNS.get(stem, ()) if name in head] or head


def rows_of(stem: str, head: list[str], rows: list[list[str]]) -> list[list[str]]:
    """The rows of a table that the page shows."""
    column, value = ROWS.get(stem, ("", ""))
    return [row for row in rows if row[head.index(column)] == value] if column in head else rows


def about(stem: str) -> str:
    """What of a table is not on the page, in a few words; empty if nothing is."""
    column, value = ROWS.get(stem, ("", ""))
    return f"{value.capitalize()} days only; the file has the validation days too." if column else ""


def ledger(root: Path, link: Callable[[str], str]) -> dict[str, Any] | None:
    """What the page says of the ledger, or None if the run has none.

    Args:
        root: the run's folder.
        link: path from the project's root -> how the page links to it; empty if it cannot.

    Returns:
        ``findings`` (sentences), ``words`` (how many rows have which verdict), ``summary`` (table by chapter),
        ``lists`` (verdict, count and table of each of :data:`LISTED`), ``files`` (paths of the tables that are here).
    """
    place = root / "tables" / "claims.csv"
    if not place.is_file():
        return None
    from lib import ledger

    frame = ledger.read(place)
    counts = ledger.summary(frame)
    lists = []
    for verdict in LISTED:
        rows = frame[frame["verdict"] == verdict]
        if len(rows):
            cells = [
                (r.id, r.says, r.printed, r.computed, _range(r), r.other_place, _checks(r.how, link))
                for r in rows.itertuples()
            ]
            lists.append(
                (
                    verdict,
                    len(rows),
                    markdown.table(
                        ["row", "says", "printed", "computed", "95 % interval", "other place", "computed by"],
                        cells,
                        raw=(6,),
                    ),
                )
            )
    return {
        "findings": [markdown.plain(finding) for finding in ledger.findings(frame)],
        "words": ledger.in_words(frame, ledger.error_rate(root)),
        "meanings": ledger.MEANINGS,
        "summary": markdown.table(list(counts.columns), counts.values.tolist()),
        "lists": lists,
        "files": [
            f"tables/{name}.csv"
            for name in ("claims", "claims_summary", "claims_checks")
            if (root / "tables" / f"{name}.csv").is_file()
        ],
        "picture": "figures/claims.png" if (root / "figures/claims.png").is_file() else "",
    }


def words(root: Path, notebook: str) -> list[str]:
    """What a notebook of the evaluation concludes, from the tables in the run's folder; empty where one is missing."""
    from lib import tables

    wanted: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
        "09a_skill": (
            ("skill", "significance", "confidence_sets", "returns_or_closes", "trading", "picked_best", "power"),
            _skill_words,
        ),
        "09b_walk_forward": (("walk_forward",), tables.walk_forward_in_words),
        "09c_leakage": (
            ("leakage", "leak_check"),
            lambda added, caught: f"{tables.leaks_in_words(added)}\n{tables.leak_check_in_words(caught)}",
        ),
        "09d_intervals": (("intervals",), tables.intervals_in_words),
        "09e_controls": (("false_alarms", "planted_signal"), tables.controls_in_words),
    }
    stems, in_words = wanted[notebook]
    places = [root / "tables" / f"{stem}.csv" for stem in stems]
    if not all(p.is_file() for p in places):
        return []
    frames = dict(zip(stems, map(files.read_table, places)))
    return in_words(*frames.values()).splitlines()


def _skill_words(
    scores: pd.DataFrame,
    tests: pd.DataFrame,
    sets: pd.DataFrame,
    bought: pd.DataFrame,
    traded: pd.DataFrame,
    picked: pd.DataFrame,
    power: pd.DataFrame,
) -> str:
    from lib import tables

    return "\n".join(
        [
            *(tables.mean_scores_in_words(scores, "test", reading) for reading in dict.fromkeys(scores["reading"])),
            tables.tests_in_words(tests, sets, "test"),
            tables.power_in_words(power),
            tables.differences_in_words(bought, "log_return"),
            tables.trading_in_words(traded, "test"),
            tables.picked_in_words(picked),
        ]
    )


def _range(row: Any) -> str:
    """The prediction interval that judges a score, and how many trainings of ours it rests on; else empty."""
    if pd.isna(row.seeds) or pd.isna(row.smallest):
        return ""
    return f"{row.smallest:.4g} to {row.largest:.4g}, {row.seeds:.0f} training{'s' if row.seeds > 1 else ''} of ours"


def _checks(how: Any, link: Callable[[str], str]) -> str:
    """The functions of ``how`` in code letters, each linked to its file."""
    from lib import ledger

    if pd.isna(how):
        return ""
    words = []
    for name in ledger.functions(how):
        short = re.sub(r"^lib\.ledger\.(checks\.)?", "", name)
        target = link(ledger.file_of(name))
        words.append(f"[{markdown.code(short)}]({target})" if target else markdown.code(short))
    return ", ".join(words)
