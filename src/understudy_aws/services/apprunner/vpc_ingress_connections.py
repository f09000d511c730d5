"""VPC ingress connections: private services are reached through them from a VPC (apprunner-services.md 2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.ingress_connection_records import (
    AVAILABLE,
    PENDING_CREATION,
    PENDING_DELETION,
    PENDING_UPDATE,
    VpcIngressConnection,
    connections_of,
    of_arn,
    status_of,
    vpc_ingress_connections,
)
from understudy_aws.services.apprunner.pages import page_after
from understudy_aws.services.apprunner.seen_resources import seen
from understudy_aws.services.apprunner.service_records import DELETED, Service, services
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.services.apprunner.targets import new_resource, resource_tags

# A service has one, and an endpoint leads to many services (apprunner-services.md 2.6).
CONNECTIONS_PER_SERVICE = 1
_LABEL_LENGTH = 10


def a_new_connection(call: Call, params: Params) -> Sequence[Target]:
    made = new_resource(
        call, "vpcingressconnection", f"{params['vpc_ingress_connection_name']}/*", params.get("tags")
    )
    keys = {
        "apprunner:servicearn": params["service_arn"],
        **_vpc_keys(params["ingress_vpc_configuration"]),
    }
    return [replace(target, keys={**target.keys, **keys}) for target in made]


def a_connection(call: Call, params: Params) -> Sequence[Target]:
    arn = params["vpc_ingress_connection_arn"]
    found = _find(call, arn)
    keys = resource_tags(found.tags) if found is not None else {}
    return [Target(arn, {**keys, **_vpc_keys(params.get("ingress_vpc_configuration") or {})})]


def _vpc_keys(configuration: dict[str, Any]) -> dict[str, str | list[str]]:
    named = {
        "apprunner:vpcid": configuration.get("VpcId"),
        "apprunner:vpcendpointid": configuration.get("VpcEndpointId"),
    }
    return {name: value for name, value in named.items() if value}


@operation("apprunner:CreateVpcIngressConnection", on=a_new_connection)
def create_vpc_ingress_connection(
    call: Call,
    *,
    service_arn: str,
    vpc_ingress_connection_name: str,
    ingress_vpc_configuration: dict[str, Any],
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a connection to a private service. VPC and endpoint are looked up with the caller's permissions."""
    require_supported_region(call)
    service = _private_service(call, service_arn)
    name = vpc_ingress_connection_name
    standing = vpc_ingress_connections.scan(call.tx, call.account, call.region, name)
    if any(each.deletion is None for each in standing):
        raise errors.invalid_request(f"VPC Ingress Connection with the provided name already exists: {name}.")
    if len(connections_of(call.tx, service.arn)) >= CONNECTIONS_PER_SERVICE:
        raise errors.too_many("VPC ingress connections of a service", CONNECTIONS_PER_SERVICE)
    vpc, endpoint = _endpoint(call, ingress_vpc_configuration)
    id = call.ids.hexadecimal()
    seconds = call.latency.ingress_connection_seconds(id)
    made = VpcIngressConnection(
        account=call.account,
        region=call.region,
        name=name,
        id=id,
        service=service.arn,
        vpc=vpc,
        endpoint=endpoint,
        domain=f"{call.ids.hexadecimal()[:_LABEL_LENGTH]}.{call.region}.awsapprunner.com",
        created=call.at,
        ready=call.at + timedelta(seconds=seconds),
        tags=new_tags((), tags or []),
    )
    vpc_ingress_connections.put(call.tx, made)
    return {"VpcIngressConnection": describe(made, PENDING_CREATION)}


@operation("apprunner:UpdateVpcIngressConnection", on=a_connection)
def update_vpc_ingress_connection(
    call: Call, *, vpc_ingress_connection_arn: str, ingress_vpc_configuration: dict[str, Any]
) -> Answer:
    """Have a connection use another endpoint."""
    require_supported_region(call)
    found = _changeable(call, vpc_ingress_connection_arn, "update")
    asked = {"VpcId": found.vpc, "VpcEndpointId": found.endpoint, **ingress_vpc_configuration}
    vpc, endpoint = _endpoint(call, asked)
    seconds = call.latency.ingress_connection_seconds(found.id)
    changed = replace(found, vpc=vpc, endpoint=endpoint, changed=call.at + timedelta(seconds=seconds))
    vpc_ingress_connections.put(call.tx, changed)
    return {"VpcIngressConnection": describe(changed, PENDING_UPDATE)}


@operation("apprunner:DescribeVpcIngressConnection", on=a_connection)
def describe_vpc_ingress_connection(call: Call, *, vpc_ingress_connection_arn: str) -> Answer:
    """Describe a connection by its ARN; a deleted one for some time."""
    require_supported_region(call)
    found = _existing(call, vpc_ingress_connection_arn)
    return {"VpcIngressConnection": describe(found, status_of(found, call.at))}


