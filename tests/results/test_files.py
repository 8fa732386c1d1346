"""Files are written whole or not at all."""

import errno
import json
import os
import re
import time

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
    assert re.fullmatch(rf"{tmp_path}/\.draft-\w{{16}}-a\.txt", done[0]) and done[1:] == ["moved"]
    assert (tmp_path / "a.txt").read_text() == "x"


def test_drafts_of_killed_processes_are_removed_once_nobody_can_be_writing_them(tmp_path):
    (tmp_path / "tables").mkdir()
    names = [".draft-ab-a.csv", ".draft-cd-a.csv", "a.csv", ".lock"]
    for name in names:
        (tmp_path / "tables" / name).touch()
    an_hour_ago = time.time() - 3600
    for name in (names[0], *names[2:]):
        os.utime(tmp_path / "tables" / name, (an_hour_ago, an_hour_ago))
    files.drop_drafts(tmp_path)
    assert sorted(os.listdir(tmp_path / "tables")) == sorted(names[1:])


def test_processes_of_one_number_on_one_disk_have_drafts_of_their_own(tmp_path):
    """Red before: two containers, each with a process 1, wrote into one draft, and half of it took the place."""
    path = tmp_path / "a.txt"
    with files.replacing(path) as first, files.replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["a.txt"]
