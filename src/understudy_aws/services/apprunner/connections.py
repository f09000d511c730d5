"""Connections: App Runner's access to the source code of a provider such as GitHub (apprunner.md 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import Arn, apprunner, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.pages import page_after
from understudy_aws.services.apprunner.service_uses import in_use
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.tag_sets import new_tags
from understudy_aws.services.apprunner.targets import new_resource, resource_tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

# Reference apprunner.md 2.7.
CONNECTIONS_PER_REGION = 10
PENDING = "PENDING_HANDSHAKE"
AVAILABLE = "AVAILABLE"
ERROR = "ERROR"


class Connection(Record, frozen=True, kw_only=True):
    """A connection. It waits for a handshake with its provider, which no operation of App Runner's makes."""

    account: str
    region: str
    name: str
    id: str
    provider: str
    created: datetime
    status: str = PENDING
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return apprunner(self.region, self.account, f"connection/{self.name}/{self.id}")


connections = Table(
    "apprunner/connection", Connection, key=lambda record: (record.account, record.region, record.name)
)


def of_arn(tx: Transaction, arn: Arn) -> Connection | None:
    """Return the connection of a full ARN, in whatever account and Region."""
    kind, *parts = arn.resource.split("/")
    if arn.service != "apprunner" or kind != "connection" or len(parts) != 2:
        return None
    found = connections.get(tx, arn.account, arn.region, parts[0])
    # Another spelling of the ARN is another resource to policies.
    return found if found is not None and found.arn == str(arn) else None


def a_new_connection(call: Call, params: Params) -> Sequence[Target]:
    return new_resource(call, "connection", f"{params['connection_name']}/*", params.get("tags"))


def a_connection(call: Call, params: Params) -> Sequence[Target]:
    arn = params["connection_arn"]
    found = _find(call, arn)
    return [Target(arn, resource_tags(found.tags) if found is not None else {})]


@operation("apprunner:CreateConnection", on=a_new_connection)
def create_connection(
    call: Call, *, connection_name: str, provider_type: str, tags: list[dict[str, str]] | None = None
) -> Answer:
    """Make a connection, which waits for its handshake."""
    require_supported_region(call)
    if connections.get(call.tx, call.account, call.region, connection_name) is not None:
        raise errors.invalid_request(f"Connection with the provided name already exists: {connection_name}.")
    if connections.count(call.tx, call.account, call.region) >= CONNECTIONS_PER_REGION:
        raise errors.too_many("connections", CONNECTIONS_PER_REGION)
    made = Connection(
        account=call.account,
        region=call.region,
        name=connection_name,
        id=call.ids.hexadecimal(),
        provider=provider_type,
        created=call.at,
        tags=new_tags((), tags or []),
    )
    return {"Connection": describe(connections.put(call.tx, made))}


@operation("apprunner:ListConnections", on=all_resources)
def list_connections(
    call: Call,
    *,
    connection_name: str | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """List the connections of a Region, or the one of a name."""
    require_supported_region(call)
    if connection_name is None:
        found = list(connections.scan(call.tx, call.account, call.region))
    else:
        one = connections.get(call.tx, call.account, call.region, connection_name)
        found = [one] if one is not None else []
    scope = ("ListConnections", connection_name)
    shown, token = page_after(found, max_results, next_token, connections.key, scope)
    return {"ConnectionSummaryList": [describe(each) for each in shown], "NextToken": token}


@operation("apprunner:DeleteConnection", on=a_connection)
def delete_connection(call: Call, *, connection_arn: str) -> Answer:
    """Delete a connection that no service uses. The answer is the last that tells of it."""
    require_supported_region(call)
    found = _find(call, connection_arn)
    if found is None:
        raise errors.no_such_resource(connection_arn)
    if in_use(call.tx, found.arn):
        raise errors.connection_in_use()
    connections.delete(call.tx, found)
    return {"Connection": {**describe(found), "Status": "DELETED"}}


@memoized
def describe(connection: Connection) -> Description:
    """Return a connection as answers describe it."""
    return Description(
        {
            "ConnectionName": connection.name,
            "ConnectionArn": connection.arn,
            "ProviderType": connection.provider,
            "Status": connection.status,
            "CreatedAt": connection.created,
        }
    )


def _find(call: Call, text: str) -> Connection | None:
    """Return the caller's connection of that ARN in the call's Region, or None."""
    arn = parse(text)
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        return None
    return of_arn(call.tx, arn)
