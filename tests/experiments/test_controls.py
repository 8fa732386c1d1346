"""The controls: nothing is found on random walks more often than chance explains, and a planted signal is."""

import numpy as np
import pandas as pd
import pytest

from lib import networks
from lib.evaluation import baselines
from lib.experiments import controls, random_seeds
from lib.settings.places import PROJECT_ROOT


def peeking(share):
    """The naive forecast with some of the change of the day that it is for."""
    return lambda data, close: close.shift(1) + share * close.diff()


def test_a_random_walk_has_nothing_to_know_and_a_planted_signal_has():
    returns = {c: np.diff(np.log(controls.walk(40_000, c, seed=1))) for c in (0.0, 0.5)}
    for coefficient, r in returns.items():
        assert np.corrcoef(r[1:], r[:-1])[0, 1] == pytest.approx(coefficient, abs=0.015)
        assert r.std() == pytest.approx(0.04, rel=0.02)
    ends = [controls.walk(100, seed=seed, volatility=0.02).iloc[-1] for seed in range(3000)]
    assert np.mean(ends) == pytest.approx(100, abs=4 * np.std(ends) / np.sqrt(3000))


def test_tails_change_the_shape_and_not_the_size():
    normal, fat = (np.diff(np.log(controls.walk(40_000, tails=tails, seed=2))) for tails in (None, 5))
    assert fat.std() == pytest.approx(normal.std(), rel=0.03)
    assert pd.Series(fat).kurt() > 2 and abs(pd.Series(normal).kurt()) < 0.2


def test_simulated_prices_are_prices():
    frame = controls.as_prices(controls.walk(50))
    assert list(frame.columns) == ["Open", "High", "Low", "Close", "Volume"]
    assert (frame["High"] >= frame[["Open", "Close"]].max(axis=1)).all() and (
        frame["Low"] <= frame[["Open", "Close"]].min(axis=1)
    ).all()


@pytest.fixture(scope="module")
def on_random_walks():
    return controls.short_runs(runs=200)


def test_no_network_shows_skill_on_a_random_walk_more_often_than_chance_explains_and_the_signal_is_found():
    """On the committed runs."""
    path = PROJECT_ROOT / "outputs/thesis/tables/control_runs.csv"
    if not path.is_file():
        pytest.skip("the thesis run holds no runs of the controls yet")
    runs = pd.read_csv(path)
    assert runs.groupby("series")["run"].nunique().to_dict() == {controls.WALK: 200, controls.SIGNAL: 50}
    walks, signal = (controls.alarm_rates(runs[runs["series"] == s]) for s in (controls.WALK, controls.SIGNAL))
    trained = walks["model"].isin(networks.ARCHITECTURES)
    assert set(walks.loc[trained, "model"]) == set(networks.ARCHITECTURES)
    assert not walks.loc[trained, "too_many"].any(), walks[trained].to_string()
    better = signal[
        (signal["test"] == "diebold_mariano") & signal["model"].isin(["CNN", "CNN-LSTM", "ridge", "gradient boosting"])
    ]
    assert better["too_many"].all(), better.to_string()


@pytest.mark.slow
@pytest.mark.ci
def test_no_quick_model_shows_skill_on_a_random_walk_more_often_than_chance_explains(on_random_walks):
    found = on_random_walks
    assert (
        found["run"].nunique() == 200
        and set(found["model"]) == set(controls.QUICK_MODELS)
        and (found["days"] == 162).all()
    )
    rates = controls.alarm_rates(found)
    each = rates[rates["model"] != "any model"]
    # 200 runs at 5 %: 3 to 19 alarms hold 99 % of what chance does.
    assert (each["most"] == 19).all() and not each["too_many"].any(), each.to_string()
    # Directions are hit by chance alone, so that test's alarms are near nominal and not only few.
    directions = rates[(rates["test"] == "pesaran_timmermann") & rates["model"].isin(controls.QUICK_MODELS)]
    assert directions["alarms"].between(directions["fewest"], directions["most"]).all(), directions.to_string()
    assert (found.groupby("model")["skill"].median() < 0.01).all()


@pytest.mark.slow
def test_the_same_control_sounds_when_a_model_has_seen_the_day_itself():
    """A tenth of the day's change is enough: the bound can be broken."""
    found = controls.short_runs({"honest": baselines.moving_average, "peeks": peeking(0.1)}, runs=40)
    rates = controls.alarm_rates(found).set_index(["model", "test"])
    for test in ("diebold_mariano", "pesaran_timmermann"):
        assert rates.loc[("peeks", test), "too_many"] and not rates.loc[("honest", test), "too_many"]
        assert rates.loc[("any model, Holm", test), "too_many"]


