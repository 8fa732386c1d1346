"""Every path, name and link that the documents mention exists."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CREATED_BY_RUNS = (".cache", "build/", "outputs/sample", "outputs/<run>")


def mentioned(document: Path) -> list[str]:
    """What stands in backticks, outside blocks of code."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return bool(module) and hasattr(importlib.import_module(module), attribute)
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_name_of_the_library_in_a_document_exists(document):
    names = [name for name in mentioned(document) if re.fullmatch(r"lib(\.\w+)+", name)]
    assert names and [name for name in names if not resolves(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_path_and_link_in_a_document_exists(document):
    paths = [p for p in mentioned(document) if re.fullmatch(r"[\w.<>-]*/[\w./<>-]*|\w+\.(py|md|txt|toml)", p)]
    lost = [p for p in paths if not p.startswith(CREATED_BY_RUNS) and not (ROOT / p).exists()]
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert paths and lost + [link for link in links if not (document.parent / link).exists()] == []


def test_the_drawing_names_every_room():
    drawing = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    rooms = {p.parent.name for p in (ROOT / "lib").glob("*/__init__.py")}
    assert {room for room in rooms if f"lib/{room}" not in drawing} == set()


def test_rooms_import_only_rooms_below_them_as_the_document_lists_them():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ((?:`lib/\w+/`(?:, )?)+) \|", text.partition("## Rooms")[2].partition("## ")[0], re.MULTILINE
    )
    level = {room: at for at, row in enumerate(rows) for room in re.findall(r"lib/(\w+)/", row)}
    upward = set()
    for path in (ROOT / "lib").glob("*/**/*.py"):
        own = path.relative_to(ROOT / "lib").parts[0]
        for found in re.findall(r"^\s*(?:from|import) lib(?:\.| import )(\w+)", path.read_text("utf-8"), re.MULTILINE):
            if found in level and level[found] < level[own]:
                upward.add(f"{path.relative_to(ROOT)} imports {found}")
    assert upward == set()


def test_the_glossary_is_in_alphabetical_order():
    words = re.findall(r"^\*\*(.+?)\.\*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 40 and words == sorted(words, key=str.lower)


def test_every_row_of_the_faults_leads_to_a_test_that_exists():
    page = ROOT / "docs" / "faults.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if re.match(r"\| (?!Fault \|)", line)]
    lost = []
    for row in rows:
        linked = re.findall(r"\[`(test_\w+)`\]\((\S+\.py)\)", row)
        for name, file in linked or [("no test", "")]:
            path = page.parent / file
            if not path.is_file() or f"\ndef {name}(" not in path.read_text(encoding="utf-8"):
                lost.append(f"{row[:60]}: {name}")
    assert len(rows) > 40 and lost == []


def test_one_version_everywhere_and_a_section_of_changes_for_it():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", changes, re.MULTILINE)
    days = [day for _, day in heads[1:]]
    assert heads[0] == ("Unreleased", "") and days == sorted(days, reverse=True)
    kinds = set(re.findall(r"^### (.+)$", changes, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert heads[1] == (project["version"], str(citation["date-released"])) and citation["version"] == heads[1][0]
