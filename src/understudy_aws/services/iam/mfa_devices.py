"""Virtual MFA devices of IAM users (credentials.md 30.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam, parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, one_time_codes, tags
from understudy_aws.services.iam.account_aliases import account_aliases
from understudy_aws.services.iam.credential_records import MfaDevice, mfa_devices
from understudy_aws.services.iam.listings import after, listing, sorted_listing, tags_listed
from understudy_aws.services.iam.tags import merged
from understudy_aws.services.iam.users import (
    USERS_PER_ACCOUNT,
    User,
    a_user,
    describe,
    existing_user,
    named_or_calling,
    users,
)
from understudy_aws.store.database import Transaction

DEVICES_PER_USER = 8
# Virtual devices of an account, assigned or not: as many as users (credentials.md 30.1).
DEVICES_PER_ACCOUNT = USERS_PER_ACCOUNT
# Codes are taken that are so many steps before or behind the device's time.
_STEPS_TAKEN = 2
NOT_THE_USERS = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)


def find(tx: Transaction, account: str, serial: str) -> MfaDevice | None:
    """Return the device of that serial number in an account, or None."""
    arn = parse(serial)
    if arn is None or arn.service != "iam" or arn.account != account or not arn.resource.startswith("mfa/"):
        return None
    return mfa_devices.get(tx, account, arn.resource.removeprefix("mfa").lower())


def devices_of(tx: Transaction, user: User) -> list[MfaDevice]:
    """Return the devices of a user."""
    return mfa_devices.where(tx, "by_user", (user.account, user.name.lower()))


def verify_mfa_code(tx: Transaction, user: User, serial: str, code: str, now: datetime) -> None:
    """Take a one-time code of a user's device, which is then used up. Raises AccessDenied for any other.

    The transaction that makes the session keeps the device too, so that a code makes one session.
    """
    mfa_devices.put(tx, checked_by_code(tx, user, serial, code, now))


def checked_by_code(tx: Transaction, user: User, serial: str, code: str, now: datetime) -> MfaDevice:
    """Return a user's device as it is once this code of it is used up. Raises AccessDenied for any other code."""
    device = find(tx, user.account, serial)
    if device is None or device.user != user.name.lower():
        raise errors.access_denied(NOT_THE_USERS)
    middle = one_time_codes.step_at(now) + device.ahead
    steps = range(middle - _STEPS_TAKEN, middle + _STEPS_TAKEN + 1)
    found = [each for each in steps if one_time_codes.is_code_of(device.seed, each, code)]
    if not found or found[0] in device.used:
        raise errors.access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    used = (*(each for each in device.used if each >= steps[0]), found[0])
    return msgspec.structs.replace(device, used=used)


def a_device(call: Call, params: Params) -> Sequence[Target]:
    """Return the device of that serial number, with its tags."""
    device = find(call.tx, call.account, params["serial_number"])
    kept = tags.resource_keys(device.tags) if device else {}
    named = device.arn if device else params["serial_number"]
    arn = named if parse(named) is not None else iam(call.account, f"mfa/{named}")
    return [Target(arn, {**kept, **tags.request_keys(params)})]


def a_new_device(call: Call, params: Params) -> Sequence[Target]:
    """Return the device under the ARN it will have. Tags take a permission of their own."""
    arn = iam(call.account, f"mfa{params.get('path') or '/'}{params['virtual_mfa_device_name']}")
    target = Target(arn, tags.request_keys(params))
    return [target, replace(target, action="iam:TagMFADevice")] if params.get("tags") else [target]


def all_devices(call: Call, _params: Params) -> Sequence[Target]:
    """Return what AWS's refusals name where devices are listed (credentials.md 30.1)."""
    return [Target(iam(call.account, "mfa/"))]


