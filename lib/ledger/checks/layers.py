"""Checks of section 4.3: parameter counts and equations, against the layers of ``lib.networks`` and Keras's own."""

from __future__ import annotations

from itertools import product

import numpy as np

from lib import networks, thesis
from lib.ledger import precision
from lib.ledger.evidence import LOOKBACK, Evidence
from lib.ledger.found import Found
from lib.ledger.rows import Row
from lib.networks import runtime

FEATURES = range(1, 11)  # inputs a day: the close alone, the coins' closes, prices and indicators


def parameter_count(evidence: Evidence, row: Row, network: str, place: str) -> Found:
    """Parameters of a network with the layers of its table: one feature, the hidden layer of 50, a linear output.

    Every other reading of both hybrid tables (1 to 10 features, with and without the hidden layer and
    batch normalisation) is counted too, and the nearest is named.
    """
    printed = int(precision.value(row.printed))
    count = _count(network, 1, networks.Variant(50, "linear"))
    others = {}
    for n, dense, norm in product(("CNN-LSTM", "LSTM-CNN"), (0, 50), (False, True)):
        one, two = (_count(n, f, networks.Variant(dense, batch_normalization=norm)) for f in (1, 2))
        for f in FEATURES:  # each more feature adds the same number of weights
            others[
                f"{n}, {f} features, {'a' if dense else 'no'} hidden layer{', batch normalisation' if norm else ''}"
            ] = one + (f - 1) * (two - one)
    nearest = min(others, key=lambda name: abs(others[name] - printed))
    fitting = [name for name, value in others.items() if value == printed]
    bare = _count(network, 1, networks.Variant())
    words = f"{count:,} with the table's layers, {bare:,} without the hidden one; "
    words += f" readings that give {printed:,}: {', '.join(fitting) or 'none'}; nearest {others[nearest]:,} ({nearest})"
    return Found(float(count), float(count), float(count), words, place)


def pool_changes_nothing(evidence: Evidence, row: Row) -> Found:
    """Whether max pooling of the printed size makes a sequence shorter."""
    keras = runtime.keras()
    size = int(precision.value(evidence.rows["Table 4.3/pool_size"].printed))
    series = np.random.default_rng(1).normal(size=(1, LOOKBACK, 3)).astype("float32")
    out = np.asarray(keras.layers.MaxPooling1D(size, padding="same")(series))
    return Found(
        bool(out.shape[1] < series.shape[1]),
        because=(
            f"{LOOKBACK} days go in and {out.shape[1]} come out,"
            f" {'unchanged' if np.array_equal(out, series) else 'changed'}"
        ),
        other_place="Table 4.3, its own pool size",
    )


def first_index(evidence: Evidence, row: Row) -> Found:
    """The first index with which equation 1 has as many terms as a kernel of size k has weights."""
    keras = runtime.keras()
    size = 3
    layer = keras.layers.Conv1D(1, size, use_bias=False)
    layer.build((None, LOOKBACK, 1))
    terms = int(np.prod(layer.kernel.shape))
    return Found(
        float(size - terms + 1),
        because=f"a kernel of size {size} has {terms} weights; a sum from 0 to {size} has {size + 1} terms",
        other_place="section 4.3.1, where k is the kernel's size",
    )


