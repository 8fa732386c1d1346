"""A run's README.md: ours beside the printed values, only links that lead somewhere, the same page from a clone."""

import hashlib
import json
import re
import shutil
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from lib import ledger, settings, thesis
from lib.report import glossary, ledger_section, markdown, results_page

SCORES = """ticker,part,model,unit,days,MSE,MAE,RMSE,MAPE,R2,skill,seed
SOL-USD,validation,CNN,scaled,162,0.00081234567,0.02,0.02,1.5,0.951234567,-0.27,7
SOL-USD,validation,naive,scaled,162,0.0006,0.018,0.02,1.5,0.961,0.0,
SOL-USD,validation,CNN,USD,162,54.9,5.2,7.4,3.5,0.951234567,-0.27,7
"""
LISTING = """Trial,Duration,MSE,R2 Score,Model,State
1,3s,0.1,0.5,CNN,complete
2,3s,0.2,0.91234567,CNN,complete
3,3s,,,CNN,pruned
,,0.05,0.9601,naive,
"""
MADE = {
    "01_data": [
        (
            "tables/table_4_1.csv",
            "table",
            "Table 4.1. Statistics",
            "ticker,whose,mean\nSOL-USD,this run,82.368123456\nSOL-USD,thesis,2487.34\n",
        ),
        ("figures/figure_4_1.png", "figure", "Figure 4.1. Closes", "png"),
        ("figures/figure_4_1.svg", "figure", "Figure 4.1. Closes", "svg"),
    ],
    "06_cnn_lstm": [
        ("tables/table_4_3.csv", "table", "Table 4.3. Layers", "layer,in_words\nInput,a | b <i>\n"),
        ("models/SOL-USD_CNN-LSTM.keras", "model", "network", "k"),
        ("predictions/SOL-USD_CNN-LSTM.csv", "predictions", "prices", "date\n"),
    ],
    "08_tuning": [("appendix/SOL-USD_trials.csv", "listing", "Appendix 1. Trials of SOL-USD", LISTING)],
    "09_comparison": [
        ("tables/scores.csv", "table", "Scores <all>", SCORES),
        ("figures/figure_4_5.png", "figure", "Figure 4.5. Best R2", "png"),
        (
            "tables/table_4_5.csv",
            "table",
            "Table 4.5. Scores",
            "ticker,part,model,whose,unit,MSE,MAE,R2,skill,seed\nSOL-USD,test,CNN,this run,USD,1,1,0.9,0,7\n",
        ),
    ],
}


@pytest.fixture
def root(tmp_path):
    """A run's folder in which some of the thesis's items are missing."""
    folder = tmp_path / "thesis"
    data = {"SOL-USD": {"rows": 1480, "first_day": "2021-01-01", "last_day": "2025-01-19", "sha256": "ab" * 32}}
    parameters = {
        "source": "folder",
        "data_dir": "../mine",
        "tickers": ["SOL-USD"],
        "trials": 3,
        "seed": 42,
        "workers": 2,
        "end_date": "2025-01-19",
        "split": [0.7, 0.15, 0.15],
        "scaling": "all",
    }
    for name, made in MADE.items():
        entries = []
        for path, kind, title, content in made:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
            entries.append(
                {"path": path, "kind": kind, "title": title, "sha256": hashlib.sha256(content.encode()).hexdigest()}
            )
            if path == "tables/table_4_1.csv":
                entries[-1]["made_by"] = "lib.tables.thesis.table_4_1"
        facts = (
            {"data": data, "manifest": {"SOL-USD": "SOL-USD: the same"}, "manifest_verdict": {"SOL-USD": "same"}}
            if name == "01_data"
            else {"data": data}
        )
        (folder / "records").mkdir(exist_ok=True)
        record = {
            "notebook": name,
            "finished": "2026-01-01T00:00:00+00:00",
            "parameters": parameters,
            "facts": facts,
            "made": entries,
        }
        (folder / "records" / f"{name}.json").write_text(json.dumps(record))
    entry = {
        "title": "T",
        "question": "",
        "status": "done",
        "started": None,
        "finished": None,
        "seconds": 61.0,
        "peak_memory_mb": 900.0,
        "rendered": True,
        "error": None,
        "sources": None,
    }
    run = {
        "notebooks": {
            **dict.fromkeys(MADE, entry),
            "08b_replay": {**entry, "status": "not selected", "seconds": None, "peak_memory_mb": None},
        },
        "parameters": parameters,
        "overrides": ["source", "data_dir", "trials"],
        "selected": list(MADE),
        "parameter_file": "params/thesis.yaml",
        "result": "done",
        "started": "2026-01-01T00:00:00.000+00:00",
        "finished": "2026-01-01T00:05:00.000+00:00",
        "wall_seconds": 300.0,
        "code": {"commit": "c0ffee", "changed": True, "sha256": "5ee"},
        "python": "3.11",
        "platform": "Linux x86_64",
        "cpu": "A|B",
        "cores": 2,
        "jobs": 2,
        "device": "CPU",
        "seeds": {"run": 42},
        "threads": 1,
        "packages": {"numpy": "2.0"},
        "data": data,
        "peak_memory_mb": 900.0,
    }
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def all_pages(root):
    """All pages of a run, one after the other."""
    return "\n".join(results_page.texts(root).values())


