"""The root, and the policy types enabled in it."""

from __future__ import annotations

import pytest
from estates import RCP, SCP, Estate, deny
from refusals import refused

FULL = {SCP: "p-FullAWSAccess", RCP: "p-RCPFullAWSAccess"}


@pytest.fixture
def estate(understudy):
    return Estate(understudy)


def attached(estate, target, type):
    found = estate.organizations.list_policies_for_target(TargetId=target, Filter=type)["Policies"]
    return [policy["Id"] for policy in found]


@pytest.mark.parametrize("type", [SCP, RCP])
class TestEnabling:
    def test_everything_in_the_tree_begins_with_the_policy_that_allows_everything(self, estate, type):
        unit, account = estate.unit("unit"), estate.account()
        root = estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)["Root"]
        assert [{"Type": type, "Status": "ENABLED"}] == root["PolicyTypes"]
        everything = (estate.root, unit, account, estate.understudy.account)
        assert {(FULL[type],)} == {tuple(attached(estate, each, type)) for each in everything}

    def test_what_comes_later_begins_with_it_too(self, estate, type):
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)
        assert [FULL[type]] == attached(estate, estate.unit("unit"), type)
        assert [FULL[type]] == attached(estate, estate.account(), type)

    def test_twice_is_refused(self, estate, type):
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)
        with refused("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled."):
            estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)

    def test_disabling_detaches_all_of_the_type_for_good(self, estate, type):
        """API reference, DisablePolicyType; the policies themselves stay."""
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)
        statement = deny("sts:*", Principal="*") if type == RCP else deny("sts:*")
        policy = estate.policy(statement, type=type)
        estate.attach(policy, estate.root)
        root = estate.organizations.disable_policy_type(RootId=estate.root, PolicyType=type)["Root"]
        assert [] == root["PolicyTypes"]
        assert [] == attached(estate, estate.root, type)
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)
        assert [FULL[type]] == attached(estate, estate.root, type)
        assert estate.organizations.describe_policy(PolicyId=policy)

    def test_disabling_what_is_not_enabled_is_refused(self, estate, type):
        with refused("PolicyTypeNotEnabledException"):
            estate.organizations.disable_policy_type(RootId=estate.root, PolicyType=type)


def test_the_types_do_not_mix(estate):
    for type in (SCP, RCP):
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType=type)
    estate.organizations.disable_policy_type(RootId=estate.root, PolicyType=RCP)
    assert ([FULL[SCP]], []) == (attached(estate, estate.root, SCP), attached(estate, estate.root, RCP))


def test_a_type_of_nobodys_is_an_invalid_value(estate):
    with refused("InvalidInputException", "You specified an invalid value.", status=400):
        estate.organizations.enable_policy_type(RootId=estate.root, PolicyType="NO_POLICY")


def test_another_root_is_not_found(estate):
    with refused("RootNotFoundException", "You specified a root that doesn't exist."):
        estate.organizations.enable_policy_type(RootId="r-none", PolicyType=SCP)
