"""Captures, as a scenario declares them."""

from testbed.applications.kind import Kind, Section
from testbed.model.base import Name


class Captures(Section):
    """Keys of a scenario file."""

    capture: tuple[Name, ...] = ()
    """Stations whose packets are kept as pcapng."""


KIND = Kind(section=Captures)
