"""How precise a printed number is: its last digit is its precision."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

_NUMBER = re.compile(r"([+-]?)(\d[\d,]*)(\.(\d+))?(?:[eE]([+-]?\d+))?")
_DAYS = ((r"\d{4}-\d\d-\d\d", "%Y-%m-%d"), (r"\d\d/\d\d/\d{4}", "%d/%m/%Y"), (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"))
_MOMENTS = ((r"\d{14}", "%Y%m%d%H%M%S"), (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "%Y-%m-%dT%H:%M:%S"))


def half_unit(printed: str) -> float:
    """Half of the last printed digit: a number printed as ``0.954`` stands for 0.9535 to 0.9545. 0 for a day or a
    moment.
    """
    if _as_time(printed) is not None:
        return 0.0
    _, _, _, decimals, exponent = _matched(printed)
    return 0.5 * 10.0 ** (int(exponent or 0) - len(decimals or ""))


def value(printed: str) -> float:
    """A printed number as a number; a day counts days, a moment seconds, so that their differences can be taken.

    Raises:
        ValueError: it is none.
    """
    moment = _as_time(printed)
    if moment is not None:
        return moment
    sign, whole, fraction, _, exponent = _matched(printed)
    return float(f"{sign}{whole.replace(',', '')}{fraction or ''}e{exponent or 0}")


def is_number(printed: str) -> bool:
    """Whether :func:`value` can read it."""
    try:
        value(printed)
    except ValueError:
        return False
    return True


def day(printed: str) -> date:
    """A printed day; raises ValueError if it is none."""
    for pattern, form in _DAYS:
        if re.fullmatch(pattern, printed.strip()):
            return datetime.strptime(printed.strip(), form).date()
    raise ValueError(f"{printed!r} is no day")


def evaluated(formula: str, values: dict[str, float]) -> float | bool:
    """A formula in Python's signs over numbers; a comparison gives a truth value."""
    result = pd.eval(formula, engine="python", local_dict=values)
    return bool(result) if isinstance(result, (bool, np.bool_)) else float(result)


def filled(text: str, printed: dict[str, str]) -> str:
    """A text with names or formulas in braces, such as ``{last - first + 1} days``, filled from printed numbers.

    A name alone stands for what is printed; of a formula the value has six significant digits.
    """
    values = {name: value(number) for name, number in printed.items()}
    return re.sub(r"\{([^{}]+)\}", lambda m: printed.get(m[1]) or f"{evaluated(m[1], values):.6g}", text)


def _as_time(printed: str) -> float | None:
    text = printed.strip()
    for pattern, form in _MOMENTS:
        if re.fullmatch(pattern, text):
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    try:
        return float(day(text).toordinal())
    except ValueError:
        return None


def _matched(printed: str) -> tuple[str, ...]:
    bare = printed.strip().rstrip("*%s").strip()
    found = _NUMBER.fullmatch(bare)
    if not found:
        raise ValueError(f"{printed!r} is no number")
    return found.groups()
