"""CreateVpcEndpoint."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.data.vpc_endpoint_services import GATEWAY, INTERFACE, EndpointService
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.errors import limit, missing
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.descriptions import described_endpoint
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import find_service, has_gateways
from understudy_aws.services.ec2.vpc_endpoints.gateway_routes import add_routes, tables_of
from understudy_aws.services.ec2.vpc_endpoints.interfaces import (
    chosen_addresses,
    groups_of,
    places,
    with_interfaces,
)
from understudy_aws.services.ec2.vpc_endpoints.ip_address_types import check_type
from understudy_aws.services.ec2.vpc_endpoints.policies import reviewed
from understudy_aws.services.ec2.vpc_endpoints.private_dns import SERVICE_DEFINED, with_dns
from understudy_aws.services.ec2.vpc_endpoints.records import (
    AVAILABLE,
    IPV4,
    PENDING,
    VpcEndpoint,
    held_in,
    vpc_endpoints,
)
from understudy_aws.services.ec2.vpc_endpoints.targets import a_new_vpc_endpoint
from understudy_aws.services.ec2.vpcs import Vpc, find_vpc

# VPC user guide, "Amazon VPC quotas": never more than 255 gateway endpoints; of interface endpoints 50 at first, and
# more to who asks.
GATEWAYS_PER_VPC = 255
INTERFACE_ENDPOINTS_PER_VPC = 100
_TYPES_OF_LOAD_BALANCERS = ("GatewayLoadBalancer",)


@operation("ec2:CreateVpcEndpoint", on=a_new_vpc_endpoint)
def create_vpc_endpoint(
    call: Call,
    *,
    vpc_id: str,
    vpc_endpoint_type: str | None = None,
    service_name: str | None = None,
    policy_document: str | None = None,
    route_table_ids: list[str] | None = None,
    subnet_ids: list[str] | None = None,
    security_group_ids: list[str] | None = None,
    ip_address_type: str | None = None,
    dns_options: dict[str, Any] | None = None,
    client_token: str | None = None,
    private_dns_enabled: bool | None = None,
    tag_specifications: TagSpecifications = None,
    subnet_configurations: list[dict[str, Any]] | None = None,
    service_network_arn: str | None = None,
    resource_configuration_arn: str | None = None,
    service_region: str | None = None,
) -> Answer:
    """Make an endpoint to a service of AWS's: a gateway in route tables, or interfaces in subnets."""
    kind = vpc_endpoint_type or GATEWAY
    if kind not in (GATEWAY, INTERFACE, *_TYPES_OF_LOAD_BALANCERS):
        raise errors.type_not_supported(kind)
    refuse(
        service_network_arn=service_network_arn,
        resource_configuration_arn=resource_configuration_arn,
        service_region=None if service_region == call.region else service_region,
    )
    if not service_name:
        raise missing("ServiceName")
    chosen = chosen_addresses(subnet_configurations)
    tags = tags_for("vpc-endpoint", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    service = find_service(call.region, service_name, kind)
    _check_members(kind, route_table_ids, [*(subnet_ids or ()), *chosen], security_group_ids)
    _check_quota(call, vpc, kind)
    id = call.ids.ec2("vpce")
    waiting = 0.0 if kind == GATEWAY else call.latency.vpc_endpoint_seconds(id)
    endpoint = VpcEndpoint(
        account=call.account,
        region=call.region,
        id=id,
        vpc=vpc.id,
        service=service.name,
        kind=kind,
        created=call.at,
        ready=call.at + timedelta(seconds=waiting),
        policy=reviewed(policy_document, service) if policy_document else "",
        ip_address_type=check_type(service, ip_address_type),
        record_type=SERVICE_DEFINED if kind == GATEWAY else ip_address_type or IPV4,
        tags=tags,
    )
    endpoint = with_dns(call, endpoint, service, _private_dns(service, private_dns_enabled), dns_options)
    if kind == GATEWAY:
        tables = tables_of(call, vpc.id, route_table_ids or ())
        add_routes(call, endpoint, tables)
        endpoint = replace(endpoint, route_tables=tuple(table.id for table in tables))
    else:
        wanted = places(call, vpc.id, service, ids=[*(subnet_ids or ()), *chosen], chosen=chosen)
        endpoint = replace(endpoint, groups=groups_of(call, vpc.id, security_group_ids))
        endpoint = with_interfaces(call, endpoint, wanted)
    vpc_endpoints.put(call.tx, endpoint)
    # As with NAT gateways, the answer says pending, though the endpoint may be available at once.
    state = AVAILABLE if kind == GATEWAY else PENDING
    shown = {**described_endpoint(call.tx, endpoint, call.at), "State": state}
    return {"VpcEndpoint": shown, "ClientToken": client_token}


def _private_dns(service: EndpointService, wanted: bool | None) -> bool:
    """Return whether an endpoint gets private DNS.

    It is on where nothing else is asked for, but for services that have gateway endpoints too.
    """
    if wanted is not None or service.type == GATEWAY:
        return bool(wanted)
    return bool(service.private_names) and not has_gateways(service)


def _check_members(kind: str, tables: list[str] | None, subnets: list[str], groups: list[str] | None) -> None:
    """Raise InvalidParameter for what endpoints of this type cannot have."""
    if kind != GATEWAY and tables:
        raise errors.tables_of_interface()
    if kind == GATEWAY and subnets:
        raise errors.subnets_of_gateway()
    if kind == GATEWAY and groups:
        raise errors.groups_of_gateway()


def _check_quota(call: Call, vpc: Vpc, kind: str) -> None:
    held = sum(1 for each in held_in(call.tx, vpc.id) if each.kind == kind)
    if held >= (GATEWAYS_PER_VPC if kind == GATEWAY else INTERFACE_ENDPOINTS_PER_VPC):
        raise limit("VpcEndpointLimitExceeded", "VPC endpoints")
