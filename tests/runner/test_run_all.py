"""The main job, whole: the sample run leaves every artefact, with the right numbers in it, and repeats."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.data import market
from lib.results import training_cache

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # everything, on a machine that may be busy
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")


def run_all(*words, project=settings.PROJECT_ROOT, **environment):
    return subprocess.run(
        [sys.executable, str(project / "run_all.py"), *map(str, words)],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1100,
    )


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run") / "sample"
    done = run_all("-p", f"output_dir={root}")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def close():
    chosen = settings.load(settings.PROJECT_ROOT / "params" / "sample.yaml")
    prices = market.prices_of(chosen)
    return prices["BTC-USD"]["Close"]


def test_every_artefact_is_there(sample_run):
    expected = ["run.json", "index.html", "appendix/BTC-USD_trials.csv"]
    expected += [f"tables/table_4_{n}.csv" for n in (1, 2, 3, 4, 5)]
    expected += [f"figures/figure_4_{n}.{kind}" for n in (1, 2, 3, 4, 5, 6) for kind in ("png", "svg")]
    expected += [
        f"{folder}/BTC-USD_{n}.{kind}"
        for n in NETWORKS
        for folder, kind in (("predictions", "csv"), ("models", "keras"))
    ]
    names = [p.stem for p in sorted((settings.PROJECT_ROOT / "notebooks").glob("[0-9]*.ipynb"))]
    expected += [f"notebooks/{n}.ipynb" for n in names] + [f"html/{n}.html" for n in names]
    missing = [e for e in expected if not (sample_run / e).is_file() or not (sample_run / e).stat().st_size]
    assert not missing


def test_table_4_1_describes_the_sample(sample_run, close):
    row = pd.read_csv(sample_run / "tables" / "table_4_1.csv").iloc[0]
    assert row["days"] == 662 == close.count()
    expected = {
        "minimum": close.min(),
        "maximum": close.max(),
        "mean": close.mean(),
        "std": close.std(ddof=1),
        "median": close.median(),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_predictions_hold_each_days_close_and_the_one_before(sample_run, close, network):
    frame = pd.read_csv(sample_run / "predictions" / f"BTC-USD_{network}.csv", parse_dates=["date"])
    filled = close.interpolate()
    np.testing.assert_allclose(frame["actual_usd"], filled.loc[frame["date"]], rtol=1e-12)
    np.testing.assert_allclose(frame["naive_usd"], filled.shift(1).loc[frame["date"]], rtol=1e-12)
    assert dict(frame["part"].value_counts()) == {"train": 406, "validation": 40, "test": 40}


def test_scores_in_the_table_follow_from_the_predictions(sample_run):
    table = pd.read_csv(sample_run / "tables" / "table_4_5.csv")
    for network in NETWORKS:
        frame = pd.read_csv(sample_run / "predictions" / f"BTC-USD_{network}.csv")
        test = frame[frame["part"] == "test"]
        row = table[(table["model"] == network) & (table["part"] == "test")].iloc[0]
        error, naive = test["actual_usd"] - test["predicted_usd"], test["actual_usd"] - test["naive_usd"]
        assert row["MSE"] == pytest.approx((error**2).mean())
        assert row["R2"] == pytest.approx(
            1 - (error**2).sum() / ((test["actual_usd"] - test["actual_usd"].mean()) ** 2).sum()
        )
        assert row["skill"] == pytest.approx(1 - (error**2).mean() / (naive**2).mean())
    assert set(table[table["part"] == "test"]["model"]) == {*NETWORKS, "naive"}


def test_a_kept_model_forecasts_what_the_predictions_say(sample_run, tensorflow_on_one_thread):
    from lib.data import windows
    from lib.networks import compiled, runtime

    chosen = settings.load(settings.PROJECT_ROOT / "params" / "sample.yaml")
    prices = market.prices_of(chosen)
    data = windows.build(prices, chosen)["BTC-USD"]
    for network in NETWORKS:
        model = runtime.keras().saving.load_model(sample_run / "models" / f"BTC-USD_{network}.keras")
        frame = pd.read_csv(sample_run / "predictions" / f"BTC-USD_{network}.csv")
        again = data.to_usd(compiled.in_batches(model, data.test.X))
        np.testing.assert_allclose(again, frame[frame["part"] == "test"]["predicted_usd"], rtol=1e-6)


def test_run_json_says_what_was_run(sample_run):
    run = json.loads((sample_run / "run.json").read_text(encoding="utf-8"))
    assert run["parameters"]["seed"] == 42 and run["parameters"]["lookback"] == 60
    assert "BTC-USD" in json.dumps(run["data"])
    assert all(entry["seconds"] > 0 for entry in run["notebooks"].values()) and len(run["notebooks"]) >= 9


def test_the_site_is_built_from_it_and_nothing_is_wrong_with_it(sample_run, tmp_path):
    """With the pages of all notebooks; of the API one module, as the others say nothing of the run."""
    from lib.site import build, check

    site = build.build(settings.PROJECT_ROOT, sample_run, tmp_path / "site", ["lib.evaluation.metrics"])
    assert check.problems(site, check.prices_of(sample_run)) == []
    assert len(list((site / "notebooks").glob("[0-9]*.html"))) == len(list((sample_run / "html").glob("[0-9]*.html")))


def test_training_again_in_odd_surroundings_changes_no_byte(sample_run, tmp_path):
    """No cache, no home directory, decimal commas, and a project in a folder with spaces and other letters."""
    project = tmp_path / "Żuk's (projekt) 中文"
    for name in ("lib", "notebooks", "params"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(settings.PROJECT_ROOT / name, project / name, ignore=ignored)
    for name in ("run_all.py", "pyproject.toml"):
        shutil.copy(settings.PROJECT_ROOT / name, project / name)
    if shutil.which("localedef"):  # elsewhere the locale is one that nobody knows, which may not matter either
        words = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")]
        subprocess.run(words, check=False, capture_output=True)
    surroundings = {"HOME": os.devnull, "LOCPATH": str(tmp_path), "LC_ALL": "de_DE.UTF-8", "OUTPUT_BASE": ""}
    surroundings[training_cache.FOLDER_VARIABLE] = str(tmp_path / "trainings")
    done = run_all("-p", "output_dir=aus gabe", "--only", "04", project=project, PYTHONPATH="", **surroundings)
    assert done.returncode == 0, done.stdout + done.stderr
    root = project / "aus gabe"
    for folder in ("tables", "predictions", "figures"):
        for path in (root / folder).iterdir():
            assert path.read_bytes() == (sample_run / folder / path.name).read_bytes(), path.name
    assert (root / "tables" / "scores_cnn.csv").is_file() and (root / "predictions" / "BTC-USD_CNN.csv").is_file()
