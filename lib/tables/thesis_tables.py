"""The thesis's tables from finished results, with the printed values beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lib import networks, thesis
from lib.data.windows import Dataset
from lib.evaluation import baselines

OURS, THEIRS = "this run", "thesis"


def table_4_1(closes_usd: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Descriptive statistics of daily closes in US dollars (Table 4.1), and the kurtosis that its text promises.

    Args:
        closes_usd: ticker -> daily closes; missing days are left out.

    Returns:
        A row a ticker from this run and, where the thesis prints one, its row below. ``std`` is the
        sample standard deviation; ``kurtosis`` is excess kurtosis (0 for a normal distribution).
    """
    printed = thesis.printed()["table_4_1"]
    rows = []
    for ticker, close in closes_usd.items():
        rows.append(
            {
                "ticker": ticker,
                "whose": OURS,
                "days": close.count(),
                "minimum": close.min(),
                "maximum": close.max(),
                "mean": close.mean(),
                "std": close.std(),
                "median": close.median(),
                "skewness": close.skew(),
                "kurtosis": close.kurt(),
            }
        )
        if ticker in printed["rows"]:
            rows.append({"ticker": ticker, "whose": THEIRS, **dict(zip(printed["columns"], printed["rows"][ticker]))})
    return pd.DataFrame(rows).astype({"days": "Int64"})


def table_4_2(tests: pd.DataFrame) -> pd.DataFrame:
    """Unit-root tests (Table 4.2) as ``stationarity.unit_root_table`` gives them, with the printed ADF beside."""
    printed = thesis.printed()["table_4_2"]
    beside = [printed[s].get(t, [None, None]) for t, s in zip(tests["ticker"], tests["series"])]
    frame = tests.copy()
    frame.insert(4, "thesis_adf_statistic", [b[0] for b in beside])
    frame.insert(6, "thesis_adf_p_value", [b[1] for b in beside])
    return frame.astype({"thesis_adf_statistic": float, "thesis_adf_p_value": float})


def layers(network: str, model: Any) -> pd.DataFrame:
    """Layer table of a network (Tables 4.3 and 4.4), with the thesis's parameter count where it gives one."""
    frame = networks.layer_table(model)
    total = pd.DataFrame([("all layers", None, model.count_params(), "trainable and not")], columns=frame.columns)
    printed = thesis.printed()["parameter_counts"].get(network)
    if printed:
        row = ("all layers, thesis", None, printed, "printed in section 4.3.4")
        total.loc[len(total)] = row
    return pd.concat([frame, total], ignore_index=True)


