"""Analyses of reachability paths: their life, and what may be asked of them (network-insights.md 14.2)."""

from __future__ import annotations

import re
from datetime import timedelta

from understudy_aws.testing import Understudy

MISSING = "nia-0123456789abcdef0"
TAGS = [{"ResourceType": "network-insights-analysis", "Tags": [{"Key": "team", "Value": "blue"}]}]
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonVPCReachabilityAnalyzerFullAccessPolicy"


def test_an_analysis_runs_and_then_says_what_it_found():
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        one, other = (
            ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
            for _ in range(2)
        )
        path = ec2.create_network_insights_path(Source=one, Destination=other, Protocol="tcp")
        id = path["NetworkInsightsPath"]["NetworkInsightsPathId"]
        started = ec2.start_network_insights_analysis(NetworkInsightsPathId=id, TagSpecifications=TAGS)[
            "NetworkInsightsAnalysis"
        ]
        analysis = started["NetworkInsightsAnalysisId"]
        assert re.fullmatch(r"nia-0[0-9a-f]{16}", analysis)
        assert started.pop("StartDate")
        assert {
            "NetworkInsightsAnalysisId": analysis,
            "NetworkInsightsAnalysisArn": (
                f"arn:aws:ec2:us-east-1:{understudy.account}:network-insights-analysis/{analysis}"
            ),
            "NetworkInsightsPathId": id,
            "Status": "running",
            "Tags": TAGS[0]["Tags"],
        } == started

        def by(name: str, value: str) -> list[str]:
            found = ec2.describe_network_insights_analyses(Filters=[{"Name": name, "Values": [value]}])
            return [each["Status"] for each in found["NetworkInsightsAnalyses"]]

        assert (["running"], [], []) == (
            by("status", "running"),
            by("path-found", "true"),
            by("status", "failed"),
        )
        understudy.clock.advance(60)
        (done,) = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[analysis])[
            "NetworkInsightsAnalyses"
        ]
        # Both are in the VPC's default group, which admits its members.
        assert ("succeeded", True) == (done["Status"], done["NetworkPathFound"])
        assert (["succeeded"], []) == (by("path-found", "true"), by("path-found", "false"))
        understudy.clock.advance(timedelta(days=120).total_seconds())
        understudy.settle()
        assert [] == ec2.describe_network_insights_analyses()["NetworkInsightsAnalyses"]


def test_a_path_is_deleted_after_its_analyses(site, ec2, refused):
    path = site.path(site.app, site.db)
    one, other = site.start(path), site.start(path)
    with refused("AnalysisExistsForNetworkInsightsPath"):
        ec2.delete_network_insights_path(NetworkInsightsPathId=path)
    for id in (one, other):
        deleted = ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=id)
        assert id == deleted["NetworkInsightsAnalysisId"]
    ec2.delete_network_insights_path(NetworkInsightsPathId=path)
    with refused("InvalidNetworkInsightsPathId.NotFound"):
        site.start(path)


def test_one_that_is_not_there(ec2, refused):
    text = f"The networkInsightsAnalysis ID '{MISSING}' does not exist"
    with refused("InvalidNetworkInsightsAnalysisId.NotFound", text):
        ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=MISSING)
    with refused("InvalidNetworkInsightsAnalysisId.NotFound", text):
        ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[MISSING])
    with refused("InvalidNetworkInsightsPathId.NotFound"):
        ec2.describe_network_insights_analyses(NetworkInsightsPathId="nip-0123456789abcdef0")


def test_by_path_by_time_by_tag_and_in_pages(site, ec2):
    first, second = site.path(site.app, site.db), site.path(site.db, site.app)
    a, b = site.start(first, TagSpecifications=TAGS), site.start(second)
    site.understudy.clock.advance(10)
    c = site.start(first)

    def found(**asked) -> list[str]:
        pages = ec2.get_paginator("describe_network_insights_analyses").paginate(**asked)
        return [
            each["NetworkInsightsAnalysisId"] for page in pages for each in page["NetworkInsightsAnalyses"]
        ]

    assert sorted([a, c]) == found(NetworkInsightsPathId=first)
    assert sorted([a, b, c]) == found(PaginationConfig={"PageSize": 1})
    assert sorted([a, c]) == found(NetworkInsightsPathId=first, PaginationConfig={"PageSize": 1})
    assert [a] == found(Filters=[{"Name": "tag:team", "Values": ["blue"]}])
    begun = site.described(c)["StartDate"]
    assert [c] == found(AnalysisStartTime=begun)
    assert sorted([a, b]) == found(AnalysisEndTime=begun - timedelta(seconds=1))


