"""Two accounts and two Regions request, accept, reject and delete at random, beside a small model of the states."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from peerings import OTHER, accept, delete, reject

from understudy_aws.testing import Understudy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIVE = ("pending-acceptance", "active")


class Model:
    """One connection: who its sides are, its state, and until when each side sees it."""

    def __init__(self, requester, accepter, now, failed):
        self.requester, self.accepter = requester, accepter
        self.expires = now + 7 * DAY
        self.state = "failed" if failed else "pending-acceptance"
        self.ends = {requester: now + 2 * HOUR} if failed else {}

    def at(self, now):
        if self.state == "pending-acceptance" and now >= self.expires:
            self.state = "expired"
            self.ends = dict.fromkeys((self.requester, self.accepter), self.expires + 2 * DAY)
        return self.state

    def end(self, state, now, account):
        self.state = state
        self.ends = {
            side: now + (2 * HOUR if side[0] == account else 2 * DAY)
            for side in (self.requester, self.accepter)
        }

    def visible(self, side, now):
        if side != self.requester and (side != self.accepter or self.state == "failed"):
            return False
        return self.at(now) in LIVE or now < self.ends[side]


@pytest.mark.parametrize("seed", range(6))
def test_random_sequences_agree_with_the_model(seed):
    draw = random.Random(seed)
    with Understudy(ids_seed=seed) as understudy:
        accounts = {understudy.account: None, OTHER: understudy.account_administrator(OTHER)}
        places = [(account, region) for account in accounts for region in ("us-east-1", "eu-west-1")]
        clients = {
            place: understudy.client("ec2", region=place[1], as_=accounts[place[0]]) for place in places
        }
        vpcs = {}
        for number, place in enumerate(places):
            for extra in (0, 1):
                # The last one overlaps with the first.
                block = f"10.{(2 * number + extra) % 7}.0.0/16"
                vpcs[clients[place].create_vpc(CidrBlock=block)["Vpc"]["VpcId"]] = (place, block)
        models: dict[str, Model] = {}
        pairs: dict[str, tuple[str, str]] = {}
        for _ in range(120):
            now = understudy.clock.now()
            place = draw.choice(places)
            client, account = clients[place], place[0]
            act = draw.choice(("request", "request", accept, accept, reject, delete, "clock", "clock"))
            if act == "clock":
                understudy.clock.advance(draw.choice((60, 3600, 3 * 3600, 86400, 3 * 86400)))
                understudy.settle()
            elif act == "request":
                own = draw.choice([vpc for vpc, (where, _) in vpcs.items() if where == place])
                peer = draw.choice(sorted(vpcs))
                (there, block) = vpcs[peer]
                made = client.create_vpc_peering_connection(
                    VpcId=own, PeerVpcId=peer, PeerOwnerId=there[0], PeerRegion=there[1]
                )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
                known = [
                    id for id, pair in pairs.items() if pair == (own, peer) and models[id].at(now) in LIVE
                ]
                if known:
                    assert known == [made]
                    continue
                assert made not in models
                models[made] = Model(place, there, now, failed=block == vpcs[own][1])
                pairs[made] = (own, peer)
            elif models:
                id = draw.choice(sorted(models))
                model = models[id]
                state, seen = model.at(now), model.visible(place, now)
                connected = any(
                    set(pairs[other]) == set(pairs[id]) and models[other].state == "active"
                    for other in models
                    if other != id
                )
                if not seen:
                    expected = "InvalidVpcPeeringConnectionID.NotFound"
                elif act in (accept, reject) and place != model.accepter:
                    expected = "OperationNotPermitted"
                elif state not in (LIVE if act is delete else LIVE[:1]):
                    expected = "InvalidStateTransition"
                elif act is delete and state == "pending-acceptance" and account != model.requester[0]:
                    expected = "OperationNotPermitted"
                elif act is accept and connected:
                    expected = "VpcPeeringConnectionAlreadyExists"
                else:
                    expected = "ok"
                try:
                    act(client, id)
                    told = "ok"
                except ClientError as error:
                    told = error.response["Error"]["Code"]
                assert expected == told, (act, state, place, model.requester, model.accepter)
                if told == "ok" and act is accept:
                    model.state = "active"
                elif told == "ok":
                    model.end("rejected" if act is reject else "deleted", now, account)
            now = understudy.clock.now()
            for each, its in clients.items():
                found = its.describe_vpc_peering_connections()["VpcPeeringConnections"]
                assert {id: model.at(now) for id, model in models.items() if model.visible(each, now)} == {
                    one["VpcPeeringConnectionId"]: one["Status"]["Code"] for one in found
                }
