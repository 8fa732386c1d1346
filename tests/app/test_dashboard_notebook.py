"""The dashboard in a notebook: messages of the page are answered as the server would, and a report has a table."""

import gzip
import json
import re
import threading
import time

import pytest

from lib import settings
from lib.app import requests
from lib.app.dashboard import Dashboard, files, web

WAIT_S = 20


@pytest.fixture
def dashboard(tmp_path, fake_pool, monkeypatch):
    """A dashboard whose widget keeps what it sends, and that connects to no workers."""
    for name, value in {
        "SERVICE_HOST": "0.0.0.0",
        "ALLOWED_HOSTS": "forecast.example",
        "SERVICE_TOKEN": "t" * 20,
    }.items():
        monkeypatch.setenv(name, value)  # of a server: no port is opened here
    monkeypatch.setattr(Dashboard, "_connect", lambda self: None)
    made = Dashboard(settings.sample().changed(output_dir=str(tmp_path)))
    made.sent = []
    monkeypatch.setattr(made.widget, "send", lambda about, buffers: made.sent.append((about, buffers[0])))
    yield made
    made.close()


def asked(dashboard, method, path, body=None):
    """(about, content) of the answer to a message of the page."""
    number = f"message {len(dashboard.sent)}"
    message = {"id": number, "method": method, "path": path, "body": body}
    dashboard.widget._handle_custom_msg(message, [])
    end = time.monotonic() + WAIT_S
    while not (found := [one for one in dashboard.sent if one[0]["id"] == number]):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found[0]


def test_a_small_answer_is_sent_as_it_is(dashboard):
    about, content = asked(dashboard, "GET", "health")
    assert (about["status"], about["packed"]) == (200, False) and json.loads(content)["status"] == "healthy"


def test_a_large_answer_is_compressed_and_the_same(dashboard):
    about, content = asked(dashboard, "GET", "dashboard/coin?source=sample&ticker=BTC-USD")
    whole = json.loads(gzip.decompress(content))
    assert about["packed"] and whole["ticker"] == "BTC-USD" and len(whole["day"]) == 662
    about, content = asked(dashboard, "GET", "page/lightweight-charts.js")
    assert gzip.decompress(content) == gzip.decompress(files.packed("lightweight-charts.js"))


def test_a_refusal_is_answered_like_any_other(dashboard):
    about, content = asked(dashboard, "POST", "dashboard/forecast", {"network": "none", "days": 3})
    assert about["status"] == 404 and json.loads(content)["message"].startswith("There is no saved network none")
    about, content = asked(dashboard, "POST", "dashboard/check", {"epochs": 0})
    assert about["status"] == 200 and "Epochs: 0 is not allowed" in json.loads(content)["wrong"]["epochs"]


def test_an_error_that_nobody_foresaw_is_answered_too(dashboard, monkeypatch):
    """Or the page waits for ever."""
    monkeypatch.setattr(web.start, "start", lambda *_: 1 / 0)
    about, content = asked(dashboard, "GET", "dashboard/start")
    assert about["status"] == 500 and "ZeroDivisionError" in json.loads(content)["message"]


def test_the_kernel_is_free_while_an_answer_is_made(dashboard, monkeypatch):
    wait = threading.Event()
    monkeypatch.setattr(web.start, "start", lambda *_: wait.wait(WAIT_S) and {})
    dashboard.widget._handle_custom_msg({"id": "slow", "method": "GET", "path": "dashboard/start"}, [])
    assert asked(dashboard, "GET", "health")[0]["status"] == 200, "and so is the page"
    wait.set()


def test_networks_of_the_page_are_those_of_the_program(dashboard):
    values = {**dashboard.values, "epochs": 3}
    run = dashboard.runs.train(values, plots=False)
    assert run.ended.wait(WAIT_S)
    _, content = asked(dashboard, "GET", "dashboard/networks")
    assert [row["network"] for row in json.loads(content)] == [run.state["network"]]


def test_in_a_report_it_is_a_table_with_the_form(dashboard):
    bundle = dashboard._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in bundle
    html = bundle["text/html"]
    for field in requests.FIELDS:
        assert requests.label(field) in html
    assert html.count("<tr>") == len(requests.FIELDS) + 1 and "python -m lib.app.serve" in html
    assert "<td>BTC-USD</td>" in html and "<td>2020-01-01</td>" in html
    assert not re.search(r"<script|https?://|onclick", html)


def test_nothing_is_started_before_it_is_shown(tmp_path):
    before = set(threading.enumerate())
    made = Dashboard(settings.sample().changed(output_dir=str(tmp_path)))
    assert made.static() and set(threading.enumerate()) == before and not list(tmp_path.iterdir())
