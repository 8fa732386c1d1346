"""Where a run's parameters come from: ``params/sample.yaml``, a file over it, and single values over both.

Parameter files are flat YAML, so that they also work with papermill's own ``-f``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lib.settings import flat_yaml
from lib.settings.consistency import FOLDERS
from lib.settings.model import KEYS, NOTHING, Settings, SettingsError, check, meaning, read_exponents
from lib.settings.places import PROJECT_ROOT, resolve

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

SAMPLE = PROJECT_ROOT / "params" / "sample.yaml"
CELL = "the parameters cell"


def load(path: str | Path, overrides: Mapping[str, Any] | None = None, origin: str = "-p") -> Settings:
    """The sample run's parameters, then what a file says differently, then single values; checked as a whole.

    Args:
        path: a YAML file; a key that it does not state is as in ``params/sample.yaml``.
        overrides: key -> value, stronger than the file.
        origin: where ``overrides`` were given, for errors.

    Raises:
        SettingsError: the file is missing or not flat YAML, or a key is wrong or given twice; the
            message names file, key, value and what is allowed.
    """
    given = dict(overrides or {})
    where = f"{shown(path)} with {origin} {' '.join(given)}" if given else shown(path)
    return check({**sample().plain(), **stated(path), **given}, where)


def sample() -> Settings:
    """The parameters of ``params/sample.yaml``, which names every key: the set that all others start from."""
    return _sample(SAMPLE.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _sample(modified_ns: int) -> Settings:
    return check(stated(SAMPLE), shown(SAMPLE))


def stated(path: str | Path) -> dict[str, Any]:
    """What a parameter file says itself, not checked.

    Raises:
        SettingsError: it is missing, or not flat YAML.
    """
    path = Path(path)
    if not path.is_file() and resolve(path).is_file():
        path = resolve(path)  # the project's own files are found from any folder
    if not path.is_file():
        have = ", ".join(sorted(f"params/{p.name}" for p in SAMPLE.parent.glob("*.yaml")))
        what = "this is no file" if path.exists() else "there is no such parameter file"
        raise SettingsError(f"{shown(path)}: {what}. The project's own are {have}")
    try:
        if path.stat().st_size > flat_yaml.LONGEST_BYTES:
            raise SettingsError(f"{shown(path)}: has {path.stat().st_size} bytes, which no parameter file has")
        values = flat_yaml.read(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{shown(path)}: not text in UTF-8: save it as UTF-8, or name another file") from None
    except (yaml.YAMLError, OSError) as error:
        raise SettingsError(f"{shown(path)}: not readable as YAML: {error}") from None
    if values is None:  # empty, or comments only
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{shown(path)}: expected lines of 'key: value', found {type(values).__name__}")
    return values


def as_file(settings: Settings) -> str:
    """The text of a parameter file with every key and its meaning."""
    lines = flat_yaml.lines(settings.plain())
    head = "# Every parameter of a run; what its parameter file left out is as in params/sample.yaml."
    return "\n".join([head, *(f"{line}  # {meaning(key)}" for line, key in zip(lines, KEYS))]) + "\n"


def shown(path: str | Path) -> str:
    """A path for people: relative to the project if it lies inside."""
    path = Path(path)
    return str(path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path)


def parse_override(text: str) -> tuple[str, Any]:
    """``key=value`` from a command line; the value is read as YAML, so lists and null work.

    A folder is taken as it was typed, as its name may hold letters that mean something in YAML; in quotes it is YAML.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise SettingsError(f"-p {text}: give key=value, such as -p trials=2 or -p split=[0.6,0.2,0.2]")
    if name in FOLDERS and value[:1] not in ("'", '"') and value.lower() not in NOTHING:
        return name, value
    try:
        return name, flat_yaml.read(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"-p {text}: the value is not YAML ({error})") from None


def from_notebook(namespace: Mapping[str, Any]) -> Settings:
    """A notebook's parameters: those of its ``parameters_file``, and over them every key that it sets.

    Args:
        namespace: ``globals()``, right after the parameters cell. A key that is None there is not set; other names
            are passed over. ``parameters_file`` is relative to the project; default ``params/sample.yaml``.

    Raises:
        SettingsError: as :func:`load`.
    """
    return load(_file_of(namespace), _set_in(namespace), f"{CELL}'s")


def in_force(settings: Settings, namespace: Mapping[str, Any]) -> Styler:
    """A table of a notebook's parameters: value, where it comes from, meaning.

    Args:
        settings: as :func:`from_notebook` gave them for ``namespace``.

    Returns:
        One row for each key that the parameters cell names or papermill set. Other keys that differ from the sample
        run are listed in the caption.
    """
    import pandas as pd  # not before it is needed: the command line starts without it

    values, usual = settings.plain(), sample().plain()
    keys = [key for key in KEYS if key in namespace]
    columns = {
        "parameter": keys,
        "value": [_text(values[key]) for key in keys],
        "from": _origins(namespace, keys),
        "meaning": [meaning(key) for key in keys],
    }
    others = [f"{k} {_text(v)}" for k, v in values.items() if k not in keys and v != usual[k]]
    rest = f"Others that differ from {shown(SAMPLE)}: {'; '.join(others)}" if others else f"All others: {shown(SAMPLE)}"
    table = pd.DataFrame(columns).style.hide(axis="index").set_caption(f"Parameters in force. {rest}")
    table.set_uuid("in_force").format(escape="html")
    return table


def _origins(namespace: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    file, given = _file_of(namespace), _set_in(namespace)
    in_file = stated(file)
    return ["the cell above, or papermill" if k in given else shown(file if k in in_file else SAMPLE) for k in keys]


def _file_of(namespace: Mapping[str, Any]) -> Path:
    name = namespace.get("parameters_file", SAMPLE)
    if not isinstance(name, (str, Path)):
        raise SettingsError(f"{CELL}: parameters_file is {name!r}. Allowed: a path, relative to the project")
    return resolve(name)


def _set_in(namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {key: read_exponents(key, namespace[key]) for key in KEYS if namespace.get(key) is not None}


def _text(value: Any) -> str:
    """A value as a parameter file has it, lists without brackets."""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
