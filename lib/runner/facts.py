"""``run.json``: from what, by what and when a run was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.provenance import git
from lib.results import machine
from lib.runner.plan import Notebook
from lib.settings import PROJECT_ROOT

BLANK = {
    "status": "waiting",
    "started": None,
    "finished": None,
    "seconds": None,
    "peak_memory_mb": None,
    "rendered": None,
    "error": None,
    "cpu": None,  # the processor that it ran on
    "versions": None,  # of Python and of the packages that last bits come from
}


def now() -> str:
    """This moment, UTC, as ``2025-01-19T12:00:00.000+00:00``; milliseconds, so that order can be told."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_earlier(root: Path) -> dict[str, Any]:
    """``run.json`` of an earlier run in this folder; empty if there is none that can be read."""
    try:
        found = json.loads((root / "run.json").read_text(encoding="utf-8"))
        return found if isinstance(found.get("notebooks"), dict) else {}
    except (OSError, ValueError, AttributeError):
        return {}


def describe(
    notebooks: Sequence[Notebook],
    selected: Sequence[Notebook],
    parameters: Mapping[str, Any],
    overrides: Sequence[str],
    parameter_file: Path,
    jobs: int,
    earlier: Mapping[str, Any],
    only: Sequence[str] = (),
    start: str | None = None,
) -> dict[str, Any]:
    """Everything about a run that is known at its start; entries of notebooks not selected are kept from before.

    Args:
        only, start: as ``--only`` and ``--from`` were typed.
    """
    chosen = {n.name for n in selected}
    entries = {}
    for n in notebooks:
        before = earlier.get("notebooks", {}).get(n.name)
        kept = {**BLANK, "status": "not selected", **(before or {})}
        if kept["status"] in ("running", "waiting"):
            kept["status"] = "stopped"
        entry = dict(BLANK) if n.name in chosen else kept
        entries[n.name] = {**entry, "title": n.title, "question": n.question}
    return {
        "started": now(),
        "finished": None,
        "wall_seconds": None,
        "result": "running",
        "earlier_runs": _earlier_runs(earlier),
        "parameter_file": _shown(parameter_file),
        "overrides": list(overrides),
        "selected": sorted(chosen),
        "only": list(only),
        "from": start,
        "parameters": dict(parameters),
        "seeds": {"run": parameters["seed"]},
        "threads": parameters["threads"],
        "data": {},
        "code": code_version(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "platform": " ".join([platform.system(), platform.machine(), *platform.libc_ver()]).strip(),
        "cpu": machine.cpu(),
        "cores": cores(),
        "jobs": jobs,
        "device": "CPU",
        "peak_memory_mb": None,
        "notebooks": entries,
    }


def _earlier_runs(earlier: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What runs in this folder before took, oldest first: a later run of some notebooks must not hide the whole one's time."""
    if not earlier.get("started"):
        return []
    told = (
        "started",
        "finished",
        "wall_seconds",
        "result",
        "selected",
        "only",
        "from",
        "overrides",
        "peak_memory_mb",
        "code",
    )
    entries = earlier.get("notebooks", {})
    each = {
        name: {k: entries[name].get(k) for k in ("status", "seconds", "peak_memory_mb", "cpu")}
        for name in earlier.get("selected") or ()
        if name in entries
    }
    return [
        *earlier.get("earlier_runs", []),
        {name: earlier[name] for name in told if name in earlier} | {"notebooks": each},
    ]


def gather(run: dict[str, Any], records: Mapping[str, Mapping[str, Any]]) -> None:
    """Take what the notebooks noted into ``run``: digests of the data, their own seeds, the device, the largest memory."""
    run["peak_memory_mb"] = max(
        (e["peak_memory_mb"] for e in run["notebooks"].values() if e.get("peak_memory_mb")), default=None
    )
    for notebook, record in records.items():
        if record["facts"].get("seeds"):
            run["seeds"][notebook] = record["facts"]["seeds"]
        for ticker, fact in (record["facts"].get("data") or {}).items():
            run["data"][ticker] = fact
        run["device"] = record["facts"].get("device") or run["device"]


def code_version() -> dict[str, Any]:
    """Commit, whether anything that steers a run differs from it, and a digest of the sources.

    ``commit`` is None where the project is not a git work tree of its own; ``sha256`` covers
    lib/, notebooks/ and run_all.py and is there in any case.
    """
    parts = ("lib", "notebooks", "run_all.py", "params", "pyproject.toml", "requirements.txt")
    top = git.ask("rev-parse", "--show-toplevel")
    own = top is not None and Path(top).resolve() == PROJECT_ROOT
    status = git.ask("status", "--porcelain", "--", *parts) if own else None
    return {
        "commit": git.ask("rev-parse", "HEAD") if own else None,
        "changed": bool(status),
        "sha256": source_digest(PROJECT_ROOT),
    }


def source_digest(root: Path) -> str:
    """SHA-256 over names and bytes of the sources below ``root``, the same for the same sources anywhere."""
    files = [root / "run_all.py", *(p for folder in ("lib", "notebooks") for p in (root / folder).rglob("*"))]
    endings = {".py", ".ipynb", ".csv", ".yaml", ".json"}
    digest = hashlib.sha256()
    for path in sorted(p for p in files if p.is_file() and p.suffix in endings and ".ipynb_checkpoints" not in p.parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of the direct dependencies that pyproject.toml lists."""
    listed = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    found = {}
    for name in sorted((re.match(r"[\w.-]+", entry)[0] for entry in listed), key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else path.name
