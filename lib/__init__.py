"""The machinery of the reproduction. The README's map says which room does what."""

import sys

if sys.argv[:1] == ["-m"]:  # python -m lib.NAME has just begun: later that module's own imports would fail one by one
    from lib import installed

    installed.begin()
