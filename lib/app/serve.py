"""Serve the forecast widget as a web page: python -m lib.app.serve --help

Voila runs the notebook in a process of its own for each visitor; trainings run in worker processes that all visitors
share. Nothing outside this machine is contacted, unless a page asks Yahoo for prices.
"""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lib import settings
from lib.app.service import environment
from lib.errors import ProjectError
from lib.settings.places import PROJECT_ROOT, resolve

SAMPLE = PROJECT_ROOT / "params" / "sample.yaml"
NOTEBOOK = "notebooks/11_forecast_widget.ipynb"
HOST = "127.0.0.1"
PORT = 8866
TEMPLATE = "forecast"
PAGE = Path(__file__).with_name("page")  # laid out as Jupyter's data folders are: voila/templates/NAME


class ServeError(ProjectError):
    """The page cannot be served."""


def check_notebook(notebook: str | Path) -> Path:
    """The notebook's path, once it is known to be there."""
    path = resolve(notebook)
    if path.suffix != ".ipynb" or not path.is_file():
        raise ServeError(
            f"{notebook} is no notebook that can be served: name a file that ends in .ipynb, such as {NOTEBOOK}"
        )
    return path


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


def configuration(
    notebook: Path, port: int, open_browser: bool, spare: int, access: environment.ServiceSettings
) -> dict[str, dict[str, object]]:
    """Voila's settings, each with its reason.

    Args:
        notebook: what is served.
        port: where.
        open_browser: whether a browser is opened.
        spare: processes that have run the notebook before anyone asks; each serves one visitor and is then replaced.
        access: the address to listen on, the names under which it answers, the token that visitors have to give, and
            the sub-path under which a proxy offers it, which the proxy leaves out.
    """
    from lib.app import page_theme

    # The browser asks no other host; widgets load their scripts from blobs.
    policy = (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'self'; base-uri 'self';"
        " form-action 'self'"
    )
    return {
        "Voila": {
            "ip": access.service_host,
            "port": port,
            "port_retries": 0,
            "base_url": f"{access.root_path}/",
            "server_url": "/",
            "token": access.service_token or None,
            "open_browser": open_browser,
            "notebook_path": str(notebook),
            "log_level": "WARN",
            # Remote access: with it a page elsewhere could reach this server under another name. The check of forged
            # requests: Voila sets no cookie for it, so the message of a closing page would be refused; a request has to
            # name the page's kernel anyway, and its id cannot be guessed.
            "tornado_settings": {
                "headers": {"Content-Security-Policy": policy},
                "allow_remote_access": False,
                "local_hostnames": list(access.allowed_hosts),
                "disable_check_xsrf": True,
            },
        },
        "VoilaConfiguration": {
            "template": TEMPLATE,
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "strip_sources": True,
            "show_tracebacks": False,
            "extension_allowlist": [
                "@voila-dashboards/widgets-manager8",
                "@jupyter-widgets/jupyterlab-manager",
                "anywidget",
                "jupyterlab-plotly",
            ],
            "multi_kernel_manager_class": "lib.app.kernels.PageKernels",
            "preheat_kernel": spare > 0,
            "default_pool_size": spare,
            "http_keep_alive_timeout": 5,
            "resources": {"forecast": {"colours": page_theme.rules("html[data-forecast-page]")}},
        },
        # Voila gives a cell's output up after 4 s, which a busy machine may need.
        "VoilaExecutor": {"iopub_timeout": 30},
        # A page that is closed ends its process itself; these are for a browser that crashed or a lost network.
        "MappingKernelManager": {
            "cull_idle_timeout": 300,
            "cull_interval": 30,
            "cull_connected": False,
            "cull_busy": False,
        },
        # A process that was started again would know nothing of the page's widgets: better to say that it has ended.
        "KernelRestarter": {"restart_limit": 0},
    }


def run(
    notebook: Path,
    port: int,
    access: environment.ServiceSettings,
    open_browser: bool = True,
    spare: int = 1,
    parameters: Mapping[str, object] | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; ``parameters`` are those of the notebook that differ."""
    from lib.app import page_notebook

    given = parameters or {}
    print("Starting worker processes and the page ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="page_") as folder, _workers(given) as wait_until_warm:
        values = configuration(page_notebook.write(notebook, Path(folder), given), port, open_browser, spare, access)
        _run(values, f"http://{access.service_host}:{port}/", wait_until_warm)


@contextmanager
def _workers(parameters: Mapping[str, object]) -> Iterator[Callable[[], None]]:
    """Worker processes that every visitor's kernel reaches by address, unless a cluster is named already.

    Gives a function that waits until they have loaded TensorFlow.
    """
    from lib.experiments import pool

    chosen = settings.load(SAMPLE, parameters)
    if address := settings.scheduler_address(chosen.scheduler):
        os.environ[pool.ADDRESS_VARIABLE] = address
        yield lambda: None
        return
    with pool.local(chosen) as address:
        os.environ[pool.ADDRESS_VARIABLE] = address
        yield lambda: pool.warm_up(address, chosen.threads)


def _run(values: dict[str, dict[str, object]], address: str, wait_until_warm: Callable[[], None]) -> None:
    # The page's copy of the notebook is in another folder.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH"))))
    # Voila finds templates among Jupyter's data folders.
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(PAGE), os.environ.get("JUPYTER_PATH"))))
    from traitlets.config import Config
    from voila.app import Voila

    os.chdir(PROJECT_ROOT)
    served = Voila.instance(config=Config(values))
    served.initialize([])
    wait_until_warm()  # or the first visitor's page would be prepared beside it
    print(f"The forecast widget: {address}   (Ctrl-C ends it)", flush=True)
    served.start()


def main(words: list[str] | None = None) -> int:
    """Read the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.app.serve",
        allow_abbrev=False,
        description="Serve the forecast widget as a web page on this machine (formerly python -m lib.widget.serve).",
        epilog="Trainings run in worker processes that all visitors share: -p workers=N sets their number (two by"
        " default); -p scheduler=tcp://HOST:PORT or the variable DASK_SCHEDULER_ADDRESS names a Dask cluster to be used"
        " instead. SERVICE_TOKEN, which visitors then have to give, and ALLOWED_HOSTS are those of the service: see"
        " .env.example.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument("--host", default=HOST, help=f"address to listen on; another than {HOST} needs SERVICE_TOKEN")
    parser.add_argument("--root-path", default="", metavar="PATH", help="where a proxy offers it, such as /dashboard")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--notebook", default=NOTEBOOK, metavar="FILE", help=f"default: {NOTEBOOK}")
    parser.add_argument(
        "--spare",
        type=int,
        default=1,
        metavar="N",
        help="processes that are ready for the next visitors, 0 to 8; default: 1",
    )
    parser.add_argument(
        "-p",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the notebook, such as source=folder; repeatable",
    )
    given = parser.parse_args(words)
    try:
        notebook = check_notebook(given.notebook)
        access = environment.load(service_host=given.host, root_path=given.root_path)
        check_port(given.port, given.host)
        if not 0 <= given.spare <= 8:
            raise ServeError(f"--spare {given.spare}: 0 to 8 are allowed; each costs the memory of one Python process")
        parameters = dict(settings.parse_override(text) for text in given.overrides)
        settings.load(SAMPLE, parameters)
        run(notebook, given.port, access, not given.no_browser, given.spare, parameters)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
