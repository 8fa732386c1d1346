"""A committed table beside one that was computed now, on any processor.

Processors sum and multiply in different orders, and an optimiser that starts one digit away stops one
digit away. So numbers are compared within a tolerance, and a number that is a difference of two nearly
equal ones is turned into what it is made of before it is compared. :data:`RULES` says how, by column.

Measured on the thesis's prices with numpy's kernels of five kinds of processors (OpenBLAS for Nehalem,
Sandy Bridge, Haswell, Zen and Skylake-X, with and without AVX-512 and AVX2): only AR-GARCH moves by more than rounding,
its forecasts by up to 5e-8 of the price. That moved MSE by 5e-8, the Diebold-Mariano statistic by 2e-5, and
skills near zero by 6e-5 of themselves. Everything else moved by less than 1e-9. No forecast lies so near to the last
close that its direction could change (the nearest of AR-GARCH is 5e-7 away), so days that are counted are equal.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

Numbers = np.ndarray


def itself(values: Numbers) -> Numbers:
    """The number as it is."""
    return values


def one_minus(values: Numbers) -> Numbers:
    """A skill's or an R2's ratio of squared errors."""
    return 1 - values


def quantile(values: Numbers) -> Numbers:
    """A p-value's quantile of the normal distribution: the distance in standard errors that it stands for."""
    return stats.norm.ppf(values)


@dataclass(frozen=True)
class Rule:
    """How the numbers of some columns are compared.

    Attributes:
        columns: regular expression of the whole name.
        made_of: what is compared in place of the number.
        relative: tolerance as a share of the larger of the two.
        absolute: tolerance in the unit of what is compared.
        reason: why so much, for people.
    """

    columns: str
    made_of: Callable[[Numbers], Numbers]
    relative: float
    absolute: float
    reason: str


OPTIMISER = "AR-GARCH's optimiser stops within its tolerance"
# The first that fits a column counts. Tolerances are ten times what was measured, or more.
RULES = (
    Rule(r"(adf|kpss)_p_value", itself, 1e-9, 0, "of prices alone: sums in another order"),
    Rule(r"skill(_\w+)?|(\w+_)?R2(_\w+)?|r2|block \d+", one_minus, 1e-6, 0, f"1 - MSE ratio; {OPTIMISER}"),
    Rule(r"added by .*|skill, .*|\w+_gain", itself, 0, 1e-6, "differences of skills, each at 1e-6"),
    Rule(r"(MSE|MAE|RMSE|MAPE|MASE)(_\w+)?|mse|mae", itself, 1e-6, 0, OPTIMISER),
    Rule(r"statistic", itself, 0, 2e-4, f"mean over standard error of small differences of losses; {OPTIMISER}"),
    Rule(r"p_\w+|diebold_mariano|pesaran_timmermann", quantile, 0, 2e-4, "follows from the statistic"),
    Rule(r".*", itself, 1e-9, 0, "sums in another order"),
)


def rule_of(column: str) -> Rule:
    """The rule for a column."""
    return next(rule for rule in RULES if re.fullmatch(rule.columns, column))


def difference(theirs: pd.DataFrame, ours: pd.DataFrame) -> str:
    """The first place where a committed table differs from one that was computed now; empty if there is none.

    Args:
        theirs: as read from its CSV file.
        ours: as computed; its columns may come in another order. Text, whole numbers and gaps have to be equal.
    """
    mine = pd.read_csv(io.StringIO(ours.to_csv(index=False)))
    if set(theirs.columns) != set(mine.columns):
        return f"columns differ: {', '.join(sorted(set(theirs.columns) ^ set(mine.columns)))}"
    if len(theirs) != len(mine):
        return f"{len(theirs)} rows committed, {len(mine)} computed"
    for name in theirs.columns:
        wrong = ~_equal(theirs[name], mine[name])
        if wrong.any():
            row = int(np.argmax(wrong))
            there, here = (frame[name].tolist()[row] for frame in (theirs, mine))
            return f"row {row + 1}, column {name}: {there!r} committed, {here!r} computed"
    return ""


def _equal(there: pd.Series, here: pd.Series) -> Numbers:
    """Whether each cell of a column is equal by its rule."""
    same = ((there == here) | (there.isna() & here.isna())).to_numpy(dtype=bool)
    if not all(pd.api.types.is_float_dtype(column) for column in (there, here)):
        return same
    rule = rule_of(str(there.name))
    with np.errstate(invalid="ignore"):
        a, b = (rule.made_of(column.to_numpy(dtype="float64")) for column in (there, here))
        near = np.abs(a - b) <= np.maximum(rule.absolute, rule.relative * np.maximum(np.abs(a), np.abs(b)))
    return same | near
