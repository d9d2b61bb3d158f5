"""What a topology file offers to stock Mininet: `topos`, `links` and `switches` for `mn --custom`.

Mininet itself is imported when `mn` asks for a class, not before: `testbed check` and `testbed plan`
read the same files on machines without it.
"""

from collections.abc import Callable
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


def _shaped_link(*arguments: Any, **keywords: Any) -> Any:
    from testbed.net.mininet_classes import ShapedLink

    return ShapedLink(*arguments, **keywords)


def _bridge(*arguments: Any, **keywords: Any) -> Any:
    from testbed.net.mininet_classes import Bridge

    return Bridge(*arguments, **keywords)


links = {"shaped": _shaped_link}
switches = {"bridge": _bridge}
