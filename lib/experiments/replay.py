"""The thesis's printed trials, trained again: does a score come back, and from which inputs and weights?

120 rows of Appendices 1 to 3 state every hyperparameter (CNN-LSTM and LSTM-CNN; the CNN's and the
LSTM's rows lack filters or units). Each is trained with several seeds, and the printed validation MSE is
laid beside the range of ours. Weights of the last epoch and of the best one are both scored: the
thesis does not say which of them its scores come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats

from lib import networks, thesis
from lib.data import windows
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import scoring, significance
from lib.experiments import random_seeds, train
from lib.experiments.train import Training
from lib.results import files
from lib.settings import Settings

STAND_IN = "SOL-USD"  # its trials are replayed where a run has none of the thesis's coins
_ROW = ["ticker", "network", "trial"]
_READING = ["inputs", "weights"]
KEY_DIGITS = 16
LEVEL = significance.LEVEL  # below it, chance is not taken to explain a difference


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
    parts = [
        rows[rows["ticker"] == (t if known else STAND_IN)].assign(ticker=t, same_coin=bool(known))
        for t in known or tickers
    ]
    rows = pd.concat(parts)
    names = {n: list(networks.ARCHITECTURES[n].hyperparameters) for n in of_networks}
    whole = [
        n
        for n in of_networks
        if set(names[n]) <= set(rows) and rows.loc[rows["network"] == n, names[n]].notna().all(axis=None)
    ]
    rows = rows[rows["network"].isin(whole)]
    if rows.empty:
        raise ReplayError(
            f"networks is {list(of_networks)}, but only CNN-LSTM and LSTM-CNN trials are printed with every"
            f" hyperparameter: add one of them"
        )
    if count != "printed":
        rows = rows.groupby(["ticker", "network"], sort=False).head(int(count))
    rows = rows.rename(columns={"mse": "printed_mse", "mae": "printed_mae", "r2": "printed_r2"})
    hyperparameters = list(dict.fromkeys(h for n in whole for h in names[n]))
    return rows[[*_ROW, "same_coin", "printed_mse", "printed_mae", "printed_r2", *hyperparameters]].reset_index(
        drop=True
    )


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices that leave no window for one of ``replay_inputs``.

    Raises:
        WindowError: with the number of days that would do.
    """
    for inputs in (settings.replay_inputs,):
        windows.build(prices, settings.changed(inputs=inputs))


def planned(
    prices: Mapping[str, pd.DataFrame], printed: pd.DataFrame, settings: Settings
) -> list[tuple[Training, dict[str, Any]]]:
    """The trainings of :func:`run`, each with its ticker, network, trial, inputs, number of seed, seed and key."""
    readings = {inputs: settings.changed(inputs=inputs) for inputs in (settings.replay_inputs,)}
    data = {inputs: windows.build(prices, reading) for inputs, reading in readings.items()}
    found = []
    for k in range(1, settings.replay_seeds + 1):
        for inputs, reading in readings.items():
            for row in printed.to_dict("records"):
                ticker, network, trial = [row[name] for name in _ROW]
                seed = random_seeds.of_replay(settings.seed, ticker, network, trial, k)
                name = f"{ticker} {network} trial {trial}, {inputs}, seed {k}"
                training = Training(network, row, seed, data[inputs][ticker], reading, name)
                facts = {
                    **{"ticker": ticker, "network": network, "trial": trial},
                    "inputs": inputs,
                    "seed_number": k,
                    "seed": seed,
                }
                found.append((training, {**facts, "key": training.key[:KEY_DIGITS]}))
    return found


def missing(trainings: Sequence[tuple[Training, Mapping[str, Any]]], known: pd.DataFrame | None = None) -> int:
    """How many of these trainings neither a table of an earlier replay nor the cache holds."""
    return sum(not train.is_cached(training) for training, _ in _unknown(trainings, known))


def _unknown(trainings: Sequence[tuple[Training, Any]], known: pd.DataFrame | None) -> list[tuple[Training, Any]]:
    keys = set() if known is None else set(known["key"])
    return [(training, facts) for training, facts in trainings if facts["key"] not in keys]


