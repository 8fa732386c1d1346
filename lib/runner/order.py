"""What was asked for, checked whole before a kernel starts."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import settings
from lib.errors import ProjectError
from lib.runner import enough_days, facts
from lib.runner.plan import Notebook, discover, select

NOTEBOOKS = settings.PROJECT_ROOT / "notebooks"


@dataclass(frozen=True)
class Order:
    """A run that was checked and may start; ``overrides``, ``only`` and ``start`` as they were typed."""

    parameter_file: Path
    overrides: tuple[str, ...]
    chosen: settings.Settings
    notebooks: list[Notebook]
    selected: list[Notebook]
    jobs: int
    only: tuple[str, ...] = ()
    start: str | None = None

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
    read_prices: bool = True,
) -> Order:
    """Everything that can be known to be wrong before a kernel starts.

    Prices are read once, when all else is right; from Yahoo they are downloaded and cached, so that no notebook asks
    again.

    Args:
        overrides: ``key=value`` texts, later ones win.
        only, start: which notebooks, as :func:`lib.runner.plan.select` reads them.
        jobs: notebooks side by side; None for as many as there are cores.
        read_prices: whether to read the prices and to ask each notebook's ``needs`` of them.

    Raises:
        OrderError: with a sentence for each thing that is wrong.
    """
    wrong: list[str] = []

    def attempt(step: Any, *args: Any) -> Any:
        try:
            return step(*args)
        except ProjectError as error:
            wrong.append(str(error))

    file = Path(parameter_file)
    if not file.is_file() and settings.resolve(file).is_file():
        file = settings.resolve(file)  # the project's own files are found from any folder
    given = dict(pair for text in overrides if (pair := attempt(settings.parse_override, text)))
    chosen = attempt(settings.load, file, given)
    notebooks = attempt(discover, notebooks_dir) or []
    selected = attempt(select, notebooks, only, start) or []
    if chosen and selected:
        selected = attempt(_concerned, selected, chosen)
    count = facts.cores() if jobs is None else int(jobs) if re.fullmatch("[0-9]{1,6}", str(jobs)) else 0
    if count < 1:
        wrong.append(f"--jobs {jobs}: allowed are whole numbers from 1; this machine has {facts.cores()} cores")
    if read_prices and not wrong:
        attempt(_check_prices, chosen, selected)
    if wrong:
        raise OrderError("\n".join(wrong))
    return Order(file, tuple(overrides), chosen, notebooks, selected, count, tuple(only), start)


def why_left_out(notebook: Notebook, chosen: settings.Settings) -> str:
    """Why a notebook has nothing to do with these parameters; empty if it has."""
    if notebook.networks and not set(notebook.networks) & set(chosen.networks):
        return f"networks {list(chosen.networks)} lacks {' and '.join(notebook.networks)}"
    if notebook.unless_zero and not getattr(chosen, notebook.unless_zero):
        return f"{notebook.unless_zero} is 0"
    return ""


def _concerned(selected: Iterable[Notebook], chosen: settings.Settings) -> list[Notebook]:
    reasons = {n: why_left_out(n, chosen) for n in selected}
    left = [n for n, why in reasons.items() if not why]
    if not left:
        all_of_them = "; ".join(f"{n.name} is left out, as {why}" for n, why in reasons.items())
        raise OrderError(f"nothing is left to run: {all_of_them}")
    return left


def _check_prices(chosen: settings.Settings, selected: Sequence[Notebook]) -> None:
    """Read the prices as the notebooks will, and ask whether they are enough for each; a sentence is said once.

    Parameters by which the run goes on are named only if the notebooks can use what they leave.
    """
    from lib.data import market

    try:
        prices = market.prices_of(chosen)
    except market.Refused as error:
        offer = error.offer
        either = {**offer.readable, **offer.accepted}
        together = {ticker: either[ticker] for ticker in chosen.tickers if ticker in either}
        lines = [error.what, *_in_lines(_refused(together, chosen, selected), chosen, selected)]
        lines += offer.words(_usable(offer.readable, chosen, selected), _usable(together, chosen, selected))
        raise OrderError("\n".join(lines)) from None
    if refused := _refused(prices, chosen, selected):
        lines = _in_lines(refused, chosen, selected)
        good = _usable(prices, chosen, selected)
        if good and len(good) < len(prices):
            lines.append(f"To run the others: -p tickers=[{','.join(good)}]")
        raise OrderError("\n".join(lines))


Prices = Mapping[str, Any]  # ticker -> frame


def _refused(prices: Prices, chosen: settings.Settings, selected: Sequence[Notebook]) -> dict[str, list[str]]:
    """Sentence -> the numbers of the notebooks that refuse these prices with it."""
    found: dict[str, list[str]] = {}
    if not prices:
        return found
    chosen = chosen.changed(tickers=list(prices))
    for notebook in selected:
        if notebook.needs:
            try:
                _function(notebook)(prices, chosen)
            except ProjectError as error:
                for sentence in str(error).splitlines():
                    found.setdefault(sentence, []).append(notebook.number)
    return found


def _in_lines(
    refused: Mapping[str, Sequence[str]], chosen: settings.Settings, selected: Sequence[Notebook]
) -> list[str]:
    """What the notebooks refuse, and how many days would do for all of them if days are what lacks."""
    lines = [f"{sentence} (notebook {', '.join(of)})" for sentence, of in refused.items()]
    each = list({notebook.needs: notebook for notebook in selected}.values())  # the same need is asked once
    if lines and (days := enough_days.least(chosen, lambda one, longer: not _refused(one, longer, each))):
        lines.append(
            f"About {days} days from start_date to end_date, each with a price, would do for all of these notebooks"
        )
    return lines


def _usable(prices: Prices, chosen: settings.Settings, selected: Sequence[Notebook]) -> list[str]:
    """The tickers that all notebooks can use, also without the others; none if that cannot be told."""
    left = dict(prices)
    while refused := _refused(left, chosen, selected):
        bad = [t for t in left if any(sentence.startswith(f"{t}: ") for sentence in refused)]
        if not bad:
            return []
        left = {ticker: frame for ticker, frame in left.items() if ticker not in bad}
    return list(left)


def _function(notebook: Notebook) -> Callable[[Any, settings.Settings], object]:
    module, _, name = (notebook.needs or "").rpartition(".")
    try:
        return getattr(importlib.import_module(f"lib.{module}"), name)
    except (ImportError, AttributeError):
        raise OrderError(
            f"{notebook.name}: its metadata run.needs names lib.{notebook.needs}, which is not there"
        ) from None
