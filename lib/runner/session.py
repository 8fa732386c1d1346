"""One run from its first kernel to its last line."""

from __future__ import annotations

import shlex
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from lib import settings
from lib.results import files, machine
from lib.runner import facts
from lib.runner.copies import draft_of
from lib.runner.execute import Job
from lib.runner.order import Order
from lib.runner.plan import Notebook
from lib.runner.schedule import Schedule, Task
from lib.runner.screen import Screen
from lib.settings.places import ADDRESS_VARIABLE


@contextmanager
def start_pool(chosen: settings.Settings) -> Iterator[str]:
    """The address of the pool for the run's trainings: the scheduler that is named, else a local one."""
    if address := settings.scheduler_address(chosen.scheduler):
        yield address
        return
    from lib.experiments import pool

    with pool.local(chosen) as address:
        yield address


class Session:
    """Runs a checked order; keeps ``run.json`` and ``index.html`` up to date, and leaves ``README.md`` at the end.

    Args:
        order: what to run.
        out: where to show it; with a live table if this is a terminal.
    """

    def __init__(self, order: Order, out: TextIO):
        self.order, self.root = order, order.root
        self.earlier = facts.read_earlier(self.root)
        self.facts = facts.describe(order, self.earlier)
        self.began = time.monotonic()
        self.signal: int | None = None
        self.screen = Screen(out)
        self.troubles: list[str] = []
        self.damaged: list[str] = []
        self.environment: dict[str, str] = {}

    def run(self) -> int:
        """Execute all selected notebooks; returns the exit code."""
        before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        last: list[str] = []
        try:
            self._drop_drafts()  # of a run that was killed or had no space left
            self.parameters_file = files.write_text(self.root / "parameters.yaml", settings.as_file(self.order.chosen))
            self._execute()
            self._drop_drafts()  # a stopped notebook leaves its last whole copy, not half of a new one
            result = "stopped" if self.signal else "failed" if self._code() else "done"
            wall_seconds = round(time.monotonic() - self.began, 1)
            self.facts.update(finished=facts.now(), wall_seconds=wall_seconds, result=result)
            self._keep()
            self._leave_page()
            last = self._last_lines()
            return self._code()
        finally:
            self.screen.close(last)
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def _execute(self) -> None:
        with ExitStack() as self.stack:
            self.work = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="run_all_")))
            self.schedule = Schedule(
                self.order.selected, self.order.jobs, self._job, self._expected_seconds(), self._changed
            )
            self.schedule.run(self.screen.tick, lambda: self.signal is not None)

    def _job(self, notebook: Notebook) -> Job:
        if (
            notebook.trains and not self.environment
        ):  # not earlier, as notebooks that train nothing need not wait for it
            self.environment[ADDRESS_VARIABLE] = self.stack.enter_context(start_pool(self.order.chosen))
        parameters = {"parameters_file": facts.shown(self.parameters_file)}
        return Job(notebook.path, self.root, parameters, self.work, self.environment)

    def _expected_seconds(self) -> dict[str, float]:
        """Seconds that each notebook took last time in this folder, or usually takes, where known."""
        entries = self.earlier.get("notebooks", {})
        took = {name: e.get("seconds") for name, e in entries.items() if e.get("status") == "done"}
        known = {n.name: took.get(n.name) or n.seconds for n in self.order.selected}
        return {name: seconds for name, seconds in known.items() if seconds}

    def _stop(self, signum: int, _frame: Any) -> None:
        self.signal = signum

    def _changed(self, task: Task) -> None:
        entry = self.facts["notebooks"][task.name]
        entry.update(status=task.state, peak_memory_mb=task.news.get("peak_memory_mb"))
        if task.state == "running":
            entry.update(started=facts.now(), cpu=machine.cpu(), versions=machine.versions())
        elif task.seconds is not None:
            entry.update(finished=facts.now(), seconds=round(task.seconds, 1))
            entry["rendered"] = task.state != "stopped" and not task.trouble
        if task.reason:
            entry["error"] = {"sentence": f"{task.name} {task.state}: {task.reason}", **(task.error or {})}
        self.troubles += [task.trouble] if task.trouble else []
        self.screen.event(task)
        if task.state != "stopped":
            self._keep()  # also at a start, so that one can watch; what it imports loads while the first kernel starts

    def _keep(self) -> None:
        from lib.report import index, page

        self.damaged = []
        facts.gather(self.facts, files.read_records(self.root, self.damaged))
        files.write_json(self.root / "run.json", self.facts)
        page.link_neighbours(self.root / "html", [n.name for n in self.order.notebooks])
        index.write(self.root)

    def _leave_page(self) -> None:
        try:
            from lib.report import results_page

            results_page.write(self.root)
        except Exception as trouble:  # a page that cannot be written must not hide how the run went
            self.troubles.append(f"README.md could not be written: {type(trouble).__name__}: {trouble}")

    def _drop_drafts(self) -> None:
        files.drop_drafts(self.root)
        for notebook in self.order.selected:
            with suppress(OSError):
                draft_of(self.root / "notebooks" / notebook.path.name).unlink(missing_ok=True)

    def _code(self) -> int:
        if self.signal:
            return 128 + self.signal
        return 1 if self.troubles or len(self.schedule.of_state("done")) < len(self.schedule.tasks) else 0

    def _last_lines(self) -> list[str]:
        names = {s: [t.name for t in self.schedule.of_state(s)] for s in ("done", "failed", "not run", "stopped")}
        counts = ", ".join(f"{len(v)} {k}" for k, v in names.items() if v)
        lines = [f"{'Stopped' if self.signal else 'Finished'} after {self.facts['wall_seconds']:.0f} s: {counts}"]
        lines.append(f"Results: {facts.shown(self.root / 'index.html')}")
        if self.signal:
            lines.append(f"Finished before: {', '.join(names['done']) or 'none'}")
        again = [t.notebook.number for t in self.schedule.tasks.values() if t.state != "done"]
        if again:
            only = ["--only", *again] if len(again) < len(self.order.notebooks) else []
            overrides = [word for text in self.order.overrides for word in ("-p", text)]
            words = ["python", "run_all.py", facts.shown(self.order.parameter_file), *overrides, *only]
            lines.append(f"To go on: {shlex.join(words)}")
        lines += [f"{t.name} not run: {t.reason}" for t in self.schedule.of_state("not run")]
        lines += [*self.damaged, *self.troubles]
        for task in self.schedule.of_state("failed"):
            lines.append(f"{task.name} failed {task.reason}")
            lines.append(f"    what it did until then: {facts.shown(self.root / 'notebooks' / task.name)}.ipynb")
        return lines
