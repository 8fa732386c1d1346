"""Results: written whole, removed only by who made them, found only when they are the right ones."""

import errno
import json
import math
import os
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib import settings
from lib.errors import ProjectError
from lib.results import files
from lib.results.artifacts import ArtifactError, Store, shown

FRAME = pd.DataFrame({"date": ["2021-01-01", "2021-01-02"], "actual_usd": [1.5, 0.1 + 0.2]})


@pytest.fixture
def store(tmp_path):
    def make(notebook="04_cnn", **parameters):
        return Store(settings.sample().changed(output_dir=str(tmp_path / "run"), **parameters), notebook)

    return make


def paths_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def sentence(action, *args):
    with pytest.raises(ProjectError) as caught:
        action(*args)
    return str(caught.value)


# -- written whole ---------------------------------------------------------------------------


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
        told = sentence(files.write_text, path, "new")
    assert (
        told
        == f"cannot write {path}: No space left on device. Free space or choose another output_dir; what was finished is kept"
    )
    assert path.read_text() == "old" and paths_in(tmp_path) == ["a.txt"]


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path, store):
    (tmp_path / "run").write_text("")
    assert sentence(store().table, "t", FRAME, "T").startswith(f"cannot write {tmp_path / 'run/tables/t.csv'}: ")
    assert sentence(store().study_path, "ADA-USD", "CNN").startswith("cannot write ")


def test_tables_keep_full_precision(store, tmp_path):
    store().table("t", FRAME, "T")
    assert (
        tmp_path / "run/tables/t.csv"
    ).read_bytes() == b"date,actual_usd\n2021-01-01,1.5\n2021-01-02,0.30000000000000004\n"


def test_json_is_readable_and_keeps_its_letters(tmp_path):
    path = files.write_json(tmp_path / "a.json", {"name": "Zażółć", "n": 1})
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "Zażółć", "n": 1}
    assert "Zażółć" in path.read_text(encoding="utf-8")


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


def test_a_draft_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(os.readlink(f"/proc/self/fd/{handle}")))
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda draft, path: (done.append("moved"), move(draft, path)))
    files.write_text(tmp_path / "a.txt", "x")
    assert done == [str(tmp_path / f".{os.getpid()}-a.txt"), "moved"] and (tmp_path / "a.txt").read_text() == "x"


def test_drafts_are_no_records(tmp_path, store):
    s = store()
    s.finish()
    (tmp_path / "run/records/.99-08_tuning.json").write_text('{"half')
    assert list(files.read_records(tmp_path / "run")) == ["04_cnn"]


def test_the_source_of_prices_may_be_another_one_if_they_are_the_same(store):
    """A replay that was made from a folder serves a run that loads the same prices from Yahoo."""
    first = store(source="folder", data_dir="there")
    first.fact(data={"ADA-USD": {"sha256": "abc"}})
    first.table("t", FRAME, "T")
    first.finish()
    for digest, good in (("abc", True), ("other", False)):
        second = store(source="yahoo", data_dir=None)
        second.fact(data={"ADA-USD": {"sha256": digest}})
        if good:
            assert len(second.find_table("t", "04_cnn")) == len(FRAME)
        else:
            with pytest.raises(ArtifactError, match="from other prices of ADA-USD"):
                second.find_table("t", "04_cnn")


def test_the_record_keeps_where_trainings_were_made(store, tmp_path):
    s = store()
    kept = s.kept("judging")
    assert s.kept("judging") is kept
    kept.count({"new": 2, "kept": 0, "made_on": ["A"]})
    kept.count({"new": 0, "kept": 3, "made_on": ["B", "A"]})
    s.finish()
    assert files.read_records(tmp_path / "run")["04_cnn"]["facts"]["trainings"] == {
        "new": 2,
        "kept": 3,
        "made_on": ["A", "B"],
    }


# -- the record ------------------------------------------------------------------------------


def test_the_record_says_what_was_made_from_which_parameters(store, tmp_path):
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


def test_finish_removes_old_tables_of_its_notebook_and_nothing_dear(store, tmp_path):
    """ETH's predictions of an earlier run stay, and stay usable, when ADA alone is run again."""
    first = store()
    for ticker in ("ADA-USD", "ETH-USD"):
        first.predictions(ticker, "CNN", FRAME)
    first.table("old", FRAME, "O")
    first.finish()
    other = store("05_lstm")
    other.predictions("ETH-USD", "LSTM", FRAME)
    other.finish()
    (tmp_path / "run/tables/by_hand.csv").write_text("mine")
    again = store()
    again.predictions("ADA-USD", "CNN", FRAME)
    again.finish()
    assert paths_in(tmp_path / "run") == [
        "predictions/ADA-USD_CNN.csv",
        "predictions/ETH-USD_CNN.csv",
        "predictions/ETH-USD_LSTM.csv",
        "records/04_cnn.json",
        "records/05_lstm.json",
        "tables/by_hand.csv",
    ]
    assert len(store("09_comparison").find_predictions("ETH-USD", "CNN", "04_cnn")) == len(FRAME)


