"""Limits and growth: how near the LSTM step is to the machine's matrix product, where time goes, what grows how.

    python -m benchmarks.limits

Everything runs on one thread. Each part runs in a process of its own; a time is the fastest of
several repeats, as what else the machine does only adds to it. Memory is the largest resident
memory of the process.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

import nbformat
import numpy as np
import optuna
import pandas as pd

from benchmarks import conditions
from lib import thesis
from lib.data import windows
from lib.data.windows import Dataset
from lib.experiments import pool, search, train
from lib.networks import compiled, runtime, training
from lib.results import training_cache
from lib.results.progress import Progress
from lib.settings import Settings
from lib.settings.places import PROJECT_ROOT

BATCH_SIZES = (16, 32, 64, 128)
# (inputs a day, units): both layers of the thesis's best LSTM, and a layer near the small end of the search.
LAYERS = ((1, 113), (113, 55), (16, 16))
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")
GROWTH_NETWORKS = ("CNN", "LSTM")
DAYS, ROW_FACTORS, LOOKBACKS, TICKERS, WORKERS = 1480, (1, 2, 4), (30, 60, 120), (1, 3, 12), (1, 2)
TRIALS = (15, 30, 60)  # in one process
# One epoch to hold libraries against each other: windows, days, values a day, units of the two LSTM layers, batch.
YARDSTICK = {"windows": 982, "days": 60, "inputs": 3, "units": (113, 55), "batch_size": 32, "repeats": 5}


def _measured(work: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, float]:
    conditions.follow_parent()
    return work(*args), conditions.peak_memory_mb()


def in_fresh_process(work: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """Call a function of this module in a new process; returns its result and that process's peak memory in MB."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as executor:
            return executor.submit(_measured, work, args).result()
    except BrokenProcessPool as error:
        raise conditions.BenchmarkError(
            "a process ended before its measurement was done, most often because memory ran out"
        ) from error


def fastest(call: Callable[[], Any], seconds: float = 0.2, repeats: int = 5) -> float:
    """Seconds of one call: the fastest of ``repeats`` rounds that share ``seconds``, after two calls to warm up."""
    call()
    began = time.perf_counter()
    call()
    rounds = max(1, int(seconds / repeats / max(time.perf_counter() - began, 1e-6)))
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(rounds):
            call()
        found.append((time.perf_counter() - began) / rounds)
    return min(found)


def lstm_flops(batch: int, days: int, inputs: int, units: int) -> float:
    """Floating-point operations of the matrix products of one LSTM layer's forward pass over a batch."""
    return 2.0 * batch * days * (inputs + units) * 4 * units


def products(batch: int, days: int, inputs: int, units: int, gradient: bool, at_once: bool = False) -> float:
    """Seconds of ``tf.matmul`` for an LSTM layer's products over one batch.

    Args:
        batch, days, inputs, units: of the layer.
        gradient: also the two products a day of the backward pass, towards inputs and weights.
        at_once: all days as one product, which a recurrent layer cannot do: the machine's best.
    """
    import tensorflow as tf

    random = tf.random.Generator.from_seed(1)
    rounds, rows = (1, batch * days) if at_once else (days, batch)
    both = inputs + units
    xh, gates, w = (
        random.normal([rounds, rows, both]),
        random.normal([rounds, rows, 4 * units]),
        random.normal([both, 4 * units]),
    )

    @tf.function
    def run(xh: Any, gates: Any, w: Any) -> list[Any]:
        found = []
        for a, g in zip(tf.unstack(xh), tf.unstack(gates)):
            found.append(tf.matmul(a, w))
            if gradient:
                found += [tf.matmul(g, w, transpose_b=True), tf.matmul(a, g, transpose_a=True)]
        return found

    return fastest(lambda: run(xh, gates, w))


def layer_seconds(layer: Any, shape: Sequence[int], gradient: bool, first: bool = False) -> float:
    """Seconds of one layer over one batch of this shape, in training mode.

    Args:
        layer: a Keras layer.
        shape: of its input, batch included.
        gradient: also the backward pass, towards weights and, unless the layer is the ``first``, inputs.
        first: see ``gradient``.
    """
    import tensorflow as tf

    rounds = 4
    xs = tf.random.Generator.from_seed(2).normal([rounds, *shape])
    layer(xs[0], training=True)

    @tf.function
    def run(xs: Any) -> Any:
        total = tf.constant(0.0)
        for i in tf.range(rounds):
            x = xs[i]
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(tf.ensure_shape(x, shape), training=True)
            found = [y, *tape.gradient(y, [*([] if first else [x]), *layer.trainable_variables])] if gradient else [y]
            # One element of each result keeps all of it from being left out.
            total += tf.add_n([tf.reshape(f, [-1])[0] for f in found])
        return total

    return fastest(lambda: run(xs)) / rounds


