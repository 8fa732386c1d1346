"""The forecast widget as a person uses it on the served page: the whole way, wrong fields, failures, themes, widths,
visitors.
"""

import csv
import json
import os
import statistics
import time
from datetime import date, timedelta

import psutil
import pytest

from lib.app import charts, requests
from lib.experiments import controls
from lib.settings.places import PROJECT_ROOT

NOTEBOOK = PROJECT_ROOT / "notebooks" / "11_forecast_widget.ipynb"
# Times are promised for two free cores. Tests share theirs; BROWSER_SLACK=1 holds a quiet machine to the promise.
SLACK = float(os.environ.get("BROWSER_SLACK", 3))
MARKS = ("scatterlayer path", "barlayer path", "boxlayer path")  # what Plotly draws lines, bars and candles with
SLOW = {
    "Network": "LSTM-CNN",
    "Batch size": "2",
    "Epochs": "1000",
    "Learning rate": "0.000001",  # each epoch gains a little, so that early stopping does not end it first
}


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    # A proxy that nobody serves, so that Yahoo cannot be reached wherever the tests run.
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    own = {name: str(tmp_path_factory.mktemp(name.lower())) for name in ("OUTPUT_BASE", "TRAINING_CACHE")}
    return serve(NOTEBOOK, environment={**own, **nowhere})


@pytest.fixture(scope="module")
def timed(artefacts):
    """timed(name, seconds, promised): keep a time in outputs/browser/timings.json and hold it to the promise."""
    seen = {}

    def note(name, seconds, promised, slack=SLACK):
        seen[name] = {"seconds": round(seconds, 2), "promised": promised, "slack": slack}
        (artefacts / "timings.json").write_text(json.dumps(seen, indent=1) + "\n")
        assert seconds < promised * slack, (
            f"{name}: {seconds:.2f} s, promised {promised} s on a quiet machine, allowed here {promised * slack:g} s"
        )

    return note


def phase(page, name):
    page.get_by_role("tab", name=name).click()


def field(page, label):
    return page.locator(".phase-parameters .form-grid").get_by_label(label, exact=True)


def fill(page, label, value):
    control = field(page, label)
    control.select_option(value) if control.evaluate("e => e.tagName") == "SELECT" else control.fill(value)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def train(page, **changes):
    for label, value in changes.items():
        fill(page, label, value)
    button(page, "Train").click()


def wait_for_train(page, disabled):
    page.wait_for_function(
        "off => [...document.querySelectorAll('.phase-parameters button')].find(b => b.innerText.trim() ==="
        " 'Train').disabled === off",
        arg=disabled,
    )


def train_slowly(page):
    train(page, **SLOW)
    page.locator(".phase-training").get_by_text("of at most 1000").wait_for()


def scores(page):
    page.locator(".phase-evaluating table").wait_for()
    return page.locator(".phase-evaluating")


def trained(visitor, server, epochs="2", **options):
    """A new visitor with one network, whose scores are on the screen."""
    guest = visitor(server, **options)
    guest.open()
    train(guest.page, Epochs=epochs)
    scores(guest.page)
    return guest


def alert(page, words):
    """The page's own line, where each sentence is said."""
    page.locator(".forecast-alert, [role=alert]").filter(has_text=words).first.wait_for()


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def workers_of(server, seconds=2):
    """The server's worker processes and the seconds of a processor that each used in so many seconds, busiest first."""

    def spent(process):
        try:
            return process.cpu_times().user
        except psutil.Error:
            return 0.0

    children = psutil.Process(server.process.pid).children()
    workers = [p for p in children if "spawn_main" in " ".join(p.cmdline())]
    before = {p.pid: spent(p) for p in workers}
    time.sleep(seconds)
    return sorted(((p, spent(p) - before[p.pid]) for p in workers), key=lambda pair: -pair[1])


