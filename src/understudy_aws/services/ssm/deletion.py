"""Parameters deleted, with all their versions."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ssm.lookups import a_parameter, of_name, the_parameters, versions_of
from understudy_aws.services.ssm.records import Parameter, parameter_versions, parameters


@operation("ssm:DeleteParameter", on=a_parameter)
def delete_parameter(call: Call, *, name: str) -> None:
    """Delete a parameter of the caller's."""
    _delete(call, of_name(call, name))


@operation("ssm:DeleteParameters", on=the_parameters)
def delete_parameters(call: Call, *, names: list[str]) -> Answer:
    """Delete parameters. Those that are not there are told, and are no error."""
    deleted, invalid = [], []
    for name in dict.fromkeys(names):
        found = parameters.get(call.tx, call.account, call.region, name.strip(" "))
        if found is None:
            invalid.append(name)
        else:
            _delete(call, found)
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


def _delete(call: Call, parameter: Parameter) -> None:
    for each in list(versions_of(call.tx, parameter)):
        parameter_versions.delete(call.tx, each)
    parameters.delete(call.tx, parameter)
