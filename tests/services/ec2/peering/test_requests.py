"""Requesting, accepting, rejecting and deleting VPC peering connections (vpc-peering.md 12.1)."""

from __future__ import annotations

import re

import pytest
from peerings import OTHER, accept, delete, listed, reject, request, shown, status

from understudy_aws.admin.requests import ListUses
from understudy_aws.testing import Understudy

HOUR, DAY = 3600, 86400
TAGS = [{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "Side", "Value": "requester"}]}]


class TestWithinAnAccount:
    def test_a_request_waits_and_is_accepted(self, understudy, ec2, vpc, peer):
        account = understudy.account
        made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, TagSpecifications=TAGS)[
            "VpcPeeringConnection"
        ]
        id = made["VpcPeeringConnectionId"]
        assert re.fullmatch(r"pcx-0[0-9a-f]{16}", id)
        assert {"Code": "initiating-request", "Message": f"Initiating Request to {account}"} == made["Status"]
        assert TAGS[0]["Tags"] == made["Tags"]
        assert {
            "OwnerId": account,
            "VpcId": vpc,
            "Region": "us-east-1",
            "CidrBlock": "10.0.0.0/16",
            "CidrBlockSet": [{"CidrBlock": "10.0.0.0/16"}],
        } == made["RequesterVpcInfo"]
        assert {"OwnerId": account, "VpcId": peer, "Region": "us-east-1"} == made["AccepterVpcInfo"]
        ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[id])
        assert ("pending-acceptance", f"Pending Acceptance by {account}") == status(ec2, id)
        week = shown(ec2, id)["ExpirationTime"] - understudy.clock.now()
        assert 6.9 * DAY < week.total_seconds() <= 7 * DAY
        answer = accept(ec2, id)
        assert {"Code": "provisioning", "Message": "Provisioning"} == answer["Status"]
        assert "10.1.0.0/16" == answer["AccepterVpcInfo"]["CidrBlock"]
        found = shown(ec2, id)
        assert {"Code": "active", "Message": "Active"} == found["Status"]
        assert "ExpirationTime" not in found
        for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
            assert not any(found[side]["PeeringOptions"].values())

    def test_a_deleted_one_is_described_for_two_hours(self, understudy, ec2, active):
        assert delete(ec2, active)
        ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[active])
        assert ("deleted", f"Deleted by {understudy.account}") == status(ec2, active)
        understudy.clock.advance(2 * HOUR - 60)
        understudy.settle()
        assert [active] == listed(ec2)
        understudy.clock.advance(120)
        understudy.settle()
        assert [] == listed(ec2)
        ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[active])

    def test_blocks_of_both_vpcs_are_told(self, ec2):
        made = [
            ec2.create_vpc(CidrBlock=block, AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
            for block in ("10.5.0.0/16", "10.6.0.0/16")
        ]
        id = request(ec2, *made)
        accept(ec2, id)
        described = {each["VpcId"]: each for each in ec2.describe_vpcs(VpcIds=made)["Vpcs"]}
        for side, vpc in zip(("RequesterVpcInfo", "AccepterVpcInfo"), made, strict=True):
            (own,) = described[vpc]["Ipv6CidrBlockAssociationSet"]
            assert [{"Ipv6CidrBlock": own["Ipv6CidrBlock"]}] == shown(ec2, id)[side]["Ipv6CidrBlockSet"]


class TestBetweenAccounts:
    def test_both_see_it_under_one_id_with_their_own_tags(self, ec2, other, vpc, others_vpc):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER, TagSpecifications=TAGS)
        assert (
            ("pending-acceptance", f"Pending Acceptance by {OTHER}") == status(ec2, id) == status(other, id)
        )
        assert [] == shown(other, id)["Tags"]
        mine = [{"Key": "Side", "Value": "accepter"}]
        other.create_tags(Resources=[id], Tags=mine)
        accept(other, id)
        assert (TAGS[0]["Tags"], mine) == (shown(ec2, id)["Tags"], shown(other, id)["Tags"])
        for client in (ec2, other):
            found = shown(client, id)
            assert "active" == found["Status"]["Code"]
            assert ("10.0.0.0/16", "10.2.0.0/16") == (
                found["RequesterVpcInfo"]["CidrBlock"],
                found["AccepterVpcInfo"]["CidrBlock"],
            )

    def test_only_the_accepter_accepts_and_rejects(self, understudy, ec2, vpc, others_vpc, refused):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        account = understudy.account
        with refused("OperationNotPermitted", f"User {account} cannot accept peering {id}"):
            accept(ec2, id)
        with refused("OperationNotPermitted", f"User {account} cannot reject peering {id}"):
            reject(ec2, id)

    def test_only_the_requester_deletes_what_waits_and_either_what_is_active(
        self, ec2, other, vpc, others_vpc, refused
    ):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        with refused("OperationNotPermitted"):
            delete(other, id)
        accept(other, id)
        delete(other, id)
        assert ("deleted", f"Deleted by {OTHER}") == status(ec2, id)

    @pytest.mark.parametrize("end", ["reject", "delete"])
    def test_who_ended_it_sees_it_for_two_hours_and_the_other_for_two_days(
        self, understudy, ec2, other, vpc, others_vpc, end
    ):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        ender, left = (other, ec2) if end == "reject" else (ec2, other)
        (reject if end == "reject" else delete)(ender, id)
        code = {"reject": "rejected", "delete": "deleted"}[end]
        assert code == status(ec2, id)[0] == status(other, id)[0]
        understudy.clock.advance(2 * HOUR + 60)
        understudy.settle()
        assert ([], [id]) == (listed(ender), listed(left))
        understudy.clock.advance(2 * DAY)
        understudy.settle()
        assert [] == listed(left)

    def test_a_third_account_sees_nothing(self, understudy, ec2, vpc, others_vpc, refused):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        third = understudy.client("ec2", as_=understudy.account_administrator("333333333333"))
        assert [] == listed(third)
        with refused(
            "InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{id}' does not exist"
        ):
            accept(third, id)


