"""Checks of Table 4.2: test statistics from prices, p-values from printed statistics, stars."""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.tsa.adfvalues import mackinnonp

from lib import thesis
from lib.evaluation import stationarity
from lib.ledger import precision
from lib.ledger.evidence import Evidence
from lib.ledger.found import Found
from lib.ledger.rows import Row

COINS = tuple(thesis.APPENDIX)
LAGS = (0, 1, 2)


def statistic(evidence: Evidence, row: Row, ticker: str, series: str) -> Found:
    """The ADF statistic of closes or log returns on the thesis's window, lags by AIC; the nearest of other windows is
    named.
    """
    found = _adf(evidence, ticker, series)
    near, where = nearest(evidence, ticker, series, precision.value(row.printed))
    return Found(
        found["statistic"],
        because=f"{found['lags']} lags by AIC; nearest of windows and lags that were tried {near:.3f} ({where})",
    )


def p_value(evidence: Evidence, row: Row, ticker: str, series: str) -> Found:
    """The p-value of ADF of closes or log returns on the thesis's window, lags by AIC."""
    found = _adf(evidence, ticker, series)
    return Found(found["p_value"], because=f"statistic {found['statistic']:.3f}, {found['lags']} lags by AIC")


def p_belongs(evidence: Evidence, row: Row, ticker: str, series: str) -> Found:
    """Whether the printed p-value belongs to the printed statistic (MacKinnon 1994, with a constant), each rounded or
    cut at its last digit.
    """
    printed = evidence.rows[f"Table 4.2/{ticker}_{series}_statistic"].printed
    middle, half = precision.value(printed), precision.half_unit(printed)
    # A number that was cut stands for values up to a whole last digit farther from 0.
    low, high = sorted(float(mackinnonp(v, regression="c")) for v in (middle - 2 * half, middle + half))
    words = (
        f"MacKinnon's p of {printed} is {low:.4f} to {high:.4f}, printed"
        f" {(p := evidence.rows[f'Table 4.2/{ticker}_{series}_p'].printed)}"
    )
    fits = low - 2 * precision.half_unit(p) <= precision.value(p) <= high + precision.half_unit(p)
    return Found(fits, because=words, other_place="Table 4.2, its own statistic")


def stars_at_level(evidence: Evidence, row: Row) -> Found:
    """Whether Table 4.2 marks those p-values with a star that are below the printed level, and no other."""
    level = precision.value(row.printed)
    printed = [evidence.rows[f"Table 4.2/{t}_{series}_p"].printed for t in COINS for series in ("level", "returns")]
    right = [p.endswith("*") == (precision.value(p) < level) for p in printed]
    return Found(
        all(right),
        because=f"{sum(right)} of {len(right)} p-values are marked so",
        other_place="Table 4.2",
        shown=row.printed,
    )


def conclusion_at_5_percent(evidence: Evidence, row: Row, ticker: str, series: str, rejects: str) -> Found:
    """Whether ADF of prices comes to the conclusion that the thesis draws at 5%."""
    found = _adf(evidence, ticker, series)
    return Found(
        (found["p_value"] < 0.05) == (rejects == "yes"),
        because=f"statistic {found['statistic']:.3f}, p {found['p_value']:.3g}",
    )


def one_statistic_for_all(evidence: Evidence, row: Row) -> Found:
    """Whether the log returns of the three coins can share one statistic to the printed precision, in any window and
    lag rule tried.
    """
    own = {t: _adf(evidence, t, "returns")["statistic"] for t in COINS}
    text = evidence.rows[f"Table 4.2/{COINS[0]}_returns_statistic"].printed
    value, half = precision.value(text), precision.half_unit(text)
    grids = [_grid(evidence, t, "returns") for t in COINS]
    spread = np.max([g["statistic"] for g in grids], axis=0) - np.min([g["statistic"] for g in grids], axis=0)
    near = np.all([np.abs(g["statistic"] - value) <= half for g in grids], axis=0)
    k = int(spread.argmin())
    at = grids[0].iloc[k]
    words = (
        f"on the thesis's window, lags by AIC: {', '.join(f'{t} {v:.2f}' for t, v in own.items())};"
        f" of {len(spread)} windows and lags {int(near.sum())} give {text} for all;"
        f" closest together they are {spread[k]:.2f} apart, {at['window']}, {at['lags']} lags:"
        f" {', '.join(f'{g.iloc[k].statistic:.2f}' for g in grids)}"
    )
    return Found(bool(near.any()), because=words, shown=", ".join(f"{v:.2f}" for v in own.values()))


def nearest(evidence: Evidence, ticker: str, series: str, value: float) -> tuple[float, str]:
    """The statistic nearest to a value among windows that begin in January and end every four
    weeks, with 0 to 2 lags.
    """
    grid = _grid(evidence, ticker, series)
    k = (grid["statistic"] - value).abs().idxmin()
    return float(grid.loc[k, "statistic"]), f"{grid.loc[k, 'window']}, {grid.loc[k, 'lags']} lags"


def _adf(evidence: Evidence, ticker: str, series: str) -> dict[str, float]:
    return evidence.once(("adf", ticker, series), lambda: stationarity.adf(_series(evidence, ticker, series)))


def _series(evidence: Evidence, ticker: str, series: str) -> pd.Series:
    close = evidence.close(ticker)
    return stationarity.log_returns(close) if series == "returns" else close


def _grid(evidence: Evidence, ticker: str, series: str) -> pd.DataFrame:
    def compute() -> pd.DataFrame:
        values = _series(evidence, ticker, series)
        rows = []
        for year in sorted(set(values.index.year)):
            inside = values.loc[f"{year}-01-01" :]
            for end in [*range(180, len(inside), 28), len(inside)]:
                for lags in LAGS:
                    rows.append(
                        (
                            f"{inside.index[0]:%Y-%m-%d} to {inside.index[end - 1]:%Y-%m-%d}",
                            lags,
                            _fixed_lags(inside.to_numpy()[:end], lags),
                        )
                    )
        return pd.DataFrame(rows, columns=["window", "lags", "statistic"])

    return evidence.once(("grid", ticker, series), compute)


def _fixed_lags(values: np.ndarray, lags: int) -> float:
    """The ADF statistic with a constant and a fixed number of lags: t of the level in a regression of changes."""
    change = np.diff(values)
    target = change[lags:]
    columns = [values[lags:-1], *(change[lags - k : len(change) - k] for k in range(1, lags + 1)), np.ones(len(target))]
    X = np.column_stack(columns)
    inverse = np.linalg.inv(X.T @ X)
    b = inverse @ (X.T @ target)
    rest = target - X @ b
    variance = rest @ rest / (len(target) - X.shape[1])
    return float(b[0] / np.sqrt(variance * inverse[0, 0]))