def tables_of(text):
    """Every table that a host would render, as rows of cells; header first."""
    tables, cells = [], None
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            cells = []
            tables[-1].append(cells)
        elif token.type == "inline" and cells is not None:
            cells.append("".join(c.content for c in token.children))
        elif token.type == "table_close":
            cells = None
    return tables


def table_with(text, *head):
    return next(t for t in tables_of(text) if set(head) <= set(t[0]))


def links_of(text):
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for child in token.children or []:
            found += [child.attrs[k] for k in ("href", "src") if k in child.attrs]
    return found


def test_ours_beside_the_printed_values(root):
    text = all_pages(root)
    assert table_with(text, "mean")[1:] == [["SOL-USD", "this run", "82.4"], ["SOL-USD", "thesis", "2487.34"]]
    beside = next(t for t in tables_of(text) if t[0] == ["ticker", "model", "whose", "MSE", "MAE", "R2", "skill"])
    assert beside[1:] == [
        ["SOL-USD", "CNN", "thesis", "0.000678", "0.019855", "0.9582", "-0.13"],
        ["SOL-USD", "CNN", "this run", "0.000812", "0.02", "0.951", "-0.27"],
        ["SOL-USD", "naive", "this run", "0.0006", "0.018", "0.961", "0"],
    ]
    assert "filters 37, kernel size 2" in text, "what the thesis prints of the network of Table 4.3"
    assert "epochs 160. The layers are those of Appendix 6.\n" in text, "and nothing more without a ledger"
    assert "`lib.tables.thesis.table_4_1`" in text, "the function that the record names"
    assert "`lib.figures.figure_4_5`" in text, "records of older runs name none, but the number does"


def test_a_skill_stands_beside_its_interval_where_the_tables_have_one(root):
    """Red before: the columns were left out. The thesis's scores have no interval, as its forecasts are not known."""
    for name in ("scores", "table_4_5"):
        path = root / "tables" / f"{name}.csv"
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        whole = [f"{head},skill_lower,skill_upper", *(f"{row},-0.4,0.15" for row in rows)]
        path.write_text("\n".join(whole) + "\n", encoding="utf-8")
    found = [t for t in tables_of(all_pages(root)) if t[0][-3:] == ["skill", "skill lower", "skill upper"]]
    beside, table_4_5 = sorted(found, key=lambda t: t[0][2] != "whose")
    assert [row[-2:] for row in beside[1:]] == [["", ""], ["-0.4", "0.15"], ["-0.4", "0.15"]]
    assert table_4_5[0][4] == "unit" and [row[-2:] for row in table_4_5[1:]] == [["-0.4", "0.15"]]


def test_a_listing_in_a_few_rows_with_the_naive_forecast_last(root):
    text = all_pages(root)
    rows = table_with(text, "trials, thesis")
    assert rows[1] == ["CNN", "30", "2", "0.96", "0.912", "0.88", "0.706"]
    assert rows[-1] == ["naive", "", "", "", "0.9601", "", "0.9601"]
    assert table_with(text, "SOL-USD thesis", "SOL-USD ours")[1:] == [
        ["CNN", "0.96", "0.912"],
        ["naive", "", "0.9601"],
    ]


