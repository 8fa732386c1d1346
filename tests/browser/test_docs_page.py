"""The service's description page in Chromium, with every other host out of reach."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from lib.app.service.here import Here

TOKEN = "a-token-of-24-characters"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    opened = Here(
        service_token=TOKEN,
        price_sources=("sample",),
        service_folder=tmp_path_factory.mktemp("service"),
        requests_per_minute=10**6,
    )
    yield SimpleNamespace(url=opened.address)
    opened.close()


@pytest.fixture
def docs(visitor, service):
    """docs(width) -> the page, once it is drawn."""

    def open_at(width):
        one = visitor(service, width=width)
        own = urlsplit(service.url).netloc
        one.context.route(lambda url: urlsplit(url).netloc not in ("", own), lambda route: route.abort())
        one.page.goto(f"{service.url}/docs")
        one.page.get_by_text("Forecasts of coin prices").first.wait_for()
        one.page.get_by_role("button", name="Authorize").wait_for()
        return one.page

    return open_at


def try_out(page, path):
    """Status and body of what "Try it out" of a GET without parameters gives."""
    row = page.locator(".opblock-get").filter(has=page.locator(f'[data-path="{path}"]'))
    row.locator(".opblock-summary-control").click()
    row.get_by_role("button", name="Try it out").click()
    row.get_by_role("button", name="Execute").click()
    live = row.locator(".live-responses-table")
    return live.locator("tbody .response-col_status").inner_text(), live.locator("tbody").inner_text()


@pytest.mark.parametrize("width", [pytest.param(1200, marks=pytest.mark.ci), 400])
def test_the_page_stands_without_other_hosts_and_tries_requests_out(docs, shot, width):
    page = docs(width)
    shot(page, f"docs_{width}")
    status, body = try_out(page, "/health")
    assert status.startswith("200") and '"healthy"' in body
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".modal-ux input").fill(TOKEN)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").last.click()
    status, body = try_out(page, "/networks")
    assert status.startswith("200") and "[]" in body
    shot(page, f"docs_{width}_tried")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
