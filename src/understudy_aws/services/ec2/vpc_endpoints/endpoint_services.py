"""AWS's services that endpoints are made to: DescribeVpcEndpointServices, and finding one by name."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.data.vpc_endpoint_services import GATEWAY, EndpointService, services_in
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.filters import FilterTable, matching
from understudy_aws.services.ec2.api.listings import Filters, items_after, page_start, paginate, refuse
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.records import AMAZON, VpcEndpoint

SERVICE_FILTERS: FilterTable = MappingProxyType(
    {
        "owner": lambda _: (AMAZON,),
        "service-name": lambda service: (service.name,),
        "service-region": lambda service: (service.region,),
        "service-type": lambda service: (service.type,),
        "supported-ip-address-types": lambda service: service.ip_address_types,
    }
)


@operation("ec2:DescribeVpcEndpointServices", on=all_resources)
def describe_vpc_endpoint_services(
    call: Call,
    *,
    service_names: list[str] | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
    service_regions: list[str] | None = None,
) -> Answer:
    """Describe the services of the Region that endpoints can be made to. Raises InvalidServiceName."""
    refuse(service_regions=[name for name in service_regions or () if name != call.region])
    known = services_in(call.region)
    for name in service_names or ():
        if not any(service.name == name for service in known):
            raise errors.no_such_service(name)
    matches = matching(filters, SERVICE_FILTERS)
    after, scope = page_start(call, filters, max_results, next_token)
    found = (
        service
        for service in items_after(known, after, _key)
        if (not service_names or service.name in service_names) and (matches is None or matches(service))
    )
    page, token = paginate(found, max_results, _key, scope)
    return {
        "ServiceNames": [service.name for service in page],
        "ServiceDetails": [described_service(service) for service in page],
        "NextToken": token,
    }


def find_service(region: str, name: str, kind: str) -> EndpointService:
    """Return the service of this name, for endpoints of a type. Raises InvalidServiceName, InvalidParameter."""
    named = [service for service in services_in(region) if service.name == name]
    if not named:
        raise errors.no_such_service(name)
    for service in named:
        if service.type == kind:
            return service
    raise errors.other_type(kind, [service.type for service in named])


def service_of(endpoint: VpcEndpoint) -> EndpointService:
    """Return the service that an endpoint is made to."""
    return find_service(endpoint.region, endpoint.service, endpoint.kind)


def has_gateways(service: EndpointService) -> bool:
    """Whether gateway endpoints are made to this service too."""
    return any(other.name == service.name and other.type == GATEWAY for other in services_in(service.region))


@cache
def described_service(service: EndpointService) -> Description:
    """Return a service as answers describe it."""
    shown: dict[str, Any] = {
        "ServiceName": service.name,
        "ServiceId": service.id,
        "ServiceType": [{"ServiceType": service.type}],
        "ServiceRegion": service.region,
        "AvailabilityZoneIds": [zone.id for zone in service.zones],
        "AvailabilityZones": [zone.name for zone in service.zones],
        "Owner": AMAZON,
        "BaseEndpointDnsNames": [service.base_name],
        "VpcEndpointPolicySupported": service.takes_policies,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "Tags": [],
        "SupportedIpAddressTypes": list(service.ip_address_types),
    }
    if service.private_names:
        shown["PrivateDnsName"] = service.private_names[0]
        shown["PrivateDnsNames"] = [{"PrivateDnsName": name} for name in service.private_names]
        shown["PrivateDnsNameVerificationState"] = "verified"
    return Description(shown)


def _key(service: EndpointService) -> tuple[str, str]:
    return service.name, service.type