def lstm_step(lookback: int) -> list[dict[str, Any]]:
    """One LSTM layer over one batch: the fused operation and Keras's own layer beside the matrix products alone."""
    runtime.start(1)
    from lib.networks import fast_layers

    keras, rows = runtime.keras(), []
    for inputs, units in LAYERS:
        for batch in BATCH_SIZES:
            shape, forward = (batch, lookback, inputs), lstm_flops(batch, lookback, inputs, units)
            fused, plain = (kind(units, return_sequences=True) for kind in (fast_layers.lstm(), keras.layers.LSTM))
            seconds = {
                "products_forward": products(batch, lookback, inputs, units, False),
                "fused_forward": layer_seconds(fused, shape, False),
                "keras_forward": layer_seconds(plain, shape, False),
                "products_gradient": products(batch, lookback, inputs, units, True),
                "fused_gradient": layer_seconds(fused, shape, True),
                "keras_gradient": layer_seconds(plain, shape, True),
                "at_once_gradient": products(batch, lookback, inputs, units, True, at_once=True),
            }
            gflops = {k: (3 if k.endswith("gradient") else 1) * forward / s / 1e9 for k, s in seconds.items()}
            rows.append(
                {
                    "inputs": inputs,
                    "units": units,
                    "batch_size": batch,
                    "lookback": lookback,
                    "seconds": seconds,
                    "gflops": gflops,
                }
            )
    return rows


def training_step(data: Dataset) -> list[dict[str, Any]]:
    """The whole training step of the thesis's best LSTM, as the compiled epoch runs it, beside its matrix products."""
    runtime.start(1)
    from lib import networks

    data = dataclasses.replace(data, validation=_first(data.validation, 1))
    h, rows = thesis.best_hyperparameters("LSTM"), []
    days, inputs = data.input_shape
    pairs = ((inputs, int(h["lstm_units1"])), (int(h["lstm_units1"]), int(h["lstm_units2"])))
    for batch in BATCH_SIZES:
        share = len(data.train.y) / batch
        epoch = _epoch_seconds(networks.build("LSTM", h, data.input_shape), data, batch)
        flops = 3 * sum(lstm_flops(batch, days, i, u) for i, u in pairs)
        alone = sum(products(batch, days, i, u, True) for i, u in pairs)
        rows.append(
            {
                "batch_size": batch,
                "step_seconds": epoch / share,
                "products_seconds": alone,
                "step_gflops": flops * share / epoch / 1e9,
                "products_gflops": flops / alone / 1e9,
            }
        )
    return rows


def _first(part: windows.Part, n: int) -> windows.Part:
    cut = {f.name: getattr(part, f.name)[:n] for f in dataclasses.fields(part) if f.name != "name"}
    return dataclasses.replace(part, **cut)


def _epoch_seconds(model: Any, data: Dataset, batch: int, repeats: int = 3) -> float:
    keras = runtime.keras()
    run = compiled.compiled_epoch(model.layers, keras.optimizers.Adam(0.001), batch)
    order, parts = np.arange(len(data.train.y)), compiled.tensors(data)
    return fastest(lambda: [float(x) for x in run(order, *parts)], 0.0, repeats)


def yardstick() -> dict[str, Any]:
    """Seconds of one epoch of :data:`YARDSTICK` on one thread: matrix products, this project, Keras, PyTorch."""
    seconds = {
        name: in_fresh_process(epoch_of)[0]
        for name, epoch_of in (("products", _products_epoch), ("ours", _own_epoch), ("keras", _keras_epoch))
    }
    version = None
    if importlib.util.find_spec("torch"):
        seconds["torch"], version = in_fresh_process(_torch_epoch)[0]
    return {**YARDSTICK, "seconds": seconds, "torch_version": version}


def _yardstick_windows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    shape = (YARDSTICK["windows"], YARDSTICK["days"], YARDSTICK["inputs"])
    return rng.normal(size=shape).astype("float32"), rng.normal(size=shape[0]).astype("float32")


