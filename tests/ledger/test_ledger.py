"""The ledger: its rows are usable, its verdicts follow from what is printed and what is computed."""

import dataclasses
import inspect
import math
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import adfuller

from lib import ledger, thesis
from lib.ledger import checks, precision, verdicts
from lib.ledger.checks import price_tables, replays, trials, unit_roots
from lib.ledger.evidence import END, START, Evidence, Missing
from lib.ledger.findings import by_chance
from lib.ledger.found import Found
from lib.ledger.rows import STATED, Row


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


@pytest.fixture(scope="module")
def frame(rows):
    """Verdicts without any price: what rests on the thesis alone."""
    cheap = {i: r for i, r in rows.items() if not r.check.startswith("layers.")}
    return ledger.judge({i: r for i, r in cheap.items() if set(r.same_as) <= set(cheap)}, Evidence({}, rows))


def row(printed="0.95", same_as=(), check="c", cannot="", place="8"):
    return Row(f"{place}/x", place, "says", printed, (printed,), check=check, same_as=same_as, cannot=cannot)


# -- printed precision ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "printed, value, half",
    [
        ("0.954", 0.954, 0.0005),
        ("52,934", 52934, 0.5),
        ("6.78e-04", 0.000678, 5e-7),
        ("1e-4", 1e-4, 5e-5),
        ("-36.83", -36.83, 0.005),
        ("0.000*", 0.0, 0.0005),
        ("60%", 60, 0.5),
        ("73.1", 73.1, 0.05),
        ("2,487.34", 2487.34, 0.005),
        ("59s", 59, 0.5),
    ],
)
def test_the_last_digit_is_the_precision(printed, value, half):
    assert precision.value(printed) == pytest.approx(value, rel=1e-12) and precision.half_unit(
        printed
    ) == pytest.approx(half)


def test_days_and_moments_can_be_subtracted():
    assert precision.value("2023-01-10") - precision.value("1.1.2023") == 9
    assert precision.value("20240328153145") - precision.value("20240328153045") == 60
    assert precision.day("01/02/2020") == date(2020, 2, 1)
    assert (
        not precision.is_number("MinMaxScaler")
        and not precision.is_number("16, 32")
        and not precision.is_number("0.0.0.0")
    )


def test_a_reason_is_filled_from_the_printed_numbers():
    printed = {"first": "2023-01-01", "last": "2023-01-10", "mse": "24571.23"}
    told = precision.filled("{first} to {last} are {last - first + 1} days; its root is {mse ** 0.5}", printed)
    assert told == "2023-01-01 to 2023-01-10 are 10 days; its root is 156.752"


def test_a_reason_is_a_sentence_and_no_formula(rows):
    for one in rows.values():
        if one.check in ("other_places.arithmetic", "published_source.holds"):
            told = verdicts._find(one, Evidence({}, rows)).because
            assert len(told) > 10 and not re.search(r"[{}<>=*]", told), (one.id, told)


# -- verdicts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found, expected",
    [
        (Found(0.9549), "reproduced"),
        (Found(0.9551), "not reproduced"),
        (Found(0.97, 0.94, 0.98), "close"),
        (Found(0.97, 0.96, 0.98), "not reproduced"),
        (Found(0.97, 0.9549, 0.98), "close"),
        (Found(0.97, 0.9551, 0.98), "not reproduced"),
        (Found(0.97, 0.97, 0.97), "not reproduced"),
        (Found(0.95, 0.94, 0.98, seeds=3), "close"),
        (Found(0.95, constant=True), "consistent"),
        (Found(0.97, constant=True), "contradicted"),
        (Found(0.95, published="a.py"), "consistent"),
        (Found(0.97, published="a.py"), "contradicted"),
        (Found(None), "not reproduced"),
        (Found(math.nan), "not reproduced"),
        (Found(True), "reproduced"),
        (Found(np.True_), "reproduced"),
        (Found(np.False_), "not reproduced"),
        (Found(np.float64(0.9549)), "reproduced"),
        (Found(False), "not reproduced"),
        (Found(0.97, other_place="Table 4.5"), "contradicted"),
        (Found(0.954, other_place="Table 4.5"), "consistent"),
        (Found(0.97, 0.949, 0.99, other_place="Table 4.5"), "consistent"),
        (Found(False, other_place="Table 4.5"), "contradicted"),
        (Missing("why"), "cannot be computed"),
    ],
    ids=str,
)
def test_a_verdict_follows_from_what_is_found(found, expected):
    judged = verdicts.verdict(row("0.95"), found, {})
    assert judged.verdict == expected and judged.verdict in ledger.VERDICTS
    if isinstance(found, Missing):
        assert judged.found.because == "why"


