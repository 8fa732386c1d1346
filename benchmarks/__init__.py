"""How fast, how large, how near to the machine: run ``python -m benchmarks.throughput`` from the project's folder."""
