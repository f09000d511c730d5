"""Explains decisions: those of recorded requests, and those that the policies would make now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from understudy_aws.admin import propagation, resource_uses
from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.outcomes import summary
from understudy_aws.admin.pasted_errors import find_call
from understudy_aws.admin.policy_names import names_of
from understudy_aws.admin.principals import find_principal
from understudy_aws.admin.refused_calls import is_waived
from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import Arn, account_in, parse
from understudy_aws.core.printable import printable
from understudy_aws.data.regions import GLOBAL_REGION
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.policy_source import PolicySource
from understudy_aws.gateway.request_context import (
    ConditionKeys,
    HypotheticalRequest,
    keys_for_owner,
    principal_of,
    question_keys,
    request_keys,
    stated_keys,
)
from understudy_aws.gateway.trail import EvaluatedQuestion, TrailEntry, decode
from understudy_aws.policy import (
    AbsentKey,
    Decision,
    Explanation,
    NamedPolicy,
    Question,
    absent_key,
    compile_policy,
    explain,
    one_of,
    reason,
    render,
)
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.trust import readable
from understudy_aws.store.database import Transaction
from understudy_aws.store.protocol import LogEntry

# What was done for a request is written just before it; no request of ours makes more calls than this.
_MOST_MADE_FOR_ONE = 200
_ASSUMING = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
    }
)
_TRUSTS_NOBODY = compile_policy('{"Version":"2012-10-17","Statement":[]}', kind="trust")
_ROOT_ASSUMES = "AWS lets no account's root user assume a role, whatever policies say. Use a user or a role."
# Operations of STS that no policy is asked about, not even one that denies them (sts.md 3.2).
_NEEDS_NOTHING = frozenset({"sts:getcalleridentity", "sts:getsessiontoken"})
_NO_POLICY = "AWS asks no policy about this: it needs no permission, and a Deny does not stop it."
_ONLY_LONG_TERM = (
    "AWS asks no policy about this, and gives session tokens to users and the root user for their own keys alone. "
    "There is nothing that would allow this."
)
_KEYS_OF_KMS = (
    "Every key of KMS has a policy of its own, and it must allow this too, if only by letting the account's policies "
    "decide. Understudy does not play KMS, so that policy was not asked."
)
_FIRST_ACCOUNT = "000000000000"
_LINKED_ROLES = "role/aws-service-role/"
_ORGANIZATIONS = "arn:aws:organizations:"


class Explanations:
    """Explains decisions from the trail's entries and the policies of `policies`."""

    def __init__(self, gateway: Gateway, policies: PolicySource) -> None:
        self._gateway = gateway
        self._policies = policies

    def of_request(self, request_id: str) -> dict[str, Any]:
        """Explain a request that was made: its questions to the policies, and those of the calls made for it.

        The beginning of its id, and EC2's encoded message, name it too. Raises NotFoundError when the trail does not
        hold it (any more).
        """
        if not request_id.strip():
            raise NotFoundError("An empty text is no request id.")
        return self.of_text(request_id)

    def of_text(self, text: str) -> dict[str, Any]:
        """Explain the call that a text means (`find_call`); `matching` says how many calls it may mean."""
        database = self._gateway.database
        call = find_call(database, self._gateway.message_signer, text)
        found = call.row
        entry = decode(found.body)
        earlier = database.log(before=found.sequence, limit=_MOST_MADE_FOR_ONE)
        made_for_it = [
            each for each in map(_read_row, earlier) if entry.request_id in {each.parent, each.during}
        ][::-1]
        with database.transaction() as tx:
            questions = self._questions(tx, entry)
            inner: list[dict[str, Any]] = [
                {"call": each, "questions": self._questions(tx, each)} for each in made_for_it
            ]
            too_new = propagation.of_key(tx, self._gateway, entry) or propagation.of_changes(
                self._gateway, entry
            )
            uses = resource_uses.of_call(tx, self._gateway, entry)
        everything = [*questions, *(question for each in inner for question in each["questions"])]
        refusals = [question for question in everything if question["effect"] != "allow"]
        return {
            "call": entry,
            "refused": entry.outcome != "ok",
            "waived": is_waived(entry),
            "matching": call.matching,
            "questions": questions,
            "made_for_it": inner,
            "summary": f"{summary(entry, refusals)} {too_new}".rstrip(),
            "uses": uses,
        }

    def ahead(
        self, arn: str, action: str, resource: str, context: Mapping[str, str | list[str]]
    ) -> dict[str, Any]:
        """Explain what the policies would decide for this principal now. Raises InvalidRequestError."""
        service, colon, name = action.partition(":")
        if not (service and colon and name):
            raise InvalidRequestError(
                f"An action is written service:Name, such as ec2:CreateVpc, not {action!r}."
            )
        with self._gateway.database.transaction() as tx:
            now = self._gateway.clock.now()
            caller = find_principal(tx, arn, account_in(resource) or _FIRST_ACCOUNT, now)
            question = self.question_ahead(tx, caller, action, resource, context)
            answer = self.answer_ahead(tx, caller, question)
            too_new = self._too_new(tx, question, now)
        notes = [_KEYS_OF_KMS] if _is_about_a_key(action, resource) else []
        notes += [too_new] if too_new else []
        notes += [f"As for {each.key}, {each.text}." for each in _in_vain(question, context)]
        if arn.startswith("arn:aws:sts:"):
            notes.append("Asked with the policies of the role; a session policy can only take from them.")
        return {**answer, "note": "\n".join(notes)}

    def answer_ahead(self, tx: Transaction, caller: Caller, question: Question) -> dict[str, Any]:
        """What the policies say now to a question of `question_ahead`."""
        return self._ask(tx, question, caller, asked_ahead=True)

    def question_ahead(
        self,
        tx: Transaction,
        caller: Caller,
        action: str,
        resource: str,
        stated: Mapping[str, str | list[str]],
    ) -> Question:
        """The question that a request of this caller would put now, with the condition keys it would carry.

        `stated` are condition keys that only the request itself decides, such as its tags; they replace all others.
        """
        arn = parse(resource)
        principal = principal_of(caller)
        owner = _owner(resource, caller)
        # Where nothing says the Region, it is the one that global services are called in.
        region = (arn.region if arn is not None else "") or GLOBAL_REGION
        request = HypotheticalRequest(caller, principal, region, self._gateway.clock.now())
        shared = request_keys(tx, request, self._policies)
        shared = keys_for_owner(tx, request, shared, self._policies, owner)
        own = {**self._gateway.registry.resource_keys(tx, resource), **_keys_of_new_role(action, arn)}
        keys = question_keys(request, shared, action.lower(), owner, own)
        return Question(principal, action, resource, {**keys, **stated_keys(stated)}, owner)

    def _questions(self, tx: Transaction, entry: TrailEntry) -> list[dict[str, Any]]:
        return [self._again(tx, entry, evaluation) for evaluation in entry.evaluations]

    def _again(self, tx: Transaction, entry: TrailEntry, was: EvaluatedQuestion) -> dict[str, Any]:
        """Explain one question of the past. Only refusals keep their condition keys and are asked again."""
        then = {
            "action": was.action,
            "resource": was.resource,
            "effect": was.effect,
            "layer": was.layer,
            "policy": was.policy,
            "statement": was.statement,
            "sid": was.sid,
        }
        if was.allowed:
            return {**then, "text": _allowed_by(was)}
        caller = self._caller_of(tx, entry)
        question = Question(
            principal_of(caller), was.action, was.resource, was.context, was.account or entry.account
        )
        answer = self._ask(tx, question, caller, asked_ahead=False)
        too_new = self._too_new(tx, question, entry.at) if was.layer == "trust" else ""
        too_new = too_new or propagation.of_changes(self._gateway, entry)
        if (answer["effect"], answer["layer"]) == (was.effect, was.layer) and not too_new:
            return answer
        now = "yes" if answer["effect"] == "allow" else f"no for another reason, {answer['reason']}"
        over = caller.access_key_id.startswith("ASIA") and caller.session is None
        changed = (
            f"Its session is over, and without the session's policies the answer is now {now}."
            if over
            else f"Policies have changed since: asked now, the answer is {now}."
        )
        return {
            **answer,
            **then,
            "text": _refused_then(was, entry),
            "missing_statement": "",
            "remedies": (),
            "now": too_new or changed,
        }

    def _too_new(self, tx: Transaction, question: Question, at: datetime) -> str:
        """Return the sentence about the role that the question's caller would assume, if it was too new at a time."""
        if question.action.lower() not in _ASSUMING:
            return ""
        role = _role_assumed(tx, question)
        return "" if role is None else propagation.of_role(self._gateway, role, at)

    def _caller_of(self, tx: Transaction, entry: TrailEntry) -> Caller:
        """Return the caller of an entry; what older lines of the trail did not keep of it is looked up."""
        caller = entry.caller
        if caller.session is not None or not caller.access_key_id.startswith("ASIA"):
            return caller
        credential = self._gateway.credentials.credential(tx, caller.access_key_id)
        if credential is not None and credential.caller.arn == caller.arn:
            return credential.caller
        role = roles.get(tx, caller.account, caller.name.lower()) if caller.role_arn else None
        return replace(caller, service_linked=role is not None and bool(role.linked_service))

    def _ask(
        self, tx: Transaction, question: Question, caller: Caller, *, asked_ahead: bool
    ) -> dict[str, Any]:
        """Explain a question with today's policies; for assuming a role, the role's trust policy is one of them."""
        if question.action.lower() in _NEEDS_NOTHING:
            return _without_policies(question)
        owner = question.resource_account or caller.account
        bindings = self._policies.bindings(tx, caller, owner)
        fixed: dict[str, str] = {}
        if question.action.lower() in _ASSUMING:
            role = _role_assumed(tx, question)
            trust = _TRUSTS_NOBODY
            if role is None:
                fixed["trust"] = f"There is no role {question.resource} here, so nobody can assume it."
            else:
                trust = compile_policy(readable(tx, role.trust), name=role.arn, kind="trust")
                if role.linked_service:
                    fixed["trust"] = (
                        f"{role.name} is service-linked: only {role.linked_service} assumes it, and AWS lets nobody "
                        "change its trust policy. There is nothing that would allow this."
                    )
            bindings = bindings.with_resource(NamedPolicy(question.resource, trust), trust=True)
        elif asked_ahead:
            target = self._gateway.registry.resource_target(tx, question.resource)
            if target is not None and target.policy is not None:
                bindings = bindings.with_resource(target.policy)
        if caller.service_linked:
            fixed["identity"] = (
                f"{caller.name} is service-linked: AWS says what it may do, and lets nobody add to its policy. "
                "There is nothing that would allow this."
            )
        names = names_of(tx, self._policies, caller, owner, fixed)
        answer = _answer(explain(question, bindings, names=names, asked_ahead=asked_ahead))
        if caller.kind == "root" and question.action.lower() == "sts:assumerole":
            return {**answer, **_root_assumes(question)}
        return answer


