"""The dashboard's frame: panels in a grid that fits the screen, a theme, and a line that tells what happens.

Made of ipywidgets' boxes, so that any widget can be a panel's content. Two small anywidgets, one on top and
one in each panel, lend the frame its behaviour; what a person chose (theme, sizes, folded panels) stays in
the browser. The same frame works in JupyterLab and on the page that Voila serves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from lib.app import page_theme
from lib.errors import ProjectError

_FOLDER = Path(__file__).parent
_CSS = (
    page_theme.rules(".forecast-shell")
    + "\n"
    + "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("shell.css", "panels.css"))
)
_ESM = (_FOLDER / "shell.js").read_text(encoding="utf-8")
MOST_COLUMNS = 4


@dataclass(frozen=True)
class Panel:
    """One field of the dashboard.

    Attributes:
        key: lower-case name, unique in its shell; sizes are kept under it.
        title: its heading.
        widget: its content.
        columns: how many columns of the grid it takes until a person resizes it, 1 to 4.
    """

    key: str
    title: str
    widget: ipywidgets.Widget
    columns: int = 1


class _Part(anywidget.AnyWidget):
    _esm = _ESM
    shell = traitlets.Unicode().tag(sync=True)


class Bar(_Part):
    """The line on top: what happens, which theme, and the way back to the usual layout. It brings the style sheet."""

    _css = _CSS
    kind = traitlets.Unicode("bar").tag(sync=True)
    theme = traitlets.Enum(page_theme.NAMES, default_value="light").tag(sync=True)
    visitor = traitlets.Unicode(help="32 hex digits that this browser keeps: whose page it is").tag(sync=True)
    said = traitlets.Dict({"count": 0, "text": "", "urgent": False}).tag(sync=True)


class PanelHead(_Part):
    """A panel's heading: folds it, and holds the handle that resizes it."""

    kind = traitlets.Unicode("panel").tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    most_columns = traitlets.Int(MOST_COLUMNS).tag(sync=True)


class Shell(ipywidgets.VBox):
    """The dashboard: show it, or end a cell with it.

    Args:
        panels: in reading order.
        name: lower-case name under which the browser keeps sizes; two shells on one page need two names.

    Raises:
        ProjectError: no panel, or a key, name or number of columns that cannot be used.
    """

    theme = traitlets.Enum(
        page_theme.NAMES, default_value="light", help="what the browser shows; observe it to colour figures"
    ).tag(sync=False)

    def __init__(self, panels: Sequence[Panel], name: str = "forecast") -> None:
        _check(panels, name)
        self.panels = tuple(panels)
        self.bar = Bar(shell=name)
        self.bar.add_class("forecast-bar")
        self.grid = ipywidgets.Box([_framed(panel, name) for panel in panels])
        self.grid.add_class("forecast-grid")
        super().__init__([self.bar, self.grid])
        self.add_class("forecast-shell")
        traitlets.link((self.bar, "theme"), (self, "theme"))

    def say(self, text: str, urgent: bool = False) -> None:
        """Show a sentence on the top line; screen readers read it out, at once if it is urgent."""
        self.bar.said = {"count": self.bar.said["count"] + 1, "text": text, "urgent": urgent}


def _framed(panel: Panel, name: str) -> ipywidgets.VBox:
    head = PanelHead(shell=name, key=panel.key, title=panel.title, columns=panel.columns)
    head.add_class("forecast-head")
    body = ipywidgets.Box([panel.widget])
    body.add_class("forecast-body")
    framed = ipywidgets.VBox([head, body])
    for name in ("forecast-panel", f"forecast-panel-{panel.key}", f"forecast-columns-{panel.columns}"):
        framed.add_class(name)
    return framed


def _check(panels: Sequence[Panel], name: str) -> None:
    if not panels:
        raise ProjectError("a shell needs at least one panel: Shell([Panel(key, title, widget)])")
    keys = [panel.key for panel in panels]
    for word in (name, *keys):
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", word):
            raise ProjectError(
                f"'{word}' cannot name a shell or a panel: lower-case letters, digits, _ and - are allowed, a letter"
                " first"
            )
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ProjectError(
            f"two panels have the key {', '.join(twice)}: each needs its own, as sizes are kept under it"
        )
    for panel in panels:
        if panel.columns not in range(1, MOST_COLUMNS + 1):
            raise ProjectError(f"panel {panel.key}: {panel.columns} columns; 1 to {MOST_COLUMNS} are allowed")
