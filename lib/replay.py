"""The thesis's printed trials, trained again: does a score come back, and from which inputs and weights?

120 rows of Appendices 1 to 3 state every hyperparameter (CNN-LSTM and LSTM-CNN; the CNN's and the
LSTM's rows lack filters or units). Each is trained with several seeds, and the printed validation MSE is
laid beside the range of ours. Weights of the last epoch and of the best one are both scored: the
thesis does not say which of them its scores come from.
"""

from __future__ import annotations

import math
from typing import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lib import evaluation, metrics, networks, runtime, thesis, trainings, tuning, windows
from lib.errors import ProjectError
from lib.kept import Kept
from lib.settings import Chosen
from lib.trainings import Trained, Training
from lib.windows import Dataset

STAND_IN = "SOL-USD"  # its trials are replayed where a run has none of the thesis's coins
_ROW = ["ticker", "network", "trial"]
_READING = ["inputs", "weights"]


class ReplayError(ProjectError):
    """There is nothing to replay."""


def printed_trials(tickers: Sequence[str], of_networks: Sequence[str], count: int | str = "printed") -> pd.DataFrame:
    """The printed trials that state every hyperparameter of their network.

    Args:
        tickers: those of the run. If the thesis has none of them, the trials of ``STAND_IN`` are
            taken for each, and the printed scores are no match for ours (``same_coin`` is False).
        of_networks: which networks.
        count: how many of each ticker and network, or ``printed`` for all.

    Returns:
        ``ticker``, ``network``, ``trial``, ``same_coin``, ``printed_mse``, ``printed_mae``,
        ``printed_r2`` (scaled prices, validation days) and the hyperparameters.

    Raises:
        ReplayError: none of the networks has such trials.
    """
    rows = thesis.trials()
    known = [t for t in tickers if t in thesis.APPENDIX]
    parts = [rows[rows["ticker"] == (t if known else STAND_IN)].assign(ticker=t, same_coin=bool(known)) for t in known or tickers]
    rows = pd.concat(parts)
    names = {n: list(networks.ARCHITECTURES[n].hyperparameters) for n in of_networks}
    whole = [n for n in of_networks if set(names[n]) <= set(rows) and rows.loc[rows["network"] == n, names[n]].notna().all(axis=None)]
    rows = rows[rows["network"].isin(whole)]
    if rows.empty:
        raise ReplayError(
            f"networks is {list(of_networks)}, but only CNN-LSTM and LSTM-CNN trials are printed with every hyperparameter: add one of them"
        )
    if count != "printed":
        rows = rows.groupby(["ticker", "network"], sort=False).head(int(count))
    rows = rows.rename(columns={"mse": "printed_mse", "mae": "printed_mae", "r2": "printed_r2"})
    hyperparameters = list(dict.fromkeys(h for n in whole for h in names[n]))
    return rows[[*_ROW, "same_coin", "printed_mse", "printed_mae", "printed_r2", *hyperparameters]].reset_index(drop=True)


def run(prices: Mapping[str, pd.DataFrame], printed: pd.DataFrame, chosen: Chosen, kept: Kept) -> pd.DataFrame:
    """Train every printed trial with every choice of inputs and every seed; what is kept is not trained again.

    Args:
        prices: as loaded.
        printed: as :func:`printed_trials` gives it.
        chosen: checked parameters; also the groups Replay of printed trials and Tuning's ``workers``.
        kept: results of earlier runs, and the place for new ones.

    Returns:
        A row a training and choice of weights: ticker, network, trial, inputs, weights,
        seed_number, seed, mse, mae, r2 (scaled, validation days), epochs_run, best_epoch, seconds.
    """
    data = {inputs: windows.build(prices, chosen.but(inputs=inputs)) for inputs in chosen.replay_inputs}
    digests = {inputs: tuning.price_digests(prices, inputs) for inputs in chosen.replay_inputs}
    wanted, facts = [], []
    for k in range(1, chosen.replay_seeds + 1):
        for inputs in chosen.replay_inputs:
            for row in printed.to_dict("records"):
                ticker, network, trial = (row[name] for name in _ROW)
                seed = runtime.derived_seed(chosen.seed, "replay", ticker, network, trial, k)
                name = f"{ticker} {network} trial {trial}, {inputs}, seed {k}"
                wanted.append(Training(name, network, row, seed, data[inputs][ticker], chosen.but(inputs=inputs), digests[inputs][ticker]))
                facts.append({"ticker": ticker, "network": network, "trial": trial, "inputs": inputs, "seed_number": k, "seed": seed})
    rows = []
    for fact, trained in zip(facts, trainings.run(wanted, kept, chosen)):
        run_of = {"epochs_run": trained.epochs_run, "best_epoch": trained.best_epoch, "seconds": trained.seconds}
        rows += [{**fact, "weights": w, **score(trained, w), **run_of} for w in trainings.WEIGHTS]
    first = [*_ROW, *_READING, "seed_number", "seed", "mse", "mae", "r2", "epochs_run", "best_epoch", "seconds"]
    return pd.DataFrame(rows)[first]


