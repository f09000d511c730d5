"""Service-specific credentials of users: passwords and API keys for one service (credentials.md 30.5)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, cast

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.credential_records import (
    ServiceSpecificCredential,
    Status,
    service_specific_credentials,
)
from understudy_aws.services.iam.listings import after, listing, sorted_listing
from understudy_aws.services.iam.users import (
    User,
    a_user,
    existing_user,
    named_or_calling,
    user_target,
    users,
)

CREDENTIALS_PER_USER = 2
_PASSWORD_BYTES = 45  # 60 letters in Base64
# The services that take them, and what their API keys begin with; the first two take a user name and a password.
_SERVICES: Mapping[str, str] = {
    "codecommit.amazonaws.com": "",
    "cassandra.amazonaws.com": "",
    "bedrock.amazonaws.com": "ABSK",
    "logs.amazonaws.com": "ACWL",
    "cloudwatch.amazonaws.com": "APIAACWM",
    "aws-external-anthropic.amazonaws.com": "AEAA",
}
_SERVICE_NAME = re.compile(r"[a-zA-Z0-9.-]*")
_SERVICE_KEY, _AGE_KEY = "iam:servicespecificcredentialservicename", "iam:servicespecificcredentialagedays"


def a_user_and_the_service(call: Call, params: Params) -> Sequence[Target]:
    """Return the user, with the service and the age of the credential that is asked for."""
    keys: dict[str, str | list[str]] = {_SERVICE_KEY: params["service_name"].lower()}
    if params.get("credential_age_days") is not None:
        keys[_AGE_KEY] = str(params["credential_age_days"])
    return [user_target(call, params["user_name"], keys)]


def a_user_and_the_credentials_service(call: Call, params: Params) -> Sequence[Target]:
    """Return the user, with the service that the credential is for."""
    known = _find(call, params["service_specific_credential_id"])
    keys = {_SERVICE_KEY: known.service} if known else {}
    return [user_target(call, params.get("user_name") or call.caller.name, keys)]


def a_user_or_all(call: Call, params: Params) -> Sequence[Target]:
    """Return the user, or all users of the account for a list of everybody's credentials."""
    return [Target(iam(call.account, "user/*"))] if params.get("all_users") else a_user(call, params)


@operation("iam:CreateServiceSpecificCredential", on=a_user_and_the_service)
def create_service_specific_credential(
    call: Call, *, user_name: str, service_name: str, credential_age_days: int | None = None
) -> Answer:
    """Make a credential. Its secret is in this answer and in no other."""
    service = _service(service_name)
    user = existing_user(call, user_name)
    owned = service_specific_credentials.where(call.tx, "by_user", (user.account, user.name.lower()))
    if sum(each.service == service for each in owned) >= CREDENTIALS_PER_USER:
        raise errors.quota("ContextSpecificCredentialsPerUserPerContext", CREDENTIALS_PER_USER)
    password = _new_password(call)
    credential = ServiceSpecificCredential(
        id=call.ids.iam("ACCA"),
        account=user.account,
        user=user.name.lower(),
        service=service,
        alias=_free_alias(call, user, service),
        hash=_hash(password),
        created=call.at,
        expires=None if credential_age_days is None else call.at + timedelta(days=credential_age_days),
    )
    service_specific_credentials.put(call.tx, credential)
    return {"ServiceSpecificCredential": _with_secret(call, user, credential, password)}