def _fastest_epoch(epoch: Callable[[], Any]) -> float:
    return fastest(epoch, 0.0, YARDSTICK["repeats"])


def _products_epoch() -> float:
    runtime.start(1)
    inputs, (first, second), batch = YARDSTICK["inputs"], YARDSTICK["units"], YARDSTICK["batch_size"]
    return (
        YARDSTICK["windows"]
        / batch
        * sum(products(batch, YARDSTICK["days"], i, u, True) for i, u in ((inputs, first), (first, second)))
    )


def _own_epoch() -> float:
    runtime.start(1)
    from lib import networks

    X, y = _yardstick_windows()
    first, second = YARDSTICK["units"]
    h = {"lstm_units1": first, "lstm_units2": second, "dropout_rate": 0.0}
    model = networks.build("LSTM", h, X.shape[1:])
    optimizer = runtime.keras().optimizers.Adam(0.001)
    run = compiled.compiled_epoch(model.layers, optimizer, YARDSTICK["batch_size"])
    return _fastest_epoch(lambda: [float(x) for x in run(np.arange(len(y)), X, y, X[:1], y[:1])])


def _keras_epoch() -> float:
    runtime.start(1)
    keras, (X, y) = runtime.keras(), _yardstick_windows()
    keras.utils.set_random_seed(1)
    first, second = YARDSTICK["units"]
    layers = [
        keras.Input(X.shape[1:]),
        keras.layers.LSTM(first, return_sequences=True),
        keras.layers.LSTM(second),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="mean_squared_error")
    return _fastest_epoch(lambda: model.fit(X, y, batch_size=YARDSTICK["batch_size"], verbose=0))


def _torch_epoch() -> tuple[float, str]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    X, y = (torch.from_numpy(a) for a in _yardstick_windows())
    first, second = YARDSTICK["units"]
    one, two, last = (
        torch.nn.LSTM(X.shape[2], first, batch_first=True),
        torch.nn.LSTM(first, second, batch_first=True),
        torch.nn.Linear(second, 1),
    )
    optimizer = torch.optim.Adam([*one.parameters(), *two.parameters(), *last.parameters()], 0.001)

    def epoch() -> None:
        for rows in torch.randperm(len(y)).split(YARDSTICK["batch_size"]):
            optimizer.zero_grad()
            predicted = last(two(one(X[rows])[0])[0][:, -1])[:, 0]
            torch.nn.functional.mse_loss(predicted, y[rows]).backward()
            optimizer.step()

    return _fastest_epoch(epoch), torch.__version__


def epoch_parts(network: str, data: Dataset) -> dict[str, Any]:
    """Where one epoch of the thesis's best ``network`` goes, in seconds; each part is measured alone.

    Returns:
        ``epoch``, and its parts: ``lstm_products`` (matrix products of the LSTM layers),
        ``lstm_beyond`` (the rest of these layers), ``convolutions`` (whole layers),
        ``dropout``, ``optimizer``, ``validation``, and ``rest``, what no part explains: pooling,
        dense layer, loss, shuffling, cutting batches, the loop. ``rest`` may be below zero by
        what repeats differ.
    """
    runtime.start(1)
    import tensorflow as tf

    from lib import networks
    from lib.networks import fast_layers

    h, keras = thesis.best_hyperparameters(network), runtime.keras()
    batch = int(h["batch_size"])
    steps = len(data.train.y) / batch
    model = networks.build(network, h, data.input_shape)
    epoch = _epoch_seconds(model, data, batch, 5)
    parts = dict.fromkeys(("lstm_products", "lstm_beyond", "convolutions", "dropout", "optimizer", "validation"), 0.0)
    for layer in model.layers:
        shape, first = (batch, *layer.input.shape[1:]), layer is model.layers[0]
        if isinstance(layer, fast_layers.lstm()):
            alone = steps * products(batch, shape[1], shape[2], layer.units, True)
            parts["lstm_products"] += alone
            parts["lstm_beyond"] += steps * layer_seconds(layer, shape, True, first) - alone
        elif isinstance(layer, (keras.layers.Conv1D, keras.layers.Dropout)):
            parts["convolutions" if isinstance(layer, keras.layers.Conv1D) else "dropout"] += steps * layer_seconds(
                layer, shape, True, first
            )
    gradients = [tf.ones_like(v) * 1e-3 for v in model.trainable_variables]
    one_update = compiled.Update(model.trainable_variables, keras.optimizers.Adam(0.001))

    @tf.function
    def update() -> None:
        for _ in tf.range(10):
            one_update(gradients)

    validate = tf.function(lambda X: compiled.forward(model.layers, X, False))
    X = tf.constant(data.validation.X)
    parts["optimizer"] = steps * fastest(update) / 10
    parts["validation"] = fastest(lambda: validate(X))
    return {
        "network": network,
        "batch_size": batch,
        "windows": len(data.train.y),
        "epoch": epoch,
        "parts": {**parts, "rest": epoch - sum(parts.values())},
    }


