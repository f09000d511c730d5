"""VPC connectors: the subnets and security groups through which services reach a VPC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import apprunner
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.linked_roles import NETWORKING, ensure_linked_role
from understudy_aws.services.apprunner.pages import key_after, page
from understudy_aws.services.apprunner.seen_resources import seen
from understudy_aws.services.apprunner.service_uses import in_use
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.services.apprunner.targets import new_resource, resource_tags
from understudy_aws.services.iam.references import identifier_of_linked_role
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

# Reference apprunner.md 2.7.
CONNECTORS_PER_REGION = 10
# EC2 puts at most so many groups on an interface, and the connector's groups go on every interface it makes.
GROUPS_PER_INTERFACE = 5


class VpcConnector(Record, frozen=True, kw_only=True):
    """A revision of a connector. Only its tags can change. A deleted one is described as INACTIVE for a while."""

    account: str
    region: str
    name: str
    id: str
    revision: int
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    vpc: str
    created: datetime
    deleted: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return apprunner(self.region, self.account, f"vpcconnector/{self.name}/{self.revision}/{self.id}")

    @property
    def active(self) -> bool:
        return self.deleted is None


vpc_connectors = Table(
    "apprunner/vpc-connector",
    VpcConnector,
    key=lambda record: (record.account, record.region, record.name, f"{record.revision:06d}", record.id),
    indexes={
        "by_arn": lambda record: (record.arn,),
        "active_in_region": lambda record: ((record.account, record.region),) if record.active else (),
        "active_by_name": lambda record: (
            ((record.account, record.region, record.name),) if record.active else ()
        ),
    },
    ordered={"deleted": lambda record: record.deleted},
)

# There are few connectors, so that their table can be looked through.
CONNECTOR_REFERENCES: References = (
    Reference(
        "works by",
        lambda connector: (
            (identifier_of_linked_role(connector.account, NETWORKING),) if connector.active else ()
        ),
        holds=True,
        shown=True,
    ),
    # App Runner takes no notice when these are deleted.
    Reference("reaches", lambda connector: (*connector.subnets, connector.vpc), may_dangle=True),
    Reference("makes members of", lambda connector: connector.security_groups, may_dangle=True),
)

# AWS still describes a deleted connector as INACTIVE for an unspecified time (apprunner.md 2.6): clients that
# wait for its end ask within minutes, and take "not found" as well.
deleted_connectors = Expiry(
    "deleted connectors", vpc_connectors, "deleted", kept_for=timedelta(hours=1), most=1000
)


def networking_usage(tx: Transaction, account: str, region: str) -> list[str]:
    """Return the ARNs of the active connectors, which use the networking role (apprunner.md 4.5, S8)."""
    return [each.arn for each in vpc_connectors.where(tx, "active_in_region", (account, region))]


def a_new_connector(call: Call, params: Params) -> Sequence[Target]:
    return new_resource(call, "vpcconnector", f"{params['vpc_connector_name']}/1/*", params.get("tags"))


def a_connector(call: Call, params: Params) -> Sequence[Target]:
    arn = params["vpc_connector_arn"]
    found = find(call, arn)
    return [Target(arn, resource_tags(found.tags) if found else {})]


@operation("apprunner:CreateVpcConnector", on=a_new_connector)
def create_vpc_connector(
    call: Call,
    *,
    vpc_connector_name: str,
    subnets: list[str],
    security_groups: list[str] | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a connector, ACTIVE at once. The first of an account makes the networking role (apprunner.md 4.5, S6).

    Subnets and groups are looked up, and the role is made, with the caller's permissions (apprunner.md 3.1, 4.2). No
    interface is made; they are made for running instances.
    """
    require_supported_region(call)
    if vpc_connectors.where(call.tx, "active_by_name", (call.account, call.region, vpc_connector_name)):
        raise errors.invalid_request(
            f"VPC connector with the provided name already exists: {vpc_connector_name}."
        )
    if (
        vpc_connectors.count_where(call.tx, "active_in_region", (call.account, call.region))
        >= CONNECTORS_PER_REGION
    ):
        raise errors.too_many("VPC connectors", CONNECTORS_PER_REGION)
    vpc = _the_one_vpc(call, subnets)
    groups = _groups_in(call, vpc, security_groups)
    kept_tags = new_tags((), tags or [])
    ensure_linked_role(call, NETWORKING)
    connector = VpcConnector(
        account=call.account,
        region=call.region,
        name=vpc_connector_name,
        id=call.ids.hexadecimal(),
        revision=1,
        subnets=tuple(dict.fromkeys(subnets)),
        security_groups=groups,
        vpc=vpc,
        created=call.at,
        tags=kept_tags,
    )
    return {"VpcConnector": describe(vpc_connectors.put(call.tx, connector))}


