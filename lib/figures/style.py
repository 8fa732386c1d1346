"""The one style of all figures: colours, grid, fonts, sizes, dates, legends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lib import colours
from lib.colours import PRINTED
from lib.networks import ARCHITECTURES
from lib.results.origin import signed

P = ParamSpec("P")
NETWORK_COLOURS = {name: PRINTED[colours.network(name)] for name in ARCHITECTURES} | {
    colours.NAIVE: PRINTED[colours.NAIVE]
}
_STYLE = {
    **sns.axes_style("whitegrid"),
    "figure.dpi": 100,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": PRINTED["frame"],
    "grid.color": PRINTED["grid"],
    "legend.frameon": False,
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[None]:
    """What all figures have in common: grid, fonts, sizes."""
    with mpl.rc_context(_STYLE):
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that draws in the project's :func:`style`; the figure knows which one drew it."""
    return signed(style()(draw))


def coin_colour(ticker: str) -> str:
    """A coin's colour, as :func:`lib.colours.coin` names it."""
    return PRINTED[colours.coin(ticker)]


def model_colour(model: str) -> str:
    """A network has its own colour, and so has the naive forecast; every other baseline is grey."""
    return NETWORK_COLOURS.get(model, PRINTED["baseline"])


def canvas(
    rows: int, columns: int = 1, width: float = 9.0, row_height: float = 2.6, **axes: Any
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, shape (rows, columns); sizes in inches."""
    figure = Figure(figsize=(width, row_height * rows))
    return figure, figure.subplots(rows, columns, squeeze=False, **axes)


def dates(ax: Axes) -> None:
    """Dates along x, as short as possible."""
    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def legend_above(ax: Axes, ncols: int) -> None:
    """Beside the title, where it hides no data; lines first, then shaded areas, each once."""
    named = dict(zip(*reversed(ax.get_legend_handles_labels())))
    ordered = sorted(named, key=lambda name: isinstance(named[name], Patch))
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
    ax.legend([named[n] for n in ordered], ordered, ncols=ncols, fontsize=8, **place)


def legend_outside(
    figure: Figure, side: str, ncols: int, names: Iterable[str] | None = None, fontsize: float = 10
) -> None:
    """One legend for all panels, each name once.

    Args:
        side: ``upper`` or ``lower``.
        names: what to show, in this order; default everything that is labelled.
    """
    named = {label: handle for ax in figure.axes for handle, label in zip(*ax.get_legend_handles_labels())}
    shown = [str(name) for name in (named if names is None else names) if name in named]
    place: Any = f"outside {side} center"
    figure.legend([named[n] for n in shown], shown, loc=place, ncols=ncols, fontsize=fontsize)


def log_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis as plain numbers, neither crowded nor absent; call it after plotting."""
    low, high = axis.get_view_interval()
    few = MaxNLocator(4) if high < 4 * low else LogLocator(subs=(1,) if high > 30 * low else (1, 2, 5))
    axis.set_major_locator(few)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
