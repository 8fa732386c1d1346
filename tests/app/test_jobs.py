"""A real training and a real forecast in a pool of one worker; the page's process loads no TensorFlow."""

import sys
import time
from datetime import date

import numpy as np
import pytest
from lib.app.controller import IDLE, TRAINING, Controller

from lib import settings
from lib.app import requests, unattended
from lib.app.sentences import without_folders
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
    first, second = Controller(tmp_path / "first"), Controller(tmp_path / "second")
    before = "tensorflow" in sys.modules
    network = unattended.train(first, {**VALUES, "epochs": 3})
    assert [u.epoch for u in first.updates] == [1, 2, 3] and first.updates[-1].progress == 100
    np.testing.assert_allclose(network.result.history["val_loss"], [u.val_loss for u in first.updates])
    assert list(network.scores["model"]) == ["CNN", "naive"] * 3 and not network.result.cached
    made = unattended.predict(first)
    assert len(made.days["path_usd"]) == 15 and np.isfinite(made.days["path_usd"]).all()
    assert ("tensorflow" in sys.modules) == before, "TensorFlow belongs into the workers"
    # Another visitor with the same form finds it; while the only worker is busy, others are queued.
    assert unattended.train(second, {**VALUES, "epochs": 3}).result.cached
    first.train({**VALUES, "network": "LSTM-CNN", "batch_size": 8, "epochs": 1000})
    _until(lambda: first.updates)
    second.train({**VALUES, "epochs": 2})
    _until(lambda: any("Every worker is busy" in row.get("doing", "") for row in second.log))
    asked = time.monotonic()
    first.cancel()
    assert time.monotonic() - asked < 1 and first.state == IDLE
    _until(lambda: second.state != TRAINING)
    assert second.network.result.epochs == 2 and len(first.collection.entries()) == 1


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
