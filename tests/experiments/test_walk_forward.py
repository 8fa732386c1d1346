"""The walk-forward: which days a fold trains on, how its network is chosen, and that it sees no later day."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from lib import networks, thesis
from lib.experiments import frames, search, train, walk_forward


@pytest.fixture
def settings(tiny):
    return tiny(networks=["CNN", "LSTM"], folds=2, fold_trials=2, lookback=5, tickers=["BTC-USD"])


@pytest.fixture(autouse=True)
def quick_baselines(monkeypatch):
    monkeypatch.setattr(frames, "of_baselines", partial(frames.of_baselines, names=["naive", "ridge"]))


def test_folds_cover_the_second_half_and_train_on_earlier_days_only():
    days = pd.date_range("2020-01-01", periods=101)
    for scheme in walk_forward.SCHEMES:
        found = walk_forward.folds(days, 3, scheme)
        assert np.concatenate([f["test"] for f in found]).tolist() == days[50:].to_numpy().tolist()
        assert [len(f["test"]) for f in found] == [17, 17, 17]
        for f in found:
            whole = f["train"].append(f["validation"]).append(f["test"])
            assert whole.equals(pd.date_range(whole[0], whole[-1])), "one after the other, nothing left out or twice"
            before = len(f["train"]) + len(f["validation"])
            assert len(f["validation"]) == round(before * walk_forward.INNER_SHARE)
        starts = [f["train"][0] for f in found]
        assert starts == ([days[0]] * 3 if scheme == "expanding" else [days[0], days[17], days[34]])
    assert [len(f["test"]) for f in walk_forward.folds(days[:100], 3, "sliding")] == [16, 16, 18]


def test_sets_of_hyperparameters_are_drawn_from_the_search_space_and_never_the_set_chosen_on_test_days(settings):
    many = settings.changed(fold_trials=40)
    for network in networks.ARCHITECTURES:
        sets = walk_forward.trial_sets(network, many, "BTC-USD", 1)
        assert thesis.best_hyperparameters(network) not in sets and len(sets) == 40
        space = search.search_space(network)
        for one in sets:
            assert set(one) == set(space)
            assert all(space[n]._contains(space[n].to_internal_repr(value)) for n, value in one.items())
        assert sets == walk_forward.trial_sets(network, many, "BTC-USD", 1)
        assert sets != walk_forward.trial_sets(network, many, "BTC-USD", 2)


def test_a_fold_is_chosen_inside_and_sees_no_later_price(settings, random_walk, no_training):
    prices = random_walk()
    frame, trials = walk_forward.forecasts(prices, settings)
    by_fold = trials.groupby(["network", "scheme", "fold"])
    assert len(trials) == 2 * 2 * 2 * 2 and by_fold["chosen"].sum().eq(1).all()
    assert trials.loc[by_fold["validation_mse"].idxmin(), "chosen"].all()
    days = walk_forward.folds(prices["BTC-USD"].index, 2, "sliding")
    second = frame[(frame["reading"] == "sliding 2") & (frame["model"] == "LSTM")]
    assert second["date"].tolist() == days[1]["test"].tolist()
    assert {(t.settings.scaling, t.settings.gap_fill) for t in no_training[0]} == {("train", "previous")}
    # Everything about the first block stays the same, to the last bit, when later prices change.
    later = {"BTC-USD": prices["BTC-USD"].copy()}
    later["BTC-USD"].loc[days[0]["test"][-1] + pd.Timedelta(days=1) :] *= 3
    again, _ = walk_forward.forecasts(later, settings)
    first, second = (frame["reading"].isin([f"{scheme} {k}" for scheme in walk_forward.SCHEMES]) for k in (1, 2))
    pd.testing.assert_frame_equal(frame[first], again[first], check_exact=True)
    assert not frame[second]["predicted_usd"].equals(again[second]["predicted_usd"])


def test_both_schemes_share_the_trainings_of_the_first_fold(settings, random_walk):
    keys = {}
    for training, about in walk_forward.trainings(random_walk(), settings):
        keys.setdefault((about["scheme"], about["fold"]), set()).add(training.key)
    assert keys["expanding", 1] == keys["sliding", 1] and all(len(of) == 4 for of in keys.values())
    assert len(set.union(*keys.values())) == 3 * 4


def test_a_diverged_training_is_never_chosen_over_another(settings, random_walk, no_training, monkeypatch):
    trained = train.train_all

    def diverged(result):
        arrays = {name: np.full_like(values, np.nan) for name, values in result.arrays.items()}
        return replace(result, arrays=arrays, diverged=True)

    def first_ones_diverge(trainings, *rest):
        return [r if at % 2 else diverged(r) for at, r in enumerate(trained(trainings, *rest))]

    monkeypatch.setattr(train, "train_all", first_ones_diverge)
    frame, trials = walk_forward.forecasts(random_walk(), settings)
    assert set(trials.loc[trials["trial"] == 1, "validation_mse"]) == {np.inf}
    assert set(trials.loc[trials["chosen"], "trial"]) == {2} and frame["predicted_usd"].notna().all()
