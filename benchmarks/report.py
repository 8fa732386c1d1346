"""From the benchmarks' JSON files to ``benchmarks/README.md`` and its figures.

    python -m benchmarks.report

Every number in the text is read from ``benchmarks/results``; nothing is typed.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks import conditions, throughput
from lib import figures
from lib.results import files
from lib.results.progress import clock

NAMES = ("throughput", "limits", "pruning", "service")
OURS, PLAIN, THIRD = "#0072B2", "#E69F00", "#6E6E6E"
PART_COLOURS = {
    "lstm_products": "#0072B2",
    "lstm_beyond": "#56B4E9",
    "convolutions": "#E69F00",
    "dropout": "#009E73",
    "optimizer": "#CC79A7",
    "validation": "#D55E00",
    "rest": "#BBBBBB",
}
PART_NAMES = {
    "lstm_products": "matrix products of the LSTM",
    "lstm_beyond": "LSTM beyond its products",
    "convolutions": "convolutions",
    "dropout": "dropout",
    "optimizer": "optimizer",
    "validation": "validation",
    "rest": "rest",
}
Results = Mapping[str, Mapping[str, Any]]


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: three significant digits, whole above a hundred; a dash for none."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}" if value else "0"


def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{round(100 * share) + 0}%"


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; numbers are rounded for reading, words to the left, numbers to the right."""
    cells = [[c if isinstance(c, str) else str(c) if isinstance(c, int) else number(c) for c in row] for row in rows]

    def words(column: int) -> bool:
        return not rows or isinstance(rows[0][column], str) and not rows[0][column].endswith("%")

    rule = ["---" if words(i) else "---:" for i in range(len(headings))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *cells))


def read(folder: Path) -> dict[str, Any]:
    """The results that are there: name -> document, NAME.PROCESSOR for what another kind of processor measured before.

    Raises:
        BenchmarkError: a file is not JSON.
    """
    found = {}
    for name in NAMES:
        for path in (folder / f"{name}.json", *sorted(folder.glob(f"{name}.*.json"))):
            if path.is_file():
                try:
                    found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
                except ValueError as error:
                    raise conditions.BenchmarkError(
                        f"{path.name} is not JSON ({error}). Make it again: python -m benchmarks.{name}"
                    ) from None
    return found


def render(results: Results) -> str:
    """The whole report as Markdown."""
    sections = [_head(results)]
    for name, title, section in (
        ("throughput", "Training throughput beside plain Keras", _throughput),
        ("limits", "Limits and growth", _limits),
        ("pruning", "What pruning saves and costs", _pruning),
        ("service", "The service beside an endpoint that does nothing", _service),
    ):
        body = (
            section(results[name], results) if name in results else f"Not measured yet: `python -m benchmarks.{name}`."
        )
        if name == "throughput" and name in results:
            body += _processors([r for key, r in results.items() if key.split(".")[0] == name])
        sections.append(f"## {title}\n\n{body}")
    return "\n\n".join(sections) + "\n"


def _head(results: Results) -> str:
    lines = [
        "# How fast, how large, how near to the machine",
        "",
        "Made by `python -m benchmarks.report` from the files in `results/`; do not edit it by hand. Start commands"
        " in the project's folder.",
        "",
    ]
    rows = []
    for name, r in results.items():
        machine = r["machine"]
        changed = conditions.changed_since(results, name)
        rows.append(
            [
                f"`{r['command']}`",
                clock(r["seconds"]),
                f"{machine['processor']}, {machine['cores']} cores, {number(machine['memory_gb'])} GB",
                r["started"][:10],
                (r["code"]["commit"] or "unknown")[:10] + (" and changes" if r["code"]["changed"] else ""),
                str(machine["load_before"]),
                changed,
            ]
        )
    if rows:
        lines += [
            table(["Command", "Took", "Machine", "Date", "Commit", "Load before", "Training code changed since"], rows),
            "",
        ]
        packages = dict.fromkeys(
            ", ".join(f"{k} {v}" for k, v in r["packages"].items()) + f", Python {r['python']}"
            for r in results.values()
        )
        prices = dict.fromkeys(
            f"{r['data']['sentence']} SHA-256 `{r['data']['sha256'][:16]}`, {r['data']['first_day']} to"
            f" {r['data']['last_day']}."
            for r in results.values()
        )
        lines += [*packages, "", *prices]
    else:
        lines.append("No benchmark has been run yet.")
    return "\n".join(lines)


