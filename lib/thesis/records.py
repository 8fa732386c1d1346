"""The author's own records of the 255 trials, at full precision, and how Appendices 1 to 3 follow from them.

Source: github.com/mehanisik/crypto-predict, folder ``optuna/data``, added in commit ee77bcd of 2025-02-01; section 7.7
of the thesis points to it. Facts only; the repository states no licence.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import pandas as pd

from lib.thesis import content

FILE = "published_trials.csv"
SCORES = ("mse", "mae", "r2")
# Of the numbers that are not whole: significant digits, or decimals, to which the appendices print them.
_DIGITS = {"mse": 3, "mae": 3, "learning_rate": 3}
_DECIMALS = {"r2": 2, "dropout_rate": 2}
_FIRST_DECIMALS = 6
_SAME = 1e-6  # relative; two ways of summing the same squares in float32 differ by less


@lru_cache(maxsize=1)
def trials() -> pd.DataFrame:
    """The 255 trials as their author published them, in the order of the appendices.

    Returns:
        ``ticker``, ``network`` (what was trained, whatever the appendix calls it), ``trial`` (from 1, as printed),
        ``number`` (Optuna's), ``started``, ``finished`` (local time of the author), the hyperparameters under the names
        of ``lib.networks``, ``best_val_loss`` (the objective: the smallest validation loss of any epoch, scaled), and
        ``mse``, ``mae``, ``r2`` (scaled, of the weights that the network had in the end).

    Raises:
        lib.thesis.RecordsError: the file is missing, cut or altered.
    """
    found = pd.read_csv(io.BytesIO(content(FILE)), parse_dates=["started", "finished"])
    found.insert(2, "trial", found.groupby(["ticker", "network"]).cumcount() + 1)
    return found


def scored_with_best_weights() -> pd.Series:
    """Of which trials the MSE is the objective, as it is with the weights of the best epoch; truth values."""
    frame = trials()
    return pd.Series(np.isclose(frame["mse"], frame["best_val_loss"], rtol=_SAME, atol=0), frame.index)


def seconds() -> pd.Series:
    """How long each trial took, in seconds."""
    frame = trials()
    return (frame["finished"] - frame["started"]).dt.total_seconds()


def as_printed() -> pd.DataFrame:
    """What Appendices 1 to 3 must print if they come from these records: every column that both have.

    Errors and learning rates are rounded to six decimals, then to three significant digits; R2 and dropout to two
    decimals; of a duration the minutes are dropped, as in Python's ``timedelta.seconds % 60``.
    """
    frame = trials()
    whole = ["batch_size", "epochs", "filters", "kernel_size", "lstm_units1", "lstm_units2", "pool_size"]
    rounded = {name: frame[name].map(lambda x, d=digits: _significant(x, d)) for name, digits in _DIGITS.items()}
    rounded |= {name: frame[name].round(decimals) for name, decimals in _DECIMALS.items()}
    durations = np.floor(seconds() % 60)
    return frame[["ticker", "network", "trial", *whole]].assign(**rounded, duration_seconds=durations)


def _significant(value: float, digits: int) -> float:
    return float(f"{round(value, _FIRST_DECIMALS):.{digits}g}")
