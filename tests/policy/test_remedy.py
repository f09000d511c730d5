"""What is advised after a denial: small, true, and enough."""

from __future__ import annotations

import json
import random

import pytest
from inventions import ACCOUNT, OTHER, ROLE, SESSION, USER, invention

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Names,
    Principal,
    Question,
    compile_policy,
    decide,
    explain,
    render,
)
from understudy_aws.policy.explanation.remedy import with_remedy

AWS_S_BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/Target"


def policy(*statements, name="given", kind="identity", version="2012-10-17") -> NamedPolicy:
    document = {"Statement": list(statements)}
    if version:
        document["Version"] = version
    return NamedPolicy(name, compile_policy(json.dumps(document), kind=kind))


def allow(action="*", resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="*", resource="*", **more) -> dict:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def remedy_of(question, bindings, names=None):
    remedy = explain(question, bindings, names=names or Names()).remedy
    assert remedy is not None
    return remedy


@pytest.mark.parametrize("seed", range(10))
def test_remedies_one_after_the_other_allow_whatever_was_refused(seed):
    """Each one makes the next the first: nothing in the list is there in vain, and the last one does it."""
    lots = random.Random(seed)
    refused = 0
    while refused < 60:
        made = invention(lots)
        question, bindings = made.question, made.bindings
        remedies = explain(question, bindings).remedies
        refused += bool(remedies)
        for number, remedy in enumerate(remedies):
            assert not decide(question, bindings).allowed
            assert remedy == explain(question, bindings).remedies[0], number
            bindings = with_remedy(bindings, remedy)
        assert decide(question, bindings).allowed, made


