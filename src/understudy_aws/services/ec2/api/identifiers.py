"""EC2's ids (ec2.md 7.5): the prefix of a kind, a dash and hexadecimal digits; how one that is not there is refused.

An id of another prefix is malformed, any other one is not found. AWS spells the codes differently from kind to kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.services.ec2.api import errors

_GROUP_ID = re.compile(r"sg-(?!0+$)(?:[0-9a-f]{8}|[0-9a-f]{17})")


class IdKind(msgspec.Struct, frozen=True):
    """The codes and the text for ids of one kind (ec2.md 7.3).

    `malformed` is empty where AWS documents no such code.
    """

    malformed: str
    missing: str
    text: str


def _kind(malformed: str, missing: str, noun: str) -> IdKind:
    return IdKind(malformed, f"{missing}.NotFound", f"The {noun} ID '{{}}' does not exist")


ID_KINDS: Mapping[str, IdKind] = MappingProxyType(
    {
        "acl": _kind("InvalidNetworkAclId.Malformed", "InvalidNetworkAclID", "networkAcl"),
        "aclassoc": _kind("", "InvalidAssociationID", "association"),
        "dopt": _kind("InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionsID", "dhcpOptions"),
        "eigw": _kind(
            "InvalidEgressOnlyInternetGatewayId.Malformed", "InvalidEgressOnlyInternetGatewayId", "eigw"
        ),
        "eipalloc": _kind("", "InvalidAllocationID", "allocation"),
        "eipassoc": _kind("", "InvalidAssociationID", "association"),
        "eni-attach": _kind(
            "InvalidNetworkInterfaceAttachmentId.Malformed", "InvalidAttachmentID", "network interface attachment"
        ),
        "eni-perm": _kind("", "InvalidPermissionID", "network interface permission"),
        "i": _kind("InvalidInstanceID.Malformed", "InvalidInstanceID", "instance"),
        "eni": _kind("InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID", "networkInterface"),
        "igw": _kind("InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID", "internetGateway"),
        "nat": IdKind(
            "NatGatewayMalformed", "NatGatewayNotFound", "NAT gateway {} was not found"
        ),
        "nia": _kind("", "InvalidNetworkInsightsAnalysisId", "networkInsightsAnalysis"),
        "nip": _kind("", "InvalidNetworkInsightsPathId", "networkInsightsPath"),
        "pcx": _kind(
            "InvalidVpcPeeringConnectionId.Malformed", "InvalidVpcPeeringConnectionID", "vpcPeeringConnection"
        ),
        "pl": _kind("InvalidPrefixListId.Malformed", "InvalidPrefixListID", "prefix list"),
        "rtb": _kind("InvalidRouteTableId.Malformed", "InvalidRouteTableID", "routeTable"),
        "rtbassoc": _kind("", "InvalidAssociationID", "association"),
        "scr": _kind("", "InvalidSubnetCidrReservationID", "subnet CIDR reservation"),
        "sg": IdKind(
            "InvalidGroupId.Malformed", "InvalidGroup.NotFound", "The security group '{}' does not exist"
        ),
        "sgr": _kind(
            "InvalidSecurityGroupRuleId.Malformed", "InvalidSecurityGroupRuleId", "security group rule"
        ),
        "subnet": _kind("InvalidSubnetID.Malformed", "InvalidSubnetID", "subnet"),
        "vpcbpa-exclude": _kind(
            "", "InvalidVpcBlockPublicAccessExclusionId", "VPC Block Public Access exclusion"
        ),
        "vpc": _kind("InvalidVpcID.Malformed", "InvalidVpcID", "vpc"),
        "vpce": IdKind(
            "InvalidVpcEndpointId.Malformed", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"
        ),
    }
)  # fmt: skip


def no_such(prefix: str, id: str) -> ApiError:
    """Return the error for an id of which there is no record: malformed, or not found."""
    kind = ID_KINDS[prefix]
    if kind.malformed and not _is_of_kind(prefix, id):
        return errors.malformed(kind.malformed, id, "" if prefix == "sg" else prefix)
    return ApiError(kind.missing, kind.text.format(id))


def prefix_of(id: str) -> str:
    """Return what an id begins with. Some kinds have a dash in it, as `vpcbpa-exclude` has."""
    whole = id.rpartition("-")[0]
    return whole if whole in ID_KINDS else id.partition("-")[0]


def is_group_id(id: str) -> bool:
    """Whether a security group can have this id. AWS checks these strictly, also for being all zeros."""
    return _GROUP_ID.fullmatch(id) is not None


def _is_of_kind(prefix: str, id: str) -> bool:
    return is_group_id(id) if prefix == "sg" else id.startswith(prefix + "-")
