"""Facts of the author's public repository: what its notebook, server and client set, each with its file.

Values, names and counts only; the repository states no licence. ``published_source.yaml`` names the commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

from lib.errors import ProjectError

FILE = "published_source.yaml"
_AGAIN = f"Take it from version control again: git checkout -- lib/thesis/{FILE}"


class SourceError(ProjectError):
    """The facts are missing or damaged."""


@dataclass(frozen=True)
class Fact:
    """One fact: its value as it stands in the repository, and the file that has it."""

    value: str
    file: str


@lru_cache(maxsize=1)
def facts() -> dict[str, Fact]:
    """All facts by name.

    Raises:
        SourceError: the file is missing, is no YAML, has no facts, or has a name twice.
    """
    try:
        text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
        by_file = yaml.load(text, yaml.BaseLoader)["facts"]  # every value stays text: 1e-4 keeps its digits
        pairs = [(name, Fact(value.strip(), file)) for file, its in by_file.items() for name, value in its.items()]
    except OSError as error:
        raise SourceError(f"lib/thesis/{FILE} cannot be read ({error.strerror or error}). {_AGAIN}") from None
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
        raise SourceError(f"lib/thesis/{FILE} is damaged: it must list names and values by file. {_AGAIN}") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = sorted({name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1})
        raise SourceError(f"lib/thesis/{FILE} is damaged: {', '.join(twice)} stands there twice. {_AGAIN}")
    return found


def fact(name: str) -> Fact:
    """One fact.

    Raises:
        SourceError: there is none of that name, as in a file that was cut.
    """
    if name not in facts():
        raise SourceError(f"lib/thesis/{FILE} has no {name}, which the ledger asks for. {_AGAIN}")
    return facts()[name]
