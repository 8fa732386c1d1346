"""Folders and notebooks of any name: files land in them alone, links lead to them, printed lines can be pasted."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from urllib.parse import unquote

import optuna
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

from lib import settings
from lib.experiments import search
from lib.provenance import git
from lib.report import index, page, results_page
from lib.results.artifacts import Store

NAMES = [
    *(
        "a",
        "a?mode=ro",
        "a b",
        "a%20b",
        "a#b",
        "a;b",
        "a&b",
        "it's",
        '"quoted"',
        "Жук",
        "é",
        "[a]",
        "*",
        "$HOME",
        "`id`",
    ),
    *("<i>x", "a\\b", "-p", "~a", "a|b", "(a)", "a:b", "{a}", "!a", "a=b", "file:a?b#c"),
]


def studies(count):
    study = optuna.create_study(study_name="BTC-USD CNN")
    for number in range(count):
        study.add_trial(optuna.trial.create_trial(value=float(number)))
    return search.Study("BTC-USD", "CNN", count, study)


def made_in(root, notebook="01_data"):
    """Leave one result of each kind, as a notebook does."""
    store = Store(settings.sample().changed(output_dir=str(root)), notebook)
    store.table("table_4_1", pd.DataFrame({"a": [1.0]}), "T")
    store.figure("figure_4_1", Figure((0.2, 0.2)), "F")
    store.predictions("BTC-USD", "CNN", pd.DataFrame({"a": [1.0]}))
    store.finish()
    return store


def run_of(root, notebook="01_data"):
    """A run.json with everything that the pages show."""
    entry = {"title": "T", "question": "Why?", "status": "done", "started": None, "finished": None, "seconds": 1.0}
    told = ("started", "finished", "parameter_file", "python", "platform", "device", "result", "from")
    numbers = {"wall_seconds": 1.0, "cores": 1, "jobs": 1, "threads": 1, "peak_memory_mb": 1.0}
    run = {
        **dict.fromkeys(told, "2026-01-01T00:00:00+00:00"),
        **numbers,
        "parameter_file": "params/my own.yaml",
        "overrides": ["output_dir"],
        "selected": [notebook],
        "only": [],
        "from": None,
        "parameters": {**settings.sample().plain(), "output_dir": str(root)},
        "code": {"commit": None, "changed": False, "sha256": "0"},
        "data": {},
        "seeds": {"run": 42},
        "packages": {},
        "earlier_runs": [],
        "cpu": "A",
        "notebooks": {notebook: {**entry, "peak_memory_mb": None, "error": None, "cpu": "A", "versions": {}}},
    }
    (root / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return run


def targets(path):
    """Files that a page's links lead to, as a browser finds them."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    links = [tag.get("href") or tag.get("src") for tag in soup.find_all(["a", "img"])]
    wanted = [link.partition("#")[0].partition("?")[0] for link in links if link]
    return [path.parent / unquote(link) for link in wanted if link]


@pytest.mark.slow
def test_results_land_in_their_own_folder_whatever_its_name(tmp_path):
    """Red before: a study of ``a?mode=ro`` went into the file ``a``, and one of ``a%20b`` into that of ``a b``."""
    for count, name in enumerate(NAMES[:7], 1):
        store = made_in(tmp_path / name)
        search.write_study(studies(count), store.study_path("BTC-USD", "CNN"))
    assert sorted(os.listdir(tmp_path)) == sorted(NAMES[:7])
    kinds = {"tables", "figures", "predictions", "records", "studies"}
    for count, name in enumerate(NAMES[:7], 1):
        assert set(os.listdir(tmp_path / name)) == kinds, name
        plain = tmp_path / "plain.db"
        plain.write_bytes((tmp_path / name / "studies" / "BTC-USD_CNN.db").read_bytes())
        assert len(optuna.load_study(study_name=None, storage=f"sqlite:///{plain}").trials) == count, name


def test_a_study_needs_no_folder_for_temporary_files(tmp_path, monkeypatch):
    """Red before: a full one ended the notebook with SQLite's own words."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    search.write_study(studies(2), tmp_path / "out" / "x.db")
    assert len(optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'out' / 'x.db'}").trials) == 2
    assert os.listdir(tmp_path) == ["out"] and os.listdir(tmp_path / "out") == ["x.db"]


@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_run_leads_to_its_file(tmp_path, name):
    root, notebook = tmp_path / name, f"01_{name}"
    made_in(root, notebook)
    run_of(root, notebook)
    for folder, kind in (("html", "html"), ("notebooks", "ipynb")):
        (root / folder).mkdir()
        (root / folder / f"{notebook}.{kind}").write_text("<nav><!--navigation--><!--/navigation--></nav>")
    (root / "html" / "02_next.html").write_text("<nav><!--navigation--><!--/navigation--></nav>")
    page.link_neighbours(root / "html", [notebook, "02_next"])
    found = [*targets(index.write(root)), *targets(root / "html" / "02_next.html")]
    assert len(found) >= 10 and [path for path in found if not path.is_file()] == []
    assert BeautifulSoup((root / "index.html").read_text(encoding="utf-8"), "html.parser").h1.text == f"Run {name}"


@pytest.mark.parametrize("name", NAMES)
def test_the_command_of_a_run_can_be_pasted(tmp_path, name):
    root = tmp_path / name
    made_in(root)
    words = shlex.split(results_page.command_of(run_of(root)))
    assert words == ["python", "run_all.py", "params/my own.yaml", "-p", f"output_dir={root}"]
    assert settings.parse_override(words[-1])[1] == str(root)
    text = "\n".join(results_page.texts(root).values())
    assert "tables/table_4_1.csv" in text


@pytest.mark.parametrize("name", ["[ab]", "*", "a?", ":(top)x", ":!x"])
def test_git_is_asked_for_a_folder_and_not_for_a_pattern(tmp_path, name):
    for folder in (name, "a", "ab", "x"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "f.txt").write_text("x")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    assert git.tracked(Path(tmp_path / name), tmp_path) == ["f.txt"]
