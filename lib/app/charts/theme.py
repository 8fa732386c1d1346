"""Colours by meaning, each with a value for a light and one for a dark page, and the look of all charts.

Hues are those of ``lib.figures``; lightness differs so that every line reaches a contrast of 3:1 and every
text 4.5:1 against its ground (WCAG 2.2, success criteria 1.4.11 and 1.4.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go

from lib.errors import ProjectError

# The page takes its own colours from here. ``grid`` is for lines, ``border`` for edges of fields, ``accent`` for what can be pressed.
THEMES: dict[str, dict[str, str]] = {
    "light": {
        "background": "#F2F4F7",
        "surface": "#FFFFFF",
        "text": "#1B2027",
        "muted": "#555F6B",
        "grid": "#8A939D",
        "border": "#77818C",
        "accent": "#0A5FA8",
        "accent_text": "#FEFEFE",
        "error": "#B3261E",
        "good": "#1C6B3C",
        "warning": "#805300",
    },
    "dark": {
        "background": "#11151A",
        "surface": "#1A2027",
        "text": "#E9EDF1",
        "muted": "#A8B2BD",
        "grid": "#707B87",
        "border": "#7F8B98",
        "accent": "#6DB3F2",
        "accent_text": "#0C1116",
        "error": "#FF8F87",
        "good": "#6FCF97",
        "warning": "#F0B95B",
    },
}
NAIVE = "naive"
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")
COINS = ("ADA-USD", "ETH-USD", "SOL-USD", "BTC-USD")
OTHER_COINS = ("other coin 1", "other coin 2", "other coin 3", "other coin 4")

# Meaning -> (on light, on dark). No value stands for two meanings, so that a chart can go from one theme to the other.
COLOURS: dict[str, tuple[str, str]] = {
    "CNN": ("#A97400", "#E9A413"),
    "LSTM": ("#0072B2", "#4FA9E6"),
    "CNN-LSTM": ("#00845F", "#2BC496"),
    "LSTM-CNN": ("#B0578A", "#DC93BD"),
    NAIVE: ("#6E6E6E", "#A5A5A5"),
    "actual": ("#111111", "#F4F4F4"),
    "ADA-USD": ("#2A6FDB", "#7FABF3"),
    "ETH-USD": ("#D05B00", "#FF8C40"),
    "SOL-USD": ("#5D3A9B", "#B698EC"),
    "BTC-USD": ("#8A6D00", "#D6B23E"),
    "other coin 1": ("#117733", "#55BF79"),
    "other coin 2": ("#882255", "#DF7FAC"),
    "other coin 3": ("#2C8577", "#63C7B8"),
    "other coin 4": ("#77771F", "#BDBD57"),
    "training": ("#4B4B4B", "#C6C6C6"),
    "mark": ("#C00000", "#FF7C7C"),
    "reference": ("#686F77", "#98A1AB"),
    "forecast": ("#0B65A5", "#58AEEA"),
    "up": ("#00728F", "#52C7DF"),
    "down": ("#B5431A", "#FF9C75"),
    "volume": ("#7B8793", "#808C99"),
    "sma": ("#8A5A00", "#EDB45A"),
    "ema": ("#6B40B0", "#BBA3F0"),
    "band": ("#4D6C8E", "#8EB1D8"),
    "rsi": ("#573B8C", "#C2A8FA"),
    "macd": ("#1D5EA6", "#7AB6F3"),
    "signal": ("#B64B05", "#FFA968"),
    "histogram": ("#7D8690", "#8A929C"),
    "support": ("#006F78", "#5BCFD8"),
    "resistance": ("#A5316D", "#EF93C0"),
    **{f"page {name}": (THEMES["light"][name], THEMES["dark"][name]) for name in ("surface", "text", "accent")},
}
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
    return colour(network if network in NETWORKS else "forecast")


def coin_colour(ticker: str) -> str:
    """A coin's colour: fixed for the thesis's coins and BTC, by name for any other."""
    return colour(ticker if ticker in COINS else OTHER_COINS[sum(ticker.encode()) % len(OTHER_COINS)])


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
