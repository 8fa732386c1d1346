"""The fast layers and the compiled epoch against Keras's own layers and ``model.fit``."""

import subprocess
import sys

import numpy as np
import pytest

from lib import networks, thesis
from lib.data import windows
from lib.networks import compiled, fast_layers, runtime

pytestmark = pytest.mark.usefixtures("tensorflow_on_one_thread")
SIZES = {
    "filters1": 6,
    "filters2": 5,
    "kernel_size1": 3,
    "kernel_size2": 2,
    "pool_size": 2,
    "lstm_units1": 9,
    "lstm_units2": 5,
    "filters": 6,
    "kernel_size": 3,
    "dropout_rate": 0.0,
    "learning_rate": 0.01,
    "batch_size": 32,
    "epochs": 3,
}
THESIS_BEST = {**thesis.best_hyperparameters("LSTM"), "dropout_rate": 0.0}
WITH_LSTM = ("LSTM", "CNN-LSTM", "LSTM-CNN")


def pair(network, input_shape, h=SIZES, **variant):
    """The same network fused and with Keras's layers, from the same weights."""
    fused = networks.build(network, h, input_shape, networks.Variant(**variant), seed=3)
    plain = networks.build(network, h, input_shape, networks.Variant(fast=False, **variant))
    plain.set_weights(fused.get_weights())
    return fused, plain


@pytest.mark.parametrize(
    "network, sizes, shape", [*((n, SIZES, (7, 20, 3)) for n in WITH_LSTM), ("LSTM", THESIS_BEST, (32, 60, 3))]
)
def test_values_and_gradients_equal_keras(network, sizes, shape):
    """In small, and for the thesis's best LSTM on a batch of its size."""
    import tensorflow as tf

    fused, plain = pair(network, shape[1:], sizes)
    assert not any(isinstance(layer, fast_layers.lstm()) for layer in plain.layers)
    assert any(isinstance(layer, fast_layers.lstm()) for layer in fused.layers)
    rng = np.random.default_rng(1)
    X, y = tf.constant(rng.normal(size=shape), tf.float32), tf.constant(rng.normal(size=(shape[0], 1)), tf.float32)
    found = []
    for model in (fused, plain):
        with tf.GradientTape() as tape:
            tape.watch(X)
            out = model(X, training=True)
            loss = tf.reduce_mean(tf.square(out - y))
        found.append([out, *tape.gradient(loss, [X, *model.trainable_variables])])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "network, extra",
    [
        ("CNN", {}),
        pytest.param("CNN-LSTM", {}, marks=pytest.mark.slow),
        *(pytest.param(n, {}, marks=[pytest.mark.slow, pytest.mark.ci]) for n in ("LSTM", "LSTM-CNN")),
        pytest.param("LSTM", {"clip_norm": 0.05}, marks=pytest.mark.slow),
        pytest.param("LSTM-CNN", {"batch_normalization": True}, marks=pytest.mark.slow),
    ],
)
def test_ten_training_steps_equal_model_fit(network, extra, random_walk, tiny):
    """160 windows in 5 steps an epoch, two epochs, no shuffling and no dropout: the same weights and losses."""
    chosen = tiny(**extra)
    data = windows.build(random_walk(), chosen)["BTC-USD"]
    keras = runtime.keras()
    runs = []
    for is_compiled, model in zip(
        (True, False), pair(network, data.input_shape, batch_normalization=chosen.batch_normalization)
    ):
        model.compile(optimizer=keras.optimizers.Adam(0.01, clipnorm=chosen.clip_norm), loss="mean_squared_error")
        if is_compiled:
            epoch = compiled.compiled_epoch(model.layers, model.optimizer, 32)
            order, parts = np.arange(len(data.train.y)), compiled.tensors(data)
            losses = np.array([[float(x) for x in epoch(order, *parts)] for _ in range(2)])
        else:
            past = model.fit(
                data.train.X,
                data.train.y,
                validation_data=(data.validation.X, data.validation.y),
                batch_size=32,
                epochs=2,
                shuffle=False,
                verbose=0,
            )
            losses = np.array([past.history["loss"], past.history["val_loss"]]).T
        assert int(model.optimizer.iterations) == 2 * -(-len(data.train.y) // 32)
        runs.append((losses, model.get_weights()))
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=1e-4)
    for a, b in zip(runs[0][1], runs[1][1]):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("network", networks.ARCHITECTURES)
def test_one_vector_of_weights_is_updated_as_each_weight_by_itself_to_the_last_bit(network):
    import tensorflow as tf

    keras = runtime.keras()
    ways = []
    for joined, model in zip((True, False), pair(network, (60, 1))):
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mean_squared_error")
        if joined:
            update = compiled.Update(model.trainable_variables, model.optimizer)
        else:
            model.optimizer.build(model.trainable_variables)
            update = lambda gradients, m=model: m.optimizer.apply(gradients, m.trainable_variables)  # noqa: E731
        rng = np.random.default_rng(3)
        for _ in range(5):
            update([tf.constant(rng.normal(scale=0.1, size=w.shape), tf.float32) for w in model.trainable_variables])
        ways.append(model.get_weights())
    for a, b in zip(*ways):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("network", networks.ARCHITECTURES)
@pytest.mark.parametrize("training_now", [True, False])
def test_forward_is_the_model_itself_to_the_last_bit(network, training_now):
    """With dropout and batch normalization, whose random numbers and running means go on from call to call."""
    import tensorflow as tf

    X = tf.constant(np.random.default_rng(5).normal(size=(7, 60, 1)), tf.float32)
    ways = []
    for way in (
        lambda model, inputs, now: compiled.forward(model.layers, inputs, now),
        lambda model, inputs, now: model(inputs, training=now),
    ):
        h = {**thesis.best_hyperparameters(network), "dropout_rate": 0.3}
        model = networks.build(network, h, (60, 1), networks.Variant(batch_normalization=True), seed=4)
        ways.append([way(model, X, training_now).numpy() for _ in range(3)] + model.get_weights())
    for a, b in zip(*ways):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("days", [1, 2, 7, 60])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pooling_and_its_gradient_equal_keras_to_the_last_bit(days, size):
    """With many equal values, below zero too, so that ties and padding count."""
    import tensorflow as tf

    rng = np.random.default_rng([days, size])
    X = tf.constant(rng.integers(-3, 2, size=(5, days, 4)), tf.float32)
    weights = None
    found = []
    for kind in (fast_layers.max_pooling(), runtime.keras().layers.MaxPooling1D):
        with tf.GradientTape() as tape:
            tape.watch(X)
            out = kind(size, padding="same")(X)
            weights = rng.normal(size=out.shape).astype("float32") if weights is None else weights
            loss = tf.reduce_sum(out * weights)
        found.append((out.numpy(), tape.gradient(loss, X).numpy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.slow
def test_a_saved_network_loads_without_this_project_and_back_into_fused_layers(tmp_path):
    fused, _ = pair("LSTM-CNN", (20, 1))
    X = np.random.default_rng(2).normal(size=(5, 20, 1)).astype("float32")
    path = tmp_path / "model.keras"
    fast_layers.portable(fused).save(path)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, keras, numpy as np; m = keras.saving.load_model(sys.argv[1]);"
        "np.save(sys.argv[3], m(np.load(sys.argv[2])));"
        "sys.exit('lib' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "X.npy", tmp_path / "out.npy"],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), fused(X), rtol=1e-4, atol=1e-6)
    again = networks.build("LSTM-CNN", SIZES, (20, 1))
    again.set_weights(runtime.keras().saving.load_model(path).get_weights())
    np.testing.assert_array_equal(again(X), fused(X))
