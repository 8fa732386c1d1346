"""What ``run_all.py`` calls: check everything, then run, then report what came of it.

Exit codes: 0 everything succeeded; 1 a notebook failed or a page could not be written; 2 nothing
was started, because parameters, options or prices are wrong or another run holds the folder;
130 and 143 stopped by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from lib.errors import ProjectError
from lib.results import files
from lib.runner import facts
from lib.runner.lock import held, is_held
from lib.runner.order import NOTEBOOKS, Order, check, why_left_out
from lib.runner.screen import say


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
    """What ``run_all.py`` does; returns its exit code. Wrong orders are reported on stderr."""
    screen, started = out or sys.stdout, False
    try:
        order = check(parameter_file, overrides, only, start, jobs, notebooks_dir, read_prices=not listing)
        if listing:
            say("\n".join(listed(order)), screen)
            return 0
        with held(order.root, order.chosen.output_dir):
            from lib.runner.session import Session

            started = True
            return Session(order, screen).run()
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 1 if started else 2
    except OSError as error:  # no place for temporary files, no process or socket left
        what = f"this machine refuses what the run needs: {error}"
        print(f"{what}. Mend that and run it again; what was finished is kept", file=sys.stderr)
        return 1 if started else 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def listed(order: Order) -> list[str]:
    """The notebooks with their questions, what they wait for, and what of theirs is in the run's folder."""
    damaged: list[str] = []
    records, entries = files.read_records(order.root, damaged), facts.read_earlier(order.root).get("notebooks", {})
    busy = is_held(order.root)
    lines = [f"Notebooks of {order.chosen.output_dir} ({order.parameter_file.name}):"]
    for n in order.notebooks:
        why = why_left_out(n, order.chosen)
        picked = "" if n in order.selected else f" (not selected{': ' if why else ''}{why})"
        status = entries.get(n.name, {}).get("status", "never run here")
        if status in ("running", "waiting") and not busy:
            status = "stopped"  # by force, or it would have said so itself
        usual = f"; usually {n.seconds:.0f} s" if n.seconds else ""
        lines += [
            f"{n.name}{picked}",
            f"    {n.question or n.title}",
            f"    after {', '.join(n.after) or 'nothing'}{usual}{'; trains networks' if n.trains else ''}",
            f"    {status}; {_files_there(order.root, records.get(n.name))}",
        ]
    return lines + damaged


def _files_there(root: Path, record: Mapping | None) -> str:
    if not record:
        return "no files yet"
    there = sum((root / made["path"]).is_file() for made in record["made"])
    return f"{there} of {len(record['made'])} files there, left {record['finished']}"
