"""The site from the repository as it is, with some modules of the API, opened from its folder without a server."""

from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe

from lib.settings.places import PROJECT_ROOT
from lib.site import build, check

PAGES = {
    "home": "index.html",
    "results": "outputs/thesis/index.html",
    "notebook": "notebooks/01_data.html",
    "architecture": "docs/architecture.html",
    "ledger": "ledger.html",
    "modules": "api/index.html",
    "module": "api/lib/evaluation/metrics.html",
}


@pytest.fixture(scope="module")
def site(executed_run, tmp_path_factory):
    modules = ["lib", "lib.evaluation", "lib.evaluation.baselines", "lib.evaluation.metrics"]
    return build.build(PROJECT_ROOT, executed_run, tmp_path_factory.mktemp("some") / "site", modules)


@pytest.fixture
def opened(visitor, site):
    """opened(name, ...) -> the page; the test fails on console errors and on requests to any host."""

    def make(name, **options):
        page = visitor(SimpleNamespace(url=site.as_uri()), **options).page
        page.goto((site / PAGES[name]).as_uri())
        return page

    return make


def test_every_link_leads_somewhere_and_nothing_is_asked_of_other_hosts_and_there_are_no_prices(site):
    assert check.problems(site) == []


@pytest.mark.ci
def test_nothing_is_wrong_with_the_whole_api(executed_run, tmp_path):
    assert check.problems(build.build(PROJECT_ROOT, executed_run, tmp_path / "site")) == []


@pytest.mark.parametrize(
    ("width", "colour_scheme"),
    [
        (390, "light"),
        (1280, "dark"),
        *(pytest.param(*other, marks=pytest.mark.ci) for other in ((390, "dark"), (1280, "light"))),
    ],
)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_width(opened, shot, name, width, colour_scheme):
    page = opened(name, width=width, colour_scheme=colour_scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name not in ("ledger", "results"):  # which are very long
        shot(page, f"site_{name}_{width}_{colour_scheme}")


@pytest.mark.parametrize("colour_scheme", ["light", pytest.param("dark", marks=pytest.mark.ci)])
@pytest.mark.parametrize("name", ["home", "notebook", "architecture", "modules", "module"])
def test_axe_finds_nothing_serious(opened, name, colour_scheme):
    found = Axe().run(opened(name, colour_scheme=colour_scheme)).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_the_ledger_is_searched_by_words_verdict_and_kind(opened):
    page = opened("ledger")
    everything = page.locator("#shown").inner_text()
    page.get_by_label("Search").fill("TABLE 4.2 eth")
    page.get_by_label("Verdict").select_option("reproduced")
    page.get_by_label("Kind").select_option("claim")
    rows = page.locator(".ledger tbody tr:visible")
    assert 0 < rows.count() < 20 and page.locator("#shown").inner_text() != everything
    for text in rows.all_inner_texts():
        assert "table 4.2" in text.lower() and "eth" in text.lower() and "reproduced" in text
    page.get_by_label("Search").fill("no row says this")
    page.locator("#shown").get_by_text("0 of").wait_for()


def test_the_api_is_searched_without_a_server(opened):
    page = opened("module")
    page.get_by_role("searchbox").fill("naive forecast")
    page.get_by_text("lib.evaluation.baselines.naive", exact=False).first.wait_for()
