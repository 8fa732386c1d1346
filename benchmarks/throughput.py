"""Training throughput: this project beside a plain implementation, side by side in one run.

    python -m benchmarks.throughput

24 printed trials (``trial_set``) are trained by both. The plain side is one process with
TensorFlow's default threads and ``model.fit`` (``plain``). Ours is ``lib.networks.training.fit`` in as many
processes of one thread as there are cores. The trials are dealt into blocks; in each block both
sides train the same trials, one side after the other, and the side that begins changes. Processes
and imports are started before, and their time is told apart. Throughput is training windows times
epochs over wall seconds, graph building included.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import conditions, plain
from benchmarks.trial_set import PrintedTrial, printed_trials
from lib.data import windows
from lib.data.windows import Dataset
from lib.experiments import random_seeds
from lib.networks import runtime, training
from lib.results import files
from lib.results.progress import Progress
from lib.settings import Settings

TARGET = 5.0  # what the project asks of itself
SIDES = ("plain", "ours")
_data: dict[str, Dataset] = {}
_chosen: Settings | None = None
_together: Any = None


def _start(side: str, data: Mapping[str, Dataset], chosen: Settings, together: Any) -> None:
    global _chosen, _together
    _data.update(data)
    _chosen, _together = chosen, together
    if side == "plain":
        plain.start()
    else:
        conditions.follow_parent()
        runtime.start(1)


def _warm_up(side: str, trial: PrintedTrial) -> None:
    """The first training of a process loads more than later ones; the barrier makes every process take one."""
    _together.wait(300)
    _train(side, trial, 1, 1)


def _train(side: str, trial: PrintedTrial, seed: int, max_epochs: int) -> dict[str, Any]:
    data = _data[trial.ticker]
    if side == "plain":
        result = plain.fit(trial.network, trial.hyperparameters, data, max_epochs, _chosen.patience, seed)
    else:
        result = ours(trial, data, _chosen, max_epochs, seed)
    return {"seed": seed, "windows": len(data.train.y), **result}


def ours(trial: PrintedTrial, data: Dataset, chosen: Settings, max_epochs: int, seed: int) -> dict[str, Any]:
    """The project's own training of one trial; the result as :func:`benchmarks.plain.fit` gives it."""
    started, cpu = time.perf_counter(), time.process_time()
    ends: list[float] = []
    capped = {**trial.hyperparameters, "epochs": min(int(trial.hyperparameters["epochs"]), max_epochs)}
    fit = training.fit(trial.network, capped, data, chosen, seed, lambda *_: ends.append(time.perf_counter() - started))
    return {
        "epochs": fit.epochs,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "epoch_ends": ends,
        "mse": min(fit.history["val_loss"]),
    }


class Side:
    """The processes of one side, and one block of trials on them."""

    def __init__(self, side: str, processes: int, data: Mapping[str, Dataset], chosen: Settings):
        context = get_context("spawn")
        self.side, self.processes = side, processes
        self.pool = ProcessPoolExecutor(processes, context, _start, (side, data, chosen, context.Barrier(processes)))

    def start(self, trial: PrintedTrial) -> float:
        """Start every process; returns the wall seconds of starts, imports and a first short training."""
        began = time.perf_counter()
        for waiting in [self.pool.submit(_warm_up, self.side, trial) for _ in range(self.processes)]:
            waiting.result()
        return time.perf_counter() - began

    def block(
        self, jobs: Sequence[tuple[int, PrintedTrial, int]], max_epochs: int, told: Callable[[str], None]
    ) -> dict[str, Any]:
        """Train (position, trial, seed) jobs; returns the block's wall seconds and each training, in their order."""
        began = time.perf_counter()
        running = {
            self.pool.submit(_train, self.side, trial, seed, max_epochs): (at, trial) for at, trial, seed in jobs
        }
        for done in as_completed(running):
            trial = running[done][1]
            told(f"{self.side} {trial.ticker} {trial.network} batch {trial.batch_size}")
        return {
            "seconds": time.perf_counter() - began,
            "runs": [{"at": at, **done.result()} for done, (at, _) in running.items()],
        }


