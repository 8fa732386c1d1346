"""Where things stand in the thesis's text: places by name, snippets in them, and numbers that no row covers.

The text itself is no part of the project. Functions here take it as a string; ``places.yaml`` says
between which two marks each place lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files

import yaml

from lib.errors import ProjectError

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*(?:[eE][+-]?\d+)?")


class PlaceError(ProjectError):
    """A place or a snippet is not in the thesis's text."""


@lru_cache(maxsize=1)
def _read() -> dict:
    return yaml.safe_load(files("lib.ledger").joinpath("places.yaml").read_text(encoding="utf-8"))


def chapters() -> dict[str, str]:
    """Place -> the chapter that a summary counts it under, in the thesis's order."""
    return {name: about["chapter"] for name, about in _read()["places"].items()}


def covered_places() -> list[str]:
    """Places whose every number must have a row."""
    return list(_read()["covered"])


def allowed() -> dict[str, str]:
    """Regular expression -> why numbers inside its matches need no row."""
    return {entry["pattern"]: entry["because"] for entry in _read()["allowed"]}


def span(text: str, place: str) -> tuple[int, int]:
    """First and last offset of a place.

    Raises:
        PlaceError: the place is unknown, or its marks are not in the text.
    """
    if place not in _read()["places"]:
        raise PlaceError(f"place {place!r} is not in lib/ledger/places.yaml")
    about = _read()["places"][place]
    start = text.find(about["from"])
    end = text.find(about["to"], start + 1) if about["to"] else len(text)
    if start < 0 or end < 0:
        raise PlaceError(
            f"place {place!r}: its marks {about['from']!r} and {about['to']!r} are not in the text in this order"
        )
    return start, end


def find(text: str, place: str, snippet: str) -> list[tuple[int, int]]:
    """Where a snippet stands in a place; a number at its end is whole there, so 0.95 is not found in 0.954."""
    start, end = span(text, place)
    before = r"(?<![\d])(?<!\d[.,])" if snippet[:1].isdigit() else ""
    after = r"(?!\d)(?![.,]\d)" if snippet[-1:].isdigit() else ""
    return [m.span() for m in re.compile(before + re.escape(snippet) + after).finditer(text, start, end)]


def uncovered(text: str, snippets: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Numbers of the covered places that neither a (place, snippet) nor an allowed pattern holds.

    Returns:
        (number, the text around it) of each.
    """
    taken = [s for place, snippet in snippets for s in find(text, place, snippet)]
    taken += [m.span() for pattern in allowed() for m in re.finditer(pattern, text, re.MULTILINE)]
    free = bytearray(len(text))
    for start, end in taken:
        free[start:end] = b"\1" * (end - start)
    for place in covered_places():
        start, end = span(text, place)
        for number in NUMBER.finditer(text, start, end):
            if not all(free[number.start() : number.end()]):
                yield number.group(), text[max(0, number.start() - 40) : number.end() + 40].replace("\n", " / ")
