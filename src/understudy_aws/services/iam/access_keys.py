"""Long-term access keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.listings import sorted_listing
from understudy_aws.services.iam.users import (
    AccessKey,
    a_user,
    access_keys,
    named_or_calling,
    user_target,
    users,
)
from understudy_aws.store.tables import Record, Table

KEYS_PER_USER = 2


class AccessKeyUse(Record, frozen=True, kw_only=True):
    """When and where a key was last used. It is a record of its own, so that use does not change the key."""

    id: str
    at: datetime
    region: str
    service: str


access_key_uses = Table("iam/access-key-use", AccessKeyUse, key=lambda use: (use.id,))


def the_keys_user(call: Call, params: Params) -> Sequence[Target]:
    """Return the user that the key belongs to."""
    key = access_keys.get(call.tx, params["access_key_id"])
    if key is None or key.account != call.account:
        return [Target()]
    return [user_target(call, key.user)]


@operation("iam:CreateAccessKey", on=a_user)
def create_access_key(call: Call, *, user_name: str | None = None) -> Answer:
    """Make a key. Its secret is in this answer and in no other."""
    user = named_or_calling(call, user_name)
    owner = (user.account, user.name.lower())
    if access_keys.count_where(call.tx, "by_user", owner) >= KEYS_PER_USER:
        raise errors.quota("AccessKeysPerUser", KEYS_PER_USER)
    key = AccessKey(
        id=call.ids.access_key_id("AKIA", user.account),
        account=user.account,
        user=user.name.lower(),
        secret=call.ids.secret_access_key(),
        created=call.at,
    )
    access_keys.put(call.tx, key)
    return {
        "AccessKey": {
            "UserName": user.name,
            "AccessKeyId": key.id,
            "Status": "Active",
            "SecretAccessKey": key.secret,
            "CreateDate": key.created,
        }
    }


@operation("iam:ListAccessKeys", on=a_user)
def list_access_keys(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a user's keys, without their secrets."""
    user = named_or_calling(call, user_name)
    keys = access_keys.where(call.tx, "by_user", (user.account, user.name.lower()))
    return sorted_listing(
        "AccessKeyMetadata",
        keys,
        lambda key: {
            "UserName": user.name,
            "AccessKeyId": key.id,
            "Status": "Active" if key.active else "Inactive",
            "CreateDate": key.created,
        },
        key=lambda key: (key.created.isoformat(), key.id),
        scope=f"ListAccessKeys:{user.id}",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:UpdateAccessKey", on=a_user)
def update_access_key(call: Call, *, access_key_id: str, status: str, user_name: str | None = None) -> None:
    """Make a key active or inactive."""
    key = _existing(call, access_key_id, user_name)
    if status == "Expired":
        raise errors.no_manual_expiry()
    access_keys.put(call.tx, msgspec.structs.replace(key, active=status == "Active"))


@operation("iam:DeleteAccessKey", on=a_user)
def delete_access_key(call: Call, *, access_key_id: str, user_name: str | None = None) -> None:
    """Delete a key."""
    key = _existing(call, access_key_id, user_name)
    access_keys.delete(call.tx, key)
    use = access_key_uses.get(call.tx, key.id)
    if use is not None:
        access_key_uses.delete(call.tx, use)


@operation("iam:GetAccessKeyLastUsed", on=the_keys_user)
def get_access_key_last_used(call: Call, *, access_key_id: str) -> Answer:
    """Tell whose key this is, and when it was last used."""
    key = access_keys.get(call.tx, access_key_id)
    if key is None or key.account != call.account:
        raise errors.access_denied(
            f"User: {call.caller.arn} is not authorized to perform iam:GetAccessKeyLastUsed on resource: "
            f"access key {access_key_id}"
        )
    use = access_key_uses.get(call.tx, key.id)
    user = users.get(call.tx, key.account, key.user)
    last = {"Region": use.region if use else "N/A", "ServiceName": use.service if use else "N/A"}
    return {
        "UserName": user.name if user else key.user,
        "AccessKeyLastUsed": {**last, "LastUsedDate": use.at if use else None},
    }


def _existing(call: Call, id: str, user_name: str | None) -> AccessKey:
    user = named_or_calling(call, user_name)
    key = access_keys.get(call.tx, id)
    if key is None or (key.account, key.user) != (user.account, user.name.lower()):
        raise errors.no_such_access_key(id)
    return key
