"""Incoming and outgoing traffic of a service (apprunner-services.md 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.services.apprunner import errors

DEFAULT = "DEFAULT"
VPC = "VPC"


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a service is public, the kind of its addresses, and the VPC connector that its traffic leaves by."""

    connector: str = ""
    public: bool = True
    addresses: str = "IPV4"


def network(former: Network, asked: Mapping[str, Any]) -> Network:
    """Return the network that a NetworkConfiguration asks for; what it does not say is as it was. Raises."""
    made = former
    egress = asked.get("EgressConfiguration")
    if egress is not None:
        connector = egress.get("VpcConnectorArn") or ""
        kind = egress.get("EgressType") or DEFAULT
        if kind == VPC and not connector:
            raise errors.invalid_request("VpcConnectorArn is required when EgressType is VPC.")
        if kind != VPC and connector:
            raise errors.invalid_request("VpcConnectorArn is only valid when EgressType is VPC.")
        made = replace(made, connector=connector)
    ingress = asked.get("IngressConfiguration")
    if ingress is not None:
        # SDKs for Go leave out what is false (apprunner-services.md 2.2).
        made = replace(made, public=bool(ingress.get("IsPubliclyAccessible")))
    if asked.get("IpAddressType"):
        made = replace(made, addresses=asked["IpAddressType"])
    return made


def described(settings: Network) -> dict[str, Any]:
    """Return a network as answers describe it: everything, also what nobody asked for."""
    egress = {"EgressType": VPC if settings.connector else DEFAULT}
    if settings.connector:
        egress["VpcConnectorArn"] = settings.connector
    return {
        "EgressConfiguration": egress,
        "IngressConfiguration": {"IsPubliclyAccessible": settings.public},
        "IpAddressType": settings.addresses,
    }
