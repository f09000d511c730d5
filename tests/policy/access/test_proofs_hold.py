"""Claims that look as if they held, and that somebody contradicts all the same."""

from __future__ import annotations

from typing import Any

import pytest
from inventions import ACCOUNT

from understudy_aws.policy import NotAQuestion, from_authorization_details, parse_claim, prove, who_can

OTHER = "444455556666"
SERVICE = {"Service": "ecs.amazonaws.com"}
GITHUB = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"


def whole(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = "*", resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def trusts(principal: Any, action: Any = "sts:AssumeRole", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Principal": principal, "Condition": condition}


def account(
    *own: dict[str, Any],
    roles: dict[str, list[dict[str, Any]]] | None = None,
    team: str = "",
    only: str = "",
) -> Any:
    """Return an account of the users `ada` and `eve`, and roles, by their trust policies' statements.

    `ada` and the roles may do what `own` says, or `only` one of them. `eve` may do nothing.
    """
    inline = [{"PolicyName": "own", "PolicyDocument": whole(*own)}]
    tags = [{"Key": "team", "Value": team}] if team else []
    return from_authorization_details(
        {
            "UserDetailList": [
                {
                    "UserName": "ada",
                    "UserId": "AIDAADA",
                    "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
                    "UserPolicyList": [] if only else inline,
                },
                {"UserName": "eve", "UserId": "AIDAEVE", "Arn": f"arn:aws:iam::{ACCOUNT}:user/eve"},
            ],
            "RoleDetailList": [
                {
                    "RoleName": name,
                    "RoleId": f"AROA{number}",
                    "Path": "/",
                    "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
                    "AssumeRolePolicyDocument": whole(*trust),
                    "RolePolicyList": inline if only in ("", f"role/{name}") else [],
                    "Tags": tags,
                }
                for number, (name, trust) in enumerate((roles or {}).items())
            ],
        }
    )


def found(accounts: Any, claim: str) -> Any:
    proof = prove(accounts, parse_claim(claim))
    assert proof.verdict == "refuted", proof.reasons
    return proof.counter_example


# A tag of a session takes the place of the role's tag of the same key (sts.md 3.1).


def test_sessions_may_have_other_tags_than_their_role():
    tagged = [trusts({"AWS": ACCOUNT}, ["sts:AssumeRole", "sts:TagSession"])]
    red = allow("s3:GetObject", StringEquals={"aws:PrincipalTag/team": "red"})
    claim = "role/r cannot s3:GetObject on arn:aws:s3:::b/k"
    assert (
        found(account(red, roles={"r": tagged}, team="blue"), claim).needed["aws:principaltag/team"] == "red"
    )
    in_path = allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/team}/*")
    found(account(in_path, roles={"r": tagged}, team="blue"), claim)
    anywhere = found(account(in_path, roles={"r": tagged}), "role/r cannot s3:GetObject on arn:aws:s3:::*")
    tag = anywhere.context["aws:principaltag/team"]
    assert anywhere.resource.startswith(f"arn:aws:s3:::{tag}/")
    # Without sts:TagSession the role's are all there are.
    untagged = account(red, roles={"r": [trusts({"AWS": ACCOUNT})]}, team="blue")
    assert prove(untagged, parse_claim(claim)).verdict == "proven"


@pytest.mark.parametrize(
    ("principal", "condition", "who"),
    [
        ("*", {"StringEquals": {"aws:PrincipalAccount": OTHER}}, OTHER),
        ("*", {"StringLike": {"aws:PrincipalAccount": "4444*"}}, "4444"),
        ("*", {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/x"}}, OTHER),
        ("*", {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::4444????6666:*"}}, "4444"),
        ("*", {"StringEquals": {"aws:PrincipalServiceName": "ec2.amazonaws.com"}}, "ec2.amazonaws.com"),
        ({"AWS": OTHER}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, OTHER),
        ({"AWS": f"arn:aws:iam::{OTHER}:user/bob"}, {"StringEquals": {"aws:username": "bob"}}, "bob"),
        (
            {"AWS": f"arn:aws:sts::{OTHER}:assumed-role/R/s"},
            {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/path/R"}},
            "assumed-role/R/s",
        ),
    ],
)
def test_conditions_let_in_whom_no_principal_element_names(principal, condition, who):
    accounts = account(roles={"r": [trusts(principal, **condition)]})
    assert who in found(accounts, "nobody can assume r").principal
    assert who in found(accounts, "nobody but user/ada can assume r").principal


def test_who_is_excepted_by_his_account_is_excepted():
    accounts = account(roles={"r": [trusts("*", StringEquals={"aws:PrincipalAccount": OTHER})]})
    proof = prove(accounts, parse_claim(f"nobody but arn:aws:iam::{OTHER}:root can assume r"))
    assert proof.verdict == "proven"
    # One's own account is no stranger, whatever conditions say of it.
    own = account(roles={"r": [trusts("*", StringEquals={"aws:PrincipalAccount": ACCOUNT})]})
    assert (
        prove(own, parse_claim("nobody but arn:aws:iam::*:user/*, role/r can assume r")).verdict == "proven"
    )


def test_a_denial_lets_pass_whom_it_spares():
    spared = {
        "Effect": "Deny",
        "Action": "sts:AssumeRole",
        "NotPrincipal": {"AWS": [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OTHER}:user/bob"]},
    }
    accounts = account(roles={"r": [trusts("*"), spared]})
    assert OTHER in found(accounts, "nobody can assume r").principal


@pytest.mark.parametrize(("principal", "action"), [(SERVICE, "sts:AssumeRole"), (GITHUB, WEB_IDENTITY)])
def test_a_role_that_nobody_can_assume_says_nothing_of_the_next(principal, action):
    never = {"StringEquals": {"sts:ExternalId": "a"}, "StringNotEquals": {"sts:ExternalId": "a"}}
    accounts = account(
        roles={"app-1": [trusts(principal, action, **never)], "app-2": [trusts(principal, action)]}
    )
    assert found(accounts, "nobody can assume app-*").resource.endswith("app-2")


def test_who_shows_a_token_has_no_session():
    accounts = account(roles={"r": [trusts(GITHUB, WEB_IDENTITY, Null={"aws:TokenIssueTime": "true"})]})
    found(accounts, "nobody can assume r")


@pytest.mark.parametrize(
    ("own", "resource"),
    [
        (allow(), f"arn:aws:ssm:us-east-1:{ACCOUNT[0]}*:parameter/*"),
        (allow(resource="arn:aws:ssm:*:?*:parameter/*"), "arn:aws:ssm:*:*:parameter/*"),
        (allow(StringEquals={"aws:RequestedRegion": "eu-west-1"}), "arn:aws:ssm:eu-*:*:parameter/*"),
        (
            allow(resource="arn:aws:ssm:?*:*:parameter/*", StringEquals={"aws:RequestedRegion": "eu-west-1"}),
            "arn:aws:ssm:*:*:parameter/*",
        ),
    ],
)
def test_patterns_of_resources_mean_those_of_every_region_and_of_the_own_account(own, resource):
    found(account(own), f"user/ada cannot ssm:GetParameter on {resource}")


def test_what_needs_no_permission_can_be_done_by_everybody():
    denied = account({"Effect": "Deny", "Action": "*", "Resource": "*"})
    found(denied, "user/ada cannot sts:GetCallerIdentity on *")
    proof = prove(denied, parse_claim("user/ada cannot * on *"))
    assert proof.verdict == "proven"
    assert "sts:GetCallerIdentity needs no permission, and is left out." in proof.assumed


def test_who_can_by_the_name_or_the_tags_of_a_session_is_told():
    tagged = [trusts({"AWS": ACCOUNT}, ["sts:AssumeRole", "sts:TagSession"])]
    red = allow("s3:GetObject", StringEquals={"aws:PrincipalTag/team": "red"})
    (role,) = who_can(
        account(red, roles={"r": tagged}, team="blue"), "s3:GetObject", "arn:aws:s3:::b/k", chains=False
    ).found[1:]
    assert (role.how, role.example) == ("sometimes", {"aws:principaltag/team": "red"})
    named = allow("s3:GetObject", StringLike={"aws:userid": "AROA0:ann*"})
    roles = {"r": tagged, "q": tagged}
    found = who_can(account(named, roles=roles), "s3:GetObject", "arn:aws:s3:::b/k", chains=False).found
    assert [each.principal.rpartition(":")[2] for each in found] == ["root", "role/r"]
    assert found[1].example["aws:userid"].startswith("AROA0:ann")


@pytest.mark.parametrize(
    ("condition", "who"),
    [
        ({"StringEquals": {"aws:PrincipalAccount": OTHER}}, f"arn:aws:iam::{OTHER}:root"),
        ({"StringEquals": {"aws:PrincipalServiceName": "ec2.amazonaws.com"}}, "ec2.amazonaws.com"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, "*"),
    ],
)
def test_who_can_by_a_condition_alone_is_told(condition, who):
    accounts = account(roles={"r": [trusts("*", **condition)]})
    report = who_can(accounts, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/r")
    own = [each.principal for each in report.found if ACCOUNT in each.principal]
    assert [each.principal for each in report.found if ACCOUNT not in each.principal] == [who]
    # The account that is asked about may be in the organization.
    assert bool(own) is ("aws:PrincipalOrgID" in condition["StringEquals"])


# sts.md 3.2: a federated user may do what the user may who made it, under another name.


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": "ada"}},
        {"Null": {"aws:username": "false"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}},
        {"StringEquals": {"aws:PrincipalType": "User"}},
    ],
)
def test_users_come_again_as_federated_users(condition):
    denied = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition}
    example = found(account(allow(), denied), "user/ada cannot s3:GetObject on arn:aws:s3:::b/k")
    assert "FederatedUser" == example.context["aws:principaltype"]
    assert "aws:username" not in example.context
    # Whom no policy lets make one is himself alone.
    own = account(allow("s3:*"), denied)
    assert prove(own, parse_claim("user/ada cannot s3:GetObject on arn:aws:s3:::b/k")).verdict == "proven"
    # Federated users assume no roles.
    trusted = account(
        allow(), roles={"r": [trusts({"AWS": ACCOUNT}, StringEquals={"aws:PrincipalType": "FederatedUser"})]}
    )
    assert prove(trusted, parse_claim("nobody can assume r")).verdict == "proven"


# What is known may be compared with what a request says of itself: a variable whose key its author chooses.

SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s"
KNOWN = "aws:username"
OWNER = "${aws:RequestTag/owner}"


@pytest.mark.parametrize(
    ("condition", "owner"),
    [
        ({"StringEquals": {KNOWN: OWNER}}, "ada"),
        ({"StringEquals": {KNOWN: ["bob", f"a{OWNER}"]}}, "da"),
        ({"StringEqualsIgnoreCase": {KNOWN: f"A{OWNER}"}}, "da"),
        ({"StringLike": {KNOWN: f"?{OWNER}"}}, "da"),
        ({"StringLike": {KNOWN: f"*d{OWNER}"}}, "a"),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/{OWNER}"}}, "ada"),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:user/{OWNER}"}}, "ada"),
        ({"StringEquals": {KNOWN: f"{OWNER}{OWNER}a"}, "StringLike": {"aws:RequestTag/owner": "?*"}}, None),
        ({"StringEquals": {KNOWN: "${aws:RequestTag/owner, 'x'}"}}, "ada"),
    ],
)
def test_a_request_names_what_is_known_of_its_author(condition, owner):
    claim = "user/ada cannot iam:CreateUser on *"
    proof = prove(account(allow("iam:CreateUser", **condition)), parse_claim(claim))
    if owner is None:
        assert proof.verdict == "proven"
    else:
        assert proof.counter_example is not None, proof.reasons
        assert proof.counter_example.needed["aws:requesttag/owner"].lower() == owner


def test_who_names_himself_is_spared_by_a_denial():
    denied = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:username": "${aws:RequestTag/owner, 'nobody'}"}},
    }
    accounts = account(allow("iam:CreateUser"), denied)
    example = found(accounts, "user/ada cannot iam:CreateUser on *")
    assert example.context["aws:requesttag/owner"] == "ada"
    (only,) = [each for each in who_can(accounts, "iam:CreateUser", "*").found if each.kind == "user"]
    assert only.example == {"aws:requesttag/owner": "ada"}


def test_a_session_has_the_tag_of_the_resource():
    # AWS's tutorial on attribute-based access control.
    same = allow("s3:GetObject", StringEquals={"aws:ResourceTag/project": "${aws:PrincipalTag/project}"})
    roles = {"r": [trusts({"AWS": ACCOUNT}, ["sts:AssumeRole", "sts:TagSession"])]}
    claim = "role/r cannot s3:GetObject on arn:aws:s3:::b/k when aws:ResourceTag/project=prod"
    assert found(account(same, roles=roles), claim).needed["aws:principaltag/project"] == "prod"
    untagged = account(same, roles={"r": [trusts({"AWS": ACCOUNT})]})
    assert prove(untagged, parse_claim(claim)).verdict == "proven"
    asked = {"aws:resourcetag/project": "prod"}
    report = who_can(account(same, roles=roles), "s3:GetObject", "arn:aws:s3:::b/k", asked, chains=False)
    assert f"arn:aws:iam::{ACCOUNT}:role/r" in [each.principal for each in report.found]


def test_a_list_that_is_known_holds_what_a_variable_may_say():
    same = allow("s3:*", **{"ForAnyValue:StringEquals": {"aws:TagKeys": "x${aws:PrincipalTag/team}"}})
    roles = {"r": [trusts({"AWS": ACCOUNT}, ["sts:AssumeRole", "sts:TagSession"])]}
    claim = "role/r cannot s3:GetObject on arn:aws:s3:::b/k when aws:TagKeys=xred"
    assert found(account(same, roles=roles), claim).needed["aws:principaltag/team"] == "red"


# A variable of a resource tells what a request must carry, if it may carry that.


@pytest.mark.parametrize("key", ["aws:CurrentTime", "aws:EpochTime"])
@pytest.mark.parametrize(
    ("said", "moment"),
    [("2030-01-01T00:00:00Z", "1893456000"), ("1893456000", "1893456000"), ("1970", "1970")],
)
def test_the_time_in_the_name_of_a_resource(key, said, moment):
    accounts = account(allow("s3:GetObject", f"arn:aws:s3:::log/${{{key}}}"))
    proof = prove(accounts, parse_claim(f"user/ada cannot s3:GetObject on arn:aws:s3:::log/{said}"))
    if (key == "aws:EpochTime") is said.isdigit():
        assert proof.counter_example is not None
        assert proof.counter_example.context["aws:epochtime"] == moment
    else:
        assert proof.verdict == "unknown"
    other = prove(accounts, parse_claim("user/ada cannot s3:GetObject on arn:aws:s3:::log/soon"))
    assert other.verdict == "unknown"
    report = who_can(accounts, "s3:GetObject", "arn:aws:s3:::log/soon")
    assert [each.how for each in report.found if each.kind == "user"] == ["unknown"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalTag/x", "admin"),
        ("aws:userid", "admin"),
        ("aws:RequestedRegion", "moon"),
        ("aws:MultiFactorAuthPresent", "moon"),
        ("aws:SourceIp", "moon"),
        ("aws:username", "admin"),
        ("aws:TokenIssueTime", "moon"),
    ],
)
def test_no_request_carries_what_its_key_cannot_hold(key, value):
    accounts = account(
        allow("s3:GetObject", f"arn:aws:s3:::${{{key}}}/k"), roles={"r": [trusts({"AWS": ACCOUNT})]}
    )
    proof = prove(accounts, parse_claim(f"role/r cannot s3:GetObject on arn:aws:s3:::{value}/k"))
    assert proof.verdict != "refuted"
    enumerated = key not in {"aws:userid", "aws:SourceIp", "aws:TokenIssueTime"}
    assert proof.verdict == ("proven" if enumerated else "unknown")


# What could not be told of a step could not be told of who takes it either.
TAGGED = ["sts:AssumeRole", "sts:TagSession"]
NOT_TOLD = {
    "StringEquals": {
        "aws:RequestTag/a": "${aws:RequestTag/b}x",
        "aws:RequestTag/b": "${aws:RequestTag/a}x",
    }
}


@pytest.mark.parametrize(("on_the_way", "at_the_end"), [(NOT_TOLD, {}), ({}, NOT_TOLD), (NOT_TOLD, NOT_TOLD)])
def test_steps_of_which_it_could_not_be_told_are_no_refusals(on_the_way, at_the_end):
    me = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/eve"}
    by_role = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/first"}
    accounts = account(
        allow("s3:GetObject", **at_the_end),
        roles={"first": [trusts(me)], "second": [trusts(by_role, TAGGED, **on_the_way)]},
        only="role/second",
    )
    found = who_can(accounts, "s3:GetObject", "arn:aws:s3:::b/k").found
    told = {each.principal.rpartition(":")[2]: each for each in found}
    assert told["user/eve"].how == "unknown"
    assert "aws:requesttag/" in told["user/eve"].why
    assert [step.role.rpartition("/")[2] for step in told["user/eve"].steps] == ["first", "second"]
    # A way that is sure counts before one that is not.
    sure = account(
        allow("s3:GetObject"), roles={"first": [trusts(me), trusts(me, **NOT_TOLD)]}, only="role/first"
    )
    (eve,) = [each for each in who_can(sure, "s3:GetObject", "*").found if each.principal.endswith("eve")]
    assert (eve.how, eve.why) == ("always", "")


# A pattern of resources asks for any of them, and so does no resource at all.


@pytest.mark.parametrize(
    ("action", "own", "asked", "shown"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/a/*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a/"),
        ("s3:GetObject", "arn:aws:s3:::b/a/*", "*", "arn:aws:s3:::b/a/"),
        ("s3:GetObject", "arn:aws:s3:::b/a", "arn:aws:s3:::?/a", "arn:aws:s3:::b/a"),
        ("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/x", "*", f"arn:aws:iam::{ACCOUNT}:user/x"),
        ("s3:GetObject", "*", "*", ""),
        ("s3:GetObject", "arn:aws:s3:::b/a", "arn:aws:s3:::c/*", None),
        # What the action does not act on is none of them.
        ("ec2:CreateVpc", "arn:aws:s3:::b/a", "*", None),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::b", "*", None),
    ],
)
def test_who_can_do_it_to_one_of_several_is_told(action, own, asked, shown):
    report = who_can(account(allow(action, own)), action, asked)
    (ada,) = [each for each in report.found if each.principal.endswith("ada")] or [None]
    assert (ada and ada.resource) == shown
    assert "Resources that the pattern means have no policies of their own." in report.assumed


def test_who_can_assume_one_of_several_roles_is_told():
    eve = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/eve"}
    accounts = account(
        roles={
            "a": [trusts(eve, StringEquals={"sts:ExternalId": "xy"})],
            "b": [trusts(eve)],
            "c": [trusts(SERVICE)],
        }
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/"
    for asked in ("*", f"{role}*"):
        found = {each.principal: each for each in who_can(accounts, "sts:AssumeRole", asked).found}
        assert found.keys() == {eve["AWS"], SERVICE["Service"]}
        assert (found[eve["AWS"]].how, found[eve["AWS"]].resource) == ("always", f"{role}b")
        assert found[SERVICE["Service"]].resource == f"{role}c"
    assert not who_can(accounts, "sts:AssumeRole", f"{role}x*").found


def test_a_role_that_is_excepted_is_so_in_each_of_its_sessions():
    session = {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/ann"}
    accounts = account(roles={"admin": [trusts({"AWS": ACCOUNT})], "t": [trusts(session)]})
    assert prove(accounts, parse_claim("nobody but role/admin can assume t")).verdict == "proven"
    assert found(accounts, "nobody but user/ada can assume t").principal == session["AWS"]
    assert found(accounts, "role/admin cannot assume t").principal == session["AWS"]


def test_one_account_alone_is_asked_about():
    trust = [trusts("*"), trusts(SERVICE)]
    details = account(allow(), roles={"r": trust})
    claim = parse_claim("nobody but user/ada, role/r, user/eve can assume r")
    assert prove(details, claim).verdict == "refuted"
    alone = prove(details, claim, ACCOUNT)
    assert alone.verdict == "proven"
    assert any(f"Asked are principals of {ACCOUNT} alone" in each for each in alone.assumed)
    for asked in ("*", f"arn:aws:iam::{ACCOUNT}:role/r"):
        everybody = {each.principal for each in who_can(details, "sts:AssumeRole", asked).found}
        report = who_can(details, "sts:AssumeRole", asked, account=ACCOUNT)
        assert {each.principal for each in report.found} == {each for each in everybody if ACCOUNT in each}
        assert {"*", SERVICE["Service"]} == {each for each in everybody if ACCOUNT not in each}
        assert report.asked == len(details.actors)
    for asked_about in (
        lambda: prove(details, claim, OTHER),
        lambda: who_can(details, "s3:GetObject", "*", account=OTHER),
    ):
        with pytest.raises(NotAQuestion, match=f"no account {OTHER} here"):
            asked_about()


# What no request carries lets nobody in.


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:a/b"}},
        {"Null": {"aws:FederatedProvider": "false"}},
        {"StringEquals": {"aws:SourceIdentity": "ann"}},
        {"StringEquals": {"sts:ExternalId": "a"}},
        {"StringLike": {"sts:RoleSessionName": "?"}},
        {"StringEquals": {"sts:SourceIdentity": ""}},
    ],
)
def test_users_carry_nothing_of_sessions_and_no_names_that_are_too_short(condition):
    ada = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ada"}
    accounts = account(roles={"r": [trusts(ada, ["sts:AssumeRole", "sts:SetSourceIdentity"], **condition)]})
    assert prove(accounts, parse_claim("user/ada cannot assume r")).verdict == "proven"


@pytest.mark.parametrize(
    ("condition", "action"),
    [
        ({"StringEquals": {"aws:RequestTag/team": "red"}}, "sts:TagSession"),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}, "sts:TagSession"),
        ({"StringLike": {"sts:SourceIdentity": "ann*"}}, "sts:SetSourceIdentity"),
    ],
)
def test_who_gives_a_session_more_than_a_name_needs_leave_for_that(condition, action):
    ada = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ada"}
    claim = "user/ada cannot assume r"
    let_in = trusts(ada, **condition)
    assert prove(account(roles={"r": [let_in]}), parse_claim(claim)).verdict == "proven"
    both = account(roles={"r": [let_in, trusts(ada, action)]})
    found(both, claim)
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    assert [each.how for each in who_can(both, "sts:AssumeRole", role).found] == ["sometimes"]
    # One who may is no reason that another may, to whom the same statement lets in.
    eve = {"AWS": [ada["AWS"], f"arn:aws:iam::{ACCOUNT}:user/eve"]}
    one = account(roles={"r": [trusts(eve, **condition), trusts(ada, action)]})
    assert [each.principal for each in who_can(one, "sts:AssumeRole", role).found] == [ada["AWS"]]


@pytest.mark.parametrize(
    ("stated", "verdict"),
    [
        ("aws:PrincipalTag/team=red", "proven"),
        ("aws:username=eve", "proven"),
        ("aws:username=ada", "refuted"),
        ("aws:MultiFactorAuthPresent=moon", "proven"),
        ("aws:SourceIp=moon", "proven"),
        ("aws:SourceIp=10.0.0.1", "refuted"),
        ("aws:CurrentTime=2030-01-01T00:00:00Z", "refuted"),
        ("aws:RequestTag/team=red", "refuted"),
    ],
)
def test_what_a_claim_states_of_requests_must_be_one_of_the_principal(stated, verdict):
    accounts = account(allow("s3:GetObject"))
    claim = f"user/ada cannot s3:GetObject on arn:aws:s3:::b/k when {stated}"
    proof = prove(accounts, parse_claim(claim))
    assert proof.verdict == verdict
    if verdict == "proven":
        assert proof.reasons[1] == "Their requests carry no such condition keys (1 times)."
    key, _, value = stated.partition("=")
    found = who_can(accounts, "s3:GetObject", "arn:aws:s3:::b/k", {key.lower(): value}).found
    assert any(each.principal.endswith("ada") for each in found) is (verdict == "refuted")


# Keys of one request agree with each other.


def test_only_with_mfa_is_there_an_age_of_it():
    aged = allow("s3:GetObject", NumericLessThan={"aws:MultiFactorAuthAge": "300"})
    roles = {"r": [trusts({"AWS": ACCOUNT})]}
    claim = "role/r cannot s3:GetObject on arn:aws:s3:::b/k"
    example = found(account(aged, roles=roles), claim)
    assert example.context["aws:multifactorauthpresent"] == "true"
    assert "aws:multifactorauthage" in example.context
    assert prove(account(aged, roles=roles), parse_claim(f"{claim} without MFA")).verdict == "proven"
    both = {
        "NumericLessThan": {"aws:MultiFactorAuthAge": "300"},
        "Bool": {"aws:MultiFactorAuthPresent": "false"},
    }
    assert prove(account(allow("s3:*", **both), roles=roles), parse_claim(claim)).verdict == "proven"


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        (
            {"StringEquals": {"aws:RequestTag/a": "x"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["b"]}},
            "proven",
        ),
        (
            {"StringEquals": {"aws:RequestTag/a": "x"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}},
            "refuted",
        ),
        (
            {"StringEquals": {"aws:RequestTag/a": "x"}, "ForAnyValue:StringEquals": {"aws:TagKeys": ["b"]}},
            "refuted",
        ),
        ({"StringEquals": {"aws:RequestTag/a": "x"}, "Null": {"aws:TagKeys": "true"}}, "proven"),
        ({"Null": {"aws:RequestTag/a": "true"}, "ForAnyValue:StringLike": {"aws:TagKeys": ["?"]}}, "refuted"),
        (
            {"Null": {"aws:RequestTag/a": "true"}, "ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}},
            "proven",
        ),
    ],
)
def test_the_tag_keys_of_a_request_are_those_of_its_tags(condition, verdict):
    proof = prove(
        account(allow("ec2:CreateVpc", **condition)), parse_claim("user/ada cannot ec2:CreateVpc on *")
    )
    assert proof.verdict == verdict
    if proof.counter_example is not None:
        context = proof.counter_example.context
        assert ("a" in [each.lower() for each in context["aws:tagkeys"]]) is ("aws:requesttag/a" in context)
