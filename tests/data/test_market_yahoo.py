"""The real loading code for Yahoo against a server on 127.0.0.1 that answers in Yahoo's format."""

import json
import logging
import os
import runpy
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lib import settings
from lib.data import market
from lib.data.market import cache, yahoo

SERVER = Path(__file__).with_name("yahoo_server.py")
stand_in = runpy.run_path(str(SERVER))
START, END = date(2021, 1, 1), date(2021, 1, 9)
FIRST_DAY = 18628  # 2021-01-01 counted from 1970-01-01


@pytest.fixture
def server(monkeypatch):
    server = stand_in["YahooServer"]()
    stand_in["redirect"](server.url, monkeypatch.setattr)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def load(server, tmp_path):
    """Load from the stand-in with a short time limit and a cache of the test's own."""

    def load_tickers(*tickers, start=START, end=END, timeout=2.0):
        return market.load("yahoo", list(tickers), start, end, cache_dir=tmp_path, timeout_seconds=timeout)

    return load_tickers


def kept(folder):
    """Names of everything in the cache, without the lock and yfinance's own notes."""
    return sorted(p.name for p in folder.iterdir() if p.name not in (".lock", "yfinance"))


def refusal(load, *tickers, **options):
    with pytest.raises(market.MarketError) as caught:
        load(*tickers, **options)
    return str(caught.value)


# -- answers that are used ---------------------------------------------------------------------


def test_the_values_are_exactly_those_that_were_sent(load, server):
    frame = load("AAA-USD")["AAA-USD"]
    assert [d.date() for d in frame.index] == [START + timedelta(days=n) for n in range(9)]
    for number, row in enumerate(frame.to_dict("records")):
        assert {k.lower(): v for k, v in row.items()} == stand_in["quote"](FIRST_DAY + number)
    assert list(frame.columns) == ["Open", "High", "Low", "Close", "Volume"] and set(map(str, frame.dtypes)) == {
        "float64"
    }
    assert str(frame.index.dtype) == "datetime64[ns]" and frame.index.name == "date"
    ((_, query),) = server.windows()
    assert query["interval"] == "1d"
    assert (int(query["period1"]), int(query["period2"])) == (FIRST_DAY * 86400, (FIRST_DAY + 9) * 86400)


def test_empty_days_show_as_gaps_and_absent_days_stay_out(load, server):
    server.faults = {"AAA-USD": "gap", "BBB-USD": "absent_day", "CCC-USD": "too_many_days"}
    prices = load("AAA-USD", "BBB-USD", "CCC-USD")
    assert [d.day for d in prices["AAA-USD"].index[prices["AAA-USD"].isna().all(axis=1)]] == [3, 4]
    assert prices["AAA-USD"].isna().sum().sum() == 10 and len(prices["AAA-USD"]) == 9
    assert [d.day for d in prices["BBB-USD"].index] == [1, 2, 4, 5, 6, 7, 8, 9]
    assert (prices["CCC-USD"].index[0].date(), prices["CCC-USD"].index[-1].date()) == (START, END)


def test_yfinance_is_quiet_and_gets_its_settings_back(load, server, monkeypatch, capfd, caplog, recwarn):
    import yfinance

    def no_cookie(self, timeout=30):
        raise ConnectionError("yfinance logs a warning about this and goes on")

    monkeypatch.setattr(yfinance.data.YfData, "_get_cookie_and_crumb", no_cookie)
    server.faults = {"BAD-USD": "unknown"}
    assert "Downloaded and cached: AAA-USD" in refusal(load, "AAA-USD", "BAD-USD")
    out, err = capfd.readouterr()
    assert (out, err, caplog.records) == ("", "", [])
    assert not [w for w in recwarn if "yfinance" in str(w.filename)]
    assert yfinance.config.debug.hide_exceptions is True and not logging.getLogger("yfinance").disabled


# -- faults ------------------------------------------------------------------------------------

