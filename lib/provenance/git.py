"""What git says about the project; nothing where there is no git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lib.settings.places import PROJECT_ROOT


def ask(*words: str, project: Path = PROJECT_ROOT) -> str | None:
    """Git's answer without the white space around it, or None if it has none."""
    try:
        answer = subprocess.run(
            # Without locks, which a git that is killed or has no space would leave for whoever commits next.
            ["git", "--no-optional-locks", "-C", str(project), *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",  # as Python has names of files that are not UTF-8
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def tracked(root: Path, project: Path = PROJECT_ROOT) -> list[str]:
    """Files below ``root`` in git's index, relative to ``root``; empty if none is or there is no git."""
    if not root.is_dir() or not root.resolve().is_relative_to(project.resolve()):
        return []
    folder = root.resolve().relative_to(project.resolve()).as_posix()
    answer = ask("--literal-pathspecs", "ls-files", "-z", "--", folder, project=project)
    return sorted(name.removeprefix(f"{folder}/") for name in (answer or "").split("\0") if name)
