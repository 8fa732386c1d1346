"""What the ledger comes to, in sentences made from its verdicts."""

from __future__ import annotations

import pandas as pd

from lib.data import SPLITS
from lib.ledger.checks import trials
from lib.ledger.rows import CLAIM
from lib.ledger.verdicts import (
    ALL,
    ASKED,
    CANNOT,
    CELLS,
    CONTRADICTED,
    NOT,
    OURS,
    REPRODUCED,
    VERDICTS,
    summary,
)

NOMINAL = 0.05  # share of new trainings that a 95 % prediction interval leaves out


def findings(frame: pd.DataFrame) -> list[str]:
    """The three findings that matter most, each with its numbers from the ledger.

    Args:
        frame: as :func:`lib.ledger.verdicts.judge` gives it.
    """
    return [_naive(frame), _days(frame), _tables(frame)]


def in_words(frame: pd.DataFrame, rates: pd.DataFrame | None = None) -> str:
    """How many rows have which verdict.

    Args:
        frame: as :func:`lib.ledger.verdicts.judge` gives it.
        rates: see :func:`by_chance`.
    """
    counts = summary(frame).set_index("chapter")
    words, asked, cells = (
        ", ".join(f"{counts.loc[name, v]} {v}" for v in VERDICTS if counts.loc[name, v]) for name in (ALL, ASKED, CELLS)
    )
    listed = f" Of {counts.loc[CELLS, 'rows']} further cells of its lists of trials: {cells}." if cells else ""
    return (
        f"{counts.loc[ALL, 'rows']} numbers and statements of the thesis: {words}. Of {counts.loc[ASKED, 'rows']}"
        f" questions that only we ask of its numbers: {asked}.{listed}{by_chance(frame, rates)}"
    )


def by_chance(frame: pd.DataFrame, rates: pd.DataFrame | None = None) -> str:
    """How many printed trials lie outside the interval of one more training of ours, beside how many would if nothing
    but the seed differed; empty if none was trained.

    Args:
        frame: as :func:`lib.ledger.verdicts.judge` gives it.
        rates: ``replay_error_rate.csv``: how often the rule rejects one of our own seeds; default the nominal rate.
    """
    rows = _of_trials(frame)
    rows = rows[(rows["against"] == OURS) & rows["seeds"].notna()]
    if rows.empty:
        return ""
    outside = int((rows["verdict"] == NOT).sum())
    words = (
        f" Of {len(rows)} printed trials that were trained again, {outside} have an MSE outside the 95 % prediction"
        f" interval of one more training and are called {NOT}"
    )
    one = None if rates is None else rates.set_index("rule").loc["one training"]
    if one is None or not one["cases"]:
        return f"{words}; about {NOMINAL * len(rows):.0f} would be if nothing but the seed differed."
    return (
        f"{words}; about {one['rate'] * len(rows):.0f} would be if nothing but the seed differed, as the rule rejects"
        f" {one['rate']:.1%} of our own seeds when each is left out ({one['low']:.1%} to {one['high']:.1%})."
    )


