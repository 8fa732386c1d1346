"""The benchmarks: fixed trials, an independent plain side, arithmetic by hand, a report of measured numbers only."""

import importlib
import json
import random
import re
import sys

import numpy as np
import pandas as pd
import pytest

from lib import networks, thesis
from lib.settings.places import PROJECT_ROOT

if str(PROJECT_ROOT) not in sys.path:  # benchmarks/ is not installed
    sys.path.insert(0, str(PROJECT_ROOT))
cluster, conditions, limits, plain, pruning, report, service, throughput, trial_set = (
    importlib.import_module(f"benchmarks.{name}")
    for name in ("cluster", "conditions", "limits", "plain", "pruning", "report", "service", "throughput", "trial_set")
)

PRINTED = {  # (ticker, printed number) by network, as the rule gives them
    "CNN": [("SOL-USD", 29)],
    "LSTM": [("SOL-USD", 15)],
    "CNN-LSTM": [
        ("ADA-USD", 1),
        ("ADA-USD", 7),
        ("ADA-USD", 3),
        ("ETH-USD", 7),
        ("ETH-USD", 9),
        ("ETH-USD", 2),
        ("ETH-USD", 1),
        ("SOL-USD", 6),
        ("SOL-USD", 1),
        ("SOL-USD", 3),
        ("SOL-USD", 4),
    ],
    "LSTM-CNN": [
        ("ADA-USD", 11),
        ("ADA-USD", 1),
        ("ADA-USD", 2),
        ("ETH-USD", 4),
        ("ETH-USD", 2),
        ("ETH-USD", 10),
        ("ETH-USD", 1),
        ("SOL-USD", 2),
        ("SOL-USD", 9),
        ("SOL-USD", 3),
        ("SOL-USD", 1),
    ],
}


def test_the_set_is_24_fixed_complete_printed_trials():
    trials = trial_set.printed_trials()
    assert len(trials) == 24
    assert {n: [(t.ticker, t.trial) for t in trials if t.network == n] for n in PRINTED} == PRINTED
    rows = thesis.trials().set_index(["ticker", "network", "trial"])
    for t in trials:
        assert set(t.hyperparameters) == set(networks.ARCHITECTURES[t.network].hyperparameters)
        assert all(np.isfinite(v) for v in t.hyperparameters.values())
        row = rows.loc[(t.ticker, t.network, t.trial)]
        for name, value in t.hyperparameters.items():
            if name in row and pd.notna(row[name]):
                assert value == row[name], (t, name)
    for network in trial_set.MIXED:
        cells = {(t.ticker, t.batch_size) for t in trials if t.network == network}
        assert len(cells) == 11


@pytest.mark.usefixtures("tensorflow_on_one_thread")
@pytest.mark.parametrize("network", list(networks.ARCHITECTURES))
def test_the_plain_network_is_the_same_network(network):
    h = {
        "filters1": 6,
        "filters2": 5,
        "kernel_size1": 3,
        "kernel_size2": 2,
        "pool_size": 2,
        "lstm_units1": 9,
        "lstm_units2": 5,
        "filters": 7,
        "kernel_size": 3,
        "dropout_rate": 0.2,
        "learning_rate": 0.01,
        "batch_size": 32,
        "epochs": 3,
    }
    ours, theirs = networks.build(network, h, (20, 2)), plain.build(network, h, (20, 2))
    assert ours.count_params() == theirs.count_params()
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert all(type(layer).__module__.startswith("keras.") for layer in theirs.layers)
    assert [getattr(x, "rate", None) for x in ours.layers] == [getattr(x, "rate", None) for x in theirs.layers]
    theirs.set_weights(ours.get_weights())
    X = np.random.default_rng(3).normal(size=(5, 20, 2)).astype("float32")
    np.testing.assert_allclose(theirs(X), ours(X), rtol=1e-4, atol=1e-6)


def run_of(at, seconds, mse, epochs=2, cpu=1.0):
    return {
        "at": at,
        "seed": 1,
        "windows": 100,
        "epochs": epochs,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "epoch_ends": [seconds / 2, seconds],
        "mse": mse,
    }


