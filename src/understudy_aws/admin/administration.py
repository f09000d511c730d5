"""Answers what the owner of a server asks: status, accounts, the trail, explanations, recordings, reset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from understudy_aws import __version__
from understudy_aws.admin.build import BUILD
from understudy_aws.admin.errors import ConflictError, InvalidRequestError, NotFoundError, NotReadyError
from understudy_aws.admin.requests import (
    FORMAT,
    AddAccount,
    AddDelegationBoundary,
    AddDelegationTemplate,
    AddIssuer,
    AdminRequest,
    Attach,
    Detach,
    ExplainCall,
    ExplainQuestion,
    ExplainRequest,
    Health,
    IssueToken,
    ListAccounts,
    ListConnections,
    ListCustomDomains,
    ListDelegationMessages,
    ListDelegations,
    ListIssuers,
    ListRoles,
    ListServiceLogs,
    ListServiceStates,
    ListStateChanges,
    ListTrail,
    ListUses,
    LocalstackHealth,
    Prove,
    Reach,
    Ready,
    RecordPolicies,
    Rehearse,
    Reset,
    RotateKeys,
    SettleConnection,
    Status,
    ValidateCustomDomain,
    WhoCan,
)
from understudy_aws.core.deferred import deferred
from understudy_aws.core.http import Steps, take_all
from understudy_aws.data import service_linked_roles
from understudy_aws.gateway.controller import ControllerStatus
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.services import accounts
from understudy_aws.services.apprunner.ingress_address import ingress_address
from understudy_aws.services.apprunner.rehearsal import connector_of, rehearse
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.iam.role_records import roles
from understudy_aws.settings import DEFAULT_ACCOUNT
from understudy_aws.store.database import Transaction

if TYPE_CHECKING:
    from understudy_aws.admin import (
        account_access,
        attachments,
        connections,
        custom_domains,
        delegations,
        explanations,
        issuers,
        reachability,
        recordings,
        resource_uses,
        service_logs,
        services,
        trail_listing,
        who_can,
    )
else:
    account_access = deferred("understudy_aws.admin.account_access")
    attachments = deferred("understudy_aws.admin.attachments")
    connections = deferred("understudy_aws.admin.connections")
    custom_domains = deferred("understudy_aws.admin.custom_domains")
    delegations = deferred("understudy_aws.admin.delegations")
    explanations = deferred("understudy_aws.admin.explanations")
    issuers = deferred("understudy_aws.admin.issuers")
    reachability = deferred("understudy_aws.admin.reachability")
    recordings = deferred("understudy_aws.admin.recordings")
    resource_uses = deferred("understudy_aws.admin.resource_uses")
    service_logs = deferred("understudy_aws.admin.service_logs")
    services = deferred("understudy_aws.admin.services")
    trail_listing = deferred("understudy_aws.admin.trail_listing")
    who_can = deferred("understudy_aws.admin.who_can")


class KeyKeeper(Protocol):
    """Stores the administrators' access keys where the owner of the server finds them."""

    def write_keys(self, account: str, access_key_id: str, secret_access_key: str) -> None: ...

    def forget_keys(self) -> None: ...


class _NoKeeper:
    """Stores no keys: the answer that creates an account is the only place that shows them."""

    def write_keys(self, account: str, access_key_id: str, secret_access_key: str) -> None:
        """Do nothing."""

    def forget_keys(self) -> None:
        """Do nothing."""


