"""The whole dashboard of one visitor (thesis section 6.2, Figure 6.1): market, technical analysis, machine learning."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import date
from typing import Any

from lib import settings
from lib.app import form, requests
from lib.app.controller import Controller
from lib.app.figure_box import Gallery
from lib.app.machine_learning import MachineLearning
from lib.app.market_panels import Market
from lib.app.sentences import without_folders
from lib.app.shell import Panel, Shell
from lib.data.market import sample
from lib.settings import Settings

WARM_UP_AFTER_S = 4.0  # after the dashboard was made
NOBODY = "local"  # until the browser says whose page this is, and where there is none


class Dashboard:
    """What the notebook shows. In a browser it is the shell; in a report, which has no process behind it, the form.

    Args:
        chosen: prices (what the form shows at first), ``threads`` of workers, and ``output_dir``: networks are saved in
            its folder ``widget``.
    """

    def __init__(self, chosen: Settings):
        self._root = settings.output_root(chosen.output_dir) / "widget"
        self._sources = offered(chosen.source, chosen.tickers, chosen.start_date, chosen.end_date)
        source = next(iter(self._sources))
        tickers, first, last = self._sources[source]
        self.values = requests.first_values(chosen, source, tickers[0], first, last)
        self.controller = Controller(self._root / NOBODY, chosen.data_dir, chosen.threads, chosen.max_daily_factor)
        self.gallery = Gallery()
        self._shell: Shell | None = None

    @property
    def shell(self) -> Shell:
        """The widget, made when it is first shown."""
        if self._shell is None:
            self._shell = self._made()
        return self._shell

    def _made(self) -> Shell:
        suggestions = list(dict.fromkeys(t for tickers, _, _ in self._sources.values() for t in tickers))
        early: list[tuple[str, bool]] = []

        def say(text: str, urgent: bool = False) -> None:
            text = without_folders(text)
            self._shell.say(text, urgent) if self._shell else early.append((text, urgent))

        learning = MachineLearning(self.controller, self.gallery, say, self.values, list(self._sources), suggestions)
        around = Market(self._sources, self.controller.data_dir, self.gallery, say, self.controller.max_daily_factor)
        made = Shell(
            [
                Panel("learning", "Machine learning", learning.box, 2),
                Panel("market", "Market overview", around.overview, 2),
                Panel("analysis", "Technical analysis", around.analysis, 4),
            ]
        )
        self.learning, self.market = learning, around
        made.observe(lambda change: self.gallery.dress(change["new"]), "theme")
        made.bar.observe(lambda change: self._belongs_to(change["new"]), "visitor")
        for text, urgent in early:
            made.say(text, urgent)
        # It takes a processor for a second or more: first the page, which somebody may be waiting for.
        later = threading.Timer(WARM_UP_AFTER_S, self.controller.warm_up)
        later.daemon = True
        later.start()
        return made

    def _belongs_to(self, visitor: str) -> None:
        """Networks are saved for whoever's browser this is; another browser does not see them."""
        if re.fullmatch(r"[0-9a-f]{32}", visitor):
            self.controller.settle(self._root / visitor)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = self.shell._repr_mimebundle_(include=include, exclude=exclude) or {}
        return {**shown, "text/html": self.static()}

    def static(self) -> str:
        """The form as plain HTML, for a reader of an executed notebook."""
        return (
            "<p>The dashboard needs a running notebook: open it in JupyterLab, or serve it with"
            f" <code>python -m lib.app.serve</code>. Its form:</p>{form.static(self.values)}"
        )


def offered(
    source: str, tickers: Sequence[str], start_date: date, end_date: date
) -> dict[str, tuple[Sequence[str], date, date]]:
    """The sources that a page offers, the run's own first: source -> tickers, first and last day."""
    coins = tickers if source != "sample" else ["ADA-USD", "ETH-USD", "SOL-USD", "BTC-USD"]
    others = {
        "sample": ([sample.TICKER], sample.START_DATE, sample.END_DATE),
        "yahoo": (coins, date(2021, 1, 1), date(2025, 1, 19)),
    }
    return {source: (tickers, start_date, end_date), **{name: what for name, what in others.items() if name != source}}
