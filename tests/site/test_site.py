"""The site: every page at its address, links that lead there, nothing of other hosts, no prices."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from lib.report.page import offline
from lib.site import build, check
from lib.site.__main__ import main

README = """# Title

A first sentence. See [a word](docs/glossary.md#skill-score), [code](lib/code.py), [folder](lib/),
[book](notebooks/01_data.ipynb), [a book that did not run](notebooks/09_later.ipynb) and [elsewhere](https://x.example/).

![ours](docs/picture.png) ![badge](https://x.example/badge.svg)
"""
GLOSSARY = "# Glossary\n\n## Skill, score\n\nIt is $1 - a / b$.\n\n| a | b |\n|---|---|\n| 1 | word |\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository as small as one can be."""
    root = tmp_path_factory.mktemp("repository")
    for path, text in {
        "README.md": README,
        "docs/glossary.md": GLOSSARY,
        "docs/picture.png": "png",
        "pyproject.toml": '[project]\nname = "x"\n',
        "lib/code.py": "x = 1  # why\n",
        "notebooks/01_data.ipynb": "{}",
        "notebooks/02_stationarity.ipynb": "{}",
        "notebooks/09_later.ipynb": "{}",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for place in ("outputs/thesis/README.md", "docs/architecture.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(f"# {place}\n", encoding="utf-8")
    row = dict.fromkeys(("unit", "smallest", "largest", "because", "how"), "")
    row |= {"id": "Table 1/a b", "place": "Table 1", "kind": "claim", "says": "mean < 2", "printed": "1.5"}
    row |= {"computed": "1.234567", "verdict": "not reproduced", "because": "it is 1.23"}
    (root / build.CLAIMS).parent.mkdir()
    pd.DataFrame([row, row | {"id": "Table 1/c", "verdict": "close"}]).to_csv(root / build.CLAIMS, index=False)
    return root


@pytest.fixture(scope="module")
def site(project, executed_run, tmp_path_factory):
    return build.build(project, executed_run, tmp_path_factory.mktemp("built") / "site", ["lib.errors"])


@pytest.fixture
def pages(tmp_path):
    """Two pages that link to each other, as a site to be checked."""
    for address, body in {
        "index.html": '<a href="docs/glossary.html#skill-score">x</a>',
        "docs/glossary.html": '<i id="skill-score"></i><a href="../index.html">x</a>',
        "notebooks/01_data.html": "",
    }.items():
        (tmp_path / address).parent.mkdir(exist_ok=True)
        (tmp_path / address).write_text(body, encoding="utf-8")
    assert check.problems(tmp_path) == []
    return tmp_path


def text(site, address):
    return (site / address).read_text(encoding="utf-8")


def test_a_whole_site_has_no_problems_and_replaces_an_earlier_one(site, project, executed_run):
    assert check.problems(site) == []
    (site / "left.html").write_text("of an earlier site")
    build.build(project, executed_run, site, ["lib.errors"])
    assert not (site / "left.html").exists() and (site / "api" / "lib" / "errors.html").is_file()


def test_links_lead_to_pages_code_and_copies_and_what_has_no_page_is_no_link(site):
    home = text(site, "index.html")
    for address in (
        "docs/glossary.html#skill-score",
        "lib/code.py.html",
        "notebooks/01_data.html",
        "https://x.example/",
    ):
        assert f'href="{address}"' in home
    assert "<a>folder</a>" in home and "<a>a book that did not run</a>" in home
    assert 'src="docs/picture.png"' in home and "badge.svg" not in home and "badge" in home
    assert (site / "docs" / "picture.png").is_file() and "why" in text(site, "lib/code.py.html")


def test_documents_have_drawn_equations_and_anchors(site):
    glossary = text(site, "docs/glossary.html")
    assert 'id="skill-score"' in glossary and 'aria-label="1 - a / b"' in glossary
    assert (
        build.slug("R² & more: `x_1`", seen := {}) == "r²--more-x_1" and build.slug("R² & more: x_1", seen)[-2:] == "-1"
    )


def test_notebooks_keep_their_neighbours_and_gain_the_sites_navigation(site):
    first = text(site, "notebooks/01_data.html")
    assert 'href="../ledger.html"' in first and 'href="../docs/glossary.html">words</a>' in first
    assert first.count('href="02_stationarity.html"') == 2 and "Run run" not in first
    assert "Do they keep their level?" in text(site, "notebooks/index.html")


@pytest.mark.parametrize(
    "repository, place",
    [
        ("https://github.com/some.one/coin-book.git", "https://mybinder.org/v2/gh/some.one/coin-book/HEAD"),
        ("https://github.com/some.one/coin-book", "https://mybinder.org/v2/gh/some.one/coin-book/HEAD"),
        ("https://elsewhere.example/some.one/coin-book", ""),
        ("", ""),
    ],
)
def test_a_notebook_opens_in_binder_once_the_repositorys_address_is_known(tmp_path, repository, place):
    urls = f'[project.urls]\nRepository = "{repository}"\n' if repository else ""
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n{urls}')
    link = f'<a href="{place}?labpath=notebooks%2F04_cnn.ipynb">Run it in Binder</a>' if place else ""
    assert build.binder(tmp_path, "04_cnn") == link


def test_the_ledger_has_every_row_with_verdict_reason_and_an_anchor(site):
    ledger = text(site, "ledger.html")
    assert 'id="Table_1_a_b" data-verdict="not reproduced" data-kind="claim"' in ledger
    assert "mean &lt; 2" in ledger and '"Found">1.23' in ledger and "it is 1.23" in ledger and "close (1)" in ledger


def test_a_runs_own_page_has_no_link_to_documents_that_are_not_beside_it(executed_run):
    page = (executed_run / "html" / "01_data.html").read_text(encoding="utf-8")
    assert ">words</a>" in page and 'href="../docs' not in page


def test_a_link_that_leads_nowhere_stops_the_build(project, executed_run, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    (copy / "docs" / "glossary.md").write_text("# G\n\n[x](lost.md)")
    with pytest.raises(build.SiteError, match=r"docs/glossary.md links to lost.md, which is not in the repository"):
        build.build(copy, executed_run, tmp_path / "site", ["lib.errors"])


def test_it_replaces_no_other_files_and_needs_a_run_with_pages(project, executed_run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(build.SiteError, match="holds files that are no site"):
        build.build(project, executed_run, tmp_path / "mine")
    assert main([str(tmp_path / "other"), "--run", str(tmp_path / "mine")]) == 2
    assert "python run_all.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body, problem",
    [
        ('<a href="lost.html">x</a>', "index.html links to lost.html, which is not on the site"),
        ('<a href="../above.html">x</a>', "index.html links to ../above.html, which is not on the site"),
        ('<a href="docs/glossary.html#lost">x</a>', "links to docs/glossary.html#lost, but that page has no such"),
        ('<script src="https://x.example/a.js"></script>', "index.html asks another host for https://x.example/a.js"),
        ('<link rel="stylesheet" href="//x.example/a.css">', "asks another host for //x.example/a.css"),
        ("<style>@import url(https://x.example/a.css);</style>", "asks another host for https://x.example/a.css"),
        ('<p style="background: url(https://x.example/a.png)">', "asks another host for https://x.example/a.png"),
    ],
)
def test_links_that_lead_nowhere_and_requests_to_other_hosts_are_found(pages, body, problem):
    (pages / "index.html").write_text(text(pages, "index.html") + body, encoding="utf-8")
    (found,) = set(check.problems(pages))
    assert problem in found


def as_page(frame):
    return offline(f'<div class="box">{frame.to_html()}</div>', Path("x.html"))


def test_a_table_of_prices_is_found_whatever_its_scale_and_dates_and_on_every_page(pages, random_walk):
    prices = random_walk("A-USD", "B-USD")
    closes = prices["B-USD"]["Close"].iloc[40:52]
    (pages / "notebooks" / "01_data.html").write_text(as_page((closes / 7 - 3).reset_index(drop=True).to_frame("x")))
    (pages / "docs" / "glossary.html").write_text('<i id="skill-score"></i>' + as_page(closes.to_frame("y")))
    found = check.problems(pages, prices)
    assert len(found) == 3 and all("table 1" in sentence for sentence in found)
    assert "docs/glossary.html, table 1: column '' goes on day by day for 12 rows" in found
    assert "notebooks/01_data.html, table 1: column '2 x' holds 7 days or more of the prices of B-USD" in found
    assert len(check.problems(pages)) == 1, "prices are found where they are known, days everywhere"


def test_a_table_that_is_named_like_prices_and_a_copied_file_are_found(pages):
    named = pd.DataFrame({"Close": [f"${1000 + day:,}.50" for day in range(9)]})
    (pages / "notebooks" / "01_data.html").write_text(as_page(named))
    named.to_csv(pages / "prices.csv", index=False)
    found = check.problems(pages)
    assert [sentence.partition(":")[0] for sentence in found] == ["prices.csv", "notebooks/01_data.html, table 1"]
