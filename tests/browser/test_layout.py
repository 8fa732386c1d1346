"""The frame: no jumps, dividers, keys alone, what a screen reader is told, the address, and what happens when the server
is away."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

TOKEN = "a-token-of-24-characters"
PHASES = ("parameters", "training", "evaluating", "visualizing", "predicting", "results")
# Of every move, also those within half a second after a click, which browsers forgive.
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.shifts.push([entry.value, ...entry.sources.map(({ node }) => node?.className ?? node?.nodeName ?? "gone")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
PANELS = """() => Object.fromEntries([...document.querySelectorAll(".panel")].map((one) => {
  const { left, top, width } = one.getBoundingClientRect();
  return [one.getAttribute("aria-label"), [left, top + scrollY, width].map(Math.round)];
}))"""


def focused(page):
    """What has the focus, in the words that a screen reader would say."""
    return page.evaluate(
        "(() => { const e = document.activeElement; return e.getAttribute('aria-label') || e.labels?.[0]?.textContent ||"
        " e.textContent.trim(); })()"
    )


def tab_to(page, words, most=120):
    """Press Tab until that has the focus."""
    for _ in range(most):
        if re.fullmatch(words, focused(page)):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab, and {words} is not reached: {focused(page)}")


def moved(page):
    """Shifts of the layout since the page was asked last: how much, and which elements."""
    return [shift for shift in page.evaluate("window.shifts.splice(0)") if shift[0] > 0.001]


@pytest.mark.parametrize("width", [1440, pytest.param(820, marks=pytest.mark.ci)])
def test_nothing_jumps_when_a_phase_changes_or_a_training_runs(visitor, server, trained, width):
    guest = visitor(server, width=width, height=1000, **trained)
    page = guest.page
    page.add_init_script(SHIFTS)
    guest.open("coin=AAA-USD&phase=parameters")
    page.wait_for_timeout(1000)
    page.evaluate("window.shifts.splice(0)")
    places = page.evaluate(PANELS)
    for name in ("evaluating", "visualizing", "predicting", "results", "parameters"):
        guest.step(name)
        page.wait_for_timeout(200)
        assert page.evaluate(PANELS) == places, name
        assert moved(page) == [], name
    # It goes on until it is cancelled: one that ends has a row more in the table. The other width's one is known.
    guest.train(Epochs="1000", Batch_size="2", Learning_rate="0.00003", Seed=str(width))
    page.locator(".plot.live .main-svg").first.wait_for()
    assert page.evaluate(PANELS) == places
    page.locator(".phase:visible").get_by_role("button", name="Cancel").click()
    page.get_by_text("was cancelled").first.wait_for()


def test_dividers_move_by_mouse_and_keys_and_are_remembered(visitor, server):
    guest = visitor(server)
    page = guest.page
    guest.open()

    def sizes():
        watch, panes = (page.locator(name).bounding_box() for name in (".watch", ".panes"))
        return round(watch["width"]), round(panes["height"])

    usual = sizes()
    across = page.get_by_role("separator", name="Width of the watchlist")
    down = page.get_by_role("separator", name="Height of the price chart")
    box = across.bounding_box()
    page.mouse.move(box["x"] + 6, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] - 94, box["y"] + 320, steps=4)
    page.mouse.up()
    assert sizes()[0] == pytest.approx(usual[0] - 100, abs=2)
    box = down.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 66, steps=4)
    page.mouse.up()
    assert sizes()[1] == pytest.approx(usual[1] + 60, abs=2)
    dragged = sizes()
    value = int(across.get_attribute("aria-valuenow"))
    across.focus()
    page.keyboard.press("ArrowRight")
    assert int(across.get_attribute("aria-valuenow")) == value + 2 and sizes()[0] > dragged[0]
    down.focus()
    page.keyboard.press("ArrowUp")
    assert sizes()[1] == dragged[1] - 20
    page.keyboard.press("Home")
    assert down.get_attribute("aria-valuenow") == down.get_attribute("aria-valuemin")
    page.keyboard.press("ArrowDown")
    moved_by_keys = sizes()
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert sizes() == moved_by_keys
    # The chart fills its new height, as it did the old one.
    drawn = page.locator(".pane").first.bounding_box()["height"]
    assert drawn == pytest.approx(moved_by_keys[1], abs=2)
    page.get_by_role("button", name="Reset layout").click()
    assert sizes() == usual
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert sizes() == usual


def test_the_whole_way_by_keys_alone(visitor, server):
    guest = visitor(server, expected=["status of 422"])
    page = guest.page
    guest.open()
    page.keyboard.press("Tab")
    tab_to(page, "BBB-USD")
    page.keyboard.press("Enter")
    page.locator(".price h2", has_text="BBB-USD").wait_for()
    assert focused(page) == "BBB-USD"
    tab_to(page, "CNN")
    tab_to(page, "Quick.*")
    page.keyboard.press("Enter")
    assert focused(page).startswith("Quick")
    tab_to(page, "Advanced.*")
    page.keyboard.press("Enter")
    tab_to(page, "Epochs")
    page.keyboard.press("Control+a")
    page.keyboard.type("0")
    page.locator("input[aria-invalid=true]").wait_for()
    told = page.evaluate(
        "document.activeElement.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent)"
    )
    assert "0 is not allowed" in told[-1] and "1 to 1000" in told[0]
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    page.locator("input[aria-invalid]").wait_for(state="detached")
    for _ in range(60):
        if focused(page).startswith("Train CNN"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("[data-phase=training][aria-current]").wait_for()
    # The focus is where the training is, not lost with the form.
    assert page.evaluate("document.activeElement.closest('.learning') !== null")
    guest.result()
    assert page.evaluate("document.activeElement.closest('.learning') !== null")
    assert "is trained" in page.locator("[role=status][aria-live=polite]").first.inner_text()
    for _ in range(40):
        if focused(page).endswith("Predicting"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "Days")
    page.keyboard.press("Control+a")
    page.keyboard.type("31")
    page.keyboard.press("Enter")
    page.locator(".phase:visible input[aria-invalid=true]").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    page.get_by_text("All 7 days").wait_for()
    # Settings of the indicators are in the order of Tab, and say what is wrong with them.
    tab_to(page, "Settings of the indicators", 200)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("100000")
    page.keyboard.press("Tab")
    wrong = page.locator(".rating input[aria-invalid=true]")
    wrong.wait_for()
    assert page.locator(f"#{wrong.get_attribute('aria-describedby').split()[-1]}").inner_text().strip()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.ci)])
def test_axe_finds_nothing_serious_in_any_phase(visitor, server, trained, shot, scheme):
    guest = visitor(server, colour_scheme=scheme, **trained)
    page = guest.page
    guest.open("coin=AAA-USD")
    page.locator(".advanced summary").click()
    page.get_by_text("Settings of the indicators").click()
    page.locator(".rating details", has_text="votes").locator("summary").first.click()
    for name in PHASES:
        if page.locator(f"[data-phase={name}]").is_disabled():
            continue
        guest.step(name)
        page.wait_for_timeout(200)
        shot(page, f"{scheme}_{name}")
        found = Axe().run(page).response["violations"]
        bad = [
            f"{one['id']}: {one['help']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert not bad, f"{name}: " + "\n".join(bad)


def test_the_address_says_what_is_seen_and_back_leads_there(visitor, server, trained, until):
    guest = visitor(server, **trained)
    page = guest.page
    guest.open()
    page.locator(".coin", has_text="BBB-USD").first.click()
    page.get_by_role("group", name="Network").get_by_role("button", name="LSTM", exact=True).click()
    assert "coin=BBB-USD" in page.url and "network=LSTM" in page.url and "phase=parameters" in page.url
    assert "BBB-USD" in page.title()
    page.locator(".watchlist .coin", has_text="AAA-USD").click()
    page.locator(".price h2", has_text="AAA-USD").wait_for()
    guest.step("evaluating")
    link = page.url
    assert "coin=AAA-USD" in link and "phase=evaluating" in link
    guest.step("predicting")
    page.go_back()
    page.locator("[data-phase=evaluating][aria-current]").wait_for()
    page.go_back()
    page.locator("[data-phase=parameters][aria-current]").wait_for()
    page.go_back()
    page.locator(".price h2", has_text="BBB-USD").wait_for()
    assert "Train LSTM and forecast BBB-USD" in page.locator(".phase:visible .primary").inner_text()
    page.go_forward()
    page.go_forward()
    page.locator("[data-phase=evaluating][aria-current]").wait_for()
    # The link opens the same for who comes back, and the coin for who trained nothing.
    again = visitor(server, **trained)
    again.open(link.split("?")[1])
    again.page.locator("[data-phase=evaluating][aria-current]").wait_for()
    assert "AAA-USD" in again.page.locator(".phase:visible .headline").inner_text()
    stranger = visitor(server)
    stranger.open(link.split("?")[1].replace("AAA", "CCC"))
    assert "CCC-USD" in stranger.page.locator(".price h2").inner_text()
    stranger.page.locator("[data-phase=parameters][aria-current]").wait_for()


@pytest.mark.parametrize(
    "about",
    [
        "source=nowhere&coin=%00&network=GPT&phase=dreams&trained=../../etc",
        "coin=%3Cscript%3Ealert(1)%3C/script%3E&phase=results&trained=x",
        "source=folder&coin=AAA-USD%27%22&phase=training&phase=results&coin=",
    ],
)
def test_an_address_of_nonsense_opens_the_page(visitor, server, about):
    guest = visitor(server, expected=["status of 4"])
    guest.open(about)
    page = guest.page
    page.locator(".price h2", has_text="AAA-USD").wait_for()
    page.locator("[data-phase=parameters][aria-current]").wait_for()
    assert page.locator(".watchlist tbody tr").count() == 3
    assert "coin=AAA-USD" in page.url


def test_a_server_with_a_token_asks_for_it_once(serve, prices, no_workers, visitor):
    guarded = serve(*prices, environment={**no_workers, "SERVICE_TOKEN": TOKEN})
    guest = visitor(guarded, expected=["status of 401"])
    page = guest.page
    page.goto(guarded.url)
    field = page.get_by_label("Token of this server")
    field.fill("not-the-token-of-it-at-all")
    page.keyboard.press("Enter")
    page.get_by_text("That is not the token.").wait_for()
    page.get_by_label("Token of this server").fill(TOKEN)
    page.get_by_role("button", name="Enter").click()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert TOKEN not in page.url
    guest.open()


def test_a_server_that_is_away_is_told_and_found_again(serve, prices, no_workers, visitor):
    first = serve(*prices, "-p", "workers=1")  # not without workers: ending with them is tested too
    guest = visitor(first, expected=["ERR_CONNECTION", "status of 5"])
    page = guest.page
    guest.open()
    first.process.terminate()
    first.process.wait(30)
    page.locator(".watchlist .coin", has_text="BBB-USD").click()
    page.get_by_text("The server does not answer").first.wait_for()
    assert page.locator(".watchlist tbody tr").count() == 3
    # What was asked for in vain is shown as soon as it is back.
    serve(*prices, port=int(first.url.rsplit(":", 1)[1].strip("/")), environment=no_workers)
    page.locator(".price h2", has_text="BBB-USD").wait_for()
    page.get_by_text("The server does not answer").first.wait_for(state="hidden")


def test_light_and_dark_follow_the_system_until_one_is_chosen(visitor, server):
    guest = visitor(server, colour_scheme="dark")
    page = guest.page
    guest.open()

    def ground():
        return page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")

    dark = ground()
    assert page.locator("#forecasts").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="Change to the light theme").click()
    assert ground() != dark
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert page.locator("#forecasts").get_attribute("data-theme") == "light" and ground() != dark
