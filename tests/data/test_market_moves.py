"""One bad tick is not believed: moves too large for a day and zeros are named, and only a parameter accepts a move."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.app.sentences import for_page
from lib.data import market
from lib.data.market import moves, schema

CASES = Path(__file__).parents[1] / "cases"
START, END = date(2025, 10, 23), date(2026, 11, 25)


@pytest.fixture
def folder(tmp_path):
    """Put case files into a folder as TICKER.csv and load them."""

    def load(factor=3, **cases):
        for ticker, case in cases.items():
            shutil.copy(next(CASES.glob(f"{case}*.csv")), tmp_path / f"{ticker}-USD.csv")
        tickers = [f"{ticker}-USD" for ticker in cases]
        return market.load("folder", tickers, START, END, str(tmp_path), max_daily_factor=factor)

    return load


def refusal(load, **options):
    with pytest.raises(market.MarketError) as caught:
        load(**options)
    return str(caught.value)


def days_of(closes, columns=moves.PRICES):
    index = pd.date_range("2021-01-01", periods=len(closes), name="date", unit="ns")
    return pd.DataFrame({column: np.asarray(closes, dtype="float64") for column in columns}, index=index)


def test_a_day_times_100_and_a_zero_are_named_in_one_message(folder):
    first, *options = refusal(folder, AAA="f23").splitlines()
    assert (
        "2026-08-29: Open, High, Low, Close up by a factor of 101.7, Close from 95272.32 on 2026-08-28 to 9687904:"
        " a single day (allowed: a factor of 3 from one known day to the next)" in first
    )
    assert "2026-09-08: Open, High, Low, Close are 0 (allowed: above 0 USD; empty the whole day, which is then" in first
    assert first.count("allowed") == 2
    assert options == [
        "If the moves of AAA-USD are real, correct the other values first;"
        " -p max_daily_factor=200 then accepts the moves"
    ], "the zero would be refused again"


def test_moves_are_accepted_by_words_that_leave_out_what_nothing_accepts(folder, tmp_path):
    """Red before: max_daily_factor alone was named, and CCC was refused again."""
    lines = refusal(folder, AAA="f31", BBB="f00", CCC="f24").splitlines()
    assert lines[2:] == [
        "If the moves of AAA-USD are real, accept them and leave out the rest: -p max_daily_factor=10"
        " -p tickers=[AAA-USD,BBB-USD]; in a notebook's parameters cell: max_daily_factor = 10 and"
        ' tickers = ["AAA-USD", "BBB-USD"]',
        'To run the others: -p tickers=[BBB-USD]; in a notebook\'s parameters cell: tickers = ["BBB-USD"]',
    ]
    assert list(folder(factor=10, AAA="f31", BBB="f00")) == ["AAA-USD", "BBB-USD"]


def test_a_parameter_accepts_a_move_but_never_a_zero(folder):
    accepted = refusal(folder, factor=200, AAA="f23")
    assert "factor of 101.7" not in accepted and "max_daily_factor" not in accepted and "2026-09-08: Open" in accepted


def test_a_change_of_level_stops_the_run_until_the_named_words_accept_it(folder):
    text = refusal(folder, AAA="f31")
    assert "2026-09-08: Open, High, Low, Close up by a factor of 9.619, Close from 95689.04 on 2026-09-07" in text
    assert "a change of level from that day on" in text and "-p max_daily_factor=10;" in text
    assert len(folder(factor=10, AAA="f31")["AAA-USD"]) == 399


def test_the_words_of_the_message_are_an_override_that_lets_the_run_go_on(folder, tmp_path):
    text = refusal(folder, AAA="f31")
    given = dict([settings.parse_override(text.partition("-p ")[2].partition(";")[0])])
    place = {"source": "folder", "data_dir": str(tmp_path), "tickers": ["AAA-USD"], "lookback": 30}
    chosen = settings.load("params/sample.yaml", {**place, "start_date": f"{START}", "end_date": f"{END}", **given})
    assert len(market.prices_of(chosen)["AAA-USD"]) == 399
    with pytest.raises(market.MarketError, match="factor of 9.619"):
        market.prices_of(chosen.changed(max_daily_factor=3))


def test_a_page_says_nothing_of_parameters_that_its_visitor_cannot_set(folder, tmp_path):
    with pytest.raises(market.MarketError) as caught:
        folder(AAA="f31", BBB="f00")
    shown = for_page(caught.value)
    assert "factor of 9.619" in shown and "Correct these values" in shown
    assert "-p" not in shown and str(tmp_path) not in shown


@pytest.mark.parametrize("case", ["f00", "f20", "f21", "f25"])
def test_prices_that_are_odd_but_possible_are_read(folder, case):
    assert len(folder(AAA=case)["AAA-USD"]) == 399


def test_a_high_below_the_low_is_refused_by_name(folder):
    text = refusal(folder, AAA="f24")
    assert (
        "so the columns seem to stand in another order than their names say" in text and "max_daily_factor" not in text
    )


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([1.0, 1.0, 2.999, 1.0, 1.0], []),
        ([1.0, 1.0, 100.0, 1.1, 1.0], [(3, 100, "a single day")]),
        ([1000.0, 1000.0, 100.0, 900.0, 900.0], [(3, 10, "a single day")]),
        ([1.0, 1.0, 7.0, 7.0, 7.0, 1.0], [(3, 7, "3 days, to 2021-01-05")]),
        ([1.0, 1.0, 1000.0, 1000.0, 1100.0], [(3, 1000, "a change of level from that day on, such as another unit")]),
        ([1.0, 1.0, 1.0, 0.1], [(4, 10, "the last day, so that no later one shows which is right")]),
        ([50.0, 1.0, 1.0, 1.0], [(2, 50, "the day before is the first, and it alone may be wrong")]),
        ([1.0, 1.0, np.nan, 4.0, 4.0], [(4, 4, "a change of level from that day on, such as another unit")]),
        ([1.0, 10.0, 1.0, 1.0, 0.1, 1.0], [(2, 10, "a single day"), (5, 10, "a single day")]),
    ],
)
def test_what_a_move_looks_like(closes, expected):
    found = schema.suspicious(days_of(closes, ["Close"]))
    assert [(m.day.day, pytest.approx(m.factor), m.looks_like) for m in found] == expected


@pytest.mark.parametrize("column", moves.PRICES)
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_bad_tick_in_one_column_alone_is_found(column, factor):
    frame = days_of(100 + np.arange(10.0))
    frame.loc["2021-01-05", column] *= factor
    (found,) = schema.suspicious(frame)
    assert (found.day, found.column, found.previous) == (date(2021, 1, 5), column, 103)
    with pytest.raises(market.MarketError, match=f"2021-01-05: {column} (up|down) by a factor of"):
        schema.check(frame.assign(Volume=1.0), "AAA-USD", "a test")


@pytest.mark.parametrize("column", moves.PRICES)
def test_a_zero_in_one_column_alone_is_one_fault(column):
    frame = days_of([100.0] * 6).assign(Volume=1.0)
    frame.loc["2021-01-04", column] = 0
    with pytest.raises(market.MarketError) as caught:
        schema.check(frame, "AAA-USD", "a test")
    assert f"2021-01-04: {column} is 0" in str(caught.value) and str(caught.value).count("allowed") == 1


def test_a_day_that_was_emptied_is_a_gap_and_its_neighbours_are_compared():
    frame = days_of([1.0, 1.0, 1.0, 5.0]).assign(Volume=1.0)
    frame.loc["2021-01-02"] = np.nan
    frame.loc["2021-01-03", "Close"] = np.nan
    (found, *_) = [m for m in schema.suspicious(frame) if m.column == "Close"]
    assert (found.previous_day, found.day) == (date(2021, 1, 1), date(2021, 1, 4))


@pytest.mark.parametrize(("factor", "round_one"), [(9.84, 10), (3.01, 4), (101.7, 200), (1000, 1000), (9.9e5, 1e6)])
def test_the_factor_that_accepts_is_round_and_large_enough(factor, round_one):
    frame = days_of([1.0, 1.0, factor, factor], ["Close"])
    assert moves.accepting(schema.suspicious(frame)) == round_one
    assert schema.suspicious(frame, round_one) == []


def test_beyond_a_millionfold_no_parameter_is_offered(folder, tmp_path):
    frame = days_of([1.0, 1.0, 2e6, 1.0], moves.PRICES).assign(Volume=1.0)
    frame.rename_axis("Date").to_csv(tmp_path / "AAA-USD.csv")
    with pytest.raises(market.MarketError) as caught:
        market.load("folder", ["AAA-USD"], date(2021, 1, 1), date(2021, 1, 4), str(tmp_path))
    assert "factor of 2e+06" in str(caught.value) and "max_daily_factor" not in str(caught.value)


def test_all_bad_tickers_are_named_and_then_the_words_for_the_good_ones(folder):
    lines = refusal(folder, AAA="f23", BBB="f00", CCC="f24", DDD="f20").splitlines()
    assert [line[:7] for line in lines[:2]] == ["AAA-USD", "CCC-USD"]
    assert lines[-1] == (
        "To run the others: -p tickers=[BBB-USD,DDD-USD];"
        ' in a notebook\'s parameters cell: tickers = ["BBB-USD", "DDD-USD"]'
    )
    words = lines[-1].partition("-p ")[2].partition(";")[0]
    assert settings.parse_override(words) == ("tickers", ["BBB-USD", "DDD-USD"])


def test_without_a_good_ticker_no_choice_is_named(folder):
    assert "To run" not in refusal(folder, AAA="f23", BBB="f24")


def test_a_folders_real_prices_have_margin():
    """The sample's largest move is 1.6; with a limit of 2 nothing in it is named either."""
    frame = market.load("sample", ["BTC-USD"], date(2020, 1, 1), date(2021, 10, 27))["BTC-USD"]
    assert schema.suspicious(frame, 2) == [] and schema.suspicious(frame, 1.5) != []
