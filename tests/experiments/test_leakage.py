"""Leaks: added one after the other on the same days, each where it belongs, and a check that sees one."""

from dataclasses import replace

import numpy as np
import pytest

from lib.experiments import frames, leakage, train


@pytest.fixture
def settings(tiny):
    return tiny(networks=["CNN", "LSTM"], comparison_seeds=2, lookback=5, tickers=["BTC-USD"], max_epochs=1)


def test_leaks_are_added_one_after_the_other_on_the_same_days(settings, random_walk, no_training):
    frame = leakage.forecasts(random_walk(), settings)
    assert list(dict.fromkeys(frame["reading"])) == list(leakage.LEAKS) and set(frame["part"]) == {"test"}
    assert frame.groupby(["reading", "model", "seed_number"])["date"].apply(tuple).nunique() == 1
    np.testing.assert_allclose(frame["predicted_usd"], frame["naive_usd"], rtol=0.2)  # each on its day
    by_leak = {}
    for t in no_training[0]:
        by_leak.setdefault((t.settings.scaling, t.data.validation.name), set()).add((t.network, t.seed))
    assert set(by_leak) == {("train", "validation"), ("all", "validation"), ("all", "test")}
    assert len({frozenset(of) for of in by_leak.values()}) == 1, "the same networks and seeds"


@pytest.mark.slow
def test_a_network_that_is_stopped_on_the_test_days_forecasts_them(settings, random_walk, pool):
    """Trained for real: the forecasts that are scored are those of the days that stopped the training."""
    training = next(t for t, leak, _ in leakage.trainings(random_walk(), settings) if leak == "both")
    result = train.train_all([training], weights=True)[0]
    model = train.model_of(training, result)
    stopped_on = training.data.validation
    assert stopped_on.name == "test"
    np.testing.assert_allclose(result.predicted("test"), np.ravel(model(stopped_on.X)), rtol=1e-5, atol=1e-6)
    loss = np.mean((result.predicted("test") - stopped_on.y) ** 2)
    assert loss == pytest.approx(result.val_loss[result.best_epoch - 1], rel=1e-4)
    frame = frames.of_training(training, result, "both", parts=["test"])
    assert frame["date"].tolist() == list(stopped_on.dates)


def test_the_targets_that_stop_a_training_are_part_of_its_key(settings, random_walk):
    for training, *_ in leakage.trainings(random_walk(), settings):
        data = training.data
        for split, counts in (("train", True), ("validation", True), ("test", False)):
            part = getattr(data, split)
            other = replace(training, data=replace(data, **{split: replace(part, y=part.y + 1)}))
            assert (other.key != training.key) is counts, split


def test_the_check_passes_the_honest_pipeline_and_catches_the_leaky_one(settings, random_walk):
    found = leakage.leak_check(random_walk(days=300), settings).set_index("scaling")
    assert not found.loc["train", "looked_ahead"] and found.loc["train", "changed"] == 0
    assert found.loc["train", "forecasts"] > 30
    assert found.loc["all", "looked_ahead"] and found.loc["all", "changed"] > 0
