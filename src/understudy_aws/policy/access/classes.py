"""What patterns of actions and resources mean: the classes that statements tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterable

from understudy_aws.data import service_catalogue
from understudy_aws.data.resource_control_policies import COVERED_SERVICES
from understudy_aws.policy.access.automata import Pattern, distinguishing_texts, of_arn, of_resource, whole
from understudy_aws.policy.access.fillings import filled
from understudy_aws.policy.access.population import Actor
from understudy_aws.policy.engine.bindings import Plan, PlannedStatement
from understudy_aws.policy.engine.policies import CompiledStatement, NamedPolicy
from understudy_aws.policy.language.patterns import lower_ascii, matcher, wildcard_tokens
from understudy_aws.policy.language.variables import template

BY_PROVIDER = frozenset({"sts:assumerolewithwebidentity", "sts:assumerolewithsaml"})
# Actions with rules of their own.
ON_THEIR_OWN = frozenset({"kms:retiregrant", "sts:assumerole", *BY_PROVIDER})
MANY_PATTERNS = "its policies name too many patterns of resources"
NO_POLICIES = "Resources that the pattern means have no policies of their own."
_PLACE = re.compile(r"\$\{[^}]*\}")
_WILD = re.compile(r"[*?]")
_ACCOUNT_FIELD = 4


def allow_entries(plan: Plan) -> list[PlannedStatement]:
    """Return the statements of a plan that may allow, but those of the resource's policy."""
    return [
        entry
        for layer in (*plan.scps, *plan.scopes, plan.identity, plan.boundary, plan.session)
        for entry in (layer.entries if layer is not None else ())
    ]


def patterns_of_resources(pattern: str, account: str) -> list[str]:
    """Return what a pattern of resources means: in any account, and where it may be so in the account of who asks."""
    if pattern == "*":
        pattern = "arn:?*:?*:*:*:?*"
    fields = pattern.split(":", _ACCOUNT_FIELD + 1)
    owned = fields[_ACCOUNT_FIELD] if len(fields) > _ACCOUNT_FIELD + 1 else ""
    if not _WILD.search(owned) or not account or not matcher(wildcard_tokens(owned))(account):
        return [pattern]
    return [pattern, ":".join((*fields[:_ACCOUNT_FIELD], account, fields[-1]))]


def patterns_meant(pattern: str, account: str) -> list[Pattern]:
    """Return what a pattern of resources means, in the account of who asks first."""
    return [whole(wildcard_tokens(each)) for each in reversed(patterns_of_resources(pattern, account))]


def patterns_of_kinds(action: str, account: str) -> list[Pattern]:
    """Return patterns of the resources that an action acts on, those in the account of who asks first."""
    found = service_catalogue.action(action)
    if found is None:
        return patterns_meant("*", account)
    types = service_catalogue.service(found.service)
    assert types is not None, "its service is in the catalogue"
    patterns: list[Pattern] = []
    for each in found.resources:
        kind = types.resource_types.get(each.name)
        arn = kind.arn if kind is not None else "arn:*:*:*:*:*"
        made = _PLACE.sub("?*", arn.replace("${Partition}", "aws").replace("${Region}", "*"))
        tokens = [wildcard_tokens(text) for text in reversed(patterns_of_resources(made, account))]
        patterns += [of_arn(each) or whole(each) for each in tokens]
    return patterns


def resources_told_apart(actor: Actor, action: str, patterns: Iterable[Pattern]) -> tuple[list[str], bool]:
    """Return resources that patterns mean, one of each kind that the actor's statements tell apart, and whether all."""
    told = _patterns_in_statements(actor, action)
    texts: dict[str, None] = {}
    complete = True
    for each in patterns:
        found, all_found = distinguishing_texts(told, within=each)
        texts.update(dict.fromkeys(found))
        complete = complete and all_found
    return list(texts), complete


def _patterns_in_statements(actor: Actor, action: str) -> list[Pattern]:
    plan = actor.bindings.plan(action, exempt=actor.principal.service_linked)
    patterns: list[Pattern] = []
    for entry in (*plan.denies, *allow_entries(plan)):
        statement: CompiledStatement = entry[3]
        for written in statement.written.resources or ():
            missing = max(0, 5 - written.count(":")) if written.startswith("arn:") else 0
            for variables in (True, False):
                shape = filled(template(written, variables=variables, wildcards=True), actor.keys)
                for shown in (shape, [*shape, *wildcard_tokens(":*" * missing)]):
                    patterns += [of_resource(shown, wide=False), whole(shown)]
    if lower_ascii(action).startswith("sts:"):
        patterns.append(whole(wildcard_tokens("*:role/aws-service-role/*")))
    return patterns


def statements_of(actors: Iterable[Actor], policies: Iterable[NamedPolicy]) -> list[CompiledStatement]:
    """Return every statement of every policy once, one of those whose actions are written alike."""
    seen: set[int] = set()
    found: dict[tuple[tuple[str, ...], bool], CompiledStatement] = {}
    for actor in actors:
        bindings = actor.bindings
        layers = [*bindings.identity, *(bindings.session or ())]
        layers += [each for level in (*bindings.scps, *bindings.rcps, *bindings.scopes) for each in level]
        layers += [each for each in (bindings.boundary, actor.trust) if each is not None]
        for named in (*layers, *policies):
            if id(named.policy) not in seen:
                seen.add(id(named.policy))
                for statement in named.policy.statements:
                    key = (statement.written.actions or (), statement.written.not_action)
                    found.setdefault(key, statement)
    return list(found.values())


def actions_told_apart(statements: Iterable[CompiledStatement], written: str) -> list[str]:
    """Return actions that a pattern means, one of each kind that statements and rules tell apart."""
    patterns = [
        whole(wildcard_tokens(lower_ascii(each)))
        for statement in statements
        for each in statement.written.actions or ()
    ]
    rules = ["sts:*", *sorted(ON_THEIR_OWN), *(f"{service}:*" for service in sorted(COVERED_SERVICES))]
    patterns += [whole(wildcard_tokens(each)) for each in rules]
    within = wildcard_tokens("?*:?*" if written == "*" else lower_ascii(written))
    return distinguishing_texts(patterns, within=whole(within))[0]
