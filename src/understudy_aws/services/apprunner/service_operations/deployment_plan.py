"""What an operation on a service has to do: fetch and build, launch instances, or change settings alone."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.services.apprunner.service_settings.service_settings import ServiceSettings
from understudy_aws.services.apprunner.service_settings.sources import Source


class DeploymentPlan(msgspec.Struct, frozen=True):
    """What a deployment does.

    It `fetches` and builds what runs, or takes what is deployed, and `launches` instances, or leaves those that run.
    `settings` are those that the service has when it succeeded.
    """

    settings: ServiceSettings
    scaling: str
    fetches: bool
    launches: bool


def plan_of(service: Service, operation: DurableOperation) -> DeploymentPlan:
    """Return what an operation has to do, which is the same at each of its steps before the service is switched."""
    former = service.settings
    settings = service.asked or former
    assert settings is not None, "a service has settings from the beginning"
    scaling = service.asked_scaling or service.scaling
    type = history.type_of(operation)
    if type == history.RESUME:
        return DeploymentPlan(settings, scaling, fetches=False, launches=True)
    if former is None or type == history.DEPLOY:
        return DeploymentPlan(settings, scaling, fetches=True, launches=True)
    fetches = _fetched(settings.source) != _fetched(former.source)
    launches = fetches or scaling != service.scaling or _run(settings) != _run(former)
    return DeploymentPlan(settings, scaling, fetches=fetches, launches=launches)


def _fetched(source: Source) -> Source:
    """Return a source without what gives access to it, which changes nothing of what is fetched."""
    return replace(source, automatic=False, access_role="", connection="")


def _run(settings: ServiceSettings) -> ServiceSettings:
    """Return settings without those that instances do not notice."""
    return replace(
        settings,
        source=_fetched(settings.source),
        network=replace(settings.network, public=True, addresses=""),
        observability="",
        kms_key="",
    )