def test_the_thesiss_order_and_what_is_missing(root):
    text = all_pages(root)
    order = [
        "### Table 4.1.",
        "### Table 4.3.",
        "### Table 4.5.",
        "### Figure 4.1.",
        "### Figure 4.5.",
        "### Appendix 1.",
        "## More from",
    ]
    assert sorted(order, key=text.index) == order
    assert "Not in this folder: Table 4.2, Table 4.4, Figure 4.2, Figure 4.3, Figure 4.4, Figure 4.6." in text
    (root / "tables/table_4_1.csv").unlink()
    assert "> Note: table_4_1.csv is missing." in all_pages(root)


def test_links_lead_to_what_is_committed(root):
    links = links_of(all_pages(root))
    assert {"tables/table_4_1.csv", "figures/figure_4_1.png", "appendix/SOL-USD_trials.csv"} <= set(links)
    results_page.write(root)
    assert all(results_page.is_committed_kind(link) and (root / link).is_file() for link in links)


def test_every_page_leads_to_every_other_and_none_is_left_behind(root):
    (root / "replay.md").write_text("of an earlier run")
    written = {path.name for path in results_page.write(root)}
    assert written == {"README.md", "tables.md", "provenance.md"} and not (root / "replay.md").exists()
    for name in written:
        text = (root / name).read_text(encoding="utf-8")
        assert written - {name} <= set(links_of(text)) and len(text.splitlines()) < 200


def test_in_the_project_notebooks_are_linked():
    folder = settings.PROJECT_ROOT / "outputs" / "a_run"
    page = results_page._Page.__new__(results_page._Page)
    page.root = folder
    assert page.notebook("01_data") == r"[01\_data](../../notebooks/01_data.ipynb)"
    assert page.notebook("99_none") == r"99\_none"


def test_a_clone_without_what_is_not_committed_gives_the_same_page(root):
    before = all_pages(root)
    for folder in ("models", "predictions"):
        shutil.rmtree(root / folder)
    (root / "figures/figure_4_1.svg").unlink()
    assert all_pages(root) == before
    assert ".svg" not in before and ".keras" not in before


def test_facts_and_the_command_without_anybodys_folder(root):
    text = all_pages(root)
    facts = dict(row[:2] for row in table_with(text, "fact"))
    assert facts["Command"] == "python run_all.py params/thesis.yaml -p source=folder -p data_dir=FOLDER -p trials=3"
    assert facts["Time"] == "5:00 for 4 notebooks in one run, on 2026-01-01, largest process 900 MB" and facts[
        "Peak memory"
    ].startswith("900 MB")
    assert "with changes that were not committed" in facts["Code"] and facts["Machine"].startswith(
        "A|B; 2 cores, Linux"
    )
    assert facts["Runs"] == "one" and "../mine" not in text
    assert table_with(text, "against the thesis's window")[1][-1] == "the same"


def test_what_was_made_on_another_machine_and_day_is_said(root):
    run = json.loads((root / "run.json").read_text())
    run["notebooks"]["06_cnn_lstm"] |= {"cpu": "C", "started": "2026-02-03T00:00:00.000+00:00"}
    whole = {
        "started": "2025-12-31T00:00:00.000+00:00",
        "wall_seconds": 3600.0,
        "result": "done",
        "selected": ["01_data", "04_cnn"],
    }
    run["earlier_runs"] = [
        whole,
        {**whole, "wall_seconds": 5.0},
        {**whole, "wall_seconds": 9000.0, "result": "stopped"},
    ]
    (root / "run.json").write_text(json.dumps(run))
    text = all_pages(root)
    facts = dict(row[:2] for row in table_with(text, "fact"))
    assert facts["Machine"].startswith("A|B (01, 08, 09)") and "C (06); 2 cores" in facts["Machine"]
    assert facts["Runs"].startswith("4, as some notebooks were run again.")
    assert facts["Time"].startswith(
        "1:00:00 for 2 notebooks in one run, on 2025-12-31; 5:00 for the last run: python run_all.py params/thesis.yaml"
    )
    made = {row[0]: row[2] for row in table_with(text, "made")[1:]}
    assert "2026-02-03" in [v for k, v in made.items() if "06_cnn_lstm" in k]


