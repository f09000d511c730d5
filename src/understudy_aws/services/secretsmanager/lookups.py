"""Finds the secrets and versions that requests name, and what callers must be allowed to act on (secrets.md 22.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from understudy_aws.core.arn import PARTITION, Arn, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.tag_keys import requested_tags, tag_keys
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.secretsmanager import errors
from understudy_aws.services.secretsmanager.records import Secret, SecretVersion, secret_versions, secrets
from understudy_aws.store.database import Transaction

Keys = dict[str, str | list[str]]

_SUFFIX = 7
# The members that are condition keys of their own name.
_MEMBERS = {
    "name": "secretsmanager:name",
    "description": "secretsmanager:description",
    "kms_key_id": "secretsmanager:kmskeyid",
    "version_id": "secretsmanager:versionid",
    "version_stage": "secretsmanager:versionstage",
    "recovery_window_in_days": "secretsmanager:recoverywindowindays",
    "force_delete_without_recovery": "secretsmanager:forcedeletewithoutrecovery",
    "block_public_policy": "secretsmanager:blockpublicpolicy",
    "secret_id": "secretsmanager:secretid",
}


def of_arn(tx: Transaction, arn: Arn) -> Secret | None:
    """Return the secret of a full ARN, in whatever account and Region."""
    name = arn.resource.removeprefix("secret:")
    found = secrets.get(tx, arn.account, arn.region, name[:-_SUFFIX])
    return found if found is not None and name == f"{found.name}-{found.suffix}" else None


def find(call: Call, identifier: str) -> Secret | None:
    """Return the secret of a name, of an ARN, or of an ARN without the characters behind the name; or None."""
    arn = parse(identifier) if identifier.startswith("arn:") else None
    if arn is None:
        return secrets.get(call.tx, call.account, call.region, identifier)
    if arn.service != "secretsmanager" or arn.region != call.region:
        return None
    whole = of_arn(call.tx, arn)
    if whole is not None:
        return whole
    return secrets.get(call.tx, arn.account, arn.region, arn.resource.removeprefix("secret:"))


def existing(call: Call, identifier: str) -> Secret:
    """Return the secret that a request names, also one marked for deletion. Raises ResourceNotFoundException."""
    found = find(call, identifier)
    if found is None:
        raise errors.no_such_secret()
    return found


def usable(call: Call, identifier: str) -> Secret:
    """Return the secret that a request names. Raises InvalidRequestException for one marked for deletion."""
    found = existing(call, identifier)
    if found.deleted is not None:
        raise errors.marked_for_deletion()
    return found


def versions_of(tx: Transaction, secret: Secret) -> list[SecretVersion]:
    """Return the versions of a secret, the oldest first."""
    found = secret_versions.scan(tx, secret.account, secret.region, secret.name, secret.suffix)
    return sorted(found, key=lambda version: (version.created, version.id))


def secret_policy(secret: Secret) -> NamedPolicy | None:
    """Return the policy of a secret, if it has one."""
    if not secret.policy:
        return None
    return NamedPolicy("resource policy", compile_policy(secret.policy, kind="resource"))


def secret_keys(secret: Secret) -> Keys:
    """Return the condition keys of a secret itself."""
    return {
        **tag_keys("aws:resourcetag", secret.tags),
        **tag_keys("secretsmanager:resourcetag", secret.tags),
        "secretsmanager:secretprimaryregion": secret.region,
    }


def a_secret(call: Call, params: Params) -> Sequence[Target]:
    """Return the secret that a request names, with its policy."""
    identifier = params["secret_id"]
    found = find(call, identifier)
    keys = _request_keys(params)
    if found is None:
        arn = identifier if identifier.startswith("arn:") else _arn(call, identifier)
        return [Target(arn, keys)]
    keys["secretsmanager:secretid"] = found.arn
    return [Target(found.arn, {**secret_keys(found), **keys}, policy=secret_policy(found))]


def a_new_secret(call: Call, params: Params) -> Sequence[Target]:
    """Return the secret about to be made. With tags, `secretsmanager:TagResource` is needed too."""
    keys = _request_keys(params)
    arn = _arn(call, f"{params['name']}-??????")
    targets = [Target(arn, keys)]
    if params.get("tags"):
        tags: Keys = dict(requested_tags(params, "secret"))
        targets.append(Target(arn, tags, action="secretsmanager:TagResource"))
    return targets


def _arn(call: Call, name: str) -> str:
    return f"arn:{PARTITION}:secretsmanager:{call.region}:{call.account}:secret:{name}"


def _request_keys(params: Params) -> Keys:
    keys: Keys = dict(requested_tags(params, "secret"))
    for member, key in _MEMBERS.items():
        value = params.get(member)
        if value is not None:
            keys[key] = _TEXTS.get(type(value), str)(value)
    return keys


_TEXTS: Mapping[type, Callable[[object], str]] = {bool: lambda value: str(value).lower()}
