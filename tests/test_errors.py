"""Why a process is gone, in words."""

import signal
import subprocess
import sys

import pytest

from lib.errors import how_it_died
from lib.settings import PROJECT_ROOT

MEMORY = "Take fewer."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGILL, "illegal instruction (SIGILL): this processor lacks instructions"),
        (-signal.SIGKILL, "it was killed (SIGKILL), most often because memory ran out. Take fewer."),
        (-signal.SIGTERM, "it was killed (SIGTERM), most often because memory ran out. Take fewer."),
        (None, "it was killed, most often because memory ran out. Take fewer."),
        (-signal.SIGSEGV, "it crashed (SIGSEGV) in a package's compiled code"),
        (-signal.SIGABRT, "it crashed (SIGABRT) in a package's compiled code"),
        (-250, "it crashed (signal 250)"),
        (1, "it ended with exit code 1"),
        (0, "it ended with exit code 0"),
    ],
)
def test_each_end_of_a_process_has_its_reason(code, words):
    assert how_it_died(code, MEMORY).startswith(words)
    assert (MEMORY in how_it_died(code, MEMORY)) == ("memory ran out" in words)


@pytest.mark.parametrize(
    "broken",
    [
        "raise ImportError('no libtensorflow_cc.so.2')",
        *(pytest.param(other, marks=pytest.mark.slow) for other in ("raise RuntimeError('torn')", "x = (")),
    ],
)
def test_a_broken_tensorflow_is_one_sentence(tmp_path, broken):
    (tmp_path / "tensorflow.py").write_text(broken, encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from lib.networks import runtime\n"
    code += "from lib.errors import ProjectError\ntry: runtime.start(1)\nexcept ProjectError as error: print(error)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert answer.stdout.startswith("TensorFlow cannot be loaded by this Python (") and not answer.stderr
    assert answer.stdout.endswith("pip install -r requirements.txt\n") and answer.stdout.count("\n") == 1