def _of_trials(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the printed trials that trainings judge: one each, its MSE."""
    how = frame["how"]
    return frame[
        how.str.startswith("lib.ledger.checks.replays.score_of_trial(")
        & ~how.str.contains("score=(?:mae|r2)")
        & frame["place"].str.startswith("Appendix")
    ]


def replays_in_words(frame: pd.DataFrame) -> str:
    """What became of the printed trials, network by network: one training gives one verdict."""
    rows = _of_trials(frame)
    words = [f"{len(rows)} printed trials, one verdict each, by the MSE:"]
    for network, its in rows.groupby(rows["how"].str.extract(r"network=([^,)]+)", expand=False), sort=False):
        counts = its["verdict"].value_counts()
        words.append(f"{network}: {', '.join(f'{int(counts[v])} {v}' for v in VERDICTS if v in counts)}.")
    words.append("MAE and R2 of a trial are of the same training, so they are no further verdicts.")
    return "\n".join(words)


def _naive(frame: pd.DataFrame) -> str:
    row = _row(frame, "8/successful")
    if row["verdict"] == CANNOT:
        return (
            f"Whether the printed forecasts beat 'tomorrow equals today' cannot be computed in this run"
            f" ({row['because']})."
        )
    below = [_row(frame, f"Appendix {k}/below_naive") for k in (1, 2, 3)]
    headline, naive = (
        _row(frame, "abstract/lstm_r2")["printed"],
        _row(frame, "8/sol_most_predictable_naive")["computed"],
    )
    each = ", ".join(f"{r['computed']} in Appendix {k}" for k, r in enumerate(below, start=1))
    return (
        f"The headline R2 of {headline} is about that of no model at all: on the same days of SOL-USD"
        f" 'tomorrow equals today' has R2 {naive}."
        f" Of the printed trials {each} have a smaller MSE than that forecast;"
        f" of the best trial of each coin and network, {row['computed']} have."
        + _rows("8/sol_most_predictable_naive", *(f"Appendix {k}/below_naive" for k in (1, 2, 3)), "8/successful")
    )


def _days(frame: pd.DataFrame) -> str:
    row = _row(frame, "4.1.2/unseen")
    if row["verdict"] == CANNOT:
        return f"On which days the printed scores were taken cannot be computed in this run ({row['because']})."
    shares = "/".join(_row(frame, f"4.1.2/{part}_share")["printed"] for part in SPLITS)
    agreeing = [_row(frame, f"Appendix {k}/r2_from_prices")["computed"] for k in (1, 2, 3)]
    if row["verdict"] == REPRODUCED:
        return f"The printed scores fit the days that the thesis names ({row['computed']}, split {shares})."
    (ticker, network), left_out = trials.OTHER_DAYS, trials.same_days(trials.OTHER_DAYS[0])[1]
    return (
        f"The thesis says {shares} and unseen test days, but its scores fit one part only: {row['computed']},"
        " the days by which the search chose its best trials."
        f" There R2 follows from MSE and prices in {', '.join(agreeing)} trials of Appendices 1 to 3"
        f" ({left_out} of {ticker}'s {network} on the days of a later run)."
        + _rows("4.1.2/unseen", *(f"Appendix {k}/r2_from_prices" for k in (1, 2, 3)))
    )


def _rows(*identities: str) -> str:
    """The rows behind a finding, by which a reader gets to the code."""
    return f" [Rows {'; '.join(identities)}.]"


def _tables(frame: pd.DataFrame) -> str:
    words = []
    for place, what in (("Table 4.1", "statistics of prices"), ("Table 4.2", "unit-root tests")):
        rows = frame[(frame["place"] == place) & frame["precision"].notna() & (frame["verdict"] != CANNOT)]
        if len(rows):
            words.append(f"{int((rows['verdict'] == REPRODUCED).sum())} of {len(rows)} in {place} ({what})")
    numbers = (
        f"Of the numbers printed in tables, {', '.join(words)} come back from the prices."
        if words
        else "Numbers printed in tables cannot be computed in this run."
    )
    further = []
    if _row(frame, "Table 4.2/one_statistic")["verdict"] == NOT:
        further.append("the log returns of three coins share a test statistic that no window tried gives all of them")
    windows = frame[frame["id"].str.endswith("_any_window") & (frame["verdict"] == NOT)]
    if len(windows):
        further.append(f"no window of prices fits the rows of {len(windows)} coins in Table 4.1")
    days = _row(frame, "Table 4.5/days")
    if days["verdict"] == NOT:
        further.append(
            f"Table 4.5 names neither coin nor days nor unit, and {days['computed']} sets of days that were tried can"
            f" have its MSE and R2"
        )
    count = _row(frame, "4.3.4/parameter_count")
    if count["verdict"] in (CONTRADICTED, NOT):
        further.append(
            f"the {count['printed']} parameters of the LSTM-CNN are {float(count['computed']):,.0f} with the layers"
            f" of Table 4.4"
        )
    stated = frame[frame["kind"] == CLAIM]
    total = int((stated["verdict"] == CONTRADICTED).sum())
    ending = f" {'; '.join(further)[:1].upper()}{'; '.join(further)[1:]}." if further else ""
    return (
        f"{numbers}{ending} In all {total} of {len(stated)} numbers and statements are contradicted by another place"
        f" of the thesis or by what its author published."
        + _rows(
            "of Table 4.1 and Table 4.2",
            "Table 4.2/one_statistic",
            "Table 4.1/SOL-USD_any_window",
            "Table 4.5/days",
            "4.3.4/parameter_count",
        )
    )


def _row(frame: pd.DataFrame, identity: str) -> pd.Series:
    return frame.loc[frame["id"] == identity].iloc[0]
