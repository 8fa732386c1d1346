"""The first cell of a notebook says how many trainings the whole run takes: those of the experiments behind it."""

import json

import pytest

from lib import settings
from lib.experiments import controls, leakage, walk_forward


@pytest.mark.parametrize("name", ["09a_skill", "09b_walk_forward", "09c_leakage", "09e_controls"])
def test_headers_say_how_many_trainings_the_whole_run_takes(name):
    """The two schemes share a fold, and scaling over everything is trained in 09a already."""
    whole = settings.load(settings.PROJECT_ROOT / "params/thesis.yaml")
    pairs = len(whole.tickers) * len(whole.networks)
    counts = {
        "09a_skill": pairs * (whole.evaluation_seeds + whole.comparison_seeds),
        "09b_walk_forward": pairs * whole.fold_trials * (len(walk_forward.SCHEMES) * whole.folds - 1),
        "09c_leakage": pairs * whole.comparison_seeds * (len(leakage.LEAKS) - 1),
        "09e_controls": len(whole.networks) * sum(controls.number_of_runs(s, whole) for s in controls.SERIES),
    }
    notebook = json.loads((settings.PROJECT_ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert f"for the {counts[name]} trainings of `params/thesis.yaml`" in "".join(notebook["cells"][0]["source"])
