"""Whole runs of tiny notebooks with real kernels: order, failures, deaths, stops, what is left behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib import settings
from lib.runner import command, facts, installed, order
from lib.runner.lock import held

ROOT = settings.PROJECT_ROOT
PARAMETERS = 'parameters_file = "params/sample.yaml"  # a file\nseed = None  # a seed\nnetworks = None  # which'
STORE = "from lib import settings\nfrom lib.results import artifacts\nP = settings.from_notebook(globals())\nstore = artifacts.Store(P, {!r})"


def put(folder: Path, name: str, *cells: str, **run) -> None:
    """A notebook with a heading, a parameters cell and these code cells."""
    first = new_code_cell(PARAMETERS)
    first.metadata["tags"] = ["parameters"]
    text = new_markdown_cell(f"# Title of {name}\n\nWhat does {name} ask?")
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    book = new_notebook(cells=[text, first, *map(new_code_cell, cells)], metadata={"kernelspec": kernel, "run": run})
    folder.mkdir(exist_ok=True)
    nbformat.write(book, folder / f"{name}.ipynb")


def printed(path: Path) -> str:
    book = nbformat.read(path, as_version=4)
    return "".join(o.get("text", "") for c in book.cells for o in c.get("outputs", []))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run: 01 and 02 side by side, 03 fails after 01, 04 waits for 03 in vain."""
    base = tmp_path_factory.mktemp("run")
    put(
        base / "notebooks",
        "01_good",
        STORE.format("01_good"),
        "import sys, os\nprint(sys.executable, P.seed, P.start_date, P.networks, os.getcwd())",
        "from matplotlib.figure import Figure\nstore.figure('figure_4_1', Figure(), 'Closes')",
        "from lib.progress import Progress\nwith Progress('steps', 3, 0) as p:\n    for i in range(3): p.step()",
        "store.fact(data={'BTC-USD': {'rows': 3, 'sha256': 'abc'}}, seeds={'BTC-USD': 5})\nprint(store.finish())",
        seconds=3,
    )
    put(base / "notebooks", "02_alone", "import time\ntime.sleep(2)")
    put(
        base / "notebooks",
        "03_bad",
        "x = 1",
        "# comment first\nraise ValueError('no such\\nthing')",
        "print('never')",
        after=["01_good"],
    )
    put(base / "notebooks", "04_after", "print('never')", after=["03_bad", "01_good"])
    (base / "out" / "notebooks").mkdir(parents=True)
    (base / "out" / "notebooks" / ".04_after.running.ipynb").write_text("left by a run that was killed")
    fake = base / "jupyter" / "kernels" / "python3"
    fake.mkdir(parents=True)
    (fake / "kernel.json").write_text(
        '{"argv": ["/bin/false"], "display_name": "Another Python", "language": "python"}'
    )
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(base / "jupyter"))
        code = command.run(
            "params/sample.yaml",
            [f"output_dir={base / 'out'}", "seed=11"],
            jobs=3,
            notebooks_dir=base / "notebooks",
            out=out,
        )
    return base / "out", code, out.getvalue()


def test_a_failure_is_named_in_the_last_lines_and_gives_code_1(finished):
    root, code, text = finished
    assert code == 1
    last = "\n".join(text.splitlines()[-5:])
    assert "03_bad failed in cell 4 (In [4]), which begins with `# comment first`: ValueError: no such\nthing" in last
    assert "04_after not run: 03_bad failed" in text


def test_what_does_not_depend_on_a_failure_finishes(finished):
    run = json.loads((finished[0] / "run.json").read_text())
    assert {n: e["status"] for n, e in run["notebooks"].items()} == {
        "01_good": "done",
        "02_alone": "done",
        "03_bad": "failed",
        "04_after": "not run",
    }
    assert not (finished[0] / "notebooks" / "04_after.ipynb").exists()


def test_order_and_side_by_side(finished):
    entries = json.loads((finished[0] / "run.json").read_text())["notebooks"]
    begin = {n: datetime.fromisoformat(e["started"]) for n, e in entries.items() if e["started"]}
    end = {n: datetime.fromisoformat(e["finished"]) for n, e in entries.items() if e["started"]}
    assert begin["02_alone"] < end["01_good"] and begin["01_good"] < end["02_alone"]
    assert begin["03_bad"] >= end["01_good"]


