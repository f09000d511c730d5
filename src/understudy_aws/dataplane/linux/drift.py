"""Whether namespaces hold what is wanted, found by reading only those that are not as when that was last so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from understudy_aws.dataplane.linux.objects import (
    Chain,
    Element,
    FilterSet,
    IdleTimeout,
    Namespace,
    Object,
    place_of,
)
from understudy_aws.dataplane.linux.observing import Look, Sockets, filter_objects

Wanted = Callable[[Collection[str]], Iterable[Object]]
_OF_THE_FILTER = (FilterSet, Chain, Element, IdleTimeout)


class Glance(msgspec.Struct, frozen=True):
    """What was read of a namespace: nothing but the look, unless it is not as it was. `look` is None of none."""

    name: str
    look: Look | None
    objects: frozenset[Object] = frozenset()
    plumbing: bool = True
    filter: bool = True

    @property
    def is_as_it_was(self) -> bool:
        """Whether nothing had to be read."""
        return self.look is not None and not self.plumbing and not self.filter


class Confirmed:
    """What namespaces looked like when they were found to hold what is wanted."""

    def __init__(self) -> None:
        self._plumbing: dict[str, bytes] = {}
        self._filters: dict[str, int] = {}

    def forget(self, name: str) -> None:
        """Forget a namespace, whose links, addresses, routes and filters may be changed now."""
        self._plumbing.pop(name, None)
        self._filters.pop(name, None)

    def forget_plumbing(self, name: str) -> None:
        """Forget the links, addresses and routes of a namespace."""
        self._plumbing.pop(name, None)

    def filter_changed(self, name: str, before: int, after: int, commits: int) -> None:
        """Take in a change of a filter that was asked for: if nobody else made one, it is as wanted if it was so."""
        if self._filters.get(name) == before and after == before + commits:
            self._filters[name] = after
        else:
            self._filters.pop(name, None)

    def glance(self, name: str, sockets: Sockets) -> Glance:
        """Look at a namespace, and read what is not as it was."""
        look = Look(sockets)
        plumbing = self._plumbing.get(name) != look.plumbing
        filters = self._filters.get(name) != look.filter
        objects: set[Object] = set(look.objects(name)) if plumbing else set()
        if filters:
            objects.update(filter_objects(name, sockets.filter))
        return Glance(name, look, frozenset(objects), plumbing, filters)

    def agreeing(self, glances: Sequence[Glance], wanted: Wanted) -> list[str]:
        """Return the namespaces that hold what is wanted there and nothing else; they are remembered."""
        read = {each.name: each for each in glances if not each.is_as_it_was}
        expected: dict[str, set[Object]] = {name: set() for name in read}
        for each in wanted(read) if read else ():
            expected[place_of(each)].add(each)
        return [
            each.name for each in glances if each.name not in read or self._agrees(each, expected[each.name])
        ]

    def _agrees(self, glance: Glance, wanted: set[Object]) -> bool:
        look = glance.look
        if look is None or Namespace(glance.name, router=False) not in wanted:
            return look is None and not wanted
        expected = {each for each in wanted if self._was_read(each, glance)}
        if glance.objects != expected:
            return False
        self._plumbing[glance.name] = look.plumbing
        self._filters[glance.name] = look.filter
        return True

    @staticmethod
    def _was_read(object: Object, glance: Glance) -> bool:
        if isinstance(object, Namespace):
            return False
        return glance.filter if isinstance(object, _OF_THE_FILTER) else glance.plumbing
