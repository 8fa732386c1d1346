"""The page of licences: every direct dependency, each with what its metadata say."""

import re

import pytest

from lib import installed
from lib.report import licences


def test_the_page_has_every_direct_dependency_and_no_other():
    rows = re.findall(r"^\| ([\w.-]+) \| (.+) \|$", licences.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = dict(rows[2:])
    assert set(listed) == set(installed.versions()), "write the page anew: python -m lib.report.licences"
    assert [name for name, licence in listed.items() if not re.search("MIT|BSD|Apache|MPL|NCSA|Python", licence)] == []


def test_the_command_writes_what_the_packages_state(monkeypatch, tmp_path):
    monkeypatch.setattr(licences, "PAGE", tmp_path / "licences.md")
    assert licences.main() == 0
    assert "| pydantic | MIT |" in licences.PAGE.read_text() and "| TA-Lib | BSD 2-Clause" in licences.PAGE.read_text()


def test_a_package_that_is_not_there_is_told(monkeypatch, capsys):
    monkeypatch.setattr(installed, "versions", lambda: {"no-such-package": None})
    assert licences.main() == 2
    assert "no-such-package is not installed: pip install" in capsys.readouterr().err


def test_a_package_without_a_licence_is_told(monkeypatch, tmp_path):
    folder = tmp_path / "bare-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(licences.LicenceError, match="bare states no licence"):
        licences.licence("bare")
