"""The dashboard (thesis chapter 6): one page, a client of the service's own paths.

One process serves every visitor (``python -m lib.app.serve``); in a notebook the same page is shown by a widget, whose
requests travel over the kernel's own channel.
"""

from lib.app.dashboard.notebook import Dashboard

__all__ = ["Dashboard"]
