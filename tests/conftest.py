"""Shared by the tests: TensorFlow's threads, the sample's values, tiny prices."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import yaml

from lib import settings


@pytest.fixture(scope="session")
def tensorflow_on_one_thread():
    """TensorFlow can be started once in a process; every test that trains uses one thread."""
    from lib.networks import runtime

    runtime.start(1)


@pytest.fixture
def sample_values():
    """The values of params/sample.yaml, free to be changed by a test."""
    return yaml.safe_load((settings.PROJECT_ROOT / "params" / "sample.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def tiny():
    """Settings for a training of seconds: 240 days, windows of 8."""
    start, end = date(2024, 1, 1), date(2024, 8, 27)
    small = settings.sample().changed(
        source="yahoo", start_date=start, end_date=end, lookback=8, max_epochs=3, patience=2
    )
    return small.changed


@pytest.fixture
def random_walk():
    """Prices of a random walk: ticker -> 240 days of Open, High, Low, Close, Volume."""

    def make(*tickers, seed=7, days=240):
        rng = np.random.default_rng(seed)
        made = {}
        for ticker in tickers or ("BTC-USD",):
            close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, days)))
            before = np.concatenate([[100.0], close[:-1]])
            high, low = np.maximum(close, before) * 1.01, np.minimum(close, before) * 0.99
            index = pd.date_range("2024-01-01", periods=days, freq="D", name="date")
            made[ticker] = pd.DataFrame(
                {"Open": before, "High": high, "Low": low, "Close": close, "Volume": rng.uniform(1e6, 2e6, days)},
                index=index,
            )
        return made

    return make
