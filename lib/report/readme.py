"""The project's first screen, written from a run's committed results: ``README.md``, its pictures, the findings.

Between marks only, so that the words around them are written by hand and the numbers never are.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from lib import tables
from lib.errors import ProjectError
from lib.ledger import answer
from lib.report import ledger_section, markdown
from lib.results import files
from lib.settings.places import PROJECT_ROOT

COMMAND = "python -m lib.provenance readme"
MOST_WORDS = 600  # of README.md: one screen
PICTURES = "docs/pictures"
ANSWER = f"{PICTURES}/answer.png"
# Thumbnail -> (figure it is made from, words below it, where it leads); the dashboard's is drawn by a browser.
GALLERY = {
    "figure_4_5": (
        "figures/figure_4_5.png",
        "Figure 4.5: our best networks, and naive, validation days",
        "{run}/tables.md#figures",
    ),
    "skill": ("figures/skill_test.png", "Skill of all models on test days (ADA-USD)", "{run}/evaluation.md"),
    "replay": ("../replay/figures/replay.png", "All printed trials, trained again", "{run}/replay.md"),
    "ledger": ("figures/claims.png", "Printed numbers beside computed ones", "{run}/ledger.md"),
    "intervals": ("figures/interval_example.png", "How sure is a forecast?", "{run}/evaluation.md#intervals"),
    "dashboard": ("", "The dashboard", "docs/running.md#the-dashboard"),
}
THUMBNAIL = (360, 240)  # pixels
UPPER = {"skill": 0.323, "ledger": 0.617}  # of figures with panels below each other: the share of the first
SOURCE = "Source"  # the entry of a PNG that holds the digest of what it was made from


class ReadmeError(ProjectError):
    """There is no such run, or a document has no place for what is written into it."""


def marks(what: str) -> tuple[str, str]:
    """The lines between which a part of a document is written."""
    return f"<!-- {what}: begin -->", f"<!-- {what}: end -->"


def written(text: str, what: str, between: str) -> str:
    """A document's text with something else between its marks.

    Raises:
        ReadmeError: it does not have each mark once, in order.
    """
    begin, end = marks(what)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ReadmeError(
            f"the document needs the lines {begin} and {end} once each, in this order: the {what} is written between"
            " them"
        )
    return f"{text[: text.index(begin)]}{begin}\n{between}\n{text[text.index(end) :]}"


def documents(root: Path, run: str, project: Path = PROJECT_ROOT) -> dict[str, str]:
    """Path of each document -> its text as the results of a run give it.

    Args:
        root: the run's folder.
        run: its name in the text, relative to the project.
        project: the folder with the documents.

    Raises:
        ReadmeError: the run or a mark is missing.
    """
    if not root.is_dir():
        raise ReadmeError(f"{run} is no folder. Name a run's, such as outputs/thesis")
    readme = (project / "README.md").read_text(encoding="utf-8")
    for what, between in (
        ("answer", _answer(root, run)),
        ("commands", _commands(project)),
        ("gallery", _gallery(run)),
    ):
        readme = written(readme, what, between)
    findings = (project / "docs" / "findings.md").read_text(encoding="utf-8")
    return {"README.md": readme, "docs/findings.md": written(findings, "findings", _findings(root, run))}


def write(root: Path, run: str, project: Path = PROJECT_ROOT) -> list[Path]:
    """Write the documents and their pictures; raises like :func:`documents`."""
    paths = [files.write_text(project / name, text) for name, text in documents(root, run, project).items()]
    folder = project / PICTURES
    for name, text in badges(project).items():
        paths.append(files.write_text(folder / name, text))
    drawn = answer_picture(root)
    if drawn is not None:
        with files.replacing(project / ANSWER) as draft:
            drawn.savefig(draft, format="png", dpi=110, metadata={SOURCE: answer_digest(root), "Software": None})
        paths.append(project / ANSWER)
    for name, (figure, *_) in GALLERY.items():
        if figure and (root / figure).is_file():
            paths.append(_thumbnail(root / figure, folder / f"{name}.png", UPPER.get(name, 1.0)))
    return paths


def badges(project: Path = PROJECT_ROOT) -> dict[str, str]:
    """File name -> badge as SVG: which versions of Python, which licence; no host is asked for them."""
    about = _project(project)
    low, high = (part.strip().lstrip(">=<") for part in about["requires-python"].split(","))
    first, end = (int(version.split(".")[1]) for version in (low, high))
    versions = " | ".join(f"3.{minor}" for minor in range(first, end))
    return {"python.svg": _badge("python", versions), "licence.svg": _badge("licence", about["license"])}


def answer_picture(root: Path) -> Any:
    """R2 of every network beside no model's, and skill with its interval; None if the run evaluated no network."""
    from lib import figures

    rows = _drawn(root)
    if rows is None:
        return None
    key = ["part", "reading", "ticker", "model"]
    return figures.answer(rows.drop(columns=["r2", "r2_naive"]), rows[[*key, "r2", "r2_naive"]], "test days")


