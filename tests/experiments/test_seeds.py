"""Every network with one seed and with several: what 09a trains, and that notebooks 04 to 07 train its first seed."""

import numpy as np
import pytest

from lib import thesis
from lib.data import windows
from lib.evaluation import baselines
from lib.experiments import frames, leakage, seeds


@pytest.fixture
def settings(tiny):
    return tiny(networks=["CNN", "LSTM"], evaluation_seeds=3, comparison_seeds=2, lookback=5, tickers=["BTC-USD"])


def keys(trainings):
    return [training.key for training in trainings]


def test_seed_1_is_the_training_of_notebooks_04_to_07(settings, random_walk, no_training):
    prices = random_walk()
    data = windows.build(prices, settings)
    ours = {(t.network, k, t.settings.target): t.key for t, k in seeds.trainings(prices, settings)}
    for network in settings.networks:
        training, result = seeds.trained(data, network, settings)["BTC-USD"]
        assert training.key == seeds.training(data["BTC-USD"], network, settings).key == ours[network, 1, "close"]
        assert len(seeds.predictions(training, result)) == sum(len(part.y) for part in data["BTC-USD"].parts)
    assert [keys(asked) for asked in no_training] == [[ours[n, 1, "close"]] for n in settings.networks]


def test_with_scaling_over_everything_it_is_a_training_of_the_leaks_too(settings, random_walk):
    """So 09c trains two of its three leaks only."""
    prices, scaled = random_walk(), settings.changed(scaling="all")
    leaks = leakage.trainings(prices, scaled)
    alike = {t.key for t, leak, _ in leaks if leak == "scaling over everything"}
    closes = seeds.trainings(prices, scaled, ["close"])
    assert alike == {t.key for t, k in closes if k <= 2} and len({t.key for t, *_ in leaks}) == 3 * len(alike) == 12
    assert not {t.key for t, k in closes} & {t.key for t, leak, _ in leaks if leak != "scaling over everything"}


def test_seeds_and_targets_and_baselines(settings, random_walk, no_training):
    frame = seeds.forecasts(random_walk(), settings)
    asked = no_training[0]
    assert len(asked) == 2 * (3 + 2) and len({t.seed for t in asked}) == 6, "targets share their seeds"
    assert {(t.settings.target, t.data.target) for t in asked} == {("close", "close"), ("log_return", "log_return")}
    trained = frame[frame["seed_number"] > 0]
    assert set(trained["model"]) == {"CNN", "LSTM"} and set(frame["part"]) == {"validation", "test"}
    on_returns = {"CNN", "LSTM", baselines.NAIVE, "ridge", "gradient boosting"}
    assert set(frame.loc[frame["reading"] == "close", "model"]) == {"CNN", "LSTM", *baselines.BASELINES}
    assert set(frame.loc[frame["reading"] == "log_return", "model"]) == on_returns
    assert frames.seeds_used(frame)["BTC-USD"]["CNN"] == [t.seed for t in asked if t.network == "CNN"][:3]


def test_a_forecast_of_the_last_close_is_the_naive_one(settings, random_walk, no_training):
    prices = random_walk()
    frame, data = seeds.forecasts(prices, settings), windows.build(prices, settings)["BTC-USD"]
    closes = frame[(frame["reading"] == "close") & (frame["model"] == "CNN") & (frame["seed_number"] > 0)]
    shift = thesis.best_hyperparameters("CNN")["dropout_rate"] / 100 * (data.high - data.low)
    np.testing.assert_allclose(closes["predicted_usd"], closes["naive_usd"] + shift, rtol=1e-5)


def test_predictions_are_of_the_weights_that_the_settings_name(settings, random_walk, no_training):
    data = windows.build(random_walk(), settings)
    for restore, weights in ((True, "best"), (False, "last")):
        asked = settings.changed(restore_best_weights=restore)
        training, result = seeds.trained(data, "CNN", asked)["BTC-USD"]
        other = {"best": "last", "last": "best"}[weights]
        for part in windows.SPLITS:
            result.arrays[f"{part}, {other}"][:] = np.nan
        assert seeds.predictions(training, result)["predicted_usd"].notna().all()
