"""What each leak of later days into the training adds to the skill."""

from __future__ import annotations

import pandas as pd

from lib.results.origin import signed
from lib.tables.skill import differences


@signed
def leak_steps(scores: pd.DataFrame) -> pd.DataFrame:
    """What each leak adds to the skill: scaling over everything, stopping on the scored days on top of it, and both.

    Args:
        scores: of the readings of ``experiments.LEAKS``, as :func:`lib.tables.skill.mean_scores` gives them.
    """
    found = differences(scores, "nothing")
    both, scaling = found["added by both"], found["added by scaling over everything"]
    found.insert(found.columns.get_loc("added by both"), "added by stopping on the scored days", both - scaling)
    return found


def leaks_in_words(added: pd.DataFrame) -> str:
    """What each leak adds to the skill on test days, over all pairs of network and ticker."""
    lines = []
    for column in (c for c in added if c.startswith("added by ")):
        values = added[column].dropna()
        lines.append(
            f"{column.removeprefix('added by ')}: adds {values.median():+.3f} to the skill in the median"
            f" ({values.min():+.3f} to {values.max():+.3f}), above 0 in {(values > 0).sum()} of {len(values)}"
            f" pairs of network and ticker{_unchanged(column, values)}."
        )
    return "\n".join(lines)


# Why a leak can leave every bit of the forecasts as it was: inputs are the same, or other days chose the same weights.
_SAME = {
    "added by scaling over everything": "training days hold the lowest and the highest price, so inputs are the same",
    "added by stopping on the scored days": "other days stopped the training, and chose the weights of the same epoch",
    "added by both": "inputs are the same, and other days chose the weights of the same epoch",
}


def _unchanged(column: str, added: pd.Series) -> str:
    zeros = int((added == 0).sum())
    return f", exactly 0 in {zeros}: {_SAME[column]}" if zeros else ""


def leak_check_in_words(caught: pd.DataFrame) -> str:
    """Whether the check passed the honest pipeline and caught the leaky one."""
    return "\n".join(
        f"{row.ticker}, scaling {row.scaling}, gaps filled {row.gap_fill}: {row.changed} of {row.forecasts} forecasts"
        f" until {row.day} change if later prices are changed on purpose:"
        f" {'it looks ahead' if row.looked_ahead else 'nothing looks ahead'}."
        for row in caught.itertuples()
    )
