"""Digests of prices, and the manifest that finds the days on which somebody's prices differ."""

import os
from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.data import market
from lib.data.market import comparison, digests, manifest
from lib.data.market.files import csv_prices

HEADER = "Date,Open,High,Low,Close,Volume"


def good_days(count=8):
    days = pd.date_range("2021-01-01", periods=count, name="date", unit="ns")
    return pd.DataFrame({"Open": 10.0, "High": 12.0, "Low": 9.0, "Close": 11.0, "Volume": 5.0}, index=days)


def test_doubles_and_short_texts_of_the_same_float32_have_one_digest(tmp_path):
    texts = []
    for values in (
        "7194.89208984375,7254.33056640625,7174.9443359375,7200.17431640625",
        "7194.892,7254.3306,7174.9443,7200.1743",
    ):
        path = tmp_path / "AAA-USD.csv"
        path.write_text(f"{HEADER}\n2020-01-01,{values},18565664997\n2020-01-02,,,,,\n")
        texts.append(csv_prices.read(path, "file"))
    one, other = texts
    assert not one.equals(other)
    assert market.digest({"A": one}) == market.digest({"A": other})
    # Written out by hand from the definition in lib/data/market/digests.py.
    record = (
        np.int64(18262).tobytes()
        + np.float32([7194.892, 7254.3306, 7174.9443, 7200.1743]).tobytes()
        + np.int64(18565664997).tobytes()
    )
    empty = np.int64(18263).tobytes() + bytes.fromhex("0000c07f") * 4 + b"\xff" * 8
    assert digests.canonical(one).tobytes() == record + empty


def test_a_digest_sees_every_column_and_day_and_no_order_of_tickers():
    frame = good_days()
    seen = {digests.sha256(frame), digests.sha256(frame.shift(freq="D")), digests.sha256(frame.iloc[:-1])}
    for column in frame:
        changed = frame.copy()
        changed.loc["2021-01-03", column] += 1
        seen.add(digests.sha256(changed))
    assert len(seen) == 8
    a, b = {"A": frame}, {"B": frame.iloc[1:]}
    assert market.digest_of_all({**a, **b}) == market.digest_of_all({**b, **a})
    assert market.digest_of_all({**a, **b}) != market.digest_of_all({"A": b["B"], "B": a["A"]})


@pytest.fixture
def own_manifest(tmp_path, monkeypatch):
    """A manifest of 40 made-up days in two months, the last of January left out."""
    frame = good_days(40).drop(pd.Timestamp("2021-01-31"))
    frame["Close"] += np.linspace(0, 1, 39)
    path = tmp_path / "manifest.json"
    monkeypatch.setattr(comparison, "MANIFEST", path)
    comparison.manifest.cache_clear()
    manifest.files.write_json(path, manifest.build({"AAA-USD": frame}))
    yield frame
    comparison.manifest.cache_clear()


def test_a_manifest_finds_the_days_that_differ_are_missing_or_extra(own_manifest):
    same = market.compare_with_manifest({"AAA-USD": own_manifest})["AAA-USD"]
    assert same.verdict == "same" and "39 days, 2021-01-01 to 2021-02-09" in same.text
    other = own_manifest.drop(pd.Timestamp("2021-01-20"))
    other.loc["2021-02-03", "Volume"] = 6.0
    other.loc[pd.Timestamp("2021-01-31")] = other.iloc[0]
    result = market.compare_with_manifest({"AAA-USD": other.sort_index()})["AAA-USD"]
    assert result.verdict == "differs"
    assert result.differing == (date(2021, 2, 3),)
    assert result.missing == (date(2021, 1, 20),) and result.extra == (date(2021, 1, 31),)
    assert "other values on 1 day (2021-02-03); missing 1 day (2021-01-20); extra 1 day (2021-01-31)" in result.text


def test_other_tickers_and_windows_are_not_compared(own_manifest):
    result = market.compare_with_manifest({"AAA-USD": own_manifest.iloc[1:], "BBB-USD": own_manifest})
    assert [c.verdict for c in result.values()] == ["not comparable"] * 2
    assert "2021-01-02 to 2021-02-09 is not the thesis's window (2021-01-01 to 2021-02-09)" in result["AAA-USD"].text
    assert "not one of the thesis's tickers" in result["BBB-USD"].text


@pytest.fixture
def thesis_folder():
    place = os.environ.get("MARKET_DATA_DIR", "../shared/market")
    if not settings.resolve(place).is_dir():
        pytest.skip(
            f"no folder {place}: Yahoo's prices are not part of the project. Set MARKET_DATA_DIR to a folder that"
            " holds them"
        )
    return place


def test_the_committed_manifest_fits_the_thesis_window(thesis_folder, tmp_path, monkeypatch, capsys):
    prices = market.load(
        "folder", list(manifest.TICKERS), manifest.START_DATE, manifest.END_DATE, data_dir=thesis_folder
    )
    assert {c.verdict for c in market.compare_with_manifest(prices).values()} == {"same"}
    assert comparison.manifest()["sha256_of_all"] == market.digest_of_all(prices)
    prices["ETH-USD"].loc["2023-06-01", "Close"] *= 1.000001
    result = market.compare_with_manifest(prices)
    assert result["ETH-USD"].differing == (date(2023, 6, 1),) and result["ADA-USD"].verdict == "same"
    committed = comparison.MANIFEST.read_text()
    monkeypatch.setattr(comparison, "MANIFEST", tmp_path / "manifest.json")
    assert manifest.main([thesis_folder]) == 0 and comparison.MANIFEST.read_text() == committed
    assert manifest.main(["no/such/place"]) == 1 and "is not a folder" in capsys.readouterr().err


def test_a_manifest_that_was_cut_or_has_a_flipped_bit_is_refused(own_manifest):
    """Red before: a flipped bit named a day that does not differ, and half a file ended with a traceback."""
    path = comparison.MANIFEST
    raw = path.read_bytes()
    for at in range(0, len(raw) - 1, len(raw) // 40):
        for damaged in (raw[:at], raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]):
            path.write_bytes(damaged)
            comparison.manifest.cache_clear()
            with pytest.raises(market.MarketError, match="manifest.json is damaged .* git checkout lib/thesis/"):
                market.compare_with_manifest({"AAA-USD": own_manifest})
    path.unlink()
    comparison.manifest.cache_clear()
    with pytest.raises(market.MarketError, match="manifest.json is damaged"):
        market.compare_with_manifest({"AAA-USD": own_manifest})


def test_the_committed_manifest_can_be_read_without_the_prices():
    listed = comparison.manifest()["tickers"]
    assert list(listed) == ["ADA-USD", "ETH-USD", "SOL-USD"]
    for facts in listed.values():
        marks = comparison.marks_of(facts)
        assert len(marks) == facts["rows"] == 1480
        assert (min(marks), max(marks)) == (manifest.START_DATE, manifest.END_DATE)
