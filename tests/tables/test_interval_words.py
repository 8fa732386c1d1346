"""Words about intervals: with few independent spans no interval and no third is said."""

import pandas as pd

from lib import tables
from lib.evaluation import intervals
from lib.experiments import controls


def test_an_interval_is_said_only_where_there_are_spans_for_it():
    close = controls.walk(420, seed=2)
    bands = intervals.conformal(close, horizons=(1, 30))
    found = {}
    for days in (200, 60):
        its = bands[bands["origin"] >= close.index[-days]]
        found[days] = tables.intervals_in_words(tables.interval_scores({"A": {"conformal": its}}, ["level"]))
    assert "In brackets 95 % intervals" in found[200] and "calm third" in found[200]
    assert "worth no more than about 1 that share none: too few for intervals or thirds" in found[60]
    assert "calm" not in found[60] and " to " not in found[60].split("\n", 1)[1]
    assert pd.Series(found).str.contains("nominal 90%").all()
