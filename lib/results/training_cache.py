"""Trained once, found ever after: the results of trainings, a file a key, shared by every run, notebook and page.

``python -m lib.results.training_cache`` shows its size; ``--clear`` empties it. A file holds plain arrays and one
JSON text, so nothing in it is executed when it is read. It is written whole, so a killed process leaves no half file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lib.results.files import replacing, unwritable
from lib.settings.places import PROJECT_ROOT

FOLDER_VARIABLE = "TRAINING_CACHE"  # names another folder
_INSTEAD = f"name another folder in {FOLDER_VARIABLE}"
_ABOUT, _NAMES = "about", "arrays"  # the JSON text, and in it the names of all arrays: a damaged file may lack some
# What this process has used so far: how many trainings it found and how many it had trained, and on which processors.
USED: dict[str, Any] = {"trained": 0, "cached": 0, "processors": set()}


def folder() -> Path:
    """Where the cache lies: ``.cache/trainings`` in the project, or where the variable TRAINING_CACHE says."""
    return Path(os.environ.get(FOLDER_VARIABLE) or PROJECT_ROOT / ".cache" / "trainings")


def path_of(key: str) -> Path:
    """The file of a key, in one of 256 folders."""
    return folder() / key[:2] / f"{key}.npz"


def read(key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """What was stored under a key, as (JSON-able facts, arrays); None if there is nothing or it is damaged."""
    try:
        with np.load(path_of(key), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
        return (about, arrays) if about.pop(_NAMES) == sorted(arrays) else None
    except Exception:  # whatever a damaged file makes numpy, zipfile or json raise: its result is trained again
        return None


def write(key: str, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Store facts (JSON-able) and arrays under a key.

    Raises:
        FileError: the folder cannot be written (full disk, no permission).
    """
    text = np.frombuffer(json.dumps({**about, _NAMES: sorted(arrays)}).encode(), dtype="uint8")
    with replacing(path_of(key), _INSTEAD) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_ABOUT: text}, **dict(arrays))


def check_writable() -> None:
    """Refuse before a training what would be refused after it.

    Raises:
        FileError: the folder cannot be written (full disk, no permission).
    """
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise unwritable(folder(), error, _INSTEAD) from error


def used(cached: bool, processor: str) -> None:
    """Count one training for the record of a notebook."""
    USED["cached" if cached else "trained"] += 1
    USED["processors"].add(processor)


def size() -> tuple[int, int]:
    """(number of results, bytes)."""
    sizes = [path.stat().st_size for path in folder().glob("*/[!.]*.npz")]  # no drafts that killed processes left
    return len(sizes), sum(sizes)


def clear() -> None:
    """Remove every result."""
    for path in folder().glob("*/*.npz"):
        path.unlink(missing_ok=True)
    for path in folder().glob("*"):
        with suppress(OSError):  # not empty, or no folder
            path.rmdir()


def main(words: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m lib.results.training_cache", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--clear", action="store_true", help="remove every result; they are trained again when asked for"
    )
    given = parser.parse_args(words)
    count, total = size()
    print(f"{count} trainings, {total / 1e6:.1f} MB, in {folder()}")
    if given.clear:
        clear()
        print("removed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
