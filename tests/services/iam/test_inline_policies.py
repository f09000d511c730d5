"""Inline policies: service-linked-roles.md 1.2, iam.md 2.1 to 2.5."""

from __future__ import annotations

import json

import pytest

LINKED = "AWSServiceRoleForAppRunnerNetworking"
MOST = {"user": 2048, "group": 5120, "role": 10240}


class Kind:
    """One kind of entity, and the operations on its inline policies."""

    def __init__(self, iam, kind):
        self.kind, self.iam = kind, iam
        self.name = {"user": "ann", "group": "web", "role": "builder"}[kind]

    def _do(self, verb, **params):
        return getattr(self.iam, verb)(**{f"{self.kind.title()}Name": self.name}, **params)

    def put(self, name, document):
        self._do(f"put_{self.kind}_policy", PolicyName=name, PolicyDocument=document)

    def get(self, name):
        return self._do(f"get_{self.kind}_policy", PolicyName=name)

    def delete(self, name):
        self._do(f"delete_{self.kind}_policy", PolicyName=name)

    def list(self, **how):
        return self._do(f"list_{self.kind}_policies", **how)


@pytest.fixture(params=["user", "group", "role"])
def entity(request, iam, role):
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="web")
    return Kind(iam, request.param)


def test_what_was_put_is_got(entity, policy):
    entity.put("p", policy())
    got = entity.get("p")
    assert (entity.name, "p") == (got[f"{entity.kind.title()}Name"], got["PolicyName"])
    assert json.loads(policy()) == got["PolicyDocument"]


def test_names_match_without_case_and_keep_their_first_spelling(entity, policy):
    """Reference iam.md 2.1: Get echoes the spelling that was asked for."""
    entity.put("Read", policy())
    entity.put("READ", policy("s3:PutObject"))
    assert ["Read"] == entity.list()["PolicyNames"]
    got = entity.get("rEAD")
    assert ("rEAD", "s3:PutObject") == (got["PolicyName"], got["PolicyDocument"]["Statement"][0]["Action"])
    entity.delete("read")
    assert [] == entity.list()["PolicyNames"]


def test_names_are_paged(entity, policy, pages):
    for name in ("e", "B", "a", "D", "c"):
        entity.put(name, policy())
    assert ["a", "B", "c", "D", "e"] == pages(entity.list, "PolicyNames")


def test_what_is_not_there_is_not_found(entity, refused):
    text = f"The {entity.kind} policy with name p cannot be found."
    with refused("NoSuchEntity", text, 404):
        entity.get("p")
    with refused("NoSuchEntity", text, 404):
        entity.delete("p")


def test_a_bad_document_leaves_the_old_one(entity, policy, refused):
    """Reference iam.md 2.5."""
    entity.put("p", policy())
    with refused("MalformedPolicyDocument", "Syntax errors in policy.", 400):
        entity.put("p", "{")
    assert json.loads(policy()) == entity.get("p")["PolicyDocument"]


def test_the_sum_of_their_sizes_has_a_limit(entity, policy, refused):
    """Reference iam.md 2.2, 2.3: white space does not count."""

    def of_size(size):
        empty = policy(resource="arn:aws:s3:::*").replace(" ", "")
        filled = policy(resource=["arn:aws:s3:::" + "x" * 900] * (size // 1000)).replace(" ", "")
        base = filled if len(filled) <= size else empty
        padding = size - len(base) - len(',"Sid":""')
        return base.replace('"Resource"', f'"Sid":"{"s" * padding}","Resource"')

    most = MOST[entity.kind]
    half = of_size(most // 2)
    assert most // 2 == len(half)
    entity.put("a", half + " " * 5000)
    entity.put("b", half)
    text = f"Maximum policy size of {most} bytes exceeded for {entity.kind} {entity.name}"
    with refused("LimitExceeded", text, 409):
        entity.put("c", policy())
    # What is replaced does not count.
    entity.put("B", half)
    entity.delete("a")
    entity.put("c", policy())


def test_a_linked_role_has_none_but_its_services(iam, policy, refused):
    """Reference service-linked-roles.md 1.2: refused before it is asked whether the policy exists."""
    iam.create_service_linked_role(AWSServiceName="networking.apprunner.amazonaws.com")
    text = (
        f"Cannot perform the operation on the protected role '{LINKED}' - this role is only modifiable by AWS"
    )
    with refused("UnmodifiableEntity", text, 400):
        iam.put_role_policy(RoleName=LINKED, PolicyName="p", PolicyDocument=policy())
    with refused("UnmodifiableEntity", text, 400):
        iam.delete_role_policy(RoleName=LINKED, PolicyName="absent")
    assert [] == iam.list_role_policies(RoleName=LINKED)["PolicyNames"]
