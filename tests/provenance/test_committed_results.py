"""The committed results come from the code, the parameters and the prices that they name, on any processor.

Tables are computed again as far as other committed tables give them, and from the thesis's prices where
those are: in ``../shared/market`` beside the project, or where MARKET_DATA_DIR says.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lib import settings
from lib.provenance import committed, git, recompute
from lib.provenance.folder import Folder
from lib.report import evaluation_section, markdown, results_page

PRICES = Path(os.environ.get("MARKET_DATA_DIR") or settings.PROJECT_ROOT.parent / "shared" / "market")
MISSING = [f"{t}.csv" for t in ("ADA-USD", "ETH-USD", "SOL-USD") if not (PRICES / f"{t}.csv").is_file()]
with_prices = pytest.mark.skipif(
    bool(MISSING),
    reason=f"the thesis's prices are not here ({', '.join(MISSING)} missing): name their folder in MARKET_DATA_DIR",
)


@pytest.fixture(params=["thesis", "replay"])
def folder(request):
    root = settings.PROJECT_ROOT / "outputs" / request.param
    if not git.tracked(root):
        pytest.skip(f"outputs/{request.param} is not committed yet")
    return Folder(root)


@cache
def priced(root):
    return recompute.priced(Folder(root), {"source": "folder", "data_dir": str(PRICES)})


def no_sentence(sentences):
    assert not sentences, "\n".join(sentences)


@pytest.mark.parametrize("what", committed.CHECKS)
def test_the_folder_is_complete_and_unchanged(folder, what):
    no_sentence(committed.CHECKS[what](folder))


def test_tables_follow_from_the_tables_beside_them(folder):
    no_sentence(recompute.from_tables(folder))


def test_it_comes_from_its_own_parameter_file(folder):
    assert folder.run["parameter_file"] == f"params/{folder.root.name}.yaml" and folder.run["result"] == "done"
    assert set(folder.run["overrides"]) <= set(committed.MAY_DIFFER)


def test_nothing_of_the_thesis_is_left_out(folder):
    is_replay = folder.root.name == "replay"
    absent = [p for p in results_page.REPLAY if p not in folder.committed] if is_replay else committed.absent(folder)
    no_sentence(absent)


def test_its_page_says_what_each_evaluation_concludes(folder):
    if folder.root.name == "replay":
        pytest.skip("the replay evaluates no network")
    text = (folder.root / "evaluation.md").read_text(encoding="utf-8")
    for notebook in set(evaluation_section.NOTEBOOKS) & folder.records.keys():
        words = evaluation_section.words(folder.root, notebook)
        assert words and all(f"- {markdown.plain(line)}" in _unlinked(text) for line in words), notebook


def _unlinked(text):
    """A page without the links of its terms to the glossary."""
    return re.sub(r"\[([^\]]+)\]\([^)]*glossary\.md#[^)]*\)", r"\1", text)


def test_its_first_page_answers_in_a_screen(folder):
    lines = (folder.root / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200 and "![" in "\n".join(lines[:12])


@with_prices
def test_no_committed_table_holds_prices(folder):
    no_sentence(committed.price_series_wrong(folder, priced(folder.root).prices))


@pytest.mark.slow
@pytest.mark.ci
@with_prices
def test_cheap_tables_come_from_prices(folder):
    no_sentence(recompute.from_prices(priced(folder.root)))


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.timeout(900)
@with_prices
def test_layers_the_ledger_and_a_training_come_out_again(folder):
    """In a process of its own, with the run's number of threads. Golden losses guard the other networks."""
    code = """
import sys
from pathlib import Path
from lib.provenance import recompute, trainings
from lib.provenance.folder import Folder

run = recompute.priced(Folder(Path(sys.argv[1])), {"source": "folder", "data_dir": sys.argv[2]})
wrong = recompute.with_networks(run) + trainings.wrong(run, ["CNN"])
print(*wrong, sep="\\n")
sys.exit(bool(wrong))
"""
    words = [sys.executable, "-c", code, str(folder.root), str(PRICES)]
    done = subprocess.run(words, cwd=settings.PROJECT_ROOT, capture_output=True, text=True, timeout=850)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path, let_through",
    [
        ("thesis/README.md", True),
        ("thesis/ledger.md", True),
        ("thesis/notes.md", False),
        ("thesis/run.json", True),
        ("thesis/tables/a.csv", True),
        ("thesis/figures/a.png", True),
        ("thesis/appendix/A_trials.csv", True),
        ("thesis/records/01_data.json", True),
        ("replay/tables/a.csv", True),
        ("README.md", True),
        ("thesis/figures/a.svg", False),
        ("thesis/predictions/a.csv", False),
        ("thesis/models/a.keras", False),
        ("thesis/studies/a.db", False),
        ("thesis/index.html", False),
        ("thesis/html/a.html", False),
        ("thesis/notebooks/a.ipynb", False),
        ("thesis/.lock", False),
        ("thesis/tables/.1-a.csv", False),
        ("sample/README.md", False),
        ("sample/tables/a.csv", False),
        ("short/run.json", False),
    ],
)
def test_gitignore_lets_through_what_the_page_may_link_to(path, let_through):
    if git.ask("rev-parse", "--is-inside-work-tree") != "true":
        pytest.skip("this is not a git work tree")
    command = ["git", "check-ignore", "-q", "--no-index", f"outputs/{path}"]
    assert (subprocess.run(command, cwd=settings.PROJECT_ROOT).returncode == 0) is not let_through
    run, _, rest = path.partition("/")
    if run in ("thesis", "replay") and not Path(rest).name.startswith("."):
        assert results_page.is_committed_kind(rest) is let_through