class TestBetweenRegions:
    @pytest.fixture
    def there(self, understudy):
        return understudy.client("ec2", region="eu-west-1")

    @pytest.fixture
    def vpc_there(self, there):
        return there.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]

    def test_it_is_answered_in_the_region_of_the_accepter(self, ec2, there, vpc, vpc_there, refused):
        id = request(ec2, vpc, vpc_there, PeerRegion="eu-west-1", TagSpecifications=TAGS)
        text = (
            f"Incorrect region (us-east-1) specified for this request. VPC peering connection {id} must be "
        )
        with refused("OperationNotPermitted", text + "accepted in region eu-west-1"):
            accept(ec2, id)
        with refused("OperationNotPermitted", text + "accepted or rejected in region eu-west-1"):
            reject(ec2, id)
        assert [] == shown(there, id)["Tags"]
        accept(there, id)
        for client in (ec2, there):
            assert "active" == status(client, id)[0]
        delete(ec2, id)
        assert "deleted" == status(there, id)[0]

    def test_a_vpc_of_this_region_is_not_found_in_another(self, ec2, vpc, peer):
        assert "failed" == status(ec2, request(ec2, vpc, peer, PeerRegion="eu-west-1"))[0]

    def test_a_region_must_exist(self, ec2, vpc, peer, refused):
        with refused("InvalidParameterValue"):
            request(ec2, vpc, peer, PeerRegion="mars-north-1")


class TestFailure:
    """EC2 API reference, CreateVpcPeeringConnection: the request is answered, and the connection fails."""

    @pytest.mark.parametrize(
        "case", ["no such vpc", "no such account", "vpc of another account", "overlap", "the same vpc"]
    )
    def test_what_fails(self, understudy, ec2, vpc, peer, others_vpc, case):
        named = {
            "no such vpc": {"PeerVpcId": "vpc-0123456789abcdef0"},
            "no such account": {"PeerVpcId": peer, "PeerOwnerId": "999999999999"},
            "vpc of another account": {"PeerVpcId": others_vpc},
            "overlap": {"PeerVpcId": ec2.create_vpc(CidrBlock="10.0.128.0/20")["Vpc"]["VpcId"]},
            "the same vpc": {"PeerVpcId": vpc},
        }[case]
        made = ec2.create_vpc_peering_connection(VpcId=vpc, **named)["VpcPeeringConnection"]
        id = made["VpcPeeringConnectionId"]
        assert "initiating-request" == made["Status"]["Code"]
        text = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"
        assert ("failed", text) == status(ec2, id)
        understudy.clock.advance(2 * HOUR + 60)
        understudy.settle()
        assert [] == listed(ec2)

    def test_the_other_account_does_not_see_it(self, ec2, other, vpc):
        overlapping = other.create_vpc(CidrBlock="10.0.0.0/20")["Vpc"]["VpcId"]
        id = request(ec2, vpc, overlapping, PeerOwnerId=OTHER)
        assert ([id], []) == (listed(ec2), listed(other))

    def test_nothing_can_be_done_with_it(self, ec2, vpc, refused):
        id = request(ec2, vpc, "vpc-0123456789abcdef0")
        text = f"Invalid state transition for {id}, attempted to transition from failed to "
        for act, wanted in ((accept, "provisioning"), (reject, "rejected"), (delete, "deleting")):
            with refused("InvalidStateTransition", text + wanted):
                act(ec2, id)


