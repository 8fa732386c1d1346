"""How many forecasts a second the service answers beside an endpoint that does nothing, and what its caches save.

    python -m benchmarks.service

Service, bare endpoint and clients are processes of their own. Forecasts that are known are asked for, in turns with
the bare endpoint's constant of the same size. Single requests, known and new, are timed with the store in memory and
in Redis.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

from benchmarks import conditions
from lib.app.service import prices as kept_prices
from lib.app.service.store import open_store
from lib.settings import Settings
from lib.settings.places import PROJECT_ROOT

START_SECONDS = 120
EPOCHS = 5
_NOBODY_WAITS = {"WORKERS": "1", "REQUESTS_PER_MINUTE": "1000000", "SERVICE_TOKEN": "", "REDIS_URL": ""}


def summary(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the turns of one server come to.

    Args:
        turns: as ``benchmarks.clients`` gives them.

    Returns:
        ``requests``, ``errors``, ``seconds``; ``per_second`` over all and ``per_second_of_each`` turn; ``median_ms``,
        ``p99_ms`` and ``slowest_ms`` of all answers; ``clients_busy``, the share of a core that asking took.
    """
    times = np.concatenate([turn["milliseconds"] for turn in turns])
    seconds = sum(turn["seconds"] for turn in turns)
    return {
        "requests": len(times),
        "errors": sum(turn["errors"] for turn in turns),
        "seconds": seconds,
        "per_second": len(times) / seconds,
        "per_second_of_each": [len(turn["milliseconds"]) / turn["seconds"] for turn in turns],
        "median_ms": float(np.median(times)),
        "p99_ms": float(np.quantile(times, 0.99)),
        "slowest_ms": float(times.max()),
        "clients_busy": sum(turn["cpu_seconds"] for turn in turns) / seconds,
    }


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(words: Sequence[str], port: int, environment: Mapping[str, str]) -> Iterator[None]:
    """A server in a process of its own, once it listens.

    Raises:
        BenchmarkError: it ended, or does not listen after two minutes.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, env={**os.environ, **environment}, cwd=PROJECT_ROOT, **quiet) as started:  # type: ignore[call-overload]
        end = time.monotonic() + START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if started.poll() is not None or time.monotonic() > end:
                started.kill()
                raise conditions.BenchmarkError(
                    f"{' '.join(words[1:3])} does not start: {started.stderr.read()[-500:]}"
                )
            time.sleep(0.05)
        try:
            yield
        finally:
            started.terminate()
            started.wait(START_SECONDS)


@contextmanager
def service(chosen: Settings, folder: Path, redis_url: str = "") -> Iterator[httpx.Client]:
    """A client of a service with folders of its own that offers the prices of a run."""
    port = free_port()
    own = {"SERVICE_FOLDER": str(folder / "networks"), "TRAINING_CACHE": str(folder / "trainings")}
    offered = {"PRICE_SOURCES": chosen.source, "PRICE_FOLDER": chosen.data_dir or ""}
    environment = {**_NOBODY_WAITS, **own, **offered, "REDIS_URL": redis_url}
    words = [sys.executable, "-m", "lib.app.service", "--port", str(port)]
    with (
        process(words, port, environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=START_SECONDS, trust_env=False) as client,
    ):
        yield client


@contextmanager
def redis_server() -> Iterator[str]:
    """The address of a Redis that forgets everything; empty where none is installed."""
    if not (program := shutil.which("redis-server")):
        print("No redis-server here (tests/browser/install.sh): the store in Redis is not measured.")
        yield ""
        return
    port = free_port()
    words = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with process(words, port, {}):
        yield f"redis://127.0.0.1:{port}/0"


def asked(address: str, body: Mapping[str, Any], clients: int, seconds: float) -> dict[str, Any]:
    """One turn of the clients."""
    words = [sys.executable, "-m", "benchmarks.clients", address, json.dumps(body)]
    words += ["--clients", str(clients), "--seconds", str(seconds)]
    return dict(json.loads(subprocess.run(words, cwd=PROJECT_ROOT, capture_output=True, check=True).stdout))


def in_turns(client: httpx.Client, clients: int, seconds: int, turns: int) -> dict[str, Any]:
    """Requests a second of the service and of the bare endpoint, one after the other, ``turns`` times."""
    body, found = {"days": 15}, {"service": [], "constant": []}
    size = len(client.post("/predict", json=body).content)
    port = free_port()
    with process([sys.executable, "-m", "benchmarks.constant", str(port), str(size)], port, {}):
        addresses = {"service": f"{client.base_url}".rstrip("/"), "constant": f"http://127.0.0.1:{port}"}
        for address in addresses.values():
            asked(f"{address}/predict", body, clients, 1)
        for turn in range(turns):
            for name in found:
                found[name].append(asked(f"{addresses[name]}/predict", body, clients, seconds / turns))
                rate = len(found[name][-1]["milliseconds"]) / found[name][-1]["seconds"]
                print(f"Turn {turn + 1} of {turns}, {name}: {rate:,.0f} requests a second", flush=True)
    return {"bytes": size, **{name: summary(rows) for name, rows in found.items()}}


def milliseconds(work: Callable[[int], Any], repeats: int) -> dict[str, float]:
    """Median and slowest of ``work(0)``, ``work(1)``, ... in milliseconds."""
    took = []
    for i in range(repeats):
        begun = time.perf_counter()
        work(i)
        took.append(1000 * (time.perf_counter() - begun))
    return {"median": statistics.median(took), "slowest": max(took), "repeats": repeats}


def latencies(client: httpx.Client, chosen: Settings, redis_url: str, repeats: int) -> dict[str, Any]:
    """Milliseconds of single requests whose answer is new and known, by what is asked for."""
    body = {
        "ticker": chosen.tickers[0],
        "model": "CNN",
        "start_date": f"{chosen.start_date}",
        "end_date": f"{chosen.end_date}",
        "epochs": EPOCHS,
    }

    def post(path: str, content: Mapping[str, Any], known: bool) -> None:
        answer = client.post(path, json=content).raise_for_status().json()
        if answer.get("cached", answer["data"].get("cached")) is not known:
            raise conditions.BenchmarkError(f"{path} says that its answer is {'new' if known else 'known'}: {content}")

    def train(seed: int, known: bool = False) -> None:
        post("/train?plots=false", {**body, "seed": seed}, known)

    def predict(i: int, known: bool = False) -> None:
        start = f"{chosen.end_date - timedelta(days=i % 20)}"
        post("/predict", {"days": 1 + i // 20, "start_date": start}, known)

    train(10**6)  # the first one starts TensorFlow
    found = {"training": {"new": milliseconds(train, repeats)}}
    found["training"]["known"] = milliseconds(lambda i: train(i, True), repeats)
    predict(20 * 20)  # the first one builds the network in a worker
    found["forecast"] = {"new": milliseconds(predict, 4 * repeats)}
    found["forecast"]["known"] = milliseconds(lambda i: predict(i, True), 4 * repeats)
    store = open_store(redis_url)
    try:

        def load(i: int) -> None:
            end = chosen.end_date - timedelta(days=i)
            kept_prices.load(store, chosen.changed(tickers=chosen.tickers[:1], end_date=end), 3600, lambda _: None)

        found["prices"] = {"new": milliseconds(load, repeats), "known": milliseconds(load, repeats)}
    finally:
        store.close()
    return found


def work(words: Sequence[str] | None = None) -> None:
    """Read the options, measure, write ``service.json``."""
    whole = conditions.whole_number
    parser = conditions.parser("service", "Requests a second beside a bare endpoint; known answers beside new ones.")
    parser.add_argument("--clients", type=whole(1, 400), default=50, help="at the same time; default 50")
    parser.add_argument("--seconds", type=whole(1, 3600), default=60, help="of each server in all; default 60")
    parser.add_argument("--turns", type=whole(1, 100), default=6, help="default 6")
    parser.add_argument("--repeats", type=whole(1, 100), default=10, help="of single requests; default 10")
    options = parser.parse_args(words)
    run = conditions.Run("service", options, parser)
    chosen, _, about = conditions.thesis_data(options.data_dir)
    run.quiet(options.wait)
    single: dict[str, Any] = {}
    with ExitStack() as opened:
        stores = {"memory": "", "redis": opened.enter_context(redis_server())}
        for name, url in stores.items():
            if name == "redis" and not url:
                continue
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            with service(chosen, folder, url) as client:
                print(f"Single requests, store in {name} ...", flush=True)
                single[name] = latencies(client, chosen, url, options.repeats)
                if name == "memory":
                    turns = in_turns(client, options.clients, options.seconds, options.turns)
    run.write(data=about, load_after=round(os.getloadavg()[0], 2), turns=turns, single=single)
    ours, bare = turns["service"], turns["constant"]
    print(f"{ours['per_second']:,.0f} forecasts a second, {ours['errors']} errors; bare: {bare['per_second']:,.0f}.")


if __name__ == "__main__":
    sys.exit(conditions.main(work))
