"""What is asked of git changes nothing."""

import os
import subprocess

from lib.provenance import git


def test_asking_for_the_state_writes_nothing_into_the_repository(tmp_path):
    """Red before: a run that was killed or had no space left index.lock, and the next commit was refused."""
    (tmp_path / "a.txt").write_text("a")
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "a.txt"], [*author, "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    index = (tmp_path / ".git" / "index").read_bytes()
    os.utime(tmp_path / "a.txt", (1, 1))  # git would note that the content is the same
    assert git.ask("status", "--porcelain", project=tmp_path) == ""
    assert (tmp_path / ".git" / "index").read_bytes() == index
