"""Where the project stands, and where paths of parameters lead."""

from __future__ import annotations

import os
from pathlib import Path

ADDRESS_VARIABLE = "DASK_SCHEDULER_ADDRESS"  # Dask's own
PROJECT_ROOT = Path(__file__).resolve().parents[2]
# Folders of the project that hold what people wrote; a run never writes there.
SOURCES = ("lib", "notebooks", "params", "tests", "benchmarks", ".git", ".ci")


def resolve(path: str | Path) -> Path:
    """A path from a parameter, relative to the project's root, wherever the process stands."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else (PROJECT_ROOT / path).resolve()


def output_root(output_dir: str | Path) -> Path:
    """A run's folder. A relative one is taken from the folder in the variable OUTPUT_BASE if that is set."""
    base = os.environ.get("OUTPUT_BASE")
    return resolve(Path(base) / Path(output_dir).expanduser() if base else output_dir)


def scheduler_address(given: str | None) -> str | None:
    """Where trainings are sent: the parameter ``scheduler``, else what the variable names, else None (this machine)."""
    return given or os.environ.get(ADDRESS_VARIABLE) or None


def among_sources(path: Path) -> str:
    """Why results may not be put into a folder: what of the project it is, or nothing if it is free."""
    path = path.resolve()
    for name in SOURCES:
        if any(_same(p, PROJECT_ROOT / name) for p in (path, *path.parents)):
            return f"lies in the project's own folder {name}"
    if _same(path, PROJECT_ROOT):
        return "is the project's own folder"
    return "holds the project itself" if any(_same(path, p) for p in PROJECT_ROOT.parents) else ""


def _same(one: Path, other: Path) -> bool:
    # Asked of the file system, as some take Lib and lib for the same folder.
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False
