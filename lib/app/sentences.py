"""Sentences as the page shows them: whoever looks at it learns no folder of the server."""

from __future__ import annotations

import re

_FOLDERS = re.compile(r"(?<![\w:/.])(?:/|~/|[A-Za-z]:\\)(?:[^\s/\\'\"()<>]+[/\\])+")


def without_folders(text: str) -> str:
    """The text with the last component only of each absolute path; addresses of web pages stay whole."""
    return _FOLDERS.sub("", text)
