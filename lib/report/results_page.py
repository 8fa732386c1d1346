"""The pages that a repository host shows for a run's folder: ``outputs/<run>/README.md`` and those it leads to.

The first has the answer, its picture and six claims; the others each table and figure of the thesis with ours beside
the printed values, the evaluation, the replay, the ledger, and what was run. Like the index they are made from the
folder alone, and of the folder only from what is committed, so that they can be made again anywhere: the same files
give the same pages.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import statistics
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib.ledger import answer
from lib.report import evaluation_section, glossary, index, ledger_section, markdown
from lib.results import files
from lib.results.progress import clock
from lib.settings.places import PROJECT_ROOT

# Pages in their order, each with its title and what it holds.
PAGES = {
    "README.md": ("Results", ""),
    "tables.md": ("Tables and figures", "each of the thesis's tables, figures and appendices with ours beside it"),
    "evaluation.md": ("Evaluation", "skill, tests, walk-forward, leaks, intervals and controls"),
    "replay.md": ("Replay", "every printed trial trained again"),
    "ledger.md": ("Ledger", "every number and statement of the thesis with verdict, reason and code"),
    "provenance.md": ("Provenance", "command, machine, prices, parameters, notebooks and their times"),
}
# What of a run's folder the repository holds; .gitignore says the same.
COMMITTED = (*PAGES, "run.json", "tables/*.csv", "figures/*.png", "appendix/*.csv", "records/*.json")
LEFT_OUT = ("tables/widget_forecast.csv",)  # day by day beside the last close: too much like a series of prices
# The thesis's own items, in its order of each kind, and the network whose layers a table shows.
TABLES = ("table_4_1", "table_4_2", "table_4_3", "table_4_4", "table_4_5")
FIGURES = ("figure_4_1", "figure_4_2", "figure_4_3", "figure_4_4", "figure_4_5", "figure_4_6")
SKILL = ("skill", "skill_lower", "skill_upper")  # tables of earlier runs lack the interval
# The columns of wide tables that answer the thesis's; the rest is in the file.
COLUMNS = {
    "table_4_2": (
        "ticker",
        "series",
        "adf_statistic",
        "thesis_adf_statistic",
        "adf_p_value",
        "thesis_adf_p_value",
        "kpss_p_value",
        "reading",
        "thesis_reading",
    ),
    "table_4_5": ("ticker", "part", "model", "whose", "unit", "MSE", "MAE", "R2", *SKILL),
}
LAYERS_OF = {"table_4_3": "CNN-LSTM", "table_4_4": "LSTM-CNN"}
SCORES = (
    'Tables of scores have a row for the naive forecast, "tomorrow equals today". `skill` is 1 - MSE / MSE of the naive'
    " forecast: above 0 is better than no network at all. Validation days decided when training stops and which trial"
    " is best; test days decided nothing{}. Our networks follow the thesis's text: `patience` 10 and the best epoch's"
    " weights. The author's trials, but for ADA-USD's CNN, ran every epoch and were scored with the last weights; the"
    " replay repeats that."
)
REPLAY_COLUMNS = ("ticker", "network", "trial", "mse", "our_mse", "mse_low", "mse_high", "mse_inside", "naive_mse")
ANSWER_FIGURES = ("answer_test", "skill_test", "replay")
REPLAY = (
    "tables/replay_studies.csv",
    "figures/replay.png",
    "tables/replay.csv",
    "replay.md",
    "tables/replay_error_rate.csv",
)


def write(root: Path) -> list[Path]:
    """Write the pages into a run's folder, and remove a page that it has no content for any more.

    Raises:
        FileError: there is no readable ``run.json``, or a page cannot be written.
    """
    found = texts(root)
    for name in PAGES.keys() - found.keys():
        (root / name).unlink(missing_ok=True)
    return [files.write_text(root / name, text) for name, text in found.items()]


def texts(root: Path) -> dict[str, str]:
    """File name -> text of each page of a run's folder; raises like :func:`write`."""
    run = files.read_run(root)
    page = _Page(root, run)
    room = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content: dict[str, dict[str, Any]] = {
        "README.md": {"missing": page.missing()},
        "tables.md": {
            "thesis_tables": page.of_the_thesis("table", TABLES),
            "thesis_figures": page.of_the_thesis("figure", FIGURES),
            "listings": page.listings(),
            "more_tables": page.others("table", TABLES),
            "more_figures": page.others("figure", FIGURES),
        },
        "evaluation.md": {"evaluations": page.evaluations(), "answers": page.answers()},
        "replay.md": {"replay": page.replay()},
        "ledger.md": {"ledger": ledger_section.shown(root, page.link)},
        "provenance.md": {"facts": True},
    }
    there = [name for name in PAGES if name == "README.md" or any(content[name].values())]
    shared = {
        "page": page,
        "pages": {name: PAGES[name][0] for name in there},
        "about": {name: PAGES[name][1] for name in there},
        "run": run,
        "name": markdown.plain(root.name),
        "folder": shlex.quote(_folder(root.resolve())),
        "scores": SCORES.format(" but the range of the scale" if run["parameters"].get("scaling") == "all" else ""),
        "outside": ledger_section.outside(root),
    }
    found = {}
    for name in there:
        template = room.get_template(f"results_{'front' if name == 'README.md' else Path(name).stem}.md.j2")
        rendered = re.sub(r"\n{3,}", "\n\n", template.render(**shared, **content[name])).strip() + "\n"
        found[name] = glossary.linked(rendered, page.link("docs/glossary.md"))
    return found


