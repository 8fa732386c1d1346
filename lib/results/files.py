"""Files that are written whole or not at all, and read back by their digest.

A file is drafted beside its place and moved there, so that a killed run leaves no half file.
This room imports nothing heavy: the runner and the price cache use it too.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lib.errors import ProjectError

if TYPE_CHECKING:
    import pandas as pd


OTHER_FOLDER = "choose another output_dir"
_DRAFT = ".draft-"
_DRAFT_SECONDS = 60.0  # no file takes longer to be written; an older draft was left by a process that was killed


class FileError(ProjectError):
    """A file cannot be written, or not be read."""


@contextmanager
def replacing(path: Path, instead: str = OTHER_FOLDER) -> Iterator[Path]:
    """A draft beside ``path`` that takes its place when the block ends without an error.

    Args:
        instead: how another place is chosen, for the error.

    Raises:
        FileError: the place cannot be written (full disk, no permission).
    """
    # By chance, as two containers or machines on one disk may have processes of the same number.
    draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _to_disk(draft)  # or a power cut could leave the new name on an empty file
        os.replace(draft, path)
    except OSError as error:
        raise unwritable(path, error, instead) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    with path.open("r+b") as draft:  # Windows flushes what is open for writing only
        os.fsync(draft.fileno())


def unwritable(path: Path, error: OSError, instead: str = OTHER_FOLDER) -> FileError:
    """The sentence about a file that cannot be written; ``instead`` says how another place is chosen."""
    return FileError(
        f"cannot write {path}: {error.strerror or error}. Free space or {instead}; what was finished is kept"
    )


def drop_drafts(root: Path) -> None:
    """Remove what processes that were killed in the middle of writing left in a folder and below it."""
    for path in root.rglob(f"{_DRAFT}*"):
        with suppress(OSError):  # gone already
            if path.is_file() and time.time() - path.stat().st_mtime > _DRAFT_SECONDS:
                path.unlink()


def write_text(path: Path, text: str) -> Path:
    """Write a text file as a whole or not at all."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")  # the same bytes, and so digest, everywhere
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write JSON as a whole or not at all."""
    return write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-able content with a digest of itself, which :func:`check_seal` compares."""
    return {**content, "seal": _digest(content)}


def check_seal(content: Mapping[str, Any]) -> None:
    """Raise ValueError if content is not as it was sealed; what was written without a seal is taken as it is."""
    if "seal" in content and content["seal"] != _digest({k: v for k, v in content.items() if k != "seal"}):
        raise ValueError("its content does not have the digest in seal")


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(p for p in (root / "records").glob("*.json") if not p.name.startswith(".")):
        try:
            found[path.stem] = read_record(path)
        except FileError as error:
            if damaged is None:
                raise
            damaged.append(str(error))
    return found


def read_record(path: Path) -> dict[str, Any]:
    """One notebook's record, with every part that readers ask for.

    Raises:
        FileError: it is missing or damaged; says what to do.
    """
    try:
        return {"finished": "", "facts": {}, **read_as(_Record, path)}
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path} is damaged ({error}). Delete it and run its notebook again:"
            f" --only {path.stem.partition('_')[0]}; what was trained is cached"
        ) from error


def read_run(root: Path, whole: bool = True) -> dict[str, Any]:
    """``run.json`` of a run's folder.

    Args:
        whole: it must have everything that a page shows. Otherwise only what is there must be of the right kind.

    Raises:
        FileError: it is missing or damaged; says what to do.
    """
    try:
        return {"data": {}, **read_as(_WholeRun if whole else _Run, root / "run.json")}
    except (OSError, ValueError) as error:
        raise FileError(
            f"{root.name}/run.json is missing or unreadable ({error}). Make it with python run_all.py, or name a run's"
            " folder, such as outputs/thesis"
        ) from None


def read_as(shape: type[BaseModel], path: Path) -> dict[str, Any]:
    """A JSON file whose content has a shape, as it stands there.

    Raises:
        OSError: it is missing, or cannot be opened.
        ValueError: it is no JSON, or has another shape; one line says where.
    """
    content = read_json(path)
    try:
        shape.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where or 'its content'}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
    return content


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises OSError or ValueError like :func:`read_as`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("its lists are nested too deeply") from None


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file as text, the heading first.

    Raises:
        FileError: it is missing or damaged; says what to do.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged_table(path, error) from error


def read_table(path: Path, **options: Any) -> pd.DataFrame:
    """A table of a run as pandas reads it; ``options`` are those of ``pandas.read_csv``.

    Raises:
        FileError: it is missing or damaged; says what to do.
    """
    import pandas as pd  # not before it is needed: the runner starts without it

    try:
        return pd.read_csv(path, **options)
    except (OSError, ValueError) as error:  # pandas's own errors about content are ValueErrors
        raise _damaged_table(path, error) from error


def _damaged_table(path: Path, error: Exception) -> FileError:
    why = " ".join(str(error).split())
    return FileError(f"{path.parent.name}/{path.name} cannot be read ({why}). Run its notebook again")


class _Kept(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Made(_Kept):
    path: Annotated[str, Field(pattern=r"^[^/\\].*$")]
    kind: str
    title: str
    sha256: str

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if ".." in PurePosixPath(path).parts:
            raise ValueError("it leads out of the run's folder")
        return path


class _Prices(_Kept):
    sha256: str


class _Facts(_Kept):
    data: dict[str, _Prices] = {}
    manifest: dict[str, str] = {}
    manifest_verdict: dict[str, str] = {}
    device: str = ""


class _Record(_Kept):
    made: list[_Made]
    finished: str = ""
    parameters: dict[str, Any] = {}
    facts: _Facts = _Facts()


class _Entry(_Kept):
    status: str = ""
    title: str = ""
    question: str | None = None
    started: str | None = None
    finished: str | None = None
    seconds: float | None = None
    peak_memory_mb: float | None = None
    error: dict[str, Any] | None = None


class _Start(_Kept):
    started: str = ""
    finished: str | None = None
    wall_seconds: float | None = None
    result: str = ""
    selected: list[str] = []
    only: list[str] = []
    overrides: list[str] = []
    notebooks: dict[str, _Entry] = {}


class _Run(_Start):
    earlier_runs: list[_Start] = []
    parameters: dict[str, Any] = {}
    data: dict[str, _Prices] = {}
    packages: dict[str, str] = {}


class _Code(_Kept):
    commit: str | None
    changed: bool
    sha256: str


class _Seeds(_Kept):
    run: int


class _WholeRun(_Run):
    """With every fact that is known of any run of ours."""

    started: str
    finished: str | None
    wall_seconds: float | None
    result: str
    overrides: list[str]
    notebooks: dict[str, _Entry]
    parameters: dict[str, Any]
    packages: dict[str, str]
    seeds: _Seeds
    parameter_file: str
    code: _Code
    python: str
    platform: str
    cores: int
    jobs: int
    threads: int
    device: str
