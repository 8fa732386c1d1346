"""The tables of a run's folder that the ledger reads; nothing is trained for it.

A table is believed if the record of its notebook names its digest, these parameters and these prices. The replay may
lie in the folder of ``params/replay.yaml`` instead, under the parameters of that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lib.data import market
from lib.ledger.evidence import REPLAY_COMMAND, Evidence, Missing
from lib.ledger.rows import Row
from lib.results import files
from lib.settings import KEYS, PROJECT_ROOT, Settings, load, output_root

SCORES, SEEDS, REPLAY = "09_comparison", "09a_skill", "08b_replay"
# Attribute of Evidence -> the notebook that leaves its table, and the table.
TABLES = {
    "scores": (SCORES, "scores"),
    "seeds": (SEEDS, "skill_seeds"),
    "skill": (SEEDS, "skill"),
    "replay": (REPLAY, "replay"),
    "studies": (REPLAY, "replay_studies"),
    "error_rate": (REPLAY, "replay_error_rate"),
    "inputs_compared": (REPLAY, "protocol_inputs"),
}
# Parameters that none of these tables depends on: prices are known by their digests.
_FREE = (
    *(
        "source",
        "data_dir",
        "max_daily_factor",
        "output_dir",
        "workers",
        "scheduler",
        "unit_root_trend",
        "comparison_seeds",
    ),
    *("trials", "search_space", "startup_trials", "trials_at_once", "pruner", "folds", "fold_trials", "control_runs"),
)
_OF_REPLAY = tuple(key for key in KEYS if key.startswith("replay_"))
# Those that a notebook's tables do not depend on beside these.
FREE = {
    SCORES: (*_FREE, *_OF_REPLAY, "evaluation_seeds"),
    SEEDS: (*_FREE, *_OF_REPLAY, "target", "restore_best_weights"),
    REPLAY: (
        *(*_FREE, "evaluation_seeds", "inputs", "patience", "restore_best_weights"),
        *("tickers", "networks", "replay_trials", "replay_seeds"),  # which trials, not how each is trained
    ),
}


def collect(
    prices: Mapping[str, pd.DataFrame], rows: Mapping[str, Row], settings: Settings, root: Path | None = None
) -> Evidence:
    """Prices, and what notebooks 08b, 09 and 09a left.

    Args:
        prices: ticker -> daily prices of this run.
        rows: the ledger.
        settings: this run's.
        root: the run's folder, with the replay's beside it; default those that ``output_dir`` names.
    """
    whole = load(PROJECT_ROOT / "params/replay.yaml")
    own = (root or output_root(settings.output_dir), settings)
    committed = (root.parent / Path(whole.output_dir).name if root else output_root(whole.output_dir), whole)
    # Verdicts on the author's trials rest on trainings as his records prove, whatever this run trains itself.
    its_replay = (own[0], whole)
    has_replay = settings.replay_seeds and _path(own[0], TABLES["replay"][1]).is_file()
    data = market.digest(prices)
    found: dict[str, pd.DataFrame | None] = {}
    why: dict[str, str] = {}
    for name, (notebook, table) in TABLES.items():
        folder, its = own if notebook != REPLAY else its_replay if has_replay else committed
        try:
            found[name], why[name] = left(folder, notebook, table, its, data), ""
        except Missing as reason:
            found[name], why[name] = None, str(reason)
    return Evidence(prices, rows, **found, why=why, inputs=settings.inputs)


def left(root: Path, notebook: str, name: str, settings: Settings, data: Mapping[str, Any]) -> pd.DataFrame:
    """A table that a notebook left in a run's folder, from these parameters and prices.

    Args:
        root: the folder.
        notebook: such as ``09_comparison``.
        name: of the table, such as ``scores``.
        settings: those that it must come from.
        data: ticker -> what identifies its prices, as ``market.digest`` gives it; those of further coins may differ.

    Raises:
        Missing: it is not there, was changed, or comes from other parameters or prices; names the command.
    """
    path = _path(root, name)
    shown = f"{root.name}/tables/{name}.csv"
    command = REPLAY_COMMAND if notebook == REPLAY else f"python run_all.py FILE --only {notebook.partition('_')[0]}"

    def missing(what: str) -> Missing:
        whose = "" if notebook == REPLAY else " this run's parameter file"
        return Missing(f"not computed in this run: {shown} {what}. Make it with{whose}: {command}")

    if not path.is_file():
        raise missing("is missing")
    try:
        record = files.read_record(root / "records" / f"{notebook}.json")
        frame = files.read_table(path, dtype={"key": str})
    except files.FileError as error:
        raise missing(f"cannot be used ({error})") from None
    digests = {made["path"]: made["sha256"] for made in record["made"]}
    if digests.get(f"tables/{name}.csv") != files.sha256(path):
        raise missing(f"is not as {notebook} left it")
    if other := _other_parameters(record["parameters"], settings, FREE[notebook]):
        raise missing(f"comes from other parameters ({other})")
    theirs = record["facts"].get("data") or {}
    if other := ", ".join(ticker for ticker in data if ticker in theirs and theirs[ticker] != data[ticker]):
        raise missing(f"comes from other prices of {other}")
    if not set(data) & set(theirs):
        raise missing(f"comes from prices of {', '.join(theirs) or 'no coin'}, not of {', '.join(data)}")
    return frame


def _path(root: Path, table: str) -> Path:
    return root / "tables" / f"{table}.csv"


def _other_parameters(theirs: Mapping[str, Any], settings: Settings, free: tuple[str, ...]) -> str:
    """Which parameters a table had otherwise; one that is newer than its record counts as equal."""
    ours = settings.plain()
    differ = [key for key in ours if key in theirs and key not in free and theirs[key] != ours[key]]
    return ", ".join(f"{key} {theirs[key]}, not {ours[key]}" for key in differ)
