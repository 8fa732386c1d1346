"""Which function made a result: noted in the result itself, kept in the run's record, printed on the run's page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def signed(function: Callable[P, R]) -> Callable[P, R]:
    """Note in every table or figure that a function returns which function made it."""

    @wraps(function)
    def noting(*args: P.args, **kwargs: P.kwargs) -> R:
        made = function(*args, **kwargs)
        getattr(made, "attrs", vars(made))["made_by"] = f"{function.__module__}.{function.__name__}"
        return made

    return noting


def made_by(made: Any) -> str:
    """The function that made a table or figure, such as ``lib.tables.thesis.table_4_1``; empty if none signed it."""
    return getattr(made, "attrs", vars(made)).get("made_by", "")