@operation("iam:CreateVirtualMFADevice", on=a_new_device)
def create_virtual_mfa_device(
    call: Call,
    *,
    virtual_mfa_device_name: str,
    path: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Make a device that is assigned to nobody. Its seed is in this answer and in no other."""
    device = MfaDevice(
        account=call.account,
        name=virtual_mfa_device_name,
        path=path or "/",
        seed=call.ids.secret_bytes(one_time_codes.SEED_BYTES),
        created=call.at,
        tags=merged((), tags, ignore_case=False),
    )
    if mfa_devices.get(call.tx, *mfa_devices.key(device)) is not None:
        raise errors.exists("MFA device already exists.")
    if mfa_devices.count(call.tx, call.account) >= DEVICES_PER_ACCOUNT:
        raise errors.quota("VirtualMFADevicesPerAccount", DEVICES_PER_ACCOUNT)
    mfa_devices.put(call.tx, device)
    alias = account_aliases.get(call.tx, call.account)
    return {
        "VirtualMFADevice": {
            "SerialNumber": device.arn,
            "Base32StringSeed": one_time_codes.base32(device.seed),
            "QRCodePNG": one_time_codes.qr_code(
                device.seed, device.name, alias.alias if alias else call.account
            ),
            "Tags": _shown(device),
        }
    }


def _shown(device: MfaDevice) -> list[dict[str, str]] | None:
    return tags.shown(device.tags)


@operation("iam:EnableMFADevice", on=a_user)
def enable_mfa_device(
    call: Call, *, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Assign a device to a user, who proves to have it by two codes that follow each other."""
    user = existing_user(call, user_name)
    _check_second_factor(call, user)
    device = _existing(call, serial_number)
    if device.user == user.name.lower():
        raise errors.exists(f"MFA Device for user {user.name} already exists.")
    if device.user:
        raise errors.exists("MFA Device is already in use.")
    if len(devices_of(call.tx, user)) >= DEVICES_PER_USER:
        raise errors.quota("MFADevicesPerUser", DEVICES_PER_USER)
    synchronized = _synchronized(call, device, authentication_code1, authentication_code2)
    mfa_devices.put(call.tx, msgspec.structs.replace(synchronized, user=user.name.lower(), enabled=call.at))


@operation("iam:ResyncMFADevice", on=a_user)
def resync_mfa_device(
    call: Call, *, user_name: str, serial_number: str, authentication_code1: str, authentication_code2: str
) -> None:
    """Learn by two codes that follow each other how far the clock of a device is from ours."""
    device = _assigned(call, existing_user(call, user_name), serial_number)
    mfa_devices.put(call.tx, _synchronized(call, device, authentication_code1, authentication_code2))


@operation("iam:DeactivateMFADevice", on=a_user)
def deactivate_mfa_device(call: Call, *, serial_number: str, user_name: str | None = None) -> None:
    """Take a device from its user. It stays, assigned to nobody."""
    user = named_or_calling(call, user_name)
    _check_second_factor(call, user)
    device = _assigned(call, user, serial_number)
    mfa_devices.put(call.tx, msgspec.structs.replace(device, user="", enabled=None))


@operation("iam:DeleteVirtualMFADevice", on=a_device)
def delete_virtual_mfa_device(call: Call, *, serial_number: str) -> None:
    """Delete a device that is assigned to nobody."""
    device = _existing(call, serial_number)
    if device.user:
        raise errors.conflict("MFA VirtualDevice in use. Must deactivate first.")
    mfa_devices.delete(call.tx, device)


@operation("iam:GetMFADevice", on=a_user)
def get_mfa_device(call: Call, *, serial_number: str, user_name: str | None = None) -> Answer:
    """Describe a FIDO security key. Only the console assigns those, so there is none."""
    named_or_calling(call, user_name)
    arn = parse(serial_number)
    if arn is None or not arn.resource.startswith("u2f/"):
        raise errors.validation(
            "The MFA device serial number sent in the request is invalid or not supported by this API. Currently, "
            "only hardware FIDO security keys are supported. Please use the compatible device or API."
        )
    raise _no_such(serial_number)


@operation("iam:ListMFADevices", on=a_user)
def list_mfa_devices(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the devices of the user named, or else of the calling user."""
    user = named_or_calling(call, user_name)
    return sorted_listing(
        "MFADevices",
        devices_of(call.tx, user),
        lambda device: {
            "UserName": user.name,
            "SerialNumber": device.arn,
            "EnableDate": device.enabled,
        },
        key=lambda device: (device.arn,),
        scope=f"ListMFADevices:{user.id}",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:ListVirtualMFADevices", on=all_devices)
def list_virtual_mfa_devices(
    call: Call,
    *,
    assignment_status: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    """List the devices of the account, those that are assigned with their users, without seeds and tags."""
    wanted = {"Assigned": (True,), "Unassigned": (False,)}.get(assignment_status or "Any", (True, False))
    scope = f"ListVirtualMFADevices:{assignment_status or 'Any'}"
    found = (
        device
        for device in mfa_devices.scan(
            call.tx, call.account, after=after(marker, scope, account=call.account)
        )
        if bool(device.user) in wanted
    )
    return listing(
        "VirtualMFADevices",
        found,
        lambda device: _listed(call, device),
        key=mfa_devices.key,
        scope=scope,
        max_items=max_items,
    )


def _listed(call: Call, device: MfaDevice) -> Mapping[str, Any]:
    user = users.get(call.tx, device.account, device.user) if device.user else None
    return {
        "SerialNumber": device.arn,
        "User": describe(user) if user else None,
        "EnableDate": device.enabled,
    }


@operation("iam:TagMFADevice", on=a_device)
def tag_mfa_device(call: Call, *, serial_number: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    device = _existing(call, serial_number)
    if not tags:
        raise errors.no_tags()
    kept = merged(device.tags, tags, ignore_case=False)
    mfa_devices.put(call.tx, msgspec.structs.replace(device, tags=kept))


@operation("iam:UntagMFADevice", on=a_device)
def untag_mfa_device(call: Call, *, serial_number: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    device = _existing(call, serial_number)
    if not tag_keys:
        raise errors.no_tag_keys()
    kept = tags.without(device.tags, tag_keys, ignore_case=False)
    mfa_devices.put(call.tx, msgspec.structs.replace(device, tags=kept))


@operation("iam:ListMFADeviceTags", on=a_device)
def list_mfa_device_tags(
    call: Call, *, serial_number: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a device's tags."""
    return tags_listed(_existing(call, serial_number).tags, "ListMFADeviceTags", marker, max_items)


def _no_such(serial: str) -> ApiError:
    return ApiError("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.", 404)


def _existing(call: Call, serial: str) -> MfaDevice:
    device = find(call.tx, call.account, serial)
    if device is None:
        raise _no_such(serial)
    return device


def _assigned(call: Call, user: User, serial: str) -> MfaDevice:
    device = _existing(call, serial)
    if device.user != user.name.lower():
        raise ApiError("NoSuchEntity", "MFA Device invalid for user.", 404)
    return device


def _check_second_factor(call: Call, user: User) -> None:
    """Raise for a user with a device who gives himself another or takes one away without having used one."""
    caller = call.caller
    proven = caller.session is not None and caller.session.mfa
    if caller.kind == "user" and caller.user_id == user.id and not proven and devices_of(call.tx, user):
        raise errors.access_denied(
            "To complete this action, please ensure that you are authenticated with an MFA device that is enabled "
            "for this user."
        )


def _synchronized(call: Call, device: MfaDevice, first: str, second: str) -> MfaDevice:
    """Return the device with its clock set by two codes. Both must be newer than the last ones it was set by."""
    now = one_time_codes.step_at(call.at)
    step = one_time_codes.step_of_pair(device.seed, now + device.ahead, first, second)
    if step is None or step - 1 <= device.synchronized:
        raise ApiError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)
    return msgspec.structs.replace(device, ahead=step - now, synchronized=step)