def test_another_row_with_another_value_contradicts_unless_ours_is_the_printed_one():
    rows = {"other": row("0.9614", place="abstract")}
    one = row("0.9542", same_as=("other",))
    for found in (Missing("no"), None, Found(0.9614), Found(0.95, 0.9, 0.99)):
        judged = verdicts.verdict(one, found, rows)
        assert (
            judged.verdict == "contradicted" and judged.other_place == "abstract" and "0.9614" in judged.found.because
        )
    assert verdicts.verdict(one, Found(0.9542), rows).verdict == "reproduced"
    assert verdicts.verdict(row("0.96", same_as=("other",)), Found(0.97), rows).verdict == "not reproduced", (
        "0.9614 is 0.96 at two digits"
    )


def test_a_row_that_repeats_another_has_its_verdict(rows):
    first = dataclasses.replace(
        row("37", place="Table 4.3", check="trials.cell"), arguments=rows["Table 4.3/filters"].arguments
    )
    again = row("37", same_as=(first.id,), check="")
    lost = row("5", same_as=("Table 4.4/x",), check="", place="Table 4.5")
    lost_too = row("5", same_as=("Table 4.5/x",), check="", place="Table 4.4")
    made = {r.id: r for r in (again, first, lost, lost_too)}
    judged = ledger.judge(made, Evidence({}, made)).set_index("id")["verdict"]
    assert judged.tolist() == ["consistent"] * 4


CHANGES = [
    ("Table 4.3/filters", "38", "consistent", "contradicted"),
    ("8/cnn_lstm_dropout", "0.150", "consistent", "contradicted"),
    ("8/lstm_mae_in_appendix", "0.018903", "consistent", "contradicted"),
    ("4.4/total", "255", "contradicted", "consistent"),
    ("4.4/filters_low", "16", "contradicted", "consistent"),
    ("4.4/batch_sizes", "16, 32, 64", "consistent", "contradicted"),
    ("Listing 2/test_mse", "32005.20", "contradicted", "consistent"),
    ("1.4/backend", "5", "contradicted", "consistent"),
    ("Abbreviations/mape", "Mean Absolute Percentage Error", "contradicted", "consistent"),
    ("Listing 4/predicted_is_the_middle", "42150.35", "consistent", "contradicted"),
    ("Table 5.2/progress", "25", "consistent", "contradicted"),
    ("8/sol_mean_r2", "0.97", "consistent", "contradicted"),
]


@pytest.mark.parametrize("identity, printed, before, after", CHANGES, ids=[c[0] for c in CHANGES])
def test_a_changed_printed_value_changes_the_verdict(rows, identity, printed, before, after):
    def judged(changed):
        # What it is held against stays as it was, except in the row's own place.
        one = {identity: changed.pop(identity)}
        found = verdicts._find(one[identity], Evidence({}, {**changed, **one}))
        return verdicts.verdict(one[identity], found, {**changed, **one}).verdict

    assert judged(dict(rows)) == before
    assert judged({**rows, identity: dataclasses.replace(rows[identity], printed=printed)}) == after


def test_an_abbreviation_that_stands_in_the_list_only_is_not_used(rows):
    one = rows["whole text/abbreviations"]
    for times, expected in ((1, "contradicted"), (2, "consistent")):
        again = dataclasses.replace(one, times=times)
        assert verdicts.verdict(again, verdicts._find(again, Evidence({}, rows)), rows).verdict == expected


