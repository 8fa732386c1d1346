"""The progress line and the state that the runner reads."""

import json

import pytest

from lib.results import progress
from lib.results.progress import Progress


@pytest.fixture
def time(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def state(tmp_path, monkeypatch):
    target = tmp_path / "state.json"
    monkeypatch.setenv(progress.FILE_VARIABLE, str(target))
    return lambda: json.loads(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_clock(seconds, shown):
    assert progress.clock(seconds) == shown


def test_the_line_says_what_is_done_and_what_is_left(time, capsys):
    with Progress("Training CNN", 4) as p:
        time.now += 30
        p.step("ADA-USD took 30 s")
    assert capsys.readouterr().out == "\rTraining CNN: 1 of 4, 0:30 spent, about 1:30 left, ADA-USD took 30 s\n"


def test_a_start_of_processes_before_the_first_epoch_is_not_taken_for_work(time, capsys):
    """Red before: 12 seconds of it and one of 640 epochs were 2:07:48 left."""
    with Progress("Trainings", 80, every_seconds=0) as p:
        time.now += 12
        p.step(amount=1 / 8)
        assert capsys.readouterr().out.rstrip() == "\rTrainings: 0 of 80, 0:12 spent"
        time.now += 1
        p.step(amount=7 / 8)
    assert capsys.readouterr().out.strip() == "Trainings: 1 of 80, 0:13 spent, about 1:30 left"


def test_a_shorter_line_covers_a_longer_one(time, capsys):
    with Progress("x", 2, every_seconds=0) as p:
        p.step("n" * 300)
        p.step("m")
    lines = capsys.readouterr().out.rstrip("\n").split("\r")[1:]
    assert len(lines[0]) == 140 and len(lines[1]) == 140 and lines[1].rstrip().endswith("spent, m")


def test_steps_in_quick_succession_are_shown_now_and_then_and_the_last_always(time, capsys):
    with Progress("x", 100, every_seconds=0.5) as p:
        for _ in range(100):
            time.now += 0.1
            p.step()
    shown = capsys.readouterr().out.count("\r")
    assert 17 <= shown <= 22


def test_fractions_that_do_not_quite_sum_to_the_total_end_the_line(time, capsys):
    with Progress("x", 1, every_seconds=100) as p:
        for _ in range(10):
            p.step(amount=0.1)
    assert p.done != 1
    assert capsys.readouterr().out.split("\r")[-1].rstrip() == "x: 1 of 1, 0:00 spent"


def test_the_runner_reads_text_note_and_when_it_ends(time, state, monkeypatch):
    monkeypatch.setattr(progress.time, "time", lambda: 5000.0)
    with Progress("Study", 4) as p:
        time.now += 2
        p.step("best MSE 0.01")
        assert state() == {
            "text": "Study: 1 of 4, 0:02 spent, about 0:06 left",
            "note": "best MSE 0.01",
            "ends": 5006.0,
        }
        time.now += 2
        p.step(amount=5)
        assert state()["ends"] is None and state()["note"] == "best MSE 0.01"


def test_work_that_an_error_ended_has_no_time_left(time, state):
    with pytest.raises(ValueError), Progress("Study", 4) as p:
        time.now += 2
        p.step()
        assert state()["ends"]
        raise ValueError
    assert state() == {"text": "Study: 1 of 4, 0:02 spent, about 0:06 left", "note": "", "ends": None}


def test_a_state_that_cannot_be_left_does_not_end_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(progress.FILE_VARIABLE, str(tmp_path / "no" / "folder" / "state.json"))
    with Progress("x", 1) as p:
        p.step()
    assert "1 of 1" in capsys.readouterr().out
