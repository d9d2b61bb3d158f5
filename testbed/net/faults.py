"""A silent fault of one interface: packets that leave it are lost, and counted, until it is mended."""

from testbed.net import fault_messages
from testbed.net.netlink import NetlinkSocket


class Faults:
    """Of one interface, which is prepared for them first, or by its first fault."""

    def __init__(self, socket: NetlinkSocket, ifindex: int) -> None:
        self._socket = socket
        self._ifindex = ifindex
        self._is_prepared = self._is_cut = False

    def prepare(self) -> None:
        """Make ready for a fault. The kernel empties the interface's queue for it, and counts nothing.

        Raises:
            KernelError: Refused.
        """
        if not self._is_prepared:
            self._socket.ask(fault_messages.count_faults(self._ifindex))
            self._is_prepared = True

    def cut(self) -> None:
        """Lose whatever leaves from now on.

        Raises:
            KernelError: Refused.
        """
        if self._is_cut:
            return
        self.prepare()
        self._socket.ask([fault_messages.cut(self._ifindex)])
        self._is_cut = True

    def mend(self) -> None:
        """Lose nothing any more.

        Raises:
            KernelError: Refused.
        """
        if self._is_cut:
            self._socket.ask([fault_messages.mend(self._ifindex)])
            self._is_cut = False

    def lost_packets(self) -> int:
        """How many it has lost in all.

        Raises:
            KernelError: Refused.
        """
        if not self._is_prepared:
            return 0
        return fault_messages.lost_packets(self._socket.query(fault_messages.fault_count(self._ifindex)))
