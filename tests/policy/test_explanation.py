"""Explanations: whole, with places, in words for a person."""

from __future__ import annotations

import json
import random

import pytest
from inventions import ACCOUNT, OTHER, USER, invention

from understudy_aws.policy import (
    Bindings,
    Decision,
    NamedPolicy,
    Principal,
    Question,
    compile_policy,
    decide,
    explain,
    position_of,
    render,
)
from understudy_aws.policy.language.positions import Position, Span

VPC = f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/*"
TWO = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Sid": "Vpcs", "Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
    ],
}


def named(document, name="given", kind="identity", indent=None) -> NamedPolicy:
    text = document if isinstance(document, str) else json.dumps(document, indent=indent)
    return NamedPolicy(name, compile_policy(text, kind=kind))


def allowing(action, resource="*", **more) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def shown(action, asked_of, *policies, context=None, **layers) -> str:
    bindings = Bindings(identity=tuple(policies), **layers)
    return render(explain(Question(USER, action, asked_of, context or {}), bindings))


class TestPlaces:
    def test_the_deciding_statement_has_its_place_from_brace_to_brace(self):
        explanation = explain(Question(USER, "ec2:CreateVpc", VPC), Bindings((named(TWO, indent=2),)))
        assert Span(Position(9, 5), Position(14, 6)) == explanation.position
        assert 'given, statement 2 "Vpcs" (line 9, column 5)' in render(explanation)

    def test_a_document_on_one_line_is_not_searched_by_lines(self):
        explanation = explain(Question(USER, "ec2:CreateVpc", VPC), Bindings((named(TWO),)))
        text = json.dumps(TWO)
        start = text.index('{"Sid"')
        assert Span(Position(1, start + 1), Position(1, len(text) - 1)) == explanation.position
        assert render(explanation).endswith('given, statement 2 "Vpcs"')

    def test_json_has_the_place_of_every_statement_and_of_the_decision(self):
        explanation = explain(Question(USER, "ec2:CreateVpc", VPC), Bindings((named(TWO, indent=2),)))
        everything = explanation.to_dict()
        second = {"start": {"line": 9, "column": 5}, "end": {"line": 14, "column": 6}}
        assert second == everything["decision"]["position"]
        assert second == everything["layers"][0]["statements"][1]["position"]
        assert {"line": 4, "column": 5} == everything["layers"][0]["statements"][0]["position"]["start"]

    @pytest.mark.parametrize("seed", range(3))
    def test_a_decision_by_a_statement_leads_to_its_place(self, seed):
        lots = random.Random(seed)
        for _ in range(200):
            made = invention(lots)
            decision = decide(made.question, made.bindings)
            explanation = explain(made.question, made.bindings)
            assert (decision.statement >= 0) is (explanation.position is not None)
            assert position_of(decision, made.bindings) in (explanation.position, None)

    def test_a_decision_alone_is_enough_where_names_are_different(self):
        bindings = Bindings((named(TWO, "one", indent=2), named(allowing("s3:*"), "two")))
        decision = decide(Question(USER, "ec2:CreateVpc", VPC), bindings)
        assert Span(Position(9, 5), Position(14, 6)) == position_of(decision, bindings)

    def test_policies_of_one_name_leave_the_place_open(self):
        bindings = Bindings((named(TWO, indent=2), named(TWO)))
        decision = decide(Question(USER, "ec2:CreateVpc", VPC), bindings)
        assert position_of(decision, bindings) is None
        assert position_of(Decision(True, "allow", "root"), bindings) is None


class TestWords:
    def test_a_key_the_action_never_carries_is_said_to_be_in_vain(self):
        condition = {"StringEquals": {"aws:ResourceTag/team": "web"}}
        text = shown("ec2:DescribeVpcs", "*", named(allowing("ec2:*", Condition=condition)))
        assert "  aws:ResourceTag/team: ec2:DescribeVpcs never carries it: no value would help\n" in text

    def test_a_statement_about_resources_does_not_fit_an_action_that_takes_none(self):
        text = shown("ec2:DescribeVpcs", "*", named(allowing("ec2:DescribeVpcs", VPC)))
        assert (
            f"    it is about {VPC}; not about *\n"
            '    ec2:DescribeVpcs takes only "*", so a statement about resources never allows it\n'
        ) in text

    def test_an_action_misspelled_in_a_policy_is_found(self):
        text = shown("ec2:DescribeVpcs", "*", named(allowing(["ec2:CreateVpc", "ec2:DescribeVpc"])))
        assert "    it allows ec2:DescribeVpc, which is no action; is ec2:DescribeVpcs meant?\n" in text

    @pytest.mark.parametrize(
        ("action", "resource", "remark"),
        [
            (
                "ec2:CreateVcp",
                "*",
                "ec2 has no action CreateVcp: no request asks for it. Is ec2:CreateVpc meant?",
            ),
            ("nothing:Do", "*", "No service of AWS's has the prefix nothing."),
            ("ec2:DescribeVpcs", VPC, 'ec2:DescribeVpcs takes only "*": AWS asks about no resource of it'),
            (
                "ec2:CreateVpc",
                "*",
                "ec2:CreateVpc acts on a vpc; asked about *, only statements about every resource",
            ),
            (
                "ec2:CreateVpc",
                f"arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-1",
                f"ec2:CreateVpc acts on a vpc, and arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-1 is none",
            ),
        ],
    )
    def test_a_question_aws_would_not_put_is_remarked_on(self, action, resource, remark):
        assert any(line.startswith(remark) for line in shown(action, resource).splitlines())
        question = Question(USER, action, resource)
        assert () == explain(question, Bindings(), asked_ahead=False).remarks

    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            ("ec2:CreateVpc", VPC),
            ("ec2:DescribeVpcs", "*"),
            ("ec2:CreateTags", "*"),
            ("s3:GetObject", "arn:aws:s3:::b/k"),
        ],
    )
    def test_a_question_aws_would_put_is_not_remarked_on(self, action, resource):
        assert () == explain(Question(USER, action, resource), Bindings()).remarks

    def test_a_trust_policy_that_is_about_others_says_about_whom(self):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": [OTHER], "Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                },
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/id.example.com"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                },
            ],
        }
        role = f"arn:aws:iam::{ACCOUNT}:role/Target"
        text = shown("sts:AssumeRole", role, resource=named(trust, role, "trust"), trust=True)
        assert (
            "Came close:\n"
            "  role trust policy statement 1:\n"
            f"    it names {OTHER}, Service ec2.amazonaws.com; not you\n"
            "  role trust policy statement 2:\n"
            "    it is about sts:AssumeRoleWithWebIdentity; not about sts:AssumeRole\n"
            "    it names Federated arn:aws:iam::1:oidc-provider/id.example.com; not you\n"
        ) in text

    def test_a_deny_is_shown_with_the_conditions_that_made_it_apply(self):
        guard = {
            "Statement": {
                "Sid": "Guard",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}},
            }
        }
        text = shown("ec2:CreateVpc", VPC, named(guard), context={"aws:requestedregion": "us-east-1"})
        assert (
            "With an explicit deny in an identity-based policy\n"
            'It is given, statement 1 "Guard"\n'
            "It applies because:\n"
            '  StringNotEquals aws:RequestedRegion: wants anything but "eu-west-1" or "eu-west-2"; it is "us-east-1"\n'
        ) in text

    def test_both_accounts_are_named_when_two_have_a_say(self):
        stranger = Principal("user", f"arn:aws:iam::{OTHER}:user/eve", OTHER)
        question = Question(stranger, "s3:GetObject", "arn:aws:s3:::b/k", resource_account=ACCOUNT)
        text = render(explain(question, Bindings()))
        assert (
            f"What the policies say, of account {OTHER} and of account {ACCOUNT}, both of which must" in text
        )

    def test_long_lists_are_cut_for_people_and_whole_for_programs(self):
        names = [f"ec2:CreateVpc{number}" for number in range(20)]
        values = [str(number) for number in range(20)]
        condition = {"StringEquals": {"aws:RequestTag/team": values}}
        bindings = Bindings(
            (named(allowing("ec2:*", [f"arn:{name}" for name in names], Condition=condition)),)
        )
        explanation = explain(Question(USER, "ec2:CreateVpc", VPC), bindings)
        assert '"5" or 14 more' in render(explanation)
        assert "and 14 more; not about" in render(explanation)
        assert values == explanation.to_dict()["layers"][0]["statements"][0]["conditions"][0]["expected"]

    def test_only_the_nearest_misses_are_shown(self):
        many = [
            {"Effect": "Allow", "Action": "*", "Resource": f"arn:aws:s3:::{number}"} for number in range(12)
        ]
        text = shown("ec2:CreateVpc", VPC, named({"Version": "2012-10-17", "Statement": many}))
        assert 8 == text.count("not about arn:aws:ec2")
        assert "  and 4 others.\n" in text


class TestHostileDocuments:
    """Whatever a policy holds, explaining it takes a moment."""

    def test_thousands_of_unknown_keys(self):
        condition = {"StringEquals": {f"zz:key{number}x": "v" for number in range(5000)}}
        bindings = Bindings((named(allowing("*", Condition=condition)),))
        explanation = explain(Question(USER, "ec2:CreateVpc", VPC), bindings)
        assert (5000, 64) == (len(explanation.decision.missing_keys), len(explanation.absent_keys()))
        assert "  and 4992 others.\n" in render(explanation)

    def test_thousands_of_misspelled_actions(self):
        statements = [
            {"Effect": "Allow", "Action": [f"ec2:CreateVp{number}x{n}" for n in range(30)], "Resource": "*"}
            for number in range(300)
        ]
        bindings = Bindings((named({"Version": "2012-10-17", "Statement": statements}),))
        assert "DENIED" in render(explain(Question(USER, "ec2:CreateVpc", VPC), bindings))

    def test_thousands_of_statements_that_a_tag_would_fit(self):
        guard = {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"Null": {"aws:TagKeys": "false"}},
        }
        statements = [
            {
                "Effect": "Allow",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestTag/team": f"{number}"}},
            }
            for number in range(1500)
        ]
        bindings = Bindings((named({"Version": "2012-10-17", "Statement": [guard, *statements]}),))
        assert {} == explain(Question(USER, "ec2:CreateVpc", VPC), bindings).alternative
