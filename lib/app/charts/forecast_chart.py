"""The days to come: what no model says, with its interval, and the network's path, which is second until it has earned
more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lib.app.charts.canvas import DOLLARS, PRICE, ChartError, canvas, dated, empty, line
from lib.app.charts.theme import colour, network_colour, network_meaning, themed, tint
from lib.colours import NAIVE
from lib.settings import NETWORKS

KNOWN_DAYS = 60
_COLUMNS = ("date", "path_usd", "lower_usd", "upper_usd", "naive_usd", "naive_lower_usd", "naive_upper_usd", "level")


def forecast(
    frame: pd.DataFrame,
    known_closes: pd.Series,
    ticker: str,
    network: str = "forecast",
    earned: bool = False,
    known_days: int = KNOWN_DAYS,
) -> go.Figure:
    """The known closes, the naive forecast with its interval, and the network's path, in USD.

    Args:
        frame: one row for each forecast day in time order: ``date``, ``path_usd`` with ``lower_usd`` and ``upper_usd``,
            ``naive_usd`` with ``naive_lower_usd`` and ``naive_upper_usd``, ``level`` (one for all rows, 0 to 1), and
            ``actual_usd`` if known (missing values are days to come). Bounds that are not finite are left out, and the
            chart says so.
        known_closes: closes in USD until the forecast was made, indexed by day.
        ticker, network: for title, name and colour.
        earned: whether the path was shown to be better than no model. Only then it is the bold line and the interval is
            its own; default no.
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
    lower, upper, whose = ("lower_usd", "upper_usd", network) if earned else (*_COLUMNS[5:7], "no model")
    meaning = network_meaning(network) if earned else NAIVE
    known = known_closes.dropna().tail(known_days)
    figure = canvas("Forecast", ", ".join(filter(None, (name, _open_ended(frame, lower, upper)))), height=420)
    bounds = frame[np.isfinite(frame[lower].astype("float64")) & np.isfinite(frame[upper].astype("float64"))]
    promised = f"{frame['level'].iloc[0]:.0%} interval of {whose}"
    shade = colour(meaning)
    if len(known):  # lines begin where the known ones end
        close, day = float(known.iloc[-1]), known.index[-1]
        starts = dict.fromkeys(("path_usd", "naive_usd"), close) | {"date": day}
        drawn = pd.concat([pd.DataFrame([starts]), frame], ignore_index=True)
    else:
        drawn = frame
    for column, word, look in (
        (upper, "upper", {"showlegend": False}),
        (lower, "lower", {"fill": "tonexty", "fillcolor": tint(meaning, 0.2)}),
    ):
        figure.add_trace(line(bounds["date"], bounds[column], promised, shade, width=1, **look))
        figure.data[-1].hovertemplate = f"{word} %{{y:{PRICE}}} USD"
    figure.add_trace(line(known.index, known, "known close", colour("actual"), width=1.8))
    bold, faint = {"width": 3}, {"width": 1.3, "dash": "dot"}
    figure.add_trace(
        line(drawn["date"], drawn["naive_usd"], "no model: as today", colour(NAIVE), **(faint if earned else bold))
    )
    figure.add_trace(
        line(drawn["date"], drawn["path_usd"], network, network_colour(network), **(bold if earned else faint))
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


def _open_ended(frame: pd.DataFrame, lower: str, upper: str) -> str:
    ends = frame[[lower, upper]].astype("float64")
    count = int((~np.isfinite(ends)).any(axis=1).sum())
    return f"{count} of {len(frame)} days without bounds: too few errors known" if count else ""
