"""ModifyVpcEndpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.errors import combination
from understudy_aws.services.ec2.api.parameters import distinct
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import service_of
from understudy_aws.services.ec2.vpc_endpoints.gateway_routes import add_routes, remove_routes, tables_of
from understudy_aws.services.ec2.vpc_endpoints.interfaces import (
    chosen_addresses,
    groups_of,
    places,
    with_groups,
    with_interfaces,
    with_type,
    without_interfaces,
)
from understudy_aws.services.ec2.vpc_endpoints.ip_address_types import check_type
from understudy_aws.services.ec2.vpc_endpoints.policies import reviewed
from understudy_aws.services.ec2.vpc_endpoints.private_dns import with_dns
from understudy_aws.services.ec2.vpc_endpoints.records import (
    AVAILABLE,
    PENDING,
    VpcEndpoint,
    find_vpc_endpoint,
    state_of,
    vpc_endpoints,
)
from understudy_aws.services.ec2.vpc_endpoints.targets import an_endpoint_to_change

Ids = Sequence[str] | None


@operation("ec2:ModifyVpcEndpoint", on=an_endpoint_to_change)
def modify_vpc_endpoint(
    call: Call,
    *,
    vpc_endpoint_id: str,
    reset_policy: bool | None = None,
    policy_document: str | None = None,
    add_route_table_ids: list[str] | None = None,
    remove_route_table_ids: list[str] | None = None,
    add_subnet_ids: list[str] | None = None,
    remove_subnet_ids: list[str] | None = None,
    add_security_group_ids: list[str] | None = None,
    remove_security_group_ids: list[str] | None = None,
    ip_address_type: str | None = None,
    dns_options: dict[str, Any] | None = None,
    private_dns_enabled: bool | None = None,
    subnet_configurations: list[dict[str, Any]] | None = None,
) -> Answer:
    """Change where an endpoint is, its groups, its policy and its DNS names: all that is asked for, or nothing."""
    chosen = chosen_addresses(subnet_configurations)
    if reset_policy and policy_document:
        raise combination("ResetPolicy", "PolicyDocument")
    endpoint = find_vpc_endpoint(call, vpc_endpoint_id)
    if state_of(endpoint, call.at) not in (PENDING, AVAILABLE):
        raise errors.not_available(endpoint.id, state_of(endpoint, call.at))
    service = service_of(endpoint)
    _check_type_has(
        endpoint,
        tables=add_route_table_ids or remove_route_table_ids,
        subnets=add_subnet_ids or remove_subnet_ids or list(chosen),
        groups=add_security_group_ids or remove_security_group_ids,
    )
    if policy_document or reset_policy:
        policy = reviewed(policy_document, service) if policy_document else ""
        endpoint = replace(endpoint, policy=policy)
    if ip_address_type:
        endpoint = with_type(call, endpoint, check_type(service, ip_address_type))
    endpoint = with_dns(call, endpoint, service, private_dns_enabled, dns_options)
    endpoint = _with_tables(call, endpoint, add_route_table_ids, remove_route_table_ids)
    endpoint = _with_groups(call, endpoint, add_security_group_ids, remove_security_group_ids)
    endpoint = _with_subnets(call, endpoint, add_subnet_ids, remove_subnet_ids, chosen)
    vpc_endpoints.put(call.tx, endpoint)
    return {"Return": True}


def _check_type_has(endpoint: VpcEndpoint, *, tables: Ids, subnets: Ids, groups: Ids) -> None:
    """Raise InvalidParameter for what endpoints of this type cannot have."""
    if tables and not endpoint.is_gateway:
        raise errors.tables_of_interface()
    if subnets and endpoint.is_gateway:
        raise errors.subnets_of_gateway()
    if groups and endpoint.is_gateway:
        raise errors.groups_of_gateway()


def _with_tables(call: Call, endpoint: VpcEndpoint, add: Ids, remove: Ids) -> VpcEndpoint:
    if not add and not remove:
        return endpoint
    tables_of(call, endpoint.vpc, remove or ())
    going = _held("route table", endpoint, remove, endpoint.route_tables)
    remove_routes(call.tx, endpoint, going)
    new = tables_of(call, endpoint.vpc, add or ())
    add_routes(call, endpoint, new)
    kept = [id for id in endpoint.route_tables if id not in going]
    return replace(endpoint, route_tables=(*kept, *[table.id for table in new]))


def _with_groups(call: Call, endpoint: VpcEndpoint, add: Ids, remove: Ids) -> VpcEndpoint:
    if not add and not remove:
        return endpoint
    held = [id for id, _ in endpoint.groups]
    going = _held("security group", endpoint, remove, held)
    wanted = dict.fromkeys([*[id for id in held if id not in going], *(add or ())])
    if not wanted:
        raise errors.no_group_left()
    return with_groups(call.tx, endpoint, groups_of(call, endpoint.vpc, list(wanted)))


def _with_subnets(
    call: Call, endpoint: VpcEndpoint, add: Ids, remove: Ids, chosen: dict[str, str]
) -> VpcEndpoint:
    """Return an endpoint with interfaces in other subnets.

    Where an address is chosen in a subnet that has one already, a new interface takes its place.
    """
    going = _held("subnet", endpoint, remove, endpoint.subnets)
    replaced = [id for id in chosen if id in endpoint.subnets and id not in going]
    endpoint = without_interfaces(call.tx, endpoint, [*going, *replaced])
    wanted = dict.fromkeys([*(add or ()), *chosen])
    new = [id for id in wanted if id not in endpoint.subnets]
    service = service_of(endpoint)
    return with_interfaces(
        call, endpoint, places(call, endpoint.vpc, service, ids=new, chosen=chosen, held=endpoint.subnets)
    )


def _held(noun: str, endpoint: VpcEndpoint, ids: Ids, held: Iterable[str]) -> Sequence[str]:
    """Return the ids, all of which the endpoint must have. Raises InvalidParameter."""
    distinct(ids or (), f"Remove{noun.title().replace(' ', '')}Ids")
    known = set(held)
    for id in ids or ():
        if id not in known:
            raise errors.not_associated(noun, id, endpoint.id)
    return ids or ()
