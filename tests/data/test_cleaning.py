"""Gaps and outliers against values worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lib.data import cleaning


def daily(values, first="2021-01-01", column="Close"):
    return pd.DataFrame({column: values}, index=pd.date_range(first, periods=len(values), name="date"), dtype="float64")


@pytest.fixture
def broken():
    """12 days: one empty day, two empty days, then three days that are not there at all."""
    frame = daily([10, np.nan, 14, 20, np.nan, np.nan, 26, 30, 99, 99, 99, 50])
    return frame.drop(frame.index[8:11])


def test_gaps_are_empty_rows_and_absent_days(broken):
    found = cleaning.gaps(broken)
    assert [(g.first_day.day, g.last_day.day, g.days) for g in found.itertuples()] == [(2, 2, 1), (5, 6, 2), (9, 11, 3)]
    assert cleaning.gaps(daily([1, 2, 3])).empty


def test_a_day_with_one_empty_price_is_in_a_gap():
    frame = daily([1, 2, 3, 4]).assign(Open=[5, np.nan, 7, 8])
    assert cleaning.gaps(frame)["first_day"].tolist() == [pd.Timestamp("2021-01-02")]
    assert cleaning.fill_gaps(frame, 1)["Close"].tolist() == [1, 2, 3, 4]
    assert cleaning.fill_gaps(frame, 1)["Open"].tolist() == [5, 6, 7, 8]


def test_a_missing_volume_is_no_gap_and_is_filled_if_short():
    frame = daily([1, 2, 3, 4, 5, 6]).assign(Volume=[np.nan, 5, np.nan, 7, np.nan, np.nan])
    assert cleaning.gaps(frame).empty
    for method, filled in (("linear", 6), ("previous", 5)):
        found = cleaning.fill_gaps(frame, 1, method)
        assert found["Close"].tolist() == [1, 2, 3, 4, 5, 6]
        np.testing.assert_array_equal(found["Volume"], [np.nan, 5, filled, 7, np.nan, np.nan])


def test_columns_that_a_source_lacks_are_no_gaps():
    frame = daily([1, 2, np.nan, 4]).assign(Open=np.nan, Volume=np.nan)
    assert cleaning.gaps(frame)["first_day"].tolist() == [pd.Timestamp("2021-01-03")]
    found = cleaning.fill_gaps(frame, 1)
    assert found["Close"].tolist() == [1, 2, 3, 4] and found[["Open", "Volume"]].isna().all(axis=None)
    assert len(cleaning.gaps(frame * np.nan)) == 1


def test_linear_goes_straight_from_the_day_before_to_the_day_after(broken):
    filled = cleaning.fill_gaps(broken, max_gap_days=3, method="linear")
    assert filled["Close"].tolist() == [10, 12, 14, 20, 22, 24, 26, 30, 35, 40, 45, 50]
    assert (filled.index == pd.date_range("2021-01-01", periods=12)).all()


def test_previous_repeats_the_last_known_day(broken):
    filled = cleaning.fill_gaps(broken, max_gap_days=3, method="previous")
    assert filled["Close"].tolist() == [10, 10, 14, 20, 20, 20, 26, 30, 30, 30, 30, 50]


@pytest.mark.parametrize(("longest", "dropped"), [(2, {9, 10, 11}), (1, {5, 6, 9, 10, 11})])
def test_a_gap_longer_than_allowed_is_dropped_whole(broken, longest, dropped):
    for method in ("linear", "previous"):
        filled = cleaning.fill_gaps(broken, longest, method)
        assert set(range(1, 13)) - set(filled.index.day) == dropped
        assert not filled.isna().any(axis=None)


def test_nothing_is_invented_before_the_first_or_after_the_last_known_price():
    frame = daily([np.nan, 2, 3, np.nan])
    assert cleaning.fill_gaps(frame, 5, "linear")["Close"].tolist() == [2, 3]
    assert cleaning.fill_gaps(frame, 5, "previous")["Close"].tolist() == [2, 3]


def test_gaps_in_words_name_what_is_left_out_and_what_is_filled(broken):
    assert cleaning.gaps_in_words("A", daily([1, 2, 3]), 5) == ""
    filled = cleaning.gaps_in_words("A", broken, 3)
    assert filled.startswith("A: 6 days without a price. Filled days are inputs, and training has")
    ending = daily([1, np.nan, 3, np.nan, np.nan])
    assert cleaning.gaps_in_words("A", ending, 3) == (
        "A: 3 days without a price; 2 of them, before the first price or after the last one, are left out."
        " Filled days are inputs, and training has them as targets too; validation and test score neither them nor the"
        " days after them."
    )
    assert cleaning.gaps_in_words("A", ending.iloc[2:], 3).endswith("are left out. No day is filled.")
    some = cleaning.gaps_in_words("A", broken, 2)
    assert "3 of them, in gaps of more than max_gap_days 2 (2021-01-09 to 2021-01-11), are left out" in some
    assert "No day is filled" in cleaning.gaps_in_words("A", broken.dropna().drop(broken.index[1], errors="ignore"), 0)


def test_previous_does_not_look_ahead(broken):
    changed = broken.copy()
    changed.loc["2021-01-07":] *= 3
    before = slice(None, "2021-01-06")
    assert_frame_equal(
        cleaning.fill_gaps(broken, 3, "previous").loc[before], cleaning.fill_gaps(changed, 3, "previous").loc[before]
    )
    assert (
        not cleaning.fill_gaps(broken, 3, "linear")
        .loc[before]
        .equals(cleaning.fill_gaps(changed, 3, "linear").loc[before])
    )


@pytest.fixture
def spread():
    """Sorted -50, 1 to 7, 100: Q1 is 2, Q3 is 6, so the fences at 1.5 are -4 and 12; the median is 4."""
    return daily([1, 2, 3, 4, 5, 6, 7, 100, -50])


def test_fences_lie_one_and_a_half_interquartile_ranges_outside_the_quartiles(spread):
    assert np.percentile(spread["Close"], [25, 75]).tolist() == [2, 6]
    assert cleaning.fences(spread, 1.5).loc["Close"].to_dict() == {"lower": -4, "upper": 12}
    assert cleaning.fences(spread, 0.5).loc["Close"].to_dict() == {"lower": 0, "upper": 8}


def test_cap_and_median(spread):
    assert cleaning.treat_outliers(spread, "cap")["Close"].tolist() == [1, 2, 3, 4, 5, 6, 7, 12, -4]
    assert cleaning.treat_outliers(spread, "median")["Close"].tolist() == [1, 2, 3, 4, 5, 6, 7, 4, 4]
    assert cleaning.treat_outliers(spread, "off") is spread


def test_each_column_has_its_own_fences(spread):
    both = spread.assign(Volume=spread["Close"] * 10)
    capped = cleaning.treat_outliers(both, "cap")
    assert capped["Close"].tolist()[-2:] == [12, -4] and capped["Volume"].tolist()[-2:] == [120, -40]


def test_fences_and_median_of_the_days_before_fit_until_only(spread):
    until = spread.index[7]  # fits on 1..7: quartiles 2.5 and 5.5, fences -2 and 10, median 4
    assert cleaning.treat_outliers(spread, "cap", 1.5, until)["Close"].tolist() == [1, 2, 3, 4, 5, 6, 7, 10, -2]
    later = spread.copy()
    later.loc[until:] = [[8.0], [9.0]]
    assert cleaning.treat_outliers(later, "median", 1.0, until)["Close"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 4]


def test_a_stretch_ends_where_a_day_is_absent(broken):
    days = broken["Close"].dropna().index  # 1, 3, 4, 7, 8, 12
    assert cleaning.stretches(days).tolist() == [0, 1, 1, 2, 2, 3]
    assert cleaning.longest_stretch(days).day.tolist() == [7, 8]  # of two equal ones the newer
    assert cleaning.longest_stretch(days[:3]).day.tolist() == [3, 4]
    whole = daily([1, 2, 3]).index
    assert cleaning.stretches(whole).tolist() == [0, 0, 0] and cleaning.longest_stretch(whole).equals(whole)
    assert not len(cleaning.stretches(whole[:0]))
