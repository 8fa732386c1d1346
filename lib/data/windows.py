"""From clean prices to scaled windows: features, split by time, scaling, sliding windows.

Thesis sections 4.1.2 and 4.2. The order is the thesis's: scale, split by time, then cut windows
inside each part, so that no window crosses a split. Which days fit the scaler is a parameter:
``all`` is what the thesis did, and lets the highest and lowest later price into every input;
``train`` does not.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler

from lib.data import SPLITS, cleaning, indicators
from lib.errors import ProjectError
from lib.settings import Settings


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

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of all that a training sees: inputs of every split, targets of those it learns from and stops on."""
        found = hashlib.sha256()
        for part in self.parts:
            found.update(f"{part.name} {part.X.shape}".encode() + part.X.tobytes())
            if part is not self.test:
                found.update(part.y.tobytes())
        return found.hexdigest()

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


def feature_frame(prices: Mapping[str, pd.DataFrame], ticker: str, chosen: Settings) -> pd.DataFrame:
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


def _prices_and_indicators(prices: Mapping[str, pd.DataFrame], ticker: str, chosen: Settings) -> pd.DataFrame:
    own = prices[ticker]
    if chosen.inputs == "own_close":
        return own[["Close"]]
    if chosen.inputs == "all_closes":
        others = [p["Close"].rename(t) for t, p in prices.items() if t != ticker]
        return pd.concat([own["Close"], *others], axis=1, join="inner", sort=True)
    lacking = [column for column in own if own[column].isna().all()]
    if lacking:
        raise WindowError(
            f"{ticker}: inputs is ohlcv_indicators, but these prices have no {', '.join(lacking)}. Set inputs to"
            " own_close or all_closes, or use a source that has them"
        )
    return indicators.add_indicators(own, *chosen.indicator_days).dropna()


def clean(prices: Mapping[str, pd.DataFrame], chosen: Settings) -> dict[str, pd.DataFrame]:
    """Gaps filled or dropped in every ticker."""
    return {t: cleaning.fill_gaps(p, chosen.max_gap_days, chosen.gap_fill) for t, p in prices.items()}


def fit_until(days: Mapping[str, pd.DatetimeIndex], chosen: Settings) -> pd.Timestamp | None:
    """The first day that fences and scaler may not see: the first validation day, or none with ``scaling`` all."""
    return days["validation"][0] if chosen.scaling == "train" else None


def build(prices: Mapping[str, pd.DataFrame], chosen: Settings, reach_back: bool = False) -> dict[str, Dataset]:
    """Prices as loaded -> one :class:`Dataset` a ticker: the whole of the thesis's preprocessing.

    Args:
        prices: ticker -> daily Open, High, Low, Close, Volume.
        chosen: checked parameters of the groups Cleaning, Indicators and Windows.
        reach_back: let windows of validation and test begin on days of the part before, so that every
            day of a part is a target. Inputs are past days either way; the thesis cuts windows inside
            each part (False), which costs ``lookback`` targets.

    Raises:
        WindowError: a part of some ticker holds no window, or its closes never change; a sentence for each ticker.
    """
    cleaned = clean(prices, chosen)
    found, wrong = {}, []
    for ticker in cleaned:
        try:
            found[ticker] = _dataset(ticker, prices, cleaned, chosen, reach_back)
        except WindowError as error:
            wrong.append(str(error))
    if wrong:
        raise WindowError("\n".join(wrong))
    return found


def after(prices: Mapping[str, pd.DataFrame], chosen: Settings, last: pd.Timestamp) -> dict[str, Part]:
    """Windows of the days after those that a network was trained, stopped and scored on.

    Cleaning, outlier fences and scaler are those that :func:`build` makes of the days up to ``last``; gaps after it are
    filled with the close before. So nothing of a later day reaches an input, whatever the parameters say.

    Args:
        prices: ticker -> daily prices, up to ``last`` and on.
        chosen: as :func:`build` took it.
        last: the last day that :func:`build` knew.

    Returns:
        Ticker -> the windows (a :class:`Part` named ``holdout``) that forecast an observed close after ``last``; none
        of them for a ticker that has no such day.
    """
    before = {ticker: frame.loc[:last] for ticker, frame in prices.items()}
    known = clean(before, chosen)
    later = clean(prices, chosen.changed(gap_fill="previous"))
    joined = {ticker: pd.concat([known[ticker], frame[frame.index > last]]) for ticker, frame in later.items()}
    return {ticker: _after(ticker, prices, known, joined, chosen, last) for ticker in joined}


