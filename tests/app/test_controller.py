"""The widget without a screen: what is allowed when, and what remains after something went wrong."""

import json
import shutil
import threading
import time
from datetime import date
from pathlib import Path

import pytest
from lib.app.controller import IDLE, Controller, Refused

from lib.app import jobs, requests, unattended
from lib.app.collection import CollectionError
from lib.app.events import ErrorLog, Stage, TrainingUpdate
from lib.experiments.pool import PoolError

VALUES = requests.defaults("sample", "BTC-USD", date(2020, 1, 1), date(2021, 10, 27))
WAIT_S = 20


@pytest.fixture
def controller(tmp_path, fake_pool):
    made = Controller(tmp_path / "saved")
    made.heard = []
    made.listen(made.heard.append)
    return made


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def begun(controller, pool, **changes):
    """A training that waits for its release; returns its handle."""
    pool.hold = True
    count = len(pool.handles)
    controller.train({**VALUES, **changes})
    until(lambda: len(pool.handles) > count)
    return pool.handles[-1]


def kinds(controller):
    return [e.kind for e in controller.heard if e]


def test_it_begins_with_the_form_alone(controller):
    assert (controller.state, controller.phase, controller.open_phases()) == ("idle", "parameters", ("parameters",))
    with pytest.raises(Refused, match="nothing under results yet"):
        controller.go("results")
    with pytest.raises(Refused, match="no network yet"):
        controller.predict(date(2021, 10, 28), 15)
    with pytest.raises(Refused, match="Nothing is running"):
        controller.cancel()


def test_a_wrong_form_starts_nothing(controller, fake_pool):
    with pytest.raises(requests.RequestError):
        controller.train({**VALUES, "epochs": 0})
    assert controller.state == "idle" and fake_pool.trainings == []


