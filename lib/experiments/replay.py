"""The author's trials, trained again as the records prove: does what was published come back?

Each of the 255 trials is trained once and four trials of each study (coin and network) with further seeds. What was
published is held against the interval in which one more training of ours would lie (``lib.evaluation.prediction``).
One unstopped training also tells what every stopping rule would have given, see :mod:`lib.experiments.protocol`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from scipy import stats

from lib import networks, thesis
from lib.data import market, windows
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import prediction, scoring, significance
from lib.experiments import random_seeds, train
from lib.experiments.train import Result, Training
from lib.results import files
from lib.settings import Settings
from lib.thesis import records

STAND_IN = "SOL-USD"  # its trials are replayed where a run has none of the thesis's coins
STUDY = ["ticker", "network"]
TRIAL = [*STUDY, "trial"]
COMPARED_TRIALS = 5  # of each study, spread over it: trained with other inputs too
SPREAD_TRIALS = 4  # the first of these: trained with every seed
PATIENCE = (5, 10, 20)  # stopping rules whose outcome is read off an unstopped training
KEY_DIGITS = 16
LEVEL = significance.LEVEL  # below it, chance is not taken to explain a difference

# The later search was made on other days and with another way of training: its variance (lib/thesis/printed.yaml) and
# its objectives, which are the published MSE, say so.
_RERUN_CHANGES: dict[str, Any] = {
    "end_date": thesis.printed()["target_variance"]["ada_cnn_rerun"]["end_date"],
    "split": tuple(thesis.printed()["target_variance"]["ada_cnn_rerun"]["split"]),
    "inputs": "all_closes",
    "patience": 10,
}
_RERUN_WEIGHTS = "best"
Prices = Mapping[str, pd.DataFrame]
Planned = tuple[Training, Mapping[str, Any]]


class ReplayError(ProjectError):
    """There is nothing to replay, or a table of an earlier replay cannot be used."""


def published(settings: Settings) -> pd.DataFrame:
    """The records of the trials that a run trains again.

    Args:
        settings: ``tickers``, ``networks`` and ``replay_trials``, how many of each study. If the thesis has none of
            the tickers, the trials of ``STAND_IN`` are taken for each, and what was published is no match for ours.

    Returns:
        Columns of :func:`lib.thesis.records.trials`, with ``same_coin``, ``compared`` (one of the trials that are
        trained with other inputs too) and ``spread`` (with every seed).
    """
    rows, known = records.trials(), [t for t in settings.tickers if t in thesis.APPENDIX]
    rows = pd.concat(
        [
            rows[rows["ticker"] == (t if known else STAND_IN)].assign(ticker=t, same_coin=bool(known))
            for t in known or settings.tickers
        ]
    )
    rows = rows[rows["network"].isin(settings.networks)]
    if settings.replay_trials != "printed":
        rows = rows.groupby(STUDY, sort=False).head(int(settings.replay_trials))
    size = rows.groupby(STUDY)["trial"].transform("size")
    step = (size // COMPARED_TRIALS).clip(lower=1)
    place = (rows["trial"] - 1) / step
    compared = place.isin(range(COMPARED_TRIALS))
    return rows.assign(compared=compared, spread=compared & (place < SPREAD_TRIALS)).reset_index(drop=True)


def check_days(prices: Prices, settings: Settings) -> None:
    """Refuse prices that leave no window for ``replay_inputs``.

    Raises:
        WindowError: with the number of days that would do.
    """
    windows.build(prices, settings.changed(inputs=settings.replay_inputs))


def rerun_settings(settings: Settings) -> Settings:
    """Settings under which the trials of :data:`lib.thesis.RERUN` were searched, whose prices go on to a later day."""
    return settings.changed(**_RERUN_CHANGES, tickers=tuple(sorted(thesis.APPENDIX)))


def later_prices(settings: Settings) -> Prices | None:
    """Prices of all the thesis's coins until the rerun's last day; None, and a sentence, where the source has none."""
    if thesis.RERUN[0] not in settings.tickers or thesis.RERUN[1] not in settings.networks:
        return None
    try:
        return market.prices_of(rerun_settings(settings))
    except market.MarketError as error:
        print(f"The {thesis.RERUN[1]} of {thesis.RERUN[0]}, searched again on later days, is left out: {error}")
        return None


def is_rerun(row: Mapping[str, Any]) -> bool:
    """Whether a record is one of the later rerun."""
    return (row["ticker"], row["network"]) == thesis.RERUN


def data_of(prices: Prices, later: Prices | None, settings: Settings) -> dict[str, Dataset]:
    """The windows of each ticker, and under the name of the network those of the rerun.

    Args:
        prices: of the run.
        later: of all the thesis's coins until the rerun's last day; None leaves the rerun out.
    """
    found = windows.build(prices, settings.changed(inputs=settings.replay_inputs))
    if later is None:
        return found
    return found | {" ".join(thesis.RERUN): windows.build(later, rerun_settings(settings))[thesis.RERUN[0]]}


def data_for(row: Mapping[str, Any], data: Mapping[str, Dataset]) -> Dataset | None:
    """The windows on which a record's trial was trained; None if the rerun's are not there."""
    return data.get(" ".join(thesis.RERUN)) if is_rerun(row) and row["same_coin"] else data[row["ticker"]]


def planned(rows: pd.DataFrame, data: Mapping[str, Dataset], settings: Settings) -> list[Planned]:
    """The trainings of a replay, first one of every trial and then those with further seeds.

    Args:
        rows: as :func:`published` gives them.
        data: as :func:`data_of` gives it; trials without their windows are left out.

    Returns:
        Each training with its ticker, network, trial, inputs, weights, number of seed, seed and key.
    """
    found = []
    for number in range(1, settings.replay_seeds + 1):
        for row in rows.to_dict("records"):
            its = data_for(row, data)
            if its is not None and (number == 1 or row["spread"]):
                found.append(one(row, its, settings, number))
    return found


def one(row: Mapping[str, Any], data: Dataset, settings: Settings, number: int = 1) -> Planned:
    """The training of one record with one seed, as its batch of records proves, and what names it."""
    rerun = is_rerun(row) and row["same_coin"]
    changes = _RERUN_CHANGES if rerun else {"inputs": settings.replay_inputs, "patience": settings.replay_patience}
    own = settings.changed(**changes, **({"reduce_lr": False} if changes["patience"] is None else {}))
    ticker, network, trial = (row[name] for name in TRIAL)
    seed = random_seeds.of_replay(settings.seed, ticker, network, trial, number)
    hyperparameters = {name: row[name] for name in networks.ARCHITECTURES[network].hyperparameters}
    training = Training(network, hyperparameters, seed, data, own, f"{ticker} {network} trial {trial}, seed {number}")
    about = {"ticker": ticker, "network": network, "trial": trial, "inputs": own.inputs, "patience": own.patience or 0}
    about |= {"weights": _RERUN_WEIGHTS if rerun else settings.replay_weights, "seed_number": number, "seed": seed}
    return training, {**about, "key": training.key[:KEY_DIGITS]}


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


_OUTCOMES = [f"{name}, patience {patience}" for patience in (0, *PATIENCE) for name in ("objective", "last")]
_COLUMNS = [*TRIAL, "inputs", "patience", "weights", "seed_number", "seed", "objective", "mse", "mae", "r2"]
_COLUMNS += [*_OUTCOMES, "epochs_run", "best_epoch", "seconds", "key"]


def run(
    trainings: Sequence[Planned], known: pd.DataFrame | None = None, finished: Callable[[pd.DataFrame], object] = len
) -> pd.DataFrame:
    """Train what is neither in an earlier table nor cached.

    Args:
        trainings: as :func:`planned` gives them.
        known: the table of an earlier replay; trainings whose key it holds are taken from there.
        finished: called after every training with the table as far as it goes, so that a replay that is stopped leaves
            what it has.

    Returns:
        A row a training: what names it, ``objective`` (smallest validation loss of any epoch), ``mse``, ``mae``, ``r2``
        (scaled, validation days, with ``weights``), for each stopping rule ``objective, patience P`` and ``last,
        patience P`` (0: every epoch), ``epochs_run``, ``best_epoch``, ``seconds``, ``key``.
    """
    rows = {} if known is None else {row["key"]: row for row in known.to_dict("records")}
    wanted = {about["key"]: (training, about) for training, about in trainings if about["key"] not in rows}

    def table() -> pd.DataFrame:
        found = [rows[about["key"]] for _, about in trainings if about["key"] in rows]
        return pd.DataFrame(found, columns=_COLUMNS)

    def keep(training: Training, result: Result, save: bool = True) -> None:
        about = wanted[training.key[:KEY_DIGITS]][1]
        rows[about["key"]] = _row(training, about, result)
        if save:
            finished(table())

    cached = [training for training, _ in wanted.values() if train.is_cached(training)]
    for training, result in zip(cached, train.train_all(cached)):
        keep(training, result, save=False)
    train.train_all([t for t, about in wanted.values() if about["key"] not in rows], "Replay", on_result=keep)
    return table()


def _row(training: Training, about: Mapping[str, Any], result: Result) -> dict[str, Any]:
    scores = scoring.scaled_scores(training.data, result.predicted("validation", about["weights"]))
    found = {**about, "objective": train.smallest(result.val_loss)}
    found |= {"mse": scores["MSE"], "mae": scores["MAE"], "r2": scores["R2"]}
    for patience in (0, *PATIENCE) if about["patience"] == 0 else ():
        would = outcome(result.val_loss, patience or None)
        found |= {f"{name}, patience {patience}": would[name] for name in ("objective", "last")}
    return {**found, "epochs_run": result.epochs, "best_epoch": result.best_epoch, "seconds": result.seconds}


def read(path: Path) -> pd.DataFrame | None:
    """The table of an earlier replay; None if there is none, or one of another kind."""
    if not path.is_file():
        return None
    table = files.read_table(path, dtype={"key": str})
    return table if {"key", "objective, patience 0"} <= set(table) else None


SCORES = ("objective", "mse", "mae", "r2")
_JUDGED = ("objective", "mse")


# -- what was published beside ours --------------------------------------------------------


def table(rows: pd.DataFrame, fits: pd.DataFrame, data: Mapping[str, Dataset]) -> pd.DataFrame:
    """One row a trial: what was published, ours, the interval of one more training, and the naive forecast.

    Args:
        rows: as :func:`published` gives them.
        fits: as :func:`run` gives it, as far as it goes.
        data: as :func:`data_of` gives it.

    Returns:
        The trial, ``same_coin``, the published ``objective``, ``mse``, ``mae``, ``r2``, ``trainings`` (number of ours),
        ``diverged`` (of these), ``our_objective``, ``our_mse``, ``our_mae``, ``our_r2`` (medians), for objective and
        MSE the interval of one more training (``_low``, ``_high``; empty if the study has no spread yet) and
        ``_inside``, and ``naive_mse``. As a training's MSE is never below the smallest loss of its epochs, ``mse_low``
        is not below ``objective_low``.
    """
    about = rows[[*TRIAL, "same_coin", "best_val_loss", "mse", "mae", "r2"]]
    about = about.rename(columns={"best_val_loss": "objective"})
    naive = {id(d): scoring.naive_scores(d)["MSE"] for d in data.values()}
    found = []
    for study, its in about.groupby(STUDY, sort=False):
        errors = {name: _errors(fits, study, name) for name in SCORES}
        spreads = {name: prediction.pooled_spread(errors[name]) for name in _JUDGED}
        for row in its.to_dict("records"):
            own, trial = data_for(row, data), row["trial"]
            ours = {name: errors[name].get(trial, []) for name in SCORES}
            made = {**row, "naive_mse": math.nan if own is None else naive[id(own)], "trainings": len(ours["mse"])}
            made |= {"diverged": int(np.isinf(ours["mse"]).sum())}
            made |= {f"our_{name}": float(np.median(ours[name])) if ours[name] else math.nan for name in SCORES}
            for name in _JUDGED:
                low, high = prediction.one_more(ours[name], *spreads[name])
                low = max(low, made.get("objective_low", 0.0)) if math.isfinite(low) else low
                made |= {f"{name}_low": low, f"{name}_high": high, f"{name}_inside": low <= row[name] <= high}
            found.append(made)
    order = [*about, "trainings", "diverged", *(f"our_{name}" for name in SCORES)]
    return pd.DataFrame(found)[[*order, *(f"{n}_{e}" for n in _JUDGED for e in ("low", "high", "inside")), "naive_mse"]]


def _errors(fits: pd.DataFrame, study: Sequence[str], column: str) -> dict[int, list[float]]:
    """Trial -> errors of its trainings in the order of their seeds."""
    its = fits[(fits["ticker"] == study[0]) & (fits["network"] == study[1])] if len(fits) else fits
    its = its.sort_values("seed_number") if len(its) else its
    return {int(trial): rows[column].tolist() for trial, rows in its.groupby("trial")} if len(its) else {}


def studies(rows: pd.DataFrame, fits: pd.DataFrame) -> pd.DataFrame:
    """One row a study: how its trials agree, and its best one against the best of as many trainings of ours.

    Args:
        rows: as :func:`table` gives it; fits: as :func:`run` gives it.

    Returns:
        What :data:`MEANINGS` explains. The interval of the best is there when every trial was trained.
    """
    found = [_study(study, its, fits) for study, its in rows.groupby(STUDY, sort=False)]
    made = pd.DataFrame(found)
    both = (2 * made[["inside_p", "level_p"]].min(axis=1, skipna=False)).clip(upper=1)
    made["p_holm"] = significance.holm(both.dropna()).reindex(made.index)
    return made


def _study(study: Sequence[str], its: pd.DataFrame, fits: pd.DataFrame) -> dict[str, Any]:
    errors, objectives = (_errors(fits, study, name) for name in ("mse", "objective"))
    done, judged = its[its["trainings"] > 0], its[its["mse_low"].notna()]
    spread, freedom = prediction.pooled_spread(errors)
    low, high = math.nan, math.nan
    if len(done) == len(its):
        floors = {trial: min(values) for trial, values in objectives.items()}
        low, high = prediction.best_of(errors, spread, freedom, floors=floors)
    best, ratio = its["mse"].min(), done["our_mse"] / done["mse"]
    log_ratio = np.log(judged["our_mse"] / judged["mse"])
    inside, objective_inside = (int(judged[f"{name}_inside"].sum()) for name in ("mse", "objective"))
    nothing = math.nan
    return {
        **dict(zip(STUDY, study)),
        "trials": len(its),
        "trained": len(done),
        "judged": len(judged),
        "seed_factor": math.exp(spread),
        "freedom": freedom,
        "interval_factor": math.sqrt((judged["mse_high"] / judged["mse_low"]).median()) if len(judged) else nothing,
        "inside": inside if len(judged) else nothing,
        "inside_p": stats.binomtest(inside, len(judged), prediction.LEVEL, "less").pvalue if len(judged) else nothing,
        "level_p": float(stats.wilcoxon(log_ratio).pvalue) if len(judged) > 5 else nothing,
        "objective_inside": objective_inside if len(judged) else nothing,
        "ours_over_published": ratio.median(),
        "objective_over_published": (done["our_objective"] / done["objective"]).median(),
        "mae_over_published": (done["our_mae"] / done["mae"]).median(),
        "r2_difference": (done["our_r2"] - done["r2"]).median(),
        "rank_correlation": done["our_mse"].corr(done["mse"], method="spearman") if len(done) > 2 else nothing,
        "best_published": best,
        "best_low": low,
        "best_high": high,
        "best_inside": nothing if math.isnan(low) else float(low <= best <= high),
        "published_below_naive": int((done["mse"] < done["naive_mse"]).sum()) if len(done) else nothing,
        "ours_below_naive": int((done["our_mse"] < done["naive_mse"]).sum()) if len(done) else nothing,
    }


MEANINGS = {
    "trials, trained, judged": (
        "records of the study, how many of them were trained here, and how many of these have an interval"
    ),
    "seed_factor": (
        "typical factor of one seed of ours from the mean of its trial: the exponential of the pooled standard"
        " deviation of log MSE"
    ),
    "freedom": "degrees of freedom of that spread: trainings less trials, of those with several seeds",
    "interval_factor": "how wide the intervals are: half of them reach no farther than this factor from their middle",
    "inside": f"published MSE in the {prediction.LEVEL:.0%} interval of one more training of ours",
    "inside_p": (
        f"chance of so few inside if each were one more training ({prediction.LEVEL:.0%} would be inside); the trials"
        " share one spread, so it is a guide"
    ),
    "level_p": "Wilcoxon's signed-rank test that our MSE and the published ones differ by no factor",
    "p_holm": "the smaller of both p, doubled, and corrected over the studies (Holm)",
    "objective_inside": "as inside, for the objective, the smallest validation loss of any epoch",
    "ours_over_published, objective_over_published, mae_over_published, r2_difference": (
        "medians: of our MSE, objective and MAE over the published ones, and of our R2 less the published one"
    ),
    "rank_correlation": "Spearman's, of our MSE and the published ones",
    "best_published, best_low, best_high": (
        "the smallest published MSE, and the interval of the smallest of as many new trainings of ours; best inside is"
        " 1 if it lies in it"
    ),
    "published_below_naive, ours_below_naive": (
        "of the trials trained here, MSE that are below that of 'tomorrow equals today' on the same days"
    ),
}


def meanings() -> Styler:
    """:data:`MEANINGS` as a table to look at."""
    shown = pd.DataFrame({"column": list(MEANINGS), "meaning": list(MEANINGS.values())})
    return shown.style.hide(axis="index").set_properties(**{"text-align": "left", "white-space": "normal"})


def error_rate(fits: pd.DataFrame) -> pd.DataFrame:
    """How often the rules reject one of our own seeds, of which it is known that nothing else differs.

    Args:
        fits: as :func:`run` gives it.

    Returns:
        A row a rule (``one training``; ``best of the repeated``, which are fewer trials than a study has): ``cases``,
        ``outside``, ``rate``, its 95 % bounds (``low``, ``high``; Clopper and Pearson, each seed that is left out
        counted once, however many it is judged from), and the ``nominal`` rate.
    """
    outside: dict[str, list[bool]] = {rule: [] for rule in prediction.RULES}
    for study in fits[STUDY].drop_duplicates().itertuples(index=False):
        errors, floors = (_errors(fits, study, name) for name in ("mse", "objective"))
        for rule, cases in prediction.outside_when_left_out(errors, floors).items():
            outside[rule] += cases
    found, others = [], max(1, int(fits["seed_number"].max()) - 1)
    for rule, cases in outside.items():
        about = {"rule": rule, "cases": len(cases), "outside": sum(cases)}
        sure = _bounds(sum(cases) / others, len(cases) / others) if cases else (math.nan, math.nan)
        rate = sum(cases) / len(cases) if cases else math.nan
        found.append({**about, "rate": rate, "low": sure[0], "high": sure[1], "nominal": 1 - prediction.LEVEL})
    return pd.DataFrame(found)


def _bounds(outside: float, cases: float) -> tuple[float, float]:
    """Clopper's and Pearson's 95 % bounds of a share (Biometrika 26, 1934), of counts that need not be whole."""
    low = stats.beta.ppf(0.025, outside, cases - outside + 1) if outside else 0.0
    return float(low), float(stats.beta.ppf(0.975, outside + 1, cases - outside)) if outside < cases else 1.0


def in_words(rows: pd.DataFrame, found: pd.DataFrame, rates: pd.DataFrame) -> str:
    """Whether what was published comes back, study by study, and how sure that is.

    Args:
        rows, found, rates: as :func:`table`, :func:`studies` and :func:`error_rate` give them.
    """
    if not rows["same_coin"].all():
        return (
            f"None of this run's tickers is in the thesis: the trials are those published for {STAND_IN}, and their"
            " outcomes no match for these."
        )
    done, judged = rows[rows["trainings"] > 0], rows[rows["mse_low"].notna()]
    lines = [f"{len(done)} of {len(rows)} published trials were trained again."]
    if judged.empty:
        return f"{lines[0]} None has an interval: one seed does not say how far another one would be."
    tested = found[found["p_holm"].notna()]
    others = tested[tested["p_holm"] < LEVEL]
    widest = found.loc[found["interval_factor"].idxmax()]
    lines += [
        f"Of {len(judged)} that have an interval, {int(judged['mse_inside'].sum())} published MSE lie in the"
        f" {prediction.LEVEL:.0%} interval of one more training of ours, and {int(judged['objective_inside'].sum())}"
        f" objectives in theirs. The intervals are wide: in the median study half of them reach up to a factor of"
        f" {found['interval_factor'].median():.2f} from their middle, in the widest ({widest['network']} of"
        f" {widest['ticker']}) {widest['interval_factor']:.0f}.",
        *_rates_in_words(rates, len(judged)),
        f"In {len(tested) - len(others)} of {len(tested)} studies no difference was found between ours and what was"
        f" published{f'; one was found for {_each(others)}' if len(others) else ''} (two tests a study, Holm).",
    ]
    best = found[found["best_low"].notna()]
    if len(best):
        lines.append(
            f"The best published trial lies in the interval of the best of as many of ours in"
            f" {int(best['best_inside'].sum())} of {len(best)} studies."
        )
    theirs, ours = (int((done[name] < done["naive_mse"]).sum()) for name in ("mse", "our_mse"))
    lines.append(
        f"{theirs} of these published MSE and {ours} of ours are below that of 'tomorrow equals today' on the same"
        " days."
    )
    return "\n".join(lines)


def _rates_in_words(rates: pd.DataFrame, judged: int) -> list[str]:
    """How often each rule rejects a seed of our own, and what that comes to for as many as there are printed trials."""
    lines = []
    for rate in rates[rates["cases"] > 0].to_dict("records"):
        which, what = (
            ("one training", "the") if rate["rule"] == prediction.ONE_TRAINING else ("the best of several", "the best")
        )
        as_many = f": {rate['low'] * judged:.0f} to {rate['high'] * judged:.0f} of {judged}" if what == "the" else ""
        lines.append(
            f"The rule for {which} calls {rate['rate']:.1%} of our own seeds, put in place of {what} printed MSE,"
            f" outside ({int(rate['outside'])} of {int(rate['cases'])}; 95 % interval {rate['low']:.1%} to"
            f" {rate['high']:.1%}{as_many}); it promises {rate['nominal']:.0%}."
        )
    if not rates["cases"].all():
        lines.append("How often the rule for the best of several errs is not measured: that needs three seeds.")
    return [*lines, "How often the rule errs for objectives was not measured."] if lines else lines


def _each(found: pd.DataFrame) -> str:
    return ", ".join(
        f"{r.network} of {r.ticker} ({int(r.inside)} of {r.judged} inside, ours over published"
        f" {r.ours_over_published:.2f})"
        for r in found.itertuples()
    )
