"""Policies and questions made up by drawing lots: for hypothesis in the tests, for the fuzzer in `fuzz/`.

`lots` is anything with `choice` and `randint` as `random.Random` has them. Everything is drawn from small pools, so
that statements often concern what is asked; text of any kind comes in where the language takes text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from oracle import Documents

from understudy_aws.policy import (
    Bindings,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    principal_context,
    question_context,
)


class Lots(Protocol):
    """Where choices come from."""

    def choice(self, seq: Any) -> Any: ...

    def randint(self, a: int, b: int) -> int: ...


@runtime_checkable
class Texts(Protocol):
    """What can draw any text too, as a fuzzer can."""

    def text(self, most: int) -> str: ...


ACCOUNT, OTHER = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/Dev"
LINKED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/Linked"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"
USER = Principal("user", f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT, user_id="AIDABOB")
SESSION = Principal(
    "role-session", f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/s", ACCOUNT, ROLE, user_id="AROADEV:s"
)
LINKED = Principal(
    "role-session",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Linked/s",
    ACCOUNT,
    LINKED_ROLE,
    service_linked=True,
    user_id="AROALINKED:s",
)
PRINCIPALS = [
    USER,
    USER,
    SESSION,
    SESSION,
    LINKED,
    Principal("user", f"arn:aws:iam::{OTHER}:user/eve", OTHER, user_id="AIDAEVE"),
    Principal("root", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
    Principal("federated", f"arn:aws:sts::{ACCOUNT}:federated-user/alice", ACCOUNT),
    Principal("federated", PROVIDER, ACCOUNT),
    Principal("service", service="ecs.amazonaws.com"),
    Principal("anonymous"),
]
ACTIONS = [
    "s3:GetObject",
    "s3:PutObject",
    "kms:Decrypt",
    "kms:RetireGrant",
    "sts:AssumeRole",
    "ec2:CreateVpc",
]
ACTION_PATTERNS = [
    "*", "*", "s3:*", "S3:get*", "s3:Get?bject", "kms:*", "KMS:Decrypt", "sts:*", "ec2:Create*", "*:*o*", "*b*e*t",
    "s3:${aws:username}",
]  # fmt: skip
RESOURCES = [
    "*", "arn:aws:s3:::bob/k", "arn:aws:s3:::alice/k", "arn:aws:s3:::bob", "arn:aws:s3:::x:y/z",
    "arn:aws:s3:eu-west-1:111122223333:accesspoint/p:q", "arn:aws:ec2:us-east-1:111122223333:vpc/*",
    "arn:aws-cn:s3:::bob/k", LINKED_ROLE, ROLE, "arn:aws:s3", "no ARN", "arn:aws:s3:::\U0001f600",
]  # fmt: skip
RESOURCE_PATTERNS = [
    "*", "*", "*", "arn:aws:s3:::bob/k", "arn:aws:s3:::*/k", "arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::?ob*",
    "arn:aws:s3:::${aws:username, 'alice'}/?", "arn:*:ec2:*:*:vpc/*", "arn:aws:iam::*:role/*", "arn:aws:*",
    "arn:*:k", "arn:aws:s3:*:y/z", "arn:aws:s3:*:*:*:q", "${aws:username}", "arn:${app:word}:s3:::bob*",
    "arn:aws:s3:::${*}", "arn:aws:s3:::${app:none}", "arn:aws:s3:::??", "arn:aws:s3:::?", "arn:aws:s3:::${aws:TagKeys}*",
    "arn:aws:s3:::${aws:TagKeys, 'bob'}/*", "arn:aws:s3:::${aws:RequestTag/Team}/*",
    "arn:a?s:s3:*k", "arn:*s:s3:*:y/z", "a*", "*k", "?*", "arn:aws:s3*", "arn:aws:*:*bob*",
]  # fmt: skip
OPERATORS = [
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase", "ArnLike", "ArnEquals", "ArnNotEquals", "ArnNotLike", "NumericEquals",
    "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
    "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals",
    "DateGreaterThan", "DateGreaterThanEquals", "Bool", "IpAddress", "NotIpAddress", "BinaryEquals",
]  # fmt: skip
KEYS = [
    "aws:username", "aws:TagKeys", "aws:SourceIp", "aws:RequestTag/Team", "app:word", "app:count", "aws:CurrentTime",
    "app:arn", "app:flag", "x.example:amr",
]  # fmt: skip
TEXTS = [
    "",
    "bob",
    "Bob",
    "b*",
    "b?b",
    "${aws:username}",
    "${*}",
    "${app:word, 'bob'}",
    "${aws:requesttag/team}",
    "${",
    "${a b}",
    "ΑΣ",
    "ας",
    "İ",
]
NUMBERS = [
    "0",
    "1",
    "01",
    "+1",
    "1.0",
    "1e0",
    "-1",
    ".5",
    "5.",
    "1e400",
    "NaN",
    "Infinity",
    "1_0",
    "٣",
    "0x1",
    " 1",
]
DATES = [
    "2030", "2030-01", "2030-01-01", "2030-01-01T00:00Z", "2030-01-01T00:00:00Z", "2030-01-01T01:00:00+01:00",
    "2030-01-01T00:00:00.0009Z", "1893456000", "1893456000.5", "-1", "-0.5", "2030-02-30", "2030-1-1", "0000",
    "2030-01-01T24:00:00Z", "2030-01-01T00:00:60Z", "2030-01-01t00:00:00z", "2030-01-01T00:00:00+0100",
]  # fmt: skip
ADDRESSES = [
    "10.1.1.1", "10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "::/0", "::1", "::1/128", "fe80::/10", "fe80::1/10",
    "::ffff:10.1.1.1", "::ffff:10.0.0.0/104", "10.0.0.0/33", "10.0.0.0/", "010.1.1.1", "10.1.1", "fe80::1%eth0", "1::2::3",
    "::10.1.1.1", "10.1.1.1/032", "1:2:3:4:5:6:7::",
]  # fmt: skip
ARNS = [
    "arn:aws:s3:::bob", "arn:aws:s3:::*", "arn:aws:iam::111122223333:role/*", ROLE, "arn:*:*:*:*:*", "*", "arn:aws:s3",
    "arn:aws:*", "arn:aws:s3:::${aws:username}", "${app:word}", "oops", "arn:::::", "arn:aws:s3:::a:b", "arn:aws:s3:::?:b",
]  # fmt: skip
OTHERS = ["true", "True", "FALSE", "yes", "QQ==", "QR==", "QQ", "QQ=", "=QQ=", "Q\nQ=="]
VALUES = TEXTS + NUMBERS + DATES + ADDRESSES + ARNS + OTHERS
# By how an operator's name begins: the keys it is asked about, and values it can read.
BY_OPERATOR = {
    "String": (["aws:username", "aws:RequestTag/Team", "app:word", "aws:TagKeys", "x.example:amr"], TEXTS),
    "Numeric": (["app:count", "app:count", "aws:TagKeys"], NUMBERS),
    "Date": (["aws:CurrentTime"], DATES),
    "Ip": (["aws:SourceIp"], ADDRESSES),
    "NotIp": (["aws:SourceIp"], ADDRESSES),
    "Arn": (["aws:PrincipalArn", "app:arn"], ARNS),
    "Bool": (["app:flag", "aws:principalisawsservice"], ["true", "false", "TRUE", "no"]),
    "Binary": (["app:flag"], OTHERS),
    "Null": (KEYS, ["true", "false", "maybe"]),
}
# Keys that the principal decides, compared with variables that the author of the request does.
FIXED_KEYS = ["aws:username", "aws:username", "aws:userid", "aws:PrincipalAccount", "aws:PrincipalArn"]
FREE_VALUES = [
    "${aws:RequestTag/Team}", "${app:word}", "${app:word, 'bob'}", "b${app:word}", "?${app:word}", "*${app:word}b",
    f"arn:aws:iam::{ACCOUNT}:user/${{app:word}}", "arn:aws:iam::*:*/${aws:RequestTag/Team}", "${app:word}${app:arn}",
]  # fmt: skip
FIXED_OPERATORS = [
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike", "ArnLike", "ArnNotEquals",
]  # fmt: skip
MEMBERS: list[Any] = [
    "*", {"AWS": "*"}, {"AWS": ACCOUNT}, {"AWS": OTHER}, {"AWS": [USER.arn, f"arn:aws:iam::{ACCOUNT}:root"]},
    {"AWS": [SESSION.arn, ROLE, ACCOUNT]}, {"AWS": ROLE}, {"AWS": SESSION.arn}, {"AWS": "AIDABOB"}, {"AWS": "AROADEV"},
    {"Service": "ecs.amazonaws.com"}, {"Federated": PROVIDER}, {"CanonicalUser": "abc"}, {},
    {"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/alice"}, {"AWS": [], "Service": ["ecs.amazonaws.com"]},
    {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"},
]  # fmt: skip
LETTERS = "ab*?:/$ {},'.-+0123456789eETZ=%\u00e9\u0130\u212a\u03a3\u03c2\U0001f600"


@dataclass(frozen=True)
class Invention:
    """One question with its policies, as the engine has them and as JSON."""

    question: Question
    bindings: Bindings
    documents: Documents


def some(lots: Lots, pool: list[Any], most: int, least: int = 0) -> list[Any]:
    return [lots.choice(pool) for _ in range(lots.randint(least, most))]


def text(lots: Lots, pool: list[str]) -> str:
    """Mostly one of the pool; now and then one of it with a letter changed, or letters alone, or any text at all."""
    if isinstance(lots, Texts) and lots.randint(0, 15) == 0:
        return lots.text(20)
    fate = lots.randint(0, 11)
    if fate > 1:
        return lots.choice(pool)
    if fate == 1:
        return "".join(some(lots, list(LETTERS), 8))
    known = lots.choice(pool)
    at = lots.randint(0, len(known))
    return known[:at] + lots.choice(LETTERS) + known[at + lots.randint(0, 1) :]


def condition(lots: Lots) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if lots.randint(0, 5) == 0:
        block[lots.choice(FIXED_OPERATORS)] = {lots.choice(FIXED_KEYS): lots.choice(FREE_VALUES)}
    for _ in range(0 if block and lots.randint(0, 1) else lots.randint(1, 2)):
        name, keys, pool = operator(lots)
        made = {text(lots, keys): some(lots, pool, 2) for _ in range(lots.randint(1, 2))}
        block[name] = {key: values[0] if len(values) == 1 else values for key, values in made.items()}
    return block


def operator(lots: Lots) -> tuple[str, list[str], list[str]]:
    """An operator, keys it is asked about, and values it is likely to understand."""
    name = lots.choice(OPERATORS) if lots.randint(0, 7) else "Null"
    keys, pool = next(pools for start, pools in BY_OPERATOR.items() if name.startswith(start))
    if name == "Null":
        return name, keys, pool
    prefix, suffix = lots.choice(["", "", "ForAllValues:", "ForAnyValue:"]), lots.choice(["", "", "IfExists"])
    strange = lots.randint(0, 9) == 0
    return prefix + name + suffix, KEYS if strange else keys, VALUES if strange else pool


def one_condition(lots: Lots) -> tuple[str, str, list[str], dict[str, Any]]:
    """(operator, key, values, context) by themselves."""
    name, keys, pool = operator(lots)
    key = text(lots, keys)
    values = [text(lots, pool) for _ in range(lots.randint(0, 3))]
    given: dict[str, Any] = {}
    for other in [key, *some(lots, KEYS, 2)]:
        given[other] = text(lots, pool if lots.randint(0, 5) else VALUES)
        if lots.randint(0, 4) == 0:
            given[other] = [text(lots, pool) for _ in range(lots.randint(0, 3))]
    if lots.randint(0, 7) == 0:
        del given[key]
    return name, key, values, question_context(given)


def document(lots: Lots, kind: str, who: Principal = USER) -> dict[str, Any]:
    """A document of this kind, which is likely to name `who` if it names anybody."""
    statements = []
    if kind in ("boundary", "session", "scp") and lots.randint(0, 1):
        # A layer that lets through more than it stops, so that the others come to speak.
        statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    for _ in range(lots.randint(0, 3)):
        name = "NotAction" if lots.randint(0, 9) == 0 else "Action"
        statement: dict[str, Any] = {
            "Effect": lots.choice(["Allow", "Allow", "Allow", "Deny"]),
            name: [text(lots, ACTION_PATTERNS) for _ in range(lots.randint(1, 2))],
        }
        if kind != "trust":
            name = lots.choice(["Resource", "Resource", "Resource", "NotResource"])
            statement[name] = [text(lots, RESOURCE_PATTERNS) for _ in range(lots.randint(1, 3))]
        if kind in ("trust", "resource", "rcp"):
            name = lots.choice(["Principal", "Principal", "Principal", "NotPrincipal"])
            statement[name] = lots.choice(MEMBERS if lots.randint(0, 1) else naming(who))
        if lots.randint(0, 2) == 0:
            statement["Condition"] = condition(lots)
        statements.append(statement)
    made: dict[str, Any] = {"Statement": statements[0] if len(statements) == 1 else statements}
    version = lots.choice(["2012-10-17", "2012-10-17", "2008-10-17", ""])
    if version:
        made["Version"] = version
    return made


def naming(who: Principal) -> list[Any]:
    """The ways to name a principal, the exact and the loose."""
    if who.kind == "service":
        return [{"Service": who.service}]
    own = [{"AWS": arn} for arn in (who.arn, who.role_arn, who.account) if arn]
    return [*own, {"AWS": [who.arn, who.role_arn or who.arn, who.account]}] if own else ["*"]


def invention(lots: Lots) -> Invention:
    """A question and policies in any of the layers."""
    asked = question(lots)
    trust = lots.randint(0, 4) == 0

    def several(kind: str, most: int) -> list[dict[str, Any]]:
        return [document(lots, kind, asked.principal) for _ in range(lots.randint(0, most))]

    own = "trust" if trust else "resource"
    documents = Documents(
        identity=several("identity", 2),
        boundary=document(lots, "boundary") if lots.randint(0, 2) == 0 else None,
        session=several("session", 2) if lots.randint(0, 2) == 0 else None,
        scps=[several("scp", 2) for _ in range(lots.choice([0, 0, 1, 2]))],
        rcps=[several("rcp", 2) for _ in range(lots.choice([0, 0, 1]))],
        resource=document(lots, own, asked.principal) if lots.randint(0, 1) == 0 else None,
        trust=trust,
    )
    return Invention(asked, bindings_of(documents), documents)


def question(lots: Lots) -> Question:
    who = lots.choice(PRINCIPALS)
    values: dict[str, Any] = dict(principal_context(who))
    for key in some(lots, KEYS, 5):
        pool = (
            next(pool for keys, pool in BY_OPERATOR.values() if key in keys) if lots.randint(0, 4) else VALUES
        )
        values[key] = text(lots, pool) if lots.randint(0, 4) else some(lots, pool, 2)
    return Question(
        who,
        text(lots, ACTIONS) if lots.randint(0, 3) == 0 else lots.choice(ACTIONS),
        text(lots, RESOURCES),
        question_context(values),
        lots.choice([None, None, None, ACCOUNT, OTHER]),
    )


def bindings_of(documents: Documents) -> Bindings:
    def named(made: Any, kind: str, number: int = 0) -> NamedPolicy:
        return NamedPolicy(f"{kind}-{number}", compile_policy(json.dumps(made), kind=kind))

    def layer(made: Any, kind: str) -> tuple[NamedPolicy, ...]:
        return tuple(named(each, kind, number) for number, each in enumerate(made))

    own = "trust" if documents.trust else "resource"
    return Bindings(
        identity=layer(documents.identity, "identity"),
        boundary=None if documents.boundary is None else named(documents.boundary, "boundary"),
        session=None if documents.session is None else layer(documents.session, "session"),
        scps=tuple(layer(level, "scp") for level in documents.scps),
        rcps=tuple(layer(level, "rcp") for level in documents.rcps),
        scopes=tuple(layer(level, "session") for level in documents.scopes),
        resource=None if documents.resource is None else named(documents.resource, own),
        trust=documents.trust,
    )
