"""What several processes of the service may share: cached answers, and runs with their states and events.

A run is written by the one process that started it, its owner, and read by all. Its events have numbers from 1 on,
without a gap.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lib.errors import ProjectError

CACHE_BYTES = 256 * 2**20
RUNS, EVENTS = 1000, 10_000  # events of one run; a training of 1,000 epochs has some 2,000
_WEEK_SECONDS = 7 * 24 * 3600
_ANSWER_SECONDS = 2.0  # a Redis that takes longer counts as gone,
_FIRST_ANSWER_SECONDS = 20.0  # but not while everything of a machine starts
_LOOK_SECONDS = 1.0  # between two looks whether Redis is back
_PREFIX = "coin-forecasts:1:"  # the number changes when what is stored changes its form


class StoreError(ProjectError):
    """The store does not answer, or was asked for what it must not do."""


class Store(Protocol):
    """Safe from several threads. Where nothing else is said, :class:`StoreError` is raised when Redis is gone.

    Attributes:
        waits: asking may take time, so that an event loop must leave it to a thread.
    """

    waits: bool

    def get(self, key: str) -> bytes | None:
        """A cached value, unless it is unknown, expired or was dropped to make room, or Redis is gone."""

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Cache a value for so many seconds; not if Redis is gone."""

    def append(self, run: str, event: bytes) -> int:
        """Add an event to a run of this process; its number. Written later if Redis is gone."""

    def events(self, run: str, since: int = 1) -> list[bytes]:
        """The events of a run from number ``since`` on, in order; of each run the last 10,000 are known."""

    def set_run(self, run: str, state: bytes) -> None:
        """The state of a run of this process. Written later if Redis is gone."""

    def run(self, run: str) -> bytes | None:
        """The state of any process's run."""

    def runs(self) -> list[bytes]:
        """The states of the last 1,000 runs, those that began last first."""

    def ask_cancel(self, run: str) -> None:
        """Ask the owner of a run to end it."""

    def cancel_asked(self, run: str) -> bool:
        """Whether somebody asked that a run of this process ends; what is known here if Redis is gone."""

    def close(self) -> None:
        """Let go of connections and threads."""


def without_patience(retry: type[Any], seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
    """Options of a Redis client that gives up soon: by default it tries for up to half a minute.

    Args:
        retry: the class ``Retry`` of ``redis`` or, for a client in an event loop, of ``redis.asyncio``.
        seconds: that an answer may take; default 2.
    """
    times = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), seconds)
    return {**times, "retry": retry(NoBackoff(), 0)}


def open_store(redis_url: str = "") -> Store:
    """The store of a service.

    Args:
        redis_url: such as ``redis://:PASSWORD@HOST:6379/0``; empty for a store in this process's memory.

    Raises:
        StoreError: the address is none, or no Redis answers there.
    """
    return Redis(redis_url) if redis_url else Memory()


@dataclass
class _Run:
    """A run as its owner knows it; ``count`` is the number of the last event, of which the last ones are kept."""

    started: float = field(default_factory=time.time)  # seconds since 1970, so that processes can be compared
    state: bytes | None = None
    events: deque[bytes] = field(default_factory=lambda: deque(maxlen=EVENTS))
    count: int = 0
    cancel: bool = False

    def since(self, number: int) -> list[bytes]:
        first = self.count - len(self.events) + 1
        return list(self.events)[max(number - first, 0) :]


class Memory:
    """A store for one process.

    It holds at most 256 MB of cached values, of which those that were not read for longest go first, 1,000 runs, of
    which those that were not written for longest go first, and the last 10,000 events of each.
    """

    waits = False

    def __init__(self, cache_bytes: int = CACHE_BYTES, most_runs: int = RUNS) -> None:
        self._cache_bytes, self._most_runs, self._bytes = cache_bytes, most_runs, 0
        self._cached: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            if key not in self._cached:
                return None
            expires, value = self._cached[key]
            if time.monotonic() >= expires:
                self._forget(key)
                return None
            self._cached.move_to_end(key)
            return value

    def put(self, key: str, value: bytes, seconds: float) -> None:
        with self._lock:
            if key in self._cached:
                self._forget(key)
            self._cached[key] = time.monotonic() + seconds, value
            self._bytes += len(value)
            while self._bytes > self._cache_bytes:
                self._forget(next(iter(self._cached)))

    def _forget(self, key: str) -> None:
        self._bytes -= len(self._cached.pop(key)[1])

    def append(self, run: str, event: bytes) -> int:
        with self._lock:
            own = self._touched(run)
            own.events.append(event)
            own.count += 1
            return own.count

    def set_run(self, run: str, state: bytes) -> None:
        with self._lock:
            self._touched(run).state = state

    def _touched(self, run: str) -> _Run:
        own = self._runs.setdefault(run, _Run())
        self._runs.move_to_end(run)
        while len(self._runs) > self._most_runs:
            self._runs.popitem(last=False)
        return own

    def names(self) -> list[str]:
        with self._lock:
            return list(self._runs)

    def known(self, run: str) -> _Run | None:
        """A copy of a run, which no other thread changes."""
        with self._lock:
            own = self._runs.get(run)
            return replace(own, events=own.events.copy()) if own else None

    def events(self, run: str, since: int = 1) -> list[bytes]:
        own = self.known(run)
        return own.since(since) if own else []

    def run(self, run: str) -> bytes | None:
        own = self.known(run)
        return own.state if own else None

    def runs(self) -> list[bytes]:
        with self._lock:
            newest = sorted(self._runs.values(), key=lambda one: one.started, reverse=True)
            return [one.state for one in newest if one.state is not None]

    def ask_cancel(self, run: str) -> None:
        with self._lock:
            if run in self._runs:
                self._runs[run].cancel = True

    def cancel_asked(self, run: str) -> bool:
        own = self.known(run)
        return bool(own and own.cancel)

    def close(self) -> None:
        pass