def _is_about_a_key(action: str, resource: str) -> bool:
    arn = parse(resource)
    return (
        action.lower().startswith("kms:") and arn is not None and arn.resource.startswith(("key/", "alias/"))
    )


def _without_policies(question: Question) -> dict[str, Any]:
    """Answer for an operation that needs no permission."""
    sessions = question.action.lower() == "sts:getsessiontoken" and question.principal.kind not in {
        "user",
        "root",
    }
    why = _ONLY_LONG_TERM if sessions else _NO_POLICY
    verdict = "DENIED" if sessions else "ALLOWED"
    principal = question.principal.arn or question.principal.service
    return {
        "principal": principal,
        "action": question.action,
        "resource": question.resource,
        "effect": "implicit-deny" if sessions else "allow",
        "layer": "",
        "policy": "",
        "statement": -1,
        "sid": "",
        "position": None,
        "reason": "",
        "missing_keys": [],
        "absent_keys": [],
        "text": f"{verdict}  {question.action} on {question.resource}\n        for {principal}\n{why}",
        "missing_statement": "",
        "remedies": (),
        "unchangeable": why if sessions else "",
        "alternative": {},
        "remarks": (),
        "layers": (),
        "note": "",
    }


def _root_assumes(question: Question) -> dict[str, Any]:
    """Return the refusal that comes before any policy is asked: the root user assumes no role (sts.md 3.1)."""
    return {
        "effect": "implicit-deny",
        "layer": "root",
        "policy": "",
        "statement": -1,
        "sid": "",
        "position": None,
        "reason": "",
        "text": (
            _lines(
                f"DENIED  {question.action} on {question.resource}",
                f"        for {question.principal.arn}",
                _ROOT_ASSUMES,
            )
        ),
        "missing_statement": "",
        "remedies": (),
        "unchangeable": _ROOT_ASSUMES,
        "alternative": {},
    }


