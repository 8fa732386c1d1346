"""Figures of what forecasts are worth: nothing is cut off, and colours say what is good."""

from itertools import combinations

import pandas as pd
import pytest
from matplotlib.text import Text

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


def test_no_label_below_the_blocks_lies_on_another(folds):
    """Two panels side by side, each with its label, and the legend below them."""
    coins = pd.concat([folds.assign(ticker=ticker) for ticker in ("A-USD", "B-USD", "C-USD")])
    figure = figures.skill_by_block(coins)
    figure.draw_without_rendering()
    named = [ax for ax in figure.axes if ax.get_xlabel()]
    boxes = [part.get_window_extent() for part in (*(ax.xaxis.label for ax in named), *figure.legends)]
    assert len(boxes) == 3 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_one_bad_network_does_not_press_the_others_together():
    """Red on the symlog axis that all panels shared: there it is an arrow with its numbers now."""
    skills = {"CNN": (-0.02, -0.03, -0.01), "LSTM": (0.0, -0.01, 0.01), "CNN-LSTM": (-30.0, -50.0, -20.0)}
    rows = [("SOL-USD", "close", "test", model, *three) for model, three in skills.items()]
    names = ["ticker", "reading", "part", "model", "skill", "skill_lower", "skill_upper"]
    figure = figures.skill_intervals(pd.DataFrame(rows, columns=names), "test")
    ax, ((low, high),) = figure.axes[0], limits(figure, "x")
    assert ax.get_xscale() == "linear" and high - low < 0.3
    assert [t.get_text() for t in ax.texts] == ["-30 [-50, -20]"]


@pytest.mark.parametrize(
    "verdicts, said",
    [
        (["worse"] * 12, "Skill on holdout days: all 12 networks are worse than no model"),
        (["worse"] * 10 + ["better", "indistinguishable"], "10 worse, 1 indistinguishable, 1 better"),
    ],
)
def test_the_titles_of_the_answer_name_days_and_counts_and_are_not_cut_off(verdicts, said):
    """Red where the second one began with "of 12 networks": it left the picture."""
    names = [(t, m) for t in ("ADA-USD", "ETH-USD", "SOL-USD") for m in ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")]
    key = pd.DataFrame(names, columns=["ticker", "model"]).assign(part="holdout", reading="as evaluated")
    found = key.assign(skill=-0.4, skill_lower=-0.6, skill_upper=-0.1, verdict=verdicts)
    figure = figures.answer(found, key.assign(r2=0.9, r2_naive=0.95), "holdout days")
    figure.draw_without_rendering()
    left, right = (
        next(t for t in ax.findobj(Text) if t.get_text() == ax.get_title("left") != "") for ax in figure.axes
    )
    assert said in right.get_text() and "holdout days" in right.get_text()
    assert right.get_window_extent().x1 <= figure.bbox.x1
    assert not left.get_window_extent().overlaps(right.get_window_extent())


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
