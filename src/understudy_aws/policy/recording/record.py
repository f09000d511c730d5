"""Record the least-privilege policy for what was observed, and prove it by asking every question again under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from understudy_aws.data import service_catalogue
from understudy_aws.policy.recording.documents import MOST_CHARACTERS, Document, Written, documents, size
from understudy_aws.policy.recording.grouping import Permission, grouped, singles
from understudy_aws.policy.recording.narrowing import narrowing
from understudy_aws.policy.recording.observation import Observation
from understudy_aws.policy.recording.redundancy import needed
from understudy_aws.policy.recording.replay import needs_identity_policy, replay
from understudy_aws.policy.recording.resources import named
from understudy_aws.policy.recording.widenings import Widening, widenings


class Recording(msgspec.Struct, frozen=True):
    """The policies that allow what was observed, and what is to be said about them.

    `policies` are documents no longer than a managed policy may be, except for those whose places `too_long` has.
    `permissions` counts the pairs of action and resource. `proven` are the observations that were asked again
    under these policies alone and allowed, `refuted` those that were not: then the recorder is wrong, and the
    policies are not to be used. Not in the policies are `needless`, which the resource's own policy allows or
    which callers without identity policies asked, and `unnameable`, which no policy can allow without allowing
    more. `unnarrowed` are in them, but without the conditions that were not kept.
    """

    policies: tuple[Document, ...] = ()
    permissions: int = 0
    proven: tuple[Observation, ...] = ()
    refuted: tuple[Observation, ...] = ()
    needless: tuple[Observation, ...] = ()
    unnameable: tuple[Observation, ...] = ()
    unnarrowed: tuple[Observation, ...] = ()
    widenings: tuple[Widening, ...] = ()
    too_long: tuple[int, ...] = ()


def record(observations: Iterable[Observation], *, portable: bool = False) -> Recording:
    """Return the narrowest identity policies under which every observation is allowed, whatever else binds the caller.

    `portable` puts a star for every id that AWS drew, so that the next run, whose ids are others, is allowed too;
    account, Region, service and type of resource stay, and `Recording.widenings` says where.
    """
    needless: list[Observation] = []
    unnameable: list[Observation] = []
    counted: list[Observation] = []
    permissions: dict[Permission, list[Observation]] = {}
    for observation in observations:
        if not needs_identity_policy(observation):
            needless.append(observation)
            continue
        permission = _permission(observation, portable=portable)
        if permission is None:
            unnameable.append(observation)
            continue
        counted.append(observation)
        permissions.setdefault(permission, []).append(observation)
    written = documents(grouped(needed(permissions)))
    policies = tuple(document for document, _ in written)
    refuted = _refuted(written, permissions)
    failed = {id(each) for each in refuted}
    return Recording(
        policies=policies,
        permissions=len({(each.question.action.lower(), each.question.resource) for each in counted}),
        proven=tuple(each for each in counted if id(each) not in failed),
        refuted=refuted,
        needless=tuple(needless),
        unnameable=tuple(unnameable),
        unnarrowed=tuple(each for each in counted if not each.complete),
        widenings=widenings([pair for _, statements in written for pair in statements], permissions),
        too_long=tuple(place for place, each in enumerate(policies) if size(each) > MOST_CHARACTERS),
    )


def _refuted(
    written: Written, permissions: Mapping[Permission, Sequence[Observation]]
) -> tuple[Observation, ...]:
    """Return the observations that the policies together refuse.

    They hold no Deny, so what one of them allows alone all allow: each observation is tried under the one that has
    its statement, and under all of them only if that is not enough.
    """
    home = {
        single: place
        for place, (_, statements) in enumerate(written)
        for _, permission in statements
        for single in singles(permission)
    }
    by_home: dict[int, list[Observation]] = {}
    homeless: list[Observation] = []
    for permission, observations in permissions.items():
        place = home.get(permission)
        (homeless if place is None else by_home.setdefault(place, [])).extend(observations)
    for place, observations in by_home.items():
        homeless.extend(replay(observations, [written[place][0]]))
    return replay(homeless, [document for document, _ in written])


def _permission(observation: Observation, *, portable: bool) -> Permission | None:
    """Return what this observation alone takes; None when no policy can name it."""
    question, pending = observation.question, observation.pending
    resource = named(question.action, question.resource, pending=pending, portable=portable)
    if resource is None:
        return None
    known = service_catalogue.action(question.action)
    action = question.action if known is None else known.full_name
    conditions = narrowing(question, resource, pending=pending, portable=portable)
    return Permission((action,), (resource.pattern,), conditions)
