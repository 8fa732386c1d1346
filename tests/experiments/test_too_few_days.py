"""Windows on which an evaluation would fail in the end are refused before anything is trained."""

import pytest

from lib.data import windows
from lib.data.windows import WindowError
from lib.experiments import leakage, search, seeds, walk_forward


@pytest.mark.parametrize(
    "forecasts, lookback, split",
    [
        (seeds.forecasts, 30, (0.7, 0.15, 0.15)),  # 6 days in validation and test: too few to resample
        (seeds.forecasts, 8, (0.4, 0.1, 0.5)),  # more test days than training days to simulate them from
        (leakage.forecasts, 30, (0.7, 0.15, 0.15)),
    ],
)
def test_an_evaluation(forecasts, lookback, split, tiny, random_walk, no_training):
    settings = tiny(lookback=lookback).changed(split=split)
    with pytest.raises(WindowError, match=r"BTC-USD: .* would do"):
        forecasts(random_walk(), settings)
    assert no_training == []


def test_a_walk_forward_of_a_handful_of_days(tiny, random_walk):
    """Red before: an IndexError."""
    prices = {ticker: frame.iloc[:6] for ticker, frame in random_walk().items()}
    with pytest.raises(WindowError, match=r"BTC-USD: 6 days are too few for \d+ blocks of test days"):
        walk_forward.check_days(prices, tiny(lookback=1))


def test_a_search(tiny, random_walk, monkeypatch):
    settings = tiny(lookback=35)
    monkeypatch.setattr(search.train, "train", lambda *_, **__: pytest.fail("something was trained"))
    with pytest.raises(WindowError, match="1 of the 36 days in the validation split .* 2 are needed"):
        search.run(windows.build(random_walk(), settings), settings)
