"""Private DNS of interface endpoints: when it can be enabled, and DNS options (vpc-endpoints.md 15.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.data.vpc_endpoint_services import EndpointService
from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import has_gateways, service_of
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint, held_in
from understudy_aws.services.ec2.vpcs import find_vpc

SERVICE_DEFINED = "service-defined"


def with_dns(
    call: Call,
    endpoint: VpcEndpoint,
    service: EndpointService,
    enabled: bool | None,
    options: Mapping[str, Any] | None,
) -> VpcEndpoint:
    """Return an endpoint with private DNS on or off and these options; None leaves them as they are.

    Raises InvalidParameter when private DNS cannot be enabled.
    """
    options = options or {}
    refuse(
        private_dns_preference=options.get("PrivateDnsPreference"),
        private_dns_specified_domains=options.get("PrivateDnsSpecifiedDomains"),
    )
    record_type = options.get("DnsRecordIpType")
    if record_type is not None:
        _check_record_type(endpoint, record_type)
        endpoint = replace(endpoint, record_type=record_type)
    if endpoint.is_gateway:
        if enabled:
            raise errors.private_dns_of_gateway()
        return endpoint
    inbound_only = options.get("PrivateDnsOnlyForInboundResolverEndpoint")
    wanted = endpoint.private_dns if enabled is None else enabled
    if inbound_only and not has_gateways(service):
        raise errors.inbound_option_of_other_service(service.name)
    if inbound_only is None:
        # Where there are gateway endpoints too, AWS takes the option for true when private DNS is enabled without it.
        enabling = wanted and not endpoint.private_dns and has_gateways(service)
        inbound_only = True if enabling else endpoint.inbound_only
    if wanted and not endpoint.private_dns:
        _check_private_dns(call, endpoint, service)
    if wanted and inbound_only and not _has_gateway_endpoint(call, endpoint):
        raise errors.needs_gateway_endpoint(endpoint.vpc)
    return replace(endpoint, private_dns=wanted, inbound_only=bool(wanted and inbound_only))


def _check_private_dns(call: Call, endpoint: VpcEndpoint, service: EndpointService) -> None:
    if not service.private_names:
        raise errors.no_private_name(service.name)
    vpc = find_vpc(call, endpoint.vpc)
    if not (vpc.dns_support and vpc.dns_hostnames):
        raise errors.dns_attributes(vpc.id)
    # The domain of an endpoint that is being deleted is in the way until it is gone.
    for other in held_in(call.tx, endpoint.vpc):
        if other.private_dns and other.id != endpoint.id:
            theirs = service_of(other).private_names
            for name in service.private_names:
                if name in theirs:
                    raise errors.conflicting_domain(name, endpoint.vpc)


def _has_gateway_endpoint(call: Call, endpoint: VpcEndpoint) -> bool:
    return any(
        other.is_gateway and other.service == endpoint.service and other.deletion is None
        for other in held_in(call.tx, endpoint.vpc)
    )


def _check_record_type(endpoint: VpcEndpoint, record_type: str) -> None:
    kinds = ("ipv4", "ipv6") if endpoint.ip_address_type == "dualstack" else (endpoint.ip_address_type,)
    if record_type == SERVICE_DEFINED or record_type in kinds:
        return
    if record_type == "dualstack" and len(kinds) == 2:
        return
    raise errors.record_type_of_other_addresses(record_type, endpoint.ip_address_type)
