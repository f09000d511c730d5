"""AWS's own words for what it will not store (iam.md 2.5)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.policy import MalformedPolicy, review

VERSION = "2012-10-17"
TRUST_ACTIONS = (
    "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  "
    "and sts:AssumeRoleWithWebIdentity"
)
IAM_PATHS = (
    'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, '
    "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, "
    "report/, access-report/."
)
SID = (
    "Statement IDs (SID) must be alpha-numeric. "
    "Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
ORGANIZATIONS = "The provided policy document does not meet the requirements of the specified policy type."
NO_PRINCIPALS = (
    "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
    "The passed in policy has a statement with no principals!"
)
SYNTAX, LEGACY = "Syntax errors in policy.", "The policy failed legacy parsing"


def allow(**elements):
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **elements}


def trust(**elements):
    return {
        "Effect": "Allow",
        "Principal": {"Service": "apprunner.amazonaws.com"},
        "Action": "sts:AssumeRole",
        **elements,
    }


def rcp(**elements):
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", **elements}


def without(statement, name):
    return {key: value for key, value in statement.items() if key != name}


def document(*statements):
    return json.dumps({"Version": VERSION, "Statement": list(statements)})


REFUSED = [
    ("identity", "not JSON", SYNTAX),
    ("trust", "not JSON", "This policy contains invalid Json"),
    ("trust", '{"Version": "2012-10-17",}', "This policy contains invalid Json"),
    ("identity", '"text"', SYNTAX),
    ("identity", document(), SYNTAX),
    ("identity", json.dumps({"Version": VERSION}), SYNTAX),
    ("identity", json.dumps({"Version": "2013-10-17", "Statement": [allow()]}), SYNTAX),
    ("identity", json.dumps({"Version": VERSION, "Extra": 1, "Statement": [allow()]}), SYNTAX),
    ("identity", document("text"), SYNTAX),
    ("identity", document(allow(Effect="allow")), SYNTAX),
    ("identity", document(allow(Extra=1)), SYNTAX),
    ("identity", document(allow(Sid={})), SYNTAX),
    ("identity", document(allow(Resource="arn:aws:s3:::b")).replace("b", "\u4f60"), SYNTAX),
    ("identity", document(allow(NotAction="s3:*")), SYNTAX),
    ("identity", document(allow(Condition={"StringEqual": {"aws:username": "bob"}})), SYNTAX),
    ("identity", document(allow(Condition={"StringEquals": "bob"})), SYNTAX),
    ("identity", document(allow(Condition={"StringEquals": {"aws:username": None}})), SYNTAX),
    (
        "managed",
        json.dumps({"Statement": [allow()]}),
        "Policy document must be version 2012-10-17 or greater.",
    ),
    (
        "managed",
        json.dumps({"Version": "2008-10-17", "Statement": [allow()]}),
        "Policy document must be version 2012-10-17 or greater.",
    ),
    (
        "identity",
        document(allow(Sid="a"), allow(Sid="a")),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    ("identity", document(allow(Sid="a-b")), SID),
    ("trust", document(trust(Sid="a b")), SID),
    ("identity", document(without(allow(), "Action")), "Policy statement must contain actions."),
    ("identity", document(allow(Action=[])), "Policy statement must contain actions."),
    ("identity", document(without(allow(), "Resource")), "Policy statement must contain resources."),
    ("identity", document(allow(Resource=[])), "Policy statement must contain resources."),
    (
        "identity",
        document(allow(Action="GetObject")),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    (
        "identity",
        document(allow(Condition={"StringEquals": {"username": "bob"}})),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    *(
        (
            kind,
            document(allow(**{element: action})),
            "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards",
        )
        for kind in ("identity", "managed", "boundary", "session", "scp")
        for element, action in (
            ("Action", "*:GetObject"),
            ("Action", "i*:GetUser"),
            ("Action", ["s3:*", "ia?:Get*"]),
        )
    ),
    (
        "identity",
        document(without(allow(NotAction="*:GetObject"), "Action")),
        "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards",
    ),
    ("identity", document(allow(Action="s3:s3:GetObject")), "Actions/Condition can contain only one colon."),
    ("identity", document(allow(Action="a a:GetObject")), "Vendor a a is not valid"),
    ("identity", document(allow(Action=":GetObject")), "Vendor  is not valid"),
    ("identity", document(allow(Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
    ("identity", document(allow(Resource="")), 'Resource  must be in ARN format or "*".'),
    (
        "identity",
        document(allow(Resource="arn:error:s3:::bucket")),
        'Partition "error" is not valid for resource "arn:error:s3:::bucket".',
    ),
    (
        "identity",
        document(allow(Resource="arn:aws:s*:::bucket")),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    ("session", document(allow(Resource="arn:aws:s3::bucket")), LEGACY),
    ("scp", document(allow(Resource="arn:aws:sqs")), LEGACY),
    ("rcp", document({**allow(Effect="Deny", Resource="arn:aws:sqs"), "Principal": "*"}), LEGACY),
    ("resource", document(allow(Resource="arn:aws:sqs", Principal="*")), LEGACY),
    (
        "identity",
        document(allow(Resource="arn:aws")),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    (
        "identity",
        document(allow(Resource="arn:aws:iam:us-east-1::role/x")),
        "IAM resource arn:aws:iam:us-east-1::role/x cannot contain region information.",
    ),
    ("identity", document(allow(Resource="arn:aws:iam::111122223333:bucket")), IAM_PATHS),
    ("identity", document(allow(Condition={"DateEquals": {"aws:CurrentTime": "soon"}})), LEGACY),
    ("identity", document(allow(Condition={"NumericEquals": {"aws:MultiFactorAuthAge": "x"}})), LEGACY),
    ("identity", document(allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}})), LEGACY),
    ("identity", document(allow(Condition={"ArnLike": {"aws:SourceArn": "x"}})), LEGACY),
    ("identity", document(allow(Condition={"Null": {"aws:SourceArn": "x"}})), LEGACY),
    ("identity", document(allow(Principal="*")), "Policy document should not specify a principal."),
    ("boundary", document(allow(NotPrincipal="*")), "Policy document should not specify a principal."),
    ("session", document(allow(Principal="*")), "Policy document should not specify a principal."),
    ("scp", document(allow(Principal="*")), "Policy document should not specify a principal."),
    ("trust", document(trust(Resource="*")), "Has prohibited field Resource."),
    ("trust", document(without(trust(), "Principal")), "Missing required field Principal"),
    (
        "trust",
        document(trust(Principal={"AWS": []})),
        NO_PRINCIPALS,
    ),
    ("trust", document(trust(Action="s3:GetObject")), TRUST_ACTIONS),
    ("trust", document(trust(Action="*")), TRUST_ACTIONS),
    ("trust", document(trust(Action=["sts:AssumeRole", "iam:PassRole"])), TRUST_ACTIONS),
    (
        "trust",
        document(trust(Principal={"AWS": "arn:aws:iam::111122223333:role/*"})),
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*"',
    ),
    (
        "trust",
        document(trust(Principal={"AWS": "bob"})),
        'Invalid principal in policy: "AWS":"bob"',
    ),
    ("trust", document(trust(Principal={"Service": "*"})), 'Invalid principal in policy: "SERVICE":"*"'),
    ("trust", document(without(trust(NotPrincipal="*"), "Principal")), "Has prohibited field NotPrincipal"),
    ("resource", document(allow()), "Missing required field Principal"),
    ("rcp", document(rcp(Effect="Allow")), ORGANIZATIONS),
    ("rcp", document(rcp(Action="*")), ORGANIZATIONS),
    ("rcp", document(rcp(Principal={"AWS": "111122223333"})), ORGANIZATIONS),
    ("rcp", document(without(rcp(NotAction="s3:*"), "Action")), ORGANIZATIONS),
]

ACCEPTED = [
    ("identity", document(allow())),
    ("identity", json.dumps({"Statement": [allow()]})),
    ("identity", json.dumps({"Version": "2008-10-17", "Statement": allow()})),
    ("managed", document(allow(Sid="a"), allow(Sid=""), allow())),
    ("identity", document(allow(Action=["*"], Resource=["*"]))),
    ("identity", document(allow(Action="s3:*", Resource="arn:aws:s3:::${aws:username}/*"))),
    ("identity", document(allow(Resource="arn:aws:iam::*:role/aws-service-role/*"))),
    ("identity", document(allow(Resource="arn:aws:iam::111122223333:*"))),
    ("identity", document(allow(Resource="arn:aws:iam::111122223333:root"))),
    ("identity", document(allow(Resource="arn:*:s3:::*"))),
    ("identity", document(allow(Resource="arn:aws:ec2:*"))),
    *(
        (kind, document(allow(Resource=arn)))
        for kind in ("identity", "managed", "boundary")
        for arn in ("arn:aws:sqs", "arn:aws:fdsasf", "arn:aws:x", "arn:aws:s3::bucket")
    ),
    ("identity", document(allow(Resource="arn:aws-cn:ec2:*:*:instance/*"))),
    ("identity", document(allow(Condition={"StringEquals": {"aws:RequestTag/a:b": "c"}}))),
    ("identity", document(allow(Condition={"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}}))),
    ("identity", document(allow(Condition={"ArnLike": {"aws:SourceArn": "${aws:PrincipalArn}"}}))),
    ("identity", document(allow(Condition={}))),
    ("session", document(allow(Condition={"DateEquals": {"aws:CurrentTime": "soon"}}))),
    ("boundary", document(allow())),
    ("scp", document(allow())),
    ("scp", document({"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*"})),
    ("trust", document(trust())),
    ("trust", document(trust(Action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))),
    ("trust", document(trust(Action="sts:*", Principal="*"))),
    ("trust", document(trust(Principal={"AWS": ["111122223333", "arn:aws:iam::111122223333:root"]}))),
    ("trust", document(trust(Principal={"AWS": "AROAQAAAAAAAMJJDZBGRH"}))),
    ("trust", document(trust(Principal={"AWS": "arn:aws:sts::111122223333:assumed-role/r/s"}))),
    (
        "trust",
        document(
            trust(
                Principal={"Federated": "arn:aws:iam::111122223333:oidc-provider/token.example.com"},
                Action="sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": {"token.example.com:aud": "me"}},
            )
        ),
    ),
    ("resource", document({**allow(Sid="a b"), "Principal": {"AWS": "*"}})),
    ("rcp", document(rcp())),
]


@pytest.mark.parametrize(
    ("kind", "text", "message"), REFUSED, ids=[f"{row[0]}-{n}" for n, row in enumerate(REFUSED)]
)
def test_what_aws_refuses_is_refused_in_its_words(kind, text, message):
    with pytest.raises(MalformedPolicy) as refused:
        review(text, kind)
    assert message == refused.value.message


@pytest.mark.parametrize(("kind", "text"), ACCEPTED, ids=[f"{row[0]}-{n}" for n, row in enumerate(ACCEPTED)])
def test_what_aws_takes_is_taken(kind, text):
    review(text, kind)
    review(text.encode(), kind)
