"""The twelve views of thesis section 5.2, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from lib.app.charts import prediction_views, price_views, training_views
from lib.app.charts.inputs import Finished


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        title: as a person reads it in a list.
        draw: takes a :class:`Finished`, returns a figure in the light theme.
        needs: which fields of :class:`Finished` it draws from, besides the names.
        stem: file name of its download, without ending.
    """

    title: str
    draw: Callable[[Finished], go.Figure]
    needs: tuple[str, ...]
    stem: str


def _view(title: str, draw: Callable[[Finished], go.Figure], needs: str) -> View:
    return View(title, draw, (needs,), draw.__name__)


VIEWS: dict[str, View] = {
    view.stem: view
    for view in (
        _view("Training history", training_views.training_history, "history"),
        _view("Predictions", prediction_views.predictions, "predictions"),
        _view("Residuals", prediction_views.residuals, "predictions"),
        _view("Error distribution", prediction_views.error_distribution, "predictions"),
        _view("Q-Q plot", prediction_views.qq, "predictions"),
        _view("Actual against predicted", prediction_views.actual_against_predicted, "predictions"),
        _view("Rolling metrics", prediction_views.rolling_metrics, "predictions"),
        _view("Candlestick", price_views.candlestick, "prices"),
        _view("Bollinger bands", price_views.bollinger, "prices"),
        _view("Momentum: RSI and MACD", price_views.momentum, "prices"),
        _view("Volume profile", price_views.volume_profile, "prices"),
        _view("Drawdown", price_views.drawdown, "prices"),
    )
}
