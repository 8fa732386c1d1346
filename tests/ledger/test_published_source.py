"""Facts of the author's repository decide rows: each is used, each turns a verdict, and a damaged file is reported."""

import re
from importlib.resources import files

import pandas as pd
import pytest

from lib import ledger
from lib.ledger import verdicts
from lib.ledger.evidence import Evidence, Missing
from lib.thesis import published_source
from lib.thesis.published_source import Fact, SourceError


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Puts a text in the place of the file, or removes it."""

    def write(text):
        path = tmp_path / published_source.FILE
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, encoding="utf-8")
        published_source.facts.cache_clear()

    monkeypatch.setattr(published_source, "files", lambda package: tmp_path)
    yield write
    published_source.facts.cache_clear()


def verdict(rows, identity, prices=None):
    row = rows[identity]
    return verdicts.verdict(row, verdicts._find(row, Evidence(prices or {}, rows)), rows)


# -- the facts -----------------------------------------------------------------------------


def test_every_fact_is_used_by_a_row(rows):
    asked = {value for row in rows.values() for value in row.arguments.values()}
    rooms = "".join(file.read_text(encoding="utf-8") for file in files("lib.ledger.checks").iterdir() if file.is_file())
    asked |= set(re.findall(r'published_source\.fact\("(\w+)"\)', rooms))
    assert not set(published_source.facts()) - asked


def test_every_fact_that_a_row_asks_for_is_there(rows):
    asking = [row for row in rows.values() if row.check.startswith("published_source.")]
    assert len(asking) > 100
    for row in asking:
        found = verdicts._find(row, Evidence({}, rows))
        assert found.published and found.value is not None, row.id


def test_a_fact_keeps_its_digits():
    assert published_source.fact("learning_rate_low") == Fact("1e-4", "optuna/main.ipynb")
    assert all(fact.value and fact.file for fact in published_source.facts().values())


@pytest.mark.parametrize(
    "identity, fact, other, before, after",
    [
        ("Listing 7/days_high", "days_high", "60", "consistent", "contradicted"),
        ("CNN of Appendix 6/layers", "cnn_layers", "Conv1D, Flatten, Dense(1)", "consistent", "contradicted"),
        ("Figure 6.8/start_date", "forecast_first_day", "2021-01-01", "consistent", "contradicted"),
        ("Listing 11/system_packages", "system_packages", "build_essential, python3-dev", "contradicted", "consistent"),
        ("3/cache", "uses_of_the_redis_client", "2", "contradicted", "consistent"),
        ("Listing 3/days", "days_high", "9", "consistent", "contradicted"),
    ],
)
def test_a_changed_fact_turns_a_verdict(rows, monkeypatch, identity, fact, other, before, after):
    judged = verdict(rows, identity)
    assert judged.verdict == before and judged.against == "published source"
    facts = published_source.facts()
    monkeypatch.setattr(published_source, "facts", lambda: {**facts, fact: Fact(other, facts[fact].file)})
    assert verdict(rows, identity).verdict == after


@pytest.mark.parametrize(
    "text, told",
    [
        (None, "cannot be read"),
        ("", "is damaged"),
        ("facts:\n  a.py:\n    one: [1", "is damaged"),
        ("facts:\n  a.py:\n    one", "is damaged"),
        ("facts:\n  a.py:\n    one: {deeper: 1}\n", "is damaged"),
        ("repository: x\n", "is damaged"),
        ("facts:\n  a.py:\n    one: 1\n  b.py:\n    one: 2\n", "one stands there twice"),
    ],
)
def test_a_missing_or_damaged_file_gives_one_sentence(written, text, told):
    written(text)
    with pytest.raises(SourceError, match=re.escape(told)) as caught:
        published_source.facts()
    assert "\n" not in str(caught.value) and str(caught.value).endswith("lib/thesis/published_source.yaml")


def test_a_file_that_was_cut_gives_one_sentence(written, rows):
    written("facts:\n  a.py:\n    one: 1\n")
    with pytest.raises(SourceError, match="has no days_high, which the ledger asks for"):
        verdict(rows, "Listing 7/days_high")


# -- Listing 4 against prices ----------------------------------------------------------------


def closes(*values):
    return {"BTC-USD": pd.DataFrame({"Close": values}, pd.date_range("2023-01-01", periods=len(values)))}


@pytest.mark.parametrize("close, expected", [(42000.0, "reproduced"), (16000.0, "not reproduced")])
def test_the_bounds_are_held_against_the_close_of_their_day(rows, close, expected):
    assert verdict(rows, "Listing 4/predicted_is_near", closes(41000.0, close)).verdict == expected


def test_the_bounds_are_held_against_the_moves_of_a_day(rows):
    found = verdicts._find(rows["Listing 4/bounds_hold"], Evidence(closes(1000, 1001, 1011, 1012, 1022), rows))
    assert found.value == 0.5 and "0.47% away" in found.because


@pytest.mark.parametrize("name", ["predicted_is_near", "bounds_hold"])
def test_a_run_without_prices_of_bitcoin_says_so(rows, name):
    found = verdicts._find(rows[f"Listing 4/{name}"], Evidence({}, rows))
    assert isinstance(found, Missing) and "no prices of BTC-USD" in str(found) and "tickers" in str(found)