def test_the_same_client_token_starts_one_analysis(site):
    path = site.path(site.app, site.db)
    assert site.start(path, ClientToken="once") == site.start(path, ClientToken="once")


def test_filters_are_arns_and_no_arn_is_in_both(site, refused):
    path = site.path(site.app, site.db)
    arn = f"arn:aws:ec2:us-east-1:{site.understudy.account}:natgateway/nat-0123456789abcdef0"
    with refused("InvalidParameterValue"):
        site.start(path, FilterInArns=["nat-0123456789abcdef0"])
    with refused("InvalidParameterValue"):
        site.start(path, FilterInArns=[arn], FilterOutArns=[arn])
    with refused("UnsupportedOperation"):
        site.start(path, AdditionalAccounts=["222222222222"])


def test_no_more_than_100_run_at_once(refused):
    with Understudy(clock="aws") as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        path = ec2.create_network_insights_path(
            Source=interface, Protocol="tcp", FilterAtSource={"DestinationAddress": "192.0.2.9"}
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        for _ in range(100):
            ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
        with refused("NetworkInsightsAnalysis.LimitExceeded"):
            ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
        understudy.clock.advance(60)
        ec2.start_network_insights_analysis(NetworkInsightsPathId=path)


class TestPermissions:
    """An analysis looks around with its caller's permissions (network-insights.md 14.2)."""

    @staticmethod
    def _user(understudy, *actions: str):
        document = {
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
            "Version": "2012-10-17",
        }
        return understudy.client("ec2", as_=understudy.user("analyst", policy=document))

    def test_without_the_first_query_the_call_is_refused(self, site, refused):
        path = site.path(site.app, site.db)
        user = self._user(site.understudy, "ec2:*")
        with refused("UnauthorizedOperation"):
            user.start_network_insights_analysis(NetworkInsightsPathId=path)

    def test_without_what_it_looks_at_the_analysis_fails(self, site):
        path = site.path(site.app, site.db)
        user = self._user(site.understudy, "ec2:*", "tiros:*")
        started = user.start_network_insights_analysis(NetworkInsightsPathId=path)["NetworkInsightsAnalysis"]
        done = site.described(started["NetworkInsightsAnalysisId"])
        assert ("failed", "The request failed due to insufficient permissions") == (
            done["Status"],
            done["StatusMessage"],
        )
        assert "NetworkPathFound" not in done

    def test_the_policy_that_aws_has_for_it_is_enough(self, site):
        path = site.path(site.app, site.db)
        analyst = site.understudy.user("analyst")
        site.understudy.client("iam").attach_user_policy(UserName="analyst", PolicyArn=FULL_ACCESS)
        user = site.understudy.client("ec2", as_=analyst)
        started = user.start_network_insights_analysis(NetworkInsightsPathId=path)["NetworkInsightsAnalysis"]
        assert "succeeded" == site.described(started["NetworkInsightsAnalysisId"])["Status"]

    def test_what_is_asked_first(self, site):
        path = site.path(site.app, site.db)
        site.start(path, TagSpecifications=TAGS)
        prefix = f"arn:aws:ec2:us-east-1:{site.understudy.account}:"
        asked = [
            (each.action, each.resource.removeprefix(prefix))
            for each in site.understudy.trail()[-1].evaluations
        ]
        assert [
            ("ec2:StartNetworkInsightsAnalysis", "network-insights-analysis/*"),
            ("ec2:CreateTags", "network-insights-analysis/*"),
            ("ec2:StartNetworkInsightsAnalysis", f"network-insights-path/{path}"),
            ("tiros:CreateQuery", "*"),
        ] == asked[:4]
        assert {"ec2:DescribeRouteTables", "elasticloadbalancing:DescribeRules"} <= {
            action for action, _ in asked
        }
