"""The errors of VPC peering, with AWS's codes and texts (vpc-peering.md 12.1, 12.2)."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def invalid_transition(id: str, state: str, wanted: str) -> ApiError:
    """Return the error for a connection in a state that the request cannot change, such as one that failed."""
    return ApiError(
        "InvalidStateTransition",
        f"Invalid state transition for {id}, attempted to transition from {state} to {wanted}",
    )


def not_the_owner(account: str, verb: str, id: str) -> ApiError:
    """Return the error for accepting, rejecting or deleting a connection that only the other owner may."""
    return ApiError("OperationNotPermitted", f"User {account} cannot {verb} peering {id}")


def other_region(region: str, id: str, verbs: str, right: str) -> ApiError:
    """Return the error for answering a request in another Region than the accepter VPC's."""
    return ApiError(
        "OperationNotPermitted",
        f"Incorrect region ({region}) specified for this request. VPC peering connection {id} must be {verbs} "
        f"in region {right}",
    )


def connected_already(id: str) -> ApiError:
    """Return the error for accepting a request between VPCs that another connection connects."""
    return ApiError(
        "VpcPeeringConnectionAlreadyExists",
        f"The vpc peering connection identified by {id} already exists.",
    )


def not_active(id: str) -> ApiError:
    return ApiError(
        "OperationNotPermitted",
        f"Peering {id} is not active. Peering options can be added only to active peerings.",
    )


def options_of_other_account(account: str, side: str) -> ApiError:
    """Return the error for changing the options of the side, `requester` or `accepter`, of another account."""
    return ApiError(
        "OperationNotPermitted",
        f"User {account} does not have permission to modify the {side} side peering options",
    )


def options_of_other_region(side: str) -> ApiError:
    """Return the error for changing the options of the side, `requester` or `accepter`, in another Region."""
    return ApiError(
        "OperationNotPermitted",
        f"{side.capitalize()}'s VPC Peering connection options cannot be modified for a different region",
    )


def no_dns_hostnames() -> ApiError:
    """Return the error for DNS resolution between VPCs that do not both give DNS host names."""
    return ApiError(
        "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled",
        "To enable DNS hostname resolution for the VPC peering connection, DNS hostname support must be enabled "
        "for the VPCs.",
    )


def no_options() -> ApiError:
    return ApiError(
        "MissingParameter",
        "The request must contain the parameter accepterPeeringConnectionOptions or "
        "requesterPeeringConnectionOptions",
    )
