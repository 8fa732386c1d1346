"""Layers, shapes, parameter counts and values of the four networks against hand-made ones."""

import numpy as np
import pytest

from lib import networks, thesis
from lib.networks import architectures

pytestmark = pytest.mark.usefixtures("tensorflow_on_one_thread")

# Worked out on paper for a window of 60 x 1 and the thesis's best hyperparameters:
# Conv1D kernel x inputs x filters + filters; LSTM 4 x ((inputs + units) x units + units); Dense inputs + 1.
COUNTS = {
    "CNN": [3 * 1 * 74 + 74, 5 * 74 * 54 + 54, 15 * 54 + 1],
    "LSTM": [4 * ((1 + 113) * 113 + 113), 4 * ((113 + 55) * 55 + 55), 55 + 1],
    "CNN-LSTM": [2 * 1 * 37 + 37, 4 * ((37 + 103) * 103 + 103), 4 * ((103 + 16) * 16 + 16), 16 + 1],
    "LSTM-CNN": [4 * ((1 + 81) * 81 + 81), 4 * ((81 + 46) * 46 + 46), 4 * 46 * 95 + 95, 20 * 95 + 1],
}
TOTALS = {"CNN": 21141, "LSTM": 89216, "CNN-LSTM": 65900, "LSTM-CNN": 69920}
KINDS = {
    "CNN": "Conv1D MaxPooling1D Dropout Conv1D MaxPooling1D Flatten Dense LeakyReLU",
    "LSTM": "LSTM Dropout LSTM Dropout Dense LeakyReLU",
    "CNN-LSTM": "Conv1D MaxPooling1D Dropout LSTM Dropout LSTM Dropout Dense LeakyReLU",
    "LSTM-CNN": "LSTM Dropout LSTM Dropout Conv1D MaxPooling1D Dropout Flatten Dense LeakyReLU",
}


def best(network, variant=None):
    return networks.build(network, thesis.best_hyperparameters(network), (60, 1), variant or networks.Variant())


@pytest.mark.parametrize("network", list(networks.ARCHITECTURES))
def test_layers_and_parameters_are_those_of_appendix_6(network):
    model = best(network)
    assert (
        " ".join(type(layer).__name__.removeprefix("Fused").removeprefix("Fast") for layer in model.layers)
        == KINDS[network]
    )
    assert [layer.count_params() for layer in model.layers if layer.count_params()] == COUNTS[network]
    assert model.count_params() == TOTALS[network] == sum(COUNTS[network])
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize("network", list(networks.ARCHITECTURES))
def test_every_hyperparameter_named_is_used(network):
    """A build without one of its own hyperparameters fails, and with only its own works."""
    wanted = dict(thesis.best_hyperparameters(network))
    assert set(wanted) == set(networks.ARCHITECTURES[network].hyperparameters)
    for name in set(wanted) - {"learning_rate", "batch_size", "epochs"}:
        with pytest.raises(KeyError, match=name):
            networks.build(network, {k: v for k, v in wanted.items() if k != name}, (60, 1))


def test_hidden_dense_layer_of_the_tables():
    model = best("LSTM", networks.Variant(hidden_dense_units=50))
    # 55 inputs x 50 + 50 biases, then 50 + 1, instead of 55 + 1.
    assert model.count_params() == TOTALS["LSTM"] - 56 + 55 * 50 + 50 + 51
    assert model.layers[-3].activation.__name__ == "relu"


def test_output_activation_is_leaky_or_linear():
    X = np.random.default_rng(0).normal(size=(64, 60, 1)).astype("float32")
    leaky, linear = best("LSTM"), best("LSTM", networks.Variant(output_activation="linear"))
    linear.set_weights(leaky.get_weights())
    a, b = leaky(X).numpy(), linear(X).numpy()
    assert (b < 0).any() and (b > 0).any()
    np.testing.assert_allclose(a, np.where(b > 0, b, 0.1 * b), rtol=1e-6)


