"""The process that executes one notebook: ``python -m lib.runner.execute JOB``.

``JOB`` is a JSON file: notebook, executed (where the copy goes), page (where the HTML goes), run
(the run's name), titles (figure titles are looked up in ``record``), parameters (to inject), state
(file that is kept up to date for the runner), gate (file that keeps kernel starts apart), and,
after a death, salvage (the error to note in what was executed so far).

Exit codes: 0 executed and rendered; 1 the notebook failed; 2 executed, but not rendered.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.progress import FILE_VARIABLE
from lib.runner import copies
from lib.runner.kernel import kernel_manager_class


class State:
    """What the runner should know now, as a small JSON file that is replaced as a whole."""

    def __init__(self, path: str):
        self.path, self.known = path, {}

    def tell(self, **news: Any) -> None:
        """Add to what is known and leave it for the runner."""
        self.known.update(news)
        draft = f"{self.path}.draft"
        Path(draft).write_text(json.dumps(self.known), encoding="utf-8")
        os.replace(draft, self.path)


def end_with_runner(state: State) -> None:
    """Take the kernel along when this process is told to end or when the runner itself has died."""

    def leave(code: int) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(KeyError, ProcessLookupError):
                os.killpg(state.known["kernel"], sign)
                time.sleep(0.3)
        os._exit(code)

    def listen() -> None:
        sys.stdin.buffer.read()
        leave(3)

    signal.signal(signal.SIGTERM, lambda *_: leave(143))
    threading.Thread(target=listen, daemon=True).start()


def run_notebook(job: dict[str, Any], state: State, draft: Path) -> dict[str, Any] | None:
    """Execute with papermill into ``draft``; returns the error, or None if all went well."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError

    source = nbformat.read(job["notebook"], as_version=4)
    tagged = [i for i, c in enumerate(source.cells) if "parameters" in c.metadata.get("tags", [])]
    # papermill puts the injected cell behind the parameters cell; people count the cells without it.
    injected = tagged[0] + 1 if tagged and job["parameters"] else len(source.cells) + 1
    present: dict[str, Any] = {}

    def describe(index: int, text: str) -> dict[str, Any]:
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        return {"index": index, "cell": index + 1 if index < injected else index, "line": first[:120]}

    def on_start(cell: Any, cell_index: int) -> None:
        present.update(describe(cell_index, cell.source))
        Path(os.environ[FILE_VARIABLE]).unlink(missing_ok=True)
        state.tell(**present, cells=len(source.cells), cell_started=time.time())

    try:
        papermill.execute_notebook(
            job["notebook"],
            str(draft),
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            cwd=str(Path(job["notebook"]).parent),
            progress_bar=False,
            start_timeout=120,
            kernel_manager_class=kernel_manager_class(job["gate"], lambda pid: state.tell(kernel=pid)),
            on_cell_start=on_start,
        )
    except papermill.PapermillExecutionError as error:
        count = error.exec_count
        return {
            **describe(error.cell_index, error.source),
            "count": count,
            "ename": error.ename,
            "evalue": error.evalue,
        }
    except DeadKernelError:
        why = "the kernel died while this cell ran. Most often memory ran out: run it with fewer --jobs, or alone with --only"
        return {**present, "ename": "DeadKernelError", "evalue": why}
    except Exception as error:  # papermill, nbclient and jupyter_client raise many kinds; each fails this notebook only
        return {**present, "ename": type(error).__name__, "evalue": str(error)[:2000]}
    return None


def peak_megabytes() -> float:
    """Largest resident memory of any one process below this one, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6, 1)


def main(job_file: str) -> int:
    """Execute, keep the copy, render; everything worth knowing goes to the state file."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    state = State(job["state"])
    executed = Path(job["executed"])
    draft = copies.draft_of(executed)
    started = time.time()
    if "salvage" in job:
        error = job["salvage"]
    else:
        end_with_runner(state)
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        error = run_notebook(job, state, draft)
        state.tell(error=error, seconds=round(time.time() - started, 1), peak_memory_mb=peak_megabytes())
    try:
        copies.keep(draft, executed, Path(job["notebook"]), error)
        from lib.report import page

        page.write(executed, Path(job["page"]), job["run"], state.known.get("seconds"), error, Path(job["record"]))
        state.tell(rendered=True)
    except Exception as trouble:  # whatever stops the rendering must not hide how the notebook itself went
        state.tell(rendered=False, trouble=f"{type(trouble).__name__}: {trouble}")
        return 1 if error else 2
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
