"""On what numbers were computed: they are equal to the last bit only where this is equal."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
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
    return ", ".join([cpu(), *(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "tensorflow"))])


def elsewhere(made: Iterable[str | None], what: str) -> str | None:
    """A sentence if earlier results were made on another machine than this; None if not. One that names no machine says
    nothing.
    """
    others = Counter(name for name in made if name and name != made_on())
    if not others:
        return None
    return (
        f"{'; '.join(f'{count} {what} made on {name}' for name, count in others.items())} are kept and used; this is"
        f" {made_on()}. The last"
        " digits, and with them trainings, may differ between the two, so that neither repeats this table alone. For"
        " one machine's results"
        " take another output_dir"
    )


def tally(before: Iterable[str | None], new: int) -> dict[str, Any]:
    """What a record keeps of the trainings behind a notebook's numbers.

    Args:
        before: where each training was made that the notebook found finished, by an earlier start or by another
            notebook of
            this one; None where that is not known.
        new: how many it made itself, here.

    Returns:
        ``new``, ``kept`` (how many of each) and ``made_on`` (where, each once).
    """
    old = list(before)
    return {
        "new": new,
        "kept": len(old),
        "made_on": sorted({name for name in old if name} | ({made_on()} if new else set())),
    }


def versions() -> dict[str, str]:
    """Python and the packages that a result's last bits come from."""
    found = {"Python": platform.python_version()}
    for name in ARITHMETIC:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def differences(run: Mapping[str, Any], notebook: str, trained_on: Iterable[str] = ()) -> list[str]:
    """In what this machine differs from the one that a notebook of ``run.json`` ran on; empty if equal bits are to be
    expected.

    Notebooks of one folder may have run on different days and machines; where one names no processor or versions, the
    run's count.

    Args:
        trained_on: where the trainings were made that the notebook found finished, as :func:`made_on` names it.
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
