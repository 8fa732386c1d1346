"""One network, one fit (thesis section 4.4, Appendix 6, and the author's public notebook).

Adam on plain mean squared error, early stopping on the validation loss with patience 10. Clipping
and a learning-rate schedule, which section 4.4 claims and the listing lacks, are variants.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import networks
from lib.data.windows import Dataset
from lib.networks import runtime
from lib.settings import Settings

# Kept with every study. Change it whenever the same parameters would give other weights.
METHOD = "compiled epoch, fused LSTM, 1"
# The parameters that a training's result depends on, beside network, hyperparameters, prices and its own seed.
STEERING = (
    "gap_fill",
    "max_gap_days",
    "outliers",
    "outlier_iqr",
    "indicator_days",
    "inputs",
    "target",
    "lookback",
    "split",
    "scaling",
    "hidden_dense_units",
    "output_activation",
    "batch_normalization",
    "clip_norm",
    "reduce_lr",
    "max_epochs",
    "patience",
    "restore_best_weights",
    "seed",
    "threads",
)


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about.

    Attributes:
        model: the Keras model, with the best epoch's weights or the last one's.
        history: ``loss`` and ``val_loss`` (scaled MSE) of each epoch, and ``learning_rate``.
        best_epoch: the epoch, from 1, with the smallest validation loss.
        best_weights, last_weights: of the best epoch and of the last one, whichever ``model`` has.
        seconds: wall time of building and training.
        seed: what everything random was seeded with.
    """

    model: Any
    history: dict[str, list[float]]
    best_epoch: int
    best_weights: list[np.ndarray]
    last_weights: list[np.ndarray]
    seconds: float
    seed: int

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.history["loss"])


