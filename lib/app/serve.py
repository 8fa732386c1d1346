"""Serve the dashboard as a web page: python -m lib.app.serve --help

One process serves all visitors; trainings run in worker processes that they share. Nothing outside this machine is
contacted, unless a page asks Yahoo for prices.
"""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lib import settings
from lib.app.service import environment
from lib.errors import ProjectError
from lib.settings import Settings
from lib.settings.places import PROJECT_ROOT

SAMPLE = PROJECT_ROOT / "params" / "sample.yaml"
HOST = "127.0.0.1"
PORT = 8866


class ServeError(ProjectError):
    """The page cannot be served."""


def check_port(port: int, host: str = HOST) -> None:
    """Say so if nothing can listen on a port of an address of this machine."""
    if not 1 <= port <= 65535:
        raise ServeError(f"port {port} cannot be: 1 to 65535 are allowed, such as --port {PORT}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServeError(
                    f"port {port} is in use, perhaps by this already: open http://{host}:{port}/, or choose"
                    " another with --port"
                ) from None
            raise ServeError(
                f"port {port} of {host} may not be used here ({error.strerror}): choose another above 1023 with --port,"
                " and an address of this machine with --host"
            ) from None


def listen(app: Any, chosen: environment.ServiceSettings, **options: Any) -> None:
    """Serve an application until Ctrl-C or SIGTERM.

    Args:
        app: ASGI.
        chosen: where, and how large a message may be.
        options: of uvicorn.
    """
    import uvicorn

    os.chdir(PROJECT_ROOT)
    uvicorn.run(
        app,
        host=chosen.service_host,
        port=chosen.service_port,
        log_level="warning",
        server_header=False,
        ws_max_size=chosen.max_request_bytes,
        timeout_keep_alive=30,  # longer than clients keep a connection, or one asks as it is being closed
        timeout_graceful_shutdown=5,
        **options,
    )


@contextmanager
def workers(chosen: Settings) -> Iterator[None]:
    """Worker processes that this process reaches by address, unless a cluster is named already."""
    from lib.experiments import pool

    if address := settings.scheduler_address(chosen.scheduler):
        os.environ[pool.ADDRESS_VARIABLE] = address
        yield
        return
    with pool.local(chosen) as address:
        os.environ[pool.ADDRESS_VARIABLE] = address
        yield


def run(chosen: Settings, access: environment.ServiceSettings, open_browser: bool = True) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM.

    Args:
        chosen: the prices that are shown first, ``threads`` and number of workers.
        access: address, port, token and limits.
        open_browser: whether a browser is opened.
    """
    from lib.app.dashboard.web import Pages

    print("Starting worker processes ...", flush=True)
    with workers(chosen):
        pages = Pages(chosen, access)
        address = f"http://{access.service_host}:{access.service_port}/"
        print(f"The dashboard: {address}   (Ctrl-C ends it)", flush=True)
        if open_browser:
            threading.Timer(0.5, webbrowser.open, (address,)).start()
        listen(pages.app, access)


def main(words: list[str] | None = None) -> int:
    """Read the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.app.serve",
        allow_abbrev=False,
        description="Serve the dashboard as a web page on this machine.",
        epilog="Trainings run in worker processes that all visitors share: -p workers=N sets their number (two by"
        " default); -p scheduler=tcp://HOST:PORT or the variable DASK_SCHEDULER_ADDRESS names a Dask cluster to be used"
        " instead. SERVICE_TOKEN, which visitors then have to give, ALLOWED_HOSTS and the limits are those of the"
        " service: see .env.example.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument("--host", default=HOST, help=f"address to listen on; another than {HOST} needs SERVICE_TOKEN")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "-p",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the run, such as source=folder; repeatable",
    )
    given = parser.parse_args(words)
    try:
        check_port(given.port, given.host)
        access = environment.load(service_host=given.host, service_port=given.port)
        parameters: Mapping[str, object] = dict(settings.parse_override(text) for text in given.overrides)
        run(settings.load(SAMPLE, parameters), access, not given.no_browser)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
