"""Forecasts that need no network. Every table of scores has the naive one; :data:`BASELINES` has them all.

Each forecasts one day ahead, in dollars, from prices up to the day before. What is estimated is
estimated once, on the training days, as the networks are trained once; validation and test days
never choose or change a parameter. The rows of the training part are in-sample for whatever was
fitted, as the networks' are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from lib.data import cleaning, windows
from lib.data.windows import Dataset, Part
from lib.errors import ProjectError

NAIVE = "naive"
AVERAGE_DAYS = 7
# Every ARMA(p, q) of the returns with at most two terms. Larger ones nearly cancel on daily returns and are slow.
ARMA_ORDERS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
# From hardly any penalty to one that leaves the mean change only, on standardised inputs.
RIDGE_PENALTIES = tuple(10.0 ** np.arange(-2, 7.5, 0.5))
FOLDS = 5

Baseline = Callable[[Dataset, pd.Series], pd.Series]


class BaselineError(ProjectError):
    """The closes do not belong to the windows."""


def naive(last_close: np.ndarray) -> np.ndarray:
    """Tomorrow equals today: the forecast for each day is the close of the day before.

    Args:
        last_close: the last known close of each window, shape (windows,), any unit.
    """
    return np.array(last_close, copy=True)


def naive_forecast(data: Dataset, close_usd: pd.Series) -> pd.Series:
    """:func:`naive` for every target day; see :func:`forecast` for arguments and result."""
    return close_usd.shift(1)


def drift(data: Dataset, close_usd: pd.Series) -> pd.Series:
    """The last close plus the mean daily change of all days until then.

    Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed., section 5.2.
    The mean is of dollars a day, absent days included, and grows with each day; nothing else is estimated.
    """
    days = pd.Series((close_usd.index - close_usd.index[0]).days, index=close_usd.index)
    return (close_usd + ((close_usd - close_usd.iloc[0]) / days.where(days > 0)).fillna(0)).shift(1)


def moving_average(data: Dataset, close_usd: pd.Series, days: int = AVERAGE_DAYS) -> pd.Series:
    """The mean of the last closes.

    Args:
        days: how many; default a week, fewer at the start of the series and after absent days. One day would be the
            naive forecast.
    """
    own = close_usd.groupby(cleaning.stretches(close_usd.index))
    return own.transform(lambda close: close.rolling(days, min_periods=1).mean()).shift(1)


def arima(data: Dataset, close_usd: pd.Series, orders: Iterable[tuple[int, int]] = ARMA_ORDERS) -> pd.Series:
    """ARIMA(p, 1, q) with drift on log closes, by maximum likelihood on the training days.

    The order has the smallest AICc on the training days (Hyndman and Khandakar 2008, *Journal of
    Statistical Software* 27(3), section 3, choose so too). The forecast is the last close times
    exp(expected log return), the median: the mean would lie half the variance higher, about 0.1 %.

    Args:
        orders: pairs (p, q) to choose from.
    """
    from statsmodels.tsa.arima.model import ARIMA

    returns = _percent_returns(close_usd)
    training = returns[returns.index <= data.days["train"][-1]].to_numpy()
    fits = []
    with threadpool_limits(1), warnings.catch_warnings():
        # Starting values that are not stationary are replaced by zeros; the fit itself is checked below.
        warnings.simplefilter("ignore", UserWarning)
        for p, q in orders:
            fit = ARIMA(training, order=(p, 0, q), trend="c").fit(cov_type="none")
            if fit.mle_retvals["converged"]:
                fits.append(fit)
        if not fits:
            raise BaselineError(
                f"{data.ticker}: no ARIMA of the orders {list(orders)} could be fitted to the training days"
            )
        best = min(fits, key=lambda fit: fit.aicc)
        order = best.model.order
        expected = ARIMA(returns.to_numpy(), order=order, trend="c").filter(best.params, cov_type="none").predict()
    return _from_percent_returns(pd.Series(expected, returns.index), close_usd)


def ar_garch(data: Dataset, close_usd: pd.Series) -> pd.Series:
    """AR(1) on log returns with GARCH(1, 1) variance and Student t errors, fitted on the training days.

    Bollerslev 1987, *Review of Economics and Statistics* 69(3). The variance makes the AR
    coefficient's fit robust against turbulent days; the forecast uses the mean only, as in :func:`arima`.
    """
    from arch import arch_model

    returns = _percent_returns(close_usd)
    model = partial(arch_model, mean="AR", lags=1, vol="GARCH", p=1, q=1, dist="t", rescale=False)
    with threadpool_limits(1):
        fitted = model(returns[returns.index <= data.days["train"][-1]].to_numpy()).fit(disp="off", show_warning=False)
        expected = model(returns.to_numpy()).fix(fitted.params).forecast(horizon=1, start=0).mean["h.1"].to_numpy()
    # Each row is made on its day for the next one.
    return _from_percent_returns(pd.Series(expected, returns.index).shift(1), close_usd)


def ridge(data: Dataset, close_usd: pd.Series, penalties: Iterable[float] = RIDGE_PENALTIES) -> pd.Series:
    """Ridge regression of the next day's change, or log return, on the networks' windows.

    The penalty has the smallest squared error in time-ordered cross-validation inside the training
    part. A large one leaves the naive forecast plus a constant. Hoerl and Kennard 1970,
    *Technometrics* 12(1).

    Args:
        penalties: alphas to choose from, for standardised inputs.
    """
    alphas = np.array(list(penalties))

    def fit(X: np.ndarray, y: np.ndarray, alpha: np.ndarray) -> tuple[StandardScaler, Ridge]:
        scaler = StandardScaler().fit(X)
        # One target a penalty: scikit-learn then solves all of them with one decomposition.
        return scaler, Ridge(alpha=alpha, solver="svd").fit(scaler.transform(X), np.tile(y[:, None], len(alpha)))

    X, y = inputs(data, data.train), aims(data, data.train)
    with threadpool_limits(1):
        error = np.zeros(len(alphas))
        for before, after in TimeSeriesSplit(_folds(len(y))).split(X):
            scaler, model = fit(X[before], y[before], alphas)
            error += np.sum((_columns(model.predict(scaler.transform(X[after]))) - y[after, None]) ** 2, axis=0)
        scaler, model = fit(X, y, alphas[[np.argmin(error)]])
        return _in_usd(data, lambda part: _columns(model.predict(scaler.transform(inputs(data, part))))[:, 0])


def gradient_boosting(
    data: Dataset, close_usd: pd.Series, iterations: int | None = None, most_iterations: int = 200
) -> pd.Series:
    """Gradient boosting of the next day's change, or log return, on the networks' windows.

    Histogram trees of at most 8 leaves, learning rate 0.05 (Friedman 2001, *Annals of Statistics*
    29(5); scikit-learn's ``HistGradientBoostingRegressor``). Nothing in it is random.

    Args:
        iterations: number of trees; default: the number with the smallest squared error in
            time-ordered cross-validation inside the training part.
        most_iterations: trees tried there.
    """

    def model(trees: int) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=trees,
            max_leaf_nodes=8,
            min_samples_leaf=20,
            early_stopping=False,
            random_state=0,
        )

    X, y = inputs(data, data.train), aims(data, data.train)
    with threadpool_limits(1):
        if iterations is None:
            error = np.zeros(most_iterations)
            for before, after in TimeSeriesSplit(_folds(len(y))).split(X):
                stages = model(most_iterations).fit(X[before], y[before]).staged_predict(X[after])
                error += [np.sum((stage - y[after]) ** 2) for stage in stages]
            iterations = int(np.argmin(error)) + 1
        fitted = model(iterations).fit(X, y)
        return _in_usd(data, lambda part: fitted.predict(inputs(data, part)))


BASELINES: dict[str, Baseline] = {
    NAIVE: naive_forecast,
    "drift": drift,
    "moving average": moving_average,
    "ARIMA": arima,
    "AR-GARCH": ar_garch,
    "ridge": ridge,
    "gradient boosting": gradient_boosting,
}


def forecast(baseline: Baseline, data: Dataset, close_usd: pd.Series) -> pd.DataFrame:
    """One baseline's forecasts of all target days.

    Args:
        baseline: a value of :data:`BASELINES`, or any function of (data, close_usd) that returns
            USD by target day, with each row made from prices before that day.
        data: the windows of one ticker.
        close_usd: its clean closes in US dollars with DatetimeIndex, all days of the three parts,
            such as ``windows.clean(prices, chosen)[ticker]["Close"]``.

    Returns:
        The columns of ``scoring.prediction_frame``: ``date``, ``actual_usd``,
        ``predicted_usd``, ``naive_usd``, ``part``; one row a target day, in time order.

    Raises:
        BaselineError: the closes lack a day or are not those that the windows were made from.
    """
    _check_closes(data, close_usd)
    predicted = baseline(data, close_usd.loc[data.days["train"][0] :].astype("float64"))
    frames = []
    for part in data.parts:
        values = predicted.reindex(part.dates).to_numpy(dtype="float64")
        if not np.isfinite(values).all():
            day = part.dates[~np.isfinite(values)][0].date()
            raise BaselineError(f"{data.ticker}: no forecast for {day}, a day of the {part.name} part")
        frames.append(
            pd.DataFrame(
                {
                    "date": part.dates,
                    "actual_usd": part.actual_usd,
                    "predicted_usd": values,
                    "naive_usd": naive(part.last_close_usd),
                    "part": part.name,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def forecasts(data: Dataset, close_usd: pd.Series, names: Iterable[str] = tuple(BASELINES)) -> dict[str, pd.DataFrame]:
    """Name -> :func:`forecast`, for some or all of :data:`BASELINES`."""
    return {name: forecast(BASELINES[name], data, close_usd) for name in names}


def inputs(data: Dataset, part: Part) -> np.ndarray:
    """What ridge and boosting see: the networks' windows as rows of numbers, scaled.

    Closes are given as earlier days less the last one, then the last day itself. It is what the
    networks see and nothing else; read so, a change from one day to the next is one number, which a
    tree can split on. Windows of log returns are left as they are.

    Returns:
        float64, shape (windows, lookback x features).
    """
    X = part.X.astype("float64")
    if data.target == "close":
        X = np.concatenate([X[:, :-1] - X[:, -1:], X[:, -1:]], axis=1)
    return X.reshape(len(X), -1)


def aims(data: Dataset, part: Part) -> np.ndarray:
    """What ridge and boosting aim at, shape (windows,): the scaled change of the close, or the scaled log return.

    Aimed at so, a model that has learnt nothing gives the naive forecast plus a constant.
    """
    y = part.y.astype("float64")
    return y - part.X[:, -1, data.features.index("Close")] if data.target == "close" else y


def _in_usd(data: Dataset, predict: Callable[[Part], np.ndarray]) -> pd.Series:
    """Forecasts of :func:`aims` to dollars, by target day."""

    def usd(part: Part) -> np.ndarray:
        aimed = predict(part)
        if data.target == "close":
            return part.last_close_usd + (data.high_usd - data.low_usd) * aimed
        return data.forecast_usd(part, aimed)

    return pd.concat([pd.Series(usd(part), index=part.dates) for part in data.parts])


def _columns(predicted: np.ndarray) -> np.ndarray:
    return predicted.reshape(len(predicted), -1)


def _folds(windows: int) -> int:
    if windows < 10:
        raise BaselineError(
            f"{windows} training windows are too few to choose a penalty or a number of trees; at least 10 are needed"
        )
    return min(FOLDS, windows // 2 - 1)


def _percent_returns(close_usd: pd.Series) -> pd.Series:
    """In percent, or the optimisers' tolerances would be too coarse."""
    return 100 * windows.log_returns(close_usd.to_frame()).iloc[:, 0]


def _from_percent_returns(expected: pd.Series, close_usd: pd.Series) -> pd.Series:
    return close_usd.shift(1) * np.exp(expected / 100)


def _check_closes(data: Dataset, close_usd: pd.Series) -> None:
    for part in data.parts:
        found: Mapping[str, np.ndarray] = {
            "": close_usd.reindex(part.dates).to_numpy(),
            " before": close_usd.shift(1).reindex(part.dates).to_numpy(),
        }
        for word, wanted in (("", part.actual_usd), (" before", part.last_close_usd)):
            wrong = ~np.isclose(found[word], wanted, rtol=1e-9, atol=0)
            if wrong.any():
                raise BaselineError(
                    f"{data.ticker}: the closes given are not those of its windows: on the day{word}"
                    f"{' of' if not word else ''} {part.dates[wrong][0].date()} they have {found[word][wrong][0]:.6g}"
                    f" USD, the windows {wanted[wrong][0]:.6g}. Give the clean closes of the same ticker"
                )
