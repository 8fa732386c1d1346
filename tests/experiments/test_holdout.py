"""Days after the last one that a network knew: what reaches its inputs, who is scored there, and by how many seeds."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from lib import settings
from lib.data import windows
from lib.experiments import holdout, seeds

DAYS = pd.date_range("2023-01-01", periods=400, name="date")
LAST = DAYS[299]


def walk(seed=1, days=DAYS):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, len(days))))
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close), index=days)
    return frame.assign(Volume=1e6)


@pytest.fixture
def chosen():
    return settings.sample().changed(
        start_date=DAYS[0].date(), end_date=LAST.date(), lookback=20, networks=["CNN"], evaluation_seeds=2, max_epochs=2
    )


@pytest.mark.parametrize("scaling", ["all", "train"])
@pytest.mark.parametrize("target", ["close", "log_return"])
@pytest.mark.parametrize("outliers", ["off", "cap"])
def test_windows_go_on_as_those_of_the_known_days_end(chosen, scaling, target, outliers):
    """With the scaler and fences of the known days, which a window that ends on them shows."""
    chosen = chosen.changed(scaling=scaling, target=target, outliers=outliers)
    prices = {"BTC-USD": walk()}
    known = windows.build({"BTC-USD": prices["BTC-USD"][:LAST]}, chosen, reach_back=True)["BTC-USD"]
    later = windows.after(prices, chosen, LAST)["BTC-USD"]
    assert list(later.dates) == list(DAYS[300:]) and later.name == "holdout"
    np.testing.assert_array_equal(later.X[0][:-1], known.test.X[-1][1:])
    assert later.X[0][-1] == pytest.approx(known.test.y[-1])
    np.testing.assert_array_equal(later.last_close_usd[1:], later.actual_usd[:-1])
    if outliers == "off":  # else a capped close is not the one that is scored
        np.testing.assert_allclose(known.forecast_usd(later, later.y), later.actual_usd, rtol=1e-4)


@pytest.mark.parametrize("gap_fill", ["linear", "previous"])
def test_no_later_price_reaches_an_input(chosen, gap_fill):
    frame = walk()
    frame.loc[[DAYS[299], DAYS[300], DAYS[350]]] = np.nan  # gaps over the border and within
    chosen = chosen.changed(gap_fill=gap_fill)
    before = windows.after({"BTC-USD": frame}, chosen, LAST)["BTC-USD"]
    assert not {DAYS[300], DAYS[301], DAYS[350], DAYS[351]} & set(before.dates), "a filled price is not scored"
    changed = frame.copy()
    changed.loc[DAYS[360] :] *= 7
    after = windows.after({"BTC-USD": changed}, chosen, LAST)["BTC-USD"]
    early = before.dates <= DAYS[360]
    np.testing.assert_array_equal(before.X[early], after.X[early])
    assert not np.array_equal(before.X[~early], after.X[~early])


def test_a_refit_learns_from_all_known_days_and_from_no_later_one(chosen):
    prices = {"BTC-USD": walk()}
    planned = holdout.refits(prices, chosen, {("BTC-USD", "CNN"): 7})
    assert [k for _, k in planned] == [1, 2]
    one = planned[0][0]
    assert one.data.days["train"][-1] == LAST and one.data.days["validation"][0] == DAYS[300]
    assert one.data.train.dates[-1] == LAST and one.hyperparameters["epochs"] == 7
    assert one.settings.patience is None and not one.settings.restore_best_weights
    scored = one.data.validation.dates.append(one.data.test.dates)
    assert list(scored) == list(DAYS[300:])
    high = prices["BTC-USD"]["Close"][:LAST].max()
    assert one.data.high_usd == pytest.approx(high), "the scaler knows no later price"


def test_epochs_are_the_median_of_the_best_ones_without_diverged_trainings(chosen):
    data = windows.build({"BTC-USD": walk()[:LAST]}, chosen)["BTC-USD"]
    planned = [(seeds.training(data, "CNN", chosen, k), k) for k in (1, 2, 3, 4)]

    class Ended:
        def __init__(self, best_epoch, diverged=False):
            self.best_epoch, self.diverged = best_epoch, diverged

    ended = [Ended(3), Ended(9), Ended(5), Ended(100, True)]
    assert holdout.median_epochs(planned, ended) == {("BTC-USD", "CNN"): 5}
    assert holdout.median_epochs(planned[:1], [Ended(1, True)]) == {}


def test_a_source_without_later_days_holds_its_last_ones_out(chosen):
    prices = {"BTC-USD": walk(days=pd.date_range("2020-01-01", "2021-10-27", name="date"))}
    run = settings.sample()
    cut = holdout.chosen_days(prices, run)
    assert cut.end_date == date(2021, 7, 29) and run.changed(end_date=cut.end_date) == cut
    short = {"BTC-USD": prices["BTC-USD"][-200:]}
    few = run.changed(start_date=short["BTC-USD"].index[0].date(), lookback=10)
    assert holdout.chosen_days(short, few) == few, "too few to hold any out"
    asked = run.changed(end_date=date(2021, 8, 1), holdout_end=date(2021, 9, 1))
    assert holdout.chosen_days(prices, asked) == asked and holdout.last_day(asked) == date(2021, 9, 1)


def test_too_few_later_days_are_named(chosen):
    with pytest.raises(windows.WindowError, match="19 of the days after 2023-10-27 have a window and a price, but 20"):
        holdout.check_days({"BTC-USD": walk()[: DAYS[318]]}, chosen)


@pytest.mark.slow
def test_every_reading_is_scored_on_the_holdout_with_its_seeds(chosen):
    prices = {"BTC-USD": walk()}
    frame = holdout.forecasts(prices, chosen)
    counts = frame.groupby(["part", "reading"])["seed_number"].nunique().to_dict()
    twice = {(part, reading): 2 for part in ("test", "holdout") for reading in ("as evaluated", "every epoch")}
    assert counts == {**twice, ("holdout", "refitted"): 2}
    later = frame[frame["part"] == "holdout"]
    assert (
        later.groupby(["reading", "seed_number"])["date"].agg(list).map(lambda days: days == list(DAYS[300:]))
    ).all()
    same = seeds.forecasts({"BTC-USD": prices["BTC-USD"][:LAST]}, chosen, ("close",))
    mine = frame[(frame["part"] == "test") & (frame["reading"] == "as evaluated") & (frame["seed_number"] == 1)]
    theirs = same[(same["part"] == "test") & (same["model"] == "CNN") & (same["seed_number"] == 1)]
    np.testing.assert_array_equal(mine["predicted_usd"], theirs["predicted_usd"])
    without = holdout.forecasts({"BTC-USD": prices["BTC-USD"][:LAST]}, chosen)
    assert set(without["part"]) == {"test"}
