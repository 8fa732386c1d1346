"""What ``run_all.py --prices`` shows of files, and that nothing is run."""

import io
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.runner import price_files
from lib.settings import consistency

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(consistency, "today", lambda: date(2026, 11, 27))


def case(name):
    return next(CASES.glob(f"{name}_*.csv"))


def test_a_file_is_described_with_the_line_to_use_it(tmp_path):
    path = tmp_path / "BTC-USD.csv"
    path.write_bytes(case("f10").read_bytes())
    out = io.StringIO()
    assert price_files.show([path], out) == 0
    lines = out.getvalue().splitlines()
    assert lines[:4] == [
        f"{path}",
        "    layout      investing.com, day first, 400 days, newest first, volume in coins, Close is 'Price'",
        "    days        2025-10-23 to 2026-11-26, 400 with a close",
        "    gaps        1 day without a volume: 2026-05-11",
    ]
    assert "    suspicious  nothing" in lines and "    left out    nothing" in lines
    assert lines[-1] == (
        f"    to use it   python run_all.py -p source=folder -p data_dir={tmp_path} -p 'tickers=[BTC-USD]'"
        " -p start_date=2025-10-23 -p end_date=2026-11-26 -p output_dir=outputs/NAME"
    )


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("f04", ["gaps        5 days without a price: 2026-06-30 to 2026-07-03, 2026-08-19", "395 with a close"]),
        ("f05", ["left out    2026-11-26 is there twice: the first complete row counts"]),
        ("f08", ["left out    the last row (2026-11-26 18:42:11, line 401)", "end_date=2026-11-25"]),
        ("f17", ["lacks       Open, High, Low, so inputs ohlcv_indicators cannot be used"]),
        ("f20", ["closes      1.21823e-05 to 1.75474e-05 USD, lowest 7.9"]),
        (
            "f23",
            [
                "2026-08-29: Open, High, Low, Close up by a factor of 101.7",
                "2026-09-08: Open, High, Low, Close are 0",
                "-p max_daily_factor=200 accepts them, once the other values are corrected",
            ],
        ),
        (
            "f31",
            [
                "a change of level from that day on",
                "-p max_daily_factor=10 accepts them",
                "-p max_daily_factor=10 -p output_dir",
            ],
        ),
        (
            "f24",
            [
                "suspicious  High is not the highest or Low not the lowest price on 400 of 400 days",
                "to use it   correct",
            ],
        ),
    ],
)
def test_what_is_odd_in_a_file_is_said(name, parts):
    lines, refused = price_files.described(case(name))
    text = "\n".join(lines)
    assert all(part in text for part in parts), text
    assert refused == ("A run refuses these prices" in text) == (name in ("f23", "f24", "f31"))
    assert ("copy it to DATA_DIR/TICKER.csv" in text) == (name not in ("f23", "f24"))


@pytest.mark.parametrize(
    ("closes", "said"),
    [
        (
            [float(n // 7 + 1) for n in range(28)],
            "Close stands still for 7 days or more on 28 of 28 days, such as from",
        ),
        ([100.0 + n if n > 20 or n % 7 == 0 else np.nan for n in range(42)], "18 of 42 days have no close: perhaps"),
        ([50.0 + n - max(0, n % 7 - 4) for n in range(28)], "Close is that of the day before on 8 of 28 days: perhaps"),
        ([float(n + 1) for n in range(28)], "suspicious  nothing"),
    ],
    ids=["weeks filled", "weeks, then days", "weekends filled", "days"],
)
def test_what_may_be_no_daily_prices_is_said_and_not_refused(tmp_path, closes, said):
    path = tmp_path / "AAA-USD.csv"
    days = pd.date_range("2026-01-01", periods=len(closes))
    pd.DataFrame({"Date": days, "Close": closes}).to_csv(path, index=False)
    lines, refused = price_files.described(path)
    assert said in "\n".join(lines) and not refused


def test_a_file_that_a_run_would_refuse_ends_with_2(capsys):
    assert price_files.show([case("f24")]) == 2
    out, err = capsys.readouterr()
    assert "400 of 400 days" in out and "a run refuses these prices; see suspicious" in err


def test_a_file_that_cannot_be_read_is_one_sentence_and_the_others_are_shown(capsys):
    assert price_files.show([case("f28"), "no/such.csv", case("f00")]) == 2
    out, err = capsys.readouterr()
    assert "a web page (HTML or XML)" in err and "no/such.csv cannot be read: No such file" in err
    assert len(err.splitlines()) == 2 and "Yahoo's columns, 400 days" in out


def test_a_sparkline_has_a_sign_for_some_days_in_a_row():
    close = pd.Series([1.0, 2, 3, np.nan, np.nan, 8, 8, 8])
    assert price_files.sparkline(close, width=8) == "▁▂▃  ███"
    assert price_files.sparkline(close, signs="12345678", width=4) == "1388"
    assert price_files.sparkline(pd.Series([5.0, 5.0])) == "▁▁"


@pytest.mark.slow
def test_the_command_needs_no_unicode(tmp_path):
    path = tmp_path / "Último.csv"
    path.write_bytes(case("f11").read_bytes())
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, str(settings.PROJECT_ROOT / "run_all.py"), "--prices", str(path), str(case("f26"))],
        env={**os.environ, **ascii_only},
        capture_output=True,
    )
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    assert b"investing.com, Spanish, day first, decimal comma" in done.stdout
    assert b"has a header and no row below it" in done.stderr
