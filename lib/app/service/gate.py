"""Who may ask, and how much: checked before anything is parsed (section 7.4)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio.retry import Retry

from lib.app.service.environment import ServiceSettings
from lib.app.service.runs import new_identity
from lib.app.service.store import without_patience

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
# Without a token: they tell nothing of anybody. Socket.IO asks for it itself, when a client connects.
OPEN_PATHS = ("/health", "/", "/docs", "/openapi.json", "/favicon.ico")
OPEN_FOLDERS = ("/static-offline-docs/", "/page/", "/socket.io/")
JSON_PATHS = ("/train", "/predict", "/check", "/forecast")
_PORT = re.compile(r":\d*$")


def refusal(status: int, message: str, errors: Any = (), request_id: str = "") -> tuple[int, bytes]:
    """An :class:`lib.app.service.answers.Error` as JSON."""
    body = {"request_id": request_id or new_identity(), "status": "error", "message": message, "errors": list(errors)}
    return status, json.dumps(body).encode()


def token_fits(given: str, wanted: str) -> bool:
    """Whether a client's token is the one that is wanted, in the same time however much of it is right."""
    return not wanted or secrets.compare_digest(given.encode(), wanted.encode())


class Gate:
    """Refuses by host name, origin, token, rate and size; what it lets through goes on to the application.

    Args:
        app: the ASGI application behind it.
        settings: names, origins, token and limits.
    """

    def __init__(self, app: Any, settings: ServiceSettings):
        self._app, self._settings = app, settings
        self._rate = RateLimitItemPerMinute(settings.requests_per_minute)
        url = settings.redis_url
        options = without_patience(Retry)
        storage = RedisStorage(f"async+{url}", implementation="redispy", **options) if url else MemoryStorage()
        self._limiter = MovingWindowRateLimiter(storage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._who(scope, headers) or await self._how_often(scope) or self._what(scope, headers)
        if refused:
            await _refuse(scope, send, *refused)
            return
        begun = too_large = False
        seen = 0

        async def counting() -> Any:
            nonlocal seen, too_large
            message = await receive()
            seen += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            too_large = too_large or seen > self._settings.max_request_bytes
            return {"type": "http.disconnect"} if too_large else message

        async def noting(message: Any) -> None:
            nonlocal begun
            begun = begun or not too_large
            if begun:  # or what the application makes of half a request
                await send(message)

        await self._app(scope, counting, noting)
        if too_large and not begun:
            await _refuse(scope, send, *self._too_large())

    def _who(self, scope: Scope, headers: dict[str, str]) -> tuple[int, bytes] | None:
        settings = self._settings
        host = _PORT.sub("", headers.get("host", "")).strip("[]").lower()
        if host not in settings.allowed_hosts:
            return refusal(400, f"Host {host[:60]!r} is none of this service's names. ALLOWED_HOSTS lists them.")
        origin = headers.get("origin")
        if origin and origin not in settings.cors_origins and origin.partition("://")[2] != headers["host"]:
            return refusal(403, f"Pages of {origin[:60]!r} may not ask this service. CORS_ORIGINS lists others.")
        path = scope["path"].removeprefix(settings.root_path)
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or scope.get("method") == "OPTIONS":
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not token_fits(given if scheme.lower() == "bearer" else "", settings.service_token):
            return refusal(401, "A token is needed: send the header Authorization: Bearer and the service's token.")
        return None

    async def _how_often(self, scope: Scope) -> tuple[int, bytes] | None:
        if scope["path"].endswith("/health"):
            return None  # whoever watches over the service asks often
        client = (scope.get("client") or ("unknown",))[0]
        try:
            if await self._limiter.hit(self._rate, client):
                return None
        except Exception:  # noqa: BLE001  a Redis that is gone must not close the service
            return None
        return refusal(
            429, f"More than {self._rate.amount} requests in a minute. Wait a moment; REQUESTS_PER_MINUTE is the limit."
        )

    def _what(self, scope: Scope, headers: dict[str, str]) -> tuple[int, bytes] | None:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.max_request_bytes:
            return self._too_large()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope.get("method") == "POST" and scope["path"].endswith(JSON_PATHS) and kind != "application/json":
            # A page of another origin can send other kinds without asking first.
            return refusal(415, f"Content-Type is {kind[:60]!r}: send application/json.")
        return None

    def _too_large(self) -> tuple[int, bytes]:
        return refusal(413, f"The request is too large: {self._settings.max_request_bytes} bytes are allowed.")


async def _refuse(scope: Scope, send: Send, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += {401: [(b"www-authenticate", b"Bearer")], 429: [(b"retry-after", b"10")]}.get(status, [])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
