"""Forecasts judged by eye, the naive forecast always beside the network.

Shown are the validation days, which decided when training stopped, and the test days, which decided nothing.
An error is the forecast minus the actual close: above 0 the forecast was too high.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy import stats

from lib.app.charts.canvas import DOLLARS, PERCENT, PRICE, canvas, dated, empty, level, line
from lib.app.charts.inputs import Finished, forecasts
from lib.app.charts.theme import colour, network_colour, network_meaning, themed, tint
from lib.colours import NAIVE

ROLLING_DAYS = 30
_NO_DAYS = "No forecasts of validation or test days are given."
_NO_TEST = "No forecasts of test days are given."


def predictions(finished: Finished) -> go.Figure:
    """Actual close, the network's forecast of it and the naive one, day by day, in USD."""
    rows, title = forecasts(finished.predictions), "Next-day close"
    if rows.empty:
        return empty(title, _NO_DAYS, finished.name)
    figure = canvas(title, finished.name, height=420)
    figure.add_trace(_by_day(rows, rows["actual_usd"], "actual", colour("actual"), width=1.8))
    figure.add_trace(_by_day(rows, rows["naive_usd"], "naive", colour(NAIVE), dash="dot"))
    figure.add_trace(_by_day(rows, rows["predicted_usd"], finished.network, network_colour(finished.network)))
    figure.update_yaxes(title_text="close (USD)", **DOLLARS)
    return _finish(figure, rows)


def residuals(finished: Finished) -> go.Figure:
    """Errors day by day in USD, of the network and of the naive forecast."""
    rows, title = forecasts(finished.predictions), "Residuals"
    if rows.empty:
        return empty(title, _NO_DAYS, finished.name)
    figure = canvas(title, f"{finished.name}, forecast minus actual close")
    for name, errors, shade, symbol in _errors(rows, finished.network):
        figure.add_scatter(
            x=rows["date"],
            y=errors,
            mode="markers",
            name=name,
            marker={"color": shade, "size": 5, "symbol": symbol},
            hovertemplate=f"%{{y:{PRICE}}} USD",
        )
    level(figure, 0, dash="solid")
    figure.update_yaxes(title_text="error (USD)", **DOLLARS)
    return _finish(figure, rows)


def error_distribution(finished: Finished, bins: int = 40) -> go.Figure:
    """How often errors of which size occurred on the test days, in percent of the actual close.

    Both histograms have the same bins, from the smallest to the largest error of either.
    """
    rows, title = forecasts(finished.predictions, ("test",)), "Error distribution"
    if rows.empty:
        return empty(title, _NO_TEST, finished.name)
    figure = canvas(title, f"{finished.name}, {len(rows)} test days")
    errors = {
        name: (100 * values / rows["actual_usd"], shade) for name, values, shade, _ in _errors(rows, finished.network)
    }
    everything = np.concatenate([values for values, _ in errors.values()])
    low, high = everything.min(), everything.max()
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])
    for name, (values, shade) in errors.items():
        counts = np.histogram(values, edges)[0]
        network = name != NAIVE
        figure.add_scatter(
            x=np.repeat(edges, 2),
            y=np.concatenate([[0], np.repeat(counts, 2), [0]]),
            name=f"{name}, mean {values.mean():+.2f} %",
            mode="lines",
            line={"color": shade, "width": 2 if network else 1.6, "dash": "solid" if network else "dot"},
            fill="tozeroy" if network else "none",
            fillcolor=tint(network_meaning(name), 0.25) if network else None,
            hovertemplate="%{y:d} days",
        )
    figure.add_vline(x=0, line={"color": colour("reference"), "width": 1})
    figure.update_xaxes(title_text="forecast - actual (% of actual)", hoverformat=PERCENT)
    figure.update_yaxes(title_text="days", rangemode="tozero")
    return themed(figure, "light")


def qq(finished: Finished) -> go.Figure:
    """Quantiles of the test days' standardised errors against those of a normal distribution.

    Errors are in percent of the actual close, less their mean and divided by their standard deviation; the k-th of n
    stands at the normal quantile of (k - 0.5) / n (Hazen). Points off the diagonal at its ends are fat tails.
    """
    rows, title = forecasts(finished.predictions, ("test",)), "Q-Q plot of errors"
    if len(rows) < 3:
        return empty(title, "A Q-Q plot needs forecasts of three test days at least.", finished.name)
    figure = canvas(title, f"{finished.name}, {len(rows)} test days, standard deviations", height=440)
    normal = stats.norm.ppf((np.arange(1, len(rows) + 1) - 0.5) / len(rows))
    for name, errors, shade, symbol in _errors(rows, finished.network):
        percent = np.sort((100 * errors / rows["actual_usd"]).to_numpy())
        spread = percent.std(ddof=1)
        figure.add_scatter(
            x=normal,
            y=(percent - percent.mean()) / spread if spread > 0 else np.zeros(len(percent)),
            mode="markers",
            name=name,
            marker={"color": shade, "size": 5, "symbol": symbol},
            hovertemplate="%{y:.2f} where a normal distribution has %{x:.2f}",
        )
    figure.add_scatter(
        x=normal[[0, -1]],
        y=normal[[0, -1]],
        mode="lines",
        name="normal",
        hoverinfo="skip",
        line={"color": colour("reference"), "width": 1.4, "dash": "dash"},
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title_text="normal quantile").update_yaxes(title_text="error quantile")
    return themed(figure, "light")


