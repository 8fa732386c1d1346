"""The licences of the packages that the project names: python -m lib.report.licences writes docs/licences.md."""

from __future__ import annotations

import importlib.metadata
import sys
from itertools import chain
from pathlib import Path

from lib import installed
from lib.errors import ProjectError
from lib.report import markdown
from lib.results import files
from lib.settings.places import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "licences.md"
_LONGEST = 40  # letters of a licence's name; more is its text
_HEAD = """# Licences

The project itself is under the MIT licence, see `LICENSE`. These are the licences of the packages that
`pyproject.toml` names, as the installed packages state them; the packages that those need in turn are in
`requirements.txt`. `python -m lib.report.licences` writes this page (`lib.report.licences`).

"""
_END = """
Programs that run beside it and are not part of it: Redis (7.2 is the last release under BSD-3-Clause, and the one in
`compose.yaml`), nginx (BSD-2-Clause), and for tests Chromium (BSD-3-Clause) and OpenSSL (Apache-2.0).
"""


class LicenceError(ProjectError):
    """A package is missing or states no licence."""


def licence(package: str) -> str:
    """The licence that an installed package states: its expression, else its name for it, its class, its file's title.

    Raises:
        LicenceError: the package is not installed, or states none.
    """
    try:
        about = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise LicenceError(f"{package} is not installed: pip install -r requirements.txt") from None
    stated = about.metadata
    if expressions := stated.get_all("License-Expression"):
        return expressions[0]
    classes = [text.rpartition(" :: ")[2] for text in stated.get_all("Classifier") or [] if " :: OSI Approved" in text]
    texts = (Path(str(f.locate())).read_text("utf-8") for f in about.files or () if f.stem.upper() == "LICENSE")
    for words in chain(stated.get_all("License") or [], classes, texts):
        first = words.partition("\n")[0].strip("# ")
        if first and len(first) <= _LONGEST and not first.startswith("Copyright"):
            return first
    raise LicenceError(f"{package} states no licence in its metadata: read its files, and add a rule here")


def page() -> str:
    """The page as Markdown."""
    rows = [[name, licence(name)] for name in sorted(installed.versions(), key=str.lower)]
    return _HEAD + markdown.table(["Package", "Licence"], rows) + "\n" + _END


def main() -> int:
    """Write the page; returns the exit code."""
    try:
        files.write_text(PAGE, page())
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
