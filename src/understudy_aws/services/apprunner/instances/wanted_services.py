"""What the records of services ask for on this machine: instances, their networks, and where requests are led."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.core.arn import parse
from understudy_aws.dataplane import wanted, wanted_services
from understudy_aws.dataplane.edge import API_URL, api_urls
from understudy_aws.services.apprunner.auto_scaling_records import AutoScalingConfiguration, revisions
from understudy_aws.services.apprunner.custom_domain_records import active_hosts
from understudy_aws.services.apprunner.ingress_connection_records import private_entries
from understudy_aws.services.apprunner.instances import own_network, role_credentials
from understudy_aws.services.apprunner.service_records import (
    SERVING,
    STOPPING,
    Service,
    ServiceInstance,
    ServiceVersion,
    service_instances,
    service_versions,
    services,
    version_secrets,
)
from understudy_aws.services.ec2.api_names import api_names
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.vpc_endpoints.variables import endpoint_names
from understudy_aws.services.ec2.wanted_network import wanted_network
from understudy_aws.store.database import Transaction


def node_is_needed(tx: Transaction) -> bool:
    """Whether there is anything that a node does for services: some that run or are under way, or instances."""
    return services.count_where(tx, "live", "") > 0 or service_instances.count(tx) > 0


def may_be_resumed(tx: Transaction) -> bool:
    """Whether there is a service that is paused."""
    return services.count_where(tx, "paused", "") > 0


def network_now(tx: Transaction, now: datetime, *, kept: bool = False) -> wanted.Network:
    """Return the network of attached programs and of instances, those in App Runner's own network among them.

    With `kept` that one is there as long as a service may have instances in it again, so that its way out is not ended
    and started anew.
    """
    instances = list(service_instances.scan(tx))
    in_vpcs = (
        network_interfaces.get(tx, each.account, each.region, each.interface)
        for each in instances
        if each.interface
    )
    network = wanted_network(tx, now, [each for each in in_vpcs if each is not None])
    own = own_network.network(instances, kept=kept and _may_use_own_network(tx))
    if own is None:
        return network
    regions = sorted({each.region for each in instances if each.address})
    return replace(
        network,
        vpcs=tuple(sorted((*network.vpcs, own), key=lambda vpc: vpc.id)),
        names={**api_names(regions), **network.names},
    )


def _may_use_own_network(tx: Transaction) -> bool:
    found = (*services.where(tx, "live", ""), *services.where(tx, "paused", ""))
    return any(each.settings is not None and not each.settings.network.connector for each in found)


def wanted_now(
    tx: Transaction, now: datetime, *, secure: bool = False, authority: str = ""
) -> wanted_services.Services:
    """Return what should run, and what leads requests to it; `secure` if the server speaks TLS.

    `authority` is the certificate of the authority, as PEM, by which instances know that it is the server.
    """
    found_instances = _instances(tx, secure=secure, authority=authority)
    instances = sorted(found_instances, key=lambda each: each.id)
    found = [service_now(tx, each, now) for each in services.where(tx, "live", "")]
    return wanted_services.Services(
        instances=tuple(instances), services=tuple(sorted(found, key=lambda each: each.arn))
    )


def scaling_of(tx: Transaction, service: Service) -> AutoScalingConfiguration:
    """Return the auto scaling configuration of a service, AWS's own defaults if it has none any more."""
    arn = parse(service.scaling or service.asked_scaling)
    found = revisions.of_arn(tx, arn) if arn is not None else None
    if found is not None:
        return found
    return AutoScalingConfiguration(
        account=service.account, region=service.region, name="", id="", revision=1, created=service.created
    )


def _instances(tx: Transaction, *, secure: bool, authority: str) -> Iterator[wanted_services.Instance]:
    for instance in service_instances.scan(tx):
        if instance.purpose == STOPPING or not (instance.interface or instance.address):
            continue
        version = service_versions.get(
            tx, instance.account, instance.region, instance.service, instance.version
        )
        if version is not None:
            yield _instance(tx, instance, version, secure=secure, authority=authority)


def _instance(
    tx: Transaction, instance: ServiceInstance, version: ServiceVersion, *, secure: bool, authority: str
) -> wanted_services.Instance:
    secrets = version_secrets.get(tx, instance.account, instance.region, instance.service, instance.version)
    check = version.settings.health_check
    given = _from_app_runner(instance, secure=secure)
    own = {**dict(version.environment), **dict(secrets.values if secrets is not None else ())}
    environment = {**given, **own}
    return wanted_services.Instance(
        id=instance.id,
        service=instance.service,
        interface=own_network.interface_of(instance),
        program=wanted_services.Program(
            image=version.image,
            source=version.source,
            command=version.command,
            environment=tuple(environment.items()),
            authority=authority,
            apis=tuple(name for name in given if name.startswith(API_URL) and name not in own),
        ),
        port=version.port,
        cpu=int(version.settings.instance.cpu),
        memory=int(version.settings.instance.memory),
        health_check=wanted_services.HealthCheck(
            protocol=check.protocol,
            path=check.path,
            interval=check.interval,
            timeout=check.timeout,
            healthy_threshold=check.healthy_threshold,
            unhealthy_threshold=check.unhealthy_threshold,
        ),
        log_stream=f"instance/{instance.id}",
        credentials=instance.credentials,
    )


def _from_app_runner(instance: ServiceInstance, *, secure: bool) -> dict[str, str]:
    """Return the variables that an instance has from App Runner, where its user sets none of the name."""
    endpoints = dict(instance.environment)
    if secure:
        endpoints = endpoint_names(endpoints, instance.region)
    variables = {
        "AWS_REGION": instance.region,
        "AWS_DEFAULT_REGION": instance.region,
        # Nobody here plays the metadata service; asking for it only costs seconds.
        "AWS_EC2_METADATA_DISABLED": "true",
        **api_urls(endpoints, secure=secure),
    }
    if instance.credentials:
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"{role_credentials.PATH}{instance.credentials}"
    return variables


def service_now(tx: Transaction, service: Service, now: datetime) -> wanted_services.Service:
    """Return where requests to a service are taken, and which instances they are led to."""
    serving = [
        each.id for each in service_instances.where(tx, "by_service", service.arn) if each.purpose == SERVING
    ]
    host, domains = service.url.partition(":")[0], active_hosts(tx, service.arn, now)
    return wanted_services.Service(
        arn=service.arn,
        # A private service has no URL, and is reached from outside by no other name either.
        hosts=(host, *domains) if host else (),
        instances=tuple(sorted(serving)),
        max_concurrency=scaling_of(tx, service).max_concurrency,
        asleep=service.asleep,
        private_entries=private_entries(tx, service.arn, now, domains),
    )
