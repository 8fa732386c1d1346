"""Whatever stands in a file of ours, reading it ends with its content, with nothing, or with one sentence."""

import io
import json
from datetime import date

import numpy as np
import pytest

from lib import settings
from lib.app.collection import Collection, CollectionError
from lib.data.market import cache
from lib.errors import ProjectError
from lib.experiments import replay
from lib.ledger import trace
from lib.provenance import __main__ as provenance
from lib.provenance.folder import Folder
from lib.report import index, page, readme, results_page
from lib.results import files, training_cache
from lib.results.artifacts import Store
from lib.runner import execute, facts, plan, schedule

JSON = {
    "nothing": b"",
    "an object": b"{}",
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "a text": b'"text"',
    "half": b'{"made": [',
    "null for each": b'{"made": null, "notebooks": null, "data": null, "request": null, "cells": null}',
    "lists for mappings": b'{"made": {}, "notebooks": [], "data": [], "request": [], "cells": {}, "metadata": []}',
    "numbers inside": b'{"made": [5], "notebooks": {"01_data": 5}, "data": {"a": 5}, "request": {"ticker": 5}}',
    "texts inside": b'{"made": ["x"], "facts": "x", "notebooks": {"01_data": "x"}, "trained": 5, "parameters": "x"}',
    "deep": b"[" * 100_000,
    "NUL": b"\x00\x01",
    "other letters": b"\xff\xfe{\x00",
    "a number beyond": b"[1" + b"0" * 5000 + b"]",
}
CSV = {
    "nothing": b"",
    "a line break": b"\n",
    "NUL": b"\x00\x01\x02",
    "other letters": b"\xff\xfea\x00",
    "an open quote": b'a,b\n1,"2\n3,4\n',
    "more cells": b"a\n1,2,3\n4,5,6,7\n",
    "a long cell": b"a\n" + b"x" * 200_000 + b"\n",
    "a page": b"<!DOCTYPE html>\n<html><body>Not, found</body></html>\n",
}


@pytest.fixture(params=JSON.values(), ids=JSON)
def nonsense(request):
    return request.param


@pytest.fixture(params=CSV.values(), ids=CSV)
def no_table(request):
    return request.param


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def one_line(error):
    return "\n" not in str(error.value) and len(str(error.value)) < 600


def test_a_record(tmp_path, nonsense):
    path = put(tmp_path / "records" / "04_cnn.json", nonsense)
    with pytest.raises(files.FileError, match="04_cnn.json is damaged .*--only 04") as caught:
        files.read_records(tmp_path)
    damaged = []
    assert files.read_records(tmp_path, damaged) == {} and damaged == [str(caught.value)] and one_line(caught)
    assert page.figure_titles(path) == {}
    store = Store(settings.sample().changed(output_dir=str(tmp_path)), "04_cnn")
    assert store.finish().startswith("0 files") and files.read_records(tmp_path)["04_cnn"]["made"] == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../../x", "tables/../../x", "C:\\x/../..", "", "\\x"])
def test_a_record_names_no_file_outside_of_its_folder(tmp_path, path):
    """What an earlier run made and this one did not is removed."""
    made = [{"path": path, "kind": "table", "title": "T", "sha256": "0"}]
    put(tmp_path / "run" / "records" / "04_cnn.json", json.dumps({"made": made}).encode())
    with pytest.raises(files.FileError, match="04_cnn.json is damaged .made.0.path"):
        files.read_records(tmp_path / "run")


def test_what_a_run_says_of_itself(tmp_path, nonsense):
    put(tmp_path / "run.json", nonsense)
    assert facts.read_earlier(tmp_path) == {}
    for read in (index.write, results_page.texts, lambda root: Folder(root).run):
        with pytest.raises(files.FileError, match="run.json is missing or unreadable .*python run_all.py") as caught:
            read(tmp_path)
        assert one_line(caught)
    assert provenance.main(["check", str(tmp_path)]) == provenance.main(["page", str(tmp_path)]) == 2


