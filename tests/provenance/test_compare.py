"""What counts as equal on another processor, and that the checks notice what is not."""

import io
import shutil

import numpy as np
import pandas as pd
import pytest

from lib import settings, tables
from lib.data import windows
from lib.evaluation import baselines, metrics
from lib.provenance import __main__ as command
from lib.provenance import committed, compare, price_series, recompute, trainings
from lib.provenance.compare import difference
from lib.provenance.folder import Folder, ProvenanceError

THESIS = settings.PROJECT_ROOT / "outputs" / "thesis"


# From an AMD EPYC of family 26, beside those of family 25 that are committed.
@pytest.mark.parametrize(
    "column, there, here",
    [
        ("skill", 0.00087144869, 0.00087145547),
        ("skill", -0.0120865305, -0.0120865493),
        ("statistic", 0.5741163496545465, 0.5740976257164475),
        ("p_better", 0.7166548527091906, 0.7166485330960861),
        ("block 3", -0.0003416540975562654, -0.00034167398369522317),
        ("MSE", 0.0016351996805389522, 0.0016351997627926408),
        ("adf_p_value", 1.2439305132646324e-21, 1.243930513264918e-21),
    ],
)
def test_what_other_processors_gave_is_equal(column, there, here):
    assert difference(pd.DataFrame({column: [0.1, there]}), pd.DataFrame({column: [0.1, here]})) == ""


@pytest.mark.parametrize(
    "column, there, here",
    [
        ("MSE", 60.0, 60.0 * (1 + 1e-5)),
        ("skill", 0.001, 0.001 - 1e-5),  # which a change of 1e-5 in an MSE makes of it
        ("R2_naive", 0.96, 0.96 + 4e-7),  # which a change of 1e-5 in an MSE makes of it
        ("statistic", 0.5741, 0.5750),
        ("p_better", 1e-6, 1.01e-6),
        ("p_better", 1 - 1e-6, 1 - 1.01e-6),
        ("adf_statistic", -2.048, -2.048000003),
        ("coverage", 0.95, 0.951),
        ("hits", 0.5, 0.5 + 1 / 162),
        ("sides", 12, 13),
        ("seed", 3_000_000_000, 3_000_000_001),
        ("p_direction", np.nan, 0.5),
        ("verdict", "close", "reproduced"),
        ("in_set", True, False),
    ],
)
def test_what_is_another_number_is_noticed(column, there, here):
    assert f"row 1, column {column}" in difference(pd.DataFrame({column: [there]}), pd.DataFrame({column: [here]}))


def test_other_rows_and_columns_are_noticed():
    one = pd.DataFrame({"a": [1.0], "b": [2.0]})
    assert difference(one, one[["b", "a"]]) == "" and "columns differ: b" in difference(one, one[["a"]])
    assert difference(one, pd.concat([one, one])) == "1 rows committed, 2 computed"


def test_every_rule_is_used_by_a_committed_table():
    columns = {c for path in (THESIS / "tables").glob("*.csv") for c in pd.read_csv(path, nrows=0)}
    assert {compare.rule_of(column) for column in columns} == set(compare.RULES)


def test_a_changed_baseline_is_noticed(random_walk, tiny):
    """A penalty of 101 in place of 100, and a mean of 8 days in place of 7."""
    prices, chosen = random_walk(days=240), tiny()
    data, close = windows.build(prices, chosen)["BTC-USD"], prices["BTC-USD"]["Close"]

    def scored(baseline, *args):
        frame = baselines.forecast(lambda d, c: baseline(d, c, *args), data, close)
        long = frame.assign(ticker="BTC-USD", reading="close", model="m", seed_number=0, seed=None)
        return long[long["part"] != "train"]

    for baseline, one, other in ((baselines.ridge, [100.0], [101.0]), (baselines.moving_average, 7, 8)):
        before, after = scored(baseline, one), scored(baseline, other)
        assert difference(tables.better_than_naive(before), tables.better_than_naive(before)) == ""
        assert difference(tables.better_than_naive(before), tables.better_than_naive(after)), baseline.__name__
        mse = [
            metrics.scores(f["actual_usd"].to_numpy(), f["predicted_usd"].to_numpy())["MSE"] for f in (before, after)
        ]
        assert difference(pd.DataFrame({"MSE": mse[:1]}), pd.DataFrame({"MSE": mse[1:]})), baseline.__name__


@pytest.fixture
def copy(tmp_path):
    """The committed results, free to be damaged."""
    shutil.copytree(THESIS, tmp_path / "thesis")
    return Folder(tmp_path / "thesis")


def change(folder, table, column, by):
    frame = folder.table(table)
    frame[column] = frame[column].astype("float64")
    frame.loc[frame[column].first_valid_index(), column] *= by
    frame.to_csv(folder.path(table), index=False)


