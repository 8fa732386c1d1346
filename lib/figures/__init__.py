"""Figures: those of the thesis under its numbers (:mod:`thesis`), those of the evaluation, and their one style.

``figures.figure_4_5`` draws Figure 4.5. Each function returns a matplotlib Figure; none shows or saves it.
"""

from lib.figures.evaluation import (
    alarms,
    answer,
    coverage_by_horizon,
    interval_example,
    leak_effects,
    response_by_day,
    skill_by_block,
    skill_intervals,
    wealth,
)
from lib.figures.style import NETWORK_COLOURS, canvas, coin_colour, legend_above, log_ticks, style, styled
from lib.figures.thesis import (
    cleaning_before_after,
    figure_4_1,
    figure_4_2,
    figure_4_3,
    figure_4_4,
    figure_4_5,
    figure_4_6,
    indicators,
    learning_curves,
    levels_and_returns,
    outlier_fences,
    predicted_and_actual,
    replay,
    residuals,
    scaled_window,
)

__all__ = [
    "NETWORK_COLOURS",
    "alarms",
    "answer",
    "canvas",
    "cleaning_before_after",
    "coin_colour",
    "coverage_by_horizon",
    "figure_4_1",
    "figure_4_2",
    "figure_4_3",
    "figure_4_4",
    "figure_4_5",
    "figure_4_6",
    "indicators",
    "interval_example",
    "leak_effects",
    "learning_curves",
    "legend_above",
    "levels_and_returns",
    "log_ticks",
    "outlier_fences",
    "predicted_and_actual",
    "replay",
    "residuals",
    "response_by_day",
    "scaled_window",
    "skill_by_block",
    "skill_intervals",
    "style",
    "styled",
    "wealth",
]
