"""Hyperparameter search with Optuna (thesis section 4.4, Appendices 1 to 3 and 6).

A study is one ticker and one network: a chain of generations of ``trials_at_once`` trials. All trials of a generation
are asked for from the results of the generations before it, in the order of their numbers and each with a seed that
depends on its number alone. So the trials do not depend on how many workers there are and which is done first. Trials
are trainings like any others, so a search that was stopped finds what it had trained and goes on as if it had not
been; the study itself is rebuilt and never read from a file.
"""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from sqlalchemy import StaticPool

from lib import networks, thesis
from lib.data import windows
from lib.data.windows import Dataset
from lib.evaluation import baselines, scoring
from lib.experiments import random_seeds, train
from lib.experiments.train import Result, Training
from lib.results.files import replacing
from lib.results.progress import Progress
from lib.settings import Settings

LEAST_WINDOWS = (2, ("train", "validation"))  # scores of one day have no variance
LSTM_WORK = 6  # a trial of a network with LSTM layers in trials of the CNN; steers the order and the time left only


@dataclass
class Study:
    """One ticker and network: how many trials, and the Optuna study that records them."""

    ticker: str
    network: str
    trials: int
    optuna: optuna.Study = field(repr=False)

    @property
    def work(self) -> int:
        """Of one trial."""
        return 1 if self.network == "CNN" else LSTM_WORK


def studies(settings: Settings) -> list[Study]:
    """The studies of a run, empty; ``trials`` is a number or ``printed`` (as many as the appendices list)."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return [
        Study(
            ticker,
            network,
            thesis.trial_count(ticker, network) if settings.trials == "printed" else settings.trials,
            optuna.create_study(study_name=f"{ticker} {network}", direction="minimize"),
        )
        for ticker in settings.tickers
        for network in settings.networks
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


def sampler(seed: int, startup_trials: int, trials_at_once: int = 1) -> optuna.samplers.TPESampler:
    """TPE with every option that Optuna 5 lets one name without a deprecation warning.

    Within a generation it takes the trials that were asked for before for bad ones (constant liar), or they would
    crowd around the same best trial.
    """
    return optuna.samplers.TPESampler(
        n_startup_trials=startup_trials,
        n_ei_candidates=24,
        seed=seed,
        multivariate=False,
        group=False,
        constant_liar=trials_at_once > 1,
    )


def median_pruner() -> optuna.pruners.MedianPruner:
    """Optuna's median pruner with its usual options: from the sixth trial on, at any epoch, a trial ends that is worse
    than the median then.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0, interval_steps=1, n_min_trials=1)


def check_days(prices: Mapping[str, pd.DataFrame], settings: Settings) -> None:
    """Refuse prices on which :func:`run` would fail.

    Raises:
        WindowError: with the number of days that would do.
    """
    windows.check_scored_days(windows.build(prices, settings), *LEAST_WINDOWS)


def run(data: Mapping[str, Dataset], settings: Settings) -> list[Study]:
    """Carry out every study, side by side. The trials are the same for any number of workers and after any stop.

    Args:
        data: ticker -> windows.
        settings: ``trials``, ``trials_at_once``, ``search_space``, ``startup_trials``, ``pruner``, ``seed`` and those
            of a training.

    Returns:
        The studies with all their trials.

    Raises: as ``train.Handle.result``; what was trained is cached.
    """
    windows.check_scored_days(data, *LEAST_WINDOWS)
    found = studies(settings)
    events: queue.SimpleQueue[tuple[Study, Result] | BaseException] = queue.SimpleQueue()
    running: set[train.Handle] = set()
    ended = False

    def trained(study: Study, training: Training, losses: Sequence[Sequence[float]] | None, left: int) -> Result:
        if ended:
            raise train.Cancelled("The search was stopped.")
        handle = train.train(training, losses_before=losses, priority=left * study.work)
        running.add(handle)
        if ended:
            handle.cancel()
        try:
            result = handle.result()
        except BaseException as error:
            events.put(error)  # at once, while other trials of its generation go on
            raise
        running.discard(handle)
        events.put((study, result))
        return result

    def all_trials(study: Study) -> None:
        try:
            _run_study(study, data[study.ticker], settings, trained)
        except BaseException as error:
            events.put(error)

    with ThreadPoolExecutor(len(found)) as threads, _Board(found) as board:
        for study in found:
            threads.submit(all_trials, study)
        try:
            for _ in range(sum(s.trials for s in found)):
                event = events.get()
                if isinstance(event, BaseException):
                    raise event
                board.done(*event)
        finally:
            ended = True
            for handle in list(running):
                handle.cancel()
    return found


