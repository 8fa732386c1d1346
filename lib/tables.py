"""The thesis's tables from finished results, with the printed values beside ours."""

from __future__ import annotations

from typing import Any, Mapping

import pandas as pd

from lib import networks, thesis

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
        rows.append({
            "ticker": ticker, "whose": OURS, "days": close.count(), "minimum": close.min(), "maximum": close.max(),
            "mean": close.mean(), "std": close.std(), "median": close.median(), "skewness": close.skew(), "kurtosis": close.kurt(),
        })
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
    """Scores in dollars of every network and the naive forecast (Table 4.5), validation and test apart.

    Args:
        scores: as ``evaluation.score_table`` gives them.

    Returns:
        Our rows by ticker and part, then the thesis's rows, whose ticker and part it does not state.
    """
    ours = scores[(scores["unit"] == "USD") & (scores["part"] != "train")].drop(columns=["unit"]).assign(whose=OURS)
    printed = thesis.printed()["table_4_5"]
    theirs = pd.DataFrame([
        {"ticker": "not stated", "part": "not stated", "model": network, "whose": THEIRS, "MSE": mse, "MAE": mae, "R2": r2}
        for network, (mse, mae, r2) in printed["rows"].items()
    ])
    frame = pd.concat([ours, theirs], ignore_index=True)
    return frame[["ticker", "part", "model", "whose", "days", "MSE", "MAE", "RMSE", "MAPE", "R2", "skill", "seed"]].astype({"days": "Int64"})


def hyperparameters(network: str) -> pd.DataFrame:
    """The hyperparameters that the thesis calls best for a network, and where it says so."""
    best = thesis.printed()["best"][network]
    frame = pd.DataFrame(best["hyperparameters"].items(), columns=["hyperparameter", "value"])
    return frame.assign(place=best["place"])


def best_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """The trial with the smallest validation MSE of each ticker and network."""
    done = trials[trials["state"] == "complete"]
    return done.loc[done.groupby(["ticker", "network"], sort=False)["mse"].idxmin()].reset_index(drop=True)


def cleaning_steps(before: pd.DataFrame, after: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What each cleaning step did to a ticker's closes: days, missing days, values changed, range.

    Args:
        before: prices as loaded.
        after: step -> prices after it, in order.
    """
    rows, last = [], None
    for step, frame in {"as loaded": before, **after}.items():
        close = frame["Close"]
        changed = 0 if last is None else int((close.dropna() != last.reindex(close.dropna().index)).sum())
        rows.append({"step": step, "days": len(close), "missing": int(close.isna().sum()), "closes_changed": changed,
                     "minimum_usd": close.min(), "maximum_usd": close.max()})
        last = close
    return pd.DataFrame(rows)