@pytest.mark.parametrize(
    "last, earlier, shown, whole",
    [
        ({"only": ["10"], "from": None}, [{"only": [], "from": None}], " --only 10", ""),
        ({"only": [], "from": "09"}, [{"only": ["01"], "from": None}], " --from 09", " --only 01 06 08 09"),
        ({"only": ["08b"], "from": None}, [], " --only 08b", " --only 01 06 08 09"),
        (
            {"selected": ["09_comparison"]},
            [{"selected": ["01_data", "06_cnn_lstm"]}],
            " --only 09",
            "",
        ),  # before what was typed was kept
        ({"selected": ["09_comparison"]}, [], " --only 09", " --only 01 06 08 09"),
    ],
)
def test_a_last_run_of_some_notebooks_does_not_hide_the_command_for_all(root, last, earlier, shown, whole):
    run = {**json.loads((root / "run.json").read_text()), **last, "earlier_runs": earlier}
    command = "python run_all.py params/thesis.yaml -p source=folder -p data_dir=FOLDER -p trials=3"
    assert (results_page.command_of(run), results_page.whole_command_of(run)) == (command + shown, command + whole)


def test_cached_trainings_are_counted_beside_the_time(root):
    record = json.loads((root / "records/08_tuning.json").read_text())
    record["facts"]["trainings"] = {"new": 5, "kept": 250, "made_on": ["A"]}
    (root / "records/08_tuning.json").write_text(json.dumps(record))
    rows = {row[0]: row[3] for row in table_with(all_pages(root), "memory")[1:]}
    assert rows["08_tuning"] == "1:01, 250 of 255 trainings cached" and rows["01_data"] == "1:01"


def test_a_warning_stands_above_everything(root):
    record = json.loads((root / "records/01_data.json").read_text())
    record["facts"]["manifest_verdict"] = {"SOL-USD": "differs"}
    (root / "records/01_data.json").write_text(json.dumps(record))
    text = all_pages(root)
    assert text.index("> **Warning:** The prices of SOL-USD differ") < text.index("| fact |")
    printed = next(t for t in tables_of(text) if t[0] == ["ticker", "model", "whose", "MSE", "MAE", "R2", "skill"])[1]
    assert printed[-1] == "", "no skill of the printed score on other days"


def test_nothing_is_taken_for_markdown_or_html(root):
    text = all_pages(root)
    assert table_with(text, "layer")[1] == ["Input", "a | b <i>"]
    assert "Scores &lt;all&gt;" in text
    for table in tables_of(text):
        assert len({len(row) for row in table}) == 1
    assert not re.search(r"\n{3,}|\{\{|nan\b|None\b", text)


REPLAY_ROWS = (
    "ticker,network,trial,same_coin,objective,mse,mae,r2,trainings,our_objective,our_mse,objective_low,objective_high,"
    "objective_inside,mse_low,mse_high,mse_inside,naive_mse\n"
    "SOL-USD,CNN,1,True,0.001,0.001,0.01,0.9,3,0.001,0.0011,0.0009,0.0012,True,0.0009,0.0012,True,0.0005\n"
    "SOL-USD,CNN,2,True,0.002,0.009,0.01,0.9,1,0.002,0.0021,0.0019,0.0022,True,0.0019,0.0022,False,0.0005\n"
)
REPLAY_STUDIES = (
    "ticker,network,trials,trained,judged,seed_factor,freedom,interval_factor,inside,inside_p,level_p,p_holm,"
    "objective_inside,ours_over_published,best_published,best_low,best_high,best_inside\n"
    "SOL-USD,CNN,2,2,2,1.1234567,2,1.5,1,0.0975,0.5,0.2,2,0.67,0.001,0.0009,0.0012,1.0\n"
)
REPLAY_RATES = "rule,cases,outside,rate,low,high,nominal\none training,24,1,0.0416666,0.001,0.211,0.05\n"


