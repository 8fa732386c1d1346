"""The dashboard's frame without a browser: colours, names, sentences, what is sent."""

import itertools
import re
from pathlib import Path

import ipywidgets
import pytest
from lib.app.shell import Panel, Shell

from lib.app import page_theme, shell
from lib.app.charts import contrast
from lib.errors import ProjectError

CSS = Path(shell.__file__).with_name("shell.css").read_text(encoding="utf-8")


def panel(key="one", **more):
    return Panel(key, key.title(), ipywidgets.HTML("content"), **more)


@pytest.mark.parametrize(
    "name, word, ground", list(itertools.product(page_theme.NAMES, page_theme.WORDS, page_theme.GROUNDS))
)
def test_words_are_readable_on_every_ground(name, word, ground):
    assert contrast(page_theme.COLOURS[name][word], page_theme.COLOURS[name][ground]) >= 4.5


@pytest.mark.parametrize("name", page_theme.NAMES)
def test_edges_the_focus_mark_and_coloured_buttons_can_be_seen(name):
    colours = page_theme.COLOURS[name]
    for mark, ground in itertools.product(("edge", "focus"), page_theme.GROUNDS):
        assert contrast(colours[mark], colours[ground]) >= 3, (mark, ground)
    for filled in ("accent", "good", "bad", "warn"):
        assert contrast(colours["on_accent"], colours[filled]) >= 4.5, filled


def test_both_themes_declare_the_same_variables_and_the_style_sheet_uses_no_other():
    declared = {name: set(re.findall(r"(--shell-[a-z-]+):", page_theme.variables(name))) for name in page_theme.NAMES}
    assert declared["light"] == declared["dark"]
    assert set(re.findall(r"var\((--shell-[a-z-]+)\)", CSS)) <= declared["light"]


def test_the_style_sheet_touches_nothing_outside_the_shell():
    bare = re.sub(r"/\*.*?\*/", "", CSS, flags=re.S)
    selectors = [s for s in re.findall(r"([^{}]+)\{", bare) if not s.strip().startswith("@")]
    assert len(selectors) > 40
    # Commas inside :is(...) do not part selectors.
    parts = [p.strip() for s in selectors for p in re.split(r",(?![^(]*\))", s)]
    assert [p for p in parts if not p.startswith((".forecast-shell", ".forecast-"))] == []


def test_nothing_is_fetched_from_elsewhere():
    for text in (CSS, Path(shell.__file__).with_name("shell.js").read_text(encoding="utf-8")):
        assert not re.search(r"https?://|@import|url\(", text)


def test_a_panel_keeps_its_place_and_its_content():
    widget = ipywidgets.HTML("content")
    made = Shell([panel("one"), Panel("two", "Second", widget, columns=2)])
    framed = made.grid.children[1]
    head, body = framed.children
    assert (head.key, head.title, head.columns) == ("two", "Second", 2)
    assert body.children == (widget,)
    assert {"forecast-panel", "forecast-columns-2", "forecast-panel-two"} <= set(framed._dom_classes)


def test_the_theme_of_the_browser_reaches_python():
    made, seen = Shell([panel()]), []
    made.observe(lambda change: seen.append(change["new"]), "theme")
    made.bar.set_state({"theme": "dark"})
    assert made.theme == "dark" and seen == ["dark"]


def test_the_same_sentence_said_twice_is_sent_twice():
    made, sent = Shell([panel()]), []
    made.bar.observe(lambda change: sent.append(change["new"]), "said")
    made.say("Training has begun")
    made.say("Training has begun")
    made.say("No prices", urgent=True)
    assert [(s["text"], s["urgent"]) for s in sent] == [("Training has begun", False)] * 2 + [("No prices", True)]


@pytest.mark.parametrize(
    "panels, name, words",
    [
        ([], "forecast", "at least one panel"),
        ([panel("one"), panel("two"), panel("one")], "forecast", "two panels have the key one"),
        ([panel("One two")], "forecast", "'One two' cannot name"),
        ([panel()], "Fore cast", "'Fore cast' cannot name"),
        ([panel(columns=5)], "forecast", "panel one: 5 columns; 1 to 4 are allowed"),
        ([panel(columns=0)], "forecast", "0 columns"),
    ],
)
def test_what_cannot_be_shown_is_told(panels, name, words):
    with pytest.raises(ProjectError, match=re.escape(words)):
        Shell(panels, name)
