"""The loop of a run: who may start, who has finished, what follows from a failure or a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.runner import estimate
from lib.runner.child import Child
from lib.runner.plan import Notebook

TICK_SECONDS = 0.2


@dataclass
class Task:
    """One selected notebook during a run.

    Attributes:
        state: waiting, running, done, failed, not run or stopped.
        seconds: how long it took, once over.
        reason: why it is not done, in a sentence.
        error: cell, count, line, ename, evalue of a failure, as far as known.
        trouble: why its page could not be rendered, or nothing.
    """

    notebook: Notebook
    after: tuple[str, ...]
    slots: int
    state: str = "waiting"
    child: Child | None = None
    started: float = 0.0
    seconds: float | None = None
    reason: str = ""
    error: dict[str, Any] | None = None
    peak_memory_mb: float | None = None
    trouble: str = ""
    news: dict[str, Any] = field(default_factory=dict)
    inner: dict[str, Any] = field(default_factory=dict)
    left: float | None = None

    @property
    def name(self) -> str:
        return self.notebook.name

    @property
    def over(self) -> bool:
        return self.state not in ("waiting", "running")


class Schedule:
    """The tasks of one run and the rules by which they start and end.

    Args:
        notebooks: the selected ones; what they wait for among the others is taken as finished.
        jobs: how many notebooks run side by side.
        workers: processes that a notebook with ``slots: workers`` starts itself.
        job_of: what ``lib.runner.execute`` must know about a notebook.
        work: folder for the files between the processes.
        expected: usual seconds, by notebook, where known.
        changed: called with a task whenever its state has changed.
    """

    def __init__(
        self,
        notebooks: Sequence[Notebook],
        jobs: int,
        workers: int,
        job_of: Callable[[Notebook], Mapping[str, Any]],
        work: Path,
        expected: Mapping[str, float],
        changed: Callable[[Task], None],
    ):
        names = {n.name for n in notebooks}
        self.jobs, self.job_of, self.work, self.expected, self.changed = jobs, job_of, work, expected, changed
        self.tasks = {
            n.name: Task(n, tuple(a for a in n.after if a in names), min(workers, jobs) if n.own_workers else 1)
            for n in notebooks
        }

    def run(self, each_tick: Callable[[Schedule], None], stopped: Callable[[], bool]) -> None:
        """Run until every task is over, or until ``stopped()``; then no process of it is left."""
        try:
            while not stopped() and not all(t.over for t in self.tasks.values()):
                for task in self.tasks.values():
                    if task.state == "running":
                        self._look(task)
                    elif task.state == "waiting":
                        self._give_up_or_start(task)
                each_tick(self)
                time.sleep(TICK_SECONDS)
        finally:
            self.stop()

    def stop(self) -> None:
        """End what still runs, with all its processes; waiting tasks are stopped as well."""
        running = [t for t in self.tasks.values() if t.state == "running"]
        for task in running:
            task.child.terminate()
        for task in running:
            task.child.kill(grace_seconds=3)
        for task in self.tasks.values():
            if not task.over:
                task.seconds = time.monotonic() - task.started if task.child else None
                self._end(task, "stopped", "the run was stopped")

    def left(self) -> float | None:
        """Seconds until all is done, or None if that cannot be told yet."""
        known = self.tasks.values()
        factor = estimate.pace(self.expected, {t.name: t.seconds for t in known if t.state == "done"})
        for task in known:
            usual = self.expected.get(task.name)
            task.left = usual * factor if usual else None
            if task.state == "running":
                cell_spent = time.time() - task.news.get("cell_started", time.time())
                task.left = estimate.running_left(
                    task.left, time.monotonic() - task.started, cell_spent, task.inner.get("fraction")
                )
        open_ones = [t for t in known if not t.over]
        return estimate.total_left(
            {t.name: t.left for t in open_ones},
            {t.name: t.after for t in open_ones},
            {t.name: t.slots for t in open_ones},
            {t.name for t in open_ones if t.state == "running"},
            self.jobs,
        )

    def _give_up_or_start(self, task: Task) -> None:
        before = [self.tasks[a] for a in task.after]
        lost = [t for t in before if t.state in ("failed", "not run")]
        if lost:
            self._end(task, "not run", f"{lost[0].name} {'failed' if lost[0].state == 'failed' else 'was not run'}")
            return
        running = [t for t in self.tasks.values() if t.state == "running"]
        room = sum(t.slots for t in running) + task.slots <= self.jobs
        if room and all(t.state == "done" for t in before):
            task.started, task.state = time.monotonic(), "running"
            task.child = Child(task.name, self.job_of(task.notebook), self.work)
            self.changed(task)

    def _look(self, task: Task) -> None:
        ended = task.child.ended()
        task.news, task.inner = task.child.state() or task.news, task.child.inner()
        if not ended:
            return
        code = task.child.process.returncode
        task.seconds = time.monotonic() - task.started
        if "error" not in task.news:
            task.error = self._death(task, code)
            task.news = task.child.salvage({**task.news, **task.error})
        else:
            task.error = task.news["error"]
        task.peak_memory_mb = task.news.get("peak_memory_mb")
        task.trouble = "" if task.news.get("rendered") else task.news.get("trouble", "its page was not written")
        self._end(task, "failed" if task.error else "done", sentence(task.error) if task.error else "")

    def _death(self, task: Task, code: int) -> dict[str, Any]:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        why = f"the process that executed it {how} before it was finished"
        words = task.child.last_words() if code > 0 else "most often memory ran out, or somebody ended it"
        known = {k: task.news[k] for k in ("index", "cell", "line") if k in task.news}
        return {**known, "ename": "ProcessDied", "evalue": f"{why}{': ' + words if words else ''}"}

    def _end(self, task: Task, state: str, reason: str) -> None:
        task.state, task.reason, task.inner = state, reason, {}
        self.changed(task)


def sentence(error: Mapping[str, Any]) -> str:
    """Where and how a notebook failed, on as many lines as its error has."""
    where = ""
    if error.get("cell"):
        count = f" (In [{error['count']}])" if error.get("count") else ""
        where = f"in cell {error['cell']}{count}, which begins with `{error.get('line', '')}`: "
    return f"{where}{error['ename']}: {error['evalue']}"
