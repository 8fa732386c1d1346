"""What the ledger comes to, in sentences made from its verdicts."""

from __future__ import annotations

import pandas as pd

from lib.claims.verdicts import CANNOT, CONTRADICTED, NOT, OURS, REPRODUCED, VERDICTS


def findings(frame: pd.DataFrame) -> list[str]:
    """The three findings that matter most, each with its numbers from the ledger.

    Args:
        frame: as :func:`lib.claims.verdicts.judge` gives it.
    """
    return [_naive(frame), _days(frame), _tables(frame)]


def in_words(frame: pd.DataFrame) -> str:
    """How many rows have which verdict."""
    counts = frame["verdict"].value_counts()
    told = ", ".join(f"{int(counts.get(v, 0))} {v}" for v in VERDICTS)
    own = int(((frame["verdict"] == REPRODUCED) & (frame["against"] == OURS)).sum())
    return f"{len(frame)} rows: {told}. Of those reproduced, {own} are computed here; the others agree with another place of the thesis."


def replays_in_words(frame: pd.DataFrame) -> str:
    """What became of the 255 printed trials, row by row."""
    rows = frame[frame["how"].str.startswith("lib.claims.checks.replays.score_of_trial")]
    counts = rows["verdict"].value_counts()
    return f"{len(rows)} printed trials: {', '.join(f'{int(counts[v])} {v}' for v in VERDICTS if v in counts)}."


def _naive(frame: pd.DataFrame) -> str:
    row = _row(frame, "8/successful")
    if row["verdict"] == CANNOT:
        return f"Whether the printed forecasts beat 'tomorrow equals today' cannot be computed in this run ({row['because']})."
    below = [_row(frame, f"Appendix {k}/below_naive") for k in (1, 2, 3)]
    headline, naive = _row(frame, "abstract/lstm_r2")["printed"], _row(frame, "8/sol_most_predictable_naive")["computed"]
    each = ", ".join(f"{r['computed']} in Appendix {k}" for k, r in enumerate(below, start=1))
    return (
        f"The headline R2 of {headline} is about that of no model at all: on the same days of SOL-USD"
        f" 'tomorrow equals today' has R2 {naive}."
        f" Of the printed trials {each} have a smaller MSE than that forecast;"
        f" of the best trial of each coin and network, {row['computed']} have."
    )


def _days(frame: pd.DataFrame) -> str:
    row = _row(frame, "4.1.2/unseen")
    if row["verdict"] == CANNOT:
        return f"On which days the printed scores were taken cannot be computed in this run ({row['because']})."
    shares = "/".join(_row(frame, f"4.1.2/{part}_share")["printed"] for part in ("train", "validation", "test"))
    agreeing = [_row(frame, f"Appendix {k}/r2_from_prices")["computed"] for k in (1, 2, 3)]
    if row["verdict"] == REPRODUCED:
        return f"The printed scores fit the days that the thesis names ({row['computed']}, split {shares})."
    return (
        f"The thesis says {shares} and unseen test days, but its scores fit one part only: {row['computed']},"
        " the days that early stopping and the"
        f" search chose by. There R2 follows from MSE and prices in {', '.join(agreeing)} trials of Appendices 1 to 3."
    )


def _tables(frame: pd.DataFrame) -> str:
    told = []
    for place, what in (("Table 4.1", "statistics of prices"), ("Table 4.2", "unit-root tests"), ("Table 4.5", "scores")):
        rows = frame[(frame["place"] == place) & frame["precision"].notna() & (frame["verdict"] != CANNOT)]
        if len(rows):
            told.append(f"{int((rows['verdict'] == REPRODUCED).sum())} of {len(rows)} in {place} ({what})")
    numbers = (
        f"Of the numbers printed in tables, {', '.join(told)} come back."
        if told
        else "Numbers printed in tables cannot be computed in this run."
    )
    further = []
    if _row(frame, "Table 4.2/one_statistic")["verdict"] == NOT:
        further.append("the log returns of three coins share a test statistic that no window tried gives all of them")
    windows = frame[frame["id"].str.endswith("_any_window") & (frame["verdict"] == NOT)]
    if len(windows):
        further.append(f"no window of prices fits the rows of {len(windows)} coins in Table 4.1")
    count = _row(frame, "4.3.4/parameter_count")
    if count["verdict"] == CONTRADICTED:
        further.append(
            f"the {count['printed']} parameters of the LSTM-CNN are {float(count['computed']):,.0f} with the layers of Table 4.4"
        )
    total = int((frame["verdict"] == CONTRADICTED).sum())
    ending = f" {'; '.join(further)[:1].upper()}{'; '.join(further)[1:]}." if further else ""
    return f"{numbers}{ending} In all {total} of {len(frame)} rows are contradicted by another place of the thesis."


def _row(frame: pd.DataFrame, identity: str) -> pd.Series:
    return frame.loc[frame["id"] == identity].iloc[0]
