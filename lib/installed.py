"""Whether this Python has what the project needs; imports the standard library only, as nothing else may be there."""

from __future__ import annotations

import importlib.metadata
import io
import platform
import re
import sys
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def complaint() -> str | None:
    """What to do about another Python or missing packages, in sentences; None if all is well."""
    text = PYPROJECT.read_text(encoding="utf-8")  # read by patterns, as Python 3.10 has no tomllib
    first, end = re.findall(r'requires-python = ">=([\d.]+),<([\d.]+)"', text)[0]
    if not _numbers(first) <= sys.version_info[:2] < _numbers(end):
        return (
            f"This is Python {platform.python_version()}, but the project needs Python {first} or later, before {end}:"
            f" make the environment with that one (python{first} -m venv .venv && source .venv/bin/activate),"
            " then pip install -r requirements.txt"
        )
    lacking = [name for name, version in versions().items() if not version]
    if not lacking:
        return None
    shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
    return (
        f"This Python ({platform.python_version()}) lacks packages that the project needs: {shown}. Activate the"
        " environment in which they were installed (source .venv/bin/activate), or install them:"
        " pip install -r requirements.txt"
    )


def begin() -> None:
    """What every command does first: end with code 2 and a sentence if packages are missing; print to any screen."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not (sys.stdout.encoding or "").lower().startswith("utf"):
        sys.stdout.reconfigure(errors="backslashreplace")  # as Python's stderr; a letter must not end a run
    if sentence := complaint():
        print(sentence, file=sys.stderr)
        sys.exit(2)


def versions() -> dict[str, str | None]:
    """Versions of the direct dependencies that pyproject.toml names; None where one is not installed."""
    text = PYPROJECT.read_text(encoding="utf-8")
    listed = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.M | re.S)[0]
    return {name: _version(name) for name in re.findall(r'^    "([\w.-]+)', listed, re.M)}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
