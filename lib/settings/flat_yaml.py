"""YAML as parameter files need it: days stay text, and a key stands there once."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    # A day such as 2020-02-30 would fail inside PyYAML; as text it is checked like every other value.
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
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


def read(text: str) -> Any:
    """The content of YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, or a key is given twice.
    """
    try:
        return yaml.load(text, _Loader)
    except ValueError as error:  # numbers and days that look like ones and are none
        raise yaml.YAMLError(str(error)) from None
