"""The errors of VPC endpoints and endpoint services, with AWS's codes and texts (vpc-endpoints.md 15.3)."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.core.errors import ApiError


def invalid(message: str) -> ApiError:
    """Return InvalidParameter with this text: the code that AWS uses for endpoints where others have another."""
    return ApiError("InvalidParameter", message)


def no_such_service(name: str) -> ApiError:
    return ApiError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def other_type(kind: str, available: Sequence[str]) -> ApiError:
    """Return the error for a service that has endpoints of other types only."""
    return invalid(
        f"Endpoint type ({kind}) does not match available service types ([{', '.join(available)}])."
    )


def type_not_supported(kind: str) -> ApiError:
    """Return the error for a type of endpoint that AWS has and this server does not."""
    return ApiError(
        "UnsupportedOperation", f"Understudy does not support VPC endpoints of the type {kind} yet."
    )


def tables_of_interface() -> ApiError:
    return invalid("Route table IDs are only supported for Gateway type VPC Endpoint.")


def subnets_of_gateway() -> ApiError:
    return invalid("Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")


def groups_of_gateway() -> ApiError:
    return invalid("Security group IDs are only supported for Interface type VPC Endpoint.")


def private_dns_of_gateway() -> ApiError:
    return invalid("Private DNS can only be enabled for Interface type VPC Endpoint.")


def no_zone_of_subnet(service: str, subnet: str) -> ApiError:
    return invalid(
        f"The VPC endpoint service {service} does not support the availability zone of the subnet: {subnet}."
    )


def two_in_a_zone(subnet: str) -> ApiError:
    return ApiError(
        "DuplicateSubnetsInSameZone",
        f"Found another VPC endpoint subnet in the availability zone of {subnet}. VPC endpoint subnets should be in "
        "different availability zones supported by the VPC endpoint service.",
    )


def other_vpc(noun: str, id: str, vpc: str) -> ApiError:
    """Return the error for a subnet, group or route table of another VPC than the endpoint's."""
    return invalid(f"The {noun} {id} does not belong to the VPC {vpc}.")


def not_associated(noun: str, id: str, endpoint: str) -> ApiError:
    """Return the error for removing from an endpoint what it does not have."""
    return invalid(f"The {noun} {id} is not associated with the VPC endpoint {endpoint}.")


def no_group_left() -> ApiError:
    return invalid("An Interface VPC Endpoint must always have at least one Security Group")


def dns_attributes(vpc: str) -> ApiError:
    return invalid(
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
        f"{vpc}"
    )


def no_private_name(service: str) -> ApiError:
    return invalid(
        f"Private DNS can't be enabled because the service {service} does not provide a private DNS name."
    )


def conflicting_domain(domain: str, vpc: str) -> ApiError:
    return invalid(
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
        f"{domain} in the VPC {vpc}"
    )


def needs_gateway_endpoint(vpc: str) -> ApiError:
    return invalid(
        f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc} must have a Gateway endpoint for the "
        "service."
    )


def inbound_option_of_other_service(service: str) -> ApiError:
    return invalid(
        f"PrivateDnsOnlyForInboundResolverEndpoint cannot be set for the service {service}, which has no Gateway "
        "endpoints."
    )


def ip_type_of_service(kind: str, service: str) -> ApiError:
    return invalid(f"The VPC endpoint service {service} does not support the IP address type {kind}.")


def record_type_of_other_addresses(record: str, addresses: str) -> ApiError:
    return invalid(f"DnsRecordIpType {record} cannot be used with the IP address type {addresses}.")


def route_to_list(table: str, prefix_list: str) -> ApiError:
    return ApiError(
        "RouteAlreadyExists",
        f"route table {table} already has a route with destination-prefix-list-id {prefix_list}",
    )


def endpoint_route_stays(prefix_list: str, table: str) -> ApiError:
    return ApiError(
        "InvalidParameterValue", f"cannot remove VPC endpoint route {prefix_list} in route table {table}"
    )


def not_a_target(id: str, kind: str) -> ApiError:
    """Return the error for a route to an endpoint that is not of a Gateway Load Balancer."""
    return ApiError(
        "InvalidParameterValue",
        f"VPC endpoint {id} of the type {kind} cannot be the target of a route.",
    )


def malformed_policy(reason: str) -> ApiError:
    return ApiError("InvalidPolicyDocument", f"The Policy Document is not valid. {reason}".rstrip())


def policy_not_supported(service: str) -> ApiError:
    return invalid(f"The VPC endpoint service {service} does not support endpoint policies.")


def not_available(id: str, state: str) -> ApiError:
    return ApiError("IncorrectState", f"The VPC endpoint {id} is in the state {state}.")


def load_balancers_missing() -> ApiError:
    return invalid(
        "exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member"
    )


def no_such_load_balancer(arn: str) -> ApiError:
    return ApiError("InvalidLoadBalancerArn.NotFound", f"The load balancer '{arn}' does not exist")


def no_such_subnet(id: str) -> ApiError:
    """Return the error for a subnet that does not exist: endpoints spell its code otherwise than others do."""
    if not id.startswith("subnet-"):
        return ApiError(
            "InvalidSubnetId.Malformed",
            f"Invalid Subnet Id: '{id}' (expecting 'subnet-...; the Id may only contain lowercase alphanumeric "
            "characters and a single dash')",
        )
    return ApiError("InvalidSubnetId.NotFound", f"The subnet ID '{id}' does not exist")


def no_such_route_table(id: str) -> ApiError:
    """Return the error for a route table that does not exist: endpoints spell its code otherwise than others do."""
    if not id.startswith("rtb-"):
        return ApiError("InvalidRouteTableId.Malformed", f'Invalid id: "{id}" (expecting "rtb-...")')
    return ApiError("InvalidRouteTableId.NotFound", f"The routeTable ID '{id}' does not exist")


def no_such_own_service(id: str) -> ApiError:
    return ApiError(
        "InvalidVpcEndpointServiceId.NotFound", f"The VpcEndpointService Id '{id}' does not exist"
    )


def own_service_not_deleted(id: str) -> ApiError:
    """Return what a deletion tells of an endpoint service that does not exist; its code is another one there."""
    return ApiError("InvalidVpcEndpointService.NotFound", f"The VpcEndpointService Id '{id}' does not exist")


def no_such_notification(id: str) -> ApiError:
    return ApiError("InvalidConnectionNotification", f"The connection notification ID '{id}' does not exist")


def no_such_topic(arn: str) -> ApiError:
    """Return the error for notifications to a topic that does not exist."""
    return invalid(f"The connection notification ARN '{arn}' does not exist")


def ip_type_of_subnet(kind: str, subnet: str) -> ApiError:
    return invalid(f"The subnet {subnet} does not support the IP address type {kind}.")
