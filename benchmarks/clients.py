"""Clients that ask one thing again and again over kept connections: light, and in a process of their own.

    python -m benchmarks.clients ADDRESS BODY --clients 50 --seconds 10

Prints JSON: each answer's milliseconds, how many were wrong, the processor's seconds that asking took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit


class _Client(asyncio.Protocol):
    """Sends a request, and when its answer is whole the next one, until the end."""

    def __init__(self, request: bytes, until: float):
        self._request, self._until, self._seen, self._wanted = request, until, b"", 0
        self.milliseconds: list[float] = []
        self.errors = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._seen, self._wanted, self._begun = b"", 0, time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._wanted and (head := self._seen.find(b"\r\n\r\n")) >= 0:
            length = self._seen[:head].lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._wanted = head + 4 + int(length)
        if not self._wanted or len(self._seen) < self._wanted:
            return
        now = time.perf_counter()
        self.milliseconds.append(1000 * (now - self._begun))
        self.errors += not self._seen.startswith(b"HTTP/1.1 200 ")
        if now < self._until:
            self._ask()
        else:
            self._end()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.errors += 1
            self._end()

    def _end(self) -> None:
        self.ended.set_result(None)
        self._transport.close()


async def ask(address: str, body: str, clients: int, seconds: float) -> dict[str, object]:
    """POST a body for so many seconds with so many clients at once."""
    parts = urlsplit(address)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()
    begun, used = time.perf_counter(), time.process_time()
    made = [_Client(request, begun + seconds) for _ in range(clients)]
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.create_connection(lambda one=one: one, parts.hostname, parts.port) for one in made))
    await asyncio.gather(*(one.ended for one in made))
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
        "errors": sum(one.errors for one in made),
        "milliseconds": [round(ms, 3) for one in made for ms in one.milliseconds],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients", allow_abbrev=False)
    parser.add_argument("address")
    parser.add_argument("body")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(ask(given.address, given.body, given.clients, given.seconds))))
