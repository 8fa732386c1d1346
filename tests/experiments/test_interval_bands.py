"""The intervals of 09d: from every test day on, and an example whose whole path is known."""

import pytest

from lib.data import windows
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
    for rows in interval_bands.example(found, close).values():
        assert set(rows["origin"]) == {close.index[-longest - 1]} and set(rows["level"]) == {0.95}
        assert sorted(rows["horizon"]) == list(intervals.HORIZONS) and rows["actual_usd"].notna().all()
