"""Checks on the 255 trials as a body, printed or recorded: their arithmetic, ranges, counts and ranks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from lib import networks, thesis
from lib.data import windows
from lib.evaluation import significance
from lib.experiments import search
from lib.ledger import precision
from lib.ledger.checks.records import FOLDER as RECORDS
from lib.ledger.evidence import LOOKBACK, START, Evidence, Missing, Targets
from lib.ledger.found import Found
from lib.ledger.rows import SCORES, Row
from lib.thesis import records

# The author drew these evenly, learning rates on the log scale; all other hyperparameters are whole numbers.
_SCALES = {"dropout_rate": float, "learning_rate": np.log}
_TWO_SIDED = float(stats.norm.ppf(1 - significance.LEVEL / 2))
_SPEARMAN = 1.06  # the variance of Fisher's z of a rank correlation is this over n - 3 (Fieller, 1957)


def cell(evidence: Evidence, row: Row, ticker: str, network: str, trial: str, column: str) -> Found:
    """What the appendix prints in a column of a trial's row; its rounding is the range."""
    found = _one(ticker, network, int(trial))
    value = float(found[column])
    half = precision.half_unit(format(value, SCORES[column][0])) if column in SCORES else 0.0
    return Found(
        value,
        value - half,
        value + half,
        f"trial {trial} of the {network} on {ticker}",
        f"Appendix {thesis.APPENDIX[ticker]}",
    )


def count(evidence: Evidence, row: Row, ticker: str = "", network: str = "") -> Found:
    """How many trials the appendices list, of a coin or a network or both, or of all."""
    rows = _of(ticker, network)
    each = rows.groupby(["ticker", "network"]).size()
    words = "" if ticker and network else "; ".join(f"{t} {n} {size}" for (t, n), size in each.items())
    return Found(float(len(rows)), because=words, other_place=_places(rows))


def each_study_has(evidence: Evidence, row: Row, ticker: str = "") -> Found:
    """Whether every coin and network has as many trials as printed; the others are named."""
    sizes = _of(ticker).groupby(["ticker", "network"]).size()
    other = sizes[sizes != precision.value(row.printed)]
    words = "; ".join(f"{t} {n} has {size}" for (t, n), size in other.items())
    return Found(
        other.empty,
        because=words or "every one has",
        other_place=_places(_of(ticker)),
        shown=f"{len(sizes) - len(other)} of {len(sizes)}",
    )


def range_end(evidence: Evidence, row: Row, column: str, side: str, network: str = "") -> Found:
    """The end to which the recorded trials, or those of a network, go; whether a stated range is theirs.

    Both convolutions of the CNN count as ``filters`` and as ``kernel_size``. Whole numbers reach an end when one of
    them is that end; others when they come as near to it as so many even draws would in 95 of 100 cases.

    Raises:
        Missing: they keep inside and do not reach the end, so nothing speaks against it and nothing shows it.
    """
    rows = records.trials()
    rows = rows[rows["network"] == network] if network else rows
    values = rows[[c for c in rows if column in (c, c.rstrip("12"))]].stack().dropna()
    limit, farthest = precision.value(row.printed), float(values.min() if side == "low" else values.max())
    outside = values[values < limit] if side == "low" else values[values > limit]
    words = f"the trials go from {values.min():g} to {values.max():g}"
    if outside.empty and not _reaches(values, limit, farthest, _SCALES.get(column)):
        raise Missing(f"{words}: none is beyond this end, and none shows it")
    words += f"; {len(outside)} of {len(values)} are beyond" if len(outside) else ""
    return Found(outside.empty, because=words, published=RECORDS, shown=f"{farthest:g}")


def _reaches(values: pd.Series, limit: float, farthest: float, scale: Callable[[float], float] | None) -> bool:
    if scale is None:
        return farthest == limit
    gap = abs(scale(farthest) - scale(limit))
    inside = scale(values.max()) - scale(values.min())
    return gap / (inside + gap) <= 1 - significance.LEVEL ** (1 / len(values))


def coins(evidence: Evidence, row: Row, tickers: str) -> Found:
    """Whether the appendices list trials of these coins and no other."""
    there = set(thesis.trials()["ticker"])
    return Found(
        there == {t.strip() for t in tickers.split(",")},
        because=f"trials of {', '.join(sorted(there))}",
        other_place="Appendices 1 to 3",
    )


