"""What the ledger comes to, in sentences made from its verdicts."""

from __future__ import annotations

import pandas as pd

from lib import networks, thesis
from lib.data import SPLITS, windows
from lib.evaluation.prediction import ONE_TRAINING
from lib.ledger import precision
from lib.ledger.checks import trials
from lib.ledger.checks.price_tables import SHORTEST
from lib.ledger.evidence import END, LOOKBACK, PROTOCOL, START
from lib.ledger.rows import CLAIM
from lib.ledger.verdicts import (
    ALL,
    ASKED,
    CANNOT,
    CELLS,
    CLOSE,
    CONTRADICTED,
    NOT,
    OURS,
    REPRODUCED,
    VERDICTS,
    summary,
)
from lib.thesis import records

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
    rows = replays(frame)
    rows = rows[(rows["against"] == OURS) & rows["seeds"].notna()]
    if rows.empty:
        return ""
    outside = int((rows["verdict"] == NOT).sum())
    words = (
        f" Of {len(rows)} printed trials that were trained again, {outside} have an MSE outside the 95 % prediction"
        f" interval of one more training and are called {NOT}"
    )
    one = None if rates is None else rates.set_index("rule").loc[ONE_TRAINING]
    if one is None or not one["cases"]:
        return f"{words}; about {NOMINAL * len(rows):.0f} would be if nothing but the seed differed."
    return (
        f"{words}. The rule rejects {one['rate']:.1%} of our own seeds too ({one['low']:.1%} to {one['high']:.1%}),"
        f" which would be about {one['rate'] * len(rows):.0f} of {len(rows)}. Here {CLOSE} means inside the interval,"
        f" not nearly equal: the median interval reaches a factor of {interval_factor(rows):.1f} to either side of its"
        " middle."
    )


def interval_factor(rows: pd.DataFrame) -> float:
    """How far the median interval of such rows reaches to either side of its middle, as a factor."""
    return float(((rows["largest"] / rows["smallest"]) ** 0.5).median())


