"""Tags on existing resources: CreateTags, DeleteTags, DescribeTags for every kind there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from understudy.core.answers import Answer
from understudy.core.arn import ec2
from understudy.gateway.call import Call, Params, Target
from understudy.gateway.operations import all_resources, operation
from understudy.services.ec2 import errors
from understudy.services.ec2.dhcp_options import dhcp_options, find_options, options_target
from understudy.services.ec2.filters import FilterTable, exact, matching
from understudy.services.ec2.identifiers import KINDS
from understudy.services.ec2.internet_gateways import find_gateway, gateway_target, internet_gateways
from understudy.services.ec2.listings import Filters, items_after, page_start, paginate
from understudy.services.ec2.network_acls import acl_target, find_acl, network_acls
from understudy.services.ec2.network_interfaces import find_interface, interface_target, network_interfaces
from understudy.services.ec2.route_tables import find_route_table, route_table_target, route_tables
from understudy.services.ec2.security_group_permissions import group_with_rule, rule_in
from understudy.services.ec2.security_groups import find_group, group_target, security_groups
from understudy.services.ec2.subnets import find_subnet, subnet_target, subnets
from understudy.services.ec2.tag_specifications import checked_key, with_tags
from understudy.services.ec2.targets import Keys, request_tags, resource_tags, unknown
from understudy.services.ec2.vpcs import find_vpc, vpc_target, vpcs
from understudy.store.database import RecordKey
from understudy.store.tables import Record, Table

Tags = Mapping[str, str]
Change = Callable[[Tags], dict[str, str]]
R = TypeVar("R", bound=Record)
_MOST_RESOURCES = 1000


class _Kind(NamedTuple):
    """What tagging must know of one kind of resource."""

    target: Callable[[Call, str], Target]
    change: Callable[[Call, str, Change], None]
    all: Callable[[Call], Iterable[tuple[str, Tags]]]
    one: Callable[[Call, str], Tags | None]


def a_number_of_resources(call: Call, params: Params) -> Sequence[Target]:
    """Each resource named, with the tags it has and those the request names."""
    # A tag without a value is set to nothing, but deleted whatever its value.
    asked = request_tags(params.get("tags") or (), None if call.operation == "DeleteTags" else "")
    targets = []
    for id in params["resources"]:
        kind = _KINDS.get(id.partition("-")[0])
        # What is no id of a kind we know has no ARN: only who may tag everything may ask for it.
        target = kind.target(call, id) if kind is not None else Target()
        targets.append(Target(target.resource, {**target.keys, **asked}))
    return targets


@operation("ec2:CreateTags", on=a_number_of_resources)
def create_tags(call: Call, *, resources: list[str], tags: list[dict[str, Any]]) -> Answer | None:
    """Set tags on resources; all or none."""
    if not tags:
        raise errors.missing("tagSet")
    for kind, id in _resources(resources):
        kind.change(call, id, lambda old: with_tags(old, tags))
    return None


@operation("ec2:DeleteTags", on=a_number_of_resources)
def delete_tags(
    call: Call, *, resources: list[str], tags: list[dict[str, Any]] | None = None
) -> Answer | None:
    """Remove tags by key, or by key and value; without any, all that are not AWS's own."""

    def without(old: Tags) -> dict[str, str]:
        if not tags:
            return {key: value for key, value in old.items() if key.startswith("aws:")}
        left = dict(old)
        for tag in tags:
            key, value = checked_key(tag), tag.get("Value")
            if value is None or left.get(key) == value:
                left.pop(key, None)
        return left

    for kind, id in _resources(resources):
        kind.change(call, id, without)
    return None


class _Row(NamedTuple):
    """One tag of one resource, as filters see it."""

    prefix: str
    id: str
    name: str
    value: str

    @property
    def tags(self) -> Tags:
        return {self.name: self.value}

    @property
    def key(self) -> RecordKey:
        return self.prefix, self.id, self.name


TAG_FILTERS: FilterTable = MappingProxyType(
    {
        "key": lambda row: (row.name,),
        "resource-id": lambda row: (row.id,),
        "resource-type": lambda row: (KINDS[row.prefix],),
        "value": lambda row: (row.value,),
    }
)


@operation("ec2:DescribeTags", on=all_resources)
def describe_tags(
    call: Call, *, filters: Filters = None, max_results: int | None = None, next_token: str | None = None
) -> Answer:
    """Tags of all resources, one by one, by kind and id."""
    matches = matching(filters, TAG_FILTERS)
    after, scope = page_start(call, filters, max_results, next_token)
    ids, types = exact(filters, "resource-id"), exact(filters, "resource-type")
    rows: Iterable[_Row] = _rows_of(call, ids) if ids is not None else _rows(call, types)
    rows = items_after(rows, after, lambda row: row.key)
    found, token = paginate(
        filter(matches, rows) if matches else rows, max_results, lambda row: row.key, scope
    )
    return {
        "Tags": [
            {
                "Key": row.name,
                "ResourceId": row.id,
                "ResourceType": KINDS[row.prefix],
                "Value": row.value,
            }
            for row in found
        ],
        "NextToken": token,
    }


