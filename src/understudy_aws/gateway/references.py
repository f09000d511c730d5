"""What one record says of another: which resources it refers to, and whose deletion AWS refuses because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec

R = TypeVar("R")


class Reference(msgspec.Struct, Generic[R], frozen=True):
    """One way in which the records of a kind refer to other resources. A kind has a tuple of them, often empty.

    relation    what the record does with them, read after its name: `is in`, `routes to`, `is attached to`
    ids         the identifiers that a record refers to: of EC2's resources the id, of others the ARN
                (`ResourceKind.identifier`). Empty texts are passed over
    index       the index of the record's table under which the records are found that refer to a resource. A reference
                without one is found by looking through the table, so a table that can be long has one for each
    key         makes the value that the index is asked for of any identifier; None where it is the identifier itself
    implied     another reference says the same (an interface is in a subnet, which is in the VPC), or it is told from
                the other side: nobody looks for records by this one, and it needs no index
    holds       the record holds what it refers to: AWS refuses to delete that while the record is there. It may be a
                function of the record (the main route table does not hold its VPC)
    held        the opposite: what is referred to holds the record (a route table cannot be deleted while subnets are
                associated with it). Both may be true
    shown       the other way is told too: under the record, `uses` shows what it refers to (the role that a VPC
                connector works by)
    owns        what is referred to was made for the record and goes with it (the interface of a NAT gateway)
    goes_with   the record was made for what it refers to, and goes with it (a running instance with its service)
    refuses     another operation on what is referred to that AWS refuses while the record is there: an internet gateway
                is not detached from a VPC that has public addresses
    may_dangle  the record may outlive what it refers to (a route to a gateway that is gone)
    ended_by    the operation that ends the reference and deletes nothing; empty where only deleting the record does
    """

    relation: str
    ids: Callable[[R], Iterable[str]]
    index: str = ""
    key: Callable[[Any], Any] | None = None
    implied: bool = False
    holds: bool | Callable[[R], bool] = False
    held: bool | Callable[[R], bool] = False
    shown: bool = False
    owns: bool = False
    goes_with: bool = False
    refuses: str = ""
    may_dangle: bool = False
    ended_by: str = ""

    def identifiers(self, record: R) -> list[str]:
        """Return the identifiers that a record refers to in this way, each once."""
        return list(dict.fromkeys(id for id in self.ids(record) if id))

    def holds_of(self, record: R) -> bool:
        """Return whether this record holds what it refers to."""
        return self.holds(record) if callable(self.holds) else self.holds

    def held_of(self, record: R) -> bool:
        """Return whether what this record refers to holds it."""
        return self.held(record) if callable(self.held) else self.held


References = tuple[Reference[Any], ...]
# Of a kind whose records refer to nothing.
NO_REFERENCES: References = ()