TRIALS = [
    {"ticker": "ADA-USD", "network": "CNN", "trial": 1, "batch_size": 16},
    {"ticker": "SOL-USD", "network": "LSTM", "trial": 2, "batch_size": 64},
]
BLOCKS = [
    {
        "plain": {"seconds": 4.0, "runs": [run_of(0, 4.0, 0.02)]},
        "ours": {"seconds": 1.0, "runs": [run_of(0, 1.0, 0.01), run_of(0, 1.0, 0.03)]},
    },
    {
        "plain": {"seconds": 6.0, "runs": [run_of(1, 6.0, 0.05)]},
        "ours": {"seconds": 3.0, "runs": [run_of(1, 3.0, 0.02), run_of(1, 3.0, 0.04)]},
    },
]


def test_throughput_is_windows_times_epochs_over_wall_seconds():
    speed = throughput.speed(TRIALS, BLOCKS, {"plain": 1, "ours": 2})
    whole = speed["overall"]
    assert whole["plain"]["windows_per_second"] == pytest.approx(400 / 10)
    assert whole["ours"]["windows_per_second"] == pytest.approx(800 / 4)
    assert whole["ratio"] == pytest.approx(5)
    assert speed["ratio_of_each_block"] == pytest.approx([8, 4])
    groups = {(g["group"], g["value"]): g for g in speed["groups"]}
    assert set(groups) == {("network", "CNN"), ("network", "LSTM"), ("batch_size", 16), ("batch_size", 64)}
    assert groups["network", "LSTM"]["ratio"] == pytest.approx(2 * 400 / 6 / (200 / 6))
    assert whole["later_epochs_ratio"] == pytest.approx(2 * 400 / 4 / (200 / 5))
    assert whole["cpu_ratio"] == pytest.approx(1)


def test_what_the_ratio_would_be_otherwise_by_hand():
    processes = {"plain": 1, "ours": 2}
    # Trial 0: plain 4 s for 200 windows, ours 1 s each; trial 1: 6 s and 3 s
    low, high = throughput.resampled(BLOCKS, processes)
    assert (low, high) == (pytest.approx(2 * 6 / 3), pytest.approx(2 * 4 / 1)), "either trial alone, twice"
    # First and second epoch take half of a training's seconds each
    assert throughput.at_length(BLOCKS, processes, 1) == pytest.approx((2 + 3) / ((0.5 + 1.5) / 2))
    assert throughput.at_length(BLOCKS, processes, 41) == pytest.approx(
        (2 + 40 * 2 + 3 + 40 * 3) / ((0.5 + 40 * 0.5 + 1.5 + 40 * 1.5) / 2)
    )
    # One training a turn keeps one of our two processes busy: 10 s for 400 windows beside 4 s for 400
    assert throughput.with_one_seed(BLOCKS, processes) == pytest.approx(10 / 4)


def test_scores_are_compared_with_what_exchangeable_draws_would_give():
    found = throughput.scores(TRIALS, BLOCKS)
    assert (found["inside"], found["plain_larger"]) == (1, 2)
    assert found["inside_expected"] == pytest.approx(2 * (2 - 1) / (2 + 1))
    assert (found["mean_rank"], found["mean_rank_expected"]) == (2.5, 2.0)
    assert found["median_ratio"] == pytest.approx(np.sqrt(2 * 2.5))
    assert found["seed_noise_ratio"] == pytest.approx(np.exp((np.log(3) + np.log(2)) / 2))
    rng = np.random.default_rng(5)
    same = [
        {
            "plain": {"runs": [run_of(at, 1, m) for at, m in enumerate(rng.lognormal(size=400))]},
            "ours": {"runs": [run_of(at, 1, m) for _ in range(3) for at, m in enumerate(rng.lognormal(size=400))]},
        }
    ]
    other = [{**same[0], "plain": {"runs": [{**r, "mse": 1.5 * r["mse"]} for r in same[0]["plain"]["runs"]]}}]
    alike, apart = throughput.scores(TRIALS[:1] * 400, same), throughput.scores(TRIALS[:1] * 400, other)
    assert alike["inside"] / 400 == pytest.approx(0.5, abs=0.08)
    assert min(alike["rank_p"], alike["wilcoxon_p"], alike["inside_p"]) > 0.01
    assert max(apart["rank_p"], apart["wilcoxon_p"]) < 0.001
    assert apart["interval_low"] > 1 and alike["interval_low"] < 1 < alike["interval_high"]


