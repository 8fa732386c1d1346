"""The page that leads to everything in a run's folder: ``outputs/<run>/index.html``.

It is made from the folder alone: ``run.json`` (what ran, how, when) and the notebooks' records
(what they made). Nothing is marked as good that these two do not say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib.errors import ProjectError
from lib.report.markdown import is_number
from lib.results import files
from lib.results.progress import clock

HERE = Path(__file__).parent
ROWS_SHOWN = 40
_NO_ANSWER: dict[str, Any] = {"sentences": [], "claims": []}
# Page of a claim -> the notebook that says more.
EVIDENCE = {"ledger.md": "10_claims", "replay.md": "08b_replay", "evaluation.md": "09f_holdout"}
ANSWER_FIGURES = ("answer test", "skill test", "replay")  # names of the figures that show the answer, the best first


@dataclass
class Item:
    """One artefact as the page shows it: a figure's two files are one item.

    Attributes:
        name: thesis number such as ``Figure 4.1``, or the file's stem.
        files: label -> path in the run's folder, those that are there.
        marks: sentences about what is not as it should be (missing, changed, from an earlier run).
    """

    name: str
    title: str
    notebook: str
    files: dict[str, str] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    rows_left: int = 0
    numeric: list[bool] = field(default_factory=list)

    @property
    def numbered(self) -> bool:
        """Whether it has a number in the thesis; the others are folded."""
        return bool(re.match(r"(Figure|Table) \d", self.name))


def write(root: Path) -> Path:
    """Write ``index.html`` into a run's folder from its ``run.json`` and records.

    Raises:
        FileError: there is no readable ``run.json``, or the page cannot be written.
    """
    run = files.read_run(root)
    damaged: list[str] = []
    records = files.read_records(root, damaged)
    room = Environment(
        loader=FileSystemLoader(HERE / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters.update(clock=lambda s: clock(s) if s is not None else "", short=_short, moment=_moment)
    found = items(root, run, records)
    answered = _answer(root, damaged) if run["finished"] else _NO_ANSWER
    page = room.get_template("run.html.j2").render(
        run=run,
        answer=answered,
        front=_front(found.get("figure", [])),
        records=records,
        items=found,
        pages={n for n in run["notebooks"] if (root / "html" / f"{n}.html").is_file()},
        evidence=EVIDENCE,
        copies={n for n in run["notebooks"] if (root / "notebooks" / f"{n}.ipynb").is_file()},
        css=(HERE / "template" / "style.css").read_text(encoding="utf-8"),
        name=root.name,
        data=data_facts(records),
        warnings=[*data_warnings(data_facts(records), records), *damaged],
        facts=other_facts(records),
    )
    return files.write_text(root / "index.html", page)


def _front(figures: list[Item]) -> Item | None:
    """The figure that shows the answer, if there is one."""
    return next((item for name in ANSWER_FIGURES for item in figures if item.name == name and item.files), None)


def _answer(root: Path, damaged: list[str]) -> dict[str, Any]:
    """What a finished run's tables answer; a damaged table is a warning and no answer."""
    from lib.ledger import answer

    try:
        return {"sentences": answer.sentences(root), "claims": answer.rows(root)}
    except (ProjectError, LookupError, TypeError, ValueError, AttributeError) as error:
        damaged.append(f"the answer cannot be read from this run's tables ({type(error).__name__}: {error})")
        return _NO_ANSWER


def items(root: Path, run: Mapping[str, Any], records: Mapping[str, Any]) -> dict[str, list[Item]]:
    """All artefacts by kind (table, figure, listing, predictions, model), each with what is wrong with it."""
    found: dict[str, dict[str, Item]] = {}
    for notebook, record in records.items():
        earlier = from_earlier_run(run["notebooks"].get(notebook, {}), record)
        for made in record["made"]:
            path = root / made["path"]
            name = thesis_number(path.stem)
            title = made["title"].removeprefix(name).lstrip(".: ") or made["title"]
            item = found.setdefault(made["kind"], {}).setdefault(
                made["path"].rpartition(".")[0], Item(name, title, notebook)
            )
            if not path.is_file():
                _mark(item, f"{path.name} is missing")
                continue
            item.files[path.suffix.lstrip(".").upper()] = made["path"]
            if files.sha256(path) != made["sha256"]:
                _mark(item, f"{path.name} has changed since {notebook} wrote it")
            if earlier:
                _mark(item, earlier)
            if made["kind"] == "table":
                _read_rows(item, path)
    return {kind: [by_stem[stem] for stem in sorted(by_stem, key=_place)] for kind, by_stem in found.items()}


