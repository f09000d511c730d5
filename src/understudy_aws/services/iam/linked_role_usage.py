"""Whether a service-linked role is in use: by resources of its service, or by live sessions of the role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from understudy_aws.data import service_linked_roles as catalogue
from understudy_aws.data.regions import REGIONS
from understudy_aws.gateway.role_usage import RoleUsage
from understudy_aws.services.iam.role_records import Role
from understudy_aws.store.database import Transaction

# (transaction, role, now) -> region and ARN of every live session of the role.
LiveSessions = Callable[[Transaction, Role, datetime], Iterable[tuple[str, str]]]


class LinkedRoleUsage:
    """Asks the services whose roles are used here, and STS for sessions.

    `of_services` has, by a service's id, the usage of each of its principals. Raises LookupError when that does not
    agree with the table of roles (`served_by`): a role nobody is asked about would be deleted while it is in use.
    """

    def __init__(
        self, of_services: Mapping[str, Mapping[str, RoleUsage]], live_sessions: LiveSessions
    ) -> None:
        said = {(principal, id) for id, principals in of_services.items() for principal in principals}
        for principal, id in sorted(catalogue.served_principals().items() ^ said):
            if (principal, id) in said:
                raise LookupError(
                    f"The table of roles does not say that the linked role of {principal} is served by {id}."
                )
            raise LookupError(f"{id} does not say what uses the linked role of {principal}.")
        self._of_principals = {
            principal: usage for each in of_services.values() for principal, usage in each.items()
        }
        self._live_sessions = live_sessions

    def of(self, tx: Transaction, role: Role, now: datetime) -> dict[str, list[str]] | None:
        """ARNs of what uses a linked role, by region; None while a service does not know yet."""
        usage: dict[str, list[str]] = {}
        source = self._of_principals.get(role.linked_service)
        for region in REGIONS:
            arns = source(tx, role.account, region) if source is not None else ()
            if arns is None:
                return None
            if arns:
                usage[region] = list(arns)
        for region, arn in self._live_sessions(tx, role, now):
            usage.setdefault(region, []).append(arn)
        return dict(sorted(usage.items()))
