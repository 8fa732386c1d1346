"""The loop of a run: which notebook may start, which is over, what follows from a failure or a stop."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import psutil
from pydantic import BaseModel, Field

from lib.errors import how_it_died
from lib.results.files import read_as
from lib.runner import execute
from lib.runner.plan import Notebook

TICK_SECONDS = 0.2
_SPAWN = multiprocessing.get_context("spawn")


class _Progress(BaseModel):
    """What a cell may say of itself; it may also write nonsense there."""

    text: str = ""
    note: str = ""
    ends: float | None = Field(
        None, strict=True, allow_inf_nan=False
    )  # when its work will be done, in seconds since 1970


class Child:
    """The process that executes one notebook, and through it the kernel, seen from the runner."""

    def __init__(self, job: execute.Job):
        self.job, self.news = job, dict[str, Any]()
        self._kernel: psutil.Process | None = None
        self._pipe, end = _SPAWN.Pipe(duplex=False)
        self.process = _SPAWN.Process(target=execute.run, args=(job, end), daemon=True)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it inherits that: Ctrl-C is the runner's affair
        try:
            self.process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        end.close()

    def over(self) -> bool:
        """Read the news; whether the process is over, and with it everything that it started."""
        ended = not self.process.is_alive()
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                self.news.update(self._pipe.recv())
        if self._kernel is None and "kernel" in self.news:
            with suppress(psutil.NoSuchProcess):
                self._kernel = psutil.Process(self.news["kernel"])
        if ended and self._kernel:
            execute.end_tree(self._kernel)
        return ended

    def inner(self) -> dict[str, Any]:
        """The running cell's own progress: text, note, ends; empty if it has none."""
        try:
            return read_as(_Progress, self.job.file("progress"))
        except (OSError, ValueError):
            return {}

    def death(self) -> dict[str, Any]:
        """How the process died before it could say so, as an error. An earlier run's copy and page do not stay."""
        code, log = self.process.exitcode or 0, self.job.file("log")
        why = f"the process that executed it died before it was finished: {how_it_died(code, execute.IF_MEMORY)}"
        if code >= 0 and log.exists():
            why += ". " + log.read_text(encoding="utf-8", errors="replace").rstrip().split("\n")[-1][:300]
        known = {k: self.news[k] for k in ("index", "cell", "line") if k in self.news}
        for path in (self.job.executed, self.job.page):
            path.unlink(missing_ok=True)
        return {**known, "ename": "ProcessDied", "evalue": why}

    def end(self) -> None:
        """End it and all that it started by force."""
        self.over()
        with suppress(psutil.NoSuchProcess):
            execute.end_tree(psutil.Process(self.process.pid))
        self.process.join()
        self.over()


@dataclass
class Task:
    """One selected notebook during a run.

    Attributes:
        after: the selected notebooks that it waits for.
        expected: seconds that it is expected to take, or 0 if that is not known.
        state: waiting, running, done, failed, not run or stopped.
        seconds: how long it took, once over.
        reason: why it is not done, in a sentence.
        error: cell, count, line, ename, evalue of a failure, as far as known.
        inner: the running cell's own progress.
    """

    notebook: Notebook
    after: tuple[str, ...] = ()
    expected: float = 0.0
    state: str = "waiting"
    child: Child | None = None
    started: float = 0.0
    seconds: float | None = None
    reason: str = ""
    error: dict[str, Any] | None = None
    inner: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.notebook.name

    @property
    def news(self) -> dict[str, Any]:
        """What its process has reported."""
        return self.child.news if self.child else {}

    @property
    def trouble(self) -> str:
        """Why it has no page although it was executed, or nothing."""
        if self.state not in ("done", "failed") or self.news.get("rendered"):
            return ""
        return f"html/{self.name}.html could not be written: {self.news.get('trouble', 'the process died')}"

    @property
    def spent(self) -> float:
        """Seconds since its start, or until its end."""
        return self.seconds or (time.monotonic() - self.started if self.child else 0.0)

    def left(self, pace: float) -> float | None:
        """Seconds left: the usual ones times ``pace``, or what the running cell's progress says if that is longer."""
        known = [self.expected * pace - self.spent] if self.expected else []
        if ends := self.inner.get("ends"):
            known.append(max(ends - time.time(), 1.0))  # late, but not over
        return max((seconds for seconds in known if seconds > 0), default=None)