def test_a_training_from_click_to_forecast(controller, fake_pool):
    handle = begun(controller, fake_pool)
    assert (controller.state, controller.phase) == ("training", "training")
    assert [u.epoch for u in controller.updates] == [1, 2, 3] and controller.subject == ("BTC-USD", "CNN")
    for refused in (lambda: controller.train(VALUES), lambda: controller.pick("any")):
        with pytest.raises(Refused, match="A training is running. Wait for it, or cancel it first"):
            refused()
    fake_pool.hold = False
    handle.ended.set()
    until(lambda: "visualizing_update" in kinds(controller))
    assert (controller.state, controller.phase) == ("idle", "evaluating")
    assert "predicting" in controller.open_phases() and "results" not in controller.open_phases()
    first, last = controller.starts()
    assert last == date(2021, 10, 28)
    with pytest.raises(requests.RequestError) as caught:
        controller.predict(date(2020, 2, 1), 31)
    assert set(caught.value.fields) == {"start", "days"} and controller.state == "idle"
    made = unattended.predict(controller, last, 15)
    assert made.origin == "2021-10-27" and len(made.days["path_usd"]) == 15 and made.days["date"][0] == "2021-10-28"
    assert (controller.state, controller.phase, controller.open_phases()[-1]) == ("idle", "results", "results")
    expected = ["stage", "stage"] + ["training_update"] * 3
    expected += ["stage", "validation_update", "visualizing_update", "stage", "forecast_update"]
    assert kinds(controller) == expected
    log = (controller.collection.root / "events.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["kind"] for line in log.splitlines()] == expected


def test_a_cancelled_training_stops_and_nothing_of_it_is_heard(controller, fake_pool):
    network = unattended.train(controller, VALUES)
    handle = begun(controller, fake_pool, epochs=7)
    controller.cancel()
    assert (controller.state, controller.phase) == ("idle", "parameters")
    until(lambda: handle.cancelled)
    heard = kinds(controller)
    next_one = begun(controller, fake_pool, epochs=8)  # at once, while the first is still ending
    assert controller.network is network and len(controller.collection.entries()) == 1
    next_one.ended.set()
    until(lambda: controller.state == IDLE)
    assert "error_log" not in kinds(controller) and len(heard) < len(kinds(controller))
    assert len(controller.collection.entries()) == 2


def test_cancel_returns_at_once_even_if_the_pool_does_not_answer(controller, fake_pool):
    handle = begun(controller, fake_pool)
    asked, answered = threading.Event(), threading.Event()

    def never():
        asked.set()
        answered.wait(WAIT_S)

    handle.cancel = never
    before = time.monotonic()
    controller.cancel()
    assert time.monotonic() - before < 1 and asked.wait(WAIT_S)
    answered.set()
    handle.ended.set()


def test_a_forecast_can_be_cancelled(controller, fake_pool):
    unattended.train(controller, VALUES)
    fake_pool.hold = True
    controller.predict(controller.starts()[1], 5)
    until(lambda: len(fake_pool.handles) == 2)
    controller.cancel()
    until(lambda: fake_pool.handles[1].cancelled)
    assert (controller.state, controller.phase, controller.forecast) == ("idle", "predicting", None)


def test_after_an_error_the_next_try_works_and_nothing_is_lost(controller, fake_pool):
    network = unattended.train(controller, VALUES)
    fake_pool.error = PoolError("a worker process died 5 times")
    with pytest.raises(unattended.WidgetError, match="died 5 times"):
        unattended.train(controller, {**VALUES, "epochs": 2})
    assert (controller.state, controller.phase, controller.network) == ("idle", "parameters", network)
    with pytest.raises(unattended.WidgetError, match="died 5 times"):
        unattended.predict(controller)
    assert (controller.state, controller.phase) == ("idle", "predicting")
    fake_pool.error = None
    assert unattended.train(controller, {**VALUES, "epochs": 2}).result.epochs == 3


def test_an_error_of_the_system_inside_a_training_is_no_problem_of_files(controller, fake_pool):
    fake_pool.error = OSError(110, "Connection timed out")
    with pytest.raises(unattended.WidgetError) as caught:
        unattended.train(controller, VALUES)
    assert "unexpected error" in str(caught.value) and "disk" not in str(caught.value).lower()
    error = next(e for e in controller.heard if isinstance(e, ErrorLog))
    assert "Traceback" in error.details and "Traceback" not in error.error


def test_a_diverged_training_says_what_to_do_and_saves_nothing(controller, fake_pool):
    fake_pool.epochs, fake_pool.changes = [(1, 3, 0.3, 0.6), (2, 3, float("nan"), float("inf"))], {"diverged": True}
    with pytest.raises(unattended.WidgetError, match=r"diverged.*Choose a smaller learning rate than 0.003"):
        unattended.train(controller, VALUES)
    assert [u.epoch for u in controller.updates] == [1] and controller.collection.entries() == []


def test_a_queued_training_says_so(controller, fake_pool, monkeypatch):
    monkeypatch.setattr(jobs, "QUEUED_AFTER_S", 0.05)
    fake_pool.epochs, fake_pool.queued = [], True
    begun(controller, fake_pool)
    until(lambda: any(isinstance(e, Stage) and "Every worker is busy" in e.doing for e in controller.heard))
    controller.cancel()


def test_a_visitor_that_comes_while_a_training_runs_gets_it(controller, fake_pool, tmp_path):
    """Red before: the change was dropped."""
    handle = begun(controller, fake_pool)
    controller.settle(tmp_path / "visitor")
    assert controller.collection.root == tmp_path / "saved" and controller.state == "training"
    handle.ended.set()
    until(lambda: controller.state == IDLE and controller.network is not None)
    assert controller.collection.root == tmp_path / "visitor"
    assert [e.identity for e in controller.collection.entries()] == [controller.network.identity]
    assert [u.epoch for u in controller.updates] == [1, 2, 3] and controller.phase == "evaluating"


def test_a_visitor_that_comes_while_a_training_runs_is_there_after_it_was_cancelled(controller, fake_pool, tmp_path):
    unattended.train(controller, VALUES)
    begun(controller, fake_pool)
    controller.settle(tmp_path / "visitor")
    controller.cancel()
    assert (controller.collection.root, controller.network, controller.phase) == (
        tmp_path / "visitor",
        None,
        "parameters",
    )


def test_a_saved_network_is_used_without_training(controller, fake_pool):
    identity = unattended.train(controller, VALUES).identity
    unattended.train(controller, {**VALUES, "epochs": 2})
    controller.pick(identity)
    assert (controller.state, controller.phase) == ("idle", "evaluating") and len(fake_pool.trainings) == 2
    assert controller.network.identity == identity and len(controller.network.scores) == 6
    with pytest.raises(CollectionError, match="no saved network"):
        controller.pick("BTC-USD_CNN_20200101-000000-abcd")


def test_the_last_word_of_a_training_is_not_taken_for_the_end_of_the_forecast_after_it(
    controller, fake_pool, monkeypatch
):
    """Red before: whoever asked while the training's last event was on its way got no forecast."""
    write, predict = controller._write, controller.predict

    def slowly(event):
        write(event)
        if event.kind == "visualizing_update":
            until(lambda: len(controller._listeners) > 1)  # a program asks, and listens from now on

    def late(*asked):
        until(lambda: "visualizing_update" in kinds(controller))
        predict(*asked)

    monkeypatch.setattr(controller, "_write", slowly)
    monkeypatch.setattr(controller, "predict", late)
    controller.train(VALUES)
    until(lambda: controller.network is not None)
    assert unattended.predict(controller, days=3).identity == controller.network.identity


def test_a_saved_network_whose_weights_are_gone_is_trained_again(controller, fake_pool):
    identity = unattended.train(controller, VALUES).identity
    fake_pool.cached.clear()
    fake_pool.changes = {}
    controller.pick(identity)
    until(lambda: controller.state == IDLE)
    assert controller.network.identity == identity and len(controller.collection.entries()) == 1
    assert fake_pool.trainings[0].key == fake_pool.trainings[1].key
    assert any(isinstance(e, Stage) and "trained again" in e.doing for e in controller.heard)
    assert unattended.predict(controller, days=3).identity == identity


def test_a_folder_that_cannot_be_written_is_one_sentence_without_the_folder(controller, tmp_path):
    (tmp_path / "saved").write_text("in the way", encoding="utf-8")
    with pytest.raises(unattended.WidgetError, match="cannot write saved") as caught:
        unattended.train(controller, VALUES)
    assert str(tmp_path) not in str(caught.value) and controller.state == "idle"
    assert all(isinstance(u, TrainingUpdate) for u in controller.updates)


def test_a_move_that_is_not_believed_is_told_to_a_page_and_a_run_may_accept_it(tmp_path, fake_pool, monkeypatch):
    for where in ("lib.app.requests.today", "lib.settings.consistency.today"):
        monkeypatch.setattr(where, lambda: date(2026, 11, 27))
    (case,) = (Path(__file__).parents[1] / "cases").glob("f31*.csv")
    shutil.copy(case, tmp_path / "AAA-USD.csv")
    dates = {"start_date": date(2025, 10, 23), "end_date": date(2026, 11, 25)}
    values = {**VALUES, "source": "folder", "ticker": "aaa-usd", "lookback": 20, **dates}
    strict, lenient = (Controller(tmp_path / "saved", str(tmp_path), 1, factor) for factor in (3, 10))
    heard = []
    strict.listen(heard.append)
    strict.train(values)
    until(lambda: strict.state == IDLE and any(isinstance(event, ErrorLog) for event in heard))
    (error,) = (event.error for event in heard if isinstance(event, ErrorLog))
    assert "up by a factor of 9.619" in error and "Correct these values" in error
    assert "-p " not in error and str(tmp_path) not in error
    fake_pool.hold = True
    lenient.train(values)
    until(lambda: fake_pool.handles)
    lenient.close()
