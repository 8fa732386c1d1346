"""Checks against the author's public repository: what its notebook, server and client set."""

from __future__ import annotations

from lib.ledger import precision
from lib.ledger.evidence import Evidence
from lib.ledger.found import Found
from lib.ledger.rows import Row
from lib.thesis import published_source


def value(evidence: Evidence, row: Row, fact: str) -> Found:
    """What a file of the author's repository sets, in place of what is printed."""
    its = published_source.fact(fact)
    number = precision.value(its.value) if precision.is_number(its.value) else None
    return Found(its.value if number is None else number, published=its.file, shown=its.value)


def has(evidence: Evidence, row: Row, fact: str, items: str = "", because: str = "") -> Found:
    """Whether a list in a file of the author's repository has everything that a row lists.

    Args:
        items: with commas; what the row prints if empty.
    """
    its = published_source.fact(fact)
    there = {i.strip().lower() for i in its.value.split(",")}
    lacking = [i.strip() for i in (items or row.printed).split(",") if i.strip().lower() not in there]
    words = f"not there: {', '.join(lacking)}" if lacking else "all are there"
    return Found(
        not lacking,
        because="; ".join(filter(None, (because, f"{words}; it has: {its.value}"))),
        published=its.file,
        shown=its.value,
    )


def holds(evidence: Evidence, row: Row, formula: str, because: str, **names: str) -> Found:
    """Whether a formula holds over what the author's repository sets and what the thesis prints.

    Args:
        formula, because: as in ``other_places.arithmetic``.
        names: name in the formula -> a fact, or the id of the row that prints the number.
    """
    facts = {name: published_source.fact(key) for name, key in names.items() if "/" not in key}
    printed = {name: evidence.rows[key] for name, key in names.items() if "/" in key}
    texts = {name: f.value for name, f in facts.items()} | {name: r.printed for name, r in printed.items()}
    result = precision.evaluated(formula, {name: precision.value(text) for name, text in texts.items()})
    return Found(
        result,
        because=precision.filled(because, texts),
        published=", ".join(dict.fromkeys(f.file for f in facts.values())),
    )
