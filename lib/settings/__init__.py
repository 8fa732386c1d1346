"""Every parameter of a run, and the check of a whole set of them."""

from lib.settings.model import (
    KEYS, PROJECT_ROOT, Chosen, Day, Inputs, Network, Number, Settings, SettingsError, Share, Ticker, check, contradictions, from_notebook, key, load,
    meaning, output_root, parse_override, resolve,
)

__all__ = [
    "KEYS", "PROJECT_ROOT", "Chosen", "Day", "Inputs", "Network", "Number", "Settings", "SettingsError", "Share", "Ticker", "check", "contradictions",
    "from_notebook", "key", "load", "meaning", "output_root", "parse_override", "resolve",
]
