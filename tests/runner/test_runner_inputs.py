"""What is looked at on the disk before a run starts: days of price files, searches that are there already."""

import json
import os
import sqlite3
from datetime import date

import nbformat
import optuna
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib import settings
from lib.data.market import csv_prices
from lib.runner import command, inputs, order

LINE = "{},1,2,0.5,1.5,100\n"
HEADER = "Date,Open,High,Low,Close,Volume\n"


def prices(folder, *days, ticker="BTC-USD", header=HEADER):
    folder.mkdir(exist_ok=True)
    (folder / f"{ticker}.csv").write_text(header + "".join(LINE.format(d) for d in days), encoding="utf-8")
    return folder / f"{ticker}.csv"


@pytest.mark.parametrize(
    "days",
    [
        ("2020-01-01", "2021-10-27"),
        ("2021-10-27", "2020-01-01"),
        ("2020-01-01 00:00:00+00:00", "2021-10-27 00:00:00+00:00"),
        ("2020-01-01T23:30:00-00:15", "2021-10-27T01:00:00+00:30"),
        ("2020-01-01T00:00:00Z", "2021-10-27"),
    ],
)
def test_first_and_last_day_are_those_that_the_notebooks_read(tmp_path, days):
    path = prices(tmp_path, *days)
    index = csv_prices.read(path, "f").index
    assert inputs.days_of(path) == (index.min().date(), index.max().date()) == (date(2020, 1, 1), date(2021, 10, 27))


def test_blank_lines_a_byte_order_mark_and_another_order_of_columns_are_read(tmp_path):
    path = tmp_path / "X.csv"
    path.write_text("\ufeff Close , Date \n\n1,2020-01-02\n\n2,2020-01-03\n\n", encoding="utf-8")
    assert inputs.days_of(path) == (date(2020, 1, 2), date(2020, 1, 3))


@pytest.mark.parametrize(
    "text", ["", HEADER, "Day,Open\n2020-01-01,1\n", HEADER + "soon,1,2,3,4,5\n", HEADER + "2020-02-30,1\n", "\x00"]
)
def test_a_file_that_cannot_be_read_is_left_to_the_notebooks(tmp_path, text):
    (tmp_path / "X.csv").write_text(text)
    assert inputs.days_of(tmp_path / "X.csv") is None
    (tmp_path / "X.csv").write_bytes(b"Date\n\xff\xfe\n")
    assert inputs.days_of(tmp_path / "X.csv") is None


@pytest.mark.parametrize(
    "days, good",
    [
        (("2020-01-01", "2021-10-27"), True),
        (("2019-01-01", "2022-01-01"), True),
        (("2020-01-02", "2021-10-27"), False),
        (("2020-01-01", "2021-10-26"), False),
    ],
)
def test_a_window_that_a_file_does_not_cover_is_refused(tmp_path, days, good):
    prices(tmp_path / "in", *days)
    overrides = ["source=folder", f"data_dir={tmp_path / 'in'}", f"output_dir={tmp_path / 'out'}"]
    if good:
        assert order.check("params/sample.yaml", overrides).selected
        return
    with pytest.raises(order.OrderError) as caught:
        order.check("params/sample.yaml", overrides)
    told = f"BTC-USD.csv in data_dir {str(tmp_path / 'in')!r} holds {days[0]} to {days[1]}, but 2020-01-01 to 2021-10-27 was asked."
    assert str(caught.value).startswith(told)


def test_a_damaged_record_is_named_before_anything_starts(tmp_path, check):
    records = tmp_path / "my out" / "records"
    records.mkdir(parents=True)
    (records / ".123-02_lstm.json").write_text("")  # the draft of a run that was killed
    assert check()
    (records / "02_lstm.json").write_text("")
    with pytest.raises(
        order.OrderError,
        match=r"records/02_lstm.json is damaged \(.*Delete it and run its notebook again: --only 02; what was trained is kept",
    ):
        check()


# -- earlier searches ----------------------------------------------------------------------


def study(root, network="CNN", **steering):
    """A study file as Optuna leaves it."""
    path = root / "studies" / f"BTC-USD_{network}.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = optuna.create_study(storage=f"sqlite:///{path}", study_name="any")
    made.set_user_attr("steering", steering)
    return path


