"""Training repeats to the last bit, stops when it should, and learns what can be learned."""

import gc
import pickle
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from lib import errors, networks
from lib.data import windows
from lib.evaluation import metrics
from lib.networks import compiled, fast_layers, runtime, training

pytestmark = pytest.mark.usefixtures("tensorflow_on_one_thread")

SMALL = {
    "filters1": 8,
    "filters2": 8,
    "kernel_size1": 3,
    "kernel_size2": 3,
    "pool_size": 1,
    "lstm_units1": 8,
    "lstm_units2": 4,
    "filters": 8,
    "kernel_size": 3,
    "dropout_rate": 0.2,
    "learning_rate": 0.005,
    "batch_size": 32,
    "epochs": 100,
}


ALL_VARIANTS = {"batch_normalization": True, "hidden_dense_units": 50, "clip_norm": 0.5}


@pytest.fixture
def data(random_walk, tiny):
    return windows.build(random_walk(), tiny())["BTC-USD"]


def bits(fit):
    return [w.tobytes() for w in fit.model.get_weights()]


CNN_AND_SLOWLY_THE_OTHERS = [
    "CNN",
    *(pytest.param(n, marks=pytest.mark.slow) for n in networks.ARCHITECTURES if n != "CNN"),
]


@pytest.mark.parametrize("network", ["CNN", "LSTM-CNN"])
def test_same_seed_gives_the_same_bits_and_another_does_not(network, data, tiny):
    first, again = (training.fit(network, SMALL, data, tiny(), seed=1) for _ in range(2))
    other = training.fit(network, SMALL, data, tiny(), seed=2)
    assert bits(first) == bits(again) and first.history == again.history
    assert bits(first) != bits(other)


@pytest.mark.parametrize("network", CNN_AND_SLOWLY_THE_OTHERS)
def test_a_thread_that_draws_random_numbers_changes_nothing(network, data, tiny):
    """Dask's own threads draw from Python's global generator, as layers without seeds would."""
    import tensorflow as tf

    tf.random.set_seed(1)  # without a seed TensorFlow refuses to draw, as its operations are to be deterministic
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            random.random(), np.random.random(), tf.random.uniform([])

    alone = training.fit(network, SMALL, data, tiny(), seed=1)
    thread = threading.Thread(target=draw)
    thread.start()
    beside = training.fit(network, SMALL, data, tiny(), seed=1)
    stop.set()
    thread.join()
    assert bits(alone) == bits(beside) and alone.history == beside.history


@pytest.mark.parametrize(
    "network", ["CNN", *(pytest.param(n, marks=pytest.mark.slow) for n in networks.ARCHITECTURES if n != "CNN")]
)
def test_training_and_forecasting_leave_every_global_generator_alone(network, data, tiny):
    import tensorflow as tf

    def states():
        return random.getstate(), [np.asarray(x).tolist() for x in np.random.get_state()[1:]]

    def drawn_after(work):
        random.seed(2)
        np.random.seed(2)
        tf.random.set_seed(2)
        work()
        return states(), tf.random.uniform([4]).numpy().tolist()

    def work():
        fit = training.fit(network, SMALL, data, tiny(), seed=1)
        compiled.in_batches(fast_layers.portable(fit.model), data.test.X)

    assert drawn_after(work) == drawn_after(lambda: None)


