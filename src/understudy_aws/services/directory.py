"""Finds who holds a key, which policies bind a caller, and which tags it carries. It is asked on every request.

Answers are cached with the records they were made from. A record never changes, so an answer is valid while these are
still the records in the store, and nothing else has to be watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from understudy_aws.authn.caller import Caller, SessionFacts
from understudy_aws.authn.credentials import Credential
from understudy_aws.core import arn as arns
from understudy_aws.core.arn import iam, sts
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.propagation import Propagation
from understudy_aws.policy import Bindings, NamedPolicy, compile_policy
from understudy_aws.services.iam.groups import groups
from understudy_aws.services.iam.oidc_provider_records import oidc_providers
from understudy_aws.services.iam.policy_records import default_document, document_of, policies
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.saml_provider_records import saml_providers
from understudy_aws.services.iam.users import AccessKey, User, access_keys, users
from understudy_aws.services.organizations import control_policies
from understudy_aws.services.organizations.organization_records import members
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

T = TypeVar("T")
R = TypeVar("R", bound=Record)
MOST_KEPT = 20_000
# What decisions are made from: changes of these are not known everywhere at once at AWS.
IAM_TABLES = frozenset(
    table.name for table in (access_keys, groups, oidc_providers, policies, roles, saml_providers, users)
)
_NOTHING = Bindings()
_WITHOUT_POLICIES = frozenset({"service", "root", "identity-provider", "anonymous"})
# A record an answer was made from: its table, its key, and itself (None: there was none).
Source = tuple[Any, tuple[str, ...], Any]


class Directory:
    """Implements `authn.CredentialSource` and `gateway.PolicySource` with IAM's and STS's records."""

    def __init__(self, propagation: Propagation | None = None) -> None:
        """With `propagation`, records count as they are known by now; without it, as they are."""
        self._propagation = propagation
        self._credentials = _Kept[Credential]()
        self._bindings = _Kept[Bindings]()
        self._memberships = _Kept[Membership]()

    def credential(self, tx: Transaction, access_key_id: str) -> Credential | None:
        """Return the key as it is now, or None when it, or its user or role, does not exist."""
        kept = self._credentials.get(tx, access_key_id)
        if kept is not None:
            return kept
        key = self._seen(tx, access_keys, access_key_id)
        made = self._long_term(tx, key) if key is not None else self._temporary(tx, access_key_id)
        if made is None:
            return None
        credential, sources = made
        self._credentials.keep(access_key_id, credential, sources)
        return credential

    @staticmethod
    def end_session(tx: Transaction, access_key_id: str) -> None:
        """Delete temporary credentials. It is no error if there are none."""
        session = sessions.get(tx, access_key_id)
        if session is not None:
            sessions.delete(tx, session)

    def bindings(self, tx: Transaction, caller: Caller, owner: str = "") -> Bindings:
        """Return the policies that bind a caller: its own, and its groups', boundary's, session's and organization's.

        Resource control policies are those of `owner`, the account of the resource. Empty means the caller's own.
        """
        if caller.kind in _WITHOUT_POLICIES:
            made = self._bindings_of_nobody(tx, caller, owner or caller.account)
            if caller.session is None:
                return made
            # What a root session is not for is denied; the rest the root user may anyway (sts.md 3.4).
            tasks = self._managed(tx, caller.session.policy_arns, [])
            return replace(made, identity=tuple(tasks), scopes=_scopes(caller))
        id = (caller.access_key_id if caller.session is not None else "") or caller.user_id
        foreign = (
            bool(owner) and owner != caller.account and self._bound_differently(tx, caller.account, owner)
        )
        key = f"{id} {owner}" if foreign else id
        kept = self._bindings.get(tx, key)
        if kept is not None:
            return kept
        sources: list[Source] = []
        made = self._bind(tx, caller, sources)
        if foreign:
            theirs = control_policies.membership(tx, owner, sources)
            made = replace(made, rcps=theirs.rcp_policies if theirs is not None else ())
        if self._propagation is None or not self._propagation.is_passed_over:
            self._bindings.keep(key, made, sources)
        return made

    def membership(self, tx: Transaction, account: str) -> Membership | None:
        """Return an account's place in its organization, or None."""
        if members.get(tx, account) is None:
            return None
        kept = self._memberships.get(tx, account)
        if kept is not None:
            return kept
        sources: list[Source] = []
        made = control_policies.membership(tx, account, sources)
        assert made is not None, "the account is a member"
        self._memberships.keep(account, made, sources)
        return made

    def tags(self, tx: Transaction, caller: Caller) -> Mapping[str, str]:
        """Return `aws:PrincipalTag`: a user's tags, or a role's with the session's over them.

        Keys compare without case.
        """
        if caller.kind not in ("user", "role-session", "federated"):
            return {}
        table: Any = roles if caller.kind == "role-session" else users
        entity = (
            table.get(tx, caller.account, caller.name.lower())
            if self._propagation is None
            else self._propagation.seen(tx, table, (caller.account, caller.name.lower()))
        )
        own = entity.tags if entity is not None and caller.kind != "federated" else ()
        if caller.session is None or not caller.session.tags:
            return dict(own)
        overlaid = {key.lower() for key, _ in caller.session.tags}
        return {
            **{key: value for key, value in own if key.lower() not in overlaid},
            **dict(caller.session.tags),
        }

    # Credentials.

    def _long_term(self, tx: Transaction, key: AccessKey) -> tuple[Credential, list[Source]] | None:
        user = self._seen(tx, users, key.account, key.user)
        if user is None:
            return None
        caller = replace(_user_caller(user), access_key_id=key.id)
        sources: list[Source] = [(access_keys, (key.id,), key), (users, (key.account, key.user), user)]
        return Credential(key.id, key.secret, caller, active=key.active), sources

    def _temporary(self, tx: Transaction, id: str) -> tuple[Credential, list[Source]] | None:
        session = sessions.get(tx, id)
        if session is None:
            return None
        sources: list[Source] = [(sessions, (id,), session)]
        if session.scoped_from:
            # It ends with the session that was scoped down.
            first = sessions.get(tx, session.scoped_from)
            if first is None:
                return None
            sources.append((sessions, (session.scoped_from,), first))
        if session.kind == "assume-root":
            caller = _root_caller(session)
            return Credential(id, session.secret, caller, session.token, session.expires), sources
        table: Any = roles if session.principal_id.startswith("AROA") else users
        # By unique id: a user by another name is the same, and one made again under the name is not.
        found = table.where(tx, "by_id", session.principal_id)
        if not found:
            return None
        caller = _session_caller(session, found[0])
        sources.append((table, table.key(found[0]), found[0]))
        return Credential(id, session.secret, caller, session.token, session.expires), sources

    def _seen(self, tx: Transaction, table: Table[R], *key: str) -> R | None:
        """Return a record as it is known by now."""
        if self._propagation is None:
            return table.get(tx, *key)
        found: R | None = self._propagation.seen(tx, table, key)
        return found

    # Bindings.

    def _bindings_of_nobody(self, tx: Transaction, caller: Caller, owner: str) -> Bindings:
        """Return what binds callers without policies.

        Service control policies bind the root user, resource control policies all.
        """
        own = self.membership(tx, caller.account) if caller.kind == "root" else None
        theirs = self.membership(tx, owner)
        if (own is None or not own.scps) and (theirs is None or not theirs.rcps):
            return _NOTHING
        key = f"{caller.kind} {caller.account if own is not None else ''} {owner}"
        kept = self._bindings.get(tx, key)
        if kept is not None:
            return kept
        sources: list[Source] = []
        own = control_policies.membership(tx, caller.account, sources) if own is not None else None
        theirs = control_policies.membership(tx, owner, sources)
        made = Bindings(
            scps=own.scp_policies if own is not None else (),
            rcps=theirs.rcp_policies if theirs is not None else (),
        )
        self._bindings.keep(key, made, sources)
        return made

    def _bound_differently(self, tx: Transaction, account: str, owner: str) -> bool:
        """Return whether two accounts' resources are bound by different policies."""
        own, theirs = self.membership(tx, account), self.membership(tx, owner)
        return (own.rcps if own is not None else ()) != (theirs.rcps if theirs is not None else ())

    def _bind(self, tx: Transaction, caller: Caller, sources: list[Source]) -> Bindings:
        kind: Any = roles if caller.kind == "role-session" else users
        name = caller.session_name.lower() if caller.kind == "federated" else caller.name.lower()
        entity: User | Role | None = self._seen(tx, kind, caller.account, name)
        sources.append((kind, (caller.account, name), entity))
        organization = control_policies.membership(tx, caller.account, sources)
        scps = organization.scp_policies if organization is not None else ()
        rcps = organization.rcp_policies if organization is not None else ()
        if entity is None:
            return Bindings(scps=scps, rcps=rcps, scopes=_scopes(caller))
        identity = [NamedPolicy(each, compile_policy(text)) for each, text in entity.inline]
        identity += self._managed(tx, entity.attached, sources)
        for group_name in entity.groups if isinstance(entity, User) else ():
            group = self._seen(tx, groups, caller.account, group_name)
            sources.append((groups, (caller.account, group_name), group))
            if group is not None:
                identity += [NamedPolicy(each, compile_policy(text)) for each, text in group.inline]
                identity += self._managed(tx, group.attached, sources)
        boundary = self._managed(tx, (entity.boundary,), sources) if entity.boundary else []
        if entity.boundary and not boundary:
            # A boundary that no longer exists allows nothing.
            boundary = [NamedPolicy(entity.boundary, _ALLOWS_NOTHING)]
        return Bindings(
            identity=tuple(identity),
            boundary=boundary[0] if boundary else None,
            session=self._session_policies(tx, caller, sources),
            scps=scps,
            rcps=rcps,
            scopes=_scopes(caller),
        )

    def _session_policies(
        self, tx: Transaction, caller: Caller, sources: list[Source]
    ) -> tuple[NamedPolicy, ...] | None:
        session = caller.session
        if session is None:
            return None
        if session.policies is None and not session.policy_arns:
            # Without a session policy a federated user has nothing of the user's (sts.md 3.2).
            return () if session.token_kind == "federation" else None  # noqa: S105 - a kind
        inline = [
            NamedPolicy("session policy", compile_policy(text, kind="session"))
            for text in session.policies or ()
        ]
        return (*inline, *self._managed(tx, session.policy_arns, sources))

    def _managed(
        self, tx: Transaction, attached: tuple[str, ...], sources: list[Source]
    ) -> list[NamedPolicy]:
        found = []
        for arn in attached:
            parsed = arns.parse(arn)
            if parsed is not None and parsed.account != "aws":
                # Also of one that is not there: a session's policy that was deleted may come back under its ARN.
                key = (parsed.account, parsed.resource.rpartition("/")[2].lower())
                policy = self._seen(tx, policies, *key)
                sources.append((policies, key, policy))
                document = default_document(policy) if policy is not None and policy.arn == arn else None
            else:
                document = document_of(tx, arn)
            if document is not None:
                found.append(NamedPolicy(arn, compile_policy(document)))
        return found