def become_idle(server):
    """Whether all workers stop working within a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if workers_of(server)[0][1] < 0.2:
            return True
    return False


def test_the_whole_way_from_the_form_to_a_downloaded_forecast(visitor, server, shot, timed):
    guest = visitor(server, width=1400, accept_downloads=True)
    page = guest.page
    # He comes while the server still starts his process, and other tests have the processors.
    timed("dashboard, the first visitor after the server's start", guest.open(), 10, 2 * SLACK)
    timed("dashboard, a later visitor", _open_again(guest), 10)
    assert page.locator(".forecast-panel").count() == 3
    # Candles, and days on their own axis, in a chart with dates.
    page.wait_for_function("document.querySelectorAll('.forecast-panel-analysis .boxlayer path.box').length === 120")
    assert "2021" in " ".join(page.locator(".forecast-panel-analysis .xaxislayer-above text").all_text_contents())
    shot(page, "widget_form")

    begun = time.monotonic()
    button(page, "quick").click()
    button(page, "Train").click()
    judged = scores(page)
    words = judged.inner_text()
    assert "naive" in words and "test days" in words and "skill" in words
    assert judged.locator("tbody tr").count() == 6  # three parts, each with the network and the naive forecast
    phase(page, "Predicting")
    button(page, "Forecast").click()
    results = page.locator(".phase-results")
    results.locator("table").wait_for()
    timed("quick preset, from click to forecast", time.monotonic() - begun, 60)
    assert results.locator("tbody tr").count() == 15
    assert "held-out" in results.inner_text() or "promise" in results.inner_text()
    results.locator(".scatterlayer path").first.wait_for(state="attached")
    shot(page, "widget_results")

    with page.expect_download() as coming:
        results.get_by_role("link", name="Download as CSV").click()
    assert coming.value.suggested_filename == "BTC-USD_CNN_from_2021-10-28.csv"
    with open(coming.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [row.locator("th").inner_text() for row in results.locator("tbody tr").all()]
    assert [row["date"] for row in rows] == shown == [str(date(2021, 10, 28) + timedelta(k)) for k in range(15)]
    assert all(float(r["lower_usd"]) < float(r["path_usd"]) < float(r["upper_usd"]) for r in rows)
    # Another span, and a wrong one before it.
    phase(page, "Predicting")
    days = page.locator(".phase-predicting").get_by_label("Days")
    days.fill("31")
    page.get_by_text("Days: 31 is not allowed. Allowed: 1 to 30 days.").wait_for()
    assert button(page, "Forecast").is_disabled()
    days.fill("30")
    button(page, "Forecast").click()
    page.wait_for_function("document.querySelectorAll('.phase-results tbody tr').length === 30")


def _open_again(guest):
    guest.page.goto("about:blank")
    return guest.open()


def test_each_of_the_twelve_views_is_drawn_and_can_be_saved(visitor, server, artefacts):
    guest = trained(visitor, server, "3", width=1400, accept_downloads=True)
    page = guest.page
    phase(page, "Visualizing")
    place = page.locator(".phase-visualizing")
    assert len(charts.VIEWS) == 12
    for view in charts.VIEWS.values():
        place.get_by_role("button", name=view.title, exact=True).click()
        chart = place.locator(".js-plotly-plot")
        button_ = chart.locator(".modebar-btn[data-title^='Download']")
        page.wait_for_function(
            "title => document.querySelector('.phase-visualizing .views .mod-active')?.innerText.trim() === title"
            " && document.querySelectorAll('.phase-visualizing .js-plotly-plot').length === 1",
            arg=view.title,
        )
        page.wait_for_function(
            "document.querySelector('.phase-visualizing"
            f" .js-plotly-plot')?._context?.toImageButtonOptions?.filename?.endsWith('_{view.stem}')"
        )
        page.wait_for_function(
            "selector => document.querySelectorAll(selector).length >= 2",
            arg=", ".join(f".phase-visualizing .{layer}" for layer in MARKS),
        )
        page.wait_for_function(
            "() => { const e = document.querySelector('.phase-visualizing .js-plotly-plot'); return"
            " Math.abs(e.querySelector('.main-svg').getBoundingClientRect().width - e.parentElement.clientWidth) < 3; }"
        )
        title, below = (chart.locator(f".{name}").bounding_box() for name in ("gtitle", "gtitle-subtitle"))
        assert title["y"] + title["height"] <= below["y"] + 2, f"{view.title}: its title covers the line below"
        assert not [t for t in chart.locator("text").all_text_contents() if "undefined" in t or "NaN" in t]
        if (
            view.stem == "drawdown"
        ):  # lines and axes fit together: the lowest day's mark lies where the axis has its value
            off = chart.evaluate(
                """e => { const t = e._fullData.findIndex(d => /deepest/.test(d.name)), axis = e._fullLayout.yaxis;
                const mark = e.querySelectorAll('.scatterlayer .trace')[t].querySelector('.point').getBoundingClientRect();
                const at = e.getBoundingClientRect().top + axis._offset + axis.d2p(e._fullData[t].y[0]);
                return Math.abs(mark.top + mark.height / 2 - at); }"""
            )
            assert off < 2, f"the mark lies {off:.0f} pixels away from its value"
        chart.screenshot(path=artefacts / f"view_{view.stem}.png")
        with page.expect_download() as coming:
            chart.hover()
            button_.click()
        assert (
            coming.value.suggested_filename.endswith(f"_{view.stem}.png")
            and os.path.getsize(coming.value.path()) > 5000
        )


WRONG = [
    ("Ticker", "ADA USD"),
    ("Lookback", "0"),
    ("Lookback", "91"),
    ("Lookback", "sixty"),
    ("Batch size", "513"),
    ("Epochs", "1001"),
    ("Learning rate", "0"),
    ("Learning rate", "1.1"),
    ("Dropout rate", "0.95"),
    ("Seed", "-1"),
    ("Start date", ""),
    ("End date", str(date.today() + timedelta(3))),
    ("End date", "2019-12-31"),
    ("Source", "folder"),
]


def test_every_wrong_field_is_told_beside_it_and_stops_the_training(visitor, server, shot):
    guest = visitor(server, width=1000)
    page = guest.page
    guest.open()
    for label, value in WRONG:
        control = field(page, label)
        before = control.input_value()
        if label == "Source" and "folder" not in control.inner_text():
            continue
        fill(page, label, value)
        beside = (
            page.locator(".phase-parameters .field")
            .filter(has=page.get_by_label(label, exact=True))
            .locator(".field-error")
        )
        beside.wait_for()
        assert beside.inner_text().startswith(label), (label, value)
        wait_for_train(page, disabled=True)
        if (label, value) == ("Lookback", "91"):
            shot(page, "widget_wrong_field")
        fill(page, label, before)
        beside.wait_for(state="detached")
    wait_for_train(page, disabled=False)
    assert set(requests.FIELDS) - {"network", "source"} <= {label.lower().replace(" ", "_") for label, _ in WRONG}


def test_a_failing_training_says_why_loses_nothing_and_the_next_one_works(visitor, server, shot):
    guest = trained(visitor, server, "2", width=1000)
    page = guest.page
    saved = page.locator(".phase-parameters select").filter(has_text="BTC-USD, CNN")
    phase(page, "Parameters")
    # No network: the source is Yahoo, and nothing can be reached.
    fill(page, "Source", "yahoo")
    button(page, "Train").click()
    alert(page, "Yahoo")
    shot(page, "widget_no_network")
    assert saved.locator("option").count() == 1
    # A coin that the source does not have: the form knows before anything is trained.
    phase(page, "Parameters")
    fill(page, "Source", "sample")
    fill(page, "Network", "LSTM")
    fill(page, "Ticker", "NOSUCH-USD")
    page.locator(".phase-parameters .field-error").filter(has_text="NOSUCH-USD").wait_for()
    wait_for_train(page, disabled=True)
    fill(page, "Ticker", "BTC-USD")
    train(page, Network="CNN", Epochs="2")
    page.wait_for_function("document.querySelectorAll('.phase-parameters select option[value]').length >= 2")
    page.get_by_text("done and saved").first.wait_for()
    assert saved.locator("option").count() == 2


def test_a_training_whose_worker_was_killed_begins_again_on_another(visitor, server, shot):
    guest = visitor(server, width=1000)
    page = guest.page
    guest.open()
    train(page, **{**SLOW, "Epochs": "4"})
    page.locator(".phase-training").get_by_text("of at most 4").wait_for()
    workers_of(server)[0][0].kill()
    assert "naive" in scores(page).inner_text()
    assert page.locator(".phase-parameters option").filter(has_text="BTC-USD, LSTM-CNN").count() == 1
    shot(page, "widget_killed")


def test_two_visitors_train_side_by_side_and_a_third_is_queued(visitor, server):
    guests = [visitor(server, width=1000) for _ in range(3)]
    for seed, guest in enumerate(guests):
        guest.open()
        fill(guest.page, "Seed", str(seed))
    for guest in guests[:2]:
        train_slowly(guest.page)
    train(guests[2].page, Epochs="2")
    guests[2].page.locator(".phase-training").get_by_text("Every worker is busy").first.wait_for()
    for guest in guests[:2]:  # both at once, before the slow training ends by itself
        guest.page.locator(".phase-training").get_by_role("button", name="Cancel").click()
    assert "naive" in scores(guests[2].page).inner_text()


def test_cancel_really_stops_and_two_visitors_do_not_see_each_other(visitor, server, shot, timed):
    one, two = visitor(server, width=1000, colour_scheme="dark"), visitor(server, width=360)
    one.open()
    two.open()
    train_slowly(one.page)
    shot(one.page, "widget_training_dark")
    # While it trains, the page answers: the indicator's setting is checked by the kernel.
    one.page.get_by_role("button", name="Settings of the indicators").or_(
        one.page.get_by_text("Settings of the indicators")
    ).first.click()
    setting, fault = one.page.get_by_label("RSI", exact=True), one.page.locator(".forecast-panel-analysis .field-error")
    answers = []
    for value, state in [("1000", "visible"), ("14", "detached")] * 3:
        setting.fill(value)
        begun = time.monotonic()
        setting.press("Enter")
        fault.wait_for(state=state)
        answers.append(time.monotonic() - begun)
    timed("answer to a click while training, median", statistics.median(answers), 0.5)
    # A second training is refused while one runs.
    phase(one.page, "Parameters")
    assert one.page.get_by_role("button", name="Training ...").is_disabled()
    phase(one.page, "Training")
    shot(two.page, "widget_phone")
    assert two.page.locator(".phase-parameters").get_by_text("none yet").count() == 1
    assert overflow(two.page) <= 0
    assert workers_of(server)[0][1] > 0.3
    begun = time.monotonic()
    one.page.locator(".phase-training").get_by_role("button", name="Cancel").click()
    one.page.get_by_text("was cancelled").first.wait_for()
    timed("cancel", time.monotonic() - begun, 1)
    assert become_idle(server)


def test_a_reload_in_mid_training_ends_it_and_saved_networks_are_there(visitor, server):
    # A chart that is still being drawn when the page is left has nobody to send its layout to.
    guest = trained(visitor, server, "2", width=1000, expected=("Cannot send",))
    page = guest.page
    phase(page, "Parameters")
    train_slowly(page)
    page.reload()
    guest.seen()
    assert become_idle(server)
    saved = page.locator(".phase-parameters select").filter(has_text="BTC-USD, CNN")
    saved.wait_for()
    assert saved.locator("option").count() == 1
    # The saved network is used again without training.
    button(page, "Use it").click()
    assert "BTC-USD, CNN" in scores(page).inner_text()


def test_a_page_on_a_folder_of_prices_has_its_coins_and_trains_on_them(serve, visitor, tmp_path):
    for seed, ticker in enumerate(("AAA-USD", "BBB-USD")):
        frame = controls.as_prices(controls.walk(500, seed=seed))
        frame.reset_index(names="Date").to_csv(tmp_path / f"{ticker}.csv", index=False)
    parameters = (
        "source=folder",
        f"data_dir={tmp_path}",
        "tickers=[AAA-USD, BBB-USD]",
        "start_date=2021-01-01",
        "end_date=2022-05-15",
    )
    guest = visitor(
        serve(
            NOTEBOOK,
            *(word for p in parameters for word in ("-p", p)),
            environment={"OUTPUT_BASE": str(tmp_path / "page")},
        )
    )
    page = guest.page
    guest.open()
    assert [field(page, label).input_value() for label in ("Source", "Ticker", "End date")] == [
        "folder",
        "AAA-USD",
        "2022-05-15",
    ]
    assert {"AAA-USD", "BBB-USD"} <= set(page.locator(".forecast-panel-market tbody th").all_inner_texts())
    train(page, Ticker="BBB-USD", Epochs="2")
    assert "BBB-USD, CNN" in scores(page).inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_whole_page_reads_well_in_both_themes_and_at_every_width(visitor, server, shot, too_faint, scheme):
    guest = trained(visitor, server, "2", width=1800, colour_scheme=scheme)
    page = guest.page
    for name in ("Parameters", "Training", "Evaluating", "Visualizing", "Predicting"):
        phase(page, name)
        page.locator(f".phase-{name.lower()}").wait_for()
        assert too_faint(page) == [], name
        for width in (360, 1000, 1800):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(400)
            assert overflow(page) <= 0, f"{name} at {width}"
            shot(page, f"page_{scheme}_{name.lower()}_{width}")
    # The figures follow the theme: their ground is the page's.
    ground = page.evaluate(
        "getComputedStyle(document.querySelector('.forecast-panel-analysis .js-plotly-plot .main-svg')).backgroundColor"
    )
    surface = page.evaluate("getComputedStyle(document.querySelector('.forecast-panel-analysis')).backgroundColor")
    assert ground == surface
