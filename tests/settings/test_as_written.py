"""Values as people write them in files and after -p: taken as they mean them, or refused by name."""

import math
import random

import pytest
import yaml

from lib import settings
from lib.settings import SettingsError, flat_yaml

PLAINLY = ". A number is written plainly, without quotes, such as 64, 0.5 or 1e-3"
ELSEWHERE = {"source": "folder", "data_dir": "prices"}  # where any ticker and day may come from


@pytest.fixture
def file_of(tmp_path):
    """The settings of a parameter file with some text."""

    def load(text, **overrides):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return settings.load(path, overrides)

    return load


def overridden(*texts):
    return settings.load("params/sample.yaml", dict(settings.parse_override(text) for text in texts))


# -- numbers ----------------------------------------------------------------------------------

PLAIN = [
    ("64", 64),
    ("+7", 7),
    ("-3", -3),
    ("0", 0),
    ("0.5", 0.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1.0", 1.0),
    ("1e2", 100),
    ("1E2", 100),
    ("1e-3", 0.001),
    ("1.5e+2", 150.0),
    ("-2.5E-1", -0.25),
]


@pytest.mark.parametrize(("text", "value"), PLAIN, ids=[t for t, _ in PLAIN])
def test_a_plain_number_is_read_as_it_is_written(text, value):
    found = flat_yaml.read(text)
    assert (found, type(found)) == (value, type(value))
    assert flat_yaml.read(f"a: [{text}, x]") == {"a": [value, "x"]}


ODD = [
    *(
        "064",
        "010",
        "-010",
        "00",
        "08.5",
        "1:0",
        "1:30",
        "12:30:45.5",
        "0x1F",
        "0b11",
        "0o17",
        "1_000",
        "1_0.5",
        "1e5_0",
    ),
    *(".inf", "-.INF", ".nan", ".NaN", "６４", "1.2.3", "0,5"),
]


@pytest.mark.parametrize("text", ODD)
def test_what_only_resembles_a_number_is_refused_with_what_was_written(text, file_of):
    for name in ("lookback", "clip_norm"):
        meaning = settings.meaning(name)
        expected = f"{name} is {text!r}, which is not allowed. Allowed: {meaning}{PLAINLY}"
        with pytest.raises(SettingsError) as caught:
            overridden(f"{name}={text}")
        assert str(caught.value) == f"params/sample.yaml with -p {name}: {expected}"
        with pytest.raises(SettingsError) as caught:
            file_of(f"{name}: {text}\n")
        assert str(caught.value).endswith(f"mine.yaml: {expected}")


@pytest.mark.parametrize(
    "text", ["lookback=!!int 064", "clip_norm=!!float 1:30", "clip_norm=!!float .inf", "seed=1e999"]
)
def test_a_tag_or_a_boundless_exponent_makes_no_number_of_it(text):
    with pytest.raises(SettingsError, match="is not a plain number such as 64, 0.5 or 1e-3"):
        settings.parse_override(text)


def test_an_odd_number_inside_a_list_is_refused_too():
    with pytest.raises(SettingsError, match=r"indicator_days is \['014', 12, 26, 9, 20\].*written plainly"):
        overridden("indicator_days=[014, 12, 26, 9, 20]")
    with pytest.raises(SettingsError, match=r"split is \[0.7, '0:15', 0.15\].*written plainly"):
        overridden("split=[0.7, 0:15, 0.15]")


@pytest.mark.parametrize("text", ["1_0", "0x10", "nan", "inf", " 5", "5"])
def test_text_is_no_number_wherever_it_comes_from(text):
    """As papermill gives it, for which the library that checks types would take 1_0 for 10."""
    for name in ("clip_norm", "outlier_iqr", "lookback"):
        with pytest.raises(SettingsError, match=f"{name} is {text!r}, which is not allowed.*written plainly"):
            settings.from_notebook({name: text})


def test_an_exponent_that_papermill_left_as_text_is_a_number_where_one_is_due():
    """``papermill -f FILE`` reads files with a YAML that takes 1e-3 for text."""
    assert settings.from_notebook({"clip_norm": "1e-3", "max_epochs": "1e2"}).max_epochs == 100
    assert settings.from_notebook({"split": ["6e-1", "2E-1", 0.2]}).split == (0.6, 0.2, 0.2)
    assert settings.from_notebook({"output_dir": "1e3"}).output_dir == "1e3"
    with pytest.raises(SettingsError, match="max_epochs is '01e2'"):
        settings.from_notebook({"max_epochs": "01e2"})


def test_any_digits_and_signs_are_the_number_that_python_reads_or_text():
    """Random strings of the letters that numbers are made of: never another number than a person reads there."""
    draw = random.Random(5)
    for _ in range(20_000):
        text = "".join(draw.choice("0123456789.+-eE_:xob") for _ in range(draw.randint(1, 6)))
        try:
            found = flat_yaml.read(f"[{text}]")[0]
        except (yaml.YAMLError, TypeError):  # such as a lone dash, or a mapping such as 1: 2
            continue
        if isinstance(found, int | float):
            assert found == float(text) and math.isfinite(found) and "_" not in text
            assert not text.lstrip("+-").startswith(tuple(f"0{n}" for n in range(10)))


# -- text -------------------------------------------------------------------------------------


def test_tickers_that_yaml_takes_for_truth_values_stay_text(file_of):
    text = "source: folder\ndata_dir: prices\ntickers: [BTC-USD, ON, NO, Y, OFF, 1INCH-USD]\n"
    assert file_of(text).tickers == ("BTC-USD", "ON", "NO", "Y", "OFF", "1INCH-USD")
    assert overridden("source=folder", "data_dir=prices", "tickers=[ON, 1INCH-USD]").tickers == ("ON", "1INCH-USD")


@pytest.mark.parametrize("word", ["1E2", "2024", "true"])
def test_text_that_is_a_number_or_a_truth_value_needs_quotes_and_is_told_so(word, file_of):
    for text, name in ((f"output_dir: {word}\n", "output_dir"), (f"data_dir: {word}\nsource: folder\n", "data_dir")):
        with pytest.raises(
            SettingsError, match=f"{name} is .*Text that looks like a number or a truth value needs quot"
        ):
            file_of(text)
        assert getattr(file_of(text.replace(word, f'"{word}"')), name) == word
    with pytest.raises(SettingsError, match="tickers is .*BTC-USD"):
        file_of(f"tickers: [BTC-USD, {word}]\n")


@pytest.mark.parametrize(
    "name",
    [
        "a #b",
        "#b",
        "&a b",
        "*a",
        "[a]",
        "{a}",
        "!a",
        "%20b",
        "a: b",
        "- a",
        "|",
        ">",
        "2024",
        "1e3",
        "true",
        "`a`",
        "@",
    ],
)
def test_a_folder_after_p_is_taken_as_it_was_typed(name):
    """Red before: of ``a #b`` YAML left ``a``, another run's folder."""
    for key in ("output_dir", "data_dir"):
        assert settings.parse_override(f"{key}={name}") == (key, name)
        assert settings.parse_override(f'{key}="{name}"') == (key, name)
    assert overridden(f"output_dir={name}").output_dir == name


@pytest.mark.parametrize("name", ["1_000", "064", "12:30", "on", "1e", "0x10"])
def test_a_folder_may_be_named_like_an_odd_number(name, file_of):
    assert file_of(f"output_dir: {name}\n").output_dir == name


@pytest.mark.parametrize(
    "name", ["1e3", "064", "1:30", "on", "null", "~", "2024", "1_000", ".5", "a: b # c", "Ж", "=", "<<"]
)
def test_a_written_parameter_file_gives_back_each_text(name, file_of):
    values = {"a": name, "b": [name, 1e-5, 3], "c": None, "d": False}
    text = "\n".join(flat_yaml.lines(values))
    assert flat_yaml.read(text) == values == yaml.safe_load(text), "papermill reads the file as well"


def test_days_need_no_quotes(file_of):
    chosen = file_of("source: folder\ndata_dir: d\nstart_date: 2025-10-23\nend_date: 2026-11-25\nlookback: 30\n")
    assert chosen.plain()["start_date"] == "2025-10-23" and chosen.plain()["end_date"] == "2026-11-25"


@pytest.mark.parametrize("word", ["off", "Off", "'off'", "OFF"])
def test_outliers_off_needs_no_quotes(word, file_of):
    assert file_of(f"outliers: {word}\n").outliers == "off"


@pytest.mark.parametrize("word", ["on", "yes", "true", "TRUE", "'true'", "off", "no", "False"])
def test_a_switch_takes_all_words_that_yaml_has_for_it(word, file_of):
    meant = word.strip("'").lower() in ("on", "yes", "true")
    assert file_of(f"reduce_lr: {word}\n").reduce_lr is meant
    assert settings.from_notebook({"reduce_lr": word.strip("'")}).reduce_lr is meant, "as papermill's -p gives it"


# -- nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "# nothing set on purpose\n# as in the sample\n", "---\n", "null\n", "\ufeff# a mark\n"]
)
def test_a_file_that_says_nothing_is_as_the_sample(text, file_of):
    assert file_of(text) == settings.sample()
    assert file_of(text, seed=7) == settings.sample().changed(seed=7)