def test_interval_of_a_median_takes_the_printed_ranks():
    # 24 values: the 7th and the 18th, as tables of the sign test give for 95%.
    assert throughput.median_interval(list(range(1, 25))) == (7, 18)


def test_growth_exponents_and_flops():
    assert limits.exponent([(1, 3), (2, 12), (4, 48)]) == pytest.approx(2)
    assert limits.exponent([(1, 3)]) is None
    assert limits.lstm_flops(batch=2, days=3, inputs=4, units=5) == 2 * 2 * 3 * 9 * 20


def test_pruning_counts_time_and_scores_of_each_study():
    plain_trials = pd.DataFrame(
        {"ticker": "A", "network": "CNN", "state": "complete", "seconds": [10.0, 10.0], "mse": [0.2, 0.1]}
    )
    pruned = plain_trials.assign(state=["complete", "pruned"], seconds=[10.0, 5.0], mse=[0.2, np.nan])
    found = pruning.compare({"none": plain_trials, "median": pruned})
    assert found["saved"] == pytest.approx(0.25)
    assert (found["pruned_share"], found["score_ratio"], found["worse_studies"]) == (0.5, pytest.approx(2), 1)


def head(name, **content):
    return {
        "benchmark": name,
        "command": f"python -m benchmarks.{name}",
        "started": "2025-01-02T03:04:05+00:00",
        "seconds": 754.0,
        "machine": {"processor": "A Processor", "cores": 2, "memory_gb": 15.5, "system": "Linux", "load_before": 0.25},
        "python": "3.11.7",
        "packages": {"tensorflow": "9.8.7"},
        "code": {"commit": "abcdef0123456789", "changed": False, "sha256": "0"},
        "options": {"max_epochs": 12, "seeds": 2, "plain_seeds": 1, "trials": 15},
        "data": {
            "sentence": "Prices of a test.",
            "sha256": "fedcba9876543210ff",
            "first_day": "2021-01-01",
            "last_day": "2021-02-02",
            "ticker": "ETH-USD",
        },
        **content,
    }


