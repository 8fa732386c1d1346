"""Results of dear, independent pieces of work (a training), kept by what they depend on.

A run that was stopped finds its finished pieces here and runs the others. Each result is committed
by itself (SQLite), so that a kill loses only the pieces that were running.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from lib.errors import ProjectError


class KeptError(ProjectError):
    """The file of kept results cannot be read or written."""


class Kept:
    """Results by key in one file. A key that names anything else than before simply is not found.

    Args:
        path: the SQLite file; made at the first use.

    Attributes:
        used: how many of the results used so far were found and where they were made, as ``machine.tally`` gives it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.used = {"new": 0, "kept": 0, "made_on": []}

    def count(self, used: Mapping[str, Any]) -> None:
        """Add to what was used."""
        self.used = {
            name: sorted({*self.used[name], *used[name]}) if name == "made_on" else self.used[name] + used[name]
            for name in self.used
        }

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result that was kept under an equal key, or None."""
        rows = (
            self._run("SELECT result FROM results WHERE key_sha256 = ?", (digest(key),)) if self.path.is_file() else []
        )
        return json.loads(rows[0][0]) if rows else None

    def keep(self, key: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep a result for good; numbers come back to the last bit.

        Args:
            key: everything that the result depends on; JSON-able.
            result: JSON-able.

        Raises:
            KeptError: the file cannot be written (full disk, no permission) or is damaged.
        """
        self._run("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (digest(key), _text(key), json.dumps(result)))

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=60)) as base, base:
                base.execute("CREATE TABLE IF NOT EXISTS results (key_sha256 TEXT PRIMARY KEY, key TEXT, result TEXT)")
                return base.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise KeptError(
                f"the file of kept results {self.path} cannot be used ({error}). Free space, make its folder writable, or move a"
                " damaged file away; what was finished in it is kept"
            ) from error


def digest(key: Mapping[str, Any]) -> str:
    """The same for equal keys, whatever the order of their names."""
    return hashlib.sha256(_text(key).encode()).hexdigest()


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
