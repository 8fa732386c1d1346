"""Price files in every known layout: the cases that people have, each decision, and each refusal."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.data import market
from lib.data.market.files import csv_prices, layouts
from lib.settings import consistency

CASES = Path(__file__).parents[1] / "cases"
TODAY = date(2026, 11, 27)  # the day after the last one of the cases
START, END = date(2025, 10, 23), date(2026, 11, 26)
PRICES = ["Open", "High", "Low", "Close"]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Set the project's clock; the cases were made on their last day."""

    def set_to(day):
        monkeypatch.setattr(consistency, "today", lambda: day)

    set_to(TODAY)
    return set_to


@pytest.fixture(scope="module")
def plain():
    return csv_prices.read(CASES / "f00_plain.csv", "f00", TODAY)


def case(name):
    return csv_prices.read(next(CASES.glob(f"{name}_*.csv")), name, TODAY)


@pytest.fixture
def loaded(tmp_path):
    """One of the cases as a user has it: BTC-USD.csv in a folder."""

    def load(name, start=START, end=END):
        content = next(CASES.glob(f"{name}_*.csv")).read_bytes()
        (tmp_path / "BTC-USD.csv").write_bytes(content)
        return market.load("folder", ["BTC-USD"], start, end, str(tmp_path))["BTC-USD"]

    return load


@pytest.fixture
def read(tmp_path):
    """Read a text or bytes as a price file."""

    def read_text(content, today=TODAY):
        path = tmp_path / "AAA-USD.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return csv_prices.read(path, "AAA-USD.csv", today)

    return read_text


def refusal(read, content):
    with pytest.raises(market.MarketError) as caught:
        read(content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("f00", "Yahoo's columns, 400 days"),
        ("f01", "yfinance, three header rows, BTC-USD, 400 days"),
        ("f03", "yfinance history, 400 days"),
        ("f05", "Yahoo's columns, 400 days"),
        ("f09", "investing.com, month first, 400 days, newest first, volume in coins, Close is 'Price'"),
        ("f10", "investing.com, day first, 400 days, newest first, volume in coins, Close is 'Price'"),
        (
            "f11",
            "investing.com, Spanish, day first, decimal comma, 400 days, newest first, volume in coins, Close is"
            " 'Último'",
        ),
        ("f14", "CryptoDataDownload, BTC/USD, 400 days, newest first, volume as in 'Volume USD'"),
        (
            "f15",
            "Binance, no header, 400 days, volume in the quote currency, cells of a row are 2 Open, 3 High, 4"
            " Low, 5 Close",
        ),
        ("f18", "Kaggle coin_*.csv, BTC, 400 days"),
        ("f25", "Yahoo's columns, 400 days"),
    ],
)
def test_the_same_prices_come_out_of_every_layout_and_the_layout_is_said(loaded, plain, name, said):
    frame = loaded(name)
    pd.testing.assert_frame_equal(frame[PRICES], plain[PRICES])
    assert said == frame.attrs["layout"]
    assert f", {said}" in market.origins({"BTC-USD": frame})["BTC-USD"]


@pytest.mark.parametrize(
    ("name", "at", "volume"),
    [
        ("f00", "2026-11-26", 26401569075),
        ("f09", "2026-11-26", 44_000),
        ("f11", "2026-11-23", 101_690),
        ("f14", "2026-11-26", 660039226.88),
        ("f15", "2026-11-26", 880052302.50000000),
        ("f17", "2026-11-26", 26401569075),
    ],
)
def test_volumes_are_those_of_the_file_with_their_units(name, at, volume):
    assert case(name).loc[at, "Volume"] == volume


def test_empty_days_are_named_and_are_no_prices(loaded, plain):
    frame = loaded("f04")
    empty = ["2026-06-30", "2026-07-01", "2026-07-02", "2026-07-03", "2026-08-19"]
    assert [str(d.date()) for d in frame.index[frame["Close"].isna()]] == empty
    assert frame.attrs["note"] == "5 days without a price: 2026-06-30 to 2026-07-03, 2026-08-19"
    pd.testing.assert_frame_equal(frame.dropna()[PRICES], plain.drop(pd.DatetimeIndex(empty))[PRICES])


def test_an_absent_day_is_named(loaded, plain):
    frame = loaded("f07")
    pd.testing.assert_frame_equal(frame[PRICES], plain.drop(pd.Timestamp("2026-11-25"))[PRICES])
    assert frame.attrs["note"] == "1 day without a price: 2026-11-25"


def test_of_two_rows_for_the_last_day_the_finished_one_counts_and_it_is_said(loaded):
    frame = loaded("f05")
    assert frame.loc["2026-11-26", "Close"] == 87737.05
    assert frame.attrs["note"] == (
        "2026-11-26 is there twice: the first complete row counts (line 401: Close 87737.05), the other is left out"
        " (line 402: Close 88088)"
    )


def test_a_last_row_with_a_clock_time_is_no_day(loaded, plain):
    frame = loaded("f08", end=date(2026, 11, 25))
    pd.testing.assert_frame_equal(frame[PRICES], plain[PRICES].iloc[:-1])
    assert "the last row (2026-11-26 18:42:11, line 401) has a clock time" in frame.attrs["note"]
    with pytest.raises(market.MarketError, match="The latest possible end_date is 2026-11-25"):
        loaded("f08")


@pytest.mark.parametrize("name", ["f00", "f05", "f09", "f15"])
def test_a_day_that_is_not_over_is_no_close(loaded, clock, plain, name):
    clock(date(2026, 11, 26))
    with pytest.raises(market.MarketError) as caught:
        loaded(name)
    assert (
        "2026-11-26 is not over, as today is 2026-11-26 in UTC, so its row is no close and is left out. The latest"
        in (str(caught.value))
    )
    frame = loaded(name, end=date(2026, 11, 25))
    pd.testing.assert_frame_equal(frame[PRICES], plain[PRICES].iloc[:-1])


