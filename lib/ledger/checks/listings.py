"""Checks of Listing 4: its example of a forecast against prices, where a run has those of its ticker."""

from __future__ import annotations

import pandas as pd

from lib.ledger.evidence import Evidence, Missing
from lib.ledger.found import Found
from lib.ledger.rows import Row


def close_between(evidence: Evidence, row: Row, ticker: str, day: str, lower: str, upper: str) -> Found:
    """Whether a day's close, in US dollars, lies between two printed bounds.

    Args:
        day, lower, upper: ids of the rows that print them.
    """
    when = evidence.rows[day].printed.partition("T")[0]
    close = _close(evidence, ticker)
    if when not in close.index:
        raise Missing(f"this run's prices of {ticker} lack {when}")
    found = float(close.loc[when])
    low, high = evidence.number(lower), evidence.number(upper)
    return Found(low <= found <= high, because=f"{ticker} closed at {found:,.2f} on {when}", shown=f"{found:,.2f}")


def share_within(evidence: Evidence, row: Row, ticker: str, middle: str, lower: str, upper: str) -> Found:
    """On which share of days the close is as near to the one of the day before as printed bounds are to their middle.

    Args:
        middle, lower, upper: ids of the rows that print them.
    """
    half_width = (evidence.number(upper) - evidence.number(lower)) / 2 / evidence.number(middle)
    change = _close(evidence, ticker).pct_change().dropna().abs()
    return Found(
        float((change <= half_width).mean()),
        because=f"the bounds are {half_width:.2%} away; half of {len(change)} days moved by {change.median():.2%}",
    )


def _close(evidence: Evidence, ticker: str) -> pd.Series:
    if ticker not in evidence.prices:
        raise Missing(
            f"this run has no prices of {ticker}. Name it in tickers of the run's parameter file, beside the others"
        )
    return evidence.prices[ticker]["Close"].dropna()