def put_replay(root, sha256):
    folder = root.parent / "replay"
    for path, content in {
        "tables/replay_studies.csv": REPLAY_STUDIES,
        "tables/replay_error_rate.csv": REPLAY_RATES,
        "tables/replay.csv": REPLAY_ROWS,
        "figures/replay.png": "png",
        "run.json": json.dumps({"data": {"SOL-USD": {"sha256": sha256}}}),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def test_the_replay_beside_it_is_shown_if_it_had_the_same_prices(root):
    assert "trained again" not in all_pages(root)
    put_replay(root, "cd" * 32)
    assert "trained again" not in all_pages(root)
    put_replay(root, "ab" * 32)
    text = all_pages(root)
    shown = table_with(text, "seed factor")
    assert shown[1][shown[0].index("seed factor")] == "1.12"
    assert (
        "2 of 2 published trials were trained again." in text and "Of 2 that have an interval, 1 published MSE" in text
    )
    assert (
        "The rule for one training calls 4.2% of our own seeds" in text and "- **seed factor**: typical factor" in text
    )
    each = table_with(text, "our mse", "mse inside", "naive mse")
    assert [row[each[0].index("mse inside")] for row in each[1:]] == ["True", "False"]
    assert "](../replay/figures/replay.png)" in text and "All 2 trials: [../replay/tables/replay.csv]" in text


def add(root, name, question, made):
    """One more notebook of the run with its files."""
    entries = []
    for path, kind, title, content in made:
        (root / path).write_text(content)
        entries.append(
            {"path": path, "kind": kind, "title": title, "sha256": hashlib.sha256(content.encode()).hexdigest()}
        )
    run = json.loads((root / "run.json").read_text())
    run["notebooks"][name] = {**run["notebooks"]["01_data"], "question": question}
    record = {
        "notebook": name,
        "finished": "2026-01-01T00:00:00+00:00",
        "parameters": run["parameters"],
        "facts": {},
        "made": entries,
    }
    (root / "records" / f"{name}.json").write_text(json.dumps(record))
    (root / "run.json").write_text(json.dumps(run))


def test_what_the_thesis_says_of_its_figures_stands_beside_ours(root):
    text = all_pages(root)
    assert set(thesis.printed()["figures"]) == set(results_page.FIGURES)
    for stem in ("figure_4_1", "figure_4_5"):
        words = " ".join(thesis.printed()["figures"][stem].split())
        assert len(words) > 50 and f"In the thesis: {words}" in text
    assert thesis.printed()["figures"]["figure_4_2"] not in text, "its figure is not here"


SKILL = (
    "ticker,reading,part,model,days,seeds,MSE,MAE,RMSE,MAPE,R2,R2_naive,MASE,skill,skill_spread,skill_lower,skill_upper\n"
    + "".join(
        f"SOL-USD,close,{part},{model},162,1,2,1,1,1,0.9,0.9601,1,{at / 100 - 0.3},0.1,-0.1,0.1\n"
        for part in ("validation", "test")
        for at, model in enumerate(["naive", *"abcdefghijklmnopqrstuvwxyz"])
    )
)


def test_evaluations_are_under_their_questions_with_the_columns_that_answer_them(root):
    add(
        root,
        "09a_skill",
        "Is any network worth having?",
        [
            ("tables/skill.csv", "table", "Scores in US dollars", SKILL),
            ("figures/skill_test.png", "figure", "Skill on test days", "png"),
            ("tables/power.csv", "table", "Power", "days,true_skill\n162,0.1\n"),
        ],
    )
    text = all_pages(root)
    order = [
        "## More from",
        "# Evaluation of the networks",
        "## Skill\n\n*Is any network worth having?*",
        "](figures/skill_test.png)",
        "**Mean skill with its 95 % interval, test days, target close**",
        "Table: Scores in US dollars",
    ]
    assert table_with(text, "model", "SOL-USD")[1] == ["a", "-0.29 [-0.1, +0.1]"]
    assert sorted(order, key=text.rindex) == order and text.count("Scores in US dollars (09a") == 1
    table = table_with(text, "skill lower")
    assert table[0] == [
        "ticker",
        "reading",
        "model",
        "seeds",
        "MAE",
        "MASE",
        "R2",
        "R2 naive",
        "skill",
        "skill lower",
        "skill upper",
    ]
    assert len(table) == 28 and table[-1][2] == "z", "all test days' rows, however many, and no validation day's"
    assert "Test days only; the file has the validation days too." in text and table_with(text, "true skill")[1] == [
        "162",
        "0.1",
    ]


@pytest.fixture(scope="module")
def verdicts():
    """Verdicts without prices and without building networks, and its tables as notebook 10 leaves them."""
    rows = {
        i: replace(r, check="", cannot="no network is built here") if r.check.startswith("layers.") else r
        for i, r in ledger.claims().items()
    }
    frame = ledger.judge(rows, ledger.Evidence({}, rows))
    frame.loc[frame["place"] == "Listing 2", "verdict"] = "not reproduced"  # which needs prices
    return frame, {
        "claims": frame,
        "claims_summary": ledger.summary(frame),
        "claims_checks": ledger.by_check(rows, frame),
    }


@pytest.mark.slow
def test_the_ledger_by_chapter_with_its_findings_and_the_way_to_the_code(root, verdicts):
    frame, made = verdicts
    assert "numbers stand" not in all_pages(root)
    add(
        root,
        "10_claims",
        "Which numbers come back?",
        [
            *((f"tables/{name}.csv", "table", name, table.to_csv(index=False)) for name, table in made.items()),
            ("figures/claims.png", "figure", "Claims", "png"),
        ],
    )
    text = all_pages(root)
    assert "Appendix 6. Table 4.3 also prints a hidden layer of 50 units." in text
    assert "# Which of the thesis's numbers stand" in text and "](figures/claims.png)" in text
    assert all(f"- *{verdict}*: " in text for verdict in ledger.VERDICTS)
    summary = table_with(text, "chapter", "consistent")
    assert [row[:2] for row in summary[1:]] == [
        [row.chapter, str(row.rows)] for row in ledger.summary(frame).itertuples()
    ]
    assert ledger.in_words(frame) in text
    places = re.findall(r'<a id="([^"]+)"></a>', text)
    assert len(places) == len(set(places)) and ledger_section.anchor("8/successful") in places
    found = [ledger_section.linked(finding, set(frame["id"])) for finding in ledger.findings(frame)]
    assert all(finding in text for finding in found)
    listed = frame[frame["kind"] != "cell"]
    for chapter, rows in listed.groupby("chapter"):
        first = f'<a id="{ledger_section.anchor(rows["id"].iloc[0])}">'
        shown = next(t for t in tables_of(text) if t[0][:2] == ["row", "says"] and t[1][0].startswith(first))
        named = [r[0].partition("</a>")[2] for r in shown[1:]]
        assert named == rows["id"].tolist(), f"every row of chapter {chapter}"
        assert [r[4] for r in shown[1:]] == rows["verdict"].tolist()
        assert all(row.because in r[5] for row, r in zip(rows.itertuples(), shown[1:]) if isinstance(row.because, str))
    wrong = frame[(frame["kind"] == "cell") & (frame["verdict"] == "contradicted")]
    assert f"<summary>{len(wrong)} contradicted cells</summary>" in text
    front = results_page.texts(root)["README.md"]
    headings = {re.sub(r"\W+", "-", h.lower()) for h in re.findall(r"^##? (.+)$", text, re.MULTILINE)}
    assert {link.partition("#")[2] for link in links_of(front) if "#" in link} <= headings | set(places)
    assert "`checks.other_places.arithmetic`" not in text and "`other_places.arithmetic`" in text
    assert {"tables/claims.csv", "tables/claims_checks.csv"} <= set(links_of(text))
    for table in tables_of(text):
        assert len({len(row) for row in table}) == 1


def test_rows_that_a_finding_names_are_links():
    finding = "It is_so. [Rows of Table 4.1; Table 4.5/days; 8/none.]"
    assert (
        ledger_section.linked(finding, {"Table 4.5/days"}, "l.md")
        == r"It is\_so. Rows of Table 4.1; [Table 4.5/days](l.md#Table_4.5_days); 8/none."
    )
    committed = (settings.PROJECT_ROOT / "outputs" / "thesis" / "ledger.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(#([^)]+)\)", committed))
    assert len(named) > 10 and named <= set(re.findall(r'<a id="([^"]+)"></a>', committed))


