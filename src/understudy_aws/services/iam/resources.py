"""The kinds of resource that IAM has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy_aws.core.arn import Arn, parse
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES, References
from understudy_aws.gateway.service import RecordKind, ResourceKind
from understudy_aws.services.iam.credential_records import (
    login_profiles,
    mfa_devices,
    service_specific_credentials,
    signing_certificates,
    ssh_public_keys,
)
from understudy_aws.services.iam.groups import groups
from understudy_aws.services.iam.mfa_devices import find as find_mfa_device
from understudy_aws.services.iam.oidc_provider_records import find as find_oidc_provider
from understudy_aws.services.iam.oidc_provider_records import oidc_providers
from understudy_aws.services.iam.policy_records import policies
from understudy_aws.services.iam.references import (
    CREDENTIAL_REFERENCES,
    GROUP_REFERENCES,
    MFA_DEVICE_REFERENCES,
    PROFILE_REFERENCES,
    ROLE_REFERENCES,
    USER_REFERENCES,
    identifier,
)
from understudy_aws.services.iam.role_records import Role, instance_profiles, roles
from understudy_aws.services.iam.saml_provider_records import find as find_saml_provider
from understudy_aws.services.iam.saml_provider_records import saml_providers
from understudy_aws.services.iam.server_certificates import server_certificates
from understudy_aws.services.iam.tags import entity_keys, resource_keys
from understudy_aws.services.iam.users import User, access_keys, users
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table


def _with_table(
    name: str,
    table: Table[Any],
    target: Callable[[Any], Target],
    references: References,
    deleted_by: str,
    *,
    by_arn: bool = False,
) -> ResourceKind[Any]:
    """Describe a kind whose records are kept by account and lower-case name, and whose ARNs have a path.

    `by_arn`: other records refer to them by their ARNs, and not by their names.
    """

    def find(tx: Transaction, arn: Arn) -> Any:
        found: Any = table.get(tx, arn.account, arn.resource.rpartition("/")[2].lower())
        return found if found is not None and found.arn == str(arn) else None

    def named(tx: Transaction, account: str, name: str) -> Any:
        return table.get(tx, account, name.lower())

    def identified(tx: Transaction, identifier: str) -> Any:
        arn = parse(identifier)
        kind, _, entity = arn.resource.partition("/") if arn is not None else ("", "", "")
        return table.get(tx, arn.account, entity) if arn is not None and kind == name else None

    return ResourceKind(
        name=name,
        table=table,
        find=find,
        target=target,
        references=references,
        deleted_by=deleted_by,
        named=named,
        identifier=None if by_arn else lambda record: identifier(name, record.account, record.name),
        identified=None if by_arn else identified,
    )


def _entity(entity: Role | User) -> Target:
    """Return the target of a role or user, with its tags and its boundary."""
    bounded = {"iam:permissionsboundary": entity.boundary} if entity.boundary else {}
    return Target(entity.arn, {**entity_keys(entity.tags), **bounded})


def _tagged(record: Any) -> Target:
    return Target(record.arn, resource_keys(record.tags))


RESOURCES = (
    _with_table("group", groups, lambda group: Target(group.arn), GROUP_REFERENCES, "DeleteGroup"),
    _with_table("instance-profile", instance_profiles, _tagged, PROFILE_REFERENCES, "DeleteInstanceProfile"),
    ResourceKind(
        name="mfa",
        table=mfa_devices,
        find=lambda tx, arn: find_mfa_device(tx, arn.account, str(arn)),
        target=_tagged,
        references=MFA_DEVICE_REFERENCES,
        deleted_by="DeleteVirtualMFADevice",
    ),
    ResourceKind(
        name="oidc-provider",
        table=oidc_providers,
        find=lambda tx, arn: find_oidc_provider(tx, arn.account, str(arn)),
        target=_tagged,
        references=NO_REFERENCES,
        deleted_by="DeleteOpenIDConnectProvider",
    ),
    _with_table("policy", policies, _tagged, NO_REFERENCES, "DeletePolicy", by_arn=True),
    _with_table("role", roles, _entity, ROLE_REFERENCES, "DeleteRole"),
    ResourceKind(
        name="saml-provider",
        table=saml_providers,
        find=lambda tx, arn: find_saml_provider(tx, arn.account, str(arn)),
        target=_tagged,
        references=NO_REFERENCES,
        deleted_by="DeleteSAMLProvider",
    ),
    _with_table(
        "server-certificate",
        server_certificates,
        _tagged,
        NO_REFERENCES,
        "DeleteServerCertificate",
        by_arn=True,
    ),
    _with_table("user", users, _entity, USER_REFERENCES, "DeleteUser"),
)


def _credential(name: str, table: Table[Any], deleted_by: str) -> RecordKind[Any]:
    """Describe a kind of credentials of users, known by their ids, or with the account where those are not unique."""

    def written(record: Any) -> str:
        key = table.key(record)
        return key[0] if len(key) == 1 else "/".join((name, *key))

    def identified(tx: Transaction, identifier: str) -> Any:
        kind, slash, key = identifier.partition("/")
        if not slash:
            return table.get(tx, identifier)
        return table.get(tx, *key.split("/")) if kind == name else None

    return RecordKind(
        name=name,
        table=table,
        references=CREDENTIAL_REFERENCES,
        deleted_by=deleted_by,
        identifier=written,
        identified=identified,
    )


PARTS = (
    _credential("access-key", access_keys, "DeleteAccessKey"),
    _credential("login-profile", login_profiles, "DeleteLoginProfile"),
    _credential(
        "service-specific-credential", service_specific_credentials, "DeleteServiceSpecificCredential"
    ),
    _credential("signing-certificate", signing_certificates, "DeleteSigningCertificate"),
    _credential("ssh-public-key", ssh_public_keys, "DeleteSSHPublicKey"),
)
