"""Why a request was decided as it was, asked again of the policies as they are now; or asked ahead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from understudy.authn.caller import Caller
from understudy.core.arn import parse
from understudy.gateway.authorization import PolicySource, principal_of
from understudy.gateway.pipeline import Gateway
from understudy.gateway.trail import Evaluation, TrailEntry
from understudy.policy import (
    Bindings,
    NamedPolicy,
    Question,
    compile_policy,
    explain,
    principal_context,
    render,
    request_context,
)
from understudy.services.iam.role_records import Role, roles
from understudy.services.iam.trust import readable
from understudy.services.iam.users import users
from understudy.store.database import Transaction
from understudy.store.protocol import Entry

_READ = msgspec.json.Decoder(TrailEntry).decode
# What was done for a request is written just before it; no request of ours makes more calls than this.
_MOST_MADE_FOR_ONE = 200
_ASSUMING = frozenset({"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"})


class NothingToExplainError(Exception):
    """No such request, or no such principal: one sentence."""


class Explanations:
    """Explains with the trail's entries, and the policies of `policies`."""

    def __init__(self, gateway: Gateway, policies: PolicySource) -> None:
        self._gateway = gateway
        self._policies = policies

    def of_request(self, request_id: str) -> dict[str, Any]:
        """A request that was made, the questions it put, and those of the calls made for it.

        Raises NothingToExplainError when the trail does not hold it (any more).
        """
        database = self._gateway.database
        found = next(iter(database.log(id=request_id, limit=1)), None)
        if found is None:
            raise NothingToExplainError(f"The trail holds no request {request_id}.")
        entry = _READ(found.body)
        earlier = database.log(before=found.sequence, limit=_MOST_MADE_FOR_ONE)
        made_for_it = [each for each in map(_read_row, earlier) if each.parent == request_id][::-1]
        with database.transaction() as tx:
            questions = self._questions(tx, entry)
            inner: list[dict[str, Any]] = [
                {"call": each, "questions": self._questions(tx, each)} for each in made_for_it
            ]
        everything = [*questions, *(question for each in inner for question in each["questions"])]
        refusals = [question for question in everything if question["effect"] != "allow"]
        return {
            "call": entry,
            "refused": entry.outcome != "ok",
            "questions": questions,
            "made_for_it": inner,
            "summary": _summary(entry, refusals),
        }

    def ahead(
        self, arn: str, action: str, resource: str, context: Mapping[str, str | list[str]]
    ) -> dict[str, Any]:
        """What the policies would say to this principal now. Raises NothingToExplainError."""
        service, colon, name = action.partition(":")
        if not (service and colon and name):
            raise NothingToExplainError(
                f"An action is written service:Name, such as ec2:CreateVpc, not {action!r}."
            )
        with self._gateway.database.transaction() as tx:
            caller = self._caller_named(tx, arn)
            principal = principal_of(caller)
            at = self._gateway.clock.now()
            keys: dict[str, str | list[str]] = {
                **principal_context(principal),
                "aws:currenttime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "aws:epochtime": str(int(at.timestamp())),
                **{
                    f"aws:principaltag/{key.lower()}": value
                    for key, value in self._policies.tags(tx, caller).items()
                },
                **request_context(context),
            }
            parsed = parse(resource)
            owner = parsed.account if parsed is not None and parsed.account.isdecimal() else caller.account
            question = Question(principal, action, resource, keys, owner)
            return self._ask(tx, question, caller)

    def _questions(self, tx: Transaction, entry: TrailEntry) -> list[dict[str, Any]]:
        return [self._again(tx, entry, evaluation) for evaluation in entry.evaluations]

    def _again(self, tx: Transaction, entry: TrailEntry, was: Evaluation) -> dict[str, Any]:
        """One question of the past. Only refusals are kept with their circumstances, and asked again."""
        if was.allowed:
            return {
                "action": was.action,
                "resource": was.resource,
                "effect": was.effect,
                "text": _allowed_by(was),
            }
        caller = self._caller_of(entry)
        question = Question(
            principal_of(caller), was.action, was.resource, was.context, was.account or entry.account
        )
        answer = self._ask(tx, question, caller)
        if answer["effect"] == was.effect:
            return answer
        return {
            **answer,
            "effect": was.effect,
            "missing_statement": "",
            "remedies": (),
            "now": "Policies have changed since: asked now, the answer is "
            + ("yes." if answer["effect"] == "allow" else f"no for another reason ({answer['effect']})."),
        }

    def _caller_of(self, entry: TrailEntry) -> Caller:
        """The caller of an entry, with session and all while the key is known."""
        credential = (
            self._gateway.credentials.credential(entry.access_key_id) if entry.access_key_id else None
        )
        if credential is not None and credential.caller.arn == entry.caller:
            return credential.caller
        return Caller(
            kind=entry.caller_kind,  # type: ignore[arg-type]  # written by the pipeline from a caller's kind
            account=entry.account,
            arn=entry.caller,
            user_id=entry.user_id,
            name=_name_in(entry.role_arn or entry.caller),
            role_arn=entry.role_arn,
            session_name=entry.caller.rpartition("/")[2] if entry.role_arn else "",
        )

    def _caller_named(self, tx: Transaction, arn: str) -> Caller:
        """The user, role or account root of that ARN, as it would call."""
        parsed = parse(arn)
        if parsed is None or parsed.service != "iam":
            raise NothingToExplainError(f"{arn!r} is no ARN of a user, a role or an account's root.")
        kind, _, tail = parsed.resource.partition("/")
        name = _name_in(arn)
        if parsed.resource == "root":
            return Caller("root", parsed.account, arn, parsed.account)
        if kind == "user":
            user = users.get(tx, parsed.account, name.lower())
            if user is not None and user.arn == arn:
                return Caller("user", parsed.account, arn, user.id, user.name)
        if kind == "role":
            role = roles.get(tx, parsed.account, name.lower())
            if role is not None and role.arn == arn:
                session = "explained"
                return Caller(
                    "role-session",
                    parsed.account,
                    f"arn:{parsed.partition}:sts::{parsed.account}:assumed-role/{role.name}/{session}",
                    f"{role.id}:{session}",
                    role.name,
                    role_arn=arn,
                    session_name=session,
                    service_linked=bool(role.linked_service),
                )
        raise NothingToExplainError(f"There is no {kind} {tail or arn} in account {parsed.account}.")

    def _ask(self, tx: Transaction, question: Question, caller: Caller) -> dict[str, Any]:
        """Ask the policies as they are now. Assuming a role is decided by the role's own policy too."""
        bindings = self._policies.bindings(tx, caller)
        role = _role_assumed(tx, question)
        fixed = ""
        if role is not None:
            trust = compile_policy(readable(tx, role.trust), name=role.arn, kind="trust")
            bindings = bindings.with_resource(NamedPolicy(role.arn, trust), trust=True)
            if role.linked_service:
                fixed = (
                    f"{role.name} is {role.linked_service}'s own: it lets nobody else in, and stays as it is."
                )
        elif caller.service_linked:
            fixed = f"{caller.name} is a service's own role: nobody can add to what its policy allows."
        return _answer(question, bindings, fixed)


