"""Figures of what forecasts are worth: nothing is cut off, and colours say what is good."""

import pandas as pd
import pytest

from lib import figures

MODELS = ("ridge", "CNN", "LSTM-CNN")


@pytest.fixture
def folds():
    rows = [
        ("A-USD", scheme, model, 0.1 * k, -0.7 - k, -30.0 * k)
        for scheme in ("expanding", "sliding")
        for k, model in enumerate(MODELS)
    ]
    return pd.DataFrame(rows, columns=["ticker", "scheme", "model", "block 1", "block 2", "block 3"])


@pytest.fixture
def leaks():
    rows = [
        ("A-USD", leak, "test", model, -9.0 * k, -20.0 * k - 1, 0.1)
        for leak in ("nothing", "both")
        for k, model in enumerate(MODELS)
    ]
    return pd.DataFrame(rows, columns=["ticker", "reading", "part", "model", "skill", "skill_worst", "skill_best"])


def limits(figure, which):
    figure.canvas.draw()
    return [getattr(ax, f"get_{which}lim")() for ax in figure.axes]


def test_the_worst_network_is_inside_the_axes(folds, leaks):
    figure = figures.skill_by_block(folds)
    assert all(low < -60 and high > 0.2 for low, high in limits(figure, "y"))
    assert figure.axes[-1].get_xlabel().endswith("skills of one block have no interval")
    assert all(low < -41 and high > 0.1 for low, high in limits(figures.leak_effects(leaks), "y"))
    scores = leaks.assign(skill_lower=leaks["skill_worst"], skill_upper=leaks["skill_best"])
    figure = figures.skill_intervals(scores, "test")
    assert all(low < -41 and high > 0.1 for low, high in limits(figure, "x"))
    assert "−10" in [t.get_text() for t in figure.axes[0].get_xticklabels()]


def test_alarms_are_red_only_where_there_was_nothing_to_find():
    rates = pd.DataFrame(
        {
            "test": "diebold_mariano",
            "model": ["ridge", "drift"],
            "rate": [0.5, 0.04],
            "too_many": [True, False],
            "fewest": 3,
            "most": 19,
            "runs": 200,
        }
    )
    false, found = (figures.alarms(rates, 0.05, wanted) for wanted in (False, True))
    colours = [[bar.get_facecolor() for bar in figure.axes[0].patches[:2]] for figure in (false, found)]
    assert colours[0][0] != colours[1][0] and colours[0][1] == colours[1][1]
