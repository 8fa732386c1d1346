"""The dashboard's frame in Chromium, served by the project's own command."""

import os
import re
import signal

import pytest

PATIENCE_S = int(os.environ.get("BROWSER_PATIENCE_S", 120))
SHELL = """
import os
import ipywidgets as w
from lib.app.shell import Panel, Shell

count = w.Label("clicked 0")
button = w.Button(description="Click", button_style="primary")
def click(_):
    count.value = f"clicked {int(count.value.split()[1]) + 1}"
    shell.say(count.value)
button.on_click(click)
fields = w.VBox([
    w.Dropdown(description="Coin", options=["ADA-USD", "ETH-USD"]), w.IntText(description="Lookback", value=30), w.Text(description="Word", placeholder="a word"),
    w.DatePicker(description="Start date"), w.Checkbox(description="Tune"), w.IntSlider(description="Days", value=15, min=1, max=30),
    w.Button(description="Not now", disabled=True), w.Button(description="Stop", button_style="danger"), button, count])
table = w.HTML("<table><thead><tr><th>score</th><th>naive</th><th>LSTM</th></tr></thead>"
               "<tbody><tr><td>MAE (USD)</td><td>0.021</td><td>0.034</td></tr><tr><td>R2</td><td>0.97</td><td>0.95</td></tr></tbody></table>"
               "<p class='good'>better</p><p class='bad'>worse</p><p class='warn'>unsure</p><p class='soft'>aside</p>")
tabs = w.Tab([w.HTML("first page"), w.HTML("second page")], titles=["First", "Second"])
progress = w.VBox([w.IntProgress(value=40, description="Epochs"), w.IntProgress(value=70, description="Done", bar_style="success"),
                   w.Accordion([w.HTML("the reasons")], titles=["Why"])])
seen = w.Label()
about = w.HTML(f"<p>kernel process <span class='pid'>{os.getpid()}</span></p>")
shell = Shell([Panel("form", "Parameters", fields), Panel("table", "Scores", table), Panel("tabs", "Views", tabs, columns=2),
               Panel("progress", "Progress", progress), Panel("about", "About", w.VBox([about, seen]))], name="test")
def told(_=None):
    seen.value = f"Python sees {shell.theme}"
shell.observe(told, "theme")
told()
shell
"""


@pytest.fixture(scope="module")
def server(serve, write_notebook, tmp_path_factory):
    path = tmp_path_factory.mktemp("shell") / "shell_test.ipynb"
    return serve(
        write_notebook(path, "# A page for tests\n\nWhat it is for.", "secret_word = 'not to be shown'", SHELL)
    )


def columns(page):
    return page.evaluate(
        "getComputedStyle(document.querySelector('.forecast-grid')).gridTemplateColumns.split(' ').length"
    )


def frame(page, key):
    return page.locator(f".forecast-panel-{key}")


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def kernel_process(page):
    return int(page.locator(".pid").inner_text())


def sees(page, theme):
    page.get_by_text(f"Python sees {theme}").wait_for()


def test_the_dashboard_stands_soon_and_shows_no_code(visitor, server, shot):
    first = visitor(server, width=1000)
    seconds = first.open()
    print(f"from opening the page to the dashboard: {seconds:.1f} s")
    assert seconds < PATIENCE_S / 2  # under 10 on two idle cores; tests share theirs
    page = first.page
    assert page.title() == "A page for tests"
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("heading", level=1).inner_text() == "A page for tests"
    assert "width=device-width" in page.locator("meta[name=viewport]").get_attribute("content")
    assert "secret_word" not in page.content()
    assert not page.locator("#loading").is_visible()
    shot(page, "shell_light_1000")


