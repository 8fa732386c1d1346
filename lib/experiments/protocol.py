"""Which way of training the author's records prove: candidates laid beside what was published, study by study.

Days, split and scaling follow without training: MSE / (1 - R2) of a record is the variance of the targets that it was
scored on, to 15 digits. A record also has the smallest validation loss of any epoch (the objective) and the MSE of the
weights that the network had in the end. Both are known for every stopping rule from one training that runs every epoch,
as a stopped training is its beginning and the MSE after an epoch is that epoch's validation loss. Inputs are compared
by trainings of some trials of each study.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
from scipy import stats

from lib import thesis
from lib.data import SPLITS, windows
from lib.errors import ProjectError
from lib.evaluation import significance
from lib.experiments import replay
from lib.experiments.replay import STUDY, Planned, Prices
from lib.settings import Settings
from lib.thesis import records

OTHER_INPUTS = ("own_close", "all_closes", "ohlcv_indicators")
SHARES = ((0.7, 0.15, 0.15), (0.6, 0.2, 0.2), (0.7, 0.2, 0.1), (0.8, 0.1, 0.1))
DAYS_AROUND = 10  # last days that are tried, before and after the one of the run
EXACT = 1e-6  # relative: prices of another download differ in their last digits


def variances() -> pd.DataFrame:
    """MSE / (1 - R2) by study: ``ticker``, ``network``, ``trials``, ``variance`` (median), ``spread`` (relative)."""
    rows = records.trials()
    each = (rows["mse"] / (1 - rows["r2"])).groupby([rows["ticker"], rows["network"]], sort=False)
    found = pd.DataFrame({"trials": each.size(), "variance": each.median(), "spread": each.max() / each.min() - 1})
    return found.reset_index()


def days(prices: Prices, settings: Settings) -> pd.DataFrame:
    """Which last day, split, part and scaling give the variances of the records.

    Args:
        prices: of the thesis's coins; the later they end, the more last days are tried.
        settings: ``start_date``, ``end_date`` and ``lookback``.

    Returns:
        A row a study whose coin has prices: its variance, the nearest candidate (``end_date``, ``split``, ``part``,
        ``scaling``), its ``nearest`` variance, ``difference`` (relative), ``targets`` (scored days), ``exact`` (nearer
        than :data:`EXACT`), ``end_dates`` (every exact one), ``tried`` (how many candidates) and ``next`` (the smallest
        difference of one that is not exact).
    """
    found = []
    for ticker, its in variances().groupby("ticker", sort=False):
        if ticker not in prices:
            continue
        candidates = pd.DataFrame(_candidates(prices[ticker]["Close"].dropna(), settings))
        for row in its.to_dict("records"):
            away = (candidates["nearest"] / row["variance"] - 1).abs()
            exact = away < EXACT
            # A day more may leave the scored days and the extremes as they are: the run's own last day goes first.
            later = (pd.to_datetime(candidates["end_date"]) - pd.Timestamp(settings.end_date)).abs()
            best = later[exact].idxmin() if exact.any() else away.idxmin()
            about = {**row, **candidates.loc[best], "difference": away[best], "exact": bool(exact.any())}
            about |= {"end_dates": " ".join(dict.fromkeys(candidates.loc[exact, "end_date"])), "tried": len(candidates)}
            found.append({**about, "next": away[~exact].min()})
    columns = [*STUDY, "trials", "variance", "spread", "end_date", "split", "part", "scaling", "nearest", "targets"]
    return pd.DataFrame(found, columns=[*columns, "difference", "exact", "end_dates", "tried", "next"])


def _candidates(close: pd.Series, settings: Settings) -> Iterator[dict[str, object]]:
    last = settings.end_date
    for end in pd.date_range(last - timedelta(DAYS_AROUND), last + timedelta(DAYS_AROUND)):
        if end > close.index[-1]:
            return
        until = close.loc[settings.start_date.isoformat() : end]
        for shares in SHARES:
            parts = windows.split_days(until.index, shares)
            for scaling, fitted in (("all", until), ("train", until.loc[parts["train"]])):
                scaled = (until - fitted.min()) / (fitted.max() - fitted.min())
                for part in SPLITS:
                    targets = scaled.loc[parts[part]].to_numpy()[settings.lookback :]
                    if len(targets):
                        split = "/".join(f"{100 * share:g}" for share in shares)
                        about = {"end_date": end.date().isoformat(), "split": split, "part": part, "scaling": scaling}
                        yield {**about, "nearest": float(np.var(targets)), "targets": len(targets)}


def days_in_words(found: pd.DataFrame) -> str:
    """What the variances prove; ``found`` as :func:`days` gives it."""
    if found.empty:
        return "This run has no prices of the thesis's coins, so nothing is said about the days of the records."
    lines = []
    for which, its in found.groupby(["exact", "end_date", "split", "part", "scaling"], sort=False):
        exact, end, split, part, scaling = which
        names = ", ".join(f"{r.network} of {r.ticker}" for r in its.itertuples())
        if exact:
            over = "all days" if scaling == "all" else "the days of training"
            same = ", ".join(day for day in its["end_dates"].iloc[0].split() if day != end)
            or_until = f" (or until {same}, which gives the same)" if same else ""
            lines.append(
                f"{int(its['trials'].sum())} records were scored on the {part} part of {split} until {end}{or_until},"
                f" scaled over {over}: relative difference {its['difference'].max():.1e} at most, and"
                f" {its['next'].min():.1e} or more for every other of {int(its['tried'].max())} candidates. They are"
                f" {names}."
            )
        else:
            lines.append(f"No candidate gives the variance of {names} (nearest {its['difference'].min():.1e} away).")
    return "\n".join(lines)


def planned(rows: pd.DataFrame, prices: Prices, settings: Settings) -> list[Planned]:
    """Trainings with other inputs of five trials of each study, each with its first seed.

    With one coin the closes of all coins are its own, which the replay trains already.

    Args:
        rows: as :func:`lib.experiments.replay.published` gives them; trials of the rerun are left out.
        prices: inputs for which they lack columns are left out.
        settings: those of the replay.
    """
    rerun = (rows["ticker"] == thesis.RERUN[0]) & (rows["network"] == thesis.RERUN[1])
    chosen = rows[rows["compared"] & ~rerun]
    found: list[Planned] = []
    for inputs in OTHER_INPUTS:
        if inputs == settings.replay_inputs or (inputs == "all_closes" and len(prices) == 1):
            continue
        other = settings.changed(replay_inputs=inputs)
        try:
            data = replay.data_of(prices, None, other)
        except ProjectError:  # these prices have no other columns, or too few days for their indicators
            continue
        found += [replay.one(row, data[row["ticker"]], other) for row in chosen.to_dict("records")]
    return found


def distances(fits: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """How far each stopping rule and choice of weights is from the records, by study.

    Args:
        fits: as :func:`lib.experiments.replay.run` gives it; trainings of every epoch with the first seed are used.
        rows: as :func:`lib.experiments.replay.published` gives them.

    Returns:
        A row a study, stopping rule (``patience``, 0: every epoch) and choice of weights: ``trials``, and as factors (1
        is equal; half of the trials are nearer) ``objective_factor`` and ``mse_factor``, with ``objective_ratio``, the
        median of ours over the published objective. ``every_nearer`` of ``decided`` trials have an objective nearer to
        that of every epoch than to this rule's (the others tie), with the sign test's ``p``.
    """
    found = []
    for (ticker, network), its in _whole(fits, rows).groupby(STUDY, sort=False):
        log_ratios = {p: np.log(its[f"objective, patience {p}"] / its["best_val_loss"]) for p in (0, *replay.PATIENCE)}
        for patience, log_ratio in log_ratios.items():
            sure = _nearer(log_ratios[0], log_ratio)
            ours = its[f"objective, patience {patience}"]
            for weights, mse in (("best", ours), ("last", its[f"last, patience {patience}"])):
                factors = {"objective_factor": _factor(log_ratio), "objective_ratio": float(np.exp(log_ratio.median()))}
                factors |= {"mse_factor": _factor(np.log(mse / its["published_mse"]))}
                about = {"ticker": ticker, "network": network, "patience": patience, "weights": weights}
                found.append({**about, "trials": len(its), **factors, **sure})
    columns = [*STUDY, "patience", "weights", "trials", "objective_factor", "objective_ratio", "mse_factor"]
    return pd.DataFrame(found, columns=[*columns, "every_nearer", "decided", "p"])


def inputs_compared(fits: pd.DataFrame, others: pd.DataFrame, rows: pd.DataFrame, inputs: str) -> pd.DataFrame:
    """How far the objectives are from the records by inputs, over the trials that were trained with all of them.

    Args:
        fits, others: trainings with the replay's inputs and with others; every epoch with the first seed is used.
        rows: as :func:`lib.experiments.replay.published` gives them.
        inputs: the replay's own.

    Returns:
        A row for each inputs: ``trials``, ``objective_factor``, ``objective_ratio``, and of how many trials the
        replay's own are nearer (``own_nearer`` of ``decided``), with the sign test's ``p``.
    """
    whole = pd.concat([_whole(table, rows) for table in (fits, others) if len(table)])
    ratio = whole.assign(ratio=np.log(whole["objective, patience 0"] / whole["best_val_loss"]))
    each = ratio.pivot_table(index=replay.TRIAL, columns="inputs", values="ratio").dropna()
    found = []
    for name in each if inputs in each and len(each.columns) > 1 else ():
        factors = {"objective_factor": _factor(each[name]), "objective_ratio": float(np.exp(each[name].median()))}
        sure = _nearer(each[inputs], each[name])
        sure["own_nearer"] = sure.pop("every_nearer")
        found.append({"inputs": name, "trials": len(each), **factors, **sure})
    columns = ["inputs", "trials", "objective_factor", "objective_ratio", "own_nearer", "decided", "p"]
    return pd.DataFrame(found, columns=columns).sort_values("objective_factor", ignore_index=True)


def _whole(fits: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Finite trainings of every epoch with the first seed, beside what was published of their trials."""
    theirs = rows[[*replay.TRIAL, "best_val_loss", "mse"]].rename(columns={"mse": "published_mse"})
    chosen = fits[(fits["seed_number"] == 1) & (fits["patience"] == 0) & np.isfinite(fits["mse"].astype(float))]
    return chosen.astype({"trial": "int64"}).merge(theirs, on=replay.TRIAL)