def measure(
    trials: Sequence[PrintedTrial],
    data: Mapping[str, Dataset],
    chosen: Settings,
    max_epochs: int,
    seeds: Mapping[str, int],
    blocks: int,
    seed: int,
    kept: list[dict[str, Any]],
    keep: Callable[[list[dict[str, Any]]], None],
) -> dict[str, Any]:
    """Train all trials on both sides, block after block.

    Args:
        trials: the set.
        data: ticker -> windows.
        chosen: checked parameters; ``patience`` and the groups Networks and Training are used.
        max_epochs: no training is longer.
        seeds: side -> trainings of each trial.
        blocks: how many the trials are dealt into.
        seed: the run's.
        kept: blocks that a stopped run left.
        keep: called with all blocks after each.

    Returns:
        ``start_seconds`` and ``processes`` by side, ``blocks``.
    """
    processes = {"plain": 1, "ours": conditions.cores()}
    sides = {name: Side(name, processes[name], data, chosen) for name in SIDES}
    print(f"Starting {processes['plain']} plain process and {processes['ours']} of ours ...")
    try:
        start_seconds = {name: side.start(trials[0]) for name, side in sides.items()}
        done = list(kept)
        with Progress(
            "Trainings", sum(seeds.values()) * sum(len(trials[b::blocks]) for b in range(len(done), blocks))
        ) as progress:
            for block in range(len(done), blocks):
                found: dict[str, Any] = {}
                for name in SIDES if block % 2 == 0 else SIDES[::-1]:
                    jobs = [
                        (at, trials[at], random_seeds.derived(seed, name, at, k))
                        for at in range(block, len(trials), blocks)
                        for k in range(seeds[name])
                    ]
                    # The longest first, so that no core waits long for the last training of a turn.
                    jobs.sort(key=lambda job: -expected_work(job[1], max_epochs))
                    found[name] = sides[name].block(jobs, max_epochs, progress.step)
                done.append(found)
                keep(done)
    except BrokenProcessPool as error:
        raise conditions.BenchmarkError(
            "a process ended before its trainings were done, most often because memory ran out. Finished blocks are"
            " kept: run it again"
        ) from error
    finally:
        for side in sides.values():
            side.pool.shutdown(wait=False, cancel_futures=True)
    return {"start_seconds": start_seconds, "processes": processes, "blocks": done}


def expected_work(trial: PrintedTrial, max_epochs: int) -> float:
    """How long a trial takes beside others, roughly: its LSTM layers' products and its epochs."""
    units = [value for name, value in trial.hyperparameters.items() if name.startswith("lstm")]
    days = (
        1 / trial.hyperparameters["pool_size"] if trial.network == "CNN-LSTM" else 1
    )  # pooling comes before its LSTM layers
    return min(trial.hyperparameters["epochs"], max_epochs) * days * sum(u**2 for u in units)


def work_of(runs: Sequence[Mapping[str, Any]]) -> float:
    """Training windows seen, over all epochs."""
    return float(sum(r["windows"] * r["epochs"] for r in runs))