def _throughput(r: Mapping[str, Any], _: Results) -> str:
    speed, score, options = r["summary"]["speed"], r["summary"]["scores"], r["options"]
    whole = speed["overall"]
    reached = "reaches" if whole["ratio"] >= speed["target"] else "does not reach"
    label = {"network": "network", "batch_size": "batch size", "all": "all trials"}
    rows = [
        [
            label["all"] if g["value"] is None else f"{label[g['group']]} {g['value']}",
            g["plain"]["windows_per_second"],
            g["ours"]["windows_per_second"],
            g["ratio"],
            g["later_epochs_ratio"],
            g["cpu_ratio"],
            g["plain"]["trainings"],
            g["ours"]["trainings"],
        ]
        for g in (whole, *speed["groups"])
    ]
    low, high = throughput.resampled(r["blocks"], r["processes"])
    busier = whole["ours"]["cores_busy"] / whole["plain"]["cores_busy"]
    resumed = f" {r['resumed_blocks']} blocks come from a run that was stopped." if r["resumed_blocks"] else ""
    return "\n".join(
        [
            f"**{number(whole['ratio'])} times** the windows a second of plain Keras:"
            f" {number(whole['ours']['windows_per_second'])} against"
            f" {number(whole['plain']['windows_per_second'])}. That {reached} the target of {speed['target']:g} times."
            " Turn by turn, each with other trials, the ratio was"
            f" {', '.join(number(x) for x in speed['ratio_of_each_block'])}.{resumed}",
            "",
            f"How sure that is: other draws of {len(r['trials'])} from these trials give {number(low)} to"
            f" {number(high)} (95%, by the trainings' own seconds; noise of"
            " the machine is not in it). Trainings are short here, so that building graphs is a part of it: with 40"
            " epochs each the ratio would be"
            f" {number(throughput.at_length(r['blocks'], r['processes'], 40))}, with 100 epochs"
            f" {number(throughput.at_length(r['blocks'], r['processes'], 100))} (from"
            " the first and the later epochs as timed). With one seed on our side, which leaves a core without work"
            " sooner, it would be"
            f" {number(throughput.with_one_seed(r['blocks'], r['processes']))}.",
            "",
            "![Windows a second of both sides](figures/throughput.png)",
            "",
            "Plain: Keras's `LSTM` and `Conv1D`, silent `model.fit`, Adam, early stopping with patience 10,"
            " TensorFlow's default threads, one process."
            f" Ours: `lib.networks.training.fit` in {r['processes']['ours']} processes of one thread. Both train the"
            f" same {len(r['trials'])} printed trials"
            f" (the rule stands in `trial_set.py`), at most {options['max_epochs']} epochs each, in"
            f" {len(r['blocks'])} turns on the same machine;"
            f" ours with {options['seeds']} seeds, plain with {options['plain_seeds']}. Throughput is training"
            " windows times epochs over wall seconds,"
            " graph building included. Starting processes, imports and a first short training are left out: plain"
            f" {number(r['start_seconds']['plain'])} s,"
            f" ours {number(r['start_seconds']['ours'])} s.",
            "",
            table(
                [
                    "Group",
                    "Plain (windows/s)",
                    "Ours (windows/s)",
                    "Ratio",
                    "Ratio, later epochs",
                    "Ratio of CPU seconds",
                    "Plain trainings",
                    "Our trainings",
                ],
                rows,
            ),
            "",
            "Later epochs leave out each training's first, where graphs are built: what long trainings come to. The"
            " ratio of CPU seconds is what is"
            f" gained per core; the rest of the gain is that our processes keep {number(whole['ours']['cores_busy'])}"
            " cores busy and the plain one"
            f" {number(whole['plain']['cores_busy'])}, {number(busier)} times as many. A group's rate takes its"
            " trainings' own seconds, the first row wall seconds.",
            "",
            "### The same scores?",
            "",
            "![Validation errors of both sides](figures/scores.png)",
            "",
            _score_words(score),
        ]
    )


