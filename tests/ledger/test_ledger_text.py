"""The ledger against the thesis's text: every row is found in its place, and no number of the chapters is left out."""

import re

import pytest

from lib import ledger
from lib.ledger import thesis_text
from lib.ledger.rows import STATED
from lib.settings import PROJECT_ROOT

TEXT = PROJECT_ROOT.parent / "shared" / "thesis" / "thesis.md"
pytestmark = pytest.mark.skipif(
    not TEXT.is_file(), reason="the thesis's text is not beside the project (../shared/thesis/thesis.md)"
)


@pytest.fixture(scope="module")
def text():
    return TEXT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows():
    return ledger.claims()


def snippets(rows):
    return [(r.place, s) for r in rows.values() for s in r.find]


def test_every_place_is_in_the_text(text):
    assert all(len(range(*thesis_text.span(text, place))) > 20 for place in thesis_text.chapters())


def test_every_row_is_found_in_its_place(text, rows):
    """As often as it says: a snippet that stands there more often would be no place."""
    wrong = []
    for row in rows.values():
        for snippet in row.find:
            found = len(thesis_text.find(text, row.place, snippet))
            if found != row.times and not (row.times == 0 and found):
                wrong.append(f"{row.id}: {snippet!r} stands there {found} times, not {row.times}")
    assert not wrong, "\n".join(wrong)


def test_every_printed_number_is_in_its_snippet(rows):
    """Digit by digit, so that a row cannot say another number than the text."""
    in_words = {
        "8/architectures",
        "4.4/coins",
        "3/fourth",
        "Listing 4/predictions",
    }  # four, per, sections three and four, one object
    for row in rows.values():
        if (
            row.printed == STATED
            or row.id in in_words
            or not re.fullmatch(r"[-\d.,e*+:/T]+", row.printed)
            or not re.search(r"\d", row.printed)
        ):
            continue
        bare = row.printed.rstrip("*")
        bounded = rf"(?<![\d.]){re.escape(bare)}(?![\d])"
        assert any(
            re.search(bounded, s) or re.sub(r"\D", "", bare) == "1" and re.search(rf"{re.escape(bare)}(?!\d)", s)
            for s in row.find
        ), row.id


def test_every_number_of_the_chapters_has_a_row(text, rows):
    left = list(thesis_text.uncovered(text, snippets(rows)))
    assert not left, "\n".join(f"{number}: ... {around} ..." for number, around in left)


def test_a_number_without_its_row_is_noticed(text, rows):
    """So neither another row nor an allowed pattern covers it by accident."""
    left_out = (
        "abstract/lstm_mse",
        "4.3.4/parameter_count",
        "Table 4.5/CNN_mae",
        "Listing 2/loss_2",
        "Appendix 3/CNN 7",
        "8/cnn_filters2",
        "Figure 6.4/batch_high",
        "Appendix 5/error_status",
    )
    snippets_left_out = {rows[identity].find for identity in left_out}
    fewer = {i: r for i, r in rows.items() if r.find not in snippets_left_out}
    numbers = {number for number, _ in thesis_text.uncovered(text, snippets(fewer))}
    assert {rows[identity].printed for identity in left_out} <= numbers


def test_a_new_number_in_the_text_is_noticed(text, rows):
    added = {
        "4.4": " fifteen 987 words",
        "8": " value 0.123456 here",
        "Appendix 6": " x = 77.7,",
        "Table 4.2": "XRP-USD\t-1.5\n",
    }
    longer = text
    for place, after in added.items():
        start, end = thesis_text.span(longer, place)
        table = place.startswith("Table")
        middle = longer.index("\n", start + 5) + 1 if table else longer.index(" ", (start + end) // 2)
        longer = longer[:middle] + after + longer[middle:]
    left = {number for number, _ in thesis_text.uncovered(longer, snippets(rows))}
    assert left >= {"987", "0.123456", "77.7", "1.5"}


def test_a_changed_number_is_no_longer_found(text, rows):
    changed = text.replace("52,934", "52,935")
    assert thesis_text.find(text, "4.3.4", "52,934") and not thesis_text.find(changed, "4.3.4", "52,934")
    assert not thesis_text.find("**Abstract.** 0.9614 **Keywords:**", "abstract", "0.961"), "a number is found whole"


def test_every_allowed_pattern_has_a_reason_and_a_match(text):
    for pattern, because in thesis_text.allowed().items():
        assert len(because) > 10 and re.search(pattern, text, re.MULTILINE), pattern


def test_our_words_are_not_the_thesis_s(text, rows):
    """Facts may be carried, sentences may not: no row says eight words in a row that stand in the text."""
    plain = " ".join(re.findall(r"[\w.-]+", text.lower()))
    for row in rows.values():
        for told in (row.says, *row.find):
            words = re.findall(r"[\w.-]+", told.lower())
            if "\t" not in told and "=" not in told:  # rows of tables and code are facts
                assert not any(" ".join(words[k : k + 8]) in plain for k in range(len(words) - 7)), f"{row.id}: {told}"
