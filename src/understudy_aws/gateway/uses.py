"""Who uses a resource: what refers to it, directly and through others, and what must go before it can be deleted.

It is derived from the references of all kinds of record (`gateway/references.py`). Records are found by indexes, and of
a long list as many are looked at as are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple

from understudy_aws.core.arn import kind_of, parse
from understudy_aws.gateway.references import Reference
from understudy_aws.gateway.service import RecordKind, ResourceKind
from understudy_aws.store.database import Transaction

# A chain of groups that refer to each other may be long, and nobody reads one that is.
_DEEPEST = 12
# How many resources are told that may be meant, and how many of each kind are compared for it.
_MOST_LIKE = 3
# Of many that go with other resources so many are looked at, for the steps that end those.
_MOST_OWNED = 1000
_MOST_COMPARED = 500


class Resource(NamedTuple):
    """A record with its kind and the prefix of its service. `record` is None for one that is not here (AWS's own)."""

    service: str
    kind: RecordKind[Any] | None
    record: Any
    identifier: str

    def refers_to(self) -> list[str]:
        """Return the identifiers of all that its record refers to."""
        references = self.kind.references if self.kind is not None else ()
        return [id for reference in references for id in reference.identifiers(self.record)]

    def described(self) -> dict[str, Any]:
        """Return what tells the resource: id, ARN, kind, account, Region, name and tags."""
        if self.kind is None:
            arn = parse(self.identifier)
            kind = f"{arn.service}:{arn.resource.partition('/')[0]}" if arn is not None else ""
            return {"id": self.identifier, "arn": self.identifier if arn else "", "kind": kind}
        record = self.record
        # A record that stands for a resource of another table is known by that one's ARN.
        arn_text = self.identifier if self.identifier.startswith("arn:") else ""
        if isinstance(self.kind, ResourceKind):
            arn_text = self.kind.target(record).resource
        tags = dict(getattr(record, "tags", ()))
        shown = {
            "id": arn_text if self.identifier.startswith("arn:") else self.identifier,
            "arn": arn_text,
            "kind": f"{self.service}:{self.kind.name}",
            "account": getattr(record, "account", ""),
            "region": getattr(record, "region", ""),
            "name": getattr(record, "name", "") or tags.get("Name", ""),
            "tags": tags,
        }
        return {name: value for name, value in shown.items() if value or name in {"id", "arn", "kind"}}


class Group(NamedTuple):
    """The resources that stand in one relation to another: the first of them, and how many there are.

    `holds`: while they do, AWS refuses to delete the other. `outward`: the other one's record is what says it.
    """

    service: str
    kind: RecordKind[Any] | None
    reference: Reference[Any]
    holds: bool
    outward: bool
    first: Sequence[Resource]
    total: int

    @property
    def ended_by(self) -> str:
        """The operation that ends the relation without deleting anything; empty where there is none."""
        return f"{self.service}:{self.reference.ended_by}" if self.reference.ended_by else ""


class Uses:
    """Answers what refers to resources. `kinds` are the kinds of record of each service, by its prefix."""

    def __init__(self, kinds: Iterable[tuple[str, RecordKind[Any]]]) -> None:
        self._kinds = tuple(kinds)

    def find(self, tx: Transaction, text: str) -> Resource | None:
        """Return the resource of an ARN or of an identifier, in whatever account and Region, or None."""
        arn = parse(text)
        for service, kind in self._kinds:
            record = None
            if arn is None:
                record = kind.by_identifier(tx, text)
            elif service == arn.service and isinstance(kind, ResourceKind):
                word = kind_of(arn.resource)
                record = kind.find(tx, arn) if word == kind.name else None
                record = record if record is not None else kind.by_identifier(tx, text)
            if record is not None:
                return Resource(service, kind, record, kind.identifier_of(record))
        return None

    def like(self, tx: Transaction, text: str) -> list[Resource]:
        """Return resources that may be meant by a text that names none: of such a name, id or beginning of an id."""
        wanted = text.rpartition("/")[2].rpartition(":")[2].lower()
        begun, alike = [], []
        for service, kind in self._kinds:
            # A security group rule is a part of its group's record.
            if not isinstance(kind, ResourceKind) or not kind.deleted_by:
                continue
            for record in _records_like(tx, kind, wanted):
                found = Resource(service, kind, record, kind.identifier_of(record))
                shown = found.described()
                words = {shown["id"].rpartition("/")[2].lower(), shown.get("name", "").lower()} - {""}
                if wanted in words or any(word.startswith(wanted) for word in words):
                    begun.append(found)
                elif get_close_matches(wanted, words, 1, 0.8):
                    alike.append(found)
        found_once = {each.identifier: each for each in [*begun, *alike]}
        return list(found_once.values())[:_MOST_LIKE]

    def may_be_refused(self, service: str, operation: str) -> bool:
        """Return whether AWS refuses this operation because of what uses the resource that it is about."""
        return any(
            prefix == service
            and (kind.deleted_by == operation or any(each.refuses == operation for each in kind.references))
            for prefix, kind in self._kinds
        )

    def at_refusal(
        self, tx: Transaction, operation: str, identifiers: Iterable[str], *, most: int, most_nodes: int
    ) -> dict[str, Any]:
        """Return the tree, with its `steps`, of the resource because of whose users an operation is refused.

        It is the first of those named that something keeps; {} if none is.
        """
        for identifier in identifiers:
            resource = self.find(tx, identifier)
            if resource is None or resource.kind is None:
                continue
            groups = self.groups(tx, resource, 1)
            if any(group.reference.refuses == operation for group in groups):
                steps = _Steps(self, tx, most).before(resource, operation)
            elif resource.kind.deleted_by == operation and any(group.holds for group in groups):
                steps = self.steps(tx, resource, most=most)
            else:
                continue
            return {**self.tree(tx, resource, most=most, most_nodes=most_nodes), "steps": steps}
        return {}

    def groups(self, tx: Transaction, resource: Resource, most: int) -> list[Group]:
        """Return what refers to a resource and what it is held by: what holds it first, then by kind."""
        found = [*self._inward(tx, resource, most), *self._outward(tx, resource, most)]
        return sorted(found, key=lambda group: not group.holds)

    def tree(self, tx: Transaction, resource: Resource, *, most: int, most_nodes: int) -> dict[str, Any]:
        """Return a resource with all that uses it, as JSON values: at most `most` of a list, and `most_nodes` in all.

        What is left out is counted under `more`. What stands in several places is unfolded in one of them; it is
        `repeated` in the others.
        """
        return _Tree(self, tx, most, most_nodes).of(resource)

    def steps(self, tx: Transaction, resource: Resource, *, most: int) -> list[dict[str, Any]]:
        """Return what must be done, in order, before AWS deletes a resource: operations, each with its `resources`.

        An operation that ends a relation has the other side of it under `with`, and one whose resources are too many
        to be named the number of those left out under `more`.

        The resource's own deletion is the last one, unless it goes with another one that is deleted.
        """
        return _Steps(self, tx, most).of(resource)

    def owner(self, tx: Transaction, resource: Resource) -> Resource | None:
        """Return for what a resource was made, with which it goes: the NAT gateway of an interface."""
        for group in self._inward(tx, resource, 1, owning=True):
            return group.first[0]
        for reference in resource.kind.references if resource.kind is not None else ():
            if reference.goes_with:
                return self.known(tx, reference.identifiers(resource.record)[0])
        return None

    def _inward(
        self, tx: Transaction, resource: Resource, most: int, *, owning: bool = False
    ) -> Iterator[Group]:
        """Yield what has a record that refers to a resource."""
        for service, kind in self._kinds:
            for reference in kind.references:
                if reference.implied or (owning and not reference.owns):
                    continue
                for holds, records, count in _referring(tx, kind, reference, resource.identifier, most):
                    first = [Resource(service, kind, each, kind.identifier_of(each)) for each in records]
                    yield Group(service, kind, reference, holds, False, first, count)

    def _outward(self, tx: Transaction, resource: Resource, most: int) -> Iterator[Group]:
        """Yield what a resource's own record says that it is held by."""
        for reference in resource.kind.references if resource.kind is not None else ():
            if reference.held_of(resource.record):
                ids = reference.identifiers(resource.record)
                first = [self.known(tx, each) for each in ids[:most]]
                if first:
                    yield Group(resource.service, first[0].kind, reference, True, True, first, len(ids))

    def shown_beneath(self, tx: Transaction, resource: Resource) -> Iterator[Group]:
        """Yield what a resource works by, which does not use it."""
        for reference in resource.kind.references if resource.kind is not None else ():
            first = [self.known(tx, each) for each in reference.identifiers(resource.record)]
            if reference.shown and first:
                yield Group(resource.service, first[0].kind, reference, False, True, first, len(first))

    def known(self, tx: Transaction, identifier: str) -> Resource:
        """Return the resource of an identifier, or what stands for one that is not here."""
        return self.find(tx, identifier) or Resource("", None, None, identifier)


def _referring(
    tx: Transaction, kind: RecordKind[Any], reference: Reference[Any], identifier: str, most: int
) -> Iterator[tuple[bool, Sequence[Any], int]]:
    """Yield the records that refer to an identifier, first those that hold it: some of them, and how many there are."""
    if reference.index:
        value = identifier if reference.key is None else reference.key(identifier)
        count = kind.table.count_where(tx, reference.index, value)
        alone = sum(each.index == reference.index for each in kind.references) == 1
        if not count:
            return
        if alone and not callable(reference.holds):
            # All that the index finds refer to it in this way: of a long list the first are enough.
            yield reference.holds, kind.table.first_where(tx, reference.index, value, most), count
            return
        records: Iterable[Any] = kind.table.where(tx, reference.index, value)
    else:
        records = kind.table.scan(tx)
    referring = [record for record in records if identifier in reference.identifiers(record)]
    for holds in (True, False):
        found = [record for record in referring if reference.holds_of(record) is holds]
        if found:
            yield holds, found[:most], len(found)


def _records_like(tx: Transaction, kind: ResourceKind[Any], text: str) -> Iterator[Any]:
    """Yield the records whose last part of the key begins with a text, and of the others a bounded number."""
    records = kind.table.scan(tx)
    first = next(records, None)
    if first is None:
        return
    yield first
    yield from islice(records, _MOST_COMPARED)
    for place in list(kind.table.heads(tx, len(kind.table.key(first)) - 1)) if text else ():
        yield from islice(kind.table.scan(tx, *place, after=(*place, text)), 1)


class _Tree:
    """Makes one tree. Each resource is unfolded once, as near to the root as it stands."""

    def __init__(self, uses: Uses, tx: Transaction, most: int, most_nodes: int) -> None:
        self._uses = uses
        self._tx = tx
        self._most = most
        self._left = most_nodes
        self._seen: set[str] = set()

    def of(self, resource: Resource) -> dict[str, Any]:
        self._seen.add(resource.identifier)
        groups = self._uses.groups(self._tx, resource, self._most)
        return {
            **resource.described(),
            "holders": sum(group.total for group in groups if group.holds),
            **self._unfolded(groups, (resource,)),
        }

    def _unfolded(self, groups: Sequence[Group], path: tuple[Resource, ...]) -> dict[str, Any]:
        """Return what stands below the last resource of a path from the root."""
        above = {each.identifier for each in path}
        entries: list[dict[str, Any]] = []
        more: list[dict[str, Any]] = []
        # What holds it comes first; what does not is told where it stands first, and only there.
        for holds in (True, False):
            shown: list[tuple[Group, Resource, bool]] = []
            for group in (each for each in groups if each.holds is holds):
                taken = list(group.first[: max(0, self._left)])
                self._left -= len(taken)
                # Two that hold each other are not shown below each other.
                shown += [(group, each, self._is_new(each)) for each in taken if each.identifier not in above]
                if group.total > len(taken):
                    kind = f"{group.service}:{group.kind.name}" if group.kind is not None else ""
                    more.append({**_relation(group), "kind": kind, "count": group.total - len(taken)})
            entries += [self._entry(group, each, new, path) for group, each, new in shown if holds or new]
        if len(path) > 1:
            entries += [
                {**_relation(group), **each.described()}
                for group in self._uses.shown_beneath(self._tx, path[-1])
                for each in group.first
                if each.identifier not in above
            ]
        return {**({"used_by": entries} if entries else {}), **({"more": more} if more else {})}

    def _is_new(self, resource: Resource) -> bool:
        new = resource.identifier not in self._seen
        self._seen.add(resource.identifier)
        return new

    def _entry(
        self, group: Group, resource: Resource, new: bool, path: tuple[Resource, ...]
    ) -> dict[str, Any]:
        entry = {**_relation(group), **resource.described()}
        if group.outward:
            # It is not used by what uses its holder, but for what the holder was made for.
            owner = self._uses.owner(self._tx, resource)
            groups = [
                each
                for each in self._uses.groups(self._tx, resource, self._most)
                if owner is not None and each.reference.owns and not each.outward
            ]
        else:
            groups = self._uses.groups(self._tx, resource, self._most)
        if not new:
            return {**entry, "repeated": True} if groups else entry
        if len(path) >= _DEEPEST:
            return {**entry, "deeper": True} if groups else entry
        return {**entry, **self._unfolded(groups, (*path, resource))}


def _relation(group: Group) -> dict[str, Any]:
    """Return how the entries of a group stand to what is above them, as JSON values."""
    shown: dict[str, Any] = {"relation": group.reference.relation, "holds": group.holds}
    if group.outward:
        shown["outward"] = True
    if group.ended_by:
        shown["ended_by"] = group.ended_by
    return shown


class _Steps:
    """Makes the list of what must be done before a resource can be deleted."""

    def __init__(self, uses: Uses, tx: Transaction, most: int) -> None:
        self._uses = uses
        self._tx = tx
        self._most = most
        self._steps: list[dict[str, Any]] = []
        self._done: set[str] = set()

    def of(self, resource: Resource) -> list[dict[str, Any]]:
        self._delete(resource, 0)
        return self._steps

    def _delete(self, resource: Resource, depth: int) -> None:
        """Add the steps up to a resource's own deletion, or to that of what it goes with."""
        if resource.kind is None:
            return
        # A service's use of a resource is known by the service's own ARN, so its owner comes first.
        owner = self._uses.owner(self._tx, resource)
        if owner is not None:
            self._delete(owner, depth)
            self._done.add(resource.identifier)
            return
        if resource.identifier in self._done:
            return
        self._done.add(resource.identifier)
        groups = self._uses.groups(self._tx, resource, self._most) if depth < _DEEPEST else []
        # What is only let go is let go last: what is deleted before may have held it there.
        for group in sorted(groups, key=lambda each: bool(each.ended_by)):
            if not group.holds:
                continue
            if group.outward and not group.ended_by and not group.reference.holds_of(resource.record):
                # It goes with what it is held by: a VPC's main route table with the VPC.
                self._delete(group.first[0], depth + 1)
                return
            members = self._members(group, resource)
            for each in members:
                self._end(group, each, resource, depth)
            if group.total > len(members):
                self._fold(group)
        if ending := _ending(resource):
            self._add(ending, resource)

    def before(self, resource: Resource, operation: str) -> list[dict[str, Any]]:
        """Return the steps before another operation than the resource's deletion."""
        self._let_go(resource, operation, 0)
        return self._steps

    def _members(self, group: Group, resource: Resource) -> Sequence[Resource]:
        """Return those of a group that steps are made for: the first, or more where each goes with another resource.

        Of interfaces that were made for services, the first may all be of one service.
        """
        if group.total == len(group.first) or None in (
            self._uses.owner(self._tx, each) for each in group.first
        ):
            return group.first
        wider = self._uses.groups(self._tx, resource, _MOST_OWNED)
        same = (each for each in wider if (each.kind, each.reference) == (group.kind, group.reference))
        return next(each.first for each in same if each.holds == group.holds)

    def _end(self, group: Group, each: Resource, resource: Resource, depth: int) -> None:
        """Add the steps after which one of a group does not use the resource any more."""
        owner = self._uses.owner(self._tx, each)
        if owner is not None or not group.ended_by:
            self._delete(owner or each, depth + 1)
            self._done.add(each.identifier)
        elif each.identifier not in self._done:
            self._let_go(resource, group.reference.ended_by, depth)
            self._add(group.ended_by, each, resource)

    def _let_go(self, resource: Resource, operation: str, depth: int) -> None:
        """Add the steps that end what keeps AWS from carrying out an operation on a resource."""
        for group in self._uses.groups(self._tx, resource, self._most):
            if group.reference.refuses != operation:
                continue
            for each in group.first:
                others = each.refers_to()
                if self._done.isdisjoint(others):
                    owners = [self._uses.owner(self._tx, self._uses.known(self._tx, id)) for id in others]
                    owner = next(filter(None, owners), None)
                    if owner is not None:
                        self._delete(owner, depth + 1)
                    else:
                        self._add(group.ended_by, each)

    def _add(self, operation: str, resource: Resource, other: Resource | None = None) -> None:
        """Add a step; one that does the same to another resource just before it becomes one with it."""
        step = {"operation": operation, **({"with": other.described()["id"]} if other is not None else {})}
        last = self._steps[-1] if self._steps else {}
        if {name: last.get(name) for name in ("operation", "with")} == {
            "with": None,
            **step,
        } and "more" not in last:
            last["resources"].append(resource.described()["id"])
        else:
            self._steps.append({**step, "resources": [resource.described()["id"]]})

    def _fold(self, group: Group) -> None:
        """Count those of a long list that are not named, in the step of those that are."""
        wanted = group.ended_by or (
            f"{group.service}:{group.kind.deleted_by}" if group.kind is not None else ""
        )
        for step in reversed(self._steps):
            if step["operation"] == wanted:
                step["more"] = step.get("more", 0) + group.total - len(group.first)
                return


def _ending(resource: Resource) -> str:
    """Return what ends a resource: an operation with the prefix of its service, or what a person does; "" for none."""
    assert resource.kind is not None, "it is known"
    deletion = _deletion(resource)
    return f"{resource.service}:{deletion}" if deletion else resource.kind.ended_by_hand


def _deletion(resource: Resource) -> str:
    """Return the operation that deletes a resource: a service-linked role has one of its own."""
    assert resource.kind is not None, "it is known"
    if resource.kind.deleted_by == "DeleteRole" and resource.record.linked_service:
        return "DeleteServiceLinkedRole"
    return resource.kind.deleted_by
