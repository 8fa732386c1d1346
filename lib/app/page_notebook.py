"""The notebook that a page runs: up to the dashboard, with the parameters that the page was started with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from lib.errors import ProjectError
from lib.results import files

TAG = "page"  # of the cell that shows the dashboard; what comes after it is for runs without a screen


class PageError(ProjectError):
    """A notebook has no dashboard to be served."""


def write(notebook: Path, folder: Path, parameters: Mapping[str, Any]) -> Path:
    """Write the page's notebook.

    Args:
        notebook: with a cell tagged ``page``; without one all of it is the page.
        folder: where the copy goes.
        parameters: key -> value, put after the parameters cell as papermill does.

    Returns:
        The copy's path, of the same name.

    Raises:
        PageError: it is not a notebook.
    """
    try:
        made = load_notebook_node(str(notebook))  # with the metadata that papermill looks for
        ends = [at for at, cell in enumerate(made.cells, 1) if TAG in cell.metadata.get("tags", [])]
        made.cells = made.cells[: ends[0]] if ends else made.cells
        made = parameterize_notebook(made, dict(parameters)) if parameters else made
    except Exception as error:  # a file of any content makes nbformat raise many kinds
        why = " ".join(str(error).split())[:200]
        raise PageError(f"{notebook} cannot be read as a notebook ({type(error).__name__}: {why})") from error
    return files.write_text(folder / notebook.name, nbformat.writes(made))
