"""Terms of ``docs/glossary.md``: linked where a page in Markdown uses one for the first time."""

from __future__ import annotations

import re
from functools import cache

from lib.settings.places import PROJECT_ROOT

GLOSSARY = PROJECT_ROOT / "docs" / "glossary.md"
# Everyday words too, or explained on the spot: linked everywhere they would only distract.
TOO_COMMON = {
    "cell",
    "claim",
    "close",
    "closing price",
    "gradient",
    "key",
    "loss",
    "question",
    "network",
    "records",
    "target",
    "trial",
    "window",
    "split",
    "study",
    "r2",
}
_TERM = re.compile(r'^<a id="([\w-]+)"></a>\n\*\*(.+?)\.\*\*', re.MULTILINE)
_NO_PROSE = re.compile(r"^\s*(\||#|<|!\[|```)")
# What has its own meaning in a line: a link or picture, code, a page's own name among the others.
_TAKEN = re.compile(r"!?\[[^\]]*\]\([^)]*\)|`[^`]*`|\*\*[^*]+\*\*")


@cache
def terms() -> dict[str, str]:
    """Term as a page may write it, in lower case -> its place in the glossary; the longest first."""
    found = {}
    for place, names in _TERM.findall(GLOSSARY.read_text(encoding="utf-8")):
        for name in names.split(", "):
            found[name.lower().removesuffix(" correction").removesuffix(" test")] = place
    kept = {name: place for name, place in found.items() if name not in TOO_COMMON}
    return dict(sorted(kept.items(), key=lambda pair: -len(pair[0])))


def linked(text: str, to: str) -> str:
    """A page whose terms are links, each where it first occurs in prose.

    Args:
        text: Markdown; headings, tables, code and links stay as they are.
        to: how the page links to the glossary; empty if it cannot, and then nothing is linked.
    """
    if not to:
        return text
    waiting, lines = dict(terms()), []
    for line in text.split("\n"):
        lines.append(line if _NO_PROSE.match(line) else _line(line, to, waiting))
    return "\n".join(lines)


def _line(line: str, to: str, waiting: dict[str, str]) -> str:
    for term, place in list(waiting.items()):
        taken = [found.span() for found in _TAKEN.finditer(line)]
        for found in re.finditer(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", line, re.IGNORECASE):
            if not any(start <= found.start() < end for start, end in taken):
                line = f"{line[: found.start()]}[{found[0]}]({to}#{place}){line[found.end() :]}"
                # One link to a place: "ADF" and "KPSS" share theirs.
                for same in [other for other, its in waiting.items() if its == place]:
                    del waiting[same]
                break
    return line
