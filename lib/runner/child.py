"""One notebook's process, seen from outside: starting it, reading where it is, stopping all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.progress import FILE_VARIABLE
from lib.settings import PROJECT_ROOT


def environment(progress_file: Path) -> dict[str, str]:
    """What the process and its kernel see: this tree's ``lib``, a fixed hash seed."""
    path = [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        FILE_VARIABLE: str(progress_file),
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONPATH": os.pathsep.join(p for p in path if p),
    }


class Child:
    """The process that executes one notebook, and through it the kernel.

    Args:
        name: the notebook's name.
        job: what ``lib.runner.execute`` needs to know; ``state`` and ``gate`` are added here.
        work: a folder for the files that pass between the processes.
    """

    def __init__(self, name: str, job: Mapping[str, Any], work: Path):
        self.name, self.work = name, work
        self._job, self._state, self._inner = (work / f"{name}.{kind}" for kind in ("job", "state", "progress"))
        self.log = work / f"{name}.log"
        self.job = {**job, "state": str(self._state), "gate": str(work / "gate")}
        self._job.write_text(json.dumps(self.job), encoding="utf-8")
        with self.log.open("wb") as log:
            # The pipe to its stdin is never written to: when this process dies it closes, and the child sees that.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.runner.execute", str(self._job)],
                cwd=PROJECT_ROOT,
                env=environment(self._inner),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def state(self) -> dict[str, Any]:
        """The newest state that the process left: kernel, cell, cells, error and so on."""
        return _read(self._state)

    def inner(self) -> dict[str, Any]:
        """The present cell's own progress: fraction, text, note; empty if it tells none."""
        return _read(self._inner)

    def ended(self) -> bool:
        """Whether the process is over. What its kernel may have left running is then ended too."""
        if self.process.poll() is None:
            return False
        self._kill_groups()
        return True

    def last_words(self) -> str:
        """The last line of what the process itself wrote, for a death without an error."""
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else ""

    def salvage(self, error: Mapping[str, Any]) -> dict[str, Any]:
        """Keep and render what a dead process had executed so far; returns the state after that."""
        self._job.write_text(json.dumps({**self.job, "salvage": dict(error)}), encoding="utf-8")
        with self.log.open("ab") as log, suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "lib.runner.execute", str(self._job)],
                cwd=PROJECT_ROOT,
                env=environment(self._inner),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=120,
            )
        return self.state()

    def terminate(self) -> None:
        """Ask it to end; it ends its kernel first."""
        with suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self, grace_seconds: float) -> None:
        """Wait so long for it to end, then end it and its kernel by force."""
        until = time.monotonic() + grace_seconds
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        self._kill_groups()
        self.process.wait()

    def _kill_groups(self) -> None:
        for leader in (self.process.pid, self.state().get("kernel")):
            if leader:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(leader, signal.SIGKILL)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
