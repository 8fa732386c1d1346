"""Whole runs of tiny notebooks with real kernels: order, failures, deaths, stops, what is left behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml

from lib import settings
from lib.runner import command, session

ROOT = settings.PROJECT_ROOT
STORE = """from lib import settings
from lib.results import artifacts
P = settings.from_notebook(globals())
store = artifacts.Store(P, '01_good')"""
FACTS = "store.fact(data={'BTC-USD': {'rows': 3, 'sha256': 'abc'}}, seeds={'BTC-USD': 5})\nprint(store.finish())"
PROGRESS = (
    "from lib.results.progress import Progress\nwith Progress('steps', 3, 0) as p:\n    for i in range(3): p.step()"
)
SHOW = "import sys, os\nprint(sys.executable, P.seed, P.start_date, list(P.networks), os.getcwd())"
POOL = "print('pool', os.environ.get('DASK_SCHEDULER_ADDRESS'))"


def printed(path: Path) -> str:
    book = nbformat.read(path, as_version=4)
    return "".join(o.get("text", "") for c in book.cells for o in c.get("outputs", []))


def leave_traces(out: Path) -> None:
    """What earlier runs left: a draft, an entry of another notebook, a damaged record."""
    for folder in ("notebooks", "records"):
        (out / folder).mkdir(parents=True)
    (out / "notebooks" / ".04_after.running.ipynb").write_text("left by a run that was killed")
    (out / "records" / "09_old.json").write_text("{")
    entries = {"07_other": {"status": "running"}, "08_kept": {"status": "done", "seconds": 5.0}}
    before = {"started": "2026", "wall_seconds": 9.0, "selected": ["08_kept"], "only": [], "notebooks": entries}
    (out / "run.json").write_text(json.dumps(before))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, put):
    """One run of everything that can happen: (folder, exit code, text, run.json)."""
    base = tmp_path_factory.mktemp("run")
    books = base / "notebooks"
    put(books, "01_good", STORE, SHOW, POOL, PROGRESS, FACTS, seconds=3, trains=True)
    put(books, "02_alone", "import time\ntime.sleep(2)")
    put(books, "03_bad", "x = 1", "# comment first\nraise ValueError('no such\\nthing')", "1", after=["01_good"])
    put(books, "04_after", "print('never')", after=["03_bad", "01_good"])
    put(books, "05_kernel", "x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    put(books, "06_process", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)")
    put(books, "07_other", "1")
    put(books, "08_kept", "1")
    leave_traces(base / "out")
    fake = base / "jupyter" / "kernels" / "python3"
    fake.mkdir(parents=True)
    (fake / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "Another", "language": "python"}')
    out, only = io.StringIO(), ["1", "02_alone", "03", "4", "5", "6"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(base / "jupyter"))
        patch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://here:1")
        overrides = [f"output_dir={base / 'out'}", "seed=11"]
        code = command.run("params/sample.yaml", overrides, only=only, jobs=3, notebooks_dir=books, out=out)
    return base / "out", code, out.getvalue(), json.loads((base / "out" / "run.json").read_text())


def test_failures_are_named_in_the_last_lines_and_give_code_1(finished):
    _, code, text, _ = finished
    assert code == 1
    last = text[text.index("Finished after") :]
    for line in (
        "2 done, 3 failed, 1 not run\n",
        "-p seed=11 --only 03 04 05 06\n",
        "04_after not run: 03_bad failed\n",
        "records/09_old.json is damaged",
        "03_bad failed in cell 4 (In [4]), which begins with `# comment first`: ValueError: no such\nthing\n",
        "05_kernel failed in cell 4, which begins with `import os, signal`: DeadKernelError: the kernel died while this"
        " cell ran: illegal instruction (SIGILL): this processor lacks instructions",
        "06_process failed in cell 3, which begins with `import os, signal`: ProcessDied: the process that executed it"
        " died before it was finished: it was killed (SIGKILL), most often because memory ran out. Run it with fewer",
    ):
        assert line in last


def test_one_line_per_event(finished):
    lines = [line[7:] for line in finished[2].splitlines()]
    assert "  01_good  started" in lines and "  04_after  not run: 03_bad failed" in lines
    assert sum("  02_alone  " in line for line in lines) == 2 and not [line for line in lines if "\x1b" in line]


def test_what_does_not_depend_on_a_failure_finishes(finished):
    root, _, _, run = finished
    states = {n: e["status"] for n, e in run["notebooks"].items()}
    assert list(states.values()) == ["done", "done", "failed", "not run", "failed", "failed", "stopped", "done"]
    assert not (root / "notebooks" / "04_after.ipynb").exists()


def test_order_and_side_by_side(finished):
    entries = finished[3]["notebooks"]
    began = {n: datetime.fromisoformat(e["started"]) for n, e in entries.items() if e.get("started")}
    ended = {n: datetime.fromisoformat(e["finished"]) for n, e in entries.items() if e.get("started")}
    assert began["02_alone"] < ended["01_good"] and began["01_good"] < ended["02_alone"]
    assert began["03_bad"] >= ended["01_good"]


def test_executed_copies_and_pages_show_the_failure(finished):
    root = finished[0]
    book = nbformat.read(root / "notebooks" / "03_bad.ipynb", as_version=4)
    errors = [o for c in book.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert [(e.ename, e.evalue) for e in errors] == [("ValueError", "no such\nthing")]
    assert "DeadKernelError" in (root / "html" / "05_kernel.html").read_text()
    assert not (root / "html" / "06_process.html").exists() and "09_old.json" in (root / "index.html").read_text()


def test_parameters_interpreter_folder_and_pool_of_the_kernel(finished):
    words = printed(finished[0] / "notebooks" / "01_good.ipynb").split("\n")
    shown = sys.executable.replace(sys.prefix, "(python)")
    assert words[0].startswith(f"{shown} 11 2020-01-01 ['CNN', 'LSTM', 'CNN-LSTM', 'LSTM-CNN'] ")
    assert words[0].endswith("/notebooks") and words[1] == "pool tcp://here:1"
    assert sum(word.startswith("steps:") for word in words) == 1, "progress lines keep their last state only"


def test_the_complete_parameters_are_left_as_a_file(finished):
    chosen = settings.load(finished[0] / "parameters.yaml")
    assert chosen.plain() == finished[3]["parameters"]
    assert yaml.safe_load((finished[0] / "parameters.yaml").read_text())["seed"] == 11


def test_a_scheduler_that_a_parameter_names_is_the_runs_pool(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with session.start_pool(settings.sample().changed(scheduler="tcp://there:1")) as address:
        assert address == "tcp://there:1"


def test_run_json_says_from_what_and_by_what(finished):
    root, _, _, run = finished
    assert run["parameters"]["seed"] == 11 and run["threads"] == 1 and run["device"] == "CPU"
    assert run["scheduler"] == "tcp://here:1"
    assert run["seeds"] == {"run": 11, "01_good": {"BTC-USD": 5}}
    assert run["overrides"] == ["output_dir", "seed"] and run["parameter_file"] == "params/sample.yaml"
    assert run["data"] == {"BTC-USD": {"rows": 3, "sha256": "abc"}}
    assert run["packages"]["papermill"] and run["packages"]["TA-Lib"] and run["python"].startswith("3.")
    assert len(run["code"]["sha256"]) == 64 and "commit" in run["code"] and run["result"] == "failed"
    alone = run["notebooks"]["02_alone"]
    assert alone["seconds"] >= 2 and alone["peak_memory_mb"] > 20 and alone["cpu"] and alone["versions"]["numpy"]
    assert run["notebooks"]["03_bad"]["error"]["cell"] == 4 and run["notebooks"]["08_kept"]["seconds"] == 5
    assert run["finished"] > run["started"] and run["wall_seconds"] > 2
    kept = {"status": "done", "seconds": 5.0, "peak_memory_mb": None, "cpu": None}
    assert run["earlier_runs"][0]["wall_seconds"] == 9 and run["earlier_runs"][0]["notebooks"] == {"08_kept": kept}
    assert [p.name for p in root.glob(".*")] == [".lock"] and not list((root / "notebooks").glob(".*"))


LONG = """import os, subprocess, sys, time
sub = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])
open({!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} {{sub.pid}}\\n')
time.sleep(300)"""
CALL = """import sys
from pathlib import Path
from lib.runner import command
folder = Path({!r})
given = [f'output_dir={{folder}}/out']
sys.exit(command.run('params/sample.yaml', given, only=['01', '02'], notebooks_dir=folder / 'notebooks'))"""

pytestmark = pytest.mark.slow  # real kernels


def stop(folder: Path, put, sign: signal.Signals):
    """A run in its own process, with a signal sent to it once its kernel works: (process, its family)."""
    put(folder / "notebooks", "01_long", LONG.format(str(folder / "pids")))
    put(folder / "notebooks", "02_next", "1", after=["01_long"])
    put(folder / "notebooks", "03_other", "1")
    process = subprocess.Popen([sys.executable, "-c", CALL.format(str(folder))], cwd=ROOT, stdout=-1, text=True)
    until = time.monotonic() + 90
    while not ((folder / "pids").exists() and (folder / "pids").read_text().endswith("\n")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    family = [psutil.Process(int(pid)) for pid in (folder / "pids").read_text().split()]
    process.send_signal(sign)
    return process, family


def test_ctrl_c_in_a_terminal_is_said_in_words_while_a_process_starts(tmp_path, put):
    """A terminal sends it to all of its processes, also to one that is just loading what it needs."""
    put(tmp_path / "notebooks", "01_long", "import time\ntime.sleep(300)")
    put(tmp_path / "notebooks", "02_next", "1", after=["01_long"])
    command = [sys.executable, "-c", CALL.format(str(tmp_path))]
    run = subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        until = time.monotonic() + 90
        while not any("multiprocessing.spawn" in line for line in command_lines_below(run.pid)):
            assert time.monotonic() < until and run.poll() is None
            time.sleep(0.01)
        for _ in range(2):
            time.sleep(0.1)
            os.killpg(run.pid, signal.SIGINT)
        text = run.communicate(timeout=60)[0]
    finally:
        run.kill()
    assert run.returncode == 130 and "2 stopped" in text and "Traceback" not in text, text


def command_lines_below(pid: int):
    for process in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # it may have ended meanwhile
            yield " ".join(process.cmdline())


@pytest.mark.parametrize(
    "sign, code", [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.ci), (signal.SIGKILL, -9)]
)
def test_a_stopped_run_leaves_no_process(tmp_path, put, sign, code):
    process, family = stop(tmp_path, put, sign)
    text = process.communicate(timeout=30)[0]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert process.returncode == code and not alive
    if sign != signal.SIGKILL:
        assert "--only 01 02" in text and "2 stopped" in text and not list((tmp_path / "out/notebooks").iterdir())
        assert json.loads((tmp_path / "out" / "run.json").read_text())["result"] == "stopped"