def test_a_saved_network(tmp_path, nonsense):
    identity = "BTC-USD_CNN_20260101-000000-abcd"
    put(tmp_path / identity / "network.json", nonsense)
    with pytest.raises(CollectionError, match=f"{identity} cannot be read") as caught:
        Collection(tmp_path).find(identity)
    assert Collection(tmp_path).entries() == [] and one_line(caught)


def test_the_note_of_a_download(tmp_path, nonsense):
    days = (date(2024, 1, 1), date(2024, 1, 2))
    put(tmp_path / "BTC-USD_2024-01-01_2024-01-02.csv", b"Date,Open,High,Low,Close,Volume\n")
    put(tmp_path / "BTC-USD_2024-01-01_2024-01-02.json", nonsense)
    with pytest.raises(cache.DamagedEntry) as caught:
        cache.find(tmp_path, "BTC-USD", *days)
    assert one_line(caught)


def test_a_notebook(tmp_path, nonsense):
    put(tmp_path / "01_data.ipynb", nonsense)
    with pytest.raises(plan.PlanError, match="^01_data.ipynb: ") as caught:
        plan.discover(tmp_path)
    assert one_line(caught)


def test_a_run_that_is_not_there_takes_no_finding_from_the_readme(tmp_path):
    (tmp_path / "README.md").write_text("found", encoding="utf-8")
    with pytest.raises(readme.ReadmeError, match="^outputs/x is no folder"):
        readme.write(tmp_path / "outputs" / "x", "outputs/x", tmp_path)
    assert "found" in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("more", [b'{"ends": "5"}', b'{"ends": NaN}', b'{"text": 5}', b'{"note": []}'])
def test_what_a_cell_says_of_itself(tmp_path, more):
    for content in [*JSON.values(), more]:
        job = execute.Job(tmp_path / "01_data.ipynb", tmp_path, {}, tmp_path)
        put(job.file("progress"), content)
        child = object.__new__(schedule.Child)
        child.job = job
        assert not {"text", "note", "ends"} & set(child.inner())


def npz(about, **arrays):
    file = io.BytesIO()
    np.savez(file, about=np.frombuffer(about, dtype="uint8"), **arrays)
    return file.getvalue()


@pytest.mark.parametrize("arrays", [{}, {"loss": np.zeros(2)}], ids=["no arrays", "one array"])
def test_a_cached_training(tmp_path, monkeypatch, arrays):
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    stored = io.BytesIO()
    np.save(stored, np.zeros(3))
    for content in [*JSON.values(), *(npz(about, **arrays) for about in JSON.values()), stored.getvalue()]:
        put(training_cache.path_of("ab12"), content)
        assert training_cache.read("ab12") is None


def test_a_cached_training_without_its_facts(tmp_path, monkeypatch):
    from lib.experiments import train

    class Any:
        key = "ab12"

    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path))
    for about, arrays in (({}, {}), ({"best_epoch": 1}, {"loss": np.zeros(2)})):
        training_cache.write("ab12", about, arrays)
        assert train.cached(Any()) is None


def test_a_table(tmp_path, no_table):
    path = put(tmp_path / "tables" / "claims.csv", no_table)
    for read in (files.read_table, files.read_rows, trace.read, replay.read):
        try:
            read(path)
        except ProjectError as error:
            assert "tables/claims.csv" in str(error) and "\n" not in str(error)


def test_a_table_on_a_page(tmp_path, no_table):
    path = put(tmp_path / "tables" / "t.csv", no_table)
    made = {"path": "tables/t.csv", "kind": "table", "title": "T", "sha256": files.sha256(path)}
    record = {"finished": "2026", "facts": {}, "made": [made]}
    found = index.items(tmp_path, {"notebooks": {}}, {"01_data": record})
    assert found["table"][0].title == "T"