def run(trainings: Sequence[tuple[Training, Mapping[str, Any]]], known: pd.DataFrame | None = None) -> pd.DataFrame:
    """Train every printed trial with every choice of inputs and every seed.

    Args:
        trainings: as :func:`planned` gives them.
        known: the table of an earlier replay; trainings whose key it holds are taken from there.

    Returns:
        A row a training and choice of weights: ticker, network, trial, inputs, weights, seed_number, seed, mse, mae,
        r2 (scaled, validation days), epochs_run, best_epoch, seconds, key (the first digits of the training's key).
    """
    wanted = _unknown(trainings, known)
    rows = {}
    for (training, facts), result in zip(wanted, train.train_all([t for t, _ in wanted])):
        run_of = {"epochs_run": result.epochs, "best_epoch": result.best_epoch, "seconds": result.seconds}
        for weights in train.WEIGHTS:
            scores = scoring.scaled_scores(training.data, result.predicted("validation", weights))
            score = {"mse": scores["MSE"], "mae": scores["MAE"], "r2": scores["R2"]}
            rows[facts["key"], weights] = {**facts, "weights": weights, **score, **run_of}
    first = [*_ROW, *_READING, "seed_number", "seed", "mse", "mae", "r2", "epochs_run", "best_epoch", "seconds", "key"]
    if known is not None:
        rows |= {(row["key"], row["weights"]): row for row in known.to_dict("records")}
    return pd.DataFrame([rows[facts["key"], weights] for _, facts in trainings for weights in train.WEIGHTS])[first]


def read(path: Path) -> pd.DataFrame | None:
    """The table of an earlier replay; None if there is none, or one from before trainings had keys."""
    if not path.is_file():
        return None
    table = files.read_table(path, dtype={"key": str})
    return table if "key" in table else None


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
    frame["naive_mse"] = frame["ticker"].map({t: scoring.naive_scores(d)["MSE"] for t, d in data.items()})
    half = frame["printed_mse"].map(half_unit)
    for (inputs, weights), rows in fits.groupby(_READING, sort=False):
        by_row = rows.groupby(_ROW)
        ours = pd.DataFrame(
            {
                "mse_low": by_row["mse"].min(),
                "mse_median": by_row["mse"].median(),
                "mse_high": by_row["mse"].max(),
                "r2_median": by_row["r2"].median(),
            }
        )
        ours = ours.reindex(pd.MultiIndex.from_frame(frame[_ROW])).reset_index(drop=True)
        ours["inside"] = (frame["printed_mse"] + half >= ours["mse_low"]) & (
            frame["printed_mse"] - half <= ours["mse_high"]
        )
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
        A row a reading and network, and one for all: ``inputs``, ``weights``, ``network``, ``trials``, ``seeds``, and
            what
        :data:`MEANINGS` explains.
    """
    seeds = int(fits["seed_number"].max())
    chance = (seeds - 1) / (seeds + 1)
    found = []
    for (inputs, weights), mine in fits.groupby(_READING, sort=False):
        for network in ("all", *dict.fromkeys(rows["network"])):
            part = rows if network == "all" else rows[rows["network"] == network]
            of_network = mine if network == "all" else mine[mine["network"] == network]
            ours = part[_column("mse_median", inputs, weights)]
            log_ratio = np.log(part["printed_mse"] / ours)
            inside = part[_column("inside", inputs, weights)]
            found.append(
                {
                    "inputs": inputs,
                    "weights": weights,
                    "network": network,
                    "trials": len(part),
                    "seeds": seeds,
                    "inside": inside.mean(),
                    "expected_inside": chance,
                    "inside_p": stats.binomtest(int(inside.sum()), len(part), chance, alternative="less").pvalue
                    if chance
                    else math.nan,
                    "below": int((~inside & (part["printed_mse"] < ours)).sum()),
                    "above": int((~inside & (part["printed_mse"] > ours)).sum()),
                    "printed_over_ours": float(np.exp(log_ratio.median())),
                    "factor": float(np.exp(log_ratio.abs().median())),
                    "seed_factor": seed_factor(of_network),
                    "rank_correlation": _rank_correlation(part, part["printed_mse"], ours),
                    "seed_rank_correlation": _seed_rank_correlation(of_network),
                    "printed_below_naive": int((part["printed_mse"] < part["naive_mse"]).sum()),
                    "ours_below_naive": int((ours < part["naive_mse"]).sum()),
                }
            )
    return pd.DataFrame(found)


MEANINGS = {
    "inside": "share of printed MSE, anywhere within their rounding, from the smallest to the largest of our seeds",
    "expected_inside": (
        "what that would be if the printed training were one more seed of ours: (n - 1) / (n + 1) for n seeds"
    ),
    "inside_p": (
        "chance of so few inside if it were (binomial; the trials of one search are not independent, so it is a guide)"
    ),
    "below, above": "how many printed MSE lie below and above the range of our seeds",
    "printed_over_ours": "median of printed MSE over our median: 1 if their level is ours",
    "factor": "half of the printed MSE are within this factor of our median",
    "seed_factor": (
        "the same for one seed of ours and the median of the others: what factor would be if the printed training"
        " were one more seed"
    ),
    "rank_correlation": "Spearman's, printed with our median, within coins",
    "seed_rank_correlation": "the same for one seed of ours and the median of the others",
    "printed_below_naive, ours_below_naive": (
        "how many printed MSE, and how many of our medians, are below that of 'tomorrow equals today'"
    ),
}


def meanings() -> Styler:
    """:data:`MEANINGS` as a table to look at."""
    shown = pd.DataFrame({"column": list(MEANINGS), "meaning": list(MEANINGS.values())})
    return shown.style.hide(axis="index").set_properties(**{"text-align": "left", "white-space": "normal"})


def seed_factor(fits: pd.DataFrame) -> float:
    """The factor that half of single seeds' MSE are within, of the median of the other seeds of the same trial; NaN for
    one seed.
    """
    one_and_others = _each_seed(fits)
    return (
        float(np.exp(pd.concat([np.log(one / others).abs() for one, others in one_and_others]).median()))
        if one_and_others
        else math.nan
    )


def _each_seed(fits: pd.DataFrame) -> list[tuple[pd.Series, pd.Series]]:
    """For each seed its MSE by trial and the median of the other seeds'; empty for one seed."""
    wide = fits.pivot_table(index=_ROW, columns="seed_number", values="mse")
    return [(wide[k], wide.drop(columns=k).median(axis=1)) for k in wide] if wide.shape[1] > 1 else []


