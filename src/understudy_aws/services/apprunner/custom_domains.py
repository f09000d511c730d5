"""Custom domains: names of a customer's own that a service answers to (apprunner-services.md 2.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.custom_domain_records import (
    CREATING,
    WILDCARD,
    CustomDomain,
    custom_domains,
    domains_of,
    is_gone,
    status_of,
    validation_records,
)
from understudy_aws.services.apprunner.ingress_connection_records import connections_of
from understudy_aws.services.apprunner.pages import page_after
from understudy_aws.services.apprunner.service_records import (
    DELETED,
    IN_PROGRESS,
    PAUSED,
    Service,
    services,
)
from understudy_aws.services.apprunner.supported_regions import require_supported_region
from understudy_aws.services.apprunner.targets import resource_tags

# apprunner-services.md 2.5.
DOMAINS_PER_SERVICE = 5
_LONGEST = 253
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def a_service(call: Call, params: Params) -> Sequence[Target]:
    arn = params["service_arn"]
    found = _find(call, arn)
    return [Target(arn, resource_tags(found.tags) if found is not None else {})]


@operation("apprunner:AssociateCustomDomain", on=a_service)
def associate_custom_domain(
    call: Call, *, service_arn: str, domain_name: str, enable_www_subdomain: bool | None = None
) -> Answer:
    """Associate a domain with a service. Its certificate then waits for DNS records, which the answer has not yet."""
    require_supported_region(call)
    service = _find(call, service_arn)
    if service is None:
        # The operation has no ResourceNotFoundException.
        raise errors.invalid_request(f"Resource not found for the given ARN: {service_arn}")
    _require_changeable(service)
    name = domain_name.lower().removesuffix(".")
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise errors.invalid_request(f"The domain name {domain_name} isn't valid.")
    wildcard = name.startswith(WILDCARD)
    if wildcard and enable_www_subdomain:
        raise errors.invalid_request("EnableWWWSubdomain can't be true for a wildcard domain.")
    for other in custom_domains.where(call.tx, "name", name):
        if not is_gone(other, call.at):
            place = other.service if other.account == call.account else "another service"
            raise errors.invalid_request(f"{name} is already associated with {place}.")
    if len(domains_of(call.tx, service.arn, call.at)) >= DOMAINS_PER_SERVICE:
        raise errors.invalid_request(
            f"You have reached the limit of {DOMAINS_PER_SERVICE} custom domains for this service."
        )
    seconds = call.latency.custom_domain_seconds(name)
    made = CustomDomain(
        account=call.account,
        region=call.region,
        service=service.arn,
        name=name,
        www=not wildcard and enable_www_subdomain is not False,
        created=call.at,
        ready=call.at + timedelta(seconds=seconds),
    )
    custom_domains.put(call.tx, made)
    return {**_targets(call, service), "CustomDomain": _described(made, CREATING)}


@operation("apprunner:DescribeCustomDomains", on=a_service)
def describe_custom_domains(
    call: Call, *, service_arn: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """Describe the domains of a service, with the records that their certificates wait for."""
    require_supported_region(call)
    service = _existing(call, service_arn)
    found = domains_of(call.tx, service.arn, call.at)
    scope = ("DescribeCustomDomains", service.arn)
    shown, token = page_after(found, max_results, next_token, custom_domains.key, scope)
    described = [_described(each, status_of(each, call.at)) for each in shown]
    return {**_targets(call, service), "CustomDomains": described, "NextToken": token}


@operation("apprunner:DisassociateCustomDomain", on=a_service)
def disassociate_custom_domain(call: Call, *, service_arn: str, domain_name: str) -> Answer:
    """Take a domain from a service, which answers to it no more."""
    require_supported_region(call)
    service = _existing(call, service_arn)
    _require_changeable(service)
    name = domain_name.lower().removesuffix(".")
    found = custom_domains.get(call.tx, service.account, service.region, service.arn, name)
    if found is None or is_gone(found, call.at):
        raise errors.invalid_request(f"No custom domain {domain_name} found for the provided service")
    if found.deletion is None:
        seconds = call.latency.custom_domain_seconds(name)
        found = replace(found, deletion=call.at, ended=call.at + timedelta(seconds=seconds))
        custom_domains.put(call.tx, found)
    return {**_targets(call, service), "CustomDomain": _described(found, status_of(found, call.at))}


def _targets(call: Call, service: Service) -> dict[str, Any]:
    """Return what all answers have: the service, and the names that a domain must lead to."""
    connections = connections_of(call.tx, service.arn)
    private = connections[0].domain if connections else f"{service.id[:10]}.{call.region}.awsapprunner.com"
    return {
        "DNSTarget": service.url or private,
        "ServiceArn": service.arn,
        "VpcDNSTargets": [
            {"VpcIngressConnectionArn": each.arn, "VpcId": each.vpc, "DomainName": each.domain}
            for each in connections
        ],
    }


def _described(domain: CustomDomain, status: str) -> dict[str, Any]:
    """Return a domain in a status as answers describe it; while it is being made it has no records yet."""
    shown: dict[str, Any] = {
        "DomainName": domain.name,
        "EnableWWWSubdomain": domain.www,
        "Status": status,
    }
    if status != CREATING:
        state = "PENDING_VALIDATION" if domain.validated is None else "SUCCESS"
        shown["CertificateValidationRecords"] = [
            {"Name": each.name, "Type": "CNAME", "Value": each.value, "Status": state}
            for each in validation_records(domain)
        ]
    return shown


def _require_changeable(service: Service) -> None:
    """Raise InvalidStateException for a service whose domains cannot change now."""
    if service.status in {PAUSED, IN_PROGRESS}:
        raise errors.invalid_state(
            f"You can't change the custom domains of a service in {service.status} status. "
            f"Service Arn: {service.arn}"
        )


def _find(call: Call, arn: str) -> Service | None:
    """Return the caller's service of that ARN in the call's Region; None for a deleted one too."""
    for service in services.where(call.tx, "by_arn", arn):
        if (service.account, service.region) == (call.account, call.region) and service.status != DELETED:
            return service
    return None


def _existing(call: Call, arn: str) -> Service:
    found = _find(call, arn)
    if found is None:
        raise errors.no_such_resource(arn)
    return found
