"""The trials in the ledger: every printed cell against its record, and what prices say of the days they were scored
on.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from lib import ledger, thesis
from lib.ledger import verdicts
from lib.ledger.checks import price_tables, records, trials, unit_roots
from lib.ledger.evidence import END, START, Evidence


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


def judged(rows, identity, evidence=None, **changes):
    one = dataclasses.replace(rows[identity], same_as=(), **changes)
    others = {**rows, identity: one}
    evidence = dataclasses.replace(evidence, rows=others) if evidence else Evidence({}, others)
    return verdicts.verdict(one, verdicts._find(one, evidence), others)


# -- against the records -------------------------------------------------------------------


def test_every_printed_cell_is_its_record_s(rows):
    cells = [r for r in rows.values() if r.kind == "cell"]
    of = {verdicts.verdict(r, verdicts._find(r, Evidence({}, rows)), rows) for r in cells[::40]}
    assert {(j.against, j.other_place) for j in of} == {("published source", "optuna/data")}
    wrong = [r for r in cells if not verdicts.equal(r.printed, verdicts._find(r, Evidence({}, rows)))]
    assert len(wrong) == 159 and {r.arguments["column"] for r in wrong} == {"duration"}


def test_a_duration_without_its_minutes_is_another_time(rows):
    its = judged(rows, "Appendix 1/LSTM 15 duration")
    seconds = records._exact()["SOL-USD", "LSTM", 15]["duration"]
    assert its.verdict == "contradicted" and its.found.value == np.floor(seconds) >= 60
    assert its.found.because == (
        f"the record has {seconds:.1f} s; the thesis prints only the seconds after the full minute"
    )
    assert judged(rows, "Appendix 1/LSTM 15 duration", printed=f"{its.found.value:.0f}s").verdict == "consistent"


def test_a_cell_says_where_its_label_was_put_right(rows):
    assert "exchanges the labels of LSTM and CNN-LSTM" in judged(rows, "Appendix 2/LSTM 1 epochs").found.because
    for identity in ("Appendix 2/CNN 1 epochs", "Appendix 1/LSTM 1 epochs"):
        assert "labels" not in judged(rows, identity).found.because


@pytest.mark.parametrize(
    "identity, printed",
    [
        ("Appendix 1/LSTM 15 learning rate", "3.28e-03"),
        ("Appendix 1/LSTM 15 MAE", "1.89e-02"),
        ("Appendix 1/LSTM 15 R2", "0.97"),
        ("Appendix 3/CNN-LSTM 4 filters", "17.0"),
        ("Appendix 1/CNN 1 duration", "16s"),
        ("8/cnn_filters1", "75"),
        ("8/lstm_units2", "54"),
        ("abstract/lstm_mae", "0.018804"),
        ("8/cnn_lstm_r2", "0.9597"),
    ],
)
def test_a_changed_cell_is_noticed(rows, identity, printed):
    assert judged(rows, identity).verdict == "consistent"
    assert judged(rows, identity, printed=printed).verdict == "contradicted"


def test_cells_that_were_rounded_twice_follow(rows):
    """Rounded once, to three digits, these would be printed otherwise."""
    differing = []
    for one in (r for r in rows.values() if r.kind == "cell"):
        key = (one.arguments["ticker"], one.arguments["network"], int(one.arguments["trial"]))
        value = records._exact()[key][one.arguments["column"]]
        if one.arguments["column"] in ("mae", "learning_rate") and one.printed != f"{value:.2e}":
            differing.append(one)
    assert len(differing) > 3 and {judged(rows, r.id).verdict for r in differing} == {"consistent"}


def test_the_labels_of_appendix_2_are_exchanged_and_no_minute_is_printed(rows):
    for model, other in (("lstm", "CNN-LSTM"), ("cnn_lstm", "LSTM")):
        its = judged(rows, f"Appendix 2/label_{model}")
        assert (its.verdict, its.found.text) == (
            "contradicted",
            "0 of 15",
        ) and f"of the {other} 15" in its.found.because
    right = records.labels_are_right(Evidence({}, rows), rows["Appendix 2/label_lstm"], "SOL-USD", "LSTM")
    assert right.value and right.text == "15 of 15"
    its = judged(rows, "Appendix 1/durations")
    assert (its.verdict, its.found.text) == ("contradicted", "96 of 255") and "in 255 of 255" in its.found.because


def test_a_swapped_label_or_an_altered_cell_is_no_record_of_its_network(rows, monkeypatch):
    frame = thesis.trials()
    frame.loc[(frame["model"] == "LSTM") & (frame["trial"] == 3), "epochs"] += 10
    monkeypatch.setattr(records.thesis, "trials", lambda: frame)
    assert (
        records.labels_are_right(Evidence({}, rows), rows["Appendix 2/label_lstm"], "SOL-USD", "LSTM").text
        == "14 of 15"
    )


def test_scores_of_the_last_epoch_and_of_a_choice_by_them(rows):
    its = judged(rows, "4.4/stopped_early")
    assert (its.verdict, its.found.text) == ("contradicted", "24 of 255") and "ADA-USD's CNN" in its.found.because
    assert judged(rows, "4.4/best_by_r2").found.text == "4 of 4"
    assert judged(rows, "4.4/best_by_objective").found.text == "0 of 4"
    assert judged(rows, "8/retraining").verdict == "contradicted"


def test_figure_4_5_draws_the_records_best_and_a_changed_value_is_noticed(rows, monkeypatch):
    its = judged(rows, "4.4/figure_4_5")
    assert (its.verdict, its.other_place, its.found.text) == ("consistent", "optuna/main.ipynb", "12 of 12")
    fact = records.published_source.fact("best_r2")
    other = dataclasses.replace(fact, value=fact.value.replace("0.958755", "0.958757"))
    monkeypatch.setattr(records.published_source, "fact", lambda name: other)
    assert judged(rows, "4.4/figure_4_5").found.text == "11 of 12"


@pytest.mark.parametrize(
    "identity, verdict",
    [
        ("4.4/sampler", "consistent"),
        ("4.4/pruned", "contradicted"),
        ("4.4/objective", "contradicted"),
        ("4.4/patience", "consistent"),
        ("4.4/reduce_lr", "contradicted"),
        ("4.2/outlier_rule", "contradicted"),
        ("8/novel", "contradicted"),
    ],
)
def test_what_the_text_leaves_open_is_published(rows, identity, verdict):
    assert judged(rows, identity).verdict == verdict


def test_a_second_training_of_the_same_hyperparameters_is_found(rows, monkeypatch):
    frame = records.records.trials()
    again = pd.concat([frame, frame.iloc[[4]].assign(mse=1.0, number=99)], ignore_index=True)
    monkeypatch.setattr(records.records, "trials", lambda: again)
    assert judged(rows, "8/retraining").verdict == "consistent"


@pytest.mark.parametrize("sign, verdict", [(-1, "consistent"), (1, "contradicted"), (0, "cannot be computed")])
def test_smaller_kernels_help_only_if_the_interval_is_below_zero(rows, monkeypatch, sign, verdict):
    rng = np.random.default_rng(1)
    made = []
    for ticker in thesis.APPENDIX:
        for network in ("CNN-LSTM", "LSTM-CNN", "CNN"):
            kernel = rng.integers(2, 6, 30).astype(float)
            frame = pd.DataFrame({"ticker": ticker, "network": network, "r2": sign * kernel + rng.normal(0, 2, 30)})
            names = ("kernel_size1", "kernel_size2") if network == "CNN" else ("kernel_size",)
            made.append(frame.assign(**dict.fromkeys(names, kernel)))
    monkeypatch.setattr(trials.records, "trials", lambda: pd.concat(made))
    assert judged(rows, "8/smaller_kernels").verdict == verdict


def test_kernels_of_the_records_say_nothing(rows):
    its = judged(rows, "8/smaller_kernels")
    assert its.verdict == "cannot be computed" and its.found.because.endswith("+0.00 (-0.15 to +0.15)")


def test_networks_are_compared_where_they_were_scored_on_the_same_days(rows):
    assert judged(rows, "4.4/lstm_beats_cnn").found.text == "5 of 6"
    alone = judged(rows, "4.4/pure_lstm_beats_cnn")
    assert (alone.verdict, alone.found.text) == ("consistent", "2 of 2") and "ADA-USD cannot be" in alone.found.because


# -- Table 4.5 and Table 4.2 ---------------------------------------------------------------


def test_no_row_of_table_4_5_is_of_the_abstract_s_forecasts(rows):
    for network in ("LSTM", "CNN", "CNN-LSTM", "LSTM-CNN"):
        its = judged(rows, f"Table 4.5/{network}_same_forecasts")
        assert its.verdict == "contradicted" and "so these are other forecasts" in its.found.because
    # 0.00068 would leave 1.7236 to 1.7262 open, which meets the table's 1.7237 to 1.7242.
    wider = {**rows, "abstract/cnn_mse": dataclasses.replace(rows["abstract/cnn_mse"], printed="0.000680")}
    assert judged(wider, "Table 4.5/CNN_same_forecasts").verdict == "consistent"


def test_stars_are_below_the_level(rows):
    assert judged(rows, "4.1.3/level").verdict == "consistent"
    assert judged(rows, "4.1.3/level", printed="0.30").verdict == "contradicted"
    assert unit_roots.stars_at_level(Evidence({}, rows), rows["4.1.3/level"]).other_place == "Table 4.2"


def closes(eth):
    """Prices in which ETH-USD is given and the others are small."""
    days = pd.date_range(START, END, freq="D")
    frames = {t: np.linspace(1, 2, len(days)) for t in thesis.APPENDIX} | {"ETH-USD": eth(len(days))}
    return {t: pd.DataFrame({"Close": v}, index=days) for t, v in frames.items()}


def test_only_a_coin_that_varies_enough_can_be_that_of_table_4_5(rows):
    large = Evidence(closes(lambda n: np.linspace(700, 4800, n)), rows)
    assert judged(rows, "Table 4.5/coin", large).found.text == "ETH-USD, US dollars"
    small = Evidence(closes(lambda n: np.linspace(700, 1100, n)), rows)
    assert judged(rows, "Table 4.5/coin", small).verdict == "not reproduced"


@pytest.mark.slow
def test_days_that_fit_table_4_5_would_be_found(rows):
    low, high = trials.table_4_5_variance(Evidence({}, rows))
    values = np.linspace(0, 1, 1480)
    own = price_tables._variances(values)(888, 1184)  # the validation part of 60/20/20
    fitting = Evidence(closes(lambda n: 700 + values * np.sqrt((low + high) / 2 / own)), rows)
    days = price_tables.table_4_5_days(fitting, rows["Table 4.5/days"])
    assert days.value and "validation 2023-06-08 to 2024-03-29" in days.because
    none = Evidence(closes(lambda n: np.linspace(700, 701, n)), rows)
    for evidence, tried in ((fitting, "no network was trained on those that fit"), (none, "none that was tried fits")):
        for identity in ("Table 4.5/LSTM_mse", "Table 5.2/mae"):
            its = judged(rows, identity, evidence)
            assert its.verdict == "cannot be computed" and tried in its.found.because


def test_spans_are_counted_one_by_one():
    values = np.cumsum(np.random.default_rng(3).normal(size=50))
    each = [np.var(values[a:b]) for a in range(50) for b in range(a + price_tables.SHORTEST, 51)]
    low, high = np.quantile(each, [0.3, 0.6]) + [-1e-9, 1e-9]  # no span is just at an end
    assert price_tables._spans(values, low, high) == sum(low <= v <= high for v in each) > 10


# -- against prices ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walk():
    rng = np.random.default_rng(7)
    return closes(lambda n: 2000 * np.exp(np.cumsum(rng.normal(0, 0.01, n))))


def test_the_later_run_s_days_are_its_own(rows, walk):
    evidence = Evidence(walk, rows)
    own, usual = (trials.days_of(evidence, "ADA-USD", n) for n in ("CNN", "LSTM"))
    assert (len(own.actual), len(usual.actual)) == (237, 162)
    close = walk["ADA-USD"]["Close"]
    scaled = (close - close.min()) / (close.max() - close.min())
    assert own.actual[0] == scaled["2024-01-06"] and own.before[0] == scaled["2024-01-05"]
    assert own.actual[-1] == scaled["2024-08-29"]


@pytest.mark.parametrize("score, beats", [("mse", "1e-9"), ("mae", "1e-9")])
def test_a_headline_is_held_against_tomorrow_equals_today(rows, walk, score, beats):
    evidence, identity = Evidence(walk, rows), f"abstract/lstm_{score}_below_naive"
    assert judged(rows, identity, evidence, printed=beats).verdict == "reproduced"
    assert judged(rows, identity, evidence, printed="0.5").verdict == "not reproduced"


@pytest.mark.parametrize("arima, verdict", [(0.01, "not reproduced"), (-0.5, "reproduced")])
def test_networks_are_held_against_a_typical_model(rows, walk, arima, verdict):
    skills = {"ARIMA": arima, "CNN": -0.3, "LSTM": -0.1, "CNN-LSTM": -0.2, "LSTM-CNN": -0.9, "drift": 0.0}
    made = [{"ticker": t, "model": m, "skill": s} for t in thesis.APPENDIX for m, s in skills.items()]
    skill = pd.DataFrame(made).assign(reading="close", part="test")
    its = judged(rows, "4/no_typical_model_fits", Evidence(walk, rows, skill=skill))
    assert its.verdict == verdict and "LSTM -0.100" in its.found.because
    for lacking in (None, skill[skill["model"] != "CNN"]):
        its = judged(rows, "4/no_typical_model_fits", Evidence(walk, rows, skill=lacking))
        assert its.verdict == "cannot be computed" and "--only 09a" in its.found.because


def test_first_closes_are_told_from_minima(rows, walk):
    first = {"ADA-USD": 0.17535, "ETH-USD": 730.3676, "SOL-USD": 1.842084}
    planted = {t: f.assign(Close=[first[t], *f["Close"].iloc[1:]]) for t, f in walk.items()}
    assert judged(rows, "Table 4.1/minima_are_first_closes", Evidence(planted, rows)).verdict == "reproduced"
    assert judged(rows, "Table 4.1/minima_are_first_closes", Evidence(walk, rows)).found.text == "0 of 3"
