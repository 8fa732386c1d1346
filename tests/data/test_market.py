"""Prices from files: exact values of tiny ones, every fault, and the sample."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.app import sentences
from lib.app.sentences import for_page
from lib.data import market
from lib.data.market import sample

HEADER = "Date,Open,High,Low,Close,Volume"
LINES = [
    "2021-01-01,10.5,12,9.25,11,1000",
    "2021-01-02,11,13,10,12.75,2000",
    "2021-01-03,,,,,",
    "2021-01-04,12.5,14,12,13,4000",
]
START, END = date(2021, 1, 1), date(2021, 1, 4)


@pytest.fixture
def folder(tmp_path):
    """Write TICKER.csv from lines and load it back."""

    def write_and_load(lines, ticker="AAA-USD", header=HEADER, start=START, end=END, text=None):
        content = "\n".join([header, *lines]) + "\n" if text is None else text
        (tmp_path / f"{ticker}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return market.load("folder", [ticker], start, end, data_dir=str(tmp_path))[ticker]

    return write_and_load


def test_a_folder_gives_exactly_the_values_of_its_file(folder):
    frame = folder(LINES)
    expected = pd.DataFrame(
        {
            "Open": [10.5, 11, np.nan, 12.5],
            "High": [12, 13, np.nan, 14],
            "Low": [9.25, 10, np.nan, 12],
            "Close": [11, 12.75, np.nan, 13],
            "Volume": [1000, 2000, np.nan, 4000],
        },
        index=pd.DatetimeIndex(["2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04"], name="date").as_unit("ns"),
    )
    pd.testing.assert_frame_equal(frame, expected, check_freq=False)


def test_the_window_includes_both_ends(folder):
    frame = folder(LINES, start=date(2021, 1, 2), end=date(2021, 1, 3))
    assert [d.day for d in frame.index] == [2, 3]


def test_a_day_that_the_file_leaves_out_stays_out(folder):
    assert [d.day for d in folder([LINES[0], LINES[1], LINES[3]]).index] == [1, 2, 4]


def test_yahoos_own_spelling_of_a_file_is_read(folder):
    header = "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits"
    lines = [f"2021-01-0{n} 00:00:00+00:00,1,2,0.5,1.5,1.4,7,0,0" for n in (1, 2, 3)]
    lines.append("2021-01-04 02:00:00+02:00,null,NaN,,nan,null,,0,0")
    frame = folder(lines, header=header)
    assert list(frame.columns) == ["Open", "High", "Low", "Close", "Volume"]
    assert [str(d) for d in frame.index.date] == ["2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04"]
    assert frame["Close"].tolist()[:3] == [1.5, 1.5, 1.5] and frame.iloc[3].isna().all()


def test_tickers_come_in_the_order_asked(folder, tmp_path):
    for ticker in ("AAA-USD", "BBB-USD", "CCC-USD"):
        folder(LINES, ticker=ticker)
    order = ["CCC-USD", "AAA-USD", "BBB-USD"]
    prices = market.load("folder", order, START, END, data_dir=str(tmp_path))
    assert list(prices) == order
    assert market.origins(prices)["AAA-USD"] == (
        f"AAA-USD: {tmp_path}/AAA-USD.csv, Yahoo's columns, 4 days (1 day without a price: 2021-01-03)"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"text": ""}, "is empty (0 bytes): no header and no prices. Download the prices again"),
        ({"text": b"\xff\xfe\x00garbage"}, "no line has cells that are separated by commas, semicolons, tabs, pipes"),
        (
            {"text": f"{HEADER}\n2021-01-01,1,2,0.5,1.5,7,8,9\n"},
            "line 2 has 8 cells, but the header has 6 columns, separated by commas",
        ),
        ({"text": f"{HEADER}\n2021-01-01,1,2,0.5\n"}, "line 2 has 4 cells, but the header has 6 columns"),
        (
            {"header": "Date,Open,High,Low,Finish,Volume"},
            "Split at commas, its columns are 'Date', 'Open', 'High', 'Low', 'Finish', 'Volume'; there is no close"
            " (such as close, close price, closing price, close/last, last). Name the columns as they are called in"
            " Date,Open,High,Low,Close,Volume; Date and Close are enough, and docs/price-files.md lists other names."
            " Prices must be in US dollars",
        ),
        (
            {"header": "Date,Open,Hihg,Low,Close,Volume"},
            "the header has 'hihg' and no High. If it is High, name it so",
        ),
        (
            {"lines": [LINES[0], "2021-01-02,11,13,ten,12.75,x"]},
            "line 3, column Low: 'ten' is not a number; line 3, column Volume: 'x'",
        ),
        (
            {"lines": [LINES[0], "02/01/2021,11,13,10,12,5"]},
            "column Date mixes two orders: '02/01/2021' (line 3) is day first and '2021-01-01' (line 2) is year first",
        ),
        ({"lines": [f"x,{n},a,b,c,d" for n in range(4)]}, "line 2, column Date: 'x' is not a date such as 2021-01-31"),
        ({"lines": [f"x,{n},a,b,c,d" for n in range(4)]}, "; and 15 more. Correct the file or download it again"),
        ({"lines": []}, "has a header and no row below it, so it holds no day"),
        ({"end": date(2021, 1, 5)}, "holds 2021-01-01 to 2021-01-04 (4 days), but 2021-01-01 to 2021-01-05 was asked"),
        ({"start": date(2020, 12, 31)}, "but 2020-12-31 to 2021-01-04 was asked"),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_the_place(folder, change, expected):
    with pytest.raises(market.MarketError) as caught:
        folder(**{"lines": LINES, **change})
    assert expected in str(caught.value)
    assert "AAA-USD.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_folder_and_files_are_named_and_every_ticker_is_tried(folder, tmp_path):
    folder(LINES)
    with pytest.raises(market.MarketError) as caught:
        market.load("folder", ["BBB-USD", "AAA-USD", "CCC-USD"], START, END, data_dir=str(tmp_path))
    first, second, third = str(caught.value).splitlines()
    assert "BBB-USD.csv is missing; the folder has AAA-USD.csv." in first and "CCC-USD.csv is missing" in second
    assert third.startswith("To run the others: -p tickers=[AAA-USD];")


def test_a_data_dir_that_is_no_folder_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices").mkdir()  # here, but not in the project
    with pytest.raises(market.MarketError) as caught:
        market.load("folder", ["AAA-USD"], START, END, data_dir="prices")
    place = settings.PROJECT_ROOT / "prices"
    assert f"data_dir prices is not a folder: {place} does not exist (a relative path starts at the project's" in str(
        caught.value
    )
    assert str(settings.PROJECT_ROOT) not in for_page(caught.value) and "prices does not" in for_page(caught.value)
    (tmp_path / "file.csv").write_text("")
    for given, what in ((tmp_path / "file.csv", "it is a file"), (tmp_path / "none", "it does not exist")):
        with pytest.raises(market.MarketError, match=f"is not a folder: {what}. Give one that holds AAA-USD.csv"):
            market.load("folder", ["AAA-USD"], START, END, data_dir=str(given))


def test_a_page_hides_the_projects_folder_whatever_its_name(monkeypatch):
    monkeypatch.setattr(sentences, "PROJECT_ROOT", Path("/home/some one/my project"))
    shown = for_page(market.MarketError("/home/some one/my project/data x/prices does not exist"))
    assert shown == "data x/prices does not exist"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (("web", ["BTC-USD"], START, END), "source is 'web', allowed are sample, yahoo, folder"),
        (("sample", [], START, END), "tickers is [], allowed is a list of one or more"),
        (("sample", "BTC-USD", START, END), "tickers is 'BTC-USD', allowed is a list"),
        (("folder", ["../BTC"], START, END, "x"), "ticker '../BTC' is not a Yahoo symbol"),
        (("sample", ["BTC-USD"], END, START), "end_date 2021-01-01 is before start_date 2021-01-04"),
        (("folder", ["BTC-USD"], START, END), "data_dir is None, but source is folder"),
        (("sample", ["BTC-USD"], START, END, "x"), "data_dir is 'x', but source is sample"),
        (("sample", ["ETH-USD"], START, END), "source sample holds BTC-USD only, not ETH-USD"),
        (("sample", ["BTC-USD"], date(2019, 12, 31), END), "source sample holds 2020-01-01 to 2021-10-27 (666 days)"),
        (("sample", ["BTC-USD"], START, date(2021, 10, 28)), "but 2021-01-01 to 2021-10-28 was asked"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(request_, expected):
    with pytest.raises(market.MarketError) as caught:
        market.load(*request_)
    assert expected in str(caught.value)


def test_the_sample_has_666_days_and_exactly_its_four_empty_ones():
    frame = market.load("sample", ["BTC-USD"], sample.START_DATE, sample.END_DATE)["BTC-USD"]
    assert len(frame) == 666 and (np.diff(frame.index) == np.timedelta64(1, "D")).all()
    assert [str(d.date()) for d in frame.index[frame.isna().any(axis=1)]] == [
        "2020-04-17",
        "2020-10-09",
        "2020-10-12",
        "2020-10-13",
    ]
    assert frame.isna().all(axis=1).sum() == 4
    assert frame.iloc[0].tolist() == [7194.892090, 7254.330566, 7174.944336, 7200.174316, 18565664997]