def answer_digest(root: Path) -> str:
    """Digest of the numbers in :func:`answer_picture`, by which it is known whether it still shows them."""
    rows = _drawn(root)
    return "" if rows is None else hashlib.sha256(rows.to_csv(index=False, float_format="%.6g").encode()).hexdigest()


def _drawn(root: Path) -> pd.DataFrame | None:
    found, scores = answer.networks(root), root / "tables" / "skill.csv"
    if found is None or not scores.is_file():
        return None
    r2 = files.read_table(scores)
    r2 = r2[(r2["part"] == "test") & (r2["reading"] == "close")].rename(columns={"R2": "r2", "R2_naive": "r2_naive"})
    shown = ["part", "reading", "ticker", "model", "skill", "skill_lower", "skill_upper", "verdict"]
    return answer.first(found)[shown].merge(r2[["ticker", "model", "r2", "r2_naive"]], on=["ticker", "model"])


def _project(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository(project: Path) -> str:
    """The repository's public address, which is written once, in ``pyproject.toml``; empty until it is known."""
    return str(_project(project).get("urls", {}).get("Repository", ""))


def _badge(name: str, value: str) -> str:
    left, right = (round(6.7 * len(text)) + 14 for text in (name, value))
    style = 'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" text-anchor="middle"'
    texts = (f'<text x="{x:g}" y="14">{text}</text>' for x, text in ((left / 2, name), (left + right / 2, value)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="{name}: {value}"><rect width="{left + right}" height="20" rx="3" fill="#0b57a4"/>'
        f'<path d="M3 0h{left - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444c56"/>'
        f"<g {style}>{''.join(texts)}</g></svg>\n"
    )


def _answer(root: Path, run: str) -> str:
    said = [f"{number}. {markdown.plain(words)}" for number, words in enumerate(answer.sentences(root), start=1)]
    if not said:
        return f"[{run}]({run}/README.md) holds no results yet, so nothing is claimed here."
    parts = ["\n".join(said)]
    if _drawn(root) is not None:
        title = "R2 of each network beside that of no model, and its skill with its 95 % interval, test days"
        parts.insert(0, f"[![{title}]({ANSWER})]({run}/evaluation.md)")
    rows = [
        (row.claim, row.printed, row.ours, row.naive, row.verdict, f"[why]({run}/{row.page})")
        for row in answer.rows(root)
    ]
    parts.append(markdown.table(["claim", "printed", "ours", "naive", "verdict", ""], rows, raw=(5,)))
    return "\n\n".join([*parts, f"All: [results]({run}/README.md)."])


def _commands(project: Path) -> str:
    """The commands, with the repository's address as ``pyproject.toml`` has it, once it is public."""
    address = repository(project) or "ADDRESS-OF-THIS-REPOSITORY"
    return "\n".join(
        [
            "```",
            f"git clone {address} crypto-thesis && cd crypto-thesis",
            "python -m venv .venv && source .venv/bin/activate        # Windows: .venv\\Scripts\\activate",
            "pip install -r requirements.txt && python run_all.py",
            "pip install -r requirements.txt && python -m pytest",
            "```",
        ]
    )


def _gallery(run: str) -> str:
    cells = [
        f"[![]({PICTURES}/{name}.png)<br>{words}]({where.format(run=run)})"  # its words are the link's already
        for name, (_, words, where) in GALLERY.items()
    ]
    lines = [cells[:3], ["---"] * 3, cells[3:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _findings(root: Path, run: str) -> str:
    from lib import ledger

    frame = answer.ledger_of(root)
    if frame is None:
        return f"[{run}](../{run}/README.md) holds no ledger yet, so nothing is claimed here."
    found = answer.networks(root)
    page, identities = f"../{run}/ledger.md", set(frame["id"])
    said = [ledger_section.linked(finding, identities, page) for finding in ledger.findings(frame)]
    if found is not None:
        what = f"[Evaluation](../{run}/evaluation.md), with what the words for days and training mean."
        said.append(f"{markdown.plain(tables.networks_in_words(found))} {what}")
    words = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(said, start=1))
    return (
        f"{words}\n\n{ledger.in_words(frame, ledger.error_rate(root))} All of it, and what each word means:"
        f" [ledger]({page}). Written by `{COMMAND} {run}`."
    )


def _thumbnail(figure: Path, place: Path, upper: float) -> Path:
    """A small picture of the upper share of a figure on white, which knows the digest of the figure."""
    from PIL import Image
    from PIL.Image import open as picture_of
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text(SOURCE, files.sha256(figure))
    with picture_of(figure) as whole:
        small = whole.convert("RGB")
    small = small.crop((0, 0, small.width, round(small.height * upper)))
    small.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    ground = Image.new("RGB", THUMBNAIL, "white")
    ground.paste(small, ((THUMBNAIL[0] - small.width) // 2, (THUMBNAIL[1] - small.height) // 2))
    with files.replacing(place) as draft:
        ground.quantize(96).save(draft, format="PNG", optimize=True, pnginfo=about)
    return place
