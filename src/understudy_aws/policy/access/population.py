"""Everybody who may ask: the principals of some accounts, and those from outside that their policies name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec
from msgspec.structs import replace

from understudy_aws.data.regions import GLOBAL_REGION, GLOBAL_SERVICES, REGIONS
from understudy_aws.policy.access.domains import ABSENT, CLOCK, Domain, domain_of
from understudy_aws.policy.access.requests import may_be_allowed
from understudy_aws.policy.engine.bindings import Bindings, Levels
from understudy_aws.policy.engine.policies import NamedPolicy, compile_policy
from understudy_aws.policy.language.context_keys import principal_context
from understudy_aws.policy.language.question import Principal, Question

Keys = Mapping[str, str | list[str]]

# What a request carries that its author, his client or the time decides. The values of a population's actors are
# those of an ordinary request.
_OF_THE_REQUEST = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:securetransport",
        "aws:viaawsservice",
        "aws:sourceip",
        "aws:useragent",
        "aws:tokenissuetime",
        "aws:multifactorauthpresent",
    }
)
_OF_THE_RESOURCE = frozenset({"aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount"})
# What the account's organization decides of a principal.
ORGANIZATION = ("aws:principalorgid", "aws:principalorgpaths")


class Actor(msgspec.Struct, frozen=True, eq=False):
    """Somebody who may ask.

    `name` is what people call it: the ARN of a user, a role or an account's root, or the name of a service principal.
    `keys` are the condition keys of an ordinary request that it makes. `trust` is the trust policy of a role, and
    `role_keys` are the condition keys of that role as a resource. `outside` says that it is not of the accounts that
    are known: what its own account allows is not known, and taken to be everything. `domains` are what it may carry
    under keys that are not known of it.
    """

    name: str
    kind: str
    principal: Principal
    bindings: Bindings
    keys: Keys
    trust: NamedPolicy | None = None
    role_keys: Keys = msgspec.field(default_factory=dict)
    linked_service: str = ""
    outside: bool = False
    domains: Mapping[str, Domain] = msgspec.field(default_factory=dict)


class Resource(msgspec.Struct, frozen=True):
    """What is acted on. `account` owns it; empty where the caller's own account is meant."""

    arn: str
    account: str = ""
    keys: Keys = msgspec.field(default_factory=dict)
    policy: NamedPolicy | None = None
    trust: bool = False
    region: str = ""


class Accounts(Protocol):
    """The facts of the accounts that are known."""

    @property
    def actors(self) -> tuple[Actor, ...]: ...

    def resource(self, action: str, arn: str) -> Resource:
        """Return what is known of a resource, for an action on it."""
        ...

    def is_known(self, account: str) -> bool:
        """Return whether an account's principals are among the actors."""
        ...

    def resource_control(self, account: str) -> Levels:
        """Return the resource control policies that bind an account's resources."""
        ...

    def organization_keys(self, account: str) -> Keys:
        """Return `aws:ResourceOrgID` and `aws:ResourceOrgPaths` of an account's resources."""
        ...

    @property
    def ordinary(self) -> Keys:
        """The condition keys of every ordinary request, whoever makes it: the time, an encrypted connection."""
        ...

    @property
    def assumed(self) -> tuple[str, ...]:
        """What is taken for granted of the accounts, in sentences."""
        ...

    @property
    def organizations(self) -> frozenset[str]:
        """The ids of the organizations whose accounts are known."""
        ...


