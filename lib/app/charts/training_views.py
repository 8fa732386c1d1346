"""The loss by epoch: of a finished training, and of one that is under way."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from lib.app.charts.canvas import canvas, empty, line
from lib.app.charts.inputs import Finished, losses
from lib.app.charts.theme import colour, network_colour, themed

_DIGITS = ".3~g"
_TITLE = "Training history"


def training_history(finished: Finished) -> go.Figure:
    """Training and validation loss by epoch (scaled MSE, logarithmic); the best epoch is marked."""
    loss, validation = losses(finished.history)
    if not len(loss):
        return empty(_TITLE, "No epoch was trained.", finished.name)
    figure = _loss_chart(finished.ticker, finished.network, loss, validation)
    if np.isfinite(validation).any():
        best = int(np.nanargmin(np.where(np.isfinite(validation), validation, np.nan)))
        figure.add_scatter(
            x=[best + 1],
            y=[validation[best]],
            mode="markers",
            name=f"best epoch, {best + 1}",
            marker={"symbol": "circle-open", "size": 11, "color": colour("mark"), "line": {"width": 2}},
            hoverinfo="skip",
        )
    return themed(figure, "light")


def _step(epochs: int) -> int | None:
    """Between marks on the axis: one for few epochs, as Plotly would mark halves; else Plotly's choice."""
    return 1 if epochs <= 10 else None


def _loss_chart(ticker: str, network: str, loss: np.ndarray, validation: np.ndarray) -> go.Figure:
    figure = canvas(_TITLE, f"{ticker}, {network}, scaled mean squared error")
    epochs = np.arange(1, len(loss) + 1)
    figure.add_trace(line(epochs, loss, "training", colour("training"), unit="", digits=_DIGITS, dash="dash"))
    figure.add_trace(line(epochs, validation, "validation", network_colour(network), unit="", digits=_DIGITS, width=2))
    figure.update_xaxes(title_text="epoch", tickformat="d", hoverformat="d", rangemode="tozero", dtick=_step(len(loss)))
    figure.update_yaxes(title_text="squared error (scaled closes)", type="log", exponentformat="power")
    return figure
