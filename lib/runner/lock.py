"""One run at a time in one folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lib.errors import ProjectError


class LockError(ProjectError):
    """Another run holds the folder, or the folder cannot be written."""


@contextmanager
def held(root: Path, shown: str) -> Iterator[None]:
    """Hold ``root/.lock`` while the block runs. A lock whose process is gone counts for nothing.

    The operating system lets go of the lock when its process ends in whatever way, so none can
    stay behind; the number in the file is only there to be named.

    Args:
        root: the run's folder; made if missing.
        shown: the folder's name for messages.

    Raises:
        LockError: another process holds it, or the folder cannot be made or written.
    """
    path = root / ".lock"
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = _take(path, shown)
    except OSError as error:
        raise LockError(
            f"output_dir {shown} cannot be written: {error.strerror or error}. Choose another with -p output_dir=..."
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def is_held(root: Path) -> bool:
    """Whether a run is writing to this folder now."""
    try:
        handle = os.open(root / ".lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _take(path: Path, shown: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 64).decode().strip() or "unknown"
            os.close(handle)
            raise LockError(
                f"another run (process {holder}) is writing to {shown}. Wait for it, stop it,"
                " or give this one its own folder: -p output_dir=outputs/NAME"
            ) from None
        with suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == path.stat().st_ino:
                os.ftruncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
                return handle
        os.close(handle)  # its former holder removed it between our two steps: try again