def test_the_hidden_layer_stands_with_its_parameters_below_the_table_that_is_counted(root, verdicts):
    frame = verdicts[0].copy()
    frame.loc[frame["id"] == "4.3.4/parameter_count", "computed"] = "163120"
    frame.loc[frame["id"] == "4.3.4/parameter_count", "how"] = "layers.parameter_count(place=Table 4.4)"
    add(root, "10_claims", "Q", [("tables/claims.csv", "table", "claims", frame.to_csv(index=False))])
    page = results_page._Page(root, json.loads((root / "run.json").read_text(encoding="utf-8")))
    assert page.hyperparameters("table_4_4").endswith(
        "Table 4.4 also prints a hidden layer of 50 units; with it there are 163,120 parameters."
    )
    assert page.hyperparameters("table_4_3").endswith("Table 4.3 also prints a hidden layer of 50 units.")
    page.run["parameters"]["hidden_dense_units"] = 50
    assert "hidden layer" not in page.hyperparameters("table_4_4") and "Appendix 6" not in page.hyperparameters(
        "table_4_4"
    )


def test_in_the_project_checks_are_linked(monkeypatch):
    page = results_page._Page.__new__(results_page._Page)
    page.root = settings.PROJECT_ROOT / "outputs" / "a_run"
    told = ledger_section._checks(
        "lib.ledger.checks.trials.count(ticker=ADA-USD); lib.ledger.verdicts.agree with 8/x", page.link
    )
    assert (
        told == "[`trials.count`](../../lib/ledger/checks/trials.py), [`verdicts.agree`](../../lib/ledger/verdicts.py)"
    )