def test_a_day_that_is_still_to_come_is_refused(loaded, clock):
    clock(date(2026, 11, 25))
    with pytest.raises(market.MarketError, match=r"2026-11-26 cannot be, as today is 2026-11-25 in UTC \(1 such row\)"):
        loaded("f00", end=date(2026, 11, 24))


def test_a_file_of_closes_has_empty_columns_for_what_it_lacks(loaded, plain):
    frame = loaded("f17")
    assert frame[["Open", "High", "Low"]].isna().all(axis=None)
    pd.testing.assert_series_equal(frame["Close"], plain["Close"].drop(pd.Timestamp("2025-11-28")))
    assert frame.attrs["layout"] == (
        "CoinGecko, 399 days, no Open, High, Low, Close is 'price', the price of a day is the one at 00:00 UTC, its"
        " first moment"
    )
    assert frame.attrs["note"] == "1 day without a price: 2025-11-28"


def test_tiny_prices_keep_their_digits(loaded, plain):
    frame = loaded("f20")
    assert frame["Close"].iloc[0] == 1.2182308e-05
    np.testing.assert_allclose(frame["Close"], plain["Close"] * 2e-10, rtol=1e-6)


def test_a_short_file_is_read_as_it_is(loaded, plain):
    frame = loaded("f22", start=date(2026, 10, 13))
    pd.testing.assert_series_equal(frame["Close"].iloc[1:], plain["Close"].iloc[-44:])


def test_two_percent_up_and_one_down_in_turn(loaded):
    change = loaded("f30")["Close"].pct_change().dropna()
    np.testing.assert_allclose(change[::2], change.iloc[0], atol=1e-9)
    assert sorted(change.round(6).unique()) == [-0.01, 0.02]


def test_what_came_before_a_change_is_untouched_by_it(plain):
    assert case("f31")[PRICES].iloc[:320].equals(plain[PRICES].iloc[:320])


def test_high_below_low_on_every_day_is_an_order_of_columns(loaded):
    with pytest.raises(market.MarketError, match="on 400 of 400 days .2025-10-23: Open 61250, High 60801.37, Low"):
        loaded("f24")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f26", "has a header and no row below it"),
        ("f27", "but a pointer of Git LFS, not the prices. Run git lfs pull"),
        ("f28", "but a web page (HTML or XML), perhaps an error message of the site. Download the prices again"),
        ("f29", "is empty (0 bytes)"),
    ],
)
def test_a_file_without_prices_is_one_sentence(loaded, name, expected):
    with pytest.raises(market.MarketError) as caught:
        loaded(name)
    assert expected in str(caught.value) and "BTC-USD.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (b"PK\x03\x04\x14\0\x06\0", "an Excel workbook or a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x1f\x8b\x08\0", "packed with gzip"),
        (b'{"prices": [[1, 2]]}', "JSON"),
        (b"\xef\xbb\xbf [[1761177600000, 61250.0]]", "JSON"),
        (b"\n <?xml version='1.0'?>", "a web page (HTML or XML)"),
        (b"/annex/objects/SHA256E-s1--ab.csv", "a pointer of git-annex"),
        (b" \n\n", "is empty (3 bytes)"),
        (b"\0\0\0\0", "is empty (4 bytes)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not a table of text"),
        (b"one\ntwo\n", "is not a table of text"),
    ],
)
def test_what_is_no_table_of_text_is_named(read, begin, expected):
    assert expected in refusal(read, begin)


HEADER = "Date,Open,High,Low,Close,Volume"
ROWS = ["2025-01-01,10.5,12,9.25,11,1000", "2025-01-02,11,13,10,12.75,2000", "2025-01-03,12.5,14,12,13,4000"]


def expected_frame():
    index = pd.DatetimeIndex(["2025-01-01", "2025-01-02", "2025-01-03"], name="date").as_unit("ns")
    values = {
        "Open": [10.5, 11, 12.5],
        "High": [12.0, 13, 14],
        "Low": [9.25, 10, 12],
        "Close": [11, 12.75, 13],
        "Volume": [1000.0, 2000, 4000],
    }
    return pd.DataFrame(values, index=index)


