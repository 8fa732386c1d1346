"""The runner's parts by themselves: the plan, the estimate, the copy, the screen, facts."""

import io
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.runner import copies, facts, plan
from lib.runner.schedule import Schedule
from lib.runner.screen import Screen
from lib.settings import PROJECT_ROOT


def test_a_notebook_describes_itself(tmp_path, put):
    words, cell = "# The `title`\n\n**Question.** What is **it**?", "seed = 1  # a\ntickers: list = ['X']\nprint(seed)"
    put(tmp_path, "01_one", text=words, parameters=cell)
    put(tmp_path, "02_two", after=["01_one"], trains=True, seconds=30)
    put(tmp_path, "notes")
    one, two = plan.discover(tmp_path)
    assert (one.name, one.question, one.after) == ("01_one", "What is it?", ())
    assert (two.after, two.trains, two.seconds, two.title) == (("01_one",), True, 30.0, "Title of 02_two")


@pytest.mark.parametrize(
    "run, expected",
    [
        ({"after": ["09_none"]}, "01_one: its metadata run.after names '09_none'. Allowed: 01_one"),
        ({"after": ["01_one"]}, "circle: 01_one -> 01_one"),
        (
            {"networks": ["GRU"]},
            r"01_one.ipynb: its metadata run.networks is \['GRU'\]. Value error, not one of CNN, LSTM",
        ),
        (
            {"unless_zero": "seeds"},
            "01_one.ipynb: its metadata run.unless_zero is 'seeds'. Value error, it must be a par",
        ),
        ({"slots": "workers"}, "01_one.ipynb: its metadata run.slots is 'workers'. Extra inputs are not permitted"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(tmp_path, put, run, expected):
    put(tmp_path, "01_one", **run)
    with pytest.raises(plan.PlanError, match=expected):
        plan.discover(tmp_path)


def test_a_broken_notebook_is_named(tmp_path):
    (tmp_path / "01_one.ipynb").write_text("{")
    with pytest.raises(plan.PlanError, match="01_one.ipynb: not readable"):
        plan.discover(tmp_path)


def test_selection(tmp_path, put):
    for name in ("01_a", "04_b", "05_c", "04b_d"):
        put(tmp_path, name)
    books = plan.discover(tmp_path)
    assert [n.number for n in books] == ["01", "04", "04b", "05"]
    assert [n.name for n in plan.select(books, only=["4b"])] == ["04b_d"]
    assert [n.name for n in plan.select(books, only=["5", "01_a.ipynb"])] == ["01_a", "05_c"]
    assert [n.name for n in plan.select(books, start="4")] == ["04_b", "04b_d", "05_c"]
    assert len(plan.select(books)) == 4
    with pytest.raises(plan.PlanError, match="Allowed: 01, 04, 04b, 05"):
        plan.select(books, only=["02"])


def test_the_projects_own_notebooks_make_a_plan():
    books = plan.discover(PROJECT_ROOT / "notebooks")
    numbers = [n.number for n in books]
    assert numbers == sorted(set(numbers)) and numbers[:9] == ["01", "02", "03", "04", "05", "06", "07", "08", "08b"]
    assert all(n.question for n in books) and {n.number for n in books if n.trains} >= {"04", "08", "09a", "09e"}


@pytest.fixture
def schedule(tmp_path, put):
    for name, after in (("01_a", []), ("02_b", ["01_a"]), ("03_c", [])):
        put(tmp_path, name, after=after)
    return Schedule(plan.discover(tmp_path), 2, None, {"01_a": 10.0, "02_b": 20.0, "03_c": 40.0}, None)


def test_the_time_left_is_the_usual_one_at_the_pace_seen(schedule):
    assert schedule.left() == 40, "the longest, as it is more than half of all"
    schedule.tasks["01_a"].state, schedule.tasks["01_a"].seconds = "done", 20.0
    assert schedule.left() == 80
    schedule.tasks["03_c"].expected = 0.0
    assert schedule.left() is None


def test_a_cells_own_progress_counts_if_it_says_more(schedule, monkeypatch):
    task = schedule.tasks["01_a"]
    task.child = object()
    monkeypatch.setattr("time.time", lambda: 109.0)
    monkeypatch.setattr("time.monotonic", lambda: 2.0)
    assert task.left(1.0) == 8
    task.inner = {"ends": 136.0}
    assert task.left(1.0) == 27
    task.inner, task.expected = {"ends": 100.0}, 0.0
    assert task.left(1.0) == 1, "late, but not unknown"


def test_last_states_of_lines_that_were_written_over():
    assert copies.last_states("\ra: 1 of 2\ra: 2 of 2   \nnext\r\nlast") == "a: 2 of 2\nnext\nlast"


def test_a_copy_has_whole_streams_and_no_path_of_this_machine(tmp_path):
    outputs = [new_output("stream", name="stdout", text=t) for t in ("\r1", "\r2", f"\n{PROJECT_ROOT}/lib/x.py")]
    where = {"papermill": {"input_path": f"{PROJECT_ROOT}/notebooks/01_a.ipynb"}}
    executed = tmp_path / "01_a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x", outputs=outputs)], metadata=where), copies.draft_of(executed))
    copies.keep(executed, PROJECT_ROOT / "notebooks" / "01_a.ipynb", None)
    copy = nbformat.read(executed, as_version=4)
    assert [o.text for o in copy.cells[0].outputs] == ["2\nlib/x.py"]
    assert copy.metadata.papermill.input_path == "notebooks/01_a.ipynb"
    assert [p.name for p in tmp_path.iterdir()] == ["01_a.ipynb"]


