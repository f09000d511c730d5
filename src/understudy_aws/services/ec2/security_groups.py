"""Security groups. Their records have the rules; `security_group_permissions` has the operations on rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, Values
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tag_set, tags_for
from understudy_aws.services.ec2.api.targets import Keys, a_new, resource_tags, unknown
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.peering.records import status_of_connection
from understudy_aws.services.ec2.prefix_lists.records import is_of_aws
from understudy_aws.services.ec2.security_group_associations.records import group_associations
from understudy_aws.services.ec2.security_group_rules import SecurityGroupRule, permissions
from understudy_aws.services.ec2.vpc_endpoints.records import vpc_endpoints
from understudy_aws.services.ec2.vpcs import Vpc, default_vpc, find_default_vpc, find_vpc, target_of_vpc
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

DEFAULT = "default"
GROUPS_PER_REGION = 2500
_WORDS = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
_VALID = (
    "Valid {noun}s are strings less than 256 characters from the following set:  "
    "a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
)


class SecurityGroup(Record, frozen=True, kw_only=True):
    """A security group and its rules, in the order in which they were added."""

    account: str
    region: str
    id: str
    vpc: str
    name: str
    description: str
    rules: tuple[SecurityGroupRule, ...] = ()
    tags: dict[str, str] = {}

    @property
    def ingress(self) -> tuple[SecurityGroupRule, ...]:
        return tuple(rule for rule in self.rules if not rule.egress)

    @property
    def egress(self) -> tuple[SecurityGroupRule, ...]:
        return tuple(rule for rule in self.rules if rule.egress)


def _referenced(group: SecurityGroup) -> tuple[str, ...]:
    """Return the other groups of the account that a group's rules are about, and that it holds."""
    return tuple(
        {
            rule.group: None
            for rule in group.rules
            if rule.group and rule.group != group.id and not rule.peering
        }
    )


def _peered(group: SecurityGroup) -> tuple[str, ...]:
    return tuple({rule.group: None for rule in group.rules if rule.peering})


def _listed(group: SecurityGroup) -> tuple[str, ...]:
    return tuple({rule.prefix_list: None for rule in group.rules if rule.prefix_list})


security_groups = Table(
    "ec2/security-group",
    SecurityGroup,
    key=lambda group: (group.account, group.region, group.id),
    indexes={
        "vpc": lambda group: (group.vpc,),
        # Names are compared without case (ec2.md 7.5).
        "name": lambda group: ((group.vpc, group.name.lower()),),
        "place": lambda group: ((group.account, group.region),),
        "references": _referenced,
        "peered": _peered,
        "prefix_list": _listed,
        "rule": lambda group: tuple(rule.id for rule in group.rules),
    },
)

GROUP_REFERENCES: References = (
    # The default one stays with its VPC, and goes with it.
    Reference(
        "is in",
        lambda group: (group.vpc,),
        index="vpc",
        holds=lambda group: group.name != DEFAULT,
        held=lambda group: group.name == DEFAULT,
    ),
    Reference(
        "has a rule about",
        _referenced,
        index="references",
        holds=True,
        ended_by="RevokeSecurityGroupIngress",
    ),
    # A group of a peered VPC may be deleted; the rule is stale then (vpc-peering.md 12.3).
    Reference(
        "has a rule about", _peered, index="peered", may_dangle=True, ended_by="RevokeSecurityGroupIngress"
    ),
    # AWS's own lists are no records.
    Reference(
        "has a rule about",
        lambda group: [id for id in _listed(group) if not is_of_aws(id)],
        index="prefix_list",
        holds=True,
        ended_by="RevokeSecurityGroupIngress",
    ),
)


def _rule_filters(
    prefix: str, rules: Callable[[SecurityGroup], Iterable[SecurityGroupRule]]
) -> dict[str, Any]:
    def values(value: Callable[[SecurityGroupRule], str | None]) -> Callable[[SecurityGroup], Iterable[str]]:
        return lambda group: [found for found in map(value, rules(group)) if found is not None]

    return {
        prefix + "cidr": values(lambda rule: rule.cidr or None),
        prefix + "from-port": values(lambda rule: None if rule.from_port is None else str(rule.from_port)),
        prefix + "group-id": values(lambda rule: rule.group or None),
        prefix + "ipv6-cidr": values(lambda rule: rule.cidr_ipv6 or None),
        prefix + "prefix-list-id": values(lambda rule: rule.prefix_list or None),
        prefix + "protocol": values(lambda rule: rule.protocol),
        prefix + "to-port": values(lambda rule: None if rule.to_port is None else str(rule.to_port)),
        prefix + "user-id": values(lambda rule: rule.group_account or None),
    }


