"""For the widget's tests: trainings and forecasts that are carried out at once in this process, without TensorFlow."""

import threading

import numpy as np
import pytest

from lib.experiments import forecast, train
from lib.experiments.pool import Cancelled

WAIT_S = 20


def last_value(X):
    """The naive forecast."""
    return X[:, -1, 0]


def result_of(training, epochs=3, **changes):
    """The naive forecast as a training's result."""
    losses = np.linspace(0.3, 0.1, epochs)
    arrays = {
        f"{split}, {which}": last_value(getattr(training.data, split).X)
        for split in ("train", "validation", "test")
        for which in train.WEIGHTS
    }
    arrays |= {"best 0": np.ones(1), "last 0": np.ones(1)}
    values = {"best_epoch": epochs, "seconds": 1.0, "parameters": 10, "processor": "here", "diverged": False, **changes}
    return train.Result(losses, losses * 2, np.full(epochs, 0.001), arrays=arrays, **values)


class FakeHandle:
    """Ends when it is released; ``error`` is what the work fails with."""

    def __init__(self, make, queued):
        self._make, self._queued = make, queued
        self.ended, self.cancelled = threading.Event(), False

    def waiting(self):
        return self._queued

    def cancel(self):
        self.cancelled = True
        self.ended.set()

    def result(self):
        assert self.ended.wait(WAIT_S)
        if self.cancelled:
            raise Cancelled("cancelled")
        return self._make()


class FakePool:
    """What the tests set, and what was asked for.

    Attributes:
        epochs: reported at once when a training starts, as (epoch, epochs, loss, validation loss).
        hold: trainings and forecasts wait until their handle is released.
        error: raised instead of a result.
        changes: of the result, such as ``diverged=True``.
        queued: every worker is busy.
        cached: key -> result.
    """

    def __init__(self):
        self.epochs = [(1, 3, 0.3, 0.6), (2, 3, 0.2, 0.4), (3, 3, 0.1, 0.2)]
        self.hold, self.error, self.queued, self.changes = False, None, False, {}
        self.trainings, self.handles, self.cached = [], [], {}

    def train(self, training, weights=False, on_epoch=None):
        assert weights
        self.trainings.append(training)
        for epoch in self.epochs:
            on_epoch(*epoch)
        return self._handle(lambda: self.cached.setdefault(training.key, result_of(training, **self.changes)))

    def forecast(self, training, result, *asked):
        return self._handle(lambda: forecast.forecast(last_value, training.data, *asked))

    def _handle(self, make):
        def made():
            if self.error:
                raise self.error
            return make()

        handle = FakeHandle(made, self.queued)
        self.handles.append(handle)
        if not self.hold:
            handle.ended.set()
        return handle


@pytest.fixture(scope="session")
def naive_result():
    """naive_result(training): the naive forecast as its result."""
    return result_of


@pytest.fixture
def fake_pool(monkeypatch):
    pool = FakePool()
    monkeypatch.setattr(train, "train", pool.train)
    monkeypatch.setattr(train, "cached", lambda training, weights=False: pool.cached.get(training.key))
    monkeypatch.setattr(forecast, "start_task", pool.forecast)
    return pool
