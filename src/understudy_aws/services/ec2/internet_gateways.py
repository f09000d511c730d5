"""Internet gateways. One that is attached must be detached and deleted before its VPC can be."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tag_set, tags_for
from understudy_aws.services.ec2.api.targets import Keys, a_new, resource_tags, unknown
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips
from understudy_aws.services.ec2.route_tables import ACTIVE, BLACKHOLE, release, set_state
from understudy_aws.services.ec2.vpcs import find_vpc, target_of_vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized


class InternetGateway(Record, frozen=True, kw_only=True):
    """An internet gateway. `vpc` is empty while it is detached."""

    account: str
    region: str
    id: str
    vpc: str = ""
    tags: dict[str, str] = {}


internet_gateways = Table(
    "ec2/internet-gateway",
    InternetGateway,
    key=lambda gateway: (gateway.account, gateway.region, gateway.id),
    indexes={
        "vpc": lambda gateway: (gateway.vpc,) if gateway.vpc else (),
        "place": lambda gateway: ((gateway.account, gateway.region),),
    },
)

GATEWAY_REFERENCES: References = (
    Reference(
        "is attached to",
        lambda gateway: (gateway.vpc,),
        index="vpc",
        holds=True,
        held=True,
        ended_by="DetachInternetGateway",
    ),
)

# VPC user guide, "Amazon VPC quotas": as many as VPCs.
GATEWAYS_PER_REGION = 100

GATEWAY_FILTERS: FilterTable = MappingProxyType(
    {
        "attachment.state": lambda gateway: ("available",) if gateway.vpc else (),
        "attachment.vpc-id": lambda gateway: (gateway.vpc,) if gateway.vpc else (),
        "internet-gateway-id": lambda gateway: (gateway.id,),
        "owner-id": lambda gateway: (gateway.account,),
    }
)


def a_new_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a gateway: it, and its tags."""
    return a_new(call, params, "internet-gateway")


def a_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the gateway that the request names."""
    return [target_of_gateway(call, params["internet_gateway_id"])]


def a_gateway_and_a_vpc(call: Call, params: Params) -> Sequence[Target]:
    """Return the gateway, and the VPC it is attached to or detached from."""
    return [*a_gateway(call, params), target_of_vpc(call, params["vpc_id"])]


@operation("ec2:CreateInternetGateway", on=a_new_gateway)
def create_internet_gateway(call: Call, *, tag_specifications: TagSpecifications = None) -> Answer:
    """Make a gateway that is attached to no VPC yet. Raises InternetGatewayLimitExceeded."""
    tags = tags_for("internet-gateway", tag_specifications)
    if internet_gateways.count_where(call.tx, "place", (call.account, call.region)) >= GATEWAYS_PER_REGION:
        raise errors.limit("InternetGatewayLimitExceeded", "internet gateways")
    gateway = internet_gateways.put(
        call.tx,
        InternetGateway(account=call.account, region=call.region, id=call.ids.ec2("igw"), tags=tags),
    )
    return {"InternetGateway": described_gateway(gateway)}


@operation("ec2:AttachInternetGateway", on=a_gateway_and_a_vpc)
def attach_internet_gateway(call: Call, *, internet_gateway_id: str, vpc_id: str) -> Answer | None:
    """Attach a gateway to a VPC; each has one other at most. Routes to it that were black holes are active again.

    Raises Resource.AlreadyAssociated, InvalidParameterValue.
    """
    gateway, vpc = find_gateway(call, internet_gateway_id), find_vpc(call, vpc_id)
    if gateway.vpc:
        raise errors.gateway_attached_already(gateway.id, gateway.vpc)
    if internet_gateways.count_where(call.tx, "vpc", vpc.id):
        raise errors.vpc_has_gateway(vpc.id)
    internet_gateways.put(call.tx, replace(gateway, vpc=vpc.id))
    set_state(call.tx, gateway.id, ACTIVE, vpc=vpc.id)
    return None


@operation("ec2:DescribeInternetGateways", on=all_resources)
def describe_internet_gateways(
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    internet_gateway_ids: list[str] | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's internet gateways in the Region."""
    found, token = select(
        call, internet_gateways, find_gateway, GATEWAY_FILTERS,
        ids=internet_gateway_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="internetGatewayIdSet",
    )  # fmt: skip
    return {"InternetGateways": [described_gateway(gateway) for gateway in found], "NextToken": token}


@operation("ec2:DetachInternetGateway", on=a_gateway_and_a_vpc)
def detach_internet_gateway(call: Call, *, internet_gateway_id: str, vpc_id: str) -> Answer | None:
    """Detach a gateway from its VPC. Routes to it become black holes. Raises Gateway.NotAttached."""
    gateway, vpc = find_gateway(call, internet_gateway_id), find_vpc(call, vpc_id)
    if gateway.vpc != vpc.id:
        raise errors.gateway_not_attached(gateway.id, vpc.id)
    if elastic_ips.count_where(call.tx, "vpc", vpc.id):
        raise errors.public_addresses_mapped(vpc.id)
    internet_gateways.put(call.tx, replace(gateway, vpc=""))
    set_state(call.tx, gateway.id, BLACKHOLE)
    release(call.tx, gateway=gateway.id)
    return None


@operation("ec2:DeleteInternetGateway", on=a_gateway)
def delete_internet_gateway(call: Call, *, internet_gateway_id: str) -> Answer | None:
    """Delete a detached gateway. Raises DependencyViolation."""
    gateway = find_gateway(call, internet_gateway_id)
    if gateway.vpc:
        raise errors.dependency("internetGateway", gateway.id)
    internet_gateways.delete(call.tx, gateway)
    return None


def make_attached(tx: Transaction, account: str, region: str, vpc: str, ids: Ids) -> InternetGateway:
    """Make a gateway that is attached to a VPC."""
    return internet_gateways.put(
        tx, InternetGateway(account=account, region=region, id=ids.ec2("igw"), vpc=vpc)
    )


def find_gateway(call: Call, id: str) -> InternetGateway:
    """Return the gateway of this id. Raises InvalidInternetGatewayId.Malformed, InvalidInternetGatewayID.NotFound."""
    found = internet_gateways.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("igw", id)
    return found


@memoized
def described_gateway(gateway: InternetGateway) -> Description:
    """Return a gateway as answers describe it. AWS answers the state `available`, which its API model does not list."""
    return Description(
        {
            "Attachments": [{"State": "available", "VpcId": gateway.vpc}] if gateway.vpc else [],
            "InternetGatewayId": gateway.id,
            "OwnerId": gateway.account,
            "Tags": tag_set(gateway.tags),
        }
    )


@memoized
def gateway_target(gateway: InternetGateway) -> Target:
    """Return a gateway's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(gateway.tags)
    keys["ec2:internetgatewayid"] = gateway.id
    return Target(ec2(gateway.region, gateway.account, f"internet-gateway/{gateway.id}"), keys)


def target_of_gateway(call: Call, id: str) -> Target:
    """Return the target of a gateway, which need not exist."""
    found = internet_gateways.get(call.tx, call.account, call.region, id)
    return gateway_target(found) if found is not None else unknown(call, "internet-gateway", id)
