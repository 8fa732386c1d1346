"""The folder of a run: its ``run.json``, records, tables and committed files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lib.errors import ProjectError
from lib.provenance import git
from lib.report import results_page
from lib.results import files
from lib.settings.places import PROJECT_ROOT


class ProvenanceError(ProjectError):
    """The folder is not that of a run, or cannot be checked as asked."""


@dataclass(frozen=True)
class Folder:
    """A run's folder.

    Attributes:
        root: the folder, with ``run.json``.
        project: the folder with ``lib/``, ``notebooks/`` and ``params/``.
    """

    root: Path
    project: Path = PROJECT_ROOT

    @cached_property
    def run(self) -> dict[str, Any]:
        """``run.json``; raises :class:`FileError` if it is missing or damaged."""
        return files.read_run(self.root)

    @cached_property
    def records(self) -> dict[str, Mapping[str, Any]]:
        """The notebooks' records."""
        return files.read_records(self.root)

    @property
    def name(self) -> str:
        """The folder for people: relative to the project if it lies there."""
        root, project = self.root.resolve(), self.project.resolve()
        return root.relative_to(project).as_posix() if root.is_relative_to(project) else root.name

    @cached_property
    def committed(self) -> list[str]:
        """Its files in git's index; before the first commit those that a commit would take."""
        there = (p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())
        return git.tracked(self.root, self.project) or sorted(p for p in there if results_page.is_committed_kind(p))

    @property
    def command(self) -> str:
        """The command that makes all of the run's results."""
        return results_page.whole_command_of(self.run)

    def path(self, table: str) -> Path:
        """Where a table lies, by its name such as ``table_4_1``."""
        return self.root / "tables" / f"{table}.csv"

    def has(self, *tables: str) -> bool:
        """Whether all of these tables are here."""
        return all(self.path(table).is_file() for table in tables)

    def table(self, name: str) -> pd.DataFrame:
        """A committed table with every number to its last bit, as pandas reads it since version 3."""
        return files.read_table(self.path(name))

    def listings(self, tickers: Iterable[str]) -> dict[str, Path]:
        """Ticker -> its listing of trials, of those that are here."""
        paths = {ticker: self.root / "appendix" / f"{ticker}_trials.csv" for ticker in tickers}
        return {ticker: path for ticker, path in paths.items() if path.is_file()}
