"""What a topology file offers to stock Mininet: `topos`, `LINKS` and `switches` for `mn --custom`.

Mininet itself is imported when `mn` asks for a class, not before: `testbed check` and `testbed plan`
read the same files on machines without it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from testbed.errors import ScenarioError
from testbed.model.base import Value
from testbed.model.network import Network

P = TypeVar("P", bound=Value)


def topology(parameters: type[P], network: Callable[[P], Network]) -> Callable[..., Any]:
    """A Mininet `Topo` factory; its keywords are the topology's parameters, as in `--topo name,onus=4`."""

    def make(**keywords: Any) -> Any:
        from testbed.net.topo import PlanTopo
        from testbed.plan.make import make_plan

        try:
            return PlanTopo(make_plan(network(parameters.model_validate(keywords))))
        except ValueError as error:
            raise ScenarioError(f"the topology's parameters {keywords} cannot be: {error}") from error

    return make


def _lazily(module: str, name: str) -> Callable[..., Any]:
    """A class by its place, imported when somebody makes one."""

    def make(*arguments: Any, **keywords: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **keywords)

    return make


_OURS = {"shaped": _lazily("testbed.net.mininet_links", "ShapedLink")}
switches = {"bridge": _lazily("testbed.net.mininet_nodes", "Bridge")}
LINKS = _OURS | {
    "default": _lazily("mininet.link", "Link"),
    "tc": _lazily("mininet.link", "TCLink"),
    "tcu": _lazily("mininet.link", "TCULink"),
    "ovs": _lazily("mininet.link", "OVSLink"),
}
"""All of `mn`'s link classes with ours: Mininet 2.3 does not add a custom file's `links` to its own (a
comma is missing in its list of names), but takes over whatever the file calls LINKS."""
