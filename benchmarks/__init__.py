"""How fast, how large, how near to the machine: run ``python -m benchmarks.throughput`` from the project's folder."""

import lib  # noqa: F401  # first of all, as it says which packages are missing
