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
    ``work`` is the work of all of them, and each step says how much it was: the time left follows it. Where the
    first thing told is a part of a step, such as an epoch, the time left follows from what comes after it: before it
    lies the start of processes, which is not done again.
    """

    def __init__(self, label: str, total: int, every_seconds: float = 0.5, work: float | None = None):
        self.label, self.total, self.every, self.work = label, total, every_seconds, total if work is None else work
        self.done = self.worked = 0.0
        self.started, self.shown, self.text, self.note, self.width = time.monotonic(), -1e9, label, "", 0
        self._since: tuple[float, float] | None = None  # moment and work from which on the time left is reckoned

    def step(self, note: str = "", amount: float = 1.0, work: float | None = None) -> None:
        """One piece (or ``amount`` pieces) of work is done; ``note`` says what came of it."""
        self.done += amount
        self.worked += amount if work is None else work
        self.note = note or self.note
        if self._since is None:
            self._since = (self.started, 0.0) if amount >= 1 else (time.monotonic(), self.worked)
        if time.monotonic() - self.shown >= self.every or self.done >= self.total - 1e-9:
            self._show()

    def _show(self) -> None:
        now = time.monotonic()
        self.shown, spent = now, now - self.started
        text = f"{self.label}: {self.done:.0f} of {self.total}, {clock(spent)} spent"
        since, before = self._since or (now, self.worked)
        ends = None
        if self.worked > before and self.done < self.total - 1e-9:
            left = (now - since) / (self.worked - before) * max(0.0, self.work - self.worked)
            text, ends = f"{text}, about {clock(left)} left", time.time() + left
        line = f"{text}{', ' + self.note if self.note else ''}"[:140]
        sys.stdout.write("\r" + line.ljust(self.width))
        self.width = len(line)
        sys.stdout.flush()
        self.text = text
        _leave(text, self.note, ends)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.write("\n")
        sys.stdout.flush()
        _leave(self.text, self.note)  # without a time left, also if an error ended it


def announce(text: str) -> None:
    """Say what is waited for, on a line of its own."""
    print(text, flush=True)
    _leave(text)


def _leave(text: str, note: str = "", ends: float | None = None) -> None:
    target = os.environ.get(FILE_VARIABLE)
    if not target:
        return
    draft = f"{target}.{os.getpid()}"
    try:
        with open(draft, "w", encoding="utf-8") as f:
            json.dump({"text": text, "note": note, "ends": ends}, f)
        os.replace(draft, target)
    except OSError:
        pass  # a display must never end the work it shows
