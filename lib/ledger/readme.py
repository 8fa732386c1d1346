"""The findings on the first screen of the project's README, written from the committed ledger."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lib.errors import ProjectError
from lib.ledger.findings import findings, in_words
from lib.ledger.trace import error_rate, read
from lib.results import files

COMMAND = "python -m lib.ledger readme"
BEGIN, END = "<!-- findings: begin -->", "<!-- findings: end -->"


class ReadmeError(ProjectError):
    """There is no such run, or the README has no place for its findings."""


def block(frame: pd.DataFrame | None, run: str, rates: pd.DataFrame | None = None) -> str:
    """What stands between the two marks.

    Args:
        frame: the ledger with its verdicts, or None if the run has none.
        run: the run's folder, relative to the project.
        rates: see :func:`lib.ledger.findings.by_chance`.
    """
    if frame is None:
        return (
            f"[{run}]({run}/README.md) holds no ledger yet, so nothing is claimed here. With one, `{COMMAND} {run}`"
            " writes its findings."
        )
    words = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(findings(frame), start=1))
    return (
        f"{words}\n\n{in_words(frame, rates)} All of it, and what each word means:"
        f" [{run}]({run}/README.md#which-of-the-thesiss-numbers-stand). Written by `{COMMAND} {run}`."
    )


def written(text: str, between: str) -> str:
    """The README's text with something else between its marks.

    Raises:
        ReadmeError: it does not have each mark once, in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ReadmeError(
            f"README.md needs the lines {BEGIN} and {END} once each, in this order: the findings are written between"
            " them"
        )
    return f"{text[: text.index(BEGIN)]}{BEGIN}\n{between}\n{text[text.index(END) :]}"


def write(readme: Path, root: Path, run: str) -> Path:
    """Write the findings of a run's ledger into the README.

    Args:
        readme: the file.
        root: the run's folder.
        run: its name in the text, relative to the project.
    """
    if not root.is_dir():
        raise ReadmeError(f"{run} is no folder. Name a run's, such as outputs/thesis")
    place = root / "tables" / "claims.csv"
    frame = read(place) if place.is_file() else None
    return files.write_text(readme, written(readme.read_text(encoding="utf-8"), block(frame, run, error_rate(root))))
