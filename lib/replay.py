"""The thesis's printed trials, trained again: does a score come back, and from which inputs and weights?

120 rows of Appendices 1 to 3 state every hyperparameter (CNN-LSTM and LSTM-CNN; the CNN's and the
LSTM's rows lack filters or units). Each is trained with several seeds, and the printed validation MSE is
laid beside the range of ours. Weights of the last epoch and of the best one are both scored: the
thesis does not say which of them its scores come from.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from lib import metrics, networks, runtime, thesis, training, tuning, windows, workers
from lib.errors import ProjectError
from lib.kept import Kept
from lib.settings import Chosen
from lib.windows import Dataset

WEIGHTS = ("best", "last")
STAND_IN = "SOL-USD"  # its trials are replayed where a run has none of the thesis's coins
_ROW = ["ticker", "network", "trial"]
_READING = ["inputs", "weights"]


class ReplayError(ProjectError):
    """There is nothing to replay."""


@dataclass(frozen=True)
class Piece:
    """One training: a printed trial, the inputs of its windows, and the number of its seed, from 1."""

    ticker: str
    network: str
    trial: int
    inputs: str
    seed_number: int


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
    readings = {inputs: chosen.but(inputs=inputs, restore_best_weights=True) for inputs in chosen.replay_inputs}
    data = {inputs: windows.build(prices, reading) for inputs, reading in readings.items()}
    digests = {inputs: tuning.price_digests(prices, inputs) for inputs in readings}
    pieces = [Piece(*row, inputs, k) for k in range(1, chosen.replay_seeds + 1) for inputs in readings
              for row in printed[_ROW].itertuples(index=False, name=None)]
    hyperparameters = {tuple(row[_ROW]): _hyperparameters(row) for _, row in printed.iterrows()}
    keys = [key(p, hyperparameters[p.ticker, p.network, p.trial], readings[p.inputs], digests[p.inputs][p.ticker]) for p in pieces]
    found = {p: kept.find(k) for p, k in zip(pieces, keys)}
    missing = [(p, k) for p, k in zip(pieces, keys) if found[p] is None]

    def keep(at: int, result: dict[str, Any]) -> None:
        piece, its_key = missing[at]
        kept.keep(its_key, result)
        found[piece] = result

    if missing:
        print(f"{len(pieces) - len(missing)} of {len(pieces)} trainings were finished before.")
        work = [(p, k["hyperparameters"], k["seed"], data[p.inputs][p.ticker], readings[p.inputs]) for p, k in missing]
        workers.run(train, work, chosen, "Trainings", len(missing), keep)
    rows = [{**asdict(p), "weights": w, **found[p][w], **found[p]["run"]} for p in pieces for w in WEIGHTS]
    first = [*_ROW, *_READING, "seed_number", "seed", "mse", "mae", "r2", "epochs_run", "best_epoch", "seconds"]
    return pd.DataFrame(rows)[first]


def key(piece: Piece, hyperparameters: Mapping[str, float], chosen: Chosen, digest: str) -> dict[str, Any]:
    """Everything that one training's result depends on."""
    plain = chosen.as_plain()
    return {
        "what": "replay", "ticker": piece.ticker, "network": piece.network, "hyperparameters": dict(hyperparameters), "data_digest": digest,
        "seed": runtime.derived_seed(chosen.seed, "replay", piece.ticker, piece.network, piece.trial, piece.seed_number),
        "training": training.METHOD, **{f"parameter {k}": plain[k] for k in training.STEERING if k != "restore_best_weights"},
    }


def train(
    piece: Piece, hyperparameters: networks.Hyperparameters, seed: int, data: Dataset, chosen: Chosen, note: Callable[[str], None]
) -> dict[str, Any]:
    """One training, scored on the validation days with the best epoch's weights and with the last one's."""
    fit = training.fit(piece.network, hyperparameters, data, chosen, seed)
    result: dict[str, Any] = {"run": {"seed": seed, "epochs_run": fit.epochs, "best_epoch": fit.best_epoch, "seconds": round(fit.seconds, 2)}}
    actual = data.to_scaled(data.validation.actual_usd)
    for name, weights in (("best", fit.best_weights), ("last", fit.last_weights)):
        fit.model.set_weights(weights)
        predicted = training.predict(fit.model, data.validation.X).astype("float64")
        score = metrics.scores(actual, predicted) if np.isfinite(predicted).all() else {"MSE": math.inf, "MAE": math.inf, "R2": -math.inf}
        result[name] = {"mse": score["MSE"], "mae": score["MAE"], "r2": score["R2"]}
    note(f"{piece.ticker} {piece.network} trial {piece.trial}, {piece.inputs}, seed {piece.seed_number}: MSE {result['best']['mse']:.3g}")
    return result


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
    frame["naive_mse"] = frame["ticker"].map({t: tuning.naive_scores(d)["MSE"] for t, d in data.items()})
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


def _hyperparameters(row: pd.Series) -> dict[str, float]:
    wanted = networks.ARCHITECTURES[row["network"]].hyperparameters
    return {h: float(row[h]) if h in ("dropout_rate", "learning_rate") else int(row[h]) for h in wanted}
