"""Finds the parameters that requests name, and what callers must be allowed to act on (parameters.md 23.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from understudy_aws.core.arn import PARTITION, Arn
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.tag_keys import requested_tags, tag_keys
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.names import Selected, selected
from understudy_aws.services.ssm.records import (
    Parameter,
    ParameterVersion,
    arn_of,
    parameter_versions,
    parameters,
)
from understudy_aws.store.database import Transaction

Keys = dict[str, str | list[str]]

# What the tagging operations take besides parameters, with the word for it in ARNs.
_WORDS = {
    "Association": "association",
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "OpsMetadata": "opsmetadata",
    "PatchBaseline": "patchbaseline",
}


def of_arn(tx: Transaction, arn: Arn) -> Parameter | None:
    """Return the parameter of an ARN, in whatever account and Region.

    The ARN of a name of one level is the same with a slash at its beginning and without.
    """
    name = arn.resource.removeprefix("parameter")
    for spelled in (name, name.removeprefix("/")):
        found = parameters.get(tx, arn.account, arn.region, spelled)
        if found is not None and found.arn == str(arn):
            return found
    return None


def found_by(call: Call, wanted: Selected) -> Parameter | None:
    """Return the parameter that a request means, or None."""
    if wanted.arn is None:
        return parameters.get(call.tx, call.account, call.region, wanted.name)
    return of_arn(call.tx, wanted.arn) if wanted.arn.region == call.region else None


def of_name(call: Call, name: str) -> Parameter:
    """Return the caller's parameter of a name, which may not be an ARN. Raises ParameterNotFound."""
    found = parameters.get(call.tx, call.account, call.region, name.strip(" "))
    if found is None:
        raise errors.no_such_parameter()
    return found


def versions_of(tx: Transaction, parameter: Parameter) -> Iterator[ParameterVersion]:
    """Yield the versions of a parameter, the oldest first."""
    return parameter_versions.scan(tx, parameter.account, parameter.region, parameter.name)


def newest(tx: Transaction, parameter: Parameter) -> ParameterVersion:
    """Return the newest version of a parameter."""
    found = version(tx, parameter, parameter.version)
    assert found is not None, "a parameter has the version that it names"
    return found


def version(tx: Transaction, parameter: Parameter, number: int) -> ParameterVersion | None:
    """Return the version of a number."""
    return parameter_versions.get(tx, parameter.account, parameter.region, parameter.name, f"{number:012d}")


def chosen(tx: Transaction, parameter: Parameter, selector: str) -> ParameterVersion:
    """Return the version that a number or a label stands for. Raises ParameterVersionNotFound."""
    if not selector:
        return newest(tx, parameter)
    if selector.isascii() and selector.isdecimal():
        found = version(tx, parameter, int(selector)) if len(selector) <= 12 else None
    else:
        found = next((each for each in versions_of(tx, parameter) if selector in each.labels), None)
    if found is None:
        raise errors.no_such_version(selector, parameter.name)
    return found


def parameter_policy(parameter: Parameter) -> NamedPolicy | None:
    """Return the policy of a parameter, if it has one."""
    if not parameter.policy:
        return None
    return NamedPolicy("resource policy", compile_policy(parameter.policy, kind="resource"))


def parameter_keys(parameter: Parameter) -> Keys:
    """Return the condition keys of a parameter itself."""
    return {
        **tag_keys("aws:resourcetag", parameter.tags),
        **tag_keys("ssm:resourcetag", parameter.tags),
    }


def a_parameter(call: Call, params: Params) -> Sequence[Target]:
    """Return the parameter that a request names."""
    return [_target(call, selected(params["name"]))]


def the_parameters(call: Call, params: Params) -> Sequence[Target]:
    """Return each of the parameters that a request names."""
    return [_target(call, selected(name)) for name in params["names"]]


def a_put_parameter(call: Call, params: Params) -> Sequence[Target]:
    """Return the parameter about to be made or changed. With tags, `ssm:AddTagsToResource` is needed too."""
    tags: Keys = dict(requested_tags(params, "parameter"))
    keys = dict(tags)
    if params.get("overwrite") is not None:
        keys["ssm:overwrite"] = str(params["overwrite"]).lower()
    if params.get("policies"):
        keys["ssm:policies"] = "true"
    target = _target(call, selected(params["name"]), keys)
    if not tags:
        return [target]
    return [target, Target(target.resource, {**target.keys, **tags}, action="ssm:AddTagsToResource")]


def a_path(call: Call, params: Params) -> Sequence[Target]:
    """Return the path whose parameters a request asks for, as it is spelled."""
    keys: Keys = {}
    if params.get("recursive") is not None:
        keys["ssm:recursive"] = str(params["recursive"]).lower()
    return [Target(arn_of(call.account, call.region, params["path"].strip(" ")), keys)]


def everything(call: Call, _params: Params) -> Sequence[Target]:
    """Return everything of Systems Manager's in the Region, which is what a denial names."""
    return [Target(f"arn:{PARTITION}:ssm:{call.region}:{call.account}:*")]


def a_tagged_resource(call: Call, params: Params) -> Sequence[Target]:
    """Return the resource whose tags a request is about, with the tags it names."""
    keys: Keys = dict(requested_tags(params, "parameter"))
    kind, id = params["resource_type"], params["resource_id"]
    if kind == "Parameter":
        return [_target(call, selected(id), keys)]
    resource = f"{_WORDS.get(kind, kind.lower())}/{id}"
    return [Target(f"arn:{PARTITION}:ssm:{call.region}:{call.account}:{resource}", keys)]


def a_shared_resource(call: Call, params: Params) -> Sequence[Target]:
    """Return the resource whose policy a request is about."""
    given = params["resource_arn"]
    wanted = selected(given)
    return [_target(call, wanted) if wanted.arn is not None else Target(given)]


def _target(call: Call, wanted: Selected, keys: Keys | None = None) -> Target:
    found = found_by(call, wanted)
    if found is None:
        arn = arn_of(call.account, call.region, wanted.name) if wanted.arn is None else str(wanted.arn)
        return Target(arn, keys or {})
    return Target(found.arn, {**parameter_keys(found), **(keys or {})}, policy=parameter_policy(found))
