"""A real training and a real forecast in a pool of one worker; the page's process loads no TensorFlow."""

import sys
import time
from datetime import date

import numpy as np
import pytest

from lib import settings
from lib.app import requests, unattended
from lib.app.dashboard.web import Pages
from lib.app.sentences import without_folders
from lib.app.service.environment import ServiceSettings
from lib.app.service.runs import CANCELLED, DONE
from lib.experiments import pool
from lib.results import training_cache

VALUES = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27))


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    chosen = settings.load(settings.PROJECT_ROOT / "params/sample.yaml", {"workers": 1})
    with pytest.MonkeyPatch.context() as patch, pool.local(chosen) as address:
        patch.setenv(pool.ADDRESS_VARIABLE, address)
        patch.setattr(pool, "_client", None)  # other tests' own
        patch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path_factory.mktemp("trainings")))
        yield
        pool.close()


@pytest.mark.slow
def test_train_forecast_cancel_and_train_again(one_worker, tmp_path):
    access = ServiceSettings(_env_file=None, service_token="")
    pages = Pages(settings.sample().changed(output_dir=str(tmp_path)), access)
    first, second = pages.runs("1" * 32), pages.runs("2" * 32)
    before = "tensorflow" in sys.modules
    network = unattended.train(first, {**VALUES, "epochs": 3})
    epochs = _epochs(first, first.states()[0]["request_id"])
    assert [event["epoch"] for event in epochs] == [1, 2, 3] and epochs[-1]["progress"] == 100
    np.testing.assert_allclose(network.result.history["val_loss"], [event["val_loss"] for event in epochs])
    assert list(network.scores["model"]) == ["CNN", "naive"] * 3 and not network.result.cached
    made = unattended.predict(first, network)
    assert len(made.days) == 15 and np.isfinite(made.days["path_usd"]).all()
    assert ("tensorflow" in sys.modules) == before, "TensorFlow belongs into the workers"
    # Another visitor with the same form finds it; while the only worker is busy, others are queued.
    assert unattended.train(second, {**VALUES, "epochs": 3}).result.cached
    slow = first.train({**VALUES, "network": "LSTM-CNN", "batch_size": 8, "epochs": 1000}, plots=False)
    _until(lambda: slow.state["epoch"])
    waiting = second.train({**VALUES, "epochs": 2}, plots=False)
    _until(lambda: "Every worker is busy" in waiting.state["doing"])
    asked = time.monotonic()
    first.cancel(slow.request_id)
    assert time.monotonic() - asked < 1 and slow.state["status"] == CANCELLED
    assert waiting.ended.wait(120) and waiting.state["status"] == DONE
    assert second.network(waiting.state["network"]).result.epochs == 2 and len(first.collection.entries()) == 1
    pages.close()


def _epochs(runs, request_id):
    return [event for event in runs.events(request_id, 1) if event["event"] == "training_update"]


def _until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("cannot write /srv/page/outputs/widget/a.json: full", "cannot write a.json: full"),
        ("/data/prices/ADA-USD.csv is missing", "ADA-USD.csv is missing"),
        ("data_dir /data/prices is not a folder", "data_dir prices is not a folder"),
        (
            "see http://127.0.0.1:8866/page and skill and/or R2 1/2",
            "see http://127.0.0.1:8866/page and skill and/or R2 1/2",
        ),
        ("'/a b/c.csv'", "'/a b/c.csv'"),
    ],
)
def test_sentences_name_no_folder_of_the_server(text, shown):
    assert without_folders(text) == shown
