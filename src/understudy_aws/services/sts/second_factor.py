"""The second factor of a request to STS: the serial number of an MFA device, and a code of it."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.services.iam.credential_records import MfaDevice, mfa_devices
from understudy_aws.services.iam.mfa_devices import NOT_THE_USERS, checked_by_code
from understudy_aws.services.iam.users import users


def use_code(call: Call, serial_number: str | None, token_code: str | None) -> bool:
    """Take the code of a request, which is then used up. Returns whether there was one.

    Raises AccessDenied for a code that is wrong, used already or of a device that is not the calling user's.
    """
    device = checked_device(call, serial_number, token_code)
    if device is None:
        return False
    mfa_devices.put(call.tx, device)
    return True


def checked_device(call: Call, serial_number: str | None, token_code: str | None) -> MfaDevice | None:
    """Return the device as it is once the code is used up, or None for a request without a code. Raises AccessDenied.

    Nothing is written: whether the caller may do what the code is for is not known yet.
    """
    if serial_number is None and token_code is None:
        return None
    if serial_number is None or token_code is None:
        raise ApiError(
            "AccessDenied",
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            403,
        )
    caller = call.caller
    user = users.get(call.tx, caller.account, caller.name.lower()) if caller.kind == "user" else None
    if user is None:
        raise ApiError("AccessDenied", NOT_THE_USERS, 403)
    return checked_by_code(call.tx, user, serial_number, token_code, call.at)
