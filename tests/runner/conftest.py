"""Tiny notebooks, and orders for them."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib.runner import order

PARAMETERS = 'parameters_file = "params/sample.yaml"\nseed = None  # a seed'


@pytest.fixture(scope="session")
def put():
    """A function that writes a notebook with a heading, a parameters cell and these code cells."""

    def write(folder: Path, name: str, *cells: str, text: str = "", parameters: str = PARAMETERS, **run) -> Path:
        folder.mkdir(exist_ok=True)
        first = new_code_cell(parameters)
        first.metadata["tags"] = ["parameters"]
        words = new_markdown_cell(text or f"# Title of {name}\n\nWhat does {name} ask?")
        kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
        about = {"kernelspec": kernel, "run": run}
        nbformat.write(
            new_notebook(cells=[words, first, *map(new_code_cell, cells)], metadata=about), folder / f"{name}.ipynb"
        )
        return folder / f"{name}.ipynb"

    return write


@pytest.fixture
def check(tmp_path):
    """A function that checks an order for the notebooks in ``tmp_path/books``, with results in ``tmp_path/out``."""

    def run(*overrides, **more):
        given = [f"output_dir={tmp_path / 'out'}", *overrides]
        return order.check("params/sample.yaml", given, notebooks_dir=tmp_path / "books", **more)

    return run
