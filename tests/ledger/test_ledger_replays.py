"""Verdicts on printed scores, from the tables of the replay."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from lib import ledger
from lib.ledger import Evidence, Missing, verdicts
from lib.ledger.checks import replays
from lib.ledger.rows import trial_id

TRIAL = trial_id("SOL-USD", "CNN", 29)


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


def replay_table(**about):
    """One trial of ours; its printed MSE is 0.000678."""
    one = {"ticker": "SOL-USD", "network": "CNN", "trial": 29, "same_coin": True, "objective": 6e-4, "mse": 6.78e-4}
    one |= {"trainings": 3, "our_objective": 6.1e-4, "our_mse": 9e-4, "mse_low": 5e-4, "mse_high": 1.6e-3}
    return pd.DataFrame([{**one, "mse_inside": True, "naive_mse": 6.4e-4, **about}])


def found_of(rows, identity, **tables):
    return verdicts._find(rows[identity], Evidence({}, rows, **tables))


@pytest.mark.parametrize(
    "about, expected",
    [
        ({}, "close"),
        ({"mse_high": 6.77e-4}, "not reproduced"),
        ({"mse_high": 6.776e-4}, "close"),  # 0.000678 stands for 0.0006775 to 0.0006785
        ({"mse_low": 6.79e-4}, "not reproduced"),
        ({"our_mse": 6.78e-4, "mse_low": 6.9e-4}, "not reproduced"),
    ],
)
def test_a_trial_is_judged_by_the_interval_of_one_more_training(rows, about, expected):
    found = found_of(rows, TRIAL, replay=replay_table(**about))
    assert verdicts.verdict(rows[TRIAL], found, rows).verdict == expected and found.seeds == 3
    assert "3 trainings of ours" in found.because and "naive 0.00064" in found.because


def test_a_changed_printed_score_changes_its_verdict(rows):
    other = dataclasses.replace(rows[TRIAL], printed="1.70e-03")
    found = found_of(rows, TRIAL, replay=replay_table())
    assert verdicts.verdict(other, found, rows).verdict == "not reproduced"


def test_what_was_not_trained_says_so_with_its_command(rows):
    for tables in (
        {},
        {"replay": replay_table(trial=3)},
        {"replay": replay_table(trainings=0)},
        {"replay": replay_table(same_coin=False)},
    ):
        found = found_of(rows, TRIAL, **tables)
        assert isinstance(found, Missing) and str(found).startswith("not computed in this run")
        assert "params/replay.yaml --only 08b" in str(found)
    assert "with several seeds" in str(found_of(rows, TRIAL, replay=replay_table(mse_low=np.nan)))
    assert "diverged" in str(found_of(rows, TRIAL, replay=replay_table(mse_low=np.nan, our_mse=np.inf)))
    assert str(found_of(rows, TRIAL, why={"replay": "do this"})) == "do this"


def test_the_best_of_a_study_is_judged_by_the_best_of_as_many(rows):
    study = {"ticker": "SOL-USD", "network": "CNN", "trials": 30, "trained": 30, "best_low": 6e-4, "best_high": 7e-4}
    replay = pd.concat([replay_table(), replay_table(trial=3, our_mse=6.5e-4)])
    found = found_of(rows, "abstract/cnn_mse", replay=replay, studies=pd.DataFrame([study]))
    assert (found.value, found.low, found.high, found.seeds) == (6.5e-4, 6e-4, 7e-4, 30)
    assert verdicts.verdict(rows["abstract/cnn_mse"], found, rows).verdict == "close"
    lucky = pd.DataFrame([{**study, "best_low": 6.9e-4}])
    found = found_of(rows, "abstract/cnn_mse", replay=replay, studies=lucky)
    assert verdicts.verdict(rows["abstract/cnn_mse"], found, rows).verdict == "not reproduced"
    for partly in (pd.DataFrame([{**study, "best_low": np.nan}]), pd.DataFrame([{**study, "network": "LSTM"}])):
        assert "not every trial" in str(found_of(rows, "abstract/cnn_mse", replay=replay, studies=partly))


@pytest.mark.parametrize("p, expected", [(0.2, "reproduced"), (0.01, "not reproduced")])
def test_whether_a_study_comes_back_is_a_test_of_all_of_its_trials(rows, p, expected):
    study = {"ticker": "SOL-USD", "network": "CNN", "trials": 30, "trained": 30, "judged": 30, "inside": 28}
    study |= {"p_holm": p, "ours_over_published": 1.1}
    identity = "Appendix 1/replayed_CNN"
    found = found_of(rows, identity, studies=pd.DataFrame([study]))
    assert verdicts.verdict(rows[identity], found, rows).verdict == expected
    assert found.shown == "28 of 30" and "95% would be" in found.because
    for partly in ({"trained": 29}, {"p_holm": np.nan}, {"network": "LSTM"}):
        assert "not every CNN on SOL-USD" in str(found_of(rows, identity, studies=pd.DataFrame([study | partly])))


def test_inputs_are_those_whose_objectives_come_back_best(rows):
    made = [
        {"inputs": "own_close", "trials": 11, "objective_factor": 1.05, "own_nearer": 0, "decided": 0, "p": np.nan},
        {"inputs": "all_closes", "trials": 11, "objective_factor": 1.3, "own_nearer": 10, "decided": 11, "p": 0.01},
        {"inputs": "ohlcv_indicators", "trials": 11, "objective_factor": 1.0, "own_nearer": 5, "decided": 11, "p": 1.0},
    ]
    identity = "Table 4.3/input_features"
    found = found_of(rows, identity, inputs_compared=pd.DataFrame(made))
    assert found.value == 1 and "nearer in 10 of 11" in found.because
    made[1] |= {"objective_factor": 1.01, "own_nearer": 1}
    assert found_of(rows, identity, inputs_compared=pd.DataFrame(made)).value == 3
    made[1]["p"] = 0.3
    assert "do not tell inputs apart" in str(found_of(rows, identity, inputs_compared=pd.DataFrame(made)))
    assert "only one kind of inputs" in str(found_of(rows, identity, inputs_compared=pd.DataFrame(made[:1])))


def test_the_best_trials_lie_where_the_records_have_them():
    from lib.thesis import records

    trials = records.trials()
    for network, (ticker, trial) in replays.BEST_TRIALS.items():
        its = trials[(trials["network"] == network) & (trials["ticker"] == ticker)]
        assert its.loc[its["mse"].idxmin(), "trial"] == trial
