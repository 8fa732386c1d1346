"""The engine's process: a real training, a real forecast, stopped, killed, and after a failure."""

import os
import queue
import signal
import time
from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib.app import requests
from lib.app.collection import Collection
from lib.app.engine import ENDED, Engine, Predict, Train
from lib.app.events import ErrorLog, ForecastUpdate, TrainingUpdate, VisualizingUpdate
from lib.evaluation import scoring

pytestmark = pytest.mark.slow
VALUES = {**requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27)), "epochs": 3}
LAST = (VisualizingUpdate, ForecastUpdate, ErrorLog)


@pytest.fixture(scope="module")
def heard():
    return queue.Queue()


@pytest.fixture(scope="module")
def engine(heard):
    made = Engine(heard.put)
    yield made
    made.stop()


def train(root, data_dir=None, **changes):
    request, chosen = requests.check({**VALUES, **changes}, data_dir)
    return Train(request, chosen, root)


def until_done(heard, seconds=180):
    found = []
    while not found or not isinstance(found[-1], LAST):
        found.append(heard.get(timeout=seconds))
    return found


@pytest.fixture(scope="module")
def trained(engine, heard, tmp_path_factory):
    root = tmp_path_factory.mktemp("kept")
    engine.order(train(root))
    return root, until_done(heard)


def test_a_training_tells_each_epoch_and_keeps_the_network(trained):
    root, events = trained
    updates = [e for e in events if isinstance(e, TrainingUpdate)]
    assert [u.epoch for u in updates] == [1, 2, 3] and updates[-1].progress == 100 and updates[-1].seconds_left == 0
    kept = Collection(root).find(events[-1].identity)
    assert kept.record["history"]["val_loss"] == [u.val_loss for u in updates]
    scores = pd.DataFrame(kept.record["scores"])
    again = scoring.network_scores(kept.predictions, "CNN")
    np.testing.assert_allclose(scores["RMSE"], again["RMSE"], rtol=1e-9)
    assert (
        list(scores["model"]) == ["CNN", "naive"] * 3 and (scores.loc[scores["model"] == "naive", "skill"] == 0).all()
    )


def test_the_same_form_gives_the_same_network(trained, engine, heard):
    root, events = trained
    engine.order(train(root))
    again = Collection(root).find(until_done(heard)[-1].identity)
    pd.testing.assert_frame_equal(
        again.predictions, Collection(root).find(events[-1].identity).predictions, check_exact=True
    )


def test_a_kept_network_forecasts_without_training(trained, engine, heard):
    root, events = trained
    engine.order(Predict(events[-1].identity, date(2021, 10, 28), 15, root))
    made = until_done(heard)[-1]
    assert made.origin == "2021-10-27" and len(made.days["path_usd"]) == 15 and made.days["date"][0] == "2021-10-28"
    assert (
        all(low < high for low, high in zip(made.days["lower_usd"], made.days["upper_usd"]))
        and "promise 90%" in made.sentence
    )


def test_a_failing_training_is_one_sentence_and_the_next_try_works(trained, engine, heard, tmp_path):
    root, _ = trained
    before = Collection(root).identities()
    engine.order(train(root, str(tmp_path), source="folder"))
    told = until_done(heard)[-1]
    assert isinstance(told, ErrorLog) and "BTC-USD" in told.error and not told.details
    assert Collection(root).identities() == before
    engine.order(train(root, epochs=1))
    assert isinstance(until_done(heard)[-1], VisualizingUpdate)


def test_stopped_means_stopped(trained, engine, heard):
    root, _ = trained
    before, process = Collection(root).identities(), engine.process_id
    engine.order(train(root, epochs=1000))
    while not isinstance(heard.get(timeout=180), TrainingUpdate):
        pass
    engine.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    while not heard.empty():
        heard.get()
    time.sleep(1)
    assert heard.empty() and Collection(root).identities() == before


def test_a_killed_process_is_told_and_the_next_order_starts_a_new_one(trained, engine, heard):
    root, _ = trained
    engine.order(train(root, epochs=1000))
    while not isinstance(heard.get(timeout=180), TrainingUpdate):
        pass
    os.kill(engine.process_id, signal.SIGKILL)
    assert until_done(heard)[-1].error == ENDED
    engine.order(train(root, epochs=1))
    assert isinstance(until_done(heard)[-1], VisualizingUpdate)


def test_a_folder_that_cannot_be_written_loses_nothing(trained, engine, heard):
    root, _ = trained
    blocked = root / "file"
    blocked.write_text("in the way", encoding="utf-8")
    engine.order(train(blocked, epochs=1))
    told = until_done(heard)[-1]
    assert isinstance(told, ErrorLog) and "cannot write" in told.error
    assert Collection(root).identities()
