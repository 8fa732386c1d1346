"""The results of a run: saved at full precision, recorded, removed only by the notebook that made them."""

import math
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib import settings
from lib.results import files, training_cache
from lib.results.artifacts import Store, shown

FRAME = pd.DataFrame({"date": ["2021-01-01", "2021-01-02"], "actual_usd": [1.5, 0.1 + 0.2]})


@pytest.fixture
def store(tmp_path):
    def make(notebook="04_cnn", **parameters):
        return Store(settings.sample().changed(output_dir=str(tmp_path / "run"), **parameters), notebook)

    return make


def paths_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path, store):
    (tmp_path / "run").write_text("")
    with pytest.raises(files.FileError, match=f"^cannot write {tmp_path / 'run/tables/t.csv'}: "):
        store().table("t", FRAME, "T")


def test_tables_keep_full_precision(store, tmp_path):
    store().table("t", FRAME, "T")
    assert (
        tmp_path / "run/tables/t.csv"
    ).read_bytes() == b"date,actual_usd\n2021-01-01,1.5\n2021-01-02,0.30000000000000004\n"


def drawing():
    figure = Figure(figsize=(3, 2))
    ax = figure.subplots()
    ax.plot([1, 2, 3], [3, 1, 2], "o-", label="a")
    ax.axhspan(1, 2, alpha=0.3)
    ax.legend()
    return figure


def test_the_same_figure_is_the_same_file(store, tmp_path):
    saved = []
    for _ in range(2):
        store().figure("figure_9_9", drawing(), "F")
        saved.append([(tmp_path / f"run/figures/figure_9_9.{kind}").read_bytes() for kind in ("png", "svg")])
    assert saved[0] == saved[1]
    assert saved[0][0].startswith(b"\x89PNG") and b"<svg" in saved[0][1]


def test_drafts_are_no_records_and_a_damaged_record_is_named(tmp_path, store):
    s = store()
    s.finish()
    records = tmp_path / "run/records"
    (records / ".99-08_tuning.json").write_text('{"half')
    assert list(files.read_records(tmp_path / "run")) == ["04_cnn"]
    (records / "08_tuning.json").write_text('{"half')
    with pytest.raises(files.FileError, match="08_tuning.json is damaged .* run its notebook again: --only 08"):
        files.read_records(tmp_path / "run")


def test_the_record_says_what_was_made_from_which_parameters(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training_cache, "USED", {"trained": 0, "cached": 0, "processors": set()})
    s = store(seed=7, start_date="2021-01-01")
    s.table("t", FRAME, "A table")
    s.table("t", FRAME, "The same again")
    s.figure("f", drawing(), "A figure")
    s.fact(device="CPU", seeds={"ADA-USD": 3})
    assert s.finish() == f"3 files in {tmp_path / 'run'}"
    record = files.read_records(tmp_path / "run")["04_cnn"]
    assert record["notebook"] == "04_cnn" and record["facts"] == {"device": "CPU", "seeds": {"ADA-USD": 3}}
    own = {"start_date": "2021-01-01", "seed": 7, "output_dir": str(tmp_path / "run")}
    assert record["parameters"] == {**settings.sample().plain(), **own}
    assert [(m["path"], m["kind"], m["title"]) for m in record["made"]] == [
        ("tables/t.csv", "table", "The same again"),
        ("figures/f.png", "figure", "A figure"),
        ("figures/f.svg", "figure", "A figure"),
    ]
    for made in record["made"]:
        assert made["sha256"] == files.sha256(tmp_path / "run" / made["path"])


def test_finish_removes_tables_and_figures_of_its_notebooks_earlier_run_only(store, tmp_path):
    """Predictions of a coin that is not run again stay, and so does what others saved."""
    first = store()
    for ticker in ("ADA-USD", "ETH-USD"):
        first.predictions(ticker, "CNN", FRAME)
    first.table("old", FRAME, "O")
    first.table("again", FRAME, "A")
    first.figure("old", drawing(), "F")
    first.finish()
    other = store("05_lstm")
    other.table("of_another", FRAME, "T")
    other.finish()
    (tmp_path / "run/tables/by_hand.csv").write_text("mine")
    again = store()
    again.predictions("ADA-USD", "CNN", FRAME)
    again.table("again", FRAME, "A")
    again.finish()
    assert paths_in(tmp_path / "run") == [
        "predictions/ADA-USD_CNN.csv",
        "predictions/ETH-USD_CNN.csv",
        "records/04_cnn.json",
        "records/05_lstm.json",
        "tables/again.csv",
        "tables/by_hand.csv",
        "tables/of_another.csv",
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"made": 3}', '{"made": [1]}', '{"notebook": "04_cnn"}'])
def test_a_damaged_record_of_an_earlier_run_is_replaced(store, tmp_path, text):
    (tmp_path / "run/records").mkdir(parents=True)
    (tmp_path / "run/records/04_cnn.json").write_text(text)
    store().finish()
    assert files.read_records(tmp_path / "run")["04_cnn"]["made"] == []


def test_the_record_says_how_many_trainings_were_used_and_where_they_were_trained(store, tmp_path, monkeypatch):
    monkeypatch.setattr(training_cache, "USED", {"trained": 0, "cached": 0, "processors": set()})
    for cached, processor in ((False, "B"), (True, "A"), (True, "B")):
        training_cache.used(cached, processor)
    s = store()
    s.finish()
    facts = files.read_records(tmp_path / "run")["04_cnn"]["facts"]
    assert facts["trainings"] == {"trained": 1, "cached": 2, "processors": ["A", "B"]}


def test_a_shown_table_has_five_digits_blanks_and_its_title():
    frame = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "x": [0.000123456789, 123456.7, math.nan],
            "n": pd.array([1036, None, 3], dtype="Int64"),
        }
    )
    html = shown(frame, "t", "Table 9.9").to_html()
    body = [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<td.*?</td>", html)]
    assert body == ["a", "0.00012346", "1036", "b", "123,457", "", "c", "", "3"]
    assert "<caption>Table 9.9</caption>" in html
    assert html == shown(frame, "t", "Table 9.9").to_html()
