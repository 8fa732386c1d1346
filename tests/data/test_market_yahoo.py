"""The real loading code for Yahoo against a server on 127.0.0.1 that answers in Yahoo's format."""

import json
import logging
import os
import runpy
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
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
        options = {"cache_dir": tmp_path, "timeout_seconds": timeout, "pause": load_tickers.pauses.append}
        return market.load("yahoo", list(tickers), start, end, **options)

    load_tickers.pauses = []  # seconds that it would have waited for
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
    assert (out, err, caplog.records) == (
        "AAA-USD: asking Yahoo ..., 1 of 2\nBAD-USD: asking Yahoo ..., 2 of 2\n",
        "",
        [],
    )
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


def test_an_answer_of_wrong_types_is_one_sentence_and_leaves_no_file(load, server, tmp_path):
    load("AAA-USD", start=date(2020, 1, 1), end=date(2020, 1, 5))  # the time zone is known from here on
    before, result = kept(tmp_path), ("chart", "result", 0)
    quote = (*result, "indicators", "quote", 0)
    places = [result[:1], result[:2], result, (*result, "timestamp"), (*result, "indicators"), quote]
    places += [(*quote, "close"), (*quote, "close", 4)]
    server.faults = {"AAA-USD": "odd_types"}
    for place in places:
        for value in ("x", {}, [[1]], -1, True):
            server.odd = place, value
            text = refusal(load, "AAA-USD")
            assert text.startswith("AAA-USD") and text.count("\n") <= 1 and "Traceback" not in text, (place, value)
            assert kept(tmp_path) == before, (place, value)


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


def test_a_failed_encryption_is_said_so(load, server, monkeypatch):
    stand_in["redirect"](server.url.replace("http:", "https:"), monkeypatch.setattr)  # the server speaks plain HTTP
    text = refusal(load, "AAA-USD")
    assert "certificate cannot be checked (SSLError)" in text and "Check the network" not in text
    assert all(word in text for word in ("system clock", "company proxy", "SSL_CERT_FILE"))


def test_a_certificate_that_nobody_vouches_for_is_said_so(load, monkeypatch):
    from curl_cffi.requests import exceptions

    from lib.data.market import yahoo_chart

    def refuse(*_, **__):
        raise exceptions.CertificateVerifyError("SSL certificate problem: self signed certificate", 60)

    monkeypatch.setattr(yahoo_chart.ChartSession, "request", refuse)
    assert "certificate cannot be checked (CertificateVerifyError)" in refusal(load, "AAA-USD")


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


def test_one_load_and_a_second_one_ask_once_for_each_ticker(load, server):
    server.faults = {"BAD-USD": "unknown"}
    refusal(load, "AAA-USD", "BAD-USD", "CCC-USD")
    asked_in_vain = [ticker for ticker, _ in server.asked].count("BAD-USD")
    assert asked_in_vain <= 2  # yfinance tries a second cookie, and nothing else is tried
    load("AAA-USD", "CCC-USD")
    assert sorted(ticker for ticker, _ in server.windows() if ticker != "BAD-USD") == ["AAA-USD", "CCC-USD"]


# -- waiting -----------------------------------------------------------------------------------


def test_a_download_is_told_and_one_that_is_cached_is_not(load, server, capsys):
    load("AAA-USD")
    assert capsys.readouterr().out == "AAA-USD: asking Yahoo ...\n"
    load("BBB-USD", "AAA-USD", "CCC-USD")
    assert capsys.readouterr().out == "BBB-USD: asking Yahoo ..., 1 of 3\nCCC-USD: asking Yahoo ..., 3 of 3\n"
    load("BBB-USD", "AAA-USD", "CCC-USD")
    assert capsys.readouterr().out == ""


