"""Studies side by side give the same trials as one after the other, and an error loses nothing."""

import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from optuna.trial import TrialState

from lib.data import windows
from lib.experiments import tuning, workers

pytestmark = pytest.mark.slow


FIVE = [("ADA-USD", "CNN"), ("ADA-USD", "LSTM"), ("ETH-USD", "CNN"), ("ETH-USD", "LSTM"), ("SOL-USD", "CNN")]


def all_trials(folder, random_walk, chosen, trials, studies=FIVE):
    prices = random_walk("ADA-USD", "ETH-USD", "SOL-USD")
    data = windows.build(prices, chosen)
    digests = tuning.price_digests(prices, chosen.inputs)
    plans = [tuning.StudyPlan(t, n, trials, folder / f"{t}_{n}.db") for t, n in studies]
    tuning.run_studies(plans, data, chosen, digests)
    frames = [tuning.trial_frame(p, tuning.steering_of(chosen, digests[p.ticker])) for p in plans]
    return pd.concat(frames, ignore_index=True).drop(columns="seconds")


def test_one_two_and_five_workers_give_equal_trials(tmp_path, random_walk, tiny, capsys, monkeypatch):
    """Five studies whose later trials rest on the earlier ones; with two workers each study also changes its process in the middle."""
    settings = {"max_epochs": 1, "startup_trials": 2, "source": "yahoo", "tickers": ["ADA-USD", "ETH-USD", "SOL-USD"]}
    one = all_trials(tmp_path / "one", random_walk, tiny(workers=1, **settings), 5)
    assert len(one) == 25
    shown = capsys.readouterr().out
    assert (
        "Trials: 25 of 25" in shown and "5 of 5 studies done, best MSE ADA " in shown and "4 of 5 studies done" in shown
    )
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "PER_PROCESS", 3)
        two = all_trials(tmp_path / "two", random_walk, tiny(workers=2, **settings), 5)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    five = all_trials(tmp_path / "five", random_walk, tiny(workers=5, **settings), 5)
    pd.testing.assert_frame_equal(one, five, check_exact=True)
    capsys.readouterr()
    again = all_trials(tmp_path / "two", random_walk, tiny(workers=2, **settings), 5)
    pd.testing.assert_frame_equal(two, again, check_exact=True)
    assert "nothing to run" in capsys.readouterr().out


def test_an_error_in_one_study_keeps_what_the_others_finished(tmp_path, random_walk, tiny):
    """The last study is held by somebody else, so that the worker that comes to it fails."""
    chosen = tiny(workers=1, max_epochs=1, source="yahoo", tickers=["ADA-USD", "ETH-USD"])
    prices = random_walk("ADA-USD", "ETH-USD", "SOL-USD")
    digests = tuning.price_digests(prices, chosen.inputs)
    plans = [tuning.StudyPlan(t, n, 2, tmp_path / f"{t}_{n}.db") for t, n in FIVE[:3]]
    with tuning._alone(plans[2]), pytest.raises(tuning.StudyError, match="ETH-USD_CNN.db"):
        tuning.run_studies(plans, windows.build(prices, chosen), chosen, digests)
    assert not multiprocessing.active_children()
    assert [
        len(tuning.finished(tuning.open_study(p, tuning.steering_of(chosen, digests[p.ticker])))) for p in plans
    ] == [2, 2, 0]


def test_a_damaged_study_is_told_before_any_trial_starts(tmp_path, random_walk, tiny):
    chosen = tiny(workers=2, max_epochs=1, source="yahoo", tickers=["ADA-USD", "ETH-USD"])
    (tmp_path / "ETH-USD_LSTM.db").mkdir()
    with pytest.raises(tuning.StudyError, match="ETH-USD_LSTM.db"):
        all_trials(tmp_path, random_walk, chosen, 1, FIVE[:4])


def test_a_killed_worker_is_told_in_a_sentence_and_finished_trials_are_kept(tmp_path, random_walk, tiny, monkeypatch):
    def kill_one(*_, **__):
        multiprocessing.active_children()[0].kill()

    monkeypatch.setattr(workers.Progress, "step", kill_one)  # as soon as the first trial is told
    chosen = tiny(workers=2, max_epochs=1)
    prices = random_walk("BTC-USD")
    digests = tuning.price_digests(prices, chosen.inputs)
    plans = [tuning.StudyPlan("BTC-USD", n, 500, tmp_path / f"{n}.db") for n in ("CNN", "LSTM")]
    told = "ended before its trials were done, .* memory .* are kept: run it again to go on, perhaps with fewer workers than 2$"
    with pytest.raises(workers.WorkerError, match=told):
        tuning.run_studies(plans, windows.build(prices, chosen), chosen, digests)
    assert not multiprocessing.active_children()
    steering = tuning.steering_of(chosen, digests["BTC-USD"])
    assert sum(len(tuning.finished(tuning.open_study(p, steering))) for p in plans) >= 1


SCRIPT = """
import pickle, sys
from pathlib import Path
from lib.data import windows
from lib.experiments import tuning, workers

def main():
    prices, chosen, folder, trials = pickle.loads(Path(sys.argv[1]).read_bytes())
    digests = tuning.price_digests(prices, chosen.inputs)
    plans = [tuning.StudyPlan("BTC-USD", n, trials, folder / f"BTC-USD_{n}.db") for n in ("CNN", "LSTM")]
    tuning.run_studies(plans, windows.build(prices, chosen), chosen, digests)

if __name__ == "__main__":
    main()
"""


