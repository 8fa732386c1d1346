"""One run at a time in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lib.errors import ProjectError


class LockError(ProjectError):
    """Another run holds the folder, or the folder cannot be written."""


@contextmanager
def held(root: Path, shown: str) -> Iterator[None]:
    """Hold ``root/.lock`` while the block runs; the system lets go of it when the process ends in whatever way.

    Args:
        root: the run's folder; made if missing.
        shown: the folder's name for messages.

    Raises:
        LockError: another process holds it, or the folder cannot be made or written.
    """
    lock = FileLock(root / ".lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0.3)  # not 0, as --list looks at it for a moment
    except Timeout:
        raise LockError(
            f"another run is writing to {shown}. Wait for it, stop it, or give this one its own folder:"
            " -p output_dir=outputs/NAME"
        ) from None
    except OSError as error:
        raise LockError(
            f"output_dir {shown} cannot be written: {error.strerror or error}. Choose another with -p output_dir=..."
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(root: Path) -> bool:
    """Whether a run is writing to this folder now."""
    if not (root / ".lock").exists():
        return False
    try:
        with FileLock(root / ".lock", timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder where this user may not write: no run of his is in it
        return False