@pytest.mark.parametrize("inside", [True, False])
def test_a_copy_in_the_project_links_to_its_documents(tmp_path, monkeypatch, inside):
    if inside:
        monkeypatch.setattr(copies, "PROJECT_ROOT", tmp_path)
    executed = tmp_path / "outputs" / "a run" / "notebooks" / "01_a.ipynb"
    executed.parent.mkdir(parents=True)
    text = "[words](../docs/glossary.md#mse), [02](02_b.ipynb), [other](../elsewhere.md)"
    nbformat.write(new_notebook(cells=[new_markdown_cell(text)]), copies.draft_of(executed))
    copies.keep(executed, tmp_path / "01_a.ipynb", None)
    up = "../../../" if inside else "../"
    expected = text.replace("../docs", f"{up}docs")
    assert nbformat.read(executed, as_version=4).cells[0].source == expected


def test_a_half_written_draft_gives_the_source_with_the_error(tmp_path, put):
    source, executed = put(tmp_path, "01_a"), tmp_path / "out.ipynb"
    copies.draft_of(executed).write_text('{"cells": [')
    copies.keep(executed, source, {"index": 1, "ename": "E", "evalue": "why"})
    assert nbformat.read(executed, as_version=4).cells[1].outputs[0].evalue == "why"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def task(schedule):
    task = schedule.tasks["01_a"]
    task.state, task.started, task.inner = "running", time.monotonic(), {"text": "trials: 1 of 4", "note": ""}
    task.child = type("Child", (), {"news": {"cell": 3, "cells": 9}})
    return task


def test_log_lines_tell_inner_progress_at_most_every_fifteen_seconds(task, schedule):
    out = io.StringIO()
    screen = Screen(out)
    screen.event(task)
    screen.tick(schedule)
    screen.spoken["01_a"] -= 15
    screen.tick(schedule)
    screen.tick(schedule)
    task.state, task.seconds = "done", 12.3
    screen.event(task)
    lines = [line[7:] for line in out.getvalue().splitlines()]
    assert lines == ["  01_a  started", "  01_a  cell 3 of 9; trials: 1 of 4", "  01_a  done in 12 s"]


def test_a_terminal_shows_what_runs_below_the_events(task, schedule, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    screen = Screen(out)
    screen.event(task)
    screen.tick(schedule)
    screen.close(["the end"])
    text = out.getvalue()
    assert "01_a  started" in text and "cell 3 of 9; trials: 1 of 4" in text and text.endswith("the end\n")
    assert "0 of 3 done, about" in text


def test_source_digest_depends_on_sources_only(tmp_path):
    for folder in ("lib", "notebooks", "outputs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lib" / "a.py").write_text("1")
    first = facts.source_digest(tmp_path)
    (tmp_path / "outputs" / "b.py").write_text("1")
    assert facts.source_digest(tmp_path) == first
    (tmp_path / "lib" / "a.py").rename(tmp_path / "lib" / "b.py")
    assert facts.source_digest(tmp_path) != first
