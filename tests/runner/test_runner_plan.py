"""The runner's parts by themselves: the plan, the estimate, the copy, the lines of a log."""

import io
import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.runner import copies, estimate, facts, kernel, plan
from lib.runner.schedule import Task, sentence
from lib.runner.screen import LogLines, how_far
from lib.settings import PROJECT_ROOT


def put(folder: Path, name: str, text: str = "# A title\nA question?", parameters: str = "seed = 1", **run) -> None:
    cell = new_code_cell(parameters)
    cell.metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=[new_markdown_cell(text), cell], metadata={"run": run}), folder / f"{name}.ipynb")


def test_a_notebook_describes_itself(tmp_path):
    put(
        tmp_path,
        "01_one",
        "# The `title`\n\n**Question.** What is **it**?",
    )
    put(tmp_path, "02_two", after=["01_one"], slots="workers", seconds=30)
    put(tmp_path, "notes")
    one, two = plan.discover(tmp_path)
    assert (one.name, one.question, one.after) == ("01_one", "What is it?", ())
    assert (two.after, two.own_workers, two.seconds, two.title) == (("01_one",), True, 30.0, "A title")


@pytest.mark.parametrize("after, told", [(["09_none"], "'09_none'"), (["01_one"], "circle")])
def test_a_plan_that_cannot_be_run_is_refused(tmp_path, after, told):
    put(tmp_path, "01_one", after=after)
    with pytest.raises(plan.PlanError, match=told):
        plan.discover(tmp_path)


def test_a_broken_notebook_is_named(tmp_path):
    (tmp_path / "01_one.ipynb").write_text("{")
    with pytest.raises(plan.PlanError, match="01_one.ipynb: not readable"):
        plan.discover(tmp_path)


def test_selection(tmp_path):
    for name in ("01_a", "04_b", "05_c", "04b_d"):
        put(tmp_path, name)
    books = plan.discover(tmp_path)
    assert [n.number for n in books] == ["01", "04", "04b", "05"]
    assert (
        [n.name for n in plan.select(books, only=["4b"])]
        == [n.name for n in plan.select(books, only=["04b"])]
        == ["04b_d"]
    )
    assert [n.name for n in plan.select(books, only=["5", "01_a.ipynb"])] == ["01_a", "05_c"]
    assert [n.name for n in plan.select(books, start="4")] == ["04_b", "04b_d", "05_c"]
    assert len(plan.select(books)) == 4
    with pytest.raises(plan.PlanError, match="Allowed: 01, 04, 04b, 05"):
        plan.select(books, only=["02"])


def test_the_projects_own_notebooks_make_a_plan():
    books = plan.discover(PROJECT_ROOT / "notebooks")
    numbers = [n.number for n in books]
    assert numbers == sorted(set(numbers)) and numbers[:9] == ["01", "02", "03", "04", "05", "06", "07", "08", "08b"]
    assert all(n.question for n in books)


def test_total_left_plays_the_schedule_through():
    after = {"a": (), "b": (), "c": ("a",), "d": ("b", "c")}
    one = dict.fromkeys("abcd", 1)
    left = {"a": 10.0, "b": 4.0, "c": 5.0, "d": 1.0}
    assert estimate.total_left(left, after, one, {"a"}, 2) == 16
    assert estimate.total_left(left, after, one, {"a"}, 1) == 20
    assert estimate.total_left(left, after, {**one, "c": 2}, {"a", "b"}, 2) == 16
    assert estimate.total_left({**left, "d": None}, after, one, {"a"}, 2) is None


def test_expected_seconds_and_pace(tmp_path):
    put(tmp_path, "01_a", seconds=10)
    put(tmp_path, "02_b", seconds=20)
    put(tmp_path, "03_c")
    books = plan.discover(tmp_path)
    expected = estimate.expected_seconds(
        books, {"01_a": {"status": "done", "seconds": 12.0}, "02_b": {"status": "failed", "seconds": 1.0}}
    )
    assert expected == {"01_a": 12.0, "02_b": 20.0}
    assert estimate.pace(expected, {"01_a": 24.0}) == 2
    assert estimate.pace(expected, {}) == 1
    assert estimate.running_left(30, 10, 5, None) == 20
    assert estimate.running_left(30, 10, 9, 0.25) == 27
    assert estimate.running_left(5, 10, 5, None) is None


