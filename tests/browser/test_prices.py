"""The price chart as a person uses it: days, scale, kinds, crosshair, drawings, and the coin of the whole page."""

import pytest

# Keeps what the chart library makes, so that a test can ask what is seen.
KEEP_CHARTS = """
let library;
window.made = [];
Object.defineProperty(window, "LightweightCharts", { get: () => library, set(value) {
  library = { ...value, createChart: (...about) => { const one = value.createChart(...about); window.made.push(one); return one; } };
} });
"""
SEEN = """() => { const { from, to } = window.made.at(-document.querySelectorAll('.pane').length).timeScale().getVisibleRange();
  return [from, to].map((d) => typeof d === "string" ? d : [d.year, d.month, d.day].map((n) => String(n).padStart(2, "0")).join("-")); }"""
FIRST, LAST = "2021-01-01", "2022-05-15"


@pytest.fixture
def page(visitor, server):
    guest = visitor(server)
    guest.page.add_init_script(KEEP_CHARTS)
    guest.open("coin=AAA-USD")
    guest.page.locator(".panes canvas").first.wait_for()
    return guest.page


def seen(page):
    """First and last day within the chart's view, once it is drawn."""
    page.wait_for_timeout(60)
    return page.evaluate(SEEN)


def press(page, name):
    page.locator(".tools").get_by_role("button", name=name, exact=True).click()


def at(page, across, down, pane=0):
    """A place in a pane on the screen, from shares of its plot's width and height."""
    canvas = page.locator(".pane").nth(pane).locator("td:nth-child(2)").first.bounding_box()
    return canvas["x"] + across * canvas["width"], canvas["y"] + down * canvas["height"]


def legend(page):
    return page.locator(".legend").inner_text().replace("\n", " ")


def click(page, across, down):
    """A click on the chart; its library takes one that follows within half a second for half of a double click."""
    page.mouse.click(*at(page, across, down))
    page.wait_for_timeout(550)


def drawings(page):
    return page.locator(".drawings li").all_inner_texts()


def test_all_loaded_days_are_under_the_wheel(page):
    assert seen(page)[0] > FIRST
    page.mouse.move(*at(page, 0.9, 0.3))
    for _ in range(60):
        page.mouse.wheel(0, 400)
        if seen(page) == [FIRST, LAST]:
            break
    assert seen(page) == [FIRST, LAST]
    page.mouse.move(*at(page, 0.5, 0.3))
    middle = legend(page)
    assert middle.startswith("2021-")
    for _ in range(10):
        page.mouse.wheel(0, -400)
    assert seen(page)[0] > FIRST


def test_range_buttons_are_reached_and_pressed_by_keys(page):
    page.get_by_role("button", name="Candles").focus()
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent") == "1 M":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert seen(page)[0] == "2022-04-16"
    assert page.evaluate("document.activeElement.textContent") == "1 M"
    for name, first in (("3 M", "2022-02-14"), ("6 M", "2021-11-15"), ("1 Y", "2021-05-16"), ("All", FIRST)):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.evaluate("document.activeElement.textContent") == name
        assert seen(page)[0] == first
    # Arrow keys and signs do what wheel and drag do.
    page.locator(".panes").focus()
    page.keyboard.press("+")
    closer = seen(page)
    assert closer[0] > FIRST
    page.keyboard.press("ArrowLeft")
    earlier = seen(page)
    assert earlier[0] < closer[0] and earlier[1] <= closer[1]  # room without days is left at the right edge


def test_the_scale_can_be_logarithmic_and_the_chart_of_four_kinds(page):
    mode = "() => window.made.at(-1).priceScale('right').options().mode"
    assert page.evaluate(mode) == 0
    press(page, "Log scale")
    assert page.evaluate(mode) == 1
    looks = set()
    for kind in ("Candles", "Bars", "Line", "Area"):
        press(page, kind)
        assert page.get_by_role("button", name=kind, exact=True).get_attribute("aria-pressed") == "true"
        page.wait_for_timeout(50)
        looks.add(page.locator(".panes").screenshot())
    assert len(looks) == 4
    page.reload()
    page.locator(".panes canvas").first.wait_for()
    assert page.evaluate(mode) == 1
    assert page.get_by_role("button", name="Area", exact=True).get_attribute("aria-pressed") == "true"


