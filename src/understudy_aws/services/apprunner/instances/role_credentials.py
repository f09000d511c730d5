"""Credentials of instance roles, as the programs of instances ask for them: temporary, and each for its own instance.

An instance asks at an address that it alone can reach, with the token in its environment. Both must be its own. Where
the machine gives instances no networks, they ask on its loopback interface, and the token is all there is. Credentials
stay the same until they are about to expire, and they end with the instance.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from understudy_aws.authn.caller import Caller
from understudy_aws.core.arn import parse
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest, HttpResponse
from understudy_aws.dataplane.edge import ANY_INTERFACE, CREDENTIALS_PATH
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.instances.own_network import interface_of
from understudy_aws.services.apprunner.secret_values import TASKS
from understudy_aws.services.apprunner.service_records import (
    ServiceInstance,
    service_instances,
    service_versions,
)
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.store.database import Transaction

PATH = f"{CREDENTIALS_PATH}/"
# SDKs ask for others a quarter of an hour before the end.
_MARGIN = timedelta(minutes=20)
_HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


class _Refused(msgspec.Struct, frozen=True):
    """Why no credentials are given, as containers are told it."""

    code: str
    message: str


class RoleCredentials:
    """Answers instances that ask for the credentials of their roles."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request that came from the interface of an instance."""
        with self._gateway.database.transaction() as tx:
            instance = _asking(tx, request)
            version = (
                service_versions.get(
                    tx, instance.account, instance.region, instance.service, instance.version
                )
                if instance is not None
                else None
            )
        if instance is None or version is None or not version.settings.instance.role:
            return _response(
                400, _Refused("InvalidIdInRequest", "There are no credentials for this request.")
            )
        try:
            session = self._session(instance, version.settings.instance.role)
        except ApiError as error:
            return _response(error.status, _Refused(error.code, error.message))
        body = {
            "RoleArn": version.settings.instance.role,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "Token": session.token,
            "Expiration": f"{session.expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        return HttpResponse(200, msgspec.json.encode(body), _HEADERS)

    @staticmethod
    def not_durable() -> HttpResponse:
        """Answer a request whose session could not be kept."""
        return _response(503, _Refused("ServiceUnavailable", "The credentials could not be kept. Try again."))

    def _session(self, instance: ServiceInstance, role: str) -> Session:
        """Return the session that an instance has, or a new one when that ends soon. Raises ApiError."""
        now = self._gateway.clock.now()
        with self._gateway.database.transaction() as tx:
            session = sessions.get(tx, instance.session) if instance.session else None
        if session is not None and session.expires - now > _MARGIN:
            return session
        answer = self._gateway.perform(
            _tasks(instance),
            "sts",
            "AssumeRole",
            {"role_arn": role, "role_session_name": instance.id},
            region=instance.region,
        )
        with self._gateway.database.transaction() as tx:
            made = sessions.get(tx, str(answer["Credentials"]["AccessKeyId"]))
            assert made is not None, "a session that was just made is there"
            # The application has it, and no service of AWS's.
            made = sessions.put(tx, replace(made, invoked_by="", region=""))
            service_instances.put(tx, replace(instance, session=made.access_key_id))
        return made


def end_session(tx: Transaction, instance: ServiceInstance, at: datetime) -> None:
    """Make the credentials of an instance worthless, which is gone."""
    session = sessions.get(tx, instance.session) if instance.session else None
    if session is not None and session.expires > at:
        sessions.delete(tx, session)


def _asking(tx: Transaction, request: HttpRequest) -> ServiceInstance | None:
    """Return the instance that asks; None for a token that is not of the instance with that interface."""
    if request.method != "GET" or not f"{request.path}/".startswith(PATH):
        return None
    token = request.path.removeprefix(CREDENTIALS_PATH).removeprefix("/")
    # SDKs send what AWS_CONTAINER_AUTHORIZATION_TOKEN has, and only to a whole URL.
    token = token or request.headers.get("authorization", "")
    found = service_instances.where(tx, "by_credentials", token) if token else []
    return next((each for each in found if request.interface in {interface_of(each), ANY_INTERFACE}), None)


def _tasks(instance: ServiceInstance) -> Caller:
    """Return App Runner as the caller for a service's instance."""
    service = parse(instance.service)
    assert service is not None, "a service has an ARN"
    return Caller(
        kind="service",
        account=service.account,
        arn=TASKS,
        user_id=TASKS,
        name=TASKS,
        source_arn=instance.service,
        source_account=service.account,
    )


def _response(status: int, refused: _Refused) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode(refused), _HEADERS)
