"""EC2's errors, with AWS's codes and texts (ec2.md 7.2, 7.3, 7.8 to 7.10). There is one function for each."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.errors import ApiError


def not_found(code: str, noun: str, id: str) -> ApiError:
    """Return an error such as `The subnet ID 'subnet-1' does not exist`."""
    return ApiError(f"{code}.NotFound", f"The {noun} ID '{id}' does not exist")


def no_such_group(id: str) -> ApiError:
    return ApiError("InvalidGroup.NotFound", f"The security group '{id}' does not exist")


def no_such_group_name(name: str, vpc: str) -> ApiError:
    return ApiError(
        "InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{vpc}'"
    )


def other_network() -> ApiError:
    return ApiError(
        "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
    )


def malformed(code: str, id: str, prefix: str = "") -> ApiError:
    """Return the error for an id of another kind, or with characters that such ids cannot have."""
    expecting = f' (expecting "{prefix}-...")' if prefix else ""
    return ApiError(code, f'Invalid id: "{id}"{expecting}')


def malformed_group_filter(id: str) -> ApiError:
    """Return the error for a value of the filter `group-id` that no group can have (ec2.md 7.7)."""
    return ApiError("InvalidGroupId.Malformed", f"The security group ID '{id}' is malformed")


def malformed_address(ip: str) -> ApiError:
    """Return the error for a public address that is none. The code is documented, the text is ours."""
    return ApiError("InvalidAddress.Malformed", f"The address '{ip}' is malformed")


def invalid_address(text: str) -> ApiError:
    """Return the error for a private address that is none (ec2.md 7.7)."""
    return invalid(f"invalid value for parameter address: {text}")


def unknown_parameter(name: str) -> ApiError:
    """Return the error for a parameter that the operation does not take, although its description has it."""
    return ApiError("UnknownParameter", f"The parameter {name} is not recognized")


def invalid(message: str) -> ApiError:
    """Return InvalidParameterValue with this text."""
    return ApiError("InvalidParameterValue", message)


def invalid_value(value: object, parameter: str, why: str = "") -> ApiError:
    """Return the error for a value that a parameter cannot have; it says why."""
    return ApiError(
        "InvalidParameterValue", f"Value ({value}) for parameter {parameter} is invalid. {why}".rstrip()
    )


def missing(parameter: str) -> ApiError:
    return ApiError("MissingParameter", f"The request must contain the parameter {parameter}")


def missing_choice(message: str) -> ApiError:
    """Return MissingParameter for a request that must name one of several parameters."""
    return ApiError("MissingParameter", message)


def combination(first: str, second: str) -> ApiError:
    return ApiError(
        "InvalidParameterCombination",
        f"The parameter {first} cannot be used with the parameter {second}",
    )


def several_attributes(names: Sequence[str]) -> ApiError:
    """Return the error for two attributes in a call that changes one (ec2.md 7.7)."""
    return ApiError(
        "InvalidParameterCombination",
        f"Fields for multiple attribute types specified: {', '.join(names)}",
    )


def unsupported(parameter: str) -> ApiError:
    """Return the error for a parameter that AWS has and this server does not implement."""
    return ApiError("UnsupportedOperation", f"Understudy does not support the parameter {parameter} yet.")


def dependency(noun: str, id: str) -> ApiError:
    """Return the error for a resource that others still depend on."""
    return ApiError("DependencyViolation", f"The {noun} '{id}' has dependencies and cannot be deleted.")


def group_in_use(id: str) -> ApiError:
    return ApiError("DependencyViolation", f"resource {id} has a dependent object")


def default_group_stays(id: str) -> ApiError:
    return ApiError(
        "CannotDelete", f'the specified group: "{id}" name: "default" cannot be deleted by a user'
    )


def no_default_vpc() -> ApiError:
    return ApiError("VPCIdNotSpecified", "No default VPC for this user")


def default_vpc_exists() -> ApiError:
    return ApiError(
        "DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region."
    )


def no_dns_support(vpc: str) -> ApiError:
    """Return the error for host names in a VPC without DNS support. The refusal is documented, the text is ours."""
    return invalid(f"DNS host names cannot be enabled in the VPC {vpc}: its DNS support is disabled.")


def invalid_cidr(text: str, parameter: str = "cidrBlock") -> ApiError:
    return invalid_value(text, parameter, "This is not a valid CIDR block.")


def vpc_range(text: str) -> ApiError:
    return ApiError("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")


def subnet_range(text: str) -> ApiError:
    return ApiError("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")


def subnet_conflict(text: str) -> ApiError:
    return ApiError("InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet")


def no_free_address() -> ApiError:
    return ApiError(
        "InsufficientFreeAddressesInSubnet",
        "The specified subnet does not have enough free addresses to satisfy the request.",
    )


def address_in_use() -> ApiError:
    return ApiError("InvalidIPAddress.InUse", "The specified address is already in use.")


def address_outside() -> ApiError:
    return invalid("Address does not fall within the subnet's address range")


def address_reserved() -> ApiError:
    return invalid("Address is in subnet's reserved address range")


def no_free_prefix() -> ApiError:
    """Return the error for a subnet whose free addresses do not lie together (network-interfaces.md 9.1)."""
    return ApiError(
        "InsufficientCidrBlocks",
        "The specified subnet does not have enough free cidr blocks to satisfy the request.",
    )


def no_free_prefix_addresses() -> ApiError:
    """Return the error for a subnet with fewer free addresses than the prefixes have (network-interfaces.md 9.1)."""
    return invalid("There aren't sufficient free Ipv4 addresses or prefixes")


def no_ipv6_block(subnet: str) -> ApiError:
    """Return the error for IPv6 in a subnet without it. The refusal is documented, the text is ours."""
    return invalid(f"The subnet '{subnet}' has no IPv6 CIDR block.")


def too_many_addresses() -> ApiError:
    return ApiError("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")


def not_assigned(interface: str) -> ApiError:
    return invalid(f"Some of the specified addresses are not assigned to interface {interface}")


def different_networks(group: str, subnet: str) -> ApiError:
    return invalid(f"Security group {group} and subnet {subnet} belong to different networks.")


def duplicate_group(name: str, vpc: str) -> ApiError:
    return ApiError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'")


def reserved_group() -> ApiError:
    return ApiError("InvalidGroup.Reserved", "The security group 'default' is reserved")


def duplicate_rule(rule: str) -> ApiError:
    """Return the error for a rule that exists. `rule` is such as `peer: 10.0.0.0/8, TCP, from port: 80, to port.

    80, ALLOW`.
    """
    return ApiError("InvalidPermission.Duplicate", f'the specified rule "{rule}" already exists')


def several_sources() -> ApiError:
    return ApiError(
        "InvalidParameterCombination",
        "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified",
    )


def other_rule_type(id: str, given: str, kind: str) -> ApiError:
    """Return the error for a rule that is given another kind of source; `kind` is such as `IPv4 CIDR`."""
    return invalid(
        f"Invalid rule type for security group rule '{id}'. You may not specify {given} for an existing {kind} rule."
    )


def repeated_rule() -> ApiError:
    return invalid("The same permission must not appear multiple times")


def no_such_rule() -> ApiError:
    return ApiError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")


def tags_of_no_kind() -> ApiError:
    return ApiError("InvalidParameter", "Tag specification resource type must have a value")


def empty_tag_key() -> ApiError:
    return invalid("Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty.")


def limit(code: str, what: str) -> ApiError:
    """Return the error for a quota that is reached, such as `SubnetLimitExceeded`."""
    return ApiError(code, f"The maximum number of {what} has been reached.")


def gateway_not_attached(gateway: str, vpc: str) -> ApiError:
    return ApiError("Gateway.NotAttached", f"resource {gateway} is not attached to network {vpc}")


def invalid_id(id: str) -> ApiError:
    return ApiError("InvalidID", f"The ID '{id}' is not valid")


def too_many_values(most: int) -> ApiError:
    """Return the error for a call with more filter values than AWS allows."""
    return ApiError(
        "FilterLimitExceeded", f"The maximum number of filter values specified on a single call is {most}"
    )


def too_many_wildcards() -> ApiError:
    """Return the error for filter values that would take one call too long to try on all resources."""
    return ApiError(
        "FilterLimitExceeded",
        "The filter values of this call have too many wildcards to be tried on all resources.",
    )


def gateway_attached_already(gateway: str, vpc: str) -> ApiError:
    return ApiError("Resource.AlreadyAssociated", f"resource {gateway} is already attached to network {vpc}")


def vpc_has_gateway(vpc: str) -> ApiError:
    return invalid(f"Network {vpc} already has an internet gateway attached")


def public_addresses_mapped(vpc: str) -> ApiError:
    return ApiError(
        "DependencyViolation",
        f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
        "detaching the gateway.",
    )


def table_of_other_network(table: str, other: str) -> ApiError:
    """Return the error for a route table and something that is not in its VPC, such as `interface eni-1`."""
    return invalid(f"route table {table} and {other} belong to different networks")


def subnet_of_other_network(table: str, subnet: str) -> ApiError:
    return invalid(f"Route table {table} and subnet {subnet} belong to different networks")


def association_conflict(table: str) -> ApiError:
    return ApiError(
        "Resource.AlreadyAssociated",
        f"the specified association for route table {table} conflicts with an existing association",
    )


def route_exists(destination: str) -> ApiError:
    return ApiError("RouteAlreadyExists", f"The route identified by {destination} already exists.")


def no_such_route(member: str, destination: str, table: str) -> ApiError:
    """Return the error for deleting a route that is not there; `member` is such as `destination-cidr-block`."""
    return ApiError("InvalidRoute.NotFound", f"no route with {member} {destination} in route table {table}")


def no_route_to_replace(destination: str) -> ApiError:
    return invalid(
        f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
    )


def local_route_stays(destination: str, table: str) -> ApiError:
    return invalid(f"cannot remove local route {destination} in route table {table}")


def not_a_local_route(destination: str) -> ApiError:
    return invalid(f"The route to {destination} is no local route, so its target cannot be local.")


def more_specific_than_vpc(destination: str) -> ApiError:
    return invalid(
        f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR "
        "blocks. This route can target only an interface or an instance."
    )


def no_such_gateway(id: str) -> ApiError:
    """Return the error for an id under GatewayId that is of no kind that can stand there."""
    return ApiError("InvalidGatewayID.NotFound", f"The gateway ID '{id}' does not exist")


def interface_in_use(id: str) -> ApiError:
    return invalid(f"Network interface '{id}' is currently in use.")


def not_yours() -> ApiError:
    """Return the error for changing what a service holds, such as a NAT gateway's interface. Its status is 400."""
    return ApiError("AuthFailure", "You do not have permission to access the specified resource.")


