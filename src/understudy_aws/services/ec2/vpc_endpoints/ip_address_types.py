"""The IP address types of endpoints: IPv4, IPv6 or both, as service and subnets allow."""

from __future__ import annotations

from understudy_aws.data.vpc_endpoint_services import EndpointService
from understudy_aws.services.ec2.api.errors import unsupported
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.records import IPV4

_NEEDS = {"ipv4": ("ipv4",), "ipv6": ("ipv6",), "dualstack": ("ipv4", "ipv6")}


def check_type(service: EndpointService, wanted: str | None) -> str:
    """Return the IP address type that a request asks for, or IPv4. Raises InvalidParameter."""
    kind = wanted or IPV4
    if not set(_NEEDS.get(kind, (kind,))) <= set(service.ip_address_types):
        raise errors.ip_type_of_service(kind, service.name)
    if kind != IPV4:
        raise unsupported("IpAddressType")
    return kind
