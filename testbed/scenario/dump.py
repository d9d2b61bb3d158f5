"""Plain values to YAML text, such that composing the text gives the same values."""

import sys
from typing import Any

import yaml

from testbed.scenario.compose import resolve


class _Dumper(yaml.SafeDumper):
    """Quotes whatever this project or a YAML 1.1 reader would take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        is_text = isinstance(resolve(data), str) and data != "<<"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if is_text else "'")


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(document: Any) -> str:
    """YAML text of a mapping: keys in their order, one value a line, and no line folded."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return text
