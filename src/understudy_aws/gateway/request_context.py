"""The request context: the condition keys of a request (policies.md 4.6), built in this one place.

Live decisions, questions that are asked ahead and calls read back from the trail all get their condition keys here, so
that they cannot differ. Keys are lower-cased; a key that AWS defines as a list has a list as its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from understudy_aws.authn.caller import Caller, SessionFacts
from understudy_aws.core.clock import iso_seconds
from understudy_aws.data import service_catalogue
from understudy_aws.data.regions import GLOBAL_REGION, GLOBAL_SERVICES
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.gateway.tag_keys import tag_keys
from understudy_aws.policy import Principal, principal_context, question_context
from understudy_aws.store.database import Transaction

ConditionKeys = dict[str, str | list[str]]

_NOT_IN_AN_ORGANIZATION = frozenset({"service", "anonymous", "identity-provider"})
_OF_THE_RESOURCE = frozenset({"aws:resourceorgid", "aws:resourceorgpaths"})


class RequestFacts(Protocol):
    """What the condition keys of a request are made from. `Call`, `TrailEntry` and `HypotheticalRequest` have it.

    `source_ip` and `user_agent` are None when they are not known; `vpc_endpoint` is the endpoint of `vpc` that the
    request came through, if any. `via` are the services that it came through, each calling the next with the caller's
    permissions.
    """

    @property
    def caller(self) -> Caller: ...
    @property
    def principal(self) -> Principal: ...
    @property
    def region(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def secure(self) -> bool: ...
    @property
    def source_ip(self) -> str | None: ...
    @property
    def user_agent(self) -> str | None: ...
    @property
    def vpc(self) -> str: ...
    @property
    def vpc_endpoint(self) -> str: ...
    @property
    def via(self) -> tuple[str, ...]: ...


class HypotheticalRequest(msgspec.Struct, frozen=True):
    """A request that was not made, only asked about. It counts as encrypted; its client and address are not known."""

    caller: Caller
    principal: Principal
    region: str
    at: datetime
    secure: bool = True
    source_ip: str | None = None
    user_agent: str | None = None
    vpc: str = ""
    vpc_endpoint: str = ""
    via: tuple[str, ...] = ()


def principal_of(caller: Caller) -> Principal:
    """Return the caller as the policy engine sees one."""
    return Principal(
        kind="federated" if caller.kind == "identity-provider" else caller.kind,
        arn=caller.arn,
        account=caller.account,
        role_arn=caller.role_arn,
        service=caller.arn if caller.kind == "service" else "",
        service_linked=caller.service_linked,
        user_id=caller.user_id,
    )


def request_keys(tx: Transaction, request: RequestFacts, policies: PolicySource) -> ConditionKeys:
    """Return the condition keys that are the same for every question of one request."""
    caller, via = request.caller, request.via
    keys = principal_context(request.principal)
    keys["aws:currenttime"] = iso_seconds(request.at)
    keys["aws:epochtime"] = str(int(request.at.timestamp()))
    keys["aws:securetransport"] = "true" if request.secure else "false"
    keys["aws:viaawsservice"] = "true" if via else "false"
    if request.vpc_endpoint:
        # Such requests have no address that the internet would know (policies.md 4.6).
        keys["aws:sourcevpc"] = request.vpc
        keys["aws:sourcevpce"] = request.vpc_endpoint
        keys["aws:vpcsourceip"] = request.source_ip or ""
    elif request.source_ip is not None:
        keys["aws:sourceip"] = request.source_ip
    if request.user_agent is not None:
        keys["aws:useragent"] = request.user_agent
    if via:
        keys["aws:calledvia"] = list(via)
        keys["aws:calledviafirst"] = via[0]
        keys["aws:calledvialast"] = via[-1]
    if caller.session is not None:
        keys.update(session_keys(caller.session, request.at))
    if caller.source_arn:
        keys["aws:sourcearn"] = caller.source_arn
        keys["aws:sourceaccount"] = caller.source_account
        keys.update(organization_keys("source", policies.membership(tx, caller.source_account)))
    keys.update(tag_keys("aws:principaltag", policies.tags(tx, caller).items()))
    membership = policies.membership(tx, caller.account)
    if membership is not None:
        # Most questions are about the caller's own resources, so the keys of those are made once for all questions.
        keys.update(organization_keys("resource", membership))
        if caller.kind not in _NOT_IN_AN_ORGANIZATION:
            keys.update(organization_keys("principal", membership))
    return keys


def session_keys(session: SessionFacts, at: datetime) -> ConditionKeys:
    """Return the condition keys that temporary credentials bring, at a time."""
    keys: ConditionKeys = {"aws:tokenissuetime": iso_seconds(session.issued_at)}
    # A code is shown when the session is asked for, and never after.
    keys.update(second_factor_keys(at - session.issued_at if session.mfa else None))
    if session.token_kind == "assume-root":  # noqa: S105 - a kind
        keys["aws:assumedroot"] = "true"
    if session.source_identity:
        keys["aws:sourceidentity"] = session.source_identity
    if session.provider:
        keys["aws:federatedprovider"] = session.provider
    for name, held in session.claims:
        keys[name] = held if isinstance(held, str) else list(held)
    return keys


def second_factor_keys(age: timedelta | None) -> ConditionKeys:
    """Return the condition keys of a second factor that was shown so long ago, or not at all."""
    if age is None:
        return {"aws:multifactorauthpresent": "false"}
    seconds = str(int(age.total_seconds()))
    return {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": seconds}


def ordinary_keys(at: datetime) -> ConditionKeys:
    """Return the condition keys that any request has at a time, whoever makes it. It counts as encrypted."""
    return {
        "aws:currenttime": iso_seconds(at),
        "aws:epochtime": str(int(at.timestamp())),
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
    }


def keys_for_owner(
    tx: Transaction, request: RequestFacts, shared: ConditionKeys, policies: PolicySource, owner: str
) -> ConditionKeys:
    """Return the request's `shared` keys as they are for resources of account `owner`."""
    if owner == request.caller.account:
        return shared
    keys = {key: value for key, value in shared.items() if key not in _OF_THE_RESOURCE}
    keys.update(organization_keys("resource", policies.membership(tx, owner)))
    return keys


def question_keys(
    request: RequestFacts,
    shared: ConditionKeys,
    action: str,
    owner: str,
    own: Mapping[str, str | list[str]],
) -> ConditionKeys:
    """Return all condition keys of one question of a request.

    `shared` are the keys of all questions of the request about resources of account `owner`; `own` are those of the
    resource and of the action's parameters.
    """
    service = action.partition(":")[0]
    keys = {
        **shared,
        "aws:resourceaccount": owner,
        "aws:requestedregion": GLOBAL_REGION if service in GLOBAL_SERVICES else request.region,
        **own,
    }
    if service == "ec2":
        keys["ec2:region"] = request.region
    return keys


def stated_keys(values: Mapping[str, str | list[str]]) -> ConditionKeys:
    """Return condition keys that somebody stated, in the form the policy engine takes: lower-cased, lists as lists."""
    return {
        key: [value] if isinstance(value, str) and service_catalogue.is_list_key(key) else value
        for key, value in question_context(values).items()
    }


def organization_keys(whose: str, membership: Membership | None) -> ConditionKeys:
    """Return `aws:PrincipalOrgID` and `aws:PrincipalOrgPaths`, or the resource's or the source's (`whose`)."""
    if membership is None:
        return {}
    return {f"aws:{whose}orgid": membership.organization, f"aws:{whose}orgpaths": [membership.path]}
