"""Endpoint services of one's own.

They stand on load balancers, which do not exist here: none can be made, the lists of what there is are empty, and
whichever service, connection or notification is named does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.errors import combination, missing
from understudy_aws.services.ec2.api.filters import FilterTable, matching, nothing
from understudy_aws.services.ec2.api.listings import Filters, page_start
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import Keys, a_new, changes_in, changing, unknown
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.deletion import unsuccessful_item
from understudy_aws.services.ec2.vpc_endpoints.records import find_vpc_endpoint, target_of_vpc_endpoint
from understudy_aws.services.ec2.vpc_endpoints.targets import with_keys


def _none(*names: str) -> FilterTable:
    return dict.fromkeys(names, nothing)


def a_new_service(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making an endpoint service: it, and its tags."""
    service, *tagging = a_new(call, params, "vpc-endpoint-service")
    regions = params.get("supported_regions") or ()
    keys: Keys = {**service.keys, "ec2:vpceserviceregion": call.region}
    keys["ec2:vpcemultiregion"] = "true" if set(regions) - {call.region} else "false"
    if params.get("private_dns_name"):
        keys["ec2:vpceserviceprivatednsname"] = params["private_dns_name"]
    return [Target(service.resource, keys), *tagging]


def a_service(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoint service that the request names."""
    return [unknown(call, "vpc-endpoint-service", params["service_id"])]


def a_service_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoint service with what is changed."""
    (service,) = a_service(call, params)
    target = changing(service, changes_in(params, "service_id"))
    if params.get("private_dns_name"):
        keys = {**target.keys, "ec2:vpceserviceprivatednsname": params["private_dns_name"]}
        return [Target(target.resource, keys)]
    return [target]


def services_to_delete(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoint services that the request names."""
    return [unknown(call, "vpc-endpoint-service", id) for id in dict.fromkeys(params["service_ids"])]


def a_service_or_an_endpoint(call: Call, params: Params) -> Sequence[Target]:
    """Return the endpoint service or the endpoint that notifications are about; `*` when neither is named."""
    if params.get("vpc_endpoint_id"):
        return [with_keys(target_of_vpc_endpoint(call, params["vpc_endpoint_id"]))]
    return [unknown(call, "vpc-endpoint-service", params.get("service_id") or "*")]


@operation("ec2:CreateVpcEndpointServiceConfiguration", on=a_new_service)
def create_vpc_endpoint_service_configuration(
    _call: Call,
    *,
    acceptance_required: bool | None = None,  # noqa: ARG001 - without load balancers nothing comes of it
    private_dns_name: str | None = None,  # noqa: ARG001 - the same
    network_load_balancer_arns: list[str] | None = None,
    gateway_load_balancer_arns: list[str] | None = None,
    supported_ip_address_types: list[str] | None = None,  # noqa: ARG001 - the same
    supported_regions: list[str] | None = None,  # noqa: ARG001 - the same
    client_token: str | None = None,  # noqa: ARG001 - no answer is to be given again
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Refuse to make an endpoint service of load balancers that do not exist. Raises InvalidParameter."""
    tags_for("vpc-endpoint-service", tag_specifications)
    if bool(network_load_balancer_arns) == bool(gateway_load_balancer_arns):
        raise errors.load_balancers_missing()
    raise errors.no_such_load_balancer((network_load_balancer_arns or gateway_load_balancer_arns or [""])[0])


@operation("ec2:DescribeVpcEndpointServiceConfigurations", on=all_resources)
def describe_vpc_endpoint_service_configurations(
    call: Call,
    *,
    service_ids: list[str] | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's own endpoint services: none. Raises InvalidVpcEndpointServiceId.NotFound."""
    table = _none("service-id", "service-name", "service-state", "supported-ip-address-types")
    _check_listing(call, filters, table, max_results, next_token)
    if service_ids and max_results is not None:
        raise combination("ServiceIds", "maxResults")
    for id in service_ids or ():
        raise errors.no_such_own_service(id)
    return {"ServiceConfigurations": []}


@operation("ec2:DescribeVpcEndpointServicePermissions", on=a_service)
def describe_vpc_endpoint_service_permissions(
    call: Call,
    *,
    service_id: str,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe who may use an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    table = _none("permission-type", "principal", "principal-type")
    _check_listing(call, filters, table, max_results, next_token)
    raise errors.no_such_own_service(service_id)


@operation("ec2:DescribeVpcEndpointConnections", on=all_resources)
def describe_vpc_endpoint_connections(
    call: Call,
    *,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the endpoints that are made to the account's own services: none."""
    table = _none(
        "ip-address-type", "service-id", "transit-gateway-attachment-id", "vpc-endpoint-id", "vpc-endpoint-owner",
        "vpc-endpoint-region", "vpc-endpoint-state",
    )  # fmt: skip
    _check_listing(call, filters, table, max_results, next_token)
    return {"VpcEndpointConnections": []}


@operation("ec2:DescribeVpcEndpointConnectionNotifications", on=all_resources)
def describe_vpc_endpoint_connection_notifications(
    call: Call,
    *,
    connection_notification_id: str | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's notifications of connections: none. Raises InvalidConnectionNotification."""
    table = _none(
        "connection-notification-arn", "connection-notification-id", "connection-notification-state",
        "connection-notification-type", "service-id", "vpc-endpoint-id",
    )  # fmt: skip
    _check_listing(call, filters, table, max_results, next_token)
    if connection_notification_id:
        raise errors.no_such_notification(connection_notification_id)
    return {"ConnectionNotificationSet": []}


@operation("ec2:CreateVpcEndpointConnectionNotification", on=a_service_or_an_endpoint)
def create_vpc_endpoint_connection_notification(
    call: Call,
    *,
    connection_notification_arn: str,
    connection_events: list[str],  # noqa: ARG001 - there is no topic that could be told of them
    service_id: str | None = None,
    vpc_endpoint_id: str | None = None,
    client_token: str | None = None,  # noqa: ARG001 - no answer is to be given again
) -> Answer:
    """Refuse notifications to a topic that does not exist; there are no topics here. Raises InvalidParameter."""
    if service_id and vpc_endpoint_id:
        raise combination("ServiceId", "VpcEndpointId")
    if vpc_endpoint_id:
        find_vpc_endpoint(call, vpc_endpoint_id)
    elif service_id:
        raise errors.no_such_own_service(service_id)
    else:
        raise missing("ServiceId")
    raise errors.no_such_topic(connection_notification_arn)


@operation("ec2:ModifyVpcEndpointConnectionNotification", on=a_service_or_an_endpoint)
def modify_vpc_endpoint_connection_notification(
    _call: Call,
    *,
    connection_notification_id: str,
    connection_notification_arn: str | None = None,  # noqa: ARG001 - there is no notification to change
    connection_events: list[str] | None = None,  # noqa: ARG001 - the same
) -> Answer:
    """Refuse to change a notification, of which there are none. Raises InvalidConnectionNotification."""
    raise errors.no_such_notification(connection_notification_id)


@operation("ec2:DeleteVpcEndpointConnectionNotifications", on=a_service_or_an_endpoint)
def delete_vpc_endpoint_connection_notifications(
    _call: Call, *, connection_notification_ids: list[str]
) -> Answer:
    """Answer that none of the notifications exists."""
    return {"Unsuccessful": _all_of(connection_notification_ids, errors.no_such_notification)}


@operation("ec2:DeleteVpcEndpointServiceConfigurations", on=services_to_delete)
def delete_vpc_endpoint_service_configurations(_call: Call, *, service_ids: list[str]) -> Answer:
    """Answer that none of the endpoint services exists."""
    return {"Unsuccessful": _all_of(service_ids, errors.own_service_not_deleted)}


@operation("ec2:ModifyVpcEndpointServiceConfiguration", on=a_service_to_change)
def modify_vpc_endpoint_service_configuration(
    _call: Call,
    *,
    service_id: str,
    private_dns_name: str | None = None,  # noqa: ARG001 - there is no endpoint service to change
    remove_private_dns_name: bool | None = None,  # noqa: ARG001 - the same
    acceptance_required: bool | None = None,  # noqa: ARG001 - the same
    add_network_load_balancer_arns: list[str] | None = None,  # noqa: ARG001 - the same
    remove_network_load_balancer_arns: list[str] | None = None,  # noqa: ARG001 - the same
    add_gateway_load_balancer_arns: list[str] | None = None,  # noqa: ARG001 - the same
    remove_gateway_load_balancer_arns: list[str] | None = None,  # noqa: ARG001 - the same
    add_supported_ip_address_types: list[str] | None = None,  # noqa: ARG001 - the same
    remove_supported_ip_address_types: list[str] | None = None,  # noqa: ARG001 - the same
    add_supported_regions: list[str] | None = None,  # noqa: ARG001 - the same
    remove_supported_regions: list[str] | None = None,  # noqa: ARG001 - the same
) -> Answer:
    """Refuse to change an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


@operation("ec2:ModifyVpcEndpointServicePermissions", on=a_service_to_change)
def modify_vpc_endpoint_service_permissions(
    _call: Call,
    *,
    service_id: str,
    add_allowed_principals: list[str] | None = None,  # noqa: ARG001 - there is no endpoint service to change
    remove_allowed_principals: list[str] | None = None,  # noqa: ARG001 - the same
    permission_type: str | None = None,  # noqa: ARG001 - the same
) -> Answer:
    """Refuse to change who may use an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


@operation("ec2:ModifyVpcEndpointServicePayerResponsibility", on=a_service_to_change)
def modify_vpc_endpoint_service_payer_responsibility(
    _call: Call,
    *,
    service_id: str,
    payer_responsibility: str,  # noqa: ARG001 - there is no endpoint service to pay for
) -> Answer:
    """Refuse to change who pays for an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


@operation("ec2:StartVpcEndpointServicePrivateDnsVerification", on=a_service)
def start_vpc_endpoint_service_private_dns_verification(_call: Call, *, service_id: str) -> Answer:
    """Refuse to verify the private DNS name of an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


@operation("ec2:AcceptVpcEndpointConnections", on=a_service)
def accept_vpc_endpoint_connections(
    _call: Call,
    *,
    service_id: str,
    vpc_endpoint_ids: list[str],  # noqa: ARG001 - nothing can be connected to it
    transit_gateway_attachment_ids: list[str] | None = None,  # noqa: ARG001 - the same
) -> Answer:
    """Refuse to accept connections to an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


@operation("ec2:RejectVpcEndpointConnections", on=a_service)
def reject_vpc_endpoint_connections(
    _call: Call,
    *,
    service_id: str,
    vpc_endpoint_ids: list[str],  # noqa: ARG001 - nothing can be connected to it
    transit_gateway_attachment_ids: list[str] | None = None,  # noqa: ARG001 - the same
) -> Answer:
    """Refuse to reject connections to an endpoint service. Raises InvalidVpcEndpointServiceId.NotFound."""
    raise errors.no_such_own_service(service_id)


def _check_listing(
    call: Call, filters: Filters, table: FilterTable, max_results: int | None, next_token: str | None
) -> None:
    """Raise for filters and pages that an operation does not take."""
    matching(filters, table)
    page_start(call, filters, max_results, next_token)


def _all_of(ids: Sequence[str], error: Callable[[str], ApiError]) -> list[dict[str, Any]]:
    return [unsuccessful_item(id, error(id)) for id in dict.fromkeys(ids)]