@pytest.mark.parametrize("word", ["None", "none", "~", "null", "Null", "NULL", "", "'null'"])
def test_every_word_for_nothing_is_meant_so_where_nothing_is_allowed(word, file_of):
    chosen = file_of(f"patience: {word}\nclip_norm: {word}\ndata_dir: {word}\n")
    assert (chosen.patience, chosen.clip_norm, chosen.data_dir) == (None, None, None)


@pytest.mark.parametrize("word", ["None", "none", "~", "null", ""])
@pytest.mark.parametrize("name", ["seed", "end_date", "output_dir", "tickers", "split", "reduce_lr", "source"])
def test_a_word_for_nothing_is_refused_by_name_elsewhere(name, word, file_of):
    with pytest.raises(SettingsError, match=f"mine.yaml: {name} is .*, which is not allowed. Allowed: "):
        file_of(f"{name}: {word}\n")


def test_the_pruner_none_stays_the_word(file_of):
    assert file_of("pruner: none\n").pruner == "none"


# -- names and files --------------------------------------------------------------------------


def test_a_misspelt_name_is_refused_with_the_nearest_one(file_of):
    with pytest.raises(SettingsError) as caught:
        file_of("lokback: 30\nepoch: 2\n")
    assert "unknown key 'lokback' (did you mean 'lookback'?)" in str(caught.value)
    assert "unknown key 'epoch'" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfel\x00", "not text in UTF-8"),
        (b"PNG\x00\x01", "not readable as YAML"),
        (b"[" * 5000, "nested too deeply"),
        (b"# " + b"x" * 1_000_001, "has 1000003 bytes, which no parameter file has"),
        (b"- a\n- b\n", "expected lines of 'key: value', found list"),
        (b"seed: 1\nseed: 2\n", "key 'seed' is given a second time in line 2"),
        (b"seed: *one\n", "undefined alias"),
        (b"seed: &a [*a]\n", "seed is "),
        (b"seed: !!python/object:os.system x\n", "could not determine a constructor"),
        (b"seed: " + b"9" * 5000, "not readable as YAML"),
        (b"? [a]\n: 1\n", "not readable as YAML"),
        (b"~: 1\n", "unknown key None"),
        (b"5: 1\n", "unknown key 5"),
        (b"a: 1\n---\nb: 2\n", "not readable as YAML"),
        (b"\tseed: 1\n", "not readable as YAML"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_something_else_is_refused_in_one_line(content, sentence, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        settings.load(path)
    assert sentence in str(caught.value) and "mine.yaml: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("letter", ["\n", "\r", "\t", "\x00", "\x1b", "\u2028"])
@pytest.mark.parametrize("name", ["output_dir", "data_dir"])
def test_a_folder_has_no_letter_that_tears_lines_apart_or_cannot_be_written(name, letter):
    with pytest.raises(SettingsError) as caught:
        settings.load("params/sample.yaml", {**ELSEWHERE, name: f"a{letter}b"})
    assert f"{name} is {f'a{letter}b'!r}, which is no path" in str(caught.value)
    with pytest.raises(SettingsError, match=f"{name} is .*udcff"):  # a byte of a command line that is not UTF-8
        settings.load("params/sample.yaml", {**ELSEWHERE, name: "a\udcffb"})
