"""The ledger as one page: every row with its verdict and reason, searched in the page itself."""

from __future__ import annotations

from html import escape

import pandas as pd

from lib.ledger.verdicts import MEANINGS, VERDICTS
from lib.report.ledger_section import anchor
from lib.report.markdown import beside, number
from lib.site.build import HERE, Site

KINDS = {
    "claim": "numbers and statements of the thesis",
    "question": "questions that only we ask",
    "cell": "cells of its lists of trials",
}


def write(site: Site, claims: pd.DataFrame) -> None:
    """Write ``ledger.html`` from the table of claims, all cells as text."""
    counts = claims["verdict"].value_counts()
    verdicts = "".join(f"<option value='{v}'>{v} ({counts.get(v, 0):,})</option>" for v in VERDICTS)
    kinds = "".join(f"<option value='{k}'>{text}</option>" for k, text in KINDS.items())
    meanings = "".join(f"<dt>{v}</dt><dd>{escape(MEANINGS[v])}</dd>" for v in VERDICTS)
    template = (HERE / "template" / "ledger.html").read_text(encoding="utf-8")
    for name, text in {"verdicts": verdicts, "kinds": kinds, "meanings": meanings, "count": f"{len(claims):,}"}.items():
        template = template.replace(f"[{name}]", text)
    rows = "\n".join(map(_row, claims.to_dict("records")))
    script = (HERE / "template" / "ledger.js").read_text(encoding="utf-8")
    site.write("ledger.html", "Ledger", template.replace("[rows]", rows), script)


def _row(row: dict[str, str]) -> str:
    ours = beside(row["printed"], row["computed"])
    if row["smallest"]:
        ours += f" ({number(row['smallest'])} to {number(row['largest'])})"
    cells = {
        "Where": f"{escape(row['place'])}<br><code>{escape(row['id'])}</code>",
        "What": escape(row["says"]),
        "Printed": escape(" ".join([row["printed"], row["unit"]])),
        "Found": escape(ours),
        "Verdict": f"<strong>{row['verdict']}</strong>",
        "Why": escape(row["because"]) + (f"<br><code>{escape(row['how'])}</code>" if row["how"] else ""),
    }
    tds = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in cells.items())
    return f'<tr id="{anchor(row["id"])}" data-verdict="{row["verdict"]}" data-kind="{row["kind"]}">{tds}</tr>'