@pytest.mark.slow
@pytest.mark.ci
def test_picking_the_best_of_many_models_raises_alarms_and_holm_takes_them_back(on_random_walks):
    coins = {
        f"coin {i}": on_random_walks[on_random_walks["model"] == "ridge"].assign(model=f"coin {i}") for i in range(6)
    }
    rng = np.random.default_rng(1)
    found = pd.concat(
        [frame.assign(diebold_mariano=rng.random(200), pesaran_timmermann=rng.random(200)) for frame in coins.values()]
    )
    rates = controls.alarm_rates(found).set_index(["model", "test"])
    # Six honest tests: 1 - 0.95^6 = 26 % of the runs have one below 5 %.
    assert rates.loc[("any model", "diebold_mariano"), "rate"] == pytest.approx(0.26, abs=0.1)
    assert rates.loc[("any model", "diebold_mariano"), "too_many"]
    assert not rates.loc[("any model, Holm", "diebold_mariano"), "too_many"]


def test_alarms_by_hand():
    found = pd.DataFrame(
        {
            "run": [0, 0, 1, 1, 2, 2],
            "model": ["a", "b"] * 3,
            "skill": 0.0,
            "diebold_mariano": [0.01, 0.5, 0.03, 0.9, 0.2, np.nan],
            "pesaran_timmermann": [0.9, np.nan, 0.9, 0.02, 0.04, np.nan],
        }
    )
    alarms = controls.alarm_rates(found).set_index(["model", "test"])["alarms"]
    assert alarms["a", "diebold_mariano"] == 2 and alarms["b", "diebold_mariano"] == 0
    assert alarms["any model", "diebold_mariano"] == 2 and alarms["any model, Holm", "diebold_mariano"] == 1
    # Where one of two could not be tested, the other is tested alone.
    assert alarms["any model", "pesaran_timmermann"] == 2 and alarms["any model, Holm", "pesaran_timmermann"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("target", ["close", "log_return"])
def test_a_planted_signal_is_found(target):
    """A third of each return's variance can be known (0.6 squared); ridge and trees must find it in nearly every run.

    The volatility is such that prices stay within some multiples of each other: closes that fall to
    a fiftieth leave models of scaled closes with changes that they have never seen.
    """
    models = {name: controls.QUICK_MODELS[name] for name in ("ridge", "gradient boosting")}
    found = controls.short_runs(
        models, runs=20, days=830, coefficient=0.6, volatility=0.02, setting=controls.short_settings(target=target)
    )
    by_model = found.groupby("model")
    assert (by_model["skill"].median() > 0.15).all(), by_model["skill"].describe()
    assert (by_model["skill"].median() < 0.36 + 0.1).all(), "more than there is to know"
    for test in ("diebold_mariano", "pesaran_timmermann"):
        assert (by_model[test].apply(lambda p: (p < 0.05).mean()) >= 0.8).all(), found.to_string()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ARIMA", "AR-GARCH", "ridge", "gradient boosting"])
def test_every_baseline_that_can_finds_the_signal(name):
    found = controls.short_runs({name: baselines.BASELINES[name]}, runs=3, days=830, coefficient=0.6, seed=50)
    assert found["skill"].median() > 0.2 and (found["diebold_mariano"] < 0.05).sum() >= 2


def test_the_quick_models_are_baselines():
    assert set(controls.QUICK_MODELS) <= set(baselines.BASELINES)


def test_networks_are_trained_on_returns_of_every_series_with_seeds_of_their_own(tiny):
    settings = tiny(networks=["CNN", "LSTM"], control_runs=22, max_epochs=200, scaling="all")
    walks, signal = (controls.trainings(series, settings) for series in (controls.WALK, controls.SIGNAL))
    assert len(walks) == 2 * 22 and len(signal) == 2 * 10
    assert controls.number_of_runs(controls.SIGNAL, tiny(control_runs=200)) == 50
    assert len({t.seed for t, _ in walks + signal}) == len({t.key for t, _ in walks + signal}) == 64
    for training, run in walks:
        assert training.seed == random_seeds.of_control(settings.seed, controls.WALK, training.network, run)
        assert training.data.target == "log_return" and training.settings.scaling == "train" and training.epochs == 10


@pytest.mark.slow
def test_networks_and_quick_models_are_evaluated_on_the_same_series(tiny, no_training):
    settings = tiny(networks=["CNN"], control_runs=20)
    found = controls.on_simulated(controls.SIGNAL, settings)
    assert set(found["series"]) == {controls.SIGNAL} and set(found["model"]) == {"CNN", *controls.QUICK_MODELS}
    assert found.groupby("model")["run"].apply(list).map(tuple).nunique() == 1 and set(found["days"]) == {162}
    trained = found["model"] == "CNN"
    assert (
        found.loc[trained, "seed"].tolist() == [t.seed for t in no_training[0]]
        and found.loc[~trained, "seed"].isna().all()
    )
