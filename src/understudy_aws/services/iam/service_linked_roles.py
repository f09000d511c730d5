"""Service-linked roles. They are made from templates, used by their service only, and deleted by a task.

A role is service-linked when its record has a `linked_service`, whatever its name and path (decision 0005,
service-linked-roles.md 1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.core.ids import Ids
from understudy_aws.data import service_linked_roles as catalogue
from understudy_aws.data.service_linked_roles import ServiceLinkedRoleTemplate
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import deletion_tasks, errors
from understudy_aws.services.iam.documents import shown
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.roles import a_role, existing_role
from understudy_aws.services.iam.tags import entity_keys
from understudy_aws.store.database import Transaction


def linked_role_arn(account: str, principal: str, name: str) -> str:
    """Return the ARN of the role of this name that is linked to a service principal."""
    return iam(account, f"role/aws-service-role/{principal}/{name}")


def a_new_linked_role(call: Call, params: Params) -> Sequence[Target]:
    """Return the role, by the name its service gives it, with the service it is for (`iam:AWSServiceName`)."""
    principal = params["aws_service_name"]
    template = catalogue.find(principal)
    name = _role_name(template, params.get("custom_suffix")) if template else "*"
    return [
        Target(
            linked_role_arn(call.account, principal, name),
            {"iam:awsservicename": principal},
        )
    ]


def the_role_of_a_task(call: Call, params: Params) -> Sequence[Target]:
    """Return the role that a deletion task's id names (service-linked-roles.md 1.7), with its tags while it exists."""
    parsed = deletion_tasks.parse(params["deletion_task_id"])
    if parsed is None:
        return [Target(iam(call.account, "role/*"))]
    arn = linked_role_arn(call.account, parsed.principal, parsed.role)
    role = roles.get(call.tx, call.account, parsed.role.lower())
    return [Target(arn, entity_keys(role.tags) if role and role.arn == arn else {})]


@operation("iam:CreateServiceLinkedRole", on=a_new_linked_role)
def create_service_linked_role(
    call: Call, *, aws_service_name: str, custom_suffix: str | None = None, description: str | None = None
) -> Answer:
    """Make the role of a service from its template.

    Errors come in AWS's order: no template, no suffix allowed, name taken.
    """
    template = catalogue.find(aws_service_name)
    if template is None:
        raise errors.access_denied(f"Cannot find Service Linked Role template for {aws_service_name}")
    if custom_suffix and not template.custom_suffix:
        raise errors.invalid_input(f"Custom suffix is not allowed for {aws_service_name}")
    name = _role_name(template, custom_suffix)
    if roles.get(call.tx, call.account, name.lower()) is not None:
        raise errors.invalid_input(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    role = _linked(template, name, call.account, call.ids, call.at, description)
    return {"Role": _created(roles.put(call.tx, role))}


@operation("iam:DeleteServiceLinkedRole", on=a_role)
def delete_service_linked_role(call: Call, *, role_name: str) -> Answer:
    """Begin to delete a service-linked role. Returns the id of the task, which deletes the role or fails."""
    role = existing_role(call, role_name)
    if not role.linked_service:
        raise ApiError("NoSuchEntity", f"{role.name} exists but is not a service role.", 404)
    return {"DeletionTaskId": deletion_tasks.submit(call, role)}


@operation("iam:GetServiceLinkedRoleDeletionStatus", on=the_role_of_a_task)
def get_service_linked_role_deletion_status(call: Call, *, deletion_task_id: str) -> Answer:
    """Tell how a deletion task goes. A failed one says why, and what still uses the role."""
    if deletion_tasks.parse(deletion_task_id) is None:
        raise errors.invalid_input("Invalid task id")
    task = deletion_tasks.status(call.tx, call.account, deletion_task_id)
    if task is None:
        raise ApiError("NoSuchEntity", "Cannot find deletion status for given id.", 404)
    if task.status != "FAILED":
        return {"Status": task.status}
    usage = [{"Region": region, "Resources": arns} for region, arns in task.usage]
    return {"Status": task.status, "Reason": {"RoleUsageList": usage, "Reason": task.reason}}


def ensure_service_linked_role(call: Call, principal: str) -> None:
    """Make the role of a service with the caller's permission, if the account has none yet.

    Raises what CreateServiceLinkedRole raises. The role gets the service's description: AWS gives one only to roles
    that services make (service-linked-roles.md 1.1).
    """
    template = catalogue.find(principal)
    assert template is not None, f"{principal} has a template"
    role = roles.get(call.tx, call.account, template.role_name.lower())
    if role is not None and role.linked_service == principal:
        return
    description = template.service_description or template.description or None
    call.onward("iam", "CreateServiceLinkedRole", aws_service_name=principal, description=description)


def make_linked_role(tx: Transaction, account: str, principal: str, *, ids: Ids, at: datetime) -> None:
    """Make the role of a service in an account that is being made, in which there is no caller yet."""
    template = catalogue.find(principal)
    assert template is not None, f"{principal} has a template"
    description = template.service_description or template.description or None
    roles.put(tx, _linked(template, template.role_name, account, ids, at, description))


def _linked(  # noqa: PLR0917 - everything such a role consists of
    template: ServiceLinkedRoleTemplate,
    name: str,
    account: str,
    ids: Ids,
    at: datetime,
    description: str | None,
) -> Role:
    return Role(
        account=account,
        name=name,
        id=ids.iam("AROA"),
        created=at,
        path=template.path,
        trust=_trust(template),
        description=description,
        attached=(template.policy,),
        linked_service=template.principal,
    )


def _role_name(template: ServiceLinkedRoleTemplate, suffix: str | None) -> str:
    return f"{template.role_name}_{suffix}" if suffix else template.role_name


def _trust(template: ServiceLinkedRoleTemplate) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": template.principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _created(role: Role) -> Mapping[str, Any]:
    """Return a role as CreateServiceLinkedRole shows it.

    Without description, and with lists in the trust policy (service-linked-roles.md 1.1).
    """
    statement = {
        "Action": ["sts:AssumeRole"],
        "Effect": "Allow",
        "Principal": {"Service": [role.linked_service]},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": shown(document),
    }