class _Kept(Generic[T]):
    """Answers with the records they were made from. When there are too many, the oldest one is removed."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[T, list[Source]]] = {}

    def get(self, tx: Transaction, id: str) -> T | None:
        """Return the answer if every record it was made from is still in the store, or None."""
        kept = self._answers.get(id)
        if kept is None:
            return None
        for table, key, record in kept[1]:
            if tx.cache(table).records.get(key) is not record:
                del self._answers[id]
                return None
        return kept[0]

    def keep(self, id: str, answer: T, sources: list[Source]) -> None:
        if len(self._answers) >= MOST_KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[id] = (answer, sources)


def _user_caller(user: User) -> Caller:
    return Caller(kind="user", account=user.account, arn=user.arn, user_id=user.id, name=user.name)


def _root_caller(session: Session) -> Caller:
    """Return the root user of an account, in a session that another account has."""
    return Caller(
        kind="root",
        account=session.account,
        arn=iam(session.account, "root"),
        user_id=session.account,
        access_key_id=session.access_key_id,
        session=_facts(session),
    )


def _facts(session: Session) -> SessionFacts:
    return SessionFacts(
        issued_at=session.issued,
        expires_at=session.expires,
        policies=session.policies,
        policy_arns=session.policy_arns,
        tags=session.tags,
        transitive=session.transitive,
        source_identity=session.source_identity,
        chained=session.chained,
        mfa=session.mfa,
        token_kind=session.kind,
        provider=session.provider,
        claims=session.claims,
        scopes=session.scopes,
        delegate=session.delegate,
    )


def _scopes(caller: Caller) -> tuple[tuple[NamedPolicy], ...]:
    """Return the scope-down policies of a session, each of which must allow."""
    texts = caller.session.scopes if caller.session is not None else ()
    return tuple(
        (NamedPolicy(f"scope-down policy {number}", compile_policy(text, kind="session")),)
        for number, text in enumerate(texts, 1)
    )


def _session_caller(session: Session, principal: User | Role) -> Caller:
    """Return the caller of temporary credentials, with the role or user they belong to as it is now."""
    facts = _facts(session)
    if isinstance(principal, Role):
        return Caller(
            kind="role-session",
            account=session.account,
            arn=sts(session.account, f"assumed-role/{principal.name}/{session.session_name}"),
            user_id=f"{principal.id}:{session.session_name}",
            name=principal.name,
            access_key_id=session.access_key_id,
            role_arn=principal.arn,
            session_name=session.session_name,
            service_linked=bool(principal.linked_service),
            session=facts,
            invoked_by=session.invoked_by,
        )
    if session.kind == "federation":
        return Caller(
            kind="federated",
            account=session.account,
            arn=sts(session.account, f"federated-user/{session.session_name}"),
            user_id=f"{session.account}:{session.session_name}",
            name=session.session_name,
            access_key_id=session.access_key_id,
            # Whose policies the session's are met with.
            session_name=principal.name,
            session=facts,
        )
    return replace(_user_caller(principal), access_key_id=session.access_key_id, session=facts)


_ALLOWS_NOTHING = compile_policy('{"Version":"2012-10-17","Statement":[]}')
