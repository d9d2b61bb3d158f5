"""What the OLT is told while it runs: T-CONTs that come, change and go with the channels of sessions."""

from dataclasses import asdict
from functools import partial

from testbed.driver.children import Child, Children
from testbed.driver.protocols import Programs, RunningNetwork
from testbed.host.clock import Clock
from testbed.model.network import Role
from testbed.pon import TCont


class Assignment:
    """The OLT of a run; on a PON that is a shaped link there is none, and nobody to be told anything."""

    def __init__(self, network: RunningNetwork, programs: Programs, children: Children, clock: Clock) -> None:
        self._network, self._programs, self._children, self._clock = network, programs, children, clock
        self._olt: Child | None = None

    def start(self) -> None:
        """Start the OLT, if there is one to start; from here on it grants."""
        plan = self._network.plan
        if plan.pon is None:
            return
        host = plan.network.having(Role.OLT)[0].name
        self._olt = self._children.start("olt", host, partial(self._programs.olt, self._clock))
        self._children.go(self._olt)

    def set(self, tcont: TCont) -> None:
        """Have a T-CONT served, or served differently, from the next decision on."""
        if self._olt is not None:
            self._children.tell(self._olt, "tcont", tcont=asdict(tcont))

    def forget(self, alloc_id: int) -> None:
        """Have a T-CONT served no more; on return no later map names it."""
        if self._olt is not None:
            self._children.ask(self._olt, "forget", alloc_id=alloc_id)

    @property
    def program(self) -> Child | None:
        """The OLT's program."""
        return self._olt
