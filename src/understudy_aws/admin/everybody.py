"""All principals of the state as the policy engine's questions about everybody take them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from understudy_aws.admin.principals import SESSION, in_session
from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import account_in, parse
from understudy_aws.core.http import Steps
from understudy_aws.data.regions import GLOBAL_REGION
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.gateway.request_context import (
    ConditionKeys,
    HypotheticalRequest,
    ordinary_keys,
    organization_keys,
    principal_of,
    request_keys,
)
from understudy_aws.policy import Actor, NamedPolicy, Resource, compile_policy
from understudy_aws.services.accounts import accounts
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.tags import entity_keys
from understudy_aws.services.iam.trust import readable
from understudy_aws.services.iam.users import User, users
from understudy_aws.store.database import Transaction

# Principals that are looked up between two pauses.
_AT_ONCE = 200
_TRUSTS_NOBODY = NamedPolicy("", compile_policy('{"Version":"2012-10-17","Statement":[]}', kind="trust"))
_ASSUMING = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity")


class Everybody:
    """The principals of all accounts at one time. It implements `policy.Accounts`."""

    def __init__(self, gateway: Gateway, policies: PolicySource, at: datetime) -> None:
        self._gateway = gateway
        self._policies = policies
        self._at = at
        self.actors: tuple[Actor, ...] = ()
        self.assumed: tuple[str, ...] = ()
        self.organizations: frozenset[str] = frozenset()
        self.ordinary = ordinary_keys(at)
        self._accounts: frozenset[str] = frozenset()

    def look_up(self) -> Steps[None]:
        """Look all principals up, some at a time."""
        database = self._gateway.database
        with database.transaction() as tx:
            known = [account.id for account in accounts.scan(tx)]
            self._accounts = frozenset(known)
            places = [self._policies.membership(tx, account) for account in known]
            self.organizations = frozenset(place.organization for place in places if place is not None)
            found = [self._root(tx, account) for account in known]
            tables: list[tuple[Any, Any]] = [(users, self._user), (roles, self._role)]
        for table, made in tables:
            last: tuple[str, ...] | None = None
            while True:
                with database.transaction() as tx:
                    rows = _page(table, tx, last)
                    found += [made(tx, row) for row in rows]
                if len(rows) < _AT_ONCE:
                    break
                last = table.key(rows[-1])
                yield None
        self.actors = tuple(found)

    def is_known(self, account: str) -> bool:
        """Return whether an account is here."""
        return account in self._accounts

    def resource(self, action: str, arn: str) -> Resource:
        """Return a resource with its condition keys and its own policy, as they are now."""
        parsed = parse(arn)
        with self._gateway.database.transaction() as tx:
            if action.lower().startswith(_ASSUMING):
                return _assumed_role(tx, arn)
            target = self._gateway.registry.resource_target(tx, arn) or Target(arn)
        region = parsed.region if parsed is not None else ""
        return Resource(arn, account_in(arn), target.keys, target.policy, region=region)

    def resource_control(self, account: str) -> tuple[tuple[NamedPolicy, ...], ...]:
        """Return the resource control policies that bind an account's resources."""
        with self._gateway.database.transaction() as tx:
            place = self._policies.membership(tx, account)
        return place.rcp_policies if place is not None else ()

    def organization_keys(self, account: str) -> ConditionKeys:
        """Return the keys of the organization that an account's resources are in."""
        with self._gateway.database.transaction() as tx:
            return organization_keys("resource", self._policies.membership(tx, account))

    def _root(self, tx: Transaction, account: str) -> Actor:
        arn = f"arn:aws:iam::{account}:root"
        return self._actor(tx, arn, "root", Caller("root", account, arn, account))

    def _user(self, tx: Transaction, user: User) -> Actor:
        caller = Caller("user", user.account, user.arn, user.id, user.name)
        return self._actor(tx, user.arn, "user", caller)

    def _role(self, tx: Transaction, role: Role) -> Actor:
        made = self._actor(tx, role.arn, "role", in_session(role, SESSION, self._at))
        return msgspec.structs.replace(
            made,
            trust=_trust(tx, role),
            role_keys=entity_keys(role.tags),
            linked_service=role.linked_service,
        )

    def _actor(self, tx: Transaction, name: str, kind: str, caller: Caller) -> Actor:
        principal = principal_of(caller)
        request = HypotheticalRequest(caller, principal, GLOBAL_REGION, self._at)
        keys = request_keys(tx, request, self._policies)
        return Actor(name, kind, principal, self._policies.bindings(tx, caller), keys)


def _page(table: Any, tx: Transaction, last: tuple[str, ...] | None) -> list[Any]:
    rows = []
    for row in table.scan(tx, after=last) if last is not None else table.scan(tx):
        rows.append(row)
        if len(rows) == _AT_ONCE:
            break
    return rows


def _trust(tx: Transaction, role: Role) -> NamedPolicy:
    return NamedPolicy(role.arn, compile_policy(readable(tx, role.trust), name=role.arn, kind="trust"))


def _assumed_role(tx: Transaction, arn: str) -> Resource:
    role = roles.get(tx, account_in(arn), arn.rpartition("/")[2].lower())
    if role is None or role.arn != arn:
        return Resource(arn, account_in(arn), policy=_TRUSTS_NOBODY, trust=True)
    return Resource(arn, role.account, entity_keys(role.tags), _trust(tx, role), trust=True)
