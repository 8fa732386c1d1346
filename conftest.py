"""For tests and notebooks alike: where results go, and in which order and process things run."""

import os
import shutil
import tempfile

import pytest

# Notebooks under test, and whatever else takes a relative output_dir, leave the user's results and trainings alone.
_MINE = {"OUTPUT_BASE": tempfile.mkdtemp(prefix="tests_")}
if "PYTEST_XDIST_WORKER" not in os.environ:  # one cache for all processes
    _MINE["TRAINING_CACHE"] = tempfile.mkdtemp(prefix="tests_")
os.environ.update(_MINE)


def pytest_unconfigure():
    for folder in _MINE.values():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The longest work comes first, so that no process ends with it alone.

    Each notebook by itself is for CI: the whole run of tests/runner/test_run_all.py executes all of them already.
    """
    first = {"test_run_all.py": 0, "test_runner.py": 1}
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.ci)
    items.sort(key=lambda item: first.get(item.path.name, 2))


def pytest_xdist_make_scheduler(config, log):
    """A test file stays in one process; so do all notebooks, which find each other's trainings."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::")[0]
            return "notebooks" if path.endswith(".ipynb") else path

    return ByFile(config, log)
