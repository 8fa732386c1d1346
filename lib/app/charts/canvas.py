"""What all charts have in common: a frame with title and axes, ranges of dates, downloads, and the empty chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lib.app.charts.theme import colour, themed
from lib.errors import ProjectError

# d3 formats: five significant digits with thousands; a day.
PRICE, PERCENT, DAY = ",.5~r", ".2f", "%Y-%m-%d"
# Ticks of an axis in dollars: without it 0.000012 reads 12\u00b5, and 61,000 reads 61k beside hover texts in full.
DOLLARS = {"exponentformat": "none", "separatethousands": True}
SHOWN_DAYS = 365
CANDLE_DAYS = 120  # more would run together on a phone


class ChartError(ProjectError):
    """Inputs that no chart can be drawn from."""


def readable(value: float, digits: int = 5) -> str:
    """A number for people: so many significant digits, thousands apart, no exponent unless tiny;
    empty for no number.
    """
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:,.{digits}g}"


def canvas(
    title: str, subtitle: str = "", rows: int = 1, height: int = 400, row_heights: Sequence[float] | None = None
) -> go.Figure:
    """A chart of rows that share x, without traces; height in pixels, the width is the page's."""
    figure = make_subplots(
        rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.045 if rows > 1 else 0, row_heights=row_heights
    )
    figure.layout.template = None
    figure.update_layout(height=height, autosize=True, title={"text": title}, hovermode="x unified", dragmode="zoom")
    # Room that Plotly makes for a title by itself is not there at the first drawing, and after it lines and axes lie
    # apart.
    figure.update_layout(margin_t=60 if subtitle else 40)
    if subtitle:
        figure.update_layout(title_subtitle_text=subtitle)
    return figure


def dated(figure: go.Figure, days: pd.DatetimeIndex, selector: bool = True) -> go.Figure:
    """Dates along x, with buttons for the last months if the days are many enough."""
    figure.update_xaxes(type="date", hoverformat=DAY)
    span = (days[-1] - days[0]).days
    steps = [
        {"count": n, "step": "month", "stepmode": "backward", "label": f"{n} mo"} for n in (1, 3, 6) if span > 31 * n
    ]
    if selector and steps:
        steps += [{"count": 1, "step": "year", "stepmode": "backward", "label": "1 y"}] if span > 366 else []
        figure.update_xaxes(rangeselector={"buttons": [*steps, {"step": "all", "label": "all"}]}, row=1, col=1)
        figure.update_layout(margin_t=figure.layout.margin.t + 30)
    return figure


def line(x: Any, y: Any, name: str, shade: str, unit: str = "USD", digits: str = PRICE, **more: Any) -> go.Scatter:
    """A line with rounded values and their unit on hover; ``more`` goes to the trace (``dash``,
    ``width`` to its line).
    """
    look = {"color": shade, "width": more.pop("width", 1.6), "dash": more.pop("dash", "solid")}
    single = len(x) == 1
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode=more.pop("mode", "lines+markers" if single else "lines"),
        line=look,
        hovertemplate=f"%{{y:{digits}}} {unit}".rstrip(),
        **more,
    )


def level(figure: go.Figure, y: float, row: int = 1, meaning: str = "reference", dash: str = "dash") -> None:
    """A thin horizontal line through a row."""
    place = "" if row == 1 else row
    # Plotly's own add_hline looks through all traces and shapes first and takes several times as long.
    figure.add_shape(
        type="line",
        x0=0,
        x1=1,
        xref=f"x{place} domain",
        y0=y,
        y1=y,
        yref=f"y{place}",
        line={"color": colour(meaning), "width": 1, "dash": dash},
    )


def empty(title: str, sentence: str, subtitle: str = "", height: int = 400) -> go.Figure:
    """A chart that says why it shows nothing."""
    figure = canvas(title, subtitle, height=height)
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    words, lines = sentence.split(), [""]
    for word in words:
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 40 else [*lines, word]
    figure.add_annotation(text="<br>".join(lines), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return themed(figure, "light")
