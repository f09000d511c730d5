"""Where the node takes requests for services, as it said last, so that URLs can tell the port and people the place."""

from __future__ import annotations

from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class IngressAddress(Record, frozen=True, kw_only=True):
    """Where requests to services are taken; port 0 before a node has said one. Older states have no host."""

    port: int = 0
    host: str = ""


ingress_addresses = Table("apprunner/ingress", IngressAddress, key=lambda _: ("ingress",))


def ingress_port(tx: Transaction) -> int:
    """Return the port of the ingress, 0 while it is not known."""
    known = ingress_addresses.get(tx, "ingress")
    return known.port if known is not None else 0


def ingress_address(tx: Transaction) -> str:
    """Return where requests are taken, as `127.0.0.1:4567`; empty while it is not known."""
    known = ingress_addresses.get(tx, "ingress")
    return f"{known.host or '127.0.0.1'}:{known.port}" if known is not None and known.port else ""


def note_ingress(tx: Transaction, address: str) -> None:
    """Remember where the node takes requests: `127.0.0.1:4567`. An empty address changes nothing."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and address != ingress_address(tx):
        ingress_addresses.put(tx, IngressAddress(port=int(port), host=host))