def trial_overhead(data: Dataset, chosen: Settings) -> list[dict[str, Any]]:
    """What a trial costs before its epochs: building, tracing; and the search's own bookkeeping.

    Returns:
        One row a network, in the order of a process that starts with the first: ``build_seconds`` (layers, weights,
        optimizer), ``trace_seconds`` (the first epoch beyond a usual one: tracing and optimizing the
        graph), ``epoch_seconds``, ``bookkeeping_seconds`` (asking for and telling a trial), and
        ``first_in_process``. The first network comes once more at the end, when all is loaded.
    """
    start = time.perf_counter()
    runtime.start(1)
    start = time.perf_counter() - start
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows, order, parts = [], np.arange(len(data.train.y)), compiled.tensors(data)
    for network in (*NETWORKS, NETWORKS[0]):
        shape = compiled.Shape.of(network, thesis.best_hyperparameters(network), data, chosen)
        began = time.perf_counter()
        trained = compiled.CompiledNetwork(shape)
        trained.start(seed=1, learning_rate=0.001)
        built = time.perf_counter()
        marks = [time.perf_counter()]
        for _ in range(4):
            [float(x) for x in trained.epoch(order, *parts)]
            marks.append(time.perf_counter())
        usual = min(np.diff(marks[1:]))
        rows.append(
            {
                "network": network,
                "first_in_process": not rows,
                "start_seconds": start,
                "build_seconds": built - began,
                "trace_seconds": marks[1] - marks[0] - usual,
                "epoch_seconds": usual,
            }
        )
        study, space, found = optuna.create_study(), search.search_space(network), []
        for number in range(12):
            study.sampler = search.sampler(number, chosen.startup_trials)
            began = time.perf_counter()
            study.tell(study.ask(space), 1.0 / (1 + number))
            found.append(time.perf_counter() - began)
        rows[-1]["bookkeeping_seconds"] = statistics.median(found)
    return rows


def notebook_imports(repeats: int = 2) -> list[dict[str, Any]]:
    """What the imports of each notebook cost: seconds and memory of a fresh Python that runs them alone.

    Notebooks with the same imports share a row. Where a notebook starts TensorFlow itself, that is
    counted; the kernel's own start is not.
    """
    kinds: dict[tuple[str, ...], list[str]] = {(): ["Python alone"]}
    for path in sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        python = "\n".join(
            line for cell in cells for line in cell.splitlines() if not line.lstrip().startswith(("%", "!"))
        )
        lines = [
            ast.unparse(n)
            for n in ast.walk(ast.parse(python))
            if isinstance(n, (ast.Import, ast.ImportFrom)) and getattr(n, "module", "") != "__future__"
        ]
        lines += ["runtime.start(1)"] if "runtime.start(" in python else []
        kinds.setdefault(tuple(lines), []).append(path.stem)
    rows = []
    for lines, names in kinds.items():
        timed = "\n".join(
            [
                "import time, sys, json",
                "began = time.perf_counter()",
                *lines,
                "seconds = time.perf_counter() - began",
                "from benchmarks import conditions",
                "print(json.dumps([seconds, conditions.peak_memory_mb(), 'tensorflow' in sys.modules]))",
            ]
        )
        timed = timed if lines else "import json; print(json.dumps([0.0, None, False]))"
        found = []
        for _ in range(repeats):
            began = time.perf_counter()
            answer = subprocess.run(
                [sys.executable, "-c", timed], cwd=PROJECT_ROOT, capture_output=True, encoding="utf-8"
            )
            if answer.returncode:
                reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise conditions.BenchmarkError(f"the imports of {', '.join(names)} fail: {reason}")
            found.append((*json.loads(answer.stdout.splitlines()[-1]), time.perf_counter() - began))
        best = min(found, key=lambda f: f[3])
        rows.append(
            {
                "notebooks": names,
                "import_seconds": best[0],
                "peak_mb": best[1],
                "tensorflow": best[2],
                "process_seconds": best[3],
            }
        )
    return rows


