"""Inside the embedded kernel: builds one network and removes it. `build_network.py OUTPUT HOW HOSTS PLANES`.

Each stage touches a file of the output folder, which is the host's: its time of change is wall time, also
where time inside stands still.
"""

import sys
from pathlib import Path

RATE_BPS = 1_000_000_000
"""The most that Mininet's TCLink takes."""
DELAY_MS = 1


def testbed(hosts: int, planes: int, output: Path) -> None:
    """By this testbed: with planes a supernode with its pairwise delays, otherwise hosts on one bridge."""
    from testbed.model.network import Egress, Network, Role, Station, Wire
    from testbed.net.emulation import Emulation
    from testbed.plan.make import make_plan
    from topologies import supernode

    (output / "imported").touch()
    if planes:
        network = supernode.network(supernode.Parameters(nodes=hosts, planes=planes))
    else:
        egress = Egress(delay_ns=DELAY_MS * 1_000_000, rate_bps=RATE_BPS, queue_bytes=1_000_000)
        names = [f"h{number}" for number in range(1, hosts + 1)]
        network = Network(
            name="star",
            stations=(
                Station(name="s1", role=Role.METRO),
                *(Station(name=name, role=Role.COMPUTE) for name in names),
            ),
            wires=tuple(Wire(a="s1", b=name, a_egress=egress, b_egress=egress) for name in names),
        )
    plan = make_plan(network)
    (output / "planned").touch()
    with Emulation(plan) as emulation:
        (output / "ready").touch()
        destination = plan.addresses[-1].ip
        answer = emulation.mininet.get(plan.addresses[0].host).cmd(f"ping -n -c 1 -W 5 {destination}")
        (output / "answer").write_text(answer)
        (output / "answered").touch()
    (output / "removed").touch()


def stock(hosts: int, output: Path) -> None:
    """By Mininet's own classes: hosts on one Linux bridge, TCLinks, and everybody's ARP entries."""
    from mininet.link import TCLink
    from mininet.log import setLogLevel
    from mininet.net import Mininet
    from mininet.node import Switch
    from mininet.topo import SingleSwitchTopo

    class IpBridge(Switch):  # type: ignore[misc]
        """Mininet's LinuxBridge with ip(8) for brctl(8), which current systems lack; as many commands."""

        def start(self, _controllers: object) -> None:
            self.cmd(f"ip link add {self.name} type bridge forward_delay 0 stp_state 0")
            for interface in self.intfList():
                if self.name in interface.name:
                    self.cmd(f"ip link set {interface} master {self.name}")
            self.cmd(f"ip link set {self.name} up")

        def stop(self, deleteIntfs: bool = True) -> None:
            self.cmd(f"ip link del {self.name}")
            super().stop(deleteIntfs)

    def link(*ends: object, **params: object) -> object:
        return TCLink(*ends, bw=RATE_BPS / 1e6, delay=f"{DELAY_MS}ms", **params)

    setLogLevel("error")
    (output / "imported").touch()
    network = Mininet(SingleSwitchTopo(hosts), switch=IpBridge, link=link, controller=None, build=False)
    (output / "planned").touch()
    try:
        network.build()
        network.start()
        (output / "ready").touch()
        first, last = network.hosts[0], network.hosts[-1]
        (output / "answer").write_text(first.cmd(f"ping -n -c 1 -W 5 {last.IP()}"))
        (output / "answered").touch()
    finally:
        network.stop()
    (output / "removed").touch()


if __name__ == "__main__":
    FOLDER, HOW, HOSTS, PLANES = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    (FOLDER / "booted").touch()
    testbed(HOSTS, PLANES, FOLDER) if HOW == "testbed" else stock(HOSTS, FOLDER)
