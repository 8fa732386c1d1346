"""The command: python -m lib.site --help"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.errors import ProjectError
from lib.settings.places import PROJECT_ROOT, resolve


def main(words: Sequence[str] | None = None) -> int:
    """The command line; returns 0 if the site is built and nothing is wrong with it, 1 if something is, 2 if not."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.site", description="Build the site of the project into a folder, and check it."
    )
    parser.add_argument(
        "folder", type=Path, help="a new or empty folder, or one with an earlier site; such as build/site"
    )
    parser.add_argument(
        "--run", default="outputs/sample", help="folder of the run whose notebooks are shown; default: outputs/sample"
    )
    given = parser.parse_args(words)
    from lib.site import build, check

    try:
        site = build.build(PROJECT_ROOT, resolve(given.run), resolve(given.folder))
        problems = check.problems(site, check.prices_of(resolve(given.run)))
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    sizes = [path.stat().st_size for path in site.rglob("*") if path.is_file()]
    print(*problems, f"{site / 'index.html'}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB", sep="\n")
    print("links, hosts and prices: " + (f"{len(problems)} problems" if problems else "passed"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
