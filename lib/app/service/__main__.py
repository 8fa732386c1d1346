"""Start the service: python -m lib.app.service --help"""

from __future__ import annotations

import argparse
import logging
import sys

from lib import settings as parameters
from lib.app.serve import check_port, listen, workers
from lib.app.service import environment
from lib.errors import ProjectError


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
    print("Starting worker processes ...", flush=True)
    scheduler = chosen.dask_scheduler_address or None
    with workers(parameters.sample().changed(workers=chosen.workers, scheduler=scheduler)):
        print(f"The service: http://{chosen.service_host}:{chosen.service_port}/docs   (Ctrl-C ends it)", flush=True)
        listen(service.app, chosen)


if __name__ == "__main__":
    sys.exit(main())