def _processors(measured: Sequence[Mapping[str, Any]]) -> str:
    """The ratio on each kind of processor, where more than one measured it."""
    if len(measured) < 2:
        return ""
    rows = []
    for r in measured:
        speed = r["summary"]["speed"]
        whole = speed["overall"]
        rows.append(
            [
                r["machine"]["processor"],
                r["started"][:10],
                whole["plain"]["windows_per_second"],
                whole["ours"]["windows_per_second"],
                whole["ratio"],
                ", ".join(number(x) for x in speed["ratio_of_each_block"]),
                throughput.at_length(r["blocks"], r["processes"], 40),
                whole["later_epochs_ratio"],
                whole["cpu_ratio"],
                "yes" if whole["ratio"] >= speed["target"] else "no",
            ]
        )
    target = measured[0]["summary"]["speed"]["target"]
    return "\n".join(
        [
            "",
            "",
            "### On other processors",
            "",
            "The same benchmark on each kind of processor that ran it, the one above first. How much is gained"
            " depends on how fast the matrix products are"
            " beside everything else.",
            "",
            table(
                [
                    "Processor",
                    "Date",
                    "Plain (windows/s)",
                    "Ours (windows/s)",
                    "Ratio",
                    "Turn by turn",
                    "Ratio, 40 epochs",
                    "Ratio, later epochs",
                    "Ratio of CPU seconds",
                    f"Reaches {target:g}",
                ],
                rows,
            ),
        ]
    )


def _score_words(s: Mapping[str, Any]) -> str:
    holds = s["interval_low"] <= 1 <= s["interval_high"]
    words = [
        f"Scaled validation MSE of the best epoch, {len(s['trials'])} trials. The median of plain / ours (first"
        f" seeds) is {number(s['median_ratio'])}"
        f" (95% interval {number(s['interval_low'])} to {number(s['interval_high'])}, which"
        f" {'holds' if holds else 'does not hold'} 1);"
        f" another seed alone changes our score by a factor of {number(s['seed_noise_ratio'])} (median)."
        f" Wilcoxon's signed ranks give p = {number(s['wilcoxon_p'])}, the sign test p = {number(s['sign_test_p'])}"
        f" (plain larger in {s['plain_larger']}).",
    ]
    if s["inside_expected"] is not None:
        words.append(
            f"The plain score lies within the range of our {s['seeds_of_ours']} seeds in {s['inside']} of"
            f" {len(s['trials'])} trials; if both drew from"
            f" one distribution {number(s['inside_expected'])} would be expected (p = {number(s['inside_p'])}). Its"
            " mean rank among all is"
            f" {number(s['mean_rank'])}, expected {number(s['mean_rank_expected'])} (p = {number(s['rank_p'])})."
        )
    if s["left_out_not_finite"]:
        words.append(f"{s['left_out_not_finite']} trials are left out, as a score is not finite.")
    words.append(
        "These tests can find a difference; they cannot prove that there is none. The interval says how large one"
        " could be."
    )
    return " ".join(words)


def _limits(r: Mapping[str, Any], _: Results) -> str:
    parts = [f"One thread; a time is the fastest of several repeats. Windows of {r['data']['ticker']}."]
    for key, section in (
        ("lstm_step", _step),
        ("yardstick", _yardstick),
        ("epoch_parts", _epoch),
        ("trial_overhead", _overhead),
        ("growth", _growth),
    ):
        if key in r:
            parts.append(section(r))
    return "\n\n".join(parts)


def _step(r: Mapping[str, Any]) -> str:
    rows = [
        [
            _layer(x["inputs"], x["units"]),
            x["batch_size"],
            x["gflops"]["products_gradient"],
            x["gflops"]["fused_gradient"],
            percent(x["seconds"]["products_gradient"] / x["seconds"]["fused_gradient"]),
            x["gflops"]["keras_gradient"],
            percent(x["seconds"]["products_gradient"] / x["seconds"]["keras_gradient"]),
            x["gflops"]["at_once_gradient"],
            percent(x["seconds"]["products_forward"] / x["seconds"]["fused_forward"]),
        ]
        for x in r["lstm_step"]
    ]
    steps = [
        [
            x["batch_size"],
            1000 * x["step_seconds"],
            x["step_gflops"],
            x["products_gflops"],
            percent(x["products_seconds"] / x["step_seconds"]),
        ]
        for x in r["training_step"]
    ]
    return "\n".join(
        [
            "### The LSTM step against the machine's matrix product",
            "",
            "![Speed of an LSTM layer beside matrix products](figures/lstm_step.png)",
            "",
            f"One LSTM layer over one batch of {r['lstm_step'][0]['lookback']} days, forward and backward, beside"
            " `tf.matmul` of the same shapes, one product"
            " after the other as the days demand. All days at once is what the machine does without that order."
            " GFLOP/s count matrix products only."
            " A share above 100% means that separate calls of `tf.matmul` cost more than the fused operation's own"
            " products.",
            "",
            table(
                [
                    "Layer",
                    "Batch",
                    "Products (GFLOP/s)",
                    "Fused layer",
                    "Share of products",
                    "Keras layer",
                    "Its share",
                    "All days at once",
                    "Fused forward, share",
                ],
                rows,
            ),
            "",
            "The whole training step of the thesis's best LSTM (two layers, dropout, loss, optimizer, cutting the"
            " batch):",
            "",
            table(["Batch", "Step (ms)", "GFLOP/s", "Its products alone (GFLOP/s)", "Share of products"], steps),
        ]
    )


