"""The executed copy of a notebook: whole, also after a failure, its links whole, and no path of this machine in it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.results.files import write_text
from lib.settings import PROJECT_ROOT

_PROJECT_LINK = re.compile(r"\]\(\.\./(?=(?:docs|outputs)/)")  # as a notebook in notebooks/ writes it


def draft_of(executed: Path) -> Path:
    """Where papermill writes while a notebook runs."""
    return executed.with_name(f".{executed.name.removesuffix('.ipynb')}.running.ipynb")


def keep(executed: Path, source: Path, error: Mapping[str, Any] | None) -> None:
    """Tidy the draft of ``executed`` and move it to its place.

    Progress lines are reduced to their last state, paths of this machine to the project's. Links to the
    project's documents lead there from the copy, if it lies in the project. An error that left no trace in
    its cell (a dead kernel) is added there. If the draft is missing or half written, the copy is the source
    notebook with the error in it.

    Raises:
        FileError: the place cannot be written.
    """
    import nbformat

    draft = draft_of(executed)
    try:
        notebook = nbformat.read(draft, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        notebook = nbformat.read(source, as_version=4)
    place = executed.resolve().parent
    up = os.path.relpath(PROJECT_ROOT, place).replace(os.sep, "/") if place.is_relative_to(PROJECT_ROOT) else ".."
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _PROJECT_LINK.sub(f"]({up}/", cell.source)
        if cell.get("outputs"):
            cell.outputs = joined(cell.outputs)
            for output in cell.outputs:
                _tidy(output)
    if error and not any(o.output_type == "error" for c in notebook.cells for o in c.get("outputs", [])):
        code = [c for c in notebook.cells[error.get("index", 0) :] if c.cell_type == "code"]
        sentence = f"{error['ename']}: {error['evalue']}"
        if code:
            output = nbformat.v4.new_output("error", ename=error["ename"], evalue=error["evalue"], traceback=[sentence])
            code[0].outputs = [*code[0].get("outputs", []), output]
    if "papermill" in notebook.metadata:
        notebook.metadata.papermill.update(input_path=_short(str(source)), output_path=_short(str(executed)))
    write_text(executed, nbformat.writes(notebook) + "\n")
    draft.unlink(missing_ok=True)


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs with neighbouring pieces of the same stream put together, everything else in its order."""
    result: list[Any] = []
    for output in outputs:
        if result and output.output_type == "stream" == result[-1].output_type and output.name == result[-1].name:
            result[-1].text += output.text
        else:
            result.append(output)
    return result


def last_states(text: str) -> str:
    """Text as a terminal would show it in the end: of a line that was written over, the last version."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        versions = [v for v in line.split("\r") if v.strip()]
        lines.append(versions[-1].rstrip() if versions and "\r" in line else line)
    return "\n".join(lines)


def _tidy(output: Any) -> None:
    if output.output_type == "stream":
        output.text = _short(last_states(output.text))
    elif output.output_type == "error":
        output.traceback = [_short(line) for line in output.traceback]
    else:
        for kind in ("text/plain", "text/html"):
            if isinstance(output.get("data", {}).get(kind), str):
                output.data[kind] = _short(output.data[kind])


def _short(text: str) -> str:
    text = text.replace(str(Path(sys.prefix)), "(python)")  # first, as the environment may lie inside the project
    text = text.replace(f"{PROJECT_ROOT}/", "")
    return re.sub(r"/tmp/ipykernel_\d+/\d+\.py", "(cell)", text)
