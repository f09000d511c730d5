"""Does once what App Runner does with a connector and undoes it, to show that the networking role can.

It makes, describes and deletes one interface in each of the connector's subnets. Each call is made by a session of the
service-linked role, decided by its policy and recorded in the trail. Then it tries what the policy must deny.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.network_interfaces import APP_RUNNERS_TAG, MANAGED, NetworkInterfaces
from understudy_aws.services.apprunner.vpc_connectors import VpcConnector, vpc_connectors


class Step(msgspec.Struct, frozen=True):
    """A call made as the role: what it was, whether it should be allowed, and what came of it."""

    title: str
    allowed: bool
    answered: str

    @property
    def held(self) -> bool:
        """Whether the call was allowed or denied as it should be."""
        return self.allowed == (self.answered == "ok")


def connector_of(gateway: Gateway, arn: str) -> VpcConnector | None:
    """Return the active connector of that ARN, of whatever account, or None."""
    with gateway.database.transaction() as tx:
        found = vpc_connectors.where(tx, "by_arn", arn)
    return found[0] if found and found[0].active else None


def rehearse(gateway: Gateway, connector: VpcConnector) -> list[Step]:
    """Make the calls and undo them. No interface and no session remain, whatever is denied."""
    with NetworkInterfaces(
        gateway, account=connector.account, region=connector.region, source_arn=connector.arn
    ) as interfaces:
        return _rehearsed(interfaces, connector)


def _rehearsed(interfaces: NetworkInterfaces, connector: VpcConnector) -> list[Step]:
    steps: list[Step] = []
    made: list[str] = []

    def attempt(title: str, *, allowed: bool, act: Callable[[], Any]) -> None:
        try:
            act()
        except ApiError as error:
            steps.append(Step(title, allowed, f"{error.code}: {error.message}"))
        else:
            steps.append(Step(title, allowed, "ok"))

    def create(subnet: str, *, tags: Mapping[str, str] = APP_RUNNERS_TAG) -> None:
        made.append(
            interfaces.create(
                subnet=subnet, groups=connector.security_groups, description=connector.name, tags=tags
            )
        )

    for subnet in connector.subnets:
        attempt(f"make an interface in {subnet}, tagged {MANAGED}", allowed=True, act=partial(create, subnet))
    attempt("describe network interfaces", allowed=True, act=interfaces.existing)
    foreign = {**APP_RUNNERS_TAG, "Name": connector.name}
    attempt(
        "make an interface with a foreign tag",
        allowed=False,
        act=partial(create, connector.subnets[0], tags=foreign),
    )
    for interface in made:
        attempt(f"tag {interface} later", allowed=False, act=partial(interfaces.tag, interface))
        attempt(f"delete {interface}", allowed=True, act=partial(interfaces.delete, interface))
    return steps
