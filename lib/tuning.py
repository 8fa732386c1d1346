"""Hyperparameter search with Optuna (thesis section 4.4, Appendices 1 to 3 and 6).

A study is one ticker and one network: a sequential chain of trials in its own SQLite file. Trial
number k is seeded by (seed, ticker, network, k) alone and sees the finished trials before it, so a
study that was stopped anywhere goes on as if it had not been.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from lib import baselines, evaluation, market, metrics, networks, runtime, thesis, training, workers
from lib.errors import ProjectError
from lib.settings import Chosen
from lib.windows import Dataset

# What a study's results depend on; a study file made with other values is refused.
STEERING = (*training.STEERING, "search_space", "startup_trials", "pruner")
OnTrial = Callable[[str], None]


class StudyError(ProjectError):
    """A study file does not belong to these parameters, or cannot be read or written."""


@dataclass(frozen=True)
class StudyPlan:
    """One study to run: its ticker, network, number of trials and file."""

    ticker: str
    network: str
    trials: int
    path: Path


def plan(chosen: Chosen, path_of: Callable[[str, str], Path]) -> list[StudyPlan]:
    """The studies of a run; ``trials`` may be a number or ``printed`` (as many as the appendices list)."""
    return [
        StudyPlan(t, n, thesis.trial_count(t, n) if chosen.trials == "printed" else chosen.trials, path_of(t, n))
        for t in chosen.tickers
        for n in chosen.networks
    ]


def search_space(network: str, source: str = "appendix_6") -> dict[str, BaseDistribution]:
    """The ranges that are searched.

    Args:
        network: a key of ``networks.ARCHITECTURES``.
        source: ``appendix_6`` (filters from 16, as the listing and the printed trials have) or
            ``section_4_4`` (filters from 20, as the text has).

    Batch size and epochs are not in the listing; their values are the text's and those of the
    printed trials (100 to 200 in steps of 10).
    """
    filters = IntDistribution(20 if source == "section_4_4" else 16, 128)
    ranges: dict[str, BaseDistribution] = {
        "filters": filters, "filters1": filters, "filters2": filters,
        "kernel_size": IntDistribution(2, 5), "kernel_size1": IntDistribution(2, 5), "kernel_size2": IntDistribution(2, 5),
        "pool_size": IntDistribution(1, 3),
        "lstm_units1": IntDistribution(16, 128), "lstm_units2": IntDistribution(8, 64),
        "dropout_rate": FloatDistribution(0.1, 0.5), "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "batch_size": CategoricalDistribution((16, 32, 64, 128)), "epochs": IntDistribution(100, 200, step=10),
    }
    return {name: ranges[name] for name in networks.ARCHITECTURES[network].hyperparameters}


def sampler(seed: int, startup_trials: int) -> optuna.samplers.TPESampler:
    """TPE with every option that Optuna 5 lets one name without a deprecation warning."""
    return optuna.samplers.TPESampler(
        n_startup_trials=startup_trials, n_ei_candidates=24, seed=seed, multivariate=False, group=False, constant_liar=False
    )


def median_pruner() -> optuna.pruners.MedianPruner:
    """Optuna's median pruner with its usual options: from the sixth trial on, at any epoch, a trial ends that is worse than the median then."""
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0, interval_steps=1, n_min_trials=1)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count, in order: completed and pruned ones. One that was cut by a kill does not."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def open_study(study_plan: StudyPlan, steering: dict[str, Any]) -> optuna.Study:
    """Create a study, or open one that earlier work left, with ghosts of killed trials marked as failed.

    Raises:
        StudyError: the file was made with other parameters or prices (names them), or is not usable.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study_plan.path.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(f"sqlite:///{study_plan.path}", engine_kwargs={"connect_args": {"timeout": 60}})
        study = optuna.create_study(
            storage=storage, study_name=f"{study_plan.ticker} {study_plan.network}", direction="minimize", load_if_exists=True
        )
        theirs = study.user_attrs.get("steering")
        if theirs is None:
            study.set_user_attr("steering", json.loads(json.dumps(steering)))
        else:
            other = [f"{k} {theirs.get(k)!r} there, {v!r} here" for k, v in json.loads(json.dumps(steering)).items() if theirs.get(k) != v]
            if other:
                raise StudyError(
                    f"{study_plan.path.name} in {study_plan.path.parent} was made with other parameters: {'; '.join(other)}."
                    " Take those parameters, choose another output_dir, or delete the file to search anew"
                )
        for ghost in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            study.tell(ghost.number, state=TrialState.FAIL)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
        raise _storage_error(study_plan, error) from error
    return study


def _storage_error(study_plan: StudyPlan, error: Exception) -> StudyError:
    reason = str(getattr(error, "orig", None) or error.__cause__ or error).splitlines()[0]
    return StudyError(
        f"the study file {study_plan.path} cannot be used ({reason}). Free space, make its folder writable, or move a damaged"
        " file away; finished trials in it are kept"
    )


def price_digests(prices: Mapping[str, pd.DataFrame], inputs: str) -> dict[str, str]:
    """Ticker -> digest of the prices that its study depends on: its own, or with ``all_closes`` everyone's."""
    if inputs == "all_closes":
        return dict.fromkeys(prices, market.digest_of_all(prices))
    return {ticker: facts["sha256"] for ticker, facts in market.digest(prices).items()}