def _resources(ids: Sequence[str]) -> list[tuple[_Kind, str]]:
    """The kind of each resource. Raises InvalidID, and InvalidParameterValue for too many."""
    if len(ids) > _MOST_RESOURCES:
        raise errors.invalid(f"No more than {_MOST_RESOURCES} resources can be tagged in one request.")
    found = []
    for id in dict.fromkeys(ids):
        kind = _KINDS.get(id.partition("-")[0])
        if kind is None:
            raise errors.invalid_id(id)
        found.append((kind, id))
    return found


def _rows(call: Call, types: list[str] | None) -> Iterator[_Row]:
    for prefix in sorted(_KINDS):
        if types is None or KINDS[prefix] in types:
            for id, tags in _KINDS[prefix].all(call):
                yield from _tags_of(prefix, id, tags)


def _rows_of(call: Call, ids: list[str]) -> Iterator[_Row]:
    named = sorted((id.partition("-")[0], id) for id in ids)
    for prefix, id in named:
        if prefix in _KINDS:
            tags = _KINDS[prefix].one(call, id)
            if tags:
                yield from _tags_of(prefix, id, tags)


def _tags_of(prefix: str, id: str, tags: Tags) -> Iterator[_Row]:
    return (_Row(prefix, id, name, tags[name]) for name in sorted(tags))


def _kind(table: Table[R], find: Callable[[Call, str], R], see: Callable[[R], Target], word: str) -> _Kind:
    """A kind of resource with a table of its own, whose records have `id` and `tags`."""

    def target(call: Call, id: str) -> Target:
        found = table.get(call.tx, call.account, call.region, id)
        return see(found) if found is not None else unknown(call, word, id)

    def change(call: Call, id: str, tags: Change) -> None:
        record: Any = find(call, id)
        table.put(call.tx, replace(record, tags=tags(record.tags)))

    def every(call: Call) -> Iterable[tuple[str, Tags]]:
        records: Iterable[Any] = table.scan(call.tx, call.account, call.region)
        return ((record.id, record.tags) for record in records if record.tags)

    def one(call: Call, id: str) -> Tags | None:
        record: Any = table.get(call.tx, call.account, call.region, id)
        return None if record is None else record.tags

    return _Kind(target, change, every, one)


def _rule_target(call: Call, id: str) -> Target:
    group = group_with_rule(call.tx, call.account, call.region, id)
    keys: Keys = {} if group is None else resource_tags(rule_in(group, id).tags)
    return Target(ec2(call.region, call.account, f"security-group-rule/{id}"), keys)


def _change_rule(call: Call, id: str, tags: Change) -> None:
    group = group_with_rule(call.tx, call.account, call.region, id)
    if group is None:
        raise errors.no_such_rule_id(id)
    rules = tuple(replace(rule, tags=tags(rule.tags)) if rule.id == id else rule for rule in group.rules)
    security_groups.put(call.tx, replace(group, rules=rules))


def _tagged_rules(call: Call) -> Iterable[tuple[str, Tags]]:
    return sorted(
        (rule.id, rule.tags)
        for group in security_groups.scan(call.tx, call.account, call.region)
        for rule in group.rules
        if rule.tags
    )


def _tags_of_rule(call: Call, id: str) -> Tags | None:
    group = group_with_rule(call.tx, call.account, call.region, id)
    return None if group is None else rule_in(group, id).tags


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "acl": _kind(network_acls, find_acl, acl_target, KINDS["acl"]),
        "dopt": _kind(dhcp_options, find_options, options_target, KINDS["dopt"]),
        "eni": _kind(network_interfaces, find_interface, interface_target, KINDS["eni"]),
        "igw": _kind(internet_gateways, find_gateway, gateway_target, KINDS["igw"]),
        "rtb": _kind(route_tables, find_route_table, route_table_target, KINDS["rtb"]),
        "sg": _kind(security_groups, find_group, group_target, KINDS["sg"]),
        "sgr": _Kind(_rule_target, _change_rule, _tagged_rules, _tags_of_rule),
        "subnet": _kind(subnets, find_subnet, subnet_target, KINDS["subnet"]),
        "vpc": _kind(vpcs, find_vpc, vpc_target, KINDS["vpc"]),
    }
)
