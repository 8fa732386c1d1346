"""What can go wrong with prices. Every message is complete: what happened and what to do."""

from lib.errors import ProjectError


class MarketError(ProjectError):
    """Prices are missing, damaged, or not those that were asked for.

    Args:
        what: what is wrong, where, and how to correct it.
        options: parameters by which a run goes on as it is. A page leaves them out, as whoever looks at it has none.
    """

    def __init__(self, what: str, options: str = ""):
        super().__init__("\n".join(filter(None, (what, options))))
        self.what = what


class SourceUnavailable(MarketError):
    """The source as a whole does not answer, so asking it for the next ticker is of no use."""


class RateLimited(SourceUnavailable):
    """The source wants fewer requests. ``wait_seconds`` is how long it asks to wait, or None if it does not say."""

    wait_seconds: float | None = None
