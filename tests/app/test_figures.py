"""Charts on the page: days arrive as days, and every chart follows the theme."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from lib.app.figure_box import Gallery

from lib.app import charts


def candles(random_walk):
    return charts.technical(random_walk()["BTC-USD"], ticker="BTC-USD")


def test_no_trace_of_a_widget_has_days_as_bare_numbers(random_walk):
    figure = candles(random_walk)
    assert any(isinstance(t.x, np.ndarray) and t.x.dtype.kind == "M" for t in figure.data), "the chart itself has days"
    widget = Gallery().widget(figure, charts.CONFIG)
    sent = [trace.x for trace in widget.data if trace.x is not None]
    assert sent and all(isinstance(day, str) and pd.Timestamp(day) for days in sent for day in days)
    assert list(widget.data[0].x)[-1] == "2024-08-27"


def test_every_living_chart_follows_the_theme(random_walk):
    gallery = Gallery("light")
    first, second = (gallery.widget(candles(random_walk), charts.CONFIG) for _ in range(2))
    gallery.dress("dark")
    backgrounds = {f.layout.template.layout.paper_bgcolor for f in (first, second)}
    assert backgrounds == {charts.themed(go.Figure(), "dark").layout.template.layout.paper_bgcolor}
    assert gallery.widget(candles(random_walk), charts.CONFIG).layout.template.layout.paper_bgcolor in backgrounds
