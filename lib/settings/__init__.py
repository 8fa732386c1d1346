"""Every parameter of a run, and the check of a whole set of them."""

from lib.settings.loading import as_file, from_notebook, in_force, load, parse_override, sample
from lib.settings.model import (
    KEYS,
    TICKER_RULE,
    Day,
    Network,
    Number,
    Settings,
    SettingsError,
    Ticker,
    check,
    key,
    meaning,
)
from lib.settings.networks import NETWORKS
from lib.settings.places import PROJECT_ROOT, output_root, resolve, scheduler_address

__all__ = [
    "KEYS",
    "PROJECT_ROOT",
    "Day",
    "Network",
    "NETWORKS",
    "Number",
    "Settings",
    "SettingsError",
    "TICKER_RULE",
    "Ticker",
    "as_file",
    "check",
    "from_notebook",
    "in_force",
    "key",
    "load",
    "meaning",
    "output_root",
    "parse_override",
    "resolve",
    "sample",
    "scheduler_address",
]
