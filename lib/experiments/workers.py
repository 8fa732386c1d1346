"""Work side by side in worker processes, with one progress display.

A process serves a set number of pieces and is then replaced by a new one: TensorFlow never frees a
graph, so each training leaves some megabytes behind.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from enum import Enum
from multiprocessing.connection import Connection
from queue import Empty
from typing import Any

from lib.errors import ProjectError
from lib.networks import runtime
from lib.progress import Progress
from lib.settings import Settings

_events = None


class WorkerError(ProjectError):
    """A worker process ended before its work did."""


class Piece(Enum):
    """What work may return instead of a result."""

    GOES_ON = "goes on"  # the same piece is to be called again, as it has more to do


def _prepare(events: multiprocessing.Queue, threads: int, called_off: Connection) -> None:
    """First thing in a worker: fix the threads, and end when the parent process ends or calls it off."""
    global _events
    _events = events
    follow_parent()
    threading.Thread(target=_end_when, args=(called_off,), daemon=True).start()
    runtime.start(threads)


def _end_when(called_off: Connection) -> None:
    """Wait for a byte that nobody reads. (An Event would wait, in whoever sets it, for processes that are gone.)"""
    called_off.poll(None)
    os._exit(1)


def follow_parent() -> None:
    """In a process that another one started: end when that one ends, however it ended."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _call(work: Callable[..., Any], piece: tuple[Any, ...]) -> Any:
    return work(*piece, _events.put)


class _Seat:
    """A place for one worker process; a new process takes it after ``pieces`` pieces."""

    def __init__(self, start: Callable[[], ProcessPoolExecutor], pieces: int | None):
        self.start, self.pieces, self.served = start, pieces, 0
        self.pools: list[ProcessPoolExecutor] = []  # the last one works, those before it end by themselves, idle

    def submit(self, work: Callable[..., Any], piece: tuple[Any, ...]) -> Future:
        if self.pools and self.pieces and self.served >= self.pieces:
            self.pools[-1].shutdown(wait=False)
            self.served = 0
        if not self.served:
            self.pools.append(self.start())
        self.served += 1
        return self.pools[-1].submit(_call, work, piece)

    def leave(self) -> None:
        """Wait until its present process has ended; replaced ones may take a moment longer."""
        for pool in self.pools:
            pool.shutdown(cancel_futures=True)


def run(
    work: Callable[..., Any],
    pieces: Sequence[tuple[Any, ...]],
    chosen: Settings,
    label: str,
    steps: int,
    on_result: Callable[[int, Any], None] | None = None,
    pieces_per_process: int | None = None,
    describe: Callable[[Any], tuple[str, float]] | None = None,
    total: float | None = None,
) -> None:
    """Call ``work(*piece, note)`` for every piece, ``chosen.workers`` of them at a time.

    An error in one piece, or in a function given here, ends the call at once and is raised: results
    that came before it were handed over, and what other processes were at is broken off.

    Args:
        work: a function of a module; ``note(event)`` tells that a step is done. It returns a result, or
            ``Piece.GOES_ON`` to be called again with the same piece.
        pieces: its arguments.
        chosen: checked parameters; ``workers`` and ``threads`` are used.
        label: what the progress display calls the steps, such as ``Trials``.
        steps: how many notes all pieces give together.
        on_result: called in this process with (position of the piece, result), as they come.
        pieces_per_process: after so many calls a new process takes over. None lets the first one do everything.
        describe: from an event to what the display says and how much work the step was; without it an event is
            the text itself, and every step as much work.
        total: the work of all steps, in the unit of ``describe``; default ``steps``.

    Raises:
        WorkerError: a worker process died.
    """
    context = multiprocessing.get_context("spawn")
    events, (called_off, call_off) = context.Queue(), context.Pipe(duplex=False)

    def start() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, context, _prepare, (events, chosen.threads, called_off))

    workers = min(chosen.workers, len(pieces))
    seats = [_Seat(start, pieces_per_process) for _ in range(workers)]
    waiting, free = deque(range(len(pieces))), deque(seats)
    running: dict[Future, tuple[int, _Seat]] = {}
    try:
        with Progress(label, steps, work=total) as progress:
            try:
                while waiting or running:
                    while waiting and free:
                        at, seat = waiting.popleft(), free.popleft()
                        running[seat.submit(work, pieces[at])] = at, seat
                    done, _ = wait(running, timeout=0.3, return_when=FIRST_COMPLETED)
                    _show(events, progress, describe)
                    for future in sorted(done, key=lambda f: f.exception() is not None):  # an error loses no result
                        at, seat = running.pop(future)
                        result = future.result()
                        free.append(seat)
                        if result is Piece.GOES_ON:
                            waiting.appendleft(at)
                        elif on_result:
                            on_result(at, result)
            except BaseException:
                call_off.send_bytes(b"x")
                raise
            finally:
                for seat in seats:
                    seat.leave()
                called_off.close()
                call_off.close()
            _show(events, progress, describe)
    except BrokenProcessPool as error:
        fewer = f", perhaps with fewer workers than {workers}" if workers > 1 else ""
        raise WorkerError(
            f"a worker process ended before its {label.lower()} were done, most often because memory ran out."
            f" Finished {label.lower()} are kept: run it again to go on{fewer}"
        ) from error


def _show(
    events: multiprocessing.Queue, progress: Progress, describe: Callable[[Any], tuple[str, float]] | None
) -> None:
    while True:
        try:
            event = events.get_nowait()
        except Empty:
            return
        text, work = describe(event) if describe else (event, 1.0)
        progress.step(text, work=work)
