"""Trainings and forecasts that are carried out at once in this process, without TensorFlow; services in processes."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lib import settings
from lib.app.dashboard.web import Pages
from lib.app.service.environment import ServiceSettings
from lib.evaluation import resampling
from lib.experiments import forecast, train
from lib.experiments.pool import Cancelled
from lib.settings.places import PROJECT_ROOT

WAIT_S = 20
START_S = 300  # on a busy machine


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

    def train(self, training, weights=False, on_epoch=lambda *_: None):
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
    yield pool
    # A job that begins after this would start a real pool, in which the tests of another file then wait.
    pool.hold = False
    for handle in pool.handles:
        handle.cancel()
    for thread in threading.enumerate():
        if thread.name == "job":
            thread.join(WAIT_S)


@pytest.fixture
def run_async():
    """run_async(coroutine) -> its result, from a thread of its own, as Playwright leaves a running loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda coroutine: thread.submit(asyncio.run, asyncio.wait_for(coroutine, START_S)).result()


@dataclass
class ServiceProcess:
    """``python -m lib.app.service`` on a free port, with the folders that are its own."""

    process: subprocess.Popen
    url: str
    folder: Path

    @property
    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command(folder, port, **variables):
    """Command and environment of a service of the packaged sample that keeps everything in a folder."""
    own = {"PYTHONPATH": str(PROJECT_ROOT), "PRICE_SOURCES": "sample", "WORKERS": "1", "REQUESTS_PER_MINUTE": "1000000"}
    own |= {"TRAINING_CACHE": str(folder / "cache"), "SERVICE_FOLDER": str(folder / "networks")}
    command = [sys.executable, "-m", "lib.app.service", "--port", str(port)]
    return command, {**os.environ, **own, **variables}


@pytest.fixture(scope="session")
def service_command():
    """service_command(folder, port, **variables) -> command and environment of a service."""
    return _command


@pytest.fixture(scope="session")
def start_service(tmp_path_factory):
    """start_service(folder=None, **variables of the environment): a service in a process of its own, which answers."""
    with ExitStack() as running:

        def start(folder=None, **variables):
            folder, port = folder or tmp_path_factory.mktemp("service"), free_port()
            command, environment = _command(folder, port, **variables)
            with (folder / "log").open("a") as log:
                process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            running.callback(process.wait, START_S)
            running.callback(process.terminate)
            made, end = ServiceProcess(process, f"http://127.0.0.1:{port}", folder), time.monotonic() + START_S
            while not listens(port):
                assert process.poll() is None and time.monotonic() < end, made.log
                time.sleep(0.1)
            return made

        yield start


@pytest.fixture
def pages(tmp_path, fake_pool, monkeypatch):
    """The dashboard's application on the packaged sample; trainings end at once, and little is resampled."""
    monkeypatch.setattr(resampling, "skill_with_interval", partial(resampling.skill_with_interval, repetitions=20))
    access = ServiceSettings(_env_file=None, service_token="", root_path="", requests_per_minute=10**5)
    made = Pages(settings.sample().changed(output_dir=str(tmp_path / "run")), access)
    yield made
    made.close()


@pytest.fixture
def ask(pages):
    """ask(method, path, body=None, visitor="") -> the answer; whatever it says names no folder of the server."""
    with TestClient(pages.app, base_url="http://127.0.0.1:8866", raise_server_exceptions=False) as client:

        def asked(method, path, body=None, visitor="", **headers):
            answer = client.request(method, path, json=body, headers={"X-Visitor": visitor, **headers})
            assert str(PROJECT_ROOT) not in answer.text and str(pages.root.parents[1]) not in answer.text
            return answer

        yield asked
