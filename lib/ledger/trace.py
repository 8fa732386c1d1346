"""From a verdict to the code that computed it, and back."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from lib.errors import ProjectError
from lib.ledger import checks
from lib.ledger.rows import Row, claims
from lib.ledger.verdicts import AGREE, agree
from lib.results import files
from lib.settings.places import PROJECT_ROOT

# Columns of the ledger's table that are text, also where all of a column looks like numbers.
TEXTS = (
    "id",
    "chapter",
    "place",
    "kind",
    "says",
    "printed",
    "unit",
    "computed",
    "against",
    "how",
    "verdict",
    "other_place",
    "because",
)
_NUMBERS = ("precision", "smallest", "largest", "seeds")  # numbers, empty for none
_NAMES = re.compile(r"(?:^|; )(lib\.ledger\.(?:checks\.\w+\.\w+(?=\()|verdicts\.agree(?= with )))")


class TraceError(ProjectError):
    """There is no such row or check, or no ledger."""


def read(path: Path) -> pd.DataFrame:
    """``tables/claims.csv`` of a run as :func:`lib.ledger.verdicts.judge` gave it.

    Raises:
        TraceError: it is not there, or of an earlier version of the project; names the command that makes it.
    """
    name, mend = (
        f"{path.parent.parent.name}/tables/claims.csv",
        "Make it with: python run_all.py params/thesis.yaml --only 10",
    )
    if not path.is_file():
        raise TraceError(f"{name} is missing. {mend}")
    frame = files.read_table(
        path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=dict.fromkeys(_NUMBERS, [""])
    )
    lacking = [column for column in (*TEXTS, *_NUMBERS) if column not in frame]
    if lacking:
        raise TraceError(f"{name} is of an earlier version and lacks {', '.join(lacking)}. {mend}")
    # Committed before the checks moved into lib/ledger.
    return frame.assign(how=frame["how"].str.replace("lib.claims.", "lib.ledger.", regex=False))


def error_rate(root: Path) -> pd.DataFrame | None:
    """How often the rule errs by which trainings judge: of the replay in a run's folder, or in ``replay`` beside it."""
    places = [folder / "tables" / "replay_error_rate.csv" for folder in (root, root.parent / "replay")]
    return next((files.read_table(place) for place in places if place.is_file()), None)


def functions(how: str) -> list[str]:
    """The functions that a row's ``how`` names, such as ``lib.ledger.checks.trials.count``."""
    return list(dict.fromkeys(_NAMES.findall(how)))


def resolve(name: str) -> Callable[..., object]:
    """The function of such a name; of a check ``room.function`` is enough.

    Raises:
        TraceError: there is none.
    """
    if AGREE.endswith(f".{name}") or name == AGREE:
        return agree
    try:
        return checks.function(name.removeprefix("lib.ledger.checks."))
    except KeyError as error:
        near = difflib.get_close_matches(name, _every_check(), n=5, cutoff=0.5)
        words = f" Like it: {', '.join(near)}." if near else ""
        raise TraceError(f"{error.args[0]}.{words} Column how of tables/claims.csv names one for each row") from None


def _every_check() -> list[str]:
    return [*dict.fromkeys(row.check for row in claims().values() if row.check), AGREE.removeprefix("lib.ledger.")]


def file_of(name: str) -> str:
    """The file of a function, from the project's root."""
    return f"{resolve(name).__module__.replace('.', '/')}.py"


def place_of(name: str) -> str:
    """File and line of a function, as editors understand it."""
    function = resolve(name)
    file = Path(inspect.getfile(function)).relative_to(PROJECT_ROOT)
    return f"{file.as_posix()}:{inspect.getsourcelines(function)[1]}"


def row_in_words(rows: Mapping[str, Row], frame: pd.DataFrame, identity: str) -> str:
    """One row: what the thesis says, what was computed, the verdict, and the functions behind it with file and line.

    Raises:
        TraceError: there is no such row; names some that look alike.
    """
    if identity not in rows or identity not in set(frame["id"]):
        near = difflib.get_close_matches(identity, list(rows), n=5, cutoff=0.3)
        raise TraceError(f"the ledger has no row {identity!r}. Rows with a name like it: {', '.join(near) or 'none'}")
    one = frame.loc[frame["id"] == identity].iloc[0]
    spread = (
        f" ({one['smallest']:g} to {one['largest']:g})"
        if pd.notna(one["smallest"]) and one["smallest"] != one["largest"]
        else ""
    )
    if spread and pd.notna(one["seeds"]):
        spread = f"{spread[:-1]}: where 95 % of new trainings would score, from {one['seeds']:.0f} of ours)"
    lines = [
        f"{identity}: {one['says']}",
        f"    printed in {one['place']}: {one['printed']} {one['unit']}".rstrip(),
        f"    computed: {one['computed'] or 'nothing'}{spread}",
        f"    verdict: {one['verdict']}" + (f", by {one['against']}" if one["against"] else ""),
    ]
    lines += [f"    because: {one['because']}"] if one["because"] else []
    lines += [f"    other place: {one['other_place']}"] if one["other_place"] else []
    for name in functions(one["how"]):
        lines.append(
            f"    {'held by' if name == AGREE else 'computed by'}: {name}, {place_of(name)}:"
            f" {checks.meaning(resolve(name))}"
        )
    source = source_of(rows, identity)
    if source not in ("", identity) and not rows[identity].check:
        name = f"lib.ledger.checks.{rows[source].check}"
        lines.append(f"    its value is that of row {source}, computed by: {name}, {place_of(name)}")
    return "\n".join([*lines, f"    how: {one['how']}"] if one["how"] else lines)


def source_of(rows: Mapping[str, Row], identity: str) -> str:
    """The row whose check gives a row its value: itself, or the one that it repeats; empty if there is none."""
    seen: list[str] = []
    while identity not in seen:
        seen.append(identity)
        if rows[identity].check:
            return identity
        if not rows[identity].same_as:
            return ""
        identity = rows[identity].same_as[0]
    return ""


def check_in_words(frame: pd.DataFrame, name: str) -> str:
    """One check: what it computes, where it stands, and every row that rests on it with its verdict."""
    whole = resolve(name)
    full = f"{whole.__module__}.{whole.__name__}"
    its = frame[[full in functions(how) for how in frame["how"]]]
    lines = [f"{full}, {place_of(full)}: {checks.meaning(resolve(full))}"]
    lines += [
        f"    {r.id}: {r.verdict} (printed {r.printed}, computed {r.computed or 'nothing'})" for r in its.itertuples()
    ]
    repeating = [
        i
        for i in frame["id"]
        if i in (rows := claims()) and i not in set(its["id"]) and source_of(rows, i) in set(its["id"])
    ]
    lines += [f"    {i}: repeats one of these" for i in repeating]
    return "\n".join(
        [
            *lines,
            f"{len(its)} row{'s' if len(its) != 1 else ''}"
            + (f", and {len(repeating)} that repeat one" if repeating else ""),
        ]
    )
