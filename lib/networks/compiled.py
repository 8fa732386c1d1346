"""A network whose training epoch is one compiled graph, kept to train the next seed and the next windows in it.

``model.fit`` computes the same, but returns to Python after each step, which takes longer than the step
itself for networks of this size. Building and tracing the graph takes as long as several epochs, so a
process keeps the last few and starts each training in one of them from the state of a new network.
"""

from __future__ import annotations

import inspect
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from lib import networks
from lib.data.windows import Dataset
from lib.networks import architectures, runtime
from lib.settings import Settings

# Compiled networks that a process keeps while they train nothing. One takes some megabytes.
KEPT = 4


@dataclass(frozen=True)
class Shape:
    """What a compiled network depends on: trainings that agree in it differ in values only.

    Attributes:
        network: a key of ``networks.ARCHITECTURES``.
        sizes: hyperparameters of the network by name, but for learning rate and epochs.
        variant: which reading of the thesis.
        input_shape: (lookback in days, features).
        clip_norm: the longest gradient of each weight; None for no limit.
    """

    network: str
    sizes: tuple[tuple[str, float], ...]
    variant: networks.Variant
    input_shape: tuple[int, int]
    clip_norm: float | None = None

    @classmethod
    def of(cls, network: str, hyperparameters: Mapping[str, float], data: Dataset, chosen: Settings) -> Shape:
        """The shape of one training; hyperparameters of other networks are passed over."""
        names = sorted({*networks.ARCHITECTURES[network].hyperparameters} - {"learning_rate", "epochs"})
        sizes = tuple((name, float(hyperparameters[name])) for name in names)
        return cls(network, sizes, networks.variant(chosen), data.input_shape, chosen.clip_norm)

    def layers(self) -> list[Any]:
        """New layers, built one after the other."""
        made, shape = architectures.layers(self.network, dict(self.sizes), self.variant), (None, *self.input_shape)
        for layer in made:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        return made


@cache
def adam() -> type:
    """The class ``OneDeviceAdam``, a ``keras.optimizers.Adam`` that leaves no graph behind.

    Keras adds up gradients of several devices through an operation whose gradient TensorFlow registers
    for good, and with it every graph that an optimizer was ever traced in. Here is one device.
    """

    base: Any = runtime.keras().optimizers.Adam

    class OneDeviceAdam(base):
        def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
            return grads_and_vars

    return OneDeviceAdam


class CompiledNetwork:
    """Layers, optimizer and compiled epoch of one shape; one training at a time."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.layers = shape.layers()
        self._variables = [v for layer in self.layers for v in layer.variables]
        self._first = [v.numpy().copy() for v in self._variables]
        self.optimizer = adam()(clipnorm=shape.clip_norm)
        self.epoch = compiled_epoch(self.layers, self.optimizer, int(dict(shape.sizes)["batch_size"]))

    def start(self, seed: int, learning_rate: float) -> None:
        """Go to the state of a network that was just built with this seed, whatever was trained before."""
        for variable, value in zip(self._variables, self._first, strict=True):
            variable.assign(value)
        architectures.reseed(self.layers, seed)
        for variable in self.optimizer.variables:  # Adam's moments and its number of steps
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate.assign(learning_rate)

    @property
    def weights(self) -> list[np.ndarray]:
        """Copies of all weights, in the order of a Keras model of these layers."""
        return [w.numpy().copy() for layer in self.layers for w in layer.weights]

    @weights.setter
    def weights(self, values: Sequence[np.ndarray]) -> None:
        for weight, value in zip((w for layer in self.layers for w in layer.weights), values, strict=True):
            weight.assign(value)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Scaled targets for windows of shape (windows, lookback, features); result of shape (windows,)."""
        return in_batches(lambda batch: forward(self.layers, batch, training=False), X)


_idle: OrderedDict[Shape, CompiledNetwork] = OrderedDict()
_in_use: list[CompiledNetwork] = []
_lock = threading.RLock()


@contextmanager
def lent(shape: Shape) -> Iterator[CompiledNetwork]:
    """A compiled network of this shape for one user: a kept one, or a new one while all of the shape are in use."""
    with _lock:
        network = _idle.pop(shape, None) or CompiledNetwork(shape)
        _in_use.append(network)
    try:
        yield network
    finally:
        with _lock:
            _in_use.remove(network)
            _keep(network)


def _keep(network: CompiledNetwork) -> None:
    """Keep a network as the one that was used last; let the one go that has not been used for longest."""
    _idle[network.shape] = network
    _idle.move_to_end(network.shape)
    if len(_idle) > KEPT:
        _idle.popitem(last=False)
        if not _in_use:  # it frees what TensorFlow keeps of graphs that are gone, under the feet of whoever builds one
            runtime.keras().backend.clear_session()


