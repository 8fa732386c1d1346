"""What every benchmark needs and says of itself: prices, options, machine, and where its numbers go."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import platform
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lib import settings
from lib.data import market
from lib.errors import ProjectError
from lib.results import files, machine
from lib.runner import facts
from lib.settings import Settings
from lib.settings.places import PROJECT_ROOT, resolve

FOLDER = PROJECT_ROOT / "benchmarks"
RESULTS = FOLDER / "results"
CACHE = PROJECT_ROOT / ".cache" / "benchmarks"
NEIGHBOUR = "../shared/market"  # where a copy of the thesis's prices is looked for
PARAMETERS = "params/thesis.yaml"
SAMPLE = {
    "source": "sample",
    "data_dir": None,
    "tickers": ["BTC-USD"],
    "start_date": "2020-01-01",
    "end_date": "2021-10-27",
    "trials": 1,
}
TIMED = tuple(
    f"lib/{name}.py"
    for name in (
        "networks/fast_layers",
        "networks/architectures",
        "networks/compiled",
        "networks/runtime",
        "networks/training",
        "data/windows",
    )
)  # what a training's time depends on
_PACKAGES = ("tensorflow", "keras", "numpy", "optuna")


class BenchmarkError(ProjectError):
    """A benchmark cannot be run as asked."""


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number between two limits, both allowed."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Options that all benchmarks have."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        allow_abbrev=False,
        epilog="Exit codes: 0 done, 2 wrong options or prices, 130 stopped.",
    )
    made.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="folder of ADA-USD.csv, ETH-USD.csv, SOL-USD.csv, relative to the project; default: "
        f"the variable MARKET_DATA_DIR, else {NEIGHBOUR}, else the packaged sample",
    )
    made.add_argument("--seed", type=whole_number(0, 2**32 - 1), default=42, help="seeds everything random; default 42")
    made.add_argument(
        "--wait",
        type=whole_number(0, 3600),
        default=180,
        metavar="SECONDS",
        help="wait so long at most for a quiet machine; default 180",
    )
    made.add_argument(
        "--results-dir", metavar="FOLDER", default=str(RESULTS), help="where the JSON goes; default benchmarks/results"
    )
    return made


def main(work: Callable[[Sequence[str] | None], None], words: Sequence[str] | None = None) -> int:
    """Run a benchmark's work; an error meant for people becomes one sentence and exit code 2."""
    try:
        work(words)
    except ProjectError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nStopped. The next run with the same command goes on from the last finished block, where a benchmark"
            " has blocks.",
            file=sys.stderr,
        )
        return 130
    return 0


def thesis_data(data_dir: str | None, **overrides: Any) -> tuple[Settings, dict[str, pd.DataFrame], dict[str, Any]]:
    """The thesis's parameters and window of prices, or the packaged sample where there are none.

    Args:
        data_dir: as the option; None looks in the usual places.
        overrides: parameters that differ from ``params/thesis.yaml``.

    Returns:
        Checked parameters; ticker -> prices; and what a report says of them: ``source``,
        ``sentence``, ``sha256``, ``rows``, ``tickers``.

    Raises:
        ProjectError: the folder or a value cannot be used.
    """
    folder = data_dir or os.environ.get("MARKET_DATA_DIR") or (NEIGHBOUR if resolve(NEIGHBOUR).is_dir() else None)
    where = {"source": "folder", "data_dir": folder} if folder else SAMPLE
    chosen = settings.load(PROJECT_ROOT / PARAMETERS, {**where, **overrides})
    prices = market.prices_of(chosen)
    digest = market.digest_of_all(prices)
    manifest = json.loads((PROJECT_ROOT / "lib" / "thesis" / "manifest.json").read_text(encoding="utf-8"))
    if not folder:
        sentence = (
            "The thesis's prices were not found, so the packaged sample (BTC-USD) stands in for every coin:"
            " its windows are fewer, and its times cannot be held against those of the thesis's window."
        )
    elif digest == manifest["sha256_of_all"]:
        sentence = "Prices: the thesis's window, with the digest that the project's manifest names."
    else:
        sentence = "Prices: a folder of the user's, whose digest differs from that of the project's manifest."
    print(sentence)
    about = {
        "source": chosen.source,
        "sentence": sentence,
        "sha256": digest,
        "rows": {t: len(p) for t, p in prices.items()},
        "first_day": f"{chosen.start_date}",
        "last_day": f"{chosen.end_date}",
        "tickers": list(chosen.tickers),
    }
    return chosen, prices, about