def test_batch_normalization_follows_each_conv_and_lstm():
    kinds = [
        type(layer).__name__.removeprefix("Fused").removeprefix("Fast")
        for layer in best("LSTM-CNN", networks.Variant(batch_normalization=True)).layers
    ]
    assert kinds.count("BatchNormalization") == 3
    assert all(kinds[i + 1] == "BatchNormalization" for i, k in enumerate(kinds) if k in ("LSTM", "Conv1D"))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("network", list(networks.ARCHITECTURES))
def test_layers_seeded_again_are_those_built_with_that_seed(network, fast):
    """Weights and dropout states; biases and batch normalization start the same with every seed."""
    variant = networks.Variant(hidden_dense_units=5, batch_normalization=True, fast=fast)
    again, wanted = (networks.build(network, SMALL, (11, 2), variant, seed=seed) for seed in (1, 2))
    architectures.reseed(again.layers, 2)
    assert len(wanted.variables) > len(wanted.weights)
    for a, b in zip(again.variables, wanted.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def conv_same(x, kernel, bias):
    """Cross-correlation over days with zero padding as long as the input, one step at a time."""
    size = kernel.shape[0]
    left = (size - 1) // 2
    padded = np.pad(x, ((left, size - 1 - left), (0, 0)))
    return np.array([sum(padded[t + j] @ kernel[j] for j in range(size)) + bias for t in range(len(x))])


def pool_same(x, size):
    groups = -(-len(x) // size)
    short = groups * size - len(x)
    padded = np.pad(x, ((short // 2, short - short // 2), (0, 0)), constant_values=-np.inf)
    return padded.reshape(groups, size, -1).max(axis=1)


def lstm(x, W, U, b):
    """The equations of section 4.3.2, a day at a time; Keras orders the gates i, f, c, o."""
    units = U.shape[0]
    h, c, out = np.zeros(units), np.zeros(units), []
    for day in x:
        i, f, g, o = np.split(day @ W + h @ U + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def randomized(model):
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return [w.astype("float64") for w in model.get_weights()]


SMALL = {
    "filters1": 4,
    "filters2": 3,
    "kernel_size1": 2,
    "kernel_size2": 5,
    "filters": 4,
    "kernel_size": 3,
    "pool_size": 2,
    "lstm_units1": 5,
    "lstm_units2": 3,
    "dropout_rate": 0.3,
}


def by_hand(network, x, w):
    if network == "CNN":
        hidden = pool_same(relu(conv_same(x, w[0], w[1])), 2)
        features = pool_same(relu(conv_same(hidden, w[2], w[3])), 2).reshape(-1)
    elif network == "LSTM":
        features = lstm(lstm(x, *w[:3]), *w[3:6])[-1]
    elif network == "CNN-LSTM":
        features = lstm(lstm(pool_same(relu(conv_same(x, w[0], w[1])), 2), *w[2:5]), *w[5:8])[-1]
    else:
        features = pool_same(relu(conv_same(lstm(lstm(x, *w[:3]), *w[3:6]), w[6], w[7])), 2).reshape(-1)
    out = features @ w[-2] + w[-1]
    return np.where(out > 0, out, 0.1 * out)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("network", list(networks.ARCHITECTURES))
def test_forecast_equals_the_equations_worked_out_in_numpy(network, fast):
    model = networks.build(network, SMALL, (11, 2), networks.Variant(fast=fast))
    weights = randomized(model)
    X = np.random.default_rng(5).normal(size=(6, 11, 2))
    expected = np.array([by_hand(network, x, weights) for x in X])
    np.testing.assert_allclose(model(X.astype("float32")).numpy(), expected, rtol=2e-4, atol=2e-5)


def test_layer_table_shows_every_layer_with_its_parameters():
    model = best("CNN-LSTM")
    table = networks.layer_table(model)
    assert table["parameters"].sum() == 65900
    assert list(table["layer"])[:3] == ["Input", "Conv1D (37)", "MaxPooling1D"]
    assert list(table["output_shape"])[1] == (60, 37)
    assert "each filter weighs the values of 2 neighbouring days" in table["in_words"][1]
    assert "every day's state" in table["in_words"][4] and "last day's state" in table["in_words"][6]
