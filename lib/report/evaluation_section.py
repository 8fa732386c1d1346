"""What a run's page about the evaluation of the networks says, and which rows and columns of its tables it shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from lib.report import markdown
from lib.results import files

LEDGER = "10_claims"
# In the order of the page, each with its heading there.
NOTEBOOKS = {
    "09f_holdout": "Holdout",
    "09a_skill": "Skill",
    "09b_walk_forward": "Walk-forward",
    "09c_leakage": "Leaks",
    "09d_intervals": "Intervals",
    "09e_controls": "Controls",
}
FILE_ONLY = {"relative_errors": "A row a day, a column a training: in the file only."}
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
WHOLE = ("answer",)  # every row is on the page
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
    if stem in FILE_ONLY:
        return FILE_ONLY[stem]
    column, value = ROWS.get(stem, ("", ""))
    return f"{value.capitalize()} days only; the file has the validation days too." if column else ""


def words(root: Path, notebook: str) -> list[str]:
    """What a notebook of the evaluation concludes, from the tables in the run's folder; empty where one is missing."""
    from lib import tables

    wanted: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
        "09a_skill": (
            (
                "skill",
                "significance",
                "confidence_sets",
                "returns_or_closes",
                "trading",
                "picked_best",
                "power",
                "alignment",
            ),
            _skill_words,
        ),
        "09b_walk_forward": (("walk_forward",), lambda found: _last(tables.walk_forward_in_words(found))),
        "09c_leakage": (
            ("leakage", "leak_check"),
            lambda added, caught: f"{tables.leaks_in_words(added)}\n{tables.leak_check_in_words(caught)}",
        ),
        "09d_intervals": (("intervals",), tables.intervals_in_words),
        "09f_holdout": (("answer",), tables.answers_in_words),
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
    aligned: pd.DataFrame,
) -> str:
    from lib import tables

    return "\n".join(
        [
            _last(tables.tests_in_words(tests, sets, "test")),
            tables.power_in_words(power),
            tables.differences_in_words(bought, "log_return"),
            tables.picked_in_words(picked),
            tables.trading_in_words(traded, "test"),
            tables.alignments_in_words(aligned),
        ]
    )


def _last(lines: str) -> str:
    """What holds for all coins; the lines before it, one for each, are a matrix on the page."""
    return lines.splitlines()[-1]


def matrices(root: Path, notebook: str) -> list[tuple[str, str]]:
    """(title, table) of a notebook's results by model and coin; of those whose tables are in the run's folder."""
    wanted = {
        "09a_skill": (("skill", _skills), ("significance", _tests), ("trading", _trades)),
        "09b_walk_forward": (("walk_forward", _walk),),
    }
    found: list[tuple[str, str]] = []
    for stem, rows_to_matrices in wanted.get(notebook, ()):
        place = root / "tables" / f"{stem}.csv"
        found += rows_to_matrices(files.read_table(place)) if place.is_file() else []
    return found


def answers(found: pd.DataFrame) -> list[tuple[str, str]]:
    """(title, table) of every network's verdict, for each kind of days and reading of ``ledger.answer.networks``."""
    families = found.groupby(["part", "reading"], sort=False)
    return [
        (
            f"Skill with its 95 % interval and the verdict, {part} days, {reading}, {_seeds(rows)}",
            markdown.matrix(rows, "model", "ticker", lambda row: f"{_interval(row)} {row.verdict}"),
        )
        for (part, reading), rows in families
    ]


def _seeds(rows: pd.DataFrame) -> str:
    fewest, most = rows["seeds"].min(), rows["seeds"].max()
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def _skills(scores: pd.DataFrame) -> list[tuple[str, str]]:
    rows = scores[(scores["part"] == "test") & (scores["model"] != "naive")]
    return [
        (
            f"Mean skill with its 95 % interval, test days, target {reading.replace('_', ' ')}",
            markdown.matrix(its, "model", "ticker", _interval),
        )
        for reading, its in rows.groupby("reading", sort=False)
    ]


def _tests(tests: pd.DataFrame) -> list[tuple[str, str]]:
    rows = tests[tests["part"] == "test"]
    asked = {
        "errors smaller than the naive forecast's": "p_better_holm",
        "directions better than chance": "p_direction_holm",
    }
    found = []
    for reading, its in rows.groupby("reading", sort=False):
        for what, column in asked.items():
            title = f"p-value, one-sided, after Holm: are {what}? Test days, target {reading.replace('_', ' ')}"
            cells = its.assign(p=its[column].map(_p_value))
            found.append((title, markdown.matrix(cells, "model", "ticker", lambda row: row.p)))
    return found


def _p_value(value: float) -> str:
    return "not defined" if pd.isna(value) else f"{value:.2g}"


def _trades(traded: pd.DataFrame) -> list[tuple[str, str]]:
    rows = traded[traded["part"] == "test"]
    return [
        (
            f"Return after costs of a long/flat rule, test days, target {reading.replace('_', ' ')}",
            markdown.matrix(its, "model", "ticker", lambda row: f"{row.total_return:+.0%}"),
        )
        for reading, its in rows.groupby("reading", sort=False)
    ]


def _walk(found: pd.DataFrame) -> list[tuple[str, str]]:
    return [
        (
            f"Skill over all blocks, and in how many blocks it is above 0, {scheme} window",
            markdown.matrix(
                its[its["model"] != "naive"],
                "model",
                "ticker",
                lambda row: f"{_interval(row)}, {row.blocks_better} of {row.blocks}",
            ),
        )
        for scheme, its in found.groupby("scheme", sort=False)
    ]


def _interval(row: Any) -> str:
    """A skill and its interval; committed tables from before it was computed have none."""
    skill = markdown.signed(row.skill)
    if not hasattr(row, "skill_lower"):
        return skill
    return f"{skill} [{markdown.signed(row.skill_lower)}, {markdown.signed(row.skill_upper)}]"
