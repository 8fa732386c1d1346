"""The long frame of forecasts: its columns, its days, and who made a row."""

import numpy as np
import pytest

from lib.data import windows
from lib.data.windows import WindowError
from lib.evaluation import metrics
from lib.experiments import controls, frames, seeds, train


@pytest.fixture
def settings(tiny):
    return tiny(networks=["CNN"], lookback=5, tickers=["BTC-USD"])


def test_rows_name_who_made_them(settings, random_walk, no_training):
    prices = random_walk()
    data = windows.build(prices, settings)["BTC-USD"]
    training = seeds.training(data, "CNN", settings, 4)
    made = frames.of_training(training, train.train_all([training])[0], "a reading", 4)
    assert list(made.columns) == frames.COLUMNS and set(made["part"]) == set(frames.UNSEEN)
    assert made["date"].tolist() == [*data.validation.dates, *data.test.dates]
    assert made[["ticker", "reading", "model", "seed_number", "seed"]].drop_duplicates().values.tolist() == [
        ["BTC-USD", "a reading", "CNN", 4, training.seed]
    ]
    fitted = frames.of_baselines(data, prices, settings, "a reading", ["naive", "ridge"], parts=["test"])
    assert [f["model"].iloc[0] for f in fitted] == ["naive", "ridge"]
    for frame in fitted:
        assert frame["date"].tolist() == list(data.test.dates) and (frame["seed_number"] == 0).all()
        assert frame["seed"].isna().all() and list(frame.columns) == frames.COLUMNS


def test_closes_of_the_training_days_end_with_them(settings, random_walk):
    prices = random_walk()
    days = windows.build(prices, settings)["BTC-USD"].days["train"]
    found = frames.training_closes(prices, settings)
    np.testing.assert_array_equal(found["BTC-USD"], prices["BTC-USD"].loc[days, "Close"])


def test_closes_of_the_training_days_are_missing_where_there_is_no_price(settings, random_walk):
    """A gap that is filled, and one that is left out: no change of neighbours is over more than a day."""
    whole = random_walk()["BTC-USD"]
    prices = whole.copy()
    prices.iloc[[20, 21, *range(40, 70)]] = np.nan
    prices.iloc[70:] *= 3
    closes = frames.training_closes({"BTC-USD": prices.dropna()}, settings)["BTC-USD"]
    np.testing.assert_array_equal(closes, prices["Close"].iloc[: len(closes)])
    assert np.abs(np.diff(np.log(closes[~np.isnan(closes)]))).max() > 1 > metrics.daily_changes(np.log(closes)).max()


def test_too_few_daily_changes_around_gaps_are_refused_before_a_training(random_walk):
    """Of 160 training days every fourth is filled: 81 changes are left to simulate the test days from."""
    settings = controls.short_settings(lookback=2, split=(0.5, 0.2, 0.3))
    prices = random_walk("A", days=320)["A"]
    seeds.check_days({"A": prices}, settings)
    prices.iloc[2:158:4] = np.nan
    with pytest.raises(WindowError, match="^A: 81 daily changes of training days are too few to simulate 94 test days"):
        seeds.check_days({"A": prices}, settings, ["close"])