class Inquiry:
    """One question about everybody: an action on a resource, and the condition keys that are stated for it."""

    def __init__(self, accounts: Accounts, action: str, arn: str, stated: Keys) -> None:
        self.accounts = accounts
        self.action = action
        resource = accounts.resource(action, arn)
        # A Region that is none stands for all that a pattern means, so that it says nothing of where the request goes.
        self.resource = resource if resource.region in REGIONS else replace(resource, region="")
        self.stated = stated
        self._bindings: dict[tuple[Bindings, str], Bindings] = {}

    def owner(self, actor: Actor) -> str:
        """Return the account that owns the resource when this actor names it."""
        return self.resource.account or actor.principal.account

    def question(self, actor: Actor) -> Question:
        """Return the question that an ordinary request of the actor puts."""
        return self._question(actor, actor.keys, self._region())

    def known(self, actor: Actor) -> Question:
        """Return the question with those keys alone that every such request of the actor carries alike."""
        chosen = keys_of_sessions(actor)
        keys = {
            key: value
            for key, value in actor.keys.items()
            if key not in _OF_THE_REQUEST and not key.startswith(chosen)
        }
        service = self.action.partition(":")[0].lower()
        region = self._region() if self.resource.region or service in GLOBAL_SERVICES else ""
        return self._question(actor, keys, region)

    def domain_of(self, actor: Actor, known: Question) -> Callable[[str], Domain | None]:
        """Return what the actor's requests may carry under keys that are not known."""
        chosen = keys_of_sessions(actor)

        def domain(key: str) -> Domain | None:
            if key not in known.context:
                if key.startswith(chosen):
                    return _chosen_by_sessions(actor, key)
                own = actor.domains.get(key) or actor.domains.get(key.partition("/")[0])
                if own is not None:
                    return own
                if _is_of_sessions(key) and actor.principal.kind in {"user", "root"} and not actor.outside:
                    return ABSENT
                further = _further_action(key) if self._is_assuming else ""
                if further and not self.may_too(actor, further):
                    return ABSENT
            return domain_of(key, actor.principal, self.action, known.context)

        return domain

    @property
    def _is_assuming(self) -> bool:
        return self.action.lower().startswith("sts:assumerole")

    def what_else_may(self, actor: Actor) -> tuple[bool, ...]:
        """Return which of the actions may be allowed that give a session tags and a source identity."""
        return tuple(self.may_too(actor, each) for each in _WITH_SESSIONS) if self._is_assuming else ()

    def may_too(self, actor: Actor, action: str) -> bool:
        """Return whether another action on the same resource may be allowed to the actor, whatever its requests carry.

        Who gives a session tags or a source identity while he assumes a role needs leave for that too (sts.md 3.1).
        """
        known = replace(self.known(actor), action=action)

        def domain(key: str) -> Domain | None:
            own = actor.domains.get(key) or actor.domains.get(key.partition("/")[0])
            return (
                own
                if own is not None and key not in known.context
                else (domain_of(key, actor.principal, action, known.context))
            )

        return may_be_allowed(known, self.bindings(actor), domain).allowed

    def is_possible(self, actor: Actor) -> bool:
        """Return whether requests of the actor may carry what is stated for them."""
        if not self.stated:
            return True
        plain = Inquiry(self.accounts, self.action, self.resource.arn, {})
        known = plain.known(actor)
        domain = plain.domain_of(actor, known)
        for key, value in self.stated.items():
            held = known.context.get(key)
            if held is not None and key in actor.keys and held != value:
                return False
            may = domain(key) if held is None else None
            texts = [value] if isinstance(value, str) else value
            if may is not None and key not in CLOCK and not all(map(may.has, texts)):
                return False
        return True

    def bindings(self, actor: Actor) -> Bindings:
        """Return the policies that bind the actor's request, equal ones being one object."""
        owner = self.owner(actor)
        key = (actor.bindings, "" if owner == actor.principal.account else owner)
        found = self._bindings.get(key)
        if found is None:
            found = actor.bindings
            if key[1]:
                found = replace(found, rcps=self.accounts.resource_control(owner))
            if self.resource.policy is not None or self.resource.trust:
                found = found.with_resource(self.resource.policy, trust=self.resource.trust)
            self._bindings[key] = found
        return found

    def _region(self) -> str:
        if self.action.partition(":")[0].lower() in GLOBAL_SERVICES:
            return GLOBAL_REGION
        return self.resource.region or GLOBAL_REGION

    def _question(self, actor: Actor, keys: Keys, region: str) -> Question:
        owner = self.owner(actor)
        context = dict(keys)
        if owner != actor.principal.account:
            for key in _OF_THE_RESOURCE:
                context.pop(key, None)
            context.update(self.accounts.organization_keys(owner))
        context["aws:resourceaccount"] = owner
        if region:
            context["aws:requestedregion"] = region
            if self.action.lower().startswith("ec2:"):
                context["ec2:region"] = self.resource.region or region
        context.update(self.resource.keys)
        context.update(self.stated)
        return Question(actor.principal, self.action, self.resource.arn, context, owner)


