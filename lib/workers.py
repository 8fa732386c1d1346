"""Studies side by side in worker processes, with one progress display."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from queue import Empty
from typing import Mapping, Sequence

from lib import runtime, tuning
from lib.errors import ProjectError
from lib.progress import Progress
from lib.settings import Chosen
from lib.windows import Dataset

_events = None


class WorkerError(ProjectError):
    """A worker process ended before its work did."""


def _prepare(events: "multiprocessing.Queue", threads: int) -> None:
    """First thing in a worker: fix the threads, and end when the parent process ends."""
    global _events
    _events = events
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    runtime.start(threads)


def _work(study_plan: tuning.StudyPlan, data: Dataset, chosen: Chosen, digest: str) -> None:
    tuning.run_study(study_plan, data, chosen, digest, _events.put)


def run_studies(
    plans: Sequence[tuning.StudyPlan], data: Mapping[str, Dataset], chosen: Chosen, digests: Mapping[str, str]
) -> None:
    """Run every study to its full number of trials, ``chosen.workers`` of them at a time.

    The trials are the same for any number of workers. An error in one study ends the call once the
    trials that run are told; what was finished stays in the studies' files.

    Args:
        plans: the studies.
        data: ticker -> windows.
        chosen: checked parameters; also ``workers`` and ``threads``.
        digests: ticker -> digest of its prices.

    Raises:
        tuning.StudyError: see :func:`tuning.open_study`.
        WorkerError: a worker process died.
    """
    missing = 0
    for p in plans:
        study = tuning.open_study(p, tuning.steering_of(chosen, digests[p.ticker]))
        missing += max(0, p.trials - len(tuning.finished(study)))
    if not missing:
        print("All trials of all studies were finished before; nothing to run.")
        return
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    workers = min(chosen.workers, len(plans))
    try:
        with Progress("Trials", missing) as progress, ProcessPoolExecutor(workers, context, _prepare, (events, chosen.threads)) as pool:
            running = [pool.submit(_work, p, data[p.ticker], chosen, digests[p.ticker]) for p in plans]
            try:
                while True:
                    done, waiting = wait(running, timeout=0.3, return_when=FIRST_EXCEPTION)
                    _show(events, progress)
                    if not waiting or any(f.exception() for f in done):
                        break
            finally:
                for f in running:
                    f.cancel()
            _show(events, progress)
            for f in running:
                if not f.cancelled():
                    f.result()
    except BrokenProcessPool as error:
        fewer = f", perhaps with fewer workers than {workers}" if workers > 1 else ""
        raise WorkerError(
            "a worker process ended before its trials were done, most often because memory ran out."
            f" Finished trials are kept: run it again to go on{fewer}"
        ) from error


def _show(events: "multiprocessing.Queue", progress: Progress) -> None:
    while True:
        try:
            progress.step(events.get_nowait())
        except Empty:
            return