def text(rows=ROWS, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        text().encode("utf-8-sig"),
        text().encode("utf-16"),
        text().encode("utf-16-le"),
        b"\xfe\xff" + text().encode("utf-16-be"),
        text().encode("utf-32"),
        text().replace("\n", "\r\n").encode(),
        text().replace("\n", "\n\n").encode(),
        text().replace(",", ";").encode(),
        text().replace(",", "\t").encode(),
        text().replace(",", " | ").encode(),
        ("sep=;\n" + text().replace(",", ";")).encode(),
        ("Prices of AAA\nsince 2025\n" + text()).encode(),
        text(header=HEADER.lower()).encode(),
        text(header=HEADER.upper()).encode(),
        text(header=HEADER.removeprefix("Date")).encode(),
        text(header="Date,Open,High,Low,Close*,Adj Close**,Volume", rows=[r.replace(",1", ",1", 1) for r in ROWS])
        .replace(",1000", ",11,1000")
        .replace(",2000", ",12,2000")
        .replace(",4000", ",13,4000")
        .encode(),
        text(header="<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>").encode(),
        text(header=",".join(f"\"('{name}', 'A')\"" for name in HEADER.split(","))).encode(),
        text(header=f",{HEADER}", rows=[f"{n},{row}" for n, row in enumerate(ROWS)]).encode(),
        text(rows=[f"{row},," for row in ROWS]).encode(),
        text(rows=[ROWS[0], *ROWS]).encode(),
        text(rows=[row.replace(",", " 23:59:59,", 1) for row in ROWS]).encode(),
        text(rows=[row.replace(",", "T00:00:00.000Z,", 1) for row in ROWS]).encode(),
        text(rows=[row.replace(",", " 02:00:00+02:00,", 1) for row in ROWS]).encode(),
        text(rows=[row.replace("-", "", 2) for row in ROWS]).encode(),
        text(rows=[row.replace("-", "/", 2) for row in ROWS]).encode(),
        text(rows=[f"Jan {n}. 2025,{row[11:]}" for n, row in enumerate(ROWS, 1)]).encode(),
        text(rows=[f'"January {n}, 2025",{row[11:]}' for n, row in enumerate(ROWS, 1)]).encode(),
        text(rows=[f"0{n}-Jan-2025,{row[11:]}" for n, row in enumerate(ROWS, 1)]).encode(),
        text(rows=[f"Wed 0{n} Jan 2025 12:00 AM,{row[11:]}" for n, row in enumerate(ROWS, 1)]).encode(),
        text(rows=[f"{1735689600 + 86400 * n},{row[11:]}" for n, row in enumerate(ROWS)]).encode(),
        text(rows=[f"{1735689600 + 86400 * n}000000,{row[11:]}" for n, row in enumerate(ROWS)]).encode(),
        text(header="Fecha;Apertura;Máximo;Mínimo;Último;Vol.", rows=[r.replace(",", ";") for r in ROWS]).encode(
            "cp1252"
        ),
        text(header="Дата;Откр.;Макс.;Мин.;Цена;Объём", rows=[r.replace(",", ";") for r in ROWS]).encode("cp1251"),
    ],
)
def test_encodings_separators_headers_and_ways_to_write_days(read, content):
    pd.testing.assert_frame_equal(read(content), expected_frame())


def test_the_two_header_rows_after_reset_index_are_those_of_one_coin(read):
    frame = read(text(rows=[",AAA-USD,AAA-USD,AAA-USD,AAA-USD,AAA-USD", *ROWS]))
    pd.testing.assert_frame_equal(frame, expected_frame())
    assert frame.attrs["layout"] == "yfinance, three header rows, AAA-USD, 3 days"


@pytest.mark.parametrize(
    "name",
    [
        *("Close ($)", "Close (USD)", "close_usd", "PriceUSD", "Price US$", "Last in USD", "closePrice", "close-usdt"),
        *("CLOSE", "<CLOSE>", "Close*", "market-price"),
    ],
)
def test_a_known_name_may_have_the_unit_behind_it(read, name):
    frame = read(f"Date,{name}\n2025-01-01,1.5\n")
    assert frame["Close"].tolist() == [1.5]
    plain = name.strip("<>*").casefold() == "close"
    assert (f"Close is '{name}'" in frame.attrs["layout"]) != plain


@pytest.mark.parametrize(
    "name",
    [
        *("price_usd_7d_avg", "Close (kUSD)", "Close (thousand USD)", "Close USD cents", "Close price USD (log)"),
        *("Price USD VWAP", "Price realized (USD)", "Close USD in EUR", "Close EURUSD", "price_usd_prev_close"),
        *("Closed positions USD", "Close (EUR)", "close_eur", "Close (sats)", "Close €", "Close £", "Close A$", "C$"),
        *("Price change USD", "Close 50-day average", "Adj Close", "Score"),
    ],
)
def test_a_name_with_anything_else_is_no_close(read, name):
    said = refusal(read, f"Date,{name}\n2025-01-01,1.5\n")
    assert f"its columns are 'Date', '{name}'; there is no close" in said and "rices must be in US dollars" in said


