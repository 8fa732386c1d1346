"""What notebook 10 reads of a run's folder: tables of these parameters and prices, and nothing else silently."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from lib import ledger
from lib.data import market
from lib.ledger import run_tables
from lib.ledger.evidence import Missing
from lib.results import artifacts
from lib.settings import PROJECT_ROOT


@pytest.fixture
def settings(tiny, tmp_path, monkeypatch):
    """Of a run of one coin. The committed replay is in another folder, which is empty."""
    committed = tiny(tickers=["ADA-USD"], output_dir=str(tmp_path / "replay"))
    monkeypatch.setattr(run_tables, "load", lambda path: committed)
    return tiny(tickers=["ADA-USD"], output_dir=str(tmp_path / "own"), replay_seeds=0)


@pytest.fixture
def prices(random_walk):
    return random_walk("ADA-USD")


def leave(settings, prices, notebook, **tables):
    """What a notebook leaves: tables of one number, and its record."""
    store = artifacts.Store(settings, notebook)
    store.fact(data=market.digest(prices))
    for name, value in tables.items():
        store.table(name, pd.DataFrame({"key": ["0012"], "mse": [value]}), "T")
    store.finish()
    return store.root


def all_left(settings, prices):
    leave(settings, prices, "09_comparison", scores=0.1)
    leave(settings, prices, "09a_skill", skill_seeds=0.2, skill=0.7)
    tables = {"replay": 0.3, "replay_studies": 0.4, "replay_error_rate": 0.5, "protocol_inputs": 0.6}
    leave(run_tables.load(""), prices, "08b_replay", **tables)


def test_every_table_is_read_and_named_by_the_evidence(settings, prices):
    all_left(settings, prices)
    found = ledger.collect(prices, {}, settings)
    values = {name: getattr(found, name)["mse"].item() for name in run_tables.TABLES}
    of_replay = {"replay": 0.3, "studies": 0.4, "error_rate": 0.5, "inputs_compared": 0.6}
    assert values == {"scores": 0.1, "seeds": 0.2, "skill": 0.7, **of_replay}
    assert not any(found.why.values()) and found.replay["key"].item() == "0012"


def test_what_is_missing_is_not_computed_in_this_run_and_says_what_makes_it(settings, prices):
    found = ledger.collect(prices, {}, settings)
    assert {name: getattr(found, name) for name in run_tables.TABLES} == dict.fromkeys(run_tables.TABLES)
    assert found.why["scores"] == (
        "not computed in this run: own/tables/scores.csv is missing."
        " Make it with this run's parameter file: python run_all.py FILE --only 09"
    )
    assert found.why["seeds"] == found.why["scores"].replace("scores.csv", "skill_seeds.csv") + "a"
    assert found.why["replay"] == (
        "not computed in this run: replay/tables/replay.csv is missing."
        " Make it with: python run_all.py params/replay.yaml --only 08b"
    )


def left(settings, prices):
    return run_tables.left(
        PROJECT_ROOT / settings.output_dir, "09_comparison", "scores", settings, market.digest(prices)
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": [0.6, 0.2, 0.2]}, r"split \[0.6, 0.2, 0.2\], not \[0.7, 0.15, 0.15\]"),
        ({"max_epochs": 2, "seed": 7}, "max_epochs 2, not 3, seed 7, not 42"),
        ({"restore_best_weights": False}, "restore_best_weights False, not True"),
    ],
)
def test_a_table_of_other_parameters_is_not_used(settings, prices, changes, words):
    leave(settings.changed(**changes), prices, "09_comparison", scores=0.1)
    with pytest.raises(Missing, match=rf"own/tables/scores.csv comes from other parameters \({words}\)\. Make it"):
        left(settings, prices)


def test_parameters_that_a_table_does_not_depend_on_may_differ(settings, prices):
    other = settings.changed(trials=9, workers=1, replay_seeds=3, evaluation_seeds=5, max_daily_factor=4)
    leave(other, prices, "09_comparison", scores=0.1)
    assert left(settings, prices)["mse"].item() == 0.1
    leave(other, prices, "09a_skill", skill_seeds=0.1)
    assert "evaluation_seeds 5, not 2" in ledger.collect(prices, {}, settings).why["seeds"]


def test_only_keys_of_the_parameters_are_named_as_free():
    for free in run_tables.FREE.values():
        assert set(free) <= set(run_tables.KEYS) and "split" not in free and "seed" not in free


def test_a_table_of_other_prices_is_not_used(settings, prices, random_walk):
    leave(settings, random_walk("ADA-USD", seed=8), "09_comparison", scores=0.1)
    with pytest.raises(Missing, match="comes from other prices of ADA-USD. Make it"):
        left(settings, prices)
    with pytest.raises(Missing, match="comes from prices of ADA-USD, not of BTC-USD. Make it"):
        left(settings, random_walk("BTC-USD"))
    # Further coins of this run say nothing about a table of the thesis's.
    leave(settings, prices, "09_comparison", scores=0.1)
    assert len(left(settings, {**prices, **random_walk("BTC-USD")})) == 1


def test_a_table_that_was_changed_or_whose_record_is_gone_is_not_used(settings, prices):
    root = leave(settings, prices, "09_comparison", scores=0.1)
    table, record = root / "tables" / "scores.csv", root / "records" / "09_comparison.json"
    table.write_text(table.read_text().replace("0.1", "0.2"))
    with pytest.raises(Missing, match="scores.csv is not as 09_comparison left it. Make it"):
        left(settings, prices)
    about = json.loads(record.read_text())
    record.write_text(json.dumps({**about, "made": []}))
    with pytest.raises(Missing, match="is not as 09_comparison left it"):
        left(settings, prices)
    record.write_text("{")
    with pytest.raises(Missing, match=r"scores.csv cannot be used \(.*09_comparison.json is damaged"):
        left(settings, prices)
    record.unlink()
    with pytest.raises(Missing, match=r"scores.csv cannot be used \(.*09_comparison.json"):
        left(settings, prices)


def test_the_runs_own_replay_comes_before_the_committed_one(settings, prices):
    all_left(settings, prices)
    own = settings.changed(replay_seeds=2)
    assert ledger.collect(prices, {}, own).replay["mse"].item() == 0.3, "it has none of its own"
    leave(own, prices, "08b_replay", replay=0.6)
    found = ledger.collect(prices, {}, own)
    assert found.replay["mse"].item() == 0.6 and found.studies is None, "tables of two replays are not mixed"
    assert ledger.collect(prices, {}, settings).replay["mse"].item() == 0.3, "replay_seeds 0 is no replay"
    leave(own.changed(replay_patience=5), prices, "08b_replay", replay=0.7)
    found = ledger.collect(prices, {}, own.changed(replay_patience=5))
    assert found.replay is None and "replay_patience 5, not None" in found.why["replay"], "not as the records prove"


def test_the_evaluation_may_change_without_the_replay(settings, prices):
    all_left(settings.changed(patience=1), prices)
    changed = settings.changed(patience=1, split=[0.6, 0.2, 0.2])
    found = ledger.collect(prices, {}, changed)
    assert found.scores is None and found.replay is not None


@pytest.mark.slow
def test_neither_networks_nor_workers_are_loaded_for_it():
    code = (
        "import sys; from lib import ledger; print(sorted({'tensorflow', 'distributed', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