def test_the_runner_hears_what_is_waited_for(load, server, tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_PROGRESS_FILE", str(tmp_path / "progress.json"))
    load("AAA-USD")
    assert json.loads((tmp_path / "progress.json").read_text())["text"] == "AAA-USD: asking Yahoo ..."


@pytest.mark.parametrize(("asks", "waits"), [(None, 10), ("7", 7), ("0", 0), ("soon", 10)])
def test_a_rate_limit_that_ends_is_waited_for_once(load, server, capsys, asks, waits):
    server.limited, server.retry_after = 2, asks  # yfinance asks twice by itself
    assert len(load("AAA-USD")["AAA-USD"]) == 9 and load.pauses == [waits]
    assert f"AAA-USD: Yahoo limits the rate of requests, asking again in {waits} s ..." in capsys.readouterr().out


def test_retry_after_may_be_a_moment(load, server):
    moment = datetime.now(UTC) + timedelta(seconds=30)
    server.limited, server.retry_after = 2, format_datetime(moment, usegmt=True)
    load("AAA-USD")
    assert len(load.pauses) == 1 and 20 < load.pauses[0] <= 30


def test_a_rate_limit_that_stays_is_waited_for_once_only(load, server):
    server.faults = {"AAA-USD": "rate_limit"}
    assert "HTTP 429)" in refusal(load, "AAA-USD") and load.pauses == [10]


def test_a_long_wait_is_left_to_people_and_named(load, server):
    server.limited, server.retry_after = 2, "3600"
    assert "HTTP 429; it asks to wait 3600 s). Wait some minutes" in refusal(load, "AAA-USD") and load.pauses == []


# -- names -------------------------------------------------------------------------------------


def test_the_coins_name_is_shown_and_kept(load, server, tmp_path):
    server.names = {
        "TON-USD": {"longName": "Tokamak Network USD", "shortName": "TON"},
        "BBB-USD": {"shortName": " Two\n words "},
        "CCC-USD": {"longName": 5},
    }
    tickers = ("TON-USD", "BBB-USD", "CCC-USD", "AAA-USD")
    first = market.origins(load(*tickers))
    assert [text.partition(": ")[0] for text in first.values()] == [
        "TON-USD (Tokamak Network USD)",
        "BBB-USD (Two words)",
        "CCC-USD",
        "AAA-USD",
    ]
    assert market.origins(load(*tickers)) == first


def test_a_download_that_was_cached_without_a_name_is_shown_without_one(load, server, tmp_path):
    load("AAA-USD")
    note = tmp_path / "AAA-USD_2021-01-01_2021-01-09.json"
    facts = json.loads(note.read_text())
    del facts["name"]
    note.write_text(json.dumps(facts))
    server.asked.clear()
    assert market.origins(load("AAA-USD"))["AAA-USD"].startswith("AAA-USD: Yahoo, by") and server.asked == []


@pytest.mark.parametrize("ticker", ["^GSPC", "VIRTUAL29420-USD", "EURUSD=X"])
def test_any_ticker_is_asked_for_as_it_is_written_and_cached(load, server, ticker):
    assert len(load(ticker)[ticker]) == 9 and {asked for asked, _ in server.asked} == {ticker}
    server.asked.clear()
    assert len(load(ticker.lower())[ticker]) == 9 and server.asked == []


def test_a_large_move_is_refused_and_accepted_without_another_download(load, server, tmp_path):
    server.faults = {"AAA-USD": "jump"}
    assert "up by a factor of 100" in refusal(load, "AAA-USD") and len(server.windows()) == 1
    options = {"cache_dir": tmp_path, "max_daily_factor": 200}
    assert len(market.load("yahoo", ["AAA-USD"], START, END, **options)["AAA-USD"]) == 9
    assert len(server.windows()) == 1


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


@pytest.mark.slow
def test_two_processes_share_one_download(server, tmp_path):
    server.slow_seconds = 0.5
    processes = [start_process(server, tmp_path) for _ in range(2)]
    results = [(*p.communicate(timeout=60), p.returncode) for p in processes]
    assert {code for _, _, code in results} == {0}, results
    assert len({out.splitlines()[-1] for out, _, _ in results}) == 1 and len(server.windows()) == 1


@pytest.mark.slow
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