@pytest.mark.parametrize(
    "identity, printed",
    [
        ("4.4/dropout_low", "0.2"),
        ("4.4/dropout_high", "0.4"),
        ("4.4/kernel_high", "4"),
        ("4.4/learning_rate_low", "2e-4"),
        ("4.4/filters_low", "20"),
    ],
)
def test_a_range_is_left_by_the_trials_beyond_it(rows, identity, printed):
    one = dataclasses.replace(rows[identity], printed=printed, same_as=())
    found = verdicts._find(one, Evidence({}, rows))
    assert verdicts.verdict(one, found, rows).verdict == "contradicted" and "are beyond" in found.because


@pytest.mark.parametrize(
    "identity, printed",
    [("4.4/dropout_high", "0.9"), ("4.4/kernel_high", "50"), ("4.4/filters_low", "1")]
    # The trials end at 0.49991 and at 9.85e-03; so many even draws would come nearer.
    + [("4.4/dropout_high", "0.51"), ("4.4/learning_rate_high", "1.1e-2")],
)
def test_a_wide_range_is_not_shown_by_trials_that_keep_inside(rows, identity, printed):
    one = dataclasses.replace(rows[identity], printed=printed, same_as=())
    found = verdicts._find(one, Evidence({}, rows))
    assert verdicts.verdict(one, found, rows).verdict == "cannot be computed" and "none shows it" in str(found)


def test_a_range_that_the_trials_reach_is_theirs(rows):
    one = dataclasses.replace(rows["4.4/kernel_high"], same_as=())
    assert verdicts.verdict(one, verdicts._find(one, Evidence({}, rows)), rows).verdict == "consistent"


@pytest.mark.parametrize(
    "changed, printed, before, after",
    [
        ("Table 4.2/ADA-USD_level_p", "0.363", "consistent", "contradicted"),
        ("Table 4.2/ADA-USD_level_statistic", "-1.838", "consistent", "contradicted"),
        ("Table 4.2/ADA-USD_level_p", "0.366", "consistent", "contradicted"),
        ("Table 4.2/SOL-USD_level_p", "0.004*", "consistent", "contradicted"),
    ],
)
def test_a_p_value_belongs_to_the_statistic_beside_it(rows, changed, printed, before, after):
    one = rows[f"{changed.rpartition('_')[0]}_p_belongs"]
    assert one.kind == "question"
    for text, expected in ((rows[changed].printed, before), (printed, after)):
        others = {**rows, changed: dataclasses.replace(rows[changed], printed=text)}
        assert verdicts.verdict(one, verdicts._find(one, Evidence({}, others)), others).verdict == expected


# -- the ledger as data --------------------------------------------------------------------


def test_every_check_is_a_documented_function_that_takes_its_row_s_arguments(rows):
    for one in rows.values():
        if one.check:
            function = checks.function(one.check)
            assert (function.__doc__ or "").strip(), one.check
            inspect.signature(function).bind(None, one, **one.arguments)


def test_every_row_says_how_or_why_not(rows):
    for one in rows.values():
        assert one.check or one.same_as or one.cannot, one.id
        assert not one.cannot or len(one.cannot) > 10, one.id
        assert not (one.printed == STATED and one.check.endswith(("statistic", "cell"))), one.id


def test_no_verdict_is_typed(rows):
    """No file of the ledger says how a check ends."""
    from importlib.resources import files

    for file in files("lib.ledger").joinpath("claims").iterdir():
        text = file.read_text(encoding="utf-8")
        values = re.findall(r"[:,] ?\"?([a-z ]+)\"?[,}\n]", text)
        assert "verdict" not in text and not set(values) & set(ledger.VERDICTS), file.name


def test_there_is_a_row_for_each_cell_of_each_printed_trial(rows):
    judged = [r for r in rows.values() if r.check == "replays.score_of_trial"]
    cells = [r for r in rows.values() if r.kind == "cell"]
    assert len(judged) == 255 and {r.kind for r in judged} == {"claim"} and {r.unit for r in judged} == {judged[0].unit}
    assert {r.check for r in cells} == {"records.cell"} and len({r.id for r in cells}) == 255 + 2 * 255 + 1695
    assert rows["Appendix 1/LSTM 15 R2"].printed == "0.96" and rows["Appendix 1/LSTM 15 MAE"].printed == "1.88e-02"
    assert rows["Appendix 1/LSTM 15 duration"].printed == "51s" and "Appendix 1/LSTM 15 filters" not in rows
    assert rows["Appendix 2/LSTM 1"].arguments["network"] == "CNN-LSTM", "the labels of Appendix 2 are exchanged"
    assert rows["Appendix 1/LSTM 15"].printed == "6.27e-04"


