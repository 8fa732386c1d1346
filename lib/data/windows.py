"""From clean prices to scaled windows: features, split by time, scaling, sliding windows.

Thesis sections 4.1.2 and 4.2. The order is the thesis's: scale, split by time, then cut windows
inside each part, so that no window crosses a split. Which days fit the scaler is a parameter:
``all`` is what the thesis did, and lets the highest and lowest later price into every input;
``train`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler

from lib.data import SPLITS, cleaning, indicators
from lib.errors import ProjectError
from lib.settings import Chosen


class WindowError(ProjectError):
    """The prices leave no window to train or score on."""


@dataclass(frozen=True)
class Part:
    """The windows of one part (train, validation or test) of one ticker.

    Attributes:
        X: scaled inputs, float32, shape (windows, lookback, features).
        y: what training aims at, scaled: next-day closes or log returns, float32, shape (windows,).
        dates: the day that each window forecasts, shape (windows,).
        actual_usd: the close of that day in US dollars, untouched by outlier treatment.
        last_close_usd: the close of the day before, which is the naive forecast.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    dates: pd.DatetimeIndex
    actual_usd: np.ndarray
    last_close_usd: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """One ticker, ready for a network: three parts and the way back to dollars.

    Attributes:
        features: names of the inputs; ``Close`` is the own close, or its log return.
        target: what is forecast, ``close`` or ``log_return``.
        low, high: the target's values that are scaled to 0 and 1.
        low_usd, high_usd: the closes that are 0 and 1 in scores of scaled prices.
        days: part -> its days.
    """

    ticker: str
    features: tuple[str, ...]
    target: str
    low: float
    high: float
    low_usd: float
    high_usd: float
    days: dict[str, pd.DatetimeIndex]
    train: Part
    validation: Part
    test: Part

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """Train, validation and test, in time order."""
        return self.train, self.validation, self.test

    @property
    def input_shape(self) -> tuple[int, int]:
        """(lookback, features)"""
        return self.train.X.shape[1:]

    def forecast_usd(self, part: Part, scaled: np.ndarray) -> np.ndarray:
        """Forecast closes in US dollars from what a network gives for a part, shape (windows,).

        A forecast log return r makes the close of the day before times exp(r).
        """
        if self.target == "close":
            return self.to_usd(scaled)
        log_return = np.asarray(scaled, dtype="float64") * (self.high - self.low) + self.low
        return part.last_close_usd * np.exp(log_return)

    def forecast_scaled(self, part: Part, scaled: np.ndarray) -> np.ndarray:
        """Forecast closes on the scale of closes (0 to 1) from what a network gives for a part."""
        return (
            np.asarray(scaled, dtype="float64")
            if self.target == "close"
            else self.to_scaled(self.forecast_usd(part, scaled))
        )

    def to_usd(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled closes to US dollars."""
        return np.asarray(scaled, dtype="float64") * (self.high_usd - self.low_usd) + self.low_usd

    def to_scaled(self, usd: np.ndarray) -> np.ndarray:
        """US dollars to scaled closes."""
        return (np.asarray(usd, dtype="float64") - self.low_usd) / (self.high_usd - self.low_usd)


def split_days(days: pd.DatetimeIndex, shares: Sequence[float]) -> dict[str, pd.DatetimeIndex]:
    """Cut days into train, validation and test by time: ``n x share`` days rounded down, the rest is test."""
    # Rounded first, or 0.57 of 100 days would be 56.99999999999999, and so 56.
    first, second = (int(round(len(days) * share, 9)) for share in (shares[0], shares[0] + shares[1]))
    return dict(zip(SPLITS, (days[:first], days[first:second], days[second:])))


def cut_windows(
    values: np.ndarray, target: np.ndarray, days: pd.DatetimeIndex, lookback: int
) -> tuple[np.ndarray, ...]:
    """Sliding windows and the value that follows each.

    Args:
        values: inputs of consecutive rows, shape (days, features).
        target: what is forecast, shape (days,).
        days: the rows' days; a window that would step over an absent day is left out.
        lookback: rows in a window.

    Returns:
        ``X`` of shape (windows, lookback, features), ``y`` of shape (windows,), and ``at`` of
        shape (windows,): the row number of each y.
    """
    if len(values) <= lookback:
        return np.empty((0, lookback, values.shape[1])), np.empty(0), np.empty(0, dtype=int)
    at = np.arange(lookback, len(values))
    whole = (days[at] - days[at - lookback]).days == lookback
    X = np.lib.stride_tricks.sliding_window_view(values, lookback, axis=0)[:-1].swapaxes(1, 2)
    return X[whole], target[at][whole], at[whole]


def feature_frame(prices: Mapping[str, pd.DataFrame], ticker: str, chosen: Chosen) -> pd.DataFrame:
    """The inputs of one ticker before scaling, one row a day; ``Close`` is the own close, or its log return.

    Args:
        prices: clean prices of every ticker.
        chosen: needs ``inputs``, ``target`` and the indicator periods.
    """
    frame = _prices_and_indicators(prices, ticker, chosen)
    return frame if chosen.target == "close" else log_returns(frame)


def log_returns(closes: pd.DataFrame) -> pd.DataFrame:
    """Natural logarithms of each close over the one of the day before; a day whose day before is absent is left out."""
    follows = closes.index.to_series().diff() == pd.Timedelta(days=1)
    return np.log(closes).diff()[follows.to_numpy()]


def _prices_and_indicators(prices: Mapping[str, pd.DataFrame], ticker: str, chosen: Chosen) -> pd.DataFrame:
    own = prices[ticker]
    if chosen.inputs == "own_close":
        return own[["Close"]]
    if chosen.inputs == "all_closes":
        others = [p["Close"].rename(t) for t, p in prices.items() if t != ticker]
        return pd.concat([own["Close"], *others], axis=1, join="inner", sort=True)
    return indicators.add_indicators(own, *chosen.indicator_days).dropna()


def clean(prices: Mapping[str, pd.DataFrame], chosen: Chosen) -> dict[str, pd.DataFrame]:
    """Gaps filled or dropped in every ticker."""
    return {t: cleaning.fill_gaps(p, chosen.max_gap_days, chosen.gap_fill) for t, p in prices.items()}


def fit_until(days: Mapping[str, pd.DatetimeIndex], chosen: Chosen) -> pd.Timestamp | None:
    """The first day that fences and scaler may not see: none (all days are used), or with ``scaling`` train the first validation day."""
    return days["validation"][0] if chosen.scaling == "train" else None


def build(prices: Mapping[str, pd.DataFrame], chosen: Chosen, reach_back: bool = False) -> dict[str, Dataset]:
    """Prices as loaded -> one :class:`Dataset` a ticker: the whole of the thesis's preprocessing.

    Args:
        prices: ticker -> daily Open, High, Low, Close, Volume.
        chosen: checked parameters of the groups Cleaning, Indicators and Windows.
        reach_back: let windows of validation and test begin on days of the part before, so that every
            day of a part is a target. Inputs are past days either way; the thesis cuts windows inside
            each part (False), which costs ``lookback`` targets.

    Raises:
        WindowError: a part of some ticker holds no window, or its closes never change.
    """
    cleaned = clean(prices, chosen)
    built = {}
    for ticker in cleaned:
        days = split_days(feature_frame(cleaned, ticker, chosen).index, chosen.split)
        for part in SPLITS:
            shortest = 0 if reach_back and part != "train" else chosen.lookback
            _refuse_if(len(days[part]) <= shortest, ticker, part, days, chosen)
        treated = {
            t: cleaning.treat_outliers(p, chosen.outliers, chosen.outlier_iqr, fit_until(days, chosen))
            for t, p in cleaned.items()
        }
        features = feature_frame(treated, ticker, chosen)
        observed = prices[ticker]["Close"].dropna().index
        built[ticker] = _dataset(
            ticker, features, treated[ticker]["Close"], cleaned[ticker]["Close"], observed, days, chosen, reach_back
        )
    return built


def _dataset(
    ticker: str,
    features: pd.DataFrame,
    treated_usd: pd.Series,
    close_usd: pd.Series,
    observed: pd.DatetimeIndex,
    days: dict[str, pd.DatetimeIndex],
    chosen: Chosen,
    reach_back: bool,
) -> Dataset:
    fit = features if chosen.scaling == "all" else features.loc[days["train"]]
    scaler = MinMaxScaler().fit(fit.to_numpy())
    column = features.columns.get_loc("Close")
    if scaler.data_range_[column] == 0:
        raise WindowError(
            f"{ticker}: the close never changes on the days that fit the scaler, so it cannot be scaled."
            " Check the prices, widen start_date to end_date, or set outliers to off"
        )
    parts = {}
    for name in SPLITS:
        before = chosen.lookback if reach_back and name != "train" else 0
        span = features.index[
            features.index.get_loc(days[name][0]) - before : features.index.get_loc(days[name][-1]) + 1
        ]
        scaled = scaler.transform(features.loc[span].to_numpy())
        X, y, at = cut_windows(scaled, scaled[:, column], span, chosen.lookback)
        if name != "train":
            # A filled price is no price to be scored on, and a filled day before the target was drawn towards it.
            real = span[at].isin(observed) & span[at - 1].isin(observed)
            X, y, at = X[real], y[real], at[real]
        _refuse_if(len(y) == 0, ticker, name, days, chosen)
        usd = close_usd.loc[span].to_numpy()
        parts[name] = Part(name, X.astype("float32"), y.astype("float32"), span[at], usd[at], usd[at - 1])
    fit_usd = treated_usd.loc[fit.index]
    return Dataset(
        ticker,
        tuple(features.columns),
        chosen.target,
        float(scaler.data_min_[column]),
        float(scaler.data_max_[column]),
        float(fit_usd.min()),
        float(fit_usd.max()),
        days,
        **parts,
    )


def _refuse_if(empty: bool, ticker: str, part: str, days: Mapping[str, pd.DatetimeIndex], chosen: Chosen) -> None:
    if empty:
        raise WindowError(
            f"{ticker}: the {part} part has {len(days[part])} days and no window of {chosen.lookback} days and a next one."
            " Widen start_date to end_date, give the part a larger share in split, or shorten lookback"
        )
