"""A price file as rows of cells: what is no table is refused, encodings and separators are tried in turn."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.data.market.faults import MarketError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Begin of the file, in small letters and without white space in front -> what it is and what to do.
SAVE_AS_TEXT = "Open it and save it as CSV (UTF-8)"
UNPACK = "Unpack it and give the CSV file inside"
AGAIN = "Download the prices again"
_PAGE = ("a web page (HTML or XML), perhaps an error message of the site", AGAIN)
NO_TABLES = {
    b"pk\x03\x04": ("an Excel workbook or a zip archive", f"{SAVE_AS_TEXT}, or unpack it"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", SAVE_AS_TEXT),
    b"par1": ("a Parquet file", "Write it as CSV, such as with pandas: read_parquet, then to_csv"),
    b"arrow1": ("an Arrow file", "Write it as CSV, such as with pandas: read_feather, then to_csv"),
    b"\x89hdf": ("an HDF5 file", "Write it as CSV, such as with pandas: read_hdf, then to_csv"),
    b"sqlite format 3": ("an SQLite database", "Export its table as CSV"),
    b"\x1f\x8b": ("packed with gzip", UNPACK),
    b"bzh": ("packed with bzip2", UNPACK),
    b"\xfd7zxz": ("packed with xz", UNPACK),
    b"7z\xbc\xaf": ("packed with 7-Zip", UNPACK),
    b"rar!": ("packed with RAR", UNPACK),
    b"(\xb5/\xfd": ("packed with Zstandard", UNPACK),
    b"%pdf": ("a PDF document", "Export its table as CSV"),
    b"{": ("JSON", "Write it as CSV with a header: Date,Open,High,Low,Close,Volume"),
    b"[": ("JSON", "Write it as CSV with a header: Date,Open,High,Low,Close,Volume"),
    **dict.fromkeys((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--"), _PAGE),
    b"version https://git-lfs": ("a pointer of Git LFS, not the prices", "Run git lfs pull, then use the file"),
    b"../.git/annex": ("a pointer of git-annex, not the prices", "Run git annex get, then use the file"),
    b"/annex/objects": ("a pointer of git-annex, not the prices", "Run git annex get, then use the file"),
}


@dataclass(frozen=True)
class Grid:
    """One way to read the file.

    Attributes:
        rows: cells of each line that is not blank, without white space around.
        lines: the number of each row's line in the file, from 1.
        separator: what stands between cells.
        encoding: name of the text's encoding.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str
    encoding: str


def grids(path: Path, shown: str) -> Iterator[Grid]:
    """Every way in which the file is a table of text; the caller takes the one whose header it knows.

    Text without a byte order mark is UTF-8. Only if it is not, other encodings are tried, which is safe as a header
    must be recognised and every cell that is read must be a date or a number.

    Args:
        path: the file.
        shown: how errors call it.

    Raises:
        MarketError: the file cannot be opened, is empty, or is no text but something known.
    """
    data = _bytes(path, shown)
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        for separator in SEPARATORS:
            grid = _grid(text, separator, encoding)
            if grid is not None and any(len(row) > 1 for row in grid.rows[:10]):
                yield grid


def _bytes(path: Path, shown: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MarketError(
            f"{shown} cannot be read: {error.strerror or error}. Check the file and its permissions"
        ) from error
    begin = data[:400].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if not begin.strip(b"\0"):
        raise MarketError(f"{shown} is empty ({len(data)} bytes): no header and no prices. {AGAIN}")
    for mark, (what, mend) in NO_TABLES.items():
        if begin.startswith(mark):
            raise MarketError(f"{shown} is not a table of prices but {what}. {mend}")
    return data


def _encodings(data: bytes) -> tuple[str, ...]:
    for mark, name in MARKS.items():  # UTF-32's mark begins with UTF-16's, so it is asked first
        if data.startswith(mark):
            return (name,)
    if b"\0" in data[:400]:
        return "utf-16-le", "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252", "cp1251", "cp1250", "cp1254", "gb18030", "shift_jis", "euc_kr"
    return ("utf-8",)


def _grid(text: str, separator: str, encoding: str) -> Grid | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows, lines = [], []
    try:
        for cells in reader:
            cells = [cell.strip().strip("\ufeff") for cell in cells]
            if any(cells):
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error:  # such as a quote that is never closed, so that one cell is larger than csv allows
        return None
    return Grid(rows, lines, separator, encoding)
