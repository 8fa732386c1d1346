"""What happens in the process of one notebook: execute it, keep the copy, render the page.

It reports to the runner through a pipe, as dictionaries: kernel (its process number), cell, cells, line, then
error, peak_memory_mb, then rendered and perhaps trouble.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from lib.errors import how_it_died
from lib.results.progress import FILE_VARIABLE
from lib.runner import copies
from lib.settings import PROJECT_ROOT

KERNELS_APART_SECONDS = 1.0
IF_MEMORY = "Run it with fewer --jobs, or alone with --only"


@dataclass(frozen=True)
class Job:
    """One notebook to execute.

    Attributes:
        root: the run's folder, which gets the executed copy and the page.
        parameters: what papermill injects.
        work: a folder for log, progress and the lock between kernel starts.
        environment: further variables that the kernel sees.
    """

    notebook: Path
    root: Path
    parameters: Mapping[str, Any]
    work: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def executed(self) -> Path:
        return self.root / "notebooks" / self.notebook.name

    @property
    def page(self) -> Path:
        return self.root / "html" / f"{self.notebook.stem}.html"

    def file(self, kind: str) -> Path:
        """A file of this notebook in ``work``: log or progress."""
        return self.work / f"{self.notebook.stem}.{kind}"


def end_tree(top: psutil.Process) -> None:
    """End a process and all below it by force; on POSIX also the group that it leads, which may outlive it."""
    with suppress(psutil.NoSuchProcess):
        for process in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(top.pid, signal.SIGKILL)


def run(job: Job, pipe: Connection) -> None:
    """Execute, keep the copy, render."""
    _prepare(job)
    started, draft = time.time(), copies.draft_of(job.executed)
    draft.parent.mkdir(parents=True, exist_ok=True)
    error = _execute(job, draft, pipe)
    seconds = round(time.time() - started, 1)
    pipe.send({"error": error, "peak_memory_mb": peak_megabytes()})
    try:
        from lib.report import page

        copies.keep(job.executed, job.notebook, error)
        record = job.root / "records" / f"{job.notebook.stem}.json"
        page.write(job.executed, job.page, job.root.name, seconds, error, record)
        pipe.send({"rendered": True})
    except Exception as trouble:  # whatever stops the rendering must not hide how the notebook itself went
        pipe.send({"rendered": False, "trouble": f"{type(trouble).__name__}: {trouble}"})


def peak_megabytes() -> float | None:
    """Largest resident memory of any one process below this one, in MB; None on Windows, which does not say."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6, 1)


def _prepare(job: Job) -> None:
    """A group of its own (Ctrl-C is the runner's affair), a log, the kernel's variables, an end with the runner's."""
    # The validator of notebooks would load this for addresses, which no notebook's fields hold: most of a second.
    sys.modules["rfc3987_syntax"] = None
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # again, for what the notebook starts itself
    with job.file("log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    path = [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ.update(job.environment)
    os.environ[FILE_VARIABLE] = str(job.file("progress"))
    os.environ["PYTHONHASHSEED"], os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "0", "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in path if p)
    threading.Thread(target=_end_with_runner, daemon=True).start()


def _end_with_runner() -> None:
    """Wait until the runner is gone, in whatever way, then end everything below this process and itself."""
    if runner := multiprocessing.parent_process():
        runner.join()
    for child in psutil.Process().children():
        end_tree(child)
    os._exit(3)


def _execute(job: Job, draft: Path, pipe: Connection) -> dict[str, Any] | None:
    """Execute with papermill into ``draft``; returns the error, or None if all went well."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError

    source = nbformat.read(job.notebook, as_version=4)
    tagged = [i for i, c in enumerate(source.cells) if "parameters" in c.metadata.get("tags", [])]
    # papermill puts the injected cell behind the parameters cell; people count the cells without it.
    injected = tagged[0] + 1 if tagged and job.parameters else len(source.cells) + 1
    present: dict[str, Any] = {}
    kernels: list[subprocess.Popen] = []

    def describe(index: int, text: str) -> dict[str, Any]:
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        return {"index": index, "cell": index + 1 if index < injected else index, "line": first[:120]}

    def on_start(cell: Any, cell_index: int) -> None:
        present.update(describe(cell_index, cell.source))
        job.file("progress").unlink(missing_ok=True)
        pipe.send({**present, "cells": len(source.cells)})

    try:
        papermill.execute_notebook(
            job.notebook,
            draft,
            parameters=dict(job.parameters),
            kernel_name="python3",
            language="python",
            cwd=job.notebook.parent,
            progress_bar=False,
            start_timeout=120,
            kernel_manager_class=_kernel_manager_class(job.work / "gate", pipe, kernels),
            on_cell_start=on_start,
        )
    except papermill.PapermillExecutionError as error:
        where = {**describe(error.cell_index, error.source), "count": error.exec_count}
        return {**where, "ename": error.ename, "evalue": error.evalue}
    except DeadKernelError:
        why = how_it_died(kernels[-1].poll() if kernels else None, IF_MEMORY)
        return {**present, "ename": "DeadKernelError", "evalue": f"the kernel died while this cell ran: {why}"}
    except Exception as error:  # papermill, nbclient and jupyter_client raise many kinds; each fails this notebook only
        return {**present, "ename": type(error).__name__, "evalue": str(error)[:2000]}
    return None


def _kernel_manager_class(gate: Path, pipe: Connection, kernels: list[subprocess.Popen]) -> type:
    """Kernels on this very interpreter, whatever kernel named python3 is registered, started a second apart.

    Each is added to ``kernels``, as only its own process says how it died.
    """
    from filelock import FileLock
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class OwnKernelManager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
            with FileLock(gate):  # until the ports that were found free are taken, no other kernel may look for some
                await super()._async_launch_kernel(kernel_cmd, **kw)
                local: Any = self.provisioner  # the general one knows no process numbers
                pipe.send({"kernel": local.pid})
                kernels.append(local.process)
                time.sleep(KERNELS_APART_SECONDS)

        _launch_kernel = _async_launch_kernel

    return OwnKernelManager
