"""Who is trained on what: search, replay, seeds, walk-forward, leakage, controls, forecast."""

from lib.experiments.evaluation_runs import *  # noqa: F403
