"""Plain values to YAML text, such that composing the text gives the same values."""

import re
import sys
from typing import Any

import yaml

from testbed.scenario.compose import resolve

_LINE_ENDS = re.compile("[\r\n\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Quotes whatever this project or a YAML 1.1 reader would take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        style = None if isinstance(resolve(data), str) and data != "<<" else "'"
        if _LINE_ENDS.search(data):
            style = '"'  # any other style would write them raw, and reading makes spaces of them
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(document: Any) -> str:
    """YAML text of a mapping: keys in their order, one value a line, and no line folded."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return text
