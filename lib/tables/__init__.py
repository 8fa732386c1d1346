"""Tables, a function each, and beside it the sentences that read it.

Those of the thesis carry its numbers: ``tables.table_4_2`` makes Table 4.2 (:mod:`thesis`). Those of the evaluation
are computed from the long frame of ``lib.experiments`` and lie in the file of their question.
"""

from lib.tables.answer import answers, answers_in_words, counted, r2_beside_naive, relative_errors
from lib.tables.controls import alignments, controls_in_words, shifted_forecasts
from lib.tables.direction import directions, trading_in_words, trading_rules, wealth_paths
from lib.tables.intervals import interval_scores, intervals_in_words
from lib.tables.leakage import leak_check_in_words, leak_steps, leaks_in_words
from lib.tables.significance import (
    better_than_naive,
    confidence_sets,
    power_by_skill,
    power_in_words,
    tests_in_words,
)
from lib.tables.skill import (
    common_seeds,
    differences,
    differences_in_words,
    diverged_in_words,
    mean_scores,
    mean_scores_in_words,
    picked_best,
    picked_in_words,
    seed_scores,
    seeds_disagree,
)
from lib.tables.thesis import (
    best_of_each_study,
    best_r2,
    best_trials,
    cleaning_steps,
    comparison_in_words,
    hyperparameters,
    impact_in_words,
    layers,
    parameter_count_in_words,
    r2_of_split,
    range_in_words,
    table_4_1,
    table_4_2,
    table_4_3,
    table_4_4,
    table_4_5,
    window_counts,
)
from lib.tables.walk_forward import regimes, walk_forward_in_words, walk_forward_skill

__all__ = [
    "alignments",
    "answers",
    "answers_in_words",
    "best_of_each_study",
    "best_r2",
    "best_trials",
    "better_than_naive",
    "cleaning_steps",
    "common_seeds",
    "comparison_in_words",
    "confidence_sets",
    "controls_in_words",
    "counted",
    "differences",
    "differences_in_words",
    "directions",
    "diverged_in_words",
    "hyperparameters",
    "impact_in_words",
    "interval_scores",
    "intervals_in_words",
    "layers",
    "leak_check_in_words",
    "leak_steps",
    "leaks_in_words",
    "mean_scores",
    "mean_scores_in_words",
    "parameter_count_in_words",
    "picked_best",
    "picked_in_words",
    "power_by_skill",
    "power_in_words",
    "r2_beside_naive",
    "r2_of_split",
    "range_in_words",
    "regimes",
    "relative_errors",
    "seed_scores",
    "seeds_disagree",
    "shifted_forecasts",
    "table_4_1",
    "table_4_2",
    "table_4_3",
    "table_4_4",
    "table_4_5",
    "tests_in_words",
    "trading_in_words",
    "trading_rules",
    "walk_forward_in_words",
    "walk_forward_skill",
    "wealth_paths",
    "window_counts",
]
