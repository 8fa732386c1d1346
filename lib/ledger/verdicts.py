"""Verdicts, computed from what is printed and what a check found. None is ever typed.

In this order: our own value equal at the printed precision is *reproduced*; of a definition, into which no data enter,
it is *consistent*, or *contradicted* where it differs. Another row that states the same quantity otherwise makes it
*contradicted*. A score judged by trainings is *close* inside their prediction interval; any other value of ours makes
it *not reproduced*. A value from another place of the thesis, or from what its author published, makes it *consistent*
or *contradicted*. A row that only repeats another has that row's verdict, or is *consistent* with it if nothing
computes either. Everything else *cannot be computed*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from lib.ledger import checks, precision
from lib.ledger.evidence import Evidence, Missing
from lib.ledger.found import Found
from lib.ledger.rows import CELL, CLAIM, QUESTION, STATED, Row
from lib.ledger.thesis_text import chapters

REPRODUCED, CLOSE, NOT, CONSISTENT, CONTRADICTED, CANNOT = (
    "reproduced",
    "close",
    "not reproduced",
    "consistent",
    "contradicted",
    "cannot be computed",
)
VERDICTS = (REPRODUCED, CLOSE, NOT, CONSISTENT, CONTRADICTED, CANNOT)
MEANINGS = {
    REPRODUCED: "we computed it from prices, trainings or layers, and it is equal at the printed precision",
    CLOSE: (
        "the printed score lies in the 95 % prediction interval of one more training like ours, or the best of n"
        " printed in that of the best of n of ours"
    ),
    NOT: "our value is another one; of a score, the printed one lies outside that interval",
    CONSISTENT: (
        "another place of the thesis, what its author published or a definition says the same; nothing was computed"
        " from data"
    ),
    CONTRADICTED: (
        "another place of the thesis, its own arithmetic, what its author published or a definition says otherwise"
    ),
    CANNOT: "nothing printed or published would show it, or this run did not compute it; the reason says which",
}
OURS, THEIRS, PUBLISHED, DEFINITION = (
    "our computation",
    "another place of the thesis",
    "published source",
    "a definition",
)
OUR_QUESTION = "our question"  # in place of a printed value, where the thesis does not state what we ask
AGREE = "lib.ledger.verdicts.agree"
ALL, ASKED, CELLS = "all", "our own questions", "cells of the trials"  # the last rows of the summary
_EDGE = 1 + 1e-9


@dataclass(frozen=True)
class Judged:
    """A row's verdict and what it rests on."""

    verdict: str
    against: str
    found: Found
    other_place: str = ""


def judge(rows: Mapping[str, Row], evidence: Evidence) -> pd.DataFrame:
    """Run every row's check and compute its verdict.

    Args:
        rows: as :func:`lib.ledger.rows.ledger` reads them.
        evidence: what the run offers.

    Returns:
        One row a ledger row: ``id``, ``chapter``, ``place``, ``kind`` (claim or question), ``says``, ``printed``,
        ``unit``, ``precision`` (half of the last printed digit), ``computed`` (of a trial the median over our
        trainings), ``smallest``, ``largest`` (the 95 % prediction interval, or what rounding leaves open), ``seeds``
        (how many trainings of ours a score rests on), ``against`` (our computation, another place of the thesis,
        published source, a definition), ``how`` (function and arguments), ``verdict``, ``other_place``, ``because``.
    """
    judged: dict[str, Judged] = {}

    def of(identity: str, asking: tuple[str, ...] = ()) -> Judged:
        if identity not in judged:
            row = rows[identity]
            same = None
            if not row.check and not row.cannot and row.same_as[0] not in asking:
                same = of(row.same_as[0], (*asking, identity))
            judged[identity] = verdict(row, _find(row, evidence), rows, same)
        return judged[identity]

    made = []
    for row in rows.values():
        its = of(row.id)
        numeric = precision.is_number(row.printed)
        made.append(
            {
                "id": row.id,
                "chapter": row.chapter,
                "place": row.place,
                "kind": row.kind,
                "says": row.says,
                "printed": OUR_QUESTION if row.kind == QUESTION and row.printed == STATED else row.printed,
                "unit": row.unit,
                "precision": precision.half_unit(row.printed) if numeric else None,
                "computed": its.found.text,
                "smallest": its.found.low,
                "largest": its.found.high,
                "seeds": its.found.seeds,
                "against": its.against,
                "how": how(row),
                "verdict": its.verdict,
                "other_place": its.other_place,
                "because": its.found.because,
            }
        )
    return pd.DataFrame(made).astype({"seeds": "float64"}) if made else pd.DataFrame()


