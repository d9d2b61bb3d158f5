"""What a topology file offers to stock Mininet: `topos`, `LINKS` and `switches` for `mn --custom`.

Mininet itself is imported when `mn` asks for a class, not before: `testbed check` and `testbed plan` read
the same files on machines without it. `mn` exits with 0 whatever goes wrong; where it is something of ours,
its exit status is that of the error.
"""

import atexit
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from testbed.errors import ScenarioError, TestbedError
from testbed.model.base import Value
from testbed.model.network import Network

P = TypeVar("P", bound=Value)


def topology(parameters: type[P], network: Callable[[P], Network]) -> Callable[..., Any]:
    """A Mininet `Topo` factory; its keywords are the topology's parameters, as in `--topo name,onus=4`."""

    def make(**keywords: Any) -> Any:
        from testbed.net.topo import PlanTopo
        from testbed.plan.make import make_plan

        with noted():
            try:
                return PlanTopo(make_plan(network(parameters.model_validate(keywords))))
            except ValueError as error:
                raise ScenarioError(f"the topology's parameters {keywords} cannot be: {error}") from error

    return make


class _Classes(Mapping[str, Any]):
    """Classes by name, each imported when somebody asks for it; `mn` makes subclasses of them."""

    def __init__(
        self, places: Mapping[str, tuple[str, str]], change: Callable[[Any], Any] = lambda found: found
    ):
        self._places, self._change = places, change

    def __getitem__(self, name: str) -> Any:
        module, its_name = self._places[name]
        return self._change(getattr(import_module(module), its_name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


_SHAPED = ("testbed.net.mininet_links", "ShapedLink")
switches = _Classes({"bridge": ("testbed.net.mininet_nodes", "Bridge")})
LINKS = _Classes(
    {
        "shaped": _SHAPED,
        "default": ("mininet.link", "Link"),
        "tc": ("mininet.link", "TCLink"),
        "tcu": ("mininet.link", "TCULink"),
        "ovs": ("mininet.link", "OVSLink"),
    },
    lambda found: _without_a_plan(found) if found.__module__ == "mininet.link" else found,
)
"""All of `mn`'s link classes with ours: Mininet 2.3 does not add a custom file's `links` to its own (a
comma is missing in its list of names), but takes over whatever the file calls LINKS."""


def _without_a_plan(link: Any) -> Any:
    """A link class of Mininet's own that says so where a topology's plan is not carried out."""

    class Unplanned(link):  # type: ignore[misc]
        """Knows nothing of a plan: no distance, no rate and no largest packet of it."""

        def __init__(self, *nodes: Any, mtu_bytes: int | None = None, **params: Any) -> None:
            for key in ("params1", "params2"):
                ends = dict(params.get(key) or {})
                if ends.pop("shaping", None) is not None:
                    _warn_once(link.__name__)
                params[key] = ends
            super().__init__(*nodes, **params)

    Unplanned.__name__ = link.__name__
    return Unplanned


_warned: set[str] = set()


def _warn_once(name: str) -> None:
    if name not in _warned:
        from mininet.log import warn

        _warned.add(name)
        warn(f"*** {name} carries out nothing of the topology's plan, only its own options; shaped does\n")


# ---- the exit status of mn ---------------------------------------------------------------------------

_failure: list[BaseException] = []


@contextmanager
def noted() -> Iterator[None]:
    """Remember what goes wrong, for the exit status of `mn`, which tells the error and exits with 0."""
    try:
        yield
    except BaseException as error:
        _failure.append(error)
        raise


def _leave() -> None:
    if _failure and not isinstance(_failure[0], KeyboardInterrupt):
        sys.stdout.flush()
        sys.stderr.flush()
        first = _failure[0]
        os._exit(first.exit_status if isinstance(first, TestbedError) else TestbedError.exit_status)


if Path(sys.argv[0]).name == "mn":
    # First to be registered, last to be called: whatever else is to be done at the end is done.
    atexit.register(_leave)
