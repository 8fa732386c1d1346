"""On what numbers were computed: they are equal to the last bit only where this is equal."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Their sums and products are what a result's last bits come from.
ARITHMETIC = ("numpy", "pandas", "scikit-learn", "statsmodels", "tensorflow")


def cpu() -> str:
    """The processor's name with family and model, such as ``AMD EPYC (family 25, model 17)``.

    Numerical libraries choose their instructions by it, and with them the last digits.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    known: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            known.setdefault(name.strip(), value.strip())
    name = known.get("model name") or platform.processor() or platform.machine()
    return (
        f"{name} (family {known['cpu family']}, model {known['model']})"
        if {"cpu family", "model"} <= set(known)
        else name
    )


@cache
def made_on() -> str:
    """What a training's last bits come from, beside its threads: processor, numpy and TensorFlow."""
    return ", ".join([cpu(), *(f"{name} {_version(name)}" for name in ("numpy", "tensorflow"))])


def versions() -> dict[str, str]:
    """Python and the packages that a result's last bits come from."""
    found = {"Python": platform.python_version()}
    for name in ARITHMETIC:
        found[name] = _version(name)
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def differences(run: Mapping[str, Any], notebook: str, trained_on: Iterable[str] = ()) -> list[str]:
    """In what this machine differs from the one that a notebook of ``run.json`` ran on; empty if equal bits are to be
    expected.

    Notebooks of one folder may have run on different days and machines; where one names no processor or versions, the
    run's count.

    Args:
        trained_on: where the trainings ran that the notebook found cached, as :func:`made_on` names it.
    """
    entry = run.get("notebooks", {}).get(notebook, {})
    here = {"processor": cpu(), **versions()}
    of_run = {"Python": run.get("python"), **run.get("packages", {})}
    there = {"processor": entry.get("cpu") or run.get("cpu"), **(entry.get("versions") or of_run)}
    found = [
        f"{name} {there.get(name) or 'unknown'} there, {here[name]} here"
        for name in here
        if here[name] != there.get(name)
    ]
    return found + [f"trainings made on {name}" for name in trained_on if name != made_on()]