@pytest.mark.parametrize("name", ["Open interest USD", "Volume change USD", "Low risk USD", "High USD 52 weeks"])
def test_a_name_with_anything_else_is_no_other_column_and_is_named(read, name):
    frame = read(f"Date,Close,{name}\n2025-01-01,1.5,7.5\n")
    assert frame.attrs["notes"] == [f"not read: {name}"]
    assert frame[["Open", "High", "Low", "Volume"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Date,Close,Currency\n2025-01-01,1.5,EUR\n", "EUR (column Currency, line 2: 'EUR')"),
        ("Date,Close,quote\n2025-01-01,1.5,btc\n", "BTC (column quote, line 2: 'btc')"),
        ("Currency,Date,24h Open (USD),24h High (USD),24h Low (USD),Closing Price (USD)\nBTC,2025-01-01,1,1,1,1\n", ""),
        ("Date,Symbol,Close\n2025-01-01,BTC/EUR,1.5\n", "EUR (column Symbol, line 2: 'BTC/EUR')"),
        ("Date,Symbol,Close\n2025-01-01,ETHBTC,1.5\n", "BTC (column Symbol, line 2: 'ETHBTC')"),
        ("Date,pair,Close\n2025-01-01,KRAKEN:BTCEUR,1.5\n", "EUR (column pair, line 2: 'KRAKEN:BTCEUR')"),
        ("Bitcoin price in EUR\nDate,Close\n2025-01-01,1.5\n", "EUR (line 1, 'Bitcoin price in EUR')"),
        ("# BTC-GBP\nDate,Close\n2025-01-01,1.5\n", "GBP (line 1, '# BTC-GBP')"),
        ("Date,Close,Volume EUR\n2025-01-01,1.5,2\n", "EUR (column 'Volume EUR')"),
        (
            "Price,Close,High,Low,Open\nTicker,BTC-EUR,BTC-EUR,BTC-EUR,BTC-EUR\nDate,,,,\n2025-01-01,1,2,1,1\n",
            "EUR (line 2, 'BTC-EUR')",
        ),
        ("Date,Close,Währung\n2025-01-01,1.5,€\n", "EUR (column Währung, line 2: '€')"),
        ("Date,Close,devise\n2025-01-01,1.5,USD\n2025-01-02,2,Euro\n", "EUR (column devise, line 3: 'Euro')"),
        ("Date,Close,Ccy\n2025-01-01,1.5,eur\n", "EUR (column Ccy, line 2: 'eur')"),
        (
            "Date,Close,Exchange:Pair\n2025-01-01,1,KRAKEN:XBTEUR\n",
            "EUR (column Exchange:Pair, line 2: 'KRAKEN:XBTEUR')",
        ),
        ("Date,Close,Source\n2025-01-01,1.5,Kraken EUR\n", "EUR (column Source, line 2: 'Kraken EUR')"),
        ("Date,Close,Name\n2025-01-01,1.5,Bitcoin EUR\n", "EUR (column Name, line 2: 'Bitcoin EUR')"),
        *(
            (f"{title}\nDate,Close\n2025-01-01,1.5\n", f"{code} (line 1, '{title}')")
            for title, code in {
                "Bitcoin in Australian dollars": "AUD",
                "Prices: Canadian Dollars": "CAD",
                "dollars canadiens": "CAD",
                "Hong Kong dollars": "HKD",
                "Schweizer Franken": "CHF",
                "Kurs bitcoina w złotych": "PLN",
                "Bitcoin em reais": "BRL",
                "Курс биткоина в рублях": "RUB",
                "Bitcoin Türk lirası fiyatı": "TRY",
                "비트코인 원화": "KRW",
            }.items()
        ),
        (
            "Date,Close,Note\n2025-01-01,1.5,un seul vendeur try USD/EUR\n",
            "EUR (column Note, line 2: 'un seul vendeur try USD/EUR')",
        ),
        ("Date,Close,Note\n2025-01-01,1.5,un vendeur EUR/USD try\n", ""),
        ("Exported Sat, 4 Jan 2025\nDate,Close,Day\n2025-01-04,1.5,Sat\n", ""),
        ("Date,Close,Side\n2025-01-01,1.5,buy/sell\n", ""),
        ("Date,Close (USD),Account\n2025-01-01,1.5,EUR\n", ""),
        ("Date,Close,Name\n2025-01-01,1.5,Stasis Euro\n", ""),
        ("Valeurs en dollars américains\nDate,Close\n2025-01-01,1.5\n", ""),
        ("Bitcoin in US dollars, Canada\nDate,Close\n2025-01-01,1.5\n", ""),
        (
            "timeOpen;timeClose;name;open;high;low;close\n2025-01-01;2025-01-01;2790;1;1;1;1\n",
            "CoinMarketCap's currency 2790, where US dollars are 2781 (column name, line 2: '2790')",
        ),
        ("timeOpen;timeClose;name;open;high;low;close\n2025-01-01;2025-01-01;2781;1;1;1;1\n", ""),
        ("Date,Symbol,Close\n2025-01-01,BTCUSDT,1.5\n", ""),
        ("Date,Symbol,Close\n2025-01-01,WBTC,1.5\n", ""),
        ("Date,Name,Close\n2025-01-01,Neutron,1.5\n", ""),
        ("Date,slug,Close\n2025-01-01,bitcoin-cash,1.5\n", ""),
        ("Date,id,Close\n2025-01-01,a7,1.5\n2025-01-02,b7,1.5\n", ""),
        ("Try our prices\nDate,Close\n2025-01-01,1.5\n", ""),
        ("Date,Close (EUR),Close (USD)\n2025-01-01,1,2\n", ""),
        ("Date,Close,Close (EUR)\n2025-01-01,1,2\n", ""),
    ],
)
def test_the_currency_that_the_file_names_must_be_dollars(read, content, said):
    if said:
        assert (
            f"prices must be in US dollars, but the file says {said}. Convert them, or remove that mention if they are"
            " dollars"
        ) in refusal(read, content)
    else:
        read(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Daily average price\nDate,Price\n2025-01-01,1.5\n", "(line 1, 'Daily average price')"),
        ("Date,Price,Type\n2025-01-01,1.5,Average\n", "(column Type, line 2: 'Average')"),
    ],
)
def test_averages_are_no_closes(read, content, said):
    assert f"says that it holds averages {said}. Download closes, or remove that mention" in refusal(read, content)


@pytest.mark.parametrize("name", ["Symbol", "Pair ID", "Currency", "ticker", "name", "whatever"])
def test_a_column_that_changes_from_one_pair_to_another_is_several_coins(read, name):
    content = f"Date,{name},Close\n2025-01-01,BTC-USD,1\n2025-01-02,ETH-USD,2\n"
    assert f"column {name} names several coins (BTC-USD, ETH-USD). Write one file for each coin" in refusal(
        read, content
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Date,Adj Close\n2025-01-01,1\n", "Rename Adj Close to Close if that is what you want"),
        ("Date,BTC-USD,ETH-USD\n2025-01-01,1,2\n", "BTC-USD and ETH-USD are several coins. Write one file for each"),
        ("Date,Close BTC,Close ETH\n2025-01-01,1,2\n", "are several coins. Write one file for each coin"),
        (
            "Datum;Schlusskurs in €\n01.01.2025;1,5\n",
            "Split at semicolons, its columns are 'Datum', 'Schlusskurs in €'; there is no close",
        ),
        ("Date,Transaction Type,Price at Transaction\n2025-01-01,Buy,1\n", "these seem to be transactions, not daily"),
        ("Date,price_open,price_last\n2025-01-01,1,2\n", "If 'price_last' is nothing but the last price of each day"),
        ("close_time,close\n2025-01-01,1\n", "there is no date (such as date, day, datetime, date time, timestamp)"),
        (
            '"Date","Close"\n"1","2025-01-01",1\n"2","2025-01-02",1\n',
            "every row has 3 cells, but the header has 2 columns. If the first cells, from '1' on, are an index",
        ),
        ("Open,Close\n2025-01-01,1,1\n", "such as '2025-01-01', is the day, write Date in front of the header"),
    ],
)
def test_what_to_rename_is_said(read, content, said):
    assert said in refusal(read, content)