def _layer(inputs: int, units: int) -> str:
    return f"{inputs} input{'s' if inputs != 1 else ''}, {units} units"


def _yardstick(r: Mapping[str, Any]) -> str:
    y = r["yardstick"]
    seconds = y["seconds"]
    names = {
        "products": "its matrix products alone (`tf.matmul`)",
        "ours": "this project",
        "keras": "Keras, `model.fit`",
        "torch": "PyTorch, `nn.LSTM`",
    }
    rows = [
        [name, seconds[key], "1" if key == "ours" else seconds[key] / seconds["ours"]]
        for key, name in names.items()
        if seconds.get(key)
    ]
    torch = (
        ""
        if seconds.get("torch")
        else (
            " PyTorch was not measured: it is not among this project's packages. Where it is installed (`pip install"
            " torch`), the same command measures it."
        )
    )
    version = f" PyTorch {y['torch_version']}." if seconds.get("torch") else ""
    return "\n".join(
        [
            "### One epoch of an LSTM, whichever library",
            "",
            f"LSTM layers of {' and '.join(map(str, y['units']))} units, no dropout, {y['windows']} windows of"
            f" {y['days']} days with {y['inputs']} values, batch"
            f" {y['batch_size']}, Adam; the fastest of {y['repeats']} epochs, one thread.{version}{torch}",
            "",
            table(["Epoch of", "Seconds", "Beside ours"], rows),
            "",
            "On one core, nothing that multiplies day by day can be more than"
            f" {number(seconds['keras'] / seconds['products'])} times as fast as Keras here; this"
            f" project is {number(seconds['keras'] / seconds['ours'])} times as fast. Two processes of ours gain"
            " again where Keras leaves the second core idle.",
        ]
    )


def _epoch(r: Mapping[str, Any]) -> str:
    rows = [
        [x["network"], x["batch_size"], x["epoch"], *(percent(x["parts"][p] / x["epoch"]) for p in PART_NAMES)]
        for x in r["epoch_parts"]
    ]
    return "\n".join(
        [
            "### Where an epoch goes",
            "",
            "![Parts of an epoch](figures/epoch_parts.png)",
            "",
            "The thesis's best network of each kind. Each part is measured alone, so parts may add to somewhat more"
            " or less than the epoch: then the rest,"
            " which holds pooling, dense layer, loss, shuffling and the loop, is below zero or too large. A part"
            " below zero is not drawn:"
            " then the bar is longer than the epoch.",
            "",
            table(["Network", "Batch", "Epoch (s)", *PART_NAMES.values()], rows),
        ]
    )


def _overhead(r: Mapping[str, Any]) -> str:
    rows = [
        [
            x["network"] + (", first in its process" if x["first_in_process"] else ""),
            x["build_seconds"],
            x["trace_seconds"],
            x["epoch_seconds"],
            (x["build_seconds"] + x["trace_seconds"]) / x["epoch_seconds"],
            x["bookkeeping_seconds"],
        ]
        for x in r["trial_overhead"]
    ]
    imports = [
        [
            ", ".join(x["notebooks"]),
            x["import_seconds"],
            x["process_seconds"],
            number(x["peak_mb"]),
            "yes" if x["tensorflow"] else "no",
        ]
        for x in r["notebook_imports"]
    ]
    return "\n".join(
        [
            "### What a trial and a notebook cost besides training",
            "",
            "Building makes layers, weights and optimizer; tracing is what the first epoch takes beyond a usual one;"
            " bookkeeping is asking Optuna for a trial"
            " and telling its score. Costs are also given in epochs of the same network.",
            "",
            table(["Network", "Building (s)", "Tracing (s)", "Epoch (s)", "Both, in epochs", "Bookkeeping (s)"], rows),
            "",
            "The imports of each notebook in a fresh Python, starting TensorFlow included where the notebook does so"
            " itself; the kernel's own start is not.",
            "",
            table(["Notebooks", "Imports (s)", "Whole process (s)", "Peak memory (MB)", "TensorFlow"], imports),
        ]
    )


