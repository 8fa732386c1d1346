"""Which way of training the author's records prove: candidates laid beside what was published, study by study.

A record has the smallest validation loss of any epoch (the objective) and the MSE of the weights that the network had
in the end. Both are known for every stopping rule from one training that runs every epoch, as a stopped training is
its beginning and the MSE after an epoch is that epoch's validation loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lib import networks, thesis
from lib.data import windows
from lib.experiments import random_seeds, replay, train
from lib.experiments.train import Result, Training
from lib.settings import Settings
from lib.thesis import records

PATIENCE = (None, 5, 10, 20)  # stopping rules that are tried; None runs every epoch
TRIALS = 5  # of each study, evenly spread
OTHER_DAYS = ("ADA-USD", "CNN")  # rerun on 26 January 2025, split 70/20/10 and with days until 2025-01-25
KEY_DIGITS = 16
_TRIAL = ["ticker", "network", "trial"]


def chosen_trials(tickers: Sequence[str], of_networks: Sequence[str], count: int = TRIALS) -> pd.DataFrame:
    """The records of some trials of each study: the first one and then every so many; without :data:`OTHER_DAYS`.

    Args:
        tickers: those of the run. If the thesis has none of them, the trials of ``replay.STAND_IN`` are taken for each,
            and the published outcomes are no match for ours (``same_coin`` is False).
        of_networks: which networks.
        count: how many of each study.
    """
    frame, known = records.trials(), [t for t in tickers if t in thesis.APPENDIX]
    frame = pd.concat(
        [
            frame[frame["ticker"] == (t if known else replay.STAND_IN)].assign(ticker=t, same_coin=bool(known))
            for t in known or tickers
        ]
    )
    frame = frame[frame["network"].isin(of_networks)]
    frame = frame[[study != OTHER_DAYS for study in zip(frame["ticker"], frame["network"])]]
    size = frame.groupby(["ticker", "network"])["trial"].transform("size")
    chosen = frame[(frame["trial"] - 1) % (size // count).clip(lower=1) == 0]
    return chosen.groupby(["ticker", "network"], sort=False).head(count).reset_index(drop=True)


def planned(
    prices: Mapping[str, pd.DataFrame], trials: pd.DataFrame, settings: Settings
) -> list[tuple[Training, dict[str, Any]]]:
    """A training of every epoch for each record, with its ticker, network, trial, inputs, seed and key.

    Args:
        prices: ticker -> daily prices.
        trials: rows of :func:`lib.thesis.records.trials`.
        settings: windows and inputs; the stopping rule is not used.
    """
    whole = settings.changed(patience=None)
    data = windows.build(prices, whole)
    found = []
    for row in trials.to_dict("records"):
        ticker, network, trial = (row[name] for name in _TRIAL)
        seed = random_seeds.of_replay(settings.seed, ticker, network, trial, 1)
        own = {name: row[name] for name in networks.ARCHITECTURES[network].hyperparameters}
        training = Training(network, own, seed, data[ticker], whole, f"{ticker} {network} trial {trial}")
        about = {"ticker": ticker, "network": network, "trial": trial, "inputs": settings.inputs, "seed": seed}
        about |= {"published_objective": row["best_val_loss"], "published_mse": row["mse"]}
        found.append((training, {**about, "key": training.key[:KEY_DIGITS]}))
    return found


def outcome(val_loss: np.ndarray, patience: int | None) -> dict[str, float]:
    """What a training would have given under a stopping rule.

    Args:
        val_loss: validation loss of every epoch, shape (epochs,).
        patience: epochs without gain after which it stops; None never.

    Returns:
        ``objective`` (the smallest loss until then, which is also the MSE of the best epoch's weights), ``last`` (the
        MSE of the last epoch's weights), ``epochs`` that were run.
    """
    losses = np.asarray(val_loss, dtype="float64")
    stop = len(losses)
    if patience is not None:
        best = np.maximum.accumulate(np.where(losses <= np.minimum.accumulate(losses), np.arange(len(losses)), 0))
        waited = np.flatnonzero(np.arange(len(losses)) - best >= patience)
        stop = int(waited[0]) + 1 if len(waited) else stop
    return {"objective": float(losses[:stop].min()), "last": float(losses[stop - 1]), "epochs": stop}


def table(trainings: Sequence[tuple[Training, Mapping[str, Any]]], known: pd.DataFrame | None = None) -> pd.DataFrame:
    """A row for each training and stopping rule: its outcome beside the published one.

    Args:
        trainings: as :func:`planned` gives them.
        known: an earlier table; trainings whose key it holds are taken from there.
    """
    old = {} if known is None else dict(tuple(known.groupby("key")))
    wanted = [(training, about) for training, about in trainings if about["key"] not in old]
    results = train.train_all([training for training, _ in wanted], "Records")
    made = {about["key"]: _rows(about, result) for (_, about), result in zip(wanted, results)}
    return pd.concat([old.get(about["key"], made.get(about["key"])) for _, about in trainings], ignore_index=True)


def _rows(about: Mapping[str, Any], result: Result) -> pd.DataFrame:
    rules = [{"patience": p or 0, **outcome(result.val_loss, p)} for p in PATIENCE]
    return pd.DataFrame([{**about, **rule, "seconds": result.seconds} for rule in rules])


def read(path: Path) -> pd.DataFrame | None:
    """An earlier table; None if there is none."""
    return pd.read_csv(path, dtype={"key": str}) if path.is_file() else None


def distances(found: pd.DataFrame) -> pd.DataFrame:
    """How far each candidate is from the records, by study.

    Args:
        found: rows of :func:`table`, in which a patience of 0 stands for every epoch.

    Returns:
        A row for each ticker, network, inputs, stopping rule and choice of weights: ``trials``, and as factors (1 is
        equal; half of the trials are nearer) ``objective_factor`` and ``mse_factor``, with ``objective_ratio``, the
        median of ours over the published objective.
    """
    rows = []
    for names, its in found.groupby(["ticker", "network", "inputs", "patience"], sort=False):
        ratio = np.log(its["objective"] / its["published_objective"])
        for weights, ours in (("best", its["objective"]), ("last", its["last"])):
            rows.append(
                {
                    **dict(zip(("ticker", "network", "inputs", "patience"), names)),
                    "weights": weights,
                    "trials": len(its),
                    "objective_factor": float(np.exp(ratio.abs().median())),
                    "objective_ratio": float(np.exp(ratio.median())),
                    "mse_factor": float(np.exp(np.log(ours / its["published_mse"]).abs().median())),
                }
            )
    return pd.DataFrame(rows)


def in_words(found: pd.DataFrame, same_coin: bool) -> str:
    """Which stopping rule the objectives fit, study by study, and which weights the scores; ``found`` as above."""
    if not same_coin:
        return (
            f"None of this run's tickers is in the thesis: the trials are those published for {replay.STAND_IN}, and"
            " their outcomes no match for these."
        )
    studies = found.groupby(["ticker", "network"], sort=False)
    nearest = pd.DataFrame([rows.loc[rows["objective_factor"].idxmin()] for _, rows in studies])
    overall = found.groupby("patience")["objective_factor"].median().sort_values()
    every = (nearest["patience"] == 0).sum()
    stops = "; ".join(f"{_rule(int(p))} {factor:.3f}" for p, factor in overall.items())
    others = ", ".join(
        f"{r.network} of {r.ticker} ({_rule(int(r.patience))})" for r in nearest.itertuples() if r.patience
    )
    nowhere = f"; not in {others}" if others else ""
    ran = found[found["patience"] == 0].pivot_table(index=["ticker", "network"], columns="weights", values="mse_factor")
    last = int((ran["last"] < ran["best"]).sum())
    return "\n".join(
        [
            "The published objective is the smallest validation loss of a training. Ours over it, as a factor that half"
            f" of the trials are within, in the median of {len(nearest)} studies: {stops}.",
            f"Running every epoch is nearest in {every} of {len(nearest)} studies{nowhere}.",
            f"With every epoch run, published MSE are nearer to the last epoch's weights in {last} of {len(ran)}"
            " studies, nearer to the best one's in the others. (One seed a trial; a last epoch's score differs between"
            " seeds more than the smallest loss does.)",
            "Left out: the CNN of ADA-USD, whose records are a rerun on other days.",
        ]
    )


def _rule(patience: int) -> str:
    return f"patience {patience}" if patience else "every epoch"
