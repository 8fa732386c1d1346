"""The long frame of forecasts: its columns, its days, and who made a row."""

import numpy as np
import pytest

from lib.data import windows
from lib.experiments import frames, seeds, train


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
