"""The days to come: a path, its bounds, and the naive forecast beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lib.app.charts.canvas import DOLLARS, PRICE, ChartError, canvas, dated, empty, line
from lib.app.charts.theme import colour, network_colour, network_meaning, themed, tint
from lib.colours import NAIVE
from lib.settings import NETWORKS

KNOWN_DAYS = 60
_COLUMNS = ("date", "path_usd", "lower_usd", "upper_usd", "naive_usd", "level")


def forecast(
    frame: pd.DataFrame,
    known_closes: pd.Series,
    ticker: str,
    network: str = "forecast",
    coverage: float | None = None,
    known_days: int = KNOWN_DAYS,
) -> go.Figure:
    """The known closes, the forecast path with its interval, and the naive forecast, in USD.

    Args:
        frame: one row for each forecast day in time order: ``date``, ``path_usd``, ``lower_usd``, ``upper_usd``,
            ``naive_usd``, ``level`` (one for all rows, 0 to 1), and ``actual_usd`` if known (missing values are days to
            come).
            Bounds that are not finite are left out, and the chart says so.
        known_closes: closes in USD until the forecast was made, indexed by day.
        ticker, network: for title, name and colour.
        coverage: share of held-out days that such intervals covered, 0 to 1; stated beside the level if given.
        known_days: closes shown; default 60.

    Raises:
        ChartError: a column is absent, or the level is not one number between 0 and 1.
    """
    lacking = [name for name in _COLUMNS if name not in frame.columns]
    if lacking:
        raise ChartError(f"the forecast lacks the column {', '.join(lacking)}; needed are {', '.join(_COLUMNS)}")
    name = f"{ticker}, {network}" if network in NETWORKS else ticker
    if frame.empty:
        return empty("Forecast", "No day was forecast.", name)
    if frame["level"].nunique(dropna=False) != 1 or not 0 < frame["level"].iloc[0] < 1:
        raise ChartError(
            "a forecast chart shows one level between 0 and 1, such as 0.9: choose the rows of one level first"
        )
    known = known_closes.dropna().tail(known_days)
    figure = canvas("Forecast", ", ".join(filter(None, (name, _words(frame, coverage)))), height=440)
    shade = network_colour(network)
    bounded = np.isfinite(frame["lower_usd"].astype("float64")) & np.isfinite(frame["upper_usd"].astype("float64"))
    bounds = frame[bounded]
    faint = tint(network_meaning(network), 0.18)
    promised = f"{frame['level'].iloc[0]:.0%} interval"
    figure.add_trace(line(bounds["date"], bounds["upper_usd"], "upper bound", shade, width=1, showlegend=False))
    figure.add_trace(
        line(bounds["date"], bounds["lower_usd"], promised, shade, width=1, fill="tonexty", fillcolor=faint)
    )
    figure.data[0].hovertemplate, figure.data[1].hovertemplate = (
        f"upper %{{y:{PRICE}}} USD",
        f"lower %{{y:{PRICE}}} USD",
    )
    figure.data[0].name = promised
    figure.add_trace(line(known.index, known, "known close", colour("actual"), width=1.8))
    figure.add_trace(line(frame["date"], frame["naive_usd"], "naive", colour(NAIVE), dash="dot"))
    figure.add_trace(
        line(frame["date"], frame["path_usd"], network, shade, width=2, mode="lines+markers", marker={"size": 5})
    )
    if "actual_usd" in frame and frame["actual_usd"].notna().any():
        marks = {"size": 5, "symbol": "diamond"}
        figure.add_trace(
            line(frame["date"], frame["actual_usd"], "actual", colour("actual"), mode="lines+markers", marker=marks)
        )
    if len(known):
        figure.add_vline(x=known.index[-1], line={"color": colour("reference"), "width": 1, "dash": "dot"})
    figure.update_yaxes(title_text="close (USD)", **DOLLARS)
    first = known.index[0] if len(known) else frame["date"].iloc[0]
    dated(figure, pd.DatetimeIndex([first, frame["date"].iloc[-1]]), selector=False)
    return themed(figure, "light")


def _words(frame: pd.DataFrame, coverage: float | None) -> str:
    ends = frame[["lower_usd", "upper_usd"]].astype("float64")
    open_ended = int((~np.isfinite(ends)).any(axis=1).sum())
    if open_ended:
        return f"{open_ended} of {len(frame)} days without bounds: too few errors known"
    return f"interval held {coverage:.0%} of held-out days" if coverage is not None else ""
