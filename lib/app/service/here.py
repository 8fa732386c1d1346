"""The service in a thread of this process, for a notebook or a test: its address, and an end."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn

from lib.app.service import environment
from lib.app.service.web import Service
from lib.errors import ProjectError
from lib.settings import Settings

START_SECONDS = 30


class Here:
    """A service on a free port of this machine, until :meth:`close`.

    Args:
        settings: as :func:`lib.app.service.environment.load` takes them; host and port are chosen here.

    Attributes:
        address: such as ``http://127.0.0.1:40123``.
        service: the service itself.
    """

    def __init__(self, **settings: Any):
        # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        chosen = environment.load(**{**settings, "service_host": "127.0.0.1", "service_port": port})
        self.address, self.service = f"http://127.0.0.1:{port}", Service(chosen)
        options: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 2}
        self._server = uvicorn.Server(uvicorn.Config(self.service.app, ws_max_size=chosen.max_request_bytes, **options))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        waited = threading.Event()
        for _ in range(START_SECONDS * 50):
            if self._server.started:
                return
            waited.wait(0.02)
        raise ProjectError(f"the service did not start within {START_SECONDS} s")

    def close(self) -> None:
        """End it: what runs is given up, what was finished is saved."""
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


def of_run(chosen: Settings, folder: Path) -> Here:
    """A service that offers the prices of a run.

    Args:
        chosen: ``source`` and ``data_dir``.
        folder: where its trained networks are recorded.
    """
    prices = {"price_sources": (chosen.source,), "price_folder": chosen.data_dir or ""}
    return Here(**prices, service_folder=folder, requests_per_minute=6000)
