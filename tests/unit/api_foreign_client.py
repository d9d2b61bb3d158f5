"""What the unmodified Python client of another house does with an API: network_as_code 10.0.0 by Nokia."""

from collections.abc import Callable
from typing import Any

from network_as_code import NetworkAsCodeApi

Step = Callable[[str, Any], None]


def walk_through(
    base_url: str, token: str, *, device_ip: str, server_ip: str, profile: str, after: Step
) -> None:
    """Create, read, extend, list and delete a session; `after` is told each step and its answer."""
    headers = {"Authorization": f"Bearer {token}"}
    qod = NetworkAsCodeApi(base_url=base_url, api_key="none is needed", headers=headers).qod
    # The client passes an address on as it is given: in the words of the specification.
    device = {"ipv4address": {"publicAddress": device_ip, "privateAddress": device_ip}}
    created = qod.create_session_v1(
        device=device,
        application_server={"ipv4address": server_ip},
        application_server_ports={"ranges": [{"from_": 5000, "to": 5010}]},
        qos_profile=profile,
        duration=60,
    )
    after("create", created)
    after("read", qod.get_session_v1(created.session_id))
    after("extend", qod.extend_session_v1(created.session_id, requested_additional_duration=30))
    after("list", qod.retrieve_sessions_v1(device=device))
    qod.delete_session_v1(created.session_id)
    after("delete", None)
    after("list again", qod.retrieve_sessions_v1(device=device))