def _growth(r: Mapping[str, Any]) -> str:
    g = r["growth"]
    lines = [
        "### Growth of time and memory",
        "",
        "![Growth of time and memory](figures/growth.png)",
        "",
        f"Simulated prices. Memory is the peak; a process with TensorFlow alone takes {number(g['tensorflow_mb'])}"
        " MB. An exponent of 1 means that"
        " twice as much takes twice as long.",
        "",
    ]
    networks = list(g["rows"]["points"][0]["epoch_seconds"])
    for x in ("rows", "lookback"):
        rows = [
            [p[x], p["training_windows"], *(p["epoch_seconds"][n] for n in networks), p["peak_mb"], p["added_mb"]]
            for p in g[x]["points"]
        ]
        lines += [
            table(
                [
                    x.capitalize(),
                    "Training windows",
                    *(f"{n}, epoch (s)" for n in networks),
                    "Peak (MB)",
                    "Beyond TensorFlow (MB)",
                ],
                rows,
            ),
            "",
            _exponents(g[x]["exponents"]),
            "",
        ]
    for x in ("tickers", "workers"):
        rows = [
            [p["tickers"], p["workers"], p["trials"], p["start_seconds"], p["seconds"], p["total_mb"]]
            for p in g[x]["points"]
        ]
        lines += [
            table(["Tickers", "Workers", "Trials", "Start (s)", "Trials (s)", "All processes (MB)"], rows),
            "",
            _exponents(g[x]["exponents"]),
            "",
        ]
    if "trials" in g:
        t = g["trials"]
        rows = [[p["trials"], p["peak_mb"], p["peak_mb"] - g["tensorflow_mb"]] for p in t["points"]]
        lines += [
            f"Trials in one process, of {' and '.join(t['networks'])} in turn, {t['epochs']} epochs each. TensorFlow"
            " never frees"
            f" a graph, so that a process grows by about {number(t['mb_a_trial'])} MB with each; the pool replaces a"
            " worker that"
            " grew too large.",
            "",
            table(["Trials in the process", "Peak (MB)", "Beyond TensorFlow (MB)"], rows),
            "",
        ]
    return "\n".join(lines).rstrip()


def _exponents(found: Mapping[str, float | None]) -> str:
    return "Exponents: " + ", ".join(f"{name} {number(e, 2)}" for name, e in found.items()) + "."


def _pruning(r: Mapping[str, Any], results: Results) -> str:
    found = r["results"]
    rows = [
        [
            s["ticker"],
            s["network"],
            s["trials"],
            s["pruned"],
            s["seconds"]["none"],
            s["seconds"]["median"],
            percent(s["saved"]),
            s["best_mse"]["none"],
            s["best_mse"]["median"],
            s["score_ratio"],
        ]
        for s in found["studies"]
    ]
    random = r["options"]["trials"] <= r["startup_trials"]
    chance = (
        " All of them were: both searches drew the same ones, and pruning could not change what was tried."
        if random
        else " From then on the pruned search tries other ones than the whole one,"
        " so that it may find a better best (a ratio below 1); one pair of"
        " studies says little about chance."
    )
    noise = results.get("throughput", {}).get("summary", {}).get("scores", {}).get("seed_noise_ratio")
    beside = (
        f" For scale: another seed alone changes one training's score by a factor of {number(noise)} (median, above)."
        if noise
        else ""
    )
    return "\n".join(
        [
            f"The median pruner stopped {percent(found['pruned_share'])} of the trials and saved"
            f" **{percent(found['saved'])}** of their time"
            f" ({number(found['seconds']['none'])} s without, {number(found['seconds']['median'])} s with). The best"
            " validation MSE became"
            f" **{number(found['score_ratio'])} times** as large (geometric mean), larger in {found['worse_studies']}"
            f" of {len(found['studies'])} studies;"
            f" the median of the best was {number(found['median_best_mse']['none'])} without and"
            f" {number(found['median_best_mse']['median'])} with.{beside}"
            " Times are seconds of trainings in two searches that ran one after the other; one sampler seed.",
            "",
            "![Time and best score with and without pruning](figures/pruning.png)",
            "",
            f"Each study has {r['options']['trials']} trials, of which the sampler draws the first"
            f" {r['startup_trials']} at random; at most"
            f" {r['options']['max_epochs']} epochs, {r['workers']} workers.{chance}",
            "",
            table(
                [
                    "Ticker",
                    "Network",
                    "Trials",
                    "Pruned",
                    "Without (s)",
                    "With (s)",
                    "Saved",
                    "Best MSE without",
                    "Best MSE with",
                    "Ratio",
                ],
                rows,
            ),
        ]
    )