def test_one_legend_follows_the_crosshair_over_all_panes(page):
    press(page, "RSI")
    press(page, "MACD")
    assert page.locator(".pane").count() == 3
    days = []
    for pane in range(3):
        page.mouse.move(*at(page, 0.25, 0.5, pane))
        page.wait_for_timeout(50)
        days.append(legend(page))
        assert "RSI" in days[-1] and "MACD" in days[-1] and LAST not in days[-1]
    assert len(set(days)) == 1
    # The crosshair is drawn in the other panes too.
    before = page.locator(".pane").nth(0).screenshot()
    page.mouse.move(*at(page, 0.75, 0.5, 2))
    page.wait_for_timeout(100)
    assert page.locator(".pane").nth(0).screenshot() != before
    # Days of one pane are those of all.
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(100)
    ranges = page.evaluate("window.made.slice(-3).map((one) => JSON.stringify(one.timeScale().getVisibleRange()))")
    assert len(set(ranges)) == 1


def test_drawings_stay_with_their_coin_until_they_are_erased(page, until):
    press(page, "Horizontal line")
    click(page, 0.3, 0.4)
    press(page, "Trend line")
    click(page, 0.2, 0.3)
    click(page, 0.7, 0.6)
    page.get_by_label("Line at (USD)").fill("123,5")
    page.keyboard.press("Enter")
    made = drawings(page)
    assert len(made) == 3 and " to " in made[1] and "123.5" in made[2]
    page.reload()
    page.locator(".drawings li").first.wait_for()
    assert drawings(page) == made
    page.get_by_role("button", name="BBB-USD").click()
    until(page, "document.querySelector('.price h2').textContent.includes('BBB-USD')")
    assert drawings(page) == []
    page.get_by_role("button", name="AAA-USD").click()
    until(page, "document.querySelectorAll('.drawings li').length === 3")
    with_all = page.locator(".pane").first.screenshot()
    page.get_by_role("button", name=f"Erase {made[1][:-1].strip()}").click()
    assert len(drawings(page)) == 2
    page.wait_for_timeout(100)
    assert page.locator(".pane").first.screenshot() != with_all
    press(page, "Erase all")
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert drawings(page) == []


def test_a_typed_line_that_is_no_price_is_refused_in_words(page):
    field = page.get_by_label("Line at (USD)")
    field.fill("-3")
    page.keyboard.press("Enter")
    page.get_by_text("-3 is no price").wait_for()
    assert field.get_attribute("aria-invalid") is not None
    assert drawings(page) == []


def test_the_watchlist_sorts_and_chooses_the_coin_of_the_whole_page(page, until):
    table = page.locator(".watchlist")
    coins = table.locator("tbody th button")
    assert coins.all_inner_texts() == ["AAA-USD", "BBB-USD", "CCC-USD"]
    table.get_by_role("button", name="30 d").click()
    changes = [
        float(t.replace("\u2212", "-").rstrip(" %")) for t in table.locator("tbody td:nth-child(5)").all_inner_texts()
    ]
    assert len(changes) == 3 and changes == sorted(changes, reverse=True)
    assert table.locator("[aria-sort=descending]").inner_text().startswith("30 d")
    page.get_by_role("button", name="CCC-USD").click()
    until(page, "document.querySelector('.price h2').textContent.includes('CCC-USD')")
    assert "CCC-USD" in page.locator(".primary:visible").inner_text()
    assert "coin=CCC-USD" in page.url
    # A coin that is not there is refused at its field, with those that are.
    page.get_by_label("Add a coin").fill("doge-usd")
    page.keyboard.press("Enter")
    page.get_by_text("No prices for DOGE-USD here. Available: AAA-USD, BBB-USD, CCC-USD.").wait_for()
    assert page.get_by_label("Add a coin").get_attribute("aria-invalid") == "true"