def follow_parent() -> None:
    """In a process that another one started: end when that one ends, however it ended."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def cores() -> int:
    """How many cores this process may use."""
    return facts.cores()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def wait_for_quiet(seconds: float, cores_busy: float = 0.5) -> None:
    """Wait until others keep at most ``cores_busy`` cores busy (the load of the last minute), at most ``seconds``."""
    until, told = time.monotonic() + seconds, False
    while (load := os.getloadavg()[0]) > cores_busy and time.monotonic() < until:
        if not told:
            print(
                f"The load is {load:.1f}: something else runs, or ran a moment ago. Waiting for a quiet machine"
                " (--wait 0 does not) ..."
            )
            told = True
        time.sleep(2)
    if seconds and load > cores_busy:
        print(f"The load still is {load:.1f}: times will be too long. The report says so.")


def changed_since(documents: Mapping[str, Any], name: str) -> str:
    """Which of the sources that times depend on are others now than when a benchmark was run."""
    then = documents[name].get("sources")
    if then is None:
        return "not recorded"
    now = _sources()
    return ", ".join(path for path in sorted({*then, *now}) if then.get(path) != now.get(path)) or "none"


def _sources() -> dict[str, str]:
    return {path: files.sha256(PROJECT_ROOT / path) for path in TIMED}


class Run:
    """One run of a benchmark: when, where, by which code and command."""

    def __init__(self, name: str, options: argparse.Namespace, defaults: argparse.ArgumentParser):
        self.name, self.clock = name, time.perf_counter()
        self.results_dir = Path(options.results_dir)
        given = {k: v for k, v in vars(options).items() if k not in ("results_dir", "data_dir", "wait")}
        shown = [
            f"--{k.replace('_', '-')} {' '.join(map(str, v)) if isinstance(v, list) else v}"
            for k, v in given.items()
            if v != defaults.get_default(k)
        ]
        # A folder's path is this machine's affair; the digest says which prices they were.
        shown += ["--data-dir FOLDER"] if options.data_dir else []
        self.document = {
            "benchmark": name,
            "command": " ".join([f"python -m benchmarks.{name}", *shown]),
            "started": facts.now(),
            "seconds": None,
            "machine": {
                "processor": machine.cpu(),
                "cores": cores(),
                "memory_gb": _memory_gb(),
                "system": " ".join([platform.system(), platform.machine()]),
                "load_before": round(os.getloadavg()[0], 2),
            },
            "python": platform.python_version(),
            "packages": {p: importlib.metadata.version(p) for p in _PACKAGES},
            "code": facts.code_version(),
            "sources": _sources(),
            "options": given,
        }

    def quiet(self, seconds: float) -> None:
        """Wait for a quiet machine; the measurement begins after it."""
        wait_for_quiet(seconds)
        self.clock = time.perf_counter()
        self.document["started"], self.document["machine"]["load_before"] = facts.now(), round(os.getloadavg()[0], 2)

    def key(self, data: Mapping[str, Any]) -> str:
        """Twelve hex digits that differ when options, prices, sources or cores do."""
        own = "".join(files.sha256(p) for p in sorted(FOLDER.glob("*.py")))
        parts = [self.name, self.document["options"], data["sha256"], self.document["code"]["sha256"], own, cores()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def write(self, **content: Any) -> Path:
        """Write ``NAME.json`` whole; clears what was kept for a run that goes on.

        What another kind of processor measured stays beside it, as ``NAME.PROCESSOR.json``.
        """
        self.document["seconds"] = time.perf_counter() - self.clock
        path, here = self.results_dir / f"{self.name}.json", self.document["machine"]["processor"]
        before = _measured_on(path)
        if before and not _same_kind(before, here):
            path.replace(self.results_dir / f"{self.name}.{re.sub('[^a-z0-9]+', '-', before.lower()).strip('-')}.json")
        files.write_json(path, {**self.document, **content})
        for other in self.results_dir.glob(f"{self.name}.*.json"):
            if _same_kind(_measured_on(other) or "", here):
                other.unlink()
        shutil.rmtree(CACHE / self.name, ignore_errors=True)
        shown = path.resolve()
        print(
            f"Wrote {shown.relative_to(PROJECT_ROOT) if shown.is_relative_to(PROJECT_ROOT) else shown}. The report:"
            " python -m benchmarks.report"
        )
        return path


def _measured_on(path: Path) -> str | None:
    """The processor of a result; None if there is no such file, or it names none: a new result may replace it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["machine"]["processor"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _same_kind(one: str, other: str) -> bool:
    """Whether two names can be of one kind of processor; older results lack family and model."""
    (name, _, kind), (other_name, _, other_kind) = one.partition(" (family"), other.partition(" (family")
    return name == other_name and (kind == other_kind or not kind or not other_kind)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, MB (2**20 bytes)."""
    try:
        # ru_maxrss would count the parent's memory too, as it outlives exec.
        return (
            int(
                re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)[1]
            )
            / 1024
        )
    except (OSError, TypeError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 1024