FAULTS = {
    "rate_limit": "Yahoo limits the rate of requests (HTTP 429). Wait some minutes",
    "unknown": "Yahoo does not know this ticker (No data found, symbol may be delisted). Check its spelling",
    "refused": "Yahoo refused 2021-01-01 to 2021-01-09 (Data doesn't exist for startDate = 1, endDate = 2). Check",
    "empty": "Yahoo's answer for 2021-01-01 to 2021-01-09 is empty. Check ticker and dates",
    "none_at_all": "Yahoo's answer for 2021-01-01 to 2021-01-09 is empty. Check ticker and dates",
    "late_start": "Yahoo's answer holds 2021-01-03 to 2021-01-09 (7 days), but 2021-01-01 to 2021-01-09 was asked",
    "early_end": "Yahoo's answer holds 2021-01-01 to 2021-01-06 (6 days), but 2021-01-01 to 2021-01-09 was asked",
    "untrue": "2021-01-09, Low: 9999 (allowed: Low not above Open",
    "broken": "Yahoo is out of order (HTTP 500). Wait some minutes",
    "down": "Yahoo is out of order (its page says: Will be right back). Wait some minutes",
    "html": "Yahoo's answer cannot be read; it is cut off or not in the chart format (JSONDecodeError). Wait",
    "cut_json": "Yahoo's answer cannot be read; it is cut off or not in the chart format (JSONDecodeError). Wait",
    "cut_line": "the connection broke off in the middle of Yahoo's answer (IncompleteRead). Wait some minutes",
    "odd_columns": "Yahoo's answer cannot be read; it is cut off or not in the chart format (KeyError). Wait",
}


@pytest.mark.parametrize("time_zone_known", [False, True], ids=["first request", "second request"])
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_sentence_and_leaves_no_file(load, server, tmp_path, fault, time_zone_known):
    # yfinance asks for a ticker's time zone once, then for prices: either request may fail.
    before = []
    if time_zone_known:
        load("AAA-USD", start=date(2020, 1, 1), end=date(2020, 1, 5))
        before = kept(tmp_path)
    server.faults = {"AAA-USD": fault}
    text = refusal(load, "AAA-USD")
    assert text.startswith("AAA-USD") and FAULTS[fault] in text and "\n" not in text
    assert kept(tmp_path) == before
    server.faults = {}
    assert len(load("AAA-USD")["AAA-USD"]) == 9, "a failed answer must not be remembered"


def test_a_server_that_hangs_is_given_up_after_the_time_limit(load, server, tmp_path):
    server.faults = {"AAA-USD": "hang"}
    begun = time.monotonic()
    assert "AAA-USD: Yahoo did not answer within 0.5 s. Wait some minutes" in refusal(load, "AAA-USD", timeout=0.5)
    assert time.monotonic() - begun < 3 and kept(tmp_path) == []


def test_no_connection_is_said_so(load, monkeypatch):
    stand_in["redirect"]("http://127.0.0.1:9", monkeypatch.setattr)
    assert "no connection to Yahoo (ConnectionError). Check the network, or use source folder or sample" in refusal(
        load, "AAA-USD"
    )


def test_an_unfinished_day_is_refused_before_any_request(load, server):
    today = datetime.now(UTC).date()
    text = refusal(load, "AAA-USD", end=today)
    assert f"The latest possible end_date is {today - timedelta(days=1)}" in text and server.asked == []


# -- several tickers ---------------------------------------------------------------------------


def test_a_bad_ticker_loses_nothing_and_the_next_one_is_tried(load, server, tmp_path):
    server.faults = {"BBB-USD": "unknown"}
    text = refusal(load, "AAA-USD", "BBB-USD", "CCC-USD")
    _, cached, choice = text.splitlines()
    assert text.startswith("BBB-USD: ") and cached == "Downloaded and cached: AAA-USD, CCC-USD"
    assert choice.startswith("To run the others: -p tickers=[AAA-USD,CCC-USD];") and len(kept(tmp_path)) == 4
    server.faults, server.asked[:] = {}, []
    assert list(load("AAA-USD", "BBB-USD", "CCC-USD")) == ["AAA-USD", "BBB-USD", "CCC-USD"]
    assert {ticker for ticker, _ in server.asked} == {"BBB-USD"}


def test_a_rate_limit_stops_further_requests(load, server):
    server.faults = {"BBB-USD": "rate_limit"}
    text = refusal(load, "AAA-USD", "BBB-USD", "CCC-USD", "DDD-USD")
    assert "\nDownloaded and cached: AAA-USD\nNot tried: CCC-USD, DDD-USD\nTo run those that were downloaded:" in text
    assert {ticker for ticker, _ in server.asked} == {"AAA-USD", "BBB-USD"}


# -- the cache ---------------------------------------------------------------------------------