_SERVERS = {"service": "the service, a known forecast", "constant": "bare FastAPI, a constant"}


def _service(r: Mapping[str, Any], _: Results) -> str:
    turns, options = r["turns"], r["options"]
    ours, bare = turns["service"], turns["constant"]
    load = r["machine"]["load_before"]
    rates = [
        [
            label,
            turns[name]["per_second"],
            turns[name]["median_ms"],
            turns[name]["p99_ms"],
            turns[name]["slowest_ms"],
            turns[name]["errors"],
            ", ".join(number(rate) for rate in turns[name]["per_second_of_each"]),
        ]
        for name, label in _SERVERS.items()
    ]
    single = [
        [
            f"{what}, store in {'Redis' if store == 'redis' else store}",
            times["new"]["median"],
            times["known"]["median"],
            times["known"]["slowest"],
            times["new"]["median"] / times["known"]["median"],
        ]
        for store, found in r["single"].items()
        for what, times in found.items()
    ]
    return "\n".join(
        [
            f"**{number(ours['per_second'])} forecasts a second**, {percent(ours['per_second'] / bare['per_second'])}"
            " of what an endpoint reaches that does nothing;"
            f" {ours['errors']} errors in {ours['requests']:,} requests.",
            "",
            f"{options['clients']} clients with kept connections POST /predict at the same time, {options['seconds']} s"
            f" for each server in {options['turns']} turns, one after the other. Every answer has {turns['bytes']:,}"
            " bytes. Each server is one process; the clients share the machine with it and keep"
            f" {percent(ours['clients_busy'])} of a core busy while they ask the service,"
            f" {percent(bare['clients_busy'])} while they ask the other. The load of the machine was {load} before"
            f" and {r['load_after']} after.",
            "",
            "![Requests a second, turn by turn, and single requests](figures/service.png)",
            "",
            table(
                ["Server", "Requests/s", "Median (ms)", "99% within (ms)", "Slowest (ms)", "Errors", "Turn by turn"],
                rates,
            ),
            "",
            "Single requests of one client, nothing else running. A training is a CNN of five epochs; prices are those"
            " of a file, read and checked, or of the store.",
            "",
            table(["Request", "New (ms)", "Known (ms)", "Slowest known (ms)", "Times as fast"], single),
        ]
    )


def throughput_figure(r: Mapping[str, Any]) -> Figure:
    """Windows a second of both sides, by group, with the ratio above."""
    groups = [r["summary"]["speed"]["overall"], *r["summary"]["speed"]["groups"]]
    names = [
        "all" if g["value"] is None else f"{'batch ' if g['group'] == 'batch_size' else ''}{g['value']}" for g in groups
    ]
    with figures.style():
        figure, axes = figures.canvas(1, row_height=3.6)
        ax = axes[0, 0]
        for shift, side, colour, label in ((-0.2, "plain", PLAIN, "plain Keras"), (0.2, "ours", OURS, "this project")):
            ax.bar(
                [i + shift for i in range(len(groups))],
                [g[side]["windows_per_second"] for g in groups],
                0.4,
                color=colour,
                label=label,
            )
        for i, g in enumerate(groups):
            top = max(g["plain"]["windows_per_second"], g["ours"]["windows_per_second"])
            ax.annotate(
                f"{g['ratio']:.1f} x", (i, top), ha="center", xytext=(0, 3), textcoords="offset points", fontsize=9
            )
        ax.set(title="Training throughput, and ours over plain", ylabel="windows per second, all cores")
        ax.set_xticks(range(len(groups)), names)
        ax.margins(y=0.12)
        figures.legend_above(ax, 2)
        return figure