def _after(
    ticker: str,
    prices: Mapping[str, pd.DataFrame],
    known: Mapping[str, pd.DataFrame],
    joined: Mapping[str, pd.DataFrame],
    chosen: Settings,
    last: pd.Timestamp,
) -> Part:
    days = split_days(feature_frame(known, ticker, chosen).index, chosen.split)
    until = fit_until(days, chosen) or last + pd.Timedelta(days=1)
    treated = {
        t: cleaning.treat_outliers(frame, chosen.outliers, chosen.outlier_iqr, until) for t, frame in joined.items()
    }
    features = feature_frame(treated, ticker, chosen)
    fit = features.loc[:last] if chosen.scaling == "all" else features.loc[days["train"]]
    scaler, column = MinMaxScaler().fit(fit.to_numpy()), features.columns.get_loc("Close")
    scaled = scaler.transform(features.to_numpy())
    close_usd = joined[ticker]["Close"].loc[features.index].to_numpy()
    X, y, at = cut_windows(scaled, scaled[:, column], features.index, chosen.lookback)
    scored = _scored_days(prices, ticker, features.index, chosen.changed(gap_fill="previous"))
    keep = scored[at] & (features.index[at] > last)
    at = at[keep]
    found = X[keep].astype("float32"), y[keep].astype("float32"), features.index[at]
    return Part("holdout", *found, close_usd[at], close_usd[at - 1])


def check_scored_days(
    data: Mapping[str, Dataset],
    least: int,
    splits: Sequence[str] = SPLITS,
    training_changes: Mapping[str, int] | None = None,
    in_a_row: tuple[int, int] = (0, 0),
) -> None:
    """Refuse windows on which an experiment would fail after its trainings, when it compares forecasts.

    Args:
        data: ticker -> windows.
        least: windows that each split needs, such as 10 for the intervals and tests of ``lib.evaluation``.
        splits: which ones; ridge and boosting need 10 training windows too.
        training_changes: ticker -> daily changes of its training days, if test days are simulated from them, so
            that there must be as many.
        in_a_row: ``(days, lags)``: scored days of validation and test together that each follow on
            ``lags`` scored days, of which there must be ``days``.

    Raises:
        WindowError: one sentence for each ticker and split: how many days there are, and how many would do.
    """
    wrong = []
    for of in data.values():
        wrong += [_too_few(of, part, least) for part in of.parts if part.name in splits and len(part.y) < least]
        wrong += _outnumbered(of, training_changes[of.ticker]) if training_changes else []
        wrong += _too_short_a_row(of, *in_a_row)
    if wrong:
        raise WindowError("\n".join(wrong))


def _too_few(data: Dataset, part: Part, least: int) -> str:
    days, scored = len(data.days[part.name]), len(part.y)
    return (
        f"{data.ticker}: {scored} of the {days} days in the {part.name} split have a window and a price, but {least}"
        f" are needed; {days + least - scored} days in the split would do"
        f"{_in_all(data.days, part.name, days + least - scored)}. Widen start_date to end_date, give the split a larger"
        " share, or shorten lookback"
    )


def _outnumbered(data: Dataset, changes: int) -> list[str]:
    test = len(data.test.y)
    if changes >= test:
        return []
    return [
        f"{data.ticker}: {changes} daily changes of training days are too few to simulate {test} test days; {test}"
        " would do. Give train a larger share in split, and test a smaller one"
    ]


def _too_short_a_row(data: Dataset, needed: int, lags: int) -> list[str]:
    days = data.validation.dates.append(data.test.dates)
    there = int(((days[lags:] - days[: max(0, len(days) - lags)]).days == lags).sum())
    if there >= needed:
        return []
    return [
        f"{data.ticker}: {there} scored validation and test days follow on {lags} scored days, but {needed} are"
        f" needed, so {needed - there} more scored days would do. Widen start_date to end_date or shorten lookback"
    ]


