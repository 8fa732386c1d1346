"""Files are written alike on every system."""

import os

from lib.results import files


def test_a_draft_is_flushed_through_a_handle_that_may_write(tmp_path, monkeypatch):
    """Windows flushes no other; a write of nothing to a handle that only reads is refused here too."""
    monkeypatch.setattr(os, "fsync", lambda handle: os.write(handle, b""))
    files.write_text(tmp_path / "a.txt", "one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"
