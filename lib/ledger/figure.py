"""The ledger as a picture: printed against computed, and how many rows have which verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib import figures
from lib.ledger import precision
from lib.ledger.rows import CELL
from lib.ledger.verdicts import ALL, CANNOT, CELLS, CLOSE, CONSISTENT, CONTRADICTED, NOT, REPRODUCED, VERDICTS, summary

# Okabe and Ito's palette; shapes differ too, so the figure can be read without colours.
LOOKS = {
    REPRODUCED: ("#009E73", "o"),
    CLOSE: ("#56B4E9", "s"),
    NOT: ("#D55E00", "X"),
    CONSISTENT: ("#0072B2", "^"),
    CONTRADICTED: ("#882255", "D"),
    CANNOT: ("#BBBBBB", "."),
}


def printed_and_reproduced(frame: pd.DataFrame) -> Figure:
    """Computed over printed against printed numbers, and verdicts by chapter; colour and shape tell the verdict.

    Args:
        frame: as ``lib.ledger.judge`` gives it. Rows without a computed number are in the bars only, cells of
            the lists of trials nowhere; of negative numbers (the test statistics) the size is shown.
    """
    points = _points(frame)
    counts = summary(frame).set_index("chapter").drop([ALL, CELLS])
    with figures.style():
        figure = Figure(figsize=(9.0, 8.4))
        above, below = figure.subplots(2, 1, height_ratios=(2, 1))
        for verdict in (v for v in VERDICTS if v in set(points["verdict"])):
            its = points[points["verdict"] == verdict]
            style = {"color": LOOKS[verdict][0], "ms": 5, "alpha": 0.75, "mec": "white", "mew": 0.4}
            above.plot(
                its["printed"],
                its["computed"] / its["printed"],
                LOOKS[verdict][1],
                label=f"{verdict} ({len(its)})",
                **style,
            )
        above.axhline(1, color="#333333", ls="--", lw=1)
        if len(points):
            above.set(xscale="log", yscale="log")
            figures.log_ticks(above.yaxis)
        above.set(
            xlabel="printed (each in its own unit; size of negative numbers)",
            ylabel="computed or elsewhere / printed",
            title="Numbers beside what was computed, or is said elsewhere",
        )
        if len(points):
            above.legend(fontsize=8, loc="upper right")
        left = np.zeros(len(counts))
        for verdict in VERDICTS:
            below.barh(
                counts.index, counts[verdict], left=left, color=LOOKS[verdict][0], label=verdict, edgecolor="white"
            )
            left += counts[verdict].to_numpy(dtype=float)
        below.invert_yaxis()
        below.set(xlabel="rows of the ledger", title="Verdicts by chapter")
        figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
        return figure


def _points(frame: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {"printed": abs(precision.value(r.printed)), "computed": abs(float(r.computed)), "verdict": r.verdict}
        for r in frame[frame["kind"] != CELL].itertuples()
        if r.unit is not None
        and precision.is_number(r.printed)
        and precision.half_unit(r.printed) > 0
        and _is_float(r.computed)
    ]
    points = pd.DataFrame(rows, columns=["printed", "computed", "verdict"])
    return points[(points["printed"] > 0) & (points["computed"] > 0)]


def _is_float(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except (TypeError, ValueError):
        return False