def test_without_prices_every_row_that_needs_them_says_what_makes_it(frame):
    waiting = frame[frame["because"].str.contains("other prices", na=False)]
    assert len(waiting) > 50 and (waiting["verdict"] == "cannot be computed").all()
    assert waiting["because"].str.contains("python run_all.py params/thesis.yaml").all()
    of_trials = frame[frame["how"].str.contains("score_of_trial")]
    assert (of_trials["verdict"] == "cannot be computed").all() and (of_trials["because"].str.len() > 10).all()


def test_every_row_has_a_verdict_and_a_reason_where_there_is_none(frame):
    assert frame["verdict"].isin(ledger.VERDICTS).all()
    assert (frame.loc[frame["verdict"] == "cannot be computed", "because"].str.len() > 0).all()
    contradicted = frame[frame["verdict"] == "contradicted"]
    assert ((contradicted["other_place"].str.len() > 0) | (contradicted["against"] == "a definition")).all()


def test_the_summary_counts_every_row_once(frame):
    table = ledger.summary(frame).set_index("chapter")
    assert table["rows"].iloc[-3:].sum() == len(frame)
    assert (
        table["rows"].iloc[:-3].sum() == table.loc["all", "rows"]
        and table.loc["our own questions", "rows"] == (frame["kind"] == "question").sum() > 30
    )
    assert (table[list(ledger.VERDICTS)].sum(axis=1) == table["rows"]).all()


def test_from_every_function_back_to_its_rows(rows, frame):
    table = ledger.by_check({i: rows[i] for i in frame["id"]}, frame)
    assert table["rows"].sum() == len(frame)
    named = table[table["function"].str.startswith("lib.ledger.checks.")]
    for name in named["function"]:
        assert callable(checks.function(name.removeprefix("lib.ledger.checks.")))
    assert (table[list(ledger.VERDICTS)].sum(axis=1) == table["rows"]).all()


@pytest.mark.parametrize("name", ["prices.nothing", "trials.nothing", "trials._of", "trials.precision", "os.system"])
def test_only_checks_can_be_named(name):
    with pytest.raises(KeyError):
        checks.function(name)


# -- single checks -------------------------------------------------------------------------


def random_prices(days=90, seed=3):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.04, days)))
    return pd.Series(close, pd.date_range("2021-01-01", periods=days, freq="D"))


def test_a_planted_window_is_found_with_all_six_statistics():
    prices = random_prices()
    wanted = np.array(list(price_tables._statistics(prices.iloc[20:65]).values()))
    count, days, near = price_tables._search(prices, wanted, np.full(6, 1e-6))
    assert (
        count == 6 and days == f"{prices.index[20]:%Y-%m-%d} to {prices.index[64]:%Y-%m-%d}" and near.startswith(days)
    )


def test_the_search_counts_as_one_by_one():
    prices = random_prices(50)
    wanted, halves = np.array([70.0, 130.0, 100.0, 12.0, 99.0, 0.3]), np.array([20.0, 20.0, 3.0, 2.0, 3.0, 0.2])
    each = [
        sum(abs(v - w) <= h for v, w, h in zip(price_tables._statistics(prices.iloc[a:b]).values(), wanted, halves))
        for a in range(50)
        for b in range(a + price_tables.SHORTEST, 51)
    ]
    assert price_tables._search(prices, wanted, halves)[0] == max(each)


@pytest.mark.parametrize("lags", unit_roots.LAGS)
def test_adf_with_fixed_lags_is_statsmodels(lags):
    values = np.cumsum(np.random.default_rng(5).normal(size=400))
    theirs = adfuller(values, maxlag=lags, autolag=None, regression="c", result_object=True).statistic
    assert unit_roots._fixed_lags(values, lags) == pytest.approx(theirs, rel=1e-9)