@operation("iam:ListServiceSpecificCredentials", on=a_user_or_all)
def list_service_specific_credentials(
    call: Call,
    *,
    user_name: str | None = None,
    service_name: str | None = None,
    all_users: bool = False,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List the credentials of the user named, of the calling user, or of all users, without their secrets."""
    service = _service(service_name) if service_name else ""
    if not all_users:
        user = named_or_calling(call, user_name)
        owned = service_specific_credentials.where(call.tx, "by_user", (user.account, user.name.lower()))
        return sorted_listing(
            "ServiceSpecificCredentials",
            [each for each in owned if service in {"", each.service}],
            lambda each: _metadata(call, user.name, each),
            key=lambda each: (each.created.isoformat(), each.id),
            scope=f"ListServiceSpecificCredentials:{user.id}:{service}",
            max_items=max_items,
            marker=marker,
        )
    if user_name is not None:
        raise errors.invalid_input("UserName cannot be specified together with AllUsers.")
    scope = f"ListServiceSpecificCredentials::{service}"
    found = (
        each
        for each in service_specific_credentials.scan(
            call.tx, call.account, after=after(marker, scope, account=call.account)
        )
        if service in {"", each.service}
    )
    return listing(
        "ServiceSpecificCredentials",
        found,
        lambda each: _metadata(call, _name_of_user(call, each), each),
        key=service_specific_credentials.key,
        scope=scope,
        max_items=max_items,
    )


@operation("iam:UpdateServiceSpecificCredential", on=a_user_and_the_credentials_service)
def update_service_specific_credential(
    call: Call, *, service_specific_credential_id: str, status: str, user_name: str | None = None
) -> None:
    """Make a credential active or inactive."""
    credential = _existing(call, named_or_calling(call, user_name), service_specific_credential_id)
    if status == "Expired":
        raise errors.no_manual_expiry()
    service_specific_credentials.put(
        call.tx, msgspec.structs.replace(credential, status=cast("Status", status))
    )


@operation("iam:ResetServiceSpecificCredential", on=a_user_and_the_credentials_service)
def reset_service_specific_credential(
    call: Call, *, service_specific_credential_id: str, user_name: str | None = None
) -> Answer:
    """Give a credential another secret. All else stays, its status and its end too."""
    user = named_or_calling(call, user_name)
    credential = _existing(call, user, service_specific_credential_id)
    password = _new_password(call)
    changed = msgspec.structs.replace(credential, hash=_hash(password))
    service_specific_credentials.put(call.tx, changed)
    return {"ServiceSpecificCredential": _with_secret(call, user, changed, password)}


@operation("iam:DeleteServiceSpecificCredential", on=a_user_and_the_credentials_service)
def delete_service_specific_credential(
    call: Call, *, service_specific_credential_id: str, user_name: str | None = None
) -> None:
    """Delete a credential."""
    user = named_or_calling(call, user_name)
    service_specific_credentials.delete(call.tx, _existing(call, user, service_specific_credential_id))


def _find(call: Call, id: str) -> ServiceSpecificCredential | None:
    return service_specific_credentials.get(call.tx, call.account, id)


def _existing(call: Call, user: User, id: str) -> ServiceSpecificCredential:
    credential = _find(call, id)
    if credential is None:
        raise ApiError("NoSuchEntity", f"No such credential {id} exists", 404)
    if credential.user != user.name.lower():
        raise errors.validation(f"User {user.name} does not have a service specific credential with id {id}")
    return credential


def _service(name: str) -> str:
    """Return a service's name in small letters. Raises NoSuchEntity for one that takes no such credentials."""
    if not _SERVICE_NAME.fullmatch(name):
        raise errors.validation("ServiceName must match [a-zA-Z0-9.-]*")
    if name.lower() not in _SERVICES:
        text = f"No such service {name} is supported for Service Specific Credentials"
        raise ApiError("NoSuchEntity", text, 404)
    return name.lower()


def _new_password(call: Call) -> str:
    return base64.b64encode(call.ids.secret_bytes(_PASSWORD_BYTES)).decode()


def _hash(password: str) -> bytes:
    """Return what is kept of a password, which is too long to be guessed."""
    return hashlib.sha256(password.encode()).digest()


def _free_alias(call: Call, user: User, service: str) -> str:
    """Return a user name at the service that nobody has: a user who was renamed keeps his."""
    for number in count():
        alias = f"{user.name}{f'+{number}' if number else ''}-at-{user.account}"
        if not service_specific_credentials.count_where(
            call.tx, "by_alias", (user.account, service, alias.lower())
        ):
            return alias
    raise AssertionError("numbers do not end")


def _name_of_user(call: Call, credential: ServiceSpecificCredential) -> str:
    user = users.get(call.tx, credential.account, credential.user)
    return user.name if user else credential.user


def _metadata(call: Call, user_name: str, credential: ServiceSpecificCredential) -> dict[str, Any]:
    over = credential.expires is not None and call.at >= credential.expires
    named = "ServiceCredentialAlias" if _SERVICES[credential.service] else "ServiceUserName"
    return {
        "UserName": user_name,
        "ServiceName": credential.service,
        named: credential.alias,
        "ServiceSpecificCredentialId": credential.id,
        "CreateDate": credential.created,
        "ExpirationDate": credential.expires,
        "Status": "Expired" if over else credential.status,
    }


def _with_secret(call: Call, user: User, credential: ServiceSpecificCredential, password: str) -> Answer:
    shown = _metadata(call, user.name, credential)
    prefix = _SERVICES[credential.service]
    if not prefix:
        return {**shown, "ServicePassword": password}
    secret = base64.b64encode(f"{credential.alias}:{password}".encode()).decode()
    return {**shown, "ServiceCredentialSecret": prefix + secret}
