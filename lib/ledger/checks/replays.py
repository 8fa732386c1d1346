"""Printed scores against networks trained again with the published hyperparameters."""

from __future__ import annotations

import math

import pandas as pd

from lib import thesis
from lib.evaluation import prediction, significance
from lib.ledger.evidence import REPLAY_COMMAND, Evidence, Missing
from lib.ledger.found import Found
from lib.ledger.rows import Row

BEST_TRIALS = {"CNN": ("SOL-USD", 29), "LSTM": ("SOL-USD", 15), "CNN-LSTM": ("SOL-USD", 7), "LSTM-CNN": ("ETH-USD", 18)}
SIZES = {"own_close": 1, "all_closes": len(thesis.APPENDIX)}  # values a day in a window


def score_of_trial(evidence: Evidence, row: Row, ticker: str, network: str, trial: str) -> Found:
    """The validation MSE of a trial trained again, and the 95 % prediction interval of one more training.

    Notebook 08b trains it; the spread between seeds is pooled over the trials of its coin and network.

    Raises:
        Missing: it was not trained again, or nothing says how far another seed would be.
    """
    rows = _replay(evidence)
    its = rows[(rows["ticker"] == ticker) & (rows["network"] == network) & (rows["trial"] == int(trial))]
    if its.empty or not its["trainings"].iloc[0] or not its["same_coin"].iloc[0]:
        raise Missing(f"not computed in this run: it was not trained again. Make it with: {REPLAY_COMMAND}")
    ours = its.iloc[0]
    if pd.isna(ours["mse_low"]):
        why = (
            "it diverged" if math.isinf(ours["our_mse"]) else "an interval needs trials of its study with several seeds"
        )
        raise Missing(f"not computed in this run: {why}. Make it with: {REPLAY_COMMAND}")
    many = int(ours["trainings"])
    words = (
        f"{many} training{'s' if many > 1 else ''} of ours; the objective was {ours['our_objective']:.3g}, the author's"
        f" {ours['objective']:.3g}; naive {ours['naive_mse']:.3g}"
    )
    return Found(float(ours["our_mse"]), float(ours["mse_low"]), float(ours["mse_high"]), words, seeds=many)


def best_score(evidence: Evidence, row: Row, network: str) -> Found:
    """The smallest MSE of all trials of a study trained again, and the 95 % interval of the best of as many new ones.

    The study is the one whose best trial the thesis calls the network's best. The best of many was lucky too, so it is
    compared with the best of as many.

    Raises:
        Missing: not every trial of the study was trained again.
    """
    ticker = BEST_TRIALS[network][0]
    rows, studies = _replay(evidence), _there(evidence, "studies", evidence.studies)
    its = studies[(studies["ticker"] == ticker) & (studies["network"] == network)]
    if its.empty or pd.isna(its["best_low"].iloc[0]):
        raise Missing(
            f"not computed in this run: not every trial of this study was trained again, some with several seeds. Make"
            f" it with: {REPLAY_COMMAND}"
        )
    study = its.iloc[0]
    ours = rows.loc[(rows["ticker"] == ticker) & (rows["network"] == network), "our_mse"].min()
    words = (
        f"the best of {int(study['trials'])} trials of the {network} on {ticker}, against the best of as many of ours"
    )
    return Found(float(ours), float(study["best_low"]), float(study["best_high"]), words, seeds=int(study["trained"]))


def best_of_one_coin(evidence: Evidence, row: Row) -> Found:
    """Whether the trials that the thesis calls the networks' best are of one coin, so that their scores can be
    compared.
    """
    words = ", ".join(f"{n} {ticker} trial {k}" for n, (ticker, k) in BEST_TRIALS.items())
    return Found(
        len({ticker for ticker, _ in BEST_TRIALS.values()}) == 1, because=words, other_place="Appendix 1, Appendix 3"
    )


def features(evidence: Evidence, row: Row) -> Found:
    """How many values a day the windows have with which the published objectives come back best: the own close, or
    every coin's.

    Raises:
        Missing: only one kind of inputs was trained, or the trials do not tell the two apart.
    """
    compared = _there(evidence, "inputs_compared", evidence.inputs_compared)
    its = compared[compared["inputs"].isin(list(SIZES))].sort_values("objective_factor")
    if len(its) < 2:
        raise Missing(f"only one kind of inputs was trained again. Make it with: {REPLAY_COMMAND}")
    words = "; ".join(f"{r.inputs} {r.objective_factor:.3f}" for r in its.itertuples())
    other = its[its["inputs"] != "own_close"].iloc[0]
    words = (
        f"half of the published objectives of {int(other['trials'])} trials are within this factor of ours: {words};"
        f" the own close is nearer in {int(other['own_nearer'])} of {int(other['decided'])}"
        f" (p {significance.p_text(other['p'])})"
    )
    if not other["p"] < significance.LEVEL:
        raise Missing(f"these trials do not tell inputs apart: {words}")
    return Found(float(SIZES[its["inputs"].iloc[0]]), because=words)


def replayed_inside(evidence: Evidence, row: Row, ticker: str, network: str) -> Found:
    """Whether no difference is found between the published MSE of a study and ours, over all of its trials.

    Two tests, corrected over the studies: too few in the intervals of one more training, or another level.

    Raises:
        Missing: not every trial of the study was trained again, or none has an interval.
    """
    studies = _there(evidence, "studies", evidence.studies)
    its = studies[(studies["ticker"] == ticker) & (studies["network"] == network)]
    if its.empty or its["trained"].iloc[0] < its["trials"].iloc[0] or pd.isna(its["p_holm"].iloc[0]):
        raise Missing(
            f"not computed in this run: not every {network} on {ticker} was trained again, some with several seeds."
            f" Make it with: {REPLAY_COMMAND}"
        )
    study = its.iloc[0]
    return Found(
        bool(study["p_holm"] >= significance.LEVEL),
        because=(
            f"{int(study['inside'])} of {int(study['judged'])} are inside, {prediction.LEVEL:.0%} would be by chance of"
            f" the seed; ours over published {study['ours_over_published']:.2f} (median); p"
            f" {significance.p_text(study['p_holm'])} after Holm"
        ),
        shown=f"{int(study['inside'])} of {int(study['judged'])}",
    )


def _replay(evidence: Evidence) -> pd.DataFrame:
    return _there(evidence, "replay", evidence.replay)


def _there(evidence: Evidence, name: str, table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        raise Missing(evidence.why.get(name) or f"not computed in this run. Make it with: {REPLAY_COMMAND}")
    return table