@operation("apprunner:DescribeVpcConnector", on=a_connector)
def describe_vpc_connector(call: Call, *, vpc_connector_arn: str) -> Answer:
    """Describe a connector by its full ARN. A deleted one is INACTIVE."""
    require_supported_region(call)
    return {"VpcConnector": describe(_existing(call, vpc_connector_arn))}


@operation("apprunner:ListVpcConnectors", on=all_resources)
def list_vpc_connectors(
    call: Call, *, max_results: int | None = None, next_token: str | None = None
) -> Answer:
    """List the active connectors of a Region, all of them without MaxResults (apprunner.md 2.1)."""
    require_supported_region(call)
    after = key_after(next_token, "ListVpcConnectors")
    active = (
        connector
        for connector in vpc_connectors.scan(call.tx, call.account, call.region, after=after)
        if connector.active
    )
    shown, token = page(active, max_results, vpc_connectors.key, "ListVpcConnectors")
    return {"VpcConnectors": [describe(connector) for connector in shown], "NextToken": token}


@operation("apprunner:DeleteVpcConnector", on=a_connector)
def delete_vpc_connector(call: Call, *, vpc_connector_arn: str) -> Answer:
    """Delete a connector that no service uses. It is INACTIVE from then on."""
    require_supported_region(call)
    connector = _existing(call, vpc_connector_arn)
    if not connector.active:
        raise errors.invalid_request(f"The VPC connector is not in an ACTIVE state. ARN: {vpc_connector_arn}")
    if in_use(call.tx, connector.arn):
        raise errors.connector_in_use(vpc_connector_arn)
    connector = msgspec.structs.replace(connector, deleted=call.at)
    return {"VpcConnector": describe(vpc_connectors.put(call.tx, connector))}


@memoized
def describe(connector: VpcConnector) -> Description:
    """Return a connector as answers describe it. Tags are answered by ListTagsForResource only."""
    return Description(
        {
            "VpcConnectorName": connector.name,
            "VpcConnectorArn": connector.arn,
            "VpcConnectorRevision": connector.revision,
            "Subnets": list(connector.subnets),
            "SecurityGroups": list(connector.security_groups),
            "Status": "ACTIVE" if connector.active else "INACTIVE",
            "CreatedAt": connector.created,
            "DeletedAt": connector.deleted,
        }
    )


def find(call: Call, arn: str) -> VpcConnector | None:
    """Return the caller's connector of that full ARN in the call's Region, or None."""
    for connector in vpc_connectors.where(call.tx, "by_arn", arn):
        if (connector.account, connector.region) == (call.account, call.region):
            return connector
    return None


def _existing(call: Call, arn: str) -> VpcConnector:
    connector = find(call, arn)
    if connector is None:
        raise errors.no_such_resource(arn)
    return connector


def _the_one_vpc(call: Call, subnets: Sequence[str]) -> str:
    """Return the VPC of these subnets, as the caller can see them. Raises for subnets of several VPCs."""
    if not subnets:
        raise errors.invalid_request("At least one subnet is required.")
    found = seen(call, "DescribeSubnets", subnet_ids=list(dict.fromkeys(subnets)))["Subnets"]
    vpcs = {subnet["VpcId"] for subnet in found}
    if len(vpcs) != 1:
        raise errors.invalid_request("All subnets of a VPC connector must be in the same VPC.")
    return str(vpcs.pop())


def _groups_in(call: Call, vpc: str, named: Sequence[str] | None) -> tuple[str, ...]:
    """Return the groups named, all of that VPC, or else its default group."""
    if not named:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
        return tuple(
            group["GroupId"]
            for group in seen(call, "DescribeSecurityGroups", filters=filters)["SecurityGroups"]
        )
    wanted = tuple(dict.fromkeys(named))
    if len(wanted) > GROUPS_PER_INTERFACE:
        raise errors.invalid_request(
            f"A VPC connector can have at most {GROUPS_PER_INTERFACE} security groups."
        )
    for group in seen(call, "DescribeSecurityGroups", group_ids=list(wanted))["SecurityGroups"]:
        if group["VpcId"] != vpc:
            raise errors.invalid_request(
                f"The security group {group['GroupId']} and the subnets of a VPC connector must be in the same VPC."
            )
    return wanted