_WITH_SESSIONS = ("sts:TagSession", "sts:SetSourceIdentity")
_OF_TAGS = ("aws:requesttag/", "aws:tagkeys", "sts:transitivetagkeys")


def _further_action(key: str) -> str:
    """Return the action that a request for a session needs besides, when it carries a key."""
    if key.startswith(_OF_TAGS):
        return "sts:TagSession"
    return "sts:SetSourceIdentity" if key == "sts:sourceidentity" else ""


def _is_of_sessions(key: str) -> bool:
    """Return whether only sessions carry a key: what an identity provider says, or who was behind a chain of roles."""
    return key in {"aws:federatedprovider", "aws:sourceidentity"} or "." in key.partition(":")[0]


def outsiders(accounts: Accounts, policies: Iterable[NamedPolicy]) -> Iterator[Actor]:
    """Yield those whom resource policies let in and who are no principals of the accounts that are known.

    Whom a Deny spares by NotPrincipal may be let in by a statement that is for everybody.
    """
    seen: set[tuple[str, str]] = set()
    for named in policies:
        for statement in named.policy.statements:
            element = statement.written.principal
            if element is None or statement.denies is not element.inverted:
                continue
            for member in element.members:
                if member not in seen:
                    seen.add(member)
                    yield from _outsider(accounts, *member)


def _outsider(accounts: Accounts, kind: str, name: str) -> Iterator[Actor]:
    if kind == "Service":
        yield service_actor(accounts, name)
    elif kind == "Federated":
        principal = Principal("federated", name, _account_in(name))
        keys = {**accounts.ordinary, **principal_context(principal)}
        yield Actor(name, "federated", principal, Bindings(), keys)
    elif kind == "AWS" and name == "*":
        yield foreign_actor(accounts, UNKNOWN_ACCOUNT, "*")
    elif kind == "AWS":
        account = name if name.isdigit() else _account_in(name)
        if accounts.is_known(account):
            yield from _session(accounts, account, name)
        elif account:
            whole = name.isdigit() or name.endswith(":root")
            yield foreign_actor(accounts, account, f"arn:aws:iam::{account}:root" if whole else name)


def _session(accounts: Accounts, account: str, name: str) -> Iterator[Actor]:
    """Yield the session of a known account that a policy names by its ARN, which may let in more than its role."""
    kind, _, tail = name.rpartition(":")[2].partition("/")
    if kind == "federated-user":
        # Whose policies limit it is not known, and of a policy that names it in person it needs no others.
        principal = Principal("federated", name, account, user_id=f"{account}:{tail}")
        keys = {**accounts.ordinary, **principal_context(principal)}
        yield Actor(name, "federated", principal, Bindings(session=()), keys)
    if kind == "assumed-role":
        role_name, _, session = tail.partition("/")
        for actor in accounts.actors:
            same = actor.kind == "role" and actor.name.rpartition("/")[2] == role_name
            if same and actor.principal.account == account:
                id = f"{actor.principal.user_id.partition(':')[0]}:{session}"
                tagged = may_be_tagged(actor)
                keys = {k: v for k, v in actor.keys.items() if not (tagged and k.startswith(TAGS))}
                yield replace(
                    actor,
                    name=name,
                    kind="session",
                    principal=replace(actor.principal, arn=name, user_id=id),
                    keys={**keys, "aws:userid": id},
                    trust=None,
                    domains={**actor.domains, **({"aws:principaltag": Domain()} if tagged else {})},
                )


def may_be_tagged(actor: Actor) -> bool:
    """Return whether sessions of a role may have tags of their own, which take the place of the role's (sts.md 3.1)."""
    return actor.trust is not None and any(
        not each.denies for each in actor.trust.policy.statements_for("sts:TagSession")
    )