def verdict(row: Row, found: Found | Missing | None, rows: Mapping[str, Row], same: Judged | None = None) -> Judged:
    """One row's verdict.

    Args:
        found: what its check found, the reason why it could not, or None if the row has no check.
        rows: all rows, for those that state the same quantity.
        same: for a row without a check, the verdict on the first of those.
    """
    unlike = [rows[other] for other in row.same_as if not agree(row.printed, rows[other].printed)]
    others = ", ".join(dict.fromkeys(r.place for r in unlike))
    their_values = "; ".join(f"{r.printed} in {r.place}" for r in unlike)
    theirs = isinstance(found, Found) and bool(found.other_place or found.published)
    ours = found if isinstance(found, Found) and not theirs else None
    if ours and ours.seeds is None and equal(row.printed, ours):
        its = (CONSISTENT, DEFINITION) if ours.constant else (REPRODUCED, OURS)
        return Judged(*its, ours.saying(_joined(ours.because, their_values)), others)
    if unlike:
        shown = ours or Found(unlike[0].printed)
        why = found.because if isinstance(found, Found) else ""
        return Judged(CONTRADICTED, THEIRS, shown.saying(_joined(their_values, why)), others)
    if ours and ours.constant:
        return Judged(CONTRADICTED, DEFINITION, ours)
    if ours:
        return Judged(CLOSE if inside(row.printed, ours) else NOT, OURS, ours)
    if isinstance(found, Found):
        against = PUBLISHED if found.published else THEIRS
        its_place = found.published or found.other_place
        return Judged(CONSISTENT if equal(row.printed, found) else CONTRADICTED, against, found, its_place)
    if isinstance(found, Missing) or row.cannot:
        return Judged(CANNOT, "", Found(because=str(found or row.cannot)))
    places = ", ".join(dict.fromkeys(rows[other].place for other in row.same_as))
    if same is None or (same.verdict == CANNOT and not rows[row.same_as[0]].check):
        return Judged(CONSISTENT, THEIRS, Found(row.printed, because=f"{places} says the same"), places)
    return Judged(
        same.verdict,
        same.against,
        same.found.saying(_joined(f"the same in {places}", same.found.because)),
        same.other_place,
    )


def equal(printed: str, found: Found) -> bool:
    """Whether what was found is what is printed, at the printed precision.

    A truth value is its own answer. A number against another place of the thesis may lie anywhere in
    the range that the rounding there leaves open.
    """
    if isinstance(found.value, bool):
        return found.value
    if printed == STATED or found.value is None:
        return False
    if isinstance(found.value, str):
        return agree(printed, found.value)
    middle, half = precision.value(printed), precision.half_unit(printed)
    if found.other_place and found.low is not None:
        return found.low - half * _EDGE <= middle <= found.high + half * _EDGE
    return math.isfinite(found.value) and abs(found.value - middle) <= half * _EDGE


def inside(printed: str, found: Found) -> bool:
    """Whether the printed number, anywhere in its rounding, lies in the interval of our trainings."""
    if found.low is None or found.high is None or found.low == found.high or not precision.is_number(printed):
        return False
    middle, half = precision.value(printed), precision.half_unit(printed)
    return found.low <= middle + half and middle - half <= found.high


def agree(one: str, other: str) -> bool:
    """Whether two printed values can be the same quantity: equal at the coarser of the two precisions, or the same
    text.
    """
    if precision.is_number(one) and precision.is_number(other):
        half = max(precision.half_unit(one), precision.half_unit(other))
        return abs(precision.value(one) - precision.value(other)) <= half * _EDGE
    return " ".join(one.lower().split()) == " ".join(other.lower().split())


def how(row: Row) -> str:
    """The function that computes a row's value, with its arguments; for a row without one, what it is held against."""
    parts = []
    if row.check:
        given = ", ".join(f"{k}={v}" for k, v in row.arguments.items())
        parts.append(f"lib.ledger.checks.{row.check}({given})")
    if row.same_as:
        parts.append(f"{AGREE} with {'; '.join(row.same_as)}")
    return "; ".join(parts)


def by_check(rows: Mapping[str, Row], frame: pd.DataFrame) -> pd.DataFrame:
    """The way back: each function of the checks, what it computes, and the rows and verdicts that rest on it.

    Returns:
        One row a function: ``function``, ``file``, ``computes``, ``rows``, the count of each verdict, ``ids`` (of all
            its rows).
    """
    used = pd.Series(
        [f"lib.ledger.checks.{r.check}" if r.check else AGREE if r.same_as else "none" for r in rows.values()],
        index=list(rows),
    )
    verdicts = frame.set_index("id")["verdict"]
    made = []
    for name in sorted(set(used)):
        its = used.index[used == name]
        counts = verdicts.loc[its].value_counts()
        function = (
            None
            if name == "none"
            else agree
            if name == AGREE
            else checks.function(name.removeprefix("lib.ledger.checks."))
        )
        made.append(
            {
                "function": name,
                "file": f"{function.__module__.replace('.', '/')}.py" if function else "",
                "computes": (checks.meaning(function) if function else "a reason stands in place of a check"),
                "rows": len(its),
                **{v: int(counts.get(v, 0)) for v in VERDICTS},
                "ids": "; ".join(its),
            }
        )
    return pd.DataFrame(made)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """How many claims of each chapter have which verdict, of all chapters (``ALL``), of the questions that only we
    ask (``ASKED``), and of the cells in which the appendices list the trials (``CELLS``).
    """
    claims = frame[frame["kind"] == CLAIM]
    parts = {chapter: claims[claims["chapter"] == chapter] for chapter in dict.fromkeys(chapters().values())}
    parts = {chapter: rows for chapter, rows in parts.items() if len(rows)} | {
        ALL: claims,
        ASKED: frame[frame["kind"] == QUESTION],
        CELLS: frame[frame["kind"] == CELL],
    }
    made = [
        {"chapter": name, "rows": len(rows)} | {v: (rows["verdict"] == v).sum() for v in VERDICTS}
        for name, rows in parts.items()
    ]
    return pd.DataFrame(made)


def _joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)


def _find(row: Row, evidence: Evidence) -> Found | Missing | None:
    if not row.check:
        return None
    try:
        return checks.function(row.check)(evidence, row, **row.arguments)
    except Missing as reason:
        return reason
