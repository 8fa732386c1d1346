"""What one sees of a run: a table that renews itself in a terminal, one line per event in a log."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, TextIO

from lib.progress import clock
from lib.runner.schedule import Schedule, Task

LOG_SECONDS = 15.0
STYLES = {
    "done": "green",
    "failed": "bold red",
    "running": "bold",
    "not run": "yellow",
    "stopped": "yellow",
    "waiting": "dim",
}


def how_far(task: Task) -> str:
    """Cells begun of all cells, and the present cell's own words."""
    if task.state == "waiting" and task.after:
        return f"after {', '.join(task.after)}"
    if task.state != "running":
        return task.reason.splitlines()[0] if task.reason else ""
    if not task.news.get("cells"):
        return "kernel starts"
    text = f"cell {task.news['cell']} of {task.news['cells']}"
    inner = ", ".join(t for t in (task.inner.get("text"), task.inner.get("note")) if t)
    return f"{text}; {inner}" if inner else text


class LogLines:
    """Events as lines, for a file or a pipe: flushed, without colours, inner progress every 15 s at most."""

    def __init__(self, out: TextIO):
        self.out, self.began, self.spoken = out, time.monotonic(), {}

    def event(self, task: Task) -> None:
        """A task's state has changed."""
        texts = {
            "running": "started",
            "done": f"done in {task.seconds or 0:.0f} s",
            "failed": f"failed after {task.seconds or 0:.0f} s: {task.reason}",
        }
        self.spoken[task.name] = time.monotonic()
        self._line(task.name, texts.get(task.state, f"{task.state}: {task.reason}"))

    def tick(self, schedule: Schedule) -> None:
        """Time has passed: say how far long work is."""
        for task in schedule.tasks.values():
            if (
                task.state == "running"
                and task.inner.get("text")
                and time.monotonic() - self.spoken[task.name] >= LOG_SECONDS
            ):
                self.spoken[task.name] = time.monotonic()
                self._line(task.name, how_far(task))

    def close(self, lines: Iterable[str]) -> None:
        """The last lines of the run."""
        for line in lines:
            print(line, file=self.out, flush=True)

    def _line(self, name: str, text: str) -> None:
        print(f"{clock(time.monotonic() - self.began):>7}  {name}  {text}", file=self.out, flush=True)


class LiveTable:
    """A table in the terminal that is drawn again a few times a second and stays there in the end."""

    def __init__(self, out: TextIO):
        from rich.console import Console
        from rich.live import Live

        self.console = Console(file=out)
        self.began, self.schedule = time.monotonic(), None
        self.live = Live(console=self.console, auto_refresh=False, vertical_overflow="visible")
        self.live.start()

    def event(self, task: Task) -> None:
        """A task's state has changed; the next drawing shows it."""

    def tick(self, schedule: Schedule) -> None:
        """Time has passed: draw again."""
        self.schedule = schedule
        self.live.update(self._table(schedule), refresh=True)

    def close(self, lines: Iterable[str]) -> None:
        """Leave the table in its last state and write the last lines below it."""
        if self.schedule:
            self.live.update(self._table(self.schedule), refresh=True)
        self.live.stop()
        for line in lines:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _table(self, schedule: Schedule) -> Any:
        from rich.table import Table
        from rich.text import Text

        left = schedule.left()
        done = sum(t.state == "done" for t in schedule.tasks.values())
        going = any(not t.over for t in schedule.tasks.values())
        total = f"{done} of {len(schedule.tasks)} done, {clock(time.monotonic() - self.began)} spent"
        if going:
            total += f", about {clock(left)} left" if left is not None else ", time left not known yet"
        table = Table(caption=Text(total), caption_justify="left", box=None, pad_edge=False, expand=True)
        table.add_column("Notebook", no_wrap=True)
        table.add_column("State", no_wrap=True)
        table.add_column("How far", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("Spent", justify="right", no_wrap=True)
        table.add_column("Left", justify="right", no_wrap=True)
        for task in schedule.tasks.values():
            spent = task.seconds if task.over else time.monotonic() - task.started if task.child else None
            table.add_row(
                Text(task.name),
                Text(task.state, style=STYLES[task.state]),
                Text(how_far(task)),
                clock(spent) if spent is not None else "",
                clock(task.left) if task.left is not None and not task.over else "",
            )
        return table
