"""What changed from one wanted network to the next, as a value that is small however large the network is.

Nothing here knows what a VPC has: a field that is a collection of values with ids changes by id, every other one as a
whole. A collection has its values in the order of their ids; one that has not is told as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.wanted import Network, Value, Vpc

V = TypeVar("V", Vpc, Network)

_id = attrgetter("id")
_VPCS = "vpcs"


class VpcDelta(Value, frozen=True, kw_only=True):
    """How a VPC changed.

    `put` is a VPC of its id. Its collections hold the values that are new or different, and of its other fields those
    count that `replaced` names. `gone` are the ids of values that are no more, by field.
    """

    put: Vpc
    replaced: tuple[str, ...] = ()
    gone: Mapping[str, tuple[str, ...]] = {}


class NetworkDelta(Value, frozen=True, kw_only=True):
    """How a network changed; as in `VpcDelta`. `vpcs` are those that were there before and are different."""

    put: Network = Network()
    replaced: tuple[str, ...] = ()
    gone: Mapping[str, tuple[str, ...]] = {}
    vpcs: tuple[VpcDelta, ...] = ()


def delta_of(before: Network, after: Network) -> NetworkDelta:
    """Return what makes one network of another; values that are the same object are not looked at."""
    put, replaced, gone = _changes(before, after)
    known = _by_id(before.vpcs)
    new, changed = [], []
    for vpc in put.get(_VPCS, ()) if _VPCS not in replaced else ():
        if vpc.id in known:
            parts, whole, away = _changes(known[vpc.id], vpc)
            changed.append(
                VpcDelta(put=Vpc(**{"id": vpc.id, "cidrs": vpc.cidrs, **parts}), replaced=whole, gone=away)
            )
        else:
            new.append(vpc)
    if _VPCS not in replaced:
        put[_VPCS] = tuple(new)
    return NetworkDelta(put=Network(**put), replaced=replaced, gone=gone, vpcs=tuple(changed))


def with_delta(network: Network, delta: NetworkDelta) -> Network:
    """Return the network that a delta leads to. Raises LookupError for the delta of another network."""
    vpcs = _by_id(network.vpcs)
    changed = tuple(_applied(vpcs[each.put.id], each.put, each.replaced, each.gone) for each in delta.vpcs)
    if changed:
        network = replace(network, vpcs=_merged(network.vpcs, changed, ()))
    return _applied(network, delta.put, delta.replaced, delta.gone)


def _changes(before: V, after: V) -> tuple[dict[str, Any], tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the values that are new or different, the fields to be replaced, and the ids that are gone."""
    put: dict[str, Any] = {}
    replaced: list[str] = []
    gone: dict[str, tuple[str, ...]] = {}
    collections = _collections(type(after))
    for field in after.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if old is new:
            continue
        if field in collections and _is_in_order(new):
            known = _by_id(old)
            different = tuple(each for each in new if not _is_same(known.pop(each.id, None), each))
            if different:
                put[field] = different
            if known:
                gone[field] = tuple(known)
        elif old != new:
            put[field] = new
            replaced.append(field)
    return put, tuple(replaced), gone


def _applied(value: V, put: V, replaced: Iterable[str], gone: Mapping[str, tuple[str, ...]]) -> V:
    fields = {field: _field(put, field) for field in replaced}
    for field in _collections(type(value)).difference(fields):
        new, away = getattr(put, field), gone.get(field, ())
        if new or away:
            fields[field] = _merged(getattr(value, field), new, away)
    return replace(value, **fields) if fields else value


def _field(value: V, name: str) -> Any:
    if name not in value.__struct_fields__:
        raise LookupError(f"A {type(value).__name__} has no {name}.")
    return getattr(value, name)


def _merged(values: Sequence[Any], put: Iterable[Any], gone: Iterable[str]) -> tuple[Any, ...]:
    merged = _by_id(values)
    for id in gone:
        del merged[id]
    merged.update(_by_id(put))
    return tuple(sorted(merged.values(), key=_id))


def _by_id(values: Iterable[Any]) -> dict[str, Any]:
    return {each.id: each for each in values}


def _is_same(old: Any, new: Any) -> bool:
    return old is new or bool(old == new)


def _is_in_order(values: Sequence[Any]) -> bool:
    """Whether values are in the order of their ids, of which none appears twice."""
    return all(first < second for first, second in pairwise(map(_id, values)))


@cache
def _collections(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of a kind of value that are collections of values with ids."""
    return frozenset(
        field.name
        for field in msgspec.structs.fields(kind)
        for element in get_args(field.type)[:1]
        if isinstance(element, type) and "id" in getattr(element, "__struct_fields__", ())
    )
