"""Blocks of a VPC and its subnets under any sequence of requests, against a model made of the standard library's blocks.

What can be added is told ahead by the model, block for block; nothing ever overlaps; the free addresses are counted as
in the model; and whatever was accepted can be removed again (vpcs.md 8.1 to 8.4).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy_aws.testing import Understudy

VPC_BLOCKS = [
    ip_network(text)
    for text in (
        "10.16.0.0/16", "10.32.0.0/17", "10.32.128.0/20", "10.32.0.0/16", "10.48.0.0/28", "100.64.0.0/24", "10.64.0.0/15",
    )
]  # fmt: skip
ACTS = (
    "add block", "add block", "remove block", "add ipv6", "make subnet", "make subnet", "make subnet", "make dual",
    "delete subnet", "give ipv6", "take ipv6", "reserve", "reserve", "release", "interface", "interface",
    "delete interface",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 2**16), st.integers(16, 28)), min_size=5, max_size=40
)


class Model:
    """A VPC as it should be, told by what was asked for and accepted."""

    def __init__(self, ec2):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.2.0.0/20", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        self.primary = ip_network("10.2.0.0/20")
        self.blocks = {}
        # Each subnet has its IPv4 block, its association and block of IPv6 or None, and the addresses its interfaces hold.
        self.subnets = {}
        self.reservations = {}
        self.interfaces = {}
        self.ipv6 = self.described_ipv6()

    def described_ipv6(self):
        shown = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
        return {
            each["AssociationId"]: ip_network(each["Ipv6CidrBlock"])
            for each in shown
            if each["Ipv6CidrBlockState"]["State"] == "associated"
        }

    def own(self):
        return [self.primary, *self.blocks.values()]

    def taken(self, version):
        held = (
            each["block"] if version == 4 else each["ipv6"] and each["ipv6"][1]
            for each in self.subnets.values()
        )
        return [block for block in held if block]

    def part(self, draw, length):
        """A block of this length in one of the VPC's blocks, or beside them all."""
        own = [*self.own(), ip_network("10.200.0.0/16")]
        block = own[draw % len(own)]
        length = max(length, block.prefixlen)
        return ip_network((int(block[0]) + (draw * 2654435761 % block.num_addresses), length), strict=False)

    def ipv6_part(self, draw):
        own = [*self.ipv6.values(), ip_network("2001:db9::/56")]
        block = own[draw % len(own)]
        length = (56, 60, 64, 64)[draw % 4]
        return ip_network((int(block[0]) + (draw % 64 << 64), length), strict=False)

    def some(self, things, draw):
        return sorted(things)[draw % len(things)] if things else None

    def expect(self, allowed, call, **params):
        """Ask for something; the model says whether it is allowed."""
        try:
            answer, refusal = call(**params), None
        except ClientError as error:
            answer, refusal = None, error.response["Error"]
        assert allowed is (refusal is None), (params, refusal)
        return answer

    def add_block(self, draw, _length):
        block = VPC_BLOCKS[draw % len(VPC_BLOCKS)]
        allowed = (
            16 <= block.prefixlen
            and not any(block.overlaps(each) for each in self.own())
            and len(self.blocks) < 4
        )
        made = self.expect(allowed, self.ec2.associate_vpc_cidr_block, VpcId=self.vpc, CidrBlock=str(block))
        if made:
            self.blocks[made["CidrBlockAssociation"]["AssociationId"]] = block

    def remove_block(self, draw, _length):
        held = {**self.blocks, **self.ipv6}
        id = self.some(held, draw)
        if id:
            used = any(each.subnet_of(held[id]) for each in self.taken(held[id].version))
            if self.expect(not used, self.ec2.disassociate_vpc_cidr_block, AssociationId=id):
                self.blocks.pop(id, None)
                self.ipv6.pop(id, None)

    def add_ipv6(self, _draw, _length):
        self.expect(
            len(self.ipv6) < 5, self.ec2.associate_vpc_cidr_block,
            VpcId=self.vpc, AmazonProvidedIpv6CidrBlock=True,
        )  # fmt: skip
        self.ipv6 = self.described_ipv6()

    def can_be(self, block):
        own = self.own() if block.version == 4 else self.ipv6.values()
        return any(block.subnet_of(each) for each in own) and not any(
            block.overlaps(each) for each in self.taken(block.version)
        )

    def make_subnet(self, draw, length, ipv6=None):
        block = self.part(draw, length)
        allowed = self.can_be(block) and (ipv6 is None or self.can_be(ipv6))
        beside = {"Ipv6CidrBlock": str(ipv6)} if ipv6 else {}
        made = self.expect(allowed, self.ec2.create_subnet, VpcId=self.vpc, CidrBlock=str(block), **beside)
        if made:
            associations = made["Subnet"]["Ipv6CidrBlockAssociationSet"]
            self.subnets[made["Subnet"]["SubnetId"]] = {
                "block": block,
                "ipv6": (associations[0]["AssociationId"], ipv6) if ipv6 else None,
            }

    def make_dual(self, draw, length):
        self.make_subnet(draw, length, self.ipv6_part(draw))

    def delete_subnet(self, draw, _length):
        id = self.some(self.subnets, draw)
        if id:
            used = any(subnet == id for subnet, _, _ in self.interfaces.values())
            if self.expect(not used, self.ec2.delete_subnet, SubnetId=id):
                del self.subnets[id]
                self.reservations = {key: each for key, each in self.reservations.items() if each[0] != id}

    def give_ipv6(self, draw, _length):
        id = self.some(self.subnets, draw)
        if id:
            block = self.ipv6_part(draw)
            allowed = self.can_be(block) and self.subnets[id]["ipv6"] is None
            made = self.expect(
                allowed, self.ec2.associate_subnet_cidr_block, SubnetId=id, Ipv6CidrBlock=str(block)
            )
            if made:
                self.subnets[id]["ipv6"] = (made["Ipv6CidrBlockAssociation"]["AssociationId"], block)

    def take_ipv6(self, draw, _length):
        held = {each["ipv6"][0]: id for id, each in self.subnets.items() if each["ipv6"]}
        id = self.some(held, draw)
        if id:
            used = any(dual and subnet == held[id] for subnet, _, dual in self.interfaces.values())
            if self.expect(not used, self.ec2.disassociate_subnet_cidr_block, AssociationId=id):
                self.subnets[held[id]]["ipv6"] = None

    def reserve(self, draw, length):
        id = self.some(self.subnets, draw)
        if id:
            own = self.subnets[id]["block"]
            block = ip_network(
                (int(own[0]) + draw % own.num_addresses, max(length, own.prefixlen) + draw % 3), strict=False
            )
            others = [each[1] for each in self.reservations.values() if each[0] == id]
            type = ("prefix", "explicit")[draw % 2]
            made = self.expect(
                not any(block.overlaps(each) for each in others),
                self.ec2.create_subnet_cidr_reservation,
                SubnetId=id, Cidr=str(block), ReservationType=type,
            )  # fmt: skip
            if made:
                key = made["SubnetCidrReservation"]["SubnetCidrReservationId"]
                self.reservations[key] = (id, block, type)

    def release(self, draw, _length):
        id = self.some(self.reservations, draw)
        if id:
            self.ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)
            del self.reservations[id]

    def numbers(self, id, *types):
        """The addresses of a subnet that are reserved by reservations of these types."""
        blocks = [
            block for subnet, block, type in self.reservations.values() if subnet == id and type in types
        ]
        return {int(ip) for block in blocks for ip in block}

    def open_numbers(self, id):
        """The addresses of a subnet that are neither AWS's own nor held."""
        block = self.subnets[id]["block"]
        own = {*range(int(block[0]), int(block[0]) + 4), int(block[-1])}
        held = {int(ip) for subnet, ip, _ in self.interfaces.values() if subnet == id}
        return {int(ip) for ip in block} - own - held

    def interface(self, draw, _length):
        small = {id for id, each in self.subnets.items() if each["block"].prefixlen >= 22}
        id = self.some(small, draw)
        if id:
            choice = self.open_numbers(id) - self.numbers(id, "prefix", "explicit")
            dual = self.subnets[id]["ipv6"] is not None and draw % 3 == 0
            beside = {"Ipv6AddressCount": 1} if dual else {}
            made = self.expect(bool(choice), self.ec2.create_network_interface, SubnetId=id, **beside)
            if made:
                ip = ip_address(made["NetworkInterface"]["PrivateIpAddress"])
                assert int(ip) in choice
                for each in made["NetworkInterface"]["Ipv6Addresses"]:
                    assert ip_address(each["Ipv6Address"]) in self.subnets[id]["ipv6"][1]
                self.interfaces[made["NetworkInterface"]["NetworkInterfaceId"]] = (id, ip, dual)

    def delete_interface(self, draw, _length):
        id = self.some(self.interfaces, draw)
        if id:
            self.ec2.delete_network_interface(NetworkInterfaceId=id)
            del self.interfaces[id]

    def check(self):
        """What is described is what the model holds."""
        shown = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]
        held = [
            each["CidrBlock"]
            for each in shown["CidrBlockAssociationSet"]
            if each["CidrBlockState"]["State"] == "associated"
        ]
        assert [str(block) for block in self.own()] == held
        assert self.ipv6 == self.described_ipv6()
        tables = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])[
            "RouteTables"
        ]
        for table in tables:
            local = {
                route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]
                for route in table["Routes"]
            }
            assert {str(block) for block in (*self.own(), *self.ipv6.values())} == local
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["Subnets"]
        assert {id: str(each["block"]) for id, each in self.subnets.items()} == {
            each["SubnetId"]: each["CidrBlock"] for each in subnets
        }
        for each in subnets:
            id = each["SubnetId"]
            if self.subnets[id]["block"].prefixlen >= 22:
                free = self.open_numbers(id) - self.numbers(id, "prefix")
                assert len(free) == each["AvailableIpAddressCount"]
            else:
                assert each["AvailableIpAddressCount"] <= self.subnets[id]["block"].num_addresses - 5

    def tear_down(self):
        """Whatever was accepted can be removed, in the order of what needs what."""
        for id in self.interfaces:
            self.ec2.delete_network_interface(NetworkInterfaceId=id)
        for id in self.subnets:
            self.ec2.delete_subnet(SubnetId=id)
        for id in (*self.blocks, *self.ipv6):
            self.ec2.disassociate_vpc_cidr_block(AssociationId=id)
        self.ec2.delete_vpc(VpcId=self.vpc)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_sequence_is_as_the_model_says(steps):
    with Understudy() as understudy:
        model = Model(understudy.client("ec2"))
        for act, draw, length in steps:
            getattr(model, act.replace(" ", "_"))(draw, length)
        model.check()
        model.tear_down()