def _folder(root: Path) -> str:
    """A run's folder as a command run in the project's folder names it."""
    return root.relative_to(PROJECT_ROOT).as_posix() if root.is_relative_to(PROJECT_ROOT) else str(root)


def is_committed_kind(path: str) -> bool:
    """Whether a path in a run's folder is of the kinds that the repository holds."""
    return path not in LEFT_OUT and any(
        path.count("/") == pattern.count("/") and Path(path).match(pattern) for pattern in COMMITTED
    )


def command_of(run: Mapping[str, Any], selection: str | None = None) -> str:
    """The command of the last run; a folder of prices is only called FOLDER, as everybody's is another.

    Args:
        selection: options that choose notebooks, in place of those of the last run.
    """
    words = ["python run_all.py", shlex.quote(run["parameter_file"])]
    for key in run["overrides"]:
        value = run["parameters"][key]
        shown = "FOLDER" if key == "data_dir" and value else value if isinstance(value, str) else json.dumps(value)
        words.append(f"-p {shlex.quote(f'{key}={shown}')}")
    return " ".join([*words, selection if selection is not None else _selection(run, run)]).strip()


def whole_command_of(run: Mapping[str, Any]) -> str:
    """The command that recomputes all results: without a selection, if one of the runs had none."""
    made = [name for name, entry in run["notebooks"].items() if entry["status"] != "not selected"]
    asked_for_all = any(not _selection(start, run) for start in (run, *run.get("earlier_runs", [])))
    return command_of(run, "" if asked_for_all else f"--only {' '.join(name.partition('_')[0] for name in made)}")


