"""Which notebooks there are, what each waits for, and which of them a command line picks.

A notebook describes itself in its metadata, so a new one needs no change here::

    "run": {"after": ["01_data"], "slots": "workers", "seconds": 20, "networks": ["CNN"], "unless_zero": "replay_seeds"}

``after`` names the notebooks whose results it needs (default none), ``slots: workers`` says that it
starts as many processes as the parameter ``workers``, ``seconds`` is its usual time in the sample run,
``networks`` names those that it is about: it only runs if the parameter ``networks`` has one of them.
``unless_zero`` names a parameter: it only runs if that is not 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from lib.errors import ProjectError
from lib.settings import KEYS, Network


class PlanError(ProjectError):
    """A notebook's description or a choice of notebooks makes no sense."""


@dataclass(frozen=True)
class Notebook:
    """One notebook as the runner sees it.

    Attributes:
        name: file name without ending, such as ``04_cnn``.
        title: its first heading; ``question``: the first line below that.
        after: names of the notebooks that must be finished before.
        own_workers: it starts processes of its own, as many as the parameter ``workers``.
        seconds: usual seconds in the sample run, or None.
        networks: those that it is about, or none if it is about all.
        unless_zero: the parameter that leaves it out by being 0, or None.
    """

    name: str
    path: Path
    title: str
    question: str
    after: tuple[str, ...]
    own_workers: bool
    seconds: float | None
    networks: tuple[str, ...]
    unless_zero: str | None

    @property
    def number(self) -> str:
        """What stands before the name: two digits, and perhaps a letter."""
        return self.name.partition("_")[0]


def discover(folder: Path) -> list[Notebook]:
    """All notebooks ``NN_name.ipynb`` (or ``NNb_name.ipynb``) of a folder, in the order of their numbers.

    Raises:
        PlanError: there is none, one is unreadable, or ``after`` names an unknown one or goes in a circle.
    """
    found = [_read(p) for p in sorted(folder.glob("*.ipynb")) if re.match(r"\d\d[a-z]?_", p.name)]
    if not found:
        raise PlanError(f"{folder.name}/: there are no notebooks here; expected names such as 01_data.ipynb")
    names = [n.name for n in found]
    for n in found:
        for other in n.after:
            if other not in names:
                raise PlanError(
                    f"{n.name}: its metadata run.after names {other!r}, but there are only {', '.join(names)}"
                )
    finished: set[str] = set()
    while len(finished) < len(found):
        ready = {n.name for n in found if n.name not in finished and finished.issuperset(n.after)}
        if not ready:
            raise PlanError(
                f"{', '.join(n for n in names if n not in finished)}: their metadata run.after form a circle"
            )
        finished |= ready
    return found


def select(notebooks: Sequence[Notebook], only: Sequence[str] = (), start: str | None = None) -> list[Notebook]:
    """The notebooks that ``--only`` names, or those from ``--from`` on, or all.

    Raises:
        PlanError: both are given, or a number is unknown; the message says which are allowed.
    """
    if only and start is not None:
        raise PlanError(
            "--only and --from were both given: choose one. --only 04 08 runs these two, --from 05 runs 05 and all after it"
        )
    if start is not None:
        first = _find(notebooks, start, "--from")
        return list(notebooks[notebooks.index(first) :])
    wanted = {_find(notebooks, text, "--only").name for text in only}
    return [n for n in notebooks if not only or n.name in wanted]


def _find(notebooks: Sequence[Notebook], text: str, option: str) -> Notebook:
    wanted = text.removesuffix(".ipynb")
    wanted = re.sub(r"^(\d[a-z]?)$", r"0\1", wanted)
    for n in notebooks:
        if wanted in (n.number, n.name):
            return n
    raise PlanError(f"{option} {text}: there is no such notebook. Allowed: {', '.join(n.number for n in notebooks)}")


def _read(path: Path) -> Notebook:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
        run: dict[str, Any] = content["metadata"].get("run", {})
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise PlanError(f"{path.name}: not readable as a notebook: {type(error).__name__}: {error}") from None
    slots, seconds = run.get("slots"), run.get("seconds")
    if slots not in (None, "workers"):
        raise PlanError(f"{path.name}: its metadata run.slots is {slots!r}. Allowed: workers, or nothing")
    networks, unless_zero = run.get("networks", []), run.get("unless_zero")
    if not isinstance(networks, list) or not set(networks) <= set(get_args(Network)):
        raise PlanError(
            f"{path.name}: its metadata run.networks is {networks!r}. Allowed: a list of {', '.join(get_args(Network))}, or nothing"
        )
    if unless_zero not in (None, *KEYS):
        raise PlanError(
            f"{path.name}: its metadata run.unless_zero is {unless_zero!r}. Allowed: a parameter's name, or nothing"
        )
    first = next((c for c in cells if c["cell_type"] == "markdown"), {"source": ""})
    lines = [line.strip() for line in "".join(first["source"]).splitlines() if line.strip()]
    titled = bool(lines) and lines[0].startswith("#")
    return Notebook(
        name=path.stem,
        path=path.resolve(),
        title=lines[0].lstrip("# ") if titled else path.stem,
        question=_plain(next(iter(lines[1:] if titled else lines), "")),
        after=tuple(run.get("after", ())),
        own_workers=slots == "workers",
        seconds=float(seconds) if seconds else None,
        networks=tuple(networks),
        unless_zero=unless_zero,
    )


def _plain(markdown: str) -> str:
    text = markdown.replace("**", "").replace("`", "").lstrip("> ")
    return text.removeprefix("Question").lstrip(".: ") if text.startswith(("Question.", "Question:")) else text
