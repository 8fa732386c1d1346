"""Which notebooks there are, what each waits for, and which of them a command line picks.

A notebook describes itself in its metadata, so a new one needs no change here::

    "run": {"after": ["01_data"], "trains": true, "seconds": 20, "networks": ["CNN"], "unless_zero": "replay_seeds",
            "needs": "data.windows.build"}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lib.errors import ProjectError
from lib.results.files import read_json
from lib.settings import KEYS, Network


class PlanError(ProjectError):
    """A notebook's description or a choice of notebooks makes no sense."""


def _parameter(name: str) -> str:
    if name not in KEYS:
        raise ValueError("it must be a parameter's name")
    return name


class Notebook(BaseModel):
    """One notebook as the runner sees it; the last six come from its metadata ``run``.

    Attributes:
        name: file name without ending, such as ``04_cnn``.
        title: its first heading; ``question``: the first line below that.
        after: names of the notebooks whose results it needs.
        trains: it trains networks, so that the run starts a pool.
        seconds: usual seconds in the sample run, or None.
        networks: it runs only if the parameter ``networks`` has one of these; none means always.
        unless_zero: it runs only if this parameter is not 0.
        needs: a function below ``lib`` that refuses prices (first argument) on which the notebook would fail with
            these parameters (second argument); None if it works on any prices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: Path
    title: str
    question: str
    after: tuple[str, ...] = ()
    trains: bool = False
    seconds: float | None = None
    networks: tuple[Network, ...] = ()
    unless_zero: Annotated[str, AfterValidator(_parameter)] | None = None
    needs: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$")] | None = None

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
        if unknown := [a for a in n.after if a not in names]:
            raise PlanError(f"{n.name}: its metadata run.after names {unknown[0]!r}. Allowed: {', '.join(names)}")
    try:
        TopologicalSorter({n.name: n.after for n in found}).prepare()
    except CycleError as error:
        raise PlanError(f"the notebooks' metadata run.after form a circle: {' -> '.join(error.args[1])}") from None
    return found


def select(notebooks: Sequence[Notebook], only: Sequence[str] = (), start: str | None = None) -> list[Notebook]:
    """The notebooks that ``--only`` names, or those from ``--from`` on, or all.

    Raises:
        PlanError: both are given, or a number is unknown; the message says which are allowed.
    """
    if only and start is not None:
        raise PlanError(
            "--only and --from were both given: choose one."
            " --only 04 08 runs these two, --from 05 runs 05 and all after it"
        )
    if start is not None:
        return list(notebooks[notebooks.index(_find(notebooks, start, "--from")) :])
    wanted = [_find(notebooks, text, "--only") for text in only]
    return [n for n in notebooks if not only or n in wanted]


def _find(notebooks: Sequence[Notebook], text: str, option: str) -> Notebook:
    wanted = re.sub(r"^(\d[a-z]?)$", r"0\1", text.removesuffix(".ipynb"))
    for n in notebooks:
        if wanted in (n.number, n.name):
            return n
    raise PlanError(f"{option} {text}: there is no such notebook. Allowed: {', '.join(n.number for n in notebooks)}")


def _read(path: Path) -> Notebook:
    run: dict[str, Any] = {}
    try:
        content = read_json(path)
        cells, run = content["cells"], content["metadata"].get("run", {})
        first = next((c for c in cells if c["cell_type"] == "markdown"), {"source": ""})
        lines = [line.strip() for line in "".join(first["source"]).splitlines() if line.strip()]
        titled = bool(lines) and lines[0].startswith("#")
        return Notebook(
            name=path.stem,
            path=path.resolve(),
            title=lines[0].lstrip("# ") if titled else path.stem,
            question=_plain(next(iter(lines[1:] if titled else lines), "")),
            **run,
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"][:1]))
        raise PlanError(f"{path.name}: its metadata run.{where} is {run.get(where)!r}. {wrong['msg']}") from None
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError, OSError) as error:
        raise PlanError(f"{path.name}: not readable as a notebook: {type(error).__name__}: {error}") from None


def _plain(markdown: str) -> str:
    text = markdown.replace("**", "").replace("`", "").lstrip("> ")
    return text.removeprefix("Question").lstrip(".: ") if text.startswith(("Question.", "Question:")) else text