GROUP_FILTERS: FilterTable = MappingProxyType(
    {
        "description": lambda group: (group.description,),
        "group-id": lambda group: (group.id,),
        "group-name": lambda group: (group.name,),
        "owner-id": lambda group: (group.account,),
        "vpc-id": lambda group: (group.vpc,),
        **_rule_filters("ip-permission.", lambda group: group.ingress),
        **_rule_filters("egress.ip-permission.", lambda group: group.egress),
    }
)


def a_new_group(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a group: it, its tags, and the VPC it is made in."""
    found = default_vpc(call.tx, call.account, call.region)
    vpc = params.get("vpc_id") or (found.id if found is not None else None)
    return [*a_new(call, params, "security-group"), *([target_of_vpc(call, vpc)] if vpc else [])]


def a_group(call: Call, params: Params) -> Sequence[Target]:
    """Return the group that the request names by id or, in the default VPC, by name."""
    id = params.get("group_id")
    if not id and params.get("group_name"):
        vpc = default_vpc(call.tx, call.account, call.region)
        found = named(call.tx, vpc.id, params["group_name"]) if vpc is not None else None
        id = found.id if found is not None else "*"
    return [target_of_group(call, id or "*")]


@operation("ec2:CreateSecurityGroup", on=a_new_group)
def create_security_group(
    call: Call,
    *,
    description: str,
    group_name: str,
    vpc_id: str | None = None,
    tag_specifications: TagSpecifications = None,
) -> Answer:
    """Make a group in the VPC named, or in the default VPC. It lets nothing in and everything out."""
    vpc = find_vpc(call, vpc_id) if vpc_id else find_default_vpc(call)
    _check_words(group_name, description)
    tags = tags_for("security-group", tag_specifications)
    if group_name.lower() == DEFAULT:
        raise errors.reserved_group()
    if named(call.tx, vpc.id, group_name) is not None:
        raise errors.duplicate_group(group_name, vpc.id)
    if security_groups.count_where(call.tx, "place", (call.account, call.region)) >= GROUPS_PER_REGION:
        raise errors.limit("SecurityGroupLimitExceeded", "security groups")
    group = security_groups.put(
        call.tx,
        SecurityGroup(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("sg"),
            vpc=vpc.id,
            name=group_name,
            description=description,
            rules=everything_out(call.ids, vpc),
            tags=tags,
        ),
    )
    return {"GroupId": group.id, "Tags": tag_set(tags), "SecurityGroupArn": group_arn(group)}


def everything_out(ids: Ids, vpc: Vpc) -> tuple[SecurityGroupRule, ...]:
    """Return the first rules of every group, which let all IPv4 traffic out, and IPv6 where the VPC has it."""
    rule = SecurityGroupRule(id=ids.ec2("sgr"), egress=True, cidr="0.0.0.0/0")
    return (rule, _ipv6_out(ids)) if vpc.has_ipv6 else (rule,)


def _ipv6_out(ids: Ids) -> SecurityGroupRule:
    return SecurityGroupRule(id=ids.ec2("sgr"), egress=True, cidr_ipv6="::/0")


def let_ipv6_out(tx: Transaction, vpc: Vpc, ids: Ids) -> None:
    """Let the default group of a VPC that has got an IPv6 block send by it, unless its rules for that were changed."""
    group = named(tx, vpc.id, DEFAULT)
    if group is not None and [(each.protocol, each.cidr) for each in group.egress] == [("-1", "0.0.0.0/0")]:
        security_groups.put(tx, replace(group, rules=(*group.rules, _ipv6_out(ids))))


def make_default(tx: Transaction, vpc: Vpc, ids: Ids) -> SecurityGroup:
    """Make the default group of a new VPC. Its members reach each other and everything outside (ec2.md 7.5)."""
    id = ids.ec2("sg")
    return security_groups.put(
        tx,
        SecurityGroup(
            account=vpc.account,
            region=vpc.region,
            id=id,
            vpc=vpc.id,
            name=DEFAULT,
            description="default VPC security group",
            rules=(
                SecurityGroupRule(id=ids.ec2("sgr"), group=id, group_account=vpc.account),
                *everything_out(ids, vpc),
            ),
        ),
    )


@operation("ec2:DescribeSecurityGroups", on=all_resources)
def describe_security_groups(
    call: Call,
    *,
    group_ids: list[str] | None = None,
    group_names: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's groups in the Region. Names are of the default VPC."""
    ids = [*(group_ids or ()), *(find_group_named(call, name).id for name in group_names or ())]
    found, token = select(
        call, security_groups, find_group, {**GROUP_FILTERS, **_named_groups(call)} if filters else GROUP_FILTERS,
        ids=ids, filters=filters, max_results=max_results, next_token=next_token, ids_name="securityGroupSet",
    )  # fmt: skip
    return {"SecurityGroups": [_shown(call, group) for group in found], "NextToken": token}


@operation("ec2:DeleteSecurityGroup", on=a_group)
def delete_security_group(
    call: Call, *, group_id: str | None = None, group_name: str | None = None
) -> Answer:
    """Delete a group that no interface uses, no other group refers to and no other VPC has.

    Raises CannotDelete, DependencyViolation.
    """
    group = group_of(call, group_id, group_name)
    if group.name == DEFAULT:
        raise errors.default_group_stays(group.id)
    held = (
        network_interfaces.count_where(call.tx, "group", group.id)
        or vpc_endpoints.count_where(call.tx, "group", group.id)
        or group_associations.count_where(call.tx, "group", group.id)
        or security_groups.count_where(call.tx, "references", group.id)
    )
    if held:
        raise errors.group_in_use(group.id)
    security_groups.delete(call.tx, group)
    return {"Return": True, "GroupId": group.id}


def _named_groups(call: Call) -> dict[str, Values]:
    """Return the filters by the names of groups that rules are about."""

    def names(rules: Iterable[SecurityGroupRule]) -> Iterator[str]:
        for rule in rules:
            if rule.group:
                found = security_groups.get(call.tx, rule.group_account, call.region, rule.group)
                if found is not None:
                    yield found.name

    return {
        "ip-permission.group-name": lambda group: names(group.ingress),
        "egress.ip-permission.group-name": lambda group: names(group.egress),
    }


def _shown(call: Call, group: SecurityGroup) -> Answer:
    """Return a group as answers describe it. The state of peering connections is not the group's own."""
    if not any(rule.peering for rule in group.rules):
        return described_group(group)
    status = partial(status_of_connection, call)
    return {
        **group_members(group),
        "IpPermissions": permissions(group.ingress, status),
        "IpPermissionsEgress": permissions(group.egress, status),
    }


def find_group(call: Call, id: str) -> SecurityGroup:
    """Return the group of this id. Raises InvalidGroupId.Malformed, InvalidGroup.NotFound."""
    found = security_groups.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("sg", id)
    return found


def find_group_named(call: Call, name: str) -> SecurityGroup:
    """Return the group of this name in the default VPC. Raises InvalidGroup.NotFound, VPCIdNotSpecified."""
    vpc = find_default_vpc(call)
    found = named(call.tx, vpc.id, name)
    if found is None:
        raise errors.no_such_group_name(name, vpc.id)
    return found


def group_of(call: Call, id: str | None, name: str | None) -> SecurityGroup:
    """Return the group that a request names by id or name. Raises MissingParameter, and what the two above raise."""
    if id:
        return find_group(call, id)
    if name:
        return find_group_named(call, name)
    raise errors.missing_choice("The request must contain the parameter groupName or groupId")


def named(tx: Transaction, vpc: str, name: str) -> SecurityGroup | None:
    """Return the group of this name in a VPC, or None."""
    found = security_groups.where(tx, "name", (vpc, name.lower()))
    return found[0] if found else None


def default_group(tx: Transaction, vpc: str) -> SecurityGroup:
    """Return the group that interfaces get when the request names none."""
    found = named(tx, vpc, DEFAULT)
    assert found is not None, "a VPC's default group lives as long as the VPC"
    return found


@memoized
def described_group(group: SecurityGroup) -> Description:
    """Return a group as answers describe it, unless it has rules about groups of peered VPCs."""
    return Description(group_members(group))


def group_members(group: SecurityGroup) -> dict[str, Any]:
    """Return the members of a group's description."""
    return {
        "GroupId": group.id,
        "IpPermissionsEgress": permissions(group.egress),
        "Tags": tag_set(group.tags),
        "VpcId": group.vpc,
        "SecurityGroupArn": group_arn(group),
        "OwnerId": group.account,
        "GroupName": group.name,
        "Description": group.description,
        "IpPermissions": permissions(group.ingress),
    }


@memoized
def group_arn(group: SecurityGroup) -> str:
    return ec2(group.region, group.account, f"security-group/{group.id}")


@memoized
def group_target(group: SecurityGroup) -> Target:
    """Return a group's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(group.tags)
    keys["ec2:securitygroupid"] = group.id
    keys["ec2:vpc"] = ec2(group.region, group.account, f"vpc/{group.vpc}")
    return Target(group_arn(group), keys)


def target_of_group(call: Call, id: str) -> Target:
    """Return the target of a group, which need not exist."""
    found = security_groups.get(call.tx, call.account, call.region, id)
    return group_target(found) if found is not None else unknown(call, "security-group", id)


def _check_words(name: str, description: str) -> None:
    for parameter, text in (("GroupName", name), ("GroupDescription", description)):
        if not text.isascii():
            raise errors.invalid_value(text, parameter, "Character sets beyond ASCII are not supported.")
    for noun, text in (("group name", name), ("security group description", description)):
        if not text or not _WORDS.fullmatch(text):
            raise errors.invalid(f"Invalid {noun}. {_VALID.format(noun=noun.split()[-1])}")
    if name.lower().startswith("sg-"):
        raise errors.invalid_value(name, "GroupName", "Group names may not be in the format sg-*.")
