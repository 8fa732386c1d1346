"""A training of a network again, beside the committed scores of its seeds.

Where processor, packages and threads are those of the run, a training gives the same bits. Elsewhere its last digits
differ from the first epoch on, and it ends as another training. Its MSE then has to lie in the range of the committed
seeds, widened by its own width on each side, on a logarithmic scale: ten normal draws put an eleventh outside in
about 1 of 600 cases.

Measured with the CNN, two seeds, three coins: unchanged code gave the same bits in 24 of 24 scores. A ReLU in place of
the last LeakyReLU (0.1) multiplied the MSE by 60 or more where the output died (4 of 12 trainings) and stayed inside
elsewhere. So did a linear output and a slope of 0.3. On another machine this notices a network that fails, not each
change of the code; the exact guard is the test of golden losses of ``lib.networks``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from lib import tables
from lib.experiments import frames, seeds, train
from lib.provenance.recompute import Priced
from lib.results import machine
from lib.tables.frames import MODEL

TICKER, SEED_NUMBER = "SOL-USD", 2
WIDENED = 1.0  # by so many widths of the seeds' range on each side


def wrong(run: Priced, networks: Sequence[str], progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Sentences about networks whose training does not fit the committed seeds.

    Args:
        run: the folder with its prices; without ``skill_seeds.csv`` nothing is trained.
        networks: which to train; the CNN takes some 5 seconds, the LSTM most of a minute.
        progress: called with the name of each training.
    """
    if not run.folder.has("skill_seeds"):
        return []
    committed = run.folder.table("skill_seeds")
    same_machine = not machine.differences(run.folder.run, "09a_skill", _trained_on(run))
    found = []
    for training, number in seeds.trainings(run.prices, run.chosen.changed(networks=networks), ("close",)):
        if number == SEED_NUMBER and training.data.ticker == TICKER:
            progress(training.name)
            result = train.train(training).result()
            ours = tables.seed_scores(frames.of_training(training, result, "close", number))
            found += [unlike_seeds(row, committed, same_machine) for _, row in ours.iterrows()]
    return list(filter(None, found))


def unlike_seeds(row: pd.Series, committed: pd.DataFrame, same_machine: bool) -> str:
    """A sentence if a training's MSE is not that of its seed (same machine) or not like those of all seeds."""
    of_seeds = committed[(committed[MODEL] == row[MODEL]).all(axis=1)].set_index("seed_number")["MSE"]
    name = f"{row['ticker']} {row['model']}, {row['part']}: MSE {row['MSE']:.6g}"
    if same_machine:
        there = of_seeds[row["seed_number"]]
        return "" if there == row["MSE"] else f"{name}, committed {there:.6g} on the same kind of machine"
    low, high = np.log(of_seeds.min()), np.log(of_seeds.max())
    room = WIDENED * (high - low)
    inside = low - room <= np.log(row["MSE"]) <= high + room
    return "" if inside else f"{name}, {len(of_seeds)} committed seeds {of_seeds.min():.6g} to {of_seeds.max():.6g}"


def _trained_on(run: Priced) -> list[str]:
    facts = run.folder.records["09a_skill"]["facts"].get("trainings", {})
    return facts.get("processors", facts.get("made_on", []))  # records of before the cache say made_on