@pytest.fixture
def notebooks(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    for name, run in (
        ("01_cnn", {"networks": ["CNN"]}),
        ("02_lstm", {"networks": ["LSTM"]}),
        ("03_search", {"slots": "workers"}),
    ):
        put(folder, name, run)
    return folder


def put(folder, name, run):
    cell = new_code_cell("seed = None")
    cell.metadata["tags"] = ["parameters"]
    nbformat.write(
        new_notebook(cells=[new_markdown_cell(f"# {name}\nWhy?"), cell], metadata={"run": run}),
        folder / f"{name}.ipynb",
    )


@pytest.fixture
def check(tmp_path, notebooks):
    def run(*overrides, **more):
        return order.check(
            "params/sample.yaml", [f"output_dir={tmp_path / 'my out'}", *overrides], notebooks_dir=notebooks, **more
        )

    return run


def test_results_do_not_land_among_files_that_no_run_left(tmp_path, check):
    folder = tmp_path / "my out"
    assert check()
    folder.mkdir()
    assert check()
    (folder / "letters").mkdir()
    with pytest.raises(
        order.OrderError, match="my out', which holds letters, and nothing that a run left. Name a new folder"
    ):
        check()
    (folder / "run.json").write_text("{}")
    assert check()


def test_a_search_made_with_other_parameters_is_refused(tmp_path, check):
    same = {
        "lookback": 60,
        "split": [0.7, 0.15, 0.15],
        "outlier_iqr": 1.5,
        "data_digest": "abc",
        "training": "another way",
    }
    study(tmp_path / "my out", "CNN", **same)
    assert check()
    for network in ("CNN", "LSTM"):
        (tmp_path / "my out" / "studies" / f"BTC-USD_{network}.db").unlink(missing_ok=True)
        study(tmp_path / "my out", network, **{**same, "lookback": 30, "split": [0.6, 0.2, 0.2]})
    with pytest.raises(order.OrderError) as caught:
        check()
    assert str(caught.value) == (
        f"studies/BTC-USD_CNN.db, studies/BTC-USD_LSTM.db in {tmp_path / 'my out'} were made with other parameters:"
        " lookback 30 there, 60 here; split [0.6, 0.2, 0.2] there, [0.7, 0.15, 0.15] here. Take those parameters,"
        " choose another folder with -p output_dir=outputs/NAME, or delete the files to search anew"
    )
    assert check("lookback=30", "split=[0.6,0.2,0.2]")
    assert check("networks=[CNN-LSTM]"), "no study of this network is there"
    assert check(only=["01", "02"]), "no search is selected"


def test_a_study_is_only_read(tmp_path, check):
    path = study(tmp_path / "my out", lookback=60)
    os.utime(path, (1, 1))
    check()
    assert path.stat().st_mtime == 1 and [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_study_that_cannot_be_read_is_left_to_the_notebook(tmp_path, check):
    path = study(tmp_path / "my out", lookback=30)
    with sqlite3.connect(path) as base:
        base.execute("UPDATE study_user_attributes SET value_json = '[1]'")
    assert check()
    path.write_text("no database")
    assert check()
    path.write_bytes(b"")
    assert check()
    path.unlink()
    path.mkdir()
    assert check()


def test_the_real_search_names_its_steering_as_it_is_looked_for(tmp_path, sample_values):
    from lib.experiments import tuning

    chosen = settings.check(sample_values, "f")
    path = tmp_path / "studies" / "BTC-USD_CNN.db"
    tuning.open_study(tuning.StudyPlan("BTC-USD", "CNN", 1, path), tuning.steering_of(chosen, "abc"))
    assert set(tuning.STEERING) <= set(inputs.steering(path))
    assert inputs.other_searches(tmp_path, chosen.plain(), "out") == []
    assert "seed 42 there, 43 here" in inputs.other_searches(tmp_path, {**chosen.plain(), "seed": 43}, "out")[0]


# -- networks ------------------------------------------------------------------------------


def test_a_notebook_of_a_network_that_is_not_chosen_is_left_out(check):
    assert [n.name for n in check().selected] == ["01_cnn", "02_lstm", "03_search"]
    assert [n.name for n in check("networks=[LSTM]").selected] == ["02_lstm", "03_search"]
    listing = command.listed(check("networks=[LSTM]", only=["1", "2"]))
    assert [line for line in listing if line.startswith("0")] == [
        "01_cnn (not selected: networks ['LSTM'] lacks CNN)",
        "02_lstm",
        "03_search (not selected)",
    ]


def test_nothing_left_to_run_is_an_error(check):
    with pytest.raises(
        order.OrderError,
        match=r"nothing is left to run: 01_cnn is left out, as networks \['CNN-LSTM'\] lacks CNN; 02_lstm is left out, as .* lacks LSTM",
    ):
        check("networks=[CNN-LSTM]", only=["1", "2"])


def test_a_notebook_whose_parameter_is_zero_is_left_out(notebooks, check):
    path = notebooks / "03_search.ipynb"
    book = json.loads(path.read_text())
    book["metadata"]["run"]["unless_zero"] = "replay_seeds"
    path.write_text(json.dumps(book))
    assert "03_search" in [n.name for n in check("replay_seeds=1").selected]
    assert [n.name for n in check("replay_seeds=0").selected] == ["01_cnn", "02_lstm"]
    assert "03_search (not selected: replay_seeds is 0)" in command.listed(check("replay_seeds=0"))
    with pytest.raises(order.OrderError, match="03_search is left out, as replay_seeds is 0"):
        check("replay_seeds=0", only=["3"])
    book["metadata"]["run"]["unless_zero"] = "seeds"
    path.write_text(json.dumps(book))
    with pytest.raises(
        order.OrderError, match="03_search.ipynb: its metadata run.unless_zero is 'seeds'. Allowed: a parameter"
    ):
        check()


def test_an_unknown_network_in_a_notebook_is_named(notebooks, check):
    path = notebooks / "01_cnn.ipynb"
    book = json.loads(path.read_text())
    book["metadata"]["run"]["networks"] = ["GRU"]
    path.write_text(json.dumps(book))
    with pytest.raises(
        order.OrderError, match="01_cnn.ipynb: its metadata run.networks is \\['GRU'\\]. Allowed: a list of CNN, LSTM, "
    ):
        check()
