"""The first screen: every number in it comes from the committed results, and so do its pictures."""

import re
import shutil

import pytest
from PIL import Image

from lib import settings
from lib.ledger import answer
from lib.provenance import __main__ as command
from lib.report import readme
from lib.results import files

ROOT = settings.PROJECT_ROOT
RUN = "outputs/thesis"
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    """A project with documents to write into, and the committed results."""
    for name in ("README.md", "docs/findings.md", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for run in ("thesis", "replay"):
        for kind in ("tables", "figures"):
            shutil.copytree(ROOT / "outputs" / run / kind, tmp_path / "outputs" / run / kind)
    return tmp_path


def test_the_documents_are_what_the_committed_results_give():
    for name, text in readme.documents(ROOT / RUN, RUN).items():
        message = f"{name} is not what the results give. Write it with: {readme.COMMAND} {RUN}"
        assert (ROOT / name).read_text(encoding="utf-8") == text, message


def test_the_pictures_are_of_the_committed_results():
    again = f"Write them with: {readme.COMMAND} {RUN}"
    with Image.open(ROOT / readme.ANSWER) as picture:
        assert picture.text[readme.SOURCE] == readme.answer_digest(ROOT / RUN), again
    for name, (figure, *_) in readme.GALLERY.items():
        with Image.open(ROOT / readme.PICTURES / f"{name}.png") as small:
            assert small.size == readme.THUMBNAIL
            assert not figure or small.text[readme.SOURCE] == files.sha256(ROOT / RUN / figure), again
    assert {n: (ROOT / readme.PICTURES / n).read_text("utf-8") for n in readme.badges()} == readme.badges(), again


def test_a_changed_result_changes_the_first_screen_and_its_picture(project):
    before, digest = readme.documents(project / RUN, RUN, project), readme.answer_digest(project / RUN)
    assert before["README.md"] == TEXT
    place = project / RUN / "tables/answer.csv"
    scores = files.read_table(place)
    mine = (scores["model"] == "LSTM") & (scores["part"] == "test") & (scores["reading"] == "as evaluated")
    scores.loc[mine, ["skill", "verdict"]] = [0.3, "better"]
    scores.to_csv(place, index=False)
    after = readme.documents(project / RUN, RUN, project)
    said = "of our 12 networks that forecast closes 9 worse, 3 better on test days"
    assert said in after["README.md"] != before["README.md"]
    assert readme.answer_digest(project / RUN) != digest
    assert (
        "as evaluated, against no model: of 12 networks 9 worse, 0 indistinguishable, 3 better"
        in after["docs/findings.md"]
    )
    place = project / RUN / "tables/claims.csv"
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace(",contradicted,", ",consistent,", 1), encoding="utf-8")
    last = readme.documents(project / RUN, RUN, project)
    assert all(last[name] != after[name] for name in last)


def test_the_command_writes_documents_and_pictures(project, monkeypatch, capsys):
    monkeypatch.setattr(command, "PROJECT_ROOT", project)
    assert command.main(["readme", str(project / RUN)]) == 0 and "answer.png" in capsys.readouterr().out
    assert (project / readme.PICTURES / "skill.png").is_file() and (project / "README.md").read_text("utf-8") == TEXT
    about = project / "pyproject.toml"
    about.write_text(re.sub(r"(?m)^Repository = .*$", "", about.read_text()) + '[project.urls]\nRepository = "x.y"\n')
    assert "git clone x.y crypto" in readme.documents(project / RUN, RUN, project)["README.md"]
    (project / "README.md").write_text("no marks")
    with pytest.raises(readme.ReadmeError, match="answer: begin --> and .* once each"):
        readme.write(project / RUN, RUN, project)


def test_without_results_nothing_is_claimed(project):
    shutil.rmtree(project / RUN / "tables")
    text = readme.documents(project / RUN, RUN, project)
    assert all("nothing is claimed" in part for part in text.values()) and "0.96" not in text["README.md"]


def test_it_is_one_screen_with_the_answer_first():
    words = re.sub(r"\]\([^)]*\)|<[^>]*>|[|`#*!\[\]-]", " ", TEXT).split()
    assert len(words) <= readme.MOST_WORDS
    assert TEXT.index(readme.ANSWER) < TEXT.index("| claim |") < TEXT.index("## Run it")
    for sentence in answer.sentences(ROOT / RUN):
        assert len(sentence.split()) <= answer.MOST_WORDS
    assert len(re.findall(r"^\| .*\[why\]", TEXT, re.MULTILINE)) == 6


def test_every_link_and_picture_of_it_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, place = target.partition("#")
        text = (ROOT / (path or "README.md")).read_text("utf-8") if path.endswith(".md") or not path else ""
        assert (ROOT / path).exists() and "://" not in target, target
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert not place or place in {re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings}, target


def test_the_badges_are_true():
    python = readme.badges()["python.svg"]
    assert "3.11 | 3.12 | 3.13" in python and "3.14" not in python and "MIT" in readme.badges()["licence.svg"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT")
    assert python.count("://") == 1, "the name of the format, which nobody asks"
