"""How operations are declared and found."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest

from understudy.gateway.operations import Registry, all_resources, operation


@operation("iam:CreateUser", on=all_resources)
def create_user(_call, *, user_name, tags=None):
    return {"User": {"UserName": user_name, "Tags": tags}}


def module(name=__name__, **members):
    made = ModuleType(name)
    vars(made).update(members)
    return made


def test_a_declaration_says_service_name_action_and_parameters():
    assert ("iam", "CreateUser", "iam:CreateUser", frozenset({"user_name", "tags"})) == (
        create_user.service,
        create_user.name,
        create_user.action,
        create_user.takes,
    )
    assert {"User": {"UserName": "a", "Tags": None}} == create_user(SimpleNamespace(), user_name="a")


def test_an_action_has_the_prefix_that_iam_knows():
    """Service Authorization Reference: IAM Access Analyzer's prefix is access-analyzer."""
    declared = operation("accessanalyzer:ValidatePolicy", on=all_resources)(lambda _call: None)
    assert ("accessanalyzer", "access-analyzer:ValidatePolicy") == (declared.service, declared.action)


def test_what_a_module_declares_is_found():
    registry = Registry([module(create_user=create_user, other=1)])
    assert create_user is registry.find("iam", "CreateUser")
    assert registry.find("sts", "CreateUser") is None
    assert [create_user] == list(registry)


def test_what_a_module_imports_is_not_declared_by_it():
    assert [] == list(Registry([module("elsewhere", create_user=create_user)]))


def test_nothing_is_declared_twice():
    with pytest.raises(AssertionError, match="iam:CreateUser is declared twice"):
        Registry([module(one=create_user, two=create_user)])
