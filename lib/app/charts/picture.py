"""A chart as a PNG, drawn by matplotlib: Plotly's own export would need a browser."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.dates import AutoDateFormatter, AutoDateLocator, date2num
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from lib.app.charts.canvas import ChartError

_POINTS = 72 / 96  # in a pixel of a page, which is how Plotly measures lines, markers and letters
_DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (5, 3)), "dot": (0, (1.5, 1.5)), "dashdot": "-."}
_SYMBOLS = {"circle": "o", "x-thin": "x", "diamond": "D", "square": "s"}
_RGBA = re.compile(r"rgba?\(([^)]*)\)")
# Fills, bars, lines, shapes and texts lie over each other in this order, as in Plotly.
_FILLS, _BARS, _LINES, _SHAPES, _TEXTS = 1, 2, 3, 4, 5
# matplotlib does not promise to draw in several threads at once.
_ONE_AT_A_TIME = threading.Lock()


def png(figure: go.Figure, width: int = 900, dpi: int = 110) -> bytes:
    """A chart of this package as a PNG, in the theme that it has.

    Drawn are lines, markers, fills, bars, candles, rows of subplots, shapes, texts and the legend. What only a page
    can do (hover texts, buttons, sliders) is left out. Safe from several threads.

    Args:
        figure: rows over one column; its layout gives the height, 450 pixels by default.
        width: of the page that it is drawn for, in pixels of 1/96 inch; default 900.
        dpi: pixels of the picture for an inch; default 110, which makes 1,031 of 900.

    Raises:
        ChartError: the chart has something that cannot be drawn here; the sentence names it.
    """
    layout = _complete(figure)
    inches = width / 96, layout.get("height", 450) / 96
    with _ONE_AT_A_TIME:
        engine = ConstrainedLayoutEngine(h_pad=4 / 72, w_pad=6 / 72)
        picture = Figure(figsize=inches, dpi=dpi, facecolor=_colour(layout["paper_bgcolor"]), layout=engine)
        canvas = FigureCanvasAgg(picture)
        rows = _rows(picture, layout)
        named: dict[int, tuple[Any, str]] = {}
        for place, trace in enumerate(figure.data):
            handle = _draw(trace, rows, layout, place, [t for t in figure.data[:place] if t.yaxis == trace.yaxis])
            if trace.showlegend is not False and trace.name:
                named[place] = handle, _plain(trace.name)
        for shape in layout.get("shapes", ()):
            _shape(shape, rows, layout)
        for name, ax in rows.items():
            _axes(ax, name, layout, [t for t in figure.data if (t.yaxis or "y") == name])
        for note in layout.get("annotations", ()):
            _note(note, rows, layout)
        if named and layout.get("showlegend", len(figure.data) > 1):
            _legend(picture, layout, named.values())
        engine.set(rect=(0, 0, 1, _title(picture, layout)))
        file = io.BytesIO()
        canvas.print_png(file)
    return file.getvalue()


def _complete(figure: go.Figure) -> dict[str, Any]:
    """The layout, completed from its template and with what Plotly takes where both are silent."""
    own = figure.layout.to_plotly_json()
    template = own.pop("template", {}).get("layout", {})
    layout = _over({"paper_bgcolor": "#FFFFFF", "font": {"size": 12, "color": "#444444"}}, _over(template, own))
    axes = {name for name in own if re.fullmatch(r"[xy]axis\d*", name)} | {"xaxis", "yaxis"}
    axis = {"gridcolor": "#EEEEEE", "linecolor": "#444444", "domain": (0, 1), "tickfont": layout["font"]}
    for name in axes:
        layout[name] = _over(axis, _over(template.get(name[:5], {}), own.get(name, {})))
    notes = template.get("annotationdefaults", {})
    layout["annotations"] = [_over({"font": layout["font"]}, _over(notes, a)) for a in own.get("annotations", ())]
    return layout


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of settings as one; where both say something, that of the upper one holds."""
    both = {name: _over(below[name], above[name]) for name in above if isinstance(below.get(name), dict)}
    return {**below, **above, **both}


def _rows(picture: Figure, layout: Mapping[str, Any]) -> dict[str, Axes]:
    """The name of each row's y axis, such as ``y2``, and its axes, from the top down."""
    names = sorted((n for n in layout if n.startswith("yaxis")), key=lambda n: -layout[n]["domain"][1])
    if any(layout[name].get("overlaying") for name in names) or any(
        tuple(axis["domain"]) != (0, 1) for name, axis in layout.items() if name.startswith("xaxis")
    ):
        raise ChartError("a picture has one column of rows with one y axis each; this chart has others beside them")
    heights = [layout[name]["domain"][1] - layout[name]["domain"][0] for name in names]
    drawn = picture.subplots(len(names), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})
    return {name.replace("axis", ""): ax for name, ax in zip(names, drawn[:, 0])}