def test_tables_that_no_longer_follow_from_the_others_are_noticed(copy):
    changed = {
        "table_4_5": "MSE",
        "best_trials": "mse",
        "returns_or_closes": "skill, close",
        "leakage": "skill, nothing",
        "false_alarms": "runs",
        "significance": "p_better_holm",
        "walk_forward": "p_better_holm",
        "skill_seeds": "MSE",
        "leakage_seeds": "R2",
    }
    for table, column in changed.items():
        change(copy, table, column, 0.9)
    found = "\n".join(recompute.from_tables(copy))
    assert all(f"tables/{table}.csv" in found for table in changed)


def test_a_damaged_folder_is_noticed(copy, capsys):
    (copy.root / "tables" / "extra.csv").write_text("a\n1\n")
    (copy.root / "figures" / "figure_4_1.png").unlink()
    change(copy, "table_4_1", "mean", 1.1)
    change(copy, "skill", "skill", 1.1)
    (copy.root / "README.md").write_text("from '/home/somebody/file'")
    assert command.main(["check", str(copy.root)]) == 1
    printed = capsys.readouterr().out
    for sentence in (
        "tables/extra.csv is in no record",
        "figures/figure_4_1.png is missing",
        "tables/table_4_1.csv has changed since 01_data wrote it",
        "README.md names /home/somebody",
        "README.md is not the page of the files beside it",
        "evaluation.md is not the page of the files beside it",
        "Run it again with: python run_all.py params/thesis.yaml",
    ):
        assert sentence in printed, sentence


def test_other_parameters_and_prices_are_noticed(copy):
    copy.run["parameters"]["lookback"] = 59
    copy.run["data"]["SOL-USD"] = {**copy.run["data"]["SOL-USD"], "sha256": "0"}
    assert committed.parameters_wrong(copy) == ["lookback was 59, params/thesis.yaml has 60"]
    assert committed.digests_wrong(copy) == [
        "run.json: the prices of SOL-USD are not those of lib/thesis/manifest.json"
    ]


def test_prices_are_found_in_any_linear_scale(random_walk):
    prices = random_walk("A-USD", "B-USD")
    rng = np.random.default_rng(0)
    scaled = pd.DataFrame({"x": 0.1 - 3 * prices["B-USD"]["High"].to_numpy()[50:60] * -1, "y": rng.normal(size=10)})
    tables = [("hidden.csv", scaled), ("noise.csv", pd.DataFrame({"y": rng.normal(size=300)}))]
    found = price_series.follows_prices(tables, prices)
    assert found == ["hidden.csv: column 'x' holds 7 days or more of the prices of B-USD"]


@pytest.mark.parametrize(
    "text, found",
    [
        ("Close\n" + "1.5\n" * 6 + "1.6\n", "column 'Close' is named like a price series"),
        ("naive_usd\n" + "1.5\n" * 7, ""),
        ("close\n" + "15\n" * 7, ""),
        ("close\n" + "last price, column 5\n" * 7, ""),
        ("day\n" + "".join(f"2024-01-0{d}\n" for d in range(1, 8)), "column 'day' goes on day by day for 7 rows"),
    ],
)
def test_daily_columns_are_noticed(text, found, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    assert price_series.looks_daily(tmp_path / "t.csv") == ([f"t.csv: {found}"] if found else [])


@pytest.mark.parametrize(
    "mse, same_machine, noticed",
    [(2.0, True, False), (2.0000000001, True, True), (3.9, False, False), (4.1, False, True), (0.49, False, True)],
)
def test_a_training_is_compared_with_its_seed_here_and_with_all_seeds_elsewhere(mse, same_machine, noticed):
    """Seeds have MSE 1 and 2, so elsewhere 0.5 to 4 is allowed: as far again on a logarithmic scale."""
    head = "ticker,reading,part,model,seed_number,MSE\n"
    rows = "A,close,test,CNN,1,1.0\nA,close,test,CNN,2,2.0\nA,close,test,LSTM,2,1000\n"
    seeds = pd.read_csv(io.StringIO(head + rows))
    row = pd.Series({"ticker": "A", "reading": "close", "part": "test", "model": "CNN", "seed_number": 2, "MSE": mse})
    assert bool(trainings.unlike_seeds(row, seeds, same_machine)) is noticed


def test_wrong_use_is_answered_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["recheck", "outputs/thesis", "-p", "source=folder"])
    assert "recheck is now: python -m lib.provenance check FOLDER" in capsys.readouterr().err
    assert command.main(["check", str(tmp_path)]) == 2 and "run.json is missing" in capsys.readouterr().err
    with pytest.raises(ProvenanceError, match="-p lookback: a run is checked with its own parameters"):
        recompute.priced(Folder(THESIS), {"lookback": 3})
