"""Hyperparameter search with Optuna (thesis section 4.4, Appendices 1 to 3 and 6).

A study is one ticker and one network: a sequential chain of trials in its own SQLite file. Trial
number k is seeded by (seed, ticker, network, k) alone and sees the finished trials before it, so a
study that was stopped anywhere goes on as if it had not been.
"""

from __future__ import annotations

import fcntl
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from lib import networks, thesis
from lib.data import market
from lib.data.windows import Dataset
from lib.errors import ProjectError
from lib.evaluation import baselines, metrics, scoring
from lib.experiments import workers
from lib.networks import runtime, training
from lib.results import machine
from lib.settings import Settings

# What a study's results depend on; a study file made with other values is refused.
STEERING = (*training.STEERING, "search_space", "startup_trials", "pruner")
PER_PROCESS = 30  # trials, before a study goes on in a new process: memory grows with each
LSTM_WORK = 6.0  # a trial of a network with LSTM layers beside one of the CNN: only the display's time left follows it


class StudyError(ProjectError):
    """A study file does not belong to these parameters, is in use, or cannot be read or written."""


class TrialDone(NamedTuple):
    """What is told after each trial: whose it was, and the study's best MSE so far (NaN if none is complete)."""

    ticker: str
    network: str
    number: int
    best_mse: float


@dataclass(frozen=True)
class StudyPlan:
    """One study to run: its ticker, network, number of trials and file."""

    ticker: str
    network: str
    trials: int
    path: Path


def plan(chosen: Settings, path_of: Callable[[str, str], Path]) -> list[StudyPlan]:
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
        "filters": filters,
        "filters1": filters,
        "filters2": filters,
        "kernel_size": IntDistribution(2, 5),
        "kernel_size1": IntDistribution(2, 5),
        "kernel_size2": IntDistribution(2, 5),
        "pool_size": IntDistribution(1, 3),
        "lstm_units1": IntDistribution(16, 128),
        "lstm_units2": IntDistribution(8, 64),
        "dropout_rate": FloatDistribution(0.1, 0.5),
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "batch_size": CategoricalDistribution((16, 32, 64, 128)),
        "epochs": IntDistribution(100, 200, step=10),
    }
    return {name: ranges[name] for name in networks.ARCHITECTURES[network].hyperparameters}


def sampler(seed: int, startup_trials: int) -> optuna.samplers.TPESampler:
    """TPE with every option that Optuna 5 lets one name without a deprecation warning."""
    return optuna.samplers.TPESampler(
        n_startup_trials=startup_trials,
        n_ei_candidates=24,
        seed=seed,
        multivariate=False,
        group=False,
        constant_liar=False,
    )