def test_a_second_run_needs_no_network_and_gets_the_same_bits(load, server, tmp_path):
    server.faults = {"AAA-USD": "gap"}
    first = load("AAA-USD")["AAA-USD"]
    server.shutdown()
    server.asked.clear()
    second = load("AAA-USD")["AAA-USD"]
    assert second.equals(first) and second.attrs == first.attrs and server.asked == []
    note = json.loads((tmp_path / "AAA-USD_2021-01-01_2021-01-09.json").read_text())
    assert note["sha256"] == market.digest({"A": first})["A"]["sha256"] and note["rows"] == 9
    assert abs(datetime.fromisoformat(note["taken"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert market.origins({"AAA-USD": second}) == {
        "AAA-USD": f"AAA-USD: Yahoo, by yfinance {note['yfinance']}, taken {note['taken']}"
    }


def test_the_default_cache_is_in_the_project_and_ignored_by_git():
    assert yahoo.CACHE_DIR == settings.PROJECT_ROOT / ".cache" / "yahoo"
    assert ".cache/" in (settings.PROJECT_ROOT / ".gitignore").read_text().split()


def edit_price(csv, note):
    csv.write_text(csv.read_text().replace("131.3", "131.4"))


def edit_both(csv, note):
    edit_price(csv, note)
    facts = json.loads(note.read_text())
    note.write_text(json.dumps({**facts, "file_sha256": cache.files.sha256(csv)}))


DAMAGES = {
    "cut off": (
        lambda csv, note: csv.write_bytes(csv.read_bytes()[:-40]),
        "is not the one that AAA-USD_2021-01-01_2021-01-09.json describes",
    ),
    "edited": (edit_price, "the cached file AAA-USD_2021-01-01_2021-01-09.csv is not the one"),
    "edited with its note": (edit_both, "do not have the digest in AAA-USD_2021-01-01_2021-01-09.json"),
    "no note": (lambda csv, note: note.unlink(), "is incomplete (AAA-USD_2021-01-01_2021-01-09.json is missing)"),
    "no prices": (lambda csv, note: csv.unlink(), "is incomplete (AAA-USD_2021-01-01_2021-01-09.csv is missing)"),
    "note cut off": (
        lambda csv, note: note.write_text(note.read_text()[:50]),
        "cannot be read (JSONDecodeError in AAA-USD",
    ),
    "note empty of facts": (lambda csv, note: note.write_text("{}"), "cannot be read (KeyError in AAA-USD"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_download_is_named_and_downloaded_anew(load, server, tmp_path, damage):
    spoil, expected = DAMAGES[damage]
    good = load("AAA-USD")["AAA-USD"]
    spoil(tmp_path / "AAA-USD_2021-01-01_2021-01-09.csv", tmp_path / "AAA-USD_2021-01-01_2021-01-09.json")
    server.faults = {"AAA-USD": "rate_limit"}
    text = refusal(load, "AAA-USD")
    assert "HTTP 429" in text and "A new download was needed because" in text and expected in text
    server.faults = {}
    again = load("AAA-USD")
    assert again["AAA-USD"].equals(good)
    assert (
        "downloaded anew because" in market.origins(again)["AAA-USD"] and expected in market.origins(again)["AAA-USD"]
    )
    server.asked.clear()
    assert "anew" not in market.origins(load("AAA-USD"))["AAA-USD"] and server.asked == []


def test_a_cache_that_cannot_be_written_is_one_sentence(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(market.MarketError, match="the cache folder .*file/yahoo cannot be written"):
        market.load("yahoo", ["AAA-USD"], START, END, cache_dir=tmp_path / "file" / "yahoo")


def test_a_full_disk_leaves_no_half_file(load, tmp_path, monkeypatch):
    def fail(path, frame):
        path.write_text("Date,Op")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.csv_prices, "write", fail)
    text = refusal(load, "AAA-USD")
    assert "AAA-USD: downloaded, but" in text and "cannot be written (No space left on device). Free space" in text
    assert kept(tmp_path) == []


PROGRAM = """
import runpy, sys
from datetime import date
from pathlib import Path
from lib.data import market
runpy.run_path(sys.argv[1])["redirect"](sys.argv[2])
prices = market.load("yahoo", ["AAA-USD"], date(2021, 1, 1), date(2021, 1, 9), cache_dir=Path(sys.argv[3]))
print(market.digest_of_all(prices))
"""


def start_process(server, folder):
    command = [sys.executable, "-c", PROGRAM, str(SERVER), server.url, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=settings.PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_share_one_download(server, tmp_path):
    server.slow_seconds = 0.5
    processes = [start_process(server, tmp_path) for _ in range(2)]
    results = [(*p.communicate(timeout=60), p.returncode) for p in processes]
    assert {code for _, _, code in results} == {0}, results
    assert len({out for out, _, _ in results}) == 1 and len(server.windows()) == 1


def test_a_killed_download_leaves_nothing_and_blocks_nobody(load, server, tmp_path):
    server.faults = {"AAA-USD": "hang"}
    process = start_process(server, tmp_path)
    deadline = time.monotonic() + 30
    while not server.asked and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert server.asked and kept(tmp_path) == []
    server.faults = {}
    assert len(load("AAA-USD")["AAA-USD"]) == 9
