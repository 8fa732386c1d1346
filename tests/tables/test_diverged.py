"""A diverged training is a result: infinitely bad, counted, and no table, test or figure fails on it."""

import numpy as np
import pandas as pd
import pytest

from lib import figures, tables
from tests.tables.test_evaluation_tables import DAYS, long_frame, naive_errors

CLOSES = {"A": np.array([1.0, 2.0, 4.0])}


def frame_with(lost, part="test", reading="close"):
    """Three seeds each of a CNN and an LSTM; the CNN's seeds in ``lost`` diverged."""
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 0.1, (3, DAYS))
    for k, worst in zip(lost, (np.nan, np.inf, 1e200)):
        errors[k, 5:] = worst
    models = {
        "naive": naive_errors(),
        "CNN": errors,
        "LSTM": rng.normal(0, 2, (3, DAYS)),
        "drift": naive_errors() * 1.1,
    }
    frame = long_frame(models, part=part, reading=reading)
    return frame.assign(seed=frame["seed_number"].astype("Int64"))


@pytest.fixture(
    params=[pytest.param((1,), id="one of three"), pytest.param((0, 1, 2), id="all", marks=pytest.mark.slow)]
)
def lost(request):
    return request.param


def test_scores_are_infinitely_bad(lost):
    frame = frame_with(lost)
    row = tables.mean_scores(frame, CLOSES).set_index("model").loc["CNN"]
    assert row["MSE"] == row["MASE"] == row["MAE_largest"] == np.inf
    assert row["skill"] == row["R2"] == row["skill_worst"] == row["skill_lower"] == -np.inf
    assert np.isnan(row["skill_spread"]) and np.isfinite(row["skill_best"]) == (len(lost) == 1)
    seeds = tables.seed_scores(frame)
    mine = seeds[seeds["model"] == "CNN"]
    assert (mine["skill"] == -np.inf).sum() == len(lost) and np.isfinite(mine["MSE_naive"]).all()
    told = tables.diverged_in_words(seeds)
    assert told.startswith(f"{len(lost)} of 6 trainings diverged (CNN on A, close, seed {lost[0] + 1}")
    assert tables.diverged_in_words(seeds[seeds["model"] == "LSTM"]) == "None of 3 trainings diverged."
    assert tables.seeds_disagree(tables.mean_scores(frame, CLOSES), seeds) == []
    assert "Best drift" in tables.mean_scores_in_words(tables.mean_scores(frame, CLOSES), "test", "close")


def test_tests_and_sets_use_the_other_seeds_and_keep_the_family(lost):
    frame = frame_with(lost)
    found = tables.better_than_naive(frame).set_index("model")
    sets = tables.confidence_sets(frame).set_index("model")
    if len(lost) == 1:
        good = frame[~((frame["model"] == "CNN") & frame["seed_number"].isin([k + 1 for k in lost]))]
        mean = ["skill", "statistic", "p_better", "p_better_holm", "hits", "p_direction"]
        pd.testing.assert_series_equal(
            found.loc["CNN", mean], tables.better_than_naive(good).set_index("model").loc["CNN", mean]
        )
        assert found.loc["CNN", "seeds_better"] == pytest.approx(2 / 3) and sets.loc["CNN", "in_set"]
    else:
        assert found.loc["CNN", ["skill", "p_better", "p_direction", "seeds_better"]].tolist() == [-np.inf, 1, 1, 0]
        assert not sets.loc["CNN", "in_set"] and sets.loc["CNN", "mean_loss"] == np.inf
        assert found.loc["drift", "p_better_holm"] == 1, "still one of three"
    assert len(sets) == 4


def test_directions_money_and_alignment_do_without(lost):
    frame = frame_with(lost)
    row = tables.directions(frame).set_index("model").loc["CNN"]
    assert row["seeds"] == 3 and np.isfinite(row["accuracy"]) == (len(lost) == 1)
    traded = tables.trading_rules(frame)
    assert ("CNN" in set(traded["model"])) == (len(lost) == 1)
    paths = tables.wealth_paths(frame, "close", "test")
    assert ("CNN" in paths["A"]) == (len(lost) == 1)
    verdict = tables.alignments(frame).set_index("model").loc["CNN", "verdict"]
    assert ("every training diverged" in verdict) == (len(lost) == 3)
    figures.wealth(paths).draw_without_rendering()


def test_picking_a_seed_never_fails(lost):
    both = pd.concat([frame_with(lost, "validation"), frame_with(lost)])
    picked = tables.picked_best(both).set_index(["model", "picked_of"])["test_skill"]
    assert np.isfinite(picked["CNN", 3]) == (len(lost) == 1) and picked["CNN", 1] == -np.inf


def test_blocks_of_a_walk_forward(lost):
    frame = pd.concat([frame_with(lost, reading="expanding 1"), frame_with((), reading="expanding 2")])
    frame = frame[frame["seed_number"].isin([0, lost[0] + 1])]
    found = tables.walk_forward_skill(frame).set_index("model")
    assert found.loc["CNN", ["skill", "block 1"]].tolist() == [-np.inf] * 2 and found.loc["CNN", "p_better"] == 1
    assert np.isfinite(found.loc["CNN", "block 2"])
    assert "Diverged: CNN." in tables.walk_forward_in_words(found.reset_index())
    figures.skill_by_block(found.reset_index()).draw_without_rendering()


def test_figures_show_the_others(lost):
    scores = tables.mean_scores(pd.concat([frame_with(lost), frame_with((), reading="both")]), CLOSES)
    figure = figures.skill_intervals(scores, "test")
    figure.draw_without_rendering()
    assert np.isfinite(figure.axes[0].get_xlim()).all()
    figures.leak_effects(scores[scores["model"] != "naive"]).draw_without_rendering()
    added = tables.differences(scores, "close")
    assert "pairs of model and ticker" in tables.differences_in_words(added, "both")
    assert "added by both" in added and added.set_index("model").loc["CNN", "added by both"] == np.inf