def median_pruner() -> optuna.pruners.MedianPruner:
    """Optuna's median pruner with its usual options: from the sixth trial on, at any epoch, a trial ends that is worse than the median then."""
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0, interval_steps=1, n_min_trials=1)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that count, in order: completed and pruned ones. One that was cut by a kill does not."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def open_study(study_plan: StudyPlan, steering: dict[str, Any]) -> optuna.Study:
    """Create a study, or open one that earlier work left; what is in it stays as it is.

    Raises:
        StudyError: the file was made with other parameters or prices (names them), or is not usable.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study_plan.path.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{study_plan.path}", engine_kwargs={"connect_args": {"timeout": 60}}
        )
        study = optuna.create_study(
            storage=storage,
            study_name=f"{study_plan.ticker} {study_plan.network}",
            direction="minimize",
            load_if_exists=True,
        )
        theirs = study.user_attrs.get("steering")
        if theirs is None and study.get_trials(deepcopy=False):
            raise StudyError(
                f"{study_plan.path.name} in {study_plan.path.parent} holds trials, but not the parameters that they were made with:"
                " choose another output_dir, or delete the file to search anew"
            )
        if theirs is None:
            study.set_user_attr("steering", json.loads(json.dumps(steering)))
        else:
            other = [
                f"{k} {theirs.get(k)!r} there, {v!r} here"
                for k, v in json.loads(json.dumps(steering)).items()
                if theirs.get(k) != v
            ]
            if other:
                raise StudyError(
                    f"{study_plan.path.name} in {study_plan.path.parent} was made with other parameters: {'; '.join(other)}."
                    " Take those parameters, choose another output_dir, or delete the file to search anew"
                )
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
        raise _storage_error(study_plan, error) from error
    return study


@contextmanager
def _alone(study_plan: StudyPlan) -> Iterator[None]:
    """Hold a study while its trials are run: two processes would both run trial k, and both tell it.

    The lock is a file beside the study's own, as closing any handle of that one would undo SQLite's locks.

    Raises:
        StudyError: another process holds it.
    """
    path = study_plan.path.with_name(f".{study_plan.path.name}.lock")
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(
                f"another process is running trials of {study_plan.path.name} in {study_plan.path.parent}. Wait for it, stop it, or choose another output_dir"
            ) from None
        yield


def _mark_ghosts(study: optuna.Study) -> None:
    """Trials that a kill left as running have failed; only who holds the study knows that nobody runs them."""
    for ghost in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        study.tell(ghost.number, state=TrialState.FAIL)


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


def steering_of(chosen: Settings, digest: str) -> dict[str, Any]:
    """What a study depends on: parameters, the digest of its prices, and how networks are trained."""
    plain = chosen.plain()
    return {**{k: plain[k] for k in STEERING}, "data_digest": digest, "training": training.METHOD}


def run_study(
    study_plan: StudyPlan,
    data: Dataset,
    chosen: Settings,
    digest: str,
    on_trial: Callable[[TrialDone], None] | None = None,
    at_most: int | None = None,
) -> bool:
    """Run the trials that a study still lacks. The objective is the validation part's scaled MSE.

    Args:
        study_plan: which study, how many trials in all.
        data: the windows of its ticker.
        chosen: checked parameters; see :data:`STEERING`.
        digest: of the prices, kept with the study.
        on_trial: called after each trial.
        at_most: trials to run now; None for all that are lacking.

    Returns:
        Whether the study is whole.

    Raises:
        StudyError: see :func:`open_study`; or another process is running this study's trials.
    """
    study = open_study(study_plan, steering_of(chosen, digest))
    space = search_space(study_plan.network, chosen.search_space)
    try:
        with _alone(study_plan):
            _mark_ghosts(study)
            first = len(finished(study)) + 1
            last = study_plan.trials if at_most is None else min(study_plan.trials, first + at_most - 1)
            for number in range(first, last + 1):
                seed = runtime.derived_seed(chosen.seed, study_plan.ticker, study_plan.network, number)
                study.sampler = sampler(seed, chosen.startup_trials)
                study.pruner = median_pruner() if chosen.pruner == "median" else optuna.pruners.NopPruner()
                _run_trial(study, space, study_plan, data, chosen, seed)
                if on_trial:
                    on_trial(TrialDone(study_plan.ticker, study_plan.network, number, best_mse(study)))
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError) as error:
        raise _storage_error(study_plan, error) from error
    return last >= study_plan.trials


def best_mse(study: optuna.Study) -> float:
    """The smallest MSE of its complete trials; NaN if there is none."""
    return min((t.value for t in finished(study) if t.state == TrialState.COMPLETE), default=math.nan)


def _run_trial(
    study: optuna.Study,
    space: dict[str, BaseDistribution],
    study_plan: StudyPlan,
    data: Dataset,
    chosen: Settings,
    seed: int,
) -> None:
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
        trial.set_user_attr("made_on", machine.made_on())
        study.tell(trial, state=TrialState.PRUNED)
        return
    part = data.validation
    predicted = data.forecast_scaled(part, training.predict(fit.model, part.X))
    ok = bool(pd.notna(predicted).all())
    score = metrics.scores(data.to_scaled(part.actual_usd), predicted) if ok else dict.fromkeys(metrics.NAMES, math.inf)
    for name, value in {
        "mae": score["MAE"],
        "mse": score["MSE"],
        "r2": score["R2"] if ok else -math.inf,
        "seconds": fit.seconds,
        "epochs_run": fit.epochs,
        "best_epoch": fit.best_epoch,
        "parameters": fit.model.count_params(),
        "seed": seed,
        "made_on": machine.made_on(),
    }.items():
        trial.set_user_attr(name, value)
    study.tell(trial, score["MSE"])


def run_studies(
    plans: Sequence[StudyPlan], data: Mapping[str, Dataset], chosen: Settings, digests: Mapping[str, str]
) -> dict[str, Any]:
    """Run every study to its full number of trials. The trials are the same for any number of workers.

    Args:
        plans: the studies.
        data: ticker -> windows.
        chosen: checked parameters; also ``workers`` and ``threads``.
        digests: ticker -> digest of its prices.

    Returns:
        How many trials are new, how many were there before, and where they were made: ``machine.tally``.

    Raises:
        StudyError: see :func:`open_study`.
        WorkerError: a worker process died.
    """
    board, made = Board(plans), []
    for p in plans:
        study = open_study(p, steering_of(chosen, digests[p.ticker]))
        before = finished(study)
        board.found(p, len(before), best_mse(study))
        made += (where := [t.user_attrs.get("made_on") for t in before[: p.trials]])
        mixed = machine.elsewhere(where, f"trials of {p.path.name}")
        if mixed:
            print(mixed)
    new = board.missing
    if not new:
        print("All trials of all studies were finished before; nothing to run.")
        return machine.tally(made, 0)
    pieces = [
        (p, data[p.ticker], chosen, digests[p.ticker], PER_PROCESS) for p in plans if board.lacking[p.ticker, p.network]
    ]
    workers.run(some_trials, pieces, chosen, "Trials", new, pieces_per_process=1, describe=board.told, total=board.work)
    return machine.tally(made, new)


def some_trials(
    study_plan: StudyPlan, data: Dataset, chosen: Settings, digest: str, at_most: int, note: Callable[[TrialDone], None]
) -> workers.Piece | None:
    """As much of a study as one worker process does; errors are those of :func:`run_study`."""
    return None if run_study(study_plan, data, chosen, digest, note, at_most) else workers.Piece.GOES_ON


class Board:
    """How far all studies are, for the one display of all workers."""

    def __init__(self, plans: Sequence[StudyPlan]):
        self.lacking = {(p.ticker, p.network): p.trials for p in plans}
        self.best: dict[str, float] = {}

    def found(self, study_plan: StudyPlan, trials: int, mse: float) -> None:
        """What earlier work left of a study."""
        self.lacking[study_plan.ticker, study_plan.network] = max(0, study_plan.trials - trials)
        self._better(study_plan.ticker, mse)

    @property
    def missing(self) -> int:
        """Trials that are still to be run."""
        return sum(self.lacking.values())

    @property
    def work(self) -> float:
        """That in trials of the CNN."""
        return sum(count * self._work(network) for (_, network), count in self.lacking.items())

    def told(self, done: TrialDone) -> tuple[str, float]:
        """What the display says after a trial, and how much work it was."""
        self.lacking[done.ticker, done.network] -= 1
        self._better(done.ticker, done.best_mse)
        whole = sum(not count for count in self.lacking.values())
        best = ", ".join(f"{ticker.removesuffix('-USD')} {mse:.3g}" for ticker, mse in self.best.items())
        return f"{whole} of {len(self.lacking)} studies done, best MSE {best or 'none yet'}", self._work(done.network)

    def _better(self, ticker: str, mse: float) -> None:
        if not math.isnan(mse):
            self.best[ticker] = min(mse, self.best.get(ticker, math.inf))

    @staticmethod
    def _work(network: str) -> float:
        return LSTM_WORK if "LSTM" in network else 1.0


def trial_frame(study_plan: StudyPlan, steering: dict[str, Any]) -> pd.DataFrame:
    """The study's first ``study_plan.trials`` finished trials, numbered from 1: hyperparameters, scores."""
    rows = []
    for number, t in enumerate(finished(open_study(study_plan, steering))[: study_plan.trials], start=1):
        rows.append(
            {
                "ticker": study_plan.ticker,
                "network": study_plan.network,
                "trial": number,
                "state": t.state.name.lower(),
                **t.params,
                **t.user_attrs,
            }
        )
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
    "trial": "Trial",
    "seconds": "Duration",
    "batch_size": "Batch Size",
    "dropout_rate": "Dropout Rate",
    "epochs": "Epochs",
    "filters": "Filters",
    "kernel_size": "Kernel Size",
    "learning_rate": "Learning Rate",
    "lstm_units1": "LSTM Units1",
    "lstm_units2": "LSTM Units2",
    "pool_size": "Pool Size",
    "mae": "MAE",
    "mse": "MSE",
    "r2": "R2 Score",
    "network": "Model",
    "filters1": "Filters1",
    "filters2": "Filters2",
    "kernel_size1": "Kernel Size1",
    "kernel_size2": "Kernel Size2",
    "state": "State",
    "epochs_run": "Epochs Run",
    "best_epoch": "Best Epoch",
    "parameters": "Parameters",
    "seed": "Seed",
}
_WHOLE = (
    "trial",
    "batch_size",
    "epochs",
    "filters",
    "kernel_size",
    "lstm_units1",
    "lstm_units2",
    "pool_size",
    "filters1",
    "filters2",
    "kernel_size1",
    "kernel_size2",
    "epochs_run",
    "best_epoch",
    "parameters",
    "seed",
)


def listing(trials: pd.DataFrame, data: Dataset) -> pd.DataFrame:
    """One ticker's trials under the headings of Appendices 1 to 3, and under those they lack.

    The appendices leave out both filters and kernels of the CNN and the units of the LSTM; here
    they stand in Filters1 to Kernel Size2 and in LSTM Units1, LSTM Units2. The last row is the
    naive forecast on the same validation days.
    """
    naive = scoring.naive_scores(data)
    last = {"network": baselines.NAIVE, "mae": naive["MAE"], "mse": naive["MSE"], "r2": naive["R2"]}
    frame = pd.concat([trials, pd.DataFrame([last])], ignore_index=True).reindex(columns=list(_COLUMNS))
    frame["seconds"] = frame["seconds"].map(lambda s: f"{s:.0f}s" if pd.notna(s) else "")
    whole = dict.fromkeys(_WHOLE, "Int64")
    return frame.astype(whole).rename(columns=_COLUMNS)
