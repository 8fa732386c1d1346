"""Write files again and again, killed by SIGKILL before each step and by the system at sizes between: what is left?

``python killed_writes.py FOLDER KIND ...`` prints a JSON list of [kind, where it was killed, exit code, version that
was read before, version that was being written, version read after the kill, version read after the next write]. A
version is a number, or null where nothing is there.
"""

import json
import os
import resource
import shutil
import signal
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from lib import settings
from lib.app.collection import Collection
from lib.data.market import cache
from lib.results import files, training_cache
from lib.results.artifacts import Store

ROOT, KEY, DAYS = Path(sys.argv[1]), "ab" * 32, (date(2024, 1, 1), date(2024, 2, 9))
ROWS = 1000  # so that a file is larger than a buffer


def store():
    return Store(settings.sample().changed(output_dir=str(ROOT)), "04_cnn")


def prices(version):
    days = pd.date_range(*DAYS, freq="D", name="date")
    values = dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), float(version))
    return pd.DataFrame(values, index=days)


class Table:
    """A table of a run."""

    def write(self, version):
        store().table("t", pd.DataFrame({"version": np.full(ROWS, float(version))}), "T")

    def read(self):
        path = ROOT / "tables" / "t.csv"
        frame = files.read_table(path) if path.exists() else None
        return None if frame is None else one_of(frame["version"], ROWS)


class Record:
    """A notebook's record."""

    def write(self, version):
        made = store()
        made.fact(version=[version] * ROWS)
        made.finish()

    def read(self):
        found = files.read_records(ROOT)
        return one_of(found["04_cnn"]["facts"]["version"], ROWS) if found else None


class Cached:
    """A training in the cache."""

    def write(self, version):
        training_cache.write(KEY, {"version": version}, {"loss": np.full(ROWS, version)})

    def read(self):
        found = training_cache.read(KEY)
        assert training_cache.size()[0] == (found is not None), "a draft is no result"
        return None if found is None else one_of([*found[1]["loss"], found[0]["version"]], ROWS + 1)


class Model:
    """A trained network."""

    def __init__(self):
        from keras import Sequential, layers

        self.model = Sequential([layers.Input((1,)), layers.Dense(ROWS)])

    def write(self, version):
        self.model.set_weights([np.full((1, ROWS), float(version)), np.zeros(ROWS)])
        store().model("BTC-USD", "CNN", self.model)

    def read(self):
        from keras.saving import load_model

        path = ROOT / "models" / "BTC-USD_CNN.keras"
        return one_of(load_model(path).get_weights()[0].ravel(), ROWS) if path.exists() else None


class Download:
    """Prices from Yahoo and the note that vouches for them; a pair that does not fit is absent."""

    def write(self, version):
        with cache.alone(ROOT):
            cache.keep(ROOT, "BTC-USD", *DAYS, prices(version), "2024-03-01T00:00:00+00:00", "1")

    def read(self):
        try:
            found = cache.find(ROOT, "BTC-USD", *DAYS)
        except cache.DamagedEntry:
            return None
        return None if found is None else one_of(found["Close"], 40)


class Saved:
    """Record and prices of a network that a visitor trained; the newest one counts."""

    def write(self, version):
        from lib.app import collection

        collection._record = lambda *_: {
            "trained": "2026-01-01",
            "request": {"ticker": "BTC-USD", "network": "CNN", "seed": 1},
            "parameters": {"lookback": 60},
            "hyperparameters": {"filters": version},
        }
        asked = type("Request", (), {"ticker": "BTC-USD", "network": "CNN"})
        Collection(ROOT).save(asked, prices(version), None, None)

    def read(self):
        found = Collection(ROOT)
        entries = [found.find(identity) for identity in found.identities()]
        assert all(len(found.prices(entry)) == 40 for entry in entries)
        return max((int(entry.record["hyperparameters"]["filters"]) for entry in entries), default=None)


def one_of(values, count):
    """The one version that all values are of."""
    (version,) = set(map(int, values))
    assert len(values) == count
    return version


def in_child(work):
    """Exit code of a forked process that does the work, below 0 for a signal."""
    child = os.fork()
    if not child:
        signal.alarm(60)
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_before(step, work):
    """Do the work, killed before its n-th opening, making, flushing, moving or removing of a file below ROOT."""
    seen, real = [], os.fsync

    def count(event, values):
        if event in ("open", "os.mkdir", "fsync", "os.rename", "os.remove") and str(values[0]).startswith(str(ROOT)):
            seen.append(event)
            if len(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = lambda handle: (count("fsync", [str(ROOT)]), real(handle))
    sys.addaudithook(count)
    work()


def killed_at(size, work):
    """Do the work, killed by the system when a file grows beyond a size in bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    work()


def tried(kind, way, step, old, version):
    """One row: kind, where, exit code, before, written, after, after the next write."""
    if not old:
        shutil.rmtree(ROOT)
        ROOT.mkdir()
    before = kind.read()
    code = in_child(lambda: way(step, lambda: kind.write(version)))
    after = kind.read()
    assert in_child(lambda: kind.write(version + 1)) == 0
    return [type(kind).__name__, f"{way.__name__} {step}", code, before, version, after, kind.read()]


def main():
    rows = []
    for kind in [globals()[name]() for name in sys.argv[2:]]:
        for old in (False, True):
            rows += [tried(kind, killed_at, size, old, 2 * len(rows) + n) for n, size in ((1, 1), (3, 700), (5, 5000))]
            for step in range(1, 60):
                rows.append(tried(kind, killed_before, step, old, 2 * len(rows) + 1))
                if rows[-1][2] == 0:
                    break  # it has no more steps
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
