"""Files and programs are read as UTF-8 whatever the machine's locale; a screen of ASCII never ends a command."""

import ast
import os
import subprocess
import sys

import pytest

from lib.settings import PROJECT_ROOT

SOURCES = sorted(
    [PROJECT_ROOT / "run_all.py", PROJECT_ROOT / "conftest.py"]
    + [p for folder in ("lib", "benchmarks") for p in (PROJECT_ROOT / folder).rglob("*.py")]
)
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def without_encoding(tree):
    """Calls that read or write text in the locale's encoding."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        words = {word.arg: word.value for word in call.keywords}
        texts = [a.value for a in [*call.args, *words.values()] if isinstance(a, ast.Constant) and a.value is not None]
        binary = any(isinstance(t, str) and "b" in t and set(t) <= set("rwxab+") for t in texts)
        opens = name in ("open", "NamedTemporaryFile", "TemporaryFile", "fdopen") and not binary
        if name in ("TemporaryFile", "NamedTemporaryFile") and not texts and "mode" not in words:
            continue  # bytes, unless one says otherwise
        of_os = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "os"
        if (opens and not of_os) or name in ("read_text", "write_text"):
            first = call.args[0] if name == "read_text" and call.args else None
            is_ours = getattr(getattr(call.func, "value", None), "id", "") == "files" or isinstance(call.func, ast.Name)
            if "encoding" not in words and first is None and not (name == "write_text" and is_ours):
                yield call
        if ("text" in words or "universal_newlines" in words) and "encoding" not in words and name in ("run", "Popen"):
            yield call


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(PROJECT_ROOT)) for p in SOURCES])
def test_every_text_is_read_and_written_in_a_stated_encoding(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [f"line {call.lineno}: {ast.unparse(call)[:80]}" for call in without_encoding(tree)] == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("open('x')", 1),
        ("path.open()", 1),
        ("path.open('w', newline='')", 1),
        ("path.read_text()", 1),
        ("path.write_text('bb')", 1),
        ("subprocess.run(['a'], text=True)", 1),
        ("open('x', 'rb'); path.open('r+b'); os.open(x, 1); path.read_text('utf-8'); files.write_text(path, 'x')", 0),
        ("path.write_text('x', encoding='utf-8'); subprocess.run(['a'], text=True, encoding='utf-8')", 0),
    ],
)
def test_the_search_finds_what_it_looks_for(code, count):
    assert len(list(without_encoding(ast.parse(code)))) == count


def in_ascii(*words):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIOENCODING"))}
    return subprocess.run(
        [sys.executable, *words], cwd=PROJECT_ROOT, env={**environment, **ASCII}, capture_output=True, check=False
    )


def test_a_command_prints_any_letter_to_any_screen():
    """Red before: a notebook's title or a folder's name ended the run with a UnicodeEncodeError."""
    code = "from lib import installed; installed.begin(); print('\\u0416 \\u2581', flush=True)"
    answer = in_ascii("-c", code)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"\\u0416 \\u2581\n", b"")


def test_a_folder_that_this_locale_cannot_name_is_refused_before_anything_starts(tmp_path):
    (tmp_path / "mine.yaml").write_text("output_dir: outputs/\u0416\n", encoding="utf-8")
    answer = in_ascii("run_all.py", str(tmp_path / "mine.yaml"), "--only", "01")
    words = answer.stderr.decode()
    assert answer.returncode == 2 and "Traceback" not in words and not answer.stdout
    assert "output_dir is 'outputs/\\u0416', which is no path" in words and "PYTHONUTF8=1" in words


def test_the_list_is_shown_in_ascii():
    answer = in_ascii("run_all.py", "--list")
    assert answer.returncode == 0 and b"01_data" in answer.stdout and not answer.stderr
