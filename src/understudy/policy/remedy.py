"""The least that would turn a denial into an allow: a statement and where to put it, or a deny to lift."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from understudy.policy.bindings import Bindings
from understudy.policy.explain import Evaluation, evaluate
from understudy.policy.policies import NamedPolicy, Policy, compile_afresh
from understudy.policy.question import Principal, Question

# One remedy per layer that is in the way; explicit denies may be many.
MAX_REMEDIES = 16

_NAME = "remedy"

# The condition that narrows an allow of these actions to what was asked (reference 1.7, 4.7).
_NARROWING_KEYS = {
    "iam:createservicelinkedrole": "iam:AWSServiceName",
    "iam:passrole": "iam:PassedToService",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change: `kind` is "add" (then `statement` goes into `layer`) or "lift" (`policy`'s `index`)."""

    kind: str
    layer: str
    level: int
    where: str
    policy: str = ""
    index: int = -1
    sid: str = ""
    statement: dict[str, object] | None = None


def remedies(question: Question, bindings: Bindings, evaluation: Evaluation) -> tuple[Remedy, ...]:
    """The changes that, made together, allow the question: each is tried before the next is sought."""
    found: list[Remedy] = []
    while not evaluation.decision.allowed and len(found) < MAX_REMEDIES:
        remedy = _remedy(question, bindings, evaluation)
        found.append(remedy)
        bindings = with_remedy(bindings, remedy)
        evaluation = evaluate(question, bindings)
    return tuple(found)


def _remedy(question: Question, bindings: Bindings, evaluation: Evaluation) -> Remedy:
    decision = evaluation.decision
    if decision.effect == "explicit-deny":
        denying = next(layer for layer in evaluation.layers if layer.denial is not None)
        where = _where(denying.layer, denying.level, question, bindings)
        return Remedy(
            "lift", denying.layer, denying.level, where, decision.policy, decision.statement, decision.sid
        )
    silent = evaluation.silent
    assert silent is not None, "an implicit denial has a silent layer"
    where = _where(silent.layer, silent.level, question, bindings)
    return Remedy("add", silent.layer, silent.level, where, statement=_statement(silent.layer, question))


def _statement(layer: str, question: Question) -> dict[str, object]:
    """The smallest Allow for this question in this layer."""
    statement: dict[str, object] = {"Effect": "Allow"}
    if layer in ("trust", "resource"):
        statement["Principal"] = _principal(question.principal)
    statement["Action"] = _literal(question.action)
    if layer != "trust":
        statement["Resource"] = _literal(question.resource) if question.resource.startswith("arn:") else "*"
    narrowing = _NARROWING_KEYS.get(question.action.lower())
    value = question.context.get(narrowing.lower()) if narrowing else None
    if narrowing and isinstance(value, str) and layer == "identity":
        statement["Condition"] = {"StringEquals": {narrowing: _literal(value)}}
    return statement


def _literal(text: str) -> str:
    """`text` so that no policy variable is read into it."""
    return text.replace("${", "${$}{")


def _principal(principal: Principal) -> object:
    if principal.kind == "anonymous":
        return "*"
    if principal.kind == "service":
        return {"Service": principal.service}
    if principal.is_outside_iam:
        return {"Federated": principal.arn}
    if principal.kind == "root":
        return {"AWS": principal.account}
    return {"AWS": principal.role_arn or principal.arn}


def _where(layer: str, level: int, question: Question, bindings: Bindings) -> str:
    principal = question.principal
    who = principal.role_arn or principal.arn or principal.service or principal.kind
    if layer == "identity":
        return f"an identity policy of {who}"
    if layer == "boundary":
        assert bindings.boundary is not None, "a silent boundary is attached"
        return f"the permissions boundary {bindings.boundary.name}"
    if layer == "session":
        return "the session policy passed when the session was made"
    if layer == "trust":
        return f"the trust policy of {question.resource}"
    if layer == "resource":
        return f"the resource-based policy of {question.resource}"
    names = {"scp": "a service control policy", "rcp": "a resource control policy"}
    return f"{names[layer]} at level {level} of the organization (0 is its root)"


def with_remedy(bindings: Bindings, remedy: Remedy) -> Bindings:
    """`bindings` after the change."""
    layer = remedy.layer
    if layer in ("scp", "rcp"):
        levels = list(bindings.scps if layer == "scp" else bindings.rcps)
        levels[remedy.level] = _changed(levels[remedy.level], remedy, layer)
        changed = tuple(levels)
        return replace(bindings, scps=changed) if layer == "scp" else replace(bindings, rcps=changed)
    if layer == "identity":
        return replace(bindings, identity=_changed(bindings.identity, remedy, "identity"))
    if layer == "session":
        return replace(bindings, session=_changed(bindings.session or (), remedy, "session"))
    if layer == "boundary":
        assert bindings.boundary is not None, "only an attached boundary is in the way"
        return replace(bindings, boundary=_edited(bindings.boundary, remedy))
    if bindings.resource is None:
        return replace(bindings, resource=_of(remedy, layer))
    return replace(bindings, resource=_edited(bindings.resource, remedy))


def _changed(policies: tuple[NamedPolicy, ...], remedy: Remedy, kind: str) -> tuple[NamedPolicy, ...]:
    if remedy.kind == "add":
        return (*policies, _of(remedy, kind))
    return tuple(_edited(each, remedy) if each.name == remedy.policy else each for each in policies)


def _of(remedy: Remedy, kind: str) -> NamedPolicy:
    document = {"Version": "2012-10-17", "Statement": [remedy.statement]}
    return NamedPolicy(_NAME, compile_afresh(json.dumps(document), kind))


def _edited(named: NamedPolicy, remedy: Remedy) -> NamedPolicy:
    """The policy with the remedy's statement added to it, or with the denying one taken out."""
    document = json.loads(named.policy.text)
    statements = document["Statement"]
    statements = list(statements) if isinstance(statements, list) else [statements]
    if remedy.kind == "add":
        statements.append(remedy.statement)
    elif remedy.index < len(statements) and statements[remedy.index].get("Effect") == "Deny":
        del statements[remedy.index]
    document["Statement"] = statements
    policy: Policy = compile_afresh(json.dumps(document), named.policy.kind)
    return NamedPolicy(named.name, policy)