def from_earlier_run(entry: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """A sentence if the record is older than the notebook's latest run, which did not finish; else nothing."""
    status = entry.get("status", "")
    if status in ("done", ""):
        return ""
    if entry.get("started") and record["finished"] >= entry["started"]:
        return ""
    return f"from an earlier run: this time the notebook is {status}"


def thesis_number(stem: str) -> str:
    """``figure_4_1`` -> ``Figure 4.1``; ``table_4_5_test`` -> ``Table 4.5 test``; anything else in words."""
    numbered = re.fullmatch(r"(figure|table)_(\d+)_(\d+)(?:_(.+))?", stem)
    if not numbered:
        return stem.replace("_", " ")
    kind, chapter, number, rest = numbered.groups()
    return f"{kind.capitalize()} {chapter}.{number}{' ' + rest.replace('_', ' ') if rest else ''}"


def data_facts(records: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which prices the notebooks used: a row for each ticker and digest, with the notebooks that noted it.

    The comparison with the thesis's manifest is given only beside the digest that it was made for.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for notebook, record in records.items():
        sentences = record["facts"].get("manifest") or {}
        for ticker, fact in (record["facts"].get("data") or {}).items():
            row = found.setdefault(
                (ticker, fact["sha256"]), {"ticker": ticker, **fact, "notebooks": [], "manifest": ""}
            )
            row["notebooks"].append(notebook)
            row["manifest"] = sentences.get(ticker, row["manifest"])
    return sorted(found.values(), key=lambda row: row["ticker"])


def data_warnings(data: list[dict[str, Any]], records: Mapping[str, Any]) -> list[str]:
    """What a reader must know about the prices before looking at any number."""
    verdicts = [v for record in records.values() for v in (record["facts"].get("manifest_verdict") or {}).items()]
    warnings = [
        f"The prices of {ticker} differ from those that the thesis was reproduced on"
        for ticker, v in verdicts
        if v == "differs"
    ]
    for ticker in dict.fromkeys(row["ticker"] for row in data):
        used = [row for row in data if row["ticker"] == ticker]
        if len(used) > 1:
            which = "; ".join(f"{row['sha256'][:8]} in {', '.join(row['notebooks'])}" for row in used)
            warnings.append(f"Notebooks of this run used different prices of {ticker}: {which}")
    return warnings


def other_facts(records: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(notebook, fact, value) for everything else that the notebooks noted."""
    return [
        (notebook, key.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for notebook, record in records.items()
        for key, value in record["facts"].items()
        if key not in ("data", "manifest", "manifest_verdict", "seeds", "device")  # the last two are in run.json
    ]


def _place(stem: str) -> tuple[bool, list[str]]:
    """Sorting key: the thesis's own numbers first and as numbers, then the rest by name."""
    return not re.search(r"/(figure|table)_\d+_\d+", stem), [
        part.zfill(6) if part.isdigit() else part for part in re.split(r"(\d+)", stem)
    ]


def _mark(item: Item, sentence: str) -> None:
    if sentence not in item.marks:
        item.marks.append(sentence)


def _read_rows(item: Item, path: Path) -> None:
    try:
        rows = files.read_rows(path)
    except files.FileError:
        _mark(item, f"{path.name} cannot be read as a table")
        return
    if rows:
        item.head, body = rows[0], rows[1:]
        item.rows, item.rows_left = body[:ROWS_SHOWN], max(len(body) - ROWS_SHOWN, 0)
        item.numeric = [all(is_number(r[i]) for r in body if i < len(r) and r[i]) for i in range(len(item.head))]


def _short(text: str) -> str:
    """A number with six significant digits, any other text as it is."""
    if not is_number(text) or re.fullmatch(r"-?\d+", text):
        return text
    return f"{float(text):.6g}"


def _moment(iso: str | None) -> str:
    return re.sub(r"(\.\d+)?\+00:00$", " UTC", iso.replace("T", " ")) if iso else ""