class Schedule:
    """The tasks of one run and the rules by which they start and end.

    Args:
        notebooks: the selected ones; what they wait for among the others is taken as finished.
        jobs: how many notebooks run side by side.
        job_of: what the process of a notebook must know.
        expected: usual seconds, by notebook, where known.
        changed: called with a task whenever its state has changed.
    """

    def __init__(
        self,
        notebooks: Sequence[Notebook],
        jobs: int,
        job_of: Callable[[Notebook], execute.Job],
        expected: Mapping[str, float],
        changed: Callable[[Task], None],
    ):
        names = {n.name for n in notebooks}
        self.jobs, self.job_of, self.changed = jobs, job_of, changed
        tasks = [Task(n, tuple(a for a in n.after if a in names), expected.get(n.name, 0.0)) for n in notebooks]
        self.tasks = {t.name: t for t in tasks}

    def of_state(self, *states: str) -> list[Task]:
        """The tasks in one of these states, in the notebooks' order."""
        return [t for t in self.tasks.values() if t.state in states]

    def run(self, tick: Callable[[Schedule], None], stopped: Callable[[], bool]) -> None:
        """Run until every task is over, or until ``stopped()``; then no process of it is left."""
        order = TopologicalSorter({t.name: t.after for t in self.tasks.values()})
        order.prepare()
        ready: set[str] = set()
        try:
            while order.is_active() and not stopped():
                ready.update(order.get_ready())
                for task in [t for t in self.tasks.values() if t.name in ready]:
                    self._look(task, task.child) if task.child else self._start(task)
                    if task.state not in ("waiting", "running"):
                        ready.remove(task.name)
                        order.done(task.name)
                tick(self)
                time.sleep(TICK_SECONDS)
        finally:
            self._stop()

    def left(self) -> float | None:
        """Seconds until all is done, roughly: what is left at the pace seen, spread over the jobs; None if unknown."""
        done = [t for t in self.of_state("done") if t.expected]
        pace = sum(t.spent for t in done) / sum(t.expected for t in done) if done else 1.0
        todo = self.of_state("waiting", "running")
        each = [seconds for t in todo if (seconds := t.left(pace)) is not None]
        return None if len(each) < len(todo) else max([sum(each) / self.jobs, *each])

    def _start(self, task: Task) -> None:
        """Start a task if there is room; one whose predecessor is not done is not run."""
        lost = [self.tasks[a] for a in task.after if self.tasks[a].state != "done"]
        if lost:
            self._end(task, "not run", f"{lost[0].name} {'failed' if lost[0].state == 'failed' else 'was not run'}")
        elif len(self.of_state("running")) < self.jobs:
            task.started, task.state, task.child = time.monotonic(), "running", Child(self.job_of(task.notebook))
            self.changed(task)

    def _look(self, task: Task, child: Child) -> None:
        over = child.over()
        task.inner = child.inner()
        if over:
            task.error = child.news["error"] if "error" in child.news else child.death()
            self._end(task, "failed" if task.error else "done", sentence(task.error) if task.error else "")

    def _stop(self) -> None:
        """End what still runs, with all its processes; waiting tasks are stopped as well."""
        for task in self.of_state("waiting", "running"):
            if task.child:
                task.child.end()
            self._end(task, "stopped", "the run was stopped")

    def _end(self, task: Task, state: str, reason: str) -> None:
        task.state, task.reason, task.inner = state, reason, {}
        task.seconds = task.spent if task.child else None
        self.changed(task)


def sentence(error: Mapping[str, Any]) -> str:
    """Where and how a notebook failed, on as many lines as its error has."""
    where = ""
    if error.get("cell"):
        count = f" (In [{error['count']}])" if error.get("count") else ""
        where = f"in cell {error['cell']}{count}, which begins with `{error.get('line', '')}`: "
    return f"{where}{error['ename']}: {error['evalue']}"