@pytest.fixture
def results():
    """All results, made by hand or by the benchmarks' own arithmetic."""
    summary = {
        "speed": throughput.speed(TRIALS, BLOCKS, {"plain": 1, "ours": 2}),
        "scores": throughput.scores(TRIALS, BLOCKS),
    }
    turn = {"milliseconds": [1.0, 2.0], "seconds": 0.5, "cpu_seconds": 0.1, "errors": 0}
    slow = {**turn, "seconds": 1.0}
    turns = {"bytes": 5750, "service": service.summary([slow, slow]), "constant": service.summary([turn, turn])}
    times = {"new": {"median": 90.0, "slowest": 99.0}, "known": {"median": 2.0, "slowest": 3.0}}
    single = dict.fromkeys(("training", "forecast", "prices"), times)
    kinds = (
        "products_forward",
        "fused_forward",
        "keras_forward",
        "products_gradient",
        "fused_gradient",
        "keras_gradient",
        "at_once_gradient",
    )
    step = [
        {
            "inputs": i,
            "units": u,
            "batch_size": b,
            "lookback": 60,
            "seconds": {k: 0.001 * (1 + n) for n, k in enumerate(kinds)},
            "gflops": {k: b * (1 + n) / 7 for n, k in enumerate(kinds)},
        }
        for i, u in ((1, 113), (113, 55), (16, 16))
        for b in (16, 32, 64, 128)
    ]
    points = {
        x: [
            {
                "rows": r,
                "lookback": b,
                "training_windows": 900 * r // 1480,
                "epoch_seconds": {"CNN": r / 9000, "LSTM": b / 70},
                "peak_mb": 800 + r / 100,
                "added_mb": 50 + r / 100,
            }
            for r, b in at
        ]
        for x, at in {
            "rows": ((1480, 60), (2960, 60), (5920, 60)),
            "lookback": ((1480, 30), (1480, 60), (1480, 120)),
        }.items()
    }
    points |= {
        x: [
            {
                "tickers": t,
                "workers": w,
                "trials": 2 * t,
                "start_seconds": 5.0,
                "seconds": 4.0 * t / w,
                "total_mb": 900.0 * w,
                "worker_mb": [900.0],
            }
            for t, w in at
        ]
        for x, at in {"tickers": ((1, 2), (3, 2), (12, 2)), "workers": ((3, 1), (3, 2))}.items()
    }
    growth = {x: {"points": p, "exponents": {"seconds": 0.987}} for x, p in points.items()}
    parts = dict(zip(report.PART_NAMES, (0.4, 0.1, 0.1, 0.1, 0.05, 0.05, -0.01)))
    pruned = {
        "studies": [
            {
                "ticker": "ETH-USD",
                "network": "CNN",
                "trials": 15,
                "pruned": 7,
                "seconds": {"none": 61.0, "median": 37.0},
                "best_mse": {"none": 0.00071, "median": 0.00073},
                "saved": 0.393,
                "score_ratio": 1.028,
            }
        ],
        "seconds": {"none": 61.0, "median": 37.0},
        "saved": 0.393,
        "pruned_share": 0.467,
        "score_ratio": 1.028,
        "worse_studies": 1,
        "median_best_mse": {"none": 0.00071, "median": 0.00073},
    }
    return {
        "throughput": head(
            "throughput",
            trials=TRIALS,
            blocks=BLOCKS,
            processes={"plain": 1, "ours": 2},
            start_seconds={"plain": 4.0, "ours": 6.5},
            resumed_blocks=0,
            summary=summary,
        ),
        "limits": head(
            "limits",
            lstm_step=step,
            yardstick={
                **limits.YARDSTICK,
                "seconds": {"products": 0.31, "ours": 0.42, "keras": 1.23},
                "torch_version": None,
            },
            training_step=[
                {
                    "batch_size": 16,
                    "step_seconds": 0.01,
                    "products_seconds": 0.004,
                    "step_gflops": 31.0,
                    "products_gflops": 77.0,
                }
            ],
            epoch_parts=[
                {"network": n, "batch_size": 32, "windows": 976, "epoch": 0.79, "parts": parts}
                for n in networks.ARCHITECTURES
            ],
            trial_overhead=[
                {
                    "network": "CNN",
                    "first_in_process": True,
                    "start_seconds": 3.0,
                    "build_seconds": 0.21,
                    "trace_seconds": 0.43,
                    "epoch_seconds": 0.05,
                    "bookkeeping_seconds": 0.03,
                }
            ],
            notebook_imports=[
                {
                    "notebooks": ["01_data"],
                    "import_seconds": 1.7,
                    "process_seconds": 1.9,
                    "peak_mb": 212.0,
                    "tensorflow": False,
                }
            ],
            growth={
                "tensorflow_mb": 775.0,
                **growth,
                "trials": {
                    "points": [{"trials": 15, "peak_mb": 911.5}, {"trials": 30, "peak_mb": 1043.5}],
                    "networks": ["CNN", "LSTM"],
                    "epochs": 2,
                    "mb_a_trial": 8.8,
                },
            },
        ),
        "pruning": head("pruning", startup_trials=10, workers=2, results=pruned),
        "service": head("service", load_after=0.5, turns=turns, single={"memory": single, "redis": single})
        | {"options": {"clients": 50, "seconds": 60, "turns": 2}},
    }


def test_the_report_says_what_was_measured_and_where(results):
    text = report.render(results)
    assert text.startswith("# ") and "Not measured yet" not in text and "nan" not in text and "None" not in text
    for told in (
        "**5.00 times**",
        "200 against 40.0",
        "reaches the target of 5 times",
        "A Processor, 2 cores, 15.5 GB",
        "12:34",
        "abcdef0123 |",
        "fedcba9876543210",
        "tensorflow 9.8.7",
        "Prices of a test.",
        "saved **39%**",
        "**1.03 times**",
        "`python -m benchmarks.limits`",
        "Exponents: seconds 0.99.",
        "**2.00 forecasts a second**, 50% of",
        "| training, store in Redis | 90.0 | 2.00 | 3.00 | 45.0 |",
    ):
        assert told in text, told
    for name in re.findall(r"\(figures/(\w+)\.png\)", text):
        assert name in report.FIGURES
    assert set(re.findall(r"\(figures/(\w+)\.png\)", text)) == set(report.FIGURES)
    slower = json.loads(json.dumps(results))
    slower["throughput"]["summary"]["speed"]["overall"]["ratio"] = 4.9
    assert "does not reach the target of 5 times" in report.render(slower)


