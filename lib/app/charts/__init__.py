"""Interactive charts (Plotly) from finished results; none reads a file or asks a host for anything.

``VIEWS`` are the twelve views of thesis section 5.2, each drawn from one :class:`Finished`. Every chart comes
in the light theme; :func:`themed` gives it the other.
"""

from lib.app.charts.canvas import ChartError, empty, readable
from lib.app.charts.forecast_chart import forecast
from lib.app.charts.inputs import Finished
from lib.app.charts.theme import COLOURS, THEMES, ThemeError, contrast, themed
from lib.app.charts.views import VIEWS, View

__all__ = [
    "COLOURS",
    "THEMES",
    "VIEWS",
    "ChartError",
    "Finished",
    "ThemeError",
    "View",
    "contrast",
    "empty",
    "forecast",
    "readable",
    "themed",
]
