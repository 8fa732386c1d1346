"""Files are written whole or not at all."""

import errno
import json
import os
import threading

import pytest

from lib.results import files


def paths_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_text_is_replaced(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text(path, "old")
    files.write_text(path, "new")
    assert path.read_text() == "new" and paths_in(tmp_path) == ["deep/a.txt"]


def test_a_failure_while_writing_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), files.replacing(path) as draft:
        draft.write_text("half")
        assert path.read_text() == "old"
        raise KeyError
    assert path.read_text() == "old" and paths_in(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("where", ["write", "move"])
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path, monkeypatch, where):
    path = tmp_path / "a.txt"
    path.write_text("old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(*_, **__):
        raise full

    with monkeypatch.context() as m:
        if where == "move":
            m.setattr(os, "replace", refuse)
        else:
            m.setattr(type(path), "write_text", refuse)
        with pytest.raises(files.FileError) as caught:
            files.write_text(path, "new")
    assert str(caught.value).startswith(f"cannot write {path}: No space left on device. Free space or choose another ")
    assert path.read_text() == "old" and paths_in(tmp_path) == ["a.txt"]


def test_json_is_readable_and_keeps_its_letters(tmp_path):
    path = files.write_json(tmp_path / "a.json", {"name": "Zażółć", "n": 1})
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "Zażółć", "n": 1}
    assert "Zażółć" in path.read_text(encoding="utf-8")


def test_a_draft_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(os.readlink(f"/proc/self/fd/{handle}")))
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda draft, path: (done.append("moved"), move(draft, path)))
    files.write_text(tmp_path / "a.txt", "x")
    assert (
        done == [str(tmp_path / f".{os.getpid()}-{threading.get_native_id()}-a.txt"), "moved"]
        and (tmp_path / "a.txt").read_text() == "x"
    )
