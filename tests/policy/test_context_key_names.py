"""The context keys a document names: simulator.md 5.3."""

from __future__ import annotations

import json

import pytest

from understudy_aws.policy import MalformedPolicy
from understudy_aws.policy.engine.context_key_names import context_key_names


def named(*statements, version="2012-10-17"):
    return context_key_names(json.dumps({"Version": version, "Statement": list(statements)}))


def allow(condition=None, resource="*", action="s3:GetObject", **more):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return statement if condition is None else {**statement, "Condition": condition}


def test_condition_keys_keep_their_spelling():
    names = named(allow({"StringEquals": {"aws:username": "a", "AWS:username": "b"}}))
    assert ("aws:username", "AWS:username") == names


def test_the_same_spelling_is_given_once():
    statement = allow({"StringEquals": {"aws:username": "${aws:username}"}}, "arn:aws:s3:::${aws:username}")
    assert ("aws:username",) == named(statement, statement)


def test_variables_of_resources_and_values_are_named_without_their_defaults():
    statement = allow(
        {"StringLike": {"s3:prefix": ["${aws:userid}/${aws:PrincipalTag/Team, 'none'}"]}}, "${a:b}"
    )
    assert {"s3:prefix", "aws:userid", "aws:PrincipalTag/Team", "a:b"} == set(named(statement))


def test_variables_of_excluded_resources_are_named():
    assert ("aws:userid",) == named(
        {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::${aws:userid}"}
    )


def test_escapes_are_named_as_keys():
    assert ("*", "?", "$") == named(allow(resource="arn:aws:s3:::${*}${?}${$}"))


def test_the_old_version_has_no_variables():
    statement = allow({"StringEquals": {"aws:userid": "${aws:username}"}}, "${aws:username}")
    assert ("aws:userid",) == named(statement, version="2008-10-17")


def test_actions_principals_and_condition_keys_are_not_expanded():
    statement = allow(
        {"Null": {"${aws:username}": "true"}}, action="s3:${aws:userid}", Principal={"AWS": "${a:c}"}
    )
    assert ("${aws:username}",) == named(statement)


def test_statements_without_action_or_resource_are_read():
    assert ("aws:userid",) == named({"Effect": "Allow", "Condition": {"Null": {"aws:userid": "true"}}})
    assert () == named()


@pytest.mark.parametrize(
    "document",
    [
        {"Statement": allow({"StringEqual": {"aws:userid": "a"}})},
        {"Statement": {"Action": "s3:GetObject", "Resource": "*"}},
        {"Statement": [], "Extra": 1},
        [],
    ],
    ids=["operator", "effect", "element", "list"],
)
def test_what_is_no_policy_is_refused(document):
    with pytest.raises(MalformedPolicy):
        context_key_names(json.dumps(document))