def steering_of(chosen: Chosen, digest: str) -> dict[str, Any]:
    """What a study depends on: parameters, the digest of its prices, and how networks are trained."""
    plain = chosen.as_plain()
    return {**{k: plain[k] for k in STEERING}, "data_digest": digest, "training": training.METHOD}


def run_study(study_plan: StudyPlan, data: Dataset, chosen: Chosen, digest: str, on_trial: OnTrial | None = None) -> None:
    """Run the trials that a study still lacks. The objective is the validation part's scaled MSE.

    Args:
        study_plan: which study, how many trials in all.
        data: the windows of its ticker.
        chosen: checked parameters; see :data:`STEERING`.
        digest: of the prices, kept with the study.
        on_trial: called after each trial with a note of what came of it.
    """
    study = open_study(study_plan, steering_of(chosen, digest))
    space = search_space(study_plan.network, chosen.search_space)
    while (number := len(finished(study)) + 1) <= study_plan.trials:
        seed = runtime.derived_seed(chosen.seed, study_plan.ticker, study_plan.network, number)
        study.sampler = sampler(seed, chosen.startup_trials)
        study.pruner = median_pruner() if chosen.pruner == "median" else optuna.pruners.NopPruner()
        try:
            _run_trial(study, space, study_plan, data, chosen, seed)
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
            raise _storage_error(study_plan, error) from error
        if on_trial:
            best = min((t.value for t in finished(study) if t.state == TrialState.COMPLETE), default=math.nan)
            on_trial(f"{study.study_name} trial {number}, best MSE {best:.3g}")


