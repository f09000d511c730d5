"""CreateTags, DeleteTags and DescribeTags, for every kind of resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, exact, matching
from understudy_aws.services.ec2.api.identifiers import prefix_of
from understudy_aws.services.ec2.api.listings import Filters, items_after, page_start, paginate
from understudy_aws.services.ec2.api.tag_specifications import checked_key, with_tags
from understudy_aws.services.ec2.api.targets import request_tags, unknown
from understudy_aws.services.ec2.resources import RESOURCES, Ec2Resource
from understudy_aws.store.database import RecordKey

Tags = Mapping[str, str]
_MOST_RESOURCES = 1000
# By what ids begin with.
_KINDS: Mapping[str, Ec2Resource[Any]] = MappingProxyType({kind.id_prefix: kind for kind in RESOURCES})


def a_number_of_resources(call: Call, params: Params) -> Sequence[Target]:
    """Return each resource named, with the tags it has and those the request names."""
    # A tag without a value is set to nothing, but deleted whatever its value.
    asked = request_tags(params.get("tags") or (), None if call.operation == "DeleteTags" else "")
    targets = []
    for id in params["resources"]:
        kind = _KINDS.get(prefix_of(id))
        # What is no id of a kind we know has no ARN: only who may tag everything may ask for it.
        target = _target(call, kind, id) if kind is not None else Target()
        targets.append(Target(target.resource, {**target.keys, **asked}))
    return targets


@operation("ec2:CreateTags", on=a_number_of_resources)
def create_tags(call: Call, *, resources: list[str], tags: list[dict[str, Any]]) -> Answer | None:
    """Set tags on resources, on all or on none."""
    if not tags:
        raise errors.missing("tagSet")
    for kind, id in _resources(resources):
        record = kind.existing(call, id)
        kind.set_tags(call.tx, record, with_tags(kind.tags(record), tags))
    return None


@operation("ec2:DeleteTags", on=a_number_of_resources)
def delete_tags(
    call: Call, *, resources: list[str], tags: list[dict[str, Any]] | None = None
) -> Answer | None:
    """Remove tags by key, or by key and value. Without any, remove all but AWS's own."""

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
        record = kind.existing(call, id)
        kind.set_tags(call.tx, record, without(kind.tags(record)))
    return None


class _Row(NamedTuple):
    """A tag of a resource, as filters see it."""

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
        "resource-type": lambda row: (_KINDS[row.prefix].name,),
        "value": lambda row: (row.value,),
    }
)


@operation("ec2:DescribeTags", on=all_resources)
def describe_tags(
    call: Call, *, filters: Filters = None, max_results: int | None = None, next_token: str | None = None
) -> Answer:
    """Describe the tags of all resources one by one, in the order of kind and id."""
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
                "ResourceType": _KINDS[row.prefix].name,
                "Value": row.value,
            }
            for row in found
        ],
        "NextToken": token,
    }


def _target(call: Call, kind: Ec2Resource[Any], id: str) -> Target:
    """Return a resource with its tags. For one that does not exist it is the ARN it would have."""
    record = kind.find_by_id(call, id)
    return kind.target(record) if record is not None else unknown(call, kind.name, id)


def _resources(ids: Sequence[str]) -> list[tuple[Ec2Resource[Any], str]]:
    """Return the kind of each resource. Raises InvalidID, and InvalidParameterValue for too many resources."""
    if len(ids) > _MOST_RESOURCES:
        raise errors.invalid(f"No more than {_MOST_RESOURCES} resources can be tagged in one request.")
    found = []
    for id in dict.fromkeys(ids):
        kind = _KINDS.get(prefix_of(id))
        if kind is None:
            raise errors.invalid_id(id)
        found.append((kind, id))
    return found


def _rows(call: Call, types: list[str] | None) -> Iterator[_Row]:
    for prefix, kind in sorted(_KINDS.items()):
        if types is None or kind.name in types:
            for id, tags in kind.scan(call.tx, call.account, call.region):
                yield from _tags_of(prefix, id, tags)


def _rows_of(call: Call, ids: list[str]) -> Iterator[_Row]:
    named = sorted((prefix_of(id), id) for id in ids)
    for prefix, id in named:
        kind = _KINDS.get(prefix)
        record = kind.find_by_id(call, id) if kind is not None else None
        if kind is not None and record is not None:
            yield from _tags_of(prefix, id, kind.tags(record))


def _tags_of(prefix: str, id: str, tags: Tags) -> Iterator[_Row]:
    return (_Row(prefix, id, name, tags[name]) for name in sorted(tags))
