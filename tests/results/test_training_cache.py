"""The training cache: what was stored comes back to the last bit, damage is absence, nothing is executed."""

import errno
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from lib.results import files, training_cache
from lib.settings import PROJECT_ROOT

KEY = "ab" * 32
ABOUT = {"seconds": 0.1 + 0.2, "diverged": False, "description": {"network": "CNN"}}
ARRAYS = {
    "test, best": np.array([0.1, np.nan, np.inf], dtype="<f4"),
    "loss": np.array([1 / 3, 2 / 3]),
    "best 0": np.eye(3),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def raw():
    training_cache.write(KEY, ABOUT, ARRAYS)
    return training_cache.path_of(KEY).read_bytes()


def test_what_is_stored_comes_back_to_the_last_bit(raw):
    about, arrays = training_cache.read(KEY)
    assert about == ABOUT and set(arrays) == set(ARRAYS)
    for name, values in ARRAYS.items():
        assert arrays[name].dtype == values.dtype and arrays[name].tobytes() == values.tobytes()


def test_an_unknown_key_is_absent():
    assert training_cache.read(KEY) is None


def test_a_half_or_damaged_file_is_absent_or_whole(raw):
    path, whole = training_cache.path_of(KEY), training_cache.read(KEY)
    for length in range(0, len(raw), 13):
        path.write_bytes(raw[:length])
        assert training_cache.read(KEY) is None, length
    for at in range(0, len(raw), 7):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        found = training_cache.read(KEY)
        assert found is None or repr(found) == repr(whole), at


def test_nothing_is_unpickled(folder):
    """Arrays of objects hold pickles, which could run anything."""
    path = training_cache.path_of(KEY)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        np.savez(file, about=np.array([{"a": 1}], dtype=object))
    assert training_cache.read(KEY) is None
    path.write_bytes(pickle.dumps({"about": 1}))
    assert training_cache.read(KEY) is None


def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(files.FileError, match=r"^cannot write .*/ab/(ab){32}\.npz: No space left on device\."):
        training_cache.write(KEY, ABOUT, ARRAYS)
    assert not [p for p in folder.rglob("*") if p.is_file()] and training_cache.read(KEY) is None


def test_a_folder_that_cannot_be_written_is_one_sentence(folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(files.FileError, match="^cannot write "):
        training_cache.write(KEY, ABOUT, ARRAYS)
    assert training_cache.read(KEY) is None and training_cache.size() == (0, 0)


def test_two_threads_may_store_one_key_at_once():
    """Two callers who waited for one training both store it."""
    errors, together = [], threading.Barrier(4)

    def store():
        together.wait()
        try:
            for _ in range(10):
                training_cache.write(KEY, ABOUT, ARRAYS)
        except files.FileError as error:
            errors.append(error)

    threads = [threading.Thread(target=store) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and training_cache.read(KEY)[0] == ABOUT


WRITER = """
import numpy as np
from lib.results import training_cache
print("begun", flush=True)
for n in range(60):
    for key in ("ab" * 32, "cd" * 32):
        training_cache.write(key, {"n": n}, {"loss": np.full(3000, n)})
        about, arrays = training_cache.read(key)
        assert set(arrays["loss"]) == {about["n"]}
"""


@pytest.mark.slow
def test_processes_that_write_one_key_at_once_always_read_a_whole_result(folder):
    words = {"cwd": PROJECT_ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen([sys.executable, "-c", WRITER], text=True, **words) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["begun\n"] * 3
    processes[0].kill()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes[1:]] == [0, 0], errors
    assert training_cache.size()[0] == 2 and training_cache.read("cd" * 32)[0]["n"] == 59
    assert len(list(folder.glob("*/.draft-*"))) <= 1, "of the killed one"


def test_the_command_shows_the_size_and_empties(folder, raw, capsys):
    training_cache.write("cd" * 32, {}, {})
    count, total = training_cache.size()
    assert count == 2 and total > len(raw)
    assert training_cache.main([]) == 0 and training_cache.size()[0] == 2
    assert f"2 trainings, 0.0 MB, in {folder}" in capsys.readouterr().out
    assert training_cache.main(["--clear"]) == 0 and "removed" in capsys.readouterr().out
    assert training_cache.size() == (0, 0) and not list(folder.iterdir())


def test_the_folder_is_the_projects_unless_the_variable_names_another(monkeypatch, folder):
    assert training_cache.folder() == folder
    monkeypatch.delenv(training_cache.FOLDER_VARIABLE)
    assert training_cache.folder() == training_cache.PROJECT_ROOT / ".cache" / "trainings"
