"""The four networks of thesis section 4.3, as Appendix 6 builds them, and the variants it also describes.

Text, tables and listing of the thesis disagree on some layers. :class:`Variant` names each
disagreement; its defaults are the listing's (Appendix 6), which is what was trained.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lib import thesis
from lib.networks import fast_layers, runtime
from lib.settings import NETWORKS, Settings

Hyperparameters = Mapping[str, float]


@dataclass(frozen=True)
class Variant:
    """Where the thesis contradicts itself about the layers.

    Attributes:
        hidden_dense_units: ReLU layer before the output; 0 for none (Appendix 6), 50 in Tables 4.3, 4.4.
        output_activation: ``leaky_relu`` (slope 0.1, Appendix 6) or ``linear`` (Tables 4.3, 4.4).
        batch_normalization: after each Conv1D and LSTM (claimed in section 4.4, absent in Appendix 6).
        fast: LSTM and max pooling run on faster operations; false takes Keras's own layers, equal within rounding.
    """

    hidden_dense_units: int = 0
    output_activation: str = "leaky_relu"
    batch_normalization: bool = False
    fast: bool = True


def variant(chosen: Settings) -> Variant:
    """The variant that a run's parameters choose."""
    return Variant(chosen.hidden_dense_units, chosen.output_activation, chosen.batch_normalization)


def own_seeds(seed: int) -> Iterator[int]:
    """Seeds for what is random in a network, from a generator of its own.

    They are those that Keras draws from Python's global generator for layers without seeds, once that
    is seeded; but what else runs in the process can neither change them nor is changed.
    """
    generator = random.Random(seed)
    while True:
        yield generator.randint(1, 10**9)


def _conv(h: Hyperparameters, number: str, v: Variant, seeds: Iterator[int]) -> list[Any]:
    keras = runtime.keras()
    layer = keras.layers.Conv1D(
        int(h[f"filters{number}"]),
        int(h[f"kernel_size{number}"]),
        activation="relu",
        padding="same",
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
    )
    return [layer, *_normalized(v)]


def _lstm(h: Hyperparameters, number: str, v: Variant, sequences: bool, seeds: Iterator[int]) -> list[Any]:
    keras = runtime.keras()
    kind = fast_layers.lstm() if v.fast else keras.layers.LSTM
    layer = kind(
        int(h[f"lstm_units{number}"]),
        return_sequences=sequences,
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
        recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
        seed=next(seeds),
    )
    return [layer, *_normalized(v)]


def _normalized(v: Variant) -> list[Any]:
    return [runtime.keras().layers.BatchNormalization()] if v.batch_normalization else []


def _pool(h: Hyperparameters, v: Variant) -> Any:
    kind = fast_layers.max_pooling() if v.fast else runtime.keras().layers.MaxPooling1D
    return kind(int(h["pool_size"]), padding="same")


def _dropout(h: Hyperparameters, seeds: Iterator[int]) -> Any:
    rate = float(h["dropout_rate"])
    return runtime.keras().layers.Dropout(rate, seed=next(seeds) if rate else None)


def _dense(units: int, seeds: Iterator[int], activation: str | None = None) -> Any:
    keras = runtime.keras()
    return keras.layers.Dense(units, activation, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)))


def _flatten() -> Any:
    return runtime.keras().layers.Flatten()


def cnn(h: Hyperparameters, v: Variant, seeds: Iterator[int]) -> list[Any]:
    """Conv, pool, dropout, conv, pool, flatten (Appendix 6, first function)."""
    return [
        *_conv(h, "1", v, seeds),
        _pool(h, v),
        _dropout(h, seeds),
        *_conv(h, "2", v, seeds),
        _pool(h, v),
        _flatten(),
    ]


def lstm(h: Hyperparameters, v: Variant, seeds: Iterator[int]) -> list[Any]:
    """Two LSTM layers, dropout after each (Appendix 6, second function)."""
    return [*_lstm(h, "1", v, True, seeds), _dropout(h, seeds), *_lstm(h, "2", v, False, seeds), _dropout(h, seeds)]


def cnn_lstm(h: Hyperparameters, v: Variant, seeds: Iterator[int]) -> list[Any]:
    """Conv, pool, dropout, then two LSTM layers (Appendix 6, third function).

    The listing reshapes to (-1, filters) after pooling, which changes nothing; it is left out.
    """
    return [*_conv(h, "", v, seeds), _pool(h, v), _dropout(h, seeds), *lstm(h, v, seeds)]


def lstm_cnn(h: Hyperparameters, v: Variant, seeds: Iterator[int]) -> list[Any]:
    """Two LSTM layers that keep the sequence, then conv, pool, flatten (Appendix 6, fourth function)."""
    recurrent = [*_lstm(h, "1", v, True, seeds), _dropout(h, seeds), *_lstm(h, "2", v, True, seeds), _dropout(h, seeds)]
    return [*recurrent, *_conv(h, "", v, seeds), _pool(h, v), _dropout(h, seeds), _flatten()]


@dataclass(frozen=True)
class Architecture:
    """How to build a network, and which hyperparameters it has.

    Attributes:
        body: from hyperparameters, variant and seeds to the layers before the output.
        hyperparameters: their names.
    """

    body: Callable[[Hyperparameters, Variant, Iterator[int]], list[Any]]
    hyperparameters: tuple[str, ...]