def _run_study(
    study: Study,
    data: Dataset,
    settings: Settings,
    trained: Callable[[Study, Training, Sequence[Sequence[float]] | None, int], Result],
) -> None:
    """All trials of one study, one generation after the other.

    The pruner compares a trial with the complete ones of earlier generations.
    """
    at_once, complete = settings.trials_at_once, list[list[float]]()
    with ThreadPoolExecutor(at_once) as threads:
        for first in range(1, study.trials + 1, at_once):
            numbers = range(first, min(first + at_once, study.trials + 1))
            asked = [_ask(study, number, data, settings) for number in numbers]
            losses = list(complete) if settings.pruner == "median" else None
            futures = [
                threads.submit(trained, study, training, losses, study.trials - number + 1)
                for number, (_, training) in zip(numbers, asked)
            ]
            for (trial, training), future in zip(asked, futures):
                result = future.result()
                _tell(study, trial, training, result)
                complete += [] if result.pruned else [result.val_loss.tolist()]


def _ask(study: Study, number: int, data: Dataset, settings: Settings) -> tuple[optuna.Trial, Training]:
    """Trial ``number`` (from 1), as the study's trials so far and the seed of that number propose it."""
    seed = random_seeds.of_trial(settings.seed, study.ticker, study.network, number)
    study.optuna.sampler = sampler(seed, settings.startup_trials, settings.trials_at_once)
    trial = study.optuna.ask(search_space(study.network, settings.search_space))
    name = f"{study.ticker} {study.network} trial {number}"
    return trial, Training(study.network, trial.params, seed, data, settings, name)


def _tell(study: Study, trial: optuna.Trial, training: Training, result: Result) -> None:
    """Record what came of a trial. The objective is the validation split's scaled MSE."""
    trial.set_user_attr("seconds", result.seconds)
    if result.pruned:
        study.optuna.tell(trial, state=TrialState.PRUNED, values=None)
        return
    score = scoring.scaled_scores(training.data, result.predicted("validation", weights_of(training.settings)))
    facts = {
        "mae": score["MAE"],
        "mse": score["MSE"],
        "r2": score["R2"],
        "epochs_run": result.epochs,
        "best_epoch": result.best_epoch,
        "parameters": result.parameters,
        "seed": training.seed,
    }
    for name, value in facts.items():
        trial.set_user_attr(name, value)
    study.optuna.tell(trial, score["MSE"])


def weights_of(settings: Settings) -> str:
    """Which weights are scored: of the best epoch or of the last one."""
    return "best" if settings.restore_best_weights else "last"


class _Board:
    """How far all studies are, on one line."""

    def __init__(self, found: Sequence[Study]):
        total = sum(s.trials for s in found)
        self.left = {s.optuna.study_name: s.trials for s in found}
        self.results: list[Result] = []
        self.progress = Progress("Trials", total, work=sum(s.trials * s.work for s in found))

    def done(self, study: Study, result: Result) -> None:
        """A trial is done; one from the cache cost nothing and says nothing about the time left."""
        self.results.append(result)
        self.left[study.optuna.study_name] -= 1
        if result.cached:
            self.progress.work -= study.work
        losses = [train.smallest(r.val_loss) for r in self.results]
        whole = sum(not n for n in self.left.values())
        note = f"{whole} of {len(self.left)} studies done, smallest validation loss {min(losses):.3g}"
        self.progress.step(note, work=0 if result.cached else study.work)

    def __enter__(self) -> _Board:
        self.progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.__exit__(*error)
        if cached := [r for r in self.results if r.cached]:
            train.report_cached(cached, len(self.results), "trials")


def trial_frame(found: Sequence[Study]) -> pd.DataFrame:
    """A row a trial, numbered from 1 in each study: ticker, network, trial, state, hyperparameters, scores."""
    return pd.DataFrame(
        [
            {
                "ticker": s.ticker,
                "network": s.network,
                "trial": t.number + 1,
                "state": t.state.name.lower(),
                **t.params,
                **t.user_attrs,
            }
            for s in found
            for t in s.optuna.get_trials(deepcopy=False)
        ]
    )


def write_study(study: Study, path: Path) -> Path:
    """Write a study to an SQLite file, as Optuna Dashboard reads it. Nothing here reads it back."""
    with closing(sqlite3.connect(":memory:")) as memory:  # as SQLite needs locks, which not every disk has
        opened = {"creator": lambda: memory, "poolclass": StaticPool}
        storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=opened)
        name = study.optuna.study_name
        optuna.copy_study(from_study_name=name, from_storage=study.optuna._storage, to_storage=storage)
        with replacing(path) as draft:
            draft.write_bytes(memory.serialize())
    return path


def range_in_words(distribution: Any) -> str:
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
