"""From what the kernel has to what is wanted: the steps, in an order that never lets an unfiltered packet pass.

Pure: `plan` reads two sets of objects and returns steps. Filters come before the links they filter and go after them; a
change of a filter is one transaction of its namespace. What is the same in both sets is not touched, so an interface
that stays keeps its link, its addresses and its routes throughout.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.linux.objects import (
    Address,
    Chain,
    Element,
    FilterSet,
    IdleTimeout,
    Key,
    MarkRule,
    Namespace,
    Object,
    Route,
    Setting,
    Veth,
)

Plumbing: TypeAlias = Veth | Address | Route | MarkRule


class CreateNamespace(msgspec.Struct, frozen=True):
    """Make a namespace, or leave the one there is."""

    namespace: Namespace


class DeleteNamespace(msgspec.Struct, frozen=True):
    """Give a namespace up, with everything in it."""

    namespace: Namespace


class ChangeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Change the filter of a namespace in one transaction, in the order of the fields.

    `emptied` chains lose their rules; `chains` get all their rules anew; `removed_chains` are among the emptied ones.
    """

    namespace: str
    removed_elements: tuple[Element, ...] = ()
    emptied: tuple[Chain, ...] = ()
    sets: tuple[FilterSet, ...] = ()
    timeouts: tuple[IdleTimeout, ...] = ()
    chains: tuple[Chain, ...] = ()
    elements: tuple[Element, ...] = ()
    removed_chains: tuple[Chain, ...] = ()
    removed_sets: tuple[FilterSet, ...] = ()
    removed_timeouts: tuple[IdleTimeout, ...] = ()


class Make(msgspec.Struct, frozen=True):
    """Make a link, an address, a route or a rule, or leave it when it is there."""

    object: Plumbing


class Replace(msgspec.Struct, frozen=True):
    """Put a route in the place of another with the same destination, at once."""

    object: Route


class Remove(msgspec.Struct, frozen=True):
    """Take a link, an address, a route or a rule away, or do nothing when it is not there."""

    object: Plumbing


class Restore(msgspec.Struct, frozen=True):
    """Set a setting to what it is kept at."""

    object: Setting


Step: TypeAlias = CreateNamespace | DeleteNamespace | ChangeFilter | Make | Replace | Remove | Restore

_PLUMBING_ORDER: tuple[type[Veth | Address | Route | MarkRule], ...] = (Veth, Address, Route, MarkRule)


def plan(observed: AbstractSet[Object], wanted: AbstractSet[Object]) -> list[Step]:
    """Return the steps from the observed network to the wanted one; none when they are equal."""
    missing, surplus = wanted - observed, observed - wanted
    gone = {each.name for each in surplus if isinstance(each, Namespace)}
    # What stands in a namespace that goes, goes with it. Links to it from elsewhere are taken away: a process that has
    # outlived its program may keep the namespace, and must not keep the way out of it.
    surplus = {each for each in surplus if not _stands_in(each, gone)}
    # Also of routes that go with their link: they may still be there when their successors are made.
    former = {each.key for each in surplus if isinstance(each, Route)}
    links = _links_made_anew(missing, surplus)
    missing, surplus = _with_what_hangs_on(links, observed, wanted, missing, surplus)
    made, removed = _sorted(missing), _sorted(surplus)
    return [
        *(CreateNamespace(each) for each in made if isinstance(each, Namespace)),
        *_filter_changes(made, removed),
        # That of a link follows that of all links, which sets it too.
        *(Restore(each) for each in removed if isinstance(each, Setting)),
        *_plumbing(made, removed, former),
        *(DeleteNamespace(each) for each in removed if isinstance(each, Namespace)),
    ]


def _stands_in(object: Object, namespaces: AbstractSet[str]) -> bool:
    return not isinstance(object, Namespace) and object.namespace in namespaces


def _links_made_anew(missing: AbstractSet[Object], surplus: AbstractSet[Object]) -> set[tuple[str, str]]:
    """Return the ends of links that are made, as namespace and name: what hung on them before is gone."""
    ends: set[tuple[str, str]] = set()
    for each in missing:
        if isinstance(each, Veth):
            ends |= {(each.namespace, each.name), (each.peer_namespace, each.peer)}
    for each in surplus:
        if isinstance(each, Veth):
            ends |= {(each.namespace, each.name), (each.peer_namespace, each.peer)}
    return ends


def _with_what_hangs_on(
    ends: AbstractSet[tuple[str, str]],
    observed: AbstractSet[Object],
    wanted: AbstractSet[Object],
    missing: AbstractSet[Object],
    surplus: AbstractSet[Object],
) -> tuple[set[Object], set[Object]]:
    """Add the addresses and routes of links that are made anew, and leave out those that go with their link."""
    if not ends:
        return set(missing), set(surplus)

    def hangs(each: Object) -> bool:
        return isinstance(each, Address | Route) and (each.namespace, each.link) in ends

    again = {each for each in wanted if hangs(each) and each in observed}
    return set(missing) | again, {each for each in surplus if not hangs(each)}


def _filter_changes(missing: Sequence[Object], surplus: Sequence[Object]) -> Iterator[ChangeFilter]:
    made: dict[str, list[Object]] = defaultdict(list)
    removed: dict[str, list[Object]] = defaultdict(list)
    for objects, by_namespace in ((missing, made), (surplus, removed)):
        for each in objects:
            if isinstance(each, FilterSet | Chain | Element | IdleTimeout):
                by_namespace[each.namespace].append(each)
    for namespace in sorted(made.keys() | removed.keys()):
        yield _filter_change(namespace, made[namespace], removed[namespace])


def _filter_change(namespace: str, made: Sequence[Object], removed: Sequence[Object]) -> ChangeFilter:
    chains = {each.name for each in made if isinstance(each, Chain)}
    sets = {each.name for each in removed if isinstance(each, FilterSet)}
    return ChangeFilter(
        namespace=namespace,
        # The elements of a set that goes, go with it.
        removed_elements=tuple(
            each for each in removed if isinstance(each, Element) and each.set not in sets
        ),
        emptied=tuple(each for each in removed if isinstance(each, Chain)),
        sets=tuple(each for each in made if isinstance(each, FilterSet)),
        timeouts=tuple(each for each in made if isinstance(each, IdleTimeout)),
        chains=tuple(each for each in made if isinstance(each, Chain)),
        elements=tuple(each for each in made if isinstance(each, Element)),
        removed_chains=tuple(each for each in removed if isinstance(each, Chain) and each.name not in chains),
        removed_sets=tuple(each for each in removed if isinstance(each, FilterSet)),
        removed_timeouts=tuple(each for each in removed if isinstance(each, IdleTimeout)),
    )


def _plumbing(
    missing: Sequence[Object], surplus: Sequence[Object], former: AbstractSet[Key]
) -> Iterator[Step]:
    replaced = {each.key for each in missing if isinstance(each, Route)} & former
    remade = {each.key for each in missing if isinstance(each, Veth)} & {
        each.key for each in surplus if isinstance(each, Veth)
    }
    # A link that changed goes before its successor, which has its name, is made.
    for each in surplus:
        if isinstance(each, Veth) and each.key in remade:
            yield Remove(each)
    for kind in _PLUMBING_ORDER:
        for each in missing:
            if isinstance(each, kind):
                if isinstance(each, Route) and each.key in replaced:
                    yield Replace(each)
                else:
                    yield Make(each)
    for kind in reversed(_PLUMBING_ORDER):
        for each in surplus:
            if isinstance(each, kind) and each.key not in replaced and each.key not in remade:
                yield Remove(each)


def _sorted(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=lambda each: str(each.key))
