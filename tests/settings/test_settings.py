"""Parameters: every kind of wrong one is named, the committed files are right, checked ones are fixed."""

import copy
import os
import pickle
import re
from datetime import date

import pytest
import yaml
from pydantic import ValidationError

from lib import settings
from lib.settings import KEYS, PROJECT_ROOT, SettingsError, consistency, loading, places

FILES = ("params/sample.yaml", "params/thesis.yaml", "params/replay.yaml", "params/as_written.yaml")


@pytest.fixture
def sample():
    return yaml.safe_load((PROJECT_ROOT / "params/sample.yaml").read_text(encoding="utf-8"))


def refusal(values, where="params/mine.yaml"):
    with pytest.raises(SettingsError) as caught:
        settings.check(values, where)
    return str(caught.value)


WRONG = [
    ("source", "kraken"),
    ("source", None),
    ("tickers", []),
    ("tickers", ""),
    ("tickers", "BTC USD"),
    ("tickers", ["BTC USD"]),
    ("tickers", ["../x"]),
    ("start_date", "2020-13-01"),
    ("start_date", "yesterday"),
    ("start_date", 0),
    ("start_date", "86400"),
    ("end_date", True),
    ("max_daily_factor", 1),
    ("max_daily_factor", 1000001),
    ("max_daily_factor", float("inf")),
    ("max_daily_factor", None),
    ("gap_fill", "spline"),
    ("max_gap_days", 0),
    ("max_gap_days", 61),
    ("max_gap_days", 2.5),
    ("outliers", True),
    ("outliers", "drop"),
    ("outlier_iqr", 0),
    ("outlier_iqr", 10.5),
    ("outlier_iqr", float("nan")),
    ("outlier_iqr", True),
    ("indicator_days", [14, 12, 26, 9]),
    ("indicator_days", [1, 12, 26, 9, 20]),
    ("indicator_days", [14, 12, 251, 9, 20]),
    ("indicator_days", 14),
    ("inputs", "closes"),
    ("target", "return"),
    ("lookback", 0),
    ("lookback", 366),
    ("lookback", "many"),
    ("split", [0.7, 0.3]),
    ("split", [0.7, 0.3, 0.0]),
    ("split", [1.2, -0.1, -0.1]),
    ("scaling", "none"),
    ("unit_root_trend", "n"),
    ("networks", []),
    ("networks", ["GRU"]),
    ("hidden_dense_units", -1),
    ("hidden_dense_units", 513),
    ("output_activation", "relu"),
    ("batch_normalization", 1),
    ("batch_normalization", "maybe"),
    ("clip_norm", 0),
    ("clip_norm", 101),
    ("clip_norm", True),
    ("reduce_lr", None),
    ("max_epochs", 0),
    ("max_epochs", 1001),
    ("patience", 0),
    ("patience", 1001),
    ("restore_best_weights", "best"),
    ("seed", -1),
    ("seed", 2**32),
    ("seed", 1.0),
    ("threads", 0),
    ("threads", 65),
    ("trials", 0),
    ("trials", 1001),
    ("trials", "many"),
    ("trials", True),
    ("search_space", "wide"),
    ("startup_trials", 0),
    ("startup_trials", 1001),
    ("pruner", "hyperband"),
    ("trials_at_once", 0),
    ("trials_at_once", 65),
    ("workers", 0),
    ("workers", 65),
    ("scheduler", "cluster:8786"),
    ("scheduler", "http://cluster:8786"),
    ("scheduler", "tcp://cluster"),
    ("scheduler", "tcp://cluster:0"),
    ("scheduler", "tcp://cluster:65536"),
    ("scheduler", "tcp://cluster:8786/path"),
    ("scheduler", 8786),
    ("replay_trials", 0),
    ("replay_trials", "all"),
    ("replay_seeds", -1),
    ("replay_seeds", 21),
    ("replay_inputs", "closes"),
    ("replay_inputs", ["own_close", "all_closes"]),
    ("replay_patience", 0),
    ("replay_patience", 1001),
    ("replay_weights", "first"),
    ("evaluation_seeds", 1),
    ("evaluation_seeds", 101),
    ("comparison_seeds", 1),
    ("comparison_seeds", 101),
    ("folds", 1),
    ("folds", 21),
    ("fold_trials", 0),
    ("fold_trials", 51),
    ("holdout_end", "2025-13-01"),
    ("control_runs", 9),
    ("control_runs", 2001),
    ("output_dir", ""),
    ("output_dir", None),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{n}-{v}" for n, v in WRONG])
def test_a_wrong_value_is_named_with_file_key_value_and_what_is_allowed(sample, name, value):
    message = refusal({**sample, name: value})
    assert message == f"params/mine.yaml: {name} is {value!r}, which is not allowed. Allowed: {settings.meaning(name)}"


def test_every_key_has_a_wrong_value_above():
    assert {name for name, _ in WRONG} == set(KEYS) - {"data_dir"}  # any text is a folder's name


EDGES = [
    ("max_daily_factor", 1.01),
    ("max_daily_factor", 1000000),
    ("max_gap_days", 1),
    ("max_gap_days", 60),
    ("outlier_iqr", 10),
    ("indicator_days", [2, 2, 3, 2, 250]),
    ("lookback", 1),
    ("hidden_dense_units", 0),
    ("hidden_dense_units", 512),
    ("clip_norm", 100),
    ("clip_norm", 0.5),
    ("max_epochs", 1000),
    ("patience", 1),
    ("patience", None),
    ("seed", 0),
    ("seed", 2**32 - 1),
    ("threads", 64),
    ("trials", 1),
    ("trials", 1000),
    ("startup_trials", 1),
    ("trials_at_once", 64),
    ("workers", 64),
    ("scheduler", None),
    ("scheduler", "tcp://10.0.0.1:65535"),
    ("scheduler", "tls://scheduler.my-cluster:1"),
    ("scheduler", "tcp://[fe80::1]:8786"),
    ("replay_seeds", 0),
    ("replay_seeds", 20),
    ("replay_trials", 100),
    ("replay_patience", 1),
    ("replay_patience", None),
    ("split", [0.2, 0.4, 0.4]),
]


@pytest.mark.parametrize(("name", "value"), EDGES, ids=[f"{n}-{v}" for n, v in EDGES])
def test_the_ends_of_each_range_are_allowed(sample, name, value):
    assert settings.check({**sample, name: value}, "f").plain()[name] == value


def test_an_unknown_key_is_named_with_the_nearest_known_one(sample):
    message = refusal({**sample, "lookbak": 30})
    assert message == (
        "params/mine.yaml: unknown key 'lookbak' (did you mean 'lookback'?). Every key is listed in params/sample.yaml"
    )
    assert "did you mean" not in refusal({**sample, "zzz": 1})


def test_a_missing_key_is_named(sample):
    del sample["patience"]
    assert refusal(sample) == f"params/mine.yaml: key 'patience' is missing. Allowed: {settings.meaning('patience')}"


@pytest.mark.parametrize(
    ("name", "text", "listed"),
    [
        ("tickers", "btc-usd", ("BTC-USD",)),
        ("networks", "LSTM", ("LSTM",)),
    ],
)
def test_one_symbol_without_brackets_is_a_list_of_one(sample, tmp_path, name, text, listed):
    """Red before: it was refused by a rule that it satisfies."""
    (tmp_path / "mine.yaml").write_text(f"{name}: {text}\n", encoding="utf-8")
    assert getattr(settings.check({**sample, name: text}, "f"), name) == listed
    assert getattr(settings.load(tmp_path / "mine.yaml"), name) == listed
    assert (
        getattr(settings.load("params/sample.yaml", dict([settings.parse_override(f"{name}={text}")])), name) == listed
    )


def test_several_symbols_without_brackets_are_told_how_to_write_them(sample):
    assert refusal({**sample, "tickers": "ADA-USD, ETH-USD"}).endswith(
        "several are written as a list: [ADA-USD, ETH-USD]"
    )
    assert "written as a list: [0.7, 0.15, 0.15]" in refusal({**sample, "split": "0.7, 0.15, 0.15"})


CONTRADICTIONS = [
    ({"end_date": "2020-01-01"}, "end_date 2020-01-01 must be after start_date 2020-01-01"),
    ({"source": "folder"}, "source is folder, so data_dir must name the folder"),
    (
        {"patience": None, "reduce_lr": True},
        "reduce_lr is true, but patience is null: the learning rate is halved after half of patience,"
        " so give patience a number, or set reduce_lr to false",
    ),
    ({"data_dir": "prices"}, "data_dir is 'prices', but source is sample: set source to folder, or data_dir to null"),
    (
        {"tickers": ["ETH-USD"]},
        "source sample holds BTC-USD only, but tickers is ['ETH-USD']: use source yahoo or folder",
    ),
    ({"split": [0.7, 0.2, 0.2]}, "split [0.7, 0.2, 0.2] sums to 1.1, but must sum to 1"),
    ({"indicator_days": [14, 26, 26, 9, 20]}, "indicator_days: MACD fast 26 must be below MACD slow 26"),
    ({"source": "yahoo", "tickers": ["ETH-USD", "ETH-USD"]}, "tickers ['ETH-USD', 'ETH-USD'] names something twice"),
    ({"source": "yahoo", "tickers": ["ETH-USD", "eth-usd"]}, "tickers ['ETH-USD', 'ETH-USD'] names something twice"),
    ({"networks": ["CNN", "CNN"]}, "networks ['CNN', 'CNN'] names something twice"),
    ({"trials": "printed"}, "trials is printed, but the thesis lists no trials for BTC-USD: give a number"),
    (
        {"start_date": "2019-12-31", "end_date": "2021-10-28"},
        "source sample holds 2020-01-01 to 2021-10-27, but start_date is 2019-12-31 and end_date is 2021-10-28:"
        " stay within, or use",
    ),
    (
        {"source": "yahoo", "end_date": "2024-06-01"},
        "end_date is 2024-06-01, but Yahoo's last complete day is before 2024-06-01",
    ),
    (
        {"inputs": "ohlcv_indicators", "target": "log_return"},
        "target is log_return, but inputs ohlcv_indicators holds prices: use own_close",
    ),
    (
        {"replay_inputs": "ohlcv_indicators", "target": "log_return"},
        "target is log_return, but replay_inputs ohlcv_indicators holds prices: use own_close",
    ),
    ({"output_dir": "~no-such-user/x"}, "output_dir is '~no-such-user/x', which is no path: "),
    (
        {"lookback": 99},
        "lookback 99 leaves no window in a split of 99 days (share 0.15 of 665 days):"
        " widen the dates to 794 days, which are enough for every notebook, or shorten lookback to 79",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), CONTRADICTIONS, ids=["+".join(c) for c, _ in CONTRADICTIONS])
def test_two_keys_that_contradict_each_other_are_named(sample, change, sentence, monkeypatch):
    monkeypatch.setattr(consistency, "today", lambda: date(2024, 6, 1))
    assert sentence in refusal({**sample, "end_date": "2021-10-26", **change}).splitlines()[0]


def test_a_scheduler_is_named_by_the_parameter_or_by_the_variable_but_not_two(sample, monkeypatch):
    monkeypatch.setenv(places.ADDRESS_VARIABLE, "tcp://here:1")
    for same in (None, "tcp://here:1"):
        assert (
            settings.scheduler_address(settings.check({**sample, "scheduler": same}, "f").scheduler) == "tcp://here:1"
        )
    assert refusal({**sample, "scheduler": "tcp://there:1"}) == (
        "params/mine.yaml: scheduler is tcp://there:1, but the variable DASK_SCHEDULER_ADDRESS names tcp://here:1:"
        " name the same one twice, or leave one of them out"
    )
    monkeypatch.setenv(places.ADDRESS_VARIABLE, "")
    assert settings.check({**sample, "scheduler": "tcp://there:1"}, "f").scheduler == "tcp://there:1"
    assert settings.scheduler_address(None) is None


def test_yesterday_is_the_last_day_of_yahoo_and_folders_have_no_limit(sample, monkeypatch):
    monkeypatch.setattr(consistency, "today", lambda: date(2024, 6, 1))
    settings.check({**sample, "source": "yahoo", "end_date": "2024-05-31"}, "f")
    settings.check(
        {**sample, "source": "folder", "data_dir": "d", "start_date": "2019-01-01", "end_date": "2024-06-30"}, "f"
    )


def test_the_samples_days_are_those_of_its_source():
    from lib.data.market import sample as source

    assert consistency.SAMPLE_DAYS == (source.START_DATE, source.END_DATE)


@pytest.mark.parametrize(
    "folder",
    [".", "./", "..", "/", "outputs/..", *places.SOURCES, "lib/x", "outputs/../notebooks/x", str(PROJECT_ROOT)],
)
def test_results_never_go_among_the_projects_sources(sample, folder):
    message = refusal({**sample, "output_dir": folder})
    assert message.startswith(f"params/mine.yaml: output_dir is {folder!r}, which ") and message.endswith(
        "such as outputs/NAME"
    )


def test_a_link_into_the_sources_is_seen_through(sample, tmp_path):
    (tmp_path / "link").symlink_to(PROJECT_ROOT / "notebooks")
    assert "the project's own folder notebooks" in refusal({**sample, "output_dir": str(tmp_path / "link" / "x")})


@pytest.mark.parametrize("folder", ["outputs", "outputs/notebooks", "results", "library", "../elsewhere", "/tmp/x"])
def test_results_may_go_anywhere_else(sample, folder):
    assert settings.check({**sample, "output_dir": folder}, "f").output_dir == folder


def test_a_split_of_one_day_more_than_the_lookback_is_enough(sample):
    settings.check({**sample, "end_date": "2021-10-26", "lookback": 98}, "f")


def test_all_faults_are_named_at_once_contradictions_included(sample):
    del sample["seed"]
    lines = refusal(
        {**sample, "lookbak": 1, "threads": 0, "pruner": "x", "data_dir": "d", "networks": ["LSTM", "LSTM"]}
    ).splitlines()
    assert [
        re.match(r"params/mine.yaml: (unknown key 'lookbak'|key 'seed'|threads|pruner|data_dir|networks)", line)
        is not None
        for line in lines
    ] == [True] * 6


def test_yaml_off_is_the_word_off(sample):
    assert yaml.safe_load("outliers: off") == {"outliers": False}
    assert settings.check({**sample, "outliers": False}, "f").outliers == "off"
    assert settings.from_notebook({"outliers": False}).outliers == "off"
    assert settings.sample().changed(outliers=False).outliers == "off"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("trials=2", ("trials", 2)),
        ("split=[0.6,0.2,0.2]", ("split", [0.6, 0.2, 0.2])),
        ("data_dir=null", ("data_dir", None)),
        ("data_dir=../a=b", ("data_dir", "../a=b")),
        ("outliers=off", ("outliers", "off")),
    ],
)
def test_an_override_is_read_as_yaml(text, parsed):
    assert settings.parse_override(text) == parsed