def _dataset(
    ticker: str,
    prices: Mapping[str, pd.DataFrame],
    cleaned: Mapping[str, pd.DataFrame],
    chosen: Settings,
    reach_back: bool,
) -> Dataset:
    days = split_days(feature_frame(cleaned, ticker, chosen).index, chosen.split)
    for split in SPLITS:
        shortest = 0 if reach_back and split != "train" else chosen.lookback
        if len(days[split]) <= shortest:
            raise WindowError(_too_short(ticker, split, days, chosen))
    until = fit_until(days, chosen)
    treated = {
        t: cleaning.treat_outliers(frame, chosen.outliers, chosen.outlier_iqr, until) for t, frame in cleaned.items()
    }
    features = feature_frame(treated, ticker, chosen)
    fit = features if chosen.scaling == "all" else features.loc[days["train"]]
    scaler, column = MinMaxScaler().fit(fit.to_numpy()), features.columns.get_loc("Close")
    if scaler.data_range_[column] == 0:
        what = "close" if chosen.target == "close" else "log return"
        treatment = "" if chosen.outliers == "off" else ", or set outliers to off"
        raise WindowError(
            f"{ticker}: the {what} never changes on the days that fit the scaler, so it cannot be scaled."
            f" Check the prices, or widen start_date to end_date{treatment}"
        )
    scaled = scaler.transform(features.to_numpy())
    close_usd = cleaned[ticker]["Close"].loc[features.index].to_numpy()
    scored = _scored_days(prices, ticker, features.index, chosen)
    parts = {}
    for split in SPLITS:
        first, last = features.index.get_indexer([days[split][0], days[split][-1]])
        rows = slice(first - (chosen.lookback if reach_back and split != "train" else 0), last + 1)
        X, y, at = cut_windows(scaled[rows], scaled[rows, column], features.index[rows], chosen.lookback)
        keep = np.full(len(at), True) if split == "train" else scored[rows][at]
        if not keep.any():
            raise WindowError(_broken(ticker, split, features.index[rows], len(days[split]), len(at), cleaned, chosen))
        at = at[keep] + rows.start
        parts[split] = Part(
            split,
            X[keep].astype("float32"),
            y[keep].astype("float32"),
            features.index[at],
            close_usd[at],
            close_usd[at - 1],
        )
    fit_usd = treated[ticker]["Close"].loc[fit.index]
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


def _scored_days(
    prices: Mapping[str, pd.DataFrame], ticker: str, days: pd.DatetimeIndex, chosen: Settings
) -> np.ndarray:
    """Whether each day may be scored, if the day before it is a row before it.

    The closes of the day and of the day before are observed: a filled price is no price to be scored on. And no
    input of the day before, of any coin, was filled with the help of a later price. A linear filling knows the
    first price after the gap; a window that so knows its target's price, or a later one, always ends on a day
    of such a gap, and windows that end after the gap know past prices only.
    """
    observed = prices[ticker]["Close"].dropna().index
    known = observed
    if chosen.gap_fill == "linear":
        read = [frame for name, frame in prices.items() if name == ticker or chosen.inputs == "all_closes"]
        columns = list(read[0]) if chosen.inputs == "ohlcv_indicators" else ["Close"]
        for frame in read:
            known = known.intersection(frame[columns].dropna().index)
    scored = days.isin(observed)
    scored[1:] &= days.isin(known)[:-1]
    return scored


def _too_short(ticker: str, part: str, days: Mapping[str, pd.DatetimeIndex], chosen: Settings) -> str:
    return (
        f"{ticker}: the {part} split has {len(days[part])} days and no window of {chosen.lookback} days and a next"
        f" one; without gaps {chosen.lookback + 1} days would do{_in_all(days, part, chosen.lookback + 1)}."
        " Widen start_date to end_date, give the split a larger share, or shorten lookback"
    )


def _broken(
    ticker: str,
    part: str,
    rows: pd.DatetimeIndex,
    count: int,
    held: int,
    cleaned: Mapping[str, pd.DataFrame],
    chosen: Settings,
) -> str:
    """Why a split of enough days has no window that is scored: a long gap breaks them, or filled ones are all it has.

    Args:
        rows: the days that its windows may use.
        count: days in the split.
        held: its windows, scored or not.
    """
    otherwise = "choose another start_date or end_date, give the split a larger share, or shorten lookback"
    if held:
        return (
            f"{ticker}: the {part} split has {count} days, but none with a window is scored: filled days are not, nor"
            f" days after them. Use prices with fewer gaps, {otherwise}"
        )
    read = cleaned.values() if chosen.inputs == "all_closes" else [cleaned[ticker]]
    priced = functools.reduce(pd.Index.intersection, (frame.index for frame in read))
    absent = cleaning.gaps(pd.DataFrame({"Close": 1.0}, priced[(priced >= rows[0]) & (priced <= rows[-1])]))
    gap = absent.loc[absent["days"].idxmax()]
    anew = ", and indicators begin anew after it" if chosen.inputs == "ohlcv_indicators" else ""
    most = next(limit.le for limit in Settings.model_fields["max_gap_days"].metadata if hasattr(limit, "le"))
    fill = f"Set max_gap_days to {gap['days']} or more, {otherwise}" if gap["days"] <= most else otherwise.capitalize()
    return (
        f"{ticker}: the {part} split has {count} days, but the gap from {gap['first_day']:%Y-%m-%d} to"
        f" {gap['last_day']:%Y-%m-%d} breaks them{anew}. At most {len(cleaning.longest_stretch(rows))} follow on each"
        f" other, and a window of {chosen.lookback} days and a next one need {chosen.lookback + 1}. {fill}"
    )


def _in_all(days: Mapping[str, pd.DatetimeIndex], split: str, needed: int) -> str:
    """How many days all splits together need, so that one has enough."""
    here = len(days[split])
    return f", about {math.ceil(needed * sum(map(len, days.values())) / here)} days in all" if here else ""
