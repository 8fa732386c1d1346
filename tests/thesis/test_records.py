"""The author's records: whole, and every printed cell of Appendices 1 to 3 follows from them."""

import math

import pandas as pd
import pytest

from lib import networks, thesis
from lib.thesis import records

KEYS = ["ticker", "network", "trial"]
CELLS = [
    *("mse", "mae", "r2", "learning_rate", "dropout_rate", "batch_size", "epochs"),
    *("filters", "kernel_size", "lstm_units1", "lstm_units2", "pool_size"),
]


@pytest.fixture
def side_by_side():
    return thesis.trials().merge(records.as_printed(), on=KEYS, suffixes=("", " by the rule"), validate="1:1")


def differing(rows):
    """(column, ticker, network, trial) of each printed cell that the rule does not give."""
    return [
        (name, *key)
        for name in CELLS
        for *key, printed, ours in rows[[*KEYS, name, f"{name} by the rule"]].itertuples(index=False)
        if pd.notna(printed) and printed != ours
    ]


def test_every_printed_score_and_hyperparameter_follows(side_by_side):
    assert len(side_by_side) == 255 and differing(side_by_side) == []
    printed = side_by_side[CELLS].notna().sum()
    assert printed[list(records.SCORES)].sum() == 765 and printed.drop(list(records.SCORES)).sum() == 1695


def test_rounding_once_would_not_do(side_by_side):
    """Rounded once, to three digits but not beyond six decimals, 16 cells would be printed otherwise."""

    def once(exact):
        return round(exact, min(6, 2 - math.floor(math.log10(exact))))

    printed = side_by_side.set_index(KEYS)
    names = ("mse", "mae", "learning_rate")
    frame = records.trials().set_index(KEYS)
    assert (
        sum(
            not math.isclose(once(frame.loc[k, n]), printed.loc[k, n], rel_tol=1e-9) for n in names for k in frame.index
        )
        == 16
    )


def test_printed_durations_are_seconds_without_their_minutes(side_by_side):
    printed = side_by_side["duration"].str.removesuffix("s").astype(float)
    assert (printed == side_by_side["duration_seconds"]).all()
    assert (records.seconds() >= 60).sum() == 159


def test_the_labels_of_appendix_2_are_swapped_and_no_other_is(side_by_side):
    """Under the printed labels the rows do not follow, under the exchanged ones all do."""
    as_labelled = thesis.trials().drop(columns="network").rename(columns={"model": "network"})
    rows = as_labelled.merge(records.as_printed(), on=KEYS, suffixes=("", " by the rule"))
    wrong = {(ticker, network) for _, ticker, network, _ in differing(rows)}
    assert wrong == {("ADA-USD", "LSTM"), ("ADA-USD", "CNN-LSTM")}


def test_every_trial_has_every_hyperparameter_of_its_network_and_no_other():
    for network, rows in records.trials().groupby("network"):
        own = set(networks.ARCHITECTURES[network].hyperparameters)
        held = {name for name in rows if rows[name].notna().all()} & set(CELLS + ["filters1", "filters2"])
        assert rows[sorted(own)].notna().all(axis=None) and held <= own | set(records.SCORES)


def test_a_changed_value_is_noticed(side_by_side):
    side_by_side.loc[7, "mse"] *= 1.01
    assert differing(side_by_side) == [("mse", *side_by_side.loc[7, KEYS])]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), r"is cut or altered: it has \d\d\d? of 255 trials"),
        (
            lambda path: path.write_bytes(path.read_bytes().replace(b"6", b"7", 1)),
            "is cut or altered: it has 255 of 255",
        ),
    ],
)
@pytest.mark.parametrize(("file", "read"), [(records.FILE, records.trials), (thesis.PRINTED_TRIALS, thesis.trials)])
def test_missing_cut_or_altered_trials_are_told(tmp_path, monkeypatch, file, read, change, told):
    place = tmp_path / file
    place.write_bytes(thesis.content(file))
    change(place)
    monkeypatch.setattr(thesis, "files", lambda package: tmp_path)
    records.trials.cache_clear()
    with pytest.raises(thesis.RecordsError, match=f"^lib/thesis/{file} {told}.*git checkout -- lib/thesis/{file}$"):
        read()
    monkeypatch.undo()
    assert len(read()) == 255
