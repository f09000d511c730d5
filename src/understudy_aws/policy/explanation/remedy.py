"""The smallest changes to policies that turn a denial into an allow: a statement to add, or a Deny to remove."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from understudy_aws.data import service_catalogue
from understudy_aws.policy.engine.bindings import Bindings
from understudy_aws.policy.engine.matching import missing_parts
from understudy_aws.policy.engine.policies import CompiledPolicy, NamedPolicy, compile_uncached
from understudy_aws.policy.explanation.evaluation import Evaluation, LayerReport, StatementReport, evaluate
from understudy_aws.policy.language.context_keys import is_list_key
from understudy_aws.policy.language.json_text import NO_TEXT
from understudy_aws.policy.language.question import Principal, Question

# One remedy per layer that is in the way; explicit denies may be many.
MAX_REMEDIES = 16

_NAME = "remedy"
# In S3 it would be all objects of a bucket, and a star is a letter of a key like others.
_TO_BE_MADE = re.compile(r"arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*:[a-zA-Z-]+/\*\Z")

# Conditions that narrow an allow to what was asked: whom a role is for or passed to, which policy is attached,
# as part of what tags are set (service-linked-roles.md 1.7, policies.md 4.7). Without them a little permission is
# easily a great one.
_NARROWING_KEYS = (
    "iam:AWSServiceName",
    "iam:PassedToService",
    "iam:PolicyARN",
    "iam:PermissionsBoundary",
    "ec2:CreateAction",
    "kms:ViaService",
)
# What a stranger has to know to be let in.
_NARROWING_TRUST = ("sts:ExternalId",)
# The layers of several levels, and the bindings that hold them.
_LEVELS = {"scp": "scps", "rcp": "rcps", "scope": "scopes"}
_AWS_S_OWN = ("arn:aws:iam::aws:", "arn:aws:organizations::aws:")


class Names(msgspec.Struct, frozen=True):
    """What people call the levels of the organization, root first, and policies whose own name says little.

    `gone` are policies that are attached and do not exist any more. `fixed` says, by layer, why nobody can change
    that layer.
    """

    scps: tuple[str, ...] = ()
    rcps: tuple[str, ...] = ()
    policies: Mapping[str, str] = msgspec.field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    fixed: Mapping[str, str] = msgspec.field(default_factory=dict)

    def policy(self, name: str) -> str:
        """Return a policy for a person to read."""
        known = self.policies.get(name, name) or "(unnamed)"
        return f"{known} (which is gone, and allows nothing)" if name in self.gone else known

    def is_as_it_is(self, name: str) -> str:
        """Return why nobody can edit a policy; "" for one that can be."""
        if name in self.gone:
            return "which is gone"
        return "which is AWS's own and cannot be edited" if name.startswith(_AWS_S_OWN) else ""

    def level(self, layer: str, level: int) -> str:
        """Return where in the organization a level of policies is attached."""
        known = self.scps if layer == "scp" else self.rcps
        return known[level] if level < len(known) else f"level {level} of the organization (0 is its root)"


NO_NAMES = Names()


class Remedy(msgspec.Struct, frozen=True):
    """One change: `kind` is "add" (then `statement` goes into `layer`) or "lift" (`policy`'s `index`).

    `change` says in words what to do; when a statement is to be added, it follows.
    """

    kind: str
    layer: str
    level: int
    where: str
    policy: str = ""
    index: int = -1
    sid: str = ""
    statement: dict[str, object] | None = None
    change: str = ""


def remedies(
    question: Question, bindings: Bindings, evaluation: Evaluation, names: Names = NO_NAMES
) -> tuple[Remedy, ...]:
    """Return the changes that, made together, allow the question: each is tried before the next is sought."""
    found: list[Remedy] = []
    while not evaluation.decision.allowed and len(found) < MAX_REMEDIES:
        remedy = _remedy(question, bindings, evaluation, names)
        found.append(remedy)
        bindings = with_remedy(bindings, remedy)
        evaluation = evaluate(question, bindings)
    return tuple(found)


def _remedy(question: Question, bindings: Bindings, evaluation: Evaluation, names: Names) -> Remedy:
    if evaluation.decision.effect == "explicit-deny":
        denying = next(layer for layer in evaluation.layers if layer.denial is not None)
        assert denying.denial is not None, "it was just looked for"
        return _lifting(denying, denying.denial, question, bindings, names)
    unmet = evaluation.unmet
    assert unmet is not None, "an implicit denial has a layer without an Allow"
    return Remedy(
        "add",
        unmet.layer,
        unmet.level,
        _where(unmet.layer, unmet.level, question, bindings, names),
        statement=_statement(unmet, question, bindings),
        change=_adding(unmet, question, bindings, names),
    )


def _lifting(
    layer: LayerReport, denial: StatementReport, question: Question, bindings: Bindings, names: Names
) -> Remedy:
    """Return the deny that goes, said as it can be done: nobody edits a policy of AWS's own."""
    where = _where(layer.layer, layer.level, question, bindings, names)
    name = names.policy(denial.policy)
    statement = statement_called(denial)
    if layer.layer == "session":
        change = f"{_session_again(question)} without {statement} of {name}"
    elif layer.layer == "scope":
        change = f"scope the session down again without {statement} of {name}"
    elif names.is_as_it_is(denial.policy):
        change = f"detach {name}, {names.is_as_it_is(denial.policy)}, from {_who(question.principal)}"
        if layer.layer == "boundary":
            change = f"{_another_boundary(denial.policy, question, names)} without {statement}"
    elif layer.layer in ("identity", "scp", "rcp"):
        change = f"lift or narrow {statement} of {name}, {where}"
    else:
        change = f"lift or narrow {statement} of {where}"
    return Remedy(
        "lift", layer.layer, layer.level, where, denial.policy, denial.index, denial.sid, change=change
    )


def statement_called(report: StatementReport) -> str:
    """Return a statement for a person to find: its number from 1, its Sid, and its place where there are lines."""
    called = f"statement {report.index + 1}"
    if report.sid:
        called += f' "{report.sid}"'
    if report.has_lines:
        start = report.span.start
        called += f" (line {start.line}, column {start.column})"
    return called


def _adding(unmet: LayerReport, question: Question, bindings: Bindings, names: Names) -> str:
    """Return what to do so that the layer has one more statement."""
    where = _where(unmet.layer, unmet.level, question, bindings, names)
    if unmet.layer == "session":
        has = "that also has" if unmet.policies else "that has"
        return f"{_session_again(question)} with a session policy {has}"
    if unmet.layer == "scope":
        return f"scope the session down again where {where} also has"
    if unmet.layer == "boundary":
        assert bindings.boundary is not None, "the boundary that refuses is attached"
        if names.is_as_it_is(bindings.boundary.name):
            return f"{_another_boundary(bindings.boundary.name, question, names)} that also has"
    owner = question.resource_account
    change = f"add to {where}"
    if unmet.layer in ("trust", "resource") and question.is_cross_account and owner is not None:
        change = f"let account {owner} add to {where}"
    if question.principal.kind == "anonymous":
        change += ", which then lets in everybody, every user, role and service of any AWS account too"
    return change


def _session_again(question: Question) -> str:
    principal = question.principal
    if principal.kind == "federated":
        return "ask for the federation token again"
    return f"assume {principal.role_arn or 'the role'} again"


def _another_boundary(name: str, question: Question, names: Names) -> str:
    return (
        f"attach to {_who(question.principal)}, in place of {names.policies.get(name, name)}, "
        f"{names.is_as_it_is(name)}, a permissions boundary"
    )


def _statement(unmet: LayerReport, question: Question, bindings: Bindings) -> dict[str, object]:
    """Return the smallest Allow for this question in the layer that lacks one.

    What no document can hold (NUL, half of a surrogate pair) is written as the wildcard of one character.
    """
    layer = unmet.layer
    expands = _expands(_edited_by(layer, bindings))
    literal = _literal if expands else str
    statement: dict[str, object] = {"Effect": "Allow"}
    if layer in ("trust", "resource"):
        statement["Principal"] = _principal(question.principal)
    statement["Action"] = NO_TEXT.sub("?", question.action)
    if layer != "trust":
        resource = NO_TEXT.sub("?", _only(question.resource) if expands else question.resource)
        if missing_parts(resource, variables=True):
            # Without the star, a policy would have stars for the missing parts, and the resource has no such parts.
            resource += "*"
        statement["Resource"] = resource if _takes(question) else "*"
    narrowing = {"identity": _NARROWING_KEYS, "trust": _NARROWING_TRUST}.get(layer, ())
    narrowed = {}
    for key in narrowing:
        value = question.context.get(key.lower())
        if isinstance(value, str) and not is_list_key(key.lower()) and not NO_TEXT.search(value):
            narrowed[key] = literal(value)
    if narrowed:
        statement["Condition"] = {"StringEquals": narrowed}
    return statement


def _takes(question: Question) -> bool:
    """Return whether a statement that names the resource can allow the action on it."""
    return question.resource.startswith("arn:") and not service_catalogue.takes_only_wildcard(question.action)


def _edited_by(layer: str, bindings: Bindings) -> NamedPolicy | None:
    """Return the document a statement is added to, where it can only be added to the one there is."""
    if layer == "boundary":
        return bindings.boundary
    return bindings.resource if layer in ("trust", "resource") else None


def _expands(named: NamedPolicy | None) -> bool:
    """Return whether variables are read in a statement that is added; in a document of its own they are."""
    return named is None or named.policy.document.has_variables


def _literal(text: str) -> str:
    """`text` so that no policy variable is read into it."""
    return text.replace("${", "${$}{")


def _only(resource: str) -> str:
    """Return a pattern that only this resource fits: what looks like a wildcard or a variable in it is itself.

    The star of `instance/*` stays: so a request is asked about something that it would make, and that has no id yet.
    """
    made = _TO_BE_MADE.match(resource)
    kept, ending = (resource[:-1], "*") if made else (resource, "")
    return _literal(kept).replace("*", "${*}").replace("?", "${?}") + ending


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


def _who(principal: Principal) -> str:
    if principal.kind == "federated" and not principal.is_outside_iam:
        return "the user who asked for the federation token"
    return principal.role_arn or principal.arn or principal.service or principal.kind


def _where(layer: str, level: int, question: Question, bindings: Bindings, names: Names) -> str:
    if layer == "identity":
        return f"an identity policy of {_who(question.principal)}"
    if layer == "boundary":
        assert bindings.boundary is not None, "the boundary that refuses is attached"
        return f"the permissions boundary {names.policy(bindings.boundary.name)}"
    single = {
        "session": "the session policy passed when the session was made",
        "scope": f"scope-down policy {level + 1} of the session",
        "trust": f"the trust policy of {question.resource}",
        "resource": f"the resource-based policy of {question.resource}",
    }
    if layer in single:
        return single[layer]
    kinds = {"scp": "a service control policy", "rcp": "a resource control policy"}
    known = names.scps if layer == "scp" else names.rcps
    preposition = "attached to" if level < len(known) else "at"
    return f"{kinds[layer]} {preposition} {names.level(layer, level)}"


def with_remedy(bindings: Bindings, remedy: Remedy) -> Bindings:
    """`bindings` after the change."""
    layer = remedy.layer
    if layer in _LEVELS:
        levels = list(getattr(bindings, _LEVELS[layer]))
        kind = "session" if layer == "scope" else layer
        levels[remedy.level] = _changed(levels[remedy.level], remedy, kind)
        return replace(bindings, **{_LEVELS[layer]: tuple(levels)})
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
    return NamedPolicy(_NAME, compile_uncached(json.dumps(document), kind))


def _edited(named: NamedPolicy, remedy: Remedy) -> NamedPolicy:
    """Return the policy with the remedy's statement added to it, or with the denying one taken out."""
    # A number is compared as its text, so a text it may become.
    document = json.loads(named.policy.text, parse_int=str, parse_float=str)
    statements = document["Statement"]
    statements = list(statements) if isinstance(statements, list) else [statements]
    if remedy.kind == "add":
        statements.append(remedy.statement)
    elif remedy.index < len(statements) and statements[remedy.index].get("Effect") == "Deny":
        del statements[remedy.index]
    document["Statement"] = statements
    policy: CompiledPolicy = compile_uncached(json.dumps(document), named.policy.kind)
    return NamedPolicy(named.name, policy)
