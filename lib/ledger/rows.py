"""The rows of the ledger: read from YAML, and for the printed trials made from ``appendix_trials.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

from lib import thesis
from lib.errors import ProjectError
from lib.ledger import thesis_text

FILES = (
    "abstract",
    "chapters_1_and_2",
    "chapter_3",
    "chapter_4_data",
    "chapter_4_networks",
    "chapter_4_search",
    "chapter_5",
    "chapter_6",
    "chapter_7",
    "chapter_8",
    "references",
    "appendices",
)
KEYS = {"says", "printed", "unit", "find", "times", "check", "same_as", "cannot", "kind"}
STATED = "stated"  # what a statement without a number has in place of one
# What the thesis says; what we ask of it that it never says; a cell of its lists of trials, counted apart.
CLAIM, QUESTION, CELL = "claim", "question", "cell"
KINDS = (CLAIM, QUESTION, CELL)
SCORES = {
    "mse": (".2e", "scaled price squared"),
    "mae": (".2e", "scaled price"),
    "r2": (".2f", ""),
}  # as the appendices print them
# The columns of the appendices in their order, and how their numbers are printed; a duration is printed as text.
CELLS = {
    "duration": "",
    "batch_size": "d",
    "dropout_rate": ".2f",
    "epochs": "d",
    "filters": ".1f",
    "kernel_size": ".1f",
    "learning_rate": ".2e",
    "lstm_units1": ".1f",
    "lstm_units2": ".1f",
    "pool_size": ".1f",
    **{name: SCORES[name][0] for name in ("mae", "mse", "r2")},
}


class LedgerError(ProjectError):
    """A row of the ledger cannot be used."""


@dataclass(frozen=True)
class Row:
    """One number or statement of the thesis.

    Attributes:
        id: ``place/name``.
        place: a key of ``places.yaml``.
        says: what is claimed, in our words.
        printed: as printed, its last digit being its precision; ``stated`` for a statement without a number.
        unit: what the number counts; empty for none.
        find: snippets by which the row is found in its place.
        times: how often each snippet stands there.
        check, arguments: the function that computes the value, and what it is given.
        same_as: ids of rows that state the same quantity.
        cannot: why nothing can be computed.
        kind: ``claim``; ``question`` for what no sentence of the thesis says and only we ask of its numbers; ``cell``
            for a cell of the lists of trials beside the MSE.
    """

    id: str
    place: str
    says: str
    printed: str
    find: tuple[str, ...]
    unit: str = ""
    times: int = 1
    check: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    same_as: tuple[str, ...] = ()
    cannot: str = ""
    kind: str = CLAIM

    @property
    def chapter(self) -> str:
        """The chapter that a summary counts it under."""
        return thesis_text.chapters()[self.place]


@lru_cache(maxsize=1)
def claims() -> dict[str, Row]:
    """All rows by id, in the thesis's order: those of ``claims/*.yaml`` and one for each score of the 255 printed
    trials.

    Raises:
        LedgerError: naming every row that is wrong and why.
    """
    rows: dict[str, Row] = {}
    wrong: list[str] = []
    for name in FILES:
        text = files("lib.ledger").joinpath(f"claims/{name}.yaml").read_text(encoding="utf-8")
        content = yaml.load(text, _Loader)
        reasons = content.pop("reasons", {})
        for place, entries in content.items():
            for key, entry in entries.items():
                row = _row(place, key, entry, reasons, wrong)
                if row:
                    rows[row.id] = row
    rows.update({row.id: row for row in _trial_rows()})
    known = set(thesis_text.chapters())
    wrong += [f"{r.id}: place {r.place!r} is not in places.yaml" for r in rows.values() if r.place not in known]
    wrong += [f"{r.id}: same_as {other!r} is no row" for r in rows.values() for other in r.same_as if other not in rows]
    if wrong:
        raise LedgerError("lib/ledger/claims: " + "; ".join(wrong))
    order = {place: k for k, place in enumerate(thesis_text.chapters())}
    return dict(sorted(rows.items(), key=lambda item: order[item[1].place]))


class _Loader(yaml.SafeLoader):
    """Every scalar stays text, so that 0.10 keeps its last digit; a key stands in a mapping once."""

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [n.value for n, _ in node.value]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise LedgerError(
                f"lib/ledger/claims: {', '.join(sorted(twice))} is given twice near line {node.start_mark.line + 1}"
            )
        return super().construct_mapping(node, deep)


def _row(place: str, name: str, entry: Mapping[str, Any], reasons: Mapping[str, str], wrong: list[str]) -> Row | None:
    identity = f"{place}/{name}"
    if not isinstance(entry, dict) or set(entry) - KEYS or "says" not in entry:
        wrong.append(f"{identity}: needs says, and of {', '.join(sorted(KEYS))} only")
        return None
    printed = entry.get("printed", STATED)
    snippets = entry.get("find", printed)
    check, arguments = (
        next(iter(entry["check"].items())) if isinstance(entry.get("check"), dict) else (entry.get("check", ""), {})
    )
    same_as = entry.get("same_as", ())
    if entry.get("kind", CLAIM) not in KINDS:
        wrong.append(f"{identity}: kind is one of {', '.join(KINDS)}")
    if printed == STATED and "find" not in entry:
        wrong.append(f"{identity}: a statement needs find")
    if not check and not same_as and not entry.get("cannot"):
        wrong.append(f"{identity}: needs check, same_as or cannot")
    if check and entry.get("cannot"):
        wrong.append(f"{identity}: has both check and cannot")
    cannot = entry.get("cannot", "")
    return Row(
        identity,
        place,
        entry["says"],
        printed,
        (snippets,) if isinstance(snippets, str) else tuple(snippets),
        entry.get("unit", ""),
        int(entry.get("times", 1)),
        check,
        dict(arguments or {}),
        (same_as,) if isinstance(same_as, str) else tuple(same_as),
        reasons.get(cannot, cannot),
        entry.get("kind", CLAIM),
    )


def trial_id(ticker: str, model: str, trial: int, column: str = "mse") -> str:
    """The row of one cell of a printed trial, by its printed label; the MSE, by which trials are compared, has no word
    of its own.
    """
    word = column.upper() if column in SCORES else column.replace("_", " ")
    return f"Appendix {thesis.APPENDIX[ticker]}/{model} {trial}{'' if column == 'mse' else f' {word}'}"


def _trial_rows() -> list[Row]:
    """A row for each printed cell of each printed trial: its MSE against trainings, every other one, of kind ``cell``,
    against the author's records.
    """
    return [
        _trial_row(trial, column, printed)
        for trial in thesis.trials().itertuples()
        for column, printed in _cells(trial).items()
        if printed
    ]


def _trial_row(trial: Any, column: str, printed: str) -> Row:
    relabelled = "" if trial.model == trial.network else f", printed as {trial.model}"
    named = column.upper() if column in SCORES else column.replace("_", " ")
    unit = "s" if column == "duration" else SCORES.get(column, ("", ""))[1]
    key = {"ticker": trial.ticker, "network": trial.network, "trial": str(trial.trial)}
    return Row(
        trial_id(trial.ticker, trial.model, trial.trial, column),
        f"Appendix {thesis.APPENDIX[trial.ticker]}",
        f"{named} of trial {trial.trial} of the {trial.network} on {trial.ticker}{relabelled}",
        printed,
        (printed_line(trial),),
        unit,
        check="replays.score_of_trial" if column == "mse" else "records.cell",
        arguments=key if column == "mse" else key | {"column": column},
        kind=CLAIM if column == "mse" else CELL,
    )


def _cells(trial: Any) -> dict[str, str]:
    """The cells of a trial's row as printed; empty where nothing is."""
    values = {name: getattr(trial, name) for name in CELLS}
    return {name: "" if pd.isna(v) else format(v, CELLS[name]) for name, v in values.items()}


def printed_line(trial: Any) -> str:
    """A trial's row as the appendices print it, cells between tabs."""
    return "\t".join([str(trial.trial), *_cells(trial).values(), trial.model])
