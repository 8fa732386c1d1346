"""The intervals of 09d: from every test day on, and an example whose whole path is known."""

import numpy as np
import pandas as pd
import pytest

from lib.data import windows
from lib.data.windows import WindowError
from lib.evaluation import intervals
from lib.experiments import interval_bands


@pytest.fixture(scope="module")
def longest():
    return max(intervals.HORIZONS)


def test_bands_start_on_every_test_day_and_the_example_is_known_to_its_end(tiny, random_walk, longest):
    settings, prices = tiny(lookback=5, tickers=["BTC-USD"]), random_walk()
    data, close = windows.build(prices, settings), prices["BTC-USD"]["Close"]
    found = interval_bands.bands({"BTC-USD": close}, data)["BTC-USD"]
    assert set(found) == {"conformal, adapting", "conformal, fixed", "service"}
    for rows in found.values():
        assert set(rows["origin"]) <= set(data["BTC-USD"].days["test"])
    days = set(data["BTC-USD"].days["test"])
    assert set(found["service"]["origin"]) == days
    for rows in interval_bands.example(found).values():
        assert set(rows["origin"]) == {close.index[-longest - 1]} and set(rows["level"]) == {0.95}
        assert sorted(rows["horizon"]) == list(intervals.HORIZONS) and rows["actual_usd"].notna().all()


def test_filled_days_move_no_number_whatever_fills_them(tiny, random_walk):
    """A price that a linear filling takes from the day after must not reach the intervals of days before."""
    prices = random_walk(days=400)
    day = prices["BTC-USD"].index[380]
    prices["BTC-USD"].loc[day] = np.nan
    later = {"BTC-USD": prices["BTC-USD"].copy()}
    later["BTC-USD"].loc[later["BTC-USD"].index > day] *= 1.5
    settings = tiny(lookback=5, tickers=["BTC-USD"], gap_fill="linear")
    made = [
        interval_bands.bands({"BTC-USD": p["BTC-USD"]["Close"].dropna()}, windows.build(p, settings))["BTC-USD"]
        for p in (prices, later)
    ]
    for name, rows in made[0].items():
        assert day not in set(rows["origin"])
        known = ["origin", "horizon", "level", "price_usd", "path_usd", "lower_usd", "upper_usd"]
        until = [m[name][m[name]["origin"] <= day][known].reset_index(drop=True) for m in made]
        pd.testing.assert_frame_equal(*until)


def test_a_gap_of_forty_days_is_worked_around_and_too_few_test_days_are_refused_first(tiny, random_walk):
    prices = random_walk(days=400)
    frame = prices["BTC-USD"]
    prices["BTC-USD"] = frame.drop(frame.index[150:190])
    settings = tiny(lookback=5, tickers=["BTC-USD"])
    interval_bands.check_days(prices, settings)
    found = interval_bands.bands({"BTC-USD": prices["BTC-USD"]["Close"]}, windows.build(prices, settings))
    assert intervals.evaluate(found["BTC-USD"]["conformal, adapting"])["coverage"].between(0, 1).all()
    few = {"BTC-USD": frame.iloc[:60]}
    with pytest.raises(
        WindowError, match="8 of 9 test days have a price and one on the day after.* 11 test days would"
    ):
        interval_bands.check_days(few, settings)
