"""For tests and notebooks alike: where results go, and in which order and process things run."""

import os
import shutil
import tempfile

import pytest

# Notebooks under test, and whatever else takes a relative output_dir, leave the user's results and trainings alone.
_FOLDERS = ("OUTPUT_BASE", "TRAINING_CACHE")
os.environ.update({name: tempfile.mkdtemp(prefix="tests_") for name in _FOLDERS})


def pytest_unconfigure():
    for name in _FOLDERS:
        shutil.rmtree(os.environ[name], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Notebooks are slow. The longest work comes first, so that no process ends with it alone."""
    first = {"test_run_all.py": 0, "test_runner.py": 2}
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: 1 if item.path.suffix == ".ipynb" else first.get(item.path.name, 3))


def pytest_xdist_make_scheduler(config, log):
    """A test file stays in one process; so do the notebooks, in order, as 09 reads what 04 to 08 left."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::")[0]
            return "notebooks" if path.endswith(".ipynb") else path

    return ByFile(config, log)
