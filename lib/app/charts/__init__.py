"""Interactive charts (Plotly) from finished results; none reads a file or asks a host for anything.

``VIEWS`` are the twelve views of thesis section 5.2, each drawn from one :class:`Finished`. Every chart comes
in the light theme; :func:`themed` gives it the other. :func:`config` has what Plotly's own buttons may do.
"""

from lib.app.charts.canvas import CONFIG, ChartError, config, empty, readable
from lib.app.charts.forecast_chart import forecast
from lib.app.charts.inputs import Finished
from lib.app.charts.price_views import technical
from lib.app.charts.theme import COLOURS, THEMES, ThemeError, contrast, themed
from lib.app.charts.training_views import extend_history, live_history
from lib.app.charts.views import VIEWS, View

__all__ = [
    "COLOURS",
    "CONFIG",
    "THEMES",
    "VIEWS",
    "ChartError",
    "Finished",
    "ThemeError",
    "View",
    "config",
    "contrast",
    "empty",
    "extend_history",
    "forecast",
    "live_history",
    "readable",
    "technical",
    "themed",
]
