"""What every kind of application declares of itself: its keys in a scenario file. Pure."""

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

    `measures` and `statistics` are those that no other kind has.
    """

    section: type[Section]
    measures: tuple[Measure, ...] = ()
    statistics: tuple[Statistic, ...] = ()