def test_the_failed_copy_is_kept_with_its_error(finished):
    book = nbformat.read(finished[0] / "notebooks" / "03_bad.ipynb", as_version=4)
    errors = [o for c in book.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert [(e.ename, e.evalue) for e in errors] == [("ValueError", "no such\nthing")]
    assert "never" not in printed(finished[0] / "notebooks" / "03_bad.ipynb")


def test_parameters_interpreter_and_folder_of_the_kernel(finished):
    words = printed(finished[0] / "notebooks" / "01_good.ipynb").split("\n")[0]
    shown = sys.executable.replace(sys.prefix, "(python)")
    assert words.startswith(f"{shown} 11 2020-01-01 ('CNN', 'LSTM', 'CNN-LSTM', 'LSTM-CNN') ")
    assert words.endswith("/notebooks")


def test_the_run_leaves_its_whole_set_of_parameters(finished):
    changed = settings.load(finished[0] / "parameters.yaml")
    assert changed == settings.sample().changed(seed=11, output_dir=str(finished[0]))


def test_progress_lines_keep_their_last_state_only(finished):
    assert printed(finished[0] / "notebooks" / "01_good.ipynb").count("steps:") == 1


def test_run_json_says_from_what_and_by_what(finished):
    root, _, _ = finished
    run = json.loads((root / "run.json").read_text())
    assert (
        run["parameters"]["seed"] == 11
        and run["seeds"] == {"run": 11, "01_good": {"BTC-USD": 5}}
        and run["threads"] == 1
    )
    assert run["overrides"] == ["output_dir", "seed"] and run["parameter_file"] == "params/sample.yaml"
    assert run["data"] == {"BTC-USD": {"rows": 3, "sha256": "abc"}}
    assert run["packages"]["papermill"] and run["packages"]["TA-Lib"] and run["python"].startswith("3.")
    assert len(run["code"]["sha256"]) == 64 and run["device"] == "CPU" and run["result"] == "failed"
    assert run["notebooks"]["02_alone"]["seconds"] >= 2 and run["notebooks"]["02_alone"]["peak_memory_mb"] > 20
    assert run["notebooks"]["03_bad"]["error"]["cell"] == 4
    assert run["finished"] > run["started"] and run["wall_seconds"] > 2
    assert not list(root.glob(".*")) and not list((root / "notebooks").glob(".*"))


def test_a_dead_kernel_and_a_dead_process_are_failures_the_rest_goes_on(tmp_path, finished):
    books = tmp_path / "notebooks"
    put(books, "01_kernel", "x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    put(
        books,
        "02_process",
        "print('so far')",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)",
    )
    out = io.StringIO()
    before = {"notebooks": {"03_kept": {"status": "done"}, "01_kernel": {"status": "done", "seconds": 5.0}}}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(json.dumps(before))
    put(books, "03_kept", "1")
    override = [f"output_dir={tmp_path / 'out'}"]
    code = command.run("params/sample.yaml", override, only=["1", "02_process"], jobs=2, notebooks_dir=books, out=out)
    text = out.getvalue()
    assert code == 1
    assert "01_kernel failed in cell 4, which begins with `import os, signal`: DeadKernelError: the kernel died" in text
    assert "02_process failed in cell 4" in text and "was killed by signal 9" in text
    assert "so far" in printed(tmp_path / "out" / "notebooks" / "02_process.ipynb")
    assert "DeadKernelError" in (tmp_path / "out" / "html" / "01_kernel.html").read_text()
    assert "was killed by signal 9" in (tmp_path / "out" / "html" / "02_process.html").read_text()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["notebooks"]["03_kept"]["status"] == "done"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes through /proc")
def test_sigterm_leaves_no_process_and_says_how_to_go_on(tmp_path):
    pids = tmp_path / "pids"
    source = f"""import os, subprocess, time
sub = subprocess.Popen(['sleep', '300'])
open({str(pids)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} {{sub.pid}}\\n')
time.sleep(300)"""
    put(tmp_path / "notebooks", "01_long", source)
    put(tmp_path / "notebooks", "02_next", "1", after=["01_long"])
    put(tmp_path / "notebooks", "03_other", "1")
    call = f"""import sys
from pathlib import Path
from lib.runner import command
folder = Path({str(tmp_path)!r})
sys.exit(command.run('params/sample.yaml', [f'output_dir={{folder}}/out'], only=['01', '02'], notebooks_dir=folder / 'notebooks'))"""
    process = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().endswith("\n")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    family = [int(p) for p in pids.read_text().split()]
    assert all(map(alive, family))
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=30)[0]
    assert process.returncode == 143
    assert "--only 01 02" in text and "2 stopped" in text
    time.sleep(0.2)
    assert not any(map(alive, family))
    assert not (tmp_path / "out" / ".lock").exists() and not list((tmp_path / "out" / "notebooks").iterdir())


def test_a_second_run_in_the_same_folder_is_refused(tmp_path, capsys):
    put(tmp_path / "notebooks", "01_any", "1")
    with held(tmp_path / "out", "outputs/x"):
        code = command.run(
            "params/sample.yaml", [f"output_dir={tmp_path / 'out'}"], notebooks_dir=tmp_path / "notebooks"
        )
    assert code == 2
    assert f"another run (process {os.getpid()}) is writing" in capsys.readouterr().err
    (tmp_path / "out" / ".lock").write_text("999999\n")  # as a killed run leaves it
    with held(tmp_path / "out", "outputs/x"):
        pass


