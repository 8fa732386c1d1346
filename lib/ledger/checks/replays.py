"""Printed scores against networks trained again with the printed hyperparameters."""

from __future__ import annotations

import numpy as np

from lib import thesis
from lib.evaluation import significance
from lib.ledger import precision
from lib.ledger.checks import price_tables
from lib.ledger.evidence import COMMAND, REPLAY_COMMAND, Evidence, Missing
from lib.ledger.found import Found
from lib.ledger.rows import Row

BEST_TRIALS = {"CNN": ("SOL-USD", 29), "LSTM": ("SOL-USD", 15), "CNN-LSTM": ("SOL-USD", 7), "LSTM-CNN": ("ETH-USD", 18)}
COLUMNS = {"mse": "MSE", "mae": "MAE", "r2": "R2"}  # as lib.evaluation.metrics names them
LACKING = {"CNN": "its filters and kernel sizes are not printed", "LSTM": "its units are not printed"}


def score_of_trial(evidence: Evidence, row: Row, ticker: str, network: str, trial: str, score: str) -> Found:
    """The median and range of a score over all seeds with which a printed trial was trained again.

    They are of the replay, in the reading (inputs, weights) that the printed trials as a whole are nearest
    to. The trials that the thesis calls best were trained in notebook 09a too, also those whose filters and
    units stand in chapter 8 only; these seeds are added. A run that has neither has one seed in 04 to 07.

    Raises:
        Missing: the trial does not print every hyperparameter, or was not trained here.
    """
    number = int(trial)
    evidence.close(ticker)
    is_best = BEST_TRIALS[network] == (ticker, number)
    ours = _replayed(evidence, ticker, network, number, score)
    if is_best and (not ours or _reading(evidence) == (evidence.inputs, "best")):  # then 09a's are the same training
        ours |= _of_09a(evidence, ticker, network, score)
    if ours:
        values = np.concatenate(list(ours.values()))
        words = " and ".join(f"{len(v)} seeds of {where}" for where, v in ours.items())
        words += _side(row, values, score) + (_chosen(ticker, network) if is_best else "")
        words += _other_readings(evidence, ticker, network, number, score)
        return Found(float(np.median(values)), float(values.min()), float(values.max()), words, seeds=len(values))
    if is_best and evidence.scores is not None:
        return _one_seed(evidence, ticker, network, score)
    if network in LACKING:
        raise Missing(
            evidence.why.get("seeds") or f"it was not trained again. Make it with: {COMMAND} --only 09a"
            if is_best
            else LACKING[network]
        )
    raise Missing(
        evidence.why.get("trainings")
        or evidence.why.get("scores")
        or f"it was not trained again. Make it with: {REPLAY_COMMAND}"
    )


def best_score(evidence: Evidence, row: Row, network: str, score: str) -> Found:
    """The score of the trial that the thesis calls a network's best, trained again: what :func:`score_of_trial` finds
    for it.
    """
    ticker, trial = BEST_TRIALS[network]
    return score_of_trial(evidence, row, ticker, network, str(trial), score)


def table_4_5_score(evidence: Evidence, row: Row, network: str, score: str) -> Found:
    """The nearest of our scores to one of Table 4.5, which states neither coin nor days nor unit, if some days can have
    its MSE and R2.

    Raises:
        Missing: no days that were tried can, or no network was trained on them.
    """
    days = price_tables.table_4_5_days(evidence, row)
    if not days.value:
        raise Missing(
            "coin, days and unit are not stated, and no days that were tried can have its MSE and R2 in one row:"
            f" {days.because}"
        )
    if evidence.scores is None:
        raise Missing(evidence.why.get("scores") or "nothing was trained in this run")
    rows = evidence.scores.query(
        f"model == @network and unit == 'USD' and part != 'train' and ticker in {list(thesis.APPENDIX)}"
    )
    if rows.empty:
        raise Missing(f"no {network} was trained on the thesis's coins in this run")
    nearest = rows.loc[(rows[COLUMNS[score]] - precision.value(row.printed)).abs().idxmin()]
    words = f"nearest of ours is {nearest['ticker']}, {nearest['part']}, US dollars, one seed"
    return Found(
        float(nearest[COLUMNS[score]]), because=f"coin, days and unit are not stated: {days.because}; {words}", seeds=1
    )


def best_of_one_coin(evidence: Evidence, row: Row) -> Found:
    """Whether the trials that the thesis calls the networks' best are of one coin, so that their scores can be
    compared.
    """
    words = ", ".join(f"{n} {ticker} trial {k}" for n, (ticker, k) in BEST_TRIALS.items())
    return Found(
        len({ticker for ticker, _ in BEST_TRIALS.values()}) == 1, because=words, other_place="Appendix 1, Appendix 3"
    )


def features(evidence: Evidence, row: Row) -> Found:
    """How many values a day the windows have with which the trials' scores come back best: the own close, or every
    coin's.
    """
    if evidence.agreement is None:
        raise Missing(
            evidence.why.get("trainings") or f"no printed trial was trained again. Make it with: {REPLAY_COMMAND}"
        )
    overall = evidence.agreement[evidence.agreement["network"] == "all"]
    factor = overall.groupby("inputs")["factor"].min().sort_values()
    if len(factor) < 2:
        raise Missing(f"only one kind of inputs was trained again. Make it with: {REPLAY_COMMAND}")
    size = {"own_close": 1, "all_closes": len(thesis.APPENDIX)}[factor.index[0]]
    return Found(
        float(size),
        because="half of the printed MSE are within this factor of ours: "
        + ", ".join(f"{k} {v:.2f}" for k, v in factor.items()),
    )


