"""Tables 4.1 to 4.5 of the thesis, and those around them, with the printed values beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib import networks, thesis
from lib.data.windows import Dataset
from lib.evaluation import baselines, metrics, significance
from lib.results.artifacts import short
from lib.results.origin import signed
from lib.tables.frames import above_and_below

OURS, THEIRS, NOT_STATED = "this run", "thesis", "not stated"


@signed
def table_4_1(closes_usd: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Descriptive statistics of daily closes in US dollars (Table 4.1), and the kurtosis that its text promises.

    Args:
        closes_usd: ticker -> daily closes; missing days are left out.

    Returns:
        A row for each ticker from this run and, where the thesis prints one, its row below. ``std`` is the
        sample standard deviation; ``kurtosis`` is excess kurtosis (0 for a normal distribution).
    """
    printed = thesis.printed()["table_4_1"]
    names = ("days", "minimum", "maximum", "mean", "std", "median", "skewness", "kurtosis")
    rows = []
    for ticker, close in closes_usd.items():
        spread = (close.count(), close.min(), close.max(), close.mean(), close.std(), close.median())
        ours = dict(zip(names, (*spread, close.skew(), close.kurt())))
        rows.append({"ticker": ticker, "whose": OURS, **ours})
        if ticker in printed["rows"]:
            rows.append({"ticker": ticker, "whose": THEIRS, **dict(zip(printed["columns"], printed["rows"][ticker]))})
    return pd.DataFrame(rows).astype({"days": "Int64"})


def range_in_words(closes_usd: Mapping[str, pd.Series]) -> str:
    """A line for each ticker: its lowest and highest close, when, and the deepest fall from a peak."""
    lines = []
    for ticker, close in closes_usd.items():
        fall = (close / close.cummax() - 1).min()
        lines.append(
            f"{ticker}: lowest close {short(close.min())} USD on {close.idxmin():%Y-%m-%d},"
            f" highest {short(close.max())} USD on {close.idxmax():%Y-%m-%d}; deepest fall from a peak {fall:.0%}."
        )
    return "\n".join(lines)


@signed
def table_4_2(tests: pd.DataFrame) -> pd.DataFrame:
    """Unit-root tests (Table 4.2) as ``stationarity.unit_root_table`` gives them, with the printed ADF beside, and what
    its p-value says at 5 % (``thesis_reading``)."""
    printed = thesis.printed()["table_4_2"]
    beside = [printed[s].get(t, [None, None]) for t, s in zip(tests["ticker"], tests["series"])]
    frame = tests.copy()
    frame.insert(4, "thesis_adf_statistic", [b[0] for b in beside])
    frame.insert(6, "thesis_adf_p_value", [b[1] for b in beside])
    frame["thesis_reading"] = [
        "" if p is None else "stationary" if p < significance.LEVEL else "not stationary" for _, p in beside
    ]
    return frame.astype({"thesis_adf_statistic": float, "thesis_adf_p_value": float})


@signed
def table_4_3(model: Any) -> pd.DataFrame:
    """Layers of the CNN-LSTM (Table 4.3), see :func:`layers`."""
    return layers("CNN-LSTM", model)


@signed
def table_4_4(model: Any) -> pd.DataFrame:
    """Layers of the LSTM-CNN (Table 4.4), see :func:`layers`."""
    return layers("LSTM-CNN", model)


@signed
def layers(network: str, model: Any) -> pd.DataFrame:
    """Layer table of a network, with the thesis's parameter count where it gives one."""
    frame = networks.layer_table(model)
    total = pd.DataFrame([("all layers", None, model.count_params(), "trainable and not")], columns=frame.columns)
    printed = thesis.printed()["parameter_counts"].get(network)
    if printed:
        total.loc[len(total)] = ("all layers, thesis", None, printed, "printed in section 4.3.4")
    return pd.concat([frame, total], ignore_index=True)