def test_three_kills_at_random_moments_change_nothing(tmp_path, random_walk, tiny):
    """kill -9 of the whole process group, workers included, three times while trials run; then the search goes on to its end."""
    prices, chosen, trials = random_walk(), tiny(workers=2, max_epochs=1, startup_trials=3), 12
    steering = tuning.steering_of(chosen, tuning.price_digests(prices, chosen.inputs)["BTC-USD"])
    script, task = tmp_path / "search.py", tmp_path / "task"
    script.write_text(SCRIPT)

    def plans(folder):
        return [tuning.StudyPlan("BTC-USD", n, trials, folder / f"BTC-USD_{n}.db") for n in ("CNN", "LSTM")]

    def states(folder):
        """Of all trials so far; reading them changes nothing for the search that runs."""
        return [t.state for p in plans(folder) for t in tuning.open_study(p, steering).get_trials(deepcopy=False)]

    found = []
    for kills in (0, 3):
        folder = tmp_path / str(kills)
        task.write_bytes(pickle.dumps((prices, chosen, folder, trials)))
        for p in plans(folder):
            tuning.open_study(p, steering)  # two processes that make the same tables at once would collide
        for _ in range(kills):
            before = states(folder).count(TrialState.COMPLETE)
            search = subprocess.Popen([sys.executable, script, task], start_new_session=True, stdout=subprocess.DEVNULL)
            give_up = time.monotonic() + 120
            while (now := states(folder)).count(TrialState.COMPLETE) == before or TrialState.RUNNING not in now:
                assert search.poll() is None and time.monotonic() < give_up, (
                    "the search ended, or ran no trial, before it could be killed"
                )
                time.sleep(0.02)
            time.sleep(random.uniform(0, 0.3))
            os.killpg(search.pid, signal.SIGKILL)
            search.wait()
            assert before < states(folder).count(TrialState.COMPLETE) < 2 * trials, "it was killed on the way"
        subprocess.run([sys.executable, script, task], check=True, stdout=subprocess.DEVNULL)
        assert (states(folder).count(TrialState.FAIL) > 0) is (kills > 0), (
            "a trial that a kill cut stays as failed, and counts for nothing"
        )
        found.append(
            pd.concat([tuning.trial_frame(p, steering) for p in plans(folder)], ignore_index=True).drop(
                columns="seconds"
            )
        )
    assert len(found[0]) == 2 * trials
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_new_processes_take_over_after_so_many_pieces_and_no_result_is_lost(tiny, capsys, tmp_path, monkeypatch):
    (tmp_path / "pieces_of_work.py").write_text(
        "import os\n\ndef process_of(n, note):\n    note(str(n))\n    return os.getpid()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)  # a worker process imports its work by name
    import pieces_of_work

    found = {}
    workers.run(
        pieces_of_work.process_of,
        [(n,) for n in range(5)],
        tiny(workers=1),
        "Pieces",
        5,
        found.__setitem__,
        pieces_per_process=2,
    )
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert found[0] == found[1] and found[2] == found[3] and len(set(found.values())) == 3
    assert "Pieces: 5 of 5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "kinds, per_process, expected",
    [
        (("quick", "long", "wrong", "never"), None, {0: "quick"}),
        (("long", "quick", "quick", "wrong"), 1, {1: "quick", 2: "quick"}),  # processes were replaced before
    ],
)
def test_an_error_ends_the_call_at_once_and_loses_no_result(tiny, tmp_path, monkeypatch, kinds, per_process, expected):
    (tmp_path / "unlike_pieces.py").write_text(
        "import time\n\ndef work(kind, note):\n    if kind == 'long':\n        time.sleep(600)\n    if kind == 'wrong':\n        time.sleep(1)\n"
        "        raise ValueError('this one is wrong')\n    return kind\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import unlike_pieces

    found, began = {}, time.monotonic()
    with pytest.raises(ValueError, match="this one is wrong"):
        workers.run(
            unlike_pieces.work,
            [(kind,) for kind in kinds],
            tiny(workers=2),
            "Pieces",
            4,
            found.__setitem__,
            per_process,
        )
    assert found == expected and time.monotonic() - began < 300
    assert not multiprocessing.active_children()


def test_a_piece_that_goes_on_is_called_again_before_others(tiny, tmp_path, monkeypatch):
    (tmp_path / "long_pieces.py").write_text(
        "from lib.experiments.workers import Piece\n\ndef work(path, note):\n    calls = path.read_text() + 'x' if path.exists() else 'x'\n    path.write_text(calls)\n"
        "    note((path.name, len(calls)))\n    return Piece.GOES_ON if len(calls) < 3 else calls\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import long_pieces

    found, told = {}, []

    def describe(event):
        told.append(event)
        return event[0], 1.0

    pieces = [(tmp_path / "one",), (tmp_path / "two",)]
    workers.run(
        long_pieces.work,
        pieces,
        tiny(workers=1),
        "Pieces",
        6,
        found.__setitem__,
        pieces_per_process=1,
        describe=describe,
    )
    assert found == {0: "xxx", 1: "xxx"} and told == [(n, k) for n in ("one", "two") for k in (1, 2, 3)]
