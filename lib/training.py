"""One network, one fit (thesis section 4.4, Appendix 6, and the author's public notebook).

Adam on plain mean squared error, early stopping on the validation loss with patience 10. Clipping
and a learning-rate schedule, which section 4.4 claims and the listing lacks, are variants.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from lib import networks, runtime
from lib.settings import Chosen
from lib.windows import Dataset


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about.

    Attributes:
        model: the Keras model, with the best epoch's weights or the last one's.
        history: ``loss`` and ``val_loss`` (scaled MSE) of each epoch, and ``learning_rate``.
        best_epoch: the epoch, from 1, with the smallest validation loss.
        seconds: wall time of building and training.
        seed: what everything random was seeded with.
    """

    model: Any
    history: dict[str, list[float]]
    best_epoch: int
    seconds: float
    seed: int

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.history["loss"])


def fit(
    network: str, hyperparameters: networks.Hyperparameters, data: Dataset, chosen: Chosen, seed: int,
    on_epoch: Callable[[int, int, float, float], None] | None = None,
) -> Fit:
    """Build and train one network on the training part, watched on the validation part.

    Args:
        network: a key of ``networks.ARCHITECTURES``.
        hyperparameters: layer sizes, ``dropout_rate``, ``learning_rate``, ``batch_size``, ``epochs``.
        data: the windows of one ticker.
        chosen: checked parameters of the groups Networks and Training.
        seed: seeds weights, shuffling and dropout.
        on_epoch: called after each epoch with (epoch from 1, epochs at most, loss, validation loss).

    Returns:
        The fit. The same arguments and number of threads give the same weights to the last bit.
    """
    keras = runtime.keras()
    started = time.perf_counter()
    keras.backend.clear_session()
    runtime.seed_everything(seed)
    model = networks.build(network, hyperparameters, data.input_shape, networks.variant(chosen))
    optimizer = keras.optimizers.Adam(learning_rate=float(hyperparameters["learning_rate"]), clipnorm=chosen.clip_norm)
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    epochs = min(int(hyperparameters["epochs"]), chosen.max_epochs)
    watchers = [keras.callbacks.EarlyStopping("val_loss", patience=chosen.patience, restore_best_weights=chosen.restore_best_weights)]
    if chosen.reduce_lr:
        watchers.append(keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=max(1, chosen.patience // 2)))
    if on_epoch:
        watchers.append(keras.callbacks.LambdaCallback(
            on_epoch_end=lambda e, logs: on_epoch(e + 1, epochs, logs["loss"], logs["val_loss"])))
    past = model.fit(
        data.train.X, data.train.y, validation_data=(data.validation.X, data.validation.y), epochs=epochs,
        batch_size=int(hyperparameters["batch_size"]), shuffle=True, callbacks=watchers, verbose=0,
    )
    history = {k: [float(x) for x in v] for k, v in past.history.items()}
    return Fit(model, history, int(np.argmin(history["val_loss"])) + 1, time.perf_counter() - started, seed)


def predict(model: Any, X: np.ndarray) -> np.ndarray:
    """Scaled closes for windows of shape (windows, lookback, features); result of shape (windows,)."""
    return np.asarray(model.predict(X, batch_size=256, verbose=0)).reshape(-1)
