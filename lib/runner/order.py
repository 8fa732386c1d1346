"""What was asked for, checked whole before a kernel starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import settings
from lib.errors import ProjectError
from lib.runner import facts, inputs
from lib.runner.plan import Notebook, discover, select

NOTEBOOKS = settings.PROJECT_ROOT / "notebooks"


@dataclass(frozen=True)
class Order:
    """A run that was checked and may start: ``overrides`` are keys, ``texts``, ``only``, ``start`` and ``asked_jobs`` what was typed."""

    parameter_file: Path
    overrides: tuple[str, ...]
    texts: tuple[str, ...]
    chosen: settings.Settings
    notebooks: list[Notebook]
    selected: list[Notebook]
    jobs: int
    only: tuple[str, ...] = ()
    start: str | None = None
    asked_jobs: str | None = None

    @property
    def root(self) -> Path:
        """The run's folder."""
        return settings.output_root(self.chosen.output_dir)


class OrderError(ProjectError):
    """What was asked for cannot be run; one sentence a line."""


def check(
    parameter_file: str | Path,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    start: str | None = None,
    jobs: int | str | None = None,
    notebooks_dir: Path = NOTEBOOKS,
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
        wrong += inputs.missing_prices(chosen)
        wrong += inputs.foreign_folder(settings.output_root(chosen.output_dir), chosen.output_dir)
        wrong += inputs.damaged_records(settings.output_root(chosen.output_dir))
    except settings.SettingsError as error:
        wrong.append(str(error))
    try:
        notebooks = discover(notebooks_dir)
        selected = select(notebooks, only, start)
    except ProjectError as error:
        wrong.append(str(error))
    if chosen and selected:
        reasons = {n.name: why_left_out(n, chosen) for n in selected}
        selected = [n for n in selected if not reasons[n.name]]
        if not selected:
            wrong.append(
                f"nothing is left to run: {'; '.join(f'{name} is left out, as {why}' for name, why in reasons.items())}"
            )
        if any(n.own_workers for n in selected):  # one of them opens the studies
            wrong += inputs.other_searches(settings.output_root(chosen.output_dir), chosen.plain(), chosen.output_dir)
    count = facts.cores() if jobs is None else int(jobs) if str(jobs).isdecimal() else 0
    if count < 1:
        wrong.append(f"--jobs {jobs}: allowed are whole numbers from 1; this machine has {facts.cores()} cores")
    if wrong:
        raise OrderError("\n".join(wrong))
    return Order(
        file,
        tuple(given),
        tuple(overrides),
        chosen,
        notebooks,
        selected,
        count,
        tuple(only),
        start,
        None if jobs is None else str(jobs),
    )


def why_left_out(notebook: Notebook, chosen: settings.Settings) -> str:
    """Why a notebook has nothing to do with these parameters; empty if it has."""
    if notebook.networks and not set(notebook.networks) & set(chosen.networks):
        return f"networks {list(chosen.networks)} lacks {' and '.join(notebook.networks)}"
    if notebook.unless_zero and not getattr(chosen, notebook.unless_zero):
        return f"{notebook.unless_zero} is 0"
    return ""