def score(trained: Trained, weights: str) -> dict[str, float]:
    """Scaled ``mse``, ``mae`` and ``r2`` on the validation days; infinitely bad where a forecast is no number."""
    data = trained.training.data
    predicted = data.forecast_scaled(data.validation, trained.predicted("validation", weights))
    if not np.isfinite(predicted).all():
        return {"mse": math.inf, "mae": math.inf, "r2": -math.inf}
    found = metrics.scores(data.to_scaled(data.validation.actual_usd), predicted)
    return {"mse": found["MSE"], "mae": found["MAE"], "r2": found["R2"]}


def table(printed: pd.DataFrame, fits: pd.DataFrame, data: Mapping[str, Dataset]) -> pd.DataFrame:
    """One row a printed trial: its printed score, the range of ours for each reading, and the naive forecast's.

    Args:
        data: ticker -> windows, for the naive forecast on the same days.

    Returns:
        The printed trial, ``naive_mse``, and for each choice of inputs and weights
        ``mse_low/median/high`` over the seeds, ``r2_median``, and ``inside``: whether the printed
        MSE, anywhere within its rounding, lies from low to high.
    """
    frame = printed[[*_ROW, "same_coin", "printed_mse", "printed_mae", "printed_r2"]].copy()
    frame["naive_mse"] = frame["ticker"].map({t: evaluation.naive_scores(d)["MSE"] for t, d in data.items()})
    half = frame["printed_mse"].map(half_unit)
    for (inputs, weights), rows in fits.groupby(_READING, sort=False):
        by_row = rows.groupby(_ROW)
        ours = pd.DataFrame({
            "mse_low": by_row["mse"].min(), "mse_median": by_row["mse"].median(), "mse_high": by_row["mse"].max(),
            "r2_median": by_row["r2"].median(),
        })
        ours = ours.reindex(pd.MultiIndex.from_frame(frame[_ROW])).reset_index(drop=True)
        ours["inside"] = (frame["printed_mse"] + half >= ours["mse_low"]) & (frame["printed_mse"] - half <= ours["mse_high"])
        frame = frame.join(ours.add_suffix(f", {inputs}, {weights}"))
    return frame


def half_unit(printed_mse: float) -> float:
    """Half of the last place to which the appendices print an MSE: three significant digits, six decimals at most.

    They drop trailing zeros: 0.0032 is 0.00320.
    """
    return 0.5 * max(10.0 ** (math.floor(math.log10(printed_mse)) - 2), 1e-6)


