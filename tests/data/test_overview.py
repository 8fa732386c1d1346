"""The overview against values worked by hand, with days missing."""

import math

import numpy as np
import pandas as pd
import pytest

from lib.data import overview
from lib.errors import ProjectError


def prices(closes, start="2024-03-01", volume=5.0):
    days = pd.date_range(start, periods=len(closes))
    return pd.DataFrame(
        {"Close": closes, "Volume": [volume + k for k in range(len(closes))]}, index=days, dtype="float64"
    )


@pytest.fixture
def forty():
    """40 days: 100, 101, ..., 139."""
    return prices([100.0 + k for k in range(40)])


def test_a_row_by_hand(forty):
    row = overview.overview({"ADA-USD": forty}).iloc[0]
    assert (row["ticker"], row["last_day"], row["close_usd"], row["volume_usd"]) == (
        "ADA-USD",
        pd.Timestamp("2024-04-09"),
        139.0,
        44.0,
    )
    assert row["change_1d_percent"] == pytest.approx(100 * 1 / 138)
    assert row["change_7d_percent"] == pytest.approx(100 * 7 / 132)
    assert row["change_30d_percent"] == pytest.approx(100 * 30 / 109)
    returns = [math.log((110 + k) / (109 + k)) for k in range(30)]
    mean = sum(returns) / 30
    daily = math.sqrt(sum((r - mean) ** 2 for r in returns) / 29)
    assert row["volatility_daily_percent"] == pytest.approx(100 * daily)
    assert row["volatility_annual_percent"] == pytest.approx(100 * daily * math.sqrt(365))
    assert (row["drawdown_percent"], row["highest_day"]) == (0, row["last_day"])
    assert row["sparkline"] == [110.0 + k for k in range(30)]


def test_drawdown_is_from_the_highest_close_so_far():
    row = overview.overview({"X": prices([10, 40, 20, 30])}).iloc[0]
    assert row["drawdown_percent"] == pytest.approx(-25)
    assert row["highest_day"] == pd.Timestamp("2024-03-02")


def test_change_is_over_calendar_days_not_rows(forty):
    one_absent = forty.drop(forty.index[-4])
    row = overview.overview({"X": one_absent}).iloc[0]
    assert row["change_7d_percent"] == pytest.approx(100 * 7 / 132)


@pytest.mark.parametrize("days", [1, 7, 30])
def test_change_is_missing_when_its_day_is_absent_or_empty(forty, days):
    absent = forty.drop(forty.index[-1 - days])
    empty = forty.copy()
    empty.iloc[-1 - days, 0] = np.nan
    for frame in (absent, empty):
        row = overview.overview({"X": frame}).iloc[0]
        found = [d for d in overview.CHANGE_DAYS if not np.isnan(row[f"change_{d}d_percent"])]
        assert found == [d for d in overview.CHANGE_DAYS if d != days]


def test_volatility_leaves_out_returns_over_a_gap_and_is_missing_when_few_are_left(forty):
    gap = forty.drop(forty.index[-6])
    kept = [math.log((110 + k) / (109 + k)) for k in range(30) if 109 + k not in (133, 134)]
    row = overview.overview({"X": gap}).iloc[0]
    assert row["volatility_daily_percent"] == pytest.approx(100 * np.std(kept, ddof=1))
    every_other = forty.iloc[::2]
    assert np.isnan(overview.overview({"X": every_other}).iloc[0]["volatility_daily_percent"])
    assert np.isnan(overview.overview({"X": forty.head(20)}).iloc[0]["volatility_daily_percent"])
    assert not np.isnan(overview.overview({"X": forty.head(21)}).iloc[0]["volatility_daily_percent"])


def test_the_last_day_is_the_last_with_a_close(forty):
    forty.iloc[-1, 0] = np.nan
    row = overview.overview({"X": forty}).iloc[0]
    assert (row["close_usd"], row["volume_usd"]) == (138, 43)


def test_sparkline_has_a_gap_where_a_day_is_absent(forty):
    spark = overview.last_closes(forty["Close"].drop(forty.index[-3]))
    assert len(spark) == 30 and spark.isna().sum() == 1 and np.isnan(spark.iloc[-3])
    assert len(overview.last_closes(forty["Close"].head(5))) == 5


def test_tickers_keep_their_order_and_an_empty_one_its_row(forty):
    found = overview.overview({"B": forty, "A": forty.head(0), "C": forty.head(1)})
    assert found["ticker"].tolist() == ["B", "A", "C"]
    assert found.loc[1, ["last_day", "close_usd", "change_1d_percent", "drawdown_percent"]].isna().all()
    assert found.loc[1, "sparkline"] == []
    assert found.loc[2, "close_usd"] == 100 and np.isnan(found.loc[2, "change_1d_percent"])


def test_errors_name_ticker_and_fault(forty):
    with pytest.raises(ProjectError, match="ADA-USD lack the column Volume"):
        overview.overview({"ADA-USD": forty[["Close"]]})
    with pytest.raises(ProjectError, match="SOL-USD.*time order"):
        overview.overview({"SOL-USD": forty[::-1]})


def test_closes_alone_have_a_row_without_a_volume():
    index = pd.date_range("2024-01-01", periods=40, name="date")
    frame = pd.DataFrame({"Close": np.arange(40.0) + 1, "Volume": np.nan}, index=index)
    row = overview.overview({"A-USD": frame}).iloc[0]
    assert row["close_usd"] == 40 and math.isnan(row["volume_usd"]) and row["change_1d_percent"] > 0