def test_a_column_of_another_currency_beside_dollars_is_not_read_and_dollars_are_no_coin(read):
    frame = read("Date,Currency,Close (USD),Volume EUR\n2025-01-01,USD,1.5,7\n")
    assert frame.attrs["notes"] == ["not read: Currency, Volume EUR"] and ", USD," not in frame.attrs["layout"]


def test_no_column_that_is_read_is_found_by_a_pattern():
    for layout in layouts.LAYOUTS:
        assert not any("*" in name for column in ("Date", *layouts.COLUMNS) for name in layout.names(column))


def test_prices_of_minutes_are_refused_at_once(read, monkeypatch):
    monkeypatch.setattr(csv_prices, "MOST_ROWS", 2)
    assert "has 3 rows, more than there are days of prices (allowed: 2). Give daily prices" in refusal(read, text())


def test_rows_from_the_newest_on_are_turned_round_and_it_is_said(read):
    frame = read(text(rows=ROWS[::-1]))
    pd.testing.assert_frame_equal(frame, expected_frame())
    assert frame.attrs["layout"] == "Yahoo's columns, 3 days, newest first"


@pytest.mark.parametrize(
    ("closes", "found"),
    [
        (["1.234,5", "1.235,5", "999"], [1234.5, 1235.5, 999]),
        (["1,234.5", "1,235.5", "999"], [1234.5, 1235.5, 999]),
        (["1 234,5", "1\u00a0235,5", "1\u202f236"], [1234.5, 1235.5, 1236]),
        (["1'234", "1\u2019235", "0.5"], [1234, 1235, 0.5]),
        (["1.234.567", "1.234", "5"], [1234567, 1234, 5]),
        (["1,234", "0,5", ",25"], [1.234, 0.5, 0.25]),
        (["$1.5", "US$ 2.5", "3.5 USD"], [1.5, 2.5, 3.5]),
        (["1.5e-05", "2E-5", "+3.0"], [1.5e-05, 2e-05, 3]),
        (["1.5", "N/A", "#N/A"], [1.5, np.nan, np.nan]),
        (["1.5", "\u2013", "-"], [1.5, np.nan, np.nan]),
    ],
)
def test_numbers_are_read_by_what_the_whole_column_says(read, closes, found):
    content = "Date;Close\n" + "".join(f"2025-01-0{n};{cell}\n" for n, cell in enumerate(closes, 1))
    np.testing.assert_array_equal(read(content)["Close"], found)


