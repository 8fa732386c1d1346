"""The ledger on the thesis's own prices: what its numbers come to. Skipped where they are not at hand."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lib import ledger, settings
from lib.data import market
from lib.ledger import verdicts
from lib.ledger.evidence import Evidence

FOLDER = Path(os.environ.get("MARKET_DATA_DIR") or settings.PROJECT_ROOT.parent / "shared" / "market")
TICKERS = ("ADA-USD", "ETH-USD", "SOL-USD")
MISSING = [f"{t}.csv" for t in TICKERS if not (FOLDER / f"{t}.csv").is_file()]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"the thesis's prices are not here ({', '.join(MISSING)} missing): name their folder in MARKET_DATA_DIR",
)


@pytest.fixture(scope="module")
def evidence():
    prices = market.load("folder", TICKERS, date(2021, 1, 1), date(2025, 1, 19), str(FOLDER))
    return Evidence(prices, ledger.claims())


def judged(evidence, identity, printed=None):
    row = evidence.rows[identity]
    row = replace(row, printed=printed) if printed else row
    return verdicts.verdict(row, verdicts._find(row, evidence), evidence.rows)


@pytest.mark.parametrize(
    "identity, verdict, text",
    [
        ("Table 4.1/ETH-USD_minimum", "reproduced", "730.37 is the close of 2021-01-01; the smallest close is 730.368"),
        ("Table 4.1/ETH-USD_maximum", "not reproduced", "the high of 2021-11-16"),
        ("Table 4.1/SOL-USD_minimum", "not reproduced", "1.84 is the close of 2021-01-01; the smallest close is 1.799"),
        ("Table 4.1/SOL-USD_mean", "not reproduced", "of 1,480 closes, 2021-01-01 to 2025-01-19"),
        ("4.2/window", "reproduced", "60"),
        ("4.2/iqr_factor", "not reproduced", "capped"),
        ("4.1.2/train_share", "not reproduced", "70/15/15"),
        ("4.1.2/unseen", "not reproduced", "validation of 70/15/15"),
        ("4.1.2/scaled_before_split", "reproduced", "training days"),
        ("Appendix 4/windows_inside_parts", "reproduced", "162"),
        (
            "Table 4.5/days",
            "not reproduced",
            "sets of days of ETH-USD in US dollars",
        ),
        ("Table 4.5/LSTM_mse", "cannot be computed", "none that was tried fits"),
        ("Table 4.5/coin", "reproduced", "ETH-USD 17"),
        ("Table 4.1/minima_are_first_closes", "reproduced", "SOL-USD 1.84208"),
        ("abstract/lstm_mae_below_naive", "not reproduced", "0.018670"),
        ("Appendix 2/below_naive", "not reproduced", "5.15e-05"),
        ("Appendix 2/r2_from_prices", "reproduced", "0.00151139 of the CNN"),
        (
            "4.1.2/scaler",
            "reproduced",
            "MinMaxScaler fits the trials of 3 of 3 coins; StandardScaler fits the trials of 0 of 3 coins",
        ),
        ("4.1.2/parts", "reproduced", "1 have validation days and 0 last days that fit"),
        ("Appendix 1/r2_from_prices", "reproduced", "0.01623073"),
        ("Appendix 3/below_naive", "not reproduced", "naive"),
    ],
)
def test_on_the_thesis_s_prices(evidence, identity, verdict, text):
    found = judged(evidence, identity)
    assert found.verdict == verdict and text in found.found.because


@pytest.mark.parametrize(
    "identity, right",
    [
        ("Table 4.1/ADA-USD_mean", "0.758"),
        ("Table 4.1/SOL-USD_std", "68.2"),
        ("Table 4.1/ETH-USD_skewness", "0.47"),
        ("4.1.2/train_share", "70"),
        pytest.param("Table 4.2/ADA-USD_level_statistic", "-2.048", marks=pytest.mark.slow),
        ("Table 4.1/SOL-USD_maximum", "261.87"),
    ],
)
def test_the_right_number_would_be_reproduced_and_its_neighbour_not(evidence, identity, right):
    without_others = replace(evidence, rows={**evidence.rows, identity: replace(evidence.rows[identity], same_as=())})
    assert judged(without_others, identity, right).verdict == "reproduced"
    last = str(int(right[-1]) - 2) if int(right[-1]) > 1 else str(int(right[-1]) + 2)
    assert judged(without_others, identity, right[:-1] + last).verdict == "not reproduced"


@pytest.mark.slow
def test_three_coins_cannot_share_one_statistic(evidence):
    found = judged(evidence, "Table 4.2/one_statistic")
    assert found.verdict == "not reproduced" and " 0 give -36.83 for all" in found.found.because


@pytest.mark.slow
def test_the_whole_ledger(evidence, tensorflow_on_one_thread):
    frame = ledger.judge(evidence.rows, evidence)
    assert len(frame) == len(evidence.rows) and frame["id"].is_unique
    by = frame.set_index("id")
    assert (by.loc[[f"Table 4.1/{t}_any_window" for t in TICKERS], "verdict"] == "not reproduced").all()
    assert by.loc["4.3.4/parameter_count", ["verdict", "other_place", "computed"]].tolist() == [
        "contradicted",
        "Table 4.4",
        "163120",
    ]
    assert by.loc["4.3.4/parameter_count", "because"].count("readings that give 52,934: none") == 1
    assert (
        by.loc[["4.3.1/relu", "4.3.2/step", "4.3.2/sigmoid_bottom", "4.3.1/output_length"], "verdict"] == "consistent"
    ).all()
    told = ledger.findings(frame)
    assert "3 of 75 in Appendix 1, 0 of 60 in Appendix 2, 6 of 120 in Appendix 3" in told[0]
    assert "162 validation days" in told[0] and "MSE 3.1% smaller (0.000627 against 0.000647)" in told[0]
    assert "240 of 255 trials fit the validation days of 70/15/15" in told[1] and "In all 255, the printed" in told[1]
    assert "2 of 18 in Table 4.1" in told[2] and "six statistics of Table 4.1 (ADA-USD, ETH-USD, SOL-USD)" in told[2]
    assert "only ETH-USD in dollars can have; none of 11,154 periods of ETH-USD that were tried" in told[2]
