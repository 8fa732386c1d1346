"""Where results are put and found: the only room that writes to ``outputs/<run>/``.

Layout of a run's folder::

    tables/table_4_1.csv            figures/figure_4_1.png, .svg
    appendix/<TICKER>_trials.csv    predictions/<TICKER>_<NETWORK>.csv
    models/<TICKER>_<NETWORK>.keras studies/<TICKER>_<NETWORK>.db
    records/<notebook>.json         what a notebook made, from which parameters and data

Every file is written whole or not at all (``lib.results.files``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from lib import settings
from lib.errors import ProjectError
from lib.experiments.kept import Kept
from lib.results.files import replacing, sha256, unwritable, write_json
from lib.settings import Settings

# A result for one ticker and network is the same whichever others were run, wherever they went, and from
# wherever the prices came: that they are the same ones is checked by their digests.
MAY_DIFFER = (
    *("networks", "tickers", "output_dir", "source", "data_dir", "workers", "trials", "unit_root_trend"),
    *("search_space", "startup_trials", "pruner", "replay_trials", "replay_seeds", "replay_inputs"),
    *("evaluation_seeds", "comparison_seeds", "folds", "fold_trials", "control_runs"),
)


class ArtifactError(ProjectError):
    """A result is missing, or was made with other parameters or prices."""


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
        self._kept: dict[str, Kept] = {}

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
            with replacing(path) as draft:
                # No date and a fixed salt, so that the same figure is the same file.
                with rc_context({"svg.hashsalt": name}):
                    figure.savefig(draft, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
            self._note(path, "figure", title)
        return figure

    def model(self, ticker: str, network: str, model: Any) -> Path:
        """Save a Keras model; it loads again with ``keras.saving.load_model``."""
        path = self.root / "models" / f"{ticker}_{network}.keras"
        with replacing(path) as draft:
            model.save(draft)
        self._note(path, "model", f"{ticker}, {network}: trained network")
        return path

    def study_path(self, ticker: str, network: str) -> Path:
        """Where the study of one ticker and network lives (SQLite)."""
        path = self.root / "studies" / f"{ticker}_{network}.db"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path, error) from error
        return path

    def kept(self, name: str) -> Kept:
        """Results of single trainings that an earlier, perhaps stopped run left, and a place for new ones."""
        return self._kept.setdefault(name, Kept(self.root / "studies" / f"{name}.db"))

    def fact(self, **facts: Any) -> None:
        """Keep a fact about the run (data digest, seeds, seconds) for ``run.json``."""
        self.facts.update(facts)

    def finish(self) -> str:
        """Write the notebook's record; what an earlier run of it left is taken over or removed.

        Returns:
            A sentence that says what was left and where.
        """
        path = self.root / "records" / f"{self.notebook}.json"
        for kept in self._kept.values():
            self.facts["trainings"] = kept.used
        if path.is_file():
            self._take_over(json.loads(path.read_text(encoding="utf-8")))
        write_json(
            path,
            {
                "notebook": self.notebook,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "parameters": self.parameters,
                "facts": self.facts,
                "made": self.made,
            },
        )
        return f"{len(self.made)} files in {self._shown(self.root)}"

    # -- finding results -------------------------------------------------------------------

    def find_predictions(self, ticker: str, network: str, made_by: str) -> pd.DataFrame:
        """Predictions that another notebook left.

        Raises:
            ArtifactError: they are missing, or were made with other parameters; names the
                command that makes them.
        """
        path = self.root / "predictions" / f"{ticker}_{network}.csv"
        self.check_record(made_by, f"predictions of {ticker}, {network}", path, _mend(made_by))
        return pd.read_csv(path, parse_dates=["date"])

    def find_listing(self, ticker: str, made_by: str) -> pd.DataFrame:
        """The trial listing of a ticker that another notebook left; raises like :meth:`find_predictions`."""
        path = self.root / "appendix" / f"{ticker}_trials.csv"
        self.check_record(made_by, f"trials of {ticker}", path, _mend(made_by))
        return pd.read_csv(path)

    def find_table(self, name: str, made_by: str, mend: str = "") -> pd.DataFrame:
        """A table that another notebook left, every number to its last bit; raises like :meth:`find_predictions`.

        Args:
            name: as it was given to :meth:`table`.
            mend: what to say that makes it; default: the command for ``made_by`` in this run.
        """
        path = self.root / "tables" / f"{name}.csv"
        self.check_record(made_by, f"rows of tables/{name}.csv", path, mend or _mend(made_by))
        return pd.read_csv(path)

    def find_fact(self, name: str, made_by: str) -> Any:
        """A fact that another notebook's record keeps, such as its seeds."""
        path = self.root / "records" / f"{made_by}.json"
        self.check_record(made_by, f"facts of {made_by}", path, _mend(made_by))
        return json.loads(path.read_text(encoding="utf-8"))["facts"][name]

    def check_record(self, made_by: str, what: str, path: Path, mend: str) -> None:
        """Refuse a result that is missing, or that other parameters, other prices or a broken-off run made."""
        place = self.root / "records" / f"{made_by}.json"
        if not path.is_file() or not place.is_file():
            raise ArtifactError(f"{what} are missing in {self._shown(self.root)}. {mend}")
        record = json.loads(place.read_text(encoding="utf-8"))
        if path != place:
            digests = {m["path"]: m["sha256"] for m in record["made"]}
            if digests.get(path.relative_to(self.root).as_posix()) != sha256(path):
                raise ArtifactError(f"{what} are not those of the last finished run of {made_by}. {mend}")
        if other := self._differences(record["parameters"]):
            raise ArtifactError(f"{what} were made with other parameters ({'; '.join(other)}). {mend}")
        here, there = self.facts.get("data", {}), record["facts"].get("data", {})
        changed = [t for t in here if t in there and here[t] != there[t]]
        if changed:
            raise ArtifactError(f"{what} were made from other prices of {', '.join(changed)}. {mend}")

    def _take_over(self, before: Mapping[str, Any]) -> None:
        """Keep what an earlier run left for other tickers, remove its tables and figures that were not made again.

        Trained models, predictions and listings are dear and are never removed. Those of other
        tickers stay in the record if they come from the same parameters.
        """
        made_again = {m["path"] for m in self.made}
        rest = [m for m in before["made"] if m["path"] not in made_again]
        for old in rest:
            if old["kind"] in ("table", "figure"):
                (self.root / old["path"]).unlink(missing_ok=True)
        if self._differences(before["parameters"]):
            return
        self.made += [m for m in rest if m["kind"] not in ("table", "figure") and (self.root / m["path"]).is_file()]
        for name, fact in before["facts"].items():
            if isinstance(fact, dict) and isinstance(self.facts.get(name), dict):
                self.facts[name] = {**fact, **self.facts[name]}

    def _differences(self, theirs: Mapping[str, Any]) -> list[str]:
        """Where another record's parameters differ from these in a way that changes results."""
        # With every coin's closes in the windows, which coins were run does matter.
        free = set(MAY_DIFFER) - ({"tickers"} if theirs.get("inputs") == "all_closes" else set())
        mine = self.parameters
        return [
            f"{k} {theirs[k]!r} there, {mine[k]!r} here"
            for k in mine
            if k in theirs and theirs[k] != mine[k] and k not in free
        ]

    # -- inside ----------------------------------------------------------------------------

    def _csv(self, path: Path, frame: pd.DataFrame, kind: str, title: str) -> pd.DataFrame:
        with replacing(path) as draft:
            frame.to_csv(draft, index=False, lineterminator="\n")
        self._note(path, kind, title)
        return frame

    def _note(self, path: Path, kind: str, title: str) -> None:
        self.made = [m for m in self.made if m["path"] != path.relative_to(self.root).as_posix()]
        self.made.append(
            {"path": path.relative_to(self.root).as_posix(), "kind": kind, "title": title, "sha256": sha256(path)}
        )

    @staticmethod
    def _shown(path: Path) -> str:
        return str(path.relative_to(settings.PROJECT_ROOT)) if path.is_relative_to(settings.PROJECT_ROOT) else str(path)


def shown(frame: pd.DataFrame, name: str, title: str) -> Styler:
    """A table for reading: five significant digits, empty where a value is missing, with its title."""

    def short(value: float) -> str:
        return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"

    numbers = dict.fromkeys(frame.select_dtypes("floating").columns, short)
    return frame.style.format(numbers, na_rep="").hide(axis="index").set_caption(title).set_uuid(name)


def _mend(made_by: str) -> str:
    return f"Make them with: python run_all.py --only {made_by.partition('_')[0]} (and this run's parameter file), or run notebooks/{made_by}.ipynb"