def fit(
    network: str,
    hyperparameters: networks.Hyperparameters,
    data: Dataset,
    chosen: Settings,
    seed: int,
    on_epoch: Callable[[int, int, float, float], None] | None = None,
) -> Fit:
    """Build and train one network on the training part, watched on the validation part.

    An epoch is one call into one compiled graph: shuffling, steps and validation. ``model.fit``
    computes the same, but returns to Python after each step, which takes longer than the step itself
    for networks of this size.

    Args:
        network: a key of ``networks.ARCHITECTURES``.
        hyperparameters: layer sizes, ``dropout_rate``, ``learning_rate``, ``batch_size``, ``epochs``.
        data: the windows of one ticker.
        chosen: checked parameters of the groups Networks and Training.
        seed: seeds weights, shuffling and dropout.
        on_epoch: called after each epoch with (epoch from 1, epochs at most, loss, validation loss).

    Returns:
        The fit. The same arguments and number of threads give the same weights to the last bit, whatever
        else draws random numbers in this process; no global generator is seeded or read.
    """
    keras = runtime.keras()
    started = time.perf_counter()
    keras.backend.clear_session()
    model = networks.build(network, hyperparameters, data.input_shape, networks.variant(chosen), seed)
    optimizer = keras.optimizers.Adam(learning_rate=float(hyperparameters["learning_rate"]), clipnorm=chosen.clip_norm)
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    run_epoch = compiled_epoch(model, data, int(hyperparameters["batch_size"]))
    epochs = min(int(hyperparameters["epochs"]), chosen.max_epochs)
    order = np.random.default_rng(seed)
    history: dict[str, list[float]] = {"loss": [], "val_loss": [], "learning_rate": []}
    best, best_epoch, best_weights, plateau = np.inf, 1, None, 0
    for epoch in range(1, epochs + 1):
        history["learning_rate"].append(float(optimizer.learning_rate))
        loss, val_loss = (float(x) for x in run_epoch(order.permutation(len(data.train.y))))
        history["loss"].append(loss)
        history["val_loss"].append(val_loss)
        plateau += 1
        if val_loss < best:
            best, best_epoch, best_weights, plateau = val_loss, epoch, model.get_weights(), 0
        if on_epoch:
            on_epoch(epoch, epochs, loss, val_loss)
        if epoch - best_epoch >= chosen.patience:
            break
        if chosen.reduce_lr and plateau >= max(1, chosen.patience // 2):
            optimizer.learning_rate.assign(optimizer.learning_rate * 0.5)
            plateau = 0
    last_weights = model.get_weights()
    if best_weights is None:  # every validation loss was NaN
        best_weights = last_weights
    if chosen.restore_best_weights:
        model.set_weights(best_weights)
    return Fit(model, history, best_epoch, best_weights, last_weights, time.perf_counter() - started, seed)


def compiled_epoch(model: Any, data: Dataset, batch_size: int) -> Callable[[np.ndarray], tuple[Any, Any]]:
    """One epoch as one graph.

    Args:
        model: compiled; its optimizer and mean squared error are used.
        data: windows; the last batch of an epoch holds what is left.
        batch_size: windows in a step.

    Returns:
        A function of a permutation of the training windows, shape (windows,), that trains one
        epoch and returns (mean loss over the training windows, loss on the validation windows).
    """
    import tensorflow as tf

    X, y = tf.constant(data.train.X), tf.constant(data.train.y)
    X_validation, y_validation = tf.constant(data.validation.X), tf.constant(data.validation.y)
    windows = len(data.train.y)
    update = updates(model)

    def squared_error(inputs: Any, target: Any, training: bool) -> Any:
        return tf.reduce_sum(tf.square(forward(model, inputs, training)[:, 0] - target))

    def step(inputs: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            error = squared_error(inputs, target, training=True)
            loss = error / tf.cast(tf.shape(target)[0], tf.float32)
        update(tape.gradient(loss, model.trainable_variables))
        return error

    # Nothing here needs rewriting by autograph, and without it a trial starts sooner.
    @tf.function(autograph=False)
    def epoch(permutation: Any) -> tuple[Any, Any]:
        shuffled_X, shuffled_y = tf.gather(X, permutation), tf.gather(y, permutation)

        def next_step(at: Any, total: Any) -> tuple[Any, Any]:
            inputs = tf.ensure_shape(shuffled_X[at : at + batch_size], [None, *data.input_shape])
            return at + batch_size, total + step(inputs, shuffled_y[at : at + batch_size])

        _, total = tf.while_loop(lambda at, _: at < windows, next_step, [tf.constant(0), tf.constant(0.0)])
        validation = squared_error(X_validation, y_validation, training=False) / len(data.validation.y)
        return total / windows, validation

    return lambda permutation: epoch(tf.constant(permutation))


def forward(model: Any, inputs: Any, training: bool) -> Any:
    """``model(inputs)`` of a ``keras.Sequential``, layer by layer, without what Keras does around each call: a trial
    starts sooner.
    """
    for layer in model.layers:
        inputs = (
            layer.call(inputs, training=training)
            if "training" in inspect.signature(layer.call).parameters
            else layer.call(inputs)
        )
    return inputs


def updates(model: Any) -> Callable[[Sequence[Any]], None]:
    """A function of the gradients, in the order of the trainable weights, that lets the model's optimizer take a step.

    The optimizer gets all weights as one vector, as its dozen operations would else run for every weight by
    itself; it works value by value, so the results are the same. Clipping has a norm for each weight and keeps them
    apart.
    """
    import tensorflow as tf

    weights = model.trainable_variables
    if model.optimizer.clipnorm is not None:
        model.optimizer.build(weights)
        return lambda gradients: model.optimizer.apply(gradients, weights)

    def joined(values: Sequence[Any]) -> Any:
        return tf.concat([tf.reshape(v, [-1]) for v in values], axis=0)

    vector = runtime.keras().Variable(joined(weights), name="weights")
    sizes = [math.prod(w.shape) for w in weights]
    model.optimizer.build([vector])

    def update(gradients: Sequence[Any]) -> None:
        model.optimizer.apply([joined(gradients)], [vector])
        for weight, part in zip(weights, tf.split(vector.value, sizes)):
            weight.assign(tf.reshape(part, weight.shape))

    return update


def predict(model: Any, X: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Scaled closes for windows of shape (windows, lookback, features); result of shape (windows,)."""
    parts = [np.asarray(model(X[at : at + batch_size], training=False)) for at in range(0, len(X), batch_size)]
    return np.concatenate(parts).reshape(-1) if parts else np.empty(0, dtype="float32")