@pytest.mark.slow
def test_a_process_in_which_nothing_was_seeded_trains_the_same(data, tiny, tmp_path):
    """TensorFlow refuses to draw without a seed here, so a training that needed its global one would fail."""
    chosen = tiny()
    (tmp_path / "in").write_bytes(pickle.dumps((SMALL, data, chosen)))
    code = (
        "import pickle, sys; from lib.networks import compiled, fast_layers, runtime, training; runtime.start(1);"
        "h, data, chosen = pickle.load(open(sys.argv[1], 'rb'));"
        "print(training.fit('LSTM-CNN', h, data, chosen, 1).history)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "in"], capture_output=True, text=True)
    assert done.stdout.strip() == str(training.fit("LSTM-CNN", SMALL, data, chosen, 1).history), done.stderr


def result(fit):
    weights = [w.tobytes() for w in (*fit.best_weights, *fit.last_weights)]
    return fit.history, fit.best_epoch, weights, fit.diverged


@pytest.mark.slow
@pytest.mark.parametrize(
    "network, variants",
    [
        *((n, {}) for n in ("CNN", "LSTM-CNN")),
        *(pytest.param(n, {}, marks=pytest.mark.ci) for n in ("LSTM", "CNN-LSTM")),
        pytest.param("LSTM-CNN", ALL_VARIANTS, marks=pytest.mark.ci),
    ],
)
def test_a_kept_network_trains_as_a_new_one_to_the_last_bit(network, variants, random_walk, tiny):
    """The next seed, other prices, another learning rate, other numbers of windows, and the first one again."""
    chosen, longer = tiny(**variants), tiny(**variants, split=[0.8, 0.1, 0.1])
    one, other = (windows.build(random_walk(seed=seed), chosen)["BTC-USD"] for seed in (7, 8))
    wanted = [
        (SMALL, one, chosen, 1),
        ({**SMALL, "learning_rate": 0.02, "epochs": 2}, other, chosen, 2),
        (SMALL, windows.build(random_walk(), longer)["BTC-USD"], longer, 3),
        (SMALL, one, chosen, 1),
    ]
    fresh = []
    for training_of in wanted:
        compiled._idle.clear()
        fresh.append(result(training.fit(network, *training_of)))
    compiled._idle.clear()
    kept = [result(training.fit(network, *training_of)) for training_of in wanted]
    assert len(compiled._idle) == 1
    assert kept == fresh and kept[0] == kept[3]


def test_a_training_that_is_stopped_or_diverges_leaves_a_network_that_trains_as_a_new_one(data, tiny):
    def stop(epoch, *_):
        if epoch == 2:
            raise InterruptedError

    compiled._idle.clear()
    fresh = result(training.fit("LSTM-CNN", SMALL, data, tiny(), 1))
    with pytest.raises(InterruptedError):
        training.fit("LSTM-CNN", {**SMALL, "learning_rate": 0.3}, data, tiny(), 2, stop)
    assert training.fit("LSTM-CNN", {**SMALL, "learning_rate": 1e20}, data, tiny(), 3).diverged
    assert len(compiled._idle) == 1 and not compiled._in_use
    assert result(training.fit("LSTM-CNN", SMALL, data, tiny(), 1)) == fresh


@pytest.mark.slow
def test_trainings_in_threads_do_not_mix(data, tiny):
    wanted = [("CNN", 1), ("CNN", 2), ("LSTM", 3), ("CNN", 4), ("LSTM", 5), ("CNN", 1)]

    def train(network, seed):
        return result(training.fit(network, SMALL, data, tiny(), seed))

    alone = [train(*one) for one in wanted]
    compiled._idle.clear()
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(train, *zip(*wanted, strict=True))) == alone


@pytest.mark.slow
def test_few_networks_are_kept_and_the_graphs_of_others_are_gone(data, tiny):
    import tensorflow as tf

    def operations_after(sizes):
        for filters in sizes:
            training.fit("CNN", {**SMALL, "filters1": filters, "epochs": 1}, data, tiny(), 1)
        return sum(isinstance(o, tf.Operation) for o in gc.get_objects())

    compiled._idle.clear()
    before = operations_after(range(1, compiled.KEPT + 2))
    assert operations_after(range(20, 24)) == before > 0
    assert [dict(shape.sizes)["filters1"] for shape in compiled._idle] == [20, 21, 22, 23]


def test_a_diverged_training_is_a_result(data, tiny):
    """Without clipping the first epoch is lost; with it an epoch or more goes well, and the best one stays."""
    lost = training.fit("CNN", {**SMALL, "learning_rate": 1e6}, data, tiny(max_epochs=12, patience=12), 1)
    assert lost.diverged and lost.epochs == 1 and np.isnan(lost.val_loss).all()
    assert np.isnan(lost.predict(data.test.X)).all()
    told = []
    wild, chosen = {**SMALL, "learning_rate": 5e4}, tiny(max_epochs=12, patience=12, clip_norm=1.0)
    late = training.fit("CNN", wild, data, chosen, 1, lambda *event: told.append(event))
    assert late.diverged and 1 < late.epochs < 12 and len(told) == late.epochs
    assert np.isfinite(late.loss[:-1]).all() and np.isinf(late.loss[-1])
    assert late.best_epoch < late.epochs and all(np.isfinite(w).all() for w in late.best_weights)
    assert not training.fit("CNN", SMALL, data, tiny(), 1).diverged


@pytest.mark.parametrize("network", CNN_AND_SLOWLY_THE_OTHERS)
def test_a_fit_travels_and_forecasts_as_its_models_do(network, data, tiny):
    fit = training.fit(network, {**SMALL, "learning_rate": 0.05}, data, tiny(restore_best_weights=False), 4)
    fit.model  # noqa: B018  a model that was looked at is left behind
    sent = pickle.loads(pickle.dumps(fit))
    assert result(sent) == result(fit) and sent.parameters == fit.model.count_params()
    for weights in ("best", "last"):
        made = sent.predict(data.test.X, weights)
        np.testing.assert_array_equal(made, fit.predict(data.test.X, weights))
        np.testing.assert_allclose(compiled.in_batches(sent.portable(weights), data.test.X), made, rtol=1e-4, atol=1e-6)
        assert "lib." not in str(sent.portable(weights).get_config())
    assert sent.portable().get_config() == fit.portable().get_config()  # names too, whatever was built before
    np.testing.assert_array_equal(compiled.in_batches(sent.model, data.test.X), fit.predict(data.test.X, "last"))