def replayed_inside(evidence: Evidence, row: Row, network: str) -> Found:
    """Whether the printed MSE of a network's trials lie in the range of our seeds as often as one more seed of ours
    would, up to chance.
    """
    if evidence.trainings is None:
        raise Missing(evidence.why.get("trainings") or f"Make it with: {REPLAY_COMMAND}")
    inputs, weights = _reading(evidence)
    found = evidence.agreement.query("network == @network and inputs == @inputs and weights == @weights")
    if found.empty:
        raise Missing(f"no {network} was trained again in this run")
    one = found.iloc[0]
    if not significance.can_tell_too_few(one["expected_inside"], int(one["trials"])):
        raise Missing(
            f"{int(one['trials'])} trials with {int(one['seeds'])} seeds are too few to tell. Make more with:"
            f" {REPLAY_COMMAND}"
        )
    return Found(
        bool(one["inside_p"] >= significance.LEVEL),
        because=(
            f"{one['inside']:.0%} of {int(one['trials'])} are inside, {one['expected_inside']:.0%} would be by chance"
            f" of the seed (p {significance.p_text(one['inside_p'])}); median factor printed over ours"
            f" {one['printed_over_ours']:.2f}"
        ),
        shown=f"{one['inside']:.0%}",
    )


def _replayed(evidence: Evidence, ticker: str, network: str, trial: int, score: str) -> dict[str, np.ndarray]:
    """The replay and its scores of a trial, one a seed; empty if it has none."""
    if evidence.trainings is None:
        return {}
    inputs, weights = _reading(evidence)
    rows = evidence.trainings
    rows = rows[(rows["ticker"] == ticker) & (rows["network"] == network) & (rows["trial"] == trial)]
    values = rows.loc[(rows["inputs"] == inputs) & (rows["weights"] == weights), score].to_numpy(float)
    return (
        {f"the replay (inputs {inputs}, weights of the {weights} epoch)": values}
        if len(values) and np.isfinite(values).all()
        else {}
    )


def _reading(evidence: Evidence) -> tuple[str, str]:
    """Inputs and weights that the printed trials as a whole are nearest to."""
    overall = evidence.agreement[evidence.agreement["network"] == "all"].sort_values("factor")
    return overall.iloc[0]["inputs"], overall.iloc[0]["weights"]


def _other_readings(evidence: Evidence, ticker: str, network: str, trial: int, score: str) -> str:
    if evidence.trainings is None:
        return ""
    rows = evidence.trainings
    rows = rows[(rows["ticker"] == ticker) & (rows["network"] == network) & (rows["trial"] == trial)]
    nearest = _reading(evidence)
    words = [
        f"{inputs}, {weights} {g[score].min():.3g} to {g[score].max():.3g}"
        for (inputs, weights), g in rows.groupby(["inputs", "weights"], sort=False)
        if (inputs, weights) != nearest
    ]
    return f"; other readings: {'; '.join(words)}" if words else ""


def _side(row: Row, values: np.ndarray, score: str) -> str:
    """On which side of all our seeds a printed score lies, if it is outside."""
    printed, half = precision.value(row.printed), precision.half_unit(row.printed)
    if values.min() <= printed + half and printed - half <= values.max():
        return ""
    better = (printed > values.max()) == (score == "r2")
    return f"; the printed one is {'better' if better else 'worse'} than every one of them"


def _chosen(ticker: str, network: str) -> str:
    """A word on selection: the best of many trials was lucky too, so the same training with another seed tends to be
    worse.
    """
    trials = thesis.trials()
    many = int(((trials["ticker"] == ticker) & (trials["network"] == network)).sum())
    return (
        f"; its trial has the smallest MSE of {many} on the days that it was scored on, so that other seeds tend to be"
        " worse"
    )


def _of_09a(evidence: Evidence, ticker: str, network: str, score: str) -> dict[str, np.ndarray]:
    """Notebook 09a and its scores of a best trial in scaled prices, one a seed; empty if it has none.

    Its table is in US dollars: MSE and MAE are divided by the range of closes that the scaler maps to 0 and 1.
    """
    if evidence.seeds is None:
        return {}
    rows = evidence.seeds
    rows = rows[
        (rows["ticker"] == ticker)
        & (rows["model"] == network)
        & (rows["part"] == "validation")
        & (rows["reading"] == "close")
    ]
    if len(rows) < 2 or int(rows["days"].iloc[0]) != len(evidence.targets(ticker).actual):
        return {}
    close = evidence.close(ticker)
    unit = (close.max() - close.min()) ** {"mse": 2, "mae": 1, "r2": 0}[score]
    return {"notebook 09a": (rows[COLUMNS[score]] / unit).to_numpy(float)}


def _one_seed(evidence: Evidence, ticker: str, network: str, score: str) -> Found:
    found = evidence.scores.query(
        "ticker == @ticker and model == @network and unit == 'scaled' and part == 'validation'"
    )
    if found.empty:
        raise Missing(f"no {network} was trained on {ticker} in this run")
    if int(found["days"].iloc[0]) != len(evidence.targets(ticker).actual):
        raise Missing(
            "this run is split otherwise than the printed scores. Make it with: python run_all.py params/thesis.yaml"
        )
    return Found(float(found[COLUMNS[score]].iloc[0]), because="one seed of ours, which has no spread", seeds=1)
