"""Unit-root tests of Table 4.2, and KPSS beside them (thesis section 4.1.3)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.tools.sm_exceptions import InterpolationWarning
from statsmodels.tsa.stattools import adfuller, kpss

from lib.data import cleaning, windows

LEAST_DAYS = 12
_OF_TEST = ("statistic", "p_value", "lags")
_RESULTS = tuple(f"{test}_{name}" for test in ("adf", "kpss") for name in _OF_TEST)


def log_returns(close: pd.Series) -> pd.Series:
    """Daily log returns, ``ln(close today / close yesterday)``; a day whose day before is absent has none."""
    return windows.log_returns(close.to_frame()).iloc[:, 0]


def adf(series: pd.Series, trend: str = "c") -> dict[str, float]:
    """Augmented Dickey-Fuller test; its null hypothesis is a unit root (not stationary).

    Args:
        series: daily values without gaps.
        trend: ``c`` for a constant, ``ct`` for a constant and a linear trend.

    Returns:
        ``statistic``, ``p_value`` (MacKinnon 1994), ``lags`` chosen by AIC, ``observations``.
    """
    result = adfuller(series.to_numpy(), regression=trend, autolag="AIC", result_object=True)
    return {"statistic": result.statistic, "p_value": result.pvalue, "lags": result.lags, "observations": result.nobs}


def kpss_test(series: pd.Series, trend: str = "c") -> dict[str, float]:
    """KPSS test; its null hypothesis is stationarity, so it answers the other question.

    Returns:
        ``statistic``, ``p_value`` (interpolated in a table from 0.01 to 0.10, and cut there),
        ``lags`` (Hobijn, Franses and Ooms 1998).
    """
    with warnings.catch_warnings():
        # The table ends at 0.01 and 0.10; reading() says so in words.
        warnings.simplefilter("ignore", InterpolationWarning)
        result = kpss(series.to_numpy(), regression=trend, nlags="auto", result_object=True)
    return {"statistic": result.statistic, "p_value": result.pvalue, "lags": result.lags}


def reading(adf_p: float, kpss_p: float, level: float = 0.05) -> str:
    """What the two tests say together at significance ``level``."""
    unit_root_rejected, stationarity_rejected = adf_p < level, kpss_p < level
    if unit_root_rejected and not stationarity_rejected:
        return "stationary (ADF and KPSS)"
    if not unit_root_rejected and stationarity_rejected:
        return "not stationary (ADF and KPSS)"
    if unit_root_rejected:
        return "both reject: neither a unit root nor stationary"
    return "undecided: neither rejects"


def unit_root_table(closes: Mapping[str, pd.Series], trend: str = "c") -> pd.DataFrame:
    """ADF and KPSS of closes and of log returns, one row a ticker and series.

    A series that never changes, or is too short, has missing values and its ``reading`` says why. Where days are
    absent, the longest stretch of consecutive days is tested, and the ``reading`` says which it is.

    Args:
        closes: ticker -> daily closes in US dollars, in time order.
        trend: see :func:`adf`.
    """
    rows = []
    for kind, transform in (("level", lambda s: s), ("returns", log_returns)):
        for ticker, close in closes.items():
            whole = close.loc[cleaning.longest_stretch(close.index)]
            tested = _tested(transform(whole), trend)
            tested["reading"] += _left_out(close.index, whole.index)
            rows.append({"ticker": ticker, "series": kind, **tested})
    return pd.DataFrame(rows).astype({"adf_lags": "Int64", "kpss_lags": "Int64"})


def in_words(tests: pd.DataFrame) -> str:
    """A line for each row of :func:`unit_root_table`: its reading, and the p-values if there are any."""
    lines = []
    for row in tests.itertuples():
        p_values = f" (ADF p {row.adf_p_value:.3g}, KPSS p {row.kpss_p_value:.3g})" if pd.notna(row.adf_p_value) else ""
        lines.append(f"{row.ticker} {row.series}: {row.reading}{p_values}")
    return "\n".join(lines)


def _tested(series: pd.Series, trend: str) -> dict[str, Any]:
    if why := _untestable(series):
        return {"observations": len(series), **dict.fromkeys(_RESULTS, np.nan), "reading": why}
    a, k = adf(series, trend), kpss_test(series, trend)
    found = (*(a[name] for name in _OF_TEST), *(k[name] for name in _OF_TEST))
    return {
        "observations": a["observations"],
        **dict(zip(_RESULTS, found)),
        "reading": reading(a["p_value"], k["p_value"]),
    }


def _left_out(days: pd.DatetimeIndex, tested: pd.DatetimeIndex) -> str:
    """Which days were tested, if not all."""
    if len(tested) == len(days):
        return ""
    return (
        f"; tested are the {len(tested)} days from {tested[0]:%Y-%m-%d} to {tested[-1]:%Y-%m-%d}, the longest stretch"
        f" without a gap; {len(days) - len(tested)} other days are left out"
    )


def _untestable(series: pd.Series) -> str:
    """Why neither test can be computed, or nothing."""
    if len(series) < LEAST_DAYS:
        return f"not tested, as {len(series)} days are fewer than {LEAST_DAYS}"
    # Relative, as the returns of a series that grows steadily differ by rounding only.
    if np.ptp(series) <= 1e-9 * np.abs(series).max():
        return "not tested, as its values never change"
    return ""