def later_epochs(runs: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """(windows, seconds) of the epochs after each training's first, which is where graphs are built."""
    many = [r for r in runs if len(r["epoch_ends"]) > 1]
    return (
        float(sum(r["windows"] * (len(r["epoch_ends"]) - 1) for r in many)),
        float(sum(r["epoch_ends"][-1] - r["epoch_ends"][0] for r in many)),
    )


def speed(
    trials: Sequence[Mapping[str, Any]], blocks: Sequence[Mapping[str, Any]], processes: Mapping[str, int]
) -> dict[str, Any]:
    """Windows a second of both sides and their ratio: overall by wall time, and by group.

    A group's rate is its windows over the sum of its trainings' seconds, times the side's
    processes: what the machine would do if all trials were of that group.
    """

    def rates(runs_of: Callable[[str], list[Mapping[str, Any]]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for side in SIDES:
            runs = runs_of(side)
            windows_seen, seconds = later_epochs(runs)
            found[side] = {
                "windows_per_second": processes[side] * work_of(runs) / sum(r["seconds"] for r in runs),
                "later_epochs_windows_per_second": processes[side] * windows_seen / seconds if seconds else None,
                "cpu_seconds_per_million_windows": 1e6 * sum(r["cpu_seconds"] for r in runs) / work_of(runs),
                "trainings": len(runs),
            }
        a, b = found["plain"], found["ours"]
        later = [x["later_epochs_windows_per_second"] for x in (b, a)]
        return {
            **found,
            "ratio": b["windows_per_second"] / a["windows_per_second"],
            "later_epochs_ratio": later[0] / later[1] if all(later) else None,
            "cpu_ratio": a["cpu_seconds_per_million_windows"] / b["cpu_seconds_per_million_windows"],
        }

    def group(name: str, value: Any) -> dict[str, Any]:
        return {
            "group": name,
            "value": value,
            **rates(
                lambda side: [
                    r
                    for block in blocks
                    for r in block[side]["runs"]
                    if value is None or trials[r["at"]][name] == value
                ]
            ),
        }

    whole = group("all", None)
    wall = {side: sum(b[side]["seconds"] for b in blocks) for side in SIDES}
    for side in SIDES:
        runs = [r for b in blocks for r in b[side]["runs"]]
        whole[side].update(
            windows_per_second=work_of(runs) / wall[side],
            wall_seconds=wall[side],
            windows=work_of(runs),
            cores_busy=sum(r["cpu_seconds"] for r in runs) / wall[side],
        )
    whole["ratio"] = whole["ours"]["windows_per_second"] / whole["plain"]["windows_per_second"]
    each_block = [
        work_of(b["ours"]["runs"]) / b["ours"]["seconds"] / (work_of(b["plain"]["runs"]) / b["plain"]["seconds"])
        for b in blocks
    ]
    groups = [
        group(name, value)
        for name in ("network", "batch_size")
        for value in dict.fromkeys(sorted((t[name] for t in trials), key=lambda v: (isinstance(v, str), v)))
    ]
    return {"target": TARGET, "overall": whole, "ratio_of_each_block": each_block, "groups": groups}


def by_trial(blocks: Sequence[Mapping[str, Any]], side: str) -> dict[int, list[Mapping[str, Any]]]:
    """A side's trainings by the position of their trial."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for run in (r for b in blocks for r in b[side]["runs"]):
        found.setdefault(run["at"], []).append(run)
    return found


def resampled(
    blocks: Sequence[Mapping[str, Any]], processes: Mapping[str, int], repeats: int = 10_000
) -> tuple[float, float]:
    """The ratio's 95% interval had other trials been drawn: a bootstrap over trials, by trainings' own seconds."""
    totals = {
        side: np.array(
            [[work_of(runs), sum(r["seconds"] for r in runs)] for _, runs in sorted(by_trial(blocks, side).items())]
        )
        for side in SIDES
    }
    drawn = np.random.default_rng(0).integers(0, len(totals["ours"]), (repeats, len(totals["ours"])))
    windows_seen, seconds = ({side: totals[side][drawn, k].sum(axis=1) for side in SIDES} for k in (0, 1))
    rate = {side: processes[side] * windows_seen[side] / seconds[side] for side in SIDES}
    low, high = np.percentile(rate["ours"] / rate["plain"], [2.5, 97.5])
    return float(low), float(high)


def at_length(blocks: Sequence[Mapping[str, Any]], processes: Mapping[str, int], epochs: int) -> float:
    """The ratio with trainings of so many epochs: each trial's first, which builds graphs, and later ones as timed."""

    def seconds(runs: Sequence[Mapping[str, Any]]) -> float:
        ends = [r["epoch_ends"] for r in runs if len(r["epoch_ends"]) > 1]
        return float(np.mean([e[0] + (epochs - 1) * (e[-1] - e[0]) / (len(e) - 1) for e in ends])) if ends else 0.0

    plain, own = (sum(seconds(runs) for runs in by_trial(blocks, side).values()) / processes[side] for side in SIDES)
    return plain / own if own else math.nan


def with_one_seed(blocks: Sequence[Mapping[str, Any]], processes: Mapping[str, int]) -> float:
    """The ratio by wall time with one training a trial on our side too, as timed, in the same order and processes.

    Fewer trainings a turn leave a process without work sooner.
    """
    plain = sum(b["plain"]["seconds"] for b in blocks) / work_of([r for b in blocks for r in b["plain"]["runs"]])
    wall, first = 0.0, []
    for block in blocks:
        seen: set[int] = set()
        free = [0.0] * processes["ours"]
        for run in block["ours"]["runs"]:
            if run["at"] not in seen:
                seen.add(run["at"])
                first.append(run)
                free[free.index(min(free))] += run["seconds"]
        wall += max(free)
    return plain / (wall / work_of(first))


def scores(trials: Sequence[Mapping[str, Any]], blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether both sides reach the same validation errors, up to what another seed changes.

    If both sides drew from the same distribution, the first plain score would lie between the
    smallest and the largest of n others with probability (n - 1) / (n + 1), its rank among all
    n + 1 would be any with equal chance, and log(plain / ours) would be symmetric about 0.
    """
    by_side = {
        side: [[r["mse"] for b in blocks for r in b[side]["runs"] if r["at"] == at] for at in range(len(trials))]
        for side in SIDES
    }
    rows = [
        {**t, "plain": p, "ours": o}
        for t, p, o in zip(trials, by_side["plain"], by_side["ours"])
        if np.isfinite([*p, *o]).all()
    ]
    n = min((len(r["ours"]) for r in rows), default=0)
    ratios = np.log([r["plain"][0] / r["ours"][0] for r in rows])
    inside = [min(r["ours"]) <= r["plain"][0] <= max(r["ours"]) for r in rows]
    ranks = [1 + sum(o < r["plain"][0] for o in r["ours"]) for r in rows]
    noise = [abs(math.log(r["ours"][0] / r["ours"][1])) for r in rows if len(r["ours"]) > 1]
    low, high = median_interval(ratios)
    expected = (n - 1) / (n + 1) if n else None
    found = {
        "trials": rows,
        "left_out_not_finite": len(trials) - len(rows),
        "seeds_of_ours": n,
        "plain_seeds": min((len(r["plain"]) for r in rows), default=0),
        "median_ratio": math.exp(np.median(ratios)),
        "interval_low": math.exp(low),
        "interval_high": math.exp(high),
        "wilcoxon_p": float(stats.wilcoxon(ratios).pvalue) if len(rows) > 1 and np.any(ratios) else None,
        "sign_test_p": float(stats.binomtest(int((ratios > 0).sum()), int((ratios != 0).sum())).pvalue)
        if np.any(ratios)
        else None,
        "plain_larger": int((ratios > 0).sum()),
        "inside": int(sum(inside)),
        "inside_expected": expected * len(rows) if expected is not None else None,
        "inside_p": float(stats.binomtest(int(sum(inside)), len(rows), expected).pvalue) if expected else None,
        "mean_rank": float(np.mean(ranks)),
        "mean_rank_expected": (n + 2) / 2,
        "seed_noise_ratio": math.exp(statistics.median(noise)) if noise else None,
    }
    spread = math.sqrt(((n + 1) ** 2 - 1) / 12 / len(rows))
    found["rank_p"] = (
        float(2 * stats.norm.sf(abs(found["mean_rank"] - found["mean_rank_expected"]) / spread)) if spread else None
    )
    return found


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Limits of the median that no distribution is assumed for: order statistics by the sign test."""
    ordered = np.sort(np.asarray(values, dtype="float64"))
    k = max(1, int(stats.binom.ppf((1 - confidence) / 2, len(ordered), 0.5)))
    return float(ordered[k - 1]), float(ordered[-k])


def work(words: Sequence[str] | None = None) -> None:
    """Read the options, measure, write ``throughput.json``."""
    parser = conditions.parser(
        "throughput", "Training throughput beside a plain Keras implementation, over 24 printed trials."
    )
    parser.add_argument(
        "--max-epochs", type=conditions.whole_number(1, 200), default=12, help="no training is longer; default 12"
    )
    parser.add_argument(
        "--seeds",
        type=conditions.whole_number(1, 20),
        default=3,
        help="trainings of each trial by this project; default 3",
    )
    parser.add_argument(
        "--plain-seeds",
        type=conditions.whole_number(1, 20),
        default=1,
        help="trainings of each trial by the plain side; default 1",
    )
    parser.add_argument(
        "--blocks", type=conditions.whole_number(1, 24), default=4, help="turns that the two sides take; default 4"
    )
    parser.add_argument(
        "--trials",
        type=conditions.whole_number(1, 24),
        default=24,
        help="the first so many of the 24 trials, for a try; default 24",
    )
    options = parser.parse_args(words)
    run = conditions.Run("throughput", options, parser)
    chosen, prices, about = conditions.thesis_data(options.data_dir, seed=options.seed, threads=1)
    data = windows.build(prices, chosen)
    everyone = {t: data.get(t, next(iter(data.values()))) for t in {p.ticker for p in printed_trials()}}
    trials = printed_trials()[: options.trials]
    kept_file = conditions.CACHE / "throughput" / f"{run.key(about)}.json"
    kept = json.loads(kept_file.read_text(encoding="utf-8")) if kept_file.is_file() else []
    if kept:
        print(f"{len(kept)} of {options.blocks} blocks were finished by a stopped run and are kept.")
    run.quiet(options.wait)
    seeds = {"plain": options.plain_seeds, "ours": options.seeds}
    measured = measure(
        trials,
        everyone,
        chosen,
        options.max_epochs,
        seeds,
        min(options.blocks, len(trials)),
        options.seed,
        kept,
        lambda blocks: files.write_json(kept_file, blocks),
    )
    listed = [t.plain() for t in trials]
    summary = {
        "speed": speed(listed, measured["blocks"], measured["processes"]),
        "scores": scores(listed, measured["blocks"]),
    }
    run.write(data=about, trials=listed, resumed_blocks=len(kept), summary=summary, **measured)
    whole = summary["speed"]["overall"]
    print(
        f"Plain {whole['plain']['windows_per_second']:.0f}, ours {whole['ours']['windows_per_second']:.0f} windows a"
        " second:"
        f" {whole['ratio']:.1f} times."
    )


if __name__ == "__main__":
    sys.exit(conditions.main(work))
