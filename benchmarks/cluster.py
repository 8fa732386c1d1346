"""What more workers would gain: a search simulated from measured seconds, and what each part of a pool costs.

    python -m benchmarks.cluster

No network is trained: the seconds are those of the committed trials. It also writes the measured part of
``docs/cluster.md``; ``--page-only`` does that from the last result.
"""

from __future__ import annotations

import heapq
import json
import os
import pickle
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import conditions
from benchmarks.report import number, percent, table
from lib.data import windows
from lib.data.windows import Dataset
from lib.experiments import pool, search, train
from lib.results import files, training_cache
from lib.settings import Settings
from lib.settings.places import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "cluster.md"
BEGIN, END = "<!-- measured: by python -m benchmarks.cluster -->", "<!-- measured: end -->"
TRIALS = 30  # of a study
WORKERS = (1, 2, 4, 8, 16, 64, 1000)
AT_ONCE = (1, 4, 8)
DRAWS = 20  # of seconds for the trials; medians are shown
LARGE_TICKERS = 1000
LARGE_CORES = (2, 64, 1000)
TASKS = 2000
REPEATS = 3


def measured_seconds(tables: Path = PROJECT_ROOT / "outputs" / "thesis" / "appendix") -> pd.DataFrame:
    """Seconds of every trial of the committed search: ``ticker``, ``network``, ``seconds`` (whole seconds)."""
    names = {"Model": "network", "Duration": "seconds"}
    each = [pd.read_csv(f).assign(ticker=f.name.partition("_")[0]) for f in sorted(tables.glob("*_trials.csv"))]
    found = pd.concat(each).dropna(subset="Duration").rename(columns=names)
    return found.assign(seconds=found["seconds"].str.removesuffix("s").astype(float))[["ticker", "network", "seconds"]]


def makespan(
    studies: Sequence[tuple[int, Sequence[float]]], workers: int, at_once: int = 1, asking: float = 0.0
) -> float:
    """Seconds until the last of all studies is done, by the rules of ``lib.experiments.search``.

    Args:
        studies: of each, how much longer its trials take than a CNN's, and the seconds of its trials.
        workers: trainings side by side.
        at_once: ``trials_at_once``.
        asking: seconds that the one process that asks needs for each trial, one after the other.
    """
    waiting: list[tuple[float, int, int]] = []  # -priority, study, trial
    running: list[tuple[float, int]] = []  # end, study
    coming: list[tuple[float, float, int, int]] = []  # when it was asked for, and the same
    begun, open_trials, asked_until, now = [0] * len(studies), [0] * len(studies), 0.0, 0.0

    def ask(study: int) -> None:
        nonlocal asked_until
        work, seconds = studies[study]
        for trial in range(begun[study], min(begun[study] + at_once, len(seconds))):
            asked_until = max(asked_until, now) + asking
            heapq.heappush(coming, (asked_until, -work * (len(seconds) - trial), study, trial))
            open_trials[study] += 1
            begun[study] += 1

    for study in range(len(studies)):
        ask(study)
    while running or waiting or coming:
        while coming and coming[0][0] <= now:
            heapq.heappush(waiting, heapq.heappop(coming)[1:])
        while waiting and len(running) < workers:
            _, study, trial = heapq.heappop(waiting)
            heapq.heappush(running, (now + studies[study][1][trial], study))
        ends = [queue[0][0] for queue in (running, coming) if queue and (queue is running or len(running) < workers)]
        now = min(ends)
        while running and running[0][0] <= now:
            _, study = heapq.heappop(running)
            open_trials[study] -= 1
            if not open_trials[study]:
                ask(study)
    return now


def curve(seconds: pd.DataFrame, asking: float, seed: int) -> list[dict[str, Any]]:
    """Medians over draws: how long the committed tickers and networks take with 30 trials a study."""
    groups = list(seconds.groupby(["ticker", "network"], sort=False)["seconds"])
    rows = []
    for at_once in AT_ONCE:
        alone = 0.0
        for workers in WORKERS:
            rng, spans, whole = np.random.default_rng(seed), [], []
            for _ in range(DRAWS):
                drawn = [(_work(network), rng.choice(each, TRIALS)) for (_, network), each in groups]
                spans.append(makespan(drawn, workers, at_once, asking))
                whole.append(sum(each.sum() for _, each in drawn))
            took = statistics.median(spans)
            alone = alone or took
            busy = statistics.median(w / s / workers for w, s in zip(whole, spans))
            rows.append({"at_once": at_once, "workers": workers, "seconds": took, "gain": alone / took, "busy": busy})
    return rows


