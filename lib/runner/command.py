"""The entrance of ``run_all.py``: check everything, then run, then say what came of it.

Exit codes: 0 everything succeeded; 1 a notebook failed or a page could not be written; 2 nothing
was started, because parameters, options or prices are wrong or another run holds the folder;
130 and 143 stopped by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence, TextIO

from lib import settings
from lib.errors import ProjectError
from lib.runner import facts
from lib.runner.plan import Notebook, discover, select

NOTEBOOKS = settings.PROJECT_ROOT / "notebooks"


@dataclass(frozen=True)
class Order:
    """A run that was checked and may start: ``overrides`` are keys, ``texts`` what was typed after -p."""

    parameter_file: Path
    overrides: tuple[str, ...]
    texts: tuple[str, ...]
    chosen: settings.Chosen
    notebooks: list[Notebook]
    selected: list[Notebook]
    jobs: int

    @property
    def root(self) -> Path:
        """The run's folder."""
        return settings.resolve(self.chosen.output_dir)


class OrderError(ProjectError):
    """What was asked for cannot be run; one sentence a line."""


def check(
    parameter_file: str | Path, overrides: Sequence[str] = (), only: Sequence[str] = (), start: str | None = None,
    jobs: int | str | None = None, notebooks_dir: Path = NOTEBOOKS,
) -> Order:
    """Everything that can be known to be wrong before a kernel starts.

    Args:
        overrides: ``key=value`` texts, later ones win.
        only, start: which notebooks, as :func:`lib.runner.plan.select` reads them.
        jobs: notebooks side by side; None for as many as there are cores.

    Raises:
        OrderError: with a sentence for each thing that is wrong.
    """
    wrong: list[str] = []
    given: dict[str, Any] = {}
    chosen, notebooks, selected = None, [], []
    for text in overrides:
        try:
            given.update([settings.parse_override(text)])
        except settings.SettingsError as error:
            wrong.append(str(error))
    file = Path(parameter_file)
    if not file.is_file() and settings.resolve(file).is_file():
        file = settings.resolve(file)  # the project's own files are found from any folder
    try:
        chosen = settings.load(file, given)
        wrong += missing_prices(chosen)
    except settings.SettingsError as error:
        wrong.append(str(error))
    try:
        notebooks = discover(notebooks_dir)
        selected = select(notebooks, only, start)
    except ProjectError as error:
        wrong.append(str(error))
    count = facts.cores() if jobs is None else int(jobs) if str(jobs).isdecimal() else 0
    if count < 1:
        wrong.append(f"--jobs {jobs}: allowed are whole numbers from 1; this machine has {facts.cores()} cores")
    if wrong:
        raise OrderError("\n".join(wrong))
    return Order(file, tuple(given), tuple(overrides), chosen, notebooks, selected, count)


def missing_prices(chosen: settings.Chosen) -> list[str]:
    """What is missing in ``data_dir``, as sentences; nothing for the other sources."""
    if chosen.source != "folder":
        return []
    folder = settings.resolve(chosen.data_dir)
    if not folder.is_dir():
        return [f"data_dir is {chosen.data_dir!r}, but there is no such folder. It must hold one TICKER.csv for each ticker"]
    missing = [f"{t}.csv" for t in chosen.tickers if not (folder / f"{t}.csv").is_file()]
    have = ", ".join(sorted(p.name for p in folder.glob("*.csv"))) or "no CSV file"
    return [f"data_dir {chosen.data_dir!r} lacks {', '.join(missing)} for tickers {chosen.tickers}. It holds {have}"] if missing else []


def run(
    parameter_file: str | Path, overrides: Sequence[str] = (), only: Sequence[str] = (), start: str | None = None,
    jobs: int | str | None = None, listing: bool = False, notebooks_dir: Path = NOTEBOOKS, out: TextIO | None = None,
) -> int:
    """What ``run_all.py`` does; returns its exit code. Wrong orders are told on stderr."""
    out = out or sys.stdout
    try:
        order = check(parameter_file, overrides, only, start, jobs, notebooks_dir)
        if listing:
            print("\n".join(listed(order)), file=out)
            return 0
        from lib.runner.lock import held

        with held(order.root, order.chosen.output_dir):
            from lib.runner.session import Session

            try:
                return Session(order, out).run()
            except ProjectError as error:
                print(error, file=sys.stderr)
                return 1
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def listed(order: Order) -> list[str]:
    """The notebooks with their questions, what they wait for, and what of theirs is in the run's folder."""
    from lib.artifacts import read_records

    records, entries = read_records(order.root), facts.read_earlier(order.root).get("notebooks", {})
    lines = [f"Notebooks of {order.chosen.output_dir} ({order.parameter_file.name}):"]
    for n in order.notebooks:
        picked = "" if n in order.selected else " (not selected)"
        record = records.get(n.name, {"made": [], "finished": ""})
        there = sum((order.root / made["path"]).is_file() for made in record["made"])
        files = f"{there} of {len(record['made'])} files there, left {record['finished']}" if n.name in records else "no files yet"
        status = entries.get(n.name, {}).get("status", "never run here")
        usual = f"; usually {n.seconds:.0f} s" if n.seconds else ""
        lines += [
            f"{n.name}{picked}", f"    {n.question or n.title}",
            f"    after {', '.join(n.after) or 'nothing'}{usual}{'; starts its own workers' if n.own_workers else ''}",
            f"    {status}; {files}",
        ]
    return lines