@operation("apprunner:ListVpcIngressConnections", on=all_resources)
def list_vpc_ingress_connections(
    call: Call,
    *,
    filter: dict[str, str] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List the ARNs of connections and their services, of all or of one service or endpoint."""
    require_supported_region(call)
    service, endpoint = (filter or {}).get("ServiceArn"), (filter or {}).get("VpcEndpointId")
    found = [
        each
        for each in vpc_ingress_connections.scan(call.tx, call.account, call.region)
        if (each.ended is None or each.ended > call.at)
        and service in {None, each.service}
        and endpoint in {None, each.endpoint}
    ]
    scope = ("ListVpcIngressConnections", service, endpoint)
    shown, token = page_after(found, max_results, next_token, vpc_ingress_connections.key, scope)
    return {
        "VpcIngressConnectionSummaryList": [
            {"VpcIngressConnectionArn": each.arn, "ServiceArn": each.service} for each in shown
        ],
        "NextToken": token,
    }


@operation("apprunner:DeleteVpcIngressConnection", on=a_connection)
def delete_vpc_ingress_connection(call: Call, *, vpc_ingress_connection_arn: str) -> Answer:
    """Delete a connection; the service may be deleted from then on."""
    require_supported_region(call)
    found = _changeable(call, vpc_ingress_connection_arn, "delete")
    seconds = call.latency.ingress_connection_seconds(found.id)
    gone = replace(found, deletion=call.at, ended=call.at + timedelta(seconds=seconds))
    vpc_ingress_connections.put(call.tx, gone)
    return {"VpcIngressConnection": describe(gone, PENDING_DELETION)}


def describe(connection: VpcIngressConnection, status: str) -> dict[str, Any]:
    """Return a connection in a status as answers describe it."""
    shown = {
        "VpcIngressConnectionArn": connection.arn,
        "VpcIngressConnectionName": connection.name,
        "ServiceArn": connection.service,
        "Status": status,
        "AccountId": connection.account,
        "DomainName": connection.domain,
        "IngressVpcConfiguration": {"VpcId": connection.vpc, "VpcEndpointId": connection.endpoint},
        "CreatedAt": connection.created,
    }
    return shown if connection.deletion is None else {**shown, "DeletedAt": connection.deletion}


def _private_service(call: Call, arn: str) -> Service:
    """Return the caller's private service of an ARN. Raises InvalidRequestException."""
    for service in services.where(call.tx, "by_arn", arn):
        if (service.account, service.region) == (call.account, call.region) and service.status != DELETED:
            settings = service.asked or service.settings
            if settings is None or settings.network.public:
                raise errors.invalid_request(
                    "The service is publicly accessible. A VPC Ingress Connection needs a service with "
                    f"IsPubliclyAccessible set to false. Service Arn: {arn}"
                )
            return service
    # The operation has no ResourceNotFoundException.
    raise errors.invalid_request(f"Resource not found for the given ARN: {arn}")


def _endpoint(call: Call, configuration: dict[str, Any]) -> tuple[str, str]:
    """Return VPC and endpoint of a configuration, as the caller can see them. Raises InvalidRequestException."""
    vpc, endpoint = configuration.get("VpcId") or "", configuration.get("VpcEndpointId") or ""
    if not vpc or not endpoint:
        raise errors.invalid_request("VpcId and VpcEndpointId are required in IngressVpcConfiguration.")
    seen(call, "DescribeVpcs", vpc_ids=[vpc])
    found = seen(call, "DescribeVpcEndpoints", vpc_endpoint_ids=[endpoint])["VpcEndpoints"]
    wanted = f"com.amazonaws.{call.region}.apprunner.requests"
    for each in found:
        if each["VpcId"] == vpc and each["ServiceName"] == wanted:
            return vpc, endpoint
    raise errors.invalid_request(f"The VPC endpoint {endpoint} isn't an endpoint of {wanted} in {vpc}.")


def _find(call: Call, text: str) -> VpcIngressConnection | None:
    """Return the caller's connection of that ARN in the call's Region, or None."""
    arn = parse(text)
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        return None
    return of_arn(call.tx, arn)


def _existing(call: Call, arn: str) -> VpcIngressConnection:
    found = _find(call, arn)
    if found is None:
        raise errors.no_such_resource(arn)
    return found


def _changeable(call: Call, arn: str, verb: str) -> VpcIngressConnection:
    """Return a connection that is not changing. Raises ResourceNotFoundException, InvalidStateException."""
    found = _existing(call, arn)
    status = status_of(found, call.at)
    if status != AVAILABLE:
        raise errors.invalid_state(
            f"You cannot {verb} a VPC Ingress Connection with a status of {status}. "
            f"VpcIngressConnection Arn: {arn}"
        )
    return found