def parameter_count_in_words(network: str, model: Any) -> str:
    """Our number of parameters beside the thesis's, which section 4.3.4 prints for the LSTM-CNN."""
    printed, ours = thesis.printed()["parameter_counts"].get(network), model.count_params()
    if not printed:
        return f"{network}: {ours:,} parameters; the thesis prints no number for it."
    verdict = "the same" if printed == ours else f"{ours - printed:+,} with this run's reading of the layers"
    return f"{network}: {ours:,} parameters; the thesis prints {printed:,}: {verdict}."


@signed
def table_4_5(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of every network and the naive forecast (Table 4.5), ours in dollars, validation and test apart.

    Args:
        scores: as ``scoring.run_scores`` gives them.

    Returns:
        Our rows by ticker and split (column ``part``), then the thesis's rows, whose ticker, split and unit it does
        not state.
    """
    ours = scores[(scores["unit"] == "USD") & (scores["part"] != "train")].assign(whose=OURS)
    unknown = dict.fromkeys(("ticker", "part", "unit"), NOT_STATED)
    theirs = pd.DataFrame(
        {**unknown, "model": network, "whose": THEIRS, **dict(zip(("MSE", "MAE", "R2"), values))}
        for network, values in thesis.printed()["table_4_5"]["rows"].items()
    )
    # Tables from before intervals were computed lack them.
    skill = [name for name in ("skill", "skill_lower", "skill_upper") if name in ours]
    columns = ["ticker", "part", "model", "whose", "unit", "days", *metrics.NAMES, *skill, "seed"]
    return pd.concat([ours, theirs], ignore_index=True)[columns].astype({"days": "Int64"})


def comparison_in_words(scores: pd.DataFrame) -> str:
    """How many pairs of network and ticker are better than the naive forecast, and worse, by their intervals."""
    lines = []
    for split in ("validation", "test"):
        rows = scores[(scores["unit"] == "USD") & (scores["part"] == split) & (scores["model"] != baselines.NAIVE)]
        better = rows[rows["skill_lower"] > 0]
        names = ", ".join(f"{r.model} on {r.ticker}" for r in better.itertuples()) or "none"
        lines.append(
            f"{split}: {above_and_below(rows, 'the skill')}above 0, and so better than naive beyond chance of the days:"
            f" {names} (95 % intervals of one seed's skill; nothing corrects for the number of networks)."
        )
    return "\n".join(lines)


@signed
def hyperparameters(network: str) -> pd.DataFrame:
    """The hyperparameters of a network that is not searched for, and where the thesis calls them its best."""
    values = networks.default_hyperparameters(network)
    place = thesis.printed()["best"].get(network, {}).get("place", "not in the thesis")
    return pd.DataFrame(values.items(), columns=["hyperparameter", "value"]).assign(place=place)


def best_of_each_study(trials: pd.DataFrame) -> pd.DataFrame:
    """The completed trial with the smallest validation MSE, and so the largest R2, of each ticker and network."""
    done = trials[trials["state"] == "complete"].dropna(subset=["mse"])
    return done.loc[done.groupby(["ticker", "network"], sort=False)["mse"].idxmin()]


@signed
def best_trials(trials: pd.DataFrame, naive: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """:func:`best_of_each_study`, the naive forecast last of each ticker.

    Args:
        trials: as ``tuning.trial_frame`` gives them.
        naive: ticker -> scaled validation scores of the naive forecast.
    """
    rows = []
    for ticker, found in best_of_each_study(trials).groupby("ticker", sort=False):
        last = {name.lower(): naive[ticker][name] for name in ("MAE", "MSE", "R2")}
        rows += [*found.to_dict("records"), {"ticker": ticker, "network": baselines.NAIVE, **last}]
    frame = pd.DataFrame(rows)
    first = ["ticker", "network", "trial", "mse", "mae", "r2", "epochs_run", "best_epoch", "parameters", "seed"]
    of_the_run = ("state", "seconds", "made_on")
    columns = [*first, *(c for c in trials.columns if c not in (*first, *of_the_run))]
    whole = {c: "Int64" for c in columns if frame[c].dtype.kind == "f" and (frame[c].dropna() % 1 == 0).all()}
    return frame[columns].astype(whole)


def best_r2(listings: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """R2 of :func:`best_of_each_study` from each ticker's trial listing: ``ticker``, ``model``, ``R2``.

    Args:
        listings: ticker -> frame as ``tuning.listing`` makes it, with the naive forecast in its last row.
    """
    names = {"Model": "network", "State": "state", "MSE": "mse", "R2 Score": "r2"}
    trials = pd.concat([listing.rename(columns=names).assign(ticker=ticker) for ticker, listing in listings.items()])
    trials = trials.fillna({"state": "complete"}).reset_index(drop=True)
    found = best_of_each_study(trials).rename(columns={"network": "model", "r2": "R2"})
    return found[["ticker", "model", "R2"]].reset_index(drop=True)


def r2_of_split(scores: pd.DataFrame, split: str) -> pd.DataFrame:
    """R2 of every model on one split: ``ticker``, ``model``, ``R2``."""
    rows = (scores["part"] == split) & (scores["unit"] == "USD")
    return scores.loc[rows, ["ticker", "model", "R2"]].reset_index(drop=True)


def impact_in_words(trials: pd.DataFrame) -> str:
    """Spearman's rank correlation of hyperparameters with validation R2, strongest first.

    Computed within each ticker and network, as both shift R2 by themselves, and averaged over
    them, weighted by their completed trials; those with fewer than five are left out.
    """
    names = ("batch_size", "dropout_rate", "learning_rate", "epochs", "parameters", "pool_size")
    found = []
    for name in (n for n in names if n in trials):
        known = [g.dropna(subset=[name, "r2"]) for _, g in trials.groupby(["ticker", "network"])]
        known = [g for g in known if len(g) >= 5 and g[name].nunique() > 1 and g["r2"].nunique() > 1]
        if known:
            sizes = [len(g) for g in known]
            mean = np.average([g[name].corr(g["r2"], method="spearman") for g in known], weights=sizes)
            found.append((mean, f"{name} {mean:+.2f} ({sum(sizes)} trials of {len(sizes)} studies)"))
    strongest = ", ".join(text for _, text in sorted(found, key=lambda f: -abs(f[0])))
    return f"Rank correlation with validation R2 within studies: {strongest or 'too few trials to say'}."


@signed
def window_counts(data: Mapping[str, Dataset]) -> pd.DataFrame:
    """Days, windows and targets of each ticker's splits; the variance is that of the scaled targets (divisor n)."""
    rows = [
        {
            "ticker": ticker,
            "part": split.name,
            "days": len(windows.days[split.name]),
            "windows": len(split.y),
            "first_target": split.dates[0].date().isoformat(),
            "last_target": split.dates[-1].date().isoformat(),
            "lookback": windows.input_shape[0],
            "features": windows.input_shape[1],
            "target_variance": float(np.var(windows.to_scaled(split.actual_usd))),
        }
        for ticker, windows in data.items()
        for split in windows.parts
    ]
    return pd.DataFrame(rows)


@signed
def cleaning_steps(prices: pd.DataFrame, filled: pd.DataFrame, treated: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What gap filling, and then each outlier rule by itself, does to a ticker's closes.

    Args:
        prices: as loaded.
        filled: after gap filling.
        treated: outlier rule -> ``filled`` after it.

    Returns:
        A row for each step: days, missing days, closes changed against the step before (for each rule:
        against ``filled``), range in US dollars.
    """
    rules = ((f"outliers: {rule}", frame, filled) for rule, frame in treated.items())
    rows = []
    for step, frame, before in (("as loaded", prices, prices), ("gaps filled", filled, prices), *rules):
        close, known = frame["Close"], frame["Close"].dropna()
        rows.append(
            {
                "step": step,
                "days": len(close),
                "missing": int(close.isna().sum()),
                "closes_changed": int((known != before["Close"].reindex(known.index)).sum()),
                "minimum_usd": close.min(),
                "maximum_usd": close.max(),
            }
        )
    return pd.DataFrame(rows)
