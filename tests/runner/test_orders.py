"""What is checked before anything starts, what --list shows, one run in one folder, how the command ends."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from lib import installed, settings
from lib.runner import command, order
from lib.runner.lock import held, is_held

ROOT = settings.PROJECT_ROOT
HEADER = "Date,Open,High,Low,Close,Volume\n"
WRONG = [
    ({"parameter_file": "params/none.yaml"}, ["params/none.yaml", "params/sample.yaml"]),
    ({"overrides": ["trials=0", "lookbak=60"]}, ["trials is 0", "1 to 1000", "'lookbak'", "'lookback'"]),
    ({"overrides": ["trials"]}, ["-p trials", "key=value"]),
    ({"only": ["04", "77"]}, ["--only 77", "Allowed: 01"]),
    ({"start": "x"}, ["--from x", "Allowed: 01"]),
    ({"only": ["04"], "start": "05"}, ["choose one"]),
    ({"jobs": "0", "overrides": ["trials=0"]}, ["--jobs 0", "from 1", "trials is 0"]),
    ({"jobs": "\u0663"}, ["--jobs \u0663", "from 1"]),
    ({"jobs": "1_0"}, ["--jobs 1_0", "from 1"]),
    ({"jobs": "9" * 5000}, ["from 1"]),
    ({"parameter_file": "params"}, ["params: this is no file", "params/sample.yaml"]),
    ({"overrides": [f"output_dir={'x' * 300}"]}, ["output_dir is 'xxx", "too long for this disk"]),
    ({"overrides": [f"output_dir={'/'.join(['x' * 200] * 30)}"]}, ["output_dir is 'xxx", "too long for this disk"]),
    ({"overrides": ["source=folder", f"data_dir={'x' * 300}"]}, ["data_dir is 'xxx", "too long for this disk"]),
    ({"overrides": ["output_dir=."]}, ["output_dir is '.'", "the project's own folder", "outputs/NAME"]),
    ({"overrides": ["start_date=2020-02-30"]}, ["start_date is '2020-02-30'", "YYYY-MM-DD"]),
    ({"overrides": ["source=folder", "data_dir=nowhere/at/all"]}, ["data_dir nowhere/at/all", "BTC-USD.csv"]),
    ({"overrides": ["source=folder", "data_dir=params"]}, ["params/BTC-USD.csv is missing", "no CSV file"]),
]


@pytest.mark.parametrize("words, parts", WRONG)
def test_a_wrong_order_ends_with_code_2(words, parts, capsys):
    code = command.run(**{"parameter_file": "params/sample.yaml", **words})
    out, err = capsys.readouterr()
    assert (code, out) == (2, "") and all(part in err for part in parts)


def test_a_wrong_order_needs_no_kernel_and_no_traceback():
    began = time.monotonic()
    answer = subprocess.run([sys.executable, "run_all.py", "-p", "trials=0"], cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "") and time.monotonic() - began < 3
    assert "trials is 0" in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.parametrize("first, last", [("2020-01-01", "2021-10-26"), ("2020-01-02", "2021-10-27"), ("soon", "later")])
def test_prices_that_the_notebooks_could_not_use_are_refused(tmp_path, check, put, first, last):
    put(tmp_path / "books", "01_any")
    (tmp_path / "BTC-USD.csv").write_text(HEADER + "".join(f"{day},1,2,0.5,1.5,100\n" for day in (first, last)))
    with pytest.raises(order.OrderError, match="BTC-USD.csv"):
        check("source=folder", f"data_dir={tmp_path}")


def test_prices_that_cover_the_window_are_taken(tmp_path, check, put):
    put(tmp_path / "books", "01_any")
    days = ("2020-01-01", "2021-10-27 00:00:00+00:00")
    (tmp_path / "BTC-USD.csv").write_text(HEADER + "".join(f"{day},1,2,0.5,1.5,100\n" for day in days))
    assert check("source=folder", f"data_dir={tmp_path}").selected


@pytest.mark.slow
def test_each_notebook_refuses_a_coin_of_45_days_before_anything_starts(tmp_path):
    shutil.copy(ROOT / "tests" / "cases" / "f22_young_coin_45_days.csv", tmp_path / "BTC-USD.csv")
    given = ["source=folder", f"data_dir={tmp_path}", f"output_dir={tmp_path / 'out'}", "lookback=5"]
    given += ["start_date=2026-10-13", "end_date=2026-11-25"]
    with pytest.raises(order.OrderError) as refused:
        order.check("params/sample.yaml", given)
    *lines, total = str(refused.value).splitlines()
    assert len(set(lines)) == len(lines) and all("days" in line and "(notebook" in line for line in lines)
    assert re.match(r"About \d+ days from start_date to end_date, each with a price, would do for all", total)
    assert any("09a" in line for line in lines) and any("11" in line for line in lines)
    assert not (tmp_path / "out").exists()


def walked(tmp_path, days):
    """The words of an order on so many days of a random walk."""
    index = pd.date_range(end="2024-11-25", periods=days)
    closes = 100 * np.exp(np.random.default_rng(1).normal(0, 0.03, days).cumsum())
    rows = [f"{day:%Y-%m-%d},{c},{c * 1.01},{c * 0.99},{c},9\n" for day, c in zip(index, closes)]
    (tmp_path / "BTC-USD.csv").write_text(HEADER + "".join(rows))
    place = ["source=folder", f"data_dir={tmp_path}", f"output_dir={tmp_path / 'out'}"]
    return [*place, f"start_date={index[0]:%Y-%m-%d}", "end_date=2024-11-25"]


@pytest.mark.parametrize(("lookback", "only"), [(5, ["04", "09d", "11"]), (2, ["09a"])])
def test_one_number_of_days_is_enough_for_the_whole_order(tmp_path, lookback, only):
    """Red before: each sentence named a number of its own, and none was enough for the order."""
    with pytest.raises(order.OrderError) as refused:
        order.check("params/sample.yaml", [*walked(tmp_path, 44), f"lookback={lookback}"], only)
    days = int(re.search(r"About (\d+) days", str(refused.value).splitlines()[-1])[1])
    assert order.check("params/sample.yaml", [*walked(tmp_path, days), f"lookback={lookback}"], only).selected
    with pytest.raises(order.OrderError):
        order.check("params/sample.yaml", [*walked(tmp_path, int(days * 0.95)), f"lookback={lookback}"], only)


def test_the_days_that_a_long_lookback_asks_for_are_enough_for_every_notebook(tmp_path):
    """Red before: 207 days were named for a lookback of 30, on which the notebooks asked for more."""
    with pytest.raises(order.OrderError, match="lookback 30 leaves no window") as refused:
        order.check("params/sample.yaml", [*walked(tmp_path, 200), "lookback=30"])
    days, lookback = re.search(r"to (\d+) days, .* shorten lookback to (\d+)", str(refused.value)).groups()
    assert order.check("params/sample.yaml", [*walked(tmp_path, int(days)), "lookback=30"]).selected
    assert order.check("params/sample.yaml", [*walked(tmp_path, 200), f"lookback={lookback}"]).selected


def test_where_more_days_do_not_help_no_number_is_named(tmp_path):
    with pytest.raises(order.OrderError) as refused:
        order.check("params/sample.yaml", [*walked(tmp_path, 400), "lookback=2", "split=[0.2, 0.4, 0.4]"], ["09a"])
    assert "training days are too few" in str(refused.value) and "About" not in str(refused.value)


def test_the_coins_that_do_can_be_run_by_the_words_that_the_message_names(tmp_path, check, put):
    put(tmp_path / "books", "01_a", needs="data.windows.build")
    days = pd.date_range("2024-01-01", "2024-08-27")
    for ticker, left_out in (("GOOD-USD", []), ("BAD-USD", days[30:230]), ("WORSE-USD", days[20:239])):
        rows = [f"{d:%Y-%m-%d},{k},{k + 2},{k - 1},{k + 1},9\n" for k, d in enumerate(days, 100) if d not in left_out]
        (tmp_path / f"{ticker}.csv").write_text(HEADER + "".join(rows))
    words = ["source=folder", f"data_dir={tmp_path}", "start_date=2024-01-01", "end_date=2024-08-27", "lookback=20"]
    with pytest.raises(order.OrderError) as refused:
        check(*words, "tickers=[GOOD-USD, BAD-USD, WORSE-USD]")
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["BAD-USD", "WORSE-USD"]
    assert lines[-1] == "To run the others: -p tickers=[GOOD-USD]"
    assert check(*words, "tickers=[GOOD-USD]").selected


def test_the_words_for_the_readable_coins_leave_out_those_that_are_flat_or_too_short(tmp_path, check, put):
    """Red before: FLAT-USD was offered, and refused in a second try."""
    put(tmp_path / "books", "01_a", needs="data.windows.build")
    days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2024-01-01", "2024-08-27")]
    closes = {"GOOD-USD": range(100, 340), "FLAT-USD": [7] * 240, "JUMP-USD": [5] + [50 + k for k in range(239)]}
    for ticker, values in {**closes, "ZERO-USD": [0, *range(1000, 1239)]}.items():
        rows = [f"{day},{v},{v},{v},{v},9\n" for day, v in zip(days, values)]
        (tmp_path / f"{ticker}.csv").write_text(HEADER + "".join(rows))
    words = ["source=folder", f"data_dir={tmp_path}", "start_date=2024-01-01", "end_date=2024-08-27", "lookback=20"]
    with pytest.raises(order.OrderError) as refused:
        check(*words, f"tickers=[{', '.join(closes)}, ZERO-USD]")
    *what, flat, accept, others = str(refused.value).splitlines()
    assert [line.partition(",")[0] for line in what] == ["JUMP-USD", "ZERO-USD"] and flat.startswith("FLAT-USD: ")
    assert others.startswith("To run the others: -p tickers=[GOOD-USD];")
    assert ": -p max_daily_factor=10 -p tickers=[GOOD-USD,JUMP-USD];" in accept
    for sentence in (accept, others):
        assert check(*words, *[w.partition(";")[0].strip() for w in sentence.split("-p ")[1:]]).selected


def test_a_need_that_does_not_exist_is_named(tmp_path, check, put):
    put(tmp_path / "books", "01_a", needs="data.windows.nothing")
    with pytest.raises(order.OrderError, match="01_a: its metadata run.needs names lib.data.windows.nothing"):
        check()


def test_every_notebook_that_trains_on_prices_says_what_it_needs():
    without = [n.name for n in order.discover(order.NOTEBOOKS) if n.trains and not n.needs]
    assert without == ["09e_controls"]  # simulated series


# -- which notebooks -------------------------------------------------------------------------


@pytest.fixture
def books(tmp_path, put):
    put(tmp_path / "books", "01_cnn", networks=["CNN"])
    put(tmp_path / "books", "02_lstm", networks=["LSTM"], seconds=9)
    put(tmp_path / "books", "03_search", trains=True, after=["01_cnn"], unless_zero="replay_seeds")


def test_notebooks_that_have_nothing_to_do_with_the_parameters_are_left_out(books, check):
    assert [n.name for n in check("replay_seeds=1").selected] == ["01_cnn", "02_lstm", "03_search"]
    assert [n.name for n in check("replay_seeds=0").selected] == ["01_cnn", "02_lstm"]
    lines = command.listed(check("networks=[LSTM]", "replay_seeds=1", only=["1", "2"]))
    assert [line for line in lines if line.startswith("0")] == [
        "01_cnn (not selected: networks ['LSTM'] lacks CNN)",
        "02_lstm",
        "03_search (not selected)",
    ]
    assert "    after nothing; usually 9 s" in lines and "    after 01_cnn; trains networks" in lines


def test_nothing_left_to_run_is_an_error(books, check):
    expected = (
        r"nothing is left to run: 01_cnn is left out, as networks \['CNN-LSTM'\] lacks CNN; 02_lstm is left out,"
        ".* lacks LSTM; 03_search is left out, as replay_seeds is 0"
    )
    with pytest.raises(order.OrderError, match=expected):
        check("networks=[CNN-LSTM]", "replay_seeds=0")


# -- one run in one folder -------------------------------------------------------------------


def test_a_second_run_in_the_same_folder_is_refused(tmp_path, books, check, capsys):
    checked = check()
    checked.root.mkdir()
    (checked.root / ".lock").touch()  # as a killed run leaves it
    (checked.root / "run.json").write_text(json.dumps({"notebooks": {"01_cnn": {"status": "running"}}}))
    with held(checked.root, "outputs/x"):
        given = [f"output_dir={checked.root}"]
        assert command.run("params/sample.yaml", given, notebooks_dir=tmp_path / "books") == 2
        assert "another run is writing" in capsys.readouterr().err
        assert "    running; no files yet" in command.listed(checked)
    assert "    stopped; no files yet" in command.listed(checked)


def test_a_folder_whose_lock_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    (tmp_path / ".lock").touch()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lib.runner.lock.FileLock", refuse)
    assert not is_held(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, books, check, capsys):
    (tmp_path / "out").write_text("a file")
    assert command.run("params/sample.yaml", [f"output_dir={tmp_path / 'out'}"], notebooks_dir=tmp_path / "books") == 2
    assert f"output_dir {tmp_path / 'out'} cannot be written" in capsys.readouterr().err


# -- the command itself ----------------------------------------------------------------------


def test_a_python_without_the_packages_is_told_so_before_anything_starts():
    words = [sys.executable, "-S", "run_all.py", "--list"]  # -S: no site-packages
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "lacks packages" in answer.stderr and "pip install -r requirements.txt" in answer.stderr
    assert "Traceback" not in answer.stderr


def entry_points():
    """Every module that ``python -m`` starts."""
    found = []
    for path in [p for folder in ("lib", "benchmarks") for p in sorted((ROOT / folder).rglob("*.py"))]:
        if "__main__" in path.read_text(encoding="utf-8"):
            found.append(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__"))
    return found


@pytest.mark.parametrize("module", entry_points())
def test_every_command_says_which_packages_are_missing(module):
    words = [sys.executable, "-S", "-E", "-m", module, "--help"]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "lacks packages that the project needs: anywidget, arch, " in answer.stderr
    assert answer.stderr.count("\n") == 1 and "pip install -r requirements.txt" in answer.stderr


def test_the_entry_points_are_found():
    assert {"lib.app.serve", "lib.ledger", "lib.data.market.manifest", "benchmarks.limits"} <= set(entry_points())


def test_another_python_is_told_which_one_is_needed(monkeypatch):
    assert installed.complaint() is None
    monkeypatch.setattr(installed.sys, "version_info", (3, 10, 4))
    assert "the project needs Python 3.11" in installed.complaint()


def test_a_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "run_all.py", "--list"]
    with open(writing, "wb") as gone:
        answer = subprocess.run(words, cwd=ROOT, stdout=gone, stderr=subprocess.PIPE, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_runner_is_importable_where_posix_modules_are_missing():
    libraries = "import sys, asyncio, filelock, psutil, multiprocessing"
    code = f"{libraries}; sys.modules.update(fcntl=None, resource=None); import lib.runner.command, lib.runner.session"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
