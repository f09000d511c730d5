"""The policy simulator, which tells what policies would decide (simulator.md 5).

Two choices are ours, for AWS was not recorded: a resource's account counts only with a resource policy, and several
resources together are named by the type of the first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from understudy_aws.core import arn as arns
from understudy_aws.core.answers import Answer
from understudy_aws.data.service_catalogue import resource_types_of
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.policy import (
    Bindings,
    Evaluation,
    LayerReport,
    MalformedPolicy,
    NamedPolicy,
    Position,
    Principal,
    Question,
    compile_simulated,
    context_key_names,
    evaluate,
    is_absent,
    question_context,
    simulator_spans,
)
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.documents import check_together
from understudy_aws.services.iam.listings import PAGE, short_listing
from understudy_aws.services.iam.simulated_policies import (
    Source,
    an_entity,
    attached_to_entity,
    entity_kind,
    exclusion,
    existing_entity,
    given,
    given_boundary,
    organization_levels,
)
from understudy_aws.services.iam.users import User

STUB = "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR"
_TYPES = {
    "identity": "IAM Policy",
    "resource": "Resource Policy",
    "boundary": "Permissions Boundary Policy",
}
# Whose absent keys are reported; an organization's and a boundary's are not.
_REPORTS_MISSING = ("identity", "resource")
# What `${*}`, `${?}` and `${$}` are reported as, which are no keys.
_ESCAPES = frozenset("*?$")
_EFFECTS = {"allow": "allowed", "explicit-deny": "explicitDeny", "implicit-deny": "implicitDeny"}
_VERDICTS = {"allow": "allowed", "deny": "explicitDeny", "implicit-deny": "implicitDeny"}
# The most restrictive first: what a decision on several resources is.
# The work for one action on one resource is so many times that for one statement, besides its statements'.
_COST_OF_A_RESULT = 4
# A page is done in about a twentieth of a second, and one action in a fifth: nobody else is answered meanwhile.
_COST_OF_A_PAGE = 1_500
_MOST_COST_OF_AN_ACTION = 5_000
_RESTRICTIVE = ("explicitDeny", "implicitDeny", "allowed")


class _Match(msgspec.Struct, frozen=True):
    """A statement that decided, and the document it is in."""

    source: Source
    index: int


class _Result(msgspec.Struct, frozen=True):
    """The decision on one action and one resource."""

    resource: str
    decision: str
    matched: tuple[_Match, ...]
    missing: tuple[str, ...]
    details: Mapping[str, str]
    by_boundary: bool | None
    by_organizations: bool | None


class _Simulation(msgspec.Struct, frozen=True):
    """What is the same for all actions and resources."""

    bindings: Bindings
    sources: Mapping[str, tuple[Source, ...]]
    principal: Principal
    context: Mapping[str, str | list[str]]
    resources: tuple[str, ...]
    owner: str

    @property
    def statements(self) -> int:
        """How many statements are evaluated for each action and resource."""
        named = [*self.bindings.identity, *(policy for level in self.bindings.scps for policy in level)]
        named += filter(None, (self.bindings.boundary, self.bindings.resource))
        return sum(len(each.policy.statements) for each in named)


@operation("iam:SimulateCustomPolicy", on=all_resources)
def simulate_custom_policy(
    call: Call,
    *,
    policy_input_list: list[str],
    action_names: list[str],
    permissions_boundary_policy_input_list: list[str] | None = None,
    ordered_organization_policy_input_list: list[Mapping[str, Any]] | None = None,
    resource_arns: list[str] | None = None,
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: list[Mapping[str, Any]] | None = None,
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    """Tell what the given policies would decide on each action. Raises InvalidInput."""
    levels = ordered_organization_policy_input_list or ()
    check_together(
        [
            *policy_input_list,
            *(permissions_boundary_policy_input_list or ()),
            *(text for level in levels for text in level.get("ServiceControlPolicyInputList") or ()),
            resource_policy or "",
        ]
    )
    _refuse_handling(resource_handling_option)
    sources = [*given(policy_input_list), *given_boundary(permissions_boundary_policy_input_list)]
    simulation = _simulation(
        call,
        sources,
        organization=ordered_organization_policy_input_list,
        resource_arns=resource_arns,
        resource_policy=resource_policy,
        resource_owner=resource_owner,
        caller_arn=caller_arn,
        entries=context_entries,
    )
    return _answer(simulation, "SimulateCustomPolicy", action_names, max_items, marker)


@operation("iam:SimulatePrincipalPolicy", on=an_entity)
def simulate_principal_policy(
    call: Call,
    *,
    policy_source_arn: str,
    action_names: list[str],
    policy_input_list: list[str] | None = None,
    permissions_boundary_policy_input_list: list[str] | None = None,
    policy_exclusion_list: list[Mapping[str, Any]] | None = None,
    resource_arns: list[str] | None = None,
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: list[Mapping[str, Any]] | None = None,
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    """Tell what an entity's policies and further ones would decide. Raises NoSuchEntity, InvalidInput.

    A given boundary replaces the entity's. If the entity is a user, it is the caller in a resource policy.
    """
    boundary_given = permissions_boundary_policy_input_list or ()
    check_together([*(policy_input_list or ()), *boundary_given, resource_policy or ""])
    _refuse_handling(resource_handling_option)
    entity = existing_entity(call, policy_source_arn)
    attached = attached_to_entity(call, entity)
    excluded = [exclusion(each) for each in policy_exclusion_list or ()]
    attached = [each for each in attached if not any(excludes(each) for excludes in excluded)]
    boundary = given_boundary(permissions_boundary_policy_input_list)
    if boundary:
        attached = [each for each in attached if each.layer != "boundary"]
    simulation = _simulation(
        call,
        [*attached, *given(policy_input_list or ()), *boundary],
        organization=organization_levels(call, entity),
        resource_arns=resource_arns,
        resource_policy=resource_policy,
        resource_owner=resource_owner,
        caller_arn=caller_arn,
        entries=context_entries,
        default_caller=entity.arn if isinstance(entity, User) else None,
    )
    return _answer(simulation, "SimulatePrincipalPolicy", action_names, max_items, marker)


# The question.


def _simulation(
    call: Call,
    sources: Iterable[Source],
    *,
    resource_arns: Sequence[str] | None,
    resource_policy: str | None,
    resource_owner: str | None,
    caller_arn: str | None,
    entries: Sequence[Mapping[str, Any]] | None,
    organization: Sequence[Mapping[str, Any]] | None = None,
    default_caller: str | None = None,
) -> _Simulation:
    if resource_policy is not None and caller_arn is None and default_caller is None:
        raise errors.invalid_input("CallerArn is required when a ResourcePolicy is simulated.")
    by_layer: dict[str, tuple[Source, ...]] = {}
    for source in sources:
        by_layer[source.layer] = (*by_layer.get(source.layer, ()), source)
    if resource_policy is not None:
        by_layer["resource"] = (Source("resource", "ResourcePolicy", resource_policy),)
    compiled = {layer: tuple(map(_compiled, found)) for layer, found in by_layer.items()}
    levels = [level.get("ServiceControlPolicyInputList") or () for level in organization or ()]
    principal = _principal(call, caller_arn or default_caller)
    bindings = Bindings(
        identity=compiled.get("identity", ()),
        boundary=next(iter(compiled.get("boundary", ())), None),
        resource=next(iter(compiled.get("resource", ())), None),
        scps=tuple(tuple(_compiled(Source("scp", "", text)) for text in level) for level in levels),
    )
    owner = principal.account if resource_owner is None else _owner(resource_owner)
    context = {"aws:userid": caller_arn or STUB, **_context(entries or ())}
    return _Simulation(bindings, by_layer, principal, context, _resources(resource_arns), owner)


def _compiled(source: Source) -> NamedPolicy:
    """Compile a document as the simulator reads it. The result is not cached."""
    try:
        return NamedPolicy(source.id, compile_simulated(source.text, source.layer))
    except MalformedPolicy as error:
        raise errors.invalid_input(error.message) from error


def _principal(call: Call, arn: str | None) -> Principal:
    if arn is None:
        return Principal("user", account=call.account)
    kind, parsed = entity_kind(arn), arns.parse(arn)
    if kind is None or parsed is None:
        raise errors.invalid_input(f"Invalid CallerArn: {arn}")
    if kind == "role":
        return Principal("role-session", arn, parsed.account, role_arn=arn)
    return Principal("user", arn, parsed.account)


def _owner(arn: str) -> str:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam" or not parsed.account:
        raise errors.invalid_input(f"Invalid ResourceOwner: {arn}")
    return parsed.account


def _context(entries: Sequence[Mapping[str, Any]]) -> dict[str, str | list[str]]:
    """Return the context of a question. Values of types that are not lists stand by themselves."""
    given: dict[str, str | list[str]] = {}
    for entry in entries:
        name = entry.get("ContextKeyName")
        if not name:
            raise errors.invalid_input("A context entry has no ContextKeyName.")
        values = list(entry.get("ContextKeyValues") or ())
        is_list = (entry.get("ContextKeyType") or "string").endswith("List")
        given[name] = values if is_list or len(values) != 1 else values[0]
    return question_context(given)


def _resources(resource_arns: Sequence[str] | None) -> tuple[str, ...]:
    for arn in resource_arns or ():
        if arn != "*" and arns.parse(arn) is None:
            raise errors.invalid_input(f"Invalid resource ARN: {arn}")
    return tuple(resource_arns or ("*",))


def _refuse_handling(option: str | None) -> None:
    if option is not None:
        raise errors.invalid_input(
            "ResourceHandlingOption is not simulated: name the resources in ResourceArns."
        )


# The answer.


def _answer(
    simulation: _Simulation, scope: str, actions: Sequence[str], max_items: int | None, marker: str | None
) -> Answer:
    """Return a page of the actions in their order. Only the actions of the page are evaluated."""
    for action in actions:
        service, colon, name = action.partition(":")
        if not (service and colon and name) or "*" in action or "?" in action:
            raise errors.invalid_input(f"Invalid action name: {action}")
    cost = len(simulation.resources) * (_COST_OF_A_RESULT + simulation.statements)
    if cost > _MOST_COST_OF_AN_ACTION:
        raise errors.invalid_input(
            "The simulation is too large: simulate fewer resources, or policies with fewer statements."
        )
    # IAM may always answer fewer than MaxItems, with a marker (API reference, SimulateCustomPolicy).
    page = max(1, min(max_items or PAGE, _COST_OF_A_PAGE // cost))
    asked = blake2b("\n".join((*actions, *simulation.resources)).encode()).hexdigest()
    return short_listing(
        "EvaluationResults",
        actions,
        lambda action: _evaluation_result(simulation, action),
        scope=f"{scope}:{asked}",
        max_items=page,
        marker=marker,
    )


def _evaluation_result(simulation: _Simulation, action: str) -> Mapping[str, Any]:
    results = [_result(simulation, action, resource) for resource in simulation.resources]
    by_organizations = results[0].by_organizations
    answer: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _together(simulation.resources),
        "EvalDecision": _strictest(each.decision for each in results),
        "MatchedStatements": _shown(match for each in results for match in each.matched),
        "MissingContextValues": list(dict.fromkeys(key for each in results for key in each.missing)),
        "PermissionsBoundaryDecisionDetail": _boundary_detail(results),
        "OrganizationsDecisionDetail": (
            None if by_organizations is None else {"AllowedByOrganizations": by_organizations}
        ),
    }
    if simulation.resources == ("*",):
        # Every resource is no resource: there is nothing to add by each.
        return answer
    types = dict.fromkeys(kind for each in results for kind in each.details)
    answer["EvalDecisionDetails"] = {
        kind: _strictest(each.details[kind] for each in results if kind in each.details) for kind in types
    }
    answer["ResourceSpecificResults"] = [_specific(each) for each in results]
    return answer


def _specific(result: _Result) -> Mapping[str, Any]:
    return {
        "EvalResourceName": result.resource,
        "EvalResourceDecision": result.decision,
        "MatchedStatements": _shown(result.matched),
        "MissingContextValues": list(result.missing),
        "EvalDecisionDetails": result.details,
        "PermissionsBoundaryDecisionDetail": _boundary_detail([result]),
    }


def _result(simulation: _Simulation, action: str, resource: str) -> _Result:
    account = _account(simulation, resource)
    question = Question(simulation.principal, action, resource, simulation.context, account)
    evaluation = evaluate(question, simulation.bindings)
    layers = {layer.layer: layer for layer in evaluation.layers if layer.layer != "scp"}
    levels = [layer for layer in evaluation.layers if layer.layer == "scp"]
    by_organizations = all(level.verdict == "allow" for level in levels) if levels else None
    decision = _EFFECTS[evaluation.decision.effect]
    boundary = layers.get("boundary")
    by_boundary = None if boundary is None else boundary.verdict == "allow"
    if by_organizations is False:
        # The simulation ends with the organization's refusal.
        return _Result(resource, decision, (), (), {}, by_boundary, by_organizations)
    return _Result(
        resource,
        decision,
        tuple(_matched(simulation, evaluation)),
        tuple(_missing(simulation)),
        _details(layers) if question.is_cross_account else {},
        by_boundary,
        by_organizations,
    )


def _account(simulation: _Simulation, resource: str) -> str | None:
    """Return the account of a resource: of its ARN, else of the ResourceOwner, else of the caller."""
    if simulation.bindings.resource is None:
        return None
    parsed = arns.parse(resource)
    return parsed.account if parsed is not None and parsed.account.isdigit() else simulation.owner


def _matched(simulation: _Simulation, evaluation: Evaluation) -> Iterable[_Match]:
    """Yield the statements that deny, or those that allow. An implicit deny has none."""
    decisive = {"allow": "Allow", "explicit-deny": "Deny"}.get(evaluation.decision.effect)
    for layer in evaluation.layers:
        for source, statement in _sourced(simulation, layer):
            if statement.effect == decisive and statement.applies:
                yield _Match(source, statement.index)


def _missing(simulation: _Simulation) -> Iterable[str]:
    """Return the keys of the input policies that have no value, whichever statement asks for them, as they are spelled.

    One key is told once, in its first spelling.
    """
    missing: dict[str, str] = {}
    for layer in _REPORTS_MISSING:
        for source in simulation.sources.get(layer, ()):
            for name in context_key_names(source.text):
                key = name.lower()
                if key not in _ESCAPES and is_absent(key, simulation.context):
                    missing.setdefault(key, name)
    return missing.values()


def _sourced(simulation: _Simulation, layer: LayerReport) -> Iterable[tuple[Source, Any]]:
    """Yield a layer's statements with their documents. The documents of an organization are not shown."""
    bound = {
        "identity": simulation.bindings.identity,
        "boundary": (simulation.bindings.boundary,),
        "resource": (simulation.bindings.resource,),
    }.get(layer.layer, ())
    sources = simulation.sources.get(layer.layer, ())
    owners = [
        source
        for source, named in zip(sources, bound, strict=False)
        if named is not None
        for _ in named.policy.statements
    ]
    return zip(owners, layer.statements, strict=False)


