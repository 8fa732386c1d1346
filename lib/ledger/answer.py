"""The answer of a run in three sentences and six rows: what every page begins with. Nothing in it is typed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib import tables
from lib.evaluation.prediction import ONE_TRAINING
from lib.ledger.findings import interval_factor, replays, row_of, trials_on_days
from lib.ledger.trace import error_rate, read
from lib.ledger.verdicts import ALL, CANNOT, CLOSE, NOT, REPRODUCED, VERDICTS, summary
from lib.results import files

LATER = "holdout"  # the part of the days after the thesis
ASKED_FIRST = "as evaluated"  # the reading of "trained" that the first screen shows
FIRST_ROWS = "ledger.md#rows-of-the-first-page"
MOST_WORDS = 25  # of a sentence on the first screen


@dataclass(frozen=True)
class AnswerRow:
    """A claim of the first screen.

    Attributes:
        claim: what the thesis says, in a few words.
        printed, ours, naive: values as text; empty where there is none.
        verdict: one or two words.
        page: which page of the run says more, with the place in it.
        ids: rows of the ledger that it rests on, which that page shows first.
    """

    claim: str
    printed: str
    ours: str
    naive: str
    verdict: str
    page: str
    ids: tuple[str, ...] = ()


def networks(root: Path) -> pd.DataFrame | None:
    """Every network against no model, as ``tables.answers`` gives it; None if notebook 09f did not run."""
    answer = root / "tables" / "answer.csv"
    return files.read_table(answer) if answer.is_file() else None


def first(found: pd.DataFrame, part: str = "test") -> pd.DataFrame:
    """The rows of one kind of days that the first screen shows."""
    return found[(found["part"] == part) & (found["reading"] == ASKED_FIRST)]


def ledger_of(root: Path) -> pd.DataFrame | None:
    """The ledger of a run, or None if it has none."""
    place = root / "tables" / "claims.csv"
    return read(place) if place.is_file() else None


def sentences(root: Path) -> list[str]:
    """Whether scores hold, what R2 says, and whether networks predict with success; as far as the run knows."""
    frame, found = ledger_of(root), networks(root)
    said = []
    judged = None if frame is None else _computed_replays(frame)
    if judged is not None and judged.empty and len(replays(frame)):
        said.append("This run says nothing of the printed scores: it could compute none of them.")
    elif judged is not None and len(judged):
        inside, reach = int((judged["verdict"] == CLOSE).sum()), interval_factor(judged)
        wide = "" if math.isnan(reach) else f", typically a factor of {reach:.1f} either way"
        lie = f"{inside} of {len(judged)} MSE lie inside the 95 % intervals of our trainings{wide}."
        said.append(f"{_scores_in_words(len(judged) - inside, len(judged), error_rate(root))}{lie}")
    if frame is not None and _computed(frame, "8/sol_most_predictable_naive"):
        said.append(
            f"The best printed R2, {row_of(frame, 'abstract/lstm_r2')['printed']} (LSTM, SOL-USD, validation days),"
            f' says little: "tomorrow equals today" has {_computed(frame, "8/sol_most_predictable_naive")} on the same'
            " days."
        )
    if found is not None and len(shown := first(found)):
        said.append(f"{_success_in_words(frame)} {_networks_in_words(shown)} on test days.")
    return said


def _computed_replays(frame: pd.DataFrame) -> pd.DataFrame:
    """Printed trials that have been trained again and so lie inside or outside an interval."""
    rows = replays(frame)
    return rows[rows["verdict"].isin([CLOSE, NOT])]


def _scores_in_words(outside: int, count: int, rates: pd.DataFrame | None) -> str:
    """How the first sentence begins: whether more trials are outside than the rule leaves out of our own trainings."""
    if rates is None or not (most := rates.set_index("rule")["high"].get(ONE_TRAINING, math.nan) * count) >= 0:
        return "Of printed trials "
    repeated = "can" if outside <= most else "can in part" if outside < count / 2 else "cannot"
    return f"Printed scores {repeated} be repeated: "


def _success_in_words(frame: pd.DataFrame | None) -> str:
    """How the last sentence begins: with the verdict on the claim that it answers and its reason, if there is one."""
    row = None if frame is None else row_of(frame, "8/successful")
    if row is None or row["verdict"] == CANNOT:
        return "Against no model,"
    shown = "shown" if row["verdict"] == REPRODUCED else "not shown"
    return f"Success is {shown}: {row['computed']} best printed trials beat no model;"


def _networks_in_words(shown: pd.DataFrame) -> str:
    """How many networks have which verdict, such as ``our 12 networks that forecast closes are all worse``."""
    verdicts = shown["verdict"].unique()
    if len(shown) == 1:
        return f"our one network that forecasts closes is {verdicts[0]}"
    if len(verdicts) == 1:
        return f"our {len(shown)} networks that forecast closes are all {verdicts[0]}"
    return f"of our {len(shown)} networks that forecast closes {_counts(shown)}"


def _counts(shown: pd.DataFrame) -> str:
    """How many networks have which verdict, such as ``9 worse, 3 indistinguishable``."""
    counts = shown["verdict"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in (tables.WORSE, tables.SAME, tables.BETTER) if name in counts)


def _computed(frame: pd.DataFrame, identity: str) -> str:
    """What was computed for a row; empty if it could not be."""
    value = row_of(frame, identity)["computed"]
    return "" if pd.isna(value) else str(value)


def rows(root: Path) -> list[AnswerRow]:
    """The six claims of the first screen, those of them that the run can say something of."""
    frame, found = ledger_of(root), networks(root)
    shown = [] if frame is None else [_headline(frame), *_trials(frame, error_rate(root)), _success(frame)]
    if found is not None and len(first(found)):
        shown.append(_unseen(found))
    return shown if frame is None else [*shown, _days(frame), _all(frame)]


def _headline(frame: pd.DataFrame) -> AnswerRow:
    row, naive = row_of(frame, "abstract/lstm_mse"), _computed(frame, "abstract/lstm_mse_below_naive")
    ours = _number(row["computed"])
    ids = ("abstract/lstm_mse", "abstract/lstm_mse_below_naive", "abstract/lstm_r2", "8/sol_most_predictable_naive")
    trials = int(replays(frame)["how"].str.contains("(ticker=SOL-USD, network=LSTM,", regex=False).sum())
    best = f"; {'both ' if ours else ''}best of {trials} trials" if trials else ""
    return AnswerRow(f"{row['says']} (scaled{best})", row["printed"], ours, naive, row["verdict"], FIRST_ROWS, ids)


def _trials(frame: pd.DataFrame, rates: pd.DataFrame | None) -> list[AnswerRow]:
    judged = replays(frame)
    if judged.empty:
        return []
    counts = judged["verdict"].value_counts()
    inside = f"{counts.get(CLOSE, 0)} inside the 95 % interval" if counts.get(NOT, 0) + counts.get(CLOSE, 0) else ""
    ids = tuple(f"Appendix {k}/below_naive" for k in (1, 2, 3))
    below = [_computed(frame, identity).partition(" of ")[0] for identity in ids]
    naive = f"beaten by {sum(map(int, below))} printed trials" if all(below) else ""
    verdict = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if v in counts)
    if rates is not None and ONE_TRAINING in set(rates["rule"]):
        low, high = rates.set_index("rule").loc[ONE_TRAINING, ["low", "high"]] * len(judged)
        if low <= high and inside:
            verdict += f" (the rule rejects {low:.0f} to {high:.0f} of as many of our own)"
    return [AnswerRow("MSE of every printed trial", f"{len(judged)} trials", inside, naive, verdict, "replay.md", ids)]


def _success(frame: pd.DataFrame) -> AnswerRow:
    row = row_of(frame, "8/successful")
    count = _number(row["computed"])
    naive = f"beaten by {count} best printed trials, on the days that picked them" if count else ""
    claim, ids = "networks predict with success", ("8/successful",)
    return AnswerRow(claim, row["printed"], "", naive, row["verdict"], FIRST_ROWS, ids)


def _unseen(found: pd.DataFrame) -> AnswerRow:
    """Not a claim of the thesis, which has no baseline: the question that its claims leave open."""
    shown, later = first(found), found[found["part"] == LATER]
    low, high = shown["skill"].min(), shown["skill"].max()
    kinds, coins = (
        f"{n} {name}{'s' if n > 1 else ''}"
        for n, name in ((shown["model"].nunique(), "network"), (shown["ticker"].nunique(), "coin"))
    )
    claim = f"our {kinds} on {coins} better than no model"
    verdict = _counts(shown)
    if len(later):
        verdict += f"; on {later['days'].max()} later days {_by_reading(later)}"
    return AnswerRow(claim, "not asked", f"skill {low:.2g} to {high:.2g}, test days", "0", verdict, "evaluation.md")


def _by_reading(later: pd.DataFrame) -> str:
    """How many networks are worse and better on later days: from the smallest to the largest number of all readings."""
    counts = tables.counted(later)
    if not counts[[tables.WORSE, tables.BETTER]].any(axis=None):
        return f"all {tables.SAME}"
    words = {
        name: f"{n.min()} to {n.max()}" if n.min() < n.max() else f"{n.max() or 'none'}"
        for name, n in ((name, counts[name]) for name in (tables.WORSE, tables.BETTER))
    }
    differ = any(counts[name].nunique() > 1 for name in words)
    trained = ", depending on training," if differ else ","
    others = ", the others indistinguishable" if counts[tables.SAME].any() else ""
    return f"{words[tables.WORSE]} {tables.WORSE}{trained} {words[tables.BETTER]} {tables.BETTER}{others}"


def _days(frame: pd.DataFrame) -> AnswerRow:
    row = row_of(frame, "4.1.2/unseen")
    shares = "/".join(row_of(frame, f"4.1.2/{part}_share")["printed"] for part in ("train", "validation", "test"))
    claim, ids = "scores are of unseen test days", ("4.1.2/unseen",)
    found = _number(row["computed"])
    ours = f"{'yes' if row['verdict'] == REPRODUCED else 'no'}: {found}" if found else ""
    if found and row["verdict"] == NOT:
        ours += " ({} of {} trials)".format(*trials_on_days(frame))
    return AnswerRow(claim, f"yes: test of {shares}", ours, "", row["verdict"], FIRST_ROWS, ids)


def _all(frame: pd.DataFrame) -> AnswerRow:
    counts = summary(frame).set_index("chapter").loc[ALL]
    verdict = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    return AnswerRow("all numbers and statements", f"{counts['rows']}", "", "", verdict, "ledger.md")


def _number(value: object) -> str:
    """Three significant digits of a number, any other text as it is."""
    try:
        return f"{float(str(value)):.3g}"
    except ValueError:
        return "" if pd.isna(value) else str(value)
