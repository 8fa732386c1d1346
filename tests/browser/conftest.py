"""Ground for browser tests: a dashboard, Chromium, pages that fail on outside requests and console errors.

Screenshots and server logs go to outputs/browser/. Limits are wide, as the machine may be busy.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lib.experiments import controls
from lib.settings.places import PROJECT_ROOT

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARTEFACTS = PROJECT_ROOT / "outputs" / "browser"
PATIENCE_S = int(os.environ.get("BROWSER_PATIENCE_S", 120))  # longest wait for anything on a page
# Times are promised for two free cores. Tests share theirs; BROWSER_SLACK=1 holds a quiet machine to the promise.
SLACK = float(os.environ.get("BROWSER_SLACK", 3))
COINS = ("AAA-USD", "BBB-USD", "CCC-USD")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, driven by Playwright. Without it tests are skipped; where CI is set, they fail."""
    if not Path(CHROMIUM).is_file():
        words = f"no Chromium at {CHROMIUM}: run tests/browser/install.sh, or name one in the variable CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root Chromium needs its sandbox off; containers have little shared memory.
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_S * 1000)
        yield browser
        browser.close()


@dataclass
class Server:
    url: str
    process: subprocess.Popen
    log: Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def serve():
    """serve(*options, port, environment): the dashboard on a free port, until the tests end."""
    started = []

    def start(*options, port=None, environment=None):
        port = port or free_port()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        log = ARTEFACTS / f"server_{os.getpid()}_{len(started)}.log"
        command = [sys.executable, "-m", "lib.app.serve", "--no-browser", "--port", str(port), *options]
        with open(log, "w") as out:
            process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        started.append(process)
        end = time.monotonic() + PATIENCE_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        return Server(f"http://127.0.0.1:{port}/", process, log)

    yield start
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def prices(tmp_path_factory):
    """Options of a server on invented prices of three coins, 500 days to 2022-05-15."""
    folder = tmp_path_factory.mktemp("prices")
    for seed, ticker in enumerate(COINS):
        frame = controls.as_prices(controls.walk(500, seed=seed))
        frame.reset_index(names="Date").to_csv(folder / f"{ticker}.csv", index=False)
    chosen = {
        "source": "folder",
        "data_dir": folder,
        "tickers": f"[{', '.join(COINS)}]",
        "start_date": "2021-01-01",
        "end_date": "2022-05-15",
    }
    return [word for name, value in chosen.items() for word in ("-p", f"{name}={value}")]


@pytest.fixture(scope="session")
def server(serve, prices):
    """One server for all tests that do not end it."""
    return serve(*prices, "-p", "workers=2")


@dataclass
class Visitor:
    """A browser of one's own (what it remembers) with one page, and all that went wrong on it."""

    context: object
    page: object
    server: Server
    wrong: list = field(default_factory=list)

    def open(self, about=""):
        """Open the dashboard; returns the seconds until it could be used.

        Args:
            about: what the address says behind the question mark.
        """
        begun = time.monotonic()
        self.page.goto(f"{self.server.url}?{about}" if about else self.server.url, wait_until="commit")
        self.page.locator("#forecasts[data-ready=true]").wait_for()
        return time.monotonic() - begun

    def step(self, phase):
        """Go to one of the six phases, and wait until it is drawn."""
        self.page.locator(f"[data-phase={phase}]").click()
        self.page.locator(f"[data-phase={phase}][aria-current]").wait_for()
        self.page.locator(DRAWN[phase]).locator("visible=true").first.wait_for()

    def train(self, network="CNN", preset="Quick", **changes):
        """Ask for a training on the phase of parameters; fields by their labels, such as ``Epochs="2"``."""
        self.step("parameters")
        self.page.get_by_role("group", name="Network").get_by_role("button", name=network, exact=True).click()
        self.page.get_by_role("group", name="Presets").get_by_role("button", name=preset).click()
        if changes and not self.page.locator(".advanced[open]").count():
            self.page.locator(".advanced summary").click()
        for label, value in changes.items():
            self.page.locator(".advanced").get_by_label(label.replace("_", " "), exact=True).fill(value)
        self.page.locator(".phase:visible .primary").click()

    def result(self):
        """The phase of results, once it shows a forecast."""
        self.page.locator("[data-phase=results][aria-current]").wait_for()
        self.page.locator(DRAWN["results"]).wait_for()
        return self.page.locator(".phase:visible")


# What a phase shows when it is drawn.
DRAWN = {
    "parameters": ".cards",
    "training": ".doing",
    "evaluating": ".phase .badge",
    "visualizing": ".plot.view .main-svg",
    "predicting": ".phase input[type=date]",
    "results": ".plot.forecast .main-svg >> nth=0",
}


@pytest.fixture
def visitor(chromium):
    """visitor(server, width=1440, ...): a new visitor. The test fails on outside requests and console errors."""
    visitors = []

    def make(server, width=1440, height=900, colour_scheme="light", expected=(), **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=colour_scheme, **options
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        made = Visitor(context, context.new_page(), server)
        host = urlsplit(server.url).netloc

        def asked(request):
            parts = urlsplit(request.url)
            # A socket is a request here as well.
            if parts.scheme not in ("data", "blob", "about") and parts.netloc != host:
                made.wrong.append(f"asked another host: {request.url}")

        def told(message):
            if message.type == "error" and not any(re.search(pattern, message.text) for pattern in expected):
                made.wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

        context.on("request", asked)
        context.on("console", told)
        context.on("weberror", lambda error: made.wrong.append(f"script: {error.error}"))
        made.page.on("websocket", asked)
        visitors.append(made)
        return made

    yield make
    for made in visitors:
        made.context.close()
    wrong = [words for made in visitors for words in made.wrong]
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def trained(chromium, server):
    """What the browser of somebody remembers who has trained a network of AAA-USD: options of further visitors."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    guest = Visitor(context, context.new_page(), server)
    guest.open()
    guest.train(Epochs="3")
    guest.result()
    remembered = context.storage_state()
    context.close()
    return {"storage_state": remembered}


@pytest.fixture
def shot():
    """shot(page, name): a screenshot of the whole page under outputs/browser/."""

    def take(page, name):
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


@pytest.fixture(scope="session")
def artefacts():
    """The folder of screenshots, logs and times."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS


@pytest.fixture(scope="session")
def timed(artefacts):
    """timed(name, seconds, promised): keep a time in outputs/browser/timings.json and hold it to the promise."""
    seen = {}

    def note(name, seconds, promised):
        # Other work on this machine takes its share of the processors.
        slack = max(SLACK, os.getloadavg()[0] / os.cpu_count()) if SLACK > 1 else 1
        seen[name] = {"seconds": round(seconds, 3), "promised": promised, "slack": round(slack, 1)}
        print(f"{name}: {seconds:.3f} s, promised {promised} s")
        (artefacts / f"timings_{os.getpid()}.json").write_text(json.dumps(seen, indent=1) + "\n")
        assert seconds < promised * slack, (
            f"{name}: {seconds:.2f} s, promised {promised} s on a quiet machine, allowed here {promised * slack:.2g} s"
        )

    return note


@pytest.fixture(scope="session")
def until():
    """until(page, expression): wait until it is true. Playwright's own ``wait_for_function`` needs eval, which the
    page's policy forbids."""

    def wait(page, expression):
        end = time.monotonic() + PATIENCE_S
        while not (found := page.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)
        return found

    return wait
