"""Egress-only internet gateways: the way out of a VPC for IPv6, through which nothing comes in."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tag_set, tags_for
from understudy_aws.services.ec2.api.targets import a_new, resource_tags, unknown
from understudy_aws.services.ec2.route_tables import BLACKHOLE, set_state
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc
from understudy_aws.store.tables import Record, Table, memoized


class EgressOnlyInternetGateway(Record, frozen=True, kw_only=True):
    """An egress-only internet gateway, which is attached to one VPC from its beginning to its end."""

    account: str
    region: str
    id: str
    vpc: str
    tags: dict[str, str] = {}


egress_only_gateways = Table(
    "ec2/egress-only-internet-gateway",
    EgressOnlyInternetGateway,
    key=lambda gateway: (gateway.account, gateway.region, gateway.id),
    indexes={"vpc": lambda gateway: (gateway.vpc,)},
)

EGRESS_ONLY_REFERENCES: References = (
    Reference("is attached to", lambda gateway: (gateway.vpc,), index="vpc", holds=True),
)

# The API has no filters but those of tags.
_FILTERS: FilterTable = MappingProxyType({})


def a_new_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a gateway: it, its tags, and its VPC."""
    return [*a_new(call, params, "egress-only-internet-gateway"), target_of_vpc(call, params["vpc_id"])]


def a_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the gateway that the request names."""
    id = params["egress_only_internet_gateway_id"]
    found = egress_only_gateways.get(call.tx, call.account, call.region, id)
    return [
        egress_only_target(found) if found is not None else unknown(call, "egress-only-internet-gateway", id)
    ]


@operation("ec2:CreateEgressOnlyInternetGateway", on=a_new_gateway)
def create_egress_only_internet_gateway(
    call: Call, *, vpc_id: str, client_token: str | None = None, tag_specifications: TagSpecifications = None
) -> Answer:
    """Make a gateway for a VPC that has none yet. Raises EgressOnlyInternetGatewayLimitExceeded."""
    tags = tags_for("egress-only-internet-gateway", tag_specifications)
    vpc = find_vpc(call, vpc_id)
    if egress_only_gateways.count_where(call.tx, "vpc", vpc.id):
        raise errors.limit("EgressOnlyInternetGatewayLimitExceeded", "egress-only internet gateways of a VPC")
    gateway = egress_only_gateways.put(
        call.tx,
        EgressOnlyInternetGateway(
            account=call.account, region=call.region, id=call.ids.ec2("eigw"), vpc=vpc.id, tags=tags
        ),
    )
    return {"ClientToken": client_token, "EgressOnlyInternetGateway": _described(gateway)}


@operation("ec2:DescribeEgressOnlyInternetGateways", on=all_resources)
def describe_egress_only_internet_gateways(
    call: Call,
    *,
    egress_only_internet_gateway_ids: list[str] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's egress-only gateways in the Region."""
    found, token = select(
        call, egress_only_gateways, find_egress_only_gateway, _FILTERS,
        ids=egress_only_internet_gateway_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="egressOnlyInternetGatewayIds",
    )  # fmt: skip
    return {"EgressOnlyInternetGateways": [_described(gateway) for gateway in found], "NextToken": token}


@operation("ec2:DeleteEgressOnlyInternetGateway", on=a_gateway)
def delete_egress_only_internet_gateway(call: Call, *, egress_only_internet_gateway_id: str) -> Answer:
    """Delete a gateway. Routes to it are black holes then."""
    gateway = find_egress_only_gateway(call, egress_only_internet_gateway_id)
    set_state(call.tx, gateway.id, BLACKHOLE)
    egress_only_gateways.delete(call.tx, gateway)
    return {"ReturnCode": True}


def find_egress_only_gateway(call: Call, id: str) -> EgressOnlyInternetGateway:
    """Return the gateway of this id. Raises InvalidEgressOnlyInternetGatewayId.Malformed and .NotFound."""
    found = egress_only_gateways.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("eigw", id)
    return found


@memoized
def _described(gateway: EgressOnlyInternetGateway) -> Description:
    return Description(
        {
            "Attachments": [{"State": "attached", "VpcId": gateway.vpc}],
            "EgressOnlyInternetGatewayId": gateway.id,
            "Tags": tag_set(gateway.tags),
        }
    )


@memoized
def egress_only_target(gateway: EgressOnlyInternetGateway) -> Target:
    """Return a gateway's ARN and the condition keys that policies see of it."""
    arn = ec2(gateway.region, gateway.account, f"egress-only-internet-gateway/{gateway.id}")
    return Target(arn, resource_tags(gateway.tags))