def test_a_request_that_nobody_answers_expires(understudy, ec2, vpc, peer, refused):
    id = request(ec2, vpc, peer)
    understudy.clock.advance(7 * DAY + 60)
    understudy.settle()
    assert "expired" == status(ec2, id)[0]
    with refused("InvalidStateTransition"):
        accept(ec2, id)
    assert id != request(ec2, vpc, peer)
    understudy.clock.advance(2 * DAY)
    understudy.settle()
    assert id not in listed(ec2)


def test_what_is_over_stays_over(ec2, vpc, peer, active, refused):
    delete(ec2, active)
    for act in (accept, reject, delete):
        with refused("InvalidStateTransition"):
            act(ec2, active)
    second = request(ec2, vpc, peer)
    reject(ec2, second)
    for act in (accept, reject, delete):
        with refused("InvalidStateTransition"):
            act(ec2, second)
    with refused("InvalidVpcPeeringConnectionID.NotFound"):
        accept(ec2, "pcx-0123456789abcdef0")
    with refused("InvalidVpcPeeringConnectionId.Malformed"):
        accept(ec2, "odd-1")


def test_the_same_request_again_answers_the_connection_that_is_there(ec2, vpc, peer):
    """hashicorp/terraform-provider-aws#27750."""
    first = request(ec2, vpc, peer)
    assert first == request(ec2, vpc, peer)
    accept(ec2, first)
    again = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]
    assert (first, "active") == (again["VpcPeeringConnectionId"], again["Status"]["Code"])
    delete(ec2, first)
    assert first != request(ec2, vpc, peer)


def test_a_request_with_the_wrong_account_fails_beside_the_right_one(ec2, vpc, peer, active):
    wrong = request(ec2, vpc, peer, PeerOwnerId="999999999999")
    assert ("active", "failed") == (status(ec2, active)[0], status(ec2, wrong)[0])


def test_a_request_the_other_way_round_cannot_be_accepted(ec2, vpc, peer, active, refused):
    """hashicorp/terraform-provider-aws#44315: the text names the connection that is to be accepted."""
    second = request(ec2, peer, vpc)
    assert second != active
    text = f"The vpc peering connection identified by {second} already exists."
    with refused("VpcPeeringConnectionAlreadyExists", text):
        accept(ec2, second)
    delete(ec2, active)
    accept(ec2, second)
    assert "active" == status(ec2, second)[0]


def test_what_a_request_needs(ec2, vpc, refused):
    with refused("MissingParameter", "The request must contain the parameter peerVpcId"):
        ec2.create_vpc_peering_connection(VpcId=vpc)
    with refused("InvalidVpcID.NotFound"):
        request(ec2, "vpc-0123456789abcdef0", vpc)
    with refused("DryRunOperation"):
        request(ec2, vpc, vpc, DryRun=True)
    assert [] == listed(ec2)


def test_25_requests_may_wait(ec2, vpc, refused):
    peers = [ec2.create_vpc(CidrBlock=f"10.{100 + n}.0.0/16")["Vpc"]["VpcId"] for n in range(26)]
    made = [request(ec2, vpc, peer) for peer in peers[:25]]
    with refused("OutstandingVpcPeeringConnectionLimitExceeded"):
        request(ec2, vpc, peers[25])
    accept(ec2, made[0])
    request(ec2, vpc, peers[25])


def test_a_vpc_has_so_many_active_connections(ec2, vpc, peer, refused, monkeypatch):
    monkeypatch.setattr("understudy_aws.services.ec2.peering.requests.ACTIVE_PER_VPC", 1)
    third = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    accept(ec2, request(ec2, vpc, peer))
    id = request(ec2, third, vpc)
    with refused("ActiveVpcPeeringConnectionPerVpcLimitExceeded"):
        accept(ec2, id)
    assert "pending-acceptance" == status(ec2, id)[0]


