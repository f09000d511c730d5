"""The IP address types of endpoints: IPv4, or both IPv4 and IPv6, as service and subnets allow."""

from __future__ import annotations

from understudy_aws.data.vpc_endpoint_services import EndpointService
from understudy_aws.services.ec2.api.errors import unsupported
from understudy_aws.services.ec2.subnets import Subnet, ipv6_block_of
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.records import IPV4

DUALSTACK = "dualstack"
_NEEDS = {IPV4: {IPV4}, "ipv6": {"ipv6"}, DUALSTACK: {IPV4, "ipv6"}}


def check_type(service: EndpointService, wanted: str | None) -> str:
    """Return the IP address type that a request asks for, or IPv4. Raises InvalidParameter."""
    kind = wanted or IPV4
    if not _NEEDS.get(kind, {kind}) <= set(service.ip_address_types):
        raise errors.ip_type_of_service(kind, service.name)
    if kind not in (IPV4, DUALSTACK):
        raise unsupported("IpAddressType")
    return kind


def check_subnet(subnet: Subnet, kind: str) -> None:
    """Raise InvalidParameter for a subnet that lacks addresses of the type."""
    if not subnet.cidr or (kind == DUALSTACK and ipv6_block_of(subnet) is None):
        raise errors.ip_type_of_subnet(kind, subnet.id)
