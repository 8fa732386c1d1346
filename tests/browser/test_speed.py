"""What is promised in seconds and megabytes: the first visitor, another coin, another view, six visitors at once; and a
browser that is gone leaves nothing behind."""

import os
import signal
import subprocess
import time

import psutil
import pytest

pytestmark = pytest.mark.ci  # where nothing else runs beside it
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
VISITORS = 6
# Seconds from a click until the page shows what was asked for, by the page's own clock.
CLICK = """async ([what, where, words]) => {
  const begun = performance.now();
  document.querySelectorAll(what.selector)[what.place].click();
  while (!document.querySelector(where)?.textContent.includes(words)) await new Promise((next) => requestAnimationFrame(next));
  return (performance.now() - begun) / 1000;
}"""
VIEW = """async () => {
  const chart = document.querySelector(".plot.view");
  const [before, begun] = [chart.data, performance.now()];
  [...chart.closest(".phase").querySelectorAll("button")].find((one) => one.textContent === "Next").click();
  while (chart.data === before) await new Promise((next) => requestAnimationFrame(next));
  return (performance.now() - begun) / 1000;
}"""


def pss_mb(pid):
    """Proportional set size of a process and of those that it started, in MB."""
    whole = 0
    for process in (found := psutil.Process(pid), *found.children(recursive=True)):
        try:
            whole += process.memory_full_info().pss
        except (psutil.Error, AttributeError):
            continue
    return whole / 1e6


@pytest.fixture(scope="module")
def fresh(serve, prices):
    """A server that nobody has visited before these tests."""
    return serve(*prices, "-p", "workers=1")


def test_the_first_visitor_waits_little(fresh, visitor, timed):
    timed("page usable, the first visitor after the server's start", visitor(fresh).open(), 4)
    timed("page usable, a later visitor", visitor(fresh).open(), 4)


def test_another_coin_and_another_view_are_there_at_once(visitor, server, trained, timed):
    guest = visitor(server, **trained)
    page = guest.page
    guest.open("coin=AAA-USD")
    page.wait_for_timeout(1500)  # what the page loads ahead
    seconds = [
        page.evaluate(CLICK, [{"selector": ".watchlist .coin", "place": place}, ".price h2", coin])
        for place, coin in ((1, "BBB-USD"), (2, "CCC-USD"), (0, "AAA-USD"), (1, "BBB-USD"), (0, "AAA-USD"))
    ]
    timed("another coin, the slowest", max(seconds), 0.3)
    guest.step("visualizing")
    views = [page.evaluate(VIEW) for _ in range(page.locator(".phase:visible option").count())]
    assert len(views) == 12
    timed("another view, the median", sorted(views)[6], 0.3)


def test_six_visitors_at_once_cost_little_time_and_memory(fresh, visitor, timed):
    before = pss_mb(fresh.process.pid)
    guests = [visitor(fresh) for _ in range(VISITORS)]
    begun = time.monotonic()
    for guest in guests:
        guest.page.goto(fresh.url, wait_until="commit")
    for guest in guests:
        guest.page.locator("#forecasts[data-ready=true]").wait_for()
    timed("six visitors at once, the last one's page usable", time.monotonic() - begun, 15)
    each = (pss_mb(fresh.process.pid) - before) / VISITORS
    print(f"memory: {before:.0f} MB before, {each:.1f} MB a visitor")
    assert each < 100  # 300 are promised; what a worker learns to train is in it


def test_a_browser_that_is_gone_leaves_no_process(fresh, chromium, tmp_path):
    mine, port = psutil.Process(fresh.process.pid), int(fresh.url.rsplit(":", 1)[1].strip("/"))
    before = {process.pid for process in mine.children(recursive=True)}
    options = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    browser = subprocess.Popen([CHROMIUM, *options, fresh.url], start_new_session=True, **quiet)
    try:
        end = time.monotonic() + 60
        while not any(one.laddr.port == port and one.status == "ESTABLISHED" for one in mine.net_connections()):
            assert time.monotonic() < end, "the browser never came"
            time.sleep(0.05)
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
    time.sleep(1)
    assert {process.pid for process in mine.children(recursive=True)} == before