def four_networks(evidence: Evidence, row: Row) -> Found:
    """Whether the appendices list trials of the four networks that ``lib.networks`` builds, and of no other."""
    there = set(thesis.trials()["model"])
    return Found(
        there == set(networks.ARCHITECTURES),
        because=f"trials of {', '.join(sorted(there))}",
        other_place="Appendices 1 to 3",
    )


def number_of_coins(evidence: Evidence, row: Row) -> Found:
    """Of how many coins the appendices list trials."""
    return Found(float(thesis.trials()["ticker"].nunique()), other_place="Appendices 1 to 3")


def number_of_networks(evidence: Evidence, row: Row) -> Found:
    """Of how many networks the appendices list trials."""
    return Found(float(thesis.trials()["network"].nunique()), other_place="Appendices 1 to 3")


def more_than(evidence: Evidence, row: Row, ticker: str, than: str) -> Found:
    """How many trials more each network has on one coin than on another; the smallest difference."""
    sizes = thesis.trials().groupby(["ticker", "network"]).size().unstack()
    difference = sizes.loc[ticker] - sizes.loc[than]
    return Found(
        float(difference.min()),
        because=", ".join(f"{n} {d}" for n, d in difference.items()),
        other_place="Appendices 1 to 3",
    )


def only_more(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether no other coin has a network with more trials than the 15 of each network."""
    sizes = thesis.trials().groupby(["ticker", "network"]).size()
    usual = sizes.mode().iloc[0]
    others = sizes[(sizes > usual) & (sizes.index.get_level_values("ticker") != ticker)]
    return Found(
        others.empty,
        because="; ".join(f"{t} {n} has {size}" for (t, n), size in others.items()) or "no other has",
        other_place="Appendices 1 to 3",
    )


def more_than_number(evidence: Evidence, row: Row, number: str) -> Found:
    """Whether the appendices list more different sets of hyperparameters than a number."""
    columns = [
        "network",
        "batch_size",
        "dropout_rate",
        "epochs",
        "filters",
        "kernel_size",
        "learning_rate",
        "lstm_units1",
        "lstm_units2",
        "pool_size",
    ]
    different = len(thesis.trials().drop_duplicates(columns))
    return Found(
        different > int(number),
        because=f"{different} different ones",
        other_place="Appendices 1 to 3",
        shown=str(different),
    )


def trials_as_stated(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether each network has as many trials of a coin as section 4.4 says: 15, and 15 more on ETH-USD."""
    each, more = (precision.value(evidence.rows[f"4.4/{n}"].printed) for n in ("per_study", "more_on_eth"))
    stated = each + (more if ticker == "ETH-USD" else 0)
    sizes = _of(ticker).groupby("network").size()
    other = sizes[sizes != stated]
    return Found(
        other.empty,
        because="; ".join(f"{n} has {size}, not {stated:g}" for n, size in other.items()) or f"{stated:g} each",
        other_place="4.4",
    )


def table_4_5_one_variance(evidence: Evidence, row: Row) -> Found:
    """Whether one variance of targets fits the four rows of Table 4.5 at the printed rounding."""
    low, high = table_4_5_variance(evidence)
    return Found(
        low <= high,
        because=f"MSE / (1 - R2) of {low:,.0f} to {high:,.0f}"
        if low <= high
        else f"no value: at least {low:,.0f} and at most {high:,.0f}",
        other_place="Table 4.5, its own rows",
    )


def table_4_5_variance(evidence: Evidence) -> tuple[float, float]:
    """Lowest and highest target variance that fits the four rows of Table 4.5."""
    return variance_range(
        [tuple(evidence.rows[f"Table 4.5/{n}_{s}"].printed for s in ("mse", "r2")) for n in networks.ARCHITECTURES]
    )


def table_4_5_same_forecasts(evidence: Evidence, row: Row, network: str) -> Found:
    """Whether a network's row of Table 4.5 can be of the same forecasts as its scores in the abstract: MSE / MAE^2,
    which has no unit, is the same within what rounding leaves open.
    """
    ranges = []
    for place in (f"Table 4.5/{network}", f"abstract/{network.lower().replace('-', '_')}"):
        mse, mae = (evidence.rows[f"{place}_{score}"].printed for score in ("mse", "mae"))
        ranges.append(
            tuple(
                (precision.value(mse) + sign * precision.half_unit(mse))
                / (precision.value(mae) - sign * precision.half_unit(mae)) ** 2
                for sign in (-1, 1)
            )
        )
    (low, high), (their_low, their_high) = ranges
    same = low <= their_high and their_low <= high
    words = (
        f"MSE / MAE^2 does not depend on the unit. It is {low:.4f} to {high:.4f} here and {their_low:.4f} to"
        f" {their_high:.4f} in the abstract, so these {'can be the same' if same else 'are other'} forecasts"
    )
    return Found(same, because=words, other_place="abstract")


def values_of(evidence: Evidence, row: Row, column: str) -> Found:
    """The different values of a column in all trials, in order, with commas."""
    values = sorted(thesis.trials()[column].dropna().unique())
    return Found(", ".join(f"{v:g}" for v in values), other_place=_places(thesis.trials()))


def best(evidence: Evidence, row: Row, score: str, ticker: str, network: str = "") -> Found:
    """The best printed score of a coin's trials (smallest error, largest R2), and whose it is."""
    rows = _of(ticker, network)
    found = rows.loc[rows[score].idxmax() if score == "r2" else rows[score].idxmin()]
    half = precision.half_unit(format(found[score], SCORES[score][0]))
    words = f"trial {found['trial']} of the {found['network']}"
    return Found(float(found[score]), found[score] - half, found[score] + half, words, _places(rows))


def best_network(
    evidence: Evidence, row: Row, network: str, ticker: str = "", score: str = "mse", labels: str = "network"
) -> Found:
    """Whether a network has the best printed trial of a coin, or of every coin.

    Args:
        labels: ``network`` for what a row describes, ``model`` for the label that is printed.
    """
    found = {}
    for coin in [ticker] if ticker else list(thesis.APPENDIX):
        rows = _of(coin)
        found[coin] = rows.groupby(labels)[score].min().sort_values()
    words = "; ".join(
        f"{coin}: " + ", ".join(f"{n} {v:.3g}" for n, v in order.items()) for coin, order in found.items()
    )
    return Found(
        all(order.index[0] == network for order in found.values()), because=words, other_place=_places(_of(ticker))
    )


def steadiest(evidence: Evidence, row: Row, network: str, ticker: str = "") -> Found:
    """Whether the R2 of a network's trials scatter least among the networks, by their standard deviation, on a coin or
    every coin.
    """
    found = {
        coin: _of(coin).groupby("network")["r2"].std().sort_values()
        for coin in ([ticker] if ticker else list(thesis.APPENDIX))
    }
    words = "; ".join(
        f"{coin}: " + ", ".join(f"{n} {v:.3f}" for n, v in order.items()) for coin, order in found.items()
    )
    return Found(
        all(order.index[0] == network for order in found.values()),
        because=f"standard deviation of R2 over trials, {words}",
        other_place=_places(_of(ticker)),
    )


def beats_cnn(evidence: Evidence, row: Row, networks: str = "LSTM, CNN-LSTM, LSTM-CNN") -> Found:
    """Whether on every coin where both were scored on the same days the best R2 of these networks is above the CNN's;
    R2 at full precision.
    """
    names = [n.strip() for n in networks.split(",")]
    table = records.trials().groupby(["ticker", "network"])["r2"].max().unstack().drop(index=thesis.RERUN[0])
    worse = [
        f"{coin}: CNN {line['CNN']:.4f}, {n} {line[n]:.4f}"
        for coin, line in table.iterrows()
        for n in names
        if line[n] <= line["CNN"]
    ]
    pairs = len(table) * len(names)
    words = f"where the CNN's best is not below: {'; '.join(worse) or 'nowhere'}"
    return Found(
        not worse,
        because=f"{words}; {thesis.RERUN[0]} cannot be compared, as its {thesis.RERUN[1]} was scored on other days",
        published=RECORDS,
        shown=f"{pairs - len(worse)} of {pairs}",
    )


def mean_r2(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether the mean R2 of a coin's printed trials lies above the printed bound, in either reading: all trials, or
    each network's best.
    """
    rows = _of(ticker)
    means = {
        f"all {len(rows)} trials": rows["r2"].mean(),
        "each network's best": rows.groupby("network")["r2"].max().mean(),
    }
    limit = precision.value(row.printed)
    words = "the text does not say of which; above it is the mean of "
    words += ", ".join(name for name, value in means.items() if value > limit) or "neither"
    return Found(
        any(value > limit for value in means.values()),
        because=words,
        other_place=_places(rows),
        shown="; ".join(f"{value:.3f} of {name}" for name, value in means.items()),
    )


def most_predictable(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether a coin has the highest mean R2 of the three, of each network's best recorded trial.

    The thesis argues from an average above 0.95. Of all trials no coin's is, so it is this mean that decides; the mean
    of all trials and the best trial are named beside it.
    """
    r2 = records.trials().groupby(["ticker", "network"])["r2"]
    readings = {
        "mean of each network's best": r2.max().groupby("ticker").mean(),
        "mean of all trials": records.trials().groupby("ticker")["r2"].mean(),
        "best trial": r2.max().groupby("ticker").max(),
    }
    words = [
        f"{name}: " + ", ".join(f"{t} {v:.3f}" for t, v in values.sort_values(ascending=False).items())
        for name, values in readings.items()
    ]
    deciding, values = next(iter(readings.items()))
    return Found(
        values.idxmax() == ticker,
        because=f"R2, {'; '.join(words)}",
        published=RECORDS,
        shown=f"{values.idxmax()} is first by the {deciding}",
    )


def smaller_kernels(evidence: Evidence, row: Row) -> Found:
    """Whether the recorded trials indicate that smaller kernels go with higher R2: Spearman's rank correlation within
    each coin and network, pooled on Fisher's scale, is below 0 with its 95 % interval.

    Of a CNN both kernels count, each with half of the weight.
    """
    z, weights, words = [], [], []
    for (ticker, network), rows in records.trials().groupby(["ticker", "network"]):
        names = [c for c in ("kernel_size", "kernel_size1", "kernel_size2") if rows[c].notna().all()]
        for name in names:
            found = stats.spearmanr(rows[name], rows["r2"]).statistic
            z.append(np.arctanh(found))
            weights.append((len(rows) - 3) / _SPEARMAN / len(names))
            words.append(f"{ticker} {network} {found:+.2f}")
    middle, reach = np.average(z, weights=weights), _TWO_SIDED / np.sqrt(sum(weights))
    # Adding 0 after rounding turns -0.0 into 0.0.
    pooled, low, high = (round(float(np.tanh(middle + k * reach)), 2) + 0.0 for k in (0, -1, 1))
    shown, each = f"{pooled:+.2f} ({low:+.2f} to {high:+.2f})", ", ".join(words)
    if low <= 0 <= high:
        raise Missing(
            "the records show no relation, and a weak one is not excluded: rank correlation of kernel size with R2"
            f" within coins and networks {each}; pooled, with its 95 % interval, {shown}"
        )
    return Found(
        high < 0,
        because=f"rank correlation of kernel size with R2 within coins and networks: {each}; pooled, with its 95 %"
        " interval, it is what is computed",
        published=RECORDS,
        shown=shown,
    )


def complete(evidence: Evidence, row: Row) -> Found:
    """Whether every trial prints every hyperparameter of its network, so that it can be trained again."""
    rows = thesis.trials()
    whole = {n: _complete(n) for n in networks.ARCHITECTURES}
    lacking = {
        n: [h for h in a.hyperparameters if h not in rows or rows.loc[rows["network"] == n, h].isna().any()]
        for n, a in networks.ARCHITECTURES.items()
    }
    good = int(rows["network"].map(whole).sum())
    words = "; ".join(f"{n} lacks {', '.join(h)}" for n, h in lacking.items() if h)
    return Found(good == len(rows), because=words, other_place="Appendix 6", shown=f"{good} of {len(rows)}")


def one_variance(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether one variance of targets, MSE / (1 - R2), fits all of a coin's trials at the printed rounding, as one set
    of days gives.
    """
    ranges = {n: variance_range(_printed(_of(ticker, n))) for n in networks.ARCHITECTURES}
    low, high = max(r[0] for r in ranges.values()), min(r[1] for r in ranges.values())
    words = "; ".join(f"{n} {a:.6f} to {b:.6f}" for n, (a, b) in ranges.items())
    return Found(
        low <= high, because=f"MSE / (1 - R2) by network: {words}", other_place=f"Appendix {thesis.APPENDIX[ticker]}"
    )


def errors_in_order(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether MAE is at most the square root of MSE in every trial, as it must be."""
    rows = _of(ticker)
    fits = rows["mae"] * (1 - 0.005) <= np.sqrt(rows["mse"] * 1.005)
    return Found(
        bool(fits.all()),
        other_place=f"Appendix {thesis.APPENDIX[ticker]}",
        shown=f"{int(fits.sum())} of {len(rows)}",
        because="MAE <= root of MSE, within rounding",
    )


def ranks_agree(evidence: Evidence, row: Row, ticker: str) -> Found:
    """Whether a smaller MSE never goes with a smaller R2, among trials of one coin scored on the same days."""
    rows = _of(ticker)
    other_days = (rows["network"] == thesis.RERUN[1]) & (ticker == thesis.RERUN[0])
    wrong = 0
    for _, same_days in rows.groupby(other_days):
        r2 = same_days.sort_values(["mse", "r2"], ascending=[True, False])["r2"].to_numpy()
        wrong += int((np.diff(r2) > 1e-9).sum())
    return Found(
        wrong == 0,
        because=f"{wrong} neighbours in MSE have R2 in the wrong order",
        other_place=f"Appendix {thesis.APPENDIX[ticker]}",
        shown=f"{wrong} in the wrong order",
    )


def no_row_twice(evidence: Evidence, row: Row) -> Found:
    """Whether no trial of the 255 stands there twice: the same hyperparameters, or the same three scores within a coin
    and network.
    """
    rows = thesis.trials()
    settings = [c for c in rows if c not in ("trial", "duration", "mae", "mse", "r2", "model")]
    again = rows[rows.duplicated(settings, keep=False)]
    scores = rows[rows.duplicated(["ticker", "network", "mae", "mse", "r2"], keep=False)]
    return Found(
        again.empty and scores.empty,
        because=f"{len(again)} rows share all printed hyperparameters with another, {len(scores)} all scores",
        other_place=_places(rows),
    )


def r2_from_prices(evidence: Evidence, row: Row, ticker: str) -> Found:
    """How many printed R2 are 1 - MSE / variance, with the variance from prices of the days that each study was scored
    on.
    """
    fits, words = [], []
    for network, rows in _of(ticker).groupby("network"):
        variance = days_of(evidence, ticker, network).variance
        half = rows["mse"].map(lambda v: precision.half_unit(f"{v:.2e}"))
        low, high = 1 - (rows["mse"] + half) / variance, 1 - (rows["mse"] - half) / variance
        fits += ((rows["r2"] + 0.005 >= low) & (rows["r2"] - 0.005 <= high)).tolist()
        words.append(f"{variance:.8f} of the {network}'s days")
    return Found(all(fits), because=f"variance {', '.join(words)}", shown=f"{sum(fits)} of {len(fits)}")


def beat_naive(evidence: Evidence, row: Row) -> Found:
    """Whether the best printed trial of every coin and network has a smaller MSE than "tomorrow equals today" on the
    same days.
    """
    bests, won, words = [], [], []
    for (ticker, network), rows in thesis.trials().groupby(["ticker", "network"]):
        naive = days_of(evidence, ticker, network).naive["MSE"]
        bests.append(bool(rows["mse"].min() < naive))
        won += (rows["mse"] < naive).tolist()
        if bests[-1]:
            words.append(f"{ticker} {network} {rows['mse'].min():.3g} against {naive:.3g}")
    words.insert(0, f"{sum(won)} of {len(won)} trials have a smaller MSE than the naive forecast")
    return Found(all(bests), because="; ".join(words), shown=f"{sum(bests)} of {len(bests)}")


def trials_below_naive(evidence: Evidence, row: Row, ticker: str) -> Found:
    """How many printed trials of a coin have a smaller MSE than "tomorrow equals today" on the same days; most
    should.
    """
    rows, below, words = _of(ticker), 0, {}
    for network, its in rows.groupby("network"):
        naive = days_of(evidence, ticker, network).naive
        below += int((its["mse"] < naive["MSE"]).sum())
        told = f"naive: MSE {naive['MSE']:.3g}, R2 {naive['R2']:.4f}; the best printed MSE is"
        words[told] = min(words.get(told, np.inf), its["mse"].min())
    because = "; on other days ".join(f"{told} {best:.3g}" for told, best in words.items())
    return Found(below > len(rows) / 2, because=because, shown=f"{below} of {len(rows)}")


def headline_below_naive(evidence: Evidence, row: Row, ticker: str, score: str) -> Found:
    """Whether a printed error is smaller than that of "tomorrow equals today" on the recovered validation days."""
    naive = evidence.targets(ticker).naive[score.upper()]
    return Found(precision.value(row.printed) < naive, because=f"naive has {naive:.6f}", shown=f"{naive:.6f}")


def days_of(evidence: Evidence, ticker: str, network: str) -> Targets:
    """The days that a study was scored on: of the recovered protocol, or of the later run of :data:`lib.thesis.RERUN`.

    The later run's scored days lie before the thesis's last day, and so does the smallest and the largest close.
    """
    if (ticker, network) != thesis.RERUN:
        return evidence.targets(ticker)
    rerun, close = thesis.printed()["target_variance"]["ada_cnn_rerun"], evidence.close(ticker)
    days = windows.split_days(pd.date_range(START, rerun["end_date"]), tuple(rerun["split"]))["validation"]
    scaled = ((close - close.min()) / (close.max() - close.min())).loc[days].to_numpy()
    return Targets(scaled[LOOKBACK:], scaled[LOOKBACK - 1 : -1])


def in_search_space(evidence: Evidence, row: Row, space: str) -> Found:
    """Whether every recorded hyperparameter lies in the stated search space, as ``lib.experiments.search.search_space``
    has it.
    """
    rows, outside = records.trials(), []
    for network in networks.ARCHITECTURES:
        for name, distribution in search.search_space(network, space).items():
            if name not in ("batch_size", "epochs"):
                values = rows.loc[rows["network"] == network, name]
                beyond = values[(values < distribution.low) | (values > distribution.high)]
                outside += [f"{network} {name} {v:g}" for v in beyond]
    return Found(
        not outside,
        because="; ".join(outside) or "none is outside",
        published=RECORDS,
        shown=f"{len(outside)} outside",
    )


@cache
def implied_variance(ticker: str) -> tuple[float, float]:
    """Lowest and highest target variance that fits every trial of a coin at the printed rounding, but for
    :data:`lib.thesis.RERUN`.
    """
    return variance_range(_printed(same_days(ticker)[0]))


def same_days(ticker: str) -> tuple[pd.DataFrame, int]:
    """A coin's trials without those of :data:`lib.thesis.RERUN`, and how many these are."""
    rows = _of(ticker)
    kept = rows[(rows["ticker"] != thesis.RERUN[0]) | (rows["network"] != thesis.RERUN[1])]
    return kept, len(rows) - len(kept)


def variance_range(printed: list[tuple[str, str]]) -> tuple[float, float]:
    """Lowest and highest MSE / (1 - R2) that fits all of some printed pairs of MSE and R2; lowest above highest where
    none does.
    """
    lows, highs = [], []
    for mse, r2 in printed:
        error, half = precision.value(mse), precision.half_unit(mse)
        rest, half_r2 = 1 - precision.value(r2), precision.half_unit(r2)
        lows.append((error - half) / (rest + half_r2))
        highs.append((error + half) / max(rest - half_r2, 1e-12))
    return max(lows), min(highs)


@cache
def _complete(network: str) -> bool:
    rows = thesis.trials()
    names = list(networks.ARCHITECTURES[network].hyperparameters)
    return set(names) <= set(rows) and bool(rows.loc[rows["network"] == network, names].notna().all(axis=None))


def _of(ticker: str = "", network: str = "") -> pd.DataFrame:
    rows = thesis.trials()
    rows = rows[rows["ticker"] == ticker] if ticker else rows
    return rows[rows["network"] == network] if network else rows


def _one(ticker: str, network: str, trial: int) -> pd.Series:
    rows = _of(ticker, network)
    return rows[rows["trial"] == trial].iloc[0]


def _places(rows: pd.DataFrame) -> str:
    numbers = sorted(thesis.APPENDIX[t] for t in rows["ticker"].unique())
    return f"Appendix {numbers[0]}" if len(numbers) == 1 else "Appendices 1 to 3"


def _printed(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(f"{r.mse:.2e}", f"{r.r2:.2f}") for r in rows.itertuples()]
