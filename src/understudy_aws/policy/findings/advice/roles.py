"""Advice on who may hand roles to services, and who may have services create their own roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from understudy_aws.data import service_linked_roles
from understudy_aws.data.service_linked_roles import ServiceLinkedRoleTemplate
from understudy_aws.policy.findings.advice.grants import By, Grant, On, grants, names_values
from understudy_aws.policy.findings.advice.wording import as_json, one_or_list
from understudy_aws.policy.findings.check import Check, Problem
from understudy_aws.policy.findings.finding import FindingType
from understudy_aws.policy.findings.tree import PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode

_PASS = "iam:PassRole"  # noqa: S105 - an action
_CREATE = "iam:CreateServiceLinkedRole"
_PASSED_TO = "iam:PassedToService"
_PASSED_FOR = "iam:AssociatedResourceArn"
_CREATED_FOR = "iam:AWSServiceName"
_ANY_PATH = "arn:aws:iam::*:role/aws-service-role"

# The last part of the issue codes, after PASS_ROLE_WITH_ and CREATE_SLR_WITH_.
_FORMS = {
    "NOT_RESOURCE": (By.NAME, On.OTHERS),
    "STAR_IN_ACTION_AND_NOT_RESOURCE": (By.WILDCARD, On.OTHERS),
    "NOT_ACTION_AND_NOT_RESOURCE": (By.OMISSION, On.OTHERS),
    "STAR_IN_RESOURCE": (By.NAME, On.ANY),
    "STAR_IN_ACTION_AND_RESOURCE": (By.WILDCARD, On.ANY),
    "STAR_IN_RESOURCE_AND_NOT_ACTION": (By.OMISSION, On.ANY),
}

Describe = Callable[[PolicyTree, Grant, By, On], Problem]


class _Family(msgspec.Struct, frozen=True):
    """An action that needs care: what its issue codes begin with, how much they matter, the keys that limit it."""

    prefix: str
    finding_type: FindingType
    action: str
    keys: tuple[str, ...]
    describe: Describe

    def check(self, form: str) -> Check:
        """Return the check for one form of statement."""
        by, on = _FORMS[form]

        def find(policy: PolicyTree) -> Iterator[Problem]:
            for grant in grants(policy, self.action.lower(), by, on):
                if on is On.OTHERS or not any(
                    names_values(grant.statement, key.lower()) for key in self.keys
                ):
                    yield self.describe(policy, grant, by, on)

        return Check(f"{self.prefix}_WITH_{form}", self.finding_type, find)


def _pass_role(policy: PolicyTree, grant: Grant, by: By, on: On) -> Problem:
    reach = "every role of the account" if on is On.ANY else "every role that NotResource does not list"
    return Problem(
        f"{_granting(grant, by, _PASS)} lets {reach} be handed to any service, which then acts with the "
        "permissions of that role, be it the strongest of all.",
        _pass_role_instead(grant, by),
        (policy.at(grant.action), policy.at(grant.resource)),
    )


def _granting(grant: Grant, by: By, action: str) -> str:
    """Return the subject of the sentence: which words allow the action."""
    if by is By.OMISSION:
        return f"NotAction does not list {action} and"
    if by is By.WILDCARD and isinstance(grant.action, StringNode):
        return f'"{grant.action.value}" includes {action} and'
    return action


def _pass_role_instead(grant: Grant, by: By) -> str:
    services = _passed_services(grant.statement)
    statement = {
        "Effect": "Allow",
        "Action": _PASS,
        "Resource": "arn:aws:iam::ACCOUNT:role/ROLE-NAME",
        "Condition": {"StringEquals": {_PASSED_TO: one_or_list(services or ["SERVICE.amazonaws.com"])}},
    }
    return f"{_apart(by, _PASS)} {as_json(statement)}."


def _apart(by: By, action: str) -> str:
    if by is By.OMISSION:
        return f"Add {action} to NotAction, and allow it for the roles that are meant:"
    if by is By.WILDCARD:
        return f"Write the actions that are meant instead of the wildcard, and allow {action} by itself:"
    return "Allow it by itself and only for the roles that are meant:"


def _passed_services(statement: StatementNode) -> list[str]:
    """Return the services whose actions stand beside it and that are known to take roles under their own name."""
    found: dict[str, None] = {}
    for prefix in _prefixes(statement):
        if prefix in _ROLE_TAKERS:
            found[_ROLE_TAKERS[prefix]] = None
    return list(found)[:3]


# Prefixes of actions and the principal that the service takes roles as.
_ROLE_TAKERS = {
    "apprunner": "tasks.apprunner.amazonaws.com",
    "batch": "batch.amazonaws.com",
    "cloudformation": "cloudformation.amazonaws.com",
    "codebuild": "codebuild.amazonaws.com",
    "codedeploy": "codedeploy.amazonaws.com",
    "codepipeline": "codepipeline.amazonaws.com",
    "ec2": "ec2.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "eks": "eks.amazonaws.com",
    "elasticmapreduce": "elasticmapreduce.amazonaws.com",
    "events": "events.amazonaws.com",
    "firehose": "firehose.amazonaws.com",
    "glue": "glue.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
    "sagemaker": "sagemaker.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "states": "states.amazonaws.com",
}


def _create_role(policy: PolicyTree, grant: Grant, by: By, on: On) -> Problem:
    reach = "any service" if on is On.ANY else "every service whose role NotResource does not list"
    return Problem(
        f"{_granting(grant, by, _CREATE)} lets the service-linked role of {reach} be created.",
        _create_instead(policy, grant, by),
        (policy.at(grant.action), policy.at(grant.resource)),
    )


def _create_instead(policy: PolicyTree, grant: Grant, by: By) -> str:
    roles = _meant_roles(policy, grant.statement)
    if roles:
        resources = [f"{_ANY_PATH}/{role.principal}/{role.role_name}" for role in roles]
        # A role with a suffix has more to its name.
        resources = [
            arn + ("*" if role.custom_suffix else "") for arn, role in zip(resources, roles, strict=True)
        ]
        principals = [role.principal for role in roles]
    else:
        resources = [f"{_ANY_PATH}/SERVICE.amazonaws.com/AWSServiceRoleFor*"]
        principals = ["SERVICE.amazonaws.com"]
    statement = {
        "Effect": "Allow",
        "Action": _CREATE,
        "Resource": one_or_list(resources),
        "Condition": {"StringEquals": {_CREATED_FOR: one_or_list(principals)}},
    }
    return f"{_apart(by, _CREATE)} {as_json(statement)}."


def _meant_roles(policy: PolicyTree, statement: StatementNode) -> list[ServiceLinkedRoleTemplate]:
    """Return the roles that iam:AWSServiceName names, else those of the services whose actions the policy allows."""
    named = names_values(statement, _CREATED_FOR.lower())
    if named is not None:
        found = [service_linked_roles.find(text.value) for text in named.texts]
        return [role for role in found if role is not None]
    prefixes = _prefixes(statement).keys() or policy.services_allowed - {"iam", "*"}
    roles = [role for role in service_linked_roles.catalogue() if _owner(role) in prefixes]
    return roles[:5]


def _owner(role: ServiceLinkedRoleTemplate) -> str:
    """Return the service whose role it is: `networking.apprunner.amazonaws.com` is App Runner's."""
    return role.principal.removesuffix(".amazonaws.com").rpartition(".")[2]


def _prefixes(statement: StatementNode) -> dict[str, None]:
    """Return the services whose actions the statement names, IAM aside, in order."""
    found: dict[str, None] = {}
    for element in statement.actions:
        if statement.allows and not element.inverted:
            found.update(dict.fromkeys(text.value.partition(":")[0].lower() for text in element.texts))
    found.pop("iam", None)
    found.pop("*", None)
    return found


_FAMILIES = (
    _Family("PASS_ROLE", FindingType.SECURITY_WARNING, _PASS, (_PASSED_TO, _PASSED_FOR), _pass_role),
    _Family("CREATE_SLR", FindingType.WARNING, _CREATE, (_CREATED_FOR,), _create_role),
)

CHECKS = tuple(family.check(form) for family in _FAMILIES for form in _FORMS)