def _draw(trace: Any, rows: Mapping[str, Axes], layout: Mapping[str, Any], place: int, before: list[Any]) -> Any:
    """Draw one trace; what stands for it in the legend."""
    ways = {"scatter": _scatter, "bar": _bars, "candlestick": _candles}
    if trace.type not in ways:
        raise ChartError(
            f"a trace of the type {trace.type} cannot be drawn as a picture, allowed are {', '.join(ways)}"
        )
    shade = layout.get("colorway", ("#1F77B4",))
    return ways[trace.type](rows[trace.yaxis or "y"], trace, layout, shade[place % len(shade)], before)


def _scatter(ax: Axes, trace: Any, layout: Mapping[str, Any], shade: str, before: list[Any]) -> Any:
    mode, marker = trace.mode or "lines+markers", trace.marker
    symbol = str(marker.symbol or "circle")
    shape = symbol.removesuffix("-open")
    if shape not in _SYMBOLS:
        raise ChartError(f"a marker {symbol} cannot be drawn as a picture, allowed are {', '.join(_SYMBOLS)}")
    line = _colour(trace.line.color or marker.color or shade)
    edge = _colour(marker.color or trace.line.color or shade)
    x, y = _points(trace, layout)
    (drawn,) = ax.plot(
        x,
        y,
        color=line,
        linestyle=_DASHES[trace.line.dash or "solid"] if "lines" in mode else "none",
        linewidth=(trace.line.width or 2) * _POINTS,
        marker=_SYMBOLS[shape] if "markers" in mode else "none",
        markersize=(marker.size or 6) * _POINTS,
        markeredgecolor=edge,
        markerfacecolor="none" if symbol != shape else edge,
        markeredgewidth=(marker.line.width or (1 if symbol != shape else 0)) * _POINTS,
        zorder=_LINES,
    )
    if trace.fill in (None, "none"):
        return drawn
    fill = _colour(trace.fillcolor) if trace.fillcolor else (*line[:3], 0.5)
    if trace.fill == "tozeroy":
        ax.fill_between(x, y, 0, color=fill, linewidth=0, zorder=_FILLS)
    elif trace.fill == "tonexty" and before:
        ends = [np.column_stack(_points(t, layout)) for t in (trace, before[-1])]
        whole, back = (points[np.isfinite(points).all(axis=1)] for points in ends)
        ax.fill(*np.concatenate([whole, back[::-1]]).T, color=fill, linewidth=0, zorder=_FILLS)
    else:
        raise ChartError(f"a fill {trace.fill} cannot be drawn as a picture, allowed are tozeroy and tonexty")
    return Patch(color=fill, linewidth=0), drawn


def _bars(ax: Axes, trace: Any, layout: Mapping[str, Any], shade: str, before: list[Any]) -> Any:
    lying = trace.orientation == "h"
    middle, ends = _points(trace, layout)[:: -1 if lying else 1]
    width = trace.width if trace.width is not None else (1 - layout.get("bargap", 0.2)) * _step(middle)
    return _boxes(ax, middle, width, np.zeros_like(ends), ends, trace.marker.color or shade, lying=lying)


def _candles(ax: Axes, trace: Any, layout: Mapping[str, Any], shade: str, before: list[Any]) -> Any:
    x = _numbers(trace.x, _dated(layout, trace.xaxis or "x"))
    opened, high, low, close = (_numbers(trace[name]) for name in ("open", "high", "low", "close"))
    for which, look in ((close >= opened, trace.increasing), (close < opened, trace.decreasing)):
        edge, width = _colour(look.line.color), (look.line.width or 2) * _POINTS
        ax.vlines(x[which], low[which], high[which], colors=[edge], linewidth=width, zorder=_BARS)
        drawn = _boxes(ax, x[which], 0.6 * _step(x), opened[which], close[which], look.fillcolor, edge, width)
    return drawn


def _boxes(
    ax: Axes,
    middle: np.ndarray,
    width: Any,
    start: np.ndarray,
    end: np.ndarray,
    fill: str,
    edge: Any = "none",
    line: float = 0,
    lying: bool = False,
) -> Patch:
    """Rectangles of one colour, drawn as one: matplotlib's own bars take ten times as long."""
    half = np.asarray(width) / 2
    left, right = middle - half, middle + half
    corners = np.array([[left, start], [right, start], [right, end], [left, end]])[:, :: -1 if lying else 1]
    look = {"facecolor": _colour(fill), "edgecolor": edge, "linewidth": line}
    boxes = ax.add_collection(PolyCollection(list(corners.transpose(2, 0, 1)), zorder=_BARS, **look))
    (boxes.sticky_edges.x if lying else boxes.sticky_edges.y).append(0)
    return Patch(**look)