def _factor(log_ratio: pd.Series) -> float:
    return float(np.exp(log_ratio.abs().median()))


def _nearer(one: pd.Series, other: pd.Series) -> dict[str, float]:
    wins, losses = int((one.abs() < other.abs()).sum()), int((one.abs() > other.abs()).sum())
    p = float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else math.nan
    return {"every_nearer": wins, "decided": wins + losses, "p": p}


def scored_weights(tickers: Sequence[str]) -> pd.DataFrame:
    """Of which weights the records' scores are: how many have an MSE equal to their objective, the best epoch's.

    Returns:
        A row a study: ``trials``, ``equal``, ``median_ratio`` and ``largest_ratio`` of MSE over objective.
    """
    rows = records.trials()
    rows = rows.assign(equal=records.scored_with_best_weights(), ratio=rows["mse"] / rows["best_val_loss"])
    its = rows[rows["ticker"].isin(tickers)].groupby(STUDY, sort=False)
    columns = {"trials": ("trial", "size"), "equal": ("equal", "sum")}
    return its.agg(**columns, median_ratio=("ratio", "median"), largest_ratio=("ratio", "max")).reset_index()


def scored_weights_in_words(found: pd.DataFrame) -> str:
    """Of which weights the records' scores are; ``found`` as :func:`scored_weights` gives it."""
    if found.empty:
        return "The records are of none of this run's coins."
    best = found[found["equal"] == found["trials"]]
    rest = found.drop(best.index)
    names = ", ".join(f"the {r.network} of {r.ticker}" for r in best.itertuples())
    return (
        f"An MSE equal to the objective is that of the best epoch's weights: so it is in every trial of"
        f" {names or 'no study'}, and in {int(rest['equal'].sum())} of the other {int(rest['trials'].sum())}. In these"
        f" the MSE is {rest['median_ratio'].min():.2f} to {rest['median_ratio'].max():.2f} times the objective (median"
        f" by study), {rest['largest_ratio'].max():.0f} times at most: the weights of the last epoch were scored."
        if len(rest)
        else f"Every MSE is that of the best epoch's weights: {names}."
    )


