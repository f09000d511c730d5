"""A client of IAM, a good policy document, a role, and all pages of a list."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def iam(understudy):
    """The administrator's client."""
    return understudy.client("iam")


@pytest.fixture
def policy():
    """A policy document, to be varied by its action and resource."""

    def make(action="s3:GetObject", resource="*", effect="Allow", **more):
        statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    return make


@pytest.fixture
def role(iam):
    """An ordinary role named `builder`."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    return iam.create_role(RoleName="builder", AssumeRolePolicyDocument=json.dumps(trust))["Role"]


@pytest.fixture
def pages():
    """Everything a list operation answers, asked for in small pages."""

    def all_of(operation, name, size=2, **params):
        found, marker = [], {}
        while True:
            answer = operation(MaxItems=size, **params, **marker)
            assert len(answer[name]) <= size
            found += answer[name]
            assert answer["IsTruncated"] == ("Marker" in answer)
            if not answer["IsTruncated"]:
                return found
            # The API takes markers of up to 320 characters.
            assert len(answer["Marker"]) <= 320
            marker = {"Marker": answer["Marker"]}

    return all_of