class Administration:
    """Answers the administrative requests of one state, for a running server and for the command line alone.

    `controllers` answers how background work does. `clear` removes all records within a transaction. `account` is
    the account that a reset creates, empty for the one that was the first. `settings` are the settings that `status`
    repeats. `node` is the directory of the node, and `obstacle` answers why its network filters no packets.
    `certificate` is the file with the user's own certificate. `keeper` is told the keys of every account that is
    created here.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        policies: PolicySource,
        account: str,
        controllers: Callable[[], Sequence[ControllerStatus]],
        clear: Callable[[Transaction], None],
        settings: Mapping[str, str],
        node: Path,
        obstacle: Callable[[], str] = str,
        certificate: str = "",
    ) -> None:
        self.keeper: KeyKeeper = _NoKeeper()
        self._gateway = gateway
        self._policies = policies
        self._account = account
        self._controllers = controllers
        self._clear = clear
        self._settings = settings
        self._node = node
        self._obstacle = obstacle
        self._started = gateway.clock.now()
        self._functions: dict[type[AdminRequest], Callable[[Any], Any]] = {
            Health: self._health,
            Ready: self._ready,
            LocalstackHealth: self._localstack_health,
            Status: self._status,
            Reset: self._reset,
            AddAccount: self._add_account,
            ListAccounts: self._list_accounts,
            RotateKeys: self._rotate_keys,
            ListTrail: self._list_trail,
            ExplainRequest: lambda request: self._explanations.of_request(request.id),
            ExplainCall: lambda asked: self._explanations.of_text(asked.text),
            ExplainQuestion: lambda asked: self._explanations.ahead(
                asked.as_, asked.action, asked.resource, asked.context
            ),
            WhoCan: lambda asked: take_all(who_can.in_steps(self._gateway, self._policies, asked)),
            Prove: lambda asked: take_all(who_can.proved_in_steps(self._gateway, self._policies, asked)),
            RecordPolicies: lambda asked: self._recordings.of(asked),  # noqa: PLW0108 - made when first asked
            Rehearse: self._rehearse,
            ListRoles: self._list_roles,
            Attach: lambda asked: {**self._attachments.attach(asked), "obstacle": self._obstacle()},
            Reach: self._reach,
            Detach: lambda asked: self._attachments.detach(asked),  # noqa: PLW0108
            ListUses: lambda asked: resource_uses.listed(self._gateway, asked),
            ListConnections: lambda _: connections.listed(self._gateway),
            SettleConnection: lambda asked: connections.settle(self._gateway, asked),
            ListServiceLogs: lambda asked: service_logs.listed(self._gateway, asked),
            ListServiceStates: lambda asked: services.listed(self._gateway, asked),
            ListStateChanges: lambda asked: services.changes(self._gateway, asked),
            ListCustomDomains: lambda _: custom_domains.listed(self._gateway, certificate),
            ValidateCustomDomain: lambda asked: custom_domains.validate(self._gateway, asked),
            ListIssuers: lambda _: issuers.listed(self._gateway),
            AddIssuer: lambda asked: issuers.add(self._gateway, asked),
            IssueToken: lambda asked: issuers.issue(self._gateway, asked),
            ListDelegations: lambda _: delegations.listed(self._gateway),
            AddDelegationTemplate: lambda asked: delegations.add_template(self._gateway, asked),
            AddDelegationBoundary: lambda asked: delegations.add_boundary(self._gateway, asked),
            ListDelegationMessages: lambda asked: delegations.messages(self._gateway, asked),
        }

    @cached_property
    def _attachments(self) -> attachments.Attachments:
        return attachments.Attachments(self._gateway, self._node)

    @cached_property
    def _explanations(self) -> explanations.Explanations:
        return explanations.Explanations(self._gateway, self._policies)

    @cached_property
    def _recordings(self) -> recordings.Recordings:
        return recordings.Recordings(self._gateway)

    def answer(self, request: AdminRequest) -> Any:
        """The answer to a request, as a value that `msgspec.json` can encode. Raises AdminError."""
        return self._functions[type(request)](request)

    def answer_in_steps(self, request: AdminRequest) -> Steps[Any] | None:
        """Make the answer to a request that takes long in short steps; None for any other. Raises AdminError."""
        if isinstance(request, RecordPolicies):
            return self._recordings.in_steps(request)
        if isinstance(request, WhoCan):
            return who_can.in_steps(self._gateway, self._policies, request)
        if isinstance(request, Prove):
            return who_can.proved_in_steps(self._gateway, self._policies, request)
        return None

    def _health(self, _request: Health) -> Any:
        return {
            "status": "ok",
            "version": __version__,
            "format": FORMAT,
            "build": BUILD,
            "state_format": self._gateway.database.store.format,
            "iam": self._settings["iam"],
        }

    def _ready(self, _request: Ready) -> Any:
        database = self._gateway.database
        # Whoever waits for the server to be ready again sends it nothing else that it could try to keep.
        database.retry()
        if database.refusal:
            raise NotReadyError(f"Changes cannot be kept: {database.refusal}")
        with database.transaction() as tx:
            if next(accounts.accounts.scan(tx), None) is None:
                raise NotReadyError("There is no account yet.")
        return {"status": "ready", "version": __version__}

    def _localstack_health(self, _request: LocalstackHealth) -> Any:
        services = sorted({operation.service for operation in self._gateway.registry})
        return {
            "services": dict.fromkeys(services, "running"),
            "edition": "understudy",
            "version": __version__,
        }

    def _status(self, _request: Status) -> Any:
        database = self._gateway.database
        with database.transaction() as tx:
            known = [{"id": account.id, "created": account.created} for account in accounts.in_order(tx)]
            ingress = ingress_address(tx)
            not_attached = [
                {
                    "interface": each.interface,
                    "command": each.command,
                    "problem": each.problem,
                    "since": each.since,
                }
                for each in attached_programs.scan(tx)
                if each.problem
            ]
        return {
            "not_attached": not_attached,
            "version": __version__,
            "format": FORMAT,
            "state_format": database.store.format,
            "accounts": known,
            "node": str(self._node),
            "ingress": ingress,
            "obstacle": self._obstacle(),
            "records": database.count(),
            "controllers": self._controllers(),
            **database.status(),
            "uptime_seconds": int((self._gateway.clock.now() - self._started).total_seconds()),
            **self._settings,
        }

    def _reset(self, request: Reset) -> Any:
        gateway = self._gateway
        with gateway.database.transaction() as tx:
            known = [account.id for account in accounts.in_order(tx)]
            account = self._account or next(iter(known), DEFAULT_ACCOUNT)
            kept = accounts.keys_of_administrator(tx, account) if request.keep_keys else []
            self._clear(tx)
            keys = accounts.make(tx, account, ids=gateway.ids, at=gateway.clock.now(), keep=kept)
        gateway.database.flush()
        self.keeper.forget_keys()
        return {**self._handed_over(account, keys), "kept_keys": bool(kept)}

    def _add_account(self, request: AddAccount) -> Any:
        if not re.fullmatch(r"[0-9]{12}", request.id):
            raise InvalidRequestError(f"An account's id is 12 digits, not {request.id!r}.")
        with self._gateway.database.transaction() as tx:
            if accounts.accounts.get(tx, request.id) is not None:
                raise ConflictError(f"Account {request.id} exists already.")
            keys = self._keys_of_new(tx, request.id)
        # A crash must not take back keys that somebody was told.
        self._gateway.database.flush()
        return self._handed_over(request.id, keys)

    def _list_accounts(self, _request: ListAccounts) -> Any:
        with self._gateway.database.transaction() as tx:
            return {"accounts": account_access.listed(tx)}

    def _rotate_keys(self, request: RotateKeys) -> Any:
        with self._gateway.database.transaction() as tx:
            keys = account_access.rotate(tx, request.id, ids=self._gateway.ids, clock=self._gateway.clock)
        self._gateway.database.flush()
        return self._handed_over(request.id, keys)

    def _keys_of_new(self, tx: Transaction, account: str) -> accounts.Keys:
        return accounts.make(tx, account, ids=self._gateway.ids, at=self._gateway.clock.now())

    def _handed_over(self, account: str, keys: accounts.Keys) -> Any:
        self.keeper.write_keys(account, keys.access_key_id, keys.secret_access_key)
        return {
            "account": account,
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
        }

    def _reach(self, request: Reach) -> Any:
        answer = reachability.answer(self._gateway, request, self._node)
        return {**answer, "obstacle": self._obstacle()}

    def _list_trail(self, request: ListTrail) -> Any:
        return {"entries": trail_listing.listed(self._gateway, request)}

    def _rehearse(self, request: Rehearse) -> Any:
        """Use a connector through the networking role, and delete again what that creates."""
        connector = connector_of(self._gateway, request.connector)
        if connector is None:
            raise NotFoundError(f"There is no active VPC connector {request.connector}.")
        steps = rehearse(self._gateway, connector)
        self._gateway.database.flush()
        return {
            "connector": request.connector,
            "held": all(step.held for step in steps),
            "steps": [
                {"title": step.title, "allowed": step.allowed, "answered": step.answered, "held": step.held}
                for step in steps
            ],
        }

    def _list_roles(self, _request: ListRoles) -> Any:
        existing: dict[str, list[dict[str, str]]] = {}
        with self._gateway.database.transaction() as tx:
            for role in roles.scan(tx):
                if role.linked_service:
                    found = {"account": role.account, "arn": role.arn}
                    existing.setdefault(role.linked_service, []).append(found)
        return {
            "roles": [
                {
                    "principal": template.principal,
                    "role_name": template.role_name,
                    "policy": template.policy,
                    "custom_suffix": template.custom_suffix,
                    "confidence": template.confidence,
                    "source": template.source,
                    "existing": existing.get(template.principal, []),
                }
                for template in service_linked_roles.catalogue()
            ],
            "unknown": [
                {"policy": role.policy, "source": role.source} for role in service_linked_roles.unknown()
            ],
        }
