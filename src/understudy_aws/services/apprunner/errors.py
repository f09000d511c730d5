"""App Runner's errors (apprunner.md 1.1, 2.6, 2.8). Their HTTP status is always 400."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from understudy_aws.core.errors import ApiError


def invalid_request(message: str) -> ApiError:
    """Return InvalidRequestException, App Runner's answer to most faults of a request."""
    return ApiError("InvalidRequestException", message)


def invalid_state(message: str) -> ApiError:
    """Return InvalidStateException, the answer to what a resource's status does not allow."""
    return ApiError("InvalidStateException", message)


def no_such_resource(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Resource not found for the given ARN: {arn}")


@contextmanager
def not_found_as_invalid_request() -> Iterator[None]:
    """Make what is not found an invalid request, in an operation that has no ResourceNotFoundException (API models)."""
    try:
        yield
    except ApiError as error:
        if error.code == "ResourceNotFoundException":
            raise invalid_request(error.message) from error
        raise


def nothing_to_update() -> ApiError:
    """Return the error of an update that names nothing but the service."""
    return invalid_request("No configurations provided in the UpdateService request.")


def too_many(kind: str, limit: int) -> ApiError:
    return ApiError(
        "ServiceQuotaExceededException", f"You have reached the limit of {limit} {kind} in this account."
    )


def not_an_arn_of(words: str, arn: str) -> ApiError:
    """Return the error for a text that is no ARN of the kind that a request takes (apprunner.md 2.8)."""
    return invalid_request(f"The {words} ARN you specified isn't valid. ARN: '{arn}'")


def configuration_in_use(words: str) -> ApiError:
    return invalid_request(
        f"You can't delete the {words}. It's used by one or more services. To delete it, update the services to "
        f"use other {words}s."
    )


def connection_in_use() -> ApiError:
    return invalid_request(
        "You can't delete the connection. It's used by one or more services. To delete it, update the services to "
        "use other connections."
    )


def connection_not_available(name: str, status: str, arn: str) -> ApiError:
    """Return the error for a connection that can't be used; whose handshake is pending, it is approved by hand."""
    waits = status == "PENDING_HANDSHAKE"
    return ApiError(
        "InvalidRequestException",
        f"The connection is not in an AVAILABLE state: its status is {status}. ARN: {arn}",
        reason=f"its connection waits to be approved: `understudy connection approve {name}`"
        if waits
        else "",
    )


def connector_in_use(arn: str) -> ApiError:
    return invalid_request(f"Provided VPC connector arn is being used by other services. ARN: {arn}")


def may_not_create_the_role() -> ApiError:
    """Return the error for a caller who may not create the service-linked role (apprunner.md 2.8)."""
    return invalid_request(
        "AccessDenied. Couldn't create a service-linked role for App Runner. When creating the first service in "
        "the account, caller must have the 'iam:CreateServiceLinkedRole' permission. Use the "
        "'AWSAppRunnerFullAccess' managed user policy to ensure users have all required permissions."
    )


def name_taken(name: str) -> ApiError:
    return invalid_request(f"Service with the provided name already exists: {name}.")


def cannot_assume(role: str, arn: str) -> ApiError:
    """Return the error for a role that App Runner cannot assume; `role` is `instance role` or `access role`."""
    return invalid_request(f"Error in assuming {role} {arn}")


def cannot_deploy() -> ApiError:
    """Return StartDeployment's refusal (apprunner-services.md 2.3); the end of AWS's text is not known."""
    return invalid_request(
        "Can't start a deployment on the specified service, because it isn't in RUNNING state."
    )


def wrong_state(doing: str, status: str) -> ApiError:
    """Return the refusal of an operation in a status that does not take it: `updated`, `PAUSED`."""
    return invalid_state(f"Service cannot be {doing} in the current state: {status}.")


def has_ingress_connection(service: str, connection: str) -> ApiError:
    """Return the refusal to delete a service that VPCs have a way into (apprunner-services.md 2.3)."""
    return invalid_state(
        "You cannot delete a Service while it has VpcIngressConnections with a status of AVAILABLE. "
        f"Service Arn: {service} VpcIngressConnection Arn: {connection}"
    )


def no_endpoint(region: str) -> ApiError:
    """Return the error for a Region without App Runner. AWS has no endpoint there (docs/decisions/0007)."""
    return ApiError(
        "UnknownOperationException", f"AWS App Runner has no endpoint in the region {region}.", 404
    )
