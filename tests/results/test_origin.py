"""A table and a figure know which function made them, and the record of a run keeps it."""

import json

import pandas as pd
from matplotlib.figure import Figure

from lib import figures, tables
from lib.results import artifacts, origin


def test_tables_and_figures_name_their_function():
    close = {"X-USD": pd.Series([1.0, 2.0, 4.0], index=pd.date_range("2021-01-01", periods=3))}
    assert origin.made_by(tables.table_4_1(close)) == "lib.tables.thesis.table_4_1"
    assert origin.made_by(figures.figure_4_1(close)) == "lib.figures.thesis.figure_4_1"
    assert origin.made_by(pd.DataFrame()) == origin.made_by(Figure()) == ""


def test_the_record_keeps_it(tiny, tmp_path):
    store = artifacts.Store(tiny(output_dir=str(tmp_path)), "01_data")
    close = {"X-USD": pd.Series([1.0, 2.0, 4.0], index=pd.date_range("2021-01-01", periods=3))}
    store.table("table_4_1", tables.table_4_1(close), "Table 4.1. Statistics")
    store.table("other", pd.DataFrame({"a": [1]}), "Other")
    store.figure("figure_4_1", figures.figure_4_1(close), "Figure 4.1. Closes")
    store.finish()
    made = json.loads((store.root / "records" / "01_data.json").read_text(encoding="utf-8"))["made"]
    assert [m.get("made_by") for m in made] == [
        "lib.tables.thesis.table_4_1",
        None,
        "lib.figures.thesis.figure_4_1",
        "lib.figures.thesis.figure_4_1",
    ]