def agreement(fits: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """How well each reading (inputs, weights) gives the printed scores back.

    Args:
        fits: as :func:`run` gives them; rows: as :func:`table` gives them.

    Returns:
        A row a reading and network, and one for all. ``inside``: share of printed MSE inside the
        range of our seeds; ``expected_inside``: what that would be if the printed training were
        one more seed, (n - 1) / (n + 1) for n seeds. ``printed_over_ours``: median ratio of
        printed MSE to our median. ``distance``: median absolute natural logarithm of that
        ratio; ``seed_distance``: the same between one seed of ours and the median of the others.
        ``rank_correlation``: Spearman's, printed with ours, within tickers. ``printed_below_naive``,
        ``ours_below_naive``: share of trials whose MSE (ours: the median) is below the naive forecast's.
    """
    seeds = int(fits["seed_number"].max())
    found = []
    for (inputs, weights), mine in fits.groupby(_READING, sort=False):
        for network in ("all", *dict.fromkeys(rows["network"])):
            part = rows if network == "all" else rows[rows["network"] == network]
            of_network = mine if network == "all" else mine[mine["network"] == network]
            ours = part[_column("mse_median", inputs, weights)]
            log_ratio = np.log(part["printed_mse"] / ours)
            found.append({
                "inputs": inputs, "weights": weights, "network": network, "trials": len(part), "seeds": seeds,
                "inside": part[_column("inside", inputs, weights)].mean(), "expected_inside": (seeds - 1) / (seeds + 1),
                "printed_over_ours": float(np.exp(log_ratio.median())), "distance": log_ratio.abs().median(),
                "seed_distance": seed_distance(of_network), "rank_correlation": _rank_correlation(part, ours),
                "printed_below_naive": (part["printed_mse"] < part["naive_mse"]).mean(), "ours_below_naive": (ours < part["naive_mse"]).mean(),
            })
    return pd.DataFrame(found)


def seed_distance(fits: pd.DataFrame) -> float:
    """Median absolute log ratio of one seed's MSE to the median of the other seeds' of the same trial; NaN for one seed."""
    wide = fits.pivot_table(index=_ROW, columns="seed_number", values="mse")
    if wide.shape[1] < 2:
        return math.nan
    each = [np.log(wide[k] / wide.drop(columns=k).median(axis=1)).abs() for k in wide]
    return float(pd.concat(each).median())


def _rank_correlation(part: pd.DataFrame, ours: pd.Series) -> float:
    """Spearman's, averaged over the tickers that have at least three trials, weighted by their number."""
    groups = [g for _, g in part.assign(ours=ours).groupby("ticker") if len(g) >= 3 and g["ours"].nunique() > 1]
    if not groups:
        return math.nan
    return float(np.average([g["printed_mse"].corr(g["ours"], method="spearman") for g in groups], weights=[len(g) for g in groups]))


def _column(name: str, inputs: str, weights: str) -> str:
    return f"{name}, {inputs}, {weights}"


def in_words(rows: pd.DataFrame, found: pd.DataFrame) -> str:
    """Which reading the printed scores fit, and how sure that is, from the numbers."""
    if not rows["same_coin"].all():
        return f"None of this run's tickers is in the thesis: the trials are those printed for {STAND_IN}, and their scores no match for these."
    overall = found[found["network"] == "all"].sort_values("distance", ignore_index=True)
    best = overall.iloc[0]
    lines = [
        f"The printed scores are nearest to inputs {best['inputs']} with the weights of the {best['weights']} epoch: {best['inside']:.0%} of"
        f" {best['trials']} printed MSE lie inside the range of {best['seeds']} seeds, where one more seed of ours would in"
        f" {best['expected_inside']:.0%}; half of them are within a factor of {math.exp(best['distance']):.2f} of our median,"
        f" and half of our own seeds within {math.exp(best['seed_distance']):.2f} of the others."
    ]
    for _, other in overall.iloc[1:].iterrows():
        wins, ties, p = nearer(rows, tuple(best[_READING]), tuple(other[_READING]))
        lines.append(
            f"Against inputs {other['inputs']}, weights {other['weights']} (inside {other['inside']:.0%}, factor {math.exp(other['distance']):.2f}):"
            f" nearer in {wins} of {len(rows) - ties} trials, sign test p {p:.2g}."
        )
    lines.append(
        f"Below the naive forecast's MSE are {best['printed_below_naive']:.0%} of the printed scores and {best['ours_below_naive']:.0%} of ours."
    )
    return "\n".join(lines)


def nearer(rows: pd.DataFrame, one: tuple[str, str], other: tuple[str, str]) -> tuple[int, int, float]:
    """In how many trials one reading's median is nearer to the printed MSE than another's, ties, and the sign test's p-value."""
    distance = [np.log(rows["printed_mse"] / rows[_column("mse_median", *reading)]).abs() for reading in (one, other)]
    wins, losses = int((distance[0] < distance[1]).sum()), int((distance[0] > distance[1]).sum())
    p = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    return wins, len(rows) - wins - losses, float(p)