def federated_user(accounts: Accounts, actor: Actor) -> Actor | None:
    """Return the federated users that a user makes by sts:GetFederationToken; None when no policy lets him.

    They may do what he may, have a name and tags that he chooses, and are no IAM users to conditions (sts.md 3.2).
    """
    plan = actor.bindings.plan("sts:GetFederationToken", exempt=False)
    if actor.principal.kind != "user" or not plan.identity.entries:
        return None
    account = actor.principal.account
    arn = f"arn:{actor.name.split(':')[1]}:sts::{account}:federated-user"
    principal = Principal("federated", f"{arn}/somebody", account, user_id=f"{account}:somebody")
    keys = {**accounts.ordinary, **principal_context(principal), "aws:multifactorauthpresent": "false"}
    keys |= {key: value for key, value in actor.keys.items() if key.startswith(_OF_AN_ORGANIZATION)}
    del keys["aws:principalarn"], keys["aws:userid"]
    domains = {
        **actor.domains,
        "aws:principalarn": Domain(like=f"{arn}/??*", optional=False),
        "aws:userid": Domain(like=f"{account}:??*", optional=False),
    }
    if actor.bindings.plan("sts:TagSession", exempt=False).identity.entries:
        domains["aws:principaltag"] = Domain()
    bindings = replace(actor.bindings, session=_ALLOWED_EVERYTHING.identity)
    return replace(
        actor, kind=FEDERATED_USER, principal=principal, bindings=bindings, keys=keys, domains=domains
    )


FEDERATED_USER = "federated user"
_OF_AN_ORGANIZATION = ("aws:principalorg", "aws:resourceorg")


def keys_of_sessions(actor: Actor) -> tuple[str, ...]:
    """Return how the keys begin that whoever assumes a role chooses: by the name and the tags of the session."""
    if actor.kind != "role" or not actor.principal.user_id:
        return ()
    return ("aws:userid", TAGS) if may_be_tagged(actor) else ("aws:userid",)


def _chosen_by_sessions(actor: Actor, key: str) -> Domain:
    if key.startswith(TAGS):
        return Domain(optional=key not in actor.keys)
    return Domain(like=f"{actor.principal.user_id.partition(':')[0]}:??*", optional=False)


TAGS = "aws:principaltag/"
# An account that stands for all those that nobody named.
UNKNOWN_ACCOUNT = "999999999999"
_SESSION_COLONS = 5
_TYPES = ("User", "AssumedRole", "FederatedUser", "Account")


def service_actor(accounts: Accounts, name: str) -> Actor:
    """Return a service principal."""
    principal = Principal("service", service=name)
    keys = {**accounts.ordinary, **principal_context(principal)}
    return Actor(name, "service", principal, Bindings(), keys)


def foreign_actor(accounts: Accounts, account: str, name: str) -> Actor:
    """Return a principal of an account that is not known, which lets its principals do everything."""
    named = name if name.startswith("arn:") and not name.endswith(":root") else ""
    kind = "role-session" if ":role/" in named or ":assumed-role/" in named else "user"
    arn = named or f"arn:aws:iam::{account}:user/somebody"
    role = named if ":role/" in named else ""
    principal = Principal(
        "role-session" if kind == "role-session" else "user",
        f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/session" if role else arn,
        account,
        role_arn=role,
    )
    keys = {**accounts.ordinary, **principal_context(principal)}
    free: dict[str, Domain] = {
        "aws:principaltag": Domain(),
        "aws:userid": Domain(),
        "aws:principalorgid": Domain(excluding=accounts.organizations),
        "aws:principalorgpaths": Domain(),
    }
    keys.pop("aws:userid", None)
    if ":user/" not in named:
        keys.pop("aws:username", None)
    if ":federated-user/" in named:
        keys["aws:principaltype"] = "FederatedUser"
    if ":assumed-role/" in named:
        # The role has a path that its sessions do not show.
        keys.pop("aws:principalarn", None)
        own = named.partition(":assumed-role/")[2].partition("/")[0]
        free["aws:principalarn"] = Domain(like=f"arn:aws:iam::{account}:role/*{own}", optional=False)
    if not named:
        keys.pop("aws:principalarn", None)
        keys.pop("aws:principaltype", None)
        free["aws:principalarn"] = Domain(like=f"arn:aws:iam::{account}:*", optional=False)
        free["aws:principaltype"] = Domain(values=_TYPES, optional=False)
        free["aws:username"] = Domain()
    return Actor(name, "account", principal, _ALLOWED_EVERYTHING, keys, outside=True, domains=free)


def _account_in(arn: str) -> str:
    parts = arn.split(":", _SESSION_COLONS)
    return parts[4] if len(parts) > _SESSION_COLONS else ""


_ALLOWED_EVERYTHING = Bindings(
    identity=(
        NamedPolicy(
            "",
            compile_policy(
                '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
            ),
        ),
    )
)
