"""Charts on the page: figure widgets that follow the page's theme."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import ipywidgets as ui
import numpy as np
import plotly.graph_objects as go

from lib.app import charts


class Gallery:
    """Makes figure widgets and gives them all the page's theme.

    Args:
        theme: ``light`` or ``dark`` at first.
    """

    def __init__(self, theme: str = "light"):
        self.theme = theme
        self._shown: list[weakref.ref] = []  # figures cannot be hashed

    def widget(self, figure: go.Figure, config: Mapping[str, Any]) -> go.FigureWidget:
        """The figure as a widget in the page's theme."""
        made = go.FigureWidget(charts.themed(with_dates_as_text(figure), self.theme))
        made._config = dict(config)
        self._shown = [seen for seen in self._shown if seen() is not None] + [weakref.ref(made)]
        return made

    def dress(self, theme: str) -> None:
        """Give every living chart another theme."""
        self.theme = theme
        for figure in filter(None, [seen() for seen in self._shown]):
            charts.themed(figure, theme)


def with_dates_as_text(figure: go.Figure) -> go.Figure:
    """The figure, its days written as YYYY-MM-DD, in place.

    A figure widget would send them as bare numbers, which no axis of dates knows.
    """
    for trace in figure.data:
        for axis in ("x", "y"):
            values = getattr(trace, axis, None)
            if isinstance(values, np.ndarray) and values.dtype.kind == "M":
                trace[axis] = np.datetime_as_string(values, unit="D").tolist()
    return figure


def replace(box: ui.Box, *children: ui.Widget) -> None:
    """Show other widgets in a box, and let go of the charts that were in it."""
    before = box.children
    box.children = children
    for old in before:
        if isinstance(old, go.FigureWidget) and not any(old is new for new in children):
            old.close()
