"""A process that is killed at any step of writing leaves the old file or the new one, and the next process works."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib import settings
from lib.results import training_cache

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("killed_writes.py")


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(("Table", "Download"), id="tables"),
        pytest.param(("Record", "Cached", "Saved"), id="results", marks=pytest.mark.ci),
        pytest.param(("Model",), id="a network", marks=pytest.mark.ci),
    ],
)
def test_a_write_killed_at_each_of_its_steps_leaves_a_whole_file_or_none(tmp_path, kinds):
    (tmp_path / "all").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(settings.PROJECT_ROOT)}
    environment[training_cache.FOLDER_VARIABLE] = str(tmp_path / "all")
    words = [sys.executable, str(PROGRAM), str(tmp_path / "all"), *kinds]
    done = subprocess.run(words, cwd=settings.PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    for kind, where, code, before, written, after, following in rows:
        allowed = [before, written] if code else [written]
        if kind == "Download":
            allowed.append(None)  # its two files must fit each other, or it is downloaded again
        assert after in allowed and following == written + 1, (kind, where, code, before, written, after, following)
    for kind in kinds:
        codes = [row[2] for row in rows if row[0] == kind]
        assert codes.count(-signal.SIGKILL) >= 8 and codes.count(-signal.SIGXFSZ) >= 2 and codes.count(0) >= 2
