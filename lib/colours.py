"""Every colour once, by what it means: for matplotlib's figures, Plotly's charts and the pages around them.

Palettes are those that colour-blind readers can tell apart. A meaning keeps its hue everywhere; lightness differs so
that on a page every line reaches a contrast of 3:1 and every text 4.5:1 against its ground (WCAG 2.2, success criteria
1.4.11 and 1.4.3).
"""

from __future__ import annotations

NAIVE = "naive"
NETWORKS = ("CNN", "LSTM", "CNN-LSTM", "LSTM-CNN")
OTHER_NETWORKS = ("other network 1", "other network 2")
COINS = ("ADA-USD", "ETH-USD", "SOL-USD", "BTC-USD")
OTHER_COINS = ("other coin 1", "other coin 2", "other coin 3", "other coin 4")

# ``grid`` is for lines, ``border`` for edges of fields, ``accent`` for what can be pressed.
THEMES: dict[str, dict[str, str]] = {
    "light": {
        "background": "#F2F4F7",
        "surface": "#FFFFFF",
        "text": "#1B2027",
        "muted": "#555F6B",
        "grid": "#8A939D",
        "border": "#77818C",
        "accent": "#0A5FA8",
        "accent_text": "#FEFEFE",
        "error": "#B3261E",
        "good": "#1C6B3C",
        "warning": "#805300",
    },
    "dark": {
        "background": "#11151A",
        "surface": "#1A2027",
        "text": "#E9EDF1",
        "muted": "#A8B2BD",
        "grid": "#707B87",
        "border": "#7F8B98",
        "accent": "#6DB3F2",
        "accent_text": "#0C1116",
        "error": "#FF8F87",
        "good": "#6FCF97",
        "warning": "#F0B95B",
    },
}

# Meaning -> (in a printed figure, on a light page, on a dark page).
_EVERYWHERE = {
    "CNN": ("#E69F00", "#A97400", "#E9A413"),
    "LSTM": ("#0072B2", "#0072B2", "#4FA9E6"),
    "CNN-LSTM": ("#009E73", "#00845F", "#2BC496"),
    "LSTM-CNN": ("#CC79A7", "#B0578A", "#DC93BD"),
    "other network 1": ("#56B4E9", "#2B7DAE", "#56B4E9"),
    "other network 2": ("#8C510A", "#8C510A", "#D39A54"),
    NAIVE: ("#6E6E6E", "#6E6E6E", "#A5A5A5"),
    "actual": ("#111111", "#111111", "#F4F4F4"),
    "ADA-USD": ("#2A6FDB", "#2A6FDB", "#7FABF3"),
    "ETH-USD": ("#D55E00", "#D05B00", "#FF8C40"),
    "SOL-USD": ("#5D3A9B", "#5D3A9B", "#B698EC"),
    "BTC-USD": ("#8A6D00", "#8A6D00", "#D6B23E"),
    "other coin 1": ("#117733", "#117733", "#55BF79"),
    "other coin 2": ("#882255", "#882255", "#DF7FAC"),
    "other coin 3": ("#44AA99", "#2C8577", "#63C7B8"),
    "other coin 4": ("#999933", "#77771F", "#BDBD57"),
    "mark": ("#C00000", "#C00000", "#FF7C7C"),
}
# No value stands for two meanings, so that a chart can go from one theme to the other.
COLOURS: dict[str, tuple[str, str]] = {
    **{meaning: (light, dark) for meaning, (_, light, dark) in _EVERYWHERE.items()},
    "training": ("#4B4B4B", "#C6C6C6"),
    "reference": ("#686F77", "#98A1AB"),
    "forecast": ("#0B65A5", "#58AEEA"),
    "up": ("#00728F", "#52C7DF"),
    "down": ("#B5431A", "#FF9C75"),
    "volume": ("#7B8793", "#808C99"),
    "sma": ("#8A5A00", "#EDB45A"),
    "ema": ("#6B40B0", "#BBA3F0"),
    "band": ("#4D6C8E", "#8EB1D8"),
    "rsi": ("#573B8C", "#C2A8FA"),
    "macd": ("#1D5EA6", "#7AB6F3"),
    "signal": ("#B64B05", "#FFA968"),
    "histogram": ("#7D8690", "#8A929C"),
    "support": ("#006F78", "#5BCFD8"),
    "resistance": ("#A5316D", "#EF93C0"),
    **{f"page {name}": (THEMES["light"][name], THEMES["dark"][name]) for name in ("surface", "text", "accent")},
}
PRINTED: dict[str, str] = {
    **{meaning: printed for meaning, (printed, _, _) in _EVERYWHERE.items()},
    "baseline": "#8A8A8A",
    "line": "#333333",
    "before": "#999999",
    "bars": "#AAAAAA",
    "frame": "#666666",
    "grid": "#DDDDDD",
    "blue": "#0072B2",
    "green": "#009E73",
    "orange": "#D55E00",
    "train": "#FFFFFF",
    "validation": "#E9E9E4",
    "test": "#CFE3F5",
}


def network(name: str) -> str:
    """The meaning under which a network's colour stands: its own for the thesis's four, by name for any other."""
    return name if name in NETWORKS else OTHER_NETWORKS[sum(name.encode()) % len(OTHER_NETWORKS)]


def coin(ticker: str) -> str:
    """The meaning under which a coin's colour stands: its own for the thesis's coins and BTC, by name for any other."""
    return ticker if ticker in COINS else OTHER_COINS[sum(ticker.encode()) % len(OTHER_COINS)]