@pytest.mark.parametrize("text", ["trials", "=2", "split=[0.6"])
def test_an_override_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match=f"^-p {re.escape(text)}: "):
        settings.parse_override(text)


def test_overrides_replace_what_the_file_says_and_errors_name_them():
    chosen = settings.load("params/thesis.yaml", {"source": "folder", "data_dir": "prices", "trials": 2})
    assert (chosen.source, chosen.data_dir, chosen.trials, chosen.lookback) == ("folder", "prices", 2, 60)
    with pytest.raises(SettingsError, match=r"^params/thesis.yaml with -p trials lookback: trials is 0, "):
        settings.load("params/thesis.yaml", {"trials": 0, "lookback": 30})


def test_a_file_that_is_missing_or_no_flat_yaml_is_refused(tmp_path):
    with pytest.raises(
        SettingsError,
        match="no such parameter file. The project's own are params/as_written.yaml, params/replay.yaml, params/",
    ):
        settings.load(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    for text, sentence in (("- a\n- b\n", "found list"), ("a: [1\n", "not readable as YAML"), ("7", "found int")):
        bad.write_text(text)
        with pytest.raises(SettingsError, match=sentence):
            settings.load(bad)


@pytest.mark.parametrize("day", ["2020-13-01", "2020-02-30", "2020-01-01T00:00:00"])
def test_a_day_that_does_not_exist_is_refused_in_a_file_and_in_an_override(day, tmp_path):
    message = f"start_date is '{day}', which is not allowed. Allowed: first day, YYYY-MM-DD, UTC"
    text = (PROJECT_ROOT / "params/sample.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace('"2020-01-01"', day))
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings.load(tmp_path / "mine.yaml")
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings.load(PROJECT_ROOT / "params/sample.yaml", dict([settings.parse_override(f"start_date={day}")]))


def test_a_day_needs_no_quotes(tmp_path):
    text = (PROJECT_ROOT / "params/sample.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace('"2020-01-01"', "2020-01-02"))
    assert settings.load(tmp_path / "mine.yaml").start_date == date(2020, 1, 2)


@pytest.mark.parametrize("text", ["seed=!!int 0b_", "start_date=!!timestamp 2020-13-01"])
def test_an_override_that_only_looks_like_a_number_or_day_is_refused(text):
    with pytest.raises(SettingsError, match="^-p "):
        settings.parse_override(text)


def test_a_key_given_twice_is_refused(tmp_path):
    text = (PROJECT_ROOT / "params/sample.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text + "seed: 7\n")
    line = text.count("\n") + 1
    with pytest.raises(SettingsError, match=f"key 'seed' is given a second time in line {line}: keep one of them"):
        settings.load(tmp_path / "mine.yaml")


@pytest.mark.parametrize("file", FILES)
def test_a_committed_file_loads_and_its_comments_are_the_meanings(file):
    text = (PROJECT_ROOT / file).read_text(encoding="utf-8")
    settings.load(PROJECT_ROOT / file)
    comments = dict(re.findall(r"^(\w+):.*?  # (.*)$", text, re.MULTILINE))
    assert comments == {name: settings.meaning(name) for name in yaml.safe_load(text)}


@pytest.mark.parametrize("file", FILES[1:])
def test_the_sample_file_names_every_key_and_the_others_what_differs(file, sample):
    stated = yaml.safe_load((PROJECT_ROOT / file).read_text(encoding="utf-8"))
    assert list(sample) == list(KEYS) and list(stated) == [k for k in KEYS if k in stated]
    assert not [k for k, v in stated.items() if v == sample[k]]
    assert settings.load(PROJECT_ROOT / file).plain() == {**sample, **stated}


def test_the_replay_is_the_thesis_but_for_its_seeds_and_folder():
    thesis, replay = (settings.load(PROJECT_ROOT / f"params/{n}.yaml").plain() for n in ("thesis", "replay"))
    assert {k for k in KEYS if thesis[k] != replay[k]} == {"replay_seeds", "output_dir"}


def test_the_projects_own_files_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings.load("params/thesis.yaml").output_dir == "outputs/thesis"
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "thesis.yaml").write_text("seed: 7\n", encoding="utf-8")
    assert settings.load("params/thesis.yaml").seed == 7, "a file that is there comes first"
    with pytest.raises(SettingsError, match="^params/other.yaml: there is no such parameter file"):
        settings.load("params/other.yaml")


def test_a_file_elsewhere_may_state_one_key_or_all(sample, tmp_path):
    (tmp_path / "one.yaml").write_text("lookback: 30\n")
    assert settings.load(tmp_path / "one.yaml").plain() == {**sample, "lookback": 30}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({**sample, "seed": 7}))
    assert settings.load(tmp_path / "all.yaml") == settings.sample().changed(seed=7)


def test_the_sample_file_is_read_again_when_it_has_changed(sample, tmp_path, monkeypatch):
    file = tmp_path / "sample.yaml"
    monkeypatch.setattr(loading, "SAMPLE", file)
    for at, seed in enumerate((1, 2)):
        file.write_text(yaml.safe_dump({**sample, "seed": seed}))
        os.utime(file, ns=(at, at))
        assert settings.sample().seed == seed and settings.sample() is settings.sample()


@pytest.mark.parametrize("file", FILES)
def test_a_whole_set_is_written_as_a_file_that_loads_as_the_same(file, tmp_path):
    chosen = settings.load(PROJECT_ROOT / file, {"output_dir": "x # y: z", "clip_norm": 2})
    (tmp_path / "p.yaml").write_text(settings.as_file(chosen), encoding="utf-8")
    assert settings.load(tmp_path / "p.yaml") == chosen
    assert settings.as_file(chosen).count("\n") == len(KEYS) + 1


@pytest.mark.parametrize("name", KEYS)
def test_no_meaning_has_an_equals_sign(name):
    """papermill's reader of a parameters cell trips on one inside a comment."""
    assert settings.meaning(name) and "=" not in settings.meaning(name)


@pytest.mark.parametrize("file", FILES)
def test_a_committed_file_is_flat_as_papermill_wants_it(file):
    values = yaml.safe_load((PROJECT_ROOT / file).read_text(encoding="utf-8"))
    flat = (str, int, float, bool, type(None))
    assert all(
        isinstance(v, flat) or (isinstance(v, list) and all(isinstance(x, flat) for x in v)) for v in values.values()
    )


def test_the_file_of_the_text_has_its_other_reading_of_each_key_that_the_readings_list():
    names = ("thesis", "as_written")
    thesis, written = (settings.load(PROJECT_ROOT / f"params/{name}.yaml").plain() for name in names)
    readings = (PROJECT_ROOT / "docs/readings.md").read_text(encoding="utf-8")
    listed = readings.partition("| Parameter | Default |")[2].partition("\n\n")[0]
    keys = {
        key for first in re.findall(r"^\| (`.*?) \|", listed, re.MULTILINE) for key in re.findall(r"`(\w+)`", first)
    }
    assert {k for k in KEYS if thesis[k] != written[k]} == keys - {"inputs"} | {"output_dir", "replay_trials"}
    assert (written["split"], written["patience"], written["inputs"]) == ([0.6, 0.2, 0.2], 10, "own_close")


def test_the_thesis_file_is_the_recovered_protocol():
    chosen = settings.load(PROJECT_ROOT / "params/thesis.yaml")
    assert chosen.tickers == ("ADA-USD", "ETH-USD", "SOL-USD")
    assert (chosen.start_date, chosen.end_date) == (date(2021, 1, 1), date(2025, 1, 19))
    assert (chosen.split, chosen.lookback, chosen.scaling, chosen.outliers) == ((0.7, 0.15, 0.15), 60, "all", "off")
    assert (chosen.patience, chosen.pruner, chosen.clip_norm, chosen.reduce_lr, chosen.trials) == (
        10,
        "none",
        None,
        False,
        "printed",
    )


# -- changes -----------------------------------------------------------------------------------


def test_settings_are_frozen_and_so_are_their_lists():
    chosen = settings.sample()
    with pytest.raises(ValidationError, match="frozen"):
        chosen.seed = 7
    chosen.plain()["split"].append(1)
    assert (chosen.seed, chosen.tickers, chosen.split) == (42, ("BTC-USD",), (0.7, 0.15, 0.15))
    assert hash(chosen) == hash(settings.sample().changed())


def test_a_change_is_checked_by_itself_and_leaves_the_original():
    chosen = settings.sample()
    day = date(2024, 1, 1)
    other = chosen.changed(tickers=["SIMULATED"], split=[0.5, 0.1, 0.4], start_date=day, end_date="2024-01-01")
    assert (other.tickers, other.split) == (("SIMULATED",), (0.5, 0.1, 0.4)), "no price source is asked"
    assert other.start_date == other.end_date == day and chosen.tickers == ("BTC-USD",)
    assert other.plain() == {
        **chosen.plain(),
        "tickers": ["SIMULATED"],
        "split": [0.5, 0.1, 0.4],
        "start_date": "2024-01-01",
        "end_date": "2024-01-01",
    }


def test_a_change_that_is_not_allowed_is_refused():
    with pytest.raises(SettingsError) as caught:
        settings.sample().changed(lookback=0, lookbak=3, seed=1)
    assert str(caught.value).splitlines() == [
        "changed settings: unknown key 'lookbak' (did you mean 'lookback'?). Every key is listed in params/sample.yaml",
        "changed settings: lookback is 0, which is not allowed. Allowed: length of an input window, 1 to 365 days",
    ]


# -- notebooks ---------------------------------------------------------------------------------


def test_a_notebooks_keys_win_over_its_file_and_none_is_not_set():
    cell = {"parameters_file": "params/thesis.yaml", "lookback": 30, "trials": None, "np": object(), "rows": 3}
    chosen = settings.from_notebook(cell)
    assert chosen == settings.load(PROJECT_ROOT / "params/thesis.yaml").changed(lookback=30)
    assert settings.from_notebook({}) == settings.sample()


def test_a_notebooks_file_is_relative_to_the_project(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("seed: 7")
    monkeypatch.chdir(tmp_path)
    assert settings.from_notebook({"parameters_file": str(tmp_path / "mine.yaml")}).seed == 7
    assert settings.from_notebook({"parameters_file": "params/sample.yaml"}).seed == 42
    with pytest.raises(SettingsError, match="^mine.yaml: there is no such parameter file"):
        settings.from_notebook({"parameters_file": "mine.yaml"})


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            {"lookback": 0},
            "params/sample.yaml with the parameters cell's lookback: lookback is 0, which is not allowed",
        ),
        ({"split": [0.5, 0.2, 0.2], "seed": 1}, "cell's split seed: split [0.5, 0.2, 0.2] sums to 0.9"),
        ({"tickers": ["ETH-USD"]}, "source sample holds BTC-USD only, but tickers is ['ETH-USD']"),
        ({"parameters_file": 5}, "the parameters cell: parameters_file is 5. Allowed: a path, relative to the project"),
    ],
)
def test_a_notebooks_parameters_are_checked_as_a_whole(cell, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings.from_notebook(cell)


def test_what_is_in_force_is_shown_with_where_it_comes_from():
    cell = {"parameters_file": "params/thesis.yaml", "tickers": None, "split": [0.6, 0.2, 0.2], "lookback": None}
    cell |= {"trials": 2, "clip_norm": None, "reduce_lr": None, "prices": {}}
    table = settings.in_force(settings.from_notebook(cell), cell)
    shown = table.data.set_index("parameter")
    assert shown["value"].to_dict() == {
        "tickers": "ADA-USD, ETH-USD, SOL-USD",
        "lookback": "60",
        "split": "0.6, 0.2, 0.2",
        "clip_norm": "null",
        "reduce_lr": "false",
        "trials": "2",
    }
    above, usual = "the cell above, or papermill", "params/sample.yaml"
    assert list(shown["from"]) == ["params/thesis.yaml", usual, above, usual, usual, above]
    assert list(shown["meaning"]) == [settings.meaning(k) for k in shown.index]
    html = table.to_html()
    others = "Others that differ from params/sample.yaml: source yahoo; start_date 2021-01-01; end_date 2025-01-19; max"
    assert others in html
    assert "; trials printed" not in html and html == settings.in_force(settings.from_notebook(cell), cell).to_html()
    assert "All others: params/sample.yaml" in settings.in_force(settings.sample(), {"seed": None}).to_html()


def test_checked_parameters_travel_between_processes():
    chosen = settings.load(PROJECT_ROOT / "params/thesis.yaml")
    for other in (pickle.loads(pickle.dumps(chosen)), copy.deepcopy(chosen)):
        assert other == chosen and other.start_date == date(2021, 1, 1)


def test_paths_are_relative_to_the_project_wherever_the_process_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings.resolve("outputs/x") == PROJECT_ROOT / "outputs/x"
    assert settings.resolve(tmp_path / "x") == tmp_path / "x"


def test_a_runs_folder_is_taken_from_output_base_if_that_is_set(tmp_path, monkeypatch):
    assert os.environ["OUTPUT_BASE"] and not settings.output_root("outputs/x").is_relative_to(PROJECT_ROOT)
    monkeypatch.setenv("OUTPUT_BASE", str(tmp_path))
    assert settings.output_root("outputs/x") == tmp_path / "outputs/x"
    assert settings.output_root("/elsewhere/x") == settings.resolve("/elsewhere/x")
    monkeypatch.delenv("OUTPUT_BASE")
    assert settings.output_root("outputs/x") == PROJECT_ROOT / "outputs/x"