def test_units_count_in_volumes_only(read):
    content = "Date,Close,Volume\n2025-01-01,1.5,44.07K\n2025-01-02,1.5,1.2M\n2025-01-03,1.5,-\n"
    np.testing.assert_array_equal(read(content)["Volume"], [44070, 1_200_000, np.nan])
    assert "line 2, column Close: '1.5K' is not a number" in refusal(read, content.replace("1.5,44", "1.5K,44"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "Date;Close\n2025-01-01;1,234\n2025-01-02;1,235\n",
            "'1,234' is 1234 with a decimal point or 1.234 with a decimal comma, and no other cell decides which",
        ),
        (
            "Date;Close\n2025-01-01;1.234\n2025-01-02;999\n",
            "'1.234' is 1.234 with a decimal point or 1234 with a decimal comma",
        ),
        ("Date;Close;Volume\n2025-01-01;1.234;44.5K\n2025-01-02;1.235;1\n", "'1.234' is 1.234 with a decimal point or"),
        (
            "Date;Close\n2025-01-01;1,5\n2025-01-02;1,6\n2025-01-03;1.5\n",
            "line 4, column Close: '1.5' is not a number with a decimal comma, as the others are",
        ),
        ("Date;Close\n2025-01-01;12,34,567.5\n", "line 2, column Close: '12,34,567.5' is not a number"),
        (
            "Date;Close\n2025-01-01;\u20ac1.5\n",
            "line 2, column Close: '\u20ac1.5' is in EUR. Prices must be in US dollars: convert them",
        ),
        ("Date;Close\n2025-01-01;1.5C$\n", "'1.5C$' is in C$. Prices must be in US dollars: convert them"),
        ("Date;Close\n2025-01-01;1.5K\n", "(units such as K are for Volume only; write prices in full, in US dollars)"),
        (
            "Date,Close\n03/04/2025,1.5\n05/06/2025,1.6\n07/08/2025,1.7\n",
            "column Date: '03/04/2025' (line 2) is 2025-04-03 (day first) or 2025-03-04 (month first), and no other row"
            " decides which",
        ),
        (
            "Date,Close\n13/04/2025,1.5\n14/04/2025,1.6\n04/15/2025,1.6\n",
            "column Date mixes two orders: '13/04/2025' (line 2) is day first and '04/15/2025' (line 4) is month first",
        ),
        (
            "Close,Date\n1.5,15/01/2025\n1.6,14/01/2025\n1.7,13/01/20",
            "column Date has years of two and of four digits: '14/01/2025' (line 3) and '13/01/20' (line 4)",
        ),
        ("Close,Date\n1.5,05/06/2", "line 2, column Date: '05/06/2' is not a date"),
        ("Date,Close\n2025-02-29,1.5\n", "line 2, column Date: '2025-02-29' is not a date such as 2021-01-31"),
        ("Date,Close\n45953,1.5\n", "'45953' looks like the number of a day, as Excel, R and Stata count them"),
        ("Date,Close\n20384,1.5\n", "'20384' looks like the number of a day, as Excel, R and Stata count them. Format"),
        ("Date,Close\n13980556800,1.5\n", "'13980556800' looks like SPSS's number of seconds. Format the column as"),
        ("Date,Close\n1404-10-23,1.5\n", "'1404-10-23' is of the year 1404, perhaps in another calendar. Write the"),
        ("Date,Close\n23/10/2568,1.5\n", "'23/10/2568' is of the year 2568, perhaps in another calendar. Write the"),
        ('"Date,Close"\n"2025-01-01,1.5"\n', "has each row in quotes as a whole, so it has one column. Delete the"),
        (
            "Date,Close\n2025-03-29 01:00,1\n2025-03-30 02:00,2\n2025-03-31 02:00,3\n",
            "one row a day, always 01:00:00 or 02:00:00 UTC (line 2: 2025-03-29 01:00:00). If these are daily closes",
        ),
        ("Date,Close\n17353449600,1.5\n", "'17353449600' is not a date"),
        (
            "Date,Close,Last\n2025-01-01,1,2\n",
            "Close could be column 2, 'Close' and column 3, 'Last'. Leave one of them",
        ),
        (
            "Price,Close,Close,High,High,Low,Low,Open,Open\nTicker,BTC,ETH,BTC,ETH,BTC,ETH,BTC,ETH\nDate,,,,,,,,\n"
            "2025-01-01,1,2,1,2,1,2,1,2\n",
            "Open could be column 8, 'Open' and column 9, 'Open'. It names BTC, ETH. Leave one of them in the file",
        ),
        (
            "Date,Symbol,Close\n2025-01-01,BTC,1\n2025-01-01,ETH,2\n",
            "column Symbol names several coins (BTC, ETH). Write one file for each coin",
        ),
        ("Date,Open,Close\n2025-01-01,61250,0,61500,6\n", "line 2 has 5 cells, but the header has 3 columns"),
        (
            text(rows=[ROWS[0], ROWS[2], ROWS[1]]),
            "line 4: 2025-01-02 stands after 2025-01-03, but most days run forward",
        ),
        (
            text(rows=[ROWS[0], ROWS[0].replace("11,1000", "11.5,1000"), *ROWS[1:]]),
            "2025-01-01 is there twice with other values (line 2: Close 11, line 3: Close 11.5). Leave one row for",
        ),
        (
            text(rows=[*ROWS, "2025-01-03,12.5,14,12,13,5000", "2025-01-03,12.5,14,12,13,6000"]),
            "2025-01-03 is there 3 times with other values (line 4: Volume 4000, line 5: Volume 5000,"
            " line 6: Volume 6000). Leave one row for each day",
        ),
        (
            text(rows=[row.replace(",", " 05:00:00,", 1) for row in ROWS]),
            "one row a day, always 05:00:00 UTC (line 2: 2025-01-01 05:00:00). If these are daily closes in UTC,",
        ),
        (
            text(rows=[row.replace(",", f" 0{n}:00,", 1) for n, row in enumerate(ROWS)]),
            "line 3: 2025-01-02 01:00:00 UTC has a clock time, as 2 of 3 rows have. Allowed are 00:00:00 or 23:59:59",
        ),
        (
            "Date,Close\n" + "".join(f"2025-01-0{d} {h}:00,1.{h}\n" for d in (1, 2, 3) for h in (10, 11, 12)),
            "most days have several rows, 2025-01-01 3 and 2025-01-02 3, as prices of hours have. Keep the last row of",
        ),
        (
            "Date,Close\n" + "".join(f"2025-01-0{d},1.{h}\n" for d in (1, 2, 3) for h in (10, 11, 12)),
            "most days have several rows, 2025-01-01 3 and 2025-01-02 3, as prices of hours have. Keep the last row of",
        ),
        (
            "Date,Close\n" + "".join(f"2025-01-{n:02d},1.5\n" for n in (1, 8, 15, 22, 23)),
            "most rows are 7 days apart (lines 2 and 3: 2025-01-01, 2025-01-08). Give daily prices",
        ),
        ("Date,Close\n2025-01-01,1.5\nSource: a site\n", "line 3 has 1 cell, but the header has 2 columns"),
        ("1;2;3\n4;5;6\n", "It begins with '1', '2', '3', which is no header. The first row must name"),
    ],
)
def test_what_the_file_leaves_open_is_refused_and_the_place_named(read, content, expected):
    assert expected in refusal(read, content)


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("%y-%m-%d", "year first"),
        ("%d-%b-%y", "day first"),
        ("%m/%d/%y 12:00 AM", "month first"),
        ("%d.%m.%y 0:00", "day first"),
        ("%Y/%m/%d 00:00", ""),
    ],
)
def test_days_that_follow_each_other_decide_where_the_year_has_two_digits(read, written, order):
    days = pd.date_range("2025-10-01", periods=30)
    frame = read("Date,Close\n" + "".join(f"{day.strftime(written)},1.5\n" for day in days))
    assert frame.index.tolist() == days.tolist()
    assert frame.attrs["layout"].split(", ")[1] == (order or "30 days")


def test_the_first_days_of_months_are_not_taken_for_days_in_a_row(read):
    """A monthly file, whose other reading would be twelve days of each January."""
    content = "Date,Close\n" + "".join(f"01/{n:02d}/{year},1.5\n" for year in (2024, 2025) for n in range(1, 13))
    assert "'01/02/2024' (line 3) is 2024-02-01 (day first) or 2024-01-02 (month first)" in refusal(read, content)


