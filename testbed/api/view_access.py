"""Who may look at a served network: its page, what the page shows, and the metrics."""

from ipaddress import ip_address

from fastapi import Request

from testbed.api.authorization import Authorizer
from testbed.api.server_settings import READ_SCOPE


class ViewAccess:
    """Lets requests look.

    Freely, if the server was started for this machine's user alone; but not under another name than one of
    this machine, so that a page of somebody else's whose name leads here cannot read it (DNS rebinding).
    Otherwise to bearers of a token with the scope `testbed:read`.
    """

    def __init__(self, gate: Authorizer, *, freely: bool) -> None:
        self._gate, self._freely = gate, freely

    async def admit(self, request: Request) -> None:
        """Let a request pass.

        Raises:
            ApiError: It has no token that may look.
        """
        if not (self._freely and _is_of_this_machine(request.url.hostname)):
            self._gate.admit(request, READ_SCOPE)


def _is_of_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False
