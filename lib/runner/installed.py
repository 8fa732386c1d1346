"""Whether this Python has what the project needs; imports the standard library only, as nothing else may be there."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).parents[2]  # lib.settings needs packages


PYTHON = (3, 11)  # as pyproject.toml's requires-python says; the lock is made for it


def missing() -> list[str]:
    """Direct dependencies, as ``pyproject.toml`` names them, that this Python lacks."""
    import tomllib  # Python 3.10 has none, and is to be told which Python is needed

    named = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return [name for name in named if not _is_there(re.match(r"[\w.-]+", name)[0])]


def complaint() -> str | None:
    """What a user should do about another Python or missing packages, in sentences; None if all is well."""
    if sys.version_info[:2] != PYTHON:
        return (
            f"This is Python {platform.python_version()}, but the project needs Python {'.'.join(map(str, PYTHON))}: make the environment with that"
            " one (python3.11 -m venv .venv && source .venv/bin/activate), then pip install -r requirements.txt"
        )
    lacking = missing()
    if not lacking:
        return None
    shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
    return (
        f"This Python ({platform.python_version()}) lacks packages that the project needs: {shown}. Activate the environment in which"
        " they were installed (source .venv/bin/activate), or install them: pip install -r requirements.txt, with Python 3.11"
    )


def _is_there(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