def test_the_switch_changes_python_and_outlives_a_reload(visitor, server, shot):
    page = visitor(server).page
    page.goto(server.url)
    sees(page, "light")
    page.get_by_label("Theme").select_option("dark")
    sees(page, "dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    before = kernel_process(page)
    page.reload()
    sees(page, "dark")
    assert kernel_process(page) != before
    assert page.get_by_label("Theme").input_value() == "dark"
    shot(page, "shell_dark_1000")
    page.get_by_label("Theme").select_option("light")
    sees(page, "light")


def test_the_system_is_followed_until_a_person_chooses(visitor, server):
    page = visitor(server, colour_scheme="dark").page
    page.goto(server.url)
    sees(page, "dark")
    page.emulate_media(color_scheme="light")
    sees(page, "light")
    page.get_by_label("Theme").select_option("light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    sees(page, "light")
    page.get_by_label("Theme").select_option("system")
    sees(page, "dark")


@pytest.mark.parametrize("width, expected", [(360, 1), (1000, 2), (1800, 4)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_grid_fits_the_screen(visitor, server, shot, width, expected, scheme):
    guest = visitor(server, width=width, colour_scheme=scheme)
    guest.open()
    assert columns(guest.page) == expected
    assert overflow(guest.page) == 0
    inside = guest.page.evaluate(
        "[...document.querySelectorAll('.forecast-panel')].every(p => p.scrollWidth <= p.clientWidth + 1)"
    )
    assert inside, "a panel's content is wider than the panel"
    shot(guest.page, f"shell_{scheme}_{width}")


def test_a_panel_is_resized_by_hand_and_by_keyboard_and_keeps_its_size(visitor, server):
    guest = visitor(server, width=1800)
    guest.open()
    page, table = guest.page, frame(guest.page, "table")
    handle = page.get_by_role("button", name="Resize Scores")
    width, box = table.bounding_box()["width"], handle.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 10 + 1.1 * width, box["y"] + 130, steps=6)
    page.mouse.up()
    wide, body = table.bounding_box()["width"], table.locator("> .forecast-body").bounding_box()["height"]
    assert wide > 1.9 * width
    handle.focus()
    page.keyboard.press("ArrowDown")
    assert table.locator("> .forecast-body").bounding_box()["height"] == pytest.approx(body + 32, abs=1)
    page.get_by_role("status").filter(has_text=re.compile(r"Scores: \d+ pixels high")).wait_for()
    page.keyboard.press("ArrowLeft")
    assert table.bounding_box()["width"] == pytest.approx(width, abs=2)
    page.get_by_role("status").filter(has_text="Scores: 1 of 4 columns wide").wait_for()
    page.keyboard.press("ArrowRight")
    page.reload()
    guest.seen()
    assert table.bounding_box()["width"] == pytest.approx(wide, abs=2)
    assert table.locator("> .forecast-body").bounding_box()["height"] == pytest.approx(body + 32, abs=1)
    handle.focus()
    page.keyboard.press("Home")
    assert table.bounding_box()["width"] == pytest.approx(width, abs=2)


def test_a_panel_is_folded_kept_so_and_brought_back(visitor, server):
    guest = visitor(server)
    guest.open()
    page = guest.page
    fold = page.get_by_role("button", name="Scores", exact=True)
    fold.press("Enter")
    assert fold.get_attribute("aria-expanded") == "false" and not page.get_by_text("MAE (USD)").is_visible()
    page.reload()
    guest.seen()
    assert not page.get_by_text("MAE (USD)").is_visible()
    page.get_by_role("button", name="Usual layout").click()
    page.get_by_text("MAE (USD)").wait_for()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visitor, server):
    guest = visitor(server)
    guest.open()
    page = guest.page
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate("""() => { const e = document.activeElement, s = getComputedStyle(e);
            return {name: e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || e.value || e.tagName, tag: e.tagName,
                    mark: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2}; }""")
        if at["tag"] == "BODY":
            break
        reached.append(at)
    names = " | ".join(r["name"].strip() for r in reached)
    assert reached[0]["name"].startswith("Skip to")
    for wanted in (
        "Theme",
        "Usual layout",
        "Parameters",
        "Resize Parameters",
        "Coin",
        "Lookback",
        "Word",
        "Start date",
        "Tune",
        "Stop",
        "Click",
        "Scores",
        "Resize Scores",
        "First",
        "Progress",
        "Resize About",
    ):
        assert wanted in names, f"{wanted} is not among {names}"
    assert [r["name"] for r in reached if not r["mark"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_on_the_page_has_contrast(visitor, server, too_faint, scheme):
    guest = visitor(server, colour_scheme=scheme)
    guest.open()
    sees(guest.page, scheme)
    assert too_faint(guest.page) == []


def test_two_visitors_do_not_see_each_other(visitor, server):
    one, two = visitor(server), visitor(server)
    one.open()
    two.open()
    assert kernel_process(one.page) != kernel_process(two.page)
    for _ in range(3):
        one.page.get_by_role("button", name="Click", exact=True).click()
    one.page.get_by_role("status").filter(has_text="clicked 3").wait_for()
    assert two.page.get_by_text("clicked 0").is_visible()
    two.page.get_by_role("button", name="Click", exact=True).click()
    two.page.get_by_role("status").filter(has_text="clicked 1").wait_for()
    assert one.page.locator(".forecast-body").get_by_text("clicked 3").is_visible()


def test_a_closed_page_ends_its_process(visitor, server, ends):
    guest = visitor(server)
    guest.open()
    process = kernel_process(guest.page)
    os.kill(process, 0)
    guest.page.close(run_before_unload=True)
    assert ends(process, 60)


def test_a_killed_kernel_is_told_in_a_sentence(visitor, server, shot):
    guest = visitor(server, expected=(r"WebSocket", r"404", r"Kernel", r"kernel"))
    guest.open()
    os.kill(kernel_process(guest.page), signal.SIGKILL)
    guest.page.get_by_role("alert").filter(has_text="has ended").wait_for()
    shot(guest.page, "shell_killed")
