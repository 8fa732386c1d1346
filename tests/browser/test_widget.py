"""The forecast widget as a person uses it: from the form to the scores, cancelled and in two browsers, on the served page."""

import pytest

from lib.places import PROJECT_ROOT

NOTEBOOK = PROJECT_ROOT / "notebooks" / "11_forecast_widget.ipynb"


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory):
    return serve(NOTEBOOK, environment={"OUTPUT_BASE": str(tmp_path_factory.mktemp("page"))})


def phase(page, name):
    page.get_by_role("tab", name=name).click()


def field(page, label):
    return page.locator(".form-grid").get_by_label(label, exact=True)


def train(page, epochs):
    field(page, "Epochs").fill(str(epochs))
    page.get_by_role("button", name="Train", exact=True).click()


def test_from_the_form_to_the_scores(visitor, server, shot):
    made = visitor(server, width=1400)
    page = made.page
    made.open()
    assert page.locator(".forecast-panel").count() == 3
    # Candles, and days on their own axis, in a chart with dates.
    assert page.locator(".forecast-panel-analysis .boxlayer path.box").count() == 120
    assert "2021" in " ".join(page.locator(".forecast-panel-analysis .xaxislayer-above text").all_text_contents())
    shot(page, "widget_form")
    field(page, "Epochs").fill("0")
    page.get_by_text("Epochs: 0 is not allowed").wait_for()
    assert page.get_by_role("button", name="Train", exact=True).is_disabled()
    train(page, 3)
    page.get_by_text("so ", exact=False).filter(has_text="test days").first.wait_for()
    assert "naive" in page.locator(".phase-evaluating").inner_text()
    shot(page, "widget_scores")


def test_cancel_really_stops_and_two_visitors_do_not_see_each_other(visitor, server, shot):
    one, two = visitor(server, width=1000, colour_scheme="dark"), visitor(server, width=360)
    one.open()
    two.open()
    # Slow enough that early stopping does not end it first.
    field(one.page, "Network").select_option("LSTM-CNN")
    field(one.page, "Batch size").fill("2")
    train(one.page, 1000)
    one.page.locator(".phase-training").get_by_text("of at most 1000").wait_for()
    shot(one.page, "widget_training_dark")
    shot(two.page, "widget_phone")
    assert two.page.locator(".phase-parameters").get_by_text("none yet").count() == 1
    overflow = two.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    one.page.locator(".phase-training").get_by_role("button", name="Cancel").click()
    one.page.get_by_text("was cancelled").first.wait_for()
    one.page.reload()
    one.seen()
    assert one.page.get_by_role("button", name="Train", exact=True).count() == 1