def scores_figure(r: Mapping[str, Any]) -> Figure:
    """Validation errors: the range of our seeds as a line, the plain score as a mark."""
    rows = r["summary"]["scores"]["trials"]
    with figures.style():
        figure, axes = figures.canvas(1, row_height=3.8)
        ax = axes[0, 0]
        for i, row in enumerate(rows):
            ax.plot([i, i], [min(row["ours"]), max(row["ours"])], color=OURS, lw=1.5)
            ax.plot([i] * len(row["ours"]), row["ours"], "o", ms=4, color=OURS, label="this project, each seed")
            ax.plot(
                [i] * len(row["plain"]),
                row["plain"],
                "D",
                ms=5,
                color=PLAIN,
                mec="#333333",
                mew=0.6,
                label="plain Keras",
            )
        ax.set(title="The same trials on both sides", ylabel="validation MSE (scaled, log scale)", yscale="log")
        ax.set_xticks(
            range(len(rows)),
            [f"{x['network']} {x['ticker'][:3]} {x['batch_size']}" for x in rows],
            rotation=70,
            ha="right",
            rotation_mode="anchor",
            fontsize=7,
        )
        figures.log_ticks(ax.yaxis)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        figures.legend_above(ax, 2)
        return figure


def lstm_step_figure(r: Mapping[str, Any]) -> Figure:
    """GFLOP/s of one layer forward and backward by batch size: products, fused, Keras."""
    shapes = list(dict.fromkeys((x["inputs"], x["units"]) for x in r["lstm_step"]))
    with figures.style():
        figure, axes = figures.canvas(1, len(shapes), row_height=3.2)
        for ax, shape in zip(axes.flat, shapes):
            rows = [x for x in r["lstm_step"] if (x["inputs"], x["units"]) == shape]
            for key, label, colour, style in (
                ("at_once_gradient", "products, all days at once", THIRD, ":"),
                ("products_gradient", "products, day by day", "#333333", "--"),
                ("fused_gradient", "fused layer", OURS, "-"),
                ("keras_gradient", "Keras layer", PLAIN, "-"),
            ):
                ax.plot(
                    [x["batch_size"] for x in rows],
                    [x["gflops"][key] for x in rows],
                    style,
                    marker="o",
                    ms=4,
                    color=colour,
                    label=label,
                )
            ax.set(title=_layer(*shape), xlabel="batch size (windows)", xscale="log")
            ax.set_xticks([x["batch_size"] for x in rows], [str(x["batch_size"]) for x in rows])
            ax.minorticks_off()
            ax.set_ylim(bottom=0)
        axes[0, 0].set_ylabel("GFLOP/s, one thread")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
        return figure


def epoch_figure(r: Mapping[str, Any]) -> Figure:
    """Stacked bars: the parts of one epoch of each network, in seconds."""
    rows = r["epoch_parts"]
    with figures.style():
        figure, axes = figures.canvas(1, row_height=3.2)
        ax, left = axes[0, 0], [0.0] * len(rows)
        for part, name in PART_NAMES.items():
            widths = [max(0.0, x["parts"][part]) for x in rows]
            ax.barh([x["network"] for x in rows], widths, left=left, color=PART_COLOURS[part], label=name)
            left = [a + b for a, b in zip(left, widths)]
        for i, x in enumerate(rows):
            ax.plot(
                [x["epoch"]] * 2, [i - 0.45, i + 0.45], color="#111111", lw=2, label="whole epoch" if not i else None
            )
        ax.invert_yaxis()
        ax.set_xlim(0, 1.04 * max(*left, *(x["epoch"] for x in rows)))
        ax.set(xlabel="seconds of one epoch, one thread")
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
        return figure


def growth_figure(r: Mapping[str, Any]) -> Figure:
    """Seconds above, memory below, by rows, lookback, tickers and workers."""
    g = r["growth"]
    with figures.style():
        figure, axes = figures.canvas(2, 4, row_height=2.8, width=11)
        for column, x in enumerate(("rows", "lookback", "tickers", "workers")):
            points, (above, below) = g[x]["points"], axes[:, column]
            at = [p[x] for p in points]
            if "epoch_seconds" in points[0]:
                for n in points[0]["epoch_seconds"]:
                    above.plot(
                        at,
                        [p["epoch_seconds"][n] for p in points],
                        "o-",
                        ms=4,
                        color=figures.NETWORK_COLOURS[n],
                        label=f"{n}, epoch",
                    )
                memory = [p["peak_mb"] for p in points]
            else:
                above.plot(at, [p["seconds"] for p in points], "o-", ms=4, color="#333333", label="all trials")
                memory = [p["total_mb"] for p in points]
            below.plot(at, memory, "o-", ms=4, color="#333333")
            below.axhline(g["tensorflow_mb"], color=THIRD, ls="--", lw=1.2)
            above.set(title=x.capitalize())
            above.legend(fontsize=7)
            below.set(xlabel={"rows": "rows (days)", "lookback": "lookback (days)"}.get(x, x))
            for ax in (above, below):
                ax.margins(y=0.15)
                ax.set_xlim(left=0)
                ax.set_ylim(bottom=0)
                ax.set_xticks(at)
        axes[0, 0].set_ylabel("seconds")
        axes[1, 0].set_ylabel("peak memory (MB)\ndashed: TensorFlow alone")
        return figure


