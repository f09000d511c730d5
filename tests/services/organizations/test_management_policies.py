"""Tag, backup and other management policies: kept, checked and merged (organizations.md 32.4)."""

from __future__ import annotations

import json

import pytest
from estates import Estate
from refusals import refused

from understudy_aws.services.organizations import management_policies
from understudy_aws.services.organizations.policy_records import MANAGEMENT

TAGS = "TAG_POLICY"
AI = "AISERVICES_OPT_OUT_POLICY"
BACKUP = "BACKUP_POLICY"


def text(tree):
    return json.dumps(tree)


def center(**operators):
    named = {f"@@{name}": value for name, value in operators.items()}
    return text({"tags": {"CostCenter": {"tag_key": {"@@assign": "CostCenter"}, "tag_value": named}}})


def values(*levels):
    tree = management_policies.effective([[each] if isinstance(each, str) else each for each in levels])
    return tree["tags"]["CostCenter"].get("tag_value")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([center(assign=["100"])], ["100"]),
        ([center(assign=["100"]), center(assign=["200"])], ["200"]),
        ([center(assign=["100"]), center(append=["200"])], ["100", "200"]),
        ([center(assign=["100"]), center(append=["100", "300"])], ["100", "300"]),
        ([center(assign=["100", "200"]), center(remove=["100"])], ["200"]),
        ([center(append=["100"])], ["100"]),
        ([center(assign=["100"]), center(remove=["100"])], None),
        ([[center(assign=["100"]), center(append=["200"])], center(append=["300"])], ["100", "200", "300"]),
        ([center(assign=["100"]), center(append=["200"], remove=["100"])], ["200"]),
    ],
)
def test_children_change_what_they_inherit(levels, expected):
    """Organizations User Guide, "Inheritance operators"."""
    assert expected == values(*levels)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (["@@none"], ["100"]),
        (["@@append"], ["100", "200"]),
        (["@@assign"], ["300"]),
        (["@@all"], ["300"]),
    ],
)
def test_parents_say_which_operators_count_below(allowed, expected):
    parent = json.loads(center(assign=["100"]))
    parent["tags"]["CostCenter"]["tag_value"]["@@operators_allowed_for_child_policies"] = allowed
    child = center(append=["200"]) if allowed == ["@@append"] else center(assign=["300"])
    assert expected == values(text(parent), child)


def test_what_is_allowed_above_counts_for_all_below():
    parent = json.loads(center(assign=["100"]))
    parent["tags"]["@@operators_allowed_for_child_policies"] = ["@@none"]
    other = text({"tags": {"Team": {"tag_key": {"@@assign": "Team"}}}})
    tree = management_policies.effective([[text(parent)], [center(assign=["200"]), other]])
    assert {"tags": {"CostCenter": {"tag_key": "CostCenter", "tag_value": ["100"]}}} == tree
    loosened = json.loads(center(assign=["200"]))
    loosened["tags"]["@@operators_allowed_for_child_policies"] = ["@@all"]
    assert ["100"] == values(text(parent), text(loosened), center(assign=["300"]))


def test_members_are_the_same_in_whatever_letter_case():
    child = text({"tags": {"costcenter": {"tag_value": {"@@append": ["200"]}}}})
    assert ["100", "200"] == values(center(assign=["100"]), child)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (TAGS, "{"),
        (TAGS, "[]"),
        (TAGS, "{}"),
        (TAGS, '{"plans": {}}'),
        (TAGS, '{"tags": {"a": "b"}}'),
        (TAGS, '{"tags": {"a": {"tag_key": {"@@set": "b"}}}}'),
        (TAGS, '{"tags": {"a": {"tag_key": {"@@assign": {"b": "c"}}}}}'),
        (TAGS, '{"tags": {"a": {"tag_key": {"@@assign": "a", "other": {"@@assign": "b"}}}}}'),
        (TAGS, '{"tags": {"@@operators_allowed_for_child_policies": ["@@some"]}}'),
        (TAGS, '{"tags": {"@@operators_allowed_for_child_policies": ["@@all", "@@none"]}}'),
        (AI, '{"tags": {}}'),
        ("S3_POLICY", "1"),
        (TAGS, '{"tags":' + '{"a":' * 3000 + "{}" + "}" * 3001),
    ],
)
def test_what_is_no_management_policy(kind, content):
    with pytest.raises(management_policies.MalformedManagementPolicy):
        management_policies.check(content, kind)