def _details(layers: Mapping[str, LayerReport]) -> Mapping[str, str]:
    """Return the decision of each side of a cross-account request."""
    return {_TYPES[name]: _VERDICTS[layers[name].verdict] for name in _REPORTS_MISSING if name in layers}


def _shown(matches: Iterable[_Match]) -> list[Mapping[str, Any]]:
    return [
        {
            "SourcePolicyId": match.source.id,
            "SourcePolicyType": _TYPES[match.source.layer],
            "StartPosition": _place(simulator_spans(match.source.text)[match.index].start),
            "EndPosition": _place(simulator_spans(match.source.text)[match.index].end),
        }
        for match in dict.fromkeys(matches)
    ]


def _place(position: Position) -> Mapping[str, int]:
    return {"Line": position.line, "Column": position.column}


def _boundary_detail(results: Sequence[_Result]) -> Mapping[str, bool] | None:
    if results[0].by_boundary is None:
        return None
    return {"AllowedByPermissionsBoundary": all(each.by_boundary for each in results)}


def _strictest(decisions: Iterable[str]) -> str:
    return min(decisions, key=_RESTRICTIVE.index)


def _together(resources: Sequence[str]) -> str:
    """Return the one resource, or a name for several.

    The ARN template of the first one's type, else their common beginning.
    """
    if len(resources) == 1:
        return resources[0]
    types = resource_types_of(resources[0])
    if types:
        # Recorded of S3's objects, which the catalogue calls otherwise.
        return types[0].arn.replace("${Partition}", arns.PARTITION).replace("${ObjectName}", "${KeyName}")
    first, last = min(resources), max(resources)
    alike = (index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first if first == last else f"{first[: next(alike, len(first))]}*"