def _run_trial(study: optuna.Study, space: dict[str, BaseDistribution], study_plan: StudyPlan, data: Dataset, chosen: Chosen, seed: int) -> None:
    trial = study.ask(space)

    def watch(epoch: int, _: int, __: float, val_loss: float) -> None:
        if chosen.pruner == "median":
            trial.report(val_loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    started = time.perf_counter()
    try:
        fit = training.fit(study_plan.network, trial.params, data, chosen, seed, watch)
    except optuna.TrialPruned:
        trial.set_user_attr("seconds", time.perf_counter() - started)
        study.tell(trial, state=TrialState.PRUNED)
        return
    part = data.validation
    predicted = data.forecast_scaled(part, training.predict(fit.model, part.X))
    ok = bool(pd.notna(predicted).all())
    score = metrics.scores(data.to_scaled(part.actual_usd), predicted) if ok else dict.fromkeys(metrics.NAMES, math.inf)
    for name, value in {
        "mae": score["MAE"], "mse": score["MSE"], "r2": score["R2"] if ok else -math.inf, "seconds": fit.seconds,
        "epochs_run": fit.epochs, "best_epoch": fit.best_epoch, "parameters": fit.model.count_params(), "seed": seed,
    }.items():
        trial.set_user_attr(name, value)
    study.tell(trial, score["MSE"])


def run_studies(
    plans: Sequence[StudyPlan], data: Mapping[str, Dataset], chosen: Chosen, digests: Mapping[str, str]
) -> None:
    """Run every study to its full number of trials. The trials are the same for any number of workers.

    Args:
        plans: the studies.
        data: ticker -> windows.
        chosen: checked parameters; also ``workers`` and ``threads``.
        digests: ticker -> digest of its prices.

    Raises:
        StudyError: see :func:`open_study`.
        WorkerError: a worker process died.
    """
    missing = 0
    for p in plans:
        study = open_study(p, steering_of(chosen, digests[p.ticker]))
        missing += max(0, p.trials - len(finished(study)))
    if not missing:
        print("All trials of all studies were finished before; nothing to run.")
        return
    pieces = [(p, data[p.ticker], chosen, digests[p.ticker]) for p in plans]
    workers.run(run_study, pieces, chosen, "Trials", missing)


def trial_frame(study_plan: StudyPlan, steering: dict[str, Any]) -> pd.DataFrame:
    """The study's first ``study_plan.trials`` finished trials, numbered from 1: hyperparameters, scores."""
    rows = []
    for number, t in enumerate(finished(open_study(study_plan, steering))[: study_plan.trials], start=1):
        rows.append({"ticker": study_plan.ticker, "network": study_plan.network, "trial": number,
                     "state": t.state.name.lower(), **t.params, **t.user_attrs})
    return pd.DataFrame(rows)


def range_in_words(distribution: BaseDistribution) -> str:
    """A search range for reading, such as ``0.0001 to 0.01, log scale``."""
    if isinstance(distribution, CategoricalDistribution):
        return f"one of {', '.join(map(str, distribution.choices))}"
    extra = ", log scale" if getattr(distribution, "log", False) else ""
    step = getattr(distribution, "step", None)
    extra += f", in steps of {step}" if step not in (None, 1) else ""
    return f"{distribution.low:g} to {distribution.high:g}{extra}"


def listing_title(ticker: str) -> str:
    """The caption of a ticker's listing, with the appendix that prints the thesis's."""
    appendix = thesis.APPENDIX.get(ticker)
    return f"Appendix {appendix}. Trials of {ticker}" if appendix else f"Trials of {ticker} (not in the thesis)"


_COLUMNS = {  # the appendices' own columns, then those they lack
    "trial": "Trial", "seconds": "Duration", "batch_size": "Batch Size", "dropout_rate": "Dropout Rate", "epochs": "Epochs",
    "filters": "Filters", "kernel_size": "Kernel Size", "learning_rate": "Learning Rate", "lstm_units1": "LSTM Units1",
    "lstm_units2": "LSTM Units2", "pool_size": "Pool Size", "mae": "MAE", "mse": "MSE", "r2": "R2 Score", "network": "Model",
    "filters1": "Filters1", "filters2": "Filters2", "kernel_size1": "Kernel Size1", "kernel_size2": "Kernel Size2",
    "state": "State", "epochs_run": "Epochs Run", "best_epoch": "Best Epoch", "parameters": "Parameters", "seed": "Seed",
}
_WHOLE = ("trial", "batch_size", "epochs", "filters", "kernel_size", "lstm_units1", "lstm_units2", "pool_size", "filters1",
          "filters2", "kernel_size1", "kernel_size2", "epochs_run", "best_epoch", "parameters", "seed")


def listing(trials: pd.DataFrame, data: Dataset) -> pd.DataFrame:
    """One ticker's trials under the headings of Appendices 1 to 3, and under those they lack.

    The appendices leave out both filters and kernels of the CNN and the units of the LSTM; here
    they stand in Filters1 to Kernel Size2 and in LSTM Units1, LSTM Units2. The last row is the
    naive forecast on the same validation days.
    """
    naive = evaluation.naive_scores(data)
    last = {"network": baselines.NAIVE, "mae": naive["MAE"], "mse": naive["MSE"], "r2": naive["R2"]}
    frame = pd.concat([trials, pd.DataFrame([last])], ignore_index=True).reindex(columns=list(_COLUMNS))
    frame["seconds"] = frame["seconds"].map(lambda s: f"{s:.0f}s" if pd.notna(s) else "")
    whole = {name: "Int64" for name in _WHOLE}
    return frame.astype(whole).rename(columns=_COLUMNS)
