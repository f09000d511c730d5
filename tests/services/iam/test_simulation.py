"""The policy simulator: simulator.md 5."""

from __future__ import annotations

import json

import pytest

ALLOW = '{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}'
DENY = '{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::open/closed/*"}'
BOTH = f'{{"Version":"2012-10-17","Statement":[{ALLOW},{DENY}]}}'
OPEN, CLOSED, OTHER = "arn:aws:s3:::open/a", "arn:aws:s3:::open/closed/a", "arn:aws:s3:::other/a"
CALLER = "arn:aws:iam::111122223333:user/ann"
SCP = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'


@pytest.fixture
def simulate(iam):
    """The results of SimulateCustomPolicy on s3:GetObject."""

    def results(*documents, actions=("s3:GetObject",), **more):
        answer = iam.simulate_custom_policy(PolicyInputList=documents, ActionNames=actions, **more)
        return answer["EvaluationResults"]

    return results


@pytest.fixture
def ann(iam, policy):
    """The ARN of a user with an inline policy, in a group with a managed one, within a boundary."""
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy("s3:*"))["Policy"]["Arn"]
    managed = iam.create_policy(PolicyName="shared", PolicyDocument=policy("sqs:*"))["Policy"]["Arn"]
    arn = iam.create_user(UserName="ann", Path="/team/", PermissionsBoundary=boundary)["User"]["Arn"]
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy("s3:GetObject"))
    iam.create_group(GroupName="web")
    iam.attach_group_policy(GroupName="web", PolicyArn=managed)
    iam.put_group_policy(GroupName="web", PolicyName="theirs", PolicyDocument=policy("s3:PutObject"))
    iam.add_user_to_group(GroupName="web", UserName="ann")
    return arn


def sources(result):
    return [(each["SourcePolicyId"], each["SourcePolicyType"]) for each in result["MatchedStatements"]]


