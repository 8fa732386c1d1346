"""Trainings as a person sees them: what they are worth, how they go on, what is left of them, and all of it on a phone."""

import re

import pytest

# An epoch takes long enough to be seen, and gains a little, so that early stopping does not end it first.
SLOW = {"Batch_size": "2", "Epochs": "1000", "Learning_rate": "0.00003"}
COUNTDOWN = re.compile(r"Stops after \d+ epochs without gain: \d+ left\.")
WIDEST = """
window.widest = 0;
const look = () => {
  const wide = [...document.querySelectorAll(".panel, .plot .main-svg, .pane canvas")].map((one) => one.getBoundingClientRect().width);
  window.widest = Math.max(window.widest, document.scrollingElement?.scrollWidth || 0, ...wide);
  requestAnimationFrame(look);
};
look();
"""


@pytest.fixture
def slowly(visitor, server, trained):
    """slowly(width): a visitor whose training goes on until it is cancelled, at the latest when the test ends."""
    guests = []

    def start(width):
        guest = visitor(server, width=width, **trained)
        guest.open()
        guest.train("LSTM-CNN", **SLOW)
        guest.page.get_by_text("of at most 1000").wait_for()
        guests.append(guest)
        return guest

    yield start
    for guest in guests:
        guest.page.evaluate(
            """async () => {
              const headers = { "X-Visitor": JSON.parse(localStorage.getItem("forecasts visitor")) };
              const [newest] = await (await fetch("trainings", { headers })).json();
              if (["queued", "running"].includes(newest.status)) {
                await fetch(`trainings/${newest.request_id}/cancel`, { method: "POST", headers });
              }
            }"""
        )


def epoch(page):
    """The epoch that the chip tells."""
    return int(re.search(r"epoch (\d+) of 1000", page.locator(".chip").inner_text())[1])


def test_what_a_forecast_is_worth_stands_first_and_its_line_is_secondary(visitor, server, trained):
    guest = visitor(server, **trained)
    guest.open("phase=results")
    shown = guest.result()
    badge = shown.locator(":scope > *").first.locator(".badge")
    kind = badge.get_attribute("class").split()[-1]
    assert kind in ("worse", "same", "unknown")  # of a random walk nothing can be learned
    assert "no model" in badge.inner_text()
    # Each day ahead has its own worth; that of the first is the badge's.
    days = [
        name.split()[-1] for name in shown.locator(".skills li").evaluate_all("all => all.map((one) => one.className)")
    ]
    assert len(days) == 15 and days[0] == kind
    shown.get_by_text("All 15 days").click()
    told = shown.locator("tbody .badge").evaluate_all("all => all.map((one) => one.className)")
    assert days == [name.split()[-1] for name in told]
    # The sentence says what the first and the last day are worth, each with its own numbers.
    sentence = shown.locator(".sentence").inner_text()
    assert sentence.startswith("If the price stays as it is (no model)") and "15" in sentence
    lines = {
        one["name"]: one["line"]
        for one in guest.page.evaluate(
            "document.querySelector('.plot.forecast').data.map(({ name, line }) => ({ name, line }))"
        )
        if one["name"]
    }
    network = lines["CNN"]
    naive = next(line for name, line in lines.items() if name.startswith("no model"))
    assert network["dash"] == "dot" and network["width"] < naive["width"] and naive["width"] >= 3
    assert naive.get("dash", "solid") == "solid"


def test_a_training_is_seen_from_everywhere_and_goes_on_after_a_reload(slowly, until):
    guest = slowly(1440)
    page = guest.page
    chip = page.locator(".chip")
    assert COUNTDOWN.search(page.locator(".phase:visible").inner_text())
    for name in ("parameters", "evaluating", "visualizing", "predicting", "results"):
        guest.step(name)
        assert chip.is_visible() and "AAA-USD" in chip.inner_text(), name
    before = epoch(page)
    chip.click()
    page.locator("[data-phase=training][aria-current]").wait_for()
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert "phase=training" in page.url
    until(page, "/epoch \\d+ of 1000/.test(document.querySelector('.chip').innerText)")
    after = epoch(page)
    assert after >= before
    until(page, f"Number(document.querySelector('.chip').innerText.match(/epoch (\\d+)/)[1]) > {after}")
    assert COUNTDOWN.search(page.locator(".phase:visible").inner_text())
    until(page, "document.querySelector('.plot.live').data?.some((one) => one.name === 'no model')")
    page.locator(".phase:visible").get_by_role("button", name="Cancel").click()
    page.get_by_text("was cancelled").first.wait_for()
    # Nothing speaks of a training that goes on any more.
    assert not chip.is_visible()
    assert "left" not in page.locator(".phase:visible").inner_text()