def replays(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the printed trials that trainings judge: one each, its MSE."""
    how = frame["how"]
    return frame[
        how.str.startswith("lib.ledger.checks.replays.score_of_trial(") & frame["place"].str.startswith("Appendix")
    ]


def replays_in_words(frame: pd.DataFrame) -> str:
    """What became of the printed trials, network by network: one training gives one verdict."""
    rows = replays(frame)
    words = [f"{len(rows)} printed trials, one verdict each, by the MSE:"]
    for network, its in rows.groupby(rows["how"].str.extract(r"network=([^,)]+)", expand=False), sort=False):
        counts = its["verdict"].value_counts()
        words.append(f"{network}: {', '.join(f'{int(counts[v])} {v}' for v in VERDICTS if v in counts)}.")
    words.append("MAE and R2 of a trial are of the same training, so they are no further verdicts.")
    return "\n".join(words)


def _naive(frame: pd.DataFrame) -> str:
    row = row_of(frame, "8/successful")
    if row["verdict"] == CANNOT:
        return (
            f"Whether the printed forecasts beat 'tomorrow equals today' cannot be computed in this run"
            f" ({row['because']})."
        )
    headline = row_of(frame, "abstract/lstm_r2")["printed"]
    naive = row_of(frame, "8/sol_most_predictable_naive")["computed"]
    below = [row_of(frame, f"Appendix {k}/below_naive")["computed"] for k in (1, 2, 3)]
    each = ", ".join(f"{count} in Appendix {k}" for k, count in enumerate(below, start=1))
    better, bests = row["computed"].split(" of ")
    sizes = records.trials().groupby(["ticker", "network"]).size()
    errors = [f"abstract/lstm_{score}_below_naive" for score in ("mae", "mse")]
    mae, mse = (_than_naive(row_of(frame, identity)) for identity in errors)
    return (
        f"The headline R2 of {headline} is about that of the naive forecast 'tomorrow equals today': {naive} on the"
        f" same {_scored_days()} validation days of SOL-USD. Against the naive one, the headline LSTM's MAE is {mae}"
        f" and its MSE {mse}."
        f" Of all printed trials, {each} have a smaller MSE than the naive forecast. Of the {bests} best trials"
        f" ({len(thesis.APPENDIX)} coins, {len(networks.ARCHITECTURES)} networks), {better} beat it; they were picked"
        f" on these same days, of {sizes.min()} to {sizes.max()} trials each, which favours them."
        + _rows(
            "8/sol_most_predictable_naive",
            *errors,
            *(f"Appendix {k}/below_naive" for k in (1, 2, 3)),
            "8/successful",
        )
    )


def _than_naive(row: pd.Series) -> str:
    """How much a printed error differs from that of the naive forecast."""
    ratio = precision.value(row["printed"]) / precision.value(row["computed"])
    word = "smaller" if ratio < 1 else "larger"
    return f"{abs(ratio - 1):.1%} {word} ({row['printed']} against {row['computed']})"


def _scored_days() -> int:
    """How many validation days the recovered protocol scores: those with a whole window before them."""
    days = windows.split_days(pd.date_range(START, END), tuple(PROTOCOL["split"]))["validation"]
    return len(days) - LOOKBACK


def trials_on_days(frame: pd.DataFrame) -> tuple[int, int]:
    """How many printed trials were scored on the days that row 4.1.2/unseen names, and how many there are."""
    pairs = [row_of(frame, f"Appendix {k}/r2_from_prices")["computed"].split(" of ") for k in (1, 2, 3)]
    total = sum(int(pair[1]) for pair in pairs)
    return total - trials.same_days(thesis.RERUN[0])[1], total


def _days(frame: pd.DataFrame) -> str:
    row = row_of(frame, "4.1.2/unseen")
    if row["verdict"] == CANNOT:
        return f"On which days the printed scores were taken cannot be computed in this run ({row['because']})."
    shares = "/".join(row_of(frame, f"4.1.2/{part}_share")["printed"] for part in SPLITS)
    if row["verdict"] == REPRODUCED:
        return f"The printed scores fit the days that the thesis names ({row['computed']}, split {shares})."
    agreeing = [row_of(frame, f"Appendix {k}/r2_from_prices")["computed"].split(" of ") for k in (1, 2, 3)]
    fits, (on_days, total) = sum(int(pair[0]) for pair in agreeing), trials_on_days(frame)
    ticker, network = thesis.RERUN
    rerun = thesis.printed()["target_variance"]["ada_cnn_rerun"]
    later = "/".join(f"{100 * share:.0f}" for share in rerun["split"])
    none = "" if shares in row["computed"] else f" Its scores fit none of the {shares} parts."
    part, _, split = row["computed"].partition(" of ")
    return (
        f"The thesis describes a {shares} split with unseen test days.{none} {on_days} of {total} trials fit"
        f" the {part} days of {split}, the days whose loss the search minimised. The other {total - on_days} ({ticker},"
        f" {network}) fit those of a {later} split of days until {rerun['end_date']}. In"
        f" {'all' if fits == total else f'{fits} of'} {total}, the printed MSE and R2 imply the variance of exactly"
        f" these closes: MSE / (1 - R2)." + _rows("4.1.2/unseen", *(f"Appendix {k}/r2_from_prices" for k in (1, 2, 3)))
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
    found = [
        f"Of the numbers printed in tables, {', '.join(words)} can be recomputed from the prices."
        if words
        else "Numbers printed in tables cannot be computed in this run."
    ]
    if row_of(frame, "Table 4.2/one_statistic")["verdict"] == NOT:
        found.append(
            f"The thesis prints {row_of(frame, 'Table 4.2/SOL-USD_returns_statistic')['printed']} for the log returns"
            " of all three coins. No window and lag that was tried gives that for all three."
        )
    windowless = frame.loc[frame["id"].str.endswith("_any_window") & (frame["verdict"] == NOT), "id"]
    if len(windowless):
        coins = ", ".join(identity.removeprefix("Table 4.1/").removesuffix("_any_window") for identity in windowless)
        found.append(
            f"No window of at least {SHORTEST} days within the study period has a coin's six statistics of Table 4.1"
            f" ({coins})."
        )
    days, coin = row_of(frame, "Table 4.5/days"), row_of(frame, "Table 4.5/coin")
    if days["verdict"] == NOT:
        only = f"only {coin['computed'].partition(',')[0]} in dollars" if coin["verdict"] == REPRODUCED else "no coin"
        found.append(
            f"Table 4.5 names no coin, days or unit. Its MSE and R2 imply a variance that {only} can have; none of"
            f" {days['computed'].partition(' of ')[2]} periods of ETH-USD that were tried has it."
        )
    count = row_of(frame, "4.3.4/parameter_count")
    if count["verdict"] in (CONTRADICTED, NOT):
        found.append(
            f"The LSTM-CNN is said to have {count['printed']} parameters; the layers of Table 4.4 have"
            f" {float(count['computed']):,.0f} (with the padding of Appendix 6)."
        )
    stated = frame[frame["kind"] == CLAIM]
    total = int((stated["verdict"] == CONTRADICTED).sum())
    return (
        f"{' '.join(found)} In all, {total} of {len(stated)} numbers and statements are contradicted by another place"
        f" of the thesis, by what its author published or by a definition."
        + _rows(
            "of Table 4.1 and Table 4.2",
            "Table 4.2/one_statistic",
            "Table 4.1/SOL-USD_any_window",
            "Table 4.5/days",
            "Table 4.5/coin",
            "4.3.4/parameter_count",
        )
    )


def row_of(frame: pd.DataFrame, identity: str) -> pd.Series:
    return frame.loc[frame["id"] == identity].iloc[0]