def large(seconds: pd.DataFrame, asking: float, seed: int) -> dict[str, Any]:
    """1,000 tickers on 2, 64 and 1,000 cores, with one process that asks and with as many as are needed."""
    rng = np.random.default_rng(seed)
    by_network = {network: each.to_numpy() for network, each in seconds.groupby("network", sort=False)["seconds"]}
    drawn = [
        (_work(network), rng.choice(each, TRIALS)) for _ in range(LARGE_TICKERS) for network, each in by_network.items()
    ]
    whole = float(sum(each.sum() for _, each in drawn))
    cores = [
        {"cores": n, "seconds": makespan(drawn, n), "seconds_one_asks": makespan(drawn, n, 1, asking)}
        for n in LARGE_CORES
    ]
    return {"trainings": len(drawn) * TRIALS, "studies": len(drawn), "core_seconds": whole, "cores": cores}


def _work(network: str) -> int:
    return 1 if network == "CNN" else search.LSTM_WORK


def best_of(call: Callable[[], Any]) -> dict[str, float]:
    """Wall and CPU seconds of this process for a call, each the least of some repeats."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall": min(walls), "cpu": min(cpus)}


def tasks(data: Dataset, settings: Settings) -> dict[str, Any]:
    """Seconds a task on a local cluster whose scheduler and client are this process: empty, and with windows."""
    client = pool.client(settings)
    trainings = [_training(data, settings, number) for number in range(TASKS // 10)]

    def empty() -> None:
        client.gather(client.map(int, range(TASKS), pure=False))

    def with_windows() -> None:
        client.gather([pool.submit(client, _nothing, training, pure=False) for training in trainings])

    empty()  # opens connections
    return {
        "tasks": TASKS,
        "workers": settings.workers,
        "empty": {name: s / TASKS for name, s in best_of(empty).items()},
        "with_windows": {name: s / len(trainings) for name, s in best_of(with_windows).items()},
        "bytes": len(pickle.dumps(trainings[0])),
    }


def _nothing(training: train.Training) -> int:
    return training.seed


def asking(data: Dataset, settings: Settings) -> dict[str, float]:
    """Seconds of asking for a trial and telling what came of it, over the trials of a study."""

    def one_study() -> None:
        (study,) = search.studies(settings)
        for trial in range(1, TRIALS + 1):
            asked, training = search._ask(study, trial, data, settings)
            search._tell(study, asked, training, _result(data, trial))

    return {name: s / TRIALS for name, s in best_of(one_study).items()}


def cache_files(data: Dataset, settings: Settings, folder: Path) -> dict[str, Any]:
    """Bytes of a cached training, and seconds to write and to read one."""
    os.environ[training_cache.FOLDER_VARIABLE] = str(folder)
    trainings = [_training(data, settings, n) for n in range(200)]
    for one in trainings:
        assert one.key
    writing = best_of(lambda: [train._stored(one, _result(data, 1)) for one in trainings])
    reading = best_of(lambda: [train.cached(one) for one in trainings])
    count, size = training_cache.size()
    return {
        "bytes": size / count,
        "write": {name: s / len(trainings) for name, s in writing.items()},
        "read": {name: s / len(trainings) for name, s in reading.items()},
    }


def _training(data: Dataset, settings: Settings, number: int) -> train.Training:
    (study,) = search.studies(settings)
    trial = study.optuna.ask(search.search_space(study.network))
    return train.Training(study.network, trial.params, number, data, settings)


def _result(data: Dataset, number: int) -> train.Result:
    """A result as large as a real one, of 60 epochs."""
    losses = np.random.default_rng(number).uniform(1e-4, 1e-2, 60)
    arrays = {f"{p.name}, {w}": p.X[:, -1, 0] + np.float32(losses[0]) for p in data.parts for w in train.WEIGHTS}
    return train.Result(losses, losses, losses, 50, 20.0, 50_000, "a processor", False, arrays=arrays)


def limits(r: Mapping[str, Any]) -> list[list[str]]:
    """What each part has to carry on the largest cluster, beside what it can: rows of the page."""
    first = r["large"]["cores"][-1]
    rate = r["large"]["trainings"] / first["seconds"]
    count, asks = r["large"]["trainings"], r["asking"]["cpu"]
    of_task, write = r["tasks"]["with_windows"]["cpu"], r["cache"]["write"]["cpu"]
    growth = r["mb_a_trial"] * count

    def share(seconds: float) -> str:
        return f"{number(rate)} a second, of {number(1 / seconds)} possible ({percent(rate * seconds)})"

    rows = [
        ("process that asks: proposals", rate * asks, share(asks)),
        ("scheduler and client: tasks with their windows", rate * of_task, share(of_task)),
        ("process that asks: cache files written", rate * write, share(write)),
    ]
    by_load = [[name, text] for name, _, text in sorted(rows, key=lambda row: -row[1])]
    return [
        *by_load,
        [
            "process that asks: threads",
            f"{r['large']['studies']:,} for the studies, as many again for their trials; more with trials_at_once",
        ],
        ["network: windows sent", f"{number(rate * r['tasks']['bytes'] / 1e6)} MB a second"],
        [
            "disk: cache",
            f"{count:,} files, {number(count / 256)} in each of 256 folders,"
            f" {number(count * r['cache']['bytes'] / 1e9)} GB",
        ],
        [
            "memory of a worker: graphs",
            f"{number(r['tensorflow_mb'])} MB with TensorFlow, and {number(r['mb_a_trial'])} MB more with each trial: "
            + ", ".join(
                f"{number(growth / n / 1000)} GB on {n:,} core{'s' * (n > 1)} if none were replaced"
                for n in LARGE_CORES
            ),
        ],
    ]


def page_part(r: Mapping[str, Any]) -> str:
    """The measured part of ``docs/cluster.md``."""
    m, cores, big = r["machine"], r["large"]["cores"], r["large"]
    by_size = {
        (
            row["workers"],
            row["at_once"],
        ): f"{number(row['seconds'] / 60)} ({number(row['gain'])} x, {percent(row['busy'])})"
        for row in r["curve"]
    }
    ms = 1000
    parts = [
        ("an empty task", r["tasks"]["empty"]),
        (f"a task with its windows ({number(r['tasks']['bytes'] / 1e6)} MB)", r["tasks"]["with_windows"]),
        ("asking for a trial and recording it", r["asking"]),
        (f"writing a cache file ({number(r['cache']['bytes'] / 1000)} kB)", r["cache"]["write"]),
        ("reading one", r["cache"]["read"]),
    ]
    return "\n".join(
        [
            f"{m['processor']}, {m['cores']} cores, {r['started'][:10]}, load before {number(m['load_before'])}."
            f" {r['data']['sentence']}",
            "",
            f"Twelve studies of {TRIALS} trials, in minutes (gain over one worker, time that workers are busy)."
            f" Simulated, medians of {DRAWS} draws from the seconds of the {r['trials']} committed trials:",
            "",
            table(
                ["Workers", *(f"trials_at_once {q}" for q in AT_ONCE)],
                [[f"{n:,}", *(by_size[n, q] for q in AT_ONCE)] for n in WORKERS],
            ),
            "",
            f"{LARGE_TICKERS:,} tickers, 4 networks, {TRIALS} trials are {big['trainings']:,} trainings and"
            f" {number(big['core_seconds'] / 3600)} core hours, with `trials_at_once` 1:",
            "",
            table(
                ["Cores", "Hours", "Hours if one process asks for all trials"],
                [[f"{c['cores']:,}", number(c["seconds"] / 3600), number(c["seconds_one_asks"] / 3600)] for c in cores],
            ),
            "",
            f"What each step costs, the least of {REPEATS} repeats:",
            "",
            table(
                ["Step", "Milliseconds", "CPU milliseconds here"],
                [[name, number(ms * s["wall"]), number(ms * s["cpu"])] for name, s in parts],
            ),
            "",
            f"What each part has to carry at that size on {LARGE_CORES[-1]:,} cores, by CPU time, most loaded first:",
            "",
            table(["Part", "Load"], limits(r)),
        ]
    )


def write_page(r: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put the measured part into the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    files.write_text(page, f"{before}{BEGIN}\n\n{page_part(r)}\n\n{END}{rest.partition(END)[2]}")


def work(words: Sequence[str] | None = None) -> None:
    """Read the options, measure, simulate, write ``cluster.json`` and the page."""
    parser = conditions.parser("cluster", "What more workers would gain, and what each part of a pool costs.")
    parser.add_argument("--page-only", action="store_true", help="write the page from the last result")
    options = parser.parse_args(words)
    if not options.page_only:
        _measure(options, parser)
    write_page(json.loads((Path(options.results_dir) / "cluster.json").read_text(encoding="utf-8")))
    print(f"Wrote {PAGE.relative_to(PROJECT_ROOT)}.")


def _measure(options: Any, parser: Any) -> None:
    run = conditions.Run("cluster", options, parser)
    chosen, prices, about = conditions.thesis_data(
        options.data_dir, seed=options.seed, threads=1, trials=TRIALS, workers=2, networks=["LSTM-CNN"]
    )
    ticker = chosen.tickers[0]
    chosen = chosen.changed(tickers=[ticker])
    data = windows.build({ticker: prices[ticker]}, chosen)[ticker]
    seconds = measured_seconds()
    grown = json.loads((conditions.RESULTS / "limits.json").read_text(encoding="utf-8"))["growth"]
    folder = conditions.CACHE / "cluster" / run.key(about)
    run.quiet(options.wait)
    asks = asking(data, chosen)
    run.write(
        data=about,
        trials=len(seconds),
        asking=asks,
        tasks=tasks(data, chosen),
        cache=cache_files(data, chosen, folder),
        curve=curve(seconds, asks["cpu"], options.seed),
        large=large(seconds, asks["cpu"], options.seed),
        tensorflow_mb=grown["tensorflow_mb"],
        mb_a_trial=grown["trials"]["mb_a_trial"],
    )
    pool.close()


if __name__ == "__main__":
    sys.exit(conditions.main(work))