WRONG = [
    (["params/none.yaml"], ["params/none.yaml", "params/sample.yaml"]),
    (["-p", "trials=0"], ["trials is 0", "1 to 1000"]),
    (["-p", "lookbak=60"], ["'lookbak'", "'lookback'"]),
    (["-p", "trials"], ["-p trials", "key=value"]),
    (["--only", "04", "77"], ["--only 77", "Allowed: 01"]),
    (["--from", "x"], ["--from x", "Allowed: 01"]),
    (["--only", "04", "--from", "05"], ["choose one"]),
    (["--jobs", "0"], ["--jobs 0", "from 1"]),
    (["-p", "source=folder", "-p", "data_dir=nowhere/at/all"], ["data_dir", "nowhere/at/all", "TICKER.csv"]),
    (["-p", "output_dir=."], ["output_dir is '.'", "the project's own folder", "outputs/NAME"]),
    (["-p", "start_date=2020-02-30"], ["start_date is '2020-02-30'", "YYYY-MM-DD"]),
    (["-p", "source=folder", "-p", "data_dir=params"], ["data_dir 'params' lacks BTC-USD.csv", "no CSV file"]),
]


@pytest.mark.parametrize("words, told", WRONG, ids=lambda v: " ".join(v) if v[0].startswith(("-", "p")) else "")
def test_wrong_orders_end_with_code_2_before_anything_starts(words, told):
    began = time.monotonic()
    answer = subprocess.run([sys.executable, "run_all.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert time.monotonic() - began < 3
    assert answer.returncode == 2 and answer.stdout == ""
    assert all(t in answer.stderr for t in told) and "Traceback" not in answer.stderr


def test_a_python_without_the_packages_is_told_so_before_anything_starts():
    answer = subprocess.run(
        [sys.executable, "-S", "run_all.py", "--list"], cwd=ROOT, capture_output=True, text=True
    )  # -S: no site-packages
    assert (answer.returncode, answer.stdout) == (2, "")
    assert (
        "lacks packages" in answer.stderr
        and "pip install -r requirements.txt" in answer.stderr
        and "Traceback" not in answer.stderr
    )


def test_another_python_is_told_which_one_is_needed(monkeypatch):
    monkeypatch.setattr(installed.sys, "version_info", (3, 10, 4))
    assert "the project needs Python 3.11" in installed.complaint()
    assert "import tomllib" not in Path(installed.__file__).read_text().split("def missing")[0], "Python 3.10 has none"


def test_the_python_that_is_asked_for_is_the_one_that_the_project_names():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted.startswith(f">={'.'.join(map(str, installed.PYTHON))},")


def test_a_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as gone:
        answer = subprocess.run(
            [sys.executable, "run_all.py", "--list"], cwd=ROOT, stdout=gone, stderr=subprocess.PIPE, text=True
        )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("inside", [True, False])
def test_the_command_to_go_on_with_finds_the_file_and_keeps_the_options(tmp_path, inside):
    from lib.runner.session import Session

    put(tmp_path / "notebooks", "01_any", "1")
    file = ROOT / "params/sample.yaml"
    if not inside:
        file = tmp_path / "my file.yaml"
        file.write_text((ROOT / "params/sample.yaml").read_text())
    checked = order.check(file, [f"output_dir={tmp_path / 'out'}"], jobs="1", notebooks_dir=tmp_path / "notebooks")
    shown = "params/sample.yaml" if inside else f"'{file}'"
    assert Session(checked, io.StringIO())._same_options() == f"{shown} -p output_dir={tmp_path / 'out'} --jobs 1"


def test_an_earlier_start_keeps_what_its_notebooks_took(tmp_path):
    before = {
        "started": "2026",
        "wall_seconds": 9.0,
        "selected": ["01_a"],
        "only": [],
        "from": None,
        "notebooks": {
            "01_a": {"status": "done", "seconds": 8.0, "peak_memory_mb": 3.0, "cpu": "A", "title": "T"},
            "02_b": {"status": "not selected"},
        },
    }
    found = facts._earlier_runs({**before, "earlier_runs": [{"started": "2025"}]})
    assert found[0] == {"started": "2025"} and found[1]["only"] == [] and found[1]["wall_seconds"] == 9.0
    assert found[1]["notebooks"] == {"01_a": {"status": "done", "seconds": 8.0, "peak_memory_mb": 3.0, "cpu": "A"}}


def test_what_a_killed_run_left_as_running_is_listed_as_stopped(tmp_path):
    put(tmp_path / "notebooks", "01_any", "1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(json.dumps({"notebooks": {"01_any": {"status": "running"}}}))
    order = command.check(
        "params/sample.yaml", [f"output_dir={tmp_path / 'out'}"], notebooks_dir=tmp_path / "notebooks"
    )
    assert "    stopped; no files yet" in command.listed(order)
    with held(tmp_path / "out", "outputs/x"):
        assert "    running; no files yet" in command.listed(order)
    (tmp_path / "out" / ".lock").write_text("999999\n")
    assert "    stopped; no files yet" in command.listed(order)
