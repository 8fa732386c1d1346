"""What processes of the service may share: cached values, trainings and their events."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Protocol

from lib.errors import ProjectError

CACHED_BYTES = 256 * 2**20  # of all values; the oldest go first
RUNS = 1000  # trainings that are remembered; the oldest go first


class StoreError(ProjectError):
    """The shared store cannot be reached."""


class Store(Protocol):
    """Values that expire, trainings with their events; safe from several threads. Every call may raise StoreError."""

    def get(self, key: str) -> bytes | None:
        """A cached value; None if there is none or it has expired."""

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for some seconds."""

    def append(self, run: str, event: bytes) -> int:
        """Add an event to a training's; returns its number, from 1."""

    def events(self, run: str, since: int) -> list[bytes]:
        """A training's events from a number on."""

    def set_run(self, run: str, state: bytes) -> None:
        """Keep the state of a training."""

    def run(self, run: str) -> bytes | None:
        """The state of a training; None if it is not known."""

    def runs(self) -> list[bytes]:
        """The states of all trainings, newest first."""

    def ask_cancel(self, run: str) -> None:
        """Ask whichever process runs a training to give it up."""

    def cancel_asked(self, run: str) -> bool:
        """Whether somebody asked."""

    def close(self) -> None:
        """Let go of what the store holds open."""


class Memory:
    """A store of one process."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._runs: OrderedDict[str, bytes] = OrderedDict()
        self._events: dict[str, list[bytes]] = {}
        self._cancels: set[str] = set()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """See :class:`Store`."""
        value, until = self._values.get(key, (None, 0.0))
        return value if until > time.monotonic() else None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """See :class:`Store`."""
        with self._lock:
            self._bytes += len(value) - len(self._values.pop(key, (b"", 0.0))[0])
            self._values[key] = value, time.monotonic() + seconds
            while self._bytes > CACHED_BYTES:
                self._bytes -= len(self._values.popitem(last=False)[1][0])

    def append(self, run: str, event: bytes) -> int:
        """See :class:`Store`."""
        with self._lock:
            events = self._events.setdefault(run, [])
            events.append(event)
            return len(events)

    def events(self, run: str, since: int) -> list[bytes]:
        """See :class:`Store`."""
        with self._lock:
            return self._events.get(run, [])[since - 1 :]

    def set_run(self, run: str, state: bytes) -> None:
        """See :class:`Store`."""
        with self._lock:
            self._runs[run] = state
            while len(self._runs) > RUNS:
                gone, _ = self._runs.popitem(last=False)
                self._events.pop(gone, None)
                self._cancels.discard(gone)

    def run(self, run: str) -> bytes | None:
        """See :class:`Store`."""
        return self._runs.get(run)

    def runs(self) -> list[bytes]:
        """See :class:`Store`."""
        with self._lock:
            return list(reversed(self._runs.values()))

    def ask_cancel(self, run: str) -> None:
        """See :class:`Store`."""
        self._cancels.add(run)

    def cancel_asked(self, run: str) -> bool:
        """See :class:`Store`."""
        return run in self._cancels

    def close(self) -> None:
        """See :class:`Store`."""


def open_store(redis_url: str) -> Store:
    """The store of a process: in its memory, or in the Redis of an address."""
    if redis_url:
        raise StoreError("REDIS_URL is set, but this version shares nothing yet. Leave it empty")
    return Memory()
