"""From a verdict to the code that computed it and back."""

import inspect
import re
from dataclasses import replace

import pandas as pd
import pytest

from lib import ledger, settings
from lib.ledger import __main__ as command
from lib.ledger import checks, trace, verdicts
from lib.ledger.evidence import Evidence


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


@pytest.fixture(scope="module")
def frame(rows):
    """Verdicts without any price and without building networks."""
    bare = {
        i: replace(r, check="", cannot="no network is built here") if r.check.startswith("layers.") else r
        for i, r in rows.items()
    }
    return ledger.judge(bare, Evidence({}, bare))


@pytest.fixture
def run(frame, tmp_path):
    """A run's folder with a ledger."""
    (tmp_path / "tables").mkdir()
    frame.to_csv(tmp_path / "tables/claims.csv", index=False)
    return tmp_path


# -- there ---------------------------------------------------------------------------------


def test_every_how_of_the_ledger_leads_to_functions_that_are_there(rows):
    used = set()
    for row in rows.values():
        how = verdicts.how(row)
        names = ledger.functions(how)
        assert len(names) == bool(row.check) + bool(row.same_as), (row.id, how)
        assert all(other in rows for other in row.same_as), row.id
        used |= set(names)
    for name in used:
        file, _, line = trace.place_of(name).partition(":")
        text = (settings.PROJECT_ROOT / file).read_text(encoding="utf-8").splitlines()
        assert text[int(line) - 1].startswith(f"def {name.rpartition('.')[2]}("), name
        assert file == ledger.file_of(name)
        assert len(checks.meaning(trace.resolve(name))) > 20


def test_a_row_is_told_with_its_reason_and_its_code(rows, frame):
    told = trace.row_in_words(rows, frame, "Listing 2/train_rmse")
    assert "printed in Listing 2: 156.78" in told and "verdict: " in told and "because: " in told
    assert re.search(
        r"computed by: lib\.ledger\.checks\.other_places\.arithmetic, lib/ledger/checks/other_places\.py:\d+: A"
        r" formula",
        told,
    )
    repeated = trace.row_in_words(rows, frame, "Listing 1/port")
    assert "lib.ledger.verdicts.agree, lib/ledger/verdicts.py:" in repeated and "Appendix 5/port" in repeated
    with pytest.raises(trace.TraceError, match="no row 'Listing 2/rmse_train'.*Listing 2/train_rmse"):
        trace.row_in_words(rows, frame, "Listing 2/rmse_train")


# -- and back ------------------------------------------------------------------------------


def test_a_check_names_every_row_that_rests_on_it(rows, frame):
    told = trace.check_in_words(frame, "replays.score_of_trial")
    assert told.splitlines()[-1].startswith("255 rows") and told.count("\n    Appendix 1/") == 75
    assert told.splitlines()[0].startswith("lib.ledger.checks.replays.score_of_trial, lib/ledger/checks/replays.py:")
    assert trace.check_in_words(frame, "lib.ledger.checks.replays.score_of_trial") == told
    repeated = frame["how"].str.contains("verdicts.agree with").sum()
    assert trace.check_in_words(frame, "verdicts.agree").endswith(f"{repeated} rows")
    best = trace.check_in_words(frame, "replays.best_score")
    assert (
        "    Polish abstract/cnn_lstm_mse: repeats one of these" in best and "that repeat one" in best.splitlines()[-1]
    )
    assert (
        "its value is that of row abstract/cnn_lstm_mse, computed by: lib.ledger.checks.replays.best_score"
        in trace.row_in_words(rows, frame, "Polish abstract/cnn_lstm_mse")
    )
    with pytest.raises(trace.TraceError, match="Like it: .*replays.best_score"):
        trace.check_in_words(frame, "replays.best_scores")
    with pytest.raises(trace.TraceError, match="no check"):
        trace.check_in_words(frame, "replays.nothing")


def test_the_table_of_checks_names_every_row_once_and_the_file_of_each_function(rows, frame):
    table = ledger.by_check({i: rows[i] for i in frame["id"]}, frame)
    named = [i for ids in table["ids"] for i in ids.split("; ")]
    assert sorted(named) == sorted(frame["id"]) and table["rows"].tolist() == [
        len(ids.split("; ")) for ids in table["ids"]
    ]
    for one in table[table["function"] != "none"].itertuples():
        assert (settings.PROJECT_ROOT / one.file).is_file() and inspect.getsourcefile(
            trace.resolve(one.function)
        ).endswith(one.file)


def test_the_ledger_comes_back_from_its_file(frame, run):
    again = ledger.read(run / "tables/claims.csv")
    assert ledger.findings(again) == ledger.findings(frame) and ledger.in_words(again) == ledger.in_words(frame)
    assert again["printed"].tolist() == frame["printed"].tolist(), "0.10 keeps its last digit"
    pd.testing.assert_frame_equal(ledger.summary(again), ledger.summary(frame))
    with pytest.raises(trace.TraceError, match="--only 10"):
        ledger.read(run / "tables/nothing.csv")
    frame.drop(columns="kind").to_csv(run / "tables/old.csv", index=False)
    with pytest.raises(trace.TraceError, match="of an earlier version and lacks kind.*--only 10"):
        ledger.read(run / "tables/old.csv")


def test_the_command_line(run, capsys):
    assert command.main(["row", "Listing 2/train_rmse", str(run)]) == 0 and "computed by" in capsys.readouterr().out
    assert command.main(["check", "trials.count", str(run)]) == 0 and "1 row" in capsys.readouterr().out
    assert command.main(["row", "x/y", str(run)]) == 2 and "no row" in capsys.readouterr().err
    assert (
        command.main(["check", "trials.count", str(run / "none")]) == 2
        and "python run_all.py" in capsys.readouterr().err
    )
