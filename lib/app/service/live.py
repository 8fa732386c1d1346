"""Events as they happen, over Socket.IO (Table 5.2, Appendix 7); with Redis those of every process of the service."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import socketio
from anyio import to_thread
from redis.asyncio.retry import Retry
from socketio.exceptions import ConnectionRefusedError as Refused

from lib.app.sentences import for_page
from lib.app.service.environment import ServiceSettings
from lib.app.service.gate import token_fits
from lib.app.service.store import without_patience
from lib.errors import ProjectError

_REQUEST = re.compile(r"\d{14}-[0-9a-f]{6}")
_HEARERS = "everybody with a token"


class Live:
    """The Socket.IO side of the service.

    Args:
        settings: token, origins, Redis.

    Attributes:
        server: python-socketio's server, for the ASGI application.
    """

    def __init__(self, settings: ServiceSettings):
        self._settings = settings
        options = without_patience(Retry)
        url = settings.redis_url
        manager = socketio.AsyncRedisManager(url, redis_options=options) if url else None
        self.server = socketio.AsyncServer(
            async_mode="asgi",
            client_manager=manager,
            cors_allowed_origins="*",  # the gate has looked at the origin already
            max_http_buffer_size=settings.max_request_bytes,
        )
        self._events: Callable[[str, int], list[dict[str, Any]]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self.server.on("connect", self._connect)
        self.server.on("follow", self._follow)

    def follow_with(self, events: Callable[[str, int], list[dict[str, Any]]]) -> None:
        """Name the function that gives a training's events from a number on."""
        self._events = events

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send from now on, in this event loop."""
        self._loop, self._sender = loop, loop.create_task(self._send())

    def end(self) -> None:
        """Send nothing any more."""
        if self._sender is not None:
            self._sender.cancel()

    def tell(self, name: str, payload: dict[str, Any]) -> None:
        """Send an event to everybody who is connected; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended with the service
                self._loop.call_soon_threadsafe(self._queue.put_nowait, (name, payload))

    async def _send(self) -> None:
        while True:
            name, payload = await self._queue.get()
            await self.server.emit(name, payload, room=_HEARERS)

    async def _connect(self, sid: str, environ: Any, auth: Any = None) -> None:
        header = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")[2]
        given = auth.get("token", "") if isinstance(auth, dict) else header
        if not token_fits(str(given), self._settings.service_token):
            raise Refused("a token is needed: connect with auth: {token: ...}")
        await self.server.enter_room(sid, _HEARERS)

    async def _follow(self, sid: str, asked: Any = None) -> dict[str, Any]:
        """Send a client the events of a training from a number on, and say how many there were."""
        request_id, since = (asked.get("request_id"), asked.get("since", 1)) if isinstance(asked, dict) else (None, 1)
        if not isinstance(request_id, str) or not _REQUEST.fullmatch(request_id):
            return {"error": "request_id: name a training, as POST /train gave it"}
        if not isinstance(since, int) or isinstance(since, bool) or not 1 <= since <= 10**9:
            return {"error": "since: a whole number from 1 on, the first event that is wanted"}
        try:
            found = await to_thread.run_sync(self._events, request_id, since) if self._events else []
        except ProjectError as error:
            return {"error": for_page(error)}
        for event in found:
            await self.server.emit(event["event"], event, to=sid)
        return {"request_id": request_id, "sent": len(found)}
