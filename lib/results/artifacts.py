"""Where results are put and found: the only room that writes to ``outputs/<run>/``.

Layout of a run's folder::

    tables/table_4_1.csv            figures/figure_4_1.png, .svg
    appendix/<TICKER>_trials.csv    predictions/<TICKER>_<NETWORK>.csv
    models/<TICKER>_<NETWORK>.keras studies/<TICKER>_<NETWORK>.db
    records/<notebook>.json         what a notebook made, from which parameters and data

Every file is written whole or not at all (``lib.results.files``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from lib import settings
from lib.results import training_cache
from lib.results.files import FileError, read_record, replacing, sha256, write_json
from lib.results.origin import made_by
from lib.settings import Settings


class Store:
    """The results of one notebook in one run.

    Args:
        chosen: the notebook's settings; their ``output_dir`` is the run's folder.
        notebook: its name, such as ``01_data``.
    """

    def __init__(self, chosen: Settings, notebook: str):
        self.root = settings.output_root(chosen.output_dir)
        self.notebook = notebook
        self.parameters = chosen.plain()
        self.made: list[dict[str, str]] = []
        self.facts: dict[str, Any] = {}

    # -- leaving results -------------------------------------------------------------------

    def table(self, name: str, frame: pd.DataFrame, title: str) -> Styler:
        """Save ``tables/<name>.csv`` at full precision and return the table ready to be shown."""
        self._csv(self.root / "tables" / f"{name}.csv", frame, "table", title)
        return shown(frame, name, title)

    def listing(self, ticker: str, frame: pd.DataFrame, title: str) -> Styler:
        """Save an appendix's trial listing of one ticker and return it ready to be shown."""
        self._csv(self.root / "appendix" / f"{ticker}_trials.csv", frame, "listing", title)
        return shown(frame, f"{ticker}_trials", title)

    def predictions(self, ticker: str, network: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Save predicted, actual and naive prices in dollars, one row a target day."""
        path = self.root / "predictions" / f"{ticker}_{network}.csv"
        return self._csv(path, frame, "predictions", f"{ticker}, {network}: predicted and actual prices")

    def figure(self, name: str, figure: Figure, title: str) -> Figure:
        """Save ``figures/<name>.png`` and ``.svg`` and return the figure."""
        for kind in ("png", "svg"):
            path = self.root / "figures" / f"{name}.{kind}"
            # No date and a fixed salt, so that the same figure is the same file.
            with replacing(path) as draft, rc_context({"svg.hashsalt": name}):
                figure.savefig(draft, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
            self._note(path, "figure", title, made_by(figure))
        return figure

    def model(self, ticker: str, network: str, model: Any) -> Path:
        """Save a Keras model; it loads again with ``keras.saving.load_model``."""
        path = self.root / "models" / f"{ticker}_{network}.keras"
        with replacing(path) as draft:
            model.save(draft)
        self._note(path, "model", f"{ticker}, {network}: trained network")
        return path

    def study_path(self, ticker: str, network: str) -> Path:
        """Where the Optuna study of one ticker and network is written (SQLite, for Optuna Dashboard)."""
        return self.root / "studies" / f"{ticker}_{network}.db"

    def fact(self, **facts: Any) -> None:
        """Keep a fact about the run (data digest, seeds, seconds) for ``run.json``."""
        self.facts.update(facts)

    def finish(self) -> str:
        """Write the notebook's record; tables and figures that an earlier run of it left are removed.

        Returns:
            A sentence that says what was saved and where.
        """
        path = self.root / "records" / f"{self.notebook}.json"
        if training_cache.USED["trained"] or training_cache.USED["cached"]:
            self.facts["trainings"] = {**training_cache.USED, "processors": sorted(training_cache.USED["processors"])}
        self._remove_earlier(path)
        about = {
            "notebook": self.notebook,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "parameters": self.parameters,
            "facts": self.facts,
            "made": self.made,
        }
        write_json(path, about)
        return f"{len(self.made)} files in {self._shown(self.root)}"

    def _remove_earlier(self, path: Path) -> None:
        """Remove tables and figures of the notebook's earlier run that it did not save again."""
        try:
            before = {old["path"] for old in read_record(path)["made"] if old["kind"] in ("table", "figure")}
        except FileError:
            return
        for old in before - {m["path"] for m in self.made}:
            (self.root / old).unlink(missing_ok=True)

    # -- inside ----------------------------------------------------------------------------

    def _csv(self, path: Path, frame: pd.DataFrame, kind: str, title: str) -> pd.DataFrame:
        with replacing(path) as draft:
            frame.to_csv(draft, index=False, lineterminator="\n")
        self._note(path, kind, title, made_by(frame))
        return frame

    def _note(self, path: Path, kind: str, title: str, function: str = "") -> None:
        name = path.relative_to(self.root).as_posix()
        self.made = [m for m in self.made if m["path"] != name]
        entry = {"path": name, "kind": kind, "title": title, "sha256": sha256(path)}
        self.made.append({**entry, "made_by": function} if function else entry)

    @staticmethod
    def _shown(path: Path) -> str:
        return str(path.relative_to(settings.PROJECT_ROOT)) if path.is_relative_to(settings.PROJECT_ROOT) else str(path)


def short(value: float) -> str:
    """A number for reading: five significant digits however small it is, thousands apart from 100,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"


def shown(frame: pd.DataFrame, name: str, title: str) -> Styler:
    """A table for reading: five significant digits, empty where a value is missing, with its title."""
    numbers = dict.fromkeys(frame.select_dtypes("floating").columns, short)
    element = re.sub(r"\W", "_", name)  # a ticker's ^ . = - mean something else in CSS
    return frame.style.format(numbers, na_rep="").hide(axis="index").set_caption(title).set_uuid(element)