def condition(operator, key, value, effect="Allow"):
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class TestDecisions:
    def test_an_allow_names_its_statement_and_where_it_stands(self, simulate):
        (result,) = simulate(BOTH, ResourceArns=[OPEN])
        assert "allowed" == result["EvalDecision"]
        assert OPEN == result["EvalResourceName"]
        assert [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 38 + len(ALLOW)},
            }
        ] == result["MatchedStatements"]

    def test_an_explicit_deny_names_only_the_denying_statement(self, simulate):
        (result,) = simulate(BOTH, ResourceArns=[CLOSED])
        assert "explicitDeny" == result["EvalDecision"]
        (statement,) = result["MatchedStatements"]
        assert {"Line": 1, "Column": BOTH.index("},{") + 2} == statement["StartPosition"]

    def test_silence_names_no_statement(self, simulate):
        (result,) = simulate(BOTH, ResourceArns=[OTHER])
        assert ("implicitDeny", []) == (result["EvalDecision"], result["MatchedStatements"])
        assert [] == result["MissingContextValues"]

    def test_no_policies_deny_implicitly(self, simulate):
        (result,) = simulate()
        assert ("implicitDeny", "*") == (result["EvalDecision"], result["EvalResourceName"])
        assert "ResourceSpecificResults" not in result
        assert "OrganizationsDecisionDetail" not in result

    def test_several_resources_have_a_result_each_in_their_order(self, simulate):
        (result,) = simulate(BOTH, ResourceArns=[OTHER, OPEN, OTHER])
        specific = result["ResourceSpecificResults"]
        assert [OTHER, OPEN, OTHER] == [each["EvalResourceName"] for each in specific]
        decisions = [each["EvalResourceDecision"] for each in specific]
        assert ["implicitDeny", "allowed", "implicitDeny"] == decisions
        assert "implicitDeny" == result["EvalDecision"]
        assert 1 == len(result["MatchedStatements"])
        assert "arn:aws:s3:::${BucketName}/${KeyName}" == result["EvalResourceName"]

    def test_several_resources_of_no_known_type_are_named_by_what_they_begin_with(self, simulate):
        names = ["arn:aws:nowhere:::thing/a", "arn:aws:nowhere:::thing/b"]
        assert "arn:aws:nowhere:::thing/*" == simulate(ResourceArns=names)[0]["EvalResourceName"]

    def test_one_explicit_deny_decides_over_all_resources(self, simulate):
        (result,) = simulate(BOTH, ResourceArns=[OTHER, OPEN, CLOSED])
        assert "explicitDeny" == result["EvalDecision"]
        assert 2 == len(result["MatchedStatements"])

    def test_actions_keep_their_order_and_come_as_often_as_asked(self, simulate):
        actions = ["s3:PutObject", "s3:GetObject", "s3:PutObject"]
        assert actions == [each["EvalActionName"] for each in simulate(BOTH, actions=actions)]

    def test_pages_count_actions(self, iam, pages):
        actions = [f"s3:Get{number}" for number in range(5)]
        found = pages(
            iam.simulate_custom_policy,
            "EvaluationResults",
            PolicyInputList=[BOTH],
            ActionNames=actions,
            ResourceArns=[OPEN, CLOSED],
        )
        assert actions == [each["EvalActionName"] for each in found]

    def test_a_page_has_no_more_than_can_be_decided_in_a_moment(self, iam, pages):
        """300 actions on 300 resources took eight seconds, in which nobody else was answered."""
        actions = [f"s3:Get{number}" for number in range(20)]
        asked = {
            "PolicyInputList": [BOTH],
            "ActionNames": actions,
            "ResourceArns": [f"arn:aws:s3:::bucket/{number}" for number in range(60)],
        }
        answer = iam.simulate_custom_policy(**asked)
        assert answer["IsTruncated"]
        assert 1 <= len(answer["EvaluationResults"]) < 20
        found = pages(iam.simulate_custom_policy, "EvaluationResults", **asked)
        assert actions == [each["EvalActionName"] for each in found]

    def test_an_action_on_too_many_resources_is_refused_before_any_is_decided(self, iam, refused):
        with refused("InvalidInput") as told:
            iam.simulate_custom_policy(
                PolicyInputList=[BOTH], ActionNames=["s3:GetObject"], ResourceArns=[OPEN] * 1500
            )
        assert told.text.startswith("The simulation is too large")

    def test_documents_too_long_together_are_refused_unread(self, iam, refused):
        documents = ["{" + "x" * 70_000] * 2
        for ask in (
            lambda: iam.simulate_custom_policy(PolicyInputList=documents, ActionNames=["s3:GetObject"]),
            lambda: iam.get_context_keys_for_custom_policy(PolicyInputList=documents),
        ):
            with refused("InvalidInput") as told:
                ask()
            assert told.text.endswith("may have 131072 characters together.")


