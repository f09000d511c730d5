"""The condition keys of tags.

The names of condition keys compare without letter case, tags' keys included, so that `team` and `Team` are one
condition key. Of tags whose keys differ in letter case alone AWS says that a condition matches either spelling, but
not both (policies.md 4.4). Such a condition key has the list of all their values, and the policy engine decides no
condition on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TagKeys = dict[str, str | list[str]]


def tag_keys(prefix: str, tags: Iterable[tuple[str, str]]) -> TagKeys:
    """Return the condition keys of tags, such as `aws:resourcetag/team`; `prefix` is what stands before the slash.

    Of tags of the very same key the last one counts (policies.md 4.8).
    """
    named = dict(tags)
    if not named:
        return {}
    keys: TagKeys = {f"{prefix}/{key.lower()}": value for key, value in named.items()}
    if len(keys) < len(named):
        for name in keys:
            values = [value for key, value in named.items() if f"{prefix}/{key.lower()}" == name]
            if len(values) > 1:
                keys[name] = values
    return keys


def requested_tags(params: Mapping[str, Any], kind: str) -> TagKeys:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of the tags that a request has for a kind of resource.

    Tags are taken in any of the forms that AWS's services have: a list, a map, and EC2's specifications, which name the
    kind. A request that removes tags names their keys alone.
    """
    tags = list(_named(params, kind))
    names = [key for key, _ in tags] or [key for key in params.get("tag_keys") or () if isinstance(key, str)]
    keys = tag_keys("aws:requesttag", tags)
    if names:
        keys["aws:tagkeys"] = names
    return keys


def _named(params: Mapping[str, Any], kind: str) -> Iterable[tuple[str, str]]:
    tags = params.get("tags") or ()
    if isinstance(tags, Mapping):
        yield from ((str(key), str(value)) for key, value in tags.items())
        return
    for specification in params.get("tag_specifications") or params.get("tag_specification") or ():
        if isinstance(specification, Mapping) and specification.get("ResourceType", kind) == kind:
            tags = [*tags, *(specification.get("Tags") or ())]
    for tag in tags:
        if isinstance(tag, Mapping):
            key = tag.get("Key") or tag.get("key") or ""
            yield str(key), str(tag.get("Value") or tag.get("value") or "")
