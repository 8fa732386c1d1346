"""Start the service: python -m lib.app.service --help"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING

from lib import settings as parameters
from lib.app.serve import check_port
from lib.app.service import environment
from lib.errors import ProjectError
from lib.experiments import pool
from lib.settings.places import PROJECT_ROOT

if TYPE_CHECKING:
    from lib.app.service.web import Service


def main(words: list[str] | None = None) -> int:
    """Read the command line and serve until Ctrl-C or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.app.service",
        allow_abbrev=False,
        description="Train, predict and follow over HTTP and Socket.IO. /docs describes every request and answer.",
        epilog="Further settings are variables of the environment or lines of the file .env: see .env.example.",
    )
    parser.add_argument("--host", help="address to listen on; default: SERVICE_HOST, or 127.0.0.1")
    parser.add_argument("--port", help="default: SERVICE_PORT, or 5000")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster, such as tcp://10.0.0.5:8786")
    given = parser.parse_args(words)
    try:
        chosen = environment.load(
            service_host=given.host, service_port=given.port, dask_scheduler_address=given.scheduler
        )
        check_port(chosen.service_port, chosen.service_host)
        run(chosen)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run(chosen: environment.ServiceSettings) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from lib.app.service.web import Service

    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("lib.app.service")  # not the root, or Dask tells of each of its connections
    log.addHandler(shown)
    log.setLevel(logging.INFO)
    service = Service(chosen)  # first, as it refuses a Redis that is not there
    if chosen.dask_scheduler_address:
        os.environ[pool.ADDRESS_VARIABLE] = chosen.dask_scheduler_address
        _serve(service)
        return
    print("Starting worker processes ...", flush=True)
    with pool.local(parameters.sample().changed(workers=chosen.workers)) as address:
        os.environ[pool.ADDRESS_VARIABLE] = address
        _serve(service)


def _serve(service: Service) -> None:
    import uvicorn

    chosen = service.settings
    os.chdir(PROJECT_ROOT)
    print(f"The service: http://{chosen.service_host}:{chosen.service_port}/docs   (Ctrl-C ends it)", flush=True)
    uvicorn.run(
        service.app,
        host=chosen.service_host,
        port=chosen.service_port,
        log_level="warning",
        server_header=False,
        ws_max_size=chosen.max_request_bytes,
        timeout_keep_alive=30,  # longer than clients keep a connection, or one asks as it is being closed
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    sys.exit(main())