class TestContext:
    def test_a_key_that_is_not_given_is_missing_as_it_is_spelled(self, simulate):
        document = condition("StringEquals", "aws:RequestedRegion", "${aws:PrincipalTag/Home}")
        (result,) = simulate(document, ResourceArns=[OPEN])
        assert ["aws:RequestedRegion", "aws:PrincipalTag/Home"] == result["MissingContextValues"]
        (specific,) = result["ResourceSpecificResults"]
        assert result["MissingContextValues"] == specific["MissingContextValues"]

    def test_every_input_policys_keys_are_missing_whichever_statement_matches(self, simulate):
        """boto/boto3#3111: AWS names the keys of statements about other actions and resources too."""
        other = (
            '{"Effect":"Allow","Action":"iam:ChangePassword","Resource":"arn:aws:iam::*:user/${aws:username}",'
            '"Condition":{"StringLike":{"aws:PrincipalTag/Team":"${*}"}}}'
        )
        documents = (
            f'{{"Version":"2012-10-17","Statement":[{ALLOW},{other}]}}',
            condition("Null", "AWS:Username", "true"),
        )
        for resources in ([OPEN], [OPEN, OTHER], []):
            more = {"ResourceArns": resources} if resources else {}
            (result,) = simulate(*documents, **more)
            assert ["aws:PrincipalTag/Team", "aws:username"] == sorted(result["MissingContextValues"])

    def test_what_has_a_value_is_not_missing(self, simulate):
        entry = {"ContextKeyName": "my:key", "ContextKeyValues": [""], "ContextKeyType": "string"}
        documents = (condition("StringEquals", "MY:Key", "a"), condition("StringEquals", "aws:userid", "a"))
        (result,) = simulate(*documents, ContextEntries=[entry])
        assert [] == result["MissingContextValues"]

    def test_a_key_that_is_given_decides(self, simulate):
        document = condition("StringEquals", "aws:RequestedRegion", "eu-west-1")
        entry = {
            "ContextKeyName": "AWS:requestedregion",
            "ContextKeyValues": ["eu-west-1"],
            "ContextKeyType": "string",
        }
        (result,) = simulate(document, ContextEntries=[entry])
        assert ("allowed", []) == (result["EvalDecision"], result["MissingContextValues"])

    def test_a_list_matches_with_a_set_operator_only(self, simulate):
        entry = {"ContextKeyName": "my:keys", "ContextKeyValues": ["a"], "ContextKeyType": "stringList"}
        plain = condition("StringEquals", "my:keys", "a")
        any_of = condition("ForAnyValue:StringEquals", "my:keys", "a")
        assert "implicitDeny" == simulate(plain, ContextEntries=[entry])[0]["EvalDecision"]
        assert "allowed" == simulate(any_of, ContextEntries=[entry])[0]["EvalDecision"]

    def test_the_user_id_is_a_stub_or_the_caller(self, simulate):
        stub = condition("StringEquals", "aws:userid", "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR")
        named = condition("StringEquals", "aws:userid", CALLER)
        assert "allowed" == simulate(stub)[0]["EvalDecision"]
        assert "allowed" == simulate(named, CallerArn=CALLER)[0]["EvalDecision"]
        assert "implicitDeny" == simulate(stub, CallerArn=CALLER)[0]["EvalDecision"]

    def test_text_that_is_no_number_differs_from_no_number(self, simulate):
        document = condition("NumericNotEquals", "my:number", "1")
        entry = {"ContextKeyName": "my:number", "ContextKeyType": "numeric"}
        given = {text: [{**entry, "ContextKeyValues": [text]}] for text in ("two", "2", "1")}
        decisions = {
            text: simulate(document, ContextEntries=entries)[0]["EvalDecision"]
            for text, entries in given.items()
        }
        assert {"two": "implicitDeny", "2": "allowed", "1": "implicitDeny"} == decisions

    def test_an_address_that_is_none_contains_nothing(self, simulate):
        entry = {
            "ContextKeyName": "aws:SourceIp",
            "ContextKeyValues": ["10.0.0.1"],
            "ContextKeyType": "ip",
        }
        decisions = [
            simulate(condition(operator, "aws:SourceIp", "nowhere"), ContextEntries=[entry])[0][
                "EvalDecision"
            ]
            for operator in ("IpAddress", "NotIpAddress")
        ]
        assert ["implicitDeny", "allowed"] == decisions


