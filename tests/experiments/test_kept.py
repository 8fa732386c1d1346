"""Results of single pieces of work: found by all that they depend on, kept whatever happens next."""

import math
import subprocess
import sys
import time

import pytest

from lib.experiments.kept import Kept, KeptError


def test_a_result_comes_back_to_the_last_bit_under_an_equal_key(tmp_path):
    kept = Kept(tmp_path / "folder" / "results.db")
    result = {"mse": 0.1 + 0.2, "r2": -math.inf, "list": [1e-300, 3]}
    assert kept.find({"a": 1, "b": [2]}) is None
    kept.keep({"a": 1, "b": [2]}, result)
    assert Kept(kept.path).find({"b": [2], "a": 1}) == result
    assert kept.find({"a": 1, "b": [3]}) is None and kept.find({"a": 1}) is None
    kept.keep({"a": 1, "b": [2]}, {"mse": 1.0})
    assert kept.find({"a": 1, "b": [2]}) == {"mse": 1.0}


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "damaged.db").write_text("no database at all, but long enough to be taken for a broken one" * 20)
    with pytest.raises(KeptError, match=r"damaged.db cannot be used \(file is not a database\). Free space"):
        Kept(tmp_path / "damaged.db").find({"a": 1})
    (tmp_path / "file").write_text("")
    with pytest.raises(KeptError, match="cannot be used"):
        Kept(tmp_path / "file" / "results.db").keep({"a": 1}, {})


SCRIPT = """
import sys
from pathlib import Path
from lib.experiments.kept import Kept
for number in range(100_000):
    Kept(Path(sys.argv[1])).keep({"number": number}, {"square": number**2})
"""


def test_a_kill_while_keeping_loses_nothing_that_was_kept(tmp_path):
    path = tmp_path / "results.db"
    writer = subprocess.Popen([sys.executable, "-c", SCRIPT, path])
    deadline = time.monotonic() + 60
    while Kept(path).find({"number": 20}) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    writer.kill()
    writer.wait()
    found = [Kept(path).find({"number": n}) for n in range(21)]
    assert found == [{"square": n**2} for n in range(21)]
    Kept(path).keep({"number": -1}, {"square": 1})
