"""Ground for browser tests: a Voila server, Chromium, pages that fail on outside requests and console errors.

Screenshots and server logs go to outputs/browser/. Limits are wide, as the machine may be busy.
"""

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

from lib.settings.places import PROJECT_ROOT

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARTEFACTS = PROJECT_ROOT / "outputs" / "browser"
PATIENCE_S = int(os.environ.get("BROWSER_PATIENCE_S", 120))  # longest wait for anything on a page


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
    """serve(notebook, *options): the project's server on a free port with that notebook, until the tests end."""
    started = []

    def start(notebook, *options, environment=None):
        port = free_port()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        log = ARTEFACTS / f"server_{Path(notebook).stem}_{os.getpid()}_{len(started)}.log"
        command = [
            sys.executable,
            "-m",
            "lib.app.serve",
            "--no-browser",
            "--port",
            str(port),
            "--notebook",
            str(notebook),
            *options,
        ]
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
            time.sleep(0.2)
        return Server(f"http://127.0.0.1:{port}/", process, log)

    yield start
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@dataclass
class Visitor:
    """A browser of one's own (cookies, storage) with one page, and all that went wrong on it."""

    context: object
    page: object
    server: Server
    wrong: list = field(default_factory=list)

    def open(self):
        """Open the dashboard; returns the seconds until it stood there."""
        begun = time.monotonic()
        self.page.goto(self.server.url, wait_until="commit")
        self.seen()
        return time.monotonic() - begun

    def seen(self):
        self.page.locator(".forecast-shell[data-theme] .forecast-panel[role=region]").first.wait_for()


@pytest.fixture
def visitor(chromium):
    """visitor(server, width=1000, ...): a new visitor. The test fails on outside requests and console errors."""
    visitors = []

    def make(server, width=1000, height=900, colour_scheme="light", expected=(), **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=colour_scheme, **options
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        made = Visitor(context, context.new_page(), server)
        host = urlsplit(server.url).netloc

        def asked(request):
            parts = urlsplit(request.url)
            if parts.scheme not in ("data", "blob", "about") and parts.netloc != host:
                made.wrong.append(f"asked another host: {request.url}")

        def told(message):
            if message.type == "error" and not any(re.search(pattern, message.text) for pattern in expected):
                made.wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

        context.on("request", asked)
        context.on("console", told)
        # anywidget says so after two seconds, which a busy machine exceeds, and then draws the widget all the same.
        late = "[anywidget] Failed to initialize model"
        context.on(
            "weberror", lambda error: None if late in str(error.error) else made.wrong.append(f"script: {error.error}")
        )
        made.page.on(
            "websocket",
            lambda opened: (
                None if urlsplit(opened.url).netloc == host else made.wrong.append(f"socket to {opened.url}")
            ),
        )
        visitors.append(made)
        return made

    yield make
    for made in visitors:
        made.context.close()
    wrong = [words for made in visitors for words in made.wrong]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def shot():
    """shot(page, name): a screenshot of the whole page under outputs/browser/."""

    def take(page, name):
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


CONTRASTS = """() => {
  const luminance = (c) => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const ground = (e) => { for (let at = e; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c[3] > 0.99) return c.slice(0, 3); } return [255, 255, 255]; };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT);
  for (let e = walk.currentNode; e; e = walk.nextNode()) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || ['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName);
    if (!own || !e.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName)) continue;
    let opacity = 1; for (let at = e; at; at = at.parentElement) opacity *= parseFloat(getComputedStyle(at).opacity);
    const back = ground(e), front = parse(getComputedStyle(e).color).slice(0, 3).map((v, k) => opacity * v + (1 - opacity) * back[k]);
    const [high, lower] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (lower + 0.05);
    if (ratio < 4.5) low.push(`${e.tagName}.${e.className} "${(e.innerText || e.value || '').slice(0, 30)}" ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.fixture(scope="session")
def too_faint():
    """too_faint(page): every visible word whose contrast with its ground is below 4.5:1 (WCAG 2.2, 1.4.3), as lines."""
    return lambda page: page.evaluate(CONTRASTS)


@pytest.fixture(scope="session")
def artefacts():
    """The folder of screenshots, logs and times."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS


@pytest.fixture(scope="session")
def write_notebook():
    """write_notebook(path, *cells): a notebook of code cells; a cell that begins with '# ' is prose."""

    def write(path, *cells):
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        )
        made.cells = [
            nbformat.v4.new_markdown_cell(c) if c.startswith("# ") else nbformat.v4.new_code_cell(c) for c in cells
        ]
        nbformat.write(made, path)
        return path

    return write


@pytest.fixture(scope="session")
def ends():
    """ends(pid, seconds): whether a process ends within so many seconds."""

    def wait(pid, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.2)
        return False

    return wait
