"""The one training path: keys, cache, sharing, cancelling, and what happens when things break."""

import errno
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from lib import settings
from lib.data import windows
from lib.experiments import pool, seeds, train
from lib.networks import compiled
from lib.networks import training as fitting
from lib.results import files, training_cache

pytestmark = pytest.mark.usefixtures("pool", "own_cache")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache for each test."""
    monkeypatch.setenv(training_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def one(tiny, random_walk):
    """From changed parameters to a training of a second."""

    def make(network="CNN", number=1, **changes):
        P = tiny(**changes)
        return seeds.training(windows.build(random_walk(), P)["BTC-USD"], network, P, number)

    return make


@pytest.fixture
def slow_fit(monkeypatch):
    """A training that goes on until it is stopped, and what happened to it; in-process workers see the patch."""
    seen = {"started": threading.Event(), "epochs": 0, "let_go": threading.Event(), "seeds": []}

    def fit(network, hyperparameters, data, chosen, seed, on_epoch):
        seen["seeds"].append(seed)
        seen["started"].set()
        for epoch in range(1, 2000):
            seen["epochs"] = epoch
            on_epoch(epoch, 2000, 1.0, 1.0)
            if seen["let_go"].is_set():
                break
            time.sleep(0.02)
        return real(network, hyperparameters, data, chosen, seed, None)

    real = fitting.fit
    monkeypatch.setattr(fitting, "fit", fit)
    return seen


def test_the_result_is_that_of_a_plain_fit_to_the_last_bit(one):
    training = one()
    result = train.train(training).result()
    fit = fitting.fit(training.network, training.hyperparameters, training.data, training.settings, training.seed)
    assert result.val_loss.tolist() == fit.history["val_loss"] and result.best_epoch == fit.best_epoch
    for which, weights in (("best", fit.best_weights), ("last", fit.last_weights)):
        fit.model.set_weights(weights)
        for part in training.data.parts:
            plain = compiled.in_batches(fit.model, part.X).astype("float64")
            assert np.array_equal(result.predicted(part.name, which), plain)


def test_a_second_call_finds_it_with_every_bit(one):
    first = train.train(one()).result()
    epochs = []
    second = train.train(one(), on_epoch=lambda *news: epochs.append(news)).result()
    assert not first.cached and second.cached
    assert all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)
    assert (second.seconds, second.processor, second.parameters) == (first.seconds, first.processor, first.parameters)
    assert [news[2] for news in epochs] == first.loss.tolist(), "a cached training reports its epochs too"


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"threads": 2},
        {"lookback": 9},
        {"patience": 1},
        {"max_epochs": 2},
        {"clip_norm": 1.0},
        {"hidden_dense_units": 50},
        {"output_activation": "linear"},
        {"scaling": "train"},
        {"split": [0.6, 0.2, 0.2]},
        {"target": "log_return"},
        {"inputs": "ohlcv_indicators"},
    ],
)
def test_whatever_changes_the_result_changes_the_key(one, changes):
    assert one(**changes).key != one().key


def test_what_cannot_change_the_result_leaves_the_key(one, random_walk):
    same = {
        "output_dir": "outputs/other",
        "workers": 5,
        "scheduler": "tcp://cluster:8786",
        "trials": 9,
        "trials_at_once": 4,
        "restore_best_weights": False,
        "gap_fill": "previous",
    }
    assert one(**same).key == one().key, "there is no gap to fill here"
    training = one()
    assert replace(training, name="another name").key == training.key
    assert replace(training, hyperparameters={**training.hyperparameters, "lstm_units1": 3}).key == training.key


def test_another_method_and_another_price_have_other_keys(one, monkeypatch, tiny, random_walk):
    before = one().key
    prices = random_walk()
    prices["BTC-USD"].iloc[100, 3] *= 1 + 1e-6
    P = tiny()
    assert seeds.training(windows.build(prices, P)["BTC-USD"], "CNN", P).key != before
    monkeypatch.setattr(fitting, "METHOD", "another")
    assert one().key != before


def test_weights_are_there_if_they_were_asked_for_and_trained_again_if_not(one):
    without = train.train(one()).result()
    assert without.weights() is None
    with_them = train.train(one(), weights=True).result()
    assert not with_them.cached, "the cached result had none"
    again = train.train(one(), weights=True).result()
    assert again.cached and np.array_equal(again.predicted("test"), without.predicted("test"))
    training = one()
    model = train.model_of(training, again)
    assert np.allclose(model.predict(training.data.test.X, verbose=0).ravel(), again.predicted("test"), atol=1e-6)


def test_two_callers_of_one_key_share_one_training_and_one_may_leave(one, slow_fit):
    first, second = train.train(one()), train.train(one())
    assert slow_fit["started"].wait(20)
    first.cancel()
    with pytest.raises(train.Cancelled):
        first.result()
    time.sleep(0.7)
    seen = slow_fit["epochs"]
    time.sleep(0.3)
    assert slow_fit["epochs"] > seen, "the other caller still waits, so it goes on"
    slow_fit["let_go"].set()
    assert second.result().epochs >= 1 and len(slow_fit["seeds"]) == 1


def test_a_cancelled_training_stops_soon_and_can_be_asked_for_again(one, slow_fit):
    handle = train.train(one())
    assert slow_fit["started"].wait(20)
    waiting = []
    waiter = threading.Thread(target=lambda: waiting.append(pytest.raises(train.Cancelled, handle.result)))
    waiter.start()
    began = time.monotonic()
    handle.cancel()
    waiter.join(5)
    assert waiting and time.monotonic() - began < 2, "whoever waits is answered"
    seen = None
    while seen != slow_fit["epochs"]:
        assert time.monotonic() - began < 5, "the training itself stops"
        seen = slow_fit["epochs"]
        time.sleep(0.2)
    slow_fit["let_go"].set()
    assert train.train(one()).result().epochs >= 1


@pytest.fixture
def cut(pool):
    """Break this process's connection to the scheduler, as a busy machine can, and wait for Dask's next one."""

    def cut():
        client = pool.client(settings.sample())
        broken = client.scheduler_comm
        client.loop.add_callback(broken.comm.abort)
        until = time.monotonic() + 10
        while client.scheduler_comm in (None, broken) or client.status != "running":
            assert time.monotonic() < until
            time.sleep(0.02)

    return cut


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_connection_that_breaks_loses_no_training_and_nobody_waits_for_ever(one, slow_fit, cut):
    asked = one(number=2)
    first, second = train.train(asked), train.train(asked)
    over = threading.Event()
    first.when_done(over.set)
    assert slow_fit["started"].wait(20)
    cut()
    assert not over.wait(0.5), "a lost connection is no end"
    slow_fit["let_go"].set()
    assert first.result().epochs == second.result().epochs >= 1 and over.wait(10)


@pytest.mark.timeout(30)
def test_a_result_that_is_fetched_slowly_arrives(one, pool):
    """Dask fetches a few results at a time; those behind them are waited for, however long it takes."""
    client, handle = pool.client(settings.sample()), train.train(one(number=3))
    while not handle.done():
        time.sleep(0.02)
    places = client._gather_semaphore._value
    for _ in range(places):
        client.sync(client._gather_semaphore.acquire)
    free = [lambda: client.loop.add_callback(client._gather_semaphore.release) for _ in range(places)]
    threading.Timer(1.5, lambda: [one() for one in free]).start()
    assert handle.result().epochs >= 1


@pytest.mark.timeout(60)
def test_one_training_goes_before_lists_and_a_short_list_before_long_ones(one, slow_fit):
    """Red before: a notebook's three trainings waited 40 minutes for the search, the service's one for 36 others."""
    # Numbers of its own: a training of another test that is just being given up would not start again.
    numbers = {"long": range(22, 26), "alone": [26], "short": [27, 28], "long too": range(29, 33)}
    asked = {name: [one(number=number) for number in some] for name, some in numbers.items()}
    train.train(one(number=21))
    assert slow_fit["started"].wait(20)
    asking, running = [], 1
    for trainings in asked.values():
        asking.append(threading.Thread(target=train.train_all, args=(trainings,)))
        asking[-1].start()
        running += len(trainings)
        until = time.monotonic() + 20
        while len(train._running) < running and time.monotonic() < until:
            time.sleep(0.01)
    slow_fit["let_go"].set()
    for thread in asking:
        thread.join()
    places = {name: [slow_fit["seeds"].index(t.seed) for t in trainings] for name, trainings in asked.items()}
    assert places["alone"] == [1] and sorted(places["short"]) == [2, 3]


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_other_work_survives_it_too(tiny, cut):
    task = pool.Task(tiny(), "waiting", time.sleep, 1.5)
    cut()
    assert task.result() is None


def test_epochs_are_reported_while_it_trains(one):
    epochs = []
    result = train.train(one(max_epochs=3), on_epoch=lambda *news: epochs.append(news)).result()
    until = time.monotonic() + 5
    while len(epochs) < result.epochs and time.monotonic() < until:
        time.sleep(0.05)
    assert [e[0] for e in epochs] == list(range(1, result.epochs + 1))
    assert [e[3] for e in epochs] == result.val_loss.tolist()


def test_a_diverged_training_is_a_result_that_scores_infinitely_bad(one):
    training = one()
    wild = replace(training, hyperparameters={**training.hyperparameters, "learning_rate": 1e30})
    result = train.train(wild).result()
    assert (
        result.diverged
        and np.isnan(result.predicted("validation")).all()
        and np.isnan(result.predicted("test", "last")).all()
    )
    assert train.train(wild).result().cached, "it is not trained again and again"


def test_an_unforeseen_error_is_one_sentence_and_leaves_no_result(one, monkeypatch):
    monkeypatch.setattr(fitting, "fit", lambda *_: 1 / 0)
    with pytest.raises(
        pool.TaskError, match=r"training BTC-USD CNN.* failed: ZeroDivisionError: .* \(\w+\.py, line \d+, \S+\)"
    ):
        train.train(one(seed=99)).result()
    assert training_cache.size()[0] == 0


def test_a_full_disk_is_named_and_loses_nothing_that_was_cached(one, monkeypatch, tmp_path):
    train.train(one()).result()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(settings.SettingsError.__mro__[1], match="No space left on device"):
        train.train(one(seed=3)).result()
    assert training_cache.size()[0] == 1


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC])
def test_a_cache_that_cannot_be_written_is_refused_before_a_training(one, monkeypatch, code):
    """Red before: a training was lost first, and the sentence named output_dir."""

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(pool, "client", lambda _: pytest.fail("it was trained"))
    with pytest.raises(files.FileError) as caught:
        train.train(one(seed=3))
    assert f"cannot write {training_cache.folder()}: {os.strerror(code)}. Free space or name another" in str(
        caught.value
    )
    assert "TRAINING_CACHE" in str(caught.value) and "output_dir" not in str(caught.value)


def test_a_training_is_found_in_a_cache_that_cannot_be_written(one, monkeypatch):
    train.train(one()).result()
    monkeypatch.setattr(training_cache, "check_writable", lambda: pytest.fail("nothing is to be written"))
    assert train.train(one()).result().cached


def test_several_trainings_keep_their_order_and_equal_ones_are_trained_once(one, capsys):
    wanted = [one(), one("CNN", 2), one()]
    results = train.train_all(wanted)
    assert results[0] is results[2] and training_cache.size()[0] == 2
    train.train_all(wanted)
    assert "2 of 2 trainings are cached" in capsys.readouterr().out


def test_a_hit_from_another_processor_is_used_and_reported(one, capsys):
    training = one()
    result = train.train(training).result()
    about, arrays = training_cache.read(training.key)
    training_cache.write(training.key, {**about, "processor": "Elder CPU"}, arrays)
    again = train.train_all([training])[0]
    assert again.processor == "Elder CPU" and np.array_equal(again.loss, result.loss)
    assert "1 of them were trained on Elder CPU" in capsys.readouterr().out


def test_a_thread_that_draws_random_numbers_changes_nothing(one):
    """Layers drew their seeds from Python's global generator once, which Dask's own threads use too."""
    quiet = train.train(one()).result()
    training_cache.clear()
    stop = threading.Event()

    def noise():
        while not stop.is_set():
            random.random()
            np.random.random()

    thread = threading.Thread(target=noise)
    thread.start()
    loud = train.train(one()).result()
    stop.set()
    thread.join()
    assert np.array_equal(quiet.predicted("test"), loud.predicted("test"))


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named():
    code = "from lib import settings; from lib.experiments import pool; pool.CONNECT_SECONDS = 2; "
    code += "pool.client(settings.load('params/sample.yaml'))"
    environment = {
        **os.environ,
        "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:9",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.PROJECT_ROOT, env=environment, capture_output=True, text=True
    )
    assert "DASK_SCHEDULER_ADDRESS is tcp://127.0.0.1:9, but no Dask scheduler answers there" in done.stderr
