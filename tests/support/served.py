"""The services served here, as the wire knows them."""

from __future__ import annotations

from understudy_aws.core.http import HttpRequest
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.wire import routing
from understudy_aws.wire.protocol import Route

ADDRESSES = Registry(SERVICES).addresses
IDS = tuple(service.id for service in SERVICES)


def route(request: HttpRequest) -> Route:
    """The operation a request is for, of the services served here."""
    return routing.route(request, ADDRESSES)
