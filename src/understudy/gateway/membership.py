"""An account's place in an organization, as authorization needs to know it."""

from __future__ import annotations

import msgspec

from understudy.policy import NamedPolicy

Policies = tuple[tuple[NamedPolicy, ...], ...]


class Level(msgspec.Struct, frozen=True):
    """One level of an organization above or at an account: what it is called, its id, the policies attached to it."""

    name: str
    id: str
    policies: tuple[NamedPolicy, ...]


class Membership(msgspec.Struct, frozen=True):
    """That an account is in an organization: at which path, and by which levels it is bound, root first.

    Service control policies bind who acts from the account, resource control policies what is in it; the
    management account has none of either.
    """

    organization: str
    path: str
    scps: tuple[Level, ...] = ()
    rcps: tuple[Level, ...] = ()

    @property
    def scp_policies(self) -> Policies:
        """The service control policies as the policy engine takes them."""
        return tuple(level.policies for level in self.scps)

    @property
    def rcp_policies(self) -> Policies:
        """The resource control policies as the policy engine takes them."""
        return tuple(level.policies for level in self.rcps)
