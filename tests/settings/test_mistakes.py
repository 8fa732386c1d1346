"""Mistakes in parameter files: refused in sentences that name the file, or the change of one key and no other."""

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort

from lib import settings
from lib.settings import KEYS, PROJECT_ROOT, SettingsError

SAMPLE = settings.sample().plain()
QUICK = effort(max_examples=40, deadline=None, derandomize=True, database=None)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TRIED = ("tickers", "start_date", "max_daily_factor", "split", "lookback", "networks", "reduce_lr", "patience")
HARMLESS = ("indented", "an anchor")  # YAML means the same by it
# What a hand does to a line "key: value".
SLIPS = {
    "no colon": lambda key, value: f"{key} {value}",
    "an equals sign": lambda key, value: f"{key} = {value}",
    "two colons": lambda key, value: f"{key}:: {value}",
    "no space": lambda key, value: f"{key}:{value}",
    "a tab before": lambda key, value: f"\t{key}: {value}",
    "a tab between": lambda key, value: f"{key}:\t{value}",
    "indented": lambda key, value: f"  {key}: {value}",
    "a dash before": lambda key, value: f"- {key}: {value}",
    "twice": lambda key, value: f"{key}: {value}\n{key}: {value}",
    "upper case": lambda key, value: f"{key.upper()}: {value}",
    "a hyphen": lambda key, value: f"{key.replace('_', '-')}: {value}",
    "a letter less": lambda key, value: f"{key[:-1]}: {value}",
    "a letter more": lambda key, value: f"{key}s: {value}",
    "two letters swapped": lambda key, value: f"{key[1]}{key[0]}{key[2:]}: {value}",
    "nothing": lambda key, value: f"{key}:",
    "a question mark": lambda key, value: f"{key}: ?",
    "an open bracket": lambda key, value: f"{key}: [{value}",
    "a closing bracket": lambda key, value: f"{key}: {value}]",
    "a list in a list": lambda key, value: f"{key}: [[{value}]]",
    "a mapping": lambda key, value: f"{key}: {{{key}: 1}}",
    "an open quote": lambda key, value: f'{key}: "{value}',
    "curly quotes": lambda key, value: f"{key}: “{value}”",
    "quoted": lambda key, value: f"{key}: '{value}'",
    "a unit": lambda key, value: f"{key}: {value} days",
    "a percent sign": lambda key, value: f"{key}: {value}%",
    "a decimal comma": lambda key, value: f"{key}: {str(value).replace('.', ',')}",
    "thousands": lambda key, value: f"{key}: 1,000",
    "negative": lambda key, value: f"{key}: -{value}",
    "very large": lambda key, value: f"{key}: 1e300",
    "not a number": lambda key, value: f"{key}: .nan",
    "an exponent": lambda key, value: f"{key}: 1e2",
    "a truth value": lambda key, value: f"{key}: true",
    "null": lambda key, value: f"{key}: null",
    "a comment as value": lambda key, value: f"{key}: # {value}",
    "an anchor": lambda key, value: f"{key}: &a {value}",
    "an unknown anchor": lambda key, value: f"{key}: *a",
    "a tag": lambda key, value: f"{key}: !!python/object/apply:os.getcwd []",
    "a merge": lambda key, value: f"<<: {{{key}: {value}}}",
    "a second document": lambda key, value: f"---\n{key}: {value}\n---\nseed: 7",
    "a block": lambda key, value: f"{key}: |\n  {value}",
    "a line break": lambda key, value: f"{key}:\n{value}",
    "a NUL": lambda key, value: f"{key}: \0",
    "a no-break space": lambda key, value: f"{key}:\u00a0{value}",
    "digits of another script": lambda key, value: f"{key}: ٦٤",
    "a day of no month": lambda key, value: f"{key}: 2024-02-30",
}


def refusal_or_values(load):
    """The values that came of it, or None after a refusal in sentences."""
    try:
        return load().plain()
    except SettingsError as error:
        lines = str(error).splitlines()
        assert lines and all(len(line) < 1500 for line in lines) and "Traceback" not in str(error)
        assert lines[0].startswith(("mine.yaml: ", "/")) and "mine.yaml: " in lines[0], error
        return None


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_of_the_hand_is_refused_or_changes_its_key_only(tmp_path, slip):
    file, refused = tmp_path / "mine.yaml", 0
    for key in TRIED:
        value = yaml.safe_dump(SAMPLE[key], default_flow_style=True).removesuffix("...\n").strip()
        file.write_text(SLIPS[slip](key, value) + "\n", encoding="utf-8")
        found = refusal_or_values(lambda: settings.load(file))
        assert found is None or {k for k in KEYS if found[k] != SAMPLE[k]} <= {key}, key
        refused += found is None
    assert (refused == 0) == (slip in HARMLESS)


@QUICK
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_any_value_of_any_key_is_taken_as_it_is_or_refused(key, value):
    found = refusal_or_values(lambda: settings.check({**SAMPLE, key: value}, "mine.yaml"))
    assert found is None or {k for k in KEYS if found[k] != SAMPLE[k]} <= {key}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("file") / "mine.yaml"


@QUICK
@given(text=st.text(max_size=60) | st.lists(st.sampled_from([*KEYS, ":", " ", "\n", "[", "}", "1", "- "])).map("".join))
def test_any_text_is_a_parameter_file_or_refused(file, text):
    file.write_text(text, encoding="utf-8", errors="replace")
    refusal_or_values(lambda: settings.load(file))


@QUICK
@given(name=st.sampled_from(["sample", "thesis"]), at=st.floats(0, 1), bit=st.integers(0, 7), cut=st.booleans())
def test_a_file_that_was_cut_or_has_a_flipped_bit_is_one_of_other_values_or_refused(file, name, at, bit, cut):
    raw = (PROJECT_ROOT / "params" / f"{name}.yaml").read_bytes()
    place = min(int(at * len(raw)), len(raw) - 1)
    file.write_bytes(raw[:place] if cut else raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :])
    refusal_or_values(lambda: settings.load(file))
