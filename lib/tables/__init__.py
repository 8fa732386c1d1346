"""Tables of the thesis and of the evaluation, a function each, and the sentences that read them."""

from lib.tables.thesis_tables import *  # noqa: F403
