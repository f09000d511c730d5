"""The handshake of App Runner's connections, which at AWS takes the console (apprunner.md 2.5)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin.errors import ConflictError, InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import SettleConnection
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.connections import AVAILABLE, ERROR, Connection, connections
from understudy_aws.store.database import Transaction


def listed(gateway: Gateway) -> dict[str, Any]:
    """Return all connections, by account, Region and name."""
    with gateway.database.transaction() as tx:
        return {
            "connections": [
                {
                    "name": each.name,
                    "arn": each.arn,
                    "provider": each.provider,
                    "status": each.status,
                    "account": each.account,
                    "region": each.region,
                }
                for each in connections.scan(tx)
            ]
        }


def settle(gateway: Gateway, asked: SettleConnection) -> dict[str, Any]:
    """End the handshake of a connection; one that failed may be made again.

    Raises NotFoundError, InvalidRequestError for a name that several have, and ConflictError for a connection that is
    available and should fail.
    """
    with gateway.database.transaction() as tx:
        connection = _the_one(tx, asked)
        if connection.status == AVAILABLE and asked.outcome == ERROR:
            raise ConflictError(f"The connection {connection.name} is AVAILABLE: its handshake is over.")
        if connection.status != asked.outcome:
            connections.put(tx, replace(connection, status=asked.outcome))
    gateway.database.flush()
    return {"arn": connection.arn, "status": asked.outcome, "was": connection.status}


def _the_one(tx: Transaction, asked: SettleConnection) -> Connection:
    """Return the connection of a name or ARN."""
    everywhere = list(connections.scan(tx))
    there = [each for each in everywhere if asked.region in {"", each.region}]
    found = [each for each in there if asked.name in {each.name, each.arn}]
    if len(found) > 1:
        arns = "".join(f"\n  {each.arn}" for each in found)
        raise InvalidRequestError(f"Several connections are called {asked.name}. Which one?{arns}")
    if not found:
        place = f" in {asked.region}" if asked.region else " here"
        alike = get_close_matches(asked.name, [each.name for each in everywhere], 3)
        meant = f" Did you mean {' or '.join(alike)}?" if alike else ""
        raise NotFoundError(f"There is no connection {asked.name}{place}.{meant}")
    return found[0]
