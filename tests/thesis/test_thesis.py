"""What the thesis printed: complete, consistent with itself, and equal to its text where that is at hand."""

import re

import numpy as np
import pandas as pd
import pytest

from lib import settings, thesis
from lib.settings import PROJECT_ROOT

TEXT = PROJECT_ROOT.parent / "shared" / "thesis" / "thesis.md"
needs_text = pytest.mark.skipif(not TEXT.is_file(), reason="the thesis's text is not beside the project")
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")


@pytest.fixture(scope="module")
def text():
    return TEXT.read_text(encoding="utf-8")


def cells(text, first):
    """The first line of tab-separated cells that begins with ``first``."""
    found = re.search(rf"^{re.escape(first)}\t(.*)$", text, re.MULTILINE).group(1)
    return [float(c.replace(",", "").rstrip("*")) for c in found.split("\t")]


def test_there_are_255_trials():
    frame = thesis.trials()
    assert len(frame) == 255
    assert frame["ticker"].value_counts().to_dict() == {"SOL-USD": 75, "ADA-USD": 60, "ETH-USD": 120}
    assert not frame.duplicated(["ticker", "model", "trial"]).any()


def test_trials_are_numbered_from_one_without_a_hole():
    for _, rows in thesis.trials().groupby(["ticker", "model"]):
        assert sorted(rows["trial"]) == list(range(1, len(rows) + 1))


def test_trial_count_sums_to_the_appendices():
    counts = {t: [thesis.trial_count(t, n) for n in NETWORKS] for t in thesis.APPENDIX}
    assert counts == {"SOL-USD": [30, 15, 15, 15], "ADA-USD": [15, 15, 15, 15], "ETH-USD": [30, 30, 30, 30]}
    assert thesis.trial_count("BTC-USD", "CNN") == 0