def actual_against_predicted(finished: Finished) -> go.Figure:
    """Forecasts against actual closes of the test days in USD; on the diagonal a forecast is right."""
    rows, title = forecasts(finished.predictions, ("test",)), "Actual against predicted"
    if rows.empty:
        return empty(title, _NO_TEST, finished.name)
    figure = canvas(title, f"{finished.name}, {len(rows)} test days", height=440)
    when = rows["date"].dt.strftime("%Y-%m-%d")
    for name, column, shade, symbol in (
        (NAIVE, "naive_usd", colour(NAIVE), "x-thin-open"),
        (finished.network, "predicted_usd", network_colour(finished.network), "circle-open"),
    ):
        figure.add_scatter(
            x=rows["actual_usd"],
            y=rows[column],
            mode="markers",
            name=name,
            text=when,
            marker={"color": shade, "size": 6, "symbol": symbol},
            hovertemplate=f"%{{text}}: actual %{{x:{PRICE}}}, forecast %{{y:{PRICE}}} USD",
        )
    values = rows[["actual_usd", "predicted_usd", "naive_usd"]].to_numpy(dtype="float64")
    ends = [np.nanmin(values), np.nanmax(values)]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="right",
        hoverinfo="skip",
        line={"color": colour("reference"), "width": 1.4, "dash": "dash"},
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title_text="actual close (USD)", **DOLLARS)
    figure.update_yaxes(title_text="forecast (USD)", **DOLLARS)
    return themed(figure, "light")


def rolling_metrics(finished: Finished, window: int = ROLLING_DAYS) -> go.Figure:
    """MAE, RMSE (USD) and skill of the last ``window`` forecasts, day by day, the naive forecast beside.

    Skill is 1 - MSE / MSE of the naive forecast, which therefore has 0.
    """
    rows, title = forecasts(finished.predictions), "Rolling scores"
    if len(rows) < window:
        return empty(
            title, f"Rolling scores over {window} days need as many forecasts; there are {len(rows)}.", finished.name
        )
    figure = canvas(title, f"{finished.name}, last {window} forecasts, without an interval", rows=3, height=600)
    mse = {}
    for name, errors, shade, _ in _errors(rows, finished.network):
        mse[name] = (errors**2).rolling(window).mean()
        dash = "dot" if name == NAIVE else "solid"
        mae, rmse = errors.abs().rolling(window).mean(), np.sqrt(mse[name])
        for row, (score, values) in enumerate((("MAE", mae), ("RMSE", rmse)), start=1):
            figure.add_trace(
                _by_day(rows, values, name, shade, dash=dash, legendgroup=name, showlegend=row == 1), row, 1
            )
            figure.data[-1].hovertemplate = f"{score} %{{y:{PRICE}}} USD"
    skill = 1 - mse[finished.network] / mse[NAIVE].where(mse[NAIVE] > 0)
    figure.add_trace(
        _by_day(
            rows,
            skill,
            finished.network,
            network_colour(finished.network),
            showlegend=False,
            legendgroup=finished.network,
        ),
        3,
        1,
    )
    figure.data[-1].hovertemplate = "skill %{y:.3f}"
    level(figure, 0, row=3, meaning=NAIVE, dash="dot")
    for row, label in enumerate(("MAE (USD)", "RMSE (USD)", "skill (naive: 0)"), start=1):
        figure.update_yaxes(title_text=label, **DOLLARS, row=row, col=1)
    return _finish(figure, rows)


def _by_day(rows: pd.DataFrame, values: pd.Series, *about: str, **more: Any) -> go.Scatter:
    """A line that is broken where days have no forecast, as between the parts."""
    whole = pd.Series(values.to_numpy(dtype="float64"), pd.DatetimeIndex(rows["date"])).asfreq("D")
    return line(whole.index, whole, *about, **more)


def _errors(rows: pd.DataFrame, network: str) -> list[tuple[str, pd.Series, str, str]]:
    """Name, errors in USD, colour and marker of the naive forecast and of the network, which is drawn on top."""
    actual = rows["actual_usd"].astype("float64")
    return [
        (NAIVE, rows["naive_usd"] - actual, colour(NAIVE), "x-thin-open"),
        (network, rows["predicted_usd"] - actual, network_colour(network), "circle"),
    ]


def _finish(figure: go.Figure, rows: pd.DataFrame) -> go.Figure:
    """Dates along x, and a line with a name where each part begins."""
    dated(figure, pd.DatetimeIndex(rows["date"]))
    for part, first in rows.groupby("part", sort=False)["date"].first().items():
        figure.add_vline(x=first, line={"color": colour("reference"), "width": 1, "dash": "dot"})
        figure.add_annotation(
            x=first, y=1, yref="paper", text=part, xanchor="left", yanchor="top", xshift=3, showarrow=False
        )
    return themed(figure, "light")
