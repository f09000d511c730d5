"""The regions of AWS that are enabled without asking, their zones, and where App Runner exists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class AvailabilityZone(msgspec.Struct, frozen=True):
    """One zone: the name an account knows it by, and the id that means the same place to every account."""

    name: str
    id: str
    region: str
    group_name: str
    group_long_name: str


class Region(msgspec.Struct, frozen=True):
    """One region and its zones, in the order of their names."""

    name: str
    long_name: str
    geography: str
    zones: tuple[AvailabilityZone, ...]

    @property
    def endpoint(self) -> str:
        """EC2's host in the region, as DescribeRegions tells it."""
        return f"ec2.{self.name}.amazonaws.com"

    @property
    def opt_in_status(self) -> str:
        """Whether an account has to enable the region. Regions without zones here are those that it has not enabled."""
        return "opt-in-not-required" if self.zones else "not-opted-in"

    @property
    def private_dns_suffix(self) -> str:
        """The domain of private host names (ec2.md 7.5); the oldest region has one of its own."""
        return "ec2.internal" if self.name == "us-east-1" else f"{self.name}.compute.internal"

    def zone(self, name_or_id: str) -> AvailabilityZone | None:
        """The zone of this name or id, or None if the region has none such."""
        for zone in self.zones:
            if name_or_id in (zone.name, zone.id):
                return zone
        return None


def find(name: str) -> Region | None:
    """The region of this name, or None if it is unknown or not enabled by default."""
    return REGIONS.get(name)


# Region, long name, geography, short form in zone ids, zones as letter and number. The numbers are those AWS
# gives to accounts (some are left out, such as usw1-az2). Which letter stands for which number differs from
# account to account at AWS; here it goes by the alphabet.
_TABLE = (
    ("ap-northeast-1", "Asia Pacific (Tokyo)", "Japan", "apne1", "a1 c2 d4"),
    ("ap-northeast-2", "Asia Pacific (Seoul)", "South Korea", "apne2", "a1 b2 c3 d4"),
    ("ap-northeast-3", "Asia Pacific (Osaka)", "Japan", "apne3", "a1 b2 c3"),
    ("ap-south-1", "Asia Pacific (Mumbai)", "India", "aps1", "a1 b2 c3"),
    ("ap-southeast-1", "Asia Pacific (Singapore)", "Singapore", "apse1", "a1 b2 c3"),
    ("ap-southeast-2", "Asia Pacific (Sydney)", "Australia", "apse2", "a1 b2 c3"),
    ("ca-central-1", "Canada (Central)", "Canada", "cac1", "a1 b2 d4"),
    ("eu-central-1", "Europe (Frankfurt)", "Germany", "euc1", "a1 b2 c3"),
    ("eu-north-1", "Europe (Stockholm)", "Sweden", "eun1", "a1 b2 c3"),
    ("eu-west-1", "Europe (Ireland)", "Ireland", "euw1", "a1 b2 c3"),
    ("eu-west-2", "Europe (London)", "United Kingdom", "euw2", "a1 b2 c3"),
    ("eu-west-3", "Europe (Paris)", "France", "euw3", "a1 b2 c3"),
    ("sa-east-1", "South America (Sao Paulo)", "Brazil", "sae1", "a1 b2 c3"),
    ("us-east-1", "US East (N. Virginia)", "United States of America", "use1", "a1 b2 c3 d4 e5 f6"),
    ("us-east-2", "US East (Ohio)", "United States of America", "use2", "a1 b2 c3"),
    ("us-west-1", "US West (N. California)", "United States of America", "usw1", "a1 b3"),
    ("us-west-2", "US West (Oregon)", "United States of America", "usw2", "a1 b2 c3 d4"),
)


def _region(name: str, long_name: str, geography: str, short: str, zones: str) -> Region:
    made = tuple(
        AvailabilityZone(
            name=name + letter,
            id=f"{short}-az{number}",
            region=name,
            group_name=f"{name}-zg-1",
            group_long_name=f"{long_name} 1",
        )
        for letter, number in (tuple(zone) for zone in zones.split())
    )
    return Region(name, long_name, geography, made)


REGIONS: Mapping[str, Region] = MappingProxyType({row[0]: _region(*row) for row in _TABLE})

# Reference apprunner.md 1.2: eleven regions, nothing outside the commercial partition.
APP_RUNNER_REGIONS = (
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-east-2",
    "us-west-2",
)

# Their requests belong to no Region, and conditions see us-east-1 whatever Region the client or the calling service is
# in (AWS General Reference, "Global services"; IAM User Guide, `aws:RequestedRegion`).
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = frozenset(
    {
        "account", "budgets", "ce", "cloudfront", "globalaccelerator", "iam", "importexport", "organizations",
        "route53", "route53domains", "shield", "support", "trustedadvisor", "waf",
    }
)  # fmt: skip


def region_of_calls(service: str, region: str) -> str:
    """The Region that calls of a service (its prefix) are carried out in, when the client calls from `region`."""
    return GLOBAL_REGION if service in GLOBAL_SERVICES else region