def _axes(ax: Axes, name: str, layout: Mapping[str, Any], traces: list[Any]) -> None:
    y = layout[name.replace("y", "yaxis")]
    x = layout[y.get("anchor", "x").replace("x", "xaxis")]
    if x.get("visible") is False and y.get("visible") is False:
        ax.set_axis_off()
        return
    ax.set_facecolor(_colour(layout.get("plot_bgcolor", "#FFFFFF")))
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    # As in Plotly, lines reach the edges, and markers and bars have room.
    ax.margins(x=0 if all(t.type == "scatter" and "markers" not in (t.mode or "") for t in traces) else 0.02, y=0.06)
    for axis, about, spine in ((ax.xaxis, x, "bottom"), (ax.yaxis, y, "left")):
        ax.spines[spine].set_color(_colour(about["linecolor"]))
        _axis(axis, spine == "left", about)
    ax.tick_params("x", labelbottom=x.get("showticklabels", True))


def _axis(axis: Axis, upright: bool, about: Mapping[str, Any]) -> None:
    ax = axis.axes
    set_limits = ax.set_ylim if upright else ax.set_xlim
    log = about.get("type") == "log"
    if log:
        (ax.set_yscale if upright else ax.set_xscale)("log")
    if about.get("range") is not None:
        ends = _numbers(about["range"], about.get("type") == "date")
        set_limits(*(10**ends if log else ends))
    elif about.get("rangemode") == "tozero" and axis.get_view_interval()[0] > 0:
        set_limits(0, None)
    if about.get("type") == "date":
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axis.set_major_locator(locator)
        written = AutoDateFormatter(locator)
        written.scaled[30] = "%b %Y"
        axis.set_major_formatter(written)
    elif log:
        low, high = axis.get_view_interval()
        axis.set_major_locator(
            MaxNLocator(5) if high < 4 * low else LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,), numticks=9)
        )
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(_locator(about, int(ax.bbox.height / ax.figure.dpi / 0.35) if upright else 9))
        axis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    font = about["tickfont"]
    axis.set_tick_params(
        color=about.get("tickcolor", about["linecolor"]),
        labelcolor=font["color"],
        labelsize=font.get("size", 12) * _POINTS,
        length=about.get("ticklen", 5) * _POINTS,
    )
    axis.grid(about.get("showgrid", True), color=_colour(about["gridcolor"]), linewidth=_POINTS, linestyle=(0, (1, 5)))
    title = about.get("title", {})
    look = {"size": 12, "color": font["color"], **title.get("font", {})}
    axis.set_label_text(
        _plain(title.get("text", "")), fontsize=look["size"] * _POINTS, color=look["color"], parse_math=False
    )


def _locator(about: Mapping[str, Any], few: int) -> Any:
    if about.get("tickvals") is not None:
        return FixedLocator(about["tickvals"])
    if about.get("dtick"):
        return MultipleLocator(about["dtick"])
    return MaxNLocator(min(max(few, 4), 9), steps=[1, 2, 5, 10], integer=about.get("tickformat") == "d")


def _shape(shape: Mapping[str, Any], rows: Mapping[str, Axes], layout: Mapping[str, Any]) -> None:
    if shape["type"] != "line":
        raise ChartError(f"a shape {shape['type']} cannot be drawn as a picture, allowed is line")
    ax, way, place = _where(shape, rows, layout)
    look = shape["line"]
    ax.plot(
        [place("x", shape["x0"]), place("x", shape["x1"])],
        [place("y", shape["y0"]), place("y", shape["y1"])],
        color=_colour(look["color"]),
        linewidth=look.get("width", 2) * _POINTS,
        linestyle=_DASHES[look.get("dash", "solid")],
        transform=way,
        zorder=_SHAPES,
    )


def _note(note: Mapping[str, Any], rows: Mapping[str, Axes], layout: Mapping[str, Any]) -> None:
    ax, way, place = _where(note, rows, layout)
    shift = ScaledTranslation(note.get("xshift", 0) / 96, note.get("yshift", 0) / 96, ax.figure.dpi_scale_trans)
    ground = note.get("bgcolor")
    ax.text(
        place("x", note["x"]),
        place("y", note["y"]),
        _plain(note["text"]),
        transform=way + shift,
        color=_colour(note["font"]["color"]),
        fontsize=note["font"]["size"] * _POINTS,
        horizontalalignment=note.get("xanchor", "center").replace("auto", "center"),
        verticalalignment=note.get("yanchor", "center").replace("middle", "center").replace("auto", "center"),
        bbox={"facecolor": _colour(ground), "linewidth": 0, "pad": _POINTS} if ground else None,
        zorder=_TEXTS,
        parse_math=False,
    )


