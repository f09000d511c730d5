"""SSH public keys of users, with which they fetch from CodeCommit (credentials.md 30.3)."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, cast

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.credential_records import SshPublicKey, Status, ssh_public_keys
from understudy_aws.services.iam.listings import sorted_listing
from understudy_aws.services.iam.users import User, a_user, existing_user, named_or_calling

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
else:
    # Few requests need them, and loading them takes as long as a start.
    exceptions = deferred("cryptography.exceptions")
    serialization = deferred("cryptography.hazmat.primitives.serialization")
    rsa = deferred("cryptography.hazmat.primitives.asymmetric.rsa")

KEYS_PER_USER = 5
_SHORTEST, _LONGEST = 2048, 16384


@operation("iam:UploadSSHPublicKey", on=a_user)
def upload_ssh_public_key(call: Call, *, user_name: str, ssh_public_key_body: str) -> Answer:
    """Give a user an RSA key, in SSH's form or as PEM."""
    user = existing_user(call, user_name)
    fingerprint = _fingerprint(_read(ssh_public_key_body))
    owned = ssh_public_keys.where(call.tx, "by_user", (user.account, user.name.lower()))
    if any(key.fingerprint == fingerprint for key in owned):
        raise ApiError("DuplicateSSHPublicKey", "Duplicate SSH public key uploaded.")
    if len(owned) >= KEYS_PER_USER:
        raise errors.quota("SSHPublicKeysPerUser", KEYS_PER_USER)
    key = SshPublicKey(
        id=call.ids.access_key_id("APKA", user.account),
        account=user.account,
        user=user.name.lower(),
        body=ssh_public_key_body,
        fingerprint=fingerprint,
        created=call.at,
    )
    ssh_public_keys.put(call.tx, key)
    return _described(user, key, key.body)


@operation("iam:GetSSHPublicKey", on=a_user)
def get_ssh_public_key(call: Call, *, user_name: str, ssh_public_key_id: str, encoding: str) -> Answer:
    """Return a key in SSH's form, without a comment, or as PEM."""
    user = existing_user(call, user_name)
    key = _existing(call, user, ssh_public_key_id)
    return _described(user, key, _written(_read(key.body), encoding))


@operation("iam:ListSSHPublicKeys", on=a_user)
def list_ssh_public_keys(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the keys of the user named, or else of the calling user, without the keys themselves."""
    user = named_or_calling(call, user_name)
    return sorted_listing(
        "SSHPublicKeys",
        ssh_public_keys.where(call.tx, "by_user", (user.account, user.name.lower())),
        lambda key: {
            "UserName": user.name,
            "SSHPublicKeyId": key.id,
            "Status": key.status,
            "UploadDate": key.created,
        },
        key=lambda key: (key.created.isoformat(), key.id),
        scope=f"ListSSHPublicKeys:{user.id}",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:UpdateSSHPublicKey", on=a_user)
def update_ssh_public_key(call: Call, *, user_name: str, ssh_public_key_id: str, status: str) -> None:
    """Make a key active or inactive."""
    key = _existing(call, existing_user(call, user_name), ssh_public_key_id)
    if status == "Expired":
        raise errors.no_manual_expiry()
    ssh_public_keys.put(call.tx, msgspec.structs.replace(key, status=cast("Status", status)))


@operation("iam:DeleteSSHPublicKey", on=a_user)
def delete_ssh_public_key(call: Call, *, user_name: str, ssh_public_key_id: str) -> None:
    """Delete a key."""
    ssh_public_keys.delete(call.tx, _existing(call, existing_user(call, user_name), ssh_public_key_id))


def _existing(call: Call, user: User, id: str) -> SshPublicKey:
    key = ssh_public_keys.get(call.tx, id)
    if key is None or key.account != user.account:
        raise ApiError("NoSuchEntity", f"The Public Key with id {id} cannot be found.", 404)
    if key.user != user.name.lower():
        raise ApiError("NoSuchEntity", f"User has no Public Key with id {id}.", 404)
    return key


def _read(body: str) -> rsa.RSAPublicKey:
    """Return the RSA key of a text. Raises InvalidPublicKey and UnrecognizedPublicKeyEncoding."""
    text = body.strip().encode("latin-1", "replace")
    key: object
    try:
        if text.startswith(b"ssh-"):
            key = serialization.load_ssh_public_key(text)
        else:
            key = serialization.load_pem_public_key(text)
    except (ValueError, exceptions.UnsupportedAlgorithm) as error:
        raise ApiError("UnrecognizedPublicKeyEncoding", "Invalid public key uploaded.") from error
    if not isinstance(key, rsa.RSAPublicKey) or not _SHORTEST <= key.key_size <= _LONGEST:
        raise ApiError("InvalidPublicKey", "Invalid body for public key")
    return key


def _written(key: rsa.RSAPublicKey, encoding: str) -> str:
    if encoding == "SSH":
        return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    """Return the MD5 sum of a key as SSH writes it, in pairs of digits."""
    blob = base64.b64decode(_written(key, "SSH").split()[1])
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _described(user: User, key: SshPublicKey, body: str) -> Answer:
    return {
        "SSHPublicKey": {
            "UserName": user.name,
            "SSHPublicKeyId": key.id,
            "Fingerprint": key.fingerprint,
            "SSHPublicKeyBody": body,
            "Status": key.status,
            "UploadDate": key.created,
        }
    }
