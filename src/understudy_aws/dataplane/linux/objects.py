"""The things of the kernel that a network consists of, as values.

Wanted and observed networks are both sets of these, so that what must be done is their difference. Every object has a
`key`, which tells it from all others, and equal objects need nothing done.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.linux.nftables import KeyType

Key: TypeAlias = tuple[object, ...]
_PROTOCOL_NAMES = {6: "tcp", 17: "udp"}


class Namespace(msgspec.Struct, frozen=True):
    """A network namespace; one that is a `router` forwards packets, which its name decides once and for all."""

    name: str
    router: bool

    def __eq__(self, other: object) -> bool:
        """Only the name is observed."""
        return isinstance(other, Namespace) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def key(self) -> Key:
        """Its name."""
        return ("namespace", self.name)


class Veth(msgspec.Struct, frozen=True):
    """A pair of links: `name` in `namespace`, and `peer` in `peer_namespace`; both are up.

    What goes to the one that is `deaf` arrives nowhere: it asks for no neighbours, and its peer takes no packet.
    """

    namespace: str
    name: str
    peer_namespace: str
    peer: str
    peer_mac: str
    mtu: int
    deaf: bool = False

    @property
    def key(self) -> Key:
        """Its name where it stands."""
        return ("veth", self.namespace, self.name)


class Address(msgspec.Struct, frozen=True):
    """An address of a link with the length of its block, such as `10.0.1.4/24`."""

    namespace: str
    link: str
    address: str

    @property
    def key(self) -> Key:
        """All of it: an address has nothing else."""
        return ("address", self.namespace, self.link, self.address)


class Route(msgspec.Struct, frozen=True):
    """A route of a table: through a link or to a gateway, or one that drops (`blackhole`) or goes on (`throw`)."""

    namespace: str
    table: int
    destination: str
    link: str = ""
    gateway: str = ""
    kind: int = 1

    @property
    def key(self) -> Key:
        """Its table and destination."""
        return ("route", self.namespace, self.table, self.destination)


class MarkRule(msgspec.Struct, frozen=True):
    """Packets with a mark are looked up in a table of routes before the main one; mark 0 is all packets, last."""

    namespace: str
    family: int
    mark: int
    table: int

    @property
    def key(self) -> Key:
        """Its family and mark."""
        return ("mark", self.namespace, self.family, self.mark)


class FilterSet(msgspec.Struct, frozen=True):
    """A set of nftables, or a map; what it holds are `Element`s.

    Of one that rules put elements into, `most` is how many; what is in it is nobody's wish and is not looked at.
    """

    namespace: str
    name: str
    keys: KeyType | None
    values: KeyType | None = None
    most: int = 0

    def __eq__(self, other: object) -> bool:
        """A set's types never change, and are not observed."""
        return isinstance(other, FilterSet) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> Key:
        """Its name."""
        return ("set", self.namespace, self.name)


class Element(msgspec.Struct, frozen=True):
    """An element of a set: its key and, of a map, a value (bytes) or the chain to jump to (text)."""

    namespace: str
    set: str
    element: bytes
    value: bytes | str = b""

    @property
    def key(self) -> Key:
        """Its set and its key."""
        return ("element", self.namespace, self.set, self.element)


class IdleTimeout(msgspec.Struct, frozen=True):
    """After how many seconds idle connections of a protocol are forgotten that it is set for.

    Of UDP the second number is of those with more than one answer.
    """

    namespace: str
    protocol: int
    seconds: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is called, from which all of it can be told."""
        return "_".join(map(str, (_PROTOCOL_NAMES[self.protocol], *self.seconds)))

    @property
    def key(self) -> Key:
        """Its name."""
        return ("timeout", self.namespace, self.name)


class Rule(msgspec.Struct, frozen=True):
    """One rule: what it says to people, and the instructions. The comment tells rules apart."""

    comment: str
    expressions: bytes = b""

    def __eq__(self, other: object) -> bool:
        """Rules with one comment are the same: only this is observed."""
        return isinstance(other, Rule) and self.comment == other.comment

    def __hash__(self) -> int:
        return hash(self.comment)


class BaseChain(msgspec.Struct, frozen=True):
    """Where a chain is entered: the hook, the order among the chains of the hook, and the verdict at its end."""

    kind: str
    hook: str
    priority: int
    policy: int

    def __eq__(self, other: object) -> bool:
        """Only the hook is observed; the rest never changes."""
        return isinstance(other, BaseChain) and self.hook == other.hook

    def __hash__(self) -> int:
        return hash(self.hook)


class Chain(msgspec.Struct, frozen=True):
    """A chain with its rules, which are replaced all at once."""

    namespace: str
    name: str
    rules: tuple[Rule, ...]
    base: BaseChain | None = None

    @property
    def key(self) -> Key:
        """Its name."""
        return ("chain", self.namespace, self.name)


class Setting(msgspec.Struct, frozen=True):
    """A setting of the kernel's that somebody has changed, of a link or of all of a namespace: never wanted."""

    namespace: str
    link: str
    name: str
    value: str
    kept: str

    @property
    def key(self) -> Key:
        """Its name where it is set."""
        return ("setting", self.namespace, self.link, self.name)


Object: TypeAlias = (
    Namespace | Veth | Address | Route | MarkRule | FilterSet | Element | IdleTimeout | Chain | Setting
)


def place_of(object: Object) -> str:
    """Return the namespace that something of the network stands in."""
    return object.name if isinstance(object, Namespace) else object.namespace
