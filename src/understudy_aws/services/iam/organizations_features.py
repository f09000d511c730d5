"""Centralized root access: what an organization's management account enables in IAM (organizations.md 32.5)."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.membership import Membership
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

ROOT_CREDENTIALS = "RootCredentialsManagement"
ROOT_SESSIONS = "RootSessions"
_PRINCIPAL = "iam.amazonaws.com"


class OrganizationsFeatures(Record, frozen=True, kw_only=True):
    """The features that an organization has enabled, by the alphabet."""

    organization: str
    enabled: tuple[str, ...]


organizations_features = Table(
    "iam/organizations-features", OrganizationsFeatures, key=lambda record: (record.organization,)
)


def features_of(tx: Transaction, organization: str) -> tuple[str, ...]:
    """Return the features that an organization has enabled: `ROOT_CREDENTIALS`, `ROOT_SESSIONS`."""
    found = organizations_features.get(tx, organization)
    return found.enabled if found is not None else ()


@operation("iam:EnableOrganizationsRootCredentialsManagement", on=all_resources)
def enable_organizations_root_credentials_management(call: Call) -> Answer:
    """Let the management account manage the root users' credentials of member accounts."""
    return _enable(call, ROOT_CREDENTIALS)


@operation("iam:EnableOrganizationsRootSessions", on=all_resources)
def enable_organizations_root_sessions(call: Call) -> Answer:
    """Let the management account take sessions of the root users of member accounts."""
    return _enable(call, ROOT_SESSIONS)


@operation("iam:DisableOrganizationsRootCredentialsManagement", on=all_resources)
def disable_organizations_root_credentials_management(call: Call) -> Answer:
    """Undo EnableOrganizationsRootCredentialsManagement."""
    return _disable(call, ROOT_CREDENTIALS)


@operation("iam:DisableOrganizationsRootSessions", on=all_resources)
def disable_organizations_root_sessions(call: Call) -> Answer:
    """Undo EnableOrganizationsRootSessions."""
    return _disable(call, ROOT_SESSIONS)


@operation("iam:ListOrganizationsFeatures", on=all_resources)
def list_organizations_features(call: Call) -> Answer:
    """List the features that are enabled."""
    return _shown(call, _permitted(call))


def _enable(call: Call, feature: str) -> Answer:
    membership = _permitted(call)
    if call.account != membership.management:
        raise ApiError(
            "CallerIsNotManagementAccountException",
            "The request was rejected because the account making the request is not the management account for the "
            "organization.",
        )
    return _put(call, membership, {*features_of(call.tx, membership.organization), feature})


def _disable(call: Call, feature: str) -> Answer:
    membership = _permitted(call)
    return _put(call, membership, {*features_of(call.tx, membership.organization)} - {feature})


def _put(call: Call, membership: Membership, features: set[str]) -> Answer:
    enabled = tuple(sorted(features))
    organizations_features.put(
        call.tx, OrganizationsFeatures(organization=membership.organization, enabled=enabled)
    )
    return _shown(call, membership)


def _shown(call: Call, membership: Membership) -> Answer:
    return {
        "OrganizationId": membership.organization,
        "EnabledFeatures": list(features_of(call.tx, membership.organization)),
    }


def _permitted(call: Call) -> Membership:
    """Return the organization of the caller's account, which manages it or is its delegated administrator for IAM.

    Trusted access for IAM is needed.
    """
    membership = call.gateway.membership(call.tx, call.account)
    if membership is None:
        raise ApiError(
            "OrganizationNotFoundException",
            "The request was rejected because no organization is associated with your account.",
        )
    if call.account != membership.management and _PRINCIPAL not in membership.delegated:
        raise ApiError(
            "AccountNotManagementOrDelegatedAdministratorException",
            "The request was rejected because the account making the request is not the management account or "
            "delegated administrator account for centralized root access.",
        )
    if not membership.all_features:
        raise ApiError(
            "OrganizationNotInAllFeaturesModeException",
            "The request was rejected because your organization does not have All features enabled. For more "
            "information, see Available feature sets in the AWS Organizations User Guide.",
        )
    if _PRINCIPAL not in membership.trusted:
        raise ApiError(
            "ServiceAccessNotEnabledException",
            "The request was rejected because trusted access is not enabled for IAM in your organization. For details, "
            "see IAM and AWS Organizations in the AWS Organizations User Guide.",
        )
    return membership
