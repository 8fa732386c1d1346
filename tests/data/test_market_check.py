"""The one check of prices: every rule names day, column, value and what is allowed."""

import numpy as np
import pandas as pd
import pytest

from lib.data import market
from lib.data.market import schema


def good_days(count=8):
    days = pd.date_range("2021-01-01", periods=count, name="date", unit="ns")
    return pd.DataFrame({"Open": 10.0, "High": 12.0, "Low": 9.0, "Close": 11.0, "Volume": 5.0}, index=days)


def refusal(frame):
    with pytest.raises(market.MarketError) as caught:
        schema.check(frame, "AAA-USD", "a test")
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("Open", -0.01, "Open finite and above 0 USD"),
        ("Close", -3.5, "Close finite and above 0 USD"),
        ("High", np.inf, "High finite and above 0 USD"),
        ("Low", 10.00002, "Low not above Open 10"),
        ("Low", 11.5, "Low not above Close 11"),
        ("High", 10.5, "High not below Close 11"),
        ("High", 9.5, "High not below Open 10"),
        ("Volume", -1.0, "Volume 0 to 1e18 USD"),
        ("Volume", np.inf, "Volume 0 to 1e18 USD"),
        ("Close", np.nan, "Close present, or the whole day empty"),
        ("Open", np.nan, "Open present, or the whole day empty"),
    ],
)
def test_each_rule_names_day_column_value_and_what_is_allowed(column, value, allowed):
    frame = good_days()
    frame.loc["2021-01-03", column] = value
    shown = "empty" if np.isnan(value) else f"{value:.10g}"
    assert f"2021-01-03, {column}: {shown} (allowed: {allowed})" in refusal(frame)


def test_one_float32_rounding_beyond_a_bound_is_allowed():
    frame = good_days()
    frame.loc["2021-01-03", "Low"] = 10 * (1 + 9e-7)
    frame.loc["2021-01-04", "High"] = 11 * (1 - 9e-7)
    frame.loc["2021-01-05"] = np.nan
    assert schema.check(frame, "AAA-USD", "a test") is frame


def test_a_source_may_lack_volumes_or_whole_columns_but_no_close():
    frame = good_days()
    frame.loc["2021-01-03", "Volume"] = np.nan
    frame["Open"] = np.nan
    assert schema.check(frame, "AAA-USD", "a test") is frame
    assert "2021-01-01, Close: empty (allowed: Close present" in refusal(good_days().assign(Close=np.nan))


@pytest.mark.parametrize(
    ("order", "hours", "expected"),
    [
        ([0, 1, 1, 2], 0, "row 3, 2021-01-02: allowed is each day once"),
        ([0, 2, 1, 3], 0, "row 3, 2021-01-02: allowed is days in increasing order"),
        ([0, 1, 2, 3], 5, "row 1, 2021-01-01 05:00:00: allowed is a day at midnight UTC"),
    ],
)
def test_days_must_be_unique_increasing_midnights(order, hours, expected):
    frame = good_days().iloc[order]
    frame.index = (frame.index + pd.Timedelta(hours=hours)).rename("date")
    assert expected in refusal(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (good_days().astype({"Close": "float32"}), "column Close holds float32, allowed is float64"),
        (good_days().astype({"Volume": "int64"}), "column Volume holds int64"),
        (good_days().assign(Extra=1.0), "column Extra is unknown"),
        (good_days().drop(columns="Low"), "column Low is missing"),
        (good_days()[["High", "Open", "Low", "Close", "Volume"]], "column High is out of order"),
        (good_days().tz_localize("UTC"), "column date holds datetime64[ns, UTC], allowed is datetime64[ns]"),
    ],
)
def test_columns_and_types_are_fixed(frame, expected):
    assert expected in refusal(frame)


def test_the_first_five_faults_are_named_and_the_others_counted():
    frame = good_days()
    frame["Volume"] = -1.0
    text = refusal(frame)
    assert text.count("Volume: -1") == 5 and "2021-01-05" in text and "2021-01-06" not in text
    assert "; and 3 more." in text
