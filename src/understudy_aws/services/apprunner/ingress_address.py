"""Where the node takes requests for services, as it said last, so that URLs can tell the port and people the place."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class IngressAddress(Record, frozen=True, kw_only=True):
    """Where requests to services are taken; port 0 before that is known, a `wanted` one is what was asked for.

    Older states have neither host nor `wanted`.
    """

    port: int = 0
    host: str = ""
    wanted: int | None = None


ingress_addresses = Table("apprunner/ingress", IngressAddress, key=lambda _: ("ingress",))


def ingress_port(tx: Transaction) -> int:
    """Return the port of the ingress, 0 while it is not known."""
    known = ingress_addresses.get(tx, "ingress")
    return known.port if known is not None else 0


def ingress_address(tx: Transaction) -> str:
    """Return where requests are taken, as `127.0.0.1:4567`; empty while it is not known."""
    known = ingress_addresses.get(tx, "ingress")
    if known is None or not known.port:
        return ""
    host = known.host.strip("[]") or "127.0.0.1"
    return f"[{host}]:{known.port}" if ":" in host else f"{host}:{known.port}"


def is_noted_for(tx: Transaction, host: str, wanted: int) -> bool:
    """Whether what is known was found when this was wanted."""
    known = ingress_addresses.get(tx, "ingress")
    return (
        known is not None
        and known.port != 0
        and known.host.strip("[]") in ("", host)
        and known.wanted in (None, wanted)
    )


def decide_ingress(tx: Transaction, host: str, wanted: int, *, taken: int) -> None:
    """Let requests be taken at a port, as another one perhaps is wanted, before a node says where they are."""
    ingress_addresses.put(tx, IngressAddress(port=taken, host=host, wanted=wanted))


def note_ingress(tx: Transaction, address: str) -> None:
    """Remember where the node takes requests: `127.0.0.1:4567`. An empty address changes nothing."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and address != ingress_address(tx):
        known = ingress_addresses.get(tx, "ingress") or IngressAddress()
        ingress_addresses.put(tx, replace(known, port=int(port), host=host.strip("[]")))
