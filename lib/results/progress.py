"""Progress of long work: one self-updating line on screen, and the newest state for the runner.

In a terminal or a notebook the line overwrites itself (carriage return). When the environment
variable ``RUN_PROGRESS_FILE`` names a file, the newest state is also written there as JSON, so that
``run_all.py`` can show how far the running cell of a notebook is.
"""

from __future__ import annotations

import json
import os
import sys
import time

FILE_VARIABLE = "RUN_PROGRESS_FILE"


def clock(seconds: float) -> str:
    """Seconds as ``0:07`` or ``1:02:03``."""
    minutes, s = divmod(int(round(seconds)), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


class Progress:
    """Counts ``total`` steps of work called ``label`` and says what is done and what is left.

    Use as a context manager; call :meth:`step` after each piece of work. Where steps take unlike times,
    ``work`` is the work of all of them, and each step says how much it was: the time left follows it.
    """

    def __init__(self, label: str, total: int, every_seconds: float = 0.5, work: float | None = None):
        self.label, self.total, self.every, self.work = label, total, every_seconds, total if work is None else work
        self.done = self.worked = 0.0
        self.started, self.shown, self.note, self.width = time.monotonic(), -1e9, "", 0

    def step(self, note: str = "", amount: float = 1.0, work: float | None = None) -> None:
        """One piece (or ``amount`` pieces) of work is done; ``note`` says what came of it."""
        self.done += amount
        self.worked += amount if work is None else work
        self.note = note or self.note
        if time.monotonic() - self.shown >= self.every or self.done >= self.total - 1e-9:
            self._show()

    def _show(self) -> None:
        now = time.monotonic()
        self.shown, spent = now, now - self.started
        left = spent / self.worked * max(0.0, self.work - self.worked) if self.worked else float("nan")
        text = f"{self.label}: {self.done:.0f} of {self.total}, {clock(spent)} spent"
        if self.worked and self.done < self.total - 1e-9:
            text += f", about {clock(left)} left"
        line = f"{text}{', ' + self.note if self.note else ''}"[:140]
        sys.stdout.write("\r" + line.ljust(self.width))
        self.width = len(line)
        sys.stdout.flush()
        _leave(self.worked / self.work if self.work else 1.0, text, self.note)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.write("\n")
        sys.stdout.flush()


def announce(text: str, fraction: float = 0.0) -> None:
    """Say what is waited for, on a line of its own.

    Args:
        fraction: of the whole work that is done before it, for the runner.
    """
    print(text, flush=True)
    _leave(fraction, text, "")


def _leave(fraction: float, text: str, note: str) -> None:
    target = os.environ.get(FILE_VARIABLE)
    if not target:
        return
    draft = f"{target}.{os.getpid()}"
    try:
        with open(draft, "w", encoding="utf-8") as f:
            json.dump({"fraction": min(fraction, 1.0), "text": text, "note": note}, f)
        os.replace(draft, target)
    except OSError:
        pass  # a display must never end the work it shows
