"""Addresses of a subnet, taken and given back in any order, against a model that is a set of numbers (ec2.md 7.5, network-interfaces.md 9.1)."""

from __future__ import annotations

import ipaddress
import random
import sys

import pytest
from botocore.exceptions import ClientError

BLOCK = ipaddress.IPv4Network("10.0.5.64/26")
OWN = {int(BLOCK[place]) for place in (0, 1, 2, 3, -1)}
REFUSALS = {
    "InsufficientFreeAddressesInSubnet",
    "InsufficientCidrBlocks",
    "InvalidIPAddress.InUse",
    "InvalidParameterValue",
}


def numbers(text: str) -> set[int]:
    """The numbers of an address or of a block."""
    return {int(ip) for ip in ipaddress.IPv4Network(text)}


class Model:
    """What each interface holds: addresses and prefixes as texts, the primary address first."""

    def __init__(self, ec2, vpc, draw):
        self.ec2, self.draw = ec2, draw
        self.subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=str(BLOCK))["Subnet"]["SubnetId"]
        self.held: dict[str, list[str]] = {}

    @property
    def free(self) -> set[int]:
        taken = {number for each in self.held.values() for text in each for number in numbers(text)}
        return {int(ip) for ip in BLOCK} - OWN - taken

    @property
    def free_prefixes(self) -> list[str]:
        free = self.free
        return [str(each) for each in BLOCK.subnets(new_prefix=28) if numbers(str(each)) <= free]

    def expect(self, fits, call, **params):
        """Make a call, which must be answered when it fits and be refused when it does not."""
        answer, code = None, ""
        try:
            answer = call(**params)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert fits == (answer is not None), code
        assert fits == (code not in REFUSALS)
        return answer

    def took(self, id, texts):
        free = self.free
        for text in texts:
            assert numbers(text) <= free, "what is given out was free"
            free -= numbers(text)
        self.held.setdefault(id, []).extend(texts)

    def create(self):
        count = self.draw.randint(0, 4)
        answer = self.expect(
            len(self.free) > count,
            self.ec2.create_network_interface,
            SubnetId=self.subnet,
            SecondaryPrivateIpAddressCount=count,
        )
        if answer is not None:
            made = answer["NetworkInterface"]
            self.took(
                made["NetworkInterfaceId"],
                [each["PrivateIpAddress"] for each in made["PrivateIpAddresses"]],
            )

    def create_by_name(self):
        ip = str(BLOCK[self.draw.randrange(BLOCK.num_addresses)])
        answer = self.expect(
            numbers(ip) <= self.free,
            self.ec2.create_network_interface,
            SubnetId=self.subnet,
            PrivateIpAddress=ip,
        )
        if answer is not None:
            self.took(answer["NetworkInterface"]["NetworkInterfaceId"], [ip])

    def assign(self):
        id, count = self.draw.choice(list(self.held)), self.draw.randint(1, 5)
        answer = self.expect(
            len(self.free) >= count,
            self.ec2.assign_private_ip_addresses,
            NetworkInterfaceId=id,
            SecondaryPrivateIpAddressCount=count,
        )
        if answer is not None:
            self.took(id, [each["PrivateIpAddress"] for each in answer["AssignedPrivateIpAddresses"]])

    def assign_prefixes(self):
        id, count = self.draw.choice(list(self.held)), self.draw.randint(1, 2)
        answer = self.expect(
            len(self.free_prefixes) >= count,
            self.ec2.assign_private_ip_addresses,
            NetworkInterfaceId=id,
            Ipv4PrefixCount=count,
        )
        if answer is not None:
            prefixes = [each["Ipv4Prefix"] for each in answer["AssignedIpv4Prefixes"]]
            assert set(prefixes) <= set(self.free_prefixes)
            self.took(id, prefixes)

    def unassign(self):
        id = self.draw.choice(list(self.held))
        if len(self.held[id]) > 1:
            gone = self.draw.choice(self.held[id][1:])
            member = "Ipv4Prefixes" if "/" in gone else "PrivateIpAddresses"
            self.ec2.unassign_private_ip_addresses(NetworkInterfaceId=id, **{member: [gone]})
            self.held[id].remove(gone)

    def delete(self):
        id = self.draw.choice(list(self.held))
        self.ec2.delete_network_interface(NetworkInterfaceId=id)
        del self.held[id]

    def check(self):
        (subnet,) = self.ec2.describe_subnets(SubnetIds=[self.subnet])["Subnets"]
        assert len(self.free) == subnet["AvailableIpAddressCount"]
        shown = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "subnet-id", "Values": [self.subnet]}]
        )["NetworkInterfaces"]
        assert {id: sorted(texts) for id, texts in self.held.items()} == {
            each["NetworkInterfaceId"]: sorted(
                [ip["PrivateIpAddress"] for ip in each["PrivateIpAddresses"]]
                + [prefix["Ipv4Prefix"] for prefix in each.get("Ipv4Prefixes", ())]
            )
            for each in shown
        }
        assert len(self.held) == len({each["MacAddress"] for each in shown})


@pytest.mark.parametrize("seed", range(4))
def test_no_address_is_given_twice_and_none_is_lost(ec2, vpc, seed):
    draw = random.Random(seed)
    model = Model(ec2, vpc, draw)
    steps = [model.create, model.create, model.create_by_name, model.assign, model.assign_prefixes]
    for _ in range(50):
        step = draw.choice([*steps, model.unassign, model.delete] if model.held else [model.create])
        step()
        model.check()
    for id in list(model.held):
        ec2.delete_network_interface(NetworkInterfaceId=id)
        del model.held[id]
    model.check()
    ec2.delete_subnet(SubnetId=model.subnet)


def functions_called(make) -> int:
    """How many Python functions are called meanwhile: work, counted in a way that no other load changes."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        make()
    finally:
        sys.setprofile(None)
    return calls


def test_work_does_not_grow_with_the_number_of_interfaces(ec2, subnet, group):
    """Neither what an interface takes of a full subnet, nor how many addresses are told to be left."""

    def one_more():
        made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
        id = made["NetworkInterfaceId"]
        ec2.assign_private_ip_addresses(NetworkInterfaceId=id, SecondaryPrivateIpAddressCount=2)
        ec2.describe_subnets(SubnetIds=[subnet])
        ec2.delete_network_interface(NetworkInterfaceId=id)

    one_more()
    few = functions_called(one_more)
    for _ in range(248):
        ec2.create_network_interface(SubnetId=subnet, Groups=[group])
    assert functions_called(one_more) < few * 1.1
