"""``run.json``: from what, by what and when a run was made."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib import installed
from lib.provenance import git
from lib.results import files, machine
from lib.settings import PROJECT_ROOT, scheduler_address

if TYPE_CHECKING:
    from lib.runner.order import Order

SOURCES = ("lib", "notebooks", "run_all.py", "params", "pyproject.toml", "requirements.txt")
# Of a notebook; ``cpu`` and ``versions`` (of Python and packages) are those that its last bits come from.
OF_NOTEBOOKS = ("started", "finished", "seconds", "peak_memory_mb", "rendered", "error", "cpu", "versions")
OF_EARLIER_RUNS = (
    *("started", "finished", "wall_seconds", "result", "selected", "only", "from"),
    *("overrides", "peak_memory_mb", "code"),
)


def now() -> str:
    """This moment, UTC, as ``2025-01-19T12:00:00.000+00:00``; milliseconds, so that their order shows."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shown(path: Path) -> str:
    """A path for people: relative to the project if it lies there."""
    path = path.resolve()
    return path.relative_to(PROJECT_ROOT).as_posix() if path.is_relative_to(PROJECT_ROOT) else str(path)


def read_earlier(root: Path) -> dict[str, Any]:
    """``run.json`` of an earlier run in this folder; empty if there is none that can be read."""
    try:
        found = files.read_run(root, whole=False)
        return found if "notebooks" in found else {}
    except files.FileError:
        return {}


def describe(order: Order, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a run that is known at its start; entries of notebooks not selected stay as they were."""
    parameters, file = order.chosen.plain(), shown(order.parameter_file)
    return {
        "started": now(),
        "finished": None,
        "wall_seconds": None,
        "result": "running",
        "earlier_runs": _earlier_runs(earlier),
        "parameter_file": file if not Path(file).is_absolute() else order.parameter_file.name,
        "overrides": list(dict.fromkeys(text.partition("=")[0] for text in order.overrides)),
        "selected": sorted(n.name for n in order.selected),
        "only": list(order.only),
        "from": order.start,
        "parameters": parameters,
        "seeds": {"run": parameters["seed"]},
        "threads": parameters["threads"],
        "scheduler": scheduler_address(order.chosen.scheduler),
        "data": {},
        "code": code_version(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "platform": " ".join([platform.system(), platform.machine(), *platform.libc_ver()]).strip(),
        "cpu": machine.cpu(),
        "cores": cores(),
        "jobs": order.jobs,
        "device": "CPU",
        "peak_memory_mb": None,
        "notebooks": _entries(order, earlier.get("notebooks", {})),
    }


def _entries(order: Order, before: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    entries = {}
    for n in order.notebooks:
        entry = {"status": "waiting", **dict.fromkeys(OF_NOTEBOOKS)}
        if n not in order.selected:
            entry.update({"status": "not selected", **before.get(n.name, {})})
            if entry["status"] in ("running", "waiting"):
                entry["status"] = "stopped"  # by force, or it would have said so itself
        entries[n.name] = {**entry, "title": n.title, "question": n.question}
    return entries


def _earlier_runs(earlier: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What earlier runs in this folder took, oldest first: a run of some notebooks must not hide the whole one's."""
    if not earlier.get("started"):
        return []
    entries = {name: earlier["notebooks"].get(name, {}) for name in earlier.get("selected") or ()}
    each = {n: {k: e.get(k) for k in ("status", "seconds", "peak_memory_mb", "cpu")} for n, e in entries.items() if e}
    run = {name: earlier[name] for name in OF_EARLIER_RUNS if name in earlier}
    return [*earlier.get("earlier_runs", []), {**run, "notebooks": each}]


def gather(run: dict[str, Any], records: Mapping[str, Mapping[str, Any]]) -> None:
    """Take what the notebooks noted into ``run``: digests of the data, seeds, the device, the largest memory."""
    peaks = [e["peak_memory_mb"] for e in run["notebooks"].values() if e.get("peak_memory_mb")]
    run["peak_memory_mb"] = max(peaks, default=None)
    for notebook, record in records.items():
        if record["facts"].get("seeds"):
            run["seeds"][notebook] = record["facts"]["seeds"]
        run["data"].update(record["facts"].get("data") or {})
        run["device"] = record["facts"].get("device") or run["device"]


def code_version() -> dict[str, Any]:
    """Commit, whether anything that steers a run differs from it, and a digest of the sources.

    ``commit`` is None where the project is not a git work tree of its own; ``sha256`` covers
    lib/, notebooks/ and run_all.py and is there in any case.
    """
    top = git.ask("rev-parse", "--show-toplevel")
    own = top is not None and Path(top).resolve() == PROJECT_ROOT
    return {
        "commit": git.ask("rev-parse", "HEAD") if own else None,
        "changed": bool(own and git.ask("status", "--porcelain", "--", *SOURCES)),
        "sha256": source_digest(PROJECT_ROOT),
    }


def source_digest(root: Path) -> str:
    """SHA-256 over names and bytes of the sources below ``root``, the same for the same sources anywhere."""
    paths = [root / "run_all.py", *(p for folder in ("lib", "notebooks") for p in (root / folder).rglob("*"))]
    endings = {".py", ".ipynb", ".csv", ".yaml", ".json"}
    digest = hashlib.sha256()
    for path in sorted(p for p in paths if p.is_file() and p.suffix in endings and ".ipynb_checkpoints" not in p.parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of the direct dependencies that pyproject.toml lists."""
    return {name: version or "not installed" for name, version in installed.versions().items()}
