"""Where a refused document broke the rule."""

from __future__ import annotations

import json

import pytest
from marked import unmarked

from understudy_aws.policy import MalformedPolicy, review

PERSON = '"Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"'
FULL = '"Action": "s3:GetObject", "Resource": "*"'
FIRST = f'{{"Effect": "Allow", {FULL}}}'


def document(*statements, version='"2012-10-17"'):
    return f'{{"Version": {version},\n "Statement": [\n  {FIRST},\n  {", ".join(statements)}]}}'


def allow(elements):
    return document(f'{{"Effect": "Allow", {elements}}}')


def alone(elements):
    return f'{{"Version": "2012-10-17",\n "Statement": {{"Effect": "Deny", {elements}}}}}'


REFUSED = [
    ("identity", "«n»onsense"),
    ("identity", document(f'{{"Effect": "Allow", {FULL}«,»}}').replace("«,»}", ",«}»")),
    ("identity", document(version="«1»").replace(",\n  ]", "]")),
    ("identity", allow(f'«"effect"»: 1, {FULL}')),
    ("identity", document(f'{{"Effect": «"allow"», {FULL}}}')),
    ("identity", document(f"«{{{FULL}}}»")),
    ("identity", allow('"Action": ["s3:*", «"GetObject"»], "Resource": "*"')),
    ("identity", allow('"NotAction": «"s3:Get:Object"», "Resource": "*"')),
    ("identity", allow('«"Action"»: [], "Resource": "*"')),
    ("identity", document('«{"Effect": "Allow", "Action": "s3:*"}»')),
    ("identity", allow('"Action": "s3:*", "Resource": ["*", «"bucket"»]')),
    ("session", allow('"Action": "s3:*", "NotResource": «"arn:aws:s3::b"»')),
    ("identity", allow('"Action": "s3:*", "Resource": «"arn:nowhere:s3:::b"»')),
    ("identity", allow('"Action": "s3:*", "Resource": «"arn:aws:iam:us-east-1:111122223333:role/r"»')),
    ("identity", allow(f'«"Principal"»: "*", {FULL}')),
    ("identity", allow(f'{FULL}, "Condition": {{«"StringEqual"»: {{"aws:userid": "a"}}}}')),
    ("identity", allow(f'{FULL}, "Condition": {{"StringEquals": {{«"aws:"»: "a"}}}}')),
    ("identity", allow(f'{FULL}, "Condition": {{"IpAddress": {{«"aws:SourceIp"»: "here"}}}}')),
    ("identity", allow(f'«"Sid"»: "my statement", {FULL}')),
    (
        "identity",
        document(f'{{"Sid": "A", {FULL}, "Effect": "Deny"}}', f'{{«"Sid"»: "A", {FULL}, "Effect": "Deny"}}'),
    ),
    ("identity", allow(f'"Sid": "A", {FULL}, «"Sid"»: "B"')),
    ("identity", allow('"Action": "s3:*", "Resource": "arn:aws:s3:::«\u2603»"')),
    ("managed", f'{{"Version": «"2008-10-17"», "Statement": [{FIRST}]}}'),
    ("trust", alone(f'{PERSON}, «"Resource"»: "*"')),
    ("trust", alone('"Principal": {"AWS": ["111122223333", «"me"»]}, "Action": "sts:AssumeRole"')),
    ("trust", alone('"Principal": {"AWS": "111122223333"}, "Action": ["sts:AssumeRole", «"s3:*"»]')),
    ("trust", alone('«"NotPrincipal"»: {"AWS": "111122223333"}, "Action": "sts:AssumeRole"')),
    ("rcp", alone('"Principal": "*", «"Action"»: "*", "Resource": "*"')),
    ("rcp", alone('«"Principal"»: {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"')),
]


@pytest.mark.parametrize(("kind", "marked"), REFUSED)
def test_a_refusal_tells_the_line_and_column_of_what_it_stumbled_over(kind, marked):
    text, [(start, _), *_] = unmarked(marked)
    with pytest.raises(MalformedPolicy) as refused:
        review(text, kind)
    position = refused.value.position
    assert position is not None
    before = text[:start].split("\n")
    assert (len(before), len(before[-1]) + 1) == (position.line, position.column)


def test_the_text_stays_aws_s_own():
    with pytest.raises(MalformedPolicy) as refused:
        review(unmarked(allow('"Action": "GetObject", "Resource": "*"'))[0], "identity")
    assert "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc." == str(refused.value)
    assert refused.value.message == str(refused.value)
    assert 1 == refused.value.statement


def test_a_document_beyond_all_limits_is_refused_without_a_place():
    with pytest.raises(MalformedPolicy) as refused:
        review(json.dumps({"Statement": "x" * 300_000}), "identity")
    assert refused.value.position is None
