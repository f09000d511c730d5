"""What a service is: one description, from which everything that must know the services is derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pkgutil import resolve_name, walk_packages
from types import ModuleType
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from understudy_aws.core.arn import Arn, kind_of, parse
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.operations import Operation, operations_in
from understudy_aws.gateway.references import References
from understudy_aws.gateway.role_passing import RoleLookup, RolePassing, passings_by_operation
from understudy_aws.gateway.role_usage import RoleUsage
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table
from understudy_aws.wire.json_values import LARGEST_JSON

R = TypeVar("R")


class RecordKind(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """One kind of record that may refer to resources.

    name        the word for the kind
    table       where its records are kept
    references  what a record refers to; `NO_REFERENCES` for a kind whose records refer to nothing
    deleted_by  the operation that deletes one; empty where no operation does
    ended_by_hand  what a person does to end one, in words, where no operation does it
    identifier  by what other records and people refer to one, unless it is an ARN
    identified  the record of an identifier, in whatever account and Region, or None. Given with `identifier`
    """

    name: str
    table: Table[Any]
    references: References
    deleted_by: str
    identifier: Callable[[R], str] | None = None
    identified: Callable[[Transaction, str], R | None] | None = None
    ended_by_hand: str = ""

    def identifier_of(self, record: R) -> str:
        """Return by what other records refer to this one."""
        assert self.identifier is not None, "only a resource has an ARN in its place"
        return self.identifier(record)

    def by_identifier(self, tx: Transaction, identifier: str) -> R | None:
        """Return the record of an identifier, in whatever account and Region, or None."""
        return self.identified(tx, identifier) if self.identified is not None else None


class ResourceKind(RecordKind[R], frozen=True, kw_only=True):
    """One kind of resource that has an ARN; its `name` is the word for it there: `vpc` in `arn:aws:ec2:…:vpc/vpc-1`.

    find    the record an ARN names, or None
    target  its ARN and the condition keys that policies see of it
    named   the record an account has under a name, where ARNs hold more than the name; None for kinds without such
    """

    find: Callable[[Transaction, Arn], R | None]
    target: Callable[[R], Target]
    named: Callable[[Transaction, str, str], R | None] | None = None

    def identifier_of(self, record: R) -> str:
        """Return by what other records refer to this one."""
        return self.target(record).resource if self.identifier is None else self.identifier(record)

    def by_identifier(self, tx: Transaction, identifier: str) -> R | None:
        """Return the record of an identifier, in whatever account and Region, or None."""
        if self.identified is not None:
            return self.identified(tx, identifier)
        arn = parse(identifier)
        return self.find(tx, arn) if arn is not None else None


class TaggedKind(ResourceKind[R], frozen=True, kw_only=True):
    """A kind that the tagging operations of its service, which are the same for all kinds, take.

    tags      the tags of a record, by key
    set_tags  replaces all tags of a record
    """

    tags: Callable[[R], Mapping[str, str]]
    set_tags: Callable[[Transaction, R, Mapping[str, str]], None]


class Service(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One AWS service, described in the `__init__.py` of its folder as `SERVICE`.

    The description imports nothing else of its folder, so that starting costs no more than what is used: what is in
    other modules of the folder is named `module:name` and imported when first needed. `tests/tidy/test_services.py`
    looks every name up.

    id         the name of the service in botocore's API descriptions; its folder is called the same
    principal  its service principal, as policies see it when the service calls another (`aws:CalledVia`)
    prefix     what IAM calls it in actions and ARNs, and requests to it are signed for
    protocol   how it is called: `query`, `ec2`, `json` or `rest-json`
    target     of a `json` service: what the header X-Amz-Target begins with
    largest_body  of a `json` service: the most bytes of a request
    package    the folder, as a package: `__name__`
    resources  `module:name` of the sequence of its `ResourceKind`s; empty for a service without resources
    parts      `module:name` of the `RecordKind`s without ARN that hold resources, as access keys hold their user
    usage      by principal with a service-linked role served here: `module:name` of its `RoleUsage`
    passes     the members by which requests hand a role to a service
    roles      of the service that keeps roles: `module:name` of the `RoleLookup`
    words      `module:name` of what says how refusals name a resource of an operation's own action; "" for its ARN
    keeps_tokens  its operations know repeated client tokens by themselves, as ids of what they made
    """

    id: str
    principal: str
    prefix: str
    protocol: str
    package: str
    target: str = ""
    largest_body: int = LARGEST_JSON
    resources: str = ""
    parts: str = ""
    usage: Mapping[str, str] = msgspec.field(default_factory=dict)
    passes: tuple[RolePassing, ...] = ()
    roles: str = ""
    words: str = ""
    keeps_tokens: bool = False

    def modules(self) -> Sequence[ModuleType]:
        """Every module of the folder and of the folders in it, imported."""
        path = import_module(self.package).__path__
        return [import_module(found.name) for found in walk_packages(path, f"{self.package}.")]

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """The operations served, by name: whatever the modules of the folder declare.

        Raises LookupError for one that is declared twice, or with the prefix of another service.
        """
        served: dict[str, Operation] = {}
        for operation in operations_in(self.modules()):
            prefix, _, name = operation.action.partition(":")
            if prefix != self.prefix:
                raise LookupError(f"{operation.action} is declared in the folder of {self.id}.")
            if name in served:
                raise LookupError(f"{operation.action} is declared twice.")
            served[name] = replace(
                operation,
                service=self.id,
                passes_roles=name in self.passings,
                keeps_tokens=self.keeps_tokens,
            )
        return served

    @cached_property
    def resource_kinds(self) -> Mapping[str, ResourceKind[Any]]:
        """The kinds of resource, by their word in ARNs."""
        kinds: Sequence[ResourceKind[Any]] = self._lookup(self.resources) if self.resources else ()
        return {kind.name: kind for kind in kinds}

    @cached_property
    def record_kinds(self) -> Sequence[RecordKind[Any]]:
        """The kinds of record that may refer to resources: the kinds of resource, and the others."""
        others: Sequence[RecordKind[Any]] = self._lookup(self.parts) if self.parts else ()
        return (*self.resource_kinds.values(), *others)

    @cached_property
    def passings(self) -> Mapping[str, tuple[RolePassing, ...]]:
        """The roles that requests hand over, by operation, served or not."""
        return passings_by_operation(self.passes)

    @cached_property
    def role_lookup(self) -> RoleLookup:
        """How the role is found that a request hands over."""
        lookup: RoleLookup = self._lookup(self.roles)
        return lookup

    @cached_property
    def role_usage(self) -> Mapping[str, RoleUsage]:
        """What uses the linked role of each principal in `usage`; its module is imported when first asked."""
        return {principal: self._deferred(reference) for principal, reference in self.usage.items()}

    @cached_property
    def resource_words(self) -> Callable[[str, str], str]:
        """How the refusal of an operation names a resource; empty where it names none."""
        found: Callable[[str, str], str] = self._lookup(self.words) if self.words else _arn
        return found

    def resource_target(self, tx: Transaction, arn: Arn) -> Target | None:
        """What policies see of an existing resource of this service; None for one that is not here."""
        kind = self.resource_kinds.get(kind_of(arn.resource))
        record = kind.find(tx, arn) if kind is not None else None
        return kind.target(record) if kind is not None and record is not None else None

    def _lookup(self, reference: str) -> Any:
        return resolve_name(f"{self.package}.{reference}")

    def _deferred(self, reference: str) -> RoleUsage:
        def usage(tx: Transaction, account: str, region: str) -> Sequence[str] | None:
            source: RoleUsage = self._lookup(reference)
            return source(tx, account, region)

        return usage


def _arn(_operation: str, resource: str) -> str:
    return "" if resource == "*" else resource
