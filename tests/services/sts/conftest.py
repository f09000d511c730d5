"""Roles to assume, and users to assume them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def iam(understudy):
    """The administrator's client."""
    return understudy.client("iam")


@pytest.fixture
def make_role(iam):
    """Make a role that trusts this principal to do these actions under these conditions; answers its ARN."""

    def make(name, principal, *, actions=("sts:AssumeRole",), condition=None, client=None, allows=(), **more):
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
        if condition:
            statement["Condition"] = condition
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        on = client or iam
        role = on.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]
        if allows:
            on.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy_of(*allows))
        return role["Arn"]

    return make


@pytest.fixture
def assume(understudy):
    """Credentials of a session of a role."""

    def assumed(arn, as_=None, session="session", **params):
        sts = understudy.client("sts", as_=as_)
        return understudy.session_of(sts.assume_role(RoleArn=arn, RoleSessionName=session, **params))

    return assumed


@pytest.fixture
def policy():
    """A policy document that allows these actions on a resource."""
    return policy_of


@pytest.fixture
def may(understudy):
    """Whether these credentials may call an operation without parameters; by default, list users."""

    def asked(who, operation="list_users", service="iam"):
        code = None
        try:
            getattr(understudy.client(service, as_=who), operation)()
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code in (None, "AccessDenied", "UnauthorizedOperation")
        return code is None

    return asked


def policy_of(*actions, resource="*", effect="Allow"):
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
