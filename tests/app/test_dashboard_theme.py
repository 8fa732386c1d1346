"""The page's look without a browser: contrast of both themes, its style sheet, nothing from elsewhere."""

import itertools
import re

import pytest

from lib.app.charts import contrast
from lib.app.dashboard import files, theme


@pytest.mark.parametrize("name, word, ground", list(itertools.product(theme.NAMES, theme.WORDS, theme.GROUNDS)))
def test_words_are_readable_on_every_ground(name, word, ground):
    assert contrast(theme.COLOURS[name][word], theme.COLOURS[name][ground]) >= 4.5


@pytest.mark.parametrize("name", theme.NAMES)
def test_edges_the_focus_mark_and_coloured_buttons_can_be_seen(name):
    colours = theme.COLOURS[name]
    for mark, ground in itertools.product(("edge", "focus"), theme.GROUNDS):
        assert contrast(colours[mark], colours[ground]) >= 3, (mark, ground)
    for filled in ("accent", "good", "bad", "warn"):
        assert contrast(colours["on_accent"], colours[filled]) >= 4.5, filled


def test_both_themes_declare_the_same_variables_and_the_page_uses_no_other():
    declared = {name: set(re.findall(r"(--[a-z-]+):", theme.variables(name))) for name in theme.NAMES}
    assert declared["light"] == declared["dark"]
    used = set(re.findall(r"var\((--[a-z-]+)\)", files.style() + files.script()))
    used |= set(re.findall(r'colour\("(--[a-z-]+)"\)', files.script()))
    assert len(used) > 10 and used <= declared["light"]


def test_the_style_sheet_touches_nothing_outside_the_page():
    """In a notebook it stands beside everything else."""
    text, depth, begun, outermost = re.sub(r"/\*.*?\*/", "", files.style(), flags=re.S), 0, 0, []
    for place, letter in enumerate(text):
        if letter == "{" and depth == 0:
            outermost.append(text[begun:place].strip())
        depth += {"{": 1, "}": -1}.get(letter, 0)
        begun = place + 1 if depth == 0 and letter == "}" else begun
    assert len(outermost) > 4 and depth == 0
    assert [one for one in outermost if not re.match(r"\.forecasts|.*#forecasts|@keyframes forecasts-", one)] == []


@pytest.mark.parametrize("text", [files.home, files.style, files.script], ids=["html", "css", "js"])
def test_nothing_is_fetched_from_elsewhere(text):
    addresses = set(re.findall(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s"'`]*|@import|url\([^)]*\)""", text()))
    # The mark of TradingView's library is a plain link, as its licence asks for; SVG has a name that looks like one.
    allowed = {"https://www.tradingview.com/lightweight-charts/", "http://www.w3.org/2000/svg"}
    assert addresses <= allowed


def test_modules_import_each_other_only_and_become_one_script():
    script = files.script()
    assert not re.search(r"^import |^export (?!\{ start \};|default \{ render \};)", script, re.MULTILINE)
    own = {f"{name}.js" for name in files._MODULES}
    assert {path.name for path in files._FOLDER.glob("*.js")} == own
    for name in own:
        text = (files._FOLDER / name).read_text(encoding="utf-8")
        assert set(re.findall(r'from "\./([\w.]+)"', text)) <= own - {name}