class TestOtherPolicies:
    def test_a_boundary_limits_and_is_reported(self, simulate, policy):
        (within,) = simulate(BOTH, ResourceArns=[OPEN], PermissionsBoundaryPolicyInputList=[policy("s3:*")])
        assert {"AllowedByPermissionsBoundary": True} == within["PermissionsBoundaryDecisionDetail"]
        assert [
            ("PolicyInputList.1", "IAM Policy"),
            ("PermissionsBoundaryPolicyInputList.1", "Permissions Boundary Policy"),
        ] == sources(within)
        (beyond,) = simulate(BOTH, ResourceArns=[OPEN], PermissionsBoundaryPolicyInputList=[policy("ec2:*")])
        assert "implicitDeny" == beyond["EvalDecision"]
        (specific,) = beyond["ResourceSpecificResults"]
        assert {"AllowedByPermissionsBoundary": False} == specific["PermissionsBoundaryDecisionDetail"]

    def test_a_resource_policy_allows_its_caller(self, simulate, policy):
        document = policy(resource=OPEN, Principal={"AWS": CALLER})
        (result,) = simulate(ResourcePolicy=document, CallerArn=CALLER, ResourceArns=[OPEN])
        assert "allowed" == result["EvalDecision"]
        assert [("ResourcePolicy", "Resource Policy")] == sources(result)

    def test_across_accounts_both_sides_must_allow_and_are_reported(self, simulate, policy):
        document = policy(resource=OPEN, Principal={"AWS": CALLER})
        owner = "arn:aws:iam::444455556666:root"
        (result,) = simulate(
            ResourcePolicy=document, CallerArn=CALLER, ResourceArns=[OPEN], ResourceOwner=owner
        )
        assert "implicitDeny" == result["EvalDecision"]
        details = {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
        assert details == result["EvalDecisionDetails"]
        (result,) = simulate(
            BOTH, ResourcePolicy=document, CallerArn=CALLER, ResourceArns=[OPEN], ResourceOwner=owner
        )
        assert "allowed" == result["EvalDecision"]

    def test_every_level_of_an_organization_must_allow(self, simulate, policy):
        levels = [{"ServiceControlPolicyInputList": [text]} for text in (SCP, policy("ec2:*"))]
        (above,) = simulate(BOTH, ResourceArns=[OPEN], OrderedOrganizationPolicyInputList=levels[:1])
        (both,) = simulate(BOTH, ResourceArns=[OPEN], OrderedOrganizationPolicyInputList=levels)
        assert ("allowed", {"AllowedByOrganizations": True}) == (
            above["EvalDecision"],
            above["OrganizationsDecisionDetail"],
        )
        assert ("implicitDeny", {"AllowedByOrganizations": False}) == (
            both["EvalDecision"],
            both["OrganizationsDecisionDetail"],
        )


class TestPrincipal:
    def test_his_own_and_his_groups_policies_count_within_his_boundary(self, iam, ann):
        actions = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
        results = iam.simulate_principal_policy(PolicySourceArn=ann, ActionNames=actions)["EvaluationResults"]
        assert ["allowed", "allowed", "implicitDeny"] == [each["EvalDecision"] for each in results]
        edge = ("edge", "Permissions Boundary Policy")
        assert [("own", "IAM Policy"), edge] == sources(results[0])
        assert [("theirs", "IAM Policy"), edge] == sources(results[1])
        details = [each["PermissionsBoundaryDecisionDetail"] for each in results]
        assert [True, True, False] == [each["AllowedByPermissionsBoundary"] for each in details]

    def test_a_boundary_given_replaces_his(self, iam, ann, policy):
        (result,) = iam.simulate_principal_policy(
            PolicySourceArn=ann,
            ActionNames=["sqs:SendMessage"],
            PermissionsBoundaryPolicyInputList=[policy("sqs:*")],
        )["EvaluationResults"]
        assert "allowed" == result["EvalDecision"]
        assert ("shared", "IAM Policy") == sources(result)[0]

    def test_policies_given_are_added(self, iam, ann, policy):
        (result,) = iam.simulate_principal_policy(
            PolicySourceArn=ann, ActionNames=["s3:ListBucket"], PolicyInputList=[policy("s3:List*")]
        )["EvaluationResults"]
        assert "allowed" == result["EvalDecision"]
        assert ("PolicyInputList.1", "IAM Policy") == sources(result)[0]

    @pytest.mark.parametrize(
        ("exclusion", "expected"),
        [
            ({"PolicyType": "inline"}, "implicitDeny"),
            ({"PolicyType": "permission-boundary"}, "allowed"),
            (
                {
                    "InlinePolicyIdentifier": {
                        "PolicyName": "own",
                        "AttachmentType": "user",
                        "AttachmentName": "ann",
                    }
                },
                "implicitDeny",
            ),
            ({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, "allowed"),
        ],
        ids=["type", "boundary", "name", "arn of another"],
    )
    def test_a_policy_excluded_is_as_if_it_were_not_attached(self, iam, ann, exclusion, expected):
        (result,) = iam.simulate_principal_policy(
            PolicySourceArn=ann, ActionNames=["s3:GetObject"], PolicyExclusionList=[exclusion]
        )["EvaluationResults"]
        assert expected == result["EvalDecision"]

    def test_a_roles_trust_policy_does_not_count(self, iam, role):
        (result,) = iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"], ActionNames=["sts:AssumeRole"]
        )["EvaluationResults"]
        assert "implicitDeny" == result["EvalDecision"]

    def test_he_is_found_by_name_and_authorized_by_his_own_arn(self, understudy, iam, ann, refused):
        elsewhere = ann.replace("/team/", "/elsewhere/")
        action = "iam:SimulatePrincipalPolicy"
        permitted = understudy.client("iam", as_=understudy.allowing("bob", action, resource=ann))
        other = understudy.client("iam", as_=understudy.allowing("eve", action, resource=elsewhere))
        assert permitted.simulate_principal_policy(PolicySourceArn=elsewhere, ActionNames=["s3:GetObject"])
        with refused("AccessDenied"):
            other.simulate_principal_policy(PolicySourceArn=elsewhere, ActionNames=["s3:GetObject"])


class TestRefusals:
    @pytest.mark.parametrize(
        "given",
        [
            {"PolicyInputList": ["{"]},
            {"PolicyInputList": [condition("StringEqual", "aws:userid", "a")]},
            {"ActionNames": ["GetObject"]},
            {"ActionNames": ["s3:Get*"]},
            {"ResourceArns": ["open"]},
            {"CallerArn": "arn:aws:sts::111122223333:assumed-role/r/s"},
            {"ResourceOwner": "111122223333"},
            {"ResourcePolicy": SCP},
            {"ResourcePolicy": SCP, "CallerArn": CALLER},
            {"PermissionsBoundaryPolicyInputList": [SCP, SCP]},
            {"ResourceHandlingOption": "EC2-VPC-EBS"},
            {"ContextEntries": [{"ContextKeyValues": ["a"]}]},
        ],
    )
    def test_input_that_cannot_be_simulated_is_invalid(self, iam, refused, given):
        with refused("InvalidInput", status=400):
            iam.simulate_custom_policy(
                **{"PolicyInputList": [BOTH], "ActionNames": ["s3:GetObject"], **given}
            )

    def test_a_source_that_is_no_entity_is_invalid(self, iam, refused):
        for arn in ("somebody whose name is long", "arn:aws:sts::000000000000:assumed-role/r/s"):
            with refused("InvalidInput", status=400):
                iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])

    def test_a_source_that_is_not_there_is_unknown(self, iam, ann, refused):
        with refused("NoSuchEntity", status=404):
            iam.get_context_keys_for_principal_policy(PolicySourceArn=ann.replace("ann", "nobody"))
        with refused("AccessDenied", status=403):
            iam.get_context_keys_for_principal_policy(PolicySourceArn="arn:aws:iam::444455556666:user/ann")


class TestContextKeys:
    def test_each_document_names_its_keys(self, iam):
        documents = [condition("StringEquals", "aws:username", "${aws:userid}")] * 2
        names = iam.get_context_keys_for_custom_policy(PolicyInputList=documents)["ContextKeyNames"]
        assert ["aws:username", "aws:userid"] * 2 == names

    def test_a_document_that_is_no_policy_is_invalid(self, iam, refused):
        with refused("InvalidInput", status=400):
            iam.get_context_keys_for_custom_policy(PolicyInputList=['{"Extra": 1}'])

    def test_groups_boundary_and_further_documents_are_included(self, iam, ann):
        iam.put_group_policy(
            GroupName="web",
            PolicyName="more",
            PolicyDocument=condition("Bool", "aws:SecureTransport", "true"),
        )
        edge = iam.create_policy(
            PolicyName="narrow", PolicyDocument=condition("Null", "aws:userid", "false")
        )["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=edge)
        names = iam.get_context_keys_for_principal_policy(
            PolicySourceArn=ann, PolicyInputList=[condition("Null", "aws:userid", "false")]
        )["ContextKeyNames"]
        assert ["aws:SecureTransport", "aws:userid", "aws:userid"] == sorted(names)