def test_the_variance_that_rounded_scores_leave_open():
    low, high = trials.variance_range(
        [("2208.65", "0.9542"), ("7114.40", "0.8524"), ("2229.16", "0.9538"), ("6693.68", "0.8611")]
    )
    assert 48190 < low < high < 48215
    low, high = trials.variance_range([("1.0", "0.5"), ("4.0", "0.5")])
    assert low > high


@pytest.mark.parametrize("ticker", thesis.APPENDIX)
def test_the_implied_variance_holds_the_published_one(ticker):
    low, high = trials.implied_variance(ticker)
    assert low <= thesis.printed()["target_variance"]["recovered_protocol"]["values"][ticker] <= high


def test_what_the_text_leaves_open_is_told_in_every_reading(rows):
    mean, most = (verdicts._find(rows[f"8/sol_{name}"], Evidence({}, rows)) for name in ("mean_r2", "most_predictable"))
    assert mean.value and mean.text == "0.777 of all 75 trials; 0.958 of each network's best"
    assert most.value and most.text == "SOL-USD is first by the mean of each network's best"
    assert "mean of each network's best: SOL-USD 0.958, ETH-USD 0.954, ADA-USD 0.895" in most.because
    assert "mean of all trials: ETH-USD 0.791, SOL-USD 0.777" in most.because
    assert "best trial: SOL-USD 0.961, ETH-USD 0.959" in most.because


def test_another_coin_with_the_higher_mean_is_the_most_predictable(rows, monkeypatch):
    frame = trials.records.trials()
    frame = frame.assign(r2=frame["r2"].where(frame["ticker"] != "ETH-USD", frame["r2"] + 0.005))
    monkeypatch.setattr(trials.records, "trials", lambda: frame)
    found = verdicts._find(rows["8/sol_most_predictable"], Evidence({}, rows))
    assert not found.value and found.text.startswith("ETH-USD is first")


def test_single_misses_are_counted_beside_what_chance_gives():
    how = "lib.ledger.checks.replays.score_of_trial(ticker=A, network=N, trial={})"
    rows = [
        {
            "place": "Appendix 1",
            "kind": "claim",
            "chapter": "Appendices 1 to 3",
            "verdict": v,
            "against": "our computation",
            "seeds": s,
            "smallest": 1e-4,
            "largest": 4e-4,
            "how": how.format(k),
        }
        for k, (v, s) in enumerate(
            [
                ("not reproduced", 3),
                ("close", 3),
                ("reproduced", 9),
                ("cannot be computed", None),
            ]
        )
    ]
    told = by_chance(pd.DataFrame(rows * 10))
    assert "Of 30 printed trials that were trained again, 10 have an MSE outside the 95 %" in told
    assert told.endswith("about 2 would be if nothing but the seed differed.")
    about = {"cases": 120, "outside": 12, "rate": 0.1, "low": 0.053, "high": 0.168, "nominal": 0.05}
    rates = pd.DataFrame([{"rule": "best of n", **about, "rate": 0.9}, {"rule": "one training", **about}])
    told = by_chance(pd.DataFrame(rows * 10), rates)
    assert "10.0% of our own seeds too (5.3% to 16.8%), which would be about 3 of 30" in told
    assert told.endswith("a factor of 2.0 to either side of its middle.")
    assert by_chance(pd.DataFrame(rows), rates.assign(cases=0)) == by_chance(pd.DataFrame(rows))
    assert by_chance(pd.DataFrame(rows).assign(seeds=np.nan)) == ""


# -- scores of trained networks ------------------------------------------------------------


@pytest.fixture
def prices():
    days = pd.date_range(START, END, freq="D")
    return {
        t: pd.DataFrame({c: np.linspace(1, 2, len(days)) for c in price_tables.COLUMNS}, index=days)
        for t in thesis.APPENDIX
    }


def test_the_best_trials_are_those_of_the_thesis():
    for network, (ticker, number) in replays.BEST_TRIALS.items():
        best = thesis.printed()["best"][network]
        assert best["ticker"] == ticker and best["place"].endswith(f"trial {number}")