def test_last_states_of_lines_that_were_written_over():
    assert copies.last_states("\ra: 1 of 2\ra: 2 of 2   \nnext\r\nlast") == "a: 2 of 2\nnext\nlast"


def test_a_copy_has_whole_streams_and_no_path_of_this_machine(tmp_path):
    outputs = [new_output("stream", name="stdout", text=t) for t in ("\r1", "\r2", f"\n{PROJECT_ROOT}/lib/x.py")]
    draft, source = tmp_path / ".01_a.running.ipynb", tmp_path / "01_a.ipynb"
    where = {"papermill": {"input_path": f"{PROJECT_ROOT}/notebooks/01_a.ipynb"}}
    book = new_notebook(cells=[new_code_cell("x", outputs=outputs)], metadata=where)
    nbformat.write(book, draft)
    copies.keep(draft, tmp_path / "out.ipynb", PROJECT_ROOT / "notebooks" / "01_a.ipynb", None)
    kept = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [o.text for o in kept.cells[0].outputs] == ["2\nlib/x.py"]
    assert kept.metadata.papermill.input_path == "notebooks/01_a.ipynb"
    assert not draft.exists() and not source.exists()


def test_a_half_written_draft_gives_the_source_with_the_error(tmp_path):
    put(tmp_path, "01_a")
    (tmp_path / "draft").write_text('{"cells": [')
    copies.keep(
        tmp_path / "draft", tmp_path / "out.ipynb", tmp_path / "01_a.ipynb", {"index": 1, "ename": "E", "evalue": "why"}
    )
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[1].outputs[0].evalue == "why"


def test_kernel_starts_are_kept_apart(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(kernel.time, "sleep", slept.append)
    kernel.wait_for_turn(tmp_path / "gate")
    kernel.wait_for_turn(tmp_path / "gate")
    assert len(slept) == 1 and 0.5 < slept[0] <= 1


def test_log_lines_tell_inner_progress_at_most_every_fifteen_seconds(tmp_path):
    put(tmp_path, "01_a")
    task = Task(plan.discover(tmp_path)[0], (), 1, state="running", news={"cell": 3, "cells": 9})
    task.inner = {"text": "trials: 1 of 4", "note": ""}
    out = io.StringIO()
    log = LogLines(out)
    schedule = type("Schedule", (), {"tasks": {"01_a": task}})
    log.event(task)
    log.tick(schedule)
    log.spoken["01_a"] -= 15
    log.tick(schedule)
    log.tick(schedule)
    task.state, task.seconds = "done", 12.3
    log.event(task)
    assert [line[7:] for line in out.getvalue().splitlines()] == [
        "  01_a  started",
        "  01_a  cell 3 of 9; trials: 1 of 4",
        "  01_a  done in 12 s",
    ]
    task.state, task.reason = "failed", sentence({"cell": 3, "count": 2, "line": "x", "ename": "E", "evalue": "v"})
    assert how_far(task) == "in cell 3 (In [2]), which begins with `x`: E: v"


def test_source_digest_depends_on_sources_only(tmp_path):
    for folder in ("lib", "notebooks", "outputs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lib" / "a.py").write_text("1")
    first = facts.source_digest(tmp_path)
    (tmp_path / "outputs" / "b.py").write_text("1")
    assert facts.source_digest(tmp_path) == first
    (tmp_path / "lib" / "a.py").rename(tmp_path / "lib" / "b.py")
    assert facts.source_digest(tmp_path) != first


def test_entries_of_notebooks_not_selected_are_kept(tmp_path):
    put(tmp_path, "01_a")
    put(tmp_path, "02_b")
    books = plan.discover(tmp_path)
    before = {"notebooks": {"01_a": {"status": "done", "seconds": 3.5}, "02_b": {"status": "running"}}}
    (tmp_path / "run.json").write_text(json.dumps(before))
    told = facts.describe(
        books, books[1:], {"seed": 1, "threads": 1}, [], Path("params/sample.yaml"), 2, facts.read_earlier(tmp_path)
    )
    assert (told["notebooks"]["01_a"]["status"], told["notebooks"]["01_a"]["seconds"]) == ("done", 3.5)
    assert told["notebooks"]["02_b"]["status"] == "waiting" and told["selected"] == ["02_b"]