def test_a_result_of_another_kind_of_processor_stays_beside_the_new_one(tmp_path, monkeypatch, results):
    options = conditions.parser("throughput", "-").parse_args(["--results-dir", str(tmp_path), "--wait", "0"])

    def measured_on(processor, **content):
        monkeypatch.setattr(conditions.machine, "cpu", lambda: processor)
        conditions.Run("throughput", options, conditions.parser("throughput", "-")).write(**content)
        return {path.name: json.loads(path.read_text())["turn"] for path in tmp_path.glob("*.json")}

    assert measured_on("A (family 1, model 2)", turn=1) == {"throughput.json": 1}
    assert measured_on("A (family 1, model 2)", turn=2) == {"throughput.json": 2}
    assert measured_on("B", turn=3) == {"throughput.json": 3, "throughput.a-family-1-model-2.json": 2}
    assert measured_on("A (family 1, model 2)", turn=4) == {"throughput.json": 4, "throughput.b.json": 3}
    assert measured_on("A", turn=5) == {"throughput.json": 5, "throughput.b.json": 3}, (
        "an old name without family and model is no other kind"
    )
    assert measured_on("B (family 3, model 4)", turn=6) == {"throughput.json": 6, "throughput.a.json": 5}
    (tmp_path / "throughput.json").write_text("cut off in the mid")
    assert measured_on("B", turn=7) == {"throughput.json": 7, "throughput.a.json": 5}, (
        "a damaged file must not cost a measurement"
    )
    assert list(report.read(tmp_path)) == ["throughput", "throughput.a"]

    there = json.loads(json.dumps(results["throughput"]))
    there["machine"]["processor"], there["summary"]["speed"]["overall"]["ratio"] = "Another One", 4.9
    text = report.render({**results, "throughput.another-one": there})
    told = [line for line in text.partition("### On other processors")[2].splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in told[2:4]] == ["| A Processor", "| Another One"]
    assert told[2].endswith("| yes |") and told[3].endswith("| no |") and " 4.90 " in told[3]
    assert "On other processors" not in report.render(results)


def test_every_number_of_the_report_follows_the_results(results):
    """Each measured number is changed by a factor of its own: no cell that shows one with a point may stay."""
    factor = random.Random(4)

    def changed(content):
        if isinstance(content, dict):
            return {k: changed(v) for k, v in content.items()}
        if isinstance(content, list):
            return [changed(v) for v in content]
        return content * factor.uniform(1.2, 1.9) if isinstance(content, float) else content

    def cells(found):
        return [
            cell for line in report.render(found).splitlines() if line.startswith("| ") for cell in line.split(" | ")
        ]

    before, after = cells(results), cells({k: changed(v) for k, v in results.items()})
    measured = [(a, b) for a, b in zip(before, after, strict=True) if re.fullmatch(r"\d+\.\d+( \|)?", a)]
    assert len(measured) > 100
    assert not [a for a, b in measured if a == b]


def test_a_part_that_is_missing_is_told_with_its_command(results):
    text = report.render({"limits": {k: v for k, v in results["limits"].items() if k != "growth"}})
    assert "Not measured yet: `python -m benchmarks.throughput`" in text and "Growth of time" not in text
    assert "No benchmark has been run yet" in report.render({})


def test_pytorch_has_its_row_where_it_was_measured(results):
    assert "PyTorch was not measured" in report.render(results)
    results["limits"]["yardstick"] = {
        **limits.YARDSTICK,
        "seconds": {"products": 0.31, "ours": 0.42, "keras": 1.23, "torch": 0.48},
        "torch_version": "9.9",
    }
    text = report.render(results)
    assert "PyTorch 9.9." in text and "| PyTorch, `nn.LSTM` | 0.480 | 1.14 |" in text and "not measured" not in text


