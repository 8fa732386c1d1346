"""Shared by the tests: TensorFlow's threads, the pool, results without training, the sample's values, tiny prices."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import yaml

from lib import settings


@pytest.fixture(scope="session")
def tensorflow_on_one_thread():
    """TensorFlow can be started once in a process; every test that trains uses one thread."""
    from lib.networks import runtime

    runtime.start(1)


@pytest.fixture(scope="session")
def pool(tensorflow_on_one_thread):
    """Trainings run in a thread of this process, so that no test waits for new processes."""
    from distributed import LocalCluster

    from lib.experiments import pool

    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "scheduler_kwargs": pool.NO_DASHBOARD}
    with LocalCluster(**options) as cluster:
        pool.use(cluster)
        yield pool
        pool.close()


@pytest.fixture(scope="session")
def no_workers():
    """Variables of a server that is asked for no training: it would find no scheduler, and starts no workers."""
    return {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1"}


@pytest.fixture
def no_training(monkeypatch):
    """Instead of training, forecast each window's last input plus a hundredth of the dropout rate.

    Returns:
        A list that receives the trainings of each call of ``train.train_all``.
    """
    from lib.experiments import train

    asked = []

    def result_of(training):
        offset = np.float32(training.hyperparameters["dropout_rate"] / 100)
        arrays = {f"{p.name}, {w}": p.X[:, -1, 0] + offset for p in training.data.parts for w in train.WEIGHTS}
        losses = np.array([3.0, 1.0, 2.0])
        return train.Result(losses, losses, losses, 2, 0.1, 10, "a processor", diverged=False, arrays=arrays)

    def train_all(trainings, label="", weights=False, on_result=lambda training, result: None):
        asked.append(list(trainings))
        results = [result_of(t) for t in trainings]
        for training, result in zip(trainings, results):
            on_result(training, result)
        return results

    monkeypatch.setattr(train, "train_all", train_all)
    return asked


@pytest.fixture
def sample_values():
    """The values of params/sample.yaml, free to be changed by a test."""
    return yaml.safe_load((settings.PROJECT_ROOT / "params" / "sample.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def tiny():
    """Settings for a training of seconds: 240 days, windows of 8."""
    start, end = date(2024, 1, 1), date(2024, 8, 27)
    small = settings.sample().changed(
        source="yahoo", start_date=start, end_date=end, lookback=8, max_epochs=3, patience=2
    )
    return small.changed


@pytest.fixture
def random_walk():
    """Prices of a random walk: ticker -> 240 days of Open, High, Low, Close, Volume."""

    def make(*tickers, seed=7, days=240):
        rng = np.random.default_rng(seed)
        made = {}
        for ticker in tickers or ("BTC-USD",):
            close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, days)))
            before = np.concatenate([[100.0], close[:-1]])
            high, low = np.maximum(close, before) * 1.01, np.minimum(close, before) * 0.99
            index = pd.date_range("2024-01-01", periods=days, freq="D", name="date")
            made[ticker] = pd.DataFrame(
                {"Open": before, "High": high, "Low": low, "Close": close, "Volume": rng.uniform(1e6, 2e6, days)},
                index=index,
            )
        return made

    return make


@pytest.fixture(scope="session")
def executed_run(tmp_path_factory):
    """A run's folder as far as the site reads it: two notebooks' pages with an equation, links, code and a table."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from lib.report import page

    run = tmp_path_factory.mktemp("executed") / "run"
    (run / "html").mkdir(parents=True)
    (run / "run.json").write_text('{"parameters": {"source": "sample"}}', encoding="utf-8")
    table = new_output("execute_result", data={"text/html": "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"})
    for name, title in {"01_data": "Which prices?", "02_stationarity": "Do they keep their level?"}.items():
        text = (
            f"# {title}\n\n$$x' = \\frac{{x}}{{2}}$$\n\nSee [02](02_stationarity.ipynb), [words](../docs/glossary.md)."
            f"\n\n```\n{'a long line of a command, ' * 20}\n```"
        )
        book = new_notebook(cells=[new_markdown_cell(text), new_code_cell("frame", outputs=[table])])
        nbformat.write(book, run / f"{name}.ipynb")
        page.write(run / f"{name}.ipynb", run / "html" / f"{name}.html", "run", 1.0, None, run / "none.json")
    page.link_neighbours(run / "html", ["01_data", "02_stationarity"])
    return run