def table_4_5(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of every network and the naive forecast (Table 4.5), ours in dollars, validation and test apart.

    Args:
        scores: as ``scoring.score_table`` gives them.

    Returns:
        Our rows by ticker and part, then the thesis's rows, whose ticker, part and unit it does not state.
    """
    ours = scores[(scores["unit"] == "USD") & (scores["part"] != "train")].assign(whose=OURS)
    printed = thesis.printed()["table_4_5"]
    theirs = pd.DataFrame(
        [
            {
                "ticker": "not stated",
                "part": "not stated",
                "unit": "not stated",
                "model": network,
                "whose": THEIRS,
                "MSE": mse,
                "MAE": mae,
                "R2": r2,
            }
            for network, (mse, mae, r2) in printed["rows"].items()
        ]
    )
    frame = pd.concat([ours, theirs], ignore_index=True)
    return frame[
        ["ticker", "part", "model", "whose", "unit", "days", "MSE", "MAE", "RMSE", "MAPE", "R2", "skill", "seed"]
    ].astype({"days": "Int64"})


def hyperparameters(network: str) -> pd.DataFrame:
    """The hyperparameters that the thesis calls best for a network, and where it says so."""
    best = thesis.printed()["best"][network]
    frame = pd.DataFrame(best["hyperparameters"].items(), columns=["hyperparameter", "value"])
    return frame.assign(place=best["place"])


def best_trials(trials: pd.DataFrame, naive: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The trial with the smallest validation MSE of each ticker and network, the naive forecast last of each ticker.

    Args:
        trials: as ``tuning.trial_frame`` gives them.
        naive: ticker -> scaled validation scores of the naive forecast.
    """
    done = trials[trials["state"] == "complete"]
    best = done.loc[done.groupby(["ticker", "network"], sort=False)["mse"].idxmin()]
    rows = []
    for ticker, found in best.groupby("ticker", sort=False):
        score = naive[ticker]
        last = {
            "ticker": ticker,
            "network": baselines.NAIVE,
            "mae": score["MAE"],
            "mse": score["MSE"],
            "r2": score["R2"],
        }
        rows += [*found.to_dict("records"), last]
    frame = pd.DataFrame(rows)
    columns = ["ticker", "network", "trial", "mse", "mae", "r2", "epochs_run", "best_epoch", "parameters", "seed"]
    columns += [
        c for c in trials.columns if c not in (*columns, "state", "seconds", "made_on")
    ]  # these are of the run, not of the trial
    whole = {c: "Int64" for c in columns if frame[c].dtype.kind == "f" and (frame[c].dropna() % 1 == 0).all()}
    return frame[columns].astype(whole)


def best_r2(listings: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Best R2 of each network (and of the naive forecast) in each ticker's trial listing: ``ticker``, ``model``, ``R2``."""
    parts = [
        l.groupby("Model", sort=False)["R2 Score"]
        .max()
        .rename_axis("model")
        .rename("R2")
        .reset_index()
        .assign(ticker=t)
        for t, l in listings.items()
    ]
    return pd.concat(parts, ignore_index=True)[["ticker", "model", "R2"]]


def r2_of_part(scores: pd.DataFrame, part: str) -> pd.DataFrame:
    """R2 of every model on one part: ``ticker``, ``model``, ``R2``."""
    return scores[(scores["part"] == part) & (scores["unit"] == "USD")][["ticker", "model", "R2"]].reset_index(
        drop=True
    )


def window_counts(data: Mapping[str, Dataset]) -> pd.DataFrame:
    """Days, windows and targets of each part of each ticker; the variance is that of the scaled targets (divisor n)."""
    return pd.DataFrame(
        [
            {
                "ticker": ticker,
                "part": part.name,
                "days": len(windows.days[part.name]),
                "windows": len(part.y),
                "first_target": part.dates[0].date().isoformat(),
                "last_target": part.dates[-1].date().isoformat(),
                "lookback": windows.input_shape[0],
                "features": windows.input_shape[1],
                "target_variance": float(np.var(windows.to_scaled(part.actual_usd))),
            }
            for ticker, windows in data.items()
            for part in windows.parts
        ]
    )


def range_in_words(closes_usd: Mapping[str, pd.Series]) -> str:
    """A line a ticker: its lowest and highest close, when, and the deepest fall from a peak."""
    lines = []
    for ticker, close in closes_usd.items():
        fall = (close / close.cummax() - 1).min()
        lines.append(
            f"{ticker}: lowest close {close.min():,.4g} USD on {close.idxmin():%Y-%m-%d}, highest {close.max():,.4g} USD on"
            f" {close.idxmax():%Y-%m-%d}; deepest fall from a peak {fall:.0%}."
        )
    return "\n".join(lines)


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
    told = ", ".join(text for _, text in sorted(found, key=lambda f: -abs(f[0])))
    return f"Rank correlation with validation R2 within studies: {told or 'too few trials to say'}."


def parameter_count_in_words(network: str, model: Any) -> str:
    """Our number of parameters beside the thesis's, which section 4.3.4 prints for the LSTM-CNN."""
    printed, ours = thesis.printed()["parameter_counts"].get(network), model.count_params()
    if not printed:
        return f"{network}: {ours:,} parameters; the thesis prints no number for it."
    verdict = "the same" if printed == ours else f"{ours - printed:+,} with this run's reading of the layers"
    return f"{network}: {ours:,} parameters; the thesis prints {printed:,}: {verdict}."


def comparison_in_words(scores: pd.DataFrame) -> str:
    """How many network and ticker pairs beat the naive forecast, on validation and on test days."""
    lines = []
    for part in ("validation", "test"):
        rows = scores[(scores["unit"] == "USD") & (scores["part"] == part) & (scores["model"] != baselines.NAIVE)]
        better = rows[rows["skill"] > 0]
        names = ", ".join(f"{r.model} on {r.ticker}" for r in better.itertuples()) or "none"
        lines.append(
            f"{part}: {len(better)} of {len(rows)} trained networks have a smaller MSE than the naive forecast ({names})."
        )
    return "\n".join(lines)


def cleaning_steps(prices: pd.DataFrame, filled: pd.DataFrame, treated: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What gap filling, and then each outlier rule by itself, does to a ticker's closes.

    Args:
        prices: as loaded.
        filled: after gap filling.
        treated: outlier rule -> ``filled`` after it.

    Returns:
        A row a step: days, missing days, closes changed against the step before (for each rule:
        against ``filled``), range in US dollars.
    """
    rows = []
    steps = [
        ("as loaded", prices, prices),
        ("gaps filled", filled, prices),
        *((f"outliers: {r}", f, filled) for r, f in treated.items()),
    ]
    for step, frame, before in steps:
        close = frame["Close"]
        known = close.dropna()
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
