"""For tests and notebooks alike: where results go, and in which order and process things run."""

import os
import shutil
import sys
import tempfile

import pytest

# Notebooks under test, and whatever else takes a relative output_dir, leave the user's results and trainings alone.
_MINE = {"OUTPUT_BASE": tempfile.mkdtemp(prefix="tests_")}
if "PYTEST_XDIST_WORKER" not in os.environ:  # one cache for all processes
    _MINE["TRAINING_CACHE"] = tempfile.mkdtemp(prefix="tests_")
os.environ.update(_MINE)

# The tests start hundreds of processes, each of which would compile the project again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_unconfigure():
    for folder in _MINE.values():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The longest work comes first, so that no process ends with it alone: the sample run, and beside it the pages.

    Each notebook by itself is for CI: the whole run of tests/runner/test_run_all.py executes all of them already.
    """
    first = {"test_run_all.py": 0, "browser": 1, "test_runner.py": 2}
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.ci)
    items.sort(key=lambda item: first.get(item.path.name, first.get(item.path.parent.name, 3)))


def pytest_xdist_make_scheduler(config, log):
    """A test file stays in one process. So do all notebooks, which find each other's trainings, and all tests in a
    browser, which share it, a server and its first training."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::")[0]
            if path.endswith(".ipynb"):
                return "notebooks"
            return "browser" if path.startswith("tests/browser/") else path

    return ByFile(config, log)