class TestDeletingAVpc:
    """VPC peering guide, "Delete a VPC peering connection"."""

    def test_an_active_connection_keeps_both(self, ec2, vpc, peer, active, refused):
        for id in (vpc, peer):
            text = f"The vpc '{id}' has dependencies and cannot be deleted."
            with refused("DependencyViolation", text):
                ec2.delete_vpc(VpcId=id)
        delete(ec2, active)
        ec2.delete_vpc(VpcId=vpc)
        ec2.delete_vpc(VpcId=peer)

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_request_of_ones_own_goes_with_it(self, understudy, ec2, vpc, peer, side):
        id = request(ec2, vpc, peer)
        ec2.delete_vpc(VpcId=(vpc, peer)[side])
        assert ("deleted", f"Deleted by {understudy.account}") == status(ec2, id)

    def test_a_request_of_another_account_keeps_it(self, ec2, other, vpc, others_vpc, refused):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        with refused("DependencyViolation"):
            other.delete_vpc(VpcId=others_vpc)
        reject(other, id)
        other.delete_vpc(VpcId=others_vpc)

    def test_the_requesters_vpc_takes_its_request_along(self, ec2, other, vpc, others_vpc):
        id = request(ec2, vpc, others_vpc, PeerOwnerId=OTHER)
        ec2.delete_vpc(VpcId=vpc)
        assert "deleted" == status(other, id)[0]

    def test_who_looks_for_what_keeps_a_vpc_is_told(
        self, understudy, ec2, other, vpc, peer, others_vpc, active
    ):
        """Own requests go with the VPC, an active connection is deleted, and another account's request rejected."""

        def keeping(id):
            told = understudy.answer_administrative(ListUses(id))
            steps = [(each["operation"], each["resources"]) for each in told["steps"]]
            return [step for step in steps if "Peering" in step[0]]

        assert [("ec2:DeleteVpcPeeringConnection", [active])] == keeping(vpc) == keeping(peer)
        delete(ec2, active)
        own = request(ec2, peer, vpc)
        assert [] == keeping(vpc)
        theirs = request(other, others_vpc, vpc, PeerOwnerId=understudy.account)
        assert [("ec2:RejectVpcPeeringConnection", [theirs])] == keeping(vpc)
        assert [] == keeping(others_vpc)
        reject(ec2, theirs)
        assert [] == keeping(vpc)
        ec2.delete_vpc(VpcId=vpc)
        assert "deleted" == status(ec2, own)[0]

    def test_what_failed_keeps_nothing(self, ec2, vpc):
        request(ec2, vpc, "vpc-0123456789abcdef0")
        ec2.delete_vpc(VpcId=vpc)


def test_with_the_clock_of_aws_each_step_takes_its_time(tmp_path):
    """The states that Terraform waits for, also after a restart in between; only between Regions it is `deleting`."""
    with Understudy(clock="aws", state=str(tmp_path)) as understudy:
        ec2, there = understudy.client("ec2"), understudy.client("ec2", region="eu-west-1")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        peer = there.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        id = request(ec2, vpc, peer, PeerRegion="eu-west-1")
        doomed = request(ec2, vpc, "vpc-0123456789abcdef0")
        states = [status(ec2, id)[0]]
        assert "initiating-request" == status(ec2, doomed)[0]
        understudy.clock.advance(20)
        states.append(status(ec2, id)[0])
        assert "failed" == status(ec2, doomed)[0]
        accept(there, id)
        states.append(status(there, id)[0])
        understudy.clock.advance(20)
        states.append(status(ec2, id)[0])
        delete(ec2, id)
        states.append(status(ec2, id)[0])
        understudy.clock.advance(20)
        states.append(status(ec2, id)[0])
        expected = [
            "initiating-request",
            "pending-acceptance",
            "provisioning",
            "active",
            "deleting",
            "deleted",
        ]
        assert expected == states


def test_filters(understudy, ec2, vpc, peer, active):
    third = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    waiting = request(ec2, third, peer, TagSpecifications=TAGS)

    def found(name, value):
        answer = ec2.describe_vpc_peering_connections(Filters=[{"Name": name, "Values": [value]}])
        return {each["VpcPeeringConnectionId"] for each in answer["VpcPeeringConnections"]}

    expiry = f"{shown(ec2, waiting)['ExpirationTime']:%Y-%m-%dT%H:%M:%S}.000Z"
    for name, value, expected in (
        ("accepter-vpc-info.cidr-block", "10.1.0.0/16", {active}),
        ("accepter-vpc-info.owner-id", understudy.account, {active, waiting}),
        ("accepter-vpc-info.vpc-id", peer, {active, waiting}),
        ("expiration-time", expiry, {waiting}),
        ("requester-vpc-info.cidr-block", "10.9.*", {waiting}),
        ("requester-vpc-info.owner-id", understudy.account, {active, waiting}),
        ("requester-vpc-info.vpc-id", vpc, {active}),
        ("status-code", "active", {active}),
        ("status-message", "Pending*", {waiting}),
        ("tag:Side", "requester", {waiting}),
        ("tag-key", "Side", {waiting}),
        ("vpc-peering-connection-id", active, {active}),
    ):
        assert expected == found(name, value), name


def test_pages(ec2, vpc):
    made = []
    for n in range(7):
        peer = ec2.create_vpc(CidrBlock=f"10.{100 + n}.0.0/16")["Vpc"]["VpcId"]
        made.append(request(ec2, vpc, peer))
    first = ec2.describe_vpc_peering_connections(MaxResults=5)
    second = ec2.describe_vpc_peering_connections(MaxResults=5, NextToken=first["NextToken"])
    both = first["VpcPeeringConnections"] + second["VpcPeeringConnections"]
    assert sorted(made) == [each["VpcPeeringConnectionId"] for each in both]
    assert "NextToken" not in second