def _seed_rank_correlation(fits: pd.DataFrame) -> float:
    each = [
        _rank_correlation(one.reset_index(), one.reset_index(drop=True), others.reset_index(drop=True))
        for one, others in _each_seed(fits)
    ]
    return float(np.mean(each)) if each else math.nan


def _rank_correlation(part: pd.DataFrame, one: pd.Series, other: pd.Series) -> float:
    """Spearman's, averaged over the tickers that have at least three trials, weighted by their number."""
    groups = [
        g
        for _, g in part.assign(one=one, other=other).groupby("ticker")
        if len(g) >= 3 and g["one"].nunique() > 1 and g["other"].nunique() > 1
    ]
    if not groups:
        return math.nan
    return float(
        np.average([g["one"].corr(g["other"], method="spearman") for g in groups], weights=[len(g) for g in groups])
    )


def _column(name: str, inputs: str, weights: str) -> str:
    return f"{name}, {inputs}, {weights}"


def in_words(rows: pd.DataFrame, found: pd.DataFrame) -> str:
    """Which reading the printed scores are nearest to, whether they come back, and how sure that is."""
    if not rows["same_coin"].all():
        return (
            f"None of this run's tickers is in the thesis: the trials are those printed for {STAND_IN}, and their"
            f" scores no match for these."
        )
    best = nearest(found)
    return "\n".join(
        [
            _nearest_in_words(best, found),
            _fit_in_words(best, rows),
            *_others_in_words(rows, found, best),
            (
                f"Of these {best['trials']} printed trials {best['printed_below_naive']} have an MSE below that of"
                f" 'tomorrow equals today' on the same days,"
                f" and {best['ours_below_naive']} of our medians have. (Trials of CNN and LSTM, which are not printed"
                f" whole, are not among them.)"
            ),
        ]
    )


def nearest(found: pd.DataFrame) -> pd.Series:
    """The reading, over all networks, from whose medians the printed MSE differ by the smallest factor; ``found`` as
    :func:`agreement` gives it.
    """
    return found[found["network"] == "all"].sort_values("factor").iloc[0]


