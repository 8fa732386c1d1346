"""What one sees of a run: one line per event, and in a terminal below them what runs now and for how long still."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any, TextIO

from lib.results.progress import clock
from lib.runner.schedule import Schedule, Task

LOG_SECONDS = 15.0
STYLES = {"done": "green", "failed": "bold red", "not run": "yellow", "stopped": "yellow"}


def say(text: str, out: TextIO) -> None:
    """Print, and take it as enough if the reader (head, less) has gone before the end."""
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # Whatever is printed later, and Python's own flush at its end, goes nowhere instead of failing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def how_far(task: Task) -> str:
    """Cells begun of all cells, and the running cell's own words."""
    if not task.news.get("cells"):
        return "kernel starts"
    text = f"cell {task.news['cell']} of {task.news['cells']}"
    inner = ", ".join(t for t in (task.inner.get("text"), task.inner.get("note")) if t)
    return f"{text}; {inner}" if inner else text


class Screen:
    """Events as lines, flushed. In a terminal a live table below them, elsewhere inner progress each 15 s at most."""

    def __init__(self, out: TextIO):
        self.out, self.began, self.spoken, self.live = out, time.monotonic(), {}, None
        if out.isatty():
            from rich.console import Console
            from rich.live import Live

            self.live = Live(console=Console(file=out), auto_refresh=False, transient=True)
            self.live.start()

    def event(self, task: Task) -> None:
        """A task's state has changed."""
        texts = {
            "running": "started",
            "done": f"done in {task.seconds or 0:.0f} s",
            "failed": f"failed after {task.seconds or 0:.0f} s: {task.reason}",
        }
        self._line(task, texts.get(task.state, f"{task.state}: {task.reason}"))

    def tick(self, schedule: Schedule) -> None:
        """Time has passed: show how far long work is."""
        if self.live:
            self.live.update(self._table(schedule), refresh=True)
            return
        for task in schedule.of_state("running"):
            if task.inner.get("text") and time.monotonic() - self.spoken[task.name] >= LOG_SECONDS:
                self._line(task, how_far(task))

    def close(self, lines: Iterable[str]) -> None:
        """The last lines of the run."""
        if self.live:
            self.live.stop()
        for line in lines:
            say(line, self.out)

    def _line(self, task: Task, text: str) -> None:
        self.spoken[task.name] = time.monotonic()
        line = f"{clock(time.monotonic() - self.began):>7}  {task.name}  {text}"
        if self.live:
            style = STYLES.get(task.state)
            self.live.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
        else:
            say(line, self.out)

    def _table(self, schedule: Schedule) -> Any:
        from rich.table import Table
        from rich.text import Text

        left = schedule.left()
        total = f"{len(schedule.of_state('done'))} of {len(schedule.tasks)} done"
        total += f", about {clock(left)} left" if left is not None else ", time left not known yet"
        table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
        table.add_column("Running", no_wrap=True)
        table.add_column(total, ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("Spent", justify="right", no_wrap=True)
        for task in schedule.of_state("running"):
            table.add_row(Text(task.name), Text(how_far(task)), clock(task.spent))
        return table
