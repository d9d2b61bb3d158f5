"""What every kind of application declares of itself: its keys in a scenario file. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from testbed.model.base import Value
from testbed.model.measure import Measure, Statistic


class Section(Value):
    """The keys of a scenario file that belong to one kind; each kind has a subclass of its own."""

    @classmethod
    def of(cls, script: Value) -> Self:
        """A scenario as far as this kind is concerned; every scenario has the keys of all kinds."""
        assert isinstance(script, cls)
        return script


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of application.

    `nouns` has what one entry of each key is called in messages and in the report, by key of the scenario
    file: {"sessions": "session"}. `measures` and `statistics` are those that no other kind has.
    """

    section: type[Section]
    nouns: Mapping[str, str]
    measures: tuple[Measure, ...] = ()
    statistics: tuple[Statistic, ...] = ()