def test_a_row_has_the_layers_of_the_network_that_it_is_listed_under():
    """The swap of Appendix 2 is undone: only networks with a convolution have filters or kernels."""
    frame = thesis.trials()
    for ticker in thesis.APPENDIX:
        rows = frame[(frame["ticker"] == ticker)]
        has_kernel = rows["kernel_size"].notna().groupby(rows["network"]).mean().to_dict()
        assert {n: has_kernel[n] for n in ("CNN-LSTM", "LSTM-CNN", "LSTM")} == {
            "CNN-LSTM": 1,
            "LSTM-CNN": 1,
            "LSTM": 0,
        }, ticker
        assert rows.loc[rows["network"] == "LSTM", "pool_size"].isna().all()
    swapped = frame[frame["model"] != frame["network"]]
    assert set(swapped["ticker"]) == {"ADA-USD"} and len(swapped) == 30
    assert set(zip(swapped["model"], swapped["network"])) == {("LSTM", "CNN-LSTM"), ("CNN-LSTM", "LSTM")}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_trial_called_best_is_in_the_appendix(network):
    best = thesis.printed()["best"][network]
    number = int(re.search(r"trial (\d+)", best["place"]).group(1))
    frame = thesis.trials()
    row = frame[
        (frame["ticker"] == best["ticker"]) & (frame["network"] == network) & (frame["trial"] == number)
    ].squeeze()
    assert best["ticker"] in best["place"] and f"Appendix {thesis.APPENDIX[best['ticker']]}" in best["place"]
    for name, value in best["hyperparameters"].items():
        if name in row and pd.notna(row[name]):  # the appendices lack the CNN's filters and the LSTM's units
            assert row[name] == pytest.approx(value, abs=1e-12), name
    for name, value in best["scores"].items():
        style = ".2f" if name == "r2" else ".2e"  # two digits of R2, three of the errors
        assert format(row[name], style) == format(value, style), name
    assert thesis.best_hyperparameters(network) == best["hyperparameters"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_best_trial_has_the_smallest_mse_of_its_study(network):
    best = thesis.printed()["best"][network]
    frame = thesis.trials()
    study = frame[(frame["ticker"] == best["ticker"]) & (frame["network"] == network)]
    assert study["mse"].min() == pytest.approx(best["scores"]["mse"], abs=1e-6)


def test_best_hyperparameters_is_a_copy():
    thesis.best_hyperparameters("CNN")["epochs"] = 1
    assert thesis.best_hyperparameters("CNN")["epochs"] == 150


def test_the_trials_imply_the_target_variance():
    """MSE / (1 - R2) of each trial with R2 below 0.9, within what two digits of R2 and three of MSE leave open."""
    printed = thesis.printed()["target_variance"]
    rows = thesis.trials().query("r2 < 0.9")
    assert len(rows) == 127
    for row in rows.itertuples():
        rerun = (row.ticker, row.network) == ("ADA-USD", "CNN")
        constant = printed["ada_cnn_rerun" if rerun else "recovered_protocol"]["values"][row.ticker]
        low, high = row.mse * 0.994 / (1 - row.r2 + 0.006), row.mse * 1.006 / (1 - row.r2 - 0.006)
        assert low <= constant <= high, row


def test_the_parameter_file_runs_what_was_recovered():
    protocol = thesis.printed()["target_variance"]["recovered_protocol"]
    chosen = settings.load(PROJECT_ROOT / "params/thesis.yaml")
    assert (chosen.end_date, list(chosen.split)) == (protocol["end_date"], protocol["split"])
    assert set(chosen.tickers) == set(protocol["values"])


@needs_text
def test_table_4_1_is_the_text_s(text):
    table = thesis.printed()["table_4_1"]
    assert {t: cells(text, t) for t in thesis.APPENDIX} == {
        t: [float(v) for v in row] for t, row in table["rows"].items()
    }


@needs_text
def test_table_4_2_is_the_text_s(text):
    table = thesis.printed()["table_4_2"]
    for kind in ("level", "returns"):
        assert {t: cells(text, f"{t} ({kind.title()})") for t in thesis.APPENDIX} == table[kind]


@needs_text
def test_table_4_5_is_the_text_s(text):
    after = text[text.index("**Table 4.5.**") :]
    assert {n: cells(after, n) for n in NETWORKS} == thesis.printed()["table_4_5"]["rows"]


@needs_text
def test_the_parameter_count_is_the_text_s(text):
    count = int(re.search(r"total of ([\d,]+) trainable parameters", text).group(1).replace(",", ""))
    assert thesis.printed()["parameter_counts"] == {"LSTM-CNN": count}


@needs_text
def test_the_trials_are_the_text_s(text):
    """Every row of Appendices 1 to 3, cell by cell, in order."""
    columns = [
        "trial",
        "duration",
        "batch_size",
        "dropout_rate",
        "epochs",
        "filters",
        "kernel_size",
        "learning_rate",
        "lstm_units1",
        "lstm_units2",
        "pool_size",
        "mae",
        "mse",
        "r2",
        "model",
    ]
    start = text.index("## Appendix 1.")
    lines = [line.split("\t") for line in text[start:].splitlines() if re.match(r"\d+\t\d+s\t", line)]
    frame = thesis.trials()
    assert len(lines) == len(frame)
    for cell, row in zip(lines, frame[columns].itertuples(index=False)):
        for name, printed, value in zip(columns, cell, row):
            if name in ("duration", "model"):
                assert printed.strip() == value
            else:
                assert (printed.strip() == "" and np.isnan(value)) or float(printed) == value, (name, cell)


@needs_text
def test_the_best_filters_kernels_and_units_are_chapter_8_s(text):
    chapter = text[text.index("The relative results of this study") :]
    assert "batch size of 128 and 150 epochs (filters 74, 54; kernel sizes 3, 5)" in chapter
    assert "batch size of 64 and 200 epochs (units 113, 55)" in chapter
    cnn, lstm = thesis.best_hyperparameters("CNN"), thesis.best_hyperparameters("LSTM")
    assert [cnn[k] for k in ("batch_size", "epochs", "filters1", "filters2", "kernel_size1", "kernel_size2")] == [
        128,
        150,
        74,
        54,
        3,
        5,
    ]
    assert [lstm[k] for k in ("batch_size", "epochs", "lstm_units1", "lstm_units2")] == [64, 200, 113, 55]


@needs_text
def test_the_best_scores_are_the_abstract_s(text):
    abstract = text[: text.index("\n**Table 2.1.**")]
    for best in thesis.printed()["best"].values():
        for value in best["scores"].values():
            assert re.search(rf"(?<!\d){value:.10g}(?!\d)", abstract), value
