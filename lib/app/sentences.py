"""Sentences as the page shows them: whoever looks at it learns no folder of the server."""

from __future__ import annotations

import os
import re

from lib.data.market import MarketError
from lib.settings import PROJECT_ROOT

_FOLDERS = re.compile(r"(?<![\w:/.])(?:/|~/|[A-Za-z]:\\)(?:[^\s/\\'\"()<>]+[/\\])+")


def without_folders(text: str) -> str:
    """The text with the last component only of each absolute path; addresses of web pages stay whole."""
    # The project's own place first, as the pattern does not see through a folder with a space in its name.
    return _FOLDERS.sub("", text.replace(f"{PROJECT_ROOT}{os.sep}", ""))


def for_page(error: Exception) -> str:
    """What a page says of an error: without folders, and without parameters that whoever looks at it cannot set."""
    return without_folders(error.what if isinstance(error, MarketError) else str(error))
