"""The pages: what they lead to, what they mark, and that no browser asks another host for anything."""

import hashlib
import json
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.report import index, page
from lib.settings import PROJECT_ROOT

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Page(HTMLParser):
    """Tags with attributes, links, images, and everything that a browser would fetch by itself."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched, self.links, self.images = [], [], [], []
        self.feed(text)
        self.fetched += re.findall(r"url\(\s*['\"]?(?!data:)([^)]+)\)|@import\s+([^;]+)", text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag == "a":
            self.links.append(attrs.get("href"))
        elif tag == "img":
            self.images.append(attrs)
        asking = ("src", "href", "srcset", "data")
        self.fetched += [v for k, v in attrs.items() if k in asking and tag != "a" and not v.startswith("data:")]


def display(**data):
    return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


FOREIGN = """<script src="https://x.example/a.js"></script><img src="https://x.example/a.png">
<link href="https://x.example/b.css"><p onclick="f()" style="background:url(https://x.example/c.png)">kept</p>
<style>@import url(https://x.example/d.css); p {color: teal}</style>"""


@pytest.fixture()
def rendered(tmp_path):
    """A page of a notebook that would fetch, show and fail all it can."""
    injected = new_code_cell("trials = 3")
    injected.metadata["tags"] = ["injected-parameters"]
    broken = new_output(
        "error", ename="ZeroDivisionError", evalue="division <by> zero", traceback=["\x1b[0;31mline\x1b[0m"]
    )
    described = display(image_png=PIXEL)
    described.metadata["image/png"] = {"alt": "Its own"}
    cells = [
        new_markdown_cell(
            "# Prices & days\n\nFrom $5 to $6, see [elsewhere](https://x.example/).\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        ),
        injected,
        new_markdown_cell(
            "## Closes\n\n$n < L$ and\n\n$$\\sum_i x_i$$\n\n`$HOME and $PATH`, from 3 $ to 4 $, $\\nonsense{x}$,"
            " see [the next](02_next.ipynb)."
        ),
        new_code_cell("store.figure('figure_4_1', f, 't')", outputs=[display(image_png=PIXEL)]),
        new_code_cell(
            "other()", outputs=[display(image_png=PIXEL), described, display(text_html=FOREIGN, text_plain="plain")]
        ),
        new_code_cell(
            "frame",
            outputs=[new_output("execute_result", data={"text/html": "<table><tr><td>cell value</td></tr></table>"})],
        ),
        new_code_cell("warn()", outputs=[new_output("stream", name="stderr", text="\x1b[31mcareful <b>\x1b[0m")]),
        new_code_cell("1 / 0", outputs=[broken]),
    ]
    nbformat.write(
        new_notebook(cells=cells, metadata={"language_info": {"name": "python"}}), tmp_path / "01_data.ipynb"
    )
    made = [{"path": "figures/figure_4_1.png", "kind": "figure", "title": "Daily closes", "sha256": "ab"}]
    (tmp_path / "record.json").write_text(json.dumps({"made": made}))
    error = {"cell": 6, "count": 6, "line": "1 / 0", "ename": "ZeroDivisionError", "evalue": "division <by> zero"}
    page.write(
        tmp_path / "01_data.ipynb", tmp_path / "html" / "01_data.html", "sample", 61.0, error, tmp_path / "record.json"
    )
    return tmp_path / "html" / "01_data.html"


def test_a_page_asks_no_host_and_runs_no_script(rendered):
    seen = Page(rendered.read_text())
    assert seen.fetched == []
    assert not [t for t, a in seen.tags if t in ("script", "iframe", "link") or any(k.startswith("on") for k in a)]
    assert "kept" in rendered.read_text() and "https://x.example/" in seen.links


def test_a_page_has_language_title_state_and_way_back(rendered):
    text = rendered.read_text()
    seen = Page(text)
    assert ("html", {"lang": "en"}) in seen.tags
    assert "<title>Prices &amp; days (sample)</title>" in text
    assert "../index.html" in seen.links and "#cell-7" in seen.links
    assert re.search(r"failed</strong> after 1:01", text)
    assert "This notebook stopped in cell 6, In [6]" in text and "division &lt;by&gt; zero" in text


def test_links_to_the_projects_files_lead_there_from_a_run_in_the_project_only(tmp_path):
    text = '<a href="../docs/glossary.md#mse">words</a><a href="../index.html">run</a>'
    inside = Page(page.offline(text, PROJECT_ROOT / "outputs" / "a_run" / "html" / "x.html"))
    assert inside.links == ["../../../docs/glossary.md#mse", "../index.html"]
    copied = text.replace("../docs", "../../../docs")  # as an executed copy links, see lib.runner.copies
    again = Page(page.offline(copied, PROJECT_ROOT / "outputs" / "a_run" / "html" / "x.html"))
    assert again.tags == inside.tags and inside.tags[0][1]["data-source"] == "../docs/glossary.md#mse"
    assert Page(page.offline(text, tmp_path / "html" / "x.html")).links == [None, "../index.html"]


def test_images_are_described_by_title_or_heading(rendered):
    assert [i["alt"] for i in Page(rendered.read_text()).images] == [
        "Daily closes",
        "Figure in section: Closes, 1 of 2",
        "Its own",
    ]


def test_injected_parameters_are_folded_and_warnings_modest(rendered):
    text = rendered.read_text()
    assert (
        re.search(r"<details[^>]*>\s*<summary>Parameters of this run</summary>.*?</details>", text, re.DOTALL)[0].count(
            "trials"
        )
        == 1
    )
    assert 'class="printed warned" tabindex="0">careful &lt;b&gt;</pre>' in text
    assert "cell value" in text and "\x1b" not in text


def test_neighbours_are_linked_if_they_exist(rendered):
    folder = rendered.parent
    (folder / "03_last.html").write_text("<!--navigation-->old<!--/navigation-->")
    page.link_neighbours(folder, ["01_data", "02_missing", "03_last"])
    assert "03_last.html" in Page(rendered.read_text()).links
    assert Page((folder / "03_last.html").read_text()).links == ["01_data.html"]


def test_links_in_the_text_lead_to_pages_that_exist(rendered):
    folder = rendered.parent
    page.link_neighbours(folder, ["01_data", "02_next"])
    assert '<a data-page="02_next">the next</a>' in rendered.read_text()
    (folder / "02_next.html").write_text("")
    page.link_neighbours(folder, ["01_data", "02_next"])
    assert '<a data-page="02_next" href="02_next.html">the next</a>' in rendered.read_text()


def test_equations_are_drawn_and_code_and_dollars_are_not(rendered):
    text = rendered.read_text()
    assert re.findall(r'<svg aria-label="([^"]+)"', text) == ["n &lt; L", r"\sum_i x_i"]
    assert "<code>$HOME and $PATH</code>" in text and "from 3 $ to 4 $" in text and r"$\nonsense{x}$" in text


@pytest.fixture()
def run_folder(tmp_path):
    """A run's folder: 01 done, 02 failed with results of an earlier run, one file changed, one missing."""
    made = {
        "01_data": [
            ("tables/table_4_1.csv", "table", "Statistics", "name,mean\nBTC,0.123456789\n"),
            ("figures/figure_4_1.png", "figure", "Figure 4.1. Closes", "png"),
            ("figures/figure_4_1.svg", "figure", "Figure 4.1. Closes", "svg"),
            ("tables/table_4_10.csv", "table", "Ten", "a\n1\n"),
            ("tables/table_4_2.csv", "table", "Two", "a\n1\n"),
        ],
        "02_net": [
            ("predictions/BTC-USD_CNN.csv", "predictions", "BTC-USD, CNN", "x"),
            ("models/BTC-USD_CNN.keras", "model", "network", "k"),
            ("appendix/BTC-USD_trials.csv", "listing", "trials", "t"),
        ],
    }
    for notebook, files in made.items():
        entries = []
        for path, kind, title, content in files:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(content)
            entries.append(
                {"path": path, "kind": kind, "title": title, "sha256": hashlib.sha256(content.encode()).hexdigest()}
            )
        first = notebook == "01_data"
        data = {
            "data": {"BTC-USD": {"rows": 600, "sha256": "ab12"}},
            "manifest": {"BTC-USD": "not of the thesis"},
            "scaler": "min-max",
        }
        parameters, finished = {"trials": 3 if first else 5}, "2025-01-01T00:00:00+00:00"
        record = {
            "notebook": notebook,
            "finished": finished,
            "parameters": parameters,
            "facts": data if first else {},
            "made": entries,
        }
        (tmp_path / "records").mkdir(exist_ok=True)
        (tmp_path / "records" / f"{notebook}.json").write_text(json.dumps(record))
    (tmp_path / "tables" / "table_4_1.csv").write_text("name,mean\nBTC,9\n")
    (tmp_path / "models" / "BTC-USD_CNN.keras").unlink()
    blank = {
        "title": "A <title>",
        "question": "Why?",
        "started": "2026-01-01T00:00:00.000+00:00",
        "finished": None,
        "seconds": 5.0,
        "peak_memory_mb": None,
        "error": None,
    }
    run = {
        "notebooks": {
            "01_data": {**blank, "status": "done"},
            "02_net": {**blank, "status": "failed", "error": {"sentence": "02_net failed: in cell 3"}},
        },
        "parameters": {"trials": 3, "seed": 42},
        "overrides": ["seed"],
        "parameter_file": "params/sample.yaml",
        "result": "failed",
        "started": "2026-01-01T00:00:00.000+00:00",
        "finished": "2026-01-01T00:01:00.000+00:00",
        "wall_seconds": 60.0,
        "code": {"commit": "c0ffee", "changed": True, "sha256": "5ee"},
        "python": "3.11",
        "platform": "Linux",
        "cores": 2,
        "jobs": 2,
        "device": "CPU",
        "seeds": {"run": 42, "01_data": {"BTC-USD": 7}},
        "threads": 1,
        "packages": {"numpy": "2.0"},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "01_data.html").write_text("page")
    return tmp_path


def test_the_index_leads_to_everything_that_is_there(run_folder):
    text = index.write(run_folder).read_text()
    seen = Page(text)
    for path in (
        p for folder in ("tables", "figures", "predictions", "appendix") for p in (run_folder / folder).iterdir()
    ):
        assert path.relative_to(run_folder).as_posix() in seen.links
    assert "html/01_data.html" in seen.links and "html/02_net.html" not in seen.links and "run.json" in seen.links
    assert [i["src"] for i in seen.images] == ["figures/figure_4_1.png"] and seen.images[0][
        "alt"
    ] == "Figure 4.1: Closes"
    assert all((run_folder / link).exists() for link in seen.links if not link.startswith("#"))
    assert not [t for t, _ in seen.tags if t == "script"] and not [u for u in seen.fetched if "//" in str(u)]
    assert "A &lt;title&gt;" in text
    assert text.index("Table 4.1<") < text.index("Table 4.2<") < text.index("Table 4.10<")


def test_the_index_begins_with_the_answer(run_folder, monkeypatch):
    """Seconds and memory come after it, in small print."""
    (run_folder / "tables/answer.csv").write_text(
        "part,reading,ticker,model,days,seeds,skill,skill_lower,skill_upper,p_value,p_holm,verdict\n"
        "test,as evaluated,BTC-USD,CNN,90,2,-0.5,-0.6,-0.4,0.001,0.002,worse\n"
        "test,as evaluated,BTC-USD,LSTM,90,2,0.1,-0.1,0.3,0.4,0.4,indistinguishable\n"
        "holdout,as evaluated,BTC-USD,CNN,30,2,-0.5,-0.6,-0.4,0.001,0.002,worse\n"
    )
    text = index.write(run_folder).read_text()
    said = "of our 2 networks that forecast closes 1 worse, 1 indistinguishable on test days."
    assert said in text and text.index(said) < text.index('class="small"') < text.index('id="notebooks"')
    verdict = "1 worse, 1 indistinguishable; on 30 later days 1 worse, none better"
    assert f"<td>{verdict}</td>" in text, "its notebook did not run"
    (run_folder / "html").mkdir(exist_ok=True)
    (run_folder / "html/01_data.html").write_text("x")
    monkeypatch.setitem(index.EVIDENCE, "evaluation.md", "01_data")
    linked = f'<td><a href="html/01_data.html">{verdict}</a></td>'
    assert linked in index.write(run_folder).read_text()
    (run_folder / "tables/answer.csv").write_text("nonsense\n")
    assert "the answer cannot be read" in index.write(run_folder).read_text()


def test_the_index_marks_what_is_not_as_it_should_be(run_folder):
    found = index.items(
        run_folder, *[json.loads((run_folder / "run.json").read_text())], index.files.read_records(run_folder)
    )
    assert {i.name: i.marks for i in found["table"]}["Table 4.1"] == [
        "table_4_1.csv has changed since 01_data wrote it"
    ]
    assert found["model"][0].marks == ["BTC-USD_CNN.keras is missing"] and not found["model"][0].files
    assert found["predictions"][0].marks == ["from an earlier run: this time the notebook is failed"]
    assert found["figure"][0].marks == [] and set(found["figure"][0].files) == {"PNG", "SVG"}
    text = index.write(run_folder).read_text()
    assert "02_net failed: in cell 3" in text


def test_the_index_tells_the_facts(run_folder):
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", index.write(run_folder).read_text()))
    for told in (
        "seed 42 overridden",
        'run: 42 01_data: {"BTC-USD": 7}',
        "ab12",
        "not of the thesis",
        "c0ffee with changes that are not committed",
        "numpy 2.0",
        "min-max",
        "2026-01-01 00:01:00 UTC",
        "after 1:00",
        "1 done, 1 failed",
    ):
        assert told in text, told


def test_without_run_json_the_error_names_the_command(tmp_path):
    with pytest.raises(index.files.FileError, match="python run_all.py"):
        index.write(tmp_path)


@pytest.mark.parametrize(
    "stem, name", [("figure_4_1", "Figure 4.1"), ("table_4_5_test", "Table 4.5 test"), ("step_gaps", "step gaps")]
)
def test_thesis_numbers(stem, name):
    assert index.thesis_number(stem) == name


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours given as #rrggbb."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), parts)
        )

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_is_readable_in_light_and_dark():
    css = (index.HERE / "template" / "style.css").read_text()
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for name in set(colours) - {"page", "raised", "line"}:
            assert min(contrast(colours[name], colours["page"]), contrast(colours[name], colours["raised"])) >= 4.5, (
                name
            )


def test_the_index_shows_the_verdict_beside_its_own_digest_only(run_folder):
    """02_net used other prices than 01_data compared: both digests, the verdict beside the first, a warning on top."""
    path = run_folder / "records" / "02_net.json"
    record = json.loads(path.read_text())
    record["facts"] = {"data": {"BTC-USD": {"rows": 600, "sha256": "cd34"}}}
    path.write_text(json.dumps(record))
    rows = index.data_facts(index.files.read_records(run_folder))
    assert [(r["sha256"], r["manifest"], r["notebooks"]) for r in rows] == [
        ("ab12", "not of the thesis", ["01_data"]),
        ("cd34", "", ["02_net"]),
    ]
    text = index.write(run_folder).read_text()
    assert "different prices of BTC-USD: ab12 in 01_data; cd34 in 02_net" in text
    assert text.index("Warning:") < text.index('id="notebooks"')


def test_the_index_warns_when_prices_are_not_the_thesiss(run_folder):
    path = run_folder / "records" / "01_data.json"
    record = json.loads(path.read_text())
    assert "Warning:" not in index.write(run_folder).read_text()
    record["facts"]["manifest_verdict"] = {"BTC-USD": "differs"}
    path.write_text(json.dumps(record))
    assert (
        "The prices of BTC-USD differ from those that the thesis was reproduced on"
        in index.write(run_folder).read_text()
    )
