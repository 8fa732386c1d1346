"""The answer of a run in three sentences and six rows: what every page begins with. Nothing in it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib import tables
from lib.ledger.findings import replays, row_of
from lib.ledger.trace import read
from lib.ledger.verdicts import ALL, CANNOT, CLOSE, CONSISTENT, CONTRADICTED, NOT, REPRODUCED, VERDICTS, summary
from lib.results import files
from lib.settings.networks import NETWORKS

LATER = "holdout"  # the part of the days after the thesis
ASKED_FIRST = "as evaluated"  # the reading of "trained" that the first screen shows
_FOR, _AGAINST = (REPRODUCED, CLOSE, CONSISTENT), (NOT, CONTRADICTED, CANNOT)
MOST_WORDS = 25  # of a sentence on the first screen


@dataclass(frozen=True)
class AnswerRow:
    """A claim of the first screen.

    Attributes:
        claim: what the thesis says, in a few words.
        printed, ours, naive: values as text; empty where there is none.
        verdict: one or two words.
        page: which page of the run says more, with the place in it.
    """

    claim: str
    printed: str
    ours: str
    naive: str
    verdict: str
    page: str


def networks(root: Path) -> pd.DataFrame | None:
    """Every network against no model, as ``tables.answers`` gives it; None if the run did not evaluate any."""
    answer = root / "tables" / "answer.csv"
    return files.read_table(answer) if answer.is_file() else _of_an_earlier_run(root)


def _of_an_earlier_run(root: Path) -> pd.DataFrame | None:
    """The same from the tables of notebook 09a, for a run from before notebook 09f; its tests are of mean forecasts."""
    places = [root / "tables" / f"{name}.csv" for name in ("skill", "significance")]
    if not all(place.is_file() for place in places):
        return None
    scores, tests = map(files.read_table, places)
    key = ["ticker", "reading", "part", "model"]
    if not {"p_two_sided", *key} <= set(tests) or "skill_lower" not in scores:
        return None
    found = scores.merge(tests[[*key, "p_two_sided"]], on=key).rename(columns={"p_two_sided": "p_value"})
    found = found[found["model"].isin(NETWORKS) & (found["reading"] == "close") & (found["part"] == "test")]
    return tables.with_verdicts(found.assign(reading=ASKED_FIRST)) if len(found) else None


def first(found: pd.DataFrame, part: str = "test") -> pd.DataFrame:
    """The rows of one kind of days that the first screen shows."""
    return found[(found["part"] == part) & (found["reading"] == ASKED_FIRST)]


def ledger_of(root: Path) -> pd.DataFrame | None:
    """The ledger of a run, or None if it has none."""
    place = root / "tables" / "claims.csv"
    return read(place) if place.is_file() else None


def sentences(root: Path) -> list[str]:
    """What came back, what its R2 says, and whether any network is better than no model; as far as the run knows."""
    frame, found = ledger_of(root), networks(root)
    said = []
    if frame is not None and len(judged := replays(frame)):
        inside = int((judged["verdict"] == CLOSE).sum())
        said.append(
            f"{inside} of {len(judged)} printed trials come back: their scores lie inside the 95 % interval of our own"
            " trainings."
        )
    if frame is not None and _computed(frame, "8/sol_most_predictable_naive"):
        said.append(
            f'The best R2, {row_of(frame, "abstract/lstm_r2")["printed"]}, says little: "tomorrow equals today", with'
            f" no model, has {_computed(frame, '8/sol_most_predictable_naive')} on the same days."
        )
    if found is not None and len(shown := first(found)):
        later = first(found, LATER)
        after = f", on {later['days'].max()} later days {_verdicts(later)}" if len(later) else ""
        said.append(f"{_success_in_words(frame)}, {_counted(shown)} on test days{after}.")
    return said


def _success_in_words(frame: pd.DataFrame | None) -> str:
    """How the last sentence begins: with the verdict on the claim that it answers, if there is one."""
    verdict = CANNOT if frame is None else row_of(frame, "8/successful")["verdict"]
    return "Against no model" if verdict == CANNOT else f"The claimed success is {verdict}: against no model"


def _counted(shown: pd.DataFrame) -> str:
    """The same with their number, such as ``all 12 networks are worse``."""
    verdicts = _verdicts(shown)
    if len(shown) == 1:
        return f"the one network is {verdicts.partition(' ')[2]}"
    if verdicts.startswith("all "):
        return f"all {len(shown)} networks are {verdicts.partition(' ')[2]}"
    return f"of {len(shown)} networks {verdicts}"


def _verdicts(shown: pd.DataFrame) -> str:
    """How many networks have which verdict, such as ``all worse`` or ``9 worse, 3 indistinguishable``."""
    counts = shown["verdict"].value_counts()
    if counts.iloc[0] == len(shown) > 1:
        return f"all {counts.index[0]}"
    return ", ".join(f"{counts[name]} {name}" for name in (tables.WORSE, tables.SAME, tables.BETTER) if name in counts)


def _computed(frame: pd.DataFrame, identity: str) -> str:
    """What was computed for a row; empty if it could not be."""
    value = row_of(frame, identity)["computed"]
    return "" if pd.isna(value) else str(value)


def rows(root: Path) -> list[AnswerRow]:
    """The six claims of the first screen, those of them that the run can say something of."""
    frame, found = ledger_of(root), networks(root)
    shown = [] if frame is None else [_headline(frame), *_trials(frame), _success(frame)]
    if found is not None and len(first(found)):
        shown.append(_unseen(first(found)))
    return shown if frame is None else [*shown, _days(frame), _all(frame)]


def _headline(frame: pd.DataFrame) -> AnswerRow:
    row, naive = row_of(frame, "abstract/lstm_mse"), _computed(frame, "abstract/lstm_mse_below_naive")
    ours = _number(row["computed"])
    return AnswerRow(row["says"], row["printed"], ours, naive, row["verdict"], "ledger.md#abstract")


def _trials(frame: pd.DataFrame) -> list[AnswerRow]:
    judged = replays(frame)
    if judged.empty:
        return []
    counts = judged["verdict"].value_counts()
    inside = f"{counts.get(CLOSE, 0)} inside the 95 % interval"
    below = [_computed(frame, f"Appendix {k}/below_naive").partition(" of ")[0] for k in (1, 2, 3)]
    naive = f"beaten by {sum(map(int, below))}" if all(below) else ""
    verdict = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if v in counts)
    page = "ledger.md#appendices-1-to-3"
    return [AnswerRow("MSE of every printed trial", f"{len(judged)} trials", inside, naive, verdict, page)]


def _success(frame: pd.DataFrame) -> AnswerRow:
    row = row_of(frame, "8/successful")
    ours = f"{_number(row['computed'])} best trials beat naive" if pd.notna(row["computed"]) else ""
    return AnswerRow("networks predict with success", row["printed"], ours, "", row["verdict"], "ledger.md#chapter-8")


def _unseen(found: pd.DataFrame) -> AnswerRow:
    """Not a claim of the thesis, which has no baseline: the question that its claims leave open."""
    low, high = found["skill"].min(), found["skill"].max()
    verdict = ", ".join(f"{n} {name}" for name, n in found["verdict"].value_counts().items())
    ours = f"skill {low:.2g} to {high:.2g}"
    return AnswerRow("better than no model on test days", "not asked", ours, "0", verdict, "evaluation.md")


def _days(frame: pd.DataFrame) -> AnswerRow:
    row = row_of(frame, "4.1.2/unseen")
    shares = "/".join(row_of(frame, f"4.1.2/{part}_share")["printed"] for part in ("train", "validation", "test"))
    claim = "scores are of unseen test days"
    return AnswerRow(claim, f"test of {shares}", _number(row["computed"]), "", row["verdict"], "ledger.md#chapter-4")


def _all(frame: pd.DataFrame) -> AnswerRow:
    counts = summary(frame).set_index("chapter").loc[ALL]
    ours, verdict = (", ".join(f"{counts[v]} {v}" for v in of if counts[v]) for of in (_FOR, _AGAINST))
    return AnswerRow("all numbers and statements", f"{counts['rows']}", ours, "", verdict, "ledger.md")


def _number(value: object) -> str:
    """Three significant digits of a number, any other text as it is."""
    try:
        return f"{float(str(value)):.3g}"
    except ValueError:
        return "" if pd.isna(value) else str(value)
