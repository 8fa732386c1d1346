"""The look of all charts, on a light and on a dark page. The colours themselves are in ``lib.colours``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go

from lib import colours, settings
from lib.colours import COLOURS, NETWORKS, THEMES
from lib.errors import ProjectError

FONT = "system-ui, sans-serif"
_RGBA = re.compile(r"rgba\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*([\d.]+)\s*\)")


class ThemeError(ProjectError):
    """A theme that does not exist."""


def colour(meaning: str) -> str:
    """The light value of a meaning; :func:`themed` exchanges it."""
    return COLOURS[meaning][0]


def tint(meaning: str, opacity: float) -> str:
    """A translucent area of a meaning's colour. Give it an edge in the full colour: by itself it lacks contrast."""
    red, green, blue = _rgb(colour(meaning))
    return f"rgba({red},{green},{blue},{opacity:g})"


def network_colour(network: str) -> str:
    """A network's colour; any other forecast has that of forecasts."""
    return colour(network_meaning(network))


def network_meaning(network: str) -> str:
    """The meaning under which a network's colour stands; any other forecast has that of forecasts."""
    return colours.network(network) if network in settings.NETWORKS else "forecast"


def coin_colour(ticker: str) -> str:
    """A coin's colour, as :func:`lib.colours.coin` names it."""
    return colour(colours.coin(ticker))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio), of ``#RRGGBB``."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(hexadecimal: str) -> float:
    channels = [value / 255 for value in _rgb(hexadecimal)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(hexadecimal: str) -> tuple[int, int, int]:
    return tuple(int(hexadecimal[k : k + 2], 16) for k in (1, 3, 5))


def themed(figure: go.Figure, theme: str) -> go.Figure:
    """Give a chart the colours of a theme, in place, and return it.

    Works on figures and figure widgets of this package, whatever theme they have, and as often as
    wanted; a widget sends one message. Data, zoom and drawn lines stay.

    Raises:
        ThemeError: the theme is neither ``light`` nor ``dark``.
    """
    if theme not in THEMES:
        raise ThemeError(f"theme is {theme!r}, allowed are {' and '.join(THEMES)}")
    place = list(THEMES).index(theme)
    exchange = {value.upper(): values[place] for values in COLOURS.values() for value in values}
    with figure.batch_update():
        for part in (*figure.data, figure.layout):
            for path, value in list(_strings(part.to_plotly_json())):
                new = _exchanged(value, exchange)
                if new and new != value:
                    part[path] = new
        figure.layout.template = TEMPLATES[theme]
    return figure


def _exchanged(value: str, exchange: Mapping[str, str]) -> str | None:
    if translucent := _RGBA.fullmatch(value):
        *channels, opacity = translucent.groups()
        new = exchange.get("#" + "".join(f"{int(c):02X}" for c in channels))
        return new and "rgba({},{},{},{})".format(*_rgb(new), opacity)
    return exchange.get(value.upper())


def _strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths of all texts in a part of a chart, as Plotly writes them; the template is replaced whole."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, dict):
        for name, below in node.items():
            if name not in ("template", "x", "y", "customdata"):
                yield from _strings(below, f"{path}.{name}" if path else name)
    elif isinstance(node, (list, tuple)):
        for k, below in enumerate(node):
            if isinstance(below, dict):
                yield from _strings(below, f"{path}[{k}]")


def _template(theme: str) -> go.layout.Template:
    page = THEMES[theme]
    axis = {
        "gridcolor": page["grid"],
        "griddash": "1px,5px",
        "gridwidth": 1,
        "linecolor": page["grid"],
        "showline": True,
        "ticks": "outside",
        "tickcolor": page["grid"],
        "ticklen": 4,
        "zeroline": False,
        "automargin": True,
        "tickfont": {"color": page["muted"], "size": 11},
        "title": {"font": {"color": page["muted"], "size": 12}, "standoff": 6},
    }
    selector = {
        "bgcolor": page["background"],
        "activecolor": page["surface"],
        "bordercolor": page["border"],
        "borderwidth": 1,
        "font": {"color": page["text"], "size": 11},
        "x": 0,
        "xanchor": "left",
        "y": 1.008,
        "yanchor": "bottom",
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": page["surface"],
            "plot_bgcolor": page["surface"],
            "font": {"family": FONT, "size": 12, "color": page["text"]},
            "title": {
                "x": 0,
                "xanchor": "left",
                "xref": "container",
                "y": 1,
                "yanchor": "top",
                "yref": "container",
                "automargin": False,
                "pad": {"l": 10, "t": 8, "b": 6},
                "font": {"size": 15},
                "subtitle": {"font": {"size": 12, "color": page["muted"]}},
            },
            "margin": {"l": 8, "r": 10, "t": 10, "b": 8},
            "xaxis": {**axis, "rangeselector": selector},
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "bottom",
                "yref": "container",
                "bgcolor": "rgba(0,0,0,0)",
                "font": {"color": page["text"], "size": 12},
                "traceorder": "normal",
            },
            "hoverlabel": {
                "bgcolor": page["background"],
                "bordercolor": page["border"],
                "font": {"color": page["text"], "family": FONT},
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": page["muted"], "activecolor": page["accent"]},
            "newshape": {"line": {"color": page["accent"], "width": 2}},
            "annotationdefaults": {"font": {"color": page["text"], "size": 11}, "showarrow": False},
            "colorway": [values[list(THEMES).index(theme)] for name, values in COLOURS.items() if name in NETWORKS],
        }
    )


TEMPLATES = {theme: _template(theme) for theme in THEMES}
