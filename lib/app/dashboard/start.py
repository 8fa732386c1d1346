"""What the page needs to begin: coins, fields with their limits, presets, views, the words and their meanings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from functools import cache
from html import escape
from typing import Any

from lib.app import charts, requests
from lib.app.dashboard.prices import Sources
from lib.data.technical import TechnicalSettings
from lib.experiments import forecast
from lib.settings import NETWORKS, Settings
from lib.settings.places import PROJECT_ROOT

TITLE = "Coin forecasts"
SOURCE_NAMES = {"sample": "Packaged sample", "folder": "Price files", "yahoo": "Yahoo Finance"}
_PRESETS = {
    "quick": ("Quick", "few epochs, to see how it works"),
    "balanced": ("Balanced", "60 epochs at most; stops when it learns no more"),
    "thesis best": ("As in the thesis", "what it calls best for the chosen network"),
}
# Field -> what the page adds to the request's own description: a step for its slider, a term of the glossary.
_MORE: Mapping[str, Mapping[str, Any]] = {
    "network": {"term": "Network"},
    "lookback": {"step": 1, "unit": "days", "term": "Lookback"},
    "epochs": {"step": 1, "unit": "epochs at most", "term": "Epoch"},
    "batch_size": {"step": 1, "unit": "windows at a time", "term": "Batch size"},
    "learning_rate": {"step": 0.0001, "term": "Learning rate"},
    "dropout_rate": {"step": 0.01, "term": "Dropout"},
    "seed": {"step": 1, "term": "Seed"},
}
_TERM = re.compile(r"^\*\*(.+?)\.\*\*\s+(.+?)(?=^<a id|^\*\*|^#|\Z)", re.MULTILINE | re.DOTALL)


def start(chosen: Settings, sources: Sources, needs_token: bool) -> dict[str, Any]:
    """What the page asks for first, JSON-able.

    Args:
        chosen: the run's parameters.
        sources: source -> its coins, first and last day.
        needs_token: whether visitors have to give a token.
    """
    return {
        "title": TITLE,
        "sources": [
            {"name": name, "label": SOURCE_NAMES[name], "coins": list(coins), "first": str(first), "last": str(last)}
            for name, (coins, first, last) in sources.items()
        ],
        "networks": list(NETWORKS),
        "fields": form(),
        "presets": presets(),
        "first": _plain(first_values(chosen, sources)),
        "patience": chosen.patience,
        "days": {"most": 30, "usual": forecast.DEFAULT_DAYS},
        "indicators": [
            {"name": f.name, "label": label_of(f.name), "value": f.default, **f.metadata}
            for f in fields(TechnicalSettings)
        ],
        "views": [{"name": name, "title": view.title} for name, view in charts.VIEWS.items()],
        "glossary": glossary(),
        "token": needs_token,
    }


def first_values(chosen: Settings, sources: Sources) -> dict[str, Any]:
    """The form as it is first shown: the quick preset on the first coin of the first source."""
    source, (coins, first, last) = next(iter(sources.items()))
    return requests.first_values(chosen, source, coins[0], first, last)


def form() -> list[dict[str, Any]]:
    """The fields of a training with their limits, as the request's own types have them."""
    described = requests.TrainingRequest.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "label": requests.label(name),
            "hint": requests.allowed(name),
            "kind": {"integer": "whole", "number": "number"}.get(about["type"], about.get("format", "text")),
            "low": about.get("minimum", about.get("exclusiveMinimum")),
            "high": about.get("maximum"),
            **_MORE.get(name, {}),
        }
        for name, about in described.items()
        if name not in ("source", "ticker")  # these are the page's own
    ]


def presets() -> list[dict[str, Any]]:
    """Presets as cards; that of the thesis has other values for each network."""
    return [
        {
            "name": name,
            "title": title,
            "about": about,
            "values": {network: requests.preset(name, network) for network in NETWORKS},
        }
        for name, (title, about) in _PRESETS.items()
    ]


@cache
def glossary() -> dict[str, str]:
    """Term -> its meaning as HTML, from the glossary that the notebooks link to."""
    text = (PROJECT_ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return {term: _html(" ".join(meaning.split())) for term, meaning in _TERM.findall(text)}


def _html(text: str) -> str:
    # Where it is computed helps whoever reads the code, not whoever looks at the page.
    text = re.sub(r"(: |, computed in | Computed in )`lib[./][^`]*`(?=\.|,|;)", "", text)
    linked = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", escape(text))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", linked)


def label_of(name: str) -> str:
    """A setting of the indicators by its name for people."""
    words = name.removesuffix("_days").replace("_", " ")
    for short in ("sma", "ema", "rsi", "macd"):
        words = re.sub(rf"\b{short}\b", short.upper(), words)
    return words[:1].upper() + words[1:]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, date) else value for name, value in values.items()}
