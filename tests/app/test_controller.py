"""The widget without a screen: what is allowed when, and what remains after something went wrong."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib.app import requests
from lib.app.collection import Collection, CollectionError
from lib.app.controller import Controller, Refused
from lib.app.engine import ENDED, Predict, Train
from lib.app.events import ErrorLog, ForecastUpdate, Stage, TrainingUpdate, VisualizingUpdate
from lib.results.files import FileError

VALUES = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27))


class Recorded:
    """An engine that carries out nothing and keeps what it was asked."""

    def __init__(self, on_event):
        self.tell, self.orders, self.calls = on_event, [], []

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")

    def order(self, what):
        self.orders.append(what)


class Model:
    """Stands for a Keras model; a file is all that keeping needs."""

    def save(self, path):
        path.write_bytes(b"weights")


@pytest.fixture
def controller(tmp_path):
    return Controller(tmp_path / "kept", engine=Recorded)


@pytest.fixture
def kept(controller):
    """The identity of a kept network with made-up forecasts on the sample's days."""
    return keep(controller.collection)


def keep(collection):
    request, chosen = requests.check(VALUES)
    days = pd.date_range("2020-01-01", "2021-10-27", name="date")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.03, len(days))))
    prices = pd.DataFrame(
        {"Open": close, "High": close * 1.01, "Low": close * 0.99, "Close": close, "Volume": 1.0}, index=days
    )
    frame = pd.DataFrame(
        {
            "date": days[1:],
            "actual_usd": close[1:],
            "predicted_usd": close[1:] * 1.01,
            "naive_usd": close[:-1],
            "part": "test",
        }
    )
    record = {
        "request": request.model_dump(mode="json"),
        "parameters": chosen.plain(),
        "scores": [],
        "history": {"loss": [1.0], "val_loss": [1.0]},
    }
    return collection.keep(Model(), record, frame, prices)


def update(epoch=1):
    return TrainingUpdate(epoch, 5, 0.1, 0.2, 0.15, 20.0 * epoch, 1.0, 4.0)


def test_it_begins_with_the_form_alone(controller):
    assert (controller.state, controller.phase, controller.open_phases()) == ("idle", "parameters", ("parameters",))
    with pytest.raises(Refused, match="nothing under results yet"):
        controller.go("results")
    with pytest.raises(Refused, match="no network yet"):
        controller.predict(date(2021, 10, 28), 15)
    with pytest.raises(Refused, match="Nothing is running"):
        controller.cancel()


def test_a_wrong_form_starts_nothing(controller):
    with pytest.raises(requests.RequestError):
        controller.train({**VALUES, "epochs": 0})
    assert controller.state == "idle" and controller._engine.orders == []


def test_a_training_from_click_to_forecast(controller, kept):
    heard = []
    controller.listen(heard.append)
    controller.train(VALUES)
    assert isinstance(controller._engine.orders[0], Train) and (controller.state, controller.phase) == (
        "training",
        "training",
    )
    for refused in (lambda: controller.train(VALUES), lambda: controller.pick(kept)):
        with pytest.raises(Refused, match="A training is running. Wait for it, or cancel it first"):
            refused()
    controller._engine.tell(Stage("Loading prices"))
    controller._engine.tell(update(1))
    controller._engine.tell(update(2))
    assert [u.epoch for u in controller.updates] == [1, 2]
    controller._engine.tell(VisualizingUpdate(kept))
    assert (controller.state, controller.phase, controller.network.identity) == ("idle", "evaluating", kept)
    assert "predicting" in controller.open_phases() and "results" not in controller.open_phases()
    first, last = controller.starts()
    assert last == date(2021, 10, 28)
    with pytest.raises(requests.RequestError) as caught:
        controller.predict(date(2020, 2, 1), 31)
    assert set(caught.value.fields) == {"start", "days"} and controller.state == "idle"
    controller.predict(last, 15)
    assert (
        controller._engine.orders[1] == Predict(kept, last, 15, controller.collection.root)
        and controller.state == "forecasting"
    )
    controller._engine.tell(ForecastUpdate(kept, "2021-10-27", 0.9, {"path_usd": [1.0]}, "told"))
    assert (controller.state, controller.phase, controller.open_phases()[-1]) == ("idle", "results", "results")
    assert [type(e).__name__ for e in heard if e] == [
        "Stage",
        "TrainingUpdate",
        "TrainingUpdate",
        "VisualizingUpdate",
        "ForecastUpdate",
    ]
    written = [
        json.loads(line)["kind"]
        for line in (controller.collection.root / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert written == ["stage", "training_update", "training_update", "visualizing_update", "forecast_update"]


def test_cancel_stops_the_process_and_its_last_words_are_not_heard(controller, kept):
    controller.pick(kept)
    controller.train(VALUES)
    controller.cancel()
    assert controller._engine.calls == ["stop", "start"] and (controller.state, controller.phase) == (
        "idle",
        "parameters",
    )
    controller._engine.tell(update())
    controller._engine.tell(VisualizingUpdate(kept))
    assert controller.updates == [] and controller.phase == "parameters"
    assert controller.network.identity == kept  # what was there before
    controller.train(VALUES)
    assert len(controller._engine.orders) == 2


def test_after_an_error_the_next_try_works_and_nothing_is_lost(controller, kept):
    controller.pick(kept)
    controller.train(VALUES)
    controller._engine.tell(ErrorLog(ENDED))
    assert (controller.state, controller.phase, controller.network.identity) == ("idle", "parameters", kept)
    assert controller.log[-1]["error"] == ENDED
    controller.predict(controller.starts()[1], 1)
    controller._engine.tell(ErrorLog("no"))
    assert (controller.state, controller.phase) == ("idle", "predicting")
    controller.train(VALUES)
    assert controller.state == "training"


def test_a_kept_network_that_vanished_is_told_and_not_fatal(controller):
    controller.train(VALUES)
    heard = []
    controller.listen(heard.append)
    controller._engine.tell(VisualizingUpdate("BTC-USD_CNN_20200101-000000-abcd"))
    assert controller.state == "idle" and "there is no kept network" in heard[-1].error


def test_kept_networks_come_back_whole_and_newest_first(tmp_path):
    collection = Collection(tmp_path)
    first = keep(collection)
    again = collection.find(first)
    assert again.title.startswith("BTC-USD, CNN, trained 20") and (again.ticker, again.network) == ("BTC-USD", "CNN")
    assert len(again.prices) == 666 and again.dataset().ticker == "BTC-USD" and len(again.closes()) == 666
    second = keep(collection)
    assert set(collection.identities()) == {first, second} and collection.identities() == sorted(
        [first, second], key=lambda n: n.rpartition("_")[2], reverse=True
    )
    (tmp_path / second / "network.json").write_text("{", encoding="utf-8")
    assert [k.identity for k in collection.all()] == [first]
    with pytest.raises(CollectionError, match="cannot be read"):
        collection.find(second)
    for outside in ("../x", "", "BTC-USD_CNN_1"):
        with pytest.raises(CollectionError, match="no kept network"):
            collection.find(outside)


def test_a_disk_that_refuses_leaves_no_half_network(tmp_path):
    collection = Collection(tmp_path)
    first = keep(collection)

    class Full(Model):
        def save(self, path):
            raise OSError(28, "No space left on device")

    model, Model.save = Model.save, Full.save
    try:
        with pytest.raises(FileError, match="No space left"):
            keep(collection)
    finally:
        Model.save = model
    assert [p.name for p in tmp_path.iterdir()] == [first]