def output_length(evidence: Evidence, row: Row) -> Found:
    """What equation 2 adds at its end, from Keras's convolutions of several kernels and strides that divide evenly."""
    keras = runtime.keras()
    found = set()
    for k, p, s in ((3, 0, 1), (3, 1, 1), (5, 2, 1), (2, 0, 2), (4, 1, 2)):
        padded = keras.layers.ZeroPadding1D(p)(np.zeros((1, LOOKBACK, 1), "float32"))
        length = keras.layers.Conv1D(1, k, strides=s)(padded).shape[1]
        found.add(length - (LOOKBACK - k + 2 * p) // s)
    return Found(
        float(found.pop()) if len(found) == 1 else None,
        because="convolutions of kernel, padding, stride 3,0,1; 3,1,1; 5,2,1; 2,0,2; 4,1,2",
        constant=True,
    )


def padded_sides(evidence: Evidence, row: Row) -> Found:
    """How many days a padding of one day adds, from Keras's padding layer."""
    added = runtime.keras().layers.ZeroPadding1D(1)(np.zeros((1, LOOKBACK, 1), "float32")).shape[1] - LOOKBACK
    words = f"Keras's padding of one day makes a window of {LOOKBACK} days {LOOKBACK + added}"
    return Found(float(added), because=f"{words} days, the same number on each side", constant=True)


def padding_of_both_sides(evidence: Evidence, row: Row) -> Found:
    """Whether equation 2, with some whole p, gives the length that the listing's convolutions keep, for the printed
    kernels.
    """
    sizes = {
        place: int(precision.value(evidence.rows[f"{place}/kernel_size"].printed))
        for place in ("Table 4.3", "Table 4.4")
    }
    fits = {place: any(LOOKBACK - k + 2 * p + 1 == LOOKBACK for p in range(k)) for place, k in sizes.items()}
    words = f"a kernel of {' and of '.join(map(str, sizes.values()))} days needs 2p of"
    words += f" {' and '.join(str(k - 1) for k in sizes.values())}; the listing pads one side more"
    return Found(all(fits.values()), because=words, other_place="Table 4.3, Table 4.4, Appendix 6")


def relu(evidence: Evidence, row: Row) -> Found:
    """The number that Keras's ReLU compares with: max(number, x)."""
    x = np.linspace(-3, 3, 13, dtype="float32")
    y = np.asarray(runtime.keras().activations.relu(x))
    words = "ReLU of -3 to 3" if np.array_equal(y, np.maximum(0, x)) else "differs"
    return Found(float(y.min()), because=words, constant=True)


def sigmoid(evidence: Evidence, row: Row) -> Found:
    """The number in 1 / (number + exp(-x)) for which it is Keras's sigmoid."""
    x = np.linspace(-4, 4, 17)
    y = np.asarray(runtime.keras().activations.sigmoid(x.astype("float32")), dtype="float64")
    found = 1 / y - np.exp(-x)
    words = f"largest difference {np.abs(found - 1).max():.1e}"
    return Found(float(np.round(np.median(found), 4)), because=words, constant=True)


def lstm_step(evidence: Evidence, row: Row) -> Found:
    """How many days back the printed LSTM equations take the state, so that they give what Keras's layer gives."""
    keras = runtime.keras()
    units, days = 3, 6
    rng = np.random.default_rng(2)
    series = rng.normal(size=(1, days, 1)).astype("float32")
    layer = keras.layers.LSTM(units)
    ours = np.asarray(layer(series), dtype="float64")[0]
    W, U, b = (np.asarray(w, dtype="float64") for w in layer.get_weights())
    back = None
    for step in (1, 2):
        h, c = [np.zeros(units)] * step, np.zeros(units)
        for t in range(days):
            i, f, g, o = np.split(series[0, t] @ W + h[-step] @ U + b, 4)
            c = _gate(f) * c + _gate(i) * np.tanh(g)
            h.append(_gate(o) * np.tanh(c))
        if np.allclose(h[-1], ours, atol=1e-5):
            back = step
    words = f"{units} units over {days} days with Keras's own weights"
    return Found(float(back) if back else None, because=words, constant=True)


def dense_outputs(evidence: Evidence, row: Row, network: str) -> Found:
    """Whether a built network of Appendix 6 ends in one unit."""
    shape = networks.build(network, thesis.best_hyperparameters(network), (LOOKBACK, 1)).output_shape
    return Found(
        shape[-1] == 1, because=f"output shape {shape} of the network that its listing builds", other_place="Appendix 6"
    )


def _gate(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _count(network: str, features: int, variant: networks.Variant) -> int:
    return int(
        networks.build(network, thesis.best_hyperparameters(network), (LOOKBACK, features), variant).count_params()
    )
