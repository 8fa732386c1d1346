"""What can go wrong with prices. Every message is complete: what happened and what to do."""

from lib.errors import ProjectError


class MarketError(ProjectError):
    """Prices are missing, damaged, or not those that were asked for."""


class SourceUnavailable(MarketError):
    """The source as a whole does not answer, so asking it for the next ticker is of no use."""