def _in_vain(question: Question, given: Mapping[str, str | list[str]]) -> list[AbsentKey]:
    """Return the given condition keys that no such request carries."""
    found = [absent_key(key, question) for key in given]
    return [each for each in found if each.verdict in {"unknown", "never", "other-resource"}]


def _role_assumed(tx: Transaction, question: Question) -> Role | None:
    """Return the role that the question's caller would assume, or None."""
    parsed = parse(question.resource)
    if parsed is None:
        return None
    role = roles.get(tx, parsed.account, _name_in(question.resource).lower())
    return role if role is not None and role.arn == question.resource else None


def _read_row(row: LogEntry) -> TrailEntry:
    return decode(row.body)


def _answer(explained: Explanation) -> dict[str, Any]:
    """Return the decision and its reasons as JSON values; `text` is for people."""
    everything = explained.to_dict()
    decision, remedy = explained.decision, explained.remedy
    missing = remedy.statement if remedy is not None else None
    return {
        **{name: everything[name] for name in ("principal", "action", "resource")},
        "effect": decision.effect,
        "layer": decision.layer,
        "policy": decision.policy,
        "statement": decision.statement,
        "sid": decision.sid,
        "position": everything["decision"]["position"],
        "reason": explained.reason,
        "missing_keys": list(decision.missing_keys),
        "absent_keys": everything["absent_keys"],
        "text": render(explained),
        "missing_statement": json.dumps(missing) if missing else "",
        "remedies": everything["remedies"],
        "unchangeable": explained.unchangeable,
        "alternative": explained.alternative,
        "remarks": everything["remarks"],
        "layers": everything["layers"],
        "note": "",
    }


