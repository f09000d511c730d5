"""Errors about blocks of addresses (vpcs.md 8.1 to 8.4). There is one function for each."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError

IN_USE = "InvalidCidrBlock.InUse"


def not_together(first: str, second: str) -> ApiError:
    """Return the error for two parameters that cannot be given both."""
    return ApiError(
        "InvalidParameterCombination",
        f"The parameter '{first}' may not be used in combination with '{second}'.",
    )


def ipv6_range(text: str) -> ApiError:
    """Return the error for an IPv6 block that is no part of a block of its VPC."""
    return ApiError("InvalidSubnet.Range", f"The IPv6 CIDR '{text}' is invalid.")


def restricted(text: str) -> ApiError:
    return ApiError(
        "InvalidVpc.Range",
        f"The CIDR '{text}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, "
        "or use a publicly-routable CIDR. For additional restrictions, see "
        "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html",
    )


def conflicts_with_block(text: str, vpc: str) -> ApiError:
    """Return the error for a block that overlaps another one of the VPC. The text is ours."""
    return ApiError("InvalidVpc.Range", f"The CIDR '{text}' conflicts with another CIDR of the VPC '{vpc}'.")


def conflicts_with_peer(text: str, peer: str) -> ApiError:
    """Return the error for a block that overlaps one of a peered VPC. The text is ours."""
    return ApiError(
        "InvalidVpc.Range", f"The CIDR '{text}' conflicts with a CIDR of the peered VPC '{peer}'."
    )


def conflicts_with_route(text: str, destination: str, table: str) -> ApiError:
    """Return the error for a block that holds all of a route's destination. The text is ours."""
    return ApiError(
        "InvalidVpc.Range",
        f"The CIDR '{text}' is the same or larger than the destination {destination} of a route in {table}.",
    )


def too_many_blocks(vpc: str, most: int) -> ApiError:
    return ApiError(
        "CidrLimitExceeded", f"This network '{vpc}' has met its maximum number of allowed CIDRs: {most}"
    )


def subnet_has_block(subnet: str) -> ApiError:
    """Return the error for a second IPv6 block of a subnet. The code is that of VPCs; the text is ours."""
    return ApiError(
        "CidrLimitExceeded", f"This subnet '{subnet}' has met its maximum number of allowed IPv6 CIDRs: 1"
    )


def no_such_association_of_vpc(id: str) -> ApiError:
    return ApiError(
        "InvalidVpcCidrBlockAssociationID.NotFound",
        f"The vpc CIDR block association ID '{id}' does not exist",
    )


def no_such_association_of_subnet(id: str) -> ApiError:
    return ApiError(
        "InvalidSubnetCidrBlockAssociationID.NotFound",
        f"The subnet CIDR block association ID '{id}' does not exist",
    )


def primary_block_stays(association: str) -> ApiError:
    return ApiError(
        "OperationNotPermitted",
        f"The vpc CIDR block with association ID {association} may not be disassociated. It is the primary IPv4 "
        "CIDR block of the VPC",
    )


def block_has_subnet(vpc: str, block: str) -> ApiError:
    return ApiError(IN_USE, f"The vpc {vpc} currently has a subnet within CIDR block {block}")


def subnet_block_stays(association: str, why: str) -> ApiError:
    """Return the error for the IPv6 block of a subnet that still needs it; `why` is such as `its subnet has …`."""
    return ApiError(
        IN_USE,
        f"The subnet IPv6 CIDR block with association ID {association} may not be disassociated, because {why}.",
    )


def needs_ipv6_block(attribute: str, subnet: str) -> ApiError:
    """Return the error for a switch, such as `enable-dns64`, of a subnet without an IPv6 block."""
    return ApiError(
        "InvalidParameterValue",
        f"Invalid value 'true' for {attribute}. Cannot set {attribute} to true unless the subnet ({subnet}) has an "
        "IPv6 CIDR block associated with it.",
    )


def ipv4_in_native_subnet() -> ApiError:
    """Return the error for an IPv4 block in a request for a subnet with IPv6 alone. The text is ours."""
    return ApiError(
        "InvalidParameterCombination", "When specifying ipv6Native, you cannot specify cidrBlock."
    )


def reservation_outside(text: str, subnet: str) -> ApiError:
    """Return the error for a reservation outside of its subnet. The text is ours."""
    return ApiError(
        "InvalidParameterValue",
        f"The CIDR '{text}' does not fall within the CIDR blocks of the subnet '{subnet}'.",
    )


def reservation_overlaps(text: str) -> ApiError:
    """Return the error for a reservation that overlaps another one. The text is ours."""
    return ApiError(
        "InvalidParameterValue", f"The CIDR '{text}' overlaps an existing subnet CIDR reservation."
    )


def no_outpost(parameter: str, subnet: str) -> ApiError:
    """Return the error for an attribute that only subnets of an Outpost have. The text is ours."""
    return ApiError(
        "InvalidParameterValue", f"{parameter} needs a subnet of an Outpost; {subnet} is of none."
    )


def native_subnet_keeps(attribute: str, value: str, subnet: str) -> ApiError:
    """Return the error for an attribute that a subnet with IPv6 alone cannot have. The text is ours."""
    return ApiError(
        "InvalidParameterValue",
        f"Invalid value '{value}' for {attribute}. The subnet ({subnet}) is an IPv6 only subnet.",
    )
