"""Unit-root tests of Table 4.2, and KPSS beside them (thesis section 4.1.3)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import pandas as pd
from statsmodels.tools.sm_exceptions import InterpolationWarning
from statsmodels.tsa.stattools import adfuller, kpss

from lib.data import windows


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
        return "stationary (both agree)"
    if not unit_root_rejected and stationarity_rejected:
        return "not stationary (both agree)"
    if unit_root_rejected:
        return "both reject: neither a unit root nor stationary"
    return "undecided: neither rejects"


def unit_root_table(closes: Mapping[str, pd.Series], trend: str = "c") -> pd.DataFrame:
    """ADF and KPSS of closes and of log returns, one row a ticker and series.

    Args:
        closes: ticker -> daily closes in US dollars, without gaps.
        trend: see :func:`adf`.
    """
    rows = []
    for kind, transform in (("level", lambda s: s), ("returns", log_returns)):
        for ticker, close in closes.items():
            series = transform(close)
            a, k = adf(series, trend), kpss_test(series, trend)
            rows.append(
                {
                    "ticker": ticker,
                    "series": kind,
                    "observations": a["observations"],
                    "adf_statistic": a["statistic"],
                    "adf_p_value": a["p_value"],
                    "adf_lags": a["lags"],
                    "kpss_statistic": k["statistic"],
                    "kpss_p_value": k["p_value"],
                    "kpss_lags": k["lags"],
                    "reading": reading(a["p_value"], k["p_value"]),
                }
            )
    return pd.DataFrame(rows)
