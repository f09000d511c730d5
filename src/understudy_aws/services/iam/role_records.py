"""Records of roles, of their last use, and of instance profiles."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.arn import iam
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class Role(Record, frozen=True, kw_only=True):
    """A role.

    `trust` is its trust policy, with unique ids for principals. `linked_service` is the service principal of a
    service-linked role. Only CreateServiceLinkedRole sets it (docs/decisions/0005). `max_signin_session` is in seconds,
    0 where it is unset; nobody signs in to a console here, so it is only described.
    """

    account: str
    name: str
    id: str
    created: datetime
    trust: str
    path: str = "/"
    description: str | None = None
    max_session_duration: int = 3600
    tags: Tags = ()
    attached: tuple[str, ...] = ()
    inline: tuple[tuple[str, str], ...] = ()
    boundary: str = ""
    linked_service: str = ""
    max_signin_session: int = 0

    @property
    def arn(self) -> str:
        return iam(self.account, f"role{self.path}{self.name}")


roles = Table(
    "iam/role",
    Role,
    key=lambda role: (role.account, role.name.lower()),
    indexes={
        "by_id": lambda role: (role.id,),
        "by_policy": lambda role: tuple((role.account, arn) for arn in role.attached),
        "by_boundary": lambda role: ((role.account, role.boundary),) if role.boundary else (),
        "by_account": lambda role: (role.account,),
    },
)


class RoleUse(Record, frozen=True, kw_only=True):
    """When and where a role was last used. It is a record of its own, so that use does not change the role."""

    id: str
    at: datetime
    region: str


role_uses = Table("iam/role-use", RoleUse, key=lambda use: (use.id,))


class InstanceProfile(Record, frozen=True, kw_only=True):
    """An instance profile. `role` is the lower-case name of its one role, or empty."""

    account: str
    name: str
    id: str
    created: datetime
    path: str = "/"
    role: str = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam(self.account, f"instance-profile{self.path}{self.name}")


instance_profiles = Table(
    "iam/instance-profile",
    InstanceProfile,
    key=lambda profile: (profile.account, profile.name.lower()),
    indexes={
        "by_account": lambda profile: (profile.account,),
        "by_role": lambda profile: ((profile.account, profile.role),) if profile.role else (),
    },
)


def purge(tx: Transaction, role: Role) -> None:
    """Delete a role and the record of its use. Its sessions are no longer valid."""
    roles.delete(tx, role)
    use = role_uses.get(tx, role.id)
    if use is not None:
        role_uses.delete(tx, use)