def each_trial(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Every printed trial for reading, in the nearest reading: printed MSE, the smallest, middle and largest of ours,
    whether it is inside, naive.
    """
    reading = tuple(nearest(found)[_READING])
    ours = {name: rows[_column(f"mse_{name}", *reading)] for name in ("low", "median", "high")}
    return pd.DataFrame(
        {
            **{name: rows[name] for name in _ROW},
            "printed_mse": rows["printed_mse"],
            "smallest_mse": ours["low"],
            "median_mse": ours["median"],
            "largest_mse": ours["high"],
            "printed_over_ours": rows["printed_mse"] / ours["median"],
            "inside": rows[_column("inside", *reading)].map({True: "yes", False: "no"}),
            "naive_mse": rows["naive_mse"],
        }
    )


def _named(reading: Mapping[str, object]) -> str:
    return f"inputs {reading['inputs']} with the weights of the {reading['weights']} epoch"


def _nearest_in_words(best: pd.Series, found: pd.DataFrame) -> str:
    readings = (found["network"] == "all").sum()
    words = (
        f"Of the {readings} readings trained, the printed scores are nearest to {_named(best)}: half of them are"
        f" within a factor of"
        f" {best['factor']:.2f} of our median"
    )
    if best["seeds"] < 2:
        return f"{words}. One seed does not say how far another one would be."
    return f"{words}; half of our own seeds are within {best['seed_factor']:.2f} of the median of the others."


def _fit_in_words(best: pd.Series, rows: pd.DataFrame) -> str:
    if not significance.can_tell_too_few(best["expected_inside"], best["trials"]):
        return (
            f"Whether the scores come back cannot be said from {best['trials']} trials and {best['seeds']}"
            f" seed{'s' if best['seeds'] > 1 else ''}."
        )
    inside = round(best["inside"] * best["trials"])
    counts = (
        f"Inside the range of {best['seeds']} seeds lie {inside} of {best['trials']} printed MSE, {best['below']}"
        f" below it and {best['above']} above;"
        f" {best['expected_inside'] * best['trials']:.0f} would lie inside if each printed training were one more"
        f" seed (p {significance.p_text(best['inside_p'])})."
    )
    if best["inside_p"] >= LEVEL:
        return f"{counts} Nothing here speaks against chance of the seed: as far as can be seen, the scores come back."
    smaller = int((rows["printed_mse"] < rows[_column("mse_median", *best[_READING])]).sum())
    same_level = stats.binomtest(smaller, len(rows)).pvalue >= LEVEL
    return (
        f"{counts} So they do not come back one by one: something else than the seed differs, be it versions,"
        f" threads, layers or inputs"
        f" that were not tried."
        f" {'No difference of their level is found' if same_level else 'Their level is another one too'}: printed"
        f" over ours is"
        f" {best['printed_over_ours']:.2f} (median), and {smaller} of {len(rows)} are smaller than our median."
    )


def _others_in_words(rows: pd.DataFrame, found: pd.DataFrame, best: pd.Series) -> list[str]:
    """The nearest reading against each other one: by network, with Holm over all of these comparisons, and in how many
    studies.
    """
    overall = found[found["network"] == "all"].sort_values("factor")
    one, lines = tuple(best[_READING]), []
    against = [tuple(other[_READING]) for _, other in overall.iterrows() if tuple(other[_READING]) != one]
    networks_of = list(dict.fromkeys(rows["network"]))
    each = {(*other, n): nearer(rows[rows["network"] == n], one, other) for other in against for n in networks_of}
    p_holm = dict(zip(each, significance.holm(pd.Series([p for _, _, p in each.values()]))))
    for other in against:
        factor = overall.set_index(_READING).loc[other, "factor"]
        words = ", ".join(
            f"{each[*other, n][0]} of {each[*other, n][1]} {n} trials (p {significance.p_text(p_holm[*other, n])})"
            for n in networks_of
        )
        studies = [nearer(part, one, other) for _, part in rows.groupby(["ticker", "network"])]
        majority = sum(2 * wins > decided for wins, decided, _ in studies)
        unsure = ", ".join(n for n in networks_of if p_holm[*other, n] >= LEVEL)
        reversed_for = ", ".join(
            n for n in networks_of if p_holm[*other, n] < LEVEL and 2 * each[*other, n][0] < each[*other, n][1]
        )
        lines.append(
            f"It is nearer than {_named(dict(zip(_READING, other)))} (factor {factor:.2f}) in {words}, and in most"
            f" trials of {majority} of"
            f" {len(studies)} studies (coin and"
            f" network).{f' For {unsure} the two can hardly be distinguished.' if unsure else ''}"
            f"{f' For {reversed_for} by itself it is the other way round.' if reversed_for else ''}"
        )
    if lines:
        lines[-1] += (
            " (p: sign test, Holm over these comparisons; trials of one search are not independent, so it is a guide.)"
        )
    return lines


def nearer(rows: pd.DataFrame, one: tuple[str, str], other: tuple[str, str]) -> tuple[int, int, float]:
    """In how many trials one reading's median is nearer to the printed MSE than another's, of how many without a tie,
    and the sign test's p-value.
    """
    distance = [np.log(rows["printed_mse"] / rows[_column("mse_median", *reading)]).abs() for reading in (one, other)]
    wins, losses = int((distance[0] < distance[1]).sum()), int((distance[0] > distance[1]).sum())
    p = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    return wins, wins + losses, float(p)