def pruning_figure(r: Mapping[str, Any]) -> Figure:
    """Seconds and best score of each study without and with the pruner."""
    rows = r["results"]["studies"]
    with figures.style():
        figure, axes = figures.canvas(1, 2, row_height=3.4)
        for ax, key, label in (
            (axes[0, 0], "seconds", "trials' time (s)"),
            (axes[0, 1], "best_mse", "best validation MSE (scaled)"),
        ):
            for shift, pruner, colour in ((-0.2, "none", PLAIN), (0.2, "median", OURS)):
                ax.bar(
                    [i + shift for i in range(len(rows))],
                    [s[key][pruner] for s in rows],
                    0.4,
                    color=colour,
                    label=f"pruner {pruner}",
                )
            ax.set_xticks(range(len(rows)), [f"{s['ticker'][:3]}\n{s['network']}" for s in rows], fontsize=8)
            ax.set_ylabel(label)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure


def service_figure(r: Mapping[str, Any]) -> Figure:
    """Requests a second of each turn; new and known answers of single requests."""
    with figures.style():
        figure, axes = figures.canvas(1, 2, row_height=3.4)
        left, right = axes.flat
        for name, colour in (("constant", PLAIN), ("service", OURS)):
            rates = r["turns"][name]["per_second_of_each"]
            left.plot(range(1, len(rates) + 1), rates, "o-", ms=4, color=colour, label=_SERVERS[name])
        left.set(xlabel="turn", ylabel="requests a second")
        left.set_ylim(bottom=0)
        left.set_xticks(range(1, len(rates) + 1))
        figures.legend_above(left, 1)
        rows = [
            (f"{what}\n{store}", times["new"]["median"], times["known"]["median"])
            for store, found in r["single"].items()
            for what, times in found.items()
        ]
        for shift, column, colour, label in ((-0.2, 1, PLAIN, "new"), (0.2, 2, OURS, "known")):
            right.bar(
                [i + shift for i in range(len(rows))], [row[column] for row in rows], 0.4, color=colour, label=label
            )
        right.set(ylabel="milliseconds (median, log scale)", yscale="log")
        right.set_xticks(range(len(rows)), [row[0] for row in rows], fontsize=7)
        figures.legend_above(right, 2)
        return figure


FIGURES: dict[
    str, tuple[str, str, Callable[[Mapping[str, Any]], Figure]]
] = {  # file -> benchmark, what it needs there, function
    "throughput": ("throughput", "summary", throughput_figure),
    "scores": ("throughput", "summary", scores_figure),
    "lstm_step": ("limits", "lstm_step", lstm_step_figure),
    "epoch_parts": ("limits", "epoch_parts", epoch_figure),
    "growth": ("limits", "growth", growth_figure),
    "pruning": ("pruning", "results", pruning_figure),
    "service": ("service", "turns", service_figure),
}


def work(words: Sequence[str] | None = None) -> None:
    """Read the options and the results, write report and figures."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description="Write benchmarks/README.md and its figures.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--results-dir", default=str(conditions.RESULTS), metavar="FOLDER", help="default benchmarks/results"
    )
    parser.add_argument(
        "--out",
        default=str(conditions.FOLDER),
        metavar="FOLDER",
        help="where README.md and figures/ go; default benchmarks",
    )
    options = parser.parse_args(words)
    results, out = read(Path(options.results_dir)), Path(options.out)
    for name, (benchmark, needs, draw) in FIGURES.items():
        if needs in results.get(benchmark, {}):
            with files.replacing(out / "figures" / f"{name}.png") as draft:
                draw(results[benchmark]).savefig(draft, format="png", dpi=150)
    files.write_text(out / "README.md", render(results))
    print(f"Wrote README.md and figures from {', '.join(results) or 'no results'}.")


if __name__ == "__main__":
    sys.exit(conditions.main(work))