def simulated(tickers: int, days: int, seed: int) -> dict[str, pd.DataFrame]:
    """Random-walk prices: ``tickers`` coins T01, T02, ... of ``days`` days with Open, High, Low, Close, Volume."""
    rng, made = np.random.default_rng(seed), {}
    for number in range(1, tickers + 1):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, days)))
        index = pd.date_range("2000-01-01", periods=days, freq="D", name="date")
        made[f"T{number:02d}"] = pd.DataFrame(
            dict.fromkeys(("Open", "High", "Low", "Close"), close) | {"Volume": 1e6}, index=index
        )
    return made


def memory_at_start() -> None:
    """A process that has TensorFlow and nothing else."""
    runtime.start(1)
    runtime.keras()


def growth_point(chosen: Settings, days: int, seed: int) -> dict[str, Any]:
    """One simulated coin and three epochs of each growth network: seconds of an epoch and of cutting windows."""
    runtime.start(1)
    began = time.perf_counter()
    data = windows.build(simulated(1, days, seed), chosen)["T01"]
    found: dict[str, Any] = {
        "windows_seconds": time.perf_counter() - began,
        "training_windows": len(data.train.y),
        "epoch_seconds": {},
    }
    for network in GROWTH_NETWORKS:
        marks: list[float] = []
        h = {**thesis.best_hyperparameters(network), "epochs": 3}
        training.fit(network, h, data, chosen, seed, lambda *_, marks=marks: marks.append(time.perf_counter()))
        found["epoch_seconds"][network] = min(np.diff(marks))
    return found


def search_point(chosen: Settings, tickers: int, workers: int, seed: int) -> dict[str, Any]:
    """A small fixed search: each ticker, each growth network, one trial of two epochs, by the project's own pool.

    Returns:
        ``start_seconds`` (processes, imports), ``seconds`` (the trials), ``worker_mb`` (peak of each worker).
    """
    data, settings = windows.build(simulated(tickers, DAYS, seed), chosen), chosen.changed(workers=workers)
    trainings = [
        train.Training(n, {**thesis.best_hyperparameters(n), "epochs": 2}, seed, d, settings)
        for d in data.values()
        for n in GROWTH_NETWORKS
    ]
    with tempfile.TemporaryDirectory() as cache:
        os.environ[training_cache.FOLDER_VARIABLE] = cache
        began = time.perf_counter()
        client = pool.client(settings)
        client.run(runtime.start, 1)
        ready = time.perf_counter()
        train.train_all(trainings)
        done = time.perf_counter()
        memory = list(client.run(conditions.peak_memory_mb).values())
        pool.close()
    return {
        "start_seconds": ready - began,
        "seconds": done - ready,
        "trials": len(trainings),
        "worker_mb": memory,
    }


def trials_point(chosen: Settings, seed: int) -> list[dict[str, Any]]:
    """Peak memory of one process after as many trials of two epochs as :data:`TRIALS` names."""
    runtime.start(1)
    data, found = windows.build(simulated(1, DAYS, seed), chosen)["T01"], []
    for number in range(1, max(TRIALS) + 1):
        network = GROWTH_NETWORKS[number % len(GROWTH_NETWORKS)]
        training.fit(network, {**thesis.best_hyperparameters(network), "epochs": 2}, data, chosen, seed + number)
        if number in TRIALS:
            found.append({"trials": number, "peak_mb": conditions.peak_memory_mb()})
    return found


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """The e of ``y ~ x ** e`` by least squares of logarithms; None if fewer than two points are above zero."""
    good = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y and y > 0]
    return float(np.polyfit(*zip(*good), 1)[0]) if len({x for x, _ in good}) > 1 else None


