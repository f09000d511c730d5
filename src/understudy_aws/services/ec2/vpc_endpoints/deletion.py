"""DeleteVpcEndpoints, and what happens when an endpoint is gone."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.identifiers import ID_KINDS, no_such
from understudy_aws.services.ec2.vpc_endpoints.gateway_routes import remove_routes
from understudy_aws.services.ec2.vpc_endpoints.interfaces import without_interfaces
from understudy_aws.services.ec2.vpc_endpoints.records import DELETED, VpcEndpoint, state_of, vpc_endpoints
from understudy_aws.services.ec2.vpc_endpoints.targets import endpoints_to_delete
from understudy_aws.store.database import Transaction


@operation("ec2:DeleteVpcEndpoints", on=endpoints_to_delete)
def delete_vpc_endpoints(call: Call, *, vpc_endpoint_ids: list[str]) -> Answer:
    """Delete endpoints. One that does not exist is told of in the answer, and the others are deleted all the same."""
    unsuccessful = []
    for id in dict.fromkeys(vpc_endpoint_ids):
        endpoint = vpc_endpoints.get(call.tx, call.account, call.region, id)
        if endpoint is None or state_of(endpoint, call.at) == DELETED:
            error = no_such("vpce", id)
            if error.code == ID_KINDS["vpce"].malformed:
                raise error
            unsuccessful.append(unsuccessful_item(id, ApiError("InvalidVpcEndpoint.NotFound", error.message)))
        elif endpoint.deletion is None:
            _delete(call, endpoint)
    return {"Unsuccessful": unsuccessful}


def unsuccessful_item(id: str, error: ApiError) -> dict[str, object]:
    """Return what the answer of a deletion tells of one resource that it did not delete."""
    return {"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}}


def _delete(call: Call, endpoint: VpcEndpoint) -> None:
    remove_routes(call.tx, endpoint, endpoint.route_tables)
    waiting = 0.0 if endpoint.is_gateway else call.latency.vpc_endpoint_seconds(endpoint.id)
    if not waiting:
        without_interfaces(call.tx, endpoint, endpoint.subnets)
        vpc_endpoints.delete(call.tx, endpoint)
        return
    ended = call.at + timedelta(seconds=waiting)
    vpc_endpoints.put(call.tx, replace(endpoint, deletion=call.at, ended=ended))


def release(tx: Transaction, endpoint: VpcEndpoint) -> None:
    """Delete an endpoint's interfaces and leave its groups. The endpoint is still described for a moment."""
    endpoint = without_interfaces(tx, endpoint, endpoint.subnets)
    vpc_endpoints.put(tx, replace(endpoint, groups=()))
