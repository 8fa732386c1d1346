"""The entrance of ``run_all.py``: check everything, then run, then say what came of it.

Exit codes: 0 everything succeeded; 1 a notebook failed or a page could not be written; 2 nothing
was started, because parameters, options or prices are wrong or another run holds the folder;
130 and 143 stopped by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from lib.errors import ProjectError
from lib.runner import facts
from lib.runner.lock import is_held
from lib.runner.order import NOTEBOOKS, Order, check, why_left_out


def run(
    parameter_file: str | Path,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    start: str | None = None,
    jobs: int | str | None = None,
    listing: bool = False,
    notebooks_dir: Path = NOTEBOOKS,
    out: TextIO | None = None,
) -> int:
    """What ``run_all.py`` does; returns its exit code. Wrong orders are told on stderr."""
    out = out or sys.stdout
    try:
        order = check(parameter_file, overrides, only, start, jobs, notebooks_dir)
        if listing:
            _print("\n".join(listed(order)), out)
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
    from lib.results.files import read_records

    records, entries = read_records(order.root), facts.read_earlier(order.root).get("notebooks", {})
    busy = is_held(order.root)
    lines = [f"Notebooks of {order.chosen.output_dir} ({order.parameter_file.name}):"]
    for n in order.notebooks:
        why = why_left_out(n, order.chosen)
        picked = "" if n in order.selected else f" (not selected{': ' if why else ''}{why})"
        record = records.get(n.name, {"made": [], "finished": ""})
        there = sum((order.root / made["path"]).is_file() for made in record["made"])
        files = (
            f"{there} of {len(record['made'])} files there, left {record['finished']}"
            if n.name in records
            else "no files yet"
        )
        status = entries.get(n.name, {}).get("status", "never run here")
        if status in ("running", "waiting") and not busy:
            status = "stopped"  # by force, or it would have said so itself
        usual = f"; usually {n.seconds:.0f} s" if n.seconds else ""
        lines += [
            f"{n.name}{picked}",
            f"    {n.question or n.title}",
            f"    after {', '.join(n.after) or 'nothing'}{usual}{'; starts its own workers' if n.own_workers else ''}",
            f"    {status}; {files}",
        ]
    return lines


def _print(text: str, out: TextIO) -> None:
    """Print, and take it as enough if the reader (head, less) has gone before the end."""
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # Python flushes once more at its end; that goes nowhere instead of failing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
