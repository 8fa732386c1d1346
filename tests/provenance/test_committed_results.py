"""The results in the repository come from the code and the parameters in the repository.

Stamps prove it for every source that a number depends on; tables are computed again as far as that
needs no prices, and a quick part, with one training of each network, from the thesis's prices where
they are: in ``../shared/market`` beside the project, or where MARKET_DATA_DIR says.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib import settings
from lib.data import market
from lib.provenance import committed, git
from lib.report import judging, markdown, results_page

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
    return committed.Folder(root)


@pytest.mark.parametrize("what", committed.CHECKS)
def test_the_committed_results_are_those_of_the_committed_project(folder, what):
    wrong = committed.CHECKS[what](folder)
    assert not wrong, "\n".join([f"{folder.name}, {what}:", *wrong])


def test_they_were_made_by_their_own_parameter_file(folder):
    name = folder.root.name
    assert folder.run["parameter_file"] == f"params/{name}.yaml" and folder.run["result"] == "done"
    assert set(folder.run["overrides"]) <= set(committed.MAY_DIFFER)


def test_nothing_of_the_thesis_is_left_out(folder):
    if folder.root.name == "replay":
        wanted = [path for path in results_page.REPLAY if path not in folder.committed]
    else:
        wanted = committed.absent(folder)
    assert not wanted, f"{folder.name} lacks {', '.join(wanted)}"


def test_its_page_says_what_each_judging_notebook_concludes(folder):
    if folder.root.name == "replay":
        pytest.skip("the replay judges no network")
    text = (folder.root / "README.md").read_text(encoding="utf-8")
    for notebook in judging.NOTEBOOKS:
        words = judging.words(folder.root, notebook)
        assert words and all(f"- {markdown.plain(line)}" in text for line in words), notebook


@with_prices
def test_no_committed_table_holds_prices(folder):
    chosen = settings.load(settings.PROJECT_ROOT / "params/thesis.yaml")
    prices = market.load("folder", chosen.tickers, chosen.start_date, chosen.end_date, str(PRICES))
    assert committed.daily_columns(folder, prices) == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
@with_prices
def test_what_needs_no_training_comes_out_again(folder):
    from lib.provenance import recheck

    outcome = recheck.run(folder, {"source": "folder", "data_dir": str(PRICES)}, trainings=False)
    different = [f"{part.notebook}: {part.what}: {part.differs}" for part in outcome.parts if part.differs]
    assert outcome.parts and not different, "\n".join(different)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@with_prices
def test_one_training_of_each_network_comes_out_again(folder):
    """In a process of its own, as TensorFlow's number of threads must be that of the run."""
    code = (
        "import sys; from pathlib import Path; from lib.provenance import committed, recheck;"
        "o = recheck.run(committed.Folder(Path(sys.argv[1])), {'source': 'folder', 'data_dir': sys.argv[2]}, told=print);"
        "print(*[f'{p.notebook}: {p.what}: {p.differs}' for p in o.parts if p.differs], sep='\\n');"
        "sys.exit(0 if o.equal and any(p.trained for p in o.parts) else 1)"
    )
    # The ledger rests on the committed replay; conftest.py sends everything else elsewhere.
    environment = {name: value for name, value in os.environ.items() if name != "OUTPUT_BASE"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.root), str(PRICES)],
        cwd=settings.PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=1700,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path, let_through",
    [
        ("thesis/README.md", True),
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
    ignored = (
        subprocess.run(
            ["git", "check-ignore", "-q", "--no-index", f"outputs/{path}"], cwd=settings.PROJECT_ROOT
        ).returncode
        == 0
    )
    assert ignored is not let_through
    run, _, rest = path.partition("/")
    if run in ("thesis", "replay") and not Path(rest).name.startswith("."):
        assert results_page.is_committed_kind(rest) is let_through
