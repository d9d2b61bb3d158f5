"""The operations of qos-profiles 1.1.0."""

from typing import Annotated

from fastapi import APIRouter, Path

from testbed.api.authorization import GuardedRoute
from testbed.api.base_models import QosProfileName
from testbed.api.error_responses import BODY_CODES, DEVICE_CODES, not_found
from testbed.api.operations import Bearer, Parts, operation
from testbed.api.profiles import QosProfile, QosProfileDeviceRequest

router = APIRouter(prefix="/qos-profiles/v1", route_class=GuardedRoute, tags=["QoS Profiles"])
_SCOPE = "qos-profiles:read"


@router.post(
    "/retrieve-qos-profiles",
    **operation("retrieveQoSProfiles", _SCOPE, "Retrieve QoS profiles", BODY_CODES, DEVICE_CODES),
)
async def retrieve_profiles(
    wanted: QosProfileDeviceRequest, context: Parts, token: Bearer
) -> list[QosProfile]:
    """The profiles of a name, a status or a device; without a device, those that are open to all."""
    found = context.subscribers.optional(token, wanted.device)
    return [
        profile.shown
        for profile in context.settings.profiles
        if (profile.open_to is None if found is None else profile.is_open_to(found[0].host))
        and wanted.name in (None, profile.name)
        and wanted.status in (None, profile.shown.status)
    ]


@router.get(
    "/qos-profiles/{name}",
    **operation("getQosProfile", _SCOPE, "Get QoS Profile for a given name", {404: ("NOT_FOUND",)}),
)
async def get_profile(name: Annotated[QosProfileName, Path()], context: Parts, token: Bearer) -> QosProfile:
    """A profile; to the bearer of a device's token, only one that the device may have."""
    for profile in context.settings.profiles:
        if profile.name == name and (token.host is None or profile.is_open_to(token.host)):
            return profile.shown
    raise not_found(f"QoS profile {name}")
