"""The names of the APIs that are served here, as every VPC's resolver knows them: the address on the internet side.

So a name resolves in a VPC without a way out, and the connection is never answered, as on AWS (vpc-dns.md 19.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.dataplane.edge import API_ADDRESSES

# Services with an address in each Region, and those with one for all.
_IN_EACH_REGION = (
    "access-analyzer", "api.ecr", "apprunner", "cloudtrail", "ec2", "logs", "secretsmanager", "ssm", "sts",
)  # fmt: skip
_GLOBAL = ("iam.amazonaws.com", "organizations.us-east-1.amazonaws.com", "sts.amazonaws.com")

Names = Mapping[str, tuple[str, ...]]


def api_names(regions: Iterable[str]) -> Names:
    """Return the names of the APIs in some Regions, and of those that are in none, with their addresses."""
    addresses = tuple(API_ADDRESSES.values())
    in_regions = (f"{service}.{region}.amazonaws.com" for region in regions for service in _IN_EACH_REGION)
    return dict.fromkeys((*_GLOBAL, *in_regions), addresses)
