"""Passwords with which users sign in to the console (credentials.md 30.2)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors, passwords
from understudy_aws.services.iam.account_aliases import account_aliases
from understudy_aws.services.iam.credential_records import LoginProfile, login_profiles
from understudy_aws.services.iam.password_policy import permission_by_policy, policy_of
from understudy_aws.services.iam.users import User, a_user, existing_user, named_or_calling, user_target


def _oneself(call: Call, _params: Params) -> Sequence[Target]:
    """Return the calling user, who may be allowed by the password policy of the account."""
    target = user_target(call, call.caller.name)
    return [msgspec.structs.replace(target, policy=permission_by_policy(call, "iam:ChangePassword"))]


@operation("iam:CreateLoginProfile", on=a_user)
def create_login_profile(
    call: Call,
    *,
    user_name: str | None = None,
    password: str | None = None,
    password_reset_required: bool = False,
    max_signin_session_duration: int | None = None,
) -> Answer:
    """Give a user a password."""
    user = named_or_calling(call, user_name)
    if not user.name:
        raise ApiError("NotImplemented", "Root users have no passwords in Understudy.", 501)
    if _profile(call, user) is not None:
        raise errors.exists(f"Login Profile for user {user.name} already exists.")
    if password is None:
        raise errors.validation("Must specify password when calling with a user name")
    _check(call, password)
    salt = call.ids.secret_bytes(passwords.SALT_BYTES)
    profile = LoginProfile(
        account=user.account,
        user=user.name.lower(),
        created=call.at,
        changed=call.at,
        salt=salt,
        hash=passwords.hashed(password, salt),
        reset_required=password_reset_required,
        max_session=max_signin_session_duration or 0,
    )
    return _shown(user, login_profiles.put(call.tx, profile))


@operation("iam:GetLoginProfile", on=a_user)
def get_login_profile(call: Call, *, user_name: str | None = None) -> Answer:
    """Tell that a user has a password, and since when."""
    user = named_or_calling(call, user_name)
    return _shown(user, _existing(call, user))


@operation("iam:UpdateLoginProfile", on=a_user)
def update_login_profile(
    call: Call,
    *,
    user_name: str,
    password: str | None = None,
    password_reset_required: bool | None = None,
    max_signin_session_duration: int | None = None,
    reset_max_signin_session_duration: bool = False,
) -> None:
    """Change a user's password or what goes with it. What is left out stays."""
    profile = _existing(call, existing_user(call, user_name))
    if reset_max_signin_session_duration and max_signin_session_duration is not None:
        raise errors.invalid_input(
            "MaxSigninSessionDuration cannot be specified together with ResetMaxSigninSessionDuration."
        )
    if password is not None:
        profile = _with_password(call, profile, password)
    if password_reset_required is not None:
        profile = msgspec.structs.replace(profile, reset_required=password_reset_required)
    if reset_max_signin_session_duration or max_signin_session_duration is not None:
        profile = msgspec.structs.replace(profile, max_session=max_signin_session_duration or 0)
    login_profiles.put(call.tx, profile)


@operation("iam:DeleteLoginProfile", on=a_user)
def delete_login_profile(call: Call, *, user_name: str | None = None) -> None:
    """Take a user's password away. Access keys go on working."""
    login_profiles.delete(call.tx, _existing(call, named_or_calling(call, user_name)))


@operation("iam:ChangePassword", on=_oneself)
def change_password(call: Call, *, old_password: str, new_password: str) -> None:
    """Change the calling user's own password, also one that has expired: only the console refuses that."""
    if call.caller.kind != "user":
        raise ApiError("InvalidUserType", "Only IAM Users can change their own password")
    profile = _existing(call, existing_user(call, call.caller.name))
    if not passwords.is_password(profile, old_password):
        raise errors.access_denied("The old password was incorrect.")
    if new_password == old_password:
        raise errors.access_denied("The new password must be different from the old one.")
    changed = _with_password(call, profile, new_password)
    login_profiles.put(call.tx, msgspec.structs.replace(changed, reset_required=False))


def _profile(call: Call, user: User) -> LoginProfile | None:
    return login_profiles.get(call.tx, user.account, user.name.lower())


def _existing(call: Call, user: User) -> LoginProfile:
    profile = _profile(call, user)
    if profile is None:
        raise ApiError("NoSuchEntity", f"Login Profile for User {user.name} cannot be found.", 404)
    return profile


def _check(call: Call, password: str) -> None:
    alias = account_aliases.get(call.tx, call.account)
    names = (call.account, alias.alias) if alias else (call.account,)
    passwords.check(policy_of(call.tx, call.account), password, names=names)


def _with_password(call: Call, profile: LoginProfile, password: str) -> LoginProfile:
    _check(call, password)
    hash = passwords.hashed(password, profile.salt)
    passwords.check_reuse(policy_of(call.tx, call.account), profile, hash)
    return msgspec.structs.replace(profile, hash=hash, earlier=passwords.remembered(profile), changed=call.at)


def _shown(user: User, profile: LoginProfile) -> Answer:
    return {
        "LoginProfile": {
            "UserName": user.name,
            "CreateDate": profile.created,
            "PasswordResetRequired": profile.reset_required,
            "MaxSigninSessionDuration": profile.max_session or None,
        }
    }