@pytest.mark.ci
def test_finished_trainings_are_sorted_and_their_curves_laid_over_each_other(visitor, server, trained, until):
    guest = visitor(server, **trained)
    page = guest.page
    guest.open("coin=BBB-USD")
    guest.train(Epochs="4", Lookback="20")
    guest.result()
    table = page.locator(".trainings table")
    skills = table.locator("tbody tr td:nth-child(6)")
    assert skills.count() >= 2
    sort = table.get_by_role("button", name="Skill", exact=True)
    orders = []
    for direction in ("descending", "ascending"):
        sort.click()
        assert table.locator(f"[aria-sort={direction}]").inner_text().startswith("Skill")
        orders.append([float(text.replace("\u2212", "-")) for text in skills.all_inner_texts()])
    assert orders[0] == sorted(orders[0], reverse=True) and orders[1] == sorted(orders[1])
    assert {"AAA-USD", "BBB-USD"} <= set(table.locator(".coin").all_inner_texts())
    page.reload()
    page.locator("#forecasts[data-ready=true]").wait_for()
    assert table.locator("[aria-sort=ascending]").inner_text().startswith("Skill")
    for box in table.locator("input[type=checkbox]").all()[:2]:
        box.check()
    until(page, "document.querySelector('.trainings .plot').data?.length === 3")
    drawn = page.evaluate("document.querySelector('.trainings .plot').data.map(({ name, y }) => ({ name, y }))")
    assert drawn[-1]["name"] == "no model" and drawn[-1]["y"] == [1, 1]
    assert len({one["name"] for one in drawn}) == 3
    for box in table.locator("input[type=checkbox]").all()[:2]:
        box.uncheck()
    page.locator(".trainings .main-svg").first.wait_for(state="detached")
    # Another training is used by choosing it, and its coin is the page's.
    table.get_by_role("button", name="Use CNN of AAA-USD").first.click()
    until(page, "document.querySelector('.price h2').textContent.includes('AAA-USD')")
    assert "AAA-USD" in guest.result().inner_text()


def test_on_a_phone_nothing_is_ever_wider_and_the_view_stays_with_the_training(visitor, server, shot):
    guest = visitor(server, width=390, height=844, has_touch=True)
    page = guest.page
    page.add_init_script(WIDEST)
    guest.open()
    steps = page.locator(".steps .step")
    assert len({round(step.bounding_box()["y"]) for step in steps.all()}) == 1
    assert "Step 1 of 6" in page.locator(".step-here").inner_text()
    guest.train(Epochs="40", Batch_size="4", Learning_rate="0.00003")
    for _ in range(10):
        place = page.locator(".steps").bounding_box()
        assert -place["height"] / 2 <= place["y"] < 700, "the training is out of view"
        page.wait_for_timeout(100)
    guest.result()
    assert 0 <= page.locator(".steps").bounding_box()["y"] < 700
    shot(page, "phone_results")
    for name in ("parameters", "training", "evaluating", "visualizing", "predicting", "results"):
        guest.step(name)
        page.wait_for_timeout(150)
        shot(page, f"phone_{name}")
    for name in ("RSI", "MACD", "Bollinger bands", "All"):
        page.locator(".tools").get_by_role("button", name=name, exact=True).click()
    page.get_by_text("Settings of the indicators").click()
    page.locator("details", has_text="votes").locator("summary").first.click()
    page.get_by_text("All 15 days").click()
    page.locator(".trainings input[type=checkbox]").first.check()
    page.locator(".trainings .main-svg").first.wait_for()
    page.wait_for_timeout(150)
    assert page.evaluate("window.widest") <= 390
    # Turned and turned back.
    page.set_viewport_size({"width": 844, "height": 390})
    page.wait_for_timeout(300)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