def _where(
    about: Mapping[str, Any], rows: Mapping[str, Axes], layout: Mapping[str, Any]
) -> tuple[Axes, Transform, Callable[[str, Any], float]]:
    """The axes in which a shape or a text lies, how its place is to be read there, and its numbers."""
    refs = {way: str(about.get(f"{way}ref") or way).split() for way in "xy"}
    rows_by_x = {layout[name.replace("y", "yaxis")].get("anchor", "x"): name for name in rows}
    name = refs["y"][0] if refs["y"][0] != "paper" else rows_by_x.get(refs["x"][0], next(iter(rows)))
    ax = rows[name]
    of_data = {way: len(refs[way]) == 1 and refs[way][0] != "paper" for way in "xy"}
    low, high = layout[name.replace("y", "yaxis")]["domain"]

    def place(way: str, value: Any) -> float:
        if of_data[way]:
            return float(_numbers([value], _dated(layout, refs[way][0]))[0])
        return (value - low) / (high - low) if refs[way] == ["paper"] and way == "y" else value

    ways = [ax.transData if of_data[way] else ax.transAxes for way in "xy"]
    return ax, blended_transform_factory(*ways), place


def _legend(picture: Figure, layout: Mapping[str, Any], named: Iterable[tuple[Any, str]]) -> None:
    """Below the rows, in as many columns as the width has room for."""
    handles, names = zip(*named)
    font = _over(layout["font"], layout.get("legend", {}).get("font", {}))
    for columns in range(len(names), 0, -1):
        legend = picture.legend(
            handles,
            names,
            ncols=columns,
            loc="outside lower left",
            frameon=False,
            fontsize=font["size"] * _POINTS,
            labelcolor=font["color"],
            handlelength=2.2,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        if columns == 1 or legend.get_window_extent().width < 0.98 * picture.bbox.width:
            return
        legend.remove()


def _title(picture: Figure, layout: Mapping[str, Any]) -> float:
    """Title and subtitle at the top left; the share of the height that is left below them."""
    title = layout.get("title", {})
    lines = [(part.get("text"), part.get("font", {})) for part in (title, title.get("subtitle", {}))]
    width, height = (pixels / picture.dpi * 96 for pixels in picture.bbox.size)
    top = height - 8
    for text, font in lines:
        size = font.get("size", 15)
        if text:
            look = {"size": size * _POINTS, "color": font.get("color", layout["font"]["color"])}
            picture.text(10 / width, top / height, _plain(text), va="top", parse_math=False, **look)
            top -= 1.4 * size
    return (top - 4) / height


def _points(trace: Any, layout: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return (
        _numbers(trace.x, _dated(layout, trace.xaxis or "x")),
        _numbers(trace.y, _dated(layout, trace.yaxis or "y")),
    )


def _dated(layout: Mapping[str, Any], name: str) -> bool:
    return layout[f"{name[0]}axis{name[1:]}"].get("type") == "date"


def _numbers(values: Any, dated: bool = False) -> np.ndarray:
    """Numbers, or days since 1970 on an axis of dates."""
    return date2num(pd.to_datetime(np.asarray(values)).to_numpy()) if dated else np.asarray(values, dtype="float64")


def _step(x: np.ndarray) -> float:
    """The smallest distance between two bars; 1 for a single one."""
    return float(np.diff(np.unique(x)).min()) if len(np.unique(x)) > 1 else 1.0


def _number(value: float) -> str:
    """Written out, with thousands apart: neither an exponent nor an offset that a reader would have to add."""
    return f"{Decimal(f'{value:.10g}'):,f}".replace("-", "\N{MINUS SIGN}")


def _colour(value: str) -> Any:
    """``#RRGGBB`` or ``rgba(...)`` as matplotlib takes it: red, green, blue, opacity, from 0 to 1 each."""
    if found := _RGBA.fullmatch(value):
        red, green, blue, *opacity = (float(part) for part in found[1].split(","))
        return red / 255, green / 255, blue / 255, *(opacity or [1.0])
    return to_rgba(value)


def _plain(text: str) -> str:
    """Plotly's line breaks as matplotlib's."""
    return re.sub(r"<br\s*/?>", "\n", text or "")
