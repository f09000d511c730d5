"""Where the time of a request goes, and that it does not grow with the number of roles; in one process, no sockets.

Usage: python benchmarks/pipeline.py [--roles 100000]

Each stage of gateway/pipeline.py is timed alone on the same signed requests; the sum of the stages and the whole
are printed side by side, so that what the table does not name shows.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.authn.authenticate import authenticate
from understudy_aws.core.http import HttpRequest
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.new_calls import call_of_client
from understudy_aws.gateway.pipeline import Gateway, _Credentials
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.store.database import Transaction
from understudy_aws.testing import Understudy
from understudy_aws.testing.in_process import as_received
from understudy_aws.wire.routing import route

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class Captured(Exception):
    """The request was captured and is not sent."""


def captured(client: Any, operation: str, **params: Any) -> HttpRequest:
    """The request a client would send."""
    found: list[HttpRequest] = []

    def capture(request: Any, **_: Any) -> None:
        found.append(as_received(request))
        raise Captured

    client.meta.events.register_first("before-send", capture)
    with suppress(Captured):
        getattr(client, operation)(**params)
    client.meta.events.unregister("before-send", capture)
    return found[0]


def microseconds(work: Callable[[], Any], times: int = 2000) -> float:
    """The best of five averages."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times // 5):
            work()
        best = min(best, (time.perf_counter() - started) / (times // 5))
    return best * 1e6


def stages(understudy: Understudy, request: HttpRequest) -> dict[str, float]:
    """One request, stage by stage."""
    gateway = understudy.app.gateway

    def whole() -> None:
        gateway.handle(request)

    def durable() -> None:
        gateway.handle(request)
        gateway.database.flush()

    with gateway.database.transaction() as tx:
        figures = alone(gateway, request, tx)
    figures["sum of the stages"] = sum(figures.values())
    figures["whole, trail entry included"] = microseconds(whole)
    gateway.database.flush()
    figures["whole, made durable alone"] = microseconds(durable, 1000)
    return figures


def alone(gateway: Gateway, request: HttpRequest, tx: Transaction) -> dict[str, float]:
    """Each stage by itself."""
    addresses = gateway.registry.addresses
    found = route(request, addresses)
    operation = gateway.registry.find(found.service.id, found.operation.name)
    assert operation is not None
    credentials = _Credentials(gateway.credentials, tx)

    def known() -> Any:
        return authenticate(
            request,
            service=found.service.signing_name,
            dialect=found.service.dialect,
            source=credentials,
            now=gateway.clock.now(),
            region=found.region,
            skew=gateway.skew,
        )

    caller, params = known(), found.protocol.parse(found)

    def call() -> Call:
        return call_of_client(
            gateway, tx, found, request, caller, gateway.clock.now(), gateway.ids.uuid(), None
        )

    def allowed() -> None:
        made = call()
        for target in operation.on(made, params) if operation.on else ():
            gateway.require(made, operation.action, target)

    one = call()
    answer = operation.function(one, **params)
    making = microseconds(call)
    return {
        "route (scope, form, operation)": microseconds(lambda: route(request, addresses)),
        "authenticate (SigV4, key look-up)": microseconds(known),
        "parse and validate by shape": microseconds(lambda: found.protocol.parse(found)),
        "make the call": making,
        "authorize (target, context, decision)": microseconds(allowed) - making,
        "operate (look up, describe)": microseconds(lambda: operation.function(one, **params)),
        "render by shape": microseconds(
            lambda: found.protocol.render(found.operation, answer, one.request_id)
        ),
    }


def with_roles(understudy: Understudy, count: int) -> None:
    """Fill the account up to so many roles, past the quota that the API keeps."""
    database, made = understudy.app.database, understudy.clock.now()
    with database.transaction() as tx:
        present = sum(1 for _ in roles.scan(tx))
        for number in range(present, count):
            roles.put(
                tx,
                Role(
                    account=understudy.account,
                    name=f"role-{number:06d}",
                    id=f"AROA{number:017d}",
                    created=made,
                    trust=TRUST,
                ),
            )
    database.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roles", type=int, default=100_000)
    given = parser.parse_args()
    with Understudy(state=tempfile.mkdtemp(prefix="understudy-bench-")) as understudy:
        iam, sts, ec2 = understudy.client("iam"), understudy.client("sts"), understudy.client("ec2")
        with_roles(understudy, 1)
        gc.collect()
        gc.freeze()
        requests = {
            "sts GetCallerIdentity": captured(sts, "get_caller_identity"),
            "iam GetRole": captured(iam, "get_role", RoleName="role-000000"),
            "ec2 DescribeVpcs": captured(ec2, "describe_vpcs"),
        }
        tables = {name: stages(understudy, request) for name, request in requests.items()}
        print("| stage, microseconds | " + " | ".join(tables) + " |\n|---|" + "---|" * len(tables))
        for stage in next(iter(tables.values())):
            print(f"| {stage} | " + " | ".join(f"{table[stage]:.1f}" for table in tables.values()) + " |")
        print(
            "\n| roles in the account | GetRole, microseconds | call by a role's session "
            "| ListRoles, first page of 100 | a page near the end "
            "| GetAccountAuthorizationDetails, first page of 100 | a page near the end |"
        )
        print("|---|---|---|---|---|---|---|")
        count = 1
        while count <= given.roles:
            with_roles(understudy, count)
            gc.collect()
            gc.freeze()
            get = captured(iam, "get_role", RoleName=f"role-{count - 1:06d}")
            pages = [
                captured(iam, operation, **asked, **at)
                for operation, asked in PAGED.items()
                for at in ({}, last_marker(iam, operation, asked))
            ]
            print(
                f"| {count:,} | {microseconds(partial(understudy.app.gateway.handle, get)):.0f} "
                f"| {session(understudy, count):.0f} | "
                + " | ".join(
                    f"{microseconds(partial(understudy.app.gateway.handle, page), 500):.0f}" for page in pages
                )
                + " |"
            )
            understudy.app.database.flush()
            count *= 100 if count < 100 else 10


# Lists whose pages take the time of what is on them, wherever in the list they are.
PAGED: dict[str, dict[str, Any]] = {
    "list_roles": {},
    "get_account_authorization_details": {"Filter": ["Role"]},
}


def last_marker(client: Any, operation: str, asked: dict[str, Any]) -> dict[str, str]:
    """The marker of the last page of a list that is read a thousand at a time; none of a list of one page."""
    found: dict[str, str] = {}
    while True:
        page = getattr(client, operation)(MaxItems=1000, **asked, **found)
        if not page["IsTruncated"]:
            return found
        found = {"Marker": page["Marker"]}


def session(understudy: Understudy, count: int) -> float:
    """A call by a session of one of so many roles, allowed by that role's own policy."""
    name = f"caller-{count}"
    database = understudy.app.database
    trust = TRUST.replace('"Service": "ec2.amazonaws.com"', f'"AWS": "{understudy.account}"')
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}'
    )
    with database.transaction() as tx:
        made = Role(
            account=understudy.account,
            name=name,
            id=f"AROA{count:016d}X",
            created=understudy.clock.now(),
            trust=trust,
        )
        roles.put(tx, msgspec.structs.replace(made, inline=(("describe", policy),)))
    database.flush()
    sts = understudy.client("sts")
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{understudy.account}:role/{name}", RoleSessionName="benchmark"
    )
    ec2 = understudy.client("ec2", as_=understudy.session_of(answer))
    request = captured(ec2, "describe_regions")
    return microseconds(lambda: understudy.app.gateway.handle(request))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
