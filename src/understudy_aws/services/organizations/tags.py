"""The operations on tags of roots, organizational units, accounts and policies, the resource policy among them."""

from __future__ import annotations

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam.tags import Tags
from understudy_aws.services.organizations import entities, errors, policy_records
from understudy_aws.services.organizations.delegation import ResourcePolicy, resource_policies
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.organization_records import Organization
from understudy_aws.services.organizations.policy_records import Policy, policies
from understudy_aws.services.organizations.tag_lists import merged
from understudy_aws.services.organizations.targets import a_resource, managed, readable

Tagged = entities.Entity | Policy | ResourcePolicy

# A resource's tags are listed at once: ListTagsForResource has a token and no MaxResults.
_ALL = 1000


@operation("organizations:TagResource", on=a_resource)
def tag_resource(call: Call, *, resource_id: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    resource = _existing(call, managed(call), resource_id)
    _put(call, resource, merged(resource.tags, tags))


@operation("organizations:UntagResource", on=a_resource)
def untag_resource(call: Call, *, resource_id: str, tag_keys: list[str]) -> None:
    """Remove tags. A key that is not there is no error."""
    resource = _existing(call, managed(call), resource_id)
    _put(call, resource, tuple((key, value) for key, value in resource.tags if key not in tag_keys))


@operation("organizations:ListTagsForResource", on=a_resource)
def list_tags_for_resource(call: Call, *, resource_id: str, next_token: str | None = None) -> Answer:
    """List the tags of a resource."""
    return listing(
        "Tags",
        _existing(call, readable(call), resource_id).tags,
        lambda tag: {"Key": tag[0], "Value": tag[1]},
        key=lambda tag: tag[0],
        scope=f"ListTagsForResource:{resource_id}",
        max_results=_ALL,
        next_token=next_token,
    )


def _existing(call: Call, organization: Organization, id: str) -> Tagged:
    found: Tagged | None
    if id.startswith("p-"):
        found = policy_records.find(call.tx, organization.id, id)
    elif id.startswith("rp-"):
        found = resource_policies.get(call.tx, organization.id)
        found = found if found is not None and found.id == id else None
    else:
        found = entities.find(call.tx, organization, id)
    if found is None:
        raise errors.not_found("target")
    return found


def _put(call: Call, resource: Tagged, tags: Tags) -> None:
    if isinstance(resource, ResourcePolicy):
        resource_policies.put(call.tx, msgspec.structs.replace(resource, tags=tags))
    elif not isinstance(resource, Policy):
        entities.put(call.tx, resource, tags=tags)
    elif resource.aws_managed:
        raise errors.invalid("TARGET_NOT_SUPPORTED", "A policy of AWS's can't be tagged.")
    else:
        policies.put(call.tx, msgspec.structs.replace(resource, tags=tags))
