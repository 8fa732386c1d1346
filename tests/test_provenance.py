"""Stamps, and each check of a committed run: all is well on a made-up one, and every kind of change is seen."""

import json
import shutil
import subprocess
from functools import partial

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lib import baselines, evaluation, files, machine, settings, tables, tuning, windows
from lib.claims import checks
from lib.provenance import __main__ as command
from lib.provenance import committed, git, prices, sources
from lib.report import results_page

COINS = ("ADA-USD", "ETH-USD", "SOL-USD")
FINISHED = {"01_data": "2026-01-01T10:00:00+00:00", "08_tuning": "2026-01-01T10:01:00+00:00", "09_comparison": "2026-01-01T10:02:00+00:00"}


def put_notebook(project, name, code, parameters="seed = 1", after=()):
    cell = new_code_cell(parameters)
    cell.metadata["tags"] = ["parameters"]
    book = new_notebook(cells=[cell, new_code_cell(code)], metadata={"run": {"after": list(after)}})
    nbformat.write(book, project / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def project(tmp_path):
    """A project of three notebooks: 01 needs alpha and, through it, beta; 08 goes on from studies; 09 reads what 08 left."""
    for folder in ("lib/thesis", "lib/market", "notebooks", "params"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib/__init__.py").write_text("")
    (tmp_path / "lib/market/__init__.py").write_text("from lib.market.days import one\n")
    (tmp_path / "lib/market/days.py").write_text("one = 1\n")
    (tmp_path / "lib/alpha.py").write_text('"""Doc."""\n\n\ndef a():\n    """What it does."""\n    from lib.beta import b  # late\n    return b + 1\n')
    (tmp_path / "lib/beta.py").write_text("b = 2\n")
    (tmp_path / "lib/unused.py").write_text("u = 3\n")
    (tmp_path / "lib/figures.py").write_text("import lib.unused\n")
    for name in ("manifest.json", "printed.yaml"):
        shutil.copy(settings.PROJECT_ROOT / "lib/thesis" / name, tmp_path / "lib/thesis" / name)
    shutil.copy(settings.PROJECT_ROOT / "params/thesis.yaml", tmp_path / "params/thesis.yaml")
    put_notebook(tmp_path, "01_data", "%matplotlib inline\nfrom lib import alpha, figures\nimport lib.market\nalpha.a()")
    put_notebook(tmp_path, "08_tuning", "from lib.beta import b\nstore.study_path(b)")
    put_notebook(tmp_path, "09_comparison", "from lib import beta", after=["08_tuning"])
    return tmp_path


def write_record(root, name, parameters, data, made):
    record = {"notebook": name, "finished": FINISHED[name], "parameters": parameters, "facts": {"data": data}, "made": [
        {"path": path, "kind": kind, "title": title, "sha256": files.sha256(root / path)} for path, kind, title in made]}
    files.write_json(root / "records" / f"{name}.json", record)


@pytest.fixture
def run(project, tiny, random_walk):
    """A whole, right run of that project; returns the folder."""
    root = project / "outputs" / "thesis"
    for folder in ("tables", "figures", "appendix", "predictions"):
        (root / folder).mkdir(parents=True)
    walk = random_walk(*COINS)
    data = windows.build(walk, tiny())
    manifest = json.loads((project / "lib/thesis/manifest.json").read_text())["tickers"]
    digests = {t: {k: manifest[t][k] for k in ("rows", "first_day", "last_day", "sha256")} for t in COINS}
    parameters = {**settings.load(project / "params/thesis.yaml").as_plain(), "source": "folder", "data_dir": "../prices"}

    tables.table_4_1({t: f["Close"] for t, f in walk.items()}).to_csv(root / "tables/table_4_1.csv", index=False)
    (root / "figures/figure_4_1.png").write_bytes(b"png")
    (root / "figures/figure_4_1.svg").write_text("<svg/>")
    rng = np.random.default_rng(3)
    trials = pd.DataFrame([
        {"ticker": t, "network": n, "trial": k, "state": "pruned" if k == 4 else "complete", "batch_size": 32, "dropout_rate": rng.uniform(),
         "epochs": 100, "learning_rate": rng.uniform(), "mae": rng.uniform(), "mse": rng.uniform(), "r2": rng.uniform(), "seconds": 1.4,
         "epochs_run": 7 + k, "best_epoch": 5, "parameters": 1000 + k, "seed": int(rng.integers(2**32))}
        for t in COINS for n in ("CNN", "LSTM") for k in (1, 2, 3, 4)])
    trials.loc[trials["state"] == "pruned", ["mae", "mse", "r2", "epochs_run", "best_epoch", "parameters", "seed"]] = np.nan
    for t in COINS:
        tuning.listing(trials[trials["ticker"] == t], data[t]).to_csv(root / f"appendix/{t}_trials.csv", index=False)
    naive = {t: evaluation.naive_scores(data[t]) for t in COINS}
    tables.best_trials(trials, naive).to_csv(root / "tables/best_trials.csv", index=False)
    forecasts = {t: {"CNN": pd.concat([
        pd.DataFrame({"actual_usd": p.actual_usd, "predicted_usd": p.last_close_usd * 1.01, "naive_usd": p.last_close_usd, "part": p.name})
        for p in data[t].parts])} for t in COINS}
    scores = evaluation.score_table(forecasts, data, {(t, "CNN"): 2**32 - 1 for t in COINS})
    scores.to_csv(root / "tables/scores.csv", index=False)
    tables.table_4_5(scores).to_csv(root / "tables/table_4_5.csv", index=False)
    (root / "predictions/ADA-USD_CNN.csv").write_text("date,actual_usd\n")

    figure = [(f"figures/figure_4_1.{kind}", "figure", "Figure 4.1. Daily closes (USD)") for kind in ("png", "svg")]
    write_record(root, "01_data", parameters, digests, [("tables/table_4_1.csv", "table", "Table 4.1. Statistics"), *figure])
    listings = [(f"appendix/{t}_trials.csv", "listing", tuning.listing_title(t)) for t in COINS]
    write_record(root, "08_tuning", parameters, digests, [("tables/best_trials.csv", "table", "Best trials"), *listings])
    write_record(root, "09_comparison", parameters, digests, [
        ("tables/scores.csv", "table", "Scores"), ("tables/table_4_5.csv", "table", "Table 4.5. Scores"),
        ("predictions/ADA-USD_CNN.csv", "predictions", "ADA-USD, CNN")])
    entries = {}
    for name in FINISHED:
        book = project / "notebooks" / f"{name}.ipynb"
        stamp = sources.finish(sources.begin(book, root, None, project), book, root / "records" / f"{name}.json", project)
        entries[name] = {"status": "done", "title": name, "question": "", "started": None, "finished": FINISHED[name], "seconds": 2.0,
                         "peak_memory_mb": 200.0, "rendered": True, "error": None, "sources": stamp}
    files.write_json(root / "run.json", {
        "started": FINISHED["01_data"], "finished": FINISHED["09_comparison"], "wall_seconds": 6.0, "result": "done",
        "parameter_file": "params/thesis.yaml", "overrides": ["source", "data_dir"], "selected": list(FINISHED), "parameters": parameters,
        "seeds": {"run": 42}, "threads": 1, "data": digests, "code": {"commit": "c0ffee", "changed": False, "sha256": "5ee"},
        "python": "3.11", "packages": {"numpy": "2.0"}, "platform": "Linux", "cpu": "a processor", "cores": 2, "jobs": 1,
        "device": "CPU", "peak_memory_mb": 200.0, "notebooks": entries})
    results_page.write(root)
    return root


def wrong(root):
    """What the checks say, without those that are content."""
    folder = committed.Folder(root, root.parents[1])
    return {what: sentences for what, sentences in committed.wrong(folder).items() if sentences}


def edit(path, change):
    """Change a JSON file in place, and the page and stamps that follow from it are left as they were."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def vouch(root, name, path):
    """What somebody would do who wants a changed table to pass: its record and the stamp know the new bytes."""
    def new_digest(record):
        next(m for m in record["made"] if m["path"] == path)["sha256"] = files.sha256(root / path)

    edit(root / "records" / f"{name}.json", new_digest)
    edit(root / "run.json", lambda r: r["notebooks"][name]["sources"].update(record=files.sha256(root / "records" / f"{name}.json")))


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# -- what a stamp covers -------------------------------------------------------------------


def test_a_stamp_names_what_is_imported_directly_through_others_and_late(project):
    files_of_01 = sources.depends_on(project / "notebooks/01_data.ipynb", project)
    assert set(files_of_01) == {
        "notebooks/01_data.ipynb", "lib/__init__.py", "lib/alpha.py", "lib/beta.py", "lib/market/__init__.py", "lib/market/days.py",
        "lib/thesis/manifest.json", "lib/thesis/printed.yaml"}


@pytest.mark.parametrize("file, old, new, seen", [
    ("lib/beta.py", "b = 2", "b = 2.5", "lib/beta.py has changed"),
    ("lib/market/days.py", "one = 1", "one = 2", "lib/market/days.py has changed"),
    ("lib/alpha.py", "from lib.beta import b  # late", "b = 2", "lib/beta.py is not used any more"),
    ("lib/beta.py", "b = 2", "from lib.unused import u as b", "lib/unused.py is used now"),
    ("lib/thesis/printed.yaml", "0.175", "0.176", "lib/thesis/printed.yaml has changed"),
    ("notebooks/01_data.ipynb", "alpha.a()", "alpha.a() + 1", "notebooks/01_data.ipynb has changed"),
    ("lib/alpha.py", '"""Doc."""', '"""Other words."""', None),
    ("lib/alpha.py", '"""What it does."""', '"""What it really does."""', None),
    ("lib/alpha.py", "# late", "# inside", None),
    ("lib/figures.py", "import lib.unused", "import lib.unused, math", None),
    ("notebooks/01_data.ipynb", "seed = 1", "seed = 2", None),
    ("lib/unused.py", "u = 3", "u = 4", None),
])
def test_a_change_is_seen_if_it_can_change_a_number(project, file, old, new, seen):
    book = project / "notebooks/01_data.ipynb"
    before = sources.depends_on(book, project)
    replace(project / file, old, new)
    differences = sources.differences(before, sources.depends_on(book, project))
    assert (seen in differences) if seen else differences == []


def test_the_projects_own_notebooks_depend_on_what_computes_their_numbers():
    found = sources.depends_on(settings.PROJECT_ROOT / "notebooks/08_tuning.ipynb")
    assert {"lib/tuning.py", "lib/training.py", "lib/networks.py", "lib/windows.py", "lib/metrics.py", "lib/thesis/__init__.py"} <= set(found)
    assert not {"lib/figures.py", "lib/settings.py", "lib/artifacts.py", "lib/runner/session.py"} & set(found)
    for name in sources.CHANGE_NO_NUMBER:
        assert sources._file_of(name, settings.PROJECT_ROOT), f"{name} is left out, but there is no such source"


def test_a_source_that_changes_while_the_notebook_runs_puts_its_stamp_in_doubt(project, tmp_path):
    book, record = project / "notebooks/01_data.ipynb", tmp_path / "record.json"
    record.write_text("{}")
    begun = sources.begin(book, tmp_path, None, project)
    assert begun["record"] is None
    assert sources.finish(begun, book, record, project) == {**begun, "record": files.sha256(record), "mixed": []}
    (project / "lib/beta.py").write_text("b = 9\n")
    assert sources.finish(begun, book, record, project)["mixed"] == ["lib/beta.py has changed while it ran"]


def test_work_that_is_gone_on_from_keeps_the_sources_it_was_begun_with_in_mind(project, tmp_path):
    book = project / "notebooks/08_tuning.ipynb"
    first = sources.begin(book, tmp_path, None, project)
    assert first["mixed"] == []
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/ADA-USD_CNN.db").write_text("")
    assert sources.begin(book, tmp_path, first, project)["mixed"] == []
    assert "nothing is known" in sources.begin(book, tmp_path, None, project)["mixed"][0]
    (project / "lib/beta.py").write_text("b = 9\n")
    second = sources.begin(book, tmp_path, first, project)
    assert second["mixed"] == ["lib/beta.py has changed"]
    assert sources.begin(book, tmp_path, second, project)["mixed"] == ["lib/beta.py has changed"], "a third start does not wash it off"
    assert sources.begin(project / "notebooks/01_data.ipynb", tmp_path, None, project)["mixed"] == [], "01 goes on from nothing"


def test_trainings_that_several_notebooks_keep_in_one_file(project, tmp_path):
    """What another notebook of the run has just left there is known by that notebook's stamp."""
    for name in ("09a_skill", "09c_leakage"):
        put_notebook(project, name, 'from lib.beta import b\nstore.kept("judging")')
    first, second = (project / f"notebooks/{name}.ipynb" for name in ("09a_skill", "09c_leakage"))
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/ADA-USD_CNN.db").write_text("")
    left = sources.begin(first, tmp_path, None, project)
    assert left["mixed"] == [], "studies are another notebook's"
    (tmp_path / "studies/judging.db").write_text("")
    stamps = {"09a_skill": left, "08_tuning": None}
    assert sources.begin(second, tmp_path, None, project, stamps)["mixed"] == []
    assert "nothing is known" in sources.begin(second, tmp_path, None, project)["mixed"][0]
    assert "nothing is known" in sources.begin(second, tmp_path, None, project, {"01_data": left})["mixed"][0], "01 keeps nothing there"
    assert sources.begin(project / "notebooks/08_tuning.ipynb", tmp_path, left, project)["mixed"], "08 goes on from its study"
    (project / "lib/beta.py").write_text("b = 9\n")
    assert sources.begin(second, tmp_path, None, project, stamps)["mixed"] == ["lib/beta.py has changed"]


def test_the_ledgers_stamp_holds_its_rows_and_every_check():
    found = sources.depends_on(settings.PROJECT_ROOT / "notebooks/10_claims.ipynb")
    ledger = {p.relative_to(settings.PROJECT_ROOT).as_posix() for p in (settings.PROJECT_ROOT / "lib/claims").rglob("*.yaml")}
    rooms = {f"lib/claims/checks/{room}.py" for room in checks.ROOMS}
    assert ledger and ledger | rooms <= set(found) and "lib/claims/figure.py" not in found
    assert not ledger & set(sources.depends_on(settings.PROJECT_ROOT / "notebooks/09a_skill.ipynb"))


def test_an_unreadable_notebook_gets_a_stamp_that_says_so(tmp_path):
    (tmp_path / "01_bad.ipynb").write_text("{")
    begun = sources.begin(tmp_path / "01_bad.ipynb", tmp_path, None)
    assert sources.finish(begun, tmp_path / "01_bad.ipynb", tmp_path / "none.json")["mixed"] == ["it could not be read"]


# -- a committed run -----------------------------------------------------------------------


def test_a_run_that_is_as_it_should_be(run):
    assert wrong(run) == {}


def test_a_changed_byte_of_a_table(run):
    replace(run / "tables/table_4_1.csv", "this run", "This run")
    found = wrong(run)
    assert found["files"] == ["tables/table_4_1.csv has changed since 01_data left it"]


def test_files_that_nobody_made_and_files_that_are_gone(run):
    (run / "tables/mine.csv").write_text("a\n1\n")
    (run / "figures/figure_4_1.png").unlink()
    assert wrong(run)["files"] == ["tables/mine.csv is in no record: no notebook of this run made it", "figures/figure_4_1.png is missing among the committed files"]


def test_too_many_bytes(run, monkeypatch):
    monkeypatch.setattr(committed, "LIMIT_BYTES", 1000)
    assert "MB are committed" in wrong(run)["files"][0]


def test_with_git_the_index_says_what_is_committed(run):
    project = run.parents[1]
    shutil.copy(settings.PROJECT_ROOT / ".gitignore", project / ".gitignore")
    for words in (["init", "-q"], ["add", "outputs"]):
        subprocess.run(["git", "-C", str(project), *words], check=True, capture_output=True)
    tracked = git.tracked(run, project)
    assert "tables/table_4_1.csv" in tracked and "figures/figure_4_1.svg" not in tracked and "predictions/ADA-USD_CNN.csv" not in tracked
    assert wrong(run) == {}
    subprocess.run(["git", "-C", str(project), "add", "-f", "outputs/thesis/predictions"], check=True, capture_output=True)
    subprocess.run(["git", "-C", str(project), "rm", "-q", "--cached", "outputs/thesis/tables/scores.csv"], check=True, capture_output=True)
    found = wrong(run)["files"]
    assert any("predictions/ADA-USD_CNN.csv is not of the kinds" in f for f in found)
    assert "tables/scores.csv is missing among the committed files" in found


def test_a_price_series_in_a_table(run, random_walk):
    close = random_walk("ADA-USD")["ADA-USD"]["Close"]
    pd.DataFrame({"day": close.index[:30].strftime("%Y-%m-%d"), "x": close.to_numpy()[:30]}).to_csv(run / "tables/table_4_1.csv", index=False)
    assert "table_4_1.csv: column 'day' goes on day by day for 30 rows" in wrong(run)["price series"]
    pd.DataFrame({"Close": close.to_numpy()[:30]}).to_csv(run / "tables/table_4_1.csv", index=False)
    assert "table_4_1.csv: column 'Close' is named like a price series" in wrong(run)["price series"]
    pd.DataFrame({"close": range(12)}).to_csv(run / "tables/table_4_1.csv", index=False)
    assert "price series" not in wrong(run), "twelve counts of a verdict"


@pytest.mark.parametrize("disguise", [lambda c: c, lambda c: (c - c.min()) / (c.max() - c.min()), lambda c: np.log(c).diff().fillna(0), lambda c: c.round(4)])
def test_prices_are_found_in_whatever_scale(run, random_walk, disguise):
    walk = random_walk("ADA-USD", "ETH-USD")
    assert committed.daily_columns(committed.Folder(run, run.parents[1]), walk) == []
    path = run / "tables/best_trials.csv"
    pd.DataFrame({"n": range(12), "weight": disguise(walk["ETH-USD"]["Close"]).to_numpy()[100:112]}).to_csv(path, index=False)
    assert prices.follows_prices(path, walk)[0].startswith("best_trials.csv: column 'weight' holds 7 days or more of the prices of")


@pytest.mark.parametrize("text, seen", [("/home/me/prices", True), (r"C:\prices", True), ("file:///x", True), ("../prices", False), ("and/or, 1/2", False)])
def test_paths_of_a_machine(run, text, seen):
    edit(run / "records/01_data.json", lambda r: r["facts"].update(note=f"from {text}"))
    assert ("paths of a machine" in wrong(run)) is seen


@pytest.mark.parametrize("old, new, seen", [
    ("patience: 10", "patience: 11", "patience was 10, params/thesis.yaml has 11"), ("trials: printed", "trials: 2", "trials was 'printed', params/thesis.yaml has 2"),
    ("source: yahoo", "source: yahoo ", None),
])
def test_other_parameters_in_the_file(run, old, new, seen):
    replace(run.parents[1] / "params/thesis.yaml", old, new)
    assert wrong(run).get("parameters", []) == ([seen] if seen else [])
    for record in (run / "records").glob("*.json"):  # as if none of the run's notebooks read it
        edit(record, lambda r: r["parameters"].pop(old.partition(":")[0], None))
    assert "parameters" not in wrong(run)


def test_parameters_of_a_notebook_that_are_not_the_runs(run):
    edit(run / "records/01_data.json", lambda r: r["parameters"].update(lookback=30))
    assert wrong(run)["parameters"] == ["01_data was made with lookback 30, now 60"]


def test_other_prices(run):
    edit(run / "run.json", lambda r: r["data"]["ETH-USD"].update(sha256="0"))
    edit(run / "records/08_tuning.json", lambda r: r["facts"]["data"]["SOL-USD"].update(sha256="0"))
    assert wrong(run)["prices"] == [
        "run.json: the prices of ETH-USD are not those of lib/thesis/manifest.json", "08_tuning: the prices of SOL-USD are not those of lib/thesis/manifest.json"]


def test_another_source_is_named_for_each_notebook_that_uses_it(run):
    (run.parents[1] / "lib/beta.py").write_text("b = 9\n")
    assert wrong(run) == {"stamps": [f"{name}: lib/beta.py has changed" for name in FINISHED]}


@pytest.mark.parametrize("change, seen", [
    (lambda e: e.update(sources=None), "it has no stamp"),
    (lambda e: e.update(status="failed"), "its last run was failed"),
    (lambda e: e["sources"].update(mixed=["lib/x.py has changed while it ran"]), "two states of the sources: lib/x.py has changed while it ran"),
    (lambda e: e["sources"].update(record="0"), "records/08_tuning.json is not the one that its stamp belongs to"),
])
def test_a_stamp_that_says_nothing_or_says_doubt(run, change, seen):
    edit(run / "run.json", lambda r: change(r["notebooks"]["08_tuning"]))
    assert len(wrong(run)["stamps"]) == 1 and seen in wrong(run)["stamps"][0]


def test_results_older_than_what_they_were_made_from(run):
    edit(run / "records/08_tuning.json", lambda r: r.update(finished="2026-01-01T11:00:00+00:00"))
    assert any("09_comparison: it is older than the results of 08_tuning" in s for s in wrong(run)["stamps"])


def test_a_notebook_that_was_never_asked_for_needs_no_stamp(run):
    edit(run / "run.json", lambda r: r["notebooks"].update({"08b_replay": {**r["notebooks"]["01_data"], "status": "not selected", "sources": None}}))
    assert "stamps" not in wrong(run)


@pytest.mark.parametrize("notebook, path, column", [
    ("08_tuning", "tables/best_trials.csv", "mse"), ("09_comparison", "tables/table_4_5.csv", "R2"), ("08_tuning", "appendix/SOL-USD_trials.csv", "MSE")])
def test_a_number_that_does_not_follow_from_the_files_beside_it(run, notebook, path, column):
    """Also with a record and a stamp that vouch for it."""
    frame = committed.exact(run / path)
    frame.loc[0, column] = 1e-9
    frame.to_csv(run / path, index=False)
    vouch(run, notebook, path)
    results_page.write(run)
    found = wrong(run)
    assert set(found) == {"computed again"}
    assert found["computed again"][0].startswith("tables/table_4_5.csv: row 1" if "4_5" in path else "tables/best_trials.csv: row")


def test_a_page_that_somebody_edited(run):
    replace(run / "README.md", "Table 4.1", "Table 4.1!")
    assert "python -m lib.provenance page outputs/thesis" in wrong(run)["page"][0]


def test_the_check_on_the_command_line(run, monkeypatch, capsys):
    monkeypatch.setattr(committed, "Folder", partial(committed.Folder, project=run.parents[1]))
    assert command.main(["check", str(run)]) == 0
    assert "08_tuning: from the present sources" in capsys.readouterr().out
    (run.parents[1] / "lib/alpha.py").write_text("def a(): return 9\n")
    assert command.main(["check", str(run)]) == 1
    told = capsys.readouterr().out
    assert "01_data: from other sources\n    lib/alpha.py has changed\n" in told and "08_tuning: from the present sources" in told
    assert "python -m lib.provenance recheck outputs/thesis -p source=folder -p data_dir=FOLDER" in told
    assert "move outputs/thesis away and make it anew: python run_all.py params/thesis.yaml -p source=folder -p data_dir=FOLDER\n" in told
    assert command.main(["check", str(run / "tables")]) == 2
    assert "run.json is missing" in capsys.readouterr().err


# -- computing again -----------------------------------------------------------------------


def test_tables_come_back_to_the_last_bit(tmp_path):
    numbers = np.random.default_rng(0).random(20000) * 10.0 ** np.random.default_rng(1).integers(-12, 12, 20000)
    pd.DataFrame({"x": numbers}).to_csv(tmp_path / "t.csv", index=False)
    assert (committed.exact(tmp_path / "t.csv")["x"].to_numpy() == numbers).all()


def test_a_table_is_compared_to_the_last_bit_or_nearly(tmp_path):
    frame = pd.DataFrame({"name": ["a", "b"], "x": [0.1 + 0.2, np.nan], "n": pd.array([1, None], dtype="Int64")})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert committed.table_differs(tmp_path / "t.csv", frame[["n", "x", "name"]]) == ""
    off = frame.assign(x=[0.3, np.nan])
    assert committed.table_differs(tmp_path / "t.csv", off).startswith("row 1, column x: 0.30000000000000004 there")
    assert committed.table_differs(tmp_path / "t.csv", off, 1e-9) == ""
    assert "rows" in committed.table_differs(tmp_path / "t.csv", frame[:1]) and "columns" in committed.table_differs(tmp_path / "t.csv", frame[["x"]])
    assert committed.table_differs(tmp_path / "none.csv", frame) == "it is missing"


def test_where_the_same_bits_are_to_be_expected(monkeypatch):
    here = {"cpu": machine.cpu(), "python": "3", "packages": dict.fromkeys(machine.ARITHMETIC, "1")}
    monkeypatch.setattr(machine.platform, "python_version", lambda: "3")
    monkeypatch.setattr(machine.importlib.metadata, "version", lambda _: "1")
    assert machine.differences(here, "01_data") == []
    assert machine.differences({**here, "cpu": "another"}, "01_data")[0].startswith("processor another there")
    mixed = {**here, "notebooks": {"01_data": {"cpu": machine.cpu()}, "08_tuning": {"cpu": "another"}, "09_comparison": {"cpu": None}}}
    assert machine.differences(mixed, "01_data") == machine.differences(mixed, "09_comparison") == []
    assert machine.differences(mixed, "08_tuning") == [f"processor another there, {machine.cpu()} here"], "each notebook's own processor counts"
    assert machine.differences({**here, "packages": {**here["packages"], "tensorflow": "0"}}, "01_data") == ["tensorflow 0 there, 1 here"]
    assert len(machine.differences({"python": "3", "packages": here["packages"]}, "01_data")) == 1, "an old run.json knows no processor"


def test_a_recheck_takes_the_runs_own_parameters(run):
    from lib.provenance import recheck

    folder = committed.Folder(run, run.parents[1])
    with pytest.raises(committed.ProvenanceError, match="-p lookback: .* only source and data_dir"):
        recheck.chosen_for(folder, {"lookback": 30})
    edit(run / "run.json", lambda r: [r["parameters"].update(patience=7), r["parameters"].pop("seed")])
    chosen = recheck.chosen_for(committed.Folder(run, run.parents[1]), {"data_dir": "elsewhere"})
    assert (chosen.data_dir, chosen.patience) == ("elsewhere", 7)
    assert chosen.seed == 42, "a key that is new since the run is as in its parameter file"


def test_the_smallest_trial_of_each_network():
    from lib.provenance import recheck

    rows = [("CNN", "A", 1, 100, 5, "complete"), ("CNN", "B", 1, 10, 5, "complete"), ("CNN", "B", 2, 1, 1, "pruned"), ("LSTM", "A", 1, 9, 9, "complete")]
    trials = pd.DataFrame(rows, columns=["network", "ticker", "trial", "parameters", "epochs_run", "state"])
    assert recheck.smallest_trials(trials)[["network", "ticker", "trial"]].to_numpy().tolist() == [["CNN", "B", 1], ["LSTM", "A", 1]]


@pytest.fixture(params=["close"])
def searched(run, tiny, random_walk, tensorflow_on_one_thread, request):
    """The made-up run with prices in a folder, tables of 01 and a search of two CNN trials that were really computed."""
    project = run.parents[1]
    chosen = tiny(source="folder", data_dir=str(project / "prices"), tickers=["ADA-USD"], networks=["CNN"], trials=2, target=request.param)
    walk = random_walk("ADA-USD")
    (project / "prices").mkdir()
    walk["ADA-USD"].rename_axis("Date").to_csv(project / "prices/ADA-USD.csv")
    from lib import market

    loaded = market.load("folder", ["ADA-USD"], chosen.start_date, chosen.end_date, chosen.data_dir)
    data, digests = windows.build(loaded, chosen), market.digest(loaded)
    plan = tuning.StudyPlan("ADA-USD", "CNN", 2, project / "studies/ADA-USD_CNN.db")
    tuning.run_study(plan, data["ADA-USD"], chosen, "d")
    trials = tuning.trial_frame(plan, tuning.steering_of(chosen, "d"))
    for path in [*run.glob("records/09*"), *run.glob("tables/*"), *run.glob("appendix/*")]:
        path.unlink()
    tables.table_4_1({"ADA-USD": loaded["ADA-USD"]["Close"]}).to_csv(run / "tables/table_4_1.csv", index=False)
    tuning.listing(trials, data["ADA-USD"]).to_csv(run / "appendix/ADA-USD_trials.csv", index=False)
    tables.best_trials(trials, {"ADA-USD": evaluation.naive_scores(data["ADA-USD"])}).to_csv(run / "tables/best_trials.csv", index=False)
    plain = chosen.as_plain()
    write_record(run, "01_data", plain, digests, [("tables/table_4_1.csv", "table", "Table 4.1. Statistics")])
    write_record(run, "08_tuning", plain, digests, [("tables/best_trials.csv", "table", "Best"), ("appendix/ADA-USD_trials.csv", "listing", "Trials")])

    def change(content):
        content.update(parameters=plain, data=digests, cpu=machine.cpu(), python=machine.platform.python_version(),
                       packages={n: machine.importlib.metadata.version(n) for n in machine.ARITHMETIC})
        del content["notebooks"]["09_comparison"]
        for entry in content["notebooks"].values():
            entry["sources"]["files"]["lib/beta.py"] = "old"

    edit(run / "run.json", change)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("searched", ["close", "log_return"], indirect=True)
def test_a_recheck_renews_stamps_only_if_everything_is_equal(searched):
    from lib.provenance import recheck

    def again():
        folder = committed.Folder(searched, searched.parents[1])
        outcome = recheck.run(folder, {})
        return outcome, recheck.renew(folder, outcome)

    def stamps():
        return committed.stamps(committed.Folder(searched, searched.parents[1]))

    assert all(stamps().values())
    listing = searched / "appendix/ADA-USD_trials.csv"
    right, frame = listing.read_text(), committed.exact(listing)
    frame["MSE"] *= 1 + 1e-12
    frame.to_csv(listing, index=False)
    outcome, renewed = again()
    assert renewed == [] and not outcome.equal and outcome.how("08_tuning") == "the same bits" and all(stamps().values())
    assert [p.differs[:4] for p in outcome.parts if p.trained] == ["MSE "]
    listing.write_text(right)
    outcome, renewed = again()
    assert outcome.equal and renewed == ["01_data", "08_tuning"] and not any(stamps().values())
    assert "rechecked" in json.loads((searched / "run.json").read_text())["notebooks"]["08_tuning"]["sources"]
    assert "held again" in (searched / "README.md").read_text()
    assert {p.what for p in outcome.parts} == {
        "tables/table_4_1.csv", "naive row of appendix/ADA-USD_trials.csv", "tables that follow from other committed tables",
        next(p.what for p in outcome.parts if p.trained)}


@pytest.mark.slow
def test_a_notebook_that_was_stopped_gets_its_stamp_back_but_must_be_run_again(searched, monkeypatch, capsys):
    monkeypatch.setattr(committed, "Folder", partial(committed.Folder, project=searched.parents[1]))
    assert command.main(["recheck", str(searched)]) == 0

    def stop(content):
        content["notebooks"]["08_tuning"]["status"] = "stopped"
        content["notebooks"]["08_tuning"]["sources"]["record"] = None

    edit(searched / "run.json", stop)
    capsys.readouterr()
    assert command.main(["recheck", str(searched)]) == 1
    told = capsys.readouterr().out
    assert "New stamps: 08_tuning" in told
    assert "08_tuning: its last run was stopped, which nothing here can mend. Run it again: python run_all.py" in told and "--only 08\n" in told


@pytest.mark.slow
def test_elsewhere_a_recheck_is_content_with_nearly_equal_numbers_and_says_so(searched):
    from lib.provenance import recheck

    edit(searched / "run.json", lambda r: r.update(cpu="another"))
    listing = searched / "appendix/ADA-USD_trials.csv"
    frame = committed.exact(listing)
    frame.loc[frame["Model"] != baselines.NAIVE, "MSE"] *= 1.05
    frame.to_csv(listing, index=False)
    outcome = recheck.run(committed.Folder(searched, searched.parents[1]), {})
    assert [p.differs for p in outcome.parts if p.trained] == [""] and "trainings within 0.25" in outcome.how("08_tuning")
    frame["MSE"] *= 2
    frame.to_csv(listing, index=False)
    assert all(p.differs for p in recheck.run(committed.Folder(searched, searched.parents[1]), {}).parts if p.trained)


@pytest.mark.slow
def test_what_ran_here_is_held_to_the_last_bit_though_another_notebook_ran_elsewhere(searched):
    from lib.provenance import recheck

    record = json.loads((searched / "records/08_tuning.json").read_text())
    record["facts"]["trainings"] = {"new": 0, "kept": 2, "made_on": ["another"]}  # run here, found finished
    (searched / "records/08_tuning.json").write_text(json.dumps(record))
    table = searched / "tables/table_4_1.csv"
    frame = committed.exact(table)
    column = frame.select_dtypes("floating").columns[-1]
    frame[column] *= 1 + 1e-9
    frame.to_csv(table, index=False)
    outcome = recheck.run(committed.Folder(searched, searched.parents[1]), {}, trainings=False)
    assert [p.what for p in outcome.parts if p.differs] == ["tables/table_4_1.csv"]
    assert outcome.how("01_data") == "the same bits" and "within 1e-06" in outcome.how("08_tuning")
    assert outcome.elsewhere["08_tuning"] == ["trainings made on another"]
    versions = {**machine.versions(), "numpy": "1.0"}
    edit(searched / "run.json", lambda r: r["notebooks"]["01_data"].update(cpu="another", versions=versions))
    words = recheck.run(committed.Folder(searched, searched.parents[1]), {}, trainings=False).elsewhere["01_data"]
    assert len(words) == 2 and words[0].startswith("processor another there") and words[1].startswith("numpy 1.0 there")


def test_prices_that_are_not_the_runs_cannot_be_compared(run, random_walk, tmp_path):
    from lib.provenance import recheck

    (tmp_path / "prices").mkdir()
    for ticker, frame in random_walk(*COINS).items():
        frame.rename_axis("Date").to_csv(tmp_path / "prices" / f"{ticker}.csv")
    edit(run / "run.json", lambda r: r["parameters"].update(start_date="2024-01-01", end_date="2024-08-27", lookback=8))
    with pytest.raises(committed.ProvenanceError, match="the prices of ADA-USD, ETH-USD, SOL-USD are not those of outputs/thesis"):
        recheck.run(committed.Folder(run, run.parents[1]), {"data_dir": str(tmp_path / "prices")})
