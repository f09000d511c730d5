"""Which services permissions policies give access to, as last-accessed reports have it (last-accessed.md 33.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from understudy_aws.data import service_catalogue
from understudy_aws.policy import CompiledPolicy

_EVERYTHING = frozenset({"*", "*:*"})


def granted_services(levels: Sequence[Sequence[CompiledPolicy]]) -> Iterator[tuple[str, bool]]:
    """Yield every service's prefix, by the alphabet, with whether the policies of every level give access to it.

    What one step takes is bounded by the actions of one service, so that others can be answered between the steps.
    """
    for prefix in service_catalogue.everything():
        yield prefix, all(gives_access(policies, prefix) for policies in levels)


def gives_access(policies: Sequence[CompiledPolicy], prefix: str) -> bool:
    """Whether the policies together allow some action of a service, on whatever resource, under whatever conditions.

    Of what they deny only that counts which is denied on every resource without a condition.
    """
    statements = [statement for policy in policies for statement in policy.statements]
    allowing = [
        each
        for each in statements
        if not each.denies and _may_name(each.written.actions or (), prefix, inverted=each.written.not_action)
    ]
    if not allowing:
        return False
    denying = [
        each
        for each in statements
        if each.denies
        and not each.written.conditions
        and not each.written.not_resource
        and "*" in (each.written.resources or ())
        and _may_name(each.written.actions or (), prefix, inverted=each.written.not_action)
    ]
    whole = _EVERYTHING | {f"{prefix}:*"}
    if not denying and any(
        not each.written.not_action and any(action.lower() in whole for action in each.written.actions or ())
        for each in allowing
    ):
        return True
    service = service_catalogue.service(prefix)
    assert service is not None, "prefixes are the catalogue's"
    return any(
        any(each.matches_action(action) for each in allowing)
        and not any(each.matches_action(action) for each in denying)
        for action in (f"{prefix}:{name}" for name in service.actions)
    )


def _may_name(actions: Iterable[str], prefix: str, *, inverted: bool) -> bool:
    """Whether an action element may match an action of a service, as far as vendors tell."""
    if inverted:
        return not any(action.lower() in _EVERYTHING | {f"{prefix}:*"} for action in actions)
    return any(action in _EVERYTHING or action.partition(":")[0].lower() == prefix for action in actions)
