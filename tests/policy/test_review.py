"""AWS's own words for what it will not store (iam.md 2.5)."""

from __future__ import annotations

import json

import pytest

from understudy_aws.policy import (
    Bindings,
    MalformedPolicy,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    review,
)

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


FEDERATED = "Federated principals must be valid domain names or SAML metadata ARNs"
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
NOT_UNIQUE = "Statement IDs (SID) in a single policy must be unique."
IAM_S_OWN = ("identity", "managed", "boundary")


def invalid(member, name):
    return f'Invalid principal in policy: "{member}":"{name}"'


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
    ("identity", document(allow(Effect="invalid")), SYNTAX),
    ("identity", document(allow(Effect="denY")), LEGACY),
    (
        "managed",
        json.dumps({"Statement": [allow(Effect="denY")]}),
        "Policy document must be version 2012-10-17 or greater.",
    ),
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
    # hashicorp/terraform#35086, aws-samples/aws-cdk-examples#801, and the letter case of a service that there is.
    *(
        (
            kind,
            document({**statement, "Principal": {"Service": ["ec2.amazonaws.com", name]}}),
            invalid("SERVICE", name),
        )
        for kind, statement in (("trust", trust()), ("resource", allow()))
        for name in ("tagging.amazonaws.com", "amazonaws.com", "nope.amazonaws.com", "EC2.amazonaws.com")
    ),
    (
        "trust",
        document(trust(Principal={"Service": "alexa.amazon.com"})),
        invalid("SERVICE", "alexa.amazon.com"),
    ),
    # terraform-aws-modules/terraform-aws-iam#202, terraform-aws-modules/terraform-aws-eks#2594.
    *(
        (
            "trust",
            document(trust(Principal={"Federated": name}, Action="sts:AssumeRoleWithWebIdentity")),
            FEDERATED,
        )
        for name in (
            "",
            "*",
            "google",
            "https://token.example.com",
            "arn:aws:iam::111122223333:oidc-provider/",
            "arn:aws:iam::111122223333:role/r",
            "arn:aws:iam::ACCOUNT_ID:oidc-provider/token.example.com",
        )
    ),
    ("trust", document(trust(Principal="*")), 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'),
    # hashicorp/terraform-provider-aws#12267, vmware-tanzu/velero#1494.
    *(
        ("trust", space + document(trust()), "JSON strings must not have leading spaces")
        for space in " \t\r\n"
    ),
    *((kind, space + document(allow()), LEGACY) for kind in IAM_S_OWN for space in " \t\r\n"),
    # 99designs/iamy#65, hashicorp/terraform-provider-aws#22879.
    *((kind, json.dumps({"Statement": allow(), "Version": VERSION}), LEGACY) for kind in IAM_S_OWN),
    ("identity", json.dumps({"Id": "a", "Statement": allow(), "Version": VERSION}), LEGACY),
    # getmoto/moto#2269 compared these with AWS.
    *(
        (
            "managed",
            document(allow(Resource=resource)),
            f'Partition "{partition}" is not valid for resource "{whole}".',
        )
        for resource, partition, whole in (
            ("a:b:c", "b", "arn:b:c:*:*:*"),
            ("a:bsdfdsafsad", "bsdfdsafsad", "arn:bsdfdsafsad:*:*:*:*"),
            ("a:b:c:d:e:f:g:h", "b", "arn:b:c:d:e:f:g:h"),
            ("aws:s3:::example_bucket", "s3", "arn:s3:::example_bucket:*"),
            ("arn:${ARN_PARTITION}:s3:::b", "${ARN_PARTITION}", "arn:${ARN_PARTITION}:s3:::b"),
        )
    ),
    *(
        (kind, document(allow(**{element: resource})), LEGACY)
        for kind in IAM_S_OWN
        for element in ("Resource", "NotResource")
        for resource in ("arn:aws::::b", "arn:aws::fdsasf", "arn:aws:s3::bucket")
        if element == "Resource"
    ),
    ("identity", document(without(allow(NotResource="arn:aws:s3::b"), "Resource")), LEGACY),
    (
        "identity",
        document(allow(Resource="arn:aws:s3:us-east-1::b")),
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
    # ryanto/next-s3-upload#58; a word in small letters was taken in getmoto/moto#2269.
    *(
        ("identity", document(allow(Resource=f"arn:aws:sts::{account}:federated-user/u")), LEGACY)
        for account in ("ACCOUNT_ID", "<account>", "Account", "$ACCOUNT")
    ),
    *(
        ("identity", document(allow(Condition={"DateLessThan": {"a": date}})), LEGACY)
        for date in (
            "sdfdsf",
            "234-13",
            "2016-12-13t2:00:00.593194+1",
            "2016-12-13t2:00:00.1999999999+10:59",
            "9223372036854775808",
            "2016-12-32",
            "2016-00",
            "2016-12-13T24:00:00Z",
        )
    ),
    # The order in which AWS names them, from the same comparison.
    (
        "identity",
        document(allow(Action="s:3:ListBucket", Resource="sdfsadf")),
        'Resource sdfsadf must be in ARN format or "*".',
    ),
    ("identity", document(without(allow(Action="invalid"), "Resource")), NO_VENDOR),
    ("identity", document(allow(Sid="a"), {"Sid": "a", "Effect": "Allow"}), NOT_UNIQUE),
    ("identity", document({"Effect": "Allow", "Condition": {"DateEquals": {"a": "sdfdsf"}}}), LEGACY),
    ("identity", document({"Effect": "Allow", "Resource": "arn:aws:s3::b"}), LEGACY),
    ("identity", document(allow(Resource="arn:error:s3:::b", Condition={"DateEquals": {"a": "x"}})), LEGACY),
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
        for arn in ("arn:aws:sqs", "arn:aws:fdsasf", "arn:aws:x", "arn:aws:sqs:eu-west-1", "arn:aws:s3::*")
    ),
    ("identity", document(allow(Resource="arn:aws-cn:ec2:*:*:instance/*"))),
    *(
        ("identity", document(allow(Resource=arn)))
        for arn in (
            "arn:aws:ec2:region:account-id:instance/*",
            "arn:aws:iam::aws:policy/P",
            "arn:aws:iam::${aws:PrincipalAccount}:role/r",
            "arn:aws:s3:us-west-2:111122223333:accesspoint/a",
            "arn:aws:s3:*:*:b",
        )
    ),
    # getmoto/moto#2269 compared these with AWS.
    *(
        ("managed", document(allow(Condition=condition)))
        for condition in (
            {"StringEquals": {"a": "bob"}},
            {"StringEquals": {"username": "bob"}},
            {"x": {}, "y": {}},
            {"DateGreaterThan": {"a": []}},
            {"DateGreaterThan": {"a": "01T"}},
            {"DateLessThanEquals": {"a": "2016-12-13t2:00:00.593194+23"}},
            {"DateLessThanEquals": {"a": "2016-12-13T21:20:37.593194+00:00"}},
            {"DateLessThan": {"a": "-292275054"}},
        )
    ),
    ("managed", document(allow(Action="iam: asdf safdsf af "))),
    ("managed", document(allow()) + " \n"),
    ("managed", json.dumps({"Version": VERSION, "Statement": allow()})),
    ("managed", json.dumps({"Statement": [allow()], "Version": VERSION})),
    # White space and order are known of IAM's own parser alone, and variables were recorded in session policies.
    ("session", " " + document(allow())),
    ("scp", json.dumps({"Statement": allow(), "Version": VERSION})),
    ("session", document(allow(Resource="arn:${aws:username}:s3:::b"))),
    ("resource", document({**allow(), "Principal": {"Service": "alexa-appkit.amazon.com"}})),
    ("trust", document(trust()) + " \n"),
    (
        "trust",
        document(trust(Principal={"Service": ["ec2.amazonaws.com.cn", "logs.eu-west-1.amazonaws.com"]})),
    ),
    ("trust", document(trust(Principal={"Federated": "arn:aws:iam::111122223333:saml-provider/p"}))),
    *(
        ("trust", document(trust(Principal={"Federated": name})))
        for name in (
            "accounts.google.com",
            "oidc.eks.eu-west-1.amazonaws.com/id/ABC",
            "cognito-identity.amazonaws.com",
        )
    ),
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
    ("trust", document(trust(Action="sts:*", Principal={"AWS": "*"}))),
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


OTHERS = [
    (
        "managed",
        document(allow(Resource="arn:aws-cn:s3:::b")),
        'Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b".',
    ),
    (
        "trust",
        document(trust(Principal={"AWS": "arn:aws-us-gov:iam::111122223333:root"})),
        invalid("AWS", "arn:aws-us-gov:iam::111122223333:root"),
    ),
    (
        "trust",
        document(trust(Principal={"Federated": "arn:aws-cn:iam::111122223333:saml-provider/p"})),
        FEDERATED,
    ),
]


@pytest.mark.parametrize(("kind", "text", "message"), OTHERS)
def test_only_the_accounts_own_partition_is_taken_where_that_is_known(kind, text, message):
    """aws/chalice#777, kubernetes-sigs/aws-load-balancer-controller#1557, DataDog/cloudformation-template#71."""
    review(text, kind)
    with pytest.raises(MalformedPolicy) as refused:
        review(text, kind, partition="aws")
    assert message == refused.value.message
    review(text.replace("aws-cn", "aws").replace("aws-us-gov", "aws"), kind, partition="aws")


def test_a_wildcard_stands_for_the_own_partition_too():
    review(document(allow(Resource=["arn:*:s3:::b", "arn:aws*:s3:::b"])), "managed", partition="aws")


def test_who_knows_more_services_says_so():
    text = document(trust(Principal={"Service": "brand-new.amazonaws.com"}))
    with pytest.raises(MalformedPolicy):
        review(text, "trust")
    review(text, "trust", is_service=lambda name: name == "brand-new.amazonaws.com")


def test_a_stored_date_that_is_no_moment_grants_nothing():
    """Taken by AWS (getmoto/moto#2269); what it means is not known."""
    text = document(allow(Condition={"DateGreaterThan": {"aws:CurrentTime": "01T"}}))
    bindings = Bindings(identity=(NamedPolicy("p", compile_policy(text)),))
    user = Principal("user", "arn:aws:iam::111122223333:user/u", "111122223333")
    question = Question(user, "s3:GetObject", "arn:aws:s3:::b/k", {"aws:currenttime": "2026-01-01T00:00:00Z"})
    assert not decide(question, bindings).allowed
