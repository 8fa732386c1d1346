"""The page's colours in both themes, and the style sheet variables made of them.

The charts' own colours (:data:`lib.app.charts.THEMES`) and the few that only a page needs. Text reaches WCAG AA's
4.5:1 on every ground; edges of controls and the mark of the keyboard reach 3:1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from lib.app.charts import COLOURS as MEANINGS
from lib.app.charts import THEMES

Theme = Literal["light", "dark"]
NAMES: tuple[Theme, ...] = get_args(Theme)
# The page's name of a colour -> the charts'.
_SHARED = {
    "page": "background",
    "surface": "surface",
    "text": "text",
    "soft": "muted",
    "edge": "border",
    "accent": "accent",
    "on_accent": "accent_text",
    "focus": "accent",
    "good": "good",
    "bad": "error",
    "warn": "warning",
}
# Grounds of buttons and table heads; lines that only decorate.
_OWN: Mapping[Theme, Mapping[str, str]] = {
    "light": {"raised": "#E9EDF1", "line": "#D0D7DE"},
    "dark": {"raised": "#262D36", "line": "#3A424D"},
}
COLOURS: Mapping[Theme, Mapping[str, str]] = {
    theme: {**{name: THEMES[theme][shared] for name, shared in _SHARED.items()}, **_OWN[theme]} for theme in NAMES
}
GROUNDS = ("page", "surface", "raised")
WORDS = ("text", "soft", "accent", "good", "bad", "warn")


def variables(theme: Theme) -> str:
    """The theme as CSS declarations, ``--page: #F2F4F7; ...``, those of the charts (``--c-naive: ...``), and the
    browser's own colour scheme."""
    place = NAMES.index(theme)
    declared = "".join(f"--{name.replace('_', '-')}: {colour}; " for name, colour in COLOURS[theme].items())
    declared += "".join(f"--c-{name.lower().replace(' ', '-')}: {values[place]}; " for name, values in MEANINGS.items())
    return f"color-scheme: {theme}; {declared}".strip()


def rules(selector: str) -> str:
    """One CSS rule a theme for the elements that ``selector`` finds, one for each ``data-theme``."""
    return "\n".join(f'{selector}[data-theme="{theme}"] {{ {variables(theme)} }}' for theme in NAMES)
