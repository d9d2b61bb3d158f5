"""A scenario: what happens on a network, and for how long. What is expected of it is in `quantity`.

Composed of the keys that every scenario has and of the sections of all kinds of application. All instants are
virtual time since the start of the scenario. Cross-checks that need the network (does this home exist? does
this channel fit the PON?) are in `testbed.scenario.rules`.
"""

from types import new_class
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from testbed.applications.registry import kinds
from testbed.model.access import Access
from testbed.model.base import Line, Name, Value
from testbed.model.channel import Channels, Period
from testbed.model.failure import Fault, Health
from testbed.model.job import JobGroup
from testbed.model.northbound import Northbound
from testbed.model.placement import Placement
from testbed.model.pon import Pon
from testbed.model.workload import Workload

if TYPE_CHECKING:
    from testbed.applications.flows.model import Background
    from testbed.applications.game.model import Sessions


class NetworkChoice(Value):
    """Which topology, by its bare name or the path of its file, with which parameters of its own."""

    topology: str
    """A name or a path: a shipped topology by its bare name, or a `.py` file, counted from the scenario's
    folder."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """The topology's own parameters."""


class Common(Value):
    """The keys of a scenario file that belong to no kind of application."""

    title: Line
    """One line for people."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Everything random in a run follows from it."""
    duration_ns: Period
    """How long the scenario lasts; 1 s is added for the last packets."""
    network: NetworkChoice
    """Which network."""
    access: Access
    """What every home has subscribed to."""
    pon: Pon = Pon()
    """How the PON assigns its capacity, and its classes of traffic."""
    placement: Placement = Placement()
    """How jobs are given nodes."""
    channels: Channels = Channels()
    """What holds for all elastic channels."""
    northbound: Northbound | None = None
    """The operator's API, served inside the run."""
    workloads: dict[Name, Workload] = Field(default_factory=dict)
    """Traffic of kinds that installed packages bring, by name."""
    health: Health | None = None
    """How failures of nodes are noticed."""
    jobs: dict[Name, JobGroup] = Field(default_factory=dict)
    """Jobs without a session."""
    faults: dict[Name, Fault] = Field(default_factory=dict)
    """What breaks, and when."""


_SCRIPT = (
    """What happens, on which network and for how long: a scenario without its name, or a variant's part."""
)

if TYPE_CHECKING:

    class Script(Common, Sessions, Background):
        """As the type checker sees it; a kind sees its own keys by `Section.of`."""

else:
    Script = new_class(
        "Script",
        (*(kind.section for kind in reversed(kinds().values())), Common),
        exec_body=lambda body: body.update(__module__=__name__, __doc__=_SCRIPT),
    )


class Scenario(Script):
    """One variant of a scenario file, complete."""

    name: Name
    variant: Name
