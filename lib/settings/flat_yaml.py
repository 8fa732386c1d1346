"""YAML as parameter files need it: a number is one only if written plainly, and a key stands there once.

YAML 1.1 reads 064 as 52, 1:30 as 90 and ON as true, and takes 1e-3 for text. Here whole and decimal numbers are read
as people write them, ``true`` and ``false`` are the only truth values, and everything else is text: days, tickers,
and what merely resembles a number, which is then refused where a number is due.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_TRUTH = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_NOTHING = re.compile(r"(?:~|null|Null|NULL|)\Z")
_TAG = "tag:yaml.org,2002:"
LONGEST_BYTES = 1_000_000  # of a parameter file; a larger one is something else, given by mistake


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # "" stands for an empty value, the other letters for what a value begins with
        **{first: [(f"{_TAG}int", _INTEGER), (f"{_TAG}float", _DECIMAL)] for first in "-+.0123456789"},
        **{first: [(f"{_TAG}bool", _TRUTH)] for first in "tTfF"},
        **{first: [(f"{_TAG}null", _NOTHING)] for first in ["~", "n", "N", ""]},
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; PyYAML itself would silently take the last of two equal keys."""
        seen = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value in seen:
                raise yaml.YAMLError(
                    f"key {name.value!r} is given a second time in line {name.start_mark.line + 1}: keep one of them"
                )
            if isinstance(name, yaml.ScalarNode):
                seen.add(name.value)
        return super().construct_mapping(node, deep)

    def number(self, node: yaml.ScalarNode) -> int | float:
        """A number as written; a whole one with an exponent, such as 1e2, is a whole number."""
        text = node.value
        if _INTEGER.match(text):
            return int(text)
        if not _DECIMAL.match(text) or not math.isfinite(float(text)):
            raise yaml.YAMLError(f"{text} is not a plain number such as 64, 0.5 or 1e-3")
        value = float(text)
        return int(value) if "e" in text.lower() and "." not in text and value.is_integer() else value


_Loader.add_constructor(f"{_TAG}int", _Loader.number)
_Loader.add_constructor(f"{_TAG}float", _Loader.number)


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML would read as something else than text, so that papermill may read the file as well."""


_Dumper.add_implicit_resolver(f"{_TAG}float", _DECIMAL, list("-+.0123456789"))  # and what the loader above would


def read(text: str) -> Any:
    """The content of YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, or a key is given twice.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise yaml.YAMLError(f"{error.problem or error.context}{line}") from None
    except yaml.reader.ReaderError as error:
        raise yaml.YAMLError(f"it holds the character {error.character!r}, which no text has") from None
    except RecursionError:
        raise yaml.YAMLError("its lists are nested too deeply") from None
    except ValueError as error:  # numbers and days that look like ones and are none
        raise yaml.YAMLError(str(error)) from None


def lines(values: Mapping[str, Any]) -> list[str]:
    """``key: value`` for each of some values, a line each, which :func:`read` gives back."""
    return yaml.dump(dict(values), Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=10_000).splitlines()
