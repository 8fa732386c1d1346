"""The stamp of a notebook's results: digests of the code and data that its numbers depend on.

That is the notebook's own code and every source below ``lib/`` that it imports, directly or through
others, and what the thesis printed. Python is digested as a syntax tree without docstrings and comments,
so that wording does not matter. The first 16 hex digits of each SHA-256 are kept.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Iterator, Mapping

from lib.files import sha256
from lib.places import PROJECT_ROOT

DIGITS = 16

# Sources that cannot change a number, and why. What only they import is left out with them.
CHANGE_NO_NUMBER = {
    "lib.report": "shows results that are there",
    "lib.provenance": "compares results that are there",
    "lib.runner": "starts notebooks; what it hands them is compared as parameters",
    "lib.progress": "tells how far work is",
    "lib.figures": "draws what was computed; the pictures are not held against anything",
    "lib.skill_figures": "as lib.figures",
    "lib.claims.figure": "as lib.figures",
    "lib.claims.trace": "shows rows and names files",
    "lib.errors": "one class of errors",
    "lib.settings": "refuses or passes parameters, which are compared themselves",
    "lib.contradictions": "as lib.settings",
    "lib.flat_yaml": "as lib.settings",
    "lib.artifacts": "writes results whole; their bytes are compared with the records",
    "lib.files": "as lib.artifacts",
    "lib.kept": "as lib.artifacts, for single trainings",
    "lib.places": "knows folders",
}
# Calls by which a notebook goes on from dear work: its own studies, one file a ticker (capitals) and network, and
# single trainings in a file that several notebooks may share (small letters).
_STUDIES, _KEPT = ".study_path", re.compile(r"\.kept\(\"(\w+)\"\)")
# Packages whose data files steer numbers, beside lib.thesis, of which everything always counts.
DATA = ("lib/thesis", "lib/claims")


def depends_on(notebook: Path, project: Path = PROJECT_ROOT) -> dict[str, str]:
    """What a notebook's numbers depend on.

    Args:
        notebook: the ``.ipynb`` file.
        project: the folder that holds ``lib/``.

    Returns:
        Path from the project's root -> digest, by path; the notebook itself stands under ``notebooks/``.

    Raises:
        OSError, ValueError: the notebook cannot be read.
    """
    code = code_of(notebook)
    found = {f"notebooks/{notebook.name}": _digest(code)}
    for name, path in closure(code, project).items():
        found[path.relative_to(project).as_posix()] = _digest(path.read_text(encoding="utf-8"))
    for folder in DATA:
        if folder == DATA[0] or f"{folder}/__init__.py" in found:
            for path in (project / folder).rglob("*"):
                if path.is_file() and path.suffix not in (".py", ".pyc"):
                    found[path.relative_to(project).as_posix()] = sha256(path)[:DIGITS]
    return dict(sorted(found.items()))


def code_of(notebook: Path) -> str:
    """A notebook's code without its parameters cell and without lines for IPython."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    kept = [c for c in cells if c["cell_type"] == "code" and "parameters" not in c["metadata"].get("tags", [])]
    lines = "\n".join("".join(c["source"]) for c in kept).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def closure(code: str, project: Path = PROJECT_ROOT) -> dict[str, Path]:
    """Module -> file of everything below ``lib`` that code imports, directly or through others."""
    found: dict[str, Path] = {}
    waiting = list(_imports(code, project))
    while waiting:
        name = waiting.pop()
        path = _file_of(name, project)
        if path is None or name in found or _changes_no_number(name):
            continue
        found[name] = path
        waiting += _imports(path.read_text(encoding="utf-8"), project)
    return found


def differences(stamped: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """Which files of two stamps differ, each in a few words."""
    words = []
    for path in sorted({*stamped, *present}):
        if path not in present:
            words.append(f"{path} is not used any more")
        elif path not in stamped:
            words.append(f"{path} is used now")
        elif stamped[path] != present[path]:
            words.append(f"{path} has changed")
    return words


def begin(
    notebook: Path, root: Path, earlier: Mapping[str, Any] | None, project: Path = PROJECT_ROOT,
    others: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """The stamp of a notebook that starts now.

    Args:
        notebook: the ``.ipynb`` file.
        root: the run's folder; finished trials and trainings in ``studies/`` are gone on from.
        earlier: the notebook's own stamp of the run that left them, if it had one.
        project: the folder that holds ``lib/``.
        others: stamps of the run's other notebooks by name; those that keep trainings in the same file count as well.

    Returns:
        ``files`` as :func:`depends_on` gives them, ``record`` None until :func:`finish`, and ``mixed``:
        in what the sources of the earlier, kept work differ from these.
    """
    try:
        files, code = depends_on(notebook, project), code_of(notebook)
    except (OSError, ValueError, KeyError):  # the notebook itself will say what is wrong with it
        return {"record": None, "files": {}, "mixed": ["it could not be read"]}
    left = {path.stem for path in (root / "studies").glob("*.db")}
    shared = set(_KEPT.findall(code)) & left
    if not shared and not (_STUDIES in code and any(name != name.lower() for name in left)):
        return {"record": None, "files": files, "mixed": []}
    mixed = [*earlier.get("mixed", []), *differences(earlier["files"], files)] if earlier else []
    known = bool(earlier)
    for name, stamp in (others or {}).items():
        if shared and stamp and name != notebook.stem and shared & _kept_by(notebook.with_name(f"{name}.ipynb")):
            known, both = True, stamp["files"].keys() & files.keys()
            mixed += stamp["mixed"] + differences({k: stamp["files"][k] for k in both}, {k: files[k] for k in both})
    if not known:
        mixed = ["nothing is known about the sources of the trials or trainings that were there before"]
    return {"record": None, "files": files, "mixed": sorted(set(mixed))}


def _kept_by(notebook: Path) -> set[str]:
    try:
        return set(_KEPT.findall(code_of(notebook)))
    except (OSError, ValueError, KeyError):
        return set()


def finish(stamp: Mapping[str, Any], notebook: Path, record: Path, project: Path = PROJECT_ROOT) -> dict[str, Any]:
    """The stamp of a notebook that is done: tied to its record, and in doubt if a source changed while it ran."""
    try:
        while_it_ran = [f"{words} while it ran" for words in differences(stamp["files"], depends_on(notebook, project))]
        digest = sha256(record)
    except (OSError, ValueError, KeyError):
        while_it_ran, digest = ["it could not be read"], None
    return {**stamp, "record": digest, "mixed": sorted({*stamp["mixed"], *while_it_ran})}


def _imports(code: str, project: Path) -> Iterator[str]:
    """Names of modules below lib that code imports anywhere, with the packages around them."""
    for node in ast.walk(_tree(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "lib":
                yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _file_of(name: str, project: Path) -> Path | None:
    base = project.joinpath(*name.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _changes_no_number(name: str) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in CHANGE_NO_NUMBER)


def _tree(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _digest(code: str) -> str:
    """Of the syntax tree without docstrings; of the text, if it is no Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return hashlib.sha256(code.encode()).hexdigest()[:DIGITS]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:DIGITS]
