"""Independent trainings, side by side and kept: which network on which windows with which seed, and what it forecast.

An experiment lists its trainings, :func:`run` makes those that are not kept yet, and everything said
about them is computed from their forecasts.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import networks
from lib.data.windows import Dataset
from lib.experiments import workers
from lib.experiments.kept import Kept, digest
from lib.networks import training
from lib.results import machine
from lib.settings import Settings

PARTS = ("validation", "test")
WEIGHTS = ("best", "last")
PER_PROCESS = 60  # trainings, before a worker process is replaced by a new one


@dataclass(frozen=True)
class Training:
    """One training to be made.

    Attributes:
        name: what the progress display calls it.
        network: a key of ``networks.ARCHITECTURES``.
        hyperparameters: those of the network; others are passed over.
        seed: of weights, shuffling and dropout.
        data: the windows of one ticker.
        chosen: the parameters that the windows and the training come from.
        digest: of the prices that the windows come from.
        variant: what else distinguishes the windows, such as other days to stop on; enters the key.
    """

    name: str
    network: str
    hyperparameters: Mapping[str, float]
    seed: int
    data: Dataset
    chosen: Settings
    digest: str
    variant: str = ""

    def key(self) -> dict[str, Any]:
        """Everything that its result depends on."""
        plain = self.chosen.plain()
        return {
            "ticker": self.data.ticker,
            "network": self.network,
            "hyperparameters": own_hyperparameters(self.network, self.hyperparameters),
            "seed": self.seed,
            "data_digest": self.digest,
            "start_date": plain["start_date"],
            "end_date": plain["end_date"],
            "method": training.METHOD,
            "variant": self.variant,
            **{k: plain[k] for k in training.STEERING if k not in ("seed", "restore_best_weights")},
        }


@dataclass(frozen=True)
class Trained:
    """What came of a training: epochs, seconds, number of weights, its forecasts, and where it was made (empty if that was not kept)."""

    training: Training
    epochs_run: int
    best_epoch: int
    seconds: float
    parameters: int
    forecasts: Mapping[str, str]
    made_on: str = ""

    def predicted(self, part: str, weights: str = "best") -> np.ndarray:
        """Scaled forecasts of a part (validation or test) with the best epoch's weights or the last one's; float64, shape (windows,)."""
        return np.frombuffer(base64.b64decode(self.forecasts[f"{part}, {weights}"]), dtype="<f4").astype("float64")


def run(wanted: Sequence[Training], kept: Kept, chosen: Settings, told: str = "Trainings") -> list[Trained]:
    """The results of all trainings, in their order; those that are not kept are made, ``chosen.workers`` at a time.

    Args:
        wanted: the trainings.
        kept: results of earlier runs, and the place for new ones.
        chosen: checked parameters; ``workers`` and ``threads`` are used.
        told: what the progress display calls them.

    Raises:
        WorkerError: a worker process died; what was finished is kept.
        KeptError: the file of kept results cannot be used.
    """
    keys = [t.key() for t in wanted]
    names = [digest(key) for key in keys]  # two experiments may want the same training
    found = {name: kept.find(key) for name, key in zip(names, keys)}
    missing = {name: at for at, name in enumerate(names) if found[name] is None}

    def keep(position: int, result: dict[str, Any]) -> None:
        name = list(missing)[position]
        kept.keep(keys[missing[name]], result)
        found[name] = result

    if missing:
        print(f"{len(found) - len(missing)} of {len(found)} trainings were finished before.")
    before = [f.get("made_on") for f in found.values() if f]
    mixed = machine.elsewhere(before, "trainings")
    if mixed:
        print(mixed)
    if missing:
        workers.run(make, [(wanted[at],) for at in missing.values()], chosen, told, len(missing), keep, PER_PROCESS)
    kept.count(machine.tally(before, len(missing)))
    return [Trained(t, **found[name]) for t, name in zip(wanted, names)]


def make(wanted: Training, note: Callable[[str], None]) -> dict[str, Any]:
    """Train, forecast validation and test days with the best epoch's weights and with the last one's; JSON-able."""
    fit = training.fit(
        wanted.network,
        wanted.hyperparameters,
        wanted.data,
        wanted.chosen.changed(restore_best_weights=True),
        wanted.seed,
    )
    forecasts = {}
    for name, weights in (("best", fit.best_weights), ("last", fit.last_weights)):
        fit.model.set_weights(weights)
        for part in PARTS:
            predicted = training.predict(fit.model, getattr(wanted.data, part).X).astype("<f4")
            forecasts[f"{part}, {name}"] = base64.b64encode(predicted.tobytes()).decode()
    note(f"{wanted.name}: validation MSE {min(fit.history['val_loss']):.3g}")
    return {
        "epochs_run": fit.epochs,
        "best_epoch": fit.best_epoch,
        "seconds": round(fit.seconds, 2),
        "parameters": fit.model.count_params(),
        "forecasts": forecasts,
        "made_on": machine.made_on(),
    }


def own_hyperparameters(network: str, hyperparameters: Mapping[str, float]) -> dict[str, float]:
    """Those of one network, rates as floats and everything else as whole numbers."""
    names = networks.ARCHITECTURES[network].hyperparameters
    return {
        n: float(hyperparameters[n]) if n in ("dropout_rate", "learning_rate") else int(hyperparameters[n])
        for n in names
    }