def test_the_report_says_when_the_code_that_was_timed_is_another_now(results):
    results["limits"]["sources"] = conditions._sources()
    results["pruning"]["sources"] = {**conditions._sources(), "lib/networks/training.py": "0" * 64}
    head = [
        line.rsplit("|", 2)[1].strip()
        for line in report.render(results).splitlines()
        if line.startswith("| `python -m")
    ]
    assert head == ["not recorded", "none", "lib/networks/training.py", "not recorded"]


def test_a_benchmark_waits_for_a_quiet_machine(monkeypatch, capsys):
    loads = iter([2.0, 1.0, 0.3])
    monkeypatch.setattr(conditions.os, "getloadavg", lambda: (next(loads), 0, 0))
    monkeypatch.setattr(conditions.time, "sleep", lambda _: None)
    conditions.wait_for_quiet(60)
    assert "The load is 2.0" in capsys.readouterr().out and next(loads, None) is None
    monkeypatch.setattr(conditions.os, "getloadavg", lambda: (2.0, 0, 0))
    conditions.wait_for_quiet(0)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_report_writes_text_and_pictures(tmp_path, results):
    for name, content in results.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    assert conditions.main(report.work, ["--results-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8") == report.render(report.read(tmp_path))
    assert {p.stem for p in (tmp_path / "out" / "figures").glob("*.png")} == set(report.FIGURES)


def test_axes_say_what_they_show(results):
    for name, (benchmark, _, draw) in report.FIGURES.items():
        figure = draw(results[benchmark])
        assert any(ax.get_ylabel() or ax.get_xlabel() for ax in figure.axes), name


def test_the_committed_report_is_the_one_of_the_committed_results():
    found = report.read(conditions.RESULTS)
    if not found:
        pytest.skip("no results are committed yet: run the benchmarks, then python -m benchmarks.report")
    assert (conditions.FOLDER / "README.md").read_text(encoding="utf-8") == report.render(found)
    for name, (benchmark, needs, _) in report.FIGURES.items():
        if needs in found.get(benchmark, {}):
            assert (conditions.FOLDER / "figures" / f"{name}.png").is_file()


@pytest.mark.parametrize(
    "words, told",
    [
        (["--max-epochs", "0"], "not a whole number from 1 to 200"),
        (["--trials", "25"], "not a whole number from 1 to 24"),
        (["--seed", "x"], "not a whole number"),
    ],
)
def test_wrong_options_end_with_two(words, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        throughput.work(words)
    assert stopped.value.code == 2 and told in capsys.readouterr().err


def test_a_folder_without_prices_is_told_in_sentences(tmp_path, capsys):
    assert conditions.main(throughput.work, ["--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "ADA-USD" in told and "Traceback" not in told


def test_without_a_folder_the_sample_stands_in_and_says_so(monkeypatch, capsys):
    monkeypatch.delenv("MARKET_DATA_DIR", raising=False)
    monkeypatch.setattr(conditions, "NEIGHBOUR", "../there/is/no/such/folder")
    chosen, prices, about = conditions.thesis_data(None, max_epochs=1)
    assert list(prices) == ["BTC-USD"] and about["source"] == "sample" and chosen.lookback == 60
    assert "packaged sample (BTC-USD) stands in" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.ci
def test_throughput_from_end_to_end_on_the_sample(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MARKET_DATA_DIR", raising=False)
    monkeypatch.setattr(conditions, "NEIGHBOUR", "../there/is/no/such/folder")
    monkeypatch.setattr(conditions, "CACHE", tmp_path / "cache")
    words = [
        "--wait",
        "0",
        "--trials",
        "2",
        "--max-epochs",
        "1",
        "--seeds",
        "2",
        "--blocks",
        "2",
        "--results-dir",
        str(tmp_path),
    ]
    assert conditions.main(throughput.work, words) == 0
    found = report.read(tmp_path)["throughput"]
    assert found["command"] == "python -m benchmarks.throughput --max-epochs 1 --seeds 2 --blocks 2 --trials 2"
    assert [len(b[s]["runs"]) for b in found["blocks"] for s in ("plain", "ours")] == [1, 2, 1, 2]
    assert all(r["epochs"] == 1 and r["mse"] > 0 for b in found["blocks"] for s in b.values() for r in s["runs"])
    assert str(tmp_path) not in json.dumps(found) and str(PROJECT_ROOT) not in json.dumps(found)
    assert "Throughput is training windows" in report.render({"throughput": found})
    assert "times." in capsys.readouterr().out


# -- more workers ----------------------------------------------------------------------------


def test_a_makespan_by_hand():
    # Two studies of three trials; the longer-lasting kind first.
    studies = [(1, [3.0, 1.0, 1.0]), (6, [2.0, 2.0, 2.0])]
    assert cluster.makespan(studies, 1) == 11
    assert cluster.makespan(studies, 2) == 6 == cluster.makespan(studies, 1000), "one trial at a time: two workers"
    assert cluster.makespan(studies, 6, at_once=3) == 3
    assert cluster.makespan(studies, 6, at_once=2) == 4, "a generation of two, then the third: 3 + 1 and 2 + 2"
    assert cluster.makespan([(1, [1.0, 1.0])], 1, asking=0.5) == 3, "each trial waits for its proposal"
    assert cluster.makespan([(1, [1.0])] * 3, 3, asking=0.5) == 2.5, "one process asks, one after the other"


def test_more_trials_at_once_never_ask_for_more_work_and_keep_more_workers_busy():
    seconds = cluster.measured_seconds()
    assert len(seconds) == 255 and seconds.groupby(["ticker", "network"]).ngroups == 12
    rng = np.random.default_rng(1)
    studies = [(1, rng.choice(seconds["seconds"], 10)) for _ in range(12)]
    whole = sum(each.sum() for _, each in studies)
    for workers in (1, 16):
        spans = [cluster.makespan(studies, workers, at_once) for at_once in (1, 4, 10)]
        assert all(s >= whole / workers - 1e-9 for s in spans) and spans[0] >= spans[1] >= spans[2]


def test_the_page_about_clusters_shows_what_was_measured(tmp_path):
    measured = json.loads((conditions.RESULTS / "cluster.json").read_text(encoding="utf-8"))
    assert cluster.page_part(measured) in cluster.PAGE.read_text(encoding="utf-8")
    assert str(PROJECT_ROOT) not in json.dumps(measured)
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{cluster.BEGIN}\nold\n{cluster.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        cluster.write_page(measured, page)
    text = page.read_text(encoding="utf-8")
    assert text == f"Before\n{cluster.BEGIN}\n\n{cluster.page_part(measured)}\n\n{cluster.END}\nafter\n"


# -- the service ---------------------------------------------------------------------------


def test_requests_of_all_turns_count_and_not_the_mean_of_turns():
    turns = [
        {"milliseconds": [1.0, 2.0, 3.0], "seconds": 1.0, "cpu_seconds": 0.5, "errors": 0},
        {"milliseconds": [10.0], "seconds": 3.0, "cpu_seconds": 0.5, "errors": 2},
    ]
    found = service.summary(turns)
    assert (found["requests"], found["errors"], found["per_second"]) == (4, 2, 1.0)
    assert found["per_second_of_each"] == pytest.approx([3, 1 / 3])
    assert (found["median_ms"], found["slowest_ms"], found["clients_busy"]) == (2.5, 10.0, 0.25)


@pytest.mark.slow
@pytest.mark.ci
def test_the_service_benchmark_from_end_to_end_on_the_sample(tmp_path, monkeypatch):
    monkeypatch.delenv("MARKET_DATA_DIR", raising=False)
    monkeypatch.setattr(conditions, "NEIGHBOUR", "../there/is/no/such/folder")
    words = ["--wait", "0", "--clients", "5", "--seconds", "2", "--turns", "1", "--repeats", "1", "--results-dir"]
    assert conditions.main(service.work, [*words, str(tmp_path)]) == 0
    found = report.read(tmp_path)["service"]
    assert found["turns"]["service"]["errors"] == found["turns"]["constant"]["errors"] == 0
    assert found["turns"]["service"]["requests"] > 5 and found["turns"]["bytes"] > 1000
    for times in found["single"]["memory"].values():
        assert times["known"]["median"] < times["new"]["median"]
    assert "forecasts a second" in report.render({"service": found})
    assert len(report.service_figure(found).axes) == 2