class TestOperations:
    @pytest.fixture
    def estate(self, understudy):
        return Estate(understudy, TAGS, AI, BACKUP)

    def make(self, estate, content, kind=TAGS, name="p"):
        return estate.organizations.create_policy(Content=content, Description="", Name=name, Type=kind)[
            "Policy"
        ]["PolicySummary"]["Id"]

    def attached(self, estate, content, target, kind=TAGS, name="p"):
        id = self.make(estate, content, kind, name)
        estate.organizations.attach_policy(PolicyId=id, TargetId=target)
        return id

    @pytest.mark.parametrize("kind", MANAGEMENT)
    def test_a_policy_of_each_type_is_kept_and_listed(self, understudy, kind):
        estate = Estate(understudy, kind)
        top = management_policies.TOP_KEYS.get(kind, "anything")
        id = self.attached(estate, text({top: {"a": {"b": {"@@assign": "c"}}}}), estate.root, kind)
        organizations = estate.organizations
        assert [id] == [each["Id"] for each in organizations.list_policies(Filter=kind)["Policies"]]
        assert [id] == [
            each["Id"]
            for each in organizations.list_policies_for_target(TargetId=estate.root, Filter=kind)["Policies"]
        ]
        arn = organizations.describe_policy(PolicyId=id)["Policy"]["PolicySummary"]["Arn"]
        assert f"/{kind.lower()}/" in arn
        organizations.detach_policy(PolicyId=id, TargetId=estate.root)
        organizations.delete_policy(PolicyId=id)
        organizations.disable_policy_type(RootId=estate.root, PolicyType=kind)

    def test_an_account_has_what_it_inherits(self, understudy, estate):
        dev, unit = estate.account("dev"), estate.unit("prod")
        estate.move(dev, unit)
        self.attached(estate, center(assign=["100"]), estate.root, name="root")
        self.attached(estate, center(append=["200"]), unit, name="unit")
        self.attached(estate, center(append=["300"]), dev, name="account")
        organizations = estate.organizations
        found = organizations.describe_effective_policy(PolicyType=TAGS, TargetId=dev)["EffectivePolicy"]
        assert (dev, TAGS) == (found["TargetId"], found["PolicyType"])
        expected = {"tags": {"CostCenter": {"tag_key": "CostCenter", "tag_value": ["100", "200", "300"]}}}
        assert expected == json.loads(found["PolicyContent"])
        member = understudy.client("organizations", as_=estate.administrator(dev))
        assert expected == json.loads(
            member.describe_effective_policy(PolicyType=TAGS)["EffectivePolicy"]["PolicyContent"]
        )
        management = organizations.describe_effective_policy(PolicyType=TAGS)["EffectivePolicy"]
        assert ["100"] == json.loads(management["PolicyContent"])["tags"]["CostCenter"]["tag_value"]
        with refused("AccessDeniedException"):
            member.describe_effective_policy(PolicyType=TAGS, TargetId="000000000000")

    def test_what_has_no_effective_policy(self, estate):
        organizations = estate.organizations
        with refused("EffectivePolicyNotFoundException"):
            organizations.describe_effective_policy(PolicyType=TAGS)
        with refused("EffectivePolicyNotFoundException"):
            organizations.describe_effective_policy(PolicyType="CHATBOT_POLICY")
        with refused("InvalidInputException"):
            organizations.describe_effective_policy(PolicyType=TAGS, TargetId=estate.root)
        with refused("TargetNotFoundException"):
            organizations.describe_effective_policy(PolicyType=TAGS, TargetId="999999999999")

    def test_accounts_whose_effective_policy_is_wrong_are_listed_with_the_reasons(self, estate):
        dev, ops = estate.account("dev"), estate.account("ops")
        plan = {
            "plans": {
                "daily": {"regions": {"@@assign": ["us-east-1"]}, "rules": {"r": {"a": {"@@assign": "b"}}}}
            }
        }
        id = self.attached(estate, text(plan), dev, BACKUP)
        organizations = estate.organizations
        found = organizations.list_accounts_with_invalid_effective_policy(PolicyType=BACKUP)
        assert [dev] == [each["Id"] for each in found["Accounts"]]
        wrong = organizations.list_effective_policy_validation_errors(AccountId=dev, PolicyType=BACKUP)
        (error,) = wrong["EffectivePolicyValidationErrors"]
        assert ("KEY_REQUIRED", "plans.daily.selections", [id]) == (
            error["ErrorCode"],
            error["PathToError"],
            error["ContributingPolicies"],
        )
        assert f"{estate.id}/{estate.root}/{dev}/" == wrong["Path"]
        with refused("EffectivePolicyNotFoundException"):
            organizations.list_effective_policy_validation_errors(AccountId=ops, PolicyType=BACKUP)
        with refused("EffectivePolicyNotFoundException"):
            organizations.list_accounts_with_invalid_effective_policy(PolicyType="CHATBOT_POLICY")
        with refused("AccountNotFoundException"):
            organizations.list_effective_policy_validation_errors(AccountId="999999999999", PolicyType=BACKUP)
        self.attached(
            estate, text({"services": {"lex": {"opt_out_policy": {"@@assign": "maybe"}}}}), ops, AI, "ai"
        )
        found = organizations.list_accounts_with_invalid_effective_policy(PolicyType=AI)
        assert [ops] == [each["Id"] for each in found["Accounts"]]

    def test_malformed_documents_are_refused(self, estate):
        with refused("MalformedPolicyDocumentException"):
            self.make(estate, '{"plans": {}}')
        with refused("ConstraintViolationException"):
            self.make(estate, text({"services": {"a" * 2500: {}}}), AI)

    def test_five_policies_of_some_types_fit_on_a_target(self, estate):
        for number in range(5):
            content = text({"services": {f"s{number}": {"opt_out_policy": {"@@assign": "optOut"}}}})
            self.attached(estate, content, estate.root, AI, f"p{number}")
        with refused("ConstraintViolationException"):
            self.attached(estate, text({"services": {"s": {}}}), estate.root, AI, "p5")