@pytest.mark.parametrize("name", ["{}_BTC-USD", "BTC-USD.{}"])
def test_the_same_pair_beside_all_names_is_the_coin(read, name):
    header = ",".join(["Date", *(name.format(column) for column in (*PRICES, "Volume"))])
    frame = read(text(header=header))
    pd.testing.assert_frame_equal(frame, expected_frame())
    assert ", BTC-USD, 3 days" in frame.attrs["layout"]
    said = refusal(read, text(header=header.replace("BTC-USD", "ETH-USD", 1)))
    assert "no close" in said


def test_the_unit_may_stand_behind_each_price(read):
    assert read("Date,Close\n2025-01-01,60911.54 USD\n2025-01-02,7 USD\n")["Close"].tolist() == [60911.54, 7]


def _swapped(order):
    """Three hundred days in which Excel took days up to the 12th for months; half a percent from close to open."""
    days = pd.date_range("2024-01-01", periods=300)
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.03, 300)))
    shown = [day if day.day > 12 else day.replace(month=day.day, day=day.month) for day in days]
    rows = [f"{d:%Y-%m-%d},{o:.4f},{c:.4f}" for d, o, c in zip(shown, [100, *closes[:-1] * 1.005], closes)]
    return text(order(rows), "Date,Open,Close")


def _in_turn(rows):
    return rows[::-1]


@pytest.mark.parametrize("order", [list, _in_turn])
def test_days_and_months_that_are_swapped_are_named_and_sorting_is_not_advised(read, order):
    said = refusal(read, _swapped(order))
    assert "Sorting would mix the days" in said and "or sort" not in said and "such as 2021-01-31" in said


@pytest.mark.parametrize("close_only", [False, True])
def test_swapped_days_are_found_by_their_prices_where_they_were_sorted(read, close_only):
    content = _swapped(sorted)
    if close_only:
        content = "\n".join(f"{day},{close}" for day, _, close in (row.split(",") for row in content.split()))
    said = refusal(read, content)
    assert ("Close" if close_only else "Open") + " is far from the close before on" in said and "sorted" in said


def _timed(name, clocks):
    rows = [f"{day},{clock},{close}" for day, clock, close in zip((20250101, 20250102, 20250103), clocks, (1.5, 2, 3))]
    return text(rows, f"Date,{name},Close")


@pytest.mark.parametrize(
    ("name", "clock"),
    [("Time", "00:00"), ("<TIME>", "000000"), ("x", "12:00 AM"), ("Zeit", "23:59:59"), ("time of high", "7:00")],
)
def test_a_column_of_midnights_beside_the_date_is_read_with_it(read, name, clock):
    frame = read(_timed(name, [clock] * 3))
    assert str(frame.index[0].date()) == "2025-01-01" and len(frame) == 3
    assert frame.attrs["notes"] == (["not read: time of high"] if name == "time of high" else [])


def test_a_column_of_clock_times_is_judged_like_those_in_the_date(read):
    said = refusal(read, _timed("Hour", ["17:00"] * 3))
    assert "always 17:00:00 UTC" in said and "delete the time of day, and any offset, from column Hour. If days" in said
    frame = read(_timed("Time", ["00:00", "00:00", "21:38:02"]))
    assert len(frame) == 2 and "2025-01-03 21:38:02" in frame.attrs["unfinished"]


def test_two_columns_of_days_that_disagree_are_refused_with_both(read):
    rows = [f"2025-01-0{n},{1735603200 + 86400 * n - 3600},1.5" for n in (1, 2, 3)]
    assert (
        "columns Date and unix give different days to 3 of 3 rows (line 2: 2025-01-01 00:00:00 and 2024-12-31 23:00:00"
        " UTC). Leave the one"
    ) in refusal(read, text(rows, "Date,unix,Close"))
    read(text([row.replace(",1735", ",1935") for row in rows], "Date,id,Close"))


def test_a_row_of_the_last_day_without_all_values_does_not_count(read):
    frame = read(text(rows=[*ROWS[:2], "2025-01-03,,,,,", ROWS[2]]))
    pd.testing.assert_frame_equal(frame, expected_frame())
    assert "(line 5: Close 13), the other is left out (line 4: Close empty)" in frame.attrs["notes"][0]


def test_two_rows_of_the_last_day_are_refused_where_the_file_runs_backward(read):
    rows = [*ROWS, ROWS[2].replace("13,4000", "12.5,100")][::-1]
    assert "2025-01-03 is there twice with other values (line 3: Close 13, line 2: Close 12.5)" in refusal(
        read, text(rows=rows)
    )


@pytest.mark.parametrize("turn", [1, -1])
def test_a_row_for_the_whole_day_counts_and_not_the_one_with_a_clock_time(read, turn):
    rows = [*ROWS, ROWS[2].replace(",12.5,14,12,13,", " 18:42:11,12.5,14,12,12.5,")][::turn]
    frame = read(text(rows=rows))
    pd.testing.assert_frame_equal(frame, expected_frame())
    assert frame.attrs["unfinished"] == ""
    assert "(2025-01-03 18:42:11, line" in frame.attrs["notes"][0]
    assert "is left out, as 2025-01-03 has a row for the whole day" in frame.attrs["notes"][0]


def test_columns_that_are_not_read_are_named(read):
    frame = read("Date,Close,Score\n2025-01-01,1.5,7\n")
    assert frame.attrs["notes"] == ["not read: Score"] and "no Open, High, Low, Volume" in frame.attrs["layout"]


def test_what_this_project_writes_comes_back_bit_by_bit(tmp_path):
    values = np.random.default_rng(5).lognormal(size=(50, 5))
    values[7] = np.nan
    values[:, 2] = np.nan
    values[:, 3] = np.arange(50) + 1.125  # such numbers alone would leave the decimal mark open
    index = pd.date_range("2025-01-01", periods=50, name="date", unit="ns")
    frame = pd.DataFrame(values, index=index, columns=list(csv_prices.COLUMNS))
    for part in (frame, frame[["Close"]].reindex(columns=frame.columns)):
        csv_prices.write(tmp_path / "file.csv", part)
        pd.testing.assert_frame_equal(
            csv_prices.read(tmp_path / "file.csv", "file"), part, check_exact=True, check_freq=False
        )