ARCHITECTURES = {
    name: Architecture(globals()[name.replace("-", "_").lower()], entry.hyperparameters)
    for name, entry in NETWORKS.items()
}


def default_hyperparameters(network: str) -> dict[str, float]:
    """The thesis's best hyperparameters of a network, or those that ``lib.settings.networks`` gives."""
    return dict(NETWORKS[network].defaults or thesis.best_hyperparameters(network))


def layers(network: str, hyperparameters: Hyperparameters, v: Variant = Variant(), seed: int = 0) -> list[Any]:
    """The Keras layers of a network in order, not yet built.

    Args:
        network: a key of :data:`ARCHITECTURES`.
        hyperparameters: needs those the architecture names (batch size and epochs are training's).
        v: which reading of the thesis.
        seed: of the first weights and of dropout; default 0.
    """
    seeds = own_seeds(seed)
    made = ARCHITECTURES[network].body(hyperparameters, v, seeds)
    if v.hidden_dense_units:
        made.append(_dense(v.hidden_dense_units, seeds, "relu"))
    made.append(_dense(1, seeds))
    if v.output_activation == "leaky_relu":
        made.append(runtime.keras().layers.LeakyReLU(negative_slope=0.1))
    return made


def reseed(built: Sequence[Any], seed: int) -> None:
    """Draw the first weights and dropout states of built layers again, as :func:`layers` with this seed would.

    In the order in which layers take seeds: kernel, recurrent kernel, dropout.
    """
    seeds = own_seeds(seed)
    for layer in built:
        part = getattr(layer, "cell", layer)  # a recurrent layer has its weights in its cell
        for name, initializer in (("kernel", "kernel_initializer"), ("recurrent_kernel", "recurrent_initializer")):
            if hasattr(part, name):
                weight, old = getattr(part, name), getattr(part, initializer)
                draw = type(old).from_config({**old.get_config(), "seed": next(seeds)})
                weight.assign(draw(weight.shape, weight.dtype))
        if hasattr(part, "seed_generator"):
            part.seed_generator.state.assign([next(seeds), 0])


def build(
    network: str, hyperparameters: Hyperparameters, input_shape: tuple[int, int], v: Variant = Variant(), seed: int = 0
) -> Any:
    """A Keras model, not yet compiled, of :func:`layers`.

    Args:
        input_shape: (lookback in days, features).

    Returns:
        ``keras.Sequential`` that maps (batch, lookback, features) to (batch, 1) scaled targets.
    """
    keras = runtime.keras()
    made = layers(network, hyperparameters, v, seed)
    for position, layer in enumerate(made, 1):  # Keras would count all layers that the process ever made
        kind = type(layer).__name__.removeprefix("Fused").removeprefix("Fast")
        layer.name = f"{kind.lower()}_{position}"
    inputs = keras.Input(shape=input_shape, name="windows")
    return keras.Sequential([inputs, *made], name=network.replace("-", "_"))


def portable(
    network: str,
    hyperparameters: Hyperparameters,
    input_shape: tuple[int, int],
    v: Variant,
    weights: Sequence[np.ndarray],
) -> Any:
    """A trained network as a Keras model of Keras's own layers, which can be saved and loaded without this project."""
    model = build(network, hyperparameters, input_shape, replace(v, fast=False))
    model.set_weights(weights)
    return model


_IN_WORDS = {
    "Conv1D": "each filter weighs the values of {kernel_size[0]} neighbouring days (eq. 1) and adds a bias;"
    " ReLU keeps what is positive",
    "LSTM": "at each day three gates between 0 and 1 decide what enters the cell, what stays and what shows; {output}",
    "MaxPooling1D": "keeps the largest of every {pool_size[0]} neighbouring days (a size of 1 changes nothing)",
    "Dropout": "in training sets a random share of {rate:g} to zero; in forecasting does nothing",
    "BatchNormalization": "brings each feature to mean 0 and spread 1, over the batch in training and by running"
    " averages in forecasting, then rescales",
    "Flatten": "lays days and features out in one row",
    "Dense": "a weighted sum of all inputs and a bias{output}",
    "LeakyReLU": "passes positive values, multiplies negative ones by 0.1",
}


def layer_table(model: Any) -> pd.DataFrame:
    """Layers in order: kind, output shape without the batch, parameters, the equation in words."""
    model = fast_layers.portable(model)
    rows = [("Input", model.input_shape[1:], 0, f"{model.input_shape[1]} days of {model.input_shape[2]} scaled values")]
    for layer in model.layers:
        kind = type(layer).__name__
        config = {**layer.get_config(), "output": ""}
        if kind == "LSTM":
            config["output"] = "gives every day's state" if layer.return_sequences else "gives the last day's state"
        if kind == "Dense" and config["activation"] == "relu":
            config["output"] = "; ReLU keeps what is positive"
        size = {"Conv1D": "filters", "LSTM": "units", "Dense": "units"}.get(kind)
        name = f"{kind} ({config[size]})" if size else kind
        rows.append(
            (name, tuple(layer.output.shape[1:]), layer.count_params(), _IN_WORDS.get(kind, "").format(**config))
        )
    return pd.DataFrame(rows, columns=["layer", "output_shape", "parameters", "in_words"])
