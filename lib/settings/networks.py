"""The networks that can be trained: a name, the hyperparameters that it has, and what stands in for the thesis's best.

The layers of a network are the function of ``lib.networks.architectures`` that has its name in small letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One network.

    Attributes:
        hyperparameters: their names; each has a range in ``lib.experiments.search``.
        defaults: their values where no search was made; None where the thesis names its best ones.
    """

    hyperparameters: tuple[str, ...]
    defaults: Mapping[str, float] | None = None


_COMMON = ("dropout_rate", "learning_rate", "batch_size", "epochs")
NETWORKS = {
    "CNN": Entry(("filters1", "filters2", "kernel_size1", "kernel_size2", "pool_size", *_COMMON)),
    "LSTM": Entry(("lstm_units1", "lstm_units2", *_COMMON)),
    "CNN-LSTM": Entry(("filters", "kernel_size", "pool_size", "lstm_units1", "lstm_units2", *_COMMON)),
    "LSTM-CNN": Entry(("lstm_units1", "lstm_units2", "filters", "kernel_size", "pool_size", *_COMMON)),
}