class Redis:
    """A store that several processes share. What is written to it expires after a week at the latest.

    The runs of this process are in its own memory as well. What could not be written while Redis was gone, and all of
    it if Redis was started again empty, is written within seconds when Redis is back.
    """

    waits = True

    def __init__(self, url: str) -> None:
        try:
            self._redis: Any = redis.Redis.from_url(url, **without_patience(Retry))
        except ValueError:
            raise StoreError(
                "REDIS_URL is no address of a Redis; allowed are redis://[:PASSWORD@]HOST:PORT/NUMBER,"
                " rediss:// for TLS, and unix://PATH"
            ) from None
        place = self._redis.connection_pool.connection_kwargs
        self._place = place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}"
        self._own, self._unwritten, self._closed = Memory(), set[str](), threading.Event()
        self._mark = f"{_PREFIX}process:{uuid.uuid4().hex}"  # absent: this Redis has not our runs
        with self._asked(), redis.Redis.from_url(url, **without_patience(Retry, _FIRST_ANSWER_SECONDS)) as first:
            first.ping()
        threading.Thread(target=self._keep_up, name="store", daemon=True).start()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise StoreError(
                f"Redis at {self._place} (REDIS_URL) does not do what the service needs"
                f" ({str(error).rstrip('.') or type(error).__name__}): start it, or correct REDIS_URL"
            ) from None

    def get(self, key: str) -> bytes | None:
        with suppress(redis.RedisError):
            return self._redis.get(f"{_PREFIX}cached:{key}")
        return None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        with suppress(redis.RedisError):
            self._redis.set(f"{_PREFIX}cached:{key}", value, px=max(int(seconds * 1000), 1))

    def append(self, run: str, event: bytes) -> int:
        number = self._own.append(run, event)
        self._write_soon(run)
        return number

    def set_run(self, run: str, state: bytes) -> None:
        self._own.set_run(run, state)
        self._write_soon(run)

    def events(self, run: str, since: int = 1) -> list[bytes]:
        if own := self._own.known(run):
            return own.since(since)
        with self._asked():
            return [fields[b""] for _, fields in self._redis.xrange(_key(run, "events"), min=max(since, 1))]

    def run(self, run: str) -> bytes | None:
        if own := self._own.known(run):
            return own.state
        with self._asked():
            return self._redis.get(_key(run, "state"))

    def runs(self) -> list[bytes]:
        with self._asked():
            names = self._redis.zrevrange(f"{_PREFIX}runs", 0, RUNS - 1)
            states = self._redis.mget([_key(name.decode(), "state") for name in names]) if names else []
        return [state for state in states if state is not None]

    def ask_cancel(self, run: str) -> None:
        self._own.ask_cancel(run)
        with self._asked():
            self._redis.set(_key(run, "cancel"), b"1", ex=_WEEK_SECONDS)

    def cancel_asked(self, run: str) -> bool:
        if not self._own.cancel_asked(run) and not self._unwritten:
            with suppress(redis.RedisError):
                return bool(self._redis.exists(_key(run, "cancel")))
        return self._own.cancel_asked(run)

    def close(self) -> None:
        self._closed.set()
        self._redis.close()

    def _write_soon(self, run: str) -> None:
        """Now, or when Redis is back; a run that waits already is not tried again, as each try may take seconds."""
        if run not in self._unwritten:
            try:
                self._write(run)
            except redis.RedisError:
                self._unwritten.add(run)

    def _write(self, run: str) -> None:
        """Bring Redis to what this process knows of a run: all of it or nothing, whatever of it is there already."""
        events, state = _key(run, "events"), _key(run, "state")

        def missing(pipe: Any) -> None:
            last = pipe.xrevrange(events, count=1)
            there = int(last[0][0].split(b"-")[0]) if last else 0
            own = self._own.known(run)
            if own is None:  # dropped meanwhile, as too many others came after it
                return
            if there > own.count:
                raise StoreError(f"run {run} has events of another process; only the one that started it may add some")
            pipe.multi()
            new = own.since(there + 1)
            for number, event in enumerate(new, own.count - len(new) + 1):
                pipe.xadd(events, {b"": event}, id=f"{number}-0", maxlen=EVENTS, approximate=False)
            pipe.expire(events, _WEEK_SECONDS)
            if own.state is not None:
                pipe.set(state, own.state, ex=_WEEK_SECONDS)
                pipe.zadd(f"{_PREFIX}runs", {run: own.started})
                pipe.zremrangebyrank(f"{_PREFIX}runs", 0, -RUNS - 1)
                pipe.expire(f"{_PREFIX}runs", _WEEK_SECONDS)

        self._redis.transaction(missing, events, state)  # watches both, so that it starts again if one changes

    def _keep_up(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            with suppress(redis.RedisError, StoreError):
                if not self._redis.exists(self._mark):
                    self._unwritten.update(self._own.names())
                while self._unwritten:
                    run = self._unwritten.pop()
                    try:
                        self._write(run)
                    except redis.RedisError:
                        self._unwritten.add(run)
                        raise
                self._redis.set(self._mark, b"", ex=_WEEK_SECONDS)


def _key(run: str, part: str) -> str:
    return f"{_PREFIX}run:{run}:{part}"
