"""The checks: small functions, each of which computes one printed value or tests one statement.

A check is called as ``check(evidence, row, **arguments)`` with the arguments of the row, which are
texts as they stand in the YAML, and gives a :class:`lib.ledger.found.Found`. It raises
:class:`lib.ledger.evidence.Missing` where the run offers too little. The ledger names it as
``room.function``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from lib.ledger.found import Found

ROOMS = (
    "layers",
    "listings",
    "other_places",
    "price_tables",
    "published_source",
    "records",
    "replays",
    "trials",
    "unit_roots",
)


def function(name: str) -> Callable[..., Found]:
    """The function that the ledger calls ``room.function``.

    Raises:
        KeyError: there is none.
    """
    room, _, short = name.partition(".")
    if room not in ROOMS or short.startswith("_"):
        raise KeyError(f"{name!r} is no check; rooms are {', '.join(ROOMS)}")
    module = import_module(f"{__name__}.{room}")  # late, as the rooms themselves look into the ledger
    found = getattr(module, short, None)
    if not callable(found) or getattr(found, "__module__", "") != module.__name__:
        raise KeyError(f"{name!r} is no check of lib/ledger/checks/{room}.py")
    return found


def meaning(check: Callable[..., object]) -> str:
    """What a check computes: the first paragraph of its docstring in one line."""
    return " ".join((check.__doc__ or "").strip().partition("\n\n")[0].split())
