"""The first screen's sentences and rows: from the tables of a run, whichever of them it has."""

import pandas as pd
import pytest

from lib import ledger, settings
from lib.ledger import answer
from lib.results import files

THESIS = settings.PROJECT_ROOT / "outputs" / "thesis"
NAMES = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")


def rows_of(part, verdicts, days=162):
    skills = {"worse": -0.5, "indistinguishable": -0.01, "better": 0.2}
    return pd.DataFrame(
        {
            "part": part,
            "reading": "as evaluated",
            "ticker": "SOL-USD",
            "model": NAMES,
            "days": days,
            "seeds": 3,
            "skill": [skills[v] for v in verdicts],
            "skill_lower": -0.6,
            "skill_upper": 0.3,
            "p_value": 0.01,
            "p_holm": 0.02,
            "verdict": verdicts,
        }
    )


@pytest.fixture
def run(tmp_path):
    """A run's folder with the table of answers: test days and later ones."""
    (tmp_path / "tables").mkdir()
    whole = pd.concat(
        [
            rows_of("test", ["worse"] * 4),
            rows_of("holdout", ["worse", "better", "worse", "indistinguishable"], 145),
            rows_of("test", ["better"] * 4).assign(reading="every epoch"),
        ]
    )
    whole.to_csv(tmp_path / "tables/answer.csv", index=False)
    return tmp_path


def test_the_answer_has_two_sides_and_the_later_days(run):
    assert answer.sentences(run) == [
        "Against no model, our 4 networks that forecast closes are all worse on test days."
    ]
    (row,) = answer.rows(run)
    assert row.claim == "our 4 networks on 1 coin better than no model"
    assert (row.ours, row.naive) == ("skill -0.5 to -0.5, test days", "0")
    assert row.verdict == "4 worse; on 145 later days 2 worse, 1 better, the others indistinguishable"


def test_a_changed_result_changes_the_answer(run):
    place = run / "tables/answer.csv"
    table = files.read_table(place)
    table.loc[0, ["skill", "verdict"]] = [0.2, "better"]
    table.to_csv(place, index=False)
    assert "of our 4 networks that forecast closes 3 worse, 1 better on test days" in answer.sentences(run)[-1]
    assert answer.rows(run)[0].verdict.startswith("3 worse, 1 better; on 145")


def test_later_days_are_counted_over_all_readings(run):
    place = run / "tables/answer.csv"
    more = rows_of("holdout", ["worse"] * 3 + ["indistinguishable"], 145).assign(reading="refitted")
    pd.concat([files.read_table(place), more]).to_csv(place, index=False)
    later = "on 145 later days 2 to 3 worse, depending on training, 0 to 1 better, the others indistinguishable"
    assert answer.rows(run)[0].verdict.endswith(later)


def test_readings_that_agree_do_not_depend_on_training(run):
    """Red where each run with two readings was said to."""
    both = [rows_of("holdout", ["worse"] * 4, 90).assign(reading=reading) for reading in ("as evaluated", "refitted")]
    pd.concat([rows_of("test", ["worse"] * 4), *both]).to_csv(run / "tables/answer.csv", index=False)
    assert answer.rows(run)[0].verdict == "4 worse; on 90 later days 4 worse, none better"


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["cannot be computed"] * 10, "This run says nothing of the printed scores: it could compute none of them."),
        (
            ["close"] * 3 + ["not reproduced"] + ["cannot be computed"] * 6,
            "Of printed trials 3 of 4 MSE lie inside the 95 % intervals of our trainings.",
        ),
    ],
)
def test_trials_that_a_run_could_not_repeat_are_not_counted_as_outside(verdicts, said, monkeypatch, tmp_path):
    """Red on the sample run, which repeats none of the thesis's: "0 of 255 lie inside"."""
    monkeypatch.setattr(answer, "ledger_of", lambda root: pd.DataFrame({"verdict": verdicts}))
    monkeypatch.setattr(answer, "replays", lambda frame: frame)
    monkeypatch.setattr(answer, "interval_factor", lambda judged: float("nan"))
    monkeypatch.setattr(answer, "error_rate", lambda root: None)
    monkeypatch.setattr(answer, "_computed", lambda frame, identity: "")
    assert answer.sentences(tmp_path) == [said]


def test_later_days_on_which_nothing_can_be_told_are_one_word(run):
    pd.concat([rows_of("test", ["worse"] * 4), rows_of("holdout", ["indistinguishable"] * 4, 145)]).to_csv(
        run / "tables/answer.csv", index=False
    )
    assert answer.rows(run)[0].verdict == "4 worse; on 145 later days all indistinguishable"


@pytest.mark.parametrize(
    ("verdicts", "low", "said"),
    [
        (
            ["close"] * 9 + ["not reproduced"],
            0.2,
            "9 close, 1 not reproduced (the rule rejects 2 to 5 of as many of our own)",
        ),
        (["close"] * 10, float("nan"), "10 close"),
        (["cannot be computed"] * 10, 0.2, "10 cannot be computed"),
    ],
)
def test_trials_stand_beside_what_the_rule_rejects_of_our_own(verdicts, low, said, monkeypatch):
    judged = pd.DataFrame({"verdict": verdicts})
    monkeypatch.setattr(answer, "replays", lambda frame: judged)
    monkeypatch.setattr(answer, "_computed", lambda frame, identity: "1 of 4")
    rates = pd.DataFrame({"rule": ["one training"], "rate": [0.3], "low": [low], "high": [0.5]})
    (row,) = answer._trials(judged, rates)
    assert row.verdict == said and row.naive == "beaten by 3 printed trials"
    assert row.ours == ("" if "cannot" in said else f"{verdicts.count('close')} inside the 95 % interval")


@pytest.mark.parametrize(("outside", "verdict"), [(12, "can"), (13, "can in part"), (50, "cannot")])
def test_scores_hold_if_no_more_of_them_are_outside_than_of_our_own(outside, verdict):
    rates = pd.DataFrame({"rule": ["one training", "best of the repeated"], "rate": [0.07, 0.1], "high": [0.125, 0.2]})
    assert answer._scores_in_words(outside, 100, rates) == f"Printed scores {verdict} be repeated: "
    assert answer._scores_in_words(outside, 100, None) == "Of printed trials "
    assert answer._scores_in_words(outside, 100, rates.assign(high=float("nan"))) == "Of printed trials "


def test_a_run_without_that_table_says_nothing_of_it(tmp_path):
    (tmp_path / "tables").mkdir()
    assert answer.networks(tmp_path) is None and answer.sentences(tmp_path) == [] and answer.rows(tmp_path) == []


def test_sentences_are_short_and_rows_are_the_ledgers():
    said = answer.sentences(THESIS)
    assert len(said) == 3 and all(len(sentence.split()) <= answer.MOST_WORDS for sentence in said)
    frame = answer.ledger_of(THESIS)
    shown = answer.rows(THESIS)
    assert len(shown) == 6 and shown[0].printed == frame.set_index("id").loc["abstract/lstm_mse", "printed"]
    counts = ledger.summary(frame).set_index("chapter").loc["all"]
    assert shown[-1].verdict.startswith(f"{counts['reproduced']} reproduced, {counts['close']} close")
    assert f"{counts['contradicted']} contradicted" in shown[-1].verdict
    assert {identity for row in shown for identity in row.ids} <= set(frame["id"])