def test_max_epochs_caps_what_the_hyperparameters_ask_for(data, tiny):
    told = []
    fit = training.fit("CNN", SMALL, data, tiny(max_epochs=2), 1, lambda *event: told.append(event))
    assert fit.epochs == 2 and [e[:2] for e in told] == [(1, 2), (2, 2)]
    assert [e[3] for e in told] == fit.history["val_loss"]


def test_early_stopping_restores_the_best_epoch_or_keeps_the_last(data, tiny):
    """With a learning rate far too high the validation loss soon gets worse and training stops."""
    wild = {**SMALL, "learning_rate": 0.3}
    best = training.fit("CNN", wild, data, tiny(max_epochs=40, patience=3), 4)
    last = training.fit("CNN", wild, data, tiny(max_epochs=40, patience=3, restore_best_weights=False), 4)
    assert best.epochs < 40 and best.epochs == best.best_epoch + 3
    for fit, epoch in ((best, best.best_epoch), (last, last.epochs)):
        part = data.validation
        mse = metrics.scores(part.y, compiled.in_batches(fit.model, part.X))["MSE"]
        assert mse == pytest.approx(fit.history["val_loss"][epoch - 1], rel=1e-4)


def test_clipping_and_learning_rate_schedule_are_really_on(data, tiny):
    clipped = training.fit("CNN", SMALL, data, tiny(clip_norm=0.5), 1)
    assert clipped.shape.clip_norm == 0.5 and bits(clipped) != bits(training.fit("CNN", SMALL, data, tiny(), 1))
    reduced = training.fit(
        "CNN", {**SMALL, "learning_rate": 0.3}, data, tiny(max_epochs=30, patience=20, reduce_lr=True), 4
    )
    assert min(reduced.history["learning_rate"]) < 0.3


def test_a_planted_signal_is_learned(tiny):
    """Closes that swing with a period of 8 days are forecast far better than by the day before."""
    days = pd.date_range("2024-01-01", periods=240, freq="D", name="date")
    close = 100 + 10 * np.sin(2 * np.pi * np.arange(240) / 8)
    prices = {"BTC-USD": pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), close), index=days)}
    data = windows.build(prices, tiny())["BTC-USD"]
    fit = training.fit("CNN", {**SMALL, "dropout_rate": 0.0}, data, tiny(max_epochs=40, patience=40), 1)
    predicted = data.to_usd(compiled.in_batches(fit.model, data.test.X))
    mse = metrics.scores(data.test.actual_usd, predicted)["MSE"]
    assert mse < 0.05 * metrics.scores(data.test.actual_usd, data.test.last_close_usd)["MSE"]


def test_without_patience_every_epoch_is_run_and_a_stopped_training_is_its_beginning(data, tiny):
    wild = {**SMALL, "learning_rate": 0.3, "epochs": 30}
    stopped = training.fit("CNN", wild, data, tiny(max_epochs=30, patience=2), 4)
    whole = training.fit("CNN", wild, data, tiny(max_epochs=30, patience=None), 4)
    assert stopped.epochs < whole.epochs == 30
    assert whole.val_loss[: stopped.epochs] == stopped.val_loss


def test_threads_cannot_change_under_a_running_tensorflow():
    with pytest.raises(errors.ProjectError, match="Restart the kernel"):
        runtime.start(2)


@pytest.mark.slow
def test_prices_can_still_be_downloaded_once_tensorflow_runs():
    """In a process of its own, as which of the two libraries came first decides."""
    code = (
        "from lib.networks import runtime; runtime.start(1); from curl_cffi import requests\n"
        "try:\n    requests.Session(impersonate='chrome').get('http://127.0.0.1:9/', timeout=2)\n"
        "except requests.exceptions.ConnectionError:\n    print('asked')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "asked", done.stderr


@pytest.mark.slow
def test_tensorflow_starts_in_any_thread_without_mallopt_and_without_curl():
    """As in a worker of a cluster; on Windows there is no C library to be asked, and a worker downloads no prices."""
    code = (
        "import sys, types; from concurrent.futures import ThreadPoolExecutor; from lib.networks import runtime\n"
        "def windows(name): raise TypeError('argument of type NoneType')\n"
        "runtime.ctypes, sys.modules['curl_cffi'] = types.SimpleNamespace(CDLL=windows), None\n"
        "list(ThreadPoolExecutor(2).map(runtime.start, [1, 1])); print(runtime.keras().__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "keras", done.stderr
