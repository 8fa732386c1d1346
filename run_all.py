"""Run the notebooks with a parameter file and leave a report: python run_all.py --help"""

import argparse
import sys

from lib import installed


def main(words: list[str] | None = None) -> int:
    """Read the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        description="Execute the notebooks with a parameter file, render them, and write outputs/<run>/index.html.",
        epilog="Exit codes: 0 all succeeded, 1 a notebook failed, 2 nothing was started, 130 or 143 stopped.",
    )
    parser.add_argument(
        "file", nargs="?", default="params/sample.yaml", metavar="params/NAME.yaml", help="default: the sample"
    )
    parser.add_argument(
        "-p",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a parameter; repeatable",
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NN", help="run these notebooks only, such as --only 04 08"
    )
    parser.add_argument("--from", dest="start", metavar="NN", help="run this notebook and all after it")
    parser.add_argument("--jobs", metavar="N", help="notebooks side by side; default: the number of cores")
    parser.add_argument(
        "--list", dest="listing", action="store_true", help="show the notebooks and what is there; run nothing"
    )
    parser.add_argument(
        "--prices", nargs="+", metavar="FILE", help="show how these price files would be read, and how to use them"
    )
    given = parser.parse_args(words)
    installed.begin()
    if given.prices:
        from lib.runner import price_files  # needs packages

        return price_files.show(given.prices)
    from lib.runner import command  # needs packages

    return command.run(given.file, given.overrides, given.only, given.start, given.jobs, given.listing)


if __name__ == "__main__":
    sys.exit(main())
