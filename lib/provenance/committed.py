"""A run's folder held against the project: what was committed, and whether it still comes from what is here.

Each function returns sentences about what is not as it should be; nothing means that all is well. None
of them needs prices, unless it is given them.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from lib import settings
from lib.errors import ProjectError
from lib.provenance import git
from lib.provenance import prices as price_series
from lib.report import index, results_page
from lib.results import files
from lib.settings.places import PROJECT_ROOT

LIMIT_BYTES = 10_000_000
# Where the prices lie is everybody's own; that they are the same ones is checked by their digests.
MAY_DIFFER = ("source", "data_dir")
# After a quote, a bracket, an equals sign or white space: /one/two, C:\\ or file:. "and/or" is none.
ABSOLUTE_PATH = re.compile(r"""(?<=["'`=(\s])(/[A-Za-z][\w.-]*/[\w.-]+|[A-Za-z]:\\{1,2}\w+|file:/\S+)""")


class ProvenanceError(ProjectError):
    """The folder is not that of a run."""


@dataclass(frozen=True)
class Folder:
    """A run's folder and the project that it is held against.

    Attributes:
        root: the folder, with ``run.json``.
        project: the folder with ``lib/``, ``notebooks/`` and ``params/``.
    """

    root: Path
    project: Path = PROJECT_ROOT

    @cached_property
    def run(self) -> dict[str, Any]:
        """``run.json``."""
        try:
            found = json.loads((self.root / "run.json").read_text(encoding="utf-8"))
            found["notebooks"], found["parameters"]
            return found
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProvenanceError(
                f"{self.name}/run.json is missing or unreadable ({error}). Name a run's folder, such as outputs/thesis"
            ) from None

    @cached_property
    def records(self) -> dict[str, Mapping[str, Any]]:
        """The notebooks' records."""
        return files.read_records(self.root)

    @property
    def name(self) -> str:
        """The folder for people: relative to the project if it lies there."""
        root = self.root.resolve()
        return (
            root.relative_to(self.project.resolve()).as_posix()
            if root.is_relative_to(self.project.resolve())
            else self.root.name
        )

    @cached_property
    def committed(self) -> list[str]:
        """Its files in git's index; before the first commit those that a commit would take."""
        there = [p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()]
        return git.tracked(self.root, self.project) or sorted(p for p in there if results_page.is_committed_kind(p))

    def command(self, only: Sequence[str] = ()) -> str:
        """What makes the run anew, or these of its notebooks."""
        return (
            results_page.command_of(self.run, f"--only {' '.join(only)}")
            if only
            else results_page.whole_command_of(self.run)
        )


def wrong(folder: Folder) -> dict[str, list[str]]:
    """Every one of :data:`CHECKS`: what was looked at -> sentences."""
    return {what: check(folder) for what, check in CHECKS.items()}


def files_wrong(folder: Folder) -> list[str]:
    """Files that no record vouches for, that have changed, that are missing, or that are too many bytes."""
    listed = {m["path"]: (name, m["sha256"]) for name, record in folder.records.items() for m in record["made"]}
    committed = folder.committed
    found = []
    for path in committed:
        place = folder.root / path
        if not results_page.is_committed_kind(path):
            found.append(f"{path} is not of the kinds that are committed ({', '.join(results_page.COMMITTED)})")
        elif not place.is_file():
            found.append(f"{path} is committed but not there")
        elif path in ("README.md", "run.json") or path.startswith("records/"):
            continue
        elif path not in listed:
            found.append(f"{path} is in no record: no notebook of this run made it")
        elif files.sha256(place) != listed[path][1]:
            found.append(f"{path} has changed since {listed[path][0]} left it")
    wanted = ["README.md", "run.json", *(f"records/{name}.json" for name in folder.records), *listed]
    found += [
        f"{path} is missing among the committed files"
        for path in wanted
        if results_page.is_committed_kind(path) and path not in committed
    ]
    size = sum((folder.root / path).stat().st_size for path in committed if (folder.root / path).is_file())
    if size >= LIMIT_BYTES:
        found.append(f"{size / 1e6:.1f} MB are committed, allowed are less than {LIMIT_BYTES / 1e6:.0f} MB")
    return found


def daily_columns(folder: Folder, known: Mapping[str, pd.DataFrame] | None = None) -> list[str]:
    """Committed tables that hold a series of prices; with the prices themselves at hand they are searched for too."""
    found = []
    for path in (folder.root / p for p in folder.committed if p.endswith(".csv")):
        if path.is_file():
            found += price_series.looks_daily(path) + (price_series.follows_prices(path, known) if known else [])
    return found


def machine_paths(folder: Folder) -> list[str]:
    """Committed texts that name a folder of the machine that they were made on."""
    found = []
    for path in (folder.root / p for p in folder.committed if not p.endswith(".png")):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found += [f"{path.name} names {match[0]}" for match in ABSOLUTE_PATH.finditer(text)]
    return found


def parameters_wrong(folder: Folder) -> list[str]:
    """Parameters of the run, or of one of its notebooks, that are not those of the parameter file; those that none of its notebooks reads do not count."""
    file = folder.project / folder.run["parameter_file"]
    try:
        present = settings.load(file).plain()
    except settings.SettingsError as error:
        return [str(error)]
    theirs, read = folder.run["parameters"], set().union(*(record["parameters"] for record in folder.records.values()))
    found = [
        f"{key} was {theirs.get(key)!r}, {folder.run['parameter_file']} has {present.get(key)!r}"
        for key in dict.fromkeys([*present, *theirs])
        if key in read
        and key not in MAY_DIFFER
        and (key not in theirs or key not in present or theirs[key] != present[key])
    ]
    for notebook, other in index.stale_parameters(folder.run, folder.records).items():
        found.append(f"{notebook} was made with {'; '.join(other)}")
    return found


def digests_wrong(folder: Folder) -> list[str]:
    """Prices that are not those of the manifest of the thesis's window."""
    manifest = json.loads((folder.project / "lib" / "thesis" / "manifest.json").read_text(encoding="utf-8"))["tickers"]
    wanted = {
        ticker: {k: facts[k] for k in ("rows", "first_day", "last_day", "sha256")} for ticker, facts in manifest.items()
    }
    found = []
    for place, data in [
        ("run.json", folder.run["data"]),
        *((n, r["facts"].get("data", {})) for n, r in folder.records.items()),
    ]:
        for ticker in sorted({*data, *(wanted if place == "run.json" else ())}):
            if data.get(ticker) != wanted.get(ticker):
                found.append(f"{place}: the prices of {ticker} are not those of lib/thesis/manifest.json")
    return found


def recomputed_wrong(folder: Folder) -> list[str]:
    """Tables that do not follow from the listings and scores beside them by the present code."""
    return [f"tables/{name}.csv: {words}" for name, words in _recomputed(folder) if words]


def _recomputed(folder: Folder) -> list[tuple[str, str]]:
    from lib import tables

    done = []
    listings = {
        PurePosixPath(p).stem.removesuffix("_trials"): folder.root / p
        for p in folder.committed
        if p.startswith("appendix/")
    }
    if listings and all(path.is_file() for path in listings.values()):
        order = [t for t in folder.run["parameters"]["tickers"] if t in listings]
        trials, naive = trials_of({ticker: listings[ticker] for ticker in order})
        done.append(
            (
                "best_trials",
                table_differs(folder.root / "tables" / "best_trials.csv", tables.best_trials(trials, naive)),
            )
        )
    scores = folder.root / "tables" / "scores.csv"
    if scores.is_file():
        done.append(
            (
                "table_4_5",
                table_differs(
                    folder.root / "tables" / "table_4_5.csv", tables.table_4_5(exact(scores).astype({"seed": "Int64"}))
                ),
            )
        )
    trainings, rows = (folder.root / "tables" / f"{name}.csv" for name in ("replay_trainings", "replay"))
    if trainings.is_file() and rows.is_file():
        from lib.experiments import replay

        done.append(
            (
                "replay_agreement",
                table_differs(
                    folder.root / "tables" / "replay_agreement.csv", replay.agreement(exact(trainings), exact(rows))
                ),
            )
        )
    return done


def trials_of(listings: Mapping[str, Path]) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Committed listings back as trials, as ``tuning.trial_frame`` gives them, and the naive forecast's scores by ticker.

    Args:
        listings: ticker -> ``appendix/<TICKER>_trials.csv``.
    """
    from lib.evaluation import baselines

    names = {"Model": "network", "R2 Score": "r2"}
    parts, naive = [], {}
    for ticker, path in listings.items():
        frame = exact(path).rename(columns=lambda c: names.get(c, c.lower().replace(" ", "_"))).drop(columns="duration")
        last = frame[frame["network"] == baselines.NAIVE].iloc[0]
        naive[ticker] = {"MAE": last["mae"], "MSE": last["mse"], "R2": last["r2"]}
        parts.append(frame[frame["network"] != baselines.NAIVE].assign(ticker=ticker))
    # A listing has the hyperparameters of all networks; trials have those of the networks that were run.
    return pd.concat(parts, ignore_index=True).dropna(axis="columns", how="all"), naive


def exact(path: Path) -> pd.DataFrame:
    """A committed table with every number to its last bit, as pandas reads it since version 3 (a test holds that)."""
    return pd.read_csv(path)


def table_differs(path: Path, ours: pd.DataFrame, relative: float = 0.0) -> str:
    """Where a committed table differs from one that was computed now; empty if nowhere.

    Args:
        path: the committed table; missing counts as a difference.
        ours: columns may come in another order.
        relative: how far numbers may be apart, as a share of the larger one; 0 for the same bits.
    """
    if not path.is_file():
        return "it is missing"
    return frames_differ(exact(path), ours, relative)


def frames_differ(theirs: pd.DataFrame, ours: pd.DataFrame, relative: float = 0.0) -> str:
    """As :func:`table_differs`, for rows of a committed table."""
    mine = pd.read_csv(io.StringIO(ours.to_csv(index=False)))
    if set(theirs.columns) != set(mine.columns):
        return f"its columns are other ones: {', '.join(sorted(set(theirs.columns) ^ set(mine.columns)))}"
    if len(theirs) != len(mine):
        return f"it has {len(theirs)} rows, computed {len(mine)}"
    for name in theirs.columns:
        for row, (there, here) in enumerate(zip(theirs[name], mine[name]), start=1):
            if not _equal(there, here, relative):
                return f"row {row}, column {name}: {there!r} there, {here!r} computed"
    return ""


def _equal(there: Any, here: Any, relative: float) -> bool:
    if pd.isna(there) or pd.isna(here):
        return bool(pd.isna(there) and pd.isna(here))
    if isinstance(there, str) or isinstance(here, str):
        return there == here
    return there == here or abs(there - here) <= relative * max(abs(there), abs(here))


def page_wrong(folder: Folder) -> list[str]:
    """Whether ``README.md`` is the page that the present files give."""
    page = folder.root / "README.md"
    if page.is_file() and page.read_text(encoding="utf-8") == results_page.text(folder.root):
        return []
    return [
        f"README.md is not what the files beside it give. Write it anew with: python -m lib.provenance page {folder.name}"
    ]


def absent(folder: Folder) -> list[str]:
    """The thesis's tables, figures and appendices that are not among the committed files."""
    from lib import thesis

    wanted = [f"tables/{name}.csv" for name in results_page.TABLES] + [
        f"figures/{name}.png" for name in results_page.FIGURES
    ]
    wanted += [f"appendix/{ticker}_trials.csv" for ticker in thesis.APPENDIX]
    return [path for path in wanted if path not in folder.committed]


# All checks that need no prices, by what they look at.
CHECKS: dict[str, Callable[[Folder], list[str]]] = {
    "files": files_wrong,
    "price series": daily_columns,
    "paths of a machine": machine_paths,
    "parameters": parameters_wrong,
    "prices": digests_wrong,
    "computed again": recomputed_wrong,
    "page": page_wrong,
}
