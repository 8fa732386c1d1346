"""A run that has no space and is killed again and again: what it leaves is whole, and in the end it is all there."""

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import suppress

import nbformat
import pandas as pd
import psutil
import pytest

from lib import settings
from lib.results import training_cache

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.timeout(1200)]
SHORT = ("lookback=10", "max_epochs=3", "networks=[CNN]", "trials=3", "comparison_seeds=2", "workers=1")
LIMIT_BYTES = 40_000  # of each file; pictures and pages are larger


def start(folder, limit=None):
    """A run of a notebook that trains and one that searches, with a cache of its own."""
    words = [word for text in (f"output_dir={folder / 'out'}", *SHORT) for word in ("-p", text)]
    environment = {**os.environ, training_cache.FOLDER_VARIABLE: str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, str(settings.PROJECT_ROOT / "run_all.py"), *words, "--only", "04", "08"],
        cwd=settings.PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )


READ = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".csv": lambda path: pd.read_csv(path),
    ".yaml": settings.load,
    ".ipynb": lambda path: nbformat.read(path, as_version=4),
    ".html": lambda path: path.read_text(encoding="utf-8").rstrip().endswith("</html>") or 1 / 0,
    ".md": lambda path: path.read_text(encoding="utf-8"),
    ".svg": lambda path: path.read_text(encoding="utf-8").rstrip().endswith("</svg>") or 1 / 0,
    ".png": lambda path: path.read_bytes().endswith(b"IEND\xaeB`\x82") or 1 / 0,
    ".keras": lambda path: zipfile.ZipFile(path).testzip() and 1 / 0,
    ".db": lambda path: sqlite3.connect(path).execute("PRAGMA integrity_check").fetchall() == [("ok",)] or 1 / 0,
    ".npz": lambda path: training_cache.read(path.stem) or 1 / 0,
}


def all_is_whole(folder, monkeypatch):
    """Read every file that is no draft; a half one raises."""
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(folder / "cache"))
    found = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    for path in found:
        READ[path.suffix](path)
    return len(found)


def victim(runner, kind, chance):
    """The run's own process, a kernel, or a process of the pool or of a notebook; None if there is none just now."""
    if kind == "runner":
        return runner
    found = []
    for process in runner.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            is_kernel = "ipykernel_launcher" in line
            if is_kernel if kind == "kernel" else "spawn_main" in line:
                found.append(process)
    return chance.choice(found) if found else None


def test_a_run_without_space_and_with_kills_at_random_moments_ends_as_an_undisturbed_one(tmp_path, monkeypatch):
    reference, folder, chance = tmp_path / "reference", tmp_path / "killed", random.Random(15)
    began, whole = time.monotonic(), start(reference)
    text = whole.communicate()[0]
    assert whole.returncode == 0, text
    usual = time.monotonic() - began
    full = start(folder, LIMIT_BYTES)
    text = full.communicate()[0]
    assert full.returncode == 1 and "File too large" in text and "Traceback" not in text, text
    counts = [all_is_whole(folder, monkeypatch)]
    for kind in ("runner", "kernel", "other"):
        run = start(folder)
        time.sleep(chance.uniform(0.15, 0.45) * usual)
        while not (target := victim(psutil.Process(run.pid), kind, chance)):
            assert run.poll() is None, f"the run ended before a {kind} could be killed"
            time.sleep(0.05)
        target.kill()
        text = run.communicate()[0]
        assert "Traceback" not in text, text
        counts.append(all_is_whole(folder, monkeypatch))
    last = start(folder)
    text = last.communicate()[0]
    assert last.returncode == 0, text
    for kind in ("tables", "predictions", "figures"):
        for path in (reference / "out" / kind).iterdir():
            assert path.read_bytes() == (folder / "out" / kind / path.name).read_bytes(), (path.name, counts)
    one, other = (pd.read_csv(f / "out" / "appendix" / "BTC-USD_trials.csv") for f in (reference, folder))
    pd.testing.assert_frame_equal(one.drop(columns="Duration"), other.drop(columns="Duration"))
