"""Printed numbers against printed numbers: arithmetic and lists between places of the thesis."""

from __future__ import annotations

from itertools import product

from lib.ledger import precision
from lib.ledger.evidence import Evidence
from lib.ledger.found import Found
from lib.ledger.rows import Row


def arithmetic(evidence: Evidence, row: Row, formula: str, because: str, **names: str) -> Found:
    """A formula over other printed numbers; the range is what their rounding leaves open.

    Args:
        formula: in Python's signs, over ``names``; days count as days, moments as seconds. A
            comparison makes it a statement.
        because: the reason with its numbers, see :func:`lib.ledger.precision.filled`.
        names: name in the formula -> id of the row that prints the number.
    """
    rows = {name: evidence.rows[identity] for name, identity in names.items()}
    middle = {name: precision.value(r.printed) for name, r in rows.items()}
    value = precision.evaluated(formula, middle)
    places = ", ".join(dict.fromkeys(r.place for r in rows.values()))
    words = precision.filled(because, {name: r.printed for name, r in rows.items()})
    if isinstance(value, bool):
        return Found(value, because=words, other_place=places)
    halves = {
        name: precision.half_unit(r.printed) if "." in r.printed or "e" in r.printed else 0.0
        for name, r in rows.items()
    }
    corners = [
        precision.evaluated(formula, dict(zip(middle, c, strict=True)))
        for c in product(*((v - halves[n], v + halves[n]) for n, v in middle.items()))
    ]
    return Found(value, min(corners), max(corners), words, places)


def listed(evidence: Evidence, row: Row, item: str, within: str) -> Found:
    """Whether another place lists something.

    Args:
        item: what is looked for.
        within: id of the row whose printed text is a list with commas.
    """
    other = evidence.rows[within]
    items = [i.strip().lower() for i in other.printed.split(",")]
    return Found(item.lower() in items, because=f"{other.place} has: {other.printed}", other_place=other.place)


def not_listed(evidence: Evidence, row: Row, item: str, within: str) -> Found:
    """Whether another place leaves something out."""
    found = listed(evidence, row, item, within)
    return Found(not found.value, because=found.because, other_place=found.other_place)


def all_listed(evidence: Evidence, row: Row, within: str) -> Found:
    """Whether another place lists everything that this row lists."""
    other = evidence.rows[within]
    there = {i.strip().lower() for i in other.printed.split(",")}
    lacking = [i.strip() for i in row.printed.split(",") if i.strip().lower() not in there]
    words = f"not there: {', '.join(lacking)}" if lacking else "all are there"
    return Found(
        not lacking,
        because=f"{words}; {other.place} has: {other.printed}",
        other_place=other.place,
        shown=other.printed,
    )


def number_is(evidence: Evidence, row: Row, within: str, number: str) -> Found:
    """Whether another place lists as many things as are claimed."""
    other = evidence.rows[within]
    count = len(other.printed.split(","))
    return Found(
        count == int(number),
        because=f"{other.place} has {count}: {other.printed}",
        other_place=other.place,
        shown=str(count),
    )


def position(evidence: Evidence, row: Row, item: str, within: str) -> Found:
    """As how many-th, from 1, another place lists something."""
    other = evidence.rows[within]
    items = [i.strip().lower() for i in other.printed.split(",")]
    return Found(float(items.index(item.lower()) + 1), because=f"{other.place} has {item}", other_place=other.place)


def as_many(evidence: Evidence, row: Row, within: str) -> Found:
    """Whether another place lists as many things as this row does."""
    other = evidence.rows[within]
    here, there = (len(text.split(",")) for text in (row.printed, other.printed))
    return Found(
        here == there,
        because=f"{here} here, {there} in {other.place}: {other.printed}",
        other_place=other.place,
        shown=str(there),
    )


def same_day(evidence: Evidence, row: Row, one: str, other: str) -> Found:
    """Whether two places print the same day."""
    first, second = (evidence.rows[i] for i in (one, other))
    days = [precision.day(r.printed.partition("T")[0]) for r in (first, second)]
    return Found(
        days[0] == days[1],
        because=f"{first.printed} in {first.place}, {second.printed} in {second.place}",
        other_place=second.place,
    )


def same_text(evidence: Evidence, row: Row, one: str, other: str) -> Found:
    """Whether two places say the same word for word."""
    first, second = (evidence.rows[i] for i in (one, other))
    return Found(
        first.printed.lower() == second.printed.lower(),
        because=f"{first.printed} in {first.place}, {second.printed} in {second.place}",
        other_place=second.place,
    )


def used(evidence: Evidence, row: Row) -> Found:
    """Whether what a row finds stands in the text more than the once in which it is listed."""
    words = f"{', '.join(row.find)} stand {row.times} time{'s' * (row.times != 1)} in the text"
    return Found(row.times > 1, because=words, other_place="the whole text")


def stands_for(evidence: Evidence, row: Row, term: str) -> Found:
    """What an abbreviation stands for in its field."""
    return Found(term, constant=True)
