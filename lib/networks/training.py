"""One network, one fit (thesis section 4.4, Appendix 6, and the author's public notebook).

Adam on plain mean squared error, early stopping on the validation loss with patience 10. Clipping
and a learning-rate schedule, which section 4.4 claims and the listing lacks, are variants.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lib import networks
from lib.data.windows import Dataset
from lib.networks import compiled
from lib.settings import Settings

# In the key of every training. Change it whenever the same parameters would give other weights.
METHOD = "compiled epoch, fused LSTM, 1"


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about; plain values, so it can be sent between processes.

    Attributes:
        shape: network, layer sizes, variant and input shape.
        seed: of weights, shuffling and dropout.
        loss, val_loss, learning_rate: of each epoch that was run; losses are scaled MSE.
        best_epoch: the epoch, from 1, with the smallest validation loss; 1 if none was finite.
        best_weights, last_weights: of the best epoch and of the last one.
        diverged: whether the last epoch had a loss that is no number or infinite, which ended the training.
        seconds: wall time of building and training.
        restored: whether ``model`` has the best epoch's weights, or the last one's.
    """

    shape: compiled.Shape
    seed: int
    loss: list[float]
    val_loss: list[float]
    learning_rate: list[float]
    best_epoch: int
    best_weights: list[np.ndarray]
    last_weights: list[np.ndarray]
    diverged: bool
    seconds: float
    restored: bool = True

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.loss)

    @property
    def parameters(self) -> int:
        """How many weights the network has."""
        return sum(w.size for w in self.last_weights)

    @property
    def history(self) -> dict[str, list[float]]:
        """``loss``, ``val_loss`` and ``learning_rate`` of each epoch."""
        return {"loss": self.loss, "val_loss": self.val_loss, "learning_rate": self.learning_rate}

    def predict(self, X: np.ndarray, weights: str = "best") -> np.ndarray:
        """Scaled targets for windows of shape (windows, lookback, features), shape (windows,).

        Args:
            weights: ``best`` or ``last``.
        """
        with compiled.lent(self.shape) as network:
            network.weights = {"best": self.best_weights, "last": self.last_weights}[weights]
            return network.predict(X)

    def portable(self, weights: str = "best") -> Any:
        """The network as a Keras model that can be saved and loaded without this project."""
        values = {"best": self.best_weights, "last": self.last_weights}[weights]
        shape = self.shape
        return networks.portable(shape.network, dict(shape.sizes), shape.input_shape, shape.variant, values)

    @cached_property
    def model(self) -> Any:
        """The network as a Keras model of this project's layers, with the weights that the settings ask for."""
        shape = self.shape
        model = networks.build(shape.network, dict(shape.sizes), shape.input_shape, shape.variant)
        model.set_weights(self.best_weights if self.restored else self.last_weights)
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "model"}


def fit(
    network: str,
    hyperparameters: networks.Hyperparameters,
    data: Dataset,
    chosen: Settings,
    seed: int,
    on_epoch: Callable[[int, int, float, float], None] | None = None,
) -> Fit:
    """Train one network on the training windows, watched on the validation windows.

    A training with a loss that is no number or infinite has diverged: it ends with that epoch and is a
    result like any other. (Of 72 trainings at learning rates of 30 to 1e30, with and without clipping,
    38 diverged, and none of them ever came back to finite losses.)

    Args:
        network: a key of ``networks.ARCHITECTURES``.
        hyperparameters: layer sizes, ``dropout_rate``, ``learning_rate``, ``batch_size``, ``epochs``.
        data: the windows of one ticker.
        chosen: checked parameters of the groups Networks and Training.
        seed: seeds weights, shuffling and dropout.
        on_epoch: called after each epoch with (epoch from 1, epochs at most, loss, validation loss).
            What it raises ends the training and is passed on.

    Returns:
        The fit. The same arguments and number of threads give the same weights to the last bit, whatever
        else draws random numbers in this process; no global generator is seeded or read.
    """
    started = time.perf_counter()
    shape = compiled.Shape.of(network, hyperparameters, data, chosen)
    epochs = min(int(hyperparameters["epochs"]), chosen.max_epochs)
    with compiled.lent(shape) as trained:
        trained.start(seed, float(hyperparameters["learning_rate"]))
        course = _run(trained, data, chosen, seed, epochs, on_epoch or (lambda *_: None))
    return Fit(shape, seed, **course, seconds=time.perf_counter() - started, restored=chosen.restore_best_weights)


def _run(
    trained: compiled.CompiledNetwork,
    data: Dataset,
    chosen: Settings,
    seed: int,
    epochs: int,
    on_epoch: Callable[[int, int, float, float], None],
) -> dict[str, Any]:
    """All epochs of a network in its first state; the fields of :class:`Fit` that come of them."""
    windows, order = compiled.tensors(data), np.random.default_rng(seed)
    past: dict[str, list[float]] = {"loss": [], "val_loss": [], "learning_rate": []}
    best, best_epoch, best_weights, plateau, diverged = np.inf, 1, None, 0, False
    rate = trained.optimizer.learning_rate
    for epoch in range(1, epochs + 1):
        past["learning_rate"].append(float(rate))
        loss, val_loss = (float(x) for x in trained.epoch(order.permutation(len(data.train.y)), *windows))
        past["loss"].append(loss)
        past["val_loss"].append(val_loss)
        diverged = not (math.isfinite(loss) and math.isfinite(val_loss))
        plateau += 1
        if val_loss < best and not diverged:
            best, best_epoch, best_weights, plateau = val_loss, epoch, trained.weights, 0
        on_epoch(epoch, epochs, loss, val_loss)
        if diverged or (chosen.patience and epoch - best_epoch >= chosen.patience):
            break
        if chosen.reduce_lr and chosen.patience and plateau >= max(1, chosen.patience // 2):
            rate.assign(rate * 0.5)
            plateau = 0
    last_weights = trained.weights
    return {
        **past,
        "best_epoch": best_epoch,
        "best_weights": last_weights if best_weights is None else best_weights,
        "last_weights": last_weights,
        "diverged": diverged,
    }
