"""The same prices written in random layouts come back as they are, or are refused; never as other prices."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.data import market
from lib.data.market.files import csv_prices

TODAY = date(2026, 1, 1)
DATES = {
    "iso": lambda d: f"{d:%Y-%m-%d}",
    "slashes": lambda d: f"{d:%Y/%m/%d}",
    "compact": lambda d: f"{d:%Y%m%d}",
    "midnight": lambda d: f"{d:%Y-%m-%d} 00:00:00+00:00",
    "day end": lambda d: f"{d:%Y-%m-%d} 23:59:59",
    "zulu": lambda d: f"{d:%Y-%m-%d}T00:00:00.000Z",
    "day first": lambda d: f"{d:%d/%m/%Y}",
    "day first, dots": lambda d: f"{d:%d.%m.%Y}",
    "day first, short": lambda d: f"{d.day}/{d.month}/{d:%y}",
    "month first": lambda d: f"{d:%m/%d/%Y}",
    "month first, short": lambda d: f"{d.month}/{d.day}/{d:%y}",
    "words": lambda d: f"{d:%b %d, %Y}",
    "words, day first": lambda d: f"{d:%d-%b-%y}",
    "seconds": lambda d: f"{_seconds(d)}",
    "milliseconds": lambda d: f"{_seconds(d)}000",
    "mixed": lambda d: f"{_seconds(d)}" + ("000" if d.day % 2 else "000000"),
}
# thousands mark, decimal mark
MARKS = [("", "."), ("", ","), (",", "."), (".", ","), (" ", ","), ("\u00a0", ","), ("'", "."), ("\u202f", ".")]
HEADERS = [
    ("Date", "Open", "High", "Low", "Close", "Volume"),
    ("date", "open", "high", "low", "close", "volume"),
    ("Date", "Open", "High", "Low", "Price", "Vol."),
    ("Fecha", "Apertura", "Máximo", "Mínimo", "Último", "Vol."),
    ("Datum", "Eröffn.", "Hoch", "Tief", "Zuletzt", "Vol."),
    ("Дата", "Откр.", "Макс.", "Мин.", "Цена", "Объём"),
    ("", "Open", "High", "Low", "Close", "Volume"),
    ("timestamp", None, None, None, "price", "total_volume"),
    ("Date", None, None, None, "Close", None),
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]


def _seconds(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def number(value, digits, thousands, decimal):
    """A price with a fixed number of digits after the decimal mark."""
    whole = f"{value:,.{digits}f}".replace(",", "\0").replace(".", decimal)
    return whole.replace("\0", thousands)


@st.composite
def files(draw):
    """Bytes of a price file, and the prices that are in it."""
    count = draw(st.integers(1, 45))
    first = date(2023, 1, 1) + timedelta(days=draw(st.integers(0, 900)))
    days = [first + timedelta(days=n) for n in range(count)]
    digits = draw(st.sampled_from([0, 1, 2, 3, 4, 8]))
    level = draw(st.sampled_from([0.02, 1.5, 800.0, 1500.0, 60_000.0]))
    walk = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(0, 0.02, count)
    close = [round(float(c), digits) for c in level * np.exp(np.cumsum(walk))]
    values = {
        "Open": [round(c * 1.01, digits) for c in close],
        "Close": close,
        "Volume": [round(c * 1e6) for c in close],
    }
    values |= {"High": [round(c * 1.03, digits) for c in close], "Low": [round(c * 0.97, digits) for c in close]}
    header = draw(st.sampled_from(HEADERS))
    order = [at for at in draw(st.permutations(range(6))) if header[at] is not None]
    if header[0] == "":
        order = [0, *(at for at in order if at)]
    write_day = DATES[draw(st.sampled_from(sorted(DATES)))]
    thousands, decimal = draw(st.sampled_from(MARKS))
    unit = draw(st.sampled_from(["", "K", "M"]))
    rows = []
    for n, day in enumerate(days):
        cells = [write_day(day)]
        for column in csv_prices.COLUMNS[:4]:
            cells.append(number(values[column][n], digits, thousands, decimal))
        volume = values["Volume"][n] / {"": 1, "K": 1e3, "M": 1e6}[unit]
        cells.append(number(volume, 0 if not unit else 2, thousands, decimal) + unit)
        rows.append([cells[at] for at in order])
    if draw(st.booleans()):
        rows.reverse()
    rows = draw(st.one_of(st.just(rows), st.permutations(rows) if count < 8 else st.just(rows)))
    if draw(st.booleans()):
        rows.insert(draw(st.integers(0, len(rows) - 1)), rows[0])  # a repeated row, beside its like or not
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writerows([[header[at] for at in order], *rows])
    held = [c for c, name in zip(csv_prices.COLUMNS, header[1:]) if name is not None]
    index = pd.DatetimeIndex(days, name="date").as_unit("ns")
    frame = pd.DataFrame(values, index=index, dtype="float64")[held].reindex(columns=list(csv_prices.COLUMNS))
    return text.getvalue().encode(draw(st.sampled_from(ENCODINGS))), frame


def comes_back_or_is_refused(path, file):
    content, expected = file
    path.write_bytes(content)
    try:
        found = csv_prices.read(path, path.name, TODAY)
    except market.MarketError as error:
        assert str(error).startswith(path.name) and "\n" not in str(error)
        return False
    prices = ["Open", "High", "Low", "Close"]
    pd.testing.assert_frame_equal(found[prices], expected[prices], check_exact=True, check_freq=False)
    np.testing.assert_allclose(found["Volume"], expected["Volume"], rtol=0.01, atol=5e3)
    return True


QUICK = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


def test_prices_come_back_or_are_refused_but_never_change(tmp_path):
    read = []

    @settings(QUICK, max_examples=50)
    @given(file=files())
    def write_and_read(file):
        read.append(comes_back_or_is_refused(tmp_path / "written.csv", file))

    write_and_read()
    assert np.mean(read) > 0.5  # a reader that refuses everything would not do


@pytest.mark.slow
@pytest.mark.ci
@settings(QUICK, max_examples=1000)
@given(file=files())
def test_prices_of_many_more_files_never_change(tmp_path_factory, file):
    comes_back_or_is_refused(tmp_path_factory.getbasetemp() / "written_many.csv", file)
