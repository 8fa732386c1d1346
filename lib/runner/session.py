"""One run from its first kernel to its last line."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lib import settings
from lib.results import files, machine
from lib.runner import facts
from lib.runner.copies import draft_of
from lib.runner.estimate import expected_seconds
from lib.runner.order import Order
from lib.runner.plan import Notebook
from lib.runner.schedule import Schedule, Task
from lib.runner.screen import LiveTable, LogLines


class Session:
    """Runs a checked order; keeps ``run.json`` and ``index.html`` up to date on the way, and leaves ``README.md`` at the end.

    Args:
        order: what to run.
        out: where to show it; a table if this is a terminal, lines otherwise.
    """

    def __init__(self, order: Order, out: TextIO):
        self.order, self.root = order, order.root
        self.plain = order.chosen.plain()
        self.parameters_file = self.root / "parameters.yaml"  # every key, also those that the given file leaves out
        self.earlier = facts.read_earlier(self.root)
        self.facts = facts.describe(
            order.notebooks,
            order.selected,
            self.plain,
            order.overrides,
            order.parameter_file,
            order.jobs,
            self.earlier,
            order.only,
            order.start,
        )
        self.began = time.monotonic()
        self.signal: int | None = None
        self.screen: LogLines | LiveTable = LiveTable(out) if out.isatty() else LogLines(out)
        self.troubles: list[str] = []

    def run(self) -> int:
        """Execute all selected notebooks; returns the exit code."""
        before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        last: list[str] = []
        try:
            files.write_text(self.parameters_file, settings.as_file(self.order.chosen))
            self._drop_drafts([n.name for n in self.order.selected])  # of a run that was killed or had no space left
            with tempfile.TemporaryDirectory(prefix="run_all_") as work:
                self.schedule = Schedule(
                    self.order.selected,
                    self.order.jobs,
                    self.plain["workers"],
                    self._job,
                    Path(work),
                    expected_seconds(self.order.selected, self.earlier.get("notebooks", {})),
                    self._changed,
                )
                self.schedule.run(self.screen.tick, lambda: self.signal is not None)
            self._drop_drafts([t.name for t in self.schedule.tasks.values() if t.state == "stopped"])
            code = self._code()
            self.facts.update(
                finished=facts.now(),
                wall_seconds=round(time.monotonic() - self.began, 1),
                result="stopped" if self.signal else "failed" if code else "done",
            )
            self._keep()
            self._leave_page()
            code, last = self._code(), self._last_lines()
            return code
        finally:
            self.screen.close(last)
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def _job(self, notebook: Notebook) -> dict[str, Any]:
        return {
            "notebook": str(notebook.path),
            "run": self.root.name,
            "executed": str(self.root / "notebooks" / f"{notebook.name}.ipynb"),
            "page": str(self.root / "html" / f"{notebook.name}.html"),
            "record": str(self.root / "records" / f"{notebook.name}.json"),
            "parameters": {"parameters_file": self._shown(self.parameters_file)},
        }

    def _stop(self, signum: int, _frame: Any) -> None:
        self.signal = signum

    def _changed(self, task: Task) -> None:
        entry = self.facts["notebooks"][task.name]
        entry.update(status=task.state, peak_memory_mb=task.peak_memory_mb)
        if task.state == "running":
            entry.update(started=facts.now(), cpu=machine.cpu(), versions=machine.versions())
        elif task.seconds is not None:
            entry.update(
                finished=facts.now(),
                seconds=round(task.seconds, 1),
                rendered=task.state in ("done", "failed") and not task.trouble,
            )
        if task.reason:
            entry["error"] = {"sentence": f"{task.name} {task.state}: {task.reason}", **(task.error or {})}
        if task.trouble and task.state in ("done", "failed"):
            self.troubles.append(f"html/{task.name}.html could not be written: {task.trouble}")
        self.screen.event(task)
        if task.state != "stopped":
            self._keep()  # also at a start, so that one can watch; what this imports loads while the first kernel starts

    def _keep(self) -> None:
        from lib.report import index, page

        facts.gather(self.facts, files.read_records(self.root))
        files.write_json(self.root / "run.json", self.facts)
        page.link_neighbours(self.root / "html", [n.name for n in self.order.notebooks])
        index.write(self.root)

    def _leave_page(self) -> None:
        try:
            from lib.report import results_page

            results_page.write(self.root)
        except Exception as trouble:  # a page that cannot be written must not hide how the run went
            self.troubles.append(f"README.md could not be written: {type(trouble).__name__}: {trouble}")

    def _drop_drafts(self, names: Sequence[str]) -> None:
        """A stopped notebook leaves its last whole copy, not half of a new one."""
        for name in names:
            with suppress(OSError):
                draft_of(self.root / "notebooks" / f"{name}.ipynb").unlink(missing_ok=True)

    def _code(self) -> int:
        if self.signal:
            return 128 + self.signal
        return 1 if self.troubles or any(t.state != "done" for t in self.schedule.tasks.values()) else 0

    def _last_lines(self) -> list[str]:
        tasks = list(self.schedule.tasks.values())
        names = {s: [t.name for t in tasks if t.state == s] for s in ("done", "failed", "not run", "stopped")}
        counts = ", ".join(f"{len(v)} {k}" for k, v in names.items() if v)
        lines = [f"{'Stopped' if self.signal else 'Finished'} after {self.facts['wall_seconds']:.0f} s: {counts}"]
        lines.append(f"Results: {self._shown(self.root / 'index.html')}")
        if self.signal:
            lines.append(f"Finished before: {', '.join(names['done']) or 'none'}")
        again = [t.notebook.number for t in tasks if t.state != "done"]
        if again:
            only = f" --only {' '.join(again)}" if len(again) < len(self.order.notebooks) else ""
            lines.append(f"To go on: python run_all.py {self._same_options()}{only}")
        lines += [f"{t.name} not run: {t.reason}" for t in tasks if t.state == "not run"]
        lines += self.troubles
        for task in tasks:
            if task.state == "failed":
                lines.append(f"{task.name} failed {task.reason}")
                lines.append(f"    what it did until then: {self._shown(self.root / 'notebooks' / task.name)}.ipynb")
        return lines

    def _same_options(self) -> str:
        import shlex

        place = self.order.parameter_file.resolve()
        file = place.relative_to(settings.PROJECT_ROOT) if place.is_relative_to(settings.PROJECT_ROOT) else place
        jobs = [f"--jobs {self.order.asked_jobs}"] if self.order.asked_jobs else []
        return " ".join([shlex.quote(str(file)), *(f"-p {shlex.quote(text)}" for text in self.order.texts), *jobs])

    @staticmethod
    def _shown(path: Path) -> str:
        return str(path.relative_to(settings.PROJECT_ROOT)) if path.is_relative_to(settings.PROJECT_ROOT) else str(path)