@pytest.mark.parametrize(
    ("action", "key", "value"),
    [
        ("iam:CreateServiceLinkedRole", "iam:AWSServiceName", "networking.apprunner.amazonaws.com"),
        ("iam:PassRole", "iam:PassedToService", "ec2.amazonaws.com"),
        ("iam:AttachRolePolicy", "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("iam:CreateRole", "iam:PermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:policy/Edge"),
        ("ec2:CreateTags", "ec2:CreateAction", "CreateVpc"),
    ],
)
def test_a_statement_is_narrowed_to_what_was_asked(action, key, value):
    """Reference service-linked-roles.md 1.7 and policies.md 4.7."""
    question = Question(USER, action, TARGET, {key.lower(): value})
    statement = remedy_of(question, Bindings()).statement
    assert {"StringEquals": {key: value}} == statement["Condition"]


def test_a_limit_is_not_narrowed_for_it_gives_nothing():
    question = Question(USER, "iam:PassRole", TARGET, {"iam:passedtoservice": "ec2.amazonaws.com"})
    remedy = remedy_of(question, Bindings((policy(allow()),), boundary=policy(kind="boundary")))
    assert ("boundary", False) == (remedy.layer, "Condition" in remedy.statement)


def test_an_action_that_takes_no_resource_is_allowed_on_all():
    question = Question(USER, "ec2:DescribeVpcs", "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1")
    assert "*" == remedy_of(question, Bindings()).statement["Resource"]


def test_who_lets_a_stranger_in_asks_for_the_external_id_he_sent():
    question = Question(USER, "sts:AssumeRole", TARGET, {"sts:externalid": "42"})
    bindings = Bindings((policy(allow()),), resource=policy(kind="trust"), trust=True)
    assert {
        "Effect": "Allow",
        "Principal": {"AWS": USER.arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
    } == remedy_of(question, bindings).statement


@pytest.mark.parametrize("version", ["2012-10-17", "2008-10-17", None])
@pytest.mark.parametrize("layer", ["boundary", "resource"])
def test_a_statement_is_literal_in_the_document_it_goes_into(version, layer):
    """Only version 2012-10-17 expands variables, so only there they are escaped (policies.md 4.2, 4.5)."""
    question = Question(USER, "s3:GetObject", "arn:aws:s3:::b/${aws:username}", resource_account=OTHER)
    silent = policy(kind=layer, version=version)
    everything = (policy(allow()),)
    if layer == "boundary":
        bindings = Bindings(
            everything, boundary=silent, resource=policy({**allow(), "Principal": "*"}, kind="resource")
        )
    else:
        bindings = Bindings(everything, resource=silent)
    assert [layer] == [remedy.layer for remedy in explain(question, bindings).remedies]


def test_a_boundary_of_aws_s_own_is_replaced_and_not_edited():
    bindings = Bindings((policy(allow()),), boundary=policy(name=AWS_S_BOUNDARY, kind="boundary"))
    assert (
        f"attach to {USER.arn}, in place of {AWS_S_BOUNDARY}, which is AWS's own and cannot be edited, "
        "a permissions boundary that also has"
    ) == remedy_of(Question(USER, "ec2:CreateVpc"), bindings).change


def test_a_denying_policy_of_aws_s_own_is_detached():
    own = "arn:aws:iam::aws:policy/AWSDenyAll"
    remedy = remedy_of(Question(USER, "ec2:CreateVpc"), Bindings((policy(deny(), name=own),)))
    assert f"detach {own}, which is AWS's own and cannot be edited, from {USER.arn}" == remedy.change


@pytest.mark.parametrize(
    ("session", "ending"),
    [
        ((policy(allow("s3:*"), kind="session"),), "with a session policy that also has"),
        (
            (policy(allow(), kind="session"), policy(deny(), name="x", kind="session")),
            "without statement 1 of x",
        ),
    ],
)
def test_a_session_that_may_too_little_is_made_again(session, ending):
    remedy = remedy_of(Question(SESSION, "ec2:CreateVpc"), Bindings((policy(allow()),), session=session))
    assert f"assume {ROLE} again {ending}" == remedy.change


def test_a_federated_user_asks_for_his_token_again():
    federated = Principal("federated", f"arn:aws:sts::{ACCOUNT}:federated-user/alice", ACCOUNT)
    remedy = remedy_of(Question(federated, "ec2:CreateVpc"), Bindings((policy(allow()),)))
    assert "ask for the federation token again with a session policy that has" == remedy.change


def test_levels_and_policies_of_the_organization_are_called_by_their_names():
    guard = policy(
        deny(Sid="Guard"), name="arn:aws:organizations::1:policy/o-1/service_control_policy/p-1", kind="scp"
    )
    full = policy(allow(), name="p-FullAWSAccess", kind="scp")
    names = Names(scps=("root Root (r-1)", "account prod (1)"), policies={guard.name: "NoVpcs (p-1)"})
    bindings = Bindings((policy(allow()),), scps=((full,), (full, guard)))
    remedy = remedy_of(Question(USER, "ec2:CreateVpc"), bindings, names)
    assert (
        'lift or narrow statement 1 "Guard" of NoVpcs (p-1), a service control policy attached to account prod (1)'
    ) == remedy.change


def test_a_level_that_allows_nothing_gets_a_statement():
    bindings = Bindings((policy(allow()),), scps=((policy(allow(), kind="scp"),), ()))
    remedy = remedy_of(Question(USER, "ec2:CreateVpc"), bindings)
    assert ("add", "scp", 1) == (remedy.kind, remedy.layer, remedy.level)
    assert "add to a service control policy at level 1 of the organization (0 is its root)" == remedy.change


def test_what_another_account_has_to_do_is_said_to_be_its():
    stranger = Principal("user", f"arn:aws:iam::{OTHER}:user/eve", OTHER)
    bindings = Bindings((policy(allow()),), resource=policy(kind="trust"), trust=True)
    remedy = remedy_of(Question(stranger, "sts:AssumeRole", TARGET, resource_account=ACCOUNT), bindings)
    assert f"let account {ACCOUNT} add to the trust policy of {TARGET}" == remedy.change


def test_what_cannot_be_changed_has_no_remedy():
    names = Names(fixed={"identity": "It stays as it is."})
    explanation = explain(Question(USER, "ec2:CreateVpc"), Bindings(), names=names)
    assert ((), "It stays as it is.") == (explanation.remedies, explanation.unchangeable)


def test_a_boundary_that_is_gone_is_replaced():
    boundary = policy(name=f"arn:aws:iam::{ACCOUNT}:policy/Edge", kind="boundary")
    names = Names(gone=frozenset({boundary.name}))
    bindings = Bindings((policy(allow()),), boundary=boundary)
    change = remedy_of(Question(USER, "ec2:CreateVpc"), bindings, names).change
    assert change.startswith(
        f"attach to {USER.arn}, in place of {boundary.name}, which is gone, a permissions"
    )


def test_no_more_is_promised_than_was_sought():
    """A hundred denies are in the way; the changes that are named do not suffice."""
    denies = policy(*(deny(Sid=f"no{number}") for number in range(100)))
    question = Question(USER, "ec2:CreateVpc")
    text = render(explain(question, Bindings(identity=(policy(allow()), denies))))
    assert "takes at least 16 changes: first" in text
    few = policy(deny(Sid="one"), deny(Sid="two"))
    text = render(explain(question, Bindings(identity=(policy(allow()), few))))
    assert "takes 2 changes: first" in text


@pytest.mark.parametrize(
    ("resource", "written", "others"),
    [
        ("arn:aws:s3:::b/a*", "arn:aws:s3:::b/a${*}", ("arn:aws:s3:::b/ab", "arn:aws:s3:::b/a")),
        ("arn:aws:s3:::b/a?c", "arn:aws:s3:::b/a${?}c", ("arn:aws:s3:::b/abc",)),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/${*}", ("arn:aws:s3:::b/c",)),
        ("arn:aws:s3:::b/${x}*", "arn:aws:s3:::b/${$}{x}${*}", ("arn:aws:s3:::b/${x}y",)),
    ],
)
def test_a_resource_that_looks_like_a_pattern_is_allowed_and_no_other(resource, written, others):
    """IAM user guide, "IAM policy elements: Variables and tags", on characters that are not to be wildcards."""
    question = Question(USER, "s3:GetObject", resource)
    bindings = Bindings()
    remedy = remedy_of(question, bindings)
    assert written == remedy.statement["Resource"]
    after = with_remedy(bindings, remedy)
    assert decide(question, after).allowed
    assert not any(decide(Question(USER, "s3:GetObject", other), after).allowed for other in others)


def test_the_star_of_what_is_to_be_made_stays():
    resource = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/*"
    assert (
        resource == remedy_of(Question(USER, "ec2:RunInstances", resource), Bindings()).statement["Resource"]
    )


def test_whoever_lets_the_anonymous_in_is_told_whom_besides():
    question = Question(Principal("anonymous"), "s3:GetObject", "arn:aws:s3:::b/c", resource_account=ACCOUNT)
    remedy = remedy_of(question, Bindings())
    assert "*" == remedy.statement["Principal"]
    assert "every user, role and service of any AWS account too" in remedy.change
