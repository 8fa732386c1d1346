"""Files that are written whole or not at all, and read back by their digest.

A file is drafted beside its place and moved there, so that a killed run leaves no half file.
This room imports nothing heavy: the runner and the price cache use it too.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lib.errors import ProjectError


class FileError(ProjectError):
    """A file cannot be written, or not be read."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside ``path`` that takes its place when the block ends without an error.

    Raises:
        FileError: the place cannot be written (full disk, no permission).
    """
    draft = path.with_name(f".{os.getpid()}-{threading.get_native_id()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _to_disk(draft)  # or a power cut could leave the new name on an empty file
        os.replace(draft, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    with path.open("r+b") as draft:  # Windows flushes what is open for writing only
        os.fsync(draft.fileno())


def unwritable(path: Path, error: OSError) -> FileError:
    """The sentence about a file that cannot be written."""
    return FileError(
        f"cannot write {path}: {error.strerror or error}. Free space or choose another output_dir;"
        " what was finished is kept"
    )


def write_text(path: Path, text: str) -> Path:
    """Write a text file as a whole or not at all."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")  # the same bytes, and so digest, everywhere
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write JSON as a whole or not at all."""
    return write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_records(root: Path, damaged: list[str] | None = None) -> dict[str, Mapping[str, Any]]:
    """All notebooks' records of a run, by notebook name; drafts that a killed run left are passed over.

    Args:
        damaged: if given, a damaged record is left out and a sentence about it is added here.

    Raises:
        FileError: one is damaged, and ``damaged`` is not given; says which and what to do.
    """
    found = {}
    for path in sorted(p for p in (root / "records").glob("*.json") if not p.name.startswith(".")):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            sentence = (
                f"{path} is damaged ({error}). Delete it and run its notebook again:"
                f" --only {path.stem.partition('_')[0]}; what was trained is cached"
            )
            if damaged is None:
                raise FileError(sentence) from error
            damaged.append(sentence)
    return found
