"""The refusals of managed prefix lists, with AWS's codes and texts (prefix-lists.md 16.2)."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError
from understudy_aws.services.ec2.api.errors import invalid


def wrong_version() -> ApiError:
    return ApiError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")


def version_too_low() -> ApiError:
    return invalid("The specified value for version is not valid. The value must be greater than (1).")


def no_such_version(number: int) -> ApiError:
    return invalid(f"The specified version ({number}) of the prefix list does not exist.")


def under_way(id: str, state: str) -> ApiError:
    return ApiError(
        "IncorrectState",
        f"The request cannot be completed while the prefix list ({id}) is in the current state ({state}).",
    )


def entries_and_size() -> ApiError:
    return ApiError(
        "InvalidParameterCombination",
        "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
    )


def nothing_asked() -> ApiError:
    return ApiError("InvalidRequest", "The request received was invalid.")


def added_and_removed(cidr: str) -> ApiError:
    return invalid(
        f"Request cannot contain Cidr {cidr} in both AddPrefixListEntries and RemovePrefixListEntries"
    )


def entry_exists(cidr: str, description: str) -> ApiError:
    return ApiError(
        "InvalidPrefixListModification",
        f"An entry with the CIDR ({cidr}) and description ({description}) already exists.",
    )


def no_such_entry(cidr: str) -> ApiError:
    return ApiError("InvalidPrefixListModification", f"The entry with the CIDR ({cidr}) does not exist.")


def full(most: int) -> ApiError:
    return ApiError("PrefixListMaxEntriesExceeded", f"The prefix list cannot have more than {most} entries.")


def wrong_size() -> ApiError:
    return invalid("Must specify a max size between 1 and 1000")


def reserved_name(name: str) -> ApiError:
    return invalid(f"The prefix list name ({name}) cannot start with com.amazonaws.")


def aws_managed(id: str) -> ApiError:
    return ApiError(
        "OperationNotPermitted", f"The prefix list ({id}) is managed by AWS and cannot be changed."
    )
