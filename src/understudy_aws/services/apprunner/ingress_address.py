"""Where the node takes requests for services, as it said last, so that URLs can tell the port."""

from __future__ import annotations

from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class IngressAddress(Record, frozen=True, kw_only=True):
    """The port where requests to services are taken; 0 before a node has said one."""

    port: int = 0


ingress_addresses = Table("apprunner/ingress", IngressAddress, key=lambda _: ("ingress",))


def ingress_port(tx: Transaction) -> int:
    """Return the port of the ingress, 0 while it is not known."""
    known = ingress_addresses.get(tx, "ingress")
    return known.port if known is not None else 0


def note_ingress(tx: Transaction, address: str) -> None:
    """Remember where the node takes requests: `127.0.0.1:4567`. An empty address changes nothing."""
    port = address.rpartition(":")[2]
    if port.isdecimal() and int(port) != ingress_port(tx):
        ingress_addresses.put(tx, IngressAddress(port=int(port)))
