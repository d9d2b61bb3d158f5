"""The venues that exist, by name: one line each. Every other module asks here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from testbed.errors import ScenarioError
from testbed.text import instead

if TYPE_CHECKING:
    from testbed.venue.venue import Venue

VENUES = {
    "virtual": "testbed.venue.virtual_venue:VirtualVenue",
    "host": "testbed.venue.host_venue:HostVenue",
}
"""The class of each, as "module:class": it is imported when the venue is used. The first is the default."""


def default_venue() -> str:
    """The venue that a run takes place in unless the user names one."""
    return next(iter(VENUES))


def venue_class(name: str) -> str:
    """The "module:class" of a venue.

    Raises:
        ScenarioError: There is no such venue.
    """
    if name not in VENUES:
        raise ScenarioError(f"--venue {name}: there is no such venue; {instead(name, VENUES)}")
    return VENUES[name]


def load_venue(reference: str) -> Venue:
    """An instance of the class named as "module:class"."""
    module, _, name = reference.partition(":")
    venue: Venue = getattr(import_module(module), name)()
    return venue


def find_venue(name: str) -> Venue:
    """The venue of a name.

    Raises:
        ScenarioError: There is no such venue.
    """
    return load_venue(venue_class(name))