def test_predictions_of_other_parameters_stay_but_are_not_found(store, tmp_path):
    first = store(lookback=60)
    first.predictions("ETH-USD", "CNN", FRAME)
    first.finish()
    again = store(lookback=30)
    again.predictions("ADA-USD", "CNN", FRAME)
    again.finish()
    assert (tmp_path / "run/predictions/ETH-USD_CNN.csv").is_file()
    with pytest.raises(ProjectError, match="not those of the last finished run"):
        store("09_comparison", lookback=30).find_predictions("ETH-USD", "CNN", "04_cnn")


# -- found again -----------------------------------------------------------------------------

MEND = "Make them with: python run_all.py --only 04 (and this run's parameter file), or run notebooks/04_cnn.ipynb"


def left(store, data=None, **parameters):
    s = store("04_cnn", **parameters)
    s.predictions("ADA-USD", "CNN", FRAME)
    s.fact(seeds={"ADA-USD": 5}, **({"data": data} if data else {}))
    s.finish()


def found(store, **parameters):
    return store("09_comparison", **parameters).find_predictions("ADA-USD", "CNN", "04_cnn")


def test_predictions_come_back_as_they_were_left(store):
    left(store, lookback=60, tickers=["ADA-USD", "ETH-USD"], networks=["CNN"])
    frame = found(store, lookback=60, tickers=["ADA-USD"], networks=["CNN", "LSTM"], trials=4)
    assert frame["actual_usd"].tolist() == FRAME["actual_usd"].tolist()
    assert frame["date"].tolist() == [pd.Timestamp("2021-01-01"), pd.Timestamp("2021-01-02")]


def test_a_fact_comes_back(store):
    left(store)
    assert store("09_comparison").find_fact("seeds", "04_cnn") == {"ADA-USD": 5}


def test_missing_predictions_name_the_command_that_makes_them(store, tmp_path):
    assert sentence(lambda: found(store)) == f"predictions of ADA-USD, CNN are missing in {tmp_path / 'run'}. {MEND}"
    left(store)
    (tmp_path / "run/records/04_cnn.json").unlink()
    assert "are missing" in sentence(lambda: found(store))


def test_predictions_of_other_parameters_are_refused_and_the_keys_named(store):
    left(store, lookback=60, split=[0.7, 0.15, 0.15], seed=1)
    told = sentence(lambda: found(store, lookback=30, split=[0.6, 0.2, 0.2], seed=1))
    assert told == (
        "predictions of ADA-USD, CNN were made with other parameters (lookback 60 there, 30 here;"
        f" split [0.7, 0.15, 0.15] there, [0.6, 0.2, 0.2] here). {MEND}"
    )


def test_which_coins_were_run_matters_when_windows_hold_all_of_them(store):
    left(store, tickers=["ADA-USD", "ETH-USD"], inputs="all_closes")
    assert "tickers ['ADA-USD', 'ETH-USD'] there, ['ADA-USD'] here" in sentence(
        lambda: found(store, tickers=["ADA-USD"], inputs="all_closes")
    )


def test_predictions_that_a_later_run_began_to_replace_are_refused(store):
    """Its record is still the old one, with the old parameters, but the file is not."""
    left(store, lookback=60)
    broken_off = store("04_cnn", lookback=30)
    broken_off.predictions("ADA-USD", "CNN", FRAME * 2)
    told = sentence(lambda: found(store, lookback=60))
    assert told == f"predictions of ADA-USD, CNN are not those of the last finished run of 04_cnn. {MEND}"


def test_predictions_from_other_prices_are_refused(store):
    left(store, data={"ADA-USD": {"sha256": "aa"}, "ETH-USD": {"sha256": "bb"}})
    asking = store("09_comparison")
    asking.fact(data={"ADA-USD": {"sha256": "aa"}})
    assert len(asking.find_predictions("ADA-USD", "CNN", "04_cnn")) == 2
    asking.fact(data={"ADA-USD": {"sha256": "cc"}})
    assert "were made from other prices of ADA-USD. Make them" in sentence(
        asking.find_predictions, "ADA-USD", "CNN", "04_cnn"
    )


def test_a_listing_comes_back_or_is_missed_by_name(store):
    s = store("08_tuning")
    s.listing("ADA-USD", pd.DataFrame({"Trial": [1], "R2 Score": [0.5]}), "L")
    s.finish()
    assert store().find_listing("ADA-USD", "08_tuning")["R2 Score"].tolist() == [0.5]
    told = sentence(store().find_listing, "ETH-USD", "08_tuning")
    assert told.startswith("trials of ETH-USD are missing") and "--only 08" in told


def test_a_table_comes_back_to_the_last_bit_or_is_missed_by_name(store):
    s = store("09a_skill", lookback=60)
    s.table("skill", pd.DataFrame({"model": ["naive"], "skill": [0.1 + 0.2]}), "S")
    s.finish()
    assert store("10_claims", lookback=60).find_table("skill", "09a_skill")["skill"].tolist() == [0.1 + 0.2]
    told = sentence(store().find_table, "other", "09a_skill")
    assert told.startswith("rows of tables/other.csv are missing") and "--only 09a" in told
    assert "lookback 60 there, 30 here" in sentence(store("10_claims", lookback=30).find_table, "skill", "09a_skill")
    assert sentence(store().find_table, "other", "09a_skill", "Do this").endswith("Do this")


# -- shown -----------------------------------------------------------------------------------


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