def test_without_run_json_the_error_names_the_command(tmp_path):
    with pytest.raises(results_page.files.FileError, match="python run_all.py"):
        results_page.write(tmp_path)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("0.4810045", "0.481"),
        ("-0.0123456789", "-0.0123"),
        ("2487.34", "2487.34"),
        ("37.0", "37"),
        ("0.0", "0"),
        ("277226.4567", "277,226"),
        ("2487.34999", "2,487"),
        ("3.10378e-21", "3.1e-21"),
        ("2819061358", "2819061358"),
        ("CNN", "CNN"),
        ("", ""),
        ("-36.83", "-36.83"),
        ("1.0000000001", "1"),
    ],
)
def test_numbers_for_reading(text, shown):
    assert markdown.number(text) == shown


def test_prices_that_no_notebook_compared_are_known_by_their_digest(root):
    from lib.data.market.comparison import manifest

    theirs = manifest()["tickers"]["SOL-USD"]["sha256"]
    assert (
        results_page._by_digest({"ticker": "SOL-USD", "sha256": theirs})
        == "the same digest as in the manifest of the thesis's window"
    )
    assert (
        results_page._by_digest({"ticker": "SOL-USD", "sha256": "0" * 64})
        == results_page._by_digest({"ticker": "BTC-USD", "sha256": theirs})
        == "not compared"
    )


def test_a_forecast_day_by_day_is_not_committed(root):
    add(
        root,
        "11_forecast_widget",
        "What next?",
        [
            ("tables/widget_forecast.csv", "table", "The next days", "date\n2025-01-20\n"),
            ("tables/widget_scores.csv", "table", "Its scores", "MSE\n1\n"),
        ],
    )
    text = all_pages(root)
    assert "Its scores" in text and "The next days" not in text
    assert [results_page.is_committed_kind(f"tables/widget_{name}.csv") for name in ("forecast", "scores")] == [
        False,
        True,
    ]


def test_a_term_is_linked_where_it_first_occurs_in_prose():
    text = "# Skill\n\n| skill |\n\nThe `skill` of [skill](x). Its skill, and skill again; LSTM on SOL-USD, Holm.\n"
    found = glossary.linked(text, "../g.md")
    assert "Its [skill](../g.md#skill), and skill again" in found and found.count("#skill") == 1
    assert found.startswith("# Skill\n\n| skill |\n\nThe `skill` of [skill](x).") and "[Holm](../g.md#holm-" in found
    assert glossary.linked(text, "") == text


@pytest.mark.parametrize(
    "printed, computed, shown",
    [
        ("0.9614", "0.961354", "0.9614"),
        ("52,934", "163120", "163120"),
        ("-36.83", "-11.74563", "-11.75"),
        ("stated", "0.0123456", "0.0123"),
        ("58.43", "82.36845", "82.37"),
        ("5", "12345.678", "12,346"),
        ("stated", "holds", "holds"),
    ],
)
def test_a_computed_number_has_the_digits_of_the_printed_one(printed, computed, shown):
    assert markdown.beside(printed, computed) == shown


def test_commands_on_a_page_name_the_folder_where_it_is(tmp_path):
    """Red where a run in another place was called outputs/ and its name, which the commands did not find."""
    assert results_page._folder(tmp_path) == str(tmp_path)
    assert results_page._folder(settings.PROJECT_ROOT / "outputs" / "thesis") == "outputs/thesis"