def _allowed_by(was: EvaluatedQuestion) -> str:
    """Return the text for a question that was allowed, from what the trail keeps of it."""
    verdict = f"ALLOWED  {was.action} on {was.resource}"
    if not was.policy:
        return _lines(verdict, f"Allowed without a policy ({was.layer}).")
    name = "" if was.policy == was.resource else f"{was.policy}, "
    return _lines(verdict, f"Allowed by {one_of(was.layer)} {name}{_statement(was)}")


def _refused_then(was: EvaluatedQuestion, entry: TrailEntry) -> str:
    """Return the text for a past refusal that today's policies would not give, or would give for another reason."""
    decision = Decision(False, was.effect, was.layer, was.policy, was.statement, was.sid)  # type: ignore[arg-type]  # from one
    why = reason(decision, was.action)
    by = (f"It was {_statement(was)} of {was.policy}",) if was.policy else ()
    return _lines(
        f"DENIED  {was.action} on {was.resource}",
        f"        for {entry.caller.arn}",
        f"{why[:1].upper()}{why[1:]}",
        *by,
    )


def _lines(*lines: str) -> str:
    """Join lines. A line break that a caller sent is spelled out, so that it makes no line of its own."""
    return "\n".join(map(printable, lines))


def _statement(was: EvaluatedQuestion) -> str:
    return f"statement {was.statement + 1}" + (f' "{was.sid}"' if was.sid else "")


def _owner(resource: str, caller: Caller) -> str:
    """Return the account that owns a resource; the caller's own account permits what belongs to an organization."""
    own = resource == "*" or resource.startswith(_ORGANIZATIONS)
    return caller.account if own else account_in(resource) or caller.account


def _keys_of_new_role(action: str, arn: Arn | None) -> ConditionKeys:
    """Return `iam:AWSServiceName` of the linked role that would be created: its ARN holds the service's name."""
    if action.lower() != "iam:createservicelinkedrole" or arn is None or arn.service != "iam":
        return {}
    name = arn.resource.removeprefix(_LINKED_ROLES)
    return {"iam:awsservicename": name.partition("/")[0]} if name != arn.resource else {}


def _name_in(arn: str) -> str:
    return arn.rpartition("/")[2]
