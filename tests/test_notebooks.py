"""Every notebook keeps to the house's shape, and its parameters to theirs."""

import ast
import io
import re
import statistics
import tokenize

import nbformat
import papermill
import pytest

from lib import settings
from lib.report import equations

FOLDER = settings.PROJECT_ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def code_cells(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def parameters_cell(path):
    tagged = [c for c in code_cells(path) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1, f"{path.name} has {len(tagged)} cells tagged parameters"
    return tagged[0]


def declared(path):
    return {n.targets[0].id: ast.literal_eval(n.value) for n in ast.parse(parameters_cell(path).source).body}


def python_of(cell):
    return "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith("%"))


def assigned_names(tree):
    """Every name that code gives a value: assignments, loops, with, imports, definitions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    return names


def test_the_nine_notebooks_of_the_thesis_are_there():
    assert {
        "01_data",
        "02_stationarity",
        "03_preprocessing",
        "04_cnn",
        "05_lstm",
        "06_cnn_lstm",
        "07_lstm_cnn",
        "08_tuning",
        "09_comparison",
    } <= {p.stem for p in NOTEBOOKS}


@each_notebook
def test_first_cell_says_question_reads_leaves_and_time(path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown" and first.source.startswith(f"# {path.stem.partition('_')[0]} ")
    for wanted in ("**Question.**", "| Reproduces |", "| Reads |", "| Leaves |", "| Takes |"):
        assert wanted in first.source


@each_notebook
def test_committed_without_outputs(path):
    assert all(not c.outputs and c.execution_count is None for c in code_cells(path))


@each_notebook
def test_cells_are_short_and_define_nothing(path):
    cells = [
        c for c in code_cells(path) if c is not parameters_cell(path) and "parameters" not in c.metadata.get("tags", [])
    ]
    lengths = [sum(1 for line in c.source.splitlines() if line.strip()) for c in cells]
    assert max(lengths) <= 25 and statistics.median(lengths) <= 8
    assert not [
        n for c in cells for n in ast.walk(ast.parse(python_of(c))) if isinstance(n, (ast.FunctionDef, ast.ClassDef))
    ]


@each_notebook
def test_the_parameters_cell_names_a_file_and_few_keys_that_are_not_set(path):
    (first, file), *keys = declared(path).items()
    assert (first, file) == ("parameters_file", "params/sample.yaml")
    assert 3 <= len(keys) <= 8 and all(value is None for _, value in keys)
    assert parameters_cell(path).source.count("\n") < 10
    tokens = tokenize.generate_tokens(io.StringIO(parameters_cell(path).source).readline)
    comments = [t.string for t in tokens if t.type == tokenize.COMMENT]
    assert comments[1:] == [f"# {settings.meaning(name)}" for name, _ in keys]
    assert not any("=" in c for c in comments), "papermill's parser trips on it"


@each_notebook
def test_the_next_cell_shows_what_is_in_force(path):
    code = code_cells(path)
    assert code[0].id == parameters_cell(path).id
    lines = code[1].source.splitlines()
    assert "P = settings.from_notebook(globals())" in lines and lines[-1] == "settings.in_force(P, globals())"


@each_notebook
def test_papermill_finds_every_declared_parameter(path):
    assert set(papermill.inspect_notebook(path)) == set(declared(path))


@each_notebook
def test_no_parameter_is_assigned_again(path):
    """A name assigned after the parameters cell would silently beat what papermill injects."""
    cells = code_cells(path)
    later = cells[[c.id for c in cells].index(parameters_cell(path).id) + 1 :]
    for cell in later:
        again = assigned_names(ast.parse(python_of(cell))) & {"parameters_file", *settings.KEYS}
        assert not again, f"{path.name} assigns {again} again in: {cell.source.splitlines()[0]}"


@each_notebook
def test_every_parameter_read_is_known(path):
    code = "\n".join(python_of(c) for c in code_cells(path))
    assert set(re.findall(r"\bP\.(\w+)", code)) <= {*settings.KEYS, "changed"}  # a copy with other values


@each_notebook
def test_ends_by_leaving_its_record_under_its_own_name(path):
    code = [python_of(c) for c in code_cells(path)]
    assert f'artifacts.Store(P, "{path.stem}")' in "\n".join(code)
    assert "store.finish()" in code[-1]


@each_notebook
def test_what_it_waits_for_exists(path):
    after = nbformat.read(path, as_version=4).metadata["run"]["after"]
    assert set(after) <= {p.stem for p in NOTEBOOKS}
    assert all(name < path.stem for name in after)


# -- notebooks that teach ------------------------------------------------------------------

# A value gets its name in every notebook that needs it: these lines are one call each.
SHARED = {
    "prices = market.prices_of(P)",
    "store.fact(data=market.digest(prices))",
    "data = windows.build(prices, P)",
    "store.fact(seeds=frames.seeds_used(forecasts))",
    "print(store.finish())",
    "with figures.style():",
}


def cells_of(path):
    return nbformat.read(path, as_version=4).cells


def own_lines(path):
    """Lines of code and paragraphs of prose, without what every notebook has: head, parameters, set-up, headings."""
    _, _, _, *rest = cells_of(path)
    lines = {line.strip() for c in rest for line in c.source.splitlines()}
    return {s for s in lines if len(s) > 12 and not s.startswith(("#", "import ", "from ")) and not s.endswith("(")}


def lacks(path):
    """What a notebook lacks to teach, a phrase each."""
    cells, names = cells_of(path), [p.stem for p in NOTEBOOKS]
    kinds = [c.cell_type for c in cells]
    first, prose = cells[0].source, [c.source for c in cells if c.cell_type == "markdown"]
    code = code_cells(path)
    at = names.index(path.stem)
    beside = names[max(0, at - 1) : at] + names[at + 1 : at + 2]
    crowded = [
        b.source.splitlines()[0]
        for a, b in zip(cells, cells[1:])
        if (a.cell_type, b.cell_type) == ("code", "code") and a.id != code[0].id and not b.source.startswith("# ")
    ]
    exercises = next((text for text in prose if text.startswith("## Exercises")), "")
    tasks = re.findall(r"^\d\. .+", exercises, re.MULTILINE)
    learned = [k for k, c in enumerate(cells) if c.source.startswith("## What was learned")]
    wanted = {
        "markdown for at least 0.7 of its code cells": kinds.count("markdown") >= 0.7 * kinds.count("code"),
        f"prose or a comment with the reason before {crowded}": not crowded,
        f"links to {beside} in its first cell": all(f"]({name}.ipynb)" in first for name in beside),
        "an equation": any(equations.EQUATION.search(text) for text in prose),
        "what was learned, computed, before the exercises": len(learned) == 1
        and cells[learned[0] + 1].id == code[-2].id,
        "two or three exercises that each say what to expect": len(tasks) in (2, 3)
        and all("xpect" in t for t in tasks),
    }
    return [what for what, there in wanted.items() if not there]


@each_notebook
def test_it_teaches(path):
    assert lacks(path) == []


def test_no_line_is_in_two_notebooks():
    """What two of them need is a function of lib."""
    seen = {}
    for path in NOTEBOOKS:
        for line in own_lines(path) - SHARED:
            seen.setdefault(line, []).append(path.stem)
    assert {line: where for line, where in seen.items() if len(where) > 1} == {}


@each_notebook
def test_every_equation_can_be_drawn(path):
    """A page of a run has no script that could set them, so matplotlib does."""
    for text in (c.source for c in cells_of(path) if c.cell_type == "markdown"):
        for found in equations.EQUATION.finditer(text):
            assert equations.svg(found["block"] or found["inline"])


@each_notebook
def test_its_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)#:]+)\)", "\n".join(c.source for c in cells_of(path) if c.cell_type == "markdown"))
    assert [link for link in links if not (FOLDER / link).exists()] == []
