"""Results held against code: python -m lib.provenance --help"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lib import settings
from lib.errors import ProjectError
from lib.settings.places import resolve


def check(root: Path) -> int:
    """Say what in a run's folder is not as it should be."""
    from lib.provenance import committed

    folder = committed.Folder(root)
    wrong = committed.wrong(folder)
    for what, sentences in wrong.items():
        print(f"{what}: {'all well' if not sentences else ''}")
        for sentence in sentences:
            print(f"    {sentence}")
    return 1 if any(wrong.values()) else 0


def recheck(root: Path, overrides: list[str]) -> int:
    """Compute a part again."""
    from lib.provenance import committed
    from lib.provenance import recheck as again

    folder = committed.Folder(root)
    outcome = again.run(folder, dict(settings.parse_override(text) for text in overrides), told=print)
    for name, other in outcome.elsewhere.items():
        if other:
            print(
                f"{name} ran on another machine ({'; '.join(other)}), so for it equal means {outcome.how(name)}. A small change of the code can hide in that."
            )
    if not all(outcome.elsewhere.values()):
        here = [name for name, other in outcome.elsewhere.items() if not other]
        print(
            f"For {', '.join(here)} processor, packages and threads are those of the run, so equal means the same bits."
        )
    for part in outcome.parts:
        print(f"{part.notebook}: {part.what}: {part.differs or 'equal'}")
    for name in outcome.uncovered:
        print(f"{name}: too little of it is computed again here")
    if not outcome.parts:
        return 1
    if not outcome.equal:
        print(f"Results have changed, so they have to be made anew. Move {folder.name} away, then: {folder.command()}")
        return 1
    unfinished = {
        name: entry["status"]
        for name, entry in folder.run["notebooks"].items()
        if entry["status"] not in ("done", "not selected")
    }
    for name, status in unfinished.items():
        print(
            f"{name}: its last run was {status}, which nothing here can mend. Run it again: {folder.command([name.partition('_')[0]])}"
        )
    return 1 if outcome.uncovered or unfinished else 0


def main(words: list[str] | None = None) -> int:
    """The command line; 0 if all is well, 1 if results and code do not belong together, 2 if it could not be found out."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.provenance",
        description="Hold the results in a run's folder against the present code and parameters.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "check": "do files, parameters and page belong to the present project? Needs no prices",
        "recheck": "compute a quick part again from prices",
        "page": "write README.md of the folder anew",
    }
    for name, text in helps.items():
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("folder", help="such as outputs/thesis, relative to the project")
        if name == "recheck":
            sub.add_argument(
                "-p",
                dest="overrides",
                action="append",
                default=[],
                metavar="KEY=VALUE",
                help="source or data_dir; repeatable",
            )
    given = parser.parse_args(words)
    root = resolve(given.folder)
    try:
        if given.command == "check":
            return check(root)
        if given.command == "recheck":
            return recheck(root, given.overrides)
        from lib.report import results_page

        print(f"Written: {results_page.write(root).name} in {given.folder}")
        return 0
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