def tensors(data: Dataset) -> tuple[Any, Any, Any, Any]:
    """Training windows and targets, validation windows and targets, as a compiled epoch takes them."""
    import tensorflow as tf

    return tuple(tf.constant(values) for part in (data.train, data.validation) for values in (part.X, part.y))


def compiled_epoch(layers: Sequence[Any], optimizer: Any, batch_size: int) -> Callable[..., tuple[Any, Any]]:
    """One epoch of plain mean squared error as one graph: shuffling, steps and validation.

    Args:
        layers: built Keras layers, from windows to (batch, 1).
        optimizer: a Keras optimizer that works value by value, and clips each weight by itself if at all.
        batch_size: windows in a step; the last one of an epoch has what is left.

    Returns:
        A function of a permutation of the training windows, shape (windows,), and of :func:`tensors`. It
        trains one epoch and returns (mean loss over the training windows, loss on the validation windows).
    """
    import tensorflow as tf

    weights = [w for layer in layers for w in layer.trainable_variables]
    update = Update(weights, optimizer)

    def squared_error(inputs: Any, target: Any, training: bool) -> Any:
        return tf.reduce_sum(tf.square(forward(layers, inputs, training)[:, 0] - target))

    def one_part_of(target: Any) -> Any:
        # A factor, as TensorFlow makes of a division by a constant number of windows.
        return 1.0 / tf.cast(tf.shape(target)[0], tf.float32)

    def step(inputs: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            error = squared_error(inputs, target, training=True)
            loss = error / tf.cast(tf.shape(target)[0], tf.float32)
        update(tape.gradient(loss, weights))
        return error

    # Nothing here needs rewriting by autograph, and without it a training starts sooner. The first graph is for the
    # numbers of windows that come first, as that is traced sooner, and the second one for any.
    @tf.function(autograph=False, reduce_retracing=True)
    def epoch(permutation: Any, X: Any, y: Any, X_validation: Any, y_validation: Any) -> tuple[Any, Any]:
        update.begin()
        shuffled_X, shuffled_y = tf.gather(X, permutation), tf.gather(y, permutation)
        windows = tf.shape(y)[0]

        def next_step(at: Any, total: Any) -> tuple[Any, Any]:
            inputs, target = shuffled_X[at : at + batch_size], shuffled_y[at : at + batch_size]
            return at + batch_size, total + step(inputs, target)

        _, total = tf.while_loop(lambda at, _: at < windows, next_step, [tf.constant(0), tf.constant(0.0)])
        validation = squared_error(X_validation, y_validation, training=False)
        return total * one_part_of(y), validation * one_part_of(y_validation)

    return epoch


def forward(layers: Sequence[Any], inputs: Any, training: bool) -> Any:
    """What a ``keras.Sequential`` of these layers computes, without what Keras does around each call."""
    for layer in layers:
        inputs = (
            layer.call(inputs, training=training)
            if "training" in inspect.signature(layer.call).parameters
            else layer.call(inputs)
        )
    return inputs


class Update:
    """A step of the optimizer, from gradients in the order of the weights.

    The optimizer gets all weights as one vector, as its dozen operations would else run for every
    weight by itself; it works value by value, so the results are the same. Clipping has a norm for
    each weight and keeps them apart.
    """

    def __init__(self, weights: Sequence[Any], optimizer: Any):
        self._weights, self._optimizer = weights, optimizer
        self._apart = optimizer.clipnorm is not None
        if not self._apart:
            self._vector = runtime.keras().Variable(_joined(weights), name="weights")
        optimizer.build(weights if self._apart else [self._vector])

    def begin(self) -> None:
        """Take up the weights as they are now. Needed whenever anything else has set them."""
        if not self._apart:
            self._vector.assign(_joined(self._weights))

    def __call__(self, gradients: Sequence[Any]) -> None:
        import tensorflow as tf

        if self._apart:
            self._optimizer.apply(gradients, self._weights)
            return
        self._optimizer.apply([_joined(gradients)], [self._vector])
        sizes = [math.prod(w.shape) for w in self._weights]
        for weight, values in zip(self._weights, tf.split(self._vector.value, sizes), strict=True):
            weight.assign(tf.reshape(values, weight.shape))


def _joined(values: Sequence[Any]) -> Any:
    import tensorflow as tf

    return tf.concat([tf.reshape(v, [-1]) for v in values], axis=0)


def in_batches(predict: Callable[[np.ndarray], Any], X: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Forecasts of shape (windows,), a batch at a time, so that many windows need little memory."""
    made = [np.asarray(predict(X[at : at + batch_size])) for at in range(0, len(X), batch_size)]
    return np.concatenate(made).reshape(-1) if made else np.empty(0, dtype="float32")
