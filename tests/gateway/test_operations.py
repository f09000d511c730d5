"""How operations are declared."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

from understudy_aws.gateway.operations import all_resources, operation, operations_in


@operation("iam:CreateUser", on=all_resources)
def create_user(_call, *, user_name, tags=None):
    return {"User": {"UserName": user_name, "Tags": tags}}


def module(name=__name__, **members):
    made = ModuleType(name)
    vars(made).update(members)
    return made


def test_a_declaration_says_action_name_and_parameters():
    assert ("CreateUser", "iam:CreateUser", frozenset({"user_name", "tags"})) == (
        create_user.name,
        create_user.action,
        create_user.takes,
    )
    assert {"User": {"UserName": "a", "Tags": None}} == create_user(SimpleNamespace(), user_name="a")


def test_what_a_module_declares_is_found():
    assert [create_user] == list(operations_in([module(create_user=create_user, other=1)]))


def test_what_a_module_imports_is_not_declared_by_it():
    assert [] == list(operations_in([module("elsewhere", create_user=create_user)]))