def _example(layout):
    """Two days of a file in a layout, made from its row of the table alone."""
    values = {"Date": ["2025-01-01", "2025-01-02"], "Open": ["10.5"] * 2, "High": ["12.0"] * 2, "Low": ["9.5"] * 2}
    values |= {"Close": ["11.0"] * 2, "Volume": ["1000.0"] * 2}
    names = {column: layout.names(column)[0].replace("*", "") for column in values if layout.names(column)}
    marks = [mark.replace("?", " ").replace("*", "") for mark in layout.marks.split("|") if mark]
    header = [*names.values(), *marks]
    rows = [[*(values[column][row] for column in names), *("7" for _ in marks)] for row in (0, 1)]
    if layout.head == "three":
        return [["Price", *header[1:]], ["Ticker", *["AAA-USD"] * (len(header) - 1)], ["Date", *[""] * 5], *rows]
    return [header, *rows]


WITH_HEADER = [layout for layout in layouts.LAYOUTS if layout.head != "none"]
WITHOUT_HEADER = [layout for layout in layouts.LAYOUTS if layout.head == "none"]


@pytest.mark.parametrize("layout", WITH_HEADER, ids=[layout.name for layout in WITH_HEADER])
def test_each_row_of_the_table_is_recognised_as_itself(read, layout):
    frame = read("\n".join(",".join(row) for row in _example(layout)))
    said = frame.attrs["layout"]
    assert said == layout.name or said.startswith(f"{layout.name}, ")
    assert frame["Close"].tolist() == [11.0, 11.0] and [str(d.date()) for d in frame.index] == [
        "2025-01-01",
        "2025-01-02",
    ]
    if layout.names("Open"):
        assert frame[PRICES].iloc[0].tolist() == [10.5, 12.0, 9.5, 11.0]
    if layout.names("Volume"):
        assert frame["Volume"].tolist() == [1000.0, 1000.0]


def _candles(layout, opens=None, closes=None):
    """Days of a file without header: each close is the next open, unless others are given."""
    closes = closes or [20.5, 21.0, 19.5, 19.0, 20.0, 22.0, 21.5, 23.0]
    opens = opens or [20.0, *closes[:-1]]
    days = {
        "Date": [str(1735689600 + 86400 * n) for n in range(len(closes))],
        "Open": opens,
        "High": [max(pair) * 1.01 for pair in zip(opens, closes)],
        "Low": [min(pair) / 1.01 for pair in zip(opens, closes)],
        "Close": closes,
        "Volume": [9e6 + n for n in range(len(closes))],
    }
    cells = {int(layout.names(column)[0]): column for column in days}
    rows = [
        [days[cells[at]][row] if at in cells else "7.5" for at in range(layout.cells)] for row in range(len(closes))
    ]
    return days, "\n".join(",".join(map(str, row)) for row in rows)


@pytest.mark.parametrize("layout", WITHOUT_HEADER, ids=[layout.name for layout in WITHOUT_HEADER])
@pytest.mark.parametrize("turn", [1, -1])
def test_the_order_of_columns_without_names_comes_from_all_rows(read, layout, turn):
    days, content = _candles(layout)
    frame = read("\n".join(content.split("\n")[::turn]))
    assert frame.attrs["layout"].startswith(f"{layout.name}, 8 days")
    assert f"{int(layout.close) + 1} Close" in frame.attrs["layout"]
    for column in csv_prices.COLUMNS:
        assert frame[column].tolist() == days[column]


def test_an_order_that_no_site_is_known_for_is_read_as_well(read):
    days, content = _candles(replace(WITHOUT_HEADER[-1], low="3", high="2", open="4", close="1"))
    frame = read(content)
    assert frame["Close"].tolist() == days["Close"] and frame["Low"].tolist() == days["Low"]
    assert "candles without header, 8 days, volume in a unit unknown" in frame.attrs["layout"]


@pytest.mark.parametrize(
    ("opens", "closes", "said"),
    [
        ([1.0] * 8, [1.0] * 8, "2 Open, 3 High, 4 Low, 5 Close or 2 Open, 3 High, 4 Close, 5 Low"),
        ([20.0, 20.5], [20.5, 21.0], "2 Open, 3 High, 4 Low, 5 Close or 2 Close, 3 High, 4 Low, 5 Open"),
        ([20.0, 23, 20, 23, 20, 23, 20, 23], [21.0] * 8, "2 Open, 3 High, 4 Low, 5 Close or 2 Close, 3 High, 4 Low"),
    ],
    ids=["one price", "two days", "closes far from the next opens"],
)
def test_an_order_that_the_rows_leave_open_is_refused_with_both_readings(read, opens, closes, said):
    flat = 1.0 if opens == closes else None
    layout = next(layout for layout in WITHOUT_HEADER if layout.name == "candles without header")
    content = _candles(layout, opens, closes)[1]
    content = content.replace("1.01", "1.0").replace(f"{1 / 1.01}", "1.0") if flat else content
    assert f"the rows do not decide whether their cells are {said}" in refusal(read, content)


def test_an_order_that_one_row_contradicts_is_refused(read):
    layout = next(layout for layout in WITHOUT_HEADER if layout.name == "candles without header")
    assert "in no order that sites use is High the highest" in refusal(
        read, _candles(layout)[1] + "\n1736380800,2,1,3,2.5,9\n"
    )


def test_the_document_shows_the_table_of_the_code():
    document = Path(__file__).parents[2] / "docs" / "price-files.md"
    assert layouts.as_markdown() in document.read_text(encoding="utf-8")