def no_public_address() -> ApiError:
    return ApiError("InsufficientAddressCapacity", "There are not enough free public IPv4 addresses.")


def no_such_address(ip: str) -> ApiError:
    return ApiError("InvalidAddress.NotFound", f"Address '{ip}' not found.")


def public_address_in_use(ip: str) -> ApiError:
    return ApiError("InvalidIPAddress.InUse", f"Address {ip} is in use.")


def address_associated_already(resource: str, association: str) -> ApiError:
    return ApiError(
        "Resource.AlreadyAssociated",
        f"resource {resource} is already associated with associate-id {association}",
    )


def no_internet_gateway(vpc: str) -> ApiError:
    return ApiError("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway")


def nat_gateway_not_available(id: str, state: str) -> ApiError:
    return ApiError("IncorrectState", f"NAT gateway {id} is in the state {state}, not available.")


def nat_gateway_is_private(id: str) -> ApiError:
    return invalid(f"NAT gateway {id} is private: it takes no Elastic IP addresses.")


def nat_gateway_is_public(id: str) -> ApiError:
    return invalid(f"NAT gateway {id} is public: its private addresses come with Elastic IP addresses.")


def primary_address_stays(id: str) -> ApiError:
    return invalid(f"The primary address of NAT gateway {id} cannot be removed.")


def acl_entry_exists(number: int) -> ApiError:
    return ApiError(
        "NetworkAclEntryAlreadyExists", f"The network acl entry identified by {number} already exists."
    )


def no_such_acl_entry(number: int) -> ApiError:
    return ApiError(
        "InvalidNetworkAclEntry.NotFound", f"The network acl entry identified by {number} does not exist."
    )


def default_acl_stays(id: str) -> ApiError:
    return invalid(f"cannot delete default network ACL {id}")


def acl_of_other_network(acl: str, subnet: str) -> ApiError:
    return invalid(f"Network ACL {acl} and subnet {subnet} belong to different networks")