def _selection(start: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The options with which one run chose its notebooks."""
    if "only" in start:
        return (
            f"--only {' '.join(start['only'])}" if start["only"] else f"--from {start['from']}" if start["from"] else ""
        )
    # Not in every run.json: a run that began with the first notebook is taken for one of all.
    if next(iter(run["notebooks"])) in start["selected"]:
        return ""
    return f"--only {' '.join(name.partition('_')[0] for name in start['selected'])}"


def _trainings_in(folder: Path) -> float:
    """How many trials of a folder's replay were trained."""
    with (folder / REPLAY[0]).open(encoding="utf-8", newline="") as file:
        return sum(float(row.get("trained") or 0) for row in csv.DictReader(file))


def _by_digest(row: Mapping[str, Any]) -> str:
    """What the digest alone says, where no notebook compared the prices day by day."""
    from lib.data.market.comparison import manifest

    same = manifest()["tickers"].get(row["ticker"], {}).get("sha256") == row["sha256"]
    return "the same digest as in the manifest of the thesis's window" if same else "not compared"


class _Page:
    """What the template asks for; every value is read from the run's files or from what the thesis printed."""

    def __init__(self, root: Path, run: Mapping[str, Any]):
        from lib import thesis

        self.root, self.run = root, run
        # What is not committed is left out here, or a page made from the repository would call it missing.
        self.records = {
            name: {**record, "made": [m for m in record["made"] if is_committed_kind(m["path"])]}
            for name, record in files.read_records(root).items()
        }
        self.found = index.items(root, run, self.records)
        self.printed = thesis.printed()
        self.printed_trials = thesis.trials()

    # -- the answer ------------------------------------------------------------------------

    def sentences(self) -> list[str]:
        """What the run found, in a few sentences; of a replay alone, what it says."""
        said = answer.sentences(self.root)
        if not said and (replay := self.replay()):
            return replay["words"][:3]
        return [markdown.plain(sentence) for sentence in said] or [f"A run of `{self.run['parameter_file']}`."]

    def picture(self) -> dict[str, str] | None:
        """The figure that shows the answer: the first of these that is here."""
        for stem in ANSWER_FIGURES:
            item = self._by_stem("figure").get(stem)
            if item and self.file(item):
                return {"file": self.file(item), "title": item.title.rstrip(".")}
        return None

    def claims(self) -> str:
        """The six claims as a table, each with the page that says more."""
        rows = [
            (row.claim, row.printed, row.ours, row.naive, row.verdict, f"[{PAGES[page][0].lower()}]({row.page})")
            for row in answer.rows(self.root)
            if (page := row.page.partition("#")[0])
        ]
        return markdown.table(["claim", "printed", "ours", "naive", "verdict", "more"], rows, raw=(5,)) if rows else ""

    # -- the run ---------------------------------------------------------------------------

    def facts(self) -> str:
        """A table of what was run, when and on what."""
        run = self.run
        memory = run.get("peak_memory_mb") or max(
            (e.get("peak_memory_mb") or 0 for e in run["notebooks"].values()), default=0
        )
        side_by_side = f"notebooks side by side: {run['jobs']}, studies: {run['parameters'].get('workers', 1)}"
        versions = ", ".join(f"{name} {version}" for name, version in run["packages"].items())
        rows = [
            ("Command", markdown.code(whole_command_of(run))),
            ("Result", f"{run['result']}, finished {markdown.moment(run['finished']) or 'not yet'}"),
            ("Time", self._time()),
            ("Peak memory", f"{memory:,.0f} MB, the largest single process" if memory else ""),
            (
                "Seeds",
                f"{run['seeds']['run']} for the run; the seed of each training is derived from it and is in its table",
            ),
            ("Threads", f"{run['threads']} in each process; {side_by_side}"),
            ("Runs", self._runs()),
            ("Machine", f"{self._machines()}; {run['cores']} cores, {markdown.plain(run['platform'])}"),
            ("Code", self._code()),
            ("Versions", f"Python {run['python']}, {versions}"),
        ]
        return markdown.table(["fact", "this run"], rows, raw=(0, 1))

    def _code(self) -> str:
        """The commit of the last run, or the digest of its sources."""
        code = self.run["code"]
        if not code["commit"]:
            return f"sources {markdown.code(code['sha256'][:16])}"
        changed = ", with changes that were not committed" if code["changed"] else ""
        return f"commit {markdown.code(code['commit'])}{changed} at the last run"

    def _time(self) -> str:
        """How long the longest run took that ended well, and the last one, if that is another."""
        run = self.run
        if run["wall_seconds"] is None:
            return ""
        done = [r for r in (*run.get("earlier_runs", []), run) if r.get("wall_seconds") and r.get("result") == "done"]
        longest = max(done, key=lambda r: r["wall_seconds"], default=run)
        memory = f", largest process {longest['peak_memory_mb']:,.0f} MB" if longest.get("peak_memory_mb") else ""
        count = len(longest["selected"])
        notebooks = f"{count} notebook{'s' if count > 1 else ''}"
        of = f"{clock(longest['wall_seconds'])} for {notebooks} in one run, on {longest['started'][:10]}{memory}"
        last = f"{clock(run['wall_seconds'])} for the last run: {markdown.code(command_of(run))}"
        return of if longest is run else f"{of}; {last}"

    def _runs(self) -> str:
        """How many runs the results are from."""
        earlier = self.run.get("earlier_runs", [])
        return (
            f"{len(earlier) + 1}, as some notebooks were run again. The list of notebooks says which is from when"
            if earlier
            else "one"
        )

    def _machines(self) -> str:
        """The processors, each with the notebooks that it made; results of two kinds may differ in the last digits."""
        made: dict[str, list[str]] = {}
        for name, entry in self.run["notebooks"].items():
            if entry.get("seconds") is not None:
                made.setdefault(entry.get("cpu") or self.run.get("cpu") or "processor unknown", []).append(
                    name.partition("_")[0]
                )
        words = [
            markdown.plain(cpu) + (f" ({', '.join(numbers)})" if len(made) > 1 else "") for cpu, numbers in made.items()
        ]
        return "; ".join(words) or markdown.plain(self.run.get("cpu") or "processor unknown")

    def prices(self) -> str:
        """A table of the prices that were used, beside the thesis's."""
        rows = [
            (
                row["ticker"],
                row.get("rows"),
                row.get("first_day"),
                row.get("last_day"),
                markdown.code(row["sha256"][:16]),
                markdown.plain(row["manifest"].removeprefix(f"{row['ticker']}: ") or _by_digest(row)),
            )
            for row in index.data_facts(self.records)
        ]
        own = {row[4] for row in rows}
        rows += [
            (ticker, fact["rows"], fact["first_day"], fact["last_day"], digest, "the run's and later days (09f)")
            for ticker, fact in sorted(self._later_data().items())
            if (digest := markdown.code(fact["sha256"][:16])) not in own
        ]
        return (
            markdown.table(
                ["ticker", "days", "first", "last", "SHA-256", "against the thesis's window"], rows, raw=(4, 5)
            )
            if rows
            else ""
        )

    def warnings(self) -> list[str]:
        """What a reader must know before looking at any number."""
        found = index.data_warnings(index.data_facts(self.records), self.records)
        found += [
            f"{name}: {entry['error']['sentence']}"
            for name, entry in self.run["notebooks"].items()
            if entry.get("error")
        ]
        return [markdown.plain(sentence) for sentence in found]

    def parameters(self) -> str:
        """All parameters, those marked that the command changed."""

        def shown(key: str, value: Any) -> str:
            return "FOLDER" if key == "data_dir" and value else value if isinstance(value, str) else json.dumps(value)

        rows = [
            (
                markdown.code(key),
                markdown.code(shown(key, value)),
                "changed by the command" if key in self.run["overrides"] else "",
            )
            for key, value in self.run["parameters"].items()
        ]
        return markdown.table(["parameter", "value", ""], rows, raw=(0, 1, 2))

    def notebooks(self) -> str:
        """A table of the notebooks: how long, how large."""
        rows = []
        for name, entry in self.run["notebooks"].items():
            took = clock(entry["seconds"]) if entry.get("seconds") is not None else ""
            trained = self.records.get(name, {}).get("facts", {}).get("trainings") or {}
            found = trained.get("cached", trained.get("kept", 0))  # records of before the cache say kept and new
            if took and found:
                took += f", {found} of {found + trained.get('trained', trained.get('new', 0))} trainings cached"
            memory = f"{entry['peak_memory_mb']:.0f} MB" if entry.get("peak_memory_mb") else ""
            made = (entry.get("started") or "")[:10]
            rows.append((self.notebook(name), entry["status"], made, took, memory))
        return markdown.table(["notebook", "status", "made", "time", "memory"], rows, raw=(0, 1, 2, 3, 4))

    # -- its items -------------------------------------------------------------------------

    def of_the_thesis(self, kind: str, wanted: tuple[str, ...]) -> list[tuple[str, index.Item]]:
        """(stem, item) of the thesis's own tables or figures that are here, in its order."""
        by_stem = self._by_stem(kind)
        return [(stem, by_stem[stem]) for stem in wanted if stem in by_stem]

    def others(self, kind: str, but: tuple[str, ...]) -> list[tuple[str, index.Item]]:
        """(stem, item) of the tables or figures that neither the thesis nor a page of their own has."""
        replay = {Path(path).stem for path in REPLAY} if self.replay() else set()
        own = (evaluation_section.LEDGER, *evaluation_section.NOTEBOOKS)
        return [
            (stem, item)
            for stem, item in self._by_stem(kind).items()
            if stem not in but and stem not in replay and item.notebook not in own
        ]

    def answers(self) -> list[tuple[str, str]]:
        """Every network's verdict as matrices, if the run evaluated any."""
        found = answer.networks(self.root)
        return [] if found is None else evaluation_section.answers(found)

    def held_out(self) -> str:
        """First and last day of the holdout; empty if the run has no later days than its own."""
        end = self.run["parameters"]["end_date"]
        last = max((fact["last_day"] for fact in self._later_data().values()), default="")
        return f"{date.fromisoformat(end) + timedelta(days=1)} to {last}" if last > end else ""

    def _later_data(self) -> Mapping[str, Any]:
        """Ticker -> digest of the prices that the holdout's notebook read."""
        return self.records.get("09f_holdout", {}).get("facts", {}).get("later_data") or {}

    def evaluations(self) -> list[dict[str, Any]]:
        """The notebooks that evaluate the networks, each with its question, figures and tables as (stem, item)."""
        found = []
        for name in (n for n in evaluation_section.NOTEBOOKS if n in self.records):
            items = {
                kind: [(s, i) for s, i in self._by_stem(kind).items() if i.notebook == name]
                for kind in ("figure", "table")
            }
            question = self.run["notebooks"].get(name, {}).get("question") or name.replace("_", " ")
            words = [markdown.plain(line) for line in evaluation_section.words(self.root, name)]
            found.append(
                {
                    "notebook": name,
                    "title": evaluation_section.NOTEBOOKS[name],
                    "question": markdown.plain(question),
                    "words": words,
                    "matrices": evaluation_section.matrices(self.root, name),
                    "figures": items["figure"],
                    "tables": items["table"],
                }
            )
        return found

    def _same_prices(self, folder: Path) -> bool:
        """Whether another run's folder has coins in common with this one, and the same prices of them."""
        try:
            theirs = files.read_run(folder, whole=False).get("data", {})
        except files.FileError:
            return False
        shared = set(theirs) & set(self.run["data"])
        return bool(shared) and all(theirs[t]["sha256"] == self.run["data"][t]["sha256"] for t in shared)

    def missing(self) -> list[str]:
        """Names of the thesis's items that are not here."""
        lacking = [
            stem
            for kind, wanted in (("table", TABLES), ("figure", FIGURES))
            for stem in wanted
            if stem not in self._by_stem(kind)
        ]
        return [index.thesis_number(stem) for stem in lacking]

    def made_by(self, stem: str, item: index.Item) -> str:
        """Which notebook made an item, and with which function, if its record or its number says so."""
        made = (m for m in self.records[item.notebook]["made"] if Path(m["path"]).stem == stem)
        numbered = f"lib.{stem.partition('_')[0]}s.{stem}" if stem in (*TABLES, *FIGURES) else ""
        function = next((m["made_by"] for m in made if "made_by" in m), numbered)
        if not function:
            return f"Made by {self.notebook(item.notebook)}"
        target = self.link(f"{function.rpartition('.')[0].replace('.', '/')}.py")
        named = f"[{markdown.code(function)}]({target})" if target else markdown.code(function)
        return f"Made by {self.notebook(item.notebook)} with {named}"

    def notebook(self, name: str) -> str:
        """A notebook's name, linked where the page lies in the project."""
        target = self.link(f"notebooks/{name}.ipynb")
        return f"[{markdown.plain(name)}]({target})" if target else markdown.plain(name)

    def link(self, path: str) -> str:
        """The way from the page to one of the project's own files; empty if the page lies elsewhere."""
        return self._relative(PROJECT_ROOT / path) if self.in_project and (PROJECT_ROOT / path).is_file() else ""

    @property
    def in_project(self) -> bool:
        """Whether links to the project's own files lead anywhere."""
        return self.root.resolve().is_relative_to(PROJECT_ROOT)

    def file(self, item: index.Item) -> str:
        """The path of an item's one committed file; empty if it is missing."""
        return next(iter(item.files.values()), "")

    def table(self, item: index.Item, stem: str) -> str:
        """A table's rows as Markdown; of a wide one the columns that answer the thesis's or the notebook's question."""
        wanted = [name for name in COLUMNS.get(stem, ()) if name in item.head] or evaluation_section.columns(
            stem, item.head
        )
        at = [item.head.index(name) for name in wanted]
        if stem in evaluation_section.FILE_ONLY:
            return ""
        return (
            markdown.table(wanted, [[row[i] for i in at] for row in self._shown_rows(item, stem)]) if item.rows else ""
        )

    def _shown_rows(self, item: index.Item, stem: str) -> list[list[str]]:
        if stem not in (*evaluation_section.ROWS, *evaluation_section.WHOLE) or not self.file(item):
            return item.rows
        return evaluation_section.rows_of(stem, item.head, files.read_rows(self.root / self.file(item))[1:])

    def rows_left(self, item: index.Item, stem: str) -> str:
        """What of a table is in its file only."""
        return evaluation_section.about(stem) or (
            f"{item.rows_left} more rows are in the file."
            if item.rows_left and not (stem in evaluation_section.WHOLE and self.file(item))
            else ""
        )

    def hyperparameters(self, stem: str) -> str:
        """What the thesis prints of the network whose layers a table shows."""
        network = LAYERS_OF.get(stem)
        if not network:
            return ""
        best = self.printed["best"][network]
        words = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in best["hyperparameters"].items())
        built = f"Built from what the thesis prints of the {network} ({best['place']}): {words}."
        return " ".join(filter(None, (built, self._hidden_layer(index.thesis_number(stem)))))

    def _hidden_layer(self, name: str) -> str:
        """What a printed table of layers has beside those of Appendix 6; empty if this run's networks have it too."""
        place = self.root / "tables" / "claims.csv"
        if self.run["parameters"].get("hidden_dense_units"):
            return ""
        words = "The layers are those of Appendix 6."
        if not place.is_file():
            return words
        from lib import ledger

        rows = ledger.read(place).set_index("id")
        words += f" {name} also prints a hidden layer of {rows.loc[f'{name}/hidden_units', 'printed']} units"
        count = rows.loc["4.3.4/parameter_count"]
        if name not in str(count["how"]) or not count["computed"]:
            return f"{words}."
        return f"{words}; with it there are {float(count['computed']):,.0f} parameters."

    def about_figure(self, stem: str) -> str:
        """What the printed figure shows, where ``printed.yaml`` says it."""
        return " ".join(str(self.printed.get("figures", {}).get(stem, "")).split())

    def same_trainings(self) -> str:
        """The thesis's best trial of each network, our training with its hyperparameters, and the naive forecast."""
        from lib.evaluation import metrics

        path = self.root / "tables" / "scores.csv"
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", newline="") as file:
            ours = {
                (r["ticker"], r["model"]): r
                for r in csv.DictReader(file)
                if r["part"] == "validation" and r["unit"] == "scaled"
            }
        rows: list[tuple[Any, ...]] = []
        skills = [name for name in SKILL if any(name in row for row in ours.values())]
        for network, best in self.printed["best"].items():
            ticker, printed = best["ticker"], best["scores"]
            mine, naive = ours.get((ticker, network)), ours.get((ticker, "naive"))
            if not mine or not naive:
                continue
            skill = metrics.skill_of(printed["mse"], float(naive["MSE"])) if self._same_days(ticker) else None
            # The thesis's forecasts day by day are not known, and so their interval is not.
            theirs = (skill, *[None] * (len(skills) - 1))
            rows.append((ticker, network, "thesis", printed["mse"], printed["mae"], printed["r2"], *theirs))
            rows += [
                (ticker, row["model"], "this run", row["MSE"], row["MAE"], row["R2"], *(row[name] for name in skills))
                for row in (mine, naive)
            ]
        return markdown.table(["ticker", "model", "whose", "MSE", "MAE", "R2", *skills], rows) if rows else ""

    def best_r2(self) -> str:
        """Best R2 of each network and ticker, printed and ours: the numbers behind Figure 4.5."""
        trials = self._trials()
        if not trials:
            return ""
        rows: dict[str, list[Any]] = {}
        for ticker, by_model in trials.items():
            for model, r2 in by_model.items():
                rows.setdefault(model, [model]).extend([self._printed_r2(ticker, model, "max"), max(r2, default=None)])
        whole = [row for row in rows.values() if len(row) == 1 + 2 * len(trials)]
        return markdown.table(
            ["model", *(f"{ticker} {whose}" for ticker in trials for whose in ("thesis", "ours"))], whole
        )

    def listings(self) -> list[dict[str, Any]]:
        """Each appendix in a few rows: trials, best and median R2, printed and ours; the naive forecast last."""
        pairs = ("trials", "best R2", "median R2")
        head = ["model", *(f"{name}, {whose}" for name in pairs for whose in ("thesis", "ours"))]
        found = []
        for ticker, by_model in self._trials().items():
            rows = [self._listing_row(ticker, model, r2) for model, r2 in by_model.items()]
            item = self._by_stem("listing")[f"{ticker}_trials"]
            found.append({"item": item, "table": markdown.table(head, rows), "note": self._other_protocol(ticker)})
        return sorted(found, key=lambda entry: entry["item"].title)

    def _listing_row(self, ticker: str, model: str, r2: list[float]) -> list[Any]:
        count = "" if model == "naive" else len(r2)
        ours = (count, max(r2, default=None), statistics.median(r2) if r2 else None)
        printed = (self._printed_r2(ticker, model, what) for what in ("count", "max", "median"))
        return [model, *(value for pair in zip(printed, ours) for value in pair)]

    def replay(self) -> dict[str, Any] | None:
        """The trials trained again: of this folder or of ``replay`` beside it, whichever has more of them."""
        folders = [self.root, self.root.parent / "replay"]
        there = [f for f in folders if all((f / p).is_file() for p in REPLAY[::2]) and self._same_prices(f)]
        if not there:
            return None
        from lib.experiments import replay

        studies, picture, rows, page, rates = (max(there, key=_trainings_in) / path for path in REPLAY)
        found, trials = files.read_table(studies), files.read_table(rows)
        words = replay.in_words(trials, found, files.read_table(rates))
        by_network = {
            "Published MSE inside our interval": lambda row: f"{row.inside:.0f} of {row.judged:.0f}",
            "Median of our MSE over the published one": lambda row: f"{row.ours_over_published:.3g}",
            "Best published MSE, and the interval of our best": lambda row: (
                f"{row.best_published:.3g} [{row.best_low:.3g}, {row.best_high:.3g}]"
            ),
        }
        shown = trials[[name for name in REPLAY_COLUMNS if name in trials]]
        return {
            "words": [markdown.plain(line) for line in words.splitlines()],
            "each": markdown.table(list(shown), shown.values.tolist()),
            "matrices": [
                (title, markdown.matrix(found, "network", "ticker", cell)) for title, cell in by_network.items()
            ],
            "studies_count": len(found),
            "meanings": [(markdown.plain(name.replace("_", " ")), text) for name, text in replay.MEANINGS.items()],
            "table": markdown.table(list(found), found.values.tolist()),
            "studies": self._relative(studies),
            "picture": self._relative(picture) if picture.is_file() else "",
            "rows": self._relative(rows),
            "count": len(trials),
            "page": self._relative(page) if page.parent != self.root and page.is_file() else "",
        }

    # -- inside ----------------------------------------------------------------------------

    def _by_stem(self, kind: str) -> dict[str, index.Item]:
        return {Path(m["path"]).stem: item for item in self.found.get(kind, []) for m in self._made(item, kind)}

    def _made(self, item: index.Item, kind: str) -> list[Mapping[str, Any]]:
        return [
            m
            for m in self.records[item.notebook]["made"]
            if m["kind"] == kind and index.thesis_number(Path(m["path"]).stem) == item.name
        ]

    def _trials(self) -> dict[str, dict[str, list[float]]]:
        """Ticker -> model -> R2 of each completed trial, from the listings; the naive forecast has one."""
        found: dict[str, dict[str, list[float]]] = {}
        for stem, item in self._by_stem("listing").items():
            if path := self.file(item):
                with (self.root / path).open(encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        r2 = found.setdefault(stem.removesuffix("_trials"), {}).setdefault(row["Model"], [])
                        if row["R2 Score"] and row["State"] in ("complete", ""):
                            r2.append(float(row["R2 Score"]))
        return found

    def _printed_r2(self, ticker: str, model: str, what: str) -> Any:
        frame = self.printed_trials
        r2 = frame.loc[(frame["ticker"] == ticker) & (frame["network"] == model), "r2"]
        return getattr(r2, what)() if len(r2) else None

    def _same_days(self, ticker: str) -> bool:
        """Whether this run scored a ticker on the days and the scale that the printed scores fit."""
        protocol, mine = self.printed["target_variance"]["recovered_protocol"], self.run["parameters"]
        verdicts = [record["facts"].get("manifest_verdict", {}).get(ticker) for record in self.records.values()]
        same = (
            mine["end_date"] == f"{protocol['end_date']}"
            and mine["split"] == protocol["split"]
            and mine["scaling"] == "all"
        )
        return same and "same" in verdicts

    def _other_protocol(self, ticker: str) -> str:
        rerun = self.printed["target_variance"]["ada_cnn_rerun"]
        if ticker not in rerun["values"]:
            return ""
        return (
            f"The printed CNN trials of {ticker} fit another run than the rest: days up to {rerun['end_date']},"
            f" split {', '.join(f'{share:g}' for share in rerun['split'])}."
            " Their scores are not quite comparable with ours."
        )

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.root)).as_posix()
