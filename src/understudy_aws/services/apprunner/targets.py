"""What callers of App Runner must be allowed to act on (apprunner.md 4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.core.arn import apprunner
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.tag_keys import tag_keys


def new_resource(call: Call, kind: str, tail: str, tags: Iterable[Mapping[str, str]] | None) -> list[Target]:
    """Return the target of a resource about to be made, `kind/tail`. With tags, `TagResource` is needed too."""
    arn = apprunner(call.region, call.account, f"{kind}/{tail}")
    keys = request_tags(tags or ())
    targets = [Target(arn, keys)]
    if keys:
        targets.append(Target(arn, keys, action="apprunner:TagResource"))
    return targets


def request_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str | list[str]]:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of a request. Without tags it is empty."""
    # AWS's description does not require a key; a tag without one is refused later.
    named = [(tag.get("Key", ""), tag.get("Value", "")) for tag in tags]
    if not named:
        return {}
    return {**tag_keys("aws:requesttag", named), "aws:tagkeys": [key for key, _ in named]}


def resource_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return `aws:ResourceTag/…` for the tags of a resource."""
    return tag_keys("aws:resourcetag", tags)
