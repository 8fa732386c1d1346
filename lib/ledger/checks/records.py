"""Printed cells and statements against the author's own records of the trials, ``lib.thesis.records``."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from lib import thesis
from lib.ledger import precision
from lib.ledger.evidence import Evidence
from lib.ledger.found import Found
from lib.ledger.rows import CELLS, Row
from lib.thesis import published_source, records

FOLDER = "optuna/data"  # of the author's repository: one file for each coin and network
KEYS = ["ticker", "network", "trial"]
MINUTE = 60  # seconds


def cell(evidence: Evidence, row: Row, ticker: str, network: str, trial: str, column: str) -> Found:
    """What a trial's record gives for a cell of the appendices, rounded as all of them are.

    A duration is the record's with its minutes, in whole seconds: the printed unit is s, so a printed remainder is
    another time.
    """
    key = (ticker, network, int(trial))
    value, exact = _rounded()[key][column], _exact()[key][column]
    words = f"{exact:.9g} in the record"
    if column == "duration" and exact >= MINUTE:
        value = np.floor(exact)
        words = f"the record has {exact:.1f} s; the thesis prints only the seconds after the full minute"
    if key in _exchanged():
        words += f"; Appendix {thesis.APPENDIX[ticker]} exchanges the labels of LSTM and CNN-LSTM, which was put right"
    return Found(value, because=words, published=FOLDER)


def exact(evidence: Evidence, row: Row, ticker: str, network: str, trial: str, column: str) -> Found:
    """What a trial's record gives at full precision."""
    words = f"trial {trial} of the {network} on {ticker}"
    return Found(_exact()[ticker, network, int(trial)][column], because=words, published=FOLDER)


def durations_are_whole(evidence: Evidence, row: Row) -> Found:
    """How many printed durations are the whole time that the record gives; of the others the minutes are missing."""
    seconds = _merged()["duration seconds"]
    printed = _merged()["duration"].str.rstrip("s").astype(float)
    whole, rest = printed == np.floor(seconds), printed == np.floor(seconds % MINUTE)
    words = (
        f"{int((seconds >= MINUTE).sum())} trials took a minute or more, up to {seconds.max() / MINUTE:.0f} minutes;"
        f" the printed number is the seconds without the minutes in {int(rest.sum())} of {len(rest)}"
    )
    return Found(bool(whole.all()), because=words, published=FOLDER, shown=f"{int(whole.sum())} of {len(whole)}")


def labels_are_right(evidence: Evidence, row: Row, ticker: str, model: str) -> Found:
    """Whether the rows under a printed label are the records of the network of that name: all their cells follow."""
    rows = thesis.trials().query("ticker == @ticker and model == @model")
    fits = {
        network: sum(_follows(r, _rounded().get((ticker, network, r.trial), {})) for r in rows.itertuples())
        for network in sorted(set(records.trials()["network"]))
    }
    words = ", ".join(f"of the {n} {k}" for n, k in fits.items() if k) or "of none"
    return Found(
        fits[model] == len(rows),
        because=f"of {len(rows)} rows labelled {model} these are records {words}",
        published=FOLDER,
        shown=f"{fits[model]} of {len(rows)}",
    )


def scored_with_best_weights(evidence: Evidence, row: Row) -> Found:
    """In how many trials the printed MSE is the smallest validation loss, as it is after early stopping that restores
    the best epoch's weights.
    """
    frame = records.trials()
    same = records.scored_with_best_weights()
    whole = [
        f"{t}'s {n}" for (t, n), its in frame.assign(same=same).groupby(["ticker", "network"]) if its["same"].all()
    ]
    words = f"in the others it is larger, {(frame['mse'] / frame['best_val_loss']).max():.0f} times at most;"
    words += f" it is the same in all trials of {', '.join(whole) or 'no study'}"
    return Found(bool(same.all()), because=words, published=FOLDER, shown=f"{int(same.sum())} of {len(same)}")


def figure_4_5(evidence: Evidence, row: Row) -> Found:
    """Whether the twelve values that the author's notebook prints for Figure 4.5 are the best R2 of each coin and
    network in the records.
    """
    its = published_source.fact("best_r2")
    drawn = {tuple(key): precision.value(value) for *key, value in (part.split() for part in its.value.split(","))}
    best = records.trials().groupby(["ticker", "network"])["r2"].max()
    right = [abs(drawn.get(key, np.inf) - value) <= 5e-7 for key, value in best.items()]  # printed to six decimals
    return Found(all(right), because=its.value, published=its.file, shown=f"{sum(right)} of {len(right)}")


def best_by(evidence: Evidence, row: Row, column: str) -> Found:
    """How many of the networks that the thesis calls best have the best value of a column among their coin's trials:
    the largest R2, the smallest of any other.
    """
    right, words = [], []
    for network, best in thesis.printed()["best"].items():
        rows = records.trials().query("ticker == @best['ticker'] and network == @network")
        chosen = rows.loc[rows[column].idxmax() if column == "r2" else rows[column].idxmin()]
        right.append(abs(chosen["r2"] - best["scores"]["r2"]) <= 5e-5)  # R2 is printed to four decimals
        words.append(f"{network} on {best['ticker']} trial {chosen['trial']} with R2 {chosen['r2']:.4f}")
    because = f"the best by it are {', '.join(words)}"
    return Found(all(right), because=because, published=FOLDER, shown=f"{sum(right)} of {len(right)}")


def trained_again(evidence: Evidence, row: Row) -> Found:
    """Whether some set of hyperparameters was trained more than once on a coin."""
    about = {"trial", "number", "started", "finished", "best_val_loss", *records.SCORES}
    frame = records.trials()
    twice = frame.duplicated([name for name in frame if name not in about], keep=False)
    return Found(bool(twice.any()), because=f"{twice.sum()} of {len(frame)} trials share theirs", published=FOLDER)


def _follows(printed: Any, ours: dict[str, Any]) -> bool:
    """Whether every cell of a printed row is the record's."""
    given = {name: getattr(printed, name) for name in CELLS if name != "duration"}
    return bool(ours) and all(pd.isna(value) or value == ours[name] for name, value in given.items())


@cache
def _exact() -> dict[tuple[str, str, int], dict[str, Any]]:
    """Key of a trial -> its record at full precision."""
    return records.trials().assign(duration=records.seconds()).set_index(KEYS).to_dict("index")


@cache
def _rounded() -> dict[tuple[str, str, int], dict[str, Any]]:
    """Key of a trial -> its cells as the appendices print them."""
    frame = records.as_printed().rename(columns={"duration_seconds": "duration"})
    return frame.set_index(KEYS)[list(CELLS)].to_dict("index")


@cache
def _exchanged() -> set[tuple[str, str, int]]:
    """Keys of the trials that stand under another network's label."""
    rows = thesis.trials().query("model != network")
    return set(rows[KEYS].itertuples(index=False, name=None))


@cache
def _merged() -> pd.DataFrame:
    """The printed trials, with the seconds that each took."""
    took = records.trials()[KEYS].assign(**{"duration seconds": records.seconds()})
    return thesis.trials().merge(took, on=KEYS, validate="1:1")
