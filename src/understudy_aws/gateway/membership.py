"""The place of an account in an organization, with the policies that bind it there."""

from __future__ import annotations

import msgspec

from understudy_aws.policy import NamedPolicy

Policies = tuple[tuple[NamedPolicy, ...], ...]


class Level(msgspec.Struct, frozen=True):
    """The root, an organizational unit or the account itself: its name, its id, and the policies attached to it."""

    name: str
    id: str
    policies: tuple[NamedPolicy, ...]


class Membership(msgspec.Struct, frozen=True):
    """The membership of an account in an organization: its path, and the levels that bind it, root first.

    Service control policies (`scps`) bind the account's principals and resource control policies (`rcps`) its
    resources. Neither binds the management account, whose levels are empty. `management` is that account, and
    `trusted` are the service principals with trusted access. `delegated` are those that this account is a delegated
    administrator for. An account that was closed is `suspended`. Without `all_features` the organization is for
    consolidated billing alone.
    """

    organization: str
    path: str
    scps: tuple[Level, ...] = ()
    rcps: tuple[Level, ...] = ()
    management: str = ""
    trusted: tuple[str, ...] = ()
    delegated: tuple[str, ...] = ()
    suspended: bool = False
    all_features: bool = True

    @property
    def scp_policies(self) -> Policies:
        """The service control policies as the policy engine takes them."""
        return tuple(level.policies for level in self.scps)

    @property
    def rcp_policies(self) -> Policies:
        """The resource control policies as the policy engine takes them."""
        return tuple(level.policies for level in self.rcps)