# -- what it comes to ----------------------------------------------------------------------


@pytest.mark.slow
def test_findings_come_from_the_ledger(rows, frame):
    whole = ledger.judge(
        {i: r for i, r in rows.items() if i not in set(frame["id"]) and not r.check.startswith("layers.")},
        Evidence({}, rows),
    )
    extra = [
        {
            "id": "4.3.4/parameter_count",
            "verdict": "contradicted",
            "printed": "52,934",
            "computed": "163120",
            "place": "4.3.4",
        }
    ]
    all_rows = pd.concat([frame, whole, pd.DataFrame(extra)], ignore_index=True)
    told = ledger.findings(all_rows)
    assert len(told) == 3 and all("cannot be computed in this run" in t for t in told[:2])
    known = all_rows.copy()
    at = known.set_index("id").index
    values = {
        "8/successful": "2 of 11",
        "8/sol_most_predictable_naive": "0.9601",
        "abstract/lstm_mae_below_naive": "0.018670",
        "abstract/lstm_mse_below_naive": "0.001254",
        "Appendix 1/below_naive": "3 of 75",
        "Appendix 2/below_naive": "0 of 45",
        "Appendix 3/below_naive": "6 of 120",
        "4.1.2/unseen": "validation of 70/15/15",
        "Appendix 1/r2_from_prices": "75 of 75",
        "Appendix 2/r2_from_prices": "59 of 60",
        "Appendix 3/r2_from_prices": "120 of 120",
        "Table 4.5/days": "0 of 7",
    }
    for identity, computed in values.items():
        known.loc[at == identity, ["computed", "verdict"]] = [computed, "not reproduced"]
    naive, days, tables = ledger.findings(known)
    assert "headline R2 of 0.9614" in naive and ": 0.9601 on the same 162 validation days" in naive
    assert "MAE is 0.7% larger (0.018803 against 0.018670) and its MSE 50.0% smaller" in naive
    assert (
        "3 of 75 in Appendix 1" in naive
        and "Of the 11 best trials (3 coins, 4 networks), 2 beat it; they were picked" in naive
    )
    assert "60/20/20 split" in days and "240 of 255 trials fit the validation days of 70/15/15" in days
    assert (
        "The other 15 (ADA-USD, CNN)" in days
        and "70/20/10 split of days until 2025-01-25. In 254 of 255, the printed MSE" in days
    )
    assert "fit none of" in days and "none of 7 periods of ETH-USD that were tried has it" in tables
    assert "52,934 parameters" in told[2] and "163,120" in told[2]


def test_words_count_what_the_frame_has(frame):
    stated, asked = (frame[frame["kind"] == kind] for kind in ("claim", "question"))
    words = ledger.in_words(frame)
    assert words.startswith(f"{len(stated)} numbers and statements of the thesis: ")
    assert f" {(stated['verdict'] == 'consistent').sum()} consistent, " in words
    assert f"Of {len(asked)} questions that only we ask" in words
    told = ledger.replays_in_words(frame).splitlines()
    assert told[0].startswith("255 printed trials, one verdict each") and len(told) == 1 + 4 + 1
    assert sorted(told[1:5]) == [
        "CNN-LSTM: 60 cannot be computed.",
        "CNN: 75 cannot be computed.",
        "LSTM-CNN: 60 cannot be computed.",
        "LSTM: 60 cannot be computed.",
    ]


def test_the_figure_has_a_point_for_each_computed_number(frame):
    figure = ledger.printed_and_reproduced(frame)
    above, below = figure.axes
    points = sum(len(line.get_xdata()) for line in above.lines if line.get_label() and "(" in line.get_label())
    assert points > 30 and len(below.patches) == len(ledger.VERDICTS) * (len(ledger.summary(frame)) - 2)
    nothing = ledger.printed_and_reproduced(frame.assign(computed=""))
    assert len(nothing.axes) == 2
    cells = ledger.printed_and_reproduced(frame.assign(kind="cell")).axes[0]
    assert not [line for line in cells.lines if "(" in str(line.get_label())], "they would drown the claims"