def _role_assumed(tx: Transaction, question: Question) -> Role | None:
    """The role that a question is about being assumed, if it is and the role exists."""
    parsed = parse(question.resource) if question.action in _ASSUMING else None
    if parsed is None:
        return None
    role = roles.get(tx, parsed.account, _name_in(question.resource).lower())
    return role if role is not None and role.arn == question.resource else None


def _read_row(row: Entry) -> TrailEntry:
    return _READ(row.body)


def _answer(question: Question, bindings: Bindings, fixed: str) -> dict[str, Any]:
    """The decision and its reasons; `fixed` says why what would have to change cannot be changed."""
    explained = explain(question, bindings)
    decision, remedy = explained.decision, explained.remedy
    missing = remedy.statement if remedy is not None and not fixed else None
    return {
        "action": question.action,
        "resource": question.resource,
        "effect": decision.effect,
        "layer": decision.layer,
        "policy": decision.policy,
        "statement": decision.statement,
        "sid": decision.sid,
        "missing_keys": list(decision.missing_keys),
        "text": render(explained),
        "missing_statement": json.dumps(missing) if missing else "",
        "remedies": () if fixed else explained.remedies,
        "note": "" if decision.allowed else fixed,
    }


def _summary(entry: TrailEntry, refusals: list[dict[str, Any]]) -> str:
    call = f"{entry.service}:{entry.operation}"
    if not refusals:
        if entry.outcome == "ok":
            return f"{call} was allowed and carried out."
        return f"No policy stood in the way of {call}; it was refused for what its answer says."
    last = refusals[-1]
    why = "a statement denies it" if last["effect"] == "explicit-deny" else "no statement allows it"
    if entry.outcome == "ok" and entry.mode != "strict":
        return (
            f"{call} was carried out because IAM is {entry.mode}; over {last['action']} it is refused: {why}."
        )
    if entry.outcome == "ok":
        return (
            f"{call} was carried out without {last['action']} on {last['resource']}, which is refused: {why}."
        )
    return f"{call} was refused over {last['action']} on {last['resource']}: {why}."


def _allowed_by(was: Evaluation) -> str:
    """What `render` says of an allowed question, from what the trail keeps of one."""
    verdict = f"ALLOWED  {was.action} on {was.resource}"
    if not was.policy:
        return f"{verdict}\nAllowed without a policy ({was.layer})."
    statement = f"statement {was.statement}" + (f' "{was.sid}"' if was.sid else "")
    return f"{verdict}\nAllowed by {was.layer} policy {was.policy}, {statement}."


def _name_in(arn: str) -> str:
    return arn.rpartition("/")[2]
