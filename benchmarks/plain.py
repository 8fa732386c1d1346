"""The plain implementation: the thesis's listing with Keras's own layers and ``model.fit``.

It shares no code with ``lib.networks`` and ``lib.networks.training``, and runs with TensorFlow's default
number of threads and without its deterministic operations.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from benchmarks import conditions
from lib.data.windows import Dataset


def start() -> None:
    """In a process of its own: import TensorFlow with its default settings."""
    conditions.follow_parent()
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_DETERMINISTIC_OPS"):
        os.environ.pop(variable, None)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras  # noqa: F401


def build(network: str, h: Mapping[str, float], input_shape: tuple[int, int]) -> Any:
    """A network as Appendix 6 lists it, from Keras's layers; arguments as ``lib.networks.build``."""
    from keras import Input, Sequential, layers

    def conv(number: str = "") -> Any:
        return layers.Conv1D(h[f"filters{number}"], h[f"kernel_size{number}"], activation="relu", padding="same")

    def pool() -> Any:
        return layers.MaxPooling1D(h["pool_size"], padding="same")

    def dropout() -> Any:
        return layers.Dropout(h["dropout_rate"])

    def lstm(number: int, sequences: bool) -> Any:
        return layers.LSTM(h[f"lstm_units{number}"], return_sequences=sequences)

    if network == "CNN":
        body = [conv("1"), pool(), dropout(), conv("2"), pool(), layers.Flatten()]
    elif network == "LSTM":
        body = [lstm(1, True), dropout(), lstm(2, False), dropout()]
    elif network == "CNN-LSTM":
        body = [conv(), pool(), dropout(), lstm(1, True), dropout(), lstm(2, False), dropout()]
    elif network == "LSTM-CNN":
        body = [lstm(1, True), dropout(), lstm(2, True), dropout(), conv(), pool(), dropout(), layers.Flatten()]
    else:
        raise conditions.BenchmarkError(f"there is no plain {network}")
    return Sequential([Input(shape=input_shape), *body, layers.Dense(1), layers.LeakyReLU(negative_slope=0.1)])


def fit(
    network: str, h: Mapping[str, float], data: Dataset, max_epochs: int, patience: int, seed: int
) -> dict[str, Any]:
    """Build and train once with ``model.fit``; a silent one, which is the faster.

    Returns:
        ``epochs``; ``seconds`` and ``cpu_seconds`` of building and training; ``epoch_ends``
        (seconds from the start); ``mse``, the validation part's scaled MSE of the best epoch.
    """
    import keras

    started, cpu = time.perf_counter(), time.process_time()
    ends: list[float] = []
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = build(network, h, data.input_shape)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=h["learning_rate"]), loss="mean_squared_error")
    past = model.fit(
        data.train.X,
        data.train.y,
        validation_data=(data.validation.X, data.validation.y),
        batch_size=h["batch_size"],
        epochs=min(h["epochs"], max_epochs),
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter() - started)),
        ],
    )
    return {
        "epochs": len(past.history["loss"]),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "epoch_ends": ends,
        "mse": min(past.history["val_loss"]),
    }