def in_words(found: pd.DataFrame, by_inputs: pd.DataFrame, same_coin: bool, inputs: str) -> str:
    """Which stopping rule and which inputs the objectives fit, and how surely.

    Args:
        found, by_inputs: as :func:`distances` and :func:`inputs_compared` give them.
        same_coin: whether the records are of the run's own coins.
        inputs: those of the replay.
    """
    if not same_coin:
        return (
            f"None of this run's tickers is in the thesis: the trials are those published for {replay.STAND_IN}, and"
            " their outcomes no match for these."
        )
    if found.empty:
        return "No training of this run ran every epoch, so stopping rules and inputs are not compared."
    own = found[found["weights"] == "last"]
    nearest = pd.DataFrame([its.loc[its["objective_factor"].idxmin()] for _, its in own.groupby(STUDY, sort=False)])
    overall = own.groupby("patience").agg({"objective_factor": "median", "every_nearer": "sum", "decided": "sum"})
    stops = "; ".join(f"{_rule(int(r.Index))} {r.objective_factor:.3f}" for r in overall.itertuples())
    sure = "; ".join(
        f"{_rule(int(r.Index))} in {int(r.every_nearer)} of {int(r.decided)} trials"
        f" (p {significance.p_text(stats.binomtest(int(r.every_nearer), int(r.decided)).pvalue)})"
        for r in overall.itertuples()
        if r.decided
    )
    others = ", ".join(
        f"{r.network} of {r.ticker} ({_rule(int(r.patience))})" for r in nearest.itertuples() if r.patience
    )
    lines = [
        "The published objective is the smallest validation loss of a training. Ours over it, as a factor that half of"
        f" the trials are within, in the median of {len(nearest)} studies: {stops}.",
        f"Running every epoch is nearest in {int((nearest['patience'] == 0).sum())} of {len(nearest)}"
        f" studies{f'; not in {others}' if others else ''}."
        + (f" Trial by trial it is nearer than {sure}; in the others both rules give the same." if sure else ""),
    ]
    if len(by_inputs):
        factors = ", ".join(f"{r.inputs} {r.objective_factor:.3f}" for r in by_inputs.itertuples())
        against = "; ".join(
            f"{r.inputs} in {r.own_nearer} of {r.decided} (p {significance.p_text(r.p)})"
            for r in by_inputs.itertuples()
            if r.inputs != inputs
        )
        lines.append(
            f"By inputs, every epoch run, over the same {int(by_inputs['trials'].max())} trials: {factors}. The"
            f" replay's own ({inputs}) are nearer than {against}."
        )
    worst = own[own["patience"] == 0].sort_values("objective_factor").iloc[-1]
    lines.append(
        "Left unexplained: the seed of each published training and its threads are not known. With every epoch run"
        f" the {worst['network']} of {worst['ticker']} is farthest from its records (factor"
        f" {worst['objective_factor']:.2f}). That inputs, stopping and weights of the later search are those of the"
        " author's notebook is taken from it."
    )
    return "\n".join(lines)


def _rule(patience: int) -> str:
    return f"patience {patience}" if patience else "every epoch"
