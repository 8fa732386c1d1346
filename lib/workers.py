"""Work side by side in worker processes, with one progress display."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from queue import Empty
from typing import Any, Callable, Sequence

from lib import runtime
from lib.errors import ProjectError
from lib.progress import Progress
from lib.settings import Chosen

_events = None


class WorkerError(ProjectError):
    """A worker process ended before its work did."""


def _prepare(events: "multiprocessing.Queue", threads: int) -> None:
    """First thing in a worker: fix the threads, and end when the parent process ends."""
    global _events
    _events = events
    follow_parent()
    runtime.start(threads)


def follow_parent() -> None:
    """In a process that another one started: end when that one ends, however it ended."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _call(work: Callable[..., Any], piece: tuple[Any, ...]) -> Any:
    return work(*piece, _events.put)


def run(
    work: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], chosen: Chosen, label: str, steps: int,
    on_result: Callable[[int, Any], None] | None = None, pieces_per_process: int | None = None,
) -> None:
    """Call ``work(*piece, note)`` for every piece, ``chosen.workers`` of them at a time.

    An error in one piece ends the call; results that came before it were handed over.

    Args:
        work: a function of a module; ``note(text)`` tells that a step is done.
        pieces: its arguments.
        chosen: checked parameters; ``workers`` and ``threads`` are used.
        label: what the progress display calls the steps, such as ``Trials``.
        steps: how many notes all pieces give together.
        on_result: called in this process with (position of the piece, result), as they come.
        pieces_per_process: after about so many pieces new processes take over. TensorFlow never frees a
            graph, so each training leaves some 7 MB behind. None lets the first ones do everything.

    Raises:
        WorkerError: a worker process died.
    """
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    workers = min(chosen.workers, len(pieces))
    block = workers * pieces_per_process if pieces_per_process else len(pieces)
    try:
        with Progress(label, steps) as progress:
            for first in range(0, len(pieces), block):
                with ProcessPoolExecutor(workers, context, _prepare, (events, chosen.threads)) as pool:
                    running = {pool.submit(_call, work, piece): at for at, piece in enumerate(pieces[first:first + block], first)}
                    try:
                        while running:
                            done, _ = wait(running, timeout=0.3, return_when=FIRST_EXCEPTION)
                            _show(events, progress)
                            _hand_over(done, running, on_result)
                    finally:
                        for future in running:
                            future.cancel()
            _show(events, progress)
    except BrokenProcessPool as error:
        fewer = f", perhaps with fewer workers than {workers}" if workers > 1 else ""
        raise WorkerError(
            f"a worker process ended before its {label.lower()} were done, most often because memory ran out."
            f" Finished {label.lower()} are kept: run it again to go on{fewer}"
        ) from error


def _hand_over(done: set[Future], running: dict[Future, int], on_result: Callable[[int, Any], None] | None) -> None:
    """Take what is finished out of ``running``, the good results first, so that an error loses none of them."""
    for future in sorted(done, key=lambda f: f.exception() is not None):
        at, result = running.pop(future), future.result()
        if on_result:
            on_result(at, result)


def _show(events: "multiprocessing.Queue", progress: Progress) -> None:
    while True:
        try:
            progress.step(events.get_nowait())
        except Empty:
            return