def growth(chosen: Settings, seed: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Time and memory by rows, lookback, tickers and workers, each with its fitted exponent."""
    _, base = in_fresh_process(memory_at_start)
    told("memory of TensorFlow alone")
    points: dict[tuple[int, int], dict[str, Any]] = {}
    for factor, lookback in dict.fromkeys([*((f, chosen.lookback) for f in ROW_FACTORS), *((1, b) for b in LOOKBACKS)]):
        values = chosen.changed(lookback=lookback)
        found, peak = in_fresh_process(growth_point, values, DAYS * factor, seed)
        points[factor, lookback] = {
            **found,
            "rows": DAYS * factor,
            "lookback": lookback,
            "peak_mb": peak,
            "added_mb": peak - base,
        }
        told(f"{DAYS * factor} rows, lookback {lookback}")
    searches: dict[tuple[int, int], dict[str, Any]] = {}
    many = min(max(WORKERS), conditions.cores())
    for tickers, workers in dict.fromkeys([*((t, many) for t in TICKERS), *((TICKERS[1], w) for w in WORKERS)]):
        found, peak = in_fresh_process(search_point, chosen, tickers, workers, seed)
        searches[tickers, workers] = {
            **found,
            "tickers": tickers,
            "workers": workers,
            "parent_mb": peak,
            "total_mb": peak + sum(found["worker_mb"]),
        }
        told(f"{tickers} tickers, {workers} workers")

    in_one, _ = in_fresh_process(trials_point, chosen, seed)
    told("trials in one process")

    def by(
        rows: list[dict[str, Any]], x: str, measures: Mapping[str, Callable[[Mapping[str, Any]], float]]
    ) -> dict[str, Any]:
        return {
            "points": rows,
            "exponents": {name: exponent([(r[x], of(r)) for r in rows]) for name, of in measures.items()},
        }

    epochs = {f"{n} epoch seconds": (lambda r, n=n: r["epoch_seconds"][n]) for n in GROWTH_NETWORKS}
    one = {**epochs, "memory beyond TensorFlow": lambda r: r["added_mb"]}
    whole = {"seconds": lambda r: r["seconds"], "memory of all processes": lambda r: r["total_mb"]}
    return {
        "tensorflow_mb": base,
        "rows": by([points[f, chosen.lookback] for f in ROW_FACTORS], "rows", one),
        "lookback": by([points[1, b] for b in LOOKBACKS], "lookback", one),
        "tickers": by([searches[t, many] for t in TICKERS], "tickers", whole),
        "workers": by([searches[TICKERS[1], w] for w in WORKERS], "workers", whole),
        "trials": {
            "points": in_one,
            "networks": list(GROWTH_NETWORKS),
            "epochs": 2,
            "mb_a_trial": float(np.polyfit([p["trials"] for p in in_one], [p["peak_mb"] for p in in_one], 1)[0]),
        },
    }


def work(words: Sequence[str] | None = None) -> None:
    """Read the options, measure, write ``limits.json``."""
    parser = conditions.parser(
        "limits", "Distance to the machine's matrix product, where time goes, and growth of time and memory."
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("step", "epoch", "overhead", "growth"),
        default=["step", "epoch", "overhead", "growth"],
        help="measure some parts only, for a try; default all",
    )
    options = parser.parse_args(words)
    run = conditions.Run("limits", options, parser)
    chosen, prices, about = conditions.thesis_data(options.data_dir, seed=options.seed, threads=1, max_epochs=3)
    built = windows.build(prices, chosen)
    data = built.get("ETH-USD", next(iter(built.values())))
    found: dict[str, Any] = {}
    searches = len(TICKERS) + len(WORKERS) - 1
    sizes = {
        "step": 3,
        "epoch": len(NETWORKS),
        "overhead": 2,
        "growth": len(ROW_FACTORS) + len(LOOKBACKS) + searches + 1,
    }
    run.quiet(options.wait)
    with Progress("Measurements", sum(sizes[p] for p in options.parts)) as progress:
        if "step" in options.parts:
            found["lstm_step"] = in_fresh_process(lstm_step, chosen.lookback)[0]
            progress.step("LSTM layers")
            found["training_step"] = in_fresh_process(training_step, data)[0]
            progress.step("training step")
            found["yardstick"] = yardstick()
            progress.step("an LSTM epoch, whichever library")
        if "epoch" in options.parts:
            found["epoch_parts"] = []
            for network in NETWORKS:
                found["epoch_parts"].append(in_fresh_process(epoch_parts, network, data)[0])
                progress.step(f"epoch of {network}")
        if "overhead" in options.parts:
            found["trial_overhead"] = in_fresh_process(trial_overhead, data, chosen)[0]
            progress.step("building and tracing")
            found["notebook_imports"] = notebook_imports()
            progress.step("imports of notebooks")
        if "growth" in options.parts:
            found["growth"] = growth(chosen, options.seed, progress.step)
    run.write(data={**about, "ticker": data.ticker}, **found)


if __name__ == "__main__":
    sys.exit(conditions.main(work))
